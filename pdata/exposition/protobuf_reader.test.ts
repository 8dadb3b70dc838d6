import assert from 'node:assert/strict'
import { test } from 'node:test'
import protobuf from 'protobufjs'
import { labelsFrom, labelsText, SlotFlag } from '#pdata'
import type { Columns } from './columns.ts'
import type { SeriesCacheOptions } from './series_cache.ts'
import { SeriesCache } from './series_cache.ts'

// The messages of io.prometheus.client (metrics.proto), as far as an exposition uses them.
const { root } = protobuf.parse(`
  syntax = "proto2";
  package io.prometheus.client;
  message LabelPair { optional string name = 1; optional string value = 2; }
  enum MetricType { COUNTER = 0; GAUGE = 1; SUMMARY = 2; UNTYPED = 3; HISTOGRAM = 4; GAUGE_HISTOGRAM = 5; }
  message Timestamp { optional int64 seconds = 1; optional int32 nanos = 2; }
  message Exemplar { repeated LabelPair label = 1; optional double value = 2; optional Timestamp timestamp = 3; }
  message Gauge { optional double value = 1; }
  message Untyped { optional double value = 1; }
  message Counter { optional double value = 1; optional Exemplar exemplar = 2; optional Timestamp created_timestamp = 3; }
  message Quantile { optional double quantile = 1; optional double value = 2; }
  message Summary {
    optional uint64 sample_count = 1; optional double sample_sum = 2; repeated Quantile quantile = 3;
    optional Timestamp created_timestamp = 4;
  }
  message Bucket {
    optional uint64 cumulative_count = 1; optional double upper_bound = 2; optional Exemplar exemplar = 3;
    optional double cumulative_count_float = 4;
  }
  message BucketSpan { optional sint32 offset = 1; optional uint32 length = 2; }
  message Histogram {
    optional uint64 sample_count = 1; optional double sample_sum = 2; repeated Bucket bucket = 3;
    optional double sample_count_float = 4; optional sint32 schema = 5; optional double zero_threshold = 6;
    optional uint64 zero_count = 7; optional double zero_count_float = 8;
    repeated BucketSpan negative_span = 9; repeated sint64 negative_delta = 10 [packed = true];
    repeated double negative_count = 11 [packed = true]; repeated BucketSpan positive_span = 12;
    repeated sint64 positive_delta = 13 [packed = true]; repeated double positive_count = 14 [packed = true];
    optional Timestamp created_timestamp = 15; repeated Exemplar exemplars = 16;
  }
  message Metric {
    repeated LabelPair label = 1; optional Gauge gauge = 2; optional Counter counter = 3; optional Summary summary = 4;
    optional Untyped untyped = 5; optional Histogram histogram = 7; optional int64 timestamp_ms = 6;
  }
  message MetricFamily {
    optional string name = 1; optional string help = 2; optional MetricType type = 3; repeated Metric metric = 4;
    optional string unit = 5;
  }
`)
const MetricFamily = root.lookupType('io.prometheus.client.MetricFamily')

function delimited(families: readonly object[]): Uint8Array {
  const parts = families.map((family) => MetricFamily.encodeDelimited(MetricFamily.fromObject(family)).finish())
  return Buffer.concat(parts)
}

const scrapeTimeMs = 1_700_000_000_000

function makeCache(options: Partial<SeriesCacheOptions> = {}): SeriesCache {
  return new SeriesCache({
    makeLabels: (exposed) => {
      const pairs: [string, string][] = []
      for (let i = 0; i < exposed.length; i += 2) pairs.push([exposed[i] as string, exposed[i + 1] as string])
      return labelsFrom(pairs)
    },
    keepMetadata: false,
    typeAndUnitLabels: false,
    startTimestamps: true,
    nativeHistograms: true,
    classicHistograms: false,
    bucketLimit: 0,
    schemaMax: 8,
    sampleLimit: 0,
    honorTimestamps: true,
    trackTimestampsStaleness: false,
    ...options,
  })
}

function shown(columns: Columns): string[] {
  assert.equal(columns.error, null)
  return columns.series.map((series, i) => {
    const time = columns.hasTimestamps && columns.timestampsMs[i] !== scrapeTimeMs ? ` @${columns.timestampsMs[i]}` : ''
    const start = columns.hasStarts && columns.startsMs[i] !== 0 ? ` since ${columns.startsMs[i]}` : ''
    const value = columns.flags[i] === SlotFlag.histogram ? 'histogram' : String(columns.values[i])
    return `${labelsText(series.labels)} ${value}${time}${start}`
  })
}

const pair = (name: string, value: string): object => ({ name, value })

const families = [
  {
    name: 'requests_total',
    help: 'Requests.',
    type: 'COUNTER',
    metric: [
      {
        label: [pair('code', '200')],
        counter: {
          value: 5,
          exemplar: { label: [pair('trace_id', 'x')], value: 0.5, timestamp: { seconds: 10, nanos: 500_000_000 } },
          createdTimestamp: { seconds: 100, nanos: 0 },
        },
      },
      { label: [pair('code', 'é'), pair('empty', '')], counter: { value: 1e300 }, timestampMs: -5 },
    ],
  },
  { name: 'temp', type: 'GAUGE', metric: [{ gauge: { value: -0.5 } }] },
  { name: 'odd', type: 'UNTYPED', metric: [{ untyped: { value: Infinity } }] },
  {
    name: 'rpc',
    type: 'SUMMARY',
    metric: [{ summary: { sampleCount: 7, sampleSum: 8, quantile: [{ quantile: 1, value: 9 }] } }],
  },
  {
    name: 'lat',
    type: 'HISTOGRAM',
    metric: [
      {
        label: [pair('path', '/')],
        histogram: { sampleCount: 3, sampleSum: 4, bucket: [{ cumulativeCount: 2, upperBound: 1 }] },
      },
    ],
  },
]

const want = [
  '{__name__="requests_total", code="200"} 5 since 100000',
  '{__name__="requests_total", code="é"} 1e+300 @-5',
  '{__name__="temp"} -0.5',
  '{__name__="odd"} Infinity',
  '{__name__="rpc_count"} 7',
  '{__name__="rpc_sum"} 8',
  '{__name__="rpc", quantile="1.0"} 9',
  '{__name__="lat_count", path="/"} 3',
  '{__name__="lat_sum", path="/"} 4',
  '{__name__="lat_bucket", le="1.0", path="/"} 2',
  '{__name__="lat_bucket", le="+Inf", path="/"} 3',
]

test('families that protobufjs wrote are read, and again, and after one is gone', () => {
  const cache = makeCache()
  const first = cache.read(delimited(families), 'protobuf', scrapeTimeMs)
  assert.deepEqual(shown(first), want)
  assert.equal(first.seriesAdded, want.length)
  assert.deepEqual(first.exemplars, [{ slot: 0, labels: ['trace_id', 'x'], value: 0.5, timestampMs: 10_500 }])
  const { series } = first
  const again = cache.read(delimited(families), 'protobuf', scrapeTimeMs)
  assert.deepEqual(shown(again), want)
  assert.equal(again.changed, false)
  assert.equal(again.exemplars.length, 0)
  const fewer = cache.read(delimited(families.toSpliced(1, 1)), 'protobuf', scrapeTimeMs)
  assert.equal(fewer.changed, true)
  assert.equal(fewer.seriesAdded, 0)
  assert.equal(fewer.series[0], series[0])
  assert.equal(fewer.series[2], series[3])
})

test('a target that goes over to text keeps its series', () => {
  const cache = makeCache()
  const before = cache.read(delimited([{ name: 'a', type: 'GAUGE', metric: [{ gauge: { value: 1 } }] }]), 'protobuf', 0)
    .series[0]
  const columns = cache.read(Buffer.from('# TYPE a gauge\na 2\n'), 'text', 0)
  assert.equal(columns.series[0], before)
  const back = cache.read(delimited([{ name: 'a', type: 'GAUGE', metric: [{ gauge: { value: 1 } }] }]), 'protobuf', 0)
  assert.equal(back.series[0], before)
})

const native = {
  sampleCount: 10,
  sampleSum: 18.4,
  schema: 1,
  zeroThreshold: 0.001,
  zeroCount: 2,
  positiveSpan: [
    { offset: 0, length: 2 },
    { offset: 1, length: 2 },
  ],
  positiveDelta: [1, 1, -1, 0],
  negativeSpan: [{ offset: -1, length: 1 }],
  negativeDelta: [3],
  bucket: [{ cumulativeCount: 10, upperBound: 1 }],
  exemplars: [
    { label: [pair('a', '1')], value: 1 },
    { label: [pair('b', '2')], value: 2, timestamp: { seconds: 5 } },
  ],
}
const nativeFamily = (histogram: object, type = 'HISTOGRAM'): Uint8Array =>
  delimited([{ name: 'h', type, metric: [{ histogram }] }])

test('native histograms are read whole, their classic buckets only where they are wanted', () => {
  const columns = makeCache().read(nativeFamily(native), 'protobuf', scrapeTimeMs)
  assert.deepEqual(shown(columns), ['{__name__="h"} histogram'])
  assert.deepEqual(columns.histograms[0], {
    isFloat: false,
    schema: 1,
    count: 10,
    sum: 18.4,
    zeroThreshold: 0.001,
    zeroCount: 2,
    positiveSpans: native.positiveSpan,
    negativeSpans: native.negativeSpan,
    positiveBuckets: [1, 1, -1, 0],
    negativeBuckets: [3],
    customValues: [],
    resetHint: 0,
  })
  assert.deepEqual(columns.exemplars, [{ slot: 0, labels: ['b', '2'], value: 2, timestampMs: 5000 }])
  const both = makeCache({ classicHistograms: true }).read(nativeFamily(native), 'protobuf', scrapeTimeMs)
  assert.equal(both.count, 5)
  const classic = makeCache({ nativeHistograms: false }).read(nativeFamily(native), 'protobuf', scrapeTimeMs)
  assert.equal(classic.count, 4)
})

test('float and gauge histograms are told apart', () => {
  const float = {
    sampleCountFloat: 1.5,
    sampleSum: 2,
    schema: 0,
    positiveSpan: [{ offset: 0, length: 1 }],
    positiveCount: [1.5],
  }
  const histogram = makeCache().read(nativeFamily(float, 'GAUGE_HISTOGRAM'), 'protobuf', 0).histograms[0]
  assert.equal(histogram?.isFloat, true)
  assert.equal(histogram.count, 1.5)
  assert.equal(histogram.resetHint, 3)
  assert.deepEqual(histogram.positiveBuckets, [1.5])
})

test('too many or too fine buckets are merged, and a histogram that cannot be is refused', () => {
  const limited = makeCache({ bucketLimit: 3 }).read(nativeFamily(native), 'protobuf', 0).histograms[0]
  // Schema 1 has the positive buckets 0, 1, 3, 4 of 1, 2, 1, 1; schema 0 has 0 of 1, 1 of 2, 2 of 2: with the negative
  // one still four, so schema -1: 0 of 1, 1 of 4.
  assert.equal(limited?.schema, -1)
  assert.deepEqual(limited.positiveSpans, [{ offset: 0, length: 2 }])
  assert.deepEqual(limited.positiveBuckets, [1, 3])
  assert.deepEqual(limited.negativeSpans, [{ offset: 0, length: 1 }])
  const coarse = makeCache({ schemaMax: 0 }).read(nativeFamily(native), 'protobuf', 0).histograms[0]
  assert.equal(coarse?.schema, 0)
  const far = {
    ...native,
    positiveSpan: [
      { offset: -1000, length: 1 },
      { offset: 500, length: 1 },
      { offset: 900, length: 2 },
    ],
  }
  const refused = makeCache({ bucketLimit: 2 }).read(nativeFamily(far), 'protobuf', 0)
  assert.equal(refused.error?.message, 'histogram bucket limit exceeded')
})

const malformed: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ['a length beyond the end', Uint8Array.of(5, 1), /a metric family ends early/],
  ['a family without a name', delimited([{ type: 'GAUGE', metric: [] }]), /without a name/],
  ['text that is not UTF-8', Uint8Array.of(4, 0x0a, 2, 0xc3, 0x28), /not UTF-8/],
  ['an unknown type', Uint8Array.of(5, 0x0a, 1, 0x61, 0x18, 9), /unknown metric type 9/],
  ['a gauge without a value', delimited([{ name: 'a', type: 'GAUGE', metric: [{}] }]), /a gauge without a value/],
  [
    'spans that do not fit the buckets',
    nativeFamily({ ...native, positiveDelta: [1] }),
    /a histogram with 1 buckets in spans of 4/,
  ],
  [
    'spans of billions of buckets',
    nativeFamily({ ...native, positiveSpan: [{ offset: 0, length: 4_000_000_000 }] }),
    /more than 100000 buckets/,
  ],
]

for (const [name, body, message] of malformed) {
  test(`an exposition with ${name} is refused`, () => {
    assert.match(makeCache().read(body, 'protobuf', 0).error?.message ?? '', message)
  })
}
