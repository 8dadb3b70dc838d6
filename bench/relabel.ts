// What relabelling costs per sample: the steady state (a layout seen before), one series changed, and everything new.
//
//   node bench/relabel.ts [series]
import { decodeBody, defineSettings } from '#component'
import type { Value } from '#component'
import { RelabelRules, relabelRuleBlocks, SeriesRelabeller } from '#component/relabel'
import { labelsFrom, Series, SeriesBatch, SeriesLayout } from '#pdata'

const seriesCount = Number(process.argv[2] ?? 2000)
const settings = defineSettings({ rule: relabelRuleBlocks('Rules.') })

/** A dropped family, a renamed one, a copied label and a label taken away: an everyday configuration. */
const rules: Readonly<Record<string, Value>>[] = [
  { source_labels: ['__name__'], regex: 'node_scrape_collector_.+', action: 'drop' },
  {
    source_labels: ['__name__', 'mode'],
    separator: '@',
    regex: 'node_(.+)@(.+)',
    target_label: '__name__',
    replacement: 'host_${1}_$2',
  },
  { source_labels: ['instance'], regex: '([^:]+)(?::\\d+)?', target_label: 'host' },
  { regex: 'device_.*', action: 'labeldrop' },
]

function compiledRules(): RelabelRules {
  const blocks = rules.map((rule) => ({
    name: 'rule',
    body: { attributes: Object.entries(rule).map(([name, value]) => ({ name, value })), blocks: [] },
  }))
  const decoded = decodeBody(settings, { attributes: [], blocks }, (issue) => {
    throw new Error(issue.message)
  })
  return new RelabelRules(decoded?.rule ?? [])
}

function makeSeries(i: number): Series {
  const name = i % 20 === 0 ? 'node_scrape_collector_success' : `node_metric_${i % 50}_total`
  const labels = { __name__: name, cpu: String(i), mode: i % 3 === 0 ? 'idle' : '', instance: 'pi:9100', job: 'node' }
  return new Series(labelsFrom(Object.entries(labels)), null)
}

function batchOf(layout: SeriesLayout): SeriesBatch {
  const values = Float64Array.from(layout.series, (_, i) => i)
  const none = { flags: null, timestampsMs: null, startsMs: null, exemplars: null, histograms: null }
  return new SeriesBatch({ layout, values, timestampMs: 1, ...none })
}

/** Nanoseconds per sample: the best of a few rounds of at least `ms` together. */
function measure(name: string, run: () => void, ms = 600): void {
  let best = Infinity
  const end = performance.now() + ms
  do {
    const started = performance.now()
    run()
    best = Math.min(best, performance.now() - started)
  } while (performance.now() < end)
  console.log(`${name.padEnd(36)} ${((best * 1e6) / seriesCount).toFixed(1).padStart(8)} ns/sample`)
}

const all = Array.from({ length: seriesCount }, (_, i) => makeSeries(i))
const layout = new SeriesLayout(all)
const batch = batchOf(layout)
const relabeller = new SeriesRelabeller(compiledRules().rules, { cacheSizeMax: 100_000 })
relabeller.apply(batch)

measure('the same layout again', () => relabeller.apply(batch))
measure('a new layout of known series', () => relabeller.apply({ ...batch, layout: new SeriesLayout(all) }))
measure('every series new', () => {
  const anew = new SeriesRelabeller(compiledRules().rules, { cacheSizeMax: 100_000 })
  anew.apply(batchOf(new SeriesLayout(all.map((s) => new Series(s.labels, null)))))
})
