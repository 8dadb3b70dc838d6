import assert from 'node:assert/strict'
import { test } from 'node:test'
import { labelsFrom, LogStream } from '#pdata'
import { labelText } from '#pdata/loki'
import { logsFromJson, logsTree } from '#pdata/otlp'
import { otlpFromStreams, streamsFromOtlp } from './door.ts'

const nowNs = 7_000_000_000n

type Value = string | number | Value[] | { [key: string]: Value }

function anyValue(value: Value): object {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'number') return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } }
  return { kvlistValue: { values: attributes(value) } }
}
const attributes = (of: Record<string, Value>) =>
  Object.entries(of).map(([key, value]) => ({ key, value: anyValue(value) }))

function converted(record: object, own: Record<string, Value> = {}, resource: Record<string, Value> = {}) {
  const scopeLogs = [{ scope: { name: 'lib', version: '2' }, logRecords: [{ ...record, attributes: attributes(own) }] }]
  const request = { resourceLogs: [{ resource: { attributes: attributes(resource) }, scopeLogs }] }
  return streamsFromOtlp(logsTree(logsFromJson(JSON.stringify(request))), nowNs)
}

const scope = '"instrumentation_scope":{"name":"lib","version":"2"}'
const cases: {
  name: string
  record: object
  attributes?: Record<string, Value>
  resource?: Record<string, Value>
  labels: string
  line: string
}[] = [
  {
    name: 'text',
    record: { body: { stringValue: 'hi <b> & "x"' } },
    labels: '{exporter="OTLP"}',
    line: `{"body":"hi \\u003cb\\u003e \\u0026 \\"x\\"",${scope}}`,
  },
  {
    name: 'everything',
    record: {
      body: { stringValue: 'x' },
      severityText: 'Info',
      severityNumber: 9,
      flags: 1,
      traceId: '5b8efff798038103d269b633813fc60c',
      spanId: 'eee19b7ec3c1b174',
    },
    attributes: { b: 2, a: 'x' },
    resource: { 'service.name': 's', 'service.namespace': 'n', 'service.instance.id': 'i' },
    labels: '{exporter="OTLP", instance="i", job="n/s", level="INFO"}',
    line: `{"body":"x","traceid":"5b8efff798038103d269b633813fc60c","spanid":"eee19b7ec3c1b174","severity":"Info","flags":1,"attributes":{"a":"x","b":2},"resources":{"service.instance.id":"i","service.name":"s","service.namespace":"n"},${scope}}`,
  },
  {
    name: 'hints, in the record and in the resource, nested too',
    record: {},
    attributes: { 'loki.attribute.labels': 'a, n.m', 'loki.resource.labels': ['host.name'], a: 1, n: { m: 'v' } },
    resource: { 'loki.resource.labels': 'zone', 'host.name': 'pi', zone: 'z' },
    labels: '{a="1", exporter="OTLP", host_name="pi", n_m="v", zone="z"}',
    line: `{"attributes":{"n":{"m":"v"}},${scope}}`,
  },
  {
    name: 'a level of its own',
    record: { severityNumber: 24 },
    attributes: { level: 'boom' },
    labels: '{exporter="OTLP", level="boom"}',
    line: `{${scope}}`,
  },
  {
    name: 'the tenant is no label',
    record: {},
    attributes: { 'loki.tenant': 'team' },
    resource: { team: 'blue', 'loki.tenant': 'team' },
    labels: '{exporter="OTLP"}',
    line: `{"resources":{"team":"blue"},${scope}}`,
  },
  {
    name: 'the body alone',
    record: { body: anyValue({ b: 1, a: ['x'] }) },
    attributes: { 'loki.format': 'raw' },
    labels: '{exporter="OTLP"}',
    line: '{"a":["x"],"b":1}',
  },
  {
    name: 'logfmt of text',
    record: { body: { stringValue: 'hello world' }, severityText: 'warn' },
    attributes: { k: 'v w' },
    resource: { 'loki.format': 'logfmt', 'host.name': 'pi' },
    labels: '{exporter="OTLP"}',
    line: 'hello= world= severity=warn attribute_k="v w" resource_host.name=pi instrumentation_scope_name=lib instrumentation_scope_version=2',
  },
  {
    name: 'logfmt of logfmt',
    record: { body: { stringValue: 'a=1 severity="x y" c=' }, severityText: 'warn' },
    resource: { 'loki.format': 'logfmt' },
    labels: '{exporter="OTLP"}',
    line: 'a=1 severity=warn c= instrumentation_scope_name=lib instrumentation_scope_version=2',
  },
  {
    name: 'logfmt of what is none',
    record: { body: { stringValue: 'it "broke"\n' } },
    resource: { 'loki.format': 'logfmt' },
    labels: '{exporter="OTLP"}',
    line: 'msg="it \\"broke\\"\\n" instrumentation_scope_name=lib instrumentation_scope_version=2',
  },
  {
    name: 'logfmt of the first line',
    record: { body: { stringValue: 'a=1\nb=2' } },
    resource: { 'loki.format': 'logfmt' },
    labels: '{exporter="OTLP"}',
    line: 'a=1 instrumentation_scope_name=lib instrumentation_scope_version=2',
  },
  {
    name: 'logfmt of bytes and doubles',
    record: {},
    attributes: { small: 0.00001, 'loki.format': 'logfmt' },
    labels: '{exporter="OTLP"}',
    line: 'attribute_small=1e-05 instrumentation_scope_name=lib instrumentation_scope_version=2',
  },
  {
    name: 'names of labels',
    record: { severityNumber: 9 },
    attributes: {
      'loki.attribute.labels': 'a..b,1st,_x,__r.s__,n.m.o',
      'a..b': 1,
      '1st': 2,
      _x: 3,
      '__r.s__': 4,
      'n.m': { o: 5 },
    },
    labels: '{_x="3", a_b="1", exporter="OTLP", key_1st="2", level="INFO", n_m_o="5"}',
    line: `{"attributes":{"n.m":{"o":5}},${scope}}`,
  },
  {
    name: 'a hint that is a number does not get the level',
    record: { severityNumber: 9 },
    attributes: { 'loki.attribute.labels': 5, '5': 'five' },
    labels: '{exporter="OTLP", key_5="five"}',
    line: `{"attributes":{"level":"INFO"},${scope}}`,
  },
  {
    name: 'logfmt of a list',
    record: { body: anyValue({ a: { b: [1, 'x'] } }) },
    resource: { 'loki.format': 'logfmt' },
    labels: '{exporter="OTLP"}',
    line: 'a_b_0=1 a_b_1=x instrumentation_scope_name=lib instrumentation_scope_version=2',
  },
]
for (const { name, record, attributes: own, resource, labels, line } of cases) {
  test(`a record as a line: ${name}`, () => {
    const { streams, dropped } = converted(record, own, resource)
    assert.equal(dropped.size, 0)
    assert.deepEqual(
      streams.map((stream) => [labelText(stream.labels), stream.lines]),
      [[labels, [line]]],
    )
  })
}

test('records of one label set are one stream, with the time they were made or observed', () => {
  const logRecords = [
    { timeUnixNano: '5', body: { stringValue: 'a' } },
    { observedTimeUnixNano: '6', body: { stringValue: 'b' } },
    { body: { stringValue: 'c' } },
  ]
  const request = {
    resourceLogs: [{ resource: { attributes: attributes({ 'loki.format': 'raw' }) }, scopeLogs: [{ logRecords }] }],
  }
  const { streams } = streamsFromOtlp(logsTree(logsFromJson(JSON.stringify(request))), nowNs)
  assert.deepEqual(streams, [
    new LogStream(['exporter', 'OTLP'], BigInt64Array.of(5n, 6n, nowNs), ['a', 'b', 'c'], null),
  ])
})

test('records that cannot be told are counted', () => {
  const unnamed = converted({}, { 'loki.attribute.labels': '\u00e4', '\u00e4': 'x' })
  assert.deepEqual([...unnamed.dropped], [['no label name for an attribute', 1]])
  assert.deepEqual([...converted({}, { 'loki.format': '' }).dropped], [['unknown loki.format', 1]])
  assert.deepEqual([...converted({}, { 'loki.format': 'xml' }).dropped], [['unknown loki.format', 1]])
  const nan = { body: { arrayValue: { values: [{ doubleValue: 'NaN' }] } } }
  assert.deepEqual([...converted(nan).dropped], [['no JSON for a value', 1]])
})

test('lines become records with hints, so that they come back with the same labels', () => {
  const labels = labelsFrom([
    ['filename', '/var/log/a.log'],
    ['job', 'x'],
  ])
  const streams = [new LogStream(labels, BigInt64Array.of(5n, 0n), ['one', 'two'], [['k', 'v'], null])]
  const tree = otlpFromStreams(streams, nowNs)
  const records = tree.resourceLogs[0]?.scopeLogs[0]?.logRecords ?? []
  assert.deepEqual(
    records.map(({ timeUnixNano, observedTimeUnixNano, body, attributes: all }) => [
      timeUnixNano,
      observedTimeUnixNano,
      body,
      all.map(({ key, value }) => `${key}=${String(value)}`).join(' '),
    ]),
    [
      [
        5n,
        nowNs,
        'one',
        'log.file.path=/var/log/a.log log.file.name=a.log loki.attribute.labels=filename,job filename=/var/log/a.log job=x k=v',
      ],
      [
        nowNs,
        nowNs,
        'two',
        'log.file.path=/var/log/a.log log.file.name=a.log loki.attribute.labels=filename,job filename=/var/log/a.log job=x',
      ],
    ],
  )
  const [back] = streamsFromOtlp(tree, nowNs).streams
  assert.equal(labelText(back?.labels ?? []), '{exporter="OTLP", filename="/var/log/a.log", job="x"}')
  assert.deepEqual(otlpFromStreams([], nowNs), { resourceLogs: [] })
})
