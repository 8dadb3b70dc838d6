import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Labels, NativeHistogram, SeriesBatchColumns, SlotExemplar } from '../series.ts'
import { labelsFrom, Metadata, Series, SeriesBatch, SeriesLayout, SlotFlag } from '../series.ts'
import type { EncodeOptions } from './encode.ts'
import { RemoteWriteEncoder } from './encode.ts'
import { encodeMetadataV1, mergeV1 } from './encode_v1.ts'
import type { PlainSeries } from './testdata/judge.ts'
import { readRequest, readRequestV1, valueBits } from './testdata/judge.ts'

const defaults = { sendExemplars: true, sendNativeHistograms: true, samplesMax: 2000, lanes: 1 } as const
const counter = new Metadata('requests', 'counter', 'Requests served.', 'requests')

function layoutOf(count: number, metadata: Metadata | null = counter): SeriesLayout {
  return new SeriesLayout(
    Array.from({ length: count }, (_, i) => {
      const labels = [
        '__name__',
        `requests_${i >> 2}_total`,
        'code',
        `${200 + i}`,
        'instance',
        '10.0.0.1:9100',
        'job',
        'é',
      ]
      return new Series(labels, metadata)
    }),
  )
}

function batchOf(layout: SeriesLayout, columns: Partial<SeriesBatchColumns> = {}): SeriesBatch {
  return new SeriesBatch({
    layout,
    values: Float64Array.from(layout.series, (_, i) => i + 0.5),
    flags: null,
    timestampMs: 1_700_000_000_123,
    timestampsMs: null,
    startsMs: null,
    exemplars: null,
    histograms: null,
    ...columns,
  })
}

/** What a request should hold for a batch whose series are sent as they are, slot by slot. */
function expected(batch: SeriesBatch, protocol: 'v1' | 'v2'): PlainSeries[] {
  const list: PlainSeries[] = []
  batch.layout.series.forEach((series, slot) => {
    const flag = batch.flags?.[slot] ?? SlotFlag.value
    const exemplars = (batch.exemplars ?? []).filter((exemplar) => exemplar.slot === slot)
    if (flag === SlotFlag.absent && (exemplars.length === 0 || protocol === 'v2')) return
    const timestampMs = batch.timestampsMs?.[slot] ?? batch.timestampMs
    const startMs = protocol === 'v2' ? (batch.startsMs?.[slot] ?? 0) : 0
    const bits = valueBits(batch.values[slot] as number, flag === SlotFlag.stale)
    const metadata = protocol === 'v2' ? series.metadata : null
    list.push({
      labels: [...series.labels],
      samples: flag === SlotFlag.value || flag === SlotFlag.stale ? [{ bits, timestampMs, startMs }] : [],
      histograms: flag === SlotFlag.histogram ? [batch.histograms?.[slot] as NativeHistogram] : [],
      exemplars: exemplars.map((exemplar) => ({
        labels: [...exemplar.labels],
        value: exemplar.value,
        timestampMs: exemplar.timestampMs === 0 ? timestampMs : exemplar.timestampMs,
      })),
      metadata: metadata === null ? null : { type: metadata.type, help: metadata.help, unit: metadata.unit },
    })
  })
  return list
}

/** The same, with series that stand several times put together where the first stands. */
function together(list: readonly PlainSeries[]): PlainSeries[] {
  const byLabels = new Map<string, PlainSeries>()
  for (const series of list) {
    const known = byLabels.get(series.labels.join('\0'))
    if (known === undefined) {
      byLabels.set(series.labels.join('\0'), structuredClone(series))
      continue
    }
    known.samples.push(...series.samples)
    known.histograms.push(...series.histograms)
    known.exemplars.push(...series.exemplars)
  }
  return [...byLabels.values()].toSorted((a, b) => (a.labels.join('\0') < b.labels.join('\0') ? -1 : 1))
}

const integerHistogram: NativeHistogram = {
  isFloat: false,
  schema: 3,
  count: 12,
  sum: 18.4,
  zeroThreshold: 0.001,
  zeroCount: 2,
  positiveSpans: [
    { offset: 0, length: 2 },
    { offset: 3, length: 1 },
  ],
  negativeSpans: [{ offset: -5, length: 1 }],
  positiveBuckets: [1, 2, -1],
  negativeBuckets: [4],
  customValues: [],
  resetHint: 2,
}
const floatHistogram: NativeHistogram = {
  ...integerHistogram,
  isFloat: true,
  schema: -4,
  count: 0,
  zeroCount: 0,
  positiveBuckets: [1.5, 2, 0],
  negativeBuckets: [0.25],
  resetHint: 3,
}
const customHistogram: NativeHistogram = {
  ...integerHistogram,
  schema: -53,
  zeroThreshold: 0,
  zeroCount: 0,
  negativeSpans: [],
  negativeBuckets: [],
  customValues: [0.1, 1, 10],
  resetHint: 0,
}

const layout = layoutOf(5)
const nan = [Number.NaN, -0, 0, Infinity, -Infinity]
const exemplar = (slot: number, timestampMs: number): SlotExemplar => ({
  slot,
  labels: ['trace_id', 'abc'],
  value: 1.25,
  timestampMs,
})

const batches: { name: string; batch: SeriesBatch }[] = [
  { name: 'values', batch: batchOf(layout) },
  { name: 'NaN, zeros and infinities', batch: batchOf(layout, { values: Float64Array.from(nan) }) },
  { name: 'staleness markers', batch: batchOf(layout, { flags: Uint8Array.of(0, 1, 1, 0, 1) }) },
  { name: 'absent slots', batch: batchOf(layout, { flags: Uint8Array.of(2, 0, 1, 2, 2) }) },
  { name: 'a timestamp of zero', batch: batchOf(layout, { timestampMs: 0 }) },
  { name: 'a timestamp before the epoch', batch: batchOf(layout, { timestampMs: -1_234_567_890_123 }) },
  { name: 'the largest timestamp', batch: batchOf(layout, { timestampMs: Number.MAX_SAFE_INTEGER }) },
  {
    name: 'timestamps of their own',
    batch: batchOf(layout, {
      timestampsMs: Float64Array.of(1_700_000_000_001, 1_700_000_000_002, 1_700_000_000_003, 1.7e12, 1.8e12),
    }),
  },
  {
    name: 'timestamps of different lengths',
    batch: batchOf(layout, { timestampsMs: Float64Array.of(1, -1, 1_700_000_000_003, 200, 0) }),
  },
  { name: 'start timestamps', batch: batchOf(layout, { startsMs: Float64Array.of(0, 1, 1.6e12, -5, 1.7e12) }) },
  { name: 'exemplars', batch: batchOf(layout, { exemplars: [exemplar(1, 5), exemplar(1, 0), exemplar(4, 9)] }) },
  {
    name: 'an exemplar of an absent slot',
    batch: batchOf(layout, { flags: Uint8Array.of(0, 0, 0, 0, 2), exemplars: [exemplar(4, 9)] }),
  },
  {
    name: 'native histograms',
    batch: batchOf(layout, {
      flags: Uint8Array.of(0, 3, 3, 0, 0),
      histograms: [null, integerHistogram, floatHistogram, null, null],
    }),
  },
  { name: 'series without metadata', batch: batchOf(layoutOf(3, null)) },
  { name: 'many series', batch: batchOf(layoutOf(2500)) },
]

for (const protocol of ['v1', 'v2'] as const) {
  for (const { name, batch } of batches) {
    test(`${protocol}: ${name} arrive as they are, the first time and from a template`, () => {
      const encoder = new RemoteWriteEncoder({ ...defaults, protocol, samplesMax: 10_000 })
      for (let round = 0; round < 4; round++) {
        const { requests, dropped, unsupported } = encoder.encode(batch)
        assert.equal(requests.length, 1)
        assert.equal(dropped, 0)
        assert.equal(unsupported, 0)
        const request = requests[0]!
        const want = expected(batch, protocol)
        assert.deepEqual(together(readRequest(request.bytes, protocol)), together(want))
        assert.equal(
          request.samples,
          want.reduce((sum, series) => sum + series.samples.length, 0),
        )
        assert.equal(
          request.exemplars,
          want.reduce((sum, series) => sum + series.exemplars.length, 0),
        )
        assert.equal(
          request.histograms,
          want.reduce((sum, series) => sum + series.histograms.length, 0),
        )
      }
    })
  }

  test(`${protocol}: a template follows what changes from batch to batch`, () => {
    const encoder = new RemoteWriteEncoder({ ...defaults, protocol })
    for (const { batch } of [...batches, ...batches, ...batches.toReversed()]) {
      if (batch.layout !== layout) continue
      const { requests } = encoder.encode(batch)
      assert.deepEqual(together(readRequest(requests[0]!.bytes, protocol)), together(expected(batch, protocol)))
    }
  })
}

test('version 2 carries histograms with custom buckets, version 1 does not', () => {
  const batch = batchOf(layout, {
    flags: Uint8Array.of(0, 3, 0, 0, 0),
    histograms: [null, customHistogram, null, null, null],
  })
  const v1 = new RemoteWriteEncoder({ ...defaults, protocol: 'v1' }).encode(batch)
  assert.equal(v1.unsupported, 1)
  assert.equal(v1.requests[0]?.histograms, 0)
  const v2 = new RemoteWriteEncoder({ ...defaults, protocol: 'v2' }).encode(batch)
  assert.equal(v2.unsupported, 0)
  assert.deepEqual(readRequest(v2.requests[0]!.bytes, 'v2'), expected(batch, 'v2'))
})

test('histograms that may not be sent are counted, and a request of nothing else is not made', () => {
  const batch = batchOf(layoutOf(1), { flags: Uint8Array.of(3), histograms: [integerHistogram] })
  for (const protocol of ['v1', 'v2'] as const) {
    const encoder = new RemoteWriteEncoder({ ...defaults, protocol, sendNativeHistograms: false })
    assert.deepEqual(encoder.encode(batch), { requests: [], dropped: 0, unsupported: 1 })
  }
})

test('exemplars stay behind when they are not to be sent', () => {
  const encoder = new RemoteWriteEncoder({ ...defaults, protocol: 'v1', sendExemplars: false })
  const { requests } = encoder.encode(batchOf(layout, { exemplars: [exemplar(1, 5)] }))
  assert.deepEqual(readRequest(requests[0]!.bytes, 'v1'), expected(batchOf(layout), 'v1'))
  assert.equal(requests[0]?.exemplars, 0)
})

test('series are relabelled, dropped, put on lanes and cut into requests, in their order', () => {
  const mapLabels = (series: Series): Labels | null => {
    const code = Number(series.labels[3])
    return code % 5 === 0 ? null : labelsFrom([...pairsOf(series.labels), ['cluster', 'eu']])
  }
  const laneOf = (labels: Labels): number => Number(labels[labels.indexOf('code') + 1]) % 3
  const options: EncodeOptions = { ...defaults, protocol: 'v1', mapLabels, laneOf, lanes: 3, samplesMax: 7 }
  const encoder = new RemoteWriteEncoder(options)
  const big = layoutOf(100)
  const flags = new Uint8Array(100)
  flags[0] = SlotFlag.absent // code 200: dropped, but there is nothing to drop
  flags[5] = SlotFlag.stale
  const batch = batchOf(big, { flags })
  for (let round = 0; round < 3; round++) {
    const { requests, dropped } = encoder.encode(batch)
    assert.equal(dropped, 19)
    const got: string[][] = [[], [], []]
    for (const request of requests) {
      assert.ok(request.samples <= 7)
      for (const series of readRequest(request.bytes, 'v1')) {
        assert.equal(laneOf(series.labels), request.lane)
        got[request.lane]?.push(series.labels.join(' '))
      }
    }
    const want: string[][] = [[], [], []]
    for (const series of big.series) {
      const labels = mapLabels(series)
      if (labels !== null) want[laneOf(labels)]?.push(labels.join(' '))
    }
    assert.deepEqual(got, want)
  }
})

test('two encoders on one layout do not disturb each other', () => {
  const relabelled = new RemoteWriteEncoder({ ...defaults, protocol: 'v1', mapLabels: () => ['__name__', 'other'] })
  const plain = new RemoteWriteEncoder({ ...defaults, protocol: 'v1' })
  for (let round = 0; round < 3; round++) {
    const other = readRequest(relabelled.encode(batchOf(layout)).requests[0]!.bytes, 'v1')
    assert.ok(other.every((series) => series.labels.join() === '__name__,other'))
    assert.deepEqual(
      readRequest(plain.encode(batchOf(layout)).requests[0]!.bytes, 'v1'),
      expected(batchOf(layout), 'v1'),
    )
  }
})

test('bytes that were handed out do not change when the encoder goes on', () => {
  const encoder = new RemoteWriteEncoder({ ...defaults, protocol: 'v1' })
  const handedOut: { bytes: Uint8Array; copy: Uint8Array }[] = []
  for (let round = 0; round < 4; round++) {
    const { requests } = encoder.encode(
      batchOf(layout, { timestampMs: round, values: new Float64Array(5).fill(round) }),
    )
    for (const { bytes } of requests) handedOut.push({ bytes, copy: bytes.slice() })
  }
  for (const { bytes, copy } of handedOut) assert.deepEqual(bytes, copy)
})

test('the latest timestamp of a request is known', () => {
  const encoder = new RemoteWriteEncoder({ ...defaults, protocol: 'v1' })
  const own = batchOf(layout, { timestampsMs: Float64Array.of(-5, -3, -9, -8, -4) })
  for (let round = 0; round < 3; round++) {
    assert.equal(encoder.encode(own).requests[0]?.maxTimestampMs, -3)
    assert.equal(encoder.encode(batchOf(layout)).requests[0]?.maxTimestampMs, 1_700_000_000_123)
  }
})

test('series that come and go between batches arrive, and so do those that stay', () => {
  const pool = layoutOf(1500).series
  for (const protocol of ['v1', 'v2'] as const) {
    const encoder = new RemoteWriteEncoder({ ...defaults, protocol, samplesMax: 700 })
    for (let round = 0; round < 8; round++) {
      const isThere = (_: unknown, i: number): boolean => (i * 31) % 997 !== round >> 1 && (i + round) % 400 !== 3
      const changed = new SeriesLayout(pool.filter(isThere))
      const batch = batchOf(changed, { timestampMs: 1_700_000_000_000 + round })
      for (let again = 0; again < 2; again++) {
        const { requests } = encoder.encode(batch)
        assert.deepEqual(
          requests.map((request) => request.samples),
          [700, 700, changed.series.length - 1400],
        )
        const got = requests.flatMap(({ bytes }) => readRequest(bytes, protocol))
        for (const [i, want] of expected(batch, protocol).entries()) assert.deepEqual(got[i], want)
      }
    }
  }
})

test('an empty layout makes no request', () => {
  const encoder = new RemoteWriteEncoder({ ...defaults, protocol: 'v2' })
  assert.deepEqual(encoder.encode(batchOf(new SeriesLayout([]))), { requests: [], dropped: 0, unsupported: 0 })
})

test('merged requests hold the series of all in turn', () => {
  const encoder = new RemoteWriteEncoder({ ...defaults, protocol: 'v1' })
  const parts = batches.flatMap(({ batch }) => encoder.encode(batch).requests.map(({ bytes }) => bytes))
  const merged = readRequest(mergeV1(parts), 'v1')
  assert.deepEqual(
    merged,
    parts.flatMap((part) => readRequest(part, 'v1')),
  )
  assert.deepEqual(together(merged), together(batches.flatMap(({ batch }) => expected(batch, 'v1'))))
  assert.deepEqual(readRequest(mergeV1([]), 'v1'), [])
})

test('metadata requests name type, family, help and unit', () => {
  const types = ['unknown', 'counter', 'gauge', 'histogram', 'gaugehistogram', 'summary', 'info', 'stateset'] as const
  const entries = types.map(
    (type, i) => new Metadata(`family_${type}`, type, i % 2 === 0 ? 'Help é' : '', i % 3 === 0 ? 's' : ''),
  )
  const message = readRequestV1(encodeMetadataV1(entries))
  assert.deepEqual(
    message.metadata.map((entry) => new Metadata(entry.metricFamilyName, types[entry.type]!, entry.help, entry.unit)),
    entries,
  )
})

function pairsOf(labels: Labels): [string, string][] {
  const pairs: [string, string][] = []
  for (let i = 0; i < labels.length; i += 2) pairs.push([labels[i] as string, labels[i + 1] as string])
  return pairs
}

const label = fc.tuple(
  fc.constantFrom('a', 'job', 'le', 'trace', 'ünï'),
  fc.string({ unit: 'grapheme', maxLength: 90 }),
)
const seriesArbitrary = fc
  .tuple(fc.array(label, { maxLength: 5 }), fc.constantFrom('up', 'down', 'x'.repeat(200)))
  .map(([pairs, name]) => new Series(labelsFrom([...pairs, ['__name__', name]]), null))
const roundArbitrary = fc.record({
  seed: fc.nat(),
  flags: fc.constantFrom('none', 'some', 'other'),
  timestampMs: fc.oneof(fc.integer({ min: 1_600_000_000_000, max: 1_800_000_000_000 }), fc.maxSafeInteger()),
  own: fc.boolean(),
  starts: fc.boolean(),
  extras: fc.boolean(),
})

/** Fractions, integers, powers of two, zeros of both signs, values that repeat. */
function anyValue(seed: number, i: number): number {
  const kinds = [Math.sin(seed + i) * 10 ** (i % 20), seed * i, 2 ** ((i * seed) % 64), 0, -0, seed, Number.NaN]
  return kinds[(seed * 31 + i * i) % kinds.length] as number
}

test('values are not copied from further back than a copy reaches', () => {
  const long = 'x'.repeat(400)
  const labelsOf = (i: number): Labels => ['__name__', 'far', 'a', `${i}`, 'b', `${long}${Math.imul(i, 0x9e3779b1)}`]
  const far = new SeriesLayout(Array.from({ length: 700 }, (_, i) => new Series(labelsOf(i), null)))
  for (const protocol of ['v1', 'v2'] as const) {
    const encoder = new RemoteWriteEncoder({ ...defaults, protocol })
    for (const distance of [1, 10, 100, 150, 155, 160, 300, 600]) {
      const values = Float64Array.from(far.series, (_, i) => (i % distance === 0 ? (i % 2) * 7 : Math.sin(i)))
      const batch = batchOf(far, { values })
      const got = readRequest(encoder.encode(batch).requests[0]!.bytes, protocol)
      for (const [i, want] of expected(batch, protocol).entries()) assert.deepEqual(got[i], want)
    }
  }
})

test('batches at random arrive as they are, whichever way each is encoded', () => {
  const cases = fc.tuple(
    fc.array(seriesArbitrary, { minLength: 1, maxLength: 40 }),
    fc.array(roundArbitrary, { minLength: 1, maxLength: 8 }),
    fc.constantFrom('v1' as const, 'v2' as const),
  )
  fc.assert(
    fc.property(cases, ([series, rounds, protocol]) => {
      const randomLayout = new SeriesLayout(series)
      const encoder = new RemoteWriteEncoder({ ...defaults, protocol })
      for (const round of rounds.flatMap((each) => [each, each])) {
        const flags = series.map((_, i) => (round.flags === 'some' ? (i * 7) % 3 : (i * 5) % 4))
        const batch = batchOf(randomLayout, {
          values: Float64Array.from(series, (_, i) => anyValue(round.seed % 9973, i)),
          flags: round.flags === 'none' ? null : Uint8Array.from(flags),
          timestampMs: round.timestampMs,
          timestampsMs: round.own ? Float64Array.from(series, (_, i) => round.timestampMs - (i % 2)) : null,
          startsMs: round.starts ? Float64Array.from(series, (_, i) => i * 1000) : null,
          exemplars: round.extras ? series.flatMap((_, i) => (i % 4 === 1 ? [exemplar(i, i)] : [])) : null,
          histograms: flags.map((flag, i) =>
            flag === SlotFlag.histogram ? (i % 2 ? integerHistogram : floatHistogram) : null,
          ),
        })
        const want = expected(batch, protocol)
        const { requests } = encoder.encode(batch)
        assert.deepEqual(together(requests.flatMap(({ bytes }) => readRequest(bytes, protocol))), together(want))
      }
    }),
    { numRuns: 150, interruptAfterTimeLimit: 1800 },
  )
})
