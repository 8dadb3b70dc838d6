import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Capsule, type OtelConsumer } from '#component'
import { decoded, TestHost } from '#component/test_host'
import { labelsFrom, Metadata, Metrics, Series, SeriesBatch, SeriesLayout } from '#pdata'
import { metricsTree } from '#pdata/otlp'
import { otelcolReceiverPrometheus } from './component.ts'

test('series become metrics of their target, and are counted', async () => {
  const host = new TestHost()
  const taken: Metrics[] = []
  const next: OtelConsumer = {
    nodeId: 'next',
    metrics: { nodeId: 'next', signal: 'metrics', consume: (batch) => void taken.push(batch) },
  }
  const settings = decoded(otelcolReceiverPrometheus.settings, {
    output: { metrics: [new Capsule('otelcol.Consumer', next)] },
  })
  const component = await otelcolReceiverPrometheus.create(host, settings)
  const h = new Metadata('h', 'histogram', '', '')
  const names = ['h_bucket', 'h_sum', 'h_count', 'u']
  const series = names.map((name) => {
    const labels = labelsFrom(
      Object.entries({ __name__: name, job: 'j', instance: 'pi:1', ...(name === 'h_bucket' ? { le: '1' } : {}) }),
    )
    return new Series(labels, name === 'u' ? null : h)
  })
  const batch = Metrics.fromSeries(
    new SeriesBatch({
      layout: new SeriesLayout(series),
      values: Float64Array.of(1, 2, 3, 4),
      flags: null,
      timestampMs: 1000,
      timestampsMs: null,
      startsMs: null,
      exemplars: null,
      histograms: null,
    }),
  )
  host.counters.in += batch.count
  await component.metrics?.consume(batch)
  const [resource] = metricsTree(taken[0] as Metrics).resourceMetrics
  assert.deepEqual(
    resource?.resource.attributes.map(({ key, value }) => `${key}=${String(value)}`),
    [
      'service.name=j',
      'net.host.name=pi',
      'server.address=pi',
      'service.instance.id=pi:1',
      'net.host.port=1',
      'http.scheme=http',
      'server.port=1',
      'url.scheme=http',
    ],
  )
  const [scope] = resource?.scopeMetrics ?? []
  assert.equal(scope?.scope.version, '1.2.3')
  assert.deepEqual(
    scope?.metrics.map(({ name, data }) => [name, data.kind]),
    [
      ['h', 'histogram'],
      ['u', 'gauge'],
    ],
  )
  // Four samples came and went as two points.
  assert.deepEqual([host.counters.in, host.counters.out], [6, 6])
  component.stop(0)
  component.stop(0)
})
