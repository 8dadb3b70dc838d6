import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Capsule, ConsumeError, type MetricsPort } from '#component'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { labelsText, type Metrics } from '#pdata'
import { metricsFromJson } from '#pdata/otlp'
import { otelcolExporterPrometheus } from './component.ts'

function started(settings: Written, consume: (batch: Metrics) => void | Promise<void>) {
  const clock = new ManualClock()
  const host = new TestHost({ clock })
  const port: MetricsPort = { nodeId: 'next', signal: 'metrics', consume }
  const forward = [new Capsule('MetricsReceiver', port)]
  const component = otelcolExporterPrometheus.create(
    host,
    decoded(otelcolExporterPrometheus.settings, { forward_to: forward, ...settings }),
  )
  return { host, clock, component: component as Awaited<typeof component> }
}

const metrics = (value: number) =>
  metricsFromJson(
    JSON.stringify({
      resourceMetrics: [
        {
          resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] },
          scopeMetrics: [
            {
              scope: { name: 's', version: '1' },
              metrics: [
                { name: 'g', unit: 'By', gauge: { dataPoints: [{ asDouble: value, timeUnixNano: '5000000' }] } },
                { name: 'd', sum: { aggregationTemporality: 1, dataPoints: [{ asInt: '1' }, { asInt: '2' }] } },
              ],
            },
          ],
        },
      ],
    }),
  )

const cases: { name: string; settings: Written; want: string[] }[] = [
  {
    name: 'by default',
    settings: {},
    want: ['{__name__="g_bytes", job="shop"}', '{__name__="target_info", job="shop"}'],
  },
  {
    name: 'without suffixes and target_info',
    settings: { add_metric_suffixes: false, include_target_info: false },
    want: ['{__name__="g", job="shop"}'],
  },
  {
    name: 'with the scope',
    settings: { include_scope_labels: true, include_scope_info: true, include_target_info: false },
    want: [
      '{__name__="g_bytes", job="shop", otel_scope_name="s", otel_scope_version="1"}',
      '{__name__="otel_scope_info", job="shop", otel_scope_name="s", otel_scope_version="1"}',
    ],
  },
  {
    name: 'with the resource’s attributes',
    settings: { resource_to_telemetry_conversion: true, include_target_info: false },
    want: ['{__name__="g_bytes", job="shop", service_name="shop"}'],
  },
]
for (const { name, settings, want } of cases) {
  test(`series handed on ${name}`, async () => {
    const taken: Metrics[] = []
    const { host, component } = started(settings, (batch) => void taken.push(batch))
    const batch = metrics(1.5)
    host.counters.in += batch.count
    await component.metrics?.consume(batch)
    assert.deepEqual(
      taken[0]?.series().layout.series.map(({ labels }) => labelsText(labels)),
      want,
    )
    assert.equal(taken[0]?.series().layout.series[0]?.metadata, null)
    assert.deepEqual([...host.counters.droppedByReason], [['not cumulative', 2]])
    assert.equal(host.counters.in, host.counters.out + host.counters.dropped)
  })
}

test('what the next refuses is refused whole, and counted once', async () => {
  const { host, component } = started({}, () => {
    throw new ConsumeError('full', { retryable: true })
  })
  const batch = metrics(1)
  host.counters.in += batch.count
  await assert.rejects(async () => component.metrics?.consume(batch), /full/)
  host.counters.refused += batch.count // as the service does
  assert.equal(host.counters.in, host.counters.out + host.counters.dropped + host.counters.refused)
})

test('series are forgotten when they were not seen for five minutes', async () => {
  const { host, clock, component } = started({ honor_metadata: true, include_target_info: false }, () => {})
  await component.start?.()
  await component.metrics?.consume(metrics(1))
  const size = () => (component.debug?.() as { series: number } | undefined)?.series
  assert.equal(size(), 2) // the series, and its resource
  await clock.advance(4 * 60_000)
  await component.metrics?.consume(metrics(1))
  await clock.advance(60_000)
  assert.equal(size(), 2)
  await clock.advance(10 * 60_000)
  assert.equal(size(), 0)
  component.stop(0)
  component.stop(0)
  assert.equal(clock.pending, 0)
  assert.equal(host.counters.refused, 0)
})

test('gc_frequency must be positive', () => {
  const problems = problemsOf(otelcolExporterPrometheus.settings, { forward_to: [], gc_frequency: '0s' })
  assert.deepEqual(problems, ['gc_frequency must be greater than 0'])
})
