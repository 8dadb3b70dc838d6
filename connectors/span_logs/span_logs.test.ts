// Lines of spans, root spans, processes and events.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  decoded,
  OtelSink,
  resourceSpans,
  type SpanInput,
  TestHost,
  tracesTreeOf,
  type Written,
} from '#component/test_host'
import { Capsule } from '#component'
import { Traces } from '#pdata'
import { anyValueText, readTracesRequest, tracesWire } from '#pdata/otlp'
import { otelcolConnectorSpanlogs } from './component.ts'

async function linesOf(written: Written, spans: readonly SpanInput[]): Promise<{ lines: string[]; host: TestHost }> {
  const host = new TestHost()
  const sink = new OtelSink()
  const logs = sink.output.logs.map((consumer) => new Capsule('otelcol.Consumer', consumer))
  const settings = decoded(otelcolConnectorSpanlogs.settings, { ...written, output: { logs } })
  const connector = await otelcolConnectorSpanlogs.create(host, settings)
  const resource = { 'service.name': 'shop', host: 'h 1', pid: 7n }
  const [chunk] = tracesWire(Traces.fromTree(tracesTreeOf(resourceSpans(resource, spans))))
  const batch = readTracesRequest(chunk ?? new Uint8Array())
  const { counters } = host
  counters.in += batch.count
  await connector.traces?.consume(batch)
  assert.equal(counters.in, counters.out + counters.dropped)
  const records = (sink.logs[0]?.tree?.resourceLogs ?? []).flatMap(({ scopeLogs }) => scopeLogs[0]?.logRecords ?? [])
  const lines = records.map(({ body, attributes }) => {
    const labels = attributes.map(({ key, value }) => `${key}=${anyValueText(value)}`)
    return `{${labels.join(',')}} ${anyValueText(body)}`
  })
  await connector.stop(1000)
  return { lines, host }
}

const root: SpanInput = {
  name: 'GET /a',
  traceId: 'ab'.repeat(16),
  spanId: '01'.repeat(8),
  durationMs: 1.5,
  status: 2,
  attributes: { code: 500n, list: ['x'], ok: true, ratio: 0.5 },
  events: [{ attributes: { type: 'E' } }, {}],
}
const child: SpanInput = { name: 'child', traceId: 'ab'.repeat(16), parentId: '01'.repeat(8) }
const tid = `tid=${'ab'.repeat(16)}`

const cases: readonly { name: string; written: Written; want: readonly string[] }[] = [
  { name: 'nothing is written where nothing is asked for', written: {}, want: [] },
  {
    name: 'spans have a line each, with what was chosen',
    written: { spans: true, span_attributes: ['code', 'list', 'none', 'ok', 'ratio'], process_attributes: ['host'] },
    want: [
      `{traces=span} span="GET /a" dur=1500000ns status=Error code=500 list="unsupported value type" ok=true ratio=0.5 svc=shop host="h 1" ${tid}`,
      `{traces=span} span=child dur=0ns svc=shop host="h 1" ${tid}`,
    ],
  },
  {
    name: 'roots are spans without a parent, processes are said once per trace',
    written: { roots: true, processes: true, process_attributes: ['pid'] },
    want: [
      `{traces=process} svc=shop pid=7 ${tid}`,
      `{traces=root} span="GET /a" dur=1500000ns status=Error svc=shop pid=7 ${tid}`,
    ],
  },
  {
    name: 'events say what their span says, and their own',
    written: { events: true, event_attributes: ['type'] },
    want: [
      `{traces=event} span="GET /a" dur=1500000ns status=Error svc=shop ${tid} type=E`,
      `{traces=event} span="GET /a" dur=1500000ns status=Error svc=shop ${tid}`,
    ],
  },
  {
    name: 'keys can be renamed, and become attributes',
    written: {
      roots: true,
      labels: ['name', 'svc', 'none'],
      overrides: { logs_instance_tag: 'kind', span_name_key: 'name', trace_id_key: 'trace', duration_key: 'took' },
    },
    want: [
      `{kind=root,name=GET /a,svc=shop} name="GET /a" took=1500000ns status=Error svc=shop trace=${'ab'.repeat(16)}`,
    ],
  },
]
for (const { name, written, want } of cases) {
  test(name, async () => {
    const { lines } = await linesOf(written, [root, child])
    assert.deepEqual(lines, want)
  })
}
