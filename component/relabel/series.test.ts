import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compileRegexp } from '#lib/regexp'
import { labelsFrom, labelsText, Metadata, noteOf, Series, SeriesBatch, SeriesLayout, setNote, SlotFlag } from '#pdata'
import type { NativeHistogram } from '#pdata'
import { relabel, RelabelRule, SeriesRelabeller } from './door.ts'
import type { RelabelRuleSettings } from './door.ts'

function rule(given: Partial<Omit<RelabelRuleSettings, 'regex'>> & { regex?: string }): RelabelRule {
  return new RelabelRule({
    source_labels: undefined,
    separator: ';',
    modulus: 0n,
    target_label: '',
    replacement: '$1',
    action: 'replace',
    ...given,
    regex: compileRegexp(given.regex ?? '(.*)', { anchored: true }),
  })
}

const metadata = new Metadata('m', 'gauge', 'Some help.', '')
const series = (labels: Record<string, string>): Series => new Series(labelsFrom(Object.entries(labels)), metadata)
const layoutOf = (...all: Record<string, string>[]): SeriesLayout => new SeriesLayout(all.map(series))

function batchOf(layout: SeriesLayout, more: Partial<SeriesBatch> = {}): SeriesBatch {
  return new SeriesBatch({
    layout,
    values: Float64Array.from(layout.series, (_, i) => i + 0.5),
    flags: null,
    timestampMs: 1000,
    timestampsMs: null,
    startsMs: null,
    exemplars: null,
    histograms: null,
    ...more,
  })
}

const dropB = rule({ source_labels: ['__name__'], regex: 'b.*', action: 'drop' })
const addX = rule({ target_label: 'x', replacement: '1' })
const bounds = { cacheSizeMax: 100_000 }
const names = (batch: SeriesBatch | null): string[] => (batch?.layout.series ?? []).map((s) => labelsText(s.labels))

describe('SeriesRelabeller', () => {
  it('hands a batch that nothing happens to on as it is', () => {
    const relabeller = new SeriesRelabeller([dropB], bounds)
    const batch = batchOf(layoutOf({ __name__: 'a' }, { __name__: 'c' }))
    assert.equal(relabeller.apply(batch), batch)
    assert.equal(new SeriesRelabeller([], bounds).apply(batch), batch)
  })

  it('gives the same layout and series for the same layout, so that notes further on are found again', () => {
    const relabeller = new SeriesRelabeller([dropB, addX], bounds)
    const layout = layoutOf({ __name__: 'a' }, { __name__: 'b' }, { __name__: 'c' })
    const first = relabeller.apply(batchOf(layout))
    const second = relabeller.apply(batchOf(layout))
    assert.ok(first && second)
    assert.deepEqual(names(first), ['{__name__="a", x="1"}', '{__name__="c", x="1"}'])
    assert.equal(second.layout, first.layout)
    assert.equal(first.layout.series[0]?.metadata, metadata)
    // One series more: the others keep their objects.
    const next = relabeller.apply(batchOf(new SeriesLayout([...layout.series, series({ __name__: 'd' })])))
    assert.equal(next?.layout.series[1], first.layout.series[1])
    assert.deepEqual([relabeller.misses, relabeller.hits], [4, 6])
  })

  it('gathers every column', () => {
    const relabeller = new SeriesRelabeller([dropB], bounds)
    const layout = layoutOf(
      { __name__: 'a' },
      { __name__: 'b' },
      { __name__: 'c' },
      { __name__: 'd' },
      { __name__: 'e' },
    )
    const histogram = { count: 3 } as NativeHistogram
    const out = relabeller.apply(
      batchOf(layout, {
        flags: Uint8Array.of(SlotFlag.value, SlotFlag.value, SlotFlag.histogram, SlotFlag.stale, SlotFlag.absent),
        timestampsMs: Float64Array.of(1, 2, 3, 4, 5),
        startsMs: Float64Array.of(6, 7, 8, 9, 10),
        exemplars: [1, 2].map((slot) => ({ slot, labels: ['t', `${slot}`], value: slot, timestampMs: 0 })),
        histograms: [null, null, histogram, null, null],
      }),
    )
    assert.ok(out)
    assert.deepEqual([...out.values], [0.5, 2.5, 3.5, 4.5])
    assert.deepEqual([...(out.flags ?? [])], [SlotFlag.value, SlotFlag.histogram, SlotFlag.stale, SlotFlag.absent])
    assert.deepEqual([...(out.timestampsMs ?? [])], [1, 3, 4, 5])
    assert.deepEqual([...(out.startsMs ?? [])], [6, 8, 9, 10])
    assert.deepEqual(out.exemplars, [{ slot: 1, labels: ['t', '2'], value: 2, timestampMs: 0 }])
    assert.deepEqual(out.histograms, [null, histogram, null, null])
    assert.deepEqual([out.count, relabeller.processed, relabeller.written, relabeller.dropped], [3, 4, 3, 1])
  })

  it('gives nothing where nothing stays', () => {
    const relabeller = new SeriesRelabeller([dropB], bounds)
    assert.equal(relabeller.apply(batchOf(layoutOf({ __name__: 'b' }, { __name__: 'bb' }))), null)
    const flags = Uint8Array.of(SlotFlag.absent, SlotFlag.value)
    assert.equal(relabeller.apply(batchOf(layoutOf({ __name__: 'a' }, { __name__: 'b' }), { flags })), null)
    const empty = new SeriesRelabeller([rule({ regex: 'x', action: 'labelkeep' })], bounds)
    assert.equal(empty.apply(batchOf(layoutOf({ __name__: 'a' }))), null)
    assert.equal(empty.dropped, 1)
  })

  it('works results out anew when rules change, and keeps the series that come out the same', () => {
    const relabeller = new SeriesRelabeller([addX], bounds)
    const layout = layoutOf({ __name__: 'a' }, { __name__: 'b' })
    const first = relabeller.apply(batchOf(layout))
    assert.ok(first)
    const downstream = {}
    setNote(first.layout.series[0] as Series, downstream, 'seen')
    relabeller.update([addX, dropB], bounds)
    const second = relabeller.apply(batchOf(layout))
    assert.deepEqual(names(second), ['{__name__="a", x="1"}'])
    assert.equal(noteOf(second?.layout.series[0] as Series, downstream), 'seen')
    assert.equal(relabeller.evictions, 0)
  })

  it('keeps two relabellers on the same series apart', () => {
    const layout = layoutOf({ __name__: 'a' }, { __name__: 'b' })
    const [one, two] = [new SeriesRelabeller([dropB], bounds), new SeriesRelabeller([addX], bounds)]
    for (let i = 0; i < 2; i++) {
      assert.deepEqual(names(one.apply(batchOf(layout))), ['{__name__="a"}'])
      assert.deepEqual(names(two.apply(batchOf(layout))), ['{__name__="a", x="1"}', '{__name__="b", x="1"}'])
    }
  })

  it('knows all results in use however many, and forgets those of series that come no more', () => {
    const relabeller = new SeriesRelabeller([addX], { cacheSizeMax: 10 })
    const steady = new SeriesLayout(Array.from({ length: 50 }, (_, i) => series({ __name__: `s${i}` })))
    for (let i = 0; i < 10; i++) relabeller.apply(batchOf(steady))
    assert.deepEqual([relabeller.size, relabeller.misses, relabeller.evictions], [50, 50, 0])
    for (let i = 0; i < 100; i++) {
      relabeller.apply(batchOf(steady))
      relabeller.apply(batchOf(layoutOf({ __name__: `churn${i}` })))
    }
    assert.equal(relabeller.misses, 150)
    assert.ok(relabeller.size <= 50 + 2 * 11, `${relabeller.size} results`)
    assert.equal(relabeller.evictions, 150 - relabeller.size)
  })

  it('forgets what was not used for its time to live', () => {
    let nowMs = 0
    const options = { cacheSizeMax: 0, cacheTtlMs: 60_000, now: () => nowMs }
    const relabeller = new SeriesRelabeller([addX], options)
    const [used, unused] = [layoutOf({ __name__: 'a' }), layoutOf({ __name__: 'b' })]
    relabeller.apply(batchOf(unused))
    for (nowMs = 0; nowMs <= 180_000; nowMs += 15_000) relabeller.apply(batchOf(used))
    assert.deepEqual([relabeller.size, relabeller.misses, relabeller.ttlEvictions], [1, 2, 1])
    nowMs += 600_000
    relabeller.apply(batchOf(used))
    assert.deepEqual([relabeller.misses, relabeller.ttlEvictions], [3, 2])
  })

  it('gives what relabelling each series by itself gives, whatever came before', () => {
    const rules = [
      rule({ source_labels: ['__name__'], regex: 'm[0-3]', action: 'drop' }),
      rule({ source_labels: ['__name__', 'l'], regex: 'm(.);(.+)', target_label: 'both' }),
      rule({ regex: 'l', action: 'labeldrop' }),
    ]
    const pool = Array.from({ length: 24 }, (_, i) => series({ __name__: `m${i % 8}`, l: i < 8 ? '' : `v${i}` }))
    const slots = fc.uniqueArray(fc.integer({ min: 0, max: pool.length - 1 }), { minLength: 1 })
    fc.assert(
      fc.property(fc.array(slots, { maxLength: 12 }), fc.integer({ min: 1, max: 30 }), (layouts, cacheSizeMax) => {
        const relabeller = new SeriesRelabeller(rules, { cacheSizeMax })
        const made = layouts.map((indexes) => new SeriesLayout(indexes.map((i) => pool[i] as Series)))
        for (const layout of [...made, ...made]) {
          const batch = batchOf(layout)
          const out = relabeller.apply(batch)
          const want: [string, number][] = []
          for (const [i, s] of layout.series.entries()) {
            const labels = relabel(s.labels, rules)
            if (labels !== null) want.push([labelsText(labels), batch.values[i] as number])
          }
          assert.deepEqual(
            (out?.layout.series ?? []).map((s, i) => [labelsText(s.labels), out?.values[i]]),
            want,
          )
        }
        assert.ok(relabeller.size >= 0)
      }),
      { numRuns: 200 },
    )
  })
})
