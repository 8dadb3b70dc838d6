import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type protobuf from 'protobufjs'
import snappyjs from 'snappyjs'
import type { SeriesBatch } from '../series.ts'
import { labelsText, Metadata, SlotFlag } from '../series.ts'
import type { DecodedRequest, DecodeLimits } from './decode.ts'
import { decodeLimitsDefault, decodeWriteRequest } from './decode.ts'
import { RemoteWriteEncoder } from './encode.ts'
import { encodeMetadataV1 } from './encode_v1.ts'
import { SeriesInterner } from './interner.ts'
import { DecodeError } from './reader.ts'
import { readRequest, requestV1, requestV2 } from './testdata/judge.ts'

type Protocol = 'v1' | 'v2'

function encoded(type: protobuf.Type, message: object): Uint8Array {
  return snappyjs.compress(Buffer.from(type.encode(type.fromObject(message)).finish()))
}

const v1 = (message: object): Uint8Array => encoded(requestV1, message)
const v2 = (message: object): Uint8Array => encoded(requestV2, message)

function decode(
  body: Uint8Array,
  protocol: Protocol,
  limits: Partial<DecodeLimits> = {},
  interner = new SeriesInterner({ bytesMax: 1e6 }),
): DecodedRequest {
  return decodeWriteRequest(body, protocol, { ...decodeLimitsDefault, ...limits }, interner)
}

/** One line for each slot, and one for each exemplar. */
function linesOf(batch: SeriesBatch | undefined): string[] {
  if (batch === undefined) return []
  const lines = batch.layout.series.map((series, slot) => {
    const flag = batch.flags?.[slot] ?? SlotFlag.value
    const at = batch.timestampsMs?.[slot] ?? batch.timestampMs
    const start = batch.startsMs?.[slot] ?? 0
    const value =
      flag === SlotFlag.stale
        ? 'stale'
        : flag === SlotFlag.absent
          ? 'absent'
          : flag === SlotFlag.histogram
            ? `histogram ${batch.histograms?.[slot]?.count}`
            : `${batch.values[slot]}`
    return `${labelsText(series.labels)} ${value} @${at}${start === 0 ? '' : ` since ${start}`}`
  })
  for (const { slot, labels, value, timestampMs } of batch.exemplars ?? []) {
    lines.push(`# ${slot} ${labelsText(labels)} ${value} @${timestampMs}`)
  }
  return lines
}

const label = (name: string, value: string): object => ({ name, value })
const up = [label('__name__', 'up'), label('job', 'x')]
const sample = { value: 1.5, timestamp: 1000 }

const soundV1: { name: string; timeseries: object[]; want: string[] }[] = [
  { name: 'a sample', timeseries: [{ labels: up, samples: [sample] }], want: ['{__name__="up", job="x"} 1.5 @1000'] },
  {
    name: 'several samples of one series',
    timeseries: [{ labels: up, samples: [sample, { value: 2, timestamp: -3 }] }],
    want: ['{__name__="up", job="x"} 1.5 @1000', '{__name__="up", job="x"} 2 @-3'],
  },
  {
    name: 'a sample whose value and timestamp are zero and so not written',
    timeseries: [{ labels: up, samples: [{}] }],
    want: ['{__name__="up", job="x"} 0 @0'],
  },
  {
    name: 'labels in a wrong order',
    timeseries: [{ labels: [...up].toReversed(), samples: [sample] }],
    want: ['{__name__="up", job="x"} 1.5 @1000'],
  },
  {
    name: 'a label without a value, which is as good as none',
    timeseries: [{ labels: [...up, label('zone', '')], samples: [sample] }],
    want: ['{__name__="up", job="x"} 1.5 @1000'],
  },
  {
    name: 'labels beyond ASCII and long ones',
    timeseries: [{ labels: [label('__name__', 'up'), label('é', 'ü'.repeat(100))], samples: [sample] }],
    want: [`{__name__="up", é="${'ü'.repeat(100)}"} 1.5 @1000`],
  },
  {
    name: 'an exemplar of a sample',
    timeseries: [
      { labels: up, samples: [sample], exemplars: [{ labels: [label('trace_id', 'a')], value: 7, timestamp: 5 }] },
    ],
    want: ['{__name__="up", job="x"} 1.5 @1000', '# 0 {trace_id="a"} 7 @5'],
  },
  {
    name: 'an exemplar alone, as Prometheus sends it',
    timeseries: [{ labels: up, exemplars: [{ labels: [], value: 7, timestamp: 5 }] }],
    want: ['{__name__="up", job="x"} absent @5', '# 0 {} 7 @5'],
  },
  {
    name: 'a histogram',
    timeseries: [{ labels: up, histograms: [{ countInt: 3, zeroCountInt: 3, timestamp: 9 }] }],
    want: ['{__name__="up", job="x"} histogram 3 @9'],
  },
  { name: 'a series without samples', timeseries: [{ labels: up }], want: [] },
  { name: 'nothing', timeseries: [], want: [] },
]

for (const { name, timeseries, want } of soundV1) {
  test(`v1: takes ${name}`, () => {
    const got = decode(v1({ timeseries }), 'v1')
    assert.deepEqual(linesOf(got.batch[0]), want)
    assert.equal(got.refused.reason, '')
  })
}

const refusedV1: { name: string; series: object; reason: RegExp }[] = [
  { name: 'no labels', series: {}, reason: /no metric name/ },
  { name: 'no metric name', series: { labels: [label('job', 'x')] }, reason: /no metric name/ },
  { name: 'an empty metric name', series: { labels: [label('__name__', '')] }, reason: /no metric name/ },
  { name: 'a label without a name', series: { labels: [...up, label('', 'x')] }, reason: /no name/ },
  { name: 'a label twice', series: { labels: [...up, label('job', 'x')] }, reason: /two labels/ },
  { name: 'a label twice, apart', series: { labels: [label('job', ''), ...up] }, reason: /two labels/ },
  {
    name: 'too many labels',
    series: { labels: [...up, ...Array.from({ length: 300 }, (_, i) => label(`l${i}`, 'x'))] },
    reason: /more than 256 labels/,
  },
  {
    name: 'labels that are too long',
    series: { labels: [...up, label('x', 'y'.repeat(70_000))] },
    reason: /bytes of labels/,
  },
]

for (const { name, series, reason } of refusedV1) {
  test(`v1: refuses a series with ${name}, counts what it carried and takes the others`, () => {
    const carried = {
      ...series,
      samples: [sample, sample],
      exemplars: [{ value: 1 }],
      histograms: [{ countInt: 0, zeroCountInt: 0 }],
    }
    const got = decode(v1({ timeseries: [carried, { labels: up, samples: [sample] }] }), 'v1')
    assert.deepEqual(linesOf(got.batch[0]), ['{__name__="up", job="x"} 1.5 @1000'])
    const { samples, exemplars, histograms } = got.refused
    assert.deepEqual({ samples, exemplars, histograms }, { samples: 2, exemplars: 1, histograms: 1 })
    assert.match(got.refused.reason, reason)
    assert.equal(got.samples, 1)
  })
}

test('v1: labels that are no UTF-8 are refused', () => {
  const body = Buffer.from(v1({ timeseries: [{ labels: up, samples: [sample] }] }))
  const broken = Buffer.from(snappyjs.uncompress(body))
  broken[broken.indexOf('up')] = 0xff
  const got = decode(snappyjs.compress(broken), 'v1')
  assert.match(got.refused.reason, /UTF-8/)
  assert.equal(got.batch.length, 0)
})

test('v1: labels that stand after the samples belong to the series all the same', () => {
  const series = (...fields: number[][]): number[] => {
    const body = fields.flat()
    return [0x0a, body.length, ...body]
  }
  const name = [0x0a, 14, 0x0a, 8, ...Buffer.from('__name__'), 0x12, 2, ...Buffer.from('up')]
  const job = [0x0a, 8, 0x0a, 3, ...Buffer.from('job'), 0x12, 1, ...Buffer.from('x')]
  const one = [0x12, 11, 0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x10, 5]
  const message = Uint8Array.from([...series(name, one, job), ...series(one, name, job), ...series(name, job, one)])
  const got = decode(snappyjs.compress(message), 'v1')
  assert.deepEqual(
    linesOf(got.batch[0]),
    Array.from({ length: 3 }, () => '{__name__="up", job="x"} 1 @5'),
  )
  const [first, second, third] = got.batch[0]!.layout.series
  assert.equal(first, second)
  assert.equal(second, third)
})

test('v1: staleness markers are told by their bits, other NaNs are values', () => {
  const nan = (low: number, high: number): number[] => {
    const bytes = Buffer.alloc(8)
    bytes.writeUInt32LE(low, 0)
    bytes.writeUInt32LE(high, 4)
    return [0x12, 9, 0x09, ...bytes]
  }
  const name = [0x0a, 14, 0x0a, 8, ...Buffer.from('__name__'), 0x12, 2, ...Buffer.from('up')]
  const body = [...name, ...nan(2, 0x7ff00000), ...nan(1, 0x7ff80000), ...nan(3, 0x7ff00000)]
  const got = decode(snappyjs.compress(Uint8Array.from([0x0a, body.length, ...body])), 'v1')
  assert.deepEqual([...got.batch[0]!.flags!], [SlotFlag.stale, SlotFlag.value, SlotFlag.value])
  assert.ok(Number.isNaN(got.batch[0]!.values[1]))
})

test('v1: metadata comes with its request, unknown types as unknown', () => {
  const entries = [new Metadata('a', 'counter', 'Help é', 's'), new Metadata('b', 'stateset', '', '')]
  const got = decode(encodeMetadataV1(entries), 'v1')
  assert.deepEqual(got.metadata, entries)
  const odd = decode(v1({ metadata: [{ type: 99, metricFamilyName: 'x' }, { help: 'nameless' }] }), 'v1')
  assert.deepEqual(odd.metadata, [new Metadata('x', 'unknown', '', '')])
  assert.equal(odd.refused.metadata, 1)
})

test('v1: a message of version 2 is empty, as its numbers were chosen to make it', () => {
  const got = decode(v2({ symbols: ['', 'a'], timeseries: [{ labelsRefs: [0, 1], samples: [sample] }] }), 'v1')
  assert.deepEqual(got.batch, [])
})

const symbols = ['', '__name__', 'up', 'job', 'x', 'Help.', 'seconds']

const soundV2: { name: string; timeseries: object[]; want: string[] }[] = [
  {
    name: 'a sample with its start',
    timeseries: [{ labelsRefs: [1, 2, 3, 4], samples: [{ ...sample, startTimestamp: 7 }] }],
    want: ['{__name__="up", job="x"} 1.5 @1000 since 7'],
  },
  {
    name: 'labels in a wrong order',
    timeseries: [{ labelsRefs: [3, 4, 1, 2], samples: [sample] }],
    want: ['{__name__="up", job="x"} 1.5 @1000'],
  },
  {
    name: 'a histogram and its exemplar',
    timeseries: [
      {
        labelsRefs: [1, 2],
        histograms: [{ countFloat: 2.5, zeroCountFloat: 2.5, timestamp: 4, startTimestamp: 3 }],
        exemplars: [{ labelsRefs: [3, 4], value: 8, timestamp: 2 }],
      },
    ],
    want: ['{__name__="up"} histogram 2.5 @4 since 3', '# 0 {job="x"} 8 @2'],
  },
]

for (const { name, timeseries, want } of soundV2) {
  test(`v2: takes ${name}`, () => {
    const got = decode(v2({ symbols, timeseries }), 'v2')
    assert.deepEqual(linesOf(got.batch[0]), want)
    assert.equal(got.refused.reason, '')
  })
}

const refusedV2: { name: string; series: object; reason: RegExp }[] = [
  { name: 'an odd number of references', series: { labelsRefs: [1, 2, 3] }, reason: /odd number/ },
  { name: 'a reference beyond the symbols', series: { labelsRefs: [1, 2, 3, 7] }, reason: /not in the symbols/ },
  {
    name: 'a help reference beyond the symbols',
    series: { labelsRefs: [1, 2], metadata: { helpRef: 7 } },
    reason: /metadata/,
  },
  {
    name: 'a unit reference beyond the symbols',
    series: { labelsRefs: [1, 2], metadata: { unitRef: 9e8 } },
    reason: /metadata/,
  },
  { name: 'no metric name', series: { labelsRefs: [3, 4] }, reason: /no metric name/ },
  { name: 'a label twice', series: { labelsRefs: [1, 2, 3, 4, 3, 5] }, reason: /two labels/ },
  { name: 'a label without a name', series: { labelsRefs: [1, 2, 0, 4] }, reason: /no name/ },
  { name: 'too many labels', series: { labelsRefs: Array.from({ length: 600 }, () => 1) }, reason: /more than 256/ },
]

for (const { name, series, reason } of refusedV2) {
  test(`v2: refuses a series with ${name}, counts what it carried and takes the others`, () => {
    const carried = { ...series, samples: [sample], exemplars: [{ value: 1 }] }
    const got = decode(v2({ symbols, timeseries: [carried, { labelsRefs: [1, 2], samples: [sample] }] }), 'v2')
    assert.deepEqual(linesOf(got.batch[0]), ['{__name__="up"} 1.5 @1000'])
    assert.equal(got.refused.samples, 1)
    assert.equal(got.refused.exemplars, 1)
    assert.match(got.refused.reason, reason)
  })
}

test('v2: exemplars of a series without samples are refused', () => {
  const got = decode(v2({ symbols, timeseries: [{ labelsRefs: [1, 2], exemplars: [{ value: 1 }] }] }), 'v2')
  assert.match(got.refused.reason, /neither samples nor histograms/)
  assert.equal(got.refused.exemplars, 1)
})

test('v2: metadata goes with its series, under the name of the family', () => {
  const metadata = { type: 3, helpRef: 5, unitRef: 6 }
  const table = [...symbols, 'request_bucket']
  const series = { labelsRefs: [1, 7], samples: [sample], metadata }
  const got = decode(v2({ symbols: table, timeseries: [series] }), 'v2')
  assert.deepEqual(got.batch[0]!.layout.series[0]!.metadata, new Metadata('request', 'histogram', 'Help.', 'seconds'))
})

test('v2: references that are not packed are read', () => {
  const series = [0x08, 1, 0x08, 2, 0x12, 2, 0x10, 5]
  const table = symbols.flatMap((symbol) => [0x22, symbol.length, ...Buffer.from(symbol)])
  const got = decode(snappyjs.compress(Uint8Array.from([0x2a, series.length, ...series, ...table])), 'v2')
  assert.deepEqual(linesOf(got.batch[0]), ['{__name__="up"} 0 @5'])
})

const badHistograms: { name: string; histogram: object; reason: RegExp }[] = [
  { name: 'an unknown schema', histogram: { schema: 53 }, reason: /unknown schema/ },
  { name: 'more buckets than spans', histogram: { positiveDeltas: [1] }, reason: /spans/ },
  { name: 'more spans than buckets', histogram: { positiveSpans: [{ length: 4e9 }] }, reason: /spans/ },
  {
    name: 'a span that goes backwards',
    histogram: { positiveSpans: [{ length: 1 }, { offset: -1, length: 1 }], positiveDeltas: [1, 1] },
    reason: /backwards/,
  },
  {
    name: 'a negative bucket',
    histogram: { negativeSpans: [{ length: 2 }], negativeDeltas: [1, -2] },
    reason: /impossible/,
  },
  { name: 'mixed counts', histogram: { zeroCountInt: undefined, zeroCountFloat: 1 }, reason: /mixes/ },
  { name: 'custom bounds of another schema', histogram: { customValues: [1] }, reason: /custom bounds/ },
  { name: 'custom bounds that fall', histogram: { schema: -53, customValues: [2, 1] }, reason: /do not rise/ },
  {
    name: 'custom bounds and negative buckets',
    histogram: { schema: -53, negativeSpans: [{ length: 1 }], negativeDeltas: [1] },
    reason: /negative buckets/,
  },
]

for (const { name, histogram, reason } of badHistograms) {
  test(`a histogram with ${name} is refused`, () => {
    const whole = { countInt: 1, zeroCountInt: 0, ...histogram }
    for (const got of [
      decode(v1({ timeseries: [{ labels: up, histograms: [whole] }] }), 'v1'),
      decode(v2({ symbols, timeseries: [{ labelsRefs: [1, 2], histograms: [whole] }] }), 'v2'),
    ]) {
      assert.equal(got.refused.histograms, 1)
      assert.match(got.refused.reason, reason)
      assert.equal(got.batch.length, 0)
    }
  })
}

test('what is decoded and encoded again is the same request', () => {
  const body = v2({
    symbols: [...symbols, 'trace'],
    timeseries: [
      { labelsRefs: [1, 2, 3, 4], samples: [{ value: -0.1, timestamp: 1, startTimestamp: 1 }], metadata: { type: 2 } },
      {
        labelsRefs: [1, 4],
        histograms: [
          {
            countInt: 7,
            sum: 3.5,
            schema: -53,
            zeroCountInt: 0,
            positiveSpans: [{ offset: 1, length: 2 }],
            positiveDeltas: [4, -1],
            customValues: [0.5, 1, 2],
            timestamp: 9,
          },
        ],
        exemplars: [{ labelsRefs: [7, 4], value: 3, timestamp: 8 }],
        metadata: { type: 3, helpRef: 5, unitRef: 6 },
      },
      {
        labelsRefs: [1, 3],
        histograms: [
          {
            countFloat: 7.5,
            sum: -3.5,
            schema: 2,
            zeroThreshold: 0.01,
            zeroCountFloat: 1.5,
            negativeSpans: [{ offset: -3, length: 2 }],
            negativeCounts: [4, 2],
            resetHint: 3,
            timestamp: -9,
            startTimestamp: -10,
          },
        ],
      },
    ],
  })
  const encoder = new RemoteWriteEncoder({
    protocol: 'v2',
    sendExemplars: true,
    sendNativeHistograms: true,
    samplesMax: 100,
    lanes: 1,
  })
  const again = encoder.encode(decode(body, 'v2').batch[0]!).requests[0]!
  assert.deepEqual(readRequest(again.bytes, 'v2'), readRequest(body, 'v2'))
})

test('series and layouts are shared between requests that are alike', () => {
  const interner = new SeriesInterner({ bytesMax: 1e6 })
  for (const protocol of ['v1', 'v2'] as const) {
    const body =
      protocol === 'v1'
        ? v1({ timeseries: [{ labels: up, samples: [sample] }] })
        : v2({ symbols, timeseries: [{ labelsRefs: [1, 2, 3, 4], samples: [sample] }] })
    const first = decode(body, protocol, {}, interner).batch[0]!
    const second = decode(body, protocol, {}, interner).batch[0]!
    assert.equal(first.layout, second.layout)
    assert.notEqual(first.values, second.values)
  }
})

const malformed: { name: string; bytes: number[]; message: RegExp }[] = [
  { name: 'a part longer than its message', bytes: [0x0a, 5, 1], message: /does not fit its message \(at byte 1\)/ },
  { name: 'a label longer than its series', bytes: [0x0a, 3, 0x0a, 9, 1], message: /does not fit/ },
  { name: 'a field number of zero', bytes: [0x00, 1], message: /no valid number/ },
  { name: 'a number without end', bytes: [0x0a, 0xff], message: /inside a number/ },
  {
    name: 'a number of more than 64 bits',
    bytes: [0x30, ...Array<number>(9).fill(0xff), 2],
    message: /longer than 64 bits/,
  },
  { name: 'an unknown wire type', bytes: [0x37], message: /wire type 7/ },
  { name: 'an end of a group that did not begin', bytes: [0x34], message: /wire type 4/ },
  { name: 'groups in groups in groups', bytes: Array<number>(100).fill(0x33), message: /nested too deep/ },
  { name: 'a double cut short', bytes: [0x0a, 5, 0x12, 3, 0x09, 1, 2], message: /inside a double/ },
]

for (const { name, bytes, message } of malformed) {
  test(`a request with ${name} is refused as a whole`, () => {
    assert.throws(
      () => decode(snappyjs.compress(Uint8Array.from(bytes)), 'v1'),
      (error: unknown) => error instanceof DecodeError && error.offset >= 0 && message.test(error.message),
    )
  })
}

test('a body that is no snappy block is refused as a whole', () => {
  assert.throws(() => decode(new Uint8Array(0), 'v1'), DecodeError)
  assert.throws(() => decode(v1({ timeseries: [{ labels: up }] }), 'v1', { decodedBytesMax: 5 }), /the limit is 5/)
})

const greedy: { name: string; protocol: Protocol; body: Uint8Array; limits: Partial<DecodeLimits> }[] = [
  {
    name: 'samples',
    protocol: 'v1',
    body: v1({ timeseries: [{ labels: up, samples: Array.from({ length: 200 }, () => ({})) }] }),
    limits: { itemsMax: 100 },
  },
  {
    name: 'buckets',
    protocol: 'v1',
    body: v1({
      timeseries: [{ labels: up, histograms: [{ countInt: 1, positiveDeltas: Array<number>(200).fill(0) }] }],
    }),
    limits: { itemsMax: 100 },
  },
  { name: 'symbols', protocol: 'v2', body: v2({ symbols: Array<string>(200).fill('') }), limits: { itemsMax: 100 } },
  {
    name: 'references to one long symbol',
    protocol: 'v2',
    body: v2({
      symbols: ['', '__name__', 'x'.repeat(500), ...Array.from({ length: 100 }, (_, i) => `${i}`)],
      timeseries: Array.from({ length: 100 }, (_, i) => ({ labelsRefs: [1, 2, i + 3, 3], samples: [{}] })),
    }),
    limits: { decodedBytesMax: 3000 },
  },
]

for (const { name, protocol, body, limits } of greedy) {
  test(`a request that makes much of little by its ${name} is refused as a whole`, () => {
    assert.throws(() => decode(body, protocol, limits), DecodeError)
  })
}

const base = {
  v1: snappyjs.uncompress(
    v1({
      timeseries: [
        { labels: up, samples: [sample], exemplars: [{ labels: up, value: 1, timestamp: 2 }] },
        {
          labels: up,
          histograms: [
            { countInt: 3, zeroCountInt: 0, positiveSpans: [{ length: 2 }], positiveDeltas: [1, 1], timestamp: 5 },
          ],
        },
      ],
      metadata: [{ type: 1, metricFamilyName: 'up', help: 'h' }],
    }),
  ),
  v2: snappyjs.uncompress(
    v2({
      symbols,
      timeseries: [
        { labelsRefs: [1, 2, 3, 4], samples: [sample], metadata: { type: 1, helpRef: 5 } },
        {
          labelsRefs: [1, 2],
          histograms: [{ countFloat: 3, zeroCountFloat: 0, negativeSpans: [{ length: 1 }], negativeCounts: [1] }],
          exemplars: [{ labelsRefs: [3, 4], value: 1, timestamp: 2 }],
        },
      ],
    }),
  ),
}

test('bytes at random and requests with bytes changed are decoded or refused, and nothing else happens', () => {
  const interner = new SeriesInterner({ bytesMax: 20_000 })
  const change = fc.tuple(fc.nat(400), fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0x80, 0xff, 0)))
  const input = fc.tuple(
    fc.constantFrom('v1' as const, 'v2' as const),
    fc.array(change, { minLength: 1, maxLength: 6 }),
    fc.option(fc.uint8Array({ maxLength: 200 })),
  )
  fc.assert(
    fc.property(input, ([protocol, changes, noise]) => {
      const message = noise ?? Uint8Array.from(base[protocol])
      for (const [at, byte] of changes) if (at < message.length) message[at] = byte
      try {
        const got = decode(snappyjs.compress(message), protocol, {}, interner)
        const batch = got.batch[0]
        if (batch !== undefined) assert.equal(batch.count, got.samples + got.histograms)
      } catch (error) {
        assert.ok(error instanceof DecodeError, `${error}`)
      }
      assert.ok(interner.bytes <= 20_000)
    }),
    { numRuns: 5000, interruptAfterTimeLimit: 1800 },
  )
})
