// Exceptions of spans become counts and log records.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  decoded,
  OtelSink,
  problemsOf,
  resourceSpans,
  type SpanInput,
  TestHost,
  tracesTreeOf,
  type Written,
} from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { Traces } from '#pdata'
import { anyValueText, type Attributes, type ResourceSpans } from '#pdata/otlp'
import { exceptionsConnector } from './component.ts'

const textOf = (attributes: Attributes): string =>
  attributes.map(({ key, value }) => `${key}=${anyValueText(value)}`).join(',')

async function started(written: Written = {}, to: readonly ('metrics' | 'logs')[] = ['metrics', 'logs']) {
  const host = new TestHost({ clock: new ManualClock() })
  const sink = new OtelSink()
  const { output } = sink
  const connector = await exceptionsConnector.create(host, decoded(exceptionsConnector.settings, written), {
    traces: [],
    metrics: to.includes('metrics') ? output.metrics : [],
    logs: to.includes('logs') ? output.logs : [],
  })
  await connector.start?.()
  const { counters } = host
  const send = async (...resources: ResourceSpans[]): Promise<void> => {
    const batch = Traces.fromTree(tracesTreeOf(...resources))
    counters.in += batch.count
    try {
      await connector.traces?.consume(batch)
    } catch {
      counters.refused += batch.count
    }
    await new Promise(setImmediate)
    assert.equal(counters.in, counters.out + counters.dropped + counters.refused)
  }
  const counts = (): string[] => {
    const [metric] = sink.metrics.at(-1)?.tree?.resourceMetrics[0]?.scopeMetrics[0]?.metrics ?? []
    if (metric?.data.kind !== 'sum') return []
    return metric.data.points.map((point) => `${textOf(point.attributes)} ${point.value} ${point.exemplars.length}`)
  }
  const records = (): string[] =>
    (sink.logs.at(-1)?.tree?.resourceLogs ?? []).flatMap(({ scopeLogs }) =>
      (scopeLogs[0]?.logRecords ?? []).map((r) => `${r.severityText} ${r.traceId.length} ${textOf(r.attributes)}`),
    )
  return { send, counts, records, sink, host, connector }
}

const exception = {
  name: 'exception',
  attributes: { 'exception.type': 'E', 'exception.message': 'bad', 'exception.stacktrace': 'at x' },
}
const span: SpanInput = {
  name: 'GET',
  kind: 2,
  status: 2,
  traceId: 'ab'.repeat(16),
  spanId: 'cd'.repeat(8),
  attributes: { 'http.method': 'GET' },
  events: [exception, { name: 'other' }],
}
const shop = (...spans: SpanInput[]): ResourceSpans => resourceSpans({ 'service.name': 'shop', zone: 'z' }, spans)
const dims = 'service.name=shop,span.name=GET,span.kind=SPAN_KIND_SERVER,status.code=STATUS_CODE_ERROR'

test('exceptions of more series than may be kept count in one', async () => {
  const { send, counts } = await started({ aggregation_cardinality_limit: 1n })
  const other = { ...span, name: 'PUT' }
  await send(shop(span, other, { ...other, name: 'POST' }, span))
  const own = `${dims},exception.type=E,exception.message=bad`
  assert.deepEqual(counts(), [`${own} 2 0`, 'otel.metric.overflow=true 2 0'])
})

test('exceptions are counted and written', async () => {
  const { send, counts, records } = await started({ exemplars: { enabled: true } })
  await send(shop(span, {}), resourceSpans({}, [span]))
  const own = `${dims},exception.type=E,exception.message=bad`
  assert.deepEqual(counts(), [`${own} 1 1`])
  assert.deepEqual(records(), [`ERROR 16 http.method=GET,${own},exception.stacktrace=at x`])
  await send(shop({ ...span, events: [exception, exception] }))
  assert.deepEqual(counts(), [`${own} 3 2`])
  assert.equal(records().length, 2)
})

test('dimensions are of the span, the event, the resource, or their default', async () => {
  const { send, counts } = await started(
    {
      dimensions: [
        { name: 'http.method' },
        { name: 'exception.type' },
        { name: 'zone' },
        { name: 'a', default: 'b' },
        { name: 'c' },
      ],
    },
    ['metrics'],
  )
  await send(shop(span))
  assert.deepEqual(counts(), [`${dims},http.method=GET,exception.type=E,zone=z,a=b 1 0`])
})

test('a dimension that is no text is an empty one in log records, and itself in metrics', async () => {
  const { send, counts, records } = await started({ dimensions: [{ name: 'code' }] })
  await send(shop({ ...span, attributes: { code: 7n } }))
  assert.deepEqual(counts(), [`${dims},code=7 1 0`])
  assert.deepEqual(records(), [`ERROR 16 code=,${dims},exception.stacktrace=at x`])
})

test('a data point has so many exemplars, no more', async () => {
  const { send, counts } = await started({ exemplars: { enabled: true, max_per_data_point: 2n } })
  await send(shop({ ...span, events: [exception, exception, exception] }))
  assert.match(counts()[0] ?? '', / 3 2$/)
})

test('a batch whose records are refused is refused, and counted once it is taken', async () => {
  const { send, counts, sink, host, connector } = await started()
  sink.refusal = new Error('no')
  await send(shop(span))
  assert.equal(host.counters.refused, 1)
  sink.refusal = null
  await send(shop(span))
  assert.deepEqual(
    counts().map((line) => line.slice(-4)),
    [' 1 0'],
  )
  await connector.stop(1000)
  await connector.stop(1000)
})

test('nothing is sent where nothing happened', async () => {
  const { send, sink } = await started()
  await send(shop({}, {}))
  assert.deepEqual([sink.metrics.length, sink.logs.length], [0, 0])
})

test('refuses a dimension twice', () => {
  assert.deepEqual(problemsOf(exceptionsConnector.settings, { dimensions: [{ name: 'span.name' }] }), [
    'duplicate dimension name span.name',
  ])
})
