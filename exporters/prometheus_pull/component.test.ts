import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import type { Metrics } from '#pdata'
import { metricsFromJson } from '#pdata/otlp'
import { prometheusExporter } from './component.ts'
import { PullExporter } from './exporter.ts'

async function started(t: TestContext, written: Written = {}) {
  const clock = new ManualClock()
  const host = new TestHost({ clock })
  const settings = decoded(prometheusExporter.settings, { endpoint: '127.0.0.1:0', ...written })
  const exporter = new PullExporter(host, settings)
  await exporter.start()
  t.after(() => exporter.stop(1000))
  const url = `http://127.0.0.1:${exporter.port}/metrics`
  const page = async (headers: Record<string, string> = {}): Promise<string> => (await fetch(url, { headers })).text()
  return { clock, host, exporter, url, page }
}

const at = (ms: number): string => String(BigInt(ms) * 1_000_000n)

function batch(...metrics: object[]): Metrics {
  const attributes = [
    { key: 'service.name', value: { stringValue: 'shop' } },
    { key: 'zone', value: { stringValue: 'a' } },
  ]
  const scopeMetrics = [{ scope: { name: 's' }, metrics }]
  return metricsFromJson(JSON.stringify({ resourceMetrics: [{ resource: { attributes }, scopeMetrics }] }))
}

const counter = (value: number, ms = 1000) => ({
  name: 'c',
  description: 'Counts.',
  sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: [{ asInt: String(value), timeUnixNano: at(ms) }] },
})
const histogram = {
  name: 'h',
  unit: 's',
  histogram: {
    aggregationTemporality: 2,
    dataPoints: [{ timeUnixNano: at(1000), count: '3', sum: 4.5, bucketCounts: ['1', '2'], explicitBounds: [1] }],
  },
}
const target = '# HELP target_info Target metadata\n# TYPE target_info gauge\ntarget_info{job="shop",zone="a"} 1\n'

const pages: { name: string; settings?: Written; headers?: Record<string, string>; want: string }[] = [
  {
    name: 'text',
    want: `# HELP c_total Counts.
# TYPE c_total counter
c_total{job="shop",otel_scope_name="s"} 5
# TYPE h_seconds histogram
h_seconds_bucket{job="shop",otel_scope_name="s",le="1"} 1
h_seconds_bucket{job="shop",otel_scope_name="s",le="+Inf"} 3
h_seconds_sum{job="shop",otel_scope_name="s"} 4.5
h_seconds_count{job="shop",otel_scope_name="s"} 3
${target}`,
  },
  {
    name: 'with a namespace, constant labels, times and attributes of the resource',
    settings: {
      namespace: 'ns',
      const_labels: new Map([['site', 'x']]),
      send_timestamps: true,
      without_scope_info: true,
      resource_to_telemetry_conversion: { enabled: true, exclude_service_attributes: true },
    },
    want: `# HELP ns_c_total Counts.
# TYPE ns_c_total counter
ns_c_total{job="shop",site="x",zone="a"} 5 1000
# TYPE ns_h_seconds histogram
ns_h_seconds_bucket{job="shop",site="x",zone="a",le="1"} 1 1000
ns_h_seconds_bucket{job="shop",site="x",zone="a",le="+Inf"} 3 1000
ns_h_seconds_sum{job="shop",site="x",zone="a"} 4.5 1000
ns_h_seconds_count{job="shop",site="x",zone="a"} 3 1000
# HELP ns_target_info Target metadata
# TYPE ns_target_info gauge
ns_target_info{job="shop",site="x",zone="a"} 1 1000
`,
  },
  {
    name: 'OpenMetrics for who asks for it',
    settings: { enable_open_metrics: true, without_scope_info: true },
    headers: { accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' },
    want: `# TYPE c counter
# HELP c Counts.
c_total{job="shop"} 5.0
# TYPE h_seconds histogram
h_seconds_bucket{job="shop",le="1.0"} 1.0
h_seconds_bucket{job="shop",le="+Inf"} 3.0
h_seconds_sum{job="shop"} 4.5
h_seconds_count{job="shop"} 3.0
# TYPE target_info gauge
# HELP target_info Target metadata
target_info{job="shop",zone="a"} 1.0
# EOF
`,
  },
]
for (const { name, settings, headers, want } of pages) {
  test(`the page: ${name}`, async (t) => {
    const { exporter, page } = await started(t, settings)
    exporter.metrics.consume(batch(counter(5), histogram))
    assert.equal(await page(headers), want)
  })
}

test('the newest sample is shown until it expires or its series goes stale', async (t) => {
  const { clock, host, exporter, page } = await started(t, { metric_expiration: '1m' })
  const shown = async (): Promise<string> => /^c_total.* (\d+)$/m.exec(await page())?.[1] ?? ''
  const send = (value: number, ms: number): void => {
    host.counters.in += 1
    exporter.metrics.consume(batch(counter(value, ms)))
  }
  send(5, 2000)
  send(6, 3000)
  send(1, 2500)
  assert.equal(await shown(), '6')
  await clock.advance(59_000)
  assert.equal(await shown(), '6')
  await clock.advance(62_000)
  assert.equal(await shown(), '')
  send(7, 4000)
  assert.equal(await shown(), '7')
  const stale = { aggregationTemporality: 2, isMonotonic: true, dataPoints: [{ flags: 1, timeUnixNano: at(5000) }] }
  host.counters.in += 1
  exporter.metrics.consume(batch({ name: 'c', sum: stale }))
  assert.equal(await shown(), '')
  host.counters.in += 1
  exporter.metrics.consume(batch({ name: 'd', sum: { ...stale, aggregationTemporality: 1 } }))
  assert.deepEqual([...host.counters.droppedByReason], [['not cumulative', 1]])
  assert.equal(host.counters.in, host.counters.out + host.counters.dropped)
})

test('exemplars are shown in OpenMetrics, behind counters and buckets', async (t) => {
  const { exporter, page } = await started(t, { enable_open_metrics: true, without_scope_info: true })
  const exemplars = [
    { asDouble: 0.5, timeUnixNano: at(1500), spanId: 'eee19b7ec3c1b174', traceId: '5b8efff798038103d269b633813fc60c' },
  ]
  const data = histogram.histogram
  const [point] = data.dataPoints
  exporter.metrics.consume(batch({ ...histogram, histogram: { ...data, dataPoints: [{ ...point, exemplars }] } }))
  const text = await page({ accept: 'application/openmetrics-text' })
  const exemplar = '# {span_id="eee19b7ec3c1b174",trace_id="5b8efff798038103d269b633813fc60c"} 0.5 1.5'
  assert.ok(text.includes(`h_seconds_bucket{job="shop",le="1.0"} 1.0 ${exemplar}\n`), text)
  assert.equal(text.split(' # {').length, 2)
  assert.ok(!(await page()).includes('span_id'))
})

test('only the page is there, and long pages are compressed', async (t) => {
  const { exporter, url } = await started(t)
  assert.equal((await fetch(url.replace('/metrics', '/'))).status, 404)
  assert.equal((await fetch(url, { method: 'POST' })).status, 405)
  const many = Array.from({ length: 50 }, (_, i) => ({ ...counter(i), name: `c${i}` }))
  exporter.metrics.consume(batch(...many))
  const response = await fetch(url)
  assert.equal(response.headers.get('content-encoding'), 'gzip')
  assert.match(await response.text(), /c49_total/)
  await exporter.stop(1000)
  await exporter.stop(1000)
})

test('an address is needed', () => {
  assert.match(problemsOf(prometheusExporter.settings, {}).join('\n'), /missing required attribute "endpoint"/)
})
