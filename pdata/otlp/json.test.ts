import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  logsFromJson,
  logsToJson,
  logsTree,
  metricsFromJson,
  metricsTree,
  tracesFromJson,
  tracesTree,
} from './batches.ts'
import { OtlpError } from './error.ts'
import { forEachFace } from './testdata/faces.ts'
import type { AnyValue, LogRecord, Span } from './tree.ts'
import { KeyValueList } from './tree.ts'
import { anyValueDepthMax } from './validate.ts'

const spanOf = (json: string): Span =>
  tracesTree(tracesFromJson(`{"resourceSpans":[{"scopeSpans":[{"spans":[${json}]}]}]}`)).resourceSpans[0]!
    .scopeSpans[0]!.spans[0]!
const recordOf = (json: string): LogRecord =>
  logsTree(logsFromJson(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[${json}]}]}]}`)).resourceLogs[0]!.scopeLogs[0]!
    .logRecords[0]!
const bodyOf = (json: string): AnyValue => recordOf(`{"body":${json}}`).body

const values: { json: string; want: AnyValue }[] = [
  { json: '{}', want: null },
  { json: 'null', want: null },
  { json: '{"stringValue":""}', want: '' },
  { json: '{"stringValue":null,"somethingNew":1}', want: null },
  { json: '{"stringValue":"\\ud800"}', want: '\ufffd' },
  { json: '{"boolValue":false}', want: false },
  { json: '{"intValue":"-9223372036854775808"}', want: -(2n ** 63n) },
  { json: '{"intValue":9223372036854775807}', want: 2n ** 63n - 1n },
  { json: '{"int_value":-0}', want: 0n },
  { json: '{"doubleValue":1}', want: 1 },
  { json: '{"doubleValue":"1e3"}', want: 1000 },
  { json: '{"doubleValue":"-Infinity"}', want: -Infinity },
  { json: '{"doubleValue":"NaN"}', want: NaN },
  { json: '{"doubleValue":13835058055282163712}', want: 2 ** 63 * 1.5 },
  { json: '{"bytesValue":"AQI="}', want: Uint8Array.of(1, 2) },
  { json: '{"bytesValue":"-_8"}', want: Uint8Array.of(0xfb, 0xff) },
  { json: '{"bytesValue":"AQI"}', want: Uint8Array.of(1, 2) },
  { json: '{"bytesValue":""}', want: new Uint8Array(0) },
  { json: '{"arrayValue":{}}', want: [] },
  { json: '{"array_value":{"values":[{"intValue":"1"},null,{}]}}', want: [1n, null, null] },
  {
    json: '{"kvlistValue":{"values":[{"key":"__proto__","value":{"boolValue":true}},{}]}}',
    want: new KeyValueList([
      { key: '__proto__', value: true },
      { key: '', value: null },
    ]),
  },
  { json: '{"stringValue":"a","intValue":2}', want: 2n },
]

for (const { json, want } of values) {
  test(`reads the value ${json}`, () => assert.deepEqual(bodyOf(json), want))
}

test('takes names in snake_case, enums by name and by number, and numbers as strings', () => {
  const span = spanOf(`{"trace_id":"5B8EFFF798038103D269B633813FC60C","parent_span_id":"","kind":"SPAN_KIND_CLIENT",
    "start_time_unix_nano":1544712660000000001,"endTimeUnixNano":"18446744073709551615","flags":"257",
    "dropped_links_count":3,"status":{"code":"STATUS_CODE_ERROR"},"unheard":{"of":[[[]]]}}`)
  assert.equal(Buffer.from(span.traceId).toString('hex'), '5b8efff798038103d269b633813fc60c')
  assert.equal(span.kind, 3)
  assert.equal(span.startTimeUnixNano, 1544712660000000001n)
  assert.equal(span.endTimeUnixNano, 2n ** 64n - 1n)
  assert.equal(span.flags, 257)
  assert.equal(span.droppedLinksCount, 3)
  assert.equal(span.status.code, 2)
  assert.equal(recordOf('{"severity_number":"SEVERITY_NUMBER_ERROR2"}').severityNumber, 18)
  assert.equal(recordOf('{"severityNumber":24}').severityNumber, 24)
})

test('numbers in strings and doubles stay what they are when others need all their digits', () => {
  const record = recordOf(
    '{"timeUnixNano":1544712660000000001,"body":{"stringValue":"12345678901234567 \\" 12345678901234567"},' +
      '"attributes":[{"key":"d","value":{"doubleValue":1152921504606846976.5}},{"key":"e","value":{"doubleValue":1e300}}]}',
  )
  assert.equal(record.timeUnixNano, 1544712660000000001n)
  assert.equal(record.body, '12345678901234567 " 12345678901234567')
  assert.deepEqual(
    record.attributes.map(({ value }) => value),
    [1152921504606846976, 1e300],
  )
})

test('an empty request, and parts that are null', () => {
  assert.equal(tracesFromJson('{}').count, 0)
  assert.equal(logsFromJson('{"resourceLogs":null}').count, 0)
  const metrics = metricsFromJson(
    '{"resourceMetrics":[{"resource":null,"scopeMetrics":[{"metrics":[{"sum":null,"gauge":{}}]}]}]}',
  )
  assert.equal(metricsTree(metrics).resourceMetrics[0]!.scopeMetrics[0]!.metrics[0]!.data.kind, 'gauge')
})

const span = (json: string): string => `{"resourceSpans":[{"scopeSpans":[{"spans":[{},${json}]}]}]}`
const path = 'resourceSpans\\[0\\]\\.scopeSpans\\[0\\]\\.spans\\[1\\]'
const nested = (depth: number): string =>
  span(`{"attributes":[{"value":${'{"arrayValue":{"values":['.repeat(depth)}{}${']}}'.repeat(depth)}}]}`)

const refused: { name: string; json: string; why: string }[] = [
  { name: 'what is no JSON', json: '{"resourceSpans":[', why: 'Cannot read OTLP JSON: .*JSON' },
  { name: 'an array', json: '[]', why: 'it must be an object: current value is an array' },
  { name: 'a list that is none', json: '{"resourceSpans":{}}', why: 'resourceSpans must be an array: .* an object' },
  {
    name: 'an element that is none',
    json: '{"resourceSpans":[1]}',
    why: 'resourceSpans\\[0\\] must be an object: .* 1$',
  },
  { name: 'a short id', json: span('{"traceId":"5b8e"}'), why: `${path}\\.traceId must be 32 hexadecimal .*"5b8e"` },
  { name: 'an id that is not hex', json: span('{"spanId":"zz00000000000000"}'), why: 'spanId must be 16 hex' },
  {
    name: 'a negative time',
    json: span('{"startTimeUnixNano":"-1"}'),
    why: 'from 0 to 2\\^64 - 1: current value is "-1"',
  },
  {
    name: 'a time beyond 64 bits',
    json: span('{"endTimeUnixNano":18446744073709551616}'),
    why: 'from 0 to 2\\^64 - 1',
  },
  { name: 'a fraction of a time', json: span('{"endTimeUnixNano":1.5}'), why: 'endTimeUnixNano must be an integer' },
  { name: 'a number in hex', json: span('{"endTimeUnixNano":"0x10"}'), why: 'endTimeUnixNano must be an integer' },
  { name: 'an unheard-of kind', json: span('{"kind":"toString"}'), why: `${path}\\.kind must be an integer` },
  { name: 'too many flags', json: span('{"flags":4294967296}'), why: 'flags must be an integer from 0 to 4294967295' },
  { name: 'a number as text', json: span('{"name":7}'), why: `${path}\\.name must be a string: current value is 7` },
  {
    name: 'a value of another type',
    json: span('{"attributes":[{"key":"k","value":{"boolValue":"yes"}}]}'),
    why: `${path}\\.attributes\\[0\\]\\.value\\.boolValue must be true or false`,
  },
  {
    name: 'bytes that are not base64',
    json: span('{"attributes":[{"key":"k","value":{"arrayValue":{"values":[{"bytesValue":"*"}]}}}]}'),
    why: `${path}\\.attributes\\[0\\]\\.value\\.arrayValue\\.values\\[0\\]\\.bytesValue must be base64`,
  },
  { name: 'values in too many arrays', json: nested(anyValueDepthMax), why: 'must not be nested deeper than 64' },
  { name: 'values in very many arrays', json: nested(100_000), why: 'must not be nested deeper than 64' },
]

for (const { name, json, why } of refused) {
  test(`refuses ${name}`, () => {
    assert.throws(
      () => tracesFromJson(json),
      (error) => error instanceof OtlpError && new RegExp(why).test(error.message) && error.message.length < 500,
    )
  })
}

test('deep nesting in what is not known is passed over', () => {
  assert.equal(tracesFromJson(`{"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`).count, 0)
})

test('texts and numbers of MiB neither stop nor slow it', () => {
  const time = '"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":1544712660000000001}]}]}]'
  for (const filler of ['1'.repeat(4e6), `${'1'.repeat(4e6)}.5`, `"${'\\\\'.repeat(2e6)}"`, `"${'\\"'.repeat(2e6)}"`]) {
    const tree = tracesTree(tracesFromJson(`{"x":[${filler}],${time}}`))
    assert.equal(tree.resourceSpans[0]!.scopeSpans[0]!.spans[0]!.startTimeUnixNano, 1544712660000000001n)
  }
  assert.deepEqual(bodyOf(`{"bytesValue":"${'AAAA'.repeat(1e6)}"}`), new Uint8Array(3e6))
  assert.throws(() => bodyOf(`{"doubleValue":"${'1'.repeat(4e6)}"}`), OtlpError)
  assert.throws(() => bodyOf(`{"intValue":"${'1'.repeat(4e6)}"}`), OtlpError)
  assert.throws(() => bodyOf(`{"intValue":${'1'.repeat(4e6)}}`), OtlpError)
})

for (const text of ['A', 'AAAAA', 'AA*A', 'A=AA', 'AAA===', 'AA AA', '====']) {
  test(`"${text}" is not base64`, () => assert.throws(() => bodyOf(`{"bytesValue":"${text}"}`), /must be base64/))
}

test('writes what is needed, and the parts that the collector always writes', () => {
  const json = '{"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{},"logRecords":[{"body":{}}]}]}]}'
  assert.equal(logsToJson(logsFromJson(json)), json)
})

forEachFace((face) => {
  test(`${face.signal}: JSON of any shape is refused or can be used`, () => {
    const names = fc.constantFrom(
      ...'resourceSpans resourceLogs resourceMetrics resource scopeSpans scopeLogs scopeMetrics scope spans'.split(' '),
      ...'logRecords metrics attributes key value stringValue intValue arrayValue values kvlistValue sum gauge'.split(
        ' ',
      ),
      ...'dataPoints asInt traceId timeUnixNano body status flags name'.split(' '),
    )
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 9 },
        fc.constantFrom<unknown>(null, '', 1, -1, 1e300, '12', true, 'text', '00'.repeat(16)),
        fc.array(tie('value'), { maxLength: 2 }),
        fc.dictionary(names, tie('value'), { maxKeys: 4 }),
      ),
    }))
    fc.assert(
      fc.property(value, (document) => {
        let batch
        try {
          batch = face.fromJson(JSON.stringify(document))
        } catch (error) {
          assert.ok(error instanceof OtlpError, String(error))
          return
        }
        assert.deepEqual(face.tree(face.fromJson(face.toJson(batch))), face.tree(batch))
      }),
      { interruptAfterTimeLimit: 1000, numRuns: 1000 },
    )
  })
})
