import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Metrics } from '#pdata'
import { labelsFrom, labelsText, Series, SlotFlag } from '#pdata'
import { SeriesCache } from '#pdata/exposition'
import { Ledger } from './ledger.ts'

const report = [new Series(['__name__', 'up'], null)]
const encoder = new TextEncoder()

function makeCache(keepMetadata: boolean): SeriesCache {
  return new SeriesCache({
    makeLabels: (exposed) => {
      const pairs: [string, string][] = []
      for (let i = 0; i < exposed.length; i += 2) pairs.push([exposed[i] as string, exposed[i + 1] as string])
      return labelsFrom(pairs)
    },
    keepMetadata,
    typeAndUnitLabels: false,
    startTimestamps: false,
    nativeHistograms: false,
    classicHistograms: false,
    bucketLimit: 0,
    schemaMax: 8,
    sampleLimit: 4,
    honorTimestamps: true,
    trackTimestampsStaleness: false,
  })
}

/** What a backend would hold: series with a sample, without a marker since. */
class Backend {
  readonly alive = new Set<string>()

  take(batches: readonly Metrics[]): void {
    for (const batch of batches) {
      const { layout, values, flags } = batch.series()
      assert.equal(layout.series.length, values.length)
      for (let i = 0; i < values.length; i++) {
        const name = labelsText((layout.series[i] as Series).labels)
        const flag = flags === null ? SlotFlag.value : flags[i]
        if (flag === SlotFlag.value) this.alive.add(name)
        else if (flag === SlotFlag.stale) assert.ok(this.alive.delete(name), `${name} is marked only when it is there`)
      }
    }
  }
}

const line = fc
  .tuple(
    fc.constantFrom('a', 'b', 'c', 'd'),
    fc.constantFrom('', '{x="1"}', '{x="2",y="3"}', '{y="3",x="2"}'),
    fc.nat(9),
  )
  .map(([name, labels, value]) => `${name}${labels} ${value}`)
const lines = fc.array(
  fc.oneof({ weight: 8, arbitrary: line }, fc.constantFrom('# HELP a x', '# HELP a y', '# TYPE b gauge')),
  {
    maxLength: 6,
  },
)
/** null: no answer at all; a broken one ends in the middle of a line. */
const scrape = fc.oneof(
  { weight: 6, arbitrary: lines.map((all) => all.map((text) => `${text}\n`).join('')) },
  { weight: 1, arbitrary: lines.map((all) => `${all.map((text) => `${text}\n`).join('')}broken {`) },
  { weight: 1, arbitrary: fc.constant(null) },
)

test('after every scrape the backend holds what the target shows, whatever came before', () => {
  fc.assert(
    fc.property(fc.array(scrape, { maxLength: 10 }), fc.boolean(), (scrapes, keepMetadata) => {
      const cache = makeCache(keepMetadata)
      const ledger = new Ledger(report)
      const backend = new Backend()
      for (const body of scrapes) {
        const before = new Set(backend.alive)
        const columns =
          body === null ? null : body === '' ? cache.readEmpty(0) : cache.read(encoder.encode(body), 'text', 0)
        if (columns && columns.error === null) {
          backend.take(ledger.succeeded(columns, [1], 0))
          const shown = new Set(['{__name__="up"}', ...columns.series.map((series) => labelsText(series.labels))])
          assert.deepEqual([...backend.alive].sort(), [...shown].sort())
        } else {
          backend.take(ledger.failed(columns, [0], 0))
          for (const name of backend.alive) assert.ok(before.has(name) || name === '{__name__="up"}')
          if (!columns) assert.deepEqual([...backend.alive], ['{__name__="up"}'])
        }
      }
      backend.take(ledger.ended(0))
      assert.deepEqual([...backend.alive], [])
      assert.deepEqual(ledger.ended(0), [], 'only once')
    }),
    { numRuns: 1500 },
  )
})

test('a loop that is followed by another marks what that one does not write', () => {
  const read = (ledger: Ledger, text: string) =>
    backend.take(ledger.succeeded(makeCache(false).read(encoder.encode(text), 'text', 0), [1], 0))
  const backend = new Backend()
  const [first, second] = [new Ledger(report), new Ledger(report)]
  read(first, 'a 1\nb 1\n')
  assert.deepEqual(first.ended(0, second), [], 'the second has not scraped yet')
  read(second, 'b 1\nc 1\n')
  backend.take(first.ended(0, second))
  assert.deepEqual([...backend.alive].sort(), ['{__name__="b"}', '{__name__="c"}', '{__name__="up"}'])
  assert.deepEqual(first.ended(0, second), [], 'only once')
})
