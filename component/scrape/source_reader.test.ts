import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MetricFamily } from '#component'
import type { MetricSink } from '#component'
import { labelsFrom, labelsText, SlotFlag } from '#pdata'
import type { Columns, SeriesCacheOptions } from '#pdata/exposition'
import { SeriesCache } from '#pdata/exposition'
import { HistogramConverter } from './histogram_converter.ts'
import { SourceReader } from './source_reader.ts'
import { textContentType, TextSink } from './text_sink.ts'

const options: SeriesCacheOptions = {
  makeLabels: (exposed) => {
    const pairs: [string, string][] = [['job', 'j']]
    for (let i = 0; i < exposed.length; i += 2) pairs.push([exposed[i] as string, exposed[i + 1] as string])
    return labelsFrom(pairs)
  },
  keepMetadata: true,
  typeAndUnitLabels: false,
  startTimestamps: false,
  nativeHistograms: false,
  classicHistograms: false,
  bucketLimit: 0,
  schemaMax: 8,
  sampleLimit: 0,
  honorTimestamps: true,
  trackTimestampsStaleness: false,
}

const requests = new MetricFamily('requests_total', 'counter', 'Requests "made".\nBy code.', ['method', 'code'])
const temperature = new MetricFamily('temp', 'gauge', '', [])
const latency = new MetricFamily('lat', 'histogram', 'Latency.', ['path'])
const rpc = new MetricFamily('rpc', 'summary', 'Calls.', [])

function fill(sink: MetricSink): void {
  sink.sample(temperature, 1e6)
  sink.sample(requests, 5, 'get', '200')
  sink.sample(requests, 6, '', '200')
  sink.histogram(latency, 3, 4.5, [1, Infinity], [2, 3], '/a\\b')
  sink.summary(rpc, 7, 8, [0.5, 1], [NaN, 2])
}

function collect(reader: SourceReader, run: (sink: MetricSink) => void): Columns {
  reader.begin(1000)
  let failure: Error | null = null
  try {
    run(reader)
  } catch (error) {
    failure = error as Error
  }
  return reader.finish(failure)
}

const lines = (columns: Columns): string[] =>
  columns.series.map((series, i) => `${labelsText(series.labels)} ${columns.values[i]}`)

test('a source gives the same series as its own text would', () => {
  const columns = collect(new SourceReader(options), fill)
  const sink = new TextSink()
  fill(sink)
  const read = new SeriesCache(options).read(Buffer.from(sink.text()), 'text', 1000)
  assert.equal(read.error, null)
  assert.deepEqual(lines(columns).sort(), lines(read).sort())
  assert.deepEqual(
    new Set(columns.series.map((s) => `${s.metadata?.family} ${s.metadata?.type} ${s.metadata?.help}`)),
    new Set(read.series.map((s) => `${s.metadata?.family} ${s.metadata?.type} ${s.metadata?.help}`)),
  )
})

test('text is written sorted, escaped and with the numbers of Go', () => {
  const sink = new TextSink()
  fill(sink)
  assert.equal(
    sink.text(),
    `# HELP lat Latency.
# TYPE lat histogram
lat_bucket{path="/a\\\\b",le="1"} 2
lat_bucket{path="/a\\\\b",le="+Inf"} 3
lat_sum{path="/a\\\\b"} 4.5
lat_count{path="/a\\\\b"} 3
# HELP requests_total Requests "made".\\nBy code.
# TYPE requests_total counter
requests_total{code="200"} 6
requests_total{code="200",method="get"} 5
# HELP rpc Calls.
# TYPE rpc summary
rpc{quantile="0.5"} NaN
rpc{quantile="1"} 2
rpc_sum 8
rpc_count 7
# TYPE temp gauge
temp 1e+06
`,
  )
  assert.equal(textContentType, 'text/plain; version=0.0.4; charset=utf-8')
})

test('the same samples again keep the series, whatever the order they keep their objects', () => {
  const reader = new SourceReader(options)
  const first = collect(reader, fill).series
  const again = collect(reader, fill)
  assert.equal(again.changed, false)
  assert.equal(again.series, first)
  assert.equal(again.seriesAdded, 0)
  const turned = collect(reader, (sink) => {
    sink.sample(requests, 9, 'get', '200')
    sink.sample(temperature, 1)
    sink.sample(requests, 1, 'put', '201')
  })
  assert.equal(turned.changed, true)
  assert.equal(turned.seriesAdded, 1)
  assert.equal(turned.series[0], first[1])
  assert.equal(turned.series[1], first[0])
  const fewer = collect(reader, (sink) => sink.sample(requests, 9, 'get', '200'))
  assert.equal(fewer.changed, true)
  assert.equal(fewer.count, 1)
})

test('a sample given twice is a duplicate', () => {
  const reader = new SourceReader(options)
  for (let i = 0; i < 2; i++) {
    const columns = collect(reader, (sink) => {
      sink.sample(temperature, 1)
      sink.sample(temperature, 2)
    })
    assert.equal(columns.duplicates, 1)
    assert.deepEqual([...columns.flags.subarray(0, 2)], [SlotFlag.value, SlotFlag.absent])
  }
})

test('a source that fails fails the reading, and what it gives later is ignored', () => {
  const reader = new SourceReader(options)
  const columns = collect(reader, (sink) => {
    fill(sink)
    throw new Error('no such device')
  })
  assert.equal(columns.error?.message, 'no such device')
  reader.sample(temperature, 1)
  assert.equal(collect(reader, fill).seriesAdded, 0, 'its series are known')
})

test('a source has limits, too', () => {
  const columns = collect(new SourceReader({ ...options, sampleLimit: 2 }), fill)
  assert.equal(columns.error?.message, 'sample limit exceeded')
  assert.equal(columns.seriesAdded, 2)
})

test('classic histograms become native ones with custom buckets where it is asked for', () => {
  const reader = new SourceReader(options)
  const converter = new HistogramConverter(false)
  let kept: unknown
  for (let i = 0; i < 2; i++) {
    const columns = collect(reader, (sink) => {
      sink.sample(temperature, 20)
      sink.histogram(latency, 6 + i, 4.5, [1, 2, 5, Infinity], [2, 2, 5, 6 + i], '/')
    })
    const out = converter.convert(columns, (slot) => reader.typeOf(slot))
    assert.deepEqual(
      out.series.map((s) => labelsText(s.labels)),
      ['{__name__="temp", job="j"}', '{__name__="lat", job="j", path="/"}'],
    )
    assert.equal(out.changed, i === 0)
    assert.equal(out.samplesScraped, 2)
    assert.equal(out.flags[1], SlotFlag.histogram)
    assert.deepEqual(out.histograms[1], {
      isFloat: false,
      schema: -53,
      count: 6 + i,
      sum: 4.5,
      zeroThreshold: 0,
      zeroCount: 0,
      positiveSpans: [
        { offset: 0, length: 1 },
        { offset: 1, length: 2 },
      ],
      negativeSpans: [],
      positiveBuckets: [2, 1, -2 + i],
      negativeBuckets: [],
      customValues: [1, 2, 5],
      resetHint: 0,
    })
    if (i === 1) assert.equal(out.series[1], kept)
    kept = out.series[1]
  }
})

test('with a memory or without, the same is read, whatever the source gave before', () => {
  const families = [
    requests,
    new MetricFamily('requests_total', 'counter', 'Others.', ['method', 'code']),
    temperature,
    latency,
    rpc,
  ]
  const call = fc.record({
    family: fc.constantFrom(...families),
    value: fc.nat(9),
    label: fc.constantFrom('', 'a', 'b'),
    points: fc.constantFrom([1, Infinity], [0.5], []),
  })
  const run = (sink: MetricSink, calls: readonly (typeof call extends fc.Arbitrary<infer T> ? T : never)[]): void => {
    for (const { family, value, label, points } of calls) {
      const labels = family.labelNames.map((_, i) => (i === 0 ? label : 'x'))
      const values = points.map(() => value)
      if (family.type === 'histogram') sink.histogram(family, value, value, points, values, ...labels)
      else if (family.type === 'summary') sink.summary(family, value, value, points, values, ...labels)
      else sink.sample(family, value, ...labels)
    }
  }
  const flagged = (columns: Columns): unknown[] => [
    columns.error?.message,
    columns.duplicates,
    columns.samplesScraped,
    ...columns.series.map((series, i) => [
      labelsText(series.labels),
      columns.values[i],
      columns.flags[i],
      columns.tracked[i],
    ]),
  ]
  fc.assert(
    fc.property(fc.array(fc.array(call, { maxLength: 6 }), { maxLength: 6 }), (collections) => {
      const reader = new SourceReader({ ...options, sampleLimit: 12 })
      for (const calls of collections) {
        const cached = flagged(collect(reader, (sink) => run(sink, calls)))
        const fresh = new SourceReader({ ...options, sampleLimit: 12 })
        assert.deepEqual(cached, flagged(collect(fresh, (sink) => run(sink, calls))))
      }
    }),
    { numRuns: 800 },
  )
})
