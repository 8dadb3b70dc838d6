// What reading an exposition costs per sample: again with other numbers, with a series gone and another come, and the first time.
//
//   node bench/scrape_parse.ts [series]
import { labelsFrom } from '#pdata'
import { SeriesCache } from '#pdata/exposition'
import type { ExpositionFormat } from '#pdata/exposition'

const seriesCount = Number(process.argv[2] ?? 5000)
const encoder = new TextEncoder()

function makeCache(): SeriesCache {
  return new SeriesCache({
    makeLabels: (exposed) => {
      const pairs: [string, string][] = [['job', 'bench']]
      for (let i = 0; i < exposed.length; i += 2) pairs.push([exposed[i] as string, exposed[i + 1] as string])
      return labelsFrom(pairs)
    },
    keepMetadata: false,
    typeAndUnitLabels: false,
    startTimestamps: false,
    nativeHistograms: false,
    classicHistograms: false,
    bucketLimit: 0,
    schemaMax: 8,
    sampleLimit: 0,
    honorTimestamps: true,
    trackTimestampsStaleness: false,
  })
}

/** Families of a hundred series. `round` makes the numbers others, `gap` leaves one series out. */
function exposition(round: number, gap: number, exemplars: boolean): Uint8Array {
  const lines: string[] = []
  for (let i = 0; i < seriesCount; i++) {
    const family = `node_metric_${Math.floor(i / 100)}`
    if (i % 100 === 0) lines.push(`# HELP ${family} Some help text of a usual length.`, `# TYPE ${family} counter`)
    if (i === gap) continue
    const value = (((i * 7919 + round * 104_729) % 1_000_003) / 10 ** (i % 4)).toPrecision(4 + (i % 12))
    const exemplar = exemplars && i % 10 === 0 ? ` # {trace_id="${i % 20 === 0 ? i : i + round}"} 0.5` : ''
    lines.push(`${family}_total{cpu="${i % 64}",device="eth${i}",mode="idle"} ${value}${exemplar}`)
  }
  if (exemplars) lines.push('# EOF')
  return encoder.encode(`${lines.join('\n')}\n`)
}

/** Nanoseconds per sample: the best of the rounds within `ms`. */
function measure(name: string, run: (round: number) => void, ms = 800): void {
  let best = Infinity
  let round = 0
  const end = performance.now() + ms
  do {
    const started = performance.now()
    run(round++)
    best = Math.min(best, performance.now() - started)
  } while (performance.now() < end)
  console.log(`${name.padEnd(36)} ${((best * 1e6) / seriesCount).toFixed(1).padStart(8)} ns/sample`)
}

function read(cache: SeriesCache, body: Uint8Array, format: ExpositionFormat): void {
  const { error } = cache.read(body, format, 1)
  if (error) throw error
}

const bodies = Array.from({ length: 4 }, (_, round) => exposition(round, -1, false))
const again = makeCache()
measure('the same series', (round) => read(again, bodies[round % 4] as Uint8Array, 'text'))

const open = Array.from({ length: 4 }, (_, round) => exposition(round, -1, true))
const withExemplars = makeCache()
measure('the same series, with exemplars', (round) => read(withExemplars, open[round % 4] as Uint8Array, 'openmetrics'))

const changing = [exposition(0, 10, false), exposition(1, 20, false)]
const changed = makeCache()
measure('one gone, one come', (round) => read(changed, changing[round % 2] as Uint8Array, 'text'))

measure('the first time', (round) => read(makeCache(), bodies[round % 4] as Uint8Array, 'text'))

const kept: SeriesCache[] = []
globalThis.gc?.()
const before = process.memoryUsage()
for (let i = 0; i < 20; i++) {
  const cache = makeCache()
  read(cache, bodies[0] as Uint8Array, 'text')
  kept.push(cache)
}
globalThis.gc?.()
const after = process.memoryUsage()
const bytes = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers
console.log(`${'kept'.padEnd(36)} ${(bytes / kept.length / seriesCount).toFixed(0).padStart(8)} bytes/series`)
