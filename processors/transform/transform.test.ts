// The transform processor: groups and contexts, error modes, its own functions, what is refused in both languages.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Settings, Value } from '#component'
import { ConsumeError } from '#component'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import { Logs, Metrics, Traces } from '#pdata'
import { logsFromJson, logsToJson, metricsFromJson, metricsToJson, tracesFromJson, tracesToJson } from '#pdata/otlp'
import { otelcolProcessorTransform, transformProcessor } from './component.ts'

const map = (entries: Readonly<Record<string, Value>>): Value => new Map(Object.entries(entries))

async function run<B extends Traces | Metrics | Logs>(batch: B, written: Written, host = new TestHost()): Promise<B> {
  const taken: B[] = []
  const port = { nodeId: 'next', consume: (each: B) => void taken.push(each) }
  const signal = batch instanceof Traces ? 'traces' : batch instanceof Metrics ? 'metrics' : 'logs'
  const output = { traces: [], metrics: [], logs: [], [signal]: [{ nodeId: 'next', [signal]: { ...port, signal } }] }
  const settings = decoded(transformProcessor.settings, written)
  const component = await transformProcessor.create(host, settings, output)
  const consumer = component[signal] as { consume(batch: B): void | Promise<void> }
  await consumer.consume(batch)
  await component.stop(0)
  return taken[0] as B
}

const traces = (): Traces =>
  tracesFromJson(
    JSON.stringify({
      resourceSpans: [
        {
          resource: { attributes: [{ key: 'r', value: { stringValue: 'one' } }] },
          scopeSpans: [
            {
              scope: { name: 'lib' },
              spans: [
                { name: 'a', kind: 2, events: [{ name: 'e0' }, { name: 'e1' }] },
                { name: 'b', kind: 3 },
              ],
            },
          ],
        },
      ],
    }),
  )

interface Attribute {
  key: string
  value: Record<string, unknown>
}

function attributesOf(list: Attribute[] | undefined): Record<string, unknown> {
  return Object.fromEntries((list ?? []).map(({ key, value }) => [key, Object.values(value)[0]]))
}

/** Names and attributes of resources, scopes, spans and events. */
function shape(batch: Traces): unknown {
  const { resourceSpans } = JSON.parse(tracesToJson(batch)) as { resourceSpans: never[] }
  return resourceSpans.map(
    (group: {
      resource?: { attributes?: Attribute[] }
      scopeSpans: {
        scope?: { name?: string; attributes?: Attribute[] }
        spans: { name?: string; attributes?: Attribute[]; events?: { name?: string; attributes?: Attribute[] }[] }[]
      }[]
    }) => ({
      ...attributesOf(group.resource?.attributes),
      scopes: group.scopeSpans.map(({ scope, spans }) => ({
        scope: scope?.name,
        ...attributesOf(scope?.attributes),
        spans: spans.map(({ name, attributes, events = [] }) => [
          name,
          attributesOf(attributes),
          ...events.map((event) => [event.name, attributesOf(event.attributes)]),
        ]),
      })),
    }),
  )
}

const tracesCases: readonly { name: string; written: Written; want: unknown }[] = [
  {
    name: 'statements alone run in the lowest context that one of them names',
    written: {
      trace_statements: [
        'set(resource.attributes["r"], "two")',
        'set(span.attributes["x"], resource.attributes["r"]) where span.name == "a"',
      ],
    },
    want: [
      {
        r: 'two',
        scopes: [
          {
            scope: 'lib',
            spans: [
              ['a', { x: 'two' }, ['e0', {}], ['e1', {}]],
              ['b', {}],
            ],
          },
        ],
      },
    ],
  },
  {
    name: 'each group has its own context, paths may leave out that one',
    written: {
      trace_statements: [
        map({ context: 'resource', statements: ['set(attributes["r"], "two")'] }),
        map({
          context: 'scope',
          statements: ['set(name, "other")', 'set(attributes["from"], resource.attributes["r"])'],
        }),
        map({
          context: 'spanevent',
          statements: ['set(attributes["in"], span.name)', 'set(attributes["at"], event_index)'],
        }),
      ],
    },
    want: [
      {
        r: 'two',
        scopes: [
          {
            scope: 'other',
            from: 'two',
            spans: [
              ['a', {}, ['e0', { in: 'a', at: '0' }], ['e1', { in: 'a', at: '1' }]],
              ['b', {}],
            ],
          },
        ],
      },
    ],
  },
  {
    name: 'conditions of a group are joined with or',
    written: {
      trace_statements: [
        map({
          conditions: ['span.name == "nobody"', 'span.kind == SPAN_KIND_CLIENT'],
          statements: ['set(span.attributes["x"], 1)'],
        }),
      ],
    },
    want: [
      {
        r: 'one',
        scopes: [
          {
            scope: 'lib',
            spans: [
              ['a', {}, ['e0', {}], ['e1', {}]],
              ['b', { x: '1' }],
            ],
          },
        ],
      },
    ],
  },
  {
    name: 'the cache is new for each record and group',
    written: {
      trace_statements: [
        map({
          statements: [
            'set(span.cache["seen"], "yes") where span.name == "a"',
            'set(span.attributes["seen"], span.cache["seen"])',
          ],
        }),
        map({ statements: ['set(span.attributes["later"], span.cache["seen"])'] }),
      ],
    },
    want: [
      {
        r: 'one',
        scopes: [
          {
            scope: 'lib',
            spans: [
              ['a', { seen: 'yes' }, ['e0', {}], ['e1', {}]],
              ['b', {}],
            ],
          },
        ],
      },
    ],
  },
  {
    name: 'a function that only a lower context has takes the statements there',
    written: { trace_statements: ['set_semconv_span_name("1.37.0") where resource.attributes["r"] == "one"'] },
    want: [
      {
        r: 'one',
        scopes: [
          {
            scope: 'lib',
            spans: [
              ['a', {}, ['e0', {}], ['e1', {}]],
              ['b', {}],
            ],
          },
        ],
      },
    ],
  },
]

for (const { name, written, want } of tracesCases) {
  test(`Traces: ${name}`, async () => {
    assert.deepEqual(shape(await run(traces(), written)), want)
  })
}

test('A batch of a signal without statements goes on as it is', async () => {
  const batch = traces()
  assert.equal(await run(batch, { log_statements: ['set(log.body, "x")'] }), batch)
})

test('A batch that others have, too, is copied before it is changed', async () => {
  const batch = traces()
  batch.shared = true
  const before = tracesToJson(batch)
  await run(batch, { trace_statements: ['set(span.name, "x")'] })
  assert.equal(tracesToJson(batch), before)
})

// ------------------------------------------------------------------------------------------------------ error modes

function countOf(host: TestHost, name: string, statement: string): number | undefined {
  return host.counts.get(`${name}{group="trace_statements",statement="${statement}"}`)?.value
}

const failing = ['set(span.name, Concat([span.kind], span.kind))', 'set(span.attributes["after"], true)']

test('ignore logs a statement that fails once with its column and a record, counts it for each, and goes on', async () => {
  const host = new TestHost()
  const batch = await run(traces(), { trace_statements: failing }, host)
  assert.match(tracesToJson(batch), /"after".*"after"/)
  const lines = host.lines.filter((line) => line.includes('Cannot run an OTTL statement'))
  assert.equal(lines.length, 1)
  assert.equal(countOf(host, 'ottl_statement_errors_total', failing[0] as string), 2)
  assert.equal(countOf(host, 'ottl_statement_runs_total', failing[1] as string), 2)
})

test('silent counts and goes on without a line', async () => {
  const host = new TestHost()
  const batch = await run(traces(), { error_mode: 'silent', trace_statements: failing }, host)
  assert.match(tracesToJson(batch), /"after"/)
  assert.deepEqual(host.lines, [])
})

test('propagate refuses the batch for good, and a group can have a mode of its own', async () => {
  await assert.rejects(run(traces(), { error_mode: 'propagate', trace_statements: failing }), (error: unknown) => {
    assert.ok(error instanceof ConsumeError && !error.retryable && error.clientMayRetry)
    assert.match(
      error.message,
      /^Cannot run an OTTL statement: expected string but got int64 \(column 16: set\(span\.name, ⇒Concat/,
    )
    return true
  })
  const own = map({ error_mode: 'silent', statements: failing })
  assert.match(tracesToJson(await run(traces(), { error_mode: 'propagate', trace_statements: [own] })), /"after"/)
})

// ----------------------------------------------------------------------------------------------------------- metrics

function metric(name: string, data: object): object {
  return { name, description: 'd', unit: 's', ...data }
}

const at = { startTimeUnixNano: '1', timeUnixNano: '2' }

const sum = metric('sum', {
  sum: {
    aggregationTemporality: 2,
    isMonotonic: true,
    dataPoints: [
      {
        ...at,
        asInt: '1',
        attributes: [
          { key: 'a', value: { stringValue: 'x' } },
          { key: 'b', value: { stringValue: '1' } },
        ],
      },
      {
        ...at,
        asInt: '4',
        attributes: [
          { key: 'a', value: { stringValue: 'x' } },
          { key: 'b', value: { stringValue: '2' } },
        ],
      },
      {
        ...at,
        asInt: '10',
        attributes: [
          { key: 'a', value: { stringValue: 'y' } },
          { key: 'b', value: { stringValue: '1' } },
        ],
      },
    ],
  },
})
const gauge = metric('gauge', { gauge: { dataPoints: [{ ...at, asDouble: 1.5 }] } })
const histogram = metric('hist', {
  histogram: {
    aggregationTemporality: 1,
    dataPoints: [
      { ...at, count: '10', sum: 20, bucketCounts: ['1', '2', '3', '4'], explicitBounds: [1, 2, 4], min: 0.5, max: 8 },
    ],
  },
})
const exponential = metric('exp', {
  exponentialHistogram: {
    aggregationTemporality: 2,
    dataPoints: [
      {
        ...at,
        count: '12',
        sum: 30,
        scale: 0,
        zeroCount: '2',
        positive: { offset: 0, bucketCounts: ['3', '5'] },
        negative: { offset: 0, bucketCounts: ['2'] },
      },
    ],
  },
})
const summary = metric('summ', {
  summary: {
    dataPoints: [
      {
        ...at,
        count: '3',
        sum: 6,
        quantileValues: [
          { quantile: 0.5, value: 2 },
          { quantile: 0.999, value: 3 },
        ],
      },
      { ...at, count: '4', sum: 8, attributes: [{ key: 'a', value: { stringValue: 'x' } }] },
    ],
  },
})

function metricsOf(...metrics: object[]): Metrics {
  return metricsFromJson(JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }))
}

interface Written2 {
  resourceMetrics: { scopeMetrics: { metrics: Record<string, unknown>[] }[] }[]
}

/** Metrics as JSON has them, without times and empty fields. */
function metricShapes(batch: Metrics): unknown {
  const { resourceMetrics } = JSON.parse(metricsToJson(batch)) as Written2
  const text = JSON.stringify(resourceMetrics[0]?.scopeMetrics[0]?.metrics ?? [], (key, value: unknown) =>
    key === 'startTimeUnixNano' || key === 'timeUnixNano' || key === 'description' ? undefined : value,
  )
  return (JSON.parse(text) as Record<string, unknown>[]).map((each) => each)
}

const metricCases: readonly {
  name: string
  metrics: object[]
  statements: string[]
  want: (shapes: never[]) => unknown
  is: unknown
}[] = [
  {
    name: 'convert_sum_to_gauge and back with another temporality',
    metrics: [gauge],
    statements: ['convert_gauge_to_sum("delta", true) where metric.name == "gauge"', 'set(metric.name, "was gauge")'],
    want: (shapes) => shapes,
    is: [
      {
        name: 'was gauge',
        unit: 's',
        sum: { dataPoints: [{ asDouble: 1.5 }], aggregationTemporality: 1, isMonotonic: true },
      },
    ],
  },
  {
    name: 'aggregate_on_attributes keeps the attributes that it is given',
    metrics: [sum],
    statements: ['aggregate_on_attributes("sum", ["a"]) where metric.type == METRIC_DATA_TYPE_SUM'],
    want: pointsOf('sum'),
    is: [
      ['5', 'x'],
      ['10', 'y'],
    ],
  },
  {
    name: 'aggregate_on_attributes of all points',
    metrics: [sum],
    statements: ['aggregate_on_attributes("median", []) where metric.unit == "s"'],
    want: pointsOf('sum'),
    is: [['4']],
  },
  {
    name: 'aggregate_on_attributes counts',
    metrics: [sum],
    statements: ['aggregate_on_attributes("count", ["a"]) where metric.unit == "s"'],
    want: pointsOf('sum'),
    is: [
      ['2', 'x'],
      ['1', 'y'],
    ],
  },
  {
    name: 'aggregate_on_attributes of the same attributes only',
    metrics: [sum],
    statements: ['aggregate_on_attributes("max") where metric.unit == "s"'],
    want: pointsOf('sum'),
    is: [
      ['1', 'x', '1'],
      ['4', 'x', '2'],
      ['10', 'y', '1'],
    ],
  },
  {
    name: 'aggregate_on_attribute_value joins values under a new one',
    metrics: [sum],
    statements: ['aggregate_on_attribute_value("sum", "b", ["1", "2"], "all") where metric.unit == "s"'],
    want: pointsOf('sum'),
    is: [
      ['5', 'x', 'all'],
      ['10', 'y', 'all'],
    ],
  },
  {
    name: 'extract_count_metric and extract_sum_metric make sums that the statements behind them see',
    metrics: [histogram],
    statements: [
      'extract_count_metric(true) where metric.type == METRIC_DATA_TYPE_HISTOGRAM',
      'extract_sum_metric(false, ".total") where metric.type == METRIC_DATA_TYPE_HISTOGRAM',
      'set(metric.unit, "By") where metric.name == "hist.total"',
    ],
    want: (shapes) => shapes.slice(1),
    is: [
      {
        name: 'hist_count',
        unit: '1',
        sum: { dataPoints: [{ asInt: '10' }], aggregationTemporality: 1, isMonotonic: true },
      },
      { name: 'hist.total', unit: 'By', sum: { dataPoints: [{ asDouble: 20 }], aggregationTemporality: 1 } },
    ],
  },
  {
    name: 'convert_summary_sum_val_to_sum makes one metric of all points, whichever context it is told to be in',
    metrics: [summary],
    statements: [
      'convert_summary_sum_val_to_sum("cumulative", true) where datapoint.count > 0',
      'convert_summary_count_val_to_sum("delta", false, ".n") where datapoint.count > 0',
    ],
    want: (shapes) => shapes.slice(1),
    is: [
      {
        name: 'summ_sum',
        unit: 's',
        sum: {
          dataPoints: [{ asDouble: 6 }, { asDouble: 8, attributes: [{ key: 'a', value: { stringValue: 'x' } }] }],
          aggregationTemporality: 2,
          isMonotonic: true,
        },
      },
      {
        name: 'summ.n',
        unit: 's',
        sum: {
          dataPoints: [{ asInt: '3' }, { asInt: '4', attributes: [{ key: 'a', value: { stringValue: 'x' } }] }],
          aggregationTemporality: 1,
        },
      },
    ],
  },
  {
    name: 'convert_summary_quantile_val_to_gauge',
    metrics: [summary],
    statements: ['convert_summary_quantile_val_to_gauge("q") where metric.type == METRIC_DATA_TYPE_SUMMARY'],
    want: (shapes) => shapes.slice(1),
    is: [
      {
        name: 'summ.quantiles',
        unit: 's',
        gauge: {
          dataPoints: [
            { asDouble: 2, attributes: [{ key: 'q', value: { doubleValue: 0.5 } }] },
            { asDouble: 3, attributes: [{ key: 'q', value: { doubleValue: 0.999 } }] },
          ],
        },
      },
    ],
  },
  {
    name: 'copy_metric',
    metrics: [gauge],
    statements: ['copy_metric(name = "copy", unit = "m") where metric.name == "gauge"'],
    want: (shapes) => shapes.slice(1),
    is: [{ name: 'copy', unit: 'm', gauge: { dataPoints: [{ asDouble: 1.5 }] } }],
  },
  {
    name: 'convert_summary_count_val_to_sum takes all points of a summary, once, where one of them meets the condition',
    metrics: [summary],
    statements: ['convert_summary_count_val_to_sum("delta", false) where datapoint.attributes["a"] == "x"'],
    want: (shapes) => shapes.slice(1),
    is: [
      {
        name: 'summ_count',
        unit: 's',
        sum: {
          dataPoints: [{ asInt: '3' }, { asInt: '4', attributes: [{ key: 'a', value: { stringValue: 'x' } }] }],
          aggregationTemporality: 1,
        },
      },
    ],
  },
  {
    name: 'scale_metric',
    metrics: [histogram],
    statements: ['scale_metric(10.0, "ds") where metric.name == "hist"'],
    want: (
      shapes: { unit: string; histogram: { dataPoints: { sum: number; explicitBounds: number[]; max: number }[] } }[],
    ) => [
      shapes[0]?.unit,
      shapes[0]?.histogram.dataPoints[0]?.sum,
      shapes[0]?.histogram.dataPoints[0]?.explicitBounds,
      shapes[0]?.histogram.dataPoints[0]?.max,
    ],
    is: ['ds', 200, [10, 20, 40], 80],
  },
  {
    name: 'convert_exponential_histogram_to_histogram by upper bounds loses no count',
    metrics: [exponential],
    statements: [
      'convert_exponential_histogram_to_histogram("upper", [0.0, 1.0, 2.0, 4.0]) where metric.name == "exp"',
    ],
    want: bucketsOf,
    is: [
      ['4', '0', '3', '5', '0'],
      [0, 1, 2, 4],
    ],
  },
  {
    name: 'convert_exponential_histogram_to_histogram by midpoints',
    metrics: [exponential],
    statements: ['convert_exponential_histogram_to_histogram("midpoint", [0.0, 1.0, 2.0]) where metric.name == "exp"'],
    want: bucketsOf,
    is: [
      ['4', '0', '3', '5'],
      [0, 1, 2],
    ],
  },
  {
    name: 'convert_exponential_histogram_to_histogram uniformly',
    metrics: [exponential],
    statements: [
      'convert_exponential_histogram_to_histogram("uniform", [0.0, 2.0, 3.0, 4.0]) where metric.name == "exp"',
    ],
    want: bucketsOf,
    is: [
      ['4', '5', '2', '1', '0'],
      [0, 2, 3, 4],
    ],
  },
  {
    name: 'merge_histogram_buckets at a bound',
    metrics: [histogram],
    statements: ['merge_histogram_buckets(2.0) where metric.name == "hist"'],
    want: bucketsOf,
    is: [
      ['1', '5', '4'],
      [1, 4],
    ],
  },
  {
    name: 'merge_histogram_buckets to a number of buckets',
    metrics: [histogram],
    statements: ['merge_histogram_buckets(2, method = "limit_buckets") where datapoint.count > 0'],
    want: bucketsOf,
    is: [['3', '7'], [2]],
  },
  {
    name: 'extract_percentile_metric',
    metrics: [histogram],
    statements: ['extract_percentile_metric(50.0) where metric.name == "hist"'],
    want: (shapes: { name: string; gauge: { dataPoints: { asDouble: number }[] } }[]) => [
      shapes[1]?.name,
      shapes[1]?.gauge.dataPoints[0]?.asDouble,
    ],
    is: ['hist_p50', 2 + (2 * 2) / 3],
  },
]

function pointsOf(kind: string): (shapes: never[]) => unknown {
  return (shapes: Record<string, { dataPoints: { asInt: string; attributes?: Attribute[] }[] }>[]) =>
    shapes[0]?.[kind]?.dataPoints.map(({ asInt, attributes }) => [asInt, ...Object.values(attributesOf(attributes))])
}

function bucketsOf(
  shapes: { histogram: { dataPoints: { bucketCounts: string[]; explicitBounds: number[] }[] } }[],
): unknown {
  const point = shapes[0]?.histogram.dataPoints[0]
  return [point?.bucketCounts, point?.explicitBounds]
}

for (const { name, metrics, statements, want, is } of metricCases) {
  test(`Metrics: ${name}`, async () => {
    const batch = await run(metricsOf(...metrics), { error_mode: 'propagate', metric_statements: statements })
    assert.deepEqual(want(metricShapes(batch) as never[]), is)
  })
}

test('Metrics: copies of copies come to an end', async () => {
  const settings = { metric_statements: ['copy_metric()'] }
  const batch = await run(metricsOf(gauge), settings)
  assert.equal((metricShapes(batch) as unknown[]).length, 6)
  await assert.rejects(run(metricsOf(gauge), { ...settings, error_mode: 'propagate' }), /made ones without end/)
})

test('At random, each bucket of an exponential histogram goes somewhere whole', async () => {
  const statements = [
    'convert_exponential_histogram_to_histogram("random", [1.0, 1.5, 2.0, 3.0]) where metric.name == "exp"',
  ]
  const batch = await run(metricsOf(exponential), { metric_statements: statements })
  const [counts] = bucketsOf(metricShapes(batch) as never[]) as [string[]]
  assert.equal(
    counts.reduce((all, count) => all + Number(count), 0),
    12,
  )
})

test('Points that statements make and take away are counted', async () => {
  const host = new TestHost()
  await run(
    metricsOf(sum, histogram),
    {
      metric_statements: [
        'extract_count_metric(true) where metric.name == "hist"',
        'aggregate_on_attributes("sum", []) where metric.name == "sum"',
      ],
    },
    host,
  )
  // Four points came in, two were merged away, one was made.
  assert.equal(host.counters.out, 3)
  assert.deepEqual([...host.counters.droppedByReason], [['merged by statements', 1]])
})

// -------------------------------------------------------------------------------------------------------------- logs

const logs = (): Logs =>
  logsFromJson(
    JSON.stringify({
      resourceLogs: [
        {
          resource: { attributes: [{ key: 'r', value: { stringValue: 'one' } }] },
          scopeLogs: [
            {
              logRecords: ['a', 'b', 'a'].map((to) => ({
                body: { stringValue: to },
                attributes: [{ key: 'to', value: { stringValue: to } }],
              })),
            },
          ],
        },
      ],
    }),
  )

test('flatten_data gives each record a resource of its own, and groups them anew', async () => {
  const written = { flatten_data: true, log_statements: ['set(resource.attributes["to"], log.attributes["to"])'] }
  const { resourceLogs } = JSON.parse(logsToJson(await run(logs(), written))) as {
    resourceLogs: { resource: { attributes: Attribute[] }; scopeLogs: { logRecords: unknown[] }[] }[]
  }
  assert.deepEqual(
    resourceLogs.map(({ resource, scopeLogs }) => [attributesOf(resource.attributes), scopeLogs[0]?.logRecords.length]),
    [
      [{ r: 'one', to: 'a' }, 2],
      [{ r: 'one', to: 'b' }, 1],
    ],
  )
})

const spanNames: readonly { kind: number; attributes: Record<string, string | boolean>; want: string }[] = [
  { kind: 2, attributes: { 'http.request.method': 'GET', 'http.route': '/x/{id}' }, want: 'GET /x/{id}' },
  { kind: 2, attributes: { 'http.method': 'GET' }, want: 'GET' },
  { kind: 3, attributes: { 'http.request.method': 'GET', 'url.template': '/u' }, want: 'GET /u' },
  { kind: 3, attributes: { 'rpc.system': 'grpc', 'rpc.service': 'S', 'rpc.method': 'M' }, want: 'S/M' },
  { kind: 3, attributes: { 'rpc.system': 'grpc', 'rpc.service': 'S' }, want: 'S/*' },
  {
    kind: 3,
    attributes: { 'db.system': 'pg', 'db.operation': 'SELECT', 'db.name': 'n', 'db.collection.name': 't' },
    want: 'SELECT n.t',
  },
  { kind: 3, attributes: { 'db.system.name': 'pg', 'db.query.summary': 'SELECT t' }, want: 'SELECT t' },
  { kind: 3, attributes: { 'db.system.name': 'pg' }, want: 'pg' },
  {
    kind: 5,
    attributes: {
      'messaging.system': 'kafka',
      'messaging.operation.name': 'process',
      'messaging.destination.name': 'q',
    },
    want: 'process q',
  },
  {
    kind: 4,
    attributes: { 'messaging.system': 'kafka', 'messaging.destination.temporary': true },
    want: '(temporary)',
  },
  { kind: 1, attributes: { 'http.request.method': 'GET' }, want: 'old' },
]

for (const { kind, attributes, want } of spanNames) {
  test(`set_semconv_span_name gives ${want} for kind ${kind} with ${Object.keys(attributes).join(', ')}`, async () => {
    const list = Object.entries(attributes).map(([key, value]) => ({
      key,
      value: typeof value === 'string' ? { stringValue: value } : { boolValue: value },
    }))
    const batch = tracesFromJson(
      JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [{ name: 'old', kind, attributes: list }] }] }] }),
    )
    const statement = 'set_semconv_span_name("1.37.0", "was")'
    const done = JSON.parse(tracesToJson(await run(batch, { trace_statements: [statement] }))) as {
      resourceSpans: { scopeSpans: { spans: { name: string; attributes: Attribute[] }[] }[] }[]
    }
    const span = done.resourceSpans[0]?.scopeSpans[0]?.spans[0]
    assert.equal(span?.name, want)
    assert.equal(attributesOf(span?.attributes)['was'], want === 'old' ? undefined : 'old')
  })
}

// ----------------------------------------------------------------------------------------------------------- refused

test('Everything that is wrong with the statements is found at once, in both languages', () => {
  const good = 'set(span.name, "x")'
  assert.deepEqual(
    problemsOf(transformProcessor.settings as Settings<object>, {
      trace_statements: [good, 'set(span.nam, 1)', 'set(span.name'],
      log_statements: ['set(span.name, 1)'],
      metric_statements: [map({ context: 'spam', statements: [] })],
    }),
    [
      'unknown path "span.nam", did you mean "span.name"? (context span) (column 5: set(⇒span.nam, 1))',
      'expected ")" or "," behind an argument, found the end (column 14: set(span.name⇒)',
      'unknown context "spam"; there are datapoint, metric, scope, resource',
      'unknown context "span"; there are log, scope, resource',
    ],
  )
  const output = { traces: [] as Value[] } as Written
  assert.deepEqual(
    problemsOf(otelcolProcessorTransform.settings as Settings<object>, {
      trace_statements: [{ context: 'span', statements: ['set(nam, 1)'], conditions: ['kind ='] }],
      statements: { log: ['set(log.bodi, 1)'] },
      output,
    }),
    [
      'unknown path "nam", did you mean "name"? (context span) (column 5: set(⇒nam, 1))',
      'expected a comparison (==, !=, <, <=, >, >=), found "=" (column 6: kind ⇒=)',
      'unknown path "log.bodi", did you mean "log.body"? (context log) (column 5: set(⇒log.bodi, 1))',
    ],
  )
})

const wrongSettings: readonly { name: string; written: Written; want: string }[] = [
  {
    name: 'texts and groups in one list',
    written: { trace_statements: ['set(span.name, "x")', map({ statements: [] })] },
    want: 'texts and groups cannot be mixed in one list',
  },
  {
    name: 'an unknown key',
    written: { trace_statements: [map({ statement: [] })] },
    want: 'unrecognized key "statement": there are context, error_mode, conditions, statements',
  },
  {
    name: 'an unknown error mode',
    written: { trace_statements: [map({ error_mode: 'ignored' })] },
    want: 'should be one of ignore, silent, propagate, got "ignored"',
  },
  {
    name: 'profiles',
    written: { log_statements: [map({ context: 'profile', statements: [] })] },
    want: 'profiles are not supported: there are traces, metrics and logs',
  },
  {
    name: 'statements that name no context',
    written: { log_statements: ['set("a", 1)'] },
    want: 'no path names its context: put one of log, scope, resource in front of a path, as in "log.attributes"',
  },
  {
    name: 'a temporality that there is not',
    written: { metric_statements: ['convert_gauge_to_sum("total", true) where metric.name == "x"'] },
    want: 'unknown aggregation temporality: total (column 1: ⇒convert_gauge_to_sum("total", true) wher…)',
  },
]

for (const { name, written, want } of wrongSettings) {
  test(`Refused: ${name}`, () => {
    assert.deepEqual(problemsOf(transformProcessor.settings as Settings<object>, written), [want])
  })
}
