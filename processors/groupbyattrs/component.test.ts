// Attributes that move to the resource.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decoded, gaugeMetric, numberPoint, OtelSink, resourceMetrics, sumMetric, TestHost } from '#component/test_host'
import { type Logs, Metrics, type Traces } from '#pdata'
import { type Attributes, logsFromJson, logsToJson, tracesFromJson } from '#pdata/otlp'
import { groupbyattrsProcessor } from './component.ts'

async function started(keys: readonly string[]) {
  const host = new TestHost()
  const sink = new OtelSink()
  const settings = decoded(groupbyattrsProcessor.settings, { keys })
  return { host, sink, processor: await groupbyattrsProcessor.create(host, settings, sink.output) }
}

const plain = (attributes: Attributes = []): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value]))

const text = (key: string, value: string) => ({ key, value: { stringValue: value } })
const record = (body: string, ...attributes: object[]) => ({ body: { stringValue: body }, attributes })

test('log records with the same values come under one resource, others stay', async () => {
  const { host, sink, processor } = await started(['host.name', 'absent'])
  const logs = logsFromJson(
    JSON.stringify({
      resourceLogs: [
        {
          resource: { attributes: [text('r', '1'), text('host.name', 'old')] },
          scopeLogs: [
            {
              scope: { name: 's' },
              logRecords: [
                record('1', text('host.name', 'a'), text('k', 'v')),
                record('2', text('k', 'w')),
                record('3', text('host.name', 'b')),
                record('4', text('host.name', 'a')),
              ],
            },
          ],
        },
        {
          resource: { attributes: [text('host.name', 'old'), text('r', '1')] },
          scopeLogs: [{ scope: { name: 's' }, logRecords: [record('5')] }],
        },
      ],
    }),
  )
  await processor.logs?.consume(logs)
  const got = (sink.logs[0]?.tree?.resourceLogs ?? []).map(({ resource, scopeLogs }) => [
    plain(resource.attributes),
    scopeLogs.map(({ logRecords }) => logRecords.map(({ body, attributes }) => [body, plain(attributes)])),
  ])
  assert.deepEqual(got, [
    [
      { r: '1', 'host.name': 'a' },
      [
        [
          ['1', { k: 'v' }],
          ['4', {}],
        ],
      ],
    ],
    [
      { r: '1', 'host.name': 'old' },
      [
        [
          ['2', { k: 'w' }],
          ['5', {}],
        ],
      ],
    ],
    [{ r: '1', 'host.name': 'b' }, [[['3', {}]]]],
  ])
  assert.equal(sink.logs[0]?.count, 5)
  assert.equal(host.counts.get('otelcol_processor_groupbyattrs_num_grouped_logs')?.value, 3)
  assert.equal(host.counts.get('otelcol_processor_groupbyattrs_num_non_grouped_logs')?.value, 2)
  assert.equal(host.distributions.get('otelcol_processor_groupbyattrs_log_groups')?.sum, 3)
})

test('without keys, spans of equal resources and scopes are put together', async () => {
  const { sink, processor } = await started([])
  const one = (name: string, version: string) => ({
    resource: { attributes: [text('r', '1')] },
    scopeSpans: [
      { scope: { name: 's', version }, spans: [{ traceId: '0'.repeat(31) + '1', spanId: '0'.repeat(15) + '1', name }] },
    ],
  })
  const traces: Traces = tracesFromJson(
    JSON.stringify({ resourceSpans: [one('a', '1'), one('b', '1'), one('c', '2')] }),
  )
  await processor.traces?.consume(traces)
  const tree = sink.traces[0]?.tree
  assert.deepEqual(
    tree?.resourceSpans.map(({ scopeSpans }) => scopeSpans.map(({ spans }) => spans.map(({ name }) => name))),
    [[['a', 'b'], ['c']]],
  )
})

test('data points move one by one; metrics of one name and kind become one', async () => {
  const { sink, processor } = await started(['id'])
  const point = (value: bigint, id: string) => numberPoint(1, value, { attributes: { id, k: 'v' } })
  const batch = Metrics.fromTree({
    resourceMetrics: [
      resourceMetrics([sumMetric('m', [point(1n, 'a'), point(2n, 'b')]), gaugeMetric('m', [point(3n, 'a')])]),
      resourceMetrics([sumMetric('m', [point(4n, 'a'), numberPoint(1, 5n)])]),
    ],
  })
  await processor.metrics?.consume(batch)
  const got = sink.metrics[0]?.tree?.resourceMetrics.map(({ resource, scopeMetrics }) => [
    plain(resource.attributes),
    scopeMetrics.flatMap(({ metrics }) =>
      metrics.map(({ name, data }) => [
        name,
        data.kind,
        data.kind === 'sum' || data.kind === 'gauge' ? data.points.map(({ value }) => value) : [],
      ]),
    ),
  ])
  assert.deepEqual(got, [
    [
      { id: 'a' },
      [
        ['m', 'sum', [1n, 4n]],
        ['m', 'gauge', [3n]],
      ],
    ],
    [{ id: 'b' }, [['m', 'sum', [2n]]]],
    [{}, [['m', 'sum', [5n]]]],
  ])
  assert.equal(sink.metrics[0]?.count, 5)
})

test('a batch that others have too is not changed', async () => {
  const { sink, processor } = await started(['host.name'])
  const logs: Logs = logsFromJson(
    JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: [record('1', text('host.name', 'a'))] }] }] }),
  )
  logs.shared = true
  const before = logsToJson(logs)
  await processor.logs?.consume(logs)
  assert.equal(logsToJson(logs), before)
  assert.notEqual(logsToJson(sink.logs[0] as Logs), before)
})
