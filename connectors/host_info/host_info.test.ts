// Hosts that sent spans, once per interval.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  decoded,
  OtelSink,
  problemsOf,
  resourceSpans,
  TestHost,
  tracesTreeOf,
  type Written,
} from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { Traces } from '#pdata'
import type { ResourceSpans } from '#pdata/otlp'
import { grafanacloudConnector, otelcolConnectorHostInfo } from './component.ts'

async function started(written: Written = {}) {
  const clock = new ManualClock()
  const host = new TestHost({ clock })
  const sink = new OtelSink()
  const connector = await grafanacloudConnector.create(
    host,
    decoded(grafanacloudConnector.settings, written),
    sink.output,
  )
  await connector.start?.()
  const { counters } = host
  const send = async (...resources: ResourceSpans[]): Promise<void> => {
    const batch = Traces.fromTree(tracesTreeOf(...resources))
    counters.in += batch.count
    await connector.traces?.consume(batch)
  }
  const hosts = (): string[][] =>
    sink.metrics.map((batch) => {
      const [metric] = batch.tree?.resourceMetrics[0]?.scopeMetrics[0]?.metrics ?? []
      assert.ok(metric?.name === 'traces_host_info' && metric.data.kind === 'gauge')
      return metric.data.points.map(({ attributes }) => `${attributes[0]?.key}=${attributes[0]?.value}`)
    })
  return { clock, host, connector, send, hosts }
}

test('each host is said once per interval in which it sent spans', async () => {
  const { send, clock, hosts, host, connector } = await started({ host_identifiers: ['host.id', 'host.name'] })
  await send(
    resourceSpans({ 'host.id': 'a' }, [{}, {}]),
    resourceSpans({ 'host.id': 'a' }, [{}]),
    resourceSpans({ 'host.name': 'b', 'host.id': 5n }, [{}]),
    resourceSpans({ other: 'c' }, [{}]),
    { ...resourceSpans({ 'host.id': 'no spans' }, []), scopeSpans: [] },
  )
  await clock.advance(120_000)
  await send(resourceSpans({ 'host.id': 'a' }, [{}]))
  await connector.stop(1000)
  await connector.stop(1000)
  assert.deepEqual(hosts(), [['grafana.host.id=a', 'grafana.host.id=b'], ['grafana.host.id=a']])
  const { counters } = host
  assert.equal(counters.in, counters.out + counters.dropped + counters.waiting)
  assert.equal(clock.pending, 0)
})

test('refuses what cannot work', () => {
  assert.deepEqual(problemsOf(grafanacloudConnector.settings, { host_identifiers: [], metrics_flush_interval: '1s' }), [
    'host_identifiers must not be empty',
    'metrics_flush_interval must be from 15s to 5m',
  ])
  assert.deepEqual(problemsOf(otelcolConnectorHostInfo.settings, { output: {}, metrics_flush_interval: '0s' }), [
    'metrics_flush_interval must be greater than 0',
  ])
})
