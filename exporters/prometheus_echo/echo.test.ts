import assert from 'node:assert/strict'
import { PassThrough, Writable } from 'node:stream'
import { test } from 'node:test'
import { decoded, TestHost } from '#component/test_host'
import { labelsFrom, Metadata, Metrics, type MetricType, Series, SeriesBatch, SeriesLayout, SlotFlag } from '#pdata'
import { prometheusEcho } from './component.ts'
import { batchText, Echo } from './echo.ts'

const series = (labels: Record<string, string>, type?: MetricType, help = ''): Series =>
  new Series(labelsFrom(Object.entries(labels)), type ? new Metadata('f', type, help, '') : null)

const batch = new SeriesBatch({
  layout: new SeriesLayout([
    series({ __name__: 'z_total', a: '1' }, 'counter', 'Counts.'),
    series({ __name__: 'a', b: 'x"y' }, 'gauge'),
    series({ __name__: 'z_total', a: '2' }, 'counter', 'Counts.'),
    series({ __name__: 'gone' }),
    series({ __name__: 'stale' }),
    series({ __name__: 'native' }),
  ]),
  values: Float64Array.of(1, 2.5, Infinity, 0, 0, 0),
  flags: Uint8Array.of(0, 0, 0, SlotFlag.absent, SlotFlag.stale, SlotFlag.histogram),
  timestampMs: 1500,
  timestampsMs: null,
  startsMs: null,
  exemplars: null,
  histograms: [
    null,
    null,
    null,
    null,
    null,
    {
      isFloat: false,
      schema: 0,
      count: 3,
      sum: 6,
      zeroThreshold: 0,
      zeroCount: 0,
      positiveSpans: [],
      negativeSpans: [],
      positiveBuckets: [],
      negativeBuckets: [],
      customValues: [],
      resetHint: 0,
    },
  ],
})

test('a batch as text', () => {
  assert.equal(
    batchText(batch, 'text'),
    [
      '# TYPE a gauge',
      'a{b="x\\"y"} 2.5 1500',
      '# TYPE native histogram',
      'native_bucket{le="+Inf"} 3 1500',
      'native_sum 6 1500',
      'native_count 3 1500',
      '# TYPE stale untyped',
      'stale NaN 1500',
      '# HELP z_total Counts.',
      '# TYPE z_total counter',
      'z_total{a="1"} 1 1500',
      'z_total{a="2"} +Inf 1500',
      '',
    ].join('\n'),
  )
})

test('a batch as OpenMetrics', () => {
  const text = batchText(batch, 'openmetrics')
  assert.match(text, /^# TYPE a gauge\na\{b="x\\"y"\} 2\.5 1\.5\n/)
  assert.match(text, /\n# TYPE stale unknown\n/)
  assert.match(text, /\n# TYPE z counter\n# HELP z Counts\.\nz_total\{a="1"\} 1\.0 1\.5\n/)
  assert.match(text, /\n# EOF\n$/)
})

test('every batch is written and counted, in the format of the last settings', async () => {
  const host = new TestHost()
  const output = new PassThrough()
  const echo = new Echo(host, decoded(prometheusEcho.settings, {}), output)
  await echo.consume(Metrics.fromSeries(batch))
  echo.update(decoded(prometheusEcho.settings, { format: 'openmetrics' }))
  await echo.consume(Metrics.fromSeries(batch))
  echo.stop()
  echo.stop()
  output.end()
  assert.equal((await output.toArray()).join(''), batchText(batch, 'text') + batchText(batch, 'openmetrics'))
  assert.equal(host.counters.out, 2 * batch.count)
})

test('a reader that does not keep up is waited for', async () => {
  let release = (): void => {}
  const slow = new Writable({
    highWaterMark: 1,
    write: (_chunk, _encoding, done) => {
      release = done
    },
  })
  const host = new TestHost()
  const echo = new Echo(host, { format: 'text' }, slow)
  const written = echo.consume(Metrics.fromSeries(batch))
  assert.ok(written instanceof Promise)
  assert.equal(host.counters.out, 0)
  release()
  await written
  assert.equal(host.counters.out, batch.count)
})
