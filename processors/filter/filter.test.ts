// The filter processor: conditions of every level in both forms, include and exclude, error modes, what is refused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Settings, TracesPort, Value } from '#component'
import { ConsumeError } from '#component'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import { Logs, Metrics, Traces } from '#pdata'
import {
  logsFromJson,
  logsToJson,
  logsWire,
  metricsFromJson,
  metricsToJson,
  metricsWire,
  readLogsRequest,
  readMetricsRequest,
  readTracesRequest,
  tracesFromJson,
  tracesToJson,
  tracesWire,
} from '#pdata/otlp'
import { filterProcessor, otelcolProcessorFilter } from './component.ts'

const map = (entries: Readonly<Record<string, Value>>): Value => new Map(Object.entries(entries))
const text = (key: string, value: string): object => ({ key, value: { stringValue: value } })
const int = (key: string, value: number): object => ({ key, value: { intValue: String(value) } })

interface Outcome<B> {
  readonly batch: B | undefined
  readonly host: TestHost
}

async function run<B extends Traces | Metrics | Logs>(
  batch: B,
  written: Written,
  host = new TestHost(),
): Promise<Outcome<B>> {
  const taken: B[] = []
  const signal = batch instanceof Traces ? 'traces' : batch instanceof Metrics ? 'metrics' : 'logs'
  const port = { nodeId: 'next', signal, consume: (each: B) => void taken.push(each) }
  const output = { traces: [], metrics: [], logs: [], [signal]: [{ nodeId: 'next', [signal]: port }] }
  const component = await filterProcessor.create(host, decoded(filterProcessor.settings, written), output)
  await (component[signal] as { consume(batch: B): void | Promise<void> }).consume(batch)
  await component.stop(0)
  return { batch: taken[0], host }
}

// ----------------------------------------------------------------------------------------------------------- batches

const tracesText = JSON.stringify({
  resourceSpans: [
    {
      resource: { attributes: [text('service.name', 'shop'), text('host', 'h1')] },
      scopeSpans: [
        {
          scope: { name: 'lib', version: '1' },
          spans: [
            {
              name: 'GET /',
              kind: 2,
              traceId: '0102030405060708090a0b0c0d0e0f10',
              spanId: '0102030405060708',
              attributes: [text('http.target', '/healthz'), int('code', 200)],
              status: { code: 1 },
            },
            {
              name: 'GET /x',
              kind: 2,
              attributes: [text('http.target', '/x'), int('code', 500)],
              status: { code: 2, message: 'bad' },
              events: [{ name: 'e' }, { name: 'f' }],
            },
            {
              name: 'SELECT',
              kind: 3,
              attributes: [{ key: 'deep', value: { kvlistValue: { values: [text('a', 'b')] } } }],
            },
          ],
        },
        {
          scope: { name: 'other' },
          spans: [
            {
              name: 'lone',
              attributes: [
                { key: 'n' },
                { key: 'd', value: { doubleValue: 2.5 } },
                { key: 'b', value: { boolValue: true } },
              ],
            },
          ],
        },
      ],
    },
    {
      resource: { attributes: [text('service.name', 'cart')] },
      scopeSpans: [{ spans: [{ name: 'GET /', kind: 1, attributes: [text('http.target', '/healthz')] }] }],
    },
  ],
})
const logsText = JSON.stringify({
  resourceLogs: [
    {
      resource: { attributes: [text('service.name', 'shop')] },
      scopeLogs: [
        {
          scope: { name: 'lib' },
          logRecords: [
            { severityNumber: 5, severityText: 'DEBUG', body: { stringValue: 'noise' }, attributes: [text('k', 'v')] },
            { severityNumber: 17, severityText: 'ERROR', body: { stringValue: 'bad' } },
            { body: { intValue: '5' }, attributes: [text('k', 'w')] },
          ],
        },
      ],
    },
    {
      resource: { attributes: [text('service.name', 'cart')] },
      scopeLogs: [{ logRecords: [{ severityNumber: 9, body: { stringValue: 'fine' } }] }],
    },
  ],
})
const point = (value: string): object => ({ asInt: '1', attributes: [text('a', value)] })
const metricsText = JSON.stringify({
  resourceMetrics: [
    {
      resource: { attributes: [text('service.name', 'shop')] },
      scopeMetrics: [
        {
          metrics: [
            { name: 'one', gauge: { dataPoints: [point('x'), point('y')] } },
            { name: 'two', sum: { dataPoints: [point('x')], aggregationTemporality: 2 } },
            { name: 'three', histogram: { dataPoints: [{ count: '1' }] } },
          ],
        },
      ],
    },
    {
      resource: { attributes: [text('service.name', 'cart')] },
      scopeMetrics: [{ metrics: [{ name: 'one', gauge: { dataPoints: [point('z')] } }] }],
    },
  ],
})

/** As they come from a receiver (bytes), and as a processor leaves them (objects). */
const tracesForms = {
  wire: () => readTracesRequest(tracesWire(tracesFromJson(tracesText))[0] as Uint8Array),
  tree: () => tracesFromJson(tracesText),
}
const logsForms = {
  wire: () => readLogsRequest(logsWire(logsFromJson(logsText))[0] as Uint8Array),
  tree: () => logsFromJson(logsText),
}
const metricsForms = {
  wire: () => readMetricsRequest(metricsWire(metricsFromJson(metricsText))[0] as Uint8Array),
  tree: () => metricsFromJson(metricsText),
}

interface Groups {
  resourceSpans?: { scopeSpans: { spans: { name: string; events?: { name: string }[] }[] }[] }[]
  resourceLogs?: { scopeLogs: { logRecords: { body: object }[] }[] }[]
  resourceMetrics?: { scopeMetrics: { metrics: { name: string; gauge?: { dataPoints: unknown[] } }[] }[] }[]
}

function spansOf(batch: Traces | undefined): unknown {
  if (batch === undefined) return []
  const { resourceSpans = [] } = JSON.parse(tracesToJson(batch)) as Groups
  return resourceSpans.map(({ scopeSpans }) =>
    scopeSpans.map(({ spans }) =>
      spans.map(({ name, events = [] }) => [name, ...events.map((event) => event.name)].join('+')),
    ),
  )
}

function recordsOf(batch: Logs | undefined): unknown {
  if (batch === undefined) return []
  const { resourceLogs = [] } = JSON.parse(logsToJson(batch)) as Groups
  return resourceLogs.map(({ scopeLogs }) =>
    scopeLogs.map(({ logRecords }) => logRecords.map(({ body }) => Object.values(body)[0])),
  )
}

function metricsOf(batch: Metrics | undefined): unknown {
  if (batch === undefined) return []
  const { resourceMetrics = [] } = JSON.parse(metricsToJson(batch)) as Groups
  return resourceMetrics.map(({ scopeMetrics }) =>
    scopeMetrics.map(({ metrics }) => metrics.map(({ name, gauge }) => `${name}${gauge?.dataPoints.length ?? ''}`)),
  )
}

// ------------------------------------------------------------------------------------------------------------- spans

const all = [[['GET /', 'GET /x+e+f', 'SELECT'], ['lone']], [['GET /']]]

const spanCases: readonly { written: Written; want: unknown }[] = [
  { written: {}, want: all },
  {
    written: { traces: { span: ['attributes["http.target"] == "/healthz"'] } },
    want: [[['GET /x+e+f', 'SELECT'], ['lone']]],
  },
  { written: { traces: { span: ['attributes["http.target"] != "/healthz"'] } }, want: [[['GET /']], [['GET /']]] },
  {
    written: { traces: { span: ['attributes["http.target"] == nil'] } },
    want: [[['GET /', 'GET /x+e+f']], [['GET /']]],
  },
  { written: { traces: { span: ['attributes["n"] != nil'] } }, want: all },
  {
    written: { traces: { span: ['attributes["code"] >= 500', 'name == "lone"'] } },
    want: [[['GET /', 'SELECT']], [['GET /']]],
  },
  {
    written: { traces: { span: ['attributes["d"] > 2 and attributes["b"] == true'] } },
    want: [[['GET /', 'GET /x+e+f', 'SELECT']], [['GET /']]],
  },
  {
    written: { traces: { span: ['not (kind == SPAN_KIND_SERVER or kind == SPAN_KIND_CLIENT)'] } },
    want: [[['GET /', 'GET /x+e+f', 'SELECT']]],
  },
  {
    written: { traces: { span: ['kind.string == "Unspecified"'] } },
    want: [[['GET /', 'GET /x+e+f', 'SELECT']], [['GET /']]],
  },
  { written: { traces: { span: ['status.code == STATUS_CODE_UNSET'] } }, want: [[['GET /', 'GET /x+e+f']]] },
  { written: { traces: { span: ['not IsRootSpan()'] } }, want: all },
  {
    written: { traces: { span: ['IsRootSpan() and IsMatch(name, "^GET")'] } },
    want: [[['SELECT'], ['lone']]],
  },
  { written: { traces: { span: ['status.message == "bad"'] } }, want: [[['GET /', 'SELECT'], ['lone']], [['GET /']]] },
  {
    written: { traces: { span: ['trace_id.string == "0102030405060708090a0b0c0d0e0f10"'] } },
    want: [[['GET /x+e+f', 'SELECT'], ['lone']], [['GET /']]],
  },
  {
    written: { traces: { span: ['attributes["deep"]["a"] == "b"'] } },
    want: [[['GET /', 'GET /x+e+f'], ['lone']], [['GET /']]],
  },
  {
    written: { traces: { span: ['resource.attributes["service.name"] == "cart" and scope.name == ""'] } },
    want: [all[0]],
  },
  { written: { traces: { span: ['instrumentation_scope.version == "1"'] } }, want: [[['lone']], [['GET /']]] },
  { written: { traces: { resource: ['attributes["host"] == nil'] } }, want: [all[0]] },
  { written: { traces: { resource: ['attributes["service.name"] == "shop"'] } }, want: [all[1]] },
  { written: { traces: { resource: ['true'] } }, want: [] },
  { written: { traces: { span: ['IsRootSpan() and IsMatch(name, "^GET")'] } }, want: [[['SELECT'], ['lone']]] },
  {
    written: { traces: { span: ['IsMatch(attributes["http.target"], "^/health")'] } },
    want: [[['GET /x+e+f', 'SELECT'], ['lone']]],
  },
  {
    written: { traces: { spanevent: ['name == "e" and span.kind == 2'] } },
    want: [[['GET /', 'GET /x+f', 'SELECT'], ['lone']], [['GET /']]],
  },
  {
    written: {
      traces: { resource: ['attributes["service.name"] == "cart"'], span: ['name == "GET /"'], spanevent: ['true'] },
    },
    want: [[['GET /x', 'SELECT'], ['lone']]],
  },
  {
    written: { trace_conditions: ['span.name == "SELECT"', 'resource.attributes["service.name"] == "cart"'] },
    want: [[['GET /', 'GET /x+e+f'], ['lone']]],
  },
  {
    written: {
      trace_conditions: [
        map({ context: 'scope', conditions: ['name == "other"'] }),
        map({ conditions: ['span.kind == 3'] }),
      ],
    },
    want: [[['GET /', 'GET /x+e+f']], [['GET /']]],
  },
  {
    written: {
      spans: {
        include: { match_type: 'strict', services: ['shop'] },
        exclude: { match_type: 'regexp', span_names: ['^GET'] },
      },
    },
    want: [[['SELECT'], ['lone']]],
  },
]

for (const { written, want } of spanCases) {
  for (const [form, make] of Object.entries(tracesForms)) {
    test(`Spans (${form}): ${JSON.stringify(written)}`, async () => {
      const { batch, host } = await run(make(), written)
      assert.deepEqual(spansOf(batch), want)
      assert.equal(host.counters.out + host.counters.dropped, 5)
      assert.equal(host.counters.droppedByReason.get('filtered') ?? 0, 5 - (batch?.count ?? 0))
    })
  }
}

// -------------------------------------------------------------------------------------------------------------- logs

const logCases: readonly { written: Written; want: unknown }[] = [
  { written: { logs: { log_record: ['severity_number < SEVERITY_NUMBER_INFO'] } }, want: [[['bad']], [['fine']]] },
  { written: { logs: { log_record: ['severity_text == "DEBUG" or body == "bad"'] } }, want: [[['5']], [['fine']]] },
  { written: { logs: { log_record: ['body == 5'] } }, want: [[['noise', 'bad']], [['fine']]] },
  {
    written: { logs: { log_record: ['attributes["k"] == "w" and resource.attributes["service.name"] == "shop"'] } },
    want: [[['noise', 'bad']], [['fine']]],
  },
  { written: { logs: { resource: ['attributes["service.name"] == "shop"'] } }, want: [[['fine']]] },
  { written: { log_conditions: ['scope.name == "lib"'] }, want: [[['fine']]] },
  {
    written: { logs: { include: { match_type: 'strict', severity_number: { min: 'info' } } } },
    want: [[['bad']], [['fine']]],
  },
  { written: { logs: { exclude: { match_type: 'regexp', bodies: ['^n', 'bad', '^5'] } } }, want: [[['fine']]] },
  {
    written: {
      logs: { include: { match_type: 'strict', resource_attributes: [{ key: 'service.name', value: 'cart' }] } },
    },
    want: [[['fine']]],
  },
]

for (const { written, want } of logCases) {
  for (const [form, make] of Object.entries(logsForms)) {
    test(`Logs (${form}): ${JSON.stringify(written)}`, async () => {
      const { batch, host } = await run(make(), written)
      assert.deepEqual(recordsOf(batch), want)
      assert.equal(host.counters.out + host.counters.dropped, 4)
    })
  }
}

// ----------------------------------------------------------------------------------------------------------- metrics

const metricCases: readonly { written: Written; want: unknown }[] = [
  {
    written: { metrics: { metric: ['name == "one" and resource.attributes["service.name"] == "shop"'] } },
    want: [[['two', 'three']], [['one1']]],
  },
  { written: { metrics: { metric: ['type == METRIC_DATA_TYPE_HISTOGRAM'] } }, want: [[['one2', 'two']], [['one1']]] },
  { written: { metrics: { metric: ['HasAttrKeyOnDatapoint("a")'] } }, want: [[['three']]] },
  { written: { metrics: { metric: ['HasAttrOnDatapoint("a", "z")'] } }, want: [[['one2', 'two', 'three']]] },
  { written: { metrics: { datapoint: ['attributes["a"] == "x"'] } }, want: [[['one1', 'three']], [['one1']]] },
  { written: { metrics: { datapoint: ['metric.name == "one"'] } }, want: [[['two', 'three']]] },
  {
    written: { metrics: { resource: ['attributes["service.name"] == "cart"'], datapoint: ['attributes["a"] == "y"'] } },
    want: [[['one1', 'two', 'three']]],
  },
  { written: { metric_conditions: ['metric.name == "three"'] }, want: [[['one2', 'two']], [['one1']]] },
  { written: { metric_conditions: ['datapoint.attributes["a"] == "z"'] }, want: [[['one2', 'two', 'three']]] },
  { written: { metrics: { include: { match_type: 'regexp', metric_names: ['^t'] } } }, want: [[['two', 'three']]] },
  {
    written: {
      metrics: {
        exclude: {
          match_type: 'strict',
          metric_names: ['two'],
          resource_attributes: [{ key: 'service.name', value: 'cart' }],
        },
      },
    },
    want: [[['one2', 'three']]],
  },
  { written: expressions('include', 'MetricName == "one"'), want: [[['one2']], [['one1']]] },
  { written: expressions('include', 'Label("a") == "z"', 'MetricType == "Sum"'), want: [[['two']], [['one1']]] },
  { written: expressions('exclude', 'HasLabel("a")'), want: [[['three']]] },
  {
    written: expressions('exclude', 'Label("none") == "" and MetricName matches "^t"'),
    want: [[['one2']], [['one1']]],
  },
  {
    written: {
      metrics: {
        include: { match_type: 'expr', expressions: ['HasLabel("a")'] },
        exclude: { match_type: 'regexp', metric_names: ['^t'] },
      },
    },
    want: [[['one2']], [['one1']]],
  },
  { written: expressions('include'), want: [[['one2', 'two', 'three']], [['one1']]] },
  {
    written: {
      metrics: {
        include: { match_type: 'expr', metric_names: ['two'], resource_attributes: [{ key: 'service.name' }] },
      },
    },
    want: [[['one2', 'two', 'three']], [['one1']]],
  },
]

function expressions(side: string, ...texts: readonly string[]): Written {
  return { metrics: { [side]: { match_type: 'expr', expressions: texts } } }
}

for (const { written, want } of metricCases) {
  for (const [form, make] of Object.entries(metricsForms)) {
    test(`Metrics (${form}): ${JSON.stringify(written)}`, async () => {
      const { batch, host } = await run(make(), written)
      assert.deepEqual(metricsOf(batch), want)
      assert.equal(host.counters.out + host.counters.dropped, 5)
    })
  }
}

// ------------------------------------------------------------------------------------------------------ error modes

const failing = 'Concat([name], attributes["code"]) == "x"'

test('A condition that fails is not met: logged once with ignore, not at all with silent; propagate refuses', async () => {
  const { batch, host } = await run(tracesForms.tree(), { traces: { span: [failing, 'name == "SELECT"'] } })
  assert.equal(batch?.count, 4)
  assert.equal(host.lines.length, 1)
  const silent = await run(tracesForms.tree(), { error_mode: 'silent', traces: { span: [failing] } })
  assert.equal(silent.batch?.count, 5)
  assert.deepEqual(silent.host.lines, [])
  await assert.rejects(
    run(tracesForms.wire(), { error_mode: 'propagate', traces: { span: [failing] } }),
    (error: unknown) => error instanceof ConsumeError && !error.retryable,
  )
})

test('An expression that fails refuses the batch, whatever the error mode', async () => {
  await assert.rejects(
    run(metricsForms.wire(), { error_mode: 'silent', ...expressions('include', 'Label(lower(MetricName) + "") > 1') }),
    (error: unknown) => error instanceof ConsumeError && !error.retryable && /Label\(lower/.test(error.message),
  )
})

// ----------------------------------------------------------------------------------------------------------- refused

const wrong: readonly { written: Written; want: string[] }[] = [
  {
    written: { traces: { span: ['attributes["x"] = 1', 'nam == "x"'] } },
    want: [
      'expected a comparison (==, !=, <, <=, >, >=), found "=" (column 17: attributes["x"] ⇒= 1)',
      'unknown path "nam", did you mean "name"? (context span) (column 1: ⇒nam == "x")',
    ],
  },
  {
    written: { trace_conditions: ['span.name == "x"'], traces: { span: ['true'] } },
    want: ['"trace_conditions" cannot be used together with other conditions for traces'],
  },
  {
    written: { logs: { log_record: ['true'], include: { match_type: 'strict', bodies: ['x'] } } },
    want: ['"include" and "exclude" cannot be used together with other conditions for logs'],
  },
  {
    written: { metrics: { include: { match_type: 'expr', expressions: ['HasLabel()', 'MetricNam == "x"'] } } },
    want: [
      'Cannot compile the expression: HasLabel takes 1 argument(s): there are 0 (1:1)',
      'Cannot compile the expression: unknown name MetricNam; did you mean MetricName? (1:1)',
    ],
  },
  {
    written: { metrics: { exclude: { match_type: 'expr', expressions: ['HasLabel(1)'] } } },
    want: ['Cannot compile the expression: HasLabel takes a string, got int (1:10)'],
  },
  {
    written: { metrics: { exclude: { match_type: 'expr', expressions: ['1'] } } },
    want: ['Cannot compile the expression: expected bool, but got int'],
  },
  {
    written: {
      metrics: { include: { match_type: 'expr', resource_attributes: [{ key: 'service.name', value: 'cart' }] } },
    },
    want: ['unrecognized match_type "expr": valid types are regexp and strict'],
  },
  {
    written: { spans: { include: { match_type: 'glob', services: ['x'] } } },
    want: ['unrecognized match_type "glob": valid types are regexp and strict'],
  },
  {
    written: { logs: { include: { match_type: 'strict', severity_number: { min: 'loud' } } } },
    want: ['"LOUD" is not a valid severity'],
  },
  { written: { profile_conditions: ['true'] }, want: ['"profile_conditions": profiles are not supported'] },
  {
    written: { traces: { span: ['set(name, "x")'] } },
    want: ['converter names must start with an uppercase letter but got "set" (column 1: ⇒set(name, "x"))'],
  },
]

for (const { written, want } of wrong) {
  test(`Refused: ${JSON.stringify(written)}`, () => {
    assert.deepEqual(problemsOf(filterProcessor.settings as Settings<object>, written), want)
  })
}

test("Alloy's face takes the same conditions, and refuses two ways at once", () => {
  const output = { traces: [] as Value[] } as Written
  const schema = otelcolProcessorFilter.settings as Settings<object>
  assert.deepEqual(
    problemsOf(schema, {
      traces: { span: ['name == "x"'] },
      log_conditions: [{ conditions: ['log.body == "x"'] }],
      output,
    }),
    [],
  )
  assert.deepEqual(
    problemsOf(schema, {
      traces: { span: ['name == 1'] },
      trace_conditions: [{ context: 'span', conditions: ['nam == 1'] }],
      output,
    }),
    [
      '"trace_conditions" cannot be used together with "traces"',
      'unknown path "nam", did you mean "name"? (context span) (column 1: ⇒nam == 1)',
    ],
  )
})

test("what is dropped counts under upstream's names too", async () => {
  const host = new TestHost()
  const settings = decoded(filterProcessor.settings, { traces: { span: ['span.name == "x"'] } })
  const port: TracesPort = { nodeId: 'next', signal: 'traces', consume: () => {} }
  const filter = await filterProcessor.create(host, settings, {
    traces: [{ nodeId: 'next', traces: port }],
    metrics: [],
    logs: [],
  })
  const spans = ['x', 'y', 'x'].map((name) => ({ name }))
  await filter.traces?.consume(tracesFromJson(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] })))
  assert.equal(
    host.counts.get('otelcol_processor_filter_spans_filtered_total{filter="filter/test.component.x"}')?.value,
    2,
  )
  assert.equal(
    host.counts.get('otelcol_processor_filter_logs_filtered_total{filter="filter/test.component.x"}')?.value,
    0,
  )
})
