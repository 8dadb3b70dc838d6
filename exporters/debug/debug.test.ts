import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { after, test } from 'node:test'
import type { Component } from '#component'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import { logsFromJson, metricsFromJson, tracesFromJson } from '#pdata/otlp'
import { debugExporter, otelcolExporterDebug } from './component.ts'
import { Debug, type Verbosity } from './debug.ts'
import { fixed, severity, shortest } from './words.ts'

const root = await mkdtemp(join(tmpdir(), 'solder-debug-'))
after(() => rm(root, { recursive: true, force: true }))

const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] }
const attributes = [
  { key: 'n', value: { intValue: '42' } },
  { key: 'l', value: { arrayValue: { values: [{ stringValue: 'x' }, { doubleValue: 1.5 }] } } },
]
const traces = {
  resourceSpans: [
    {
      resource,
      schemaUrl: 'https://schema',
      scopeSpans: [
        {
          scope: { name: 'lib', version: '1' },
          spans: [
            {
              traceId: '5b8efff798038103d269b633813fc60c',
              spanId: 'eee19b7ec3c1b174',
              name: 'GET /',
              kind: 2,
              startTimeUnixNano: '1544712660300000000',
              endTimeUnixNano: '1544712661000000000',
              attributes,
              events: [{ timeUnixNano: '1544712660300000001', name: 'e', attributes: attributes.slice(0, 1) }],
              status: { code: 2, message: 'bad' },
            },
          ],
        },
      ],
    },
  ],
}
const logs = {
  resourceLogs: [
    {
      resource,
      scopeLogs: [
        { logRecords: [{ body: { stringValue: 'hello' }, severityNumber: 10, severityText: 'Info', attributes }] },
      ],
    },
  ],
}
const point = { timeUnixNano: '1544712660300000000', attributes: attributes.slice(0, 1) }
const metrics = {
  resourceMetrics: [
    {
      resource,
      scopeMetrics: [
        {
          metrics: [
            {
              name: 'c',
              unit: '1',
              sum: { isMonotonic: true, aggregationTemporality: 2, dataPoints: [{ ...point, asInt: '5' }] },
            },
            {
              name: 'h',
              histogram: {
                aggregationTemporality: 1,
                dataPoints: [
                  { ...point, count: '3', sum: 4.5, bucketCounts: ['1', '2'], explicitBounds: [0.25], min: 0.1 },
                ],
              },
            },
            {
              name: 'e',
              exponentialHistogram: {
                aggregationTemporality: 2,
                dataPoints: [{ ...point, count: '3', scale: 0, zeroCount: '1', positive: { bucketCounts: ['2'] } }],
              },
            },
            {
              name: 's',
              summary: {
                dataPoints: [{ ...point, count: '2', sum: 3, quantileValues: [{ quantile: 0.5, value: 1e6 }] }],
              },
            },
          ],
        },
      ],
    },
  ],
}

async function shownAs(verbosity: Verbosity, run: (component: Component) => unknown): Promise<string> {
  const host = new TestHost()
  const output = new PassThrough()
  const plain = { verbosity, samplingInitial: 2, samplingThereafter: 1, useInternalLogger: false, outputPaths: ['x'] }
  const component = new Debug(host, plain, () => output)
  component.start()
  await run(component)
  output.end()
  assert.ok(host.counters.out > 0)
  return Buffer.concat(await output.toArray()).toString()
}

const send = {
  traces: (c: Component) => c.traces?.consume(tracesFromJson(JSON.stringify(traces))),
  logs: (c: Component) => c.logs?.consume(logsFromJson(JSON.stringify(logs))),
  metrics: (c: Component) => c.metrics?.consume(metricsFromJson(JSON.stringify(metrics))),
}

test('basic shows counts', async () => {
  assert.equal(await shownAs('basic', send.traces), 'Traces\t{"resource spans": 1, "spans": 1}\n')
  assert.equal(await shownAs('basic', send.logs), 'Logs\t{"resource logs": 1, "log records": 1}\n')
  assert.equal(
    await shownAs('basic', send.metrics),
    'Metrics\t{"resource metrics": 1, "metrics": 4, "data points": 4}\n',
  )
})

const lines = (text: string): string[] => text.split('\n').slice(1)

test('normal shows a line for each item', async () => {
  assert.deepEqual(lines(await shownAs('normal', send.traces)), [
    'ResourceTraces #0 [https://schema] service.name=shop',
    'ScopeTraces #0 lib@1',
    'GET / 5b8efff798038103d269b633813fc60c eee19b7ec3c1b174 n=42 l=["x",1.5]',
    '',
    '',
  ])
  assert.deepEqual(lines(await shownAs('normal', send.logs)), [
    'ResourceLog #0 service.name=shop',
    'ScopeLog #0',
    'hello n=42 l=["x",1.5]',
    '',
    '',
  ])
  assert.deepEqual(lines(await shownAs('normal', send.metrics)), [
    'ResourceMetrics #0 service.name=shop',
    'ScopeMetrics #0',
    'c{n=42} 5',
    'h{n=42} count=3 sum=4.5 min=0.1 le0.25=1 2',
    'e{n=42} count=3 zero=1 le2=2',
    's{n=42} count=2 sum=3.000000 q0.5=1e+06',
    '',
    '',
  ])
})

test('detailed shows every field', async () => {
  assert.deepEqual(lines(await shownAs('detailed', send.traces)), [
    'ResourceSpans #0',
    'Resource SchemaURL: https://schema',
    'Resource attributes:',
    '     -> service.name: Str(shop)',
    'ScopeSpans #0',
    'ScopeSpans SchemaURL: ',
    'InstrumentationScope lib 1',
    'Span #0',
    '    Trace ID       : 5b8efff798038103d269b633813fc60c',
    '    Parent ID      : ',
    '    ID             : eee19b7ec3c1b174',
    '    Name           : GET /',
    '    Kind           : Server',
    '    Start time     : 2018-12-13 14:51:00.3 +0000 UTC',
    '    End time       : 2018-12-13 14:51:01 +0000 UTC',
    '    Status code    : Error',
    '    Status message : bad',
    '    DroppedAttributesCount: 0',
    '    DroppedEventsCount: 0',
    '    DroppedLinksCount: 0',
    'Attributes:',
    '     -> n: Int(42)',
    '     -> l: Slice(["x",1.5])',
    'Events:',
    'SpanEvent #0',
    '     -> Name: e',
    '     -> Timestamp: 2018-12-13 14:51:00.300000001 +0000 UTC',
    '     -> DroppedAttributesCount: 0',
    '     -> Attributes::',
    '          -> n: Int(42)',
    '',
    '',
  ])
  const logLines = lines(await shownAs('detailed', send.logs))
  assert.deepEqual(logLines.slice(6, 13), [
    'InstrumentationScope  ',
    'LogRecord #0',
    'ObservedTimestamp: 1970-01-01 00:00:00 +0000 UTC',
    'Timestamp: 1970-01-01 00:00:00 +0000 UTC',
    'SeverityText: Info',
    'SeverityNumber: Info2(10)',
    'Body: Str(hello)',
  ])
  const metricText = await shownAs('detailed', send.metrics)
  for (const line of [
    '     -> DataType: Sum',
    '     -> IsMonotonic: true',
    '     -> AggregationTemporality: Delta',
    'Value: 5',
    'ExplicitBounds #0: 0.250000',
    'Buckets #1, Count: 2',
    'Bucket (1.000000, 2.000000], Count: 2',
    'QuantileValue #0: Quantile 0.500000, Value 1000000.000000',
  ]) {
    assert.ok(metricText.includes(`${line}\n`), line)
  }
})

test('the log of the program and files are outputs too', async () => {
  const host = new TestHost()
  const internal = (await otelcolExporterDebug.create(host, decoded(otelcolExporterDebug.settings, {}))) as Component
  await internal.start?.()
  await send.traces(internal)
  assert.deepEqual(host.lines, ['info: Traces'])
  const path = join(root, 'out')
  const written = { use_internal_logger: false, output_paths: [path], verbosity: 'Detailed' }
  const filed = (await otelcolExporterDebug.create(host, decoded(otelcolExporterDebug.settings, written))) as Component
  await filed.start?.()
  await send.logs(filed)
  await filed.stop(100)
  await filed.stop(100)
  assert.match(await readFile(path, 'utf8'), /^Logs\t.*\nResourceLog #0\n/)
})

test('numbers read as in Go', () => {
  assert.deepEqual([1, 0.1, 123456, 1234567, 1e-5, -0, NaN, Infinity].map(shortest), [
    '1',
    '0.1',
    '123456',
    '1.234567e+06',
    '1e-05',
    '-0',
    'NaN',
    '+Inf',
  ])
  assert.deepEqual([1.5, 1e22, -Infinity].map(fixed), ['1.500000', '10000000000000000000000.000000', '-Inf'])
  assert.deepEqual([0, 1, 10, 24, 25].map(severity), ['Unspecified(0)', 'Trace(1)', 'Info2(10)', 'Fatal4(24)', '(25)'])
})

test('settings that cannot work are refused', () => {
  const cases: [Written, RegExp][] = [
    [{ verbosity: 'loud' }, /verbosity "loud" is not supported/],
    [{ output_paths: ['stdout'] }, /use_internal_logger/],
    [{ use_internal_logger: false, output_paths: [] }, /cannot be empty/],
  ]
  for (const [written, problem] of cases) assert.match(problemsOf(debugExporter.settings, written).join(), problem)
})
