// OTTL compiled and run: values, conditions, functions with their arguments, what is refused and where.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { FunctionDefinition, OttlValue, Scope } from './door.ts'
import {
  compareValues,
  compileCondition,
  compileStatement,
  compileValue,
  contexts,
  defineConverter,
  defineEditor,
  Duration,
  enumArgument,
  functionArgument,
  functionTable,
  getSetter,
  getter,
  intGetter,
  intLikeGetter,
  lambda,
  likeString,
  list,
  literalOf,
  mapGetSetter,
  optional,
  OttlError,
  OttlProblem,
  problemText,
  setter,
  stringGetter,
  stringLikeGetter,
  stringLiteral,
  Time,
  TransformContext,
} from './door.ts'
import type { Span } from '#pdata/otlp'
import { anyValueText, KeyValueList, tracesFromJson, tracesTree } from '#pdata/otlp'

/** Functions of which the tests know what they do, whatever becomes of the real ones. */
const functions: readonly FunctionDefinition[] = [
  defineEditor({
    name: 'set',
    parameters: { target: setter, value: getter },
    create:
      ({ target, value }) =>
      (at) => {
        target.set(at, value(at))
        return null
      },
  }),
  defineEditor({
    name: 'add_one',
    parameters: { target: getSetter },
    create:
      ({ target }) =>
      (at) => {
        target.set(at, BigInt(Number(target.get(at))) + 1n)
        return null
      },
  }),
  defineEditor({
    name: 'clear',
    parameters: { target: mapGetSetter },
    create:
      ({ target }) =>
      (at) => {
        target.get(at).entries.length = 0
        return null
      },
  }),
  defineConverter({ name: 'Echo', parameters: { value: getter }, create: ({ value }) => value }),
  defineConverter({
    name: 'Join',
    parameters: { parts: list(stringLikeGetter), between: optional(stringLiteral), times: optional(intGetter) },
    create:
      ({ parts, between = ',', times }) =>
      (at) =>
        parts
          .map((part) => part(at) ?? 'nil')
          .join(between)
          .repeat(Number(times?.(at) ?? 1n)),
  }),
  defineConverter({ name: 'Text', parameters: { value: stringGetter }, create: ({ value }) => value }),
  defineConverter({ name: 'Whole', parameters: { value: intLikeGetter }, create: ({ value }) => value }),
  defineConverter({
    name: 'KIND',
    parameters: { value: enumArgument },
    create:
      ({ value }) =>
      () =>
        value,
  }),
  defineConverter({
    name: 'Known',
    parameters: { value: getter },
    create: ({ value }) => {
      const known = literalOf(value) !== undefined
      return () => known
    },
  }),
  defineConverter({
    name: 'Apply',
    parameters: { value: getter, function: functionArgument },
    create: ({ value, function: given }) => given.bind(value),
  }),
  defineConverter({
    name: 'Upper',
    parameters: { value: stringGetter },
    create:
      ({ value }) =>
      (at) =>
        value(at).toUpperCase(),
  }),
  defineConverter({
    name: 'UPPER',
    parameters: { value: stringGetter },
    create:
      ({ value }) =>
      (at) =>
        value(at).toUpperCase(),
  }),
  defineConverter({
    name: 'Never',
    parameters: {},
    create() {
      throw new OttlError('this cannot be made')
    },
  }),
  defineConverter({
    name: 'Call',
    parameters: { a: getter, b: getter, function: lambda('any', 'first', 'second') },
    create:
      ({ a, b, function: run }) =>
      (at) =>
        run(at, a(at), b(at)),
  }),
  defineConverter({
    name: 'Test',
    parameters: { of: lambda('bool') },
    create: ({ of }) => of,
  }),
  defineConverter({ name: 'Second', parameters: {}, create: () => () => new Duration(1_000_000_000n) }),
]

const scope: Scope = { context: contexts.span, functions: functionTable(functions), isBare: false, loaded: new Map() }

function stand(): TransformContext {
  const tree = tracesTree(
    tracesFromJson(
      JSON.stringify({
        resourceSpans: [
          {
            resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] },
            scopeSpans: [
              {
                scope: { name: 'lib', version: '1' },
                spans: [
                  {
                    name: 'GET',
                    kind: 2,
                    startTimeUnixNano: '1000000000',
                    endTimeUnixNano: '3000000000',
                    attributes: [
                      { key: 's', value: { stringValue: 'text' } },
                      { key: 'i', value: { intValue: '7' } },
                      { key: 'd', value: { doubleValue: 1.5 } },
                      { key: 'b', value: { boolValue: true } },
                      { key: 'n', value: {} },
                      { key: 'bytes', value: { bytesValue: 'AQI=' } },
                      { key: 'list', value: { arrayValue: { values: [{ intValue: '1' }, { stringValue: 'x' }] } } },
                      {
                        key: 'map',
                        value: {
                          kvlistValue: {
                            values: [
                              {
                                key: 'in',
                                value: { kvlistValue: { values: [{ key: 'deep', value: { intValue: '9' } }] } },
                              },
                            ],
                          },
                        },
                      },
                    ],
                  },
                ],
              },
            ],
          },
        ],
      }),
    ),
  )
  const at = new TransformContext()
  at.resource = tree.resourceSpans[0] ?? null
  at.scope = tree.resourceSpans[0]?.scopeSpans[0] ?? null
  at.span = tree.resourceSpans[0]?.scopeSpans[0]?.spans[0] ?? null
  return at
}

const values: readonly { text: string; want?: OttlValue; error?: string }[] = [
  { text: '"a"', want: 'a' },
  { text: '-5', want: -5n },
  { text: '.5', want: 0.5 },
  { text: 'true', want: true },
  { text: 'nil', want: null },
  { text: '0x0102', want: Uint8Array.of(1, 2) },
  { text: 'SPAN_KIND_SERVER', want: 2n },
  { text: '[1, "x", [span.name]]', want: [1n, 'x', ['GET']] },
  {
    text: '{"a": {"b": span.kind}}',
    want: new KeyValueList([{ key: 'a', value: new KeyValueList([{ key: 'b', value: 2n }]) }]),
  },
  { text: 'span.name', want: 'GET' },
  { text: 'resource.attributes["service.name"]', want: 'shop' },
  { text: 'scope.name', want: 'lib' },
  { text: 'instrumentation_scope.version', want: '1' },
  { text: 'span.attributes["missing"]', want: null },
  { text: 'span.attributes["n"]', want: null },
  { text: 'span.attributes["list"][1]', want: 'x' },
  { text: 'span.attributes["list"][2]', error: 'index 2 out of bounds' },
  {
    text: 'span.attributes["list"]["a"]',
    error: 'unable to resolve an integer index in slice: expecting int64 but got string',
  },
  { text: 'span.attributes["map"]["in"]["deep"]', want: 9n },
  { text: 'span.attributes["map"]["no"]["deep"]', want: null },
  { text: 'span.attributes["s"]["x"]', error: 'type string does not support string indexing' },
  { text: 'span.attributes[Echo("s")]', want: 'text' },
  { text: 'span.attributes["list"][span.kind - 1]', want: 'x' },
  {
    text: 'span.attributes[span.kind]',
    error: 'unable to resolve a string index in map: expecting string but got int64',
  },
  { text: 'span.start_time', want: new Time(1_000_000_000n) },
  { text: 'span.end_time - span.start_time', want: new Duration(2_000_000_000n) },
  { text: 'span.start_time + Second()', want: new Time(2_000_000_000n) },
  { text: 'Second() + Second() - Second()', want: new Duration(1_000_000_000n) },
  { text: 'span.start_time + span.start_time', error: 'cannot add two times' },
  { text: '1 + 2 * 3', want: 7n },
  { text: '(1 + 2) * 3', want: 9n },
  { text: '10 - 2 - 3', want: 5n },
  { text: '7 / 2', want: 3n },
  { text: '-7 / 2', want: -3n },
  { text: '7.0 / 2.0', want: 3.5 },
  { text: '9223372036854775807 + 1', want: -9223372036854775808n },
  { text: '7.0 / 2', want: 3.5 },
  { text: '1 - 0.5', want: 0.5 },
  { text: '-span.kind * 3', want: -6n },
  { text: '-(span.attributes["d"] + 1)', want: -2.5 },
  { text: 'span.kind - -Echo(1)', want: 3n },
  { text: '-Echo(-9223372036854775808)', want: -9223372036854775808n },
  { text: 'Known(-(1 + 2))', want: true },
  { text: '-span.name', error: 'unsupported unary minus operation on type string' },
  { text: 'span.kind * 2.0', want: 4 },
  { text: 'span.kind / 0.0', error: 'attempted to divide by 0' },
  { text: 'span.kind / Echo(0)', error: 'attempted to divide by 0' },
  { text: 'span.attributes["s"] + 1', error: 'cannot compute string + int64' },
  { text: 'Join(["a", 1, 2.5, true, nil, 0x0aff, span.name])', want: 'a,1,2.5,true,nil,0aff,GET' },
  { text: 'Join([span.attributes["map"], span.attributes["list"]], "|")', want: '{"in":{"deep":9}}|[1,"x"]' },
  { text: 'Join(["a"], times = 2)', want: 'aa' },
  { text: 'Join(between = "-", parts = ["a", "b"])', want: 'a-b' },
  { text: 'Text(span.attributes["i"])', error: 'expected string but got int64' },
  { text: 'Text(span.attributes["missing"])', error: 'expected string but got nil' },
  { text: 'Whole("12")', want: 12n },
  { text: 'Whole("x")', want: null },
  { text: 'Whole(1.9)', want: 1n },
  { text: 'Whole(span.attributes["map"])', error: 'unsupported type: pcommon.Map' },
  { text: 'KIND(STATUS_CODE_ERROR)', want: 2n },
  { text: 'Known(1 + 2)', want: true },
  { text: 'Known(["a", {"b": 1}])', want: true },
  { text: 'Known(span.name)', want: false },
  { text: 'Apply(span.name, Upper)', want: 'GET' },
  { text: 'Apply("a", UPPER)', want: 'A' },
  { text: 'Apply(1, Upper)', error: 'expected string but got int64' },
  { text: 'Echo(span.attributes)["map"]["in"]["deep"]', want: 9n },
  { text: 'Echo(["a", "b"])[1]', want: 'b' },
  { text: 'Echo(["a"])[1]', error: 'index 1 out of bounds' },
  { text: 'Echo({"a": 1})["b"]', error: 'key not found in map' },
  { text: 'Echo("x")[0]', error: 'type, string, does not support int indexing' },
  { text: 'Call(1, 2, (a, b) => a * 10 + b)', want: 12n },
  { text: 'Call(1, 2, (_, b) => b > 1 and span.kind == 2)', want: true },
  { text: 'Call(1, 2, (span, name) => span)', want: 1n },
  { text: 'Call(span.name, 2, (name, _) => [name, span.name])', want: ['GET', 'GET'] },
  { text: 'Call(1, 2, (a, b) => Call(b, 3, (b, c) => [a, b, c]))', want: [1n, 2n, 3n] },
  { text: 'Call(1, 2, (a, b) => [Call(3, 4, (a, _) => a), a])', want: [3n, 1n] },
  { text: 'Call(span.attributes["map"], "in", (m, k) => m[k]["deep"])', want: 9n },
  { text: 'Call(span.attributes["list"], 1, (l, i) => l[i])', want: 'x' },
  { text: 'Call(span.attributes["list"], 2, (l, i) => l[i])', error: 'index 2 out of bounds' },
  { text: 'Test(() => span.name == "GET")', want: true },
  { text: 'Test(() => Echo(span.kind))', error: 'the lambda must give a bool, got int64' },
  { text: 'span.trace_id', want: new Uint8Array(16) },
  { text: 'span.trace_id.string', want: '00000000000000000000000000000000' },
  { text: 'otelcol.client.metadata["x"]', want: null },
]

for (const { text, want, error } of values) {
  test(`${text} gives ${error ?? likeText(want)}`, () => {
    const get = compileValue(text, scope)
    if (error === undefined) assert.deepEqual(get(stand()), want)
    else
      assert.throws(
        () => get(stand()),
        (thrown: unknown) => thrown instanceof OttlError && thrown.message === error,
      )
  })
}

function likeText(value: OttlValue | undefined): string {
  if (value === undefined) return 'nothing'
  return value instanceof Time || value instanceof Duration ? value.constructor.name : (likeString(value) ?? 'nil')
}

const conditions: readonly { text: string; want: boolean | string }[] = [
  { text: 'span.name == "GET"', want: true },
  { text: 'span.name != "GET"', want: false },
  { text: 'span.attributes["missing"] == nil', want: true },
  { text: 'span.attributes["missing"] != nil', want: false },
  { text: 'nil >= nil', want: true },
  { text: 'nil > nil', want: false },
  { text: 'span.attributes["i"] == 7.0', want: true },
  { text: 'span.attributes["i"] > 6.5', want: true },
  { text: 'span.attributes["d"] < 2', want: true },
  { text: 'span.attributes["i"] == "7"', want: false },
  { text: 'span.attributes["i"] != "7"', want: true },
  { text: 'span.attributes["i"] < "8"', want: false },
  { text: 'true > false', want: true },
  { text: 'span.attributes["b"] >= true', want: true },
  { text: '"a" < "b"', want: true },
  { text: '"\\uffff" < "\\U0001F600"', want: true },
  { text: '0x01 < 0x0100', want: true },
  { text: 'span.attributes["bytes"] == 0x0102', want: true },
  { text: 'span.attributes["list"] == [1, "x"]', want: true },
  { text: 'span.attributes["list"] == ["x", 1]', want: false },
  { text: 'span.attributes["map"] == {"in": {"deep": 9}}', want: true },
  { text: 'span.attributes["map"] > {"in": {"deep": 9}}', want: false },
  { text: 'span.end_time > span.start_time', want: true },
  { text: 'span.end_time - span.start_time == Second() + Second()', want: true },
  { text: 'span.start_time == 1000000000', want: false },
  { text: 'not true', want: false },
  { text: 'true and false or true', want: true },
  { text: 'true or false and false', want: true },
  { text: 'not false and false', want: false },
  { text: 'true and true and span.kind == SPAN_KIND_SERVER', want: true },
  { text: 'false or false or span.kind == SPAN_KIND_CLIENT', want: false },
  { text: 'Echo(true)', want: true },
  { text: 'Echo(1)', want: 'Echo must give a boolean here, got int64' },
  { text: 'false and Echo(1)', want: false },
  { text: '(1 + 2) * 3 == 9', want: true },
]

for (const { text, want } of conditions) {
  test(`The condition ${text} is ${want}`, () => {
    const holds = compileCondition(text, scope)
    if (typeof want === 'boolean') assert.equal(holds(stand()), want)
    else
      assert.throws(
        () => holds(stand()),
        (thrown: unknown) => thrown instanceof OttlError && thrown.message === want,
      )
  })
}

const edits: readonly { text: string; want?: (span: Span) => unknown; is?: unknown; error?: string }[] = [
  { text: 'set(span.name, "x")', want: (span) => span.name, is: 'x' },
  { text: 'set(span.name, 1)', error: 'expects string but got int64' },
  { text: 'set(span.name, nil)', error: 'setting a value to nil is not supported' },
  {
    text: 'set(span.attributes["new"], [1, {"a": "b"}])',
    want: (span) => anyValueText(span.attributes.at(-1)?.value ?? null),
    is: '[1,{"a":"b"}]',
  },
  {
    text: 'set(span.attributes["new"]["a"]["b"], 1)',
    want: (span) => anyValueText(span.attributes.at(-1)?.value ?? null),
    is: '{"a":{"b":1}}',
  },
  {
    text: 'set(span.attributes["new"][2], 1)',
    want: (span) => anyValueText(span.attributes.at(-1)?.value ?? null),
    is: '[null,null,1]',
  },
  {
    text: 'set(span.attributes["list"][0], 5)',
    want: (span) => anyValueText(span.attributes[6]?.value ?? null),
    is: '[5,"x"]',
  },
  { text: 'set(span.attributes["list"][5], 5)', error: 'index 5 out of bounds' },
  { text: 'set(span.attributes["s"]["x"], 5)', error: 'type string does not support string indexing' },
  {
    text: 'set(span.attributes["t"], span.start_time)',
    error: 'expects a string, bool, number, bytes, list or map but got time.Time',
  },
  {
    text: 'set(span.attributes["t"], [span.start_time])',
    error: 'expects a string, bool, number, bytes, list or map but got time.Time',
  },
  { text: 'set(span.attributes, {"a": 1})', want: (span) => span.attributes, is: [{ key: 'a', value: 1n }] },
  { text: 'set(span.attributes, "a")', error: 'expects pcommon.Map but got string' },
  { text: 'clear(span.attributes)', want: (span) => span.attributes, is: [] },
  { text: 'clear(span.attributes["map"])', want: (span) => anyValueText(span.attributes[7]?.value ?? null), is: '{}' },
  { text: 'clear(span.attributes["s"])', error: 'expected pcommon.Map but got string' },
  { text: 'add_one(span.attributes["i"])', want: (span) => span.attributes[1]?.value, is: 8n },
  { text: 'set(span.trace_state["a"], "1")', want: (span) => span.traceState, is: 'a=1' },
  { text: 'set(span.trace_id, 0x01)', error: 'expects pcommon.TraceID but got []uint8' },
  { text: 'set(otelcol.client.metadata["x"], "y")', error: 'otelcol.client.metadata cannot be set' },
  { text: 'set(span.cache["x"], 1) where span.name == "GET"', want: () => 1, is: 1 },
]

for (const { text, want, is, error } of edits) {
  test(`${text} ${error ?? 'changes the span'}`, () => {
    const at = stand()
    const { edit } = compileStatement(text, scope)
    if (error !== undefined) {
      assert.throws(
        () => edit(at),
        (thrown: unknown) => thrown instanceof OttlError && thrown.message === error,
      )
      return
    }
    edit(at)
    assert.deepEqual(want?.(at.span as Span), is)
  })
}

test('What a path gives and another takes is copied: a later change of one does not reach the other', () => {
  const at = stand()
  compileStatement('set(span.attributes["copy"], span.attributes["map"])', scope).edit(at)
  compileStatement('set(span.attributes["map"]["in"]["deep"], 10)', scope).edit(at)
  assert.equal(compileValue('span.attributes["copy"]["in"]["deep"]', scope)(at), 9n)
})

test('A literal list is not changed by what is done to an attribute that was set to it', () => {
  const statement = compileStatement('set(span.attributes["l"], [1, 2])', scope)
  const at = stand()
  statement.edit(at)
  compileStatement('set(span.attributes["l"][0], 9)', scope).edit(at)
  const other = stand()
  statement.edit(other)
  assert.deepEqual(compileValue('span.attributes["l"]', scope)(other), [1n, 2n])
})

test('An error tells the column of the innermost call that it came from', () => {
  const get = compileValue('Echo(Join(["a"], times = Whole("x")))', scope)
  assert.throws(
    () => get(stand()),
    (error: unknown) => error instanceof OttlError && error.at === 5,
  )
})

const refused: readonly { text: string; message: string; at: number; bare?: true }[] = [
  { text: 'set(span.nam, 1)', message: 'unknown path "span.nam", did you mean "span.name"? (context span)', at: 4 },
  { text: 'set(nam, 1)', message: 'unknown path "nam", did you mean "name"? (context span)', at: 4, bare: true },
  { text: 'set(name, 1)', message: 'the path "name" lacks its context, did you mean "span.name"?', at: 4 },
  {
    text: 'set(status.code, 1)',
    message: 'the path "status.code" lacks its context, did you mean "span.status.code"?',
    at: 4,
  },
  { text: 'set(spam.name, 1)', message: 'unknown context "spam", did you mean "span"? (inside of span)', at: 4 },
  {
    text: 'set(resource.cache["a"], 1)',
    message: 'the cache of resource cannot be reached from span, use "span.cache"',
    at: 4,
  },
  { text: 'set(span.name["x"], 1)', message: 'span.name cannot be indexed', at: 4 },
  { text: 'set(span.status["x"].code, 1)', message: 'status cannot be indexed before ".code"', at: 9 },
  { text: 'set(span.trace_state["a"]["b"], "c")', message: 'span.trace_state takes one key', at: 4 },
  {
    text: 'set(span.kind, SPAN_KIND_SERVE)',
    message: 'unknown enum "SPAN_KIND_SERVE", did you mean "SPAN_KIND_SERVER"? (context span)',
    at: 15,
  },
  { text: 'sett(span.name, 1)', message: 'unknown function "sett", did you mean "set"? (context span)', at: 0 },
  { text: 'set(span.name, Ekko(1))', message: 'unknown function "Ekko", did you mean "Echo"? (context span)', at: 15 },
  { text: 'set(span.name)', message: 'the argument "value" is missing: it is set(target, value)', at: 0 },
  { text: 'set(span.name, 1, 2)', message: 'too many arguments: it is set(target, value)', at: 18 },
  {
    text: 'set(span.name, valu = 2)',
    message: 'unknown parameter "valu", did you mean "value"?: it is set(target, value)',
    at: 15,
  },
  { text: 'set(target = span.name, 2)', message: 'unnamed argument behind a named one', at: 24 },
  { text: 'set(span.name, target = span.name)', message: 'the argument "target" is given twice', at: 15 },
  { text: 'set("x", 1)', message: 'this must be a path', at: 4 },
  { text: 'set(span.name, Join("a"))', message: 'this must be a list in brackets', at: 20 },
  { text: 'set(span.name, Join(["a"], span.name))', message: 'this must be a string literal', at: 27 },
  { text: 'set(span.name, Join(["a"], 1))', message: 'this must be a string literal, got int64', at: 27 },
  { text: 'set(span.name, Text(1))', message: 'expected string but got int64', at: 20 },
  { text: 'set(span.name, KIND(1))', message: "this must be an enum's symbol", at: 20 },
  { text: 'set(span.name, Apply("a", Never))', message: 'Never() does not take exactly one value', at: 26 },
  { text: 'set(span.name, Apply("a", "Upper"))', message: "this must be a converter's name", at: 26 },
  { text: 'set(span.name, Never())', message: 'this cannot be made', at: 15 },
  {
    text: 'set(span.name, Call(1, 2, (a) => a))',
    message: 'the lambda must have 2 parameters (first, second), as in "(f, s) => …", it has 1',
    at: 26,
  },
  { text: 'set(span.name, Call(1, 2, "x"))', message: 'this must be a lambda, as in "(f, s) => …"', at: 26 },
  { text: 'set(span.name, () => 1)', message: 'a lambda does not belong here: this takes a value', at: 15 },
  { text: 'set(span.name, Test(() => [1]))', message: 'the lambda must give a bool, got pcommon.Slice', at: 26 },
  {
    text: 'set(span.name, Call(1, 2, (key, _) => kye))',
    message: 'unknown parameter "kye", did you mean the lambda\'s parameter "key"?',
    at: 38,
  },
  {
    text: 'set(name, Call(1, 2, (key, _) => kye))',
    message: 'unknown path "kye", did you mean the lambda\'s parameter "key"? (context span)',
    at: 33,
    bare: true,
  },
  {
    text: 'set(span.name, Call(Call(1, 2, (k, _) => k), k, (k, _) => k))',
    message: 'the path "k" lacks its context',
    at: 45,
  },
  {
    text: 'set(span.name, Call(1, 2, (k, _) => k.x))',
    message: 'the parameter "k" has no fields, did you mean k["x"]?',
    at: 38,
  },
  { text: 'set(span.name, 1 / 0)', message: 'attempted to divide by 0', at: 17 },
]

for (const { text, message, at, bare } of refused) {
  test(`${text} is refused: ${message}`, () => {
    assert.throws(
      () => compileStatement(text, { ...scope, isBare: bare === true }),
      (error: unknown) => {
        assert.ok(error instanceof OttlProblem, String(error))
        assert.deepEqual({ message: error.message, at: error.at }, { message, at })
        return true
      },
    )
  })
}

test('A problem is shown with its column and an arrow in the statement, which is cut where it is long', () => {
  assert.equal(problemText('unknown path', 'set(span.nam, "x")', 4), 'unknown path (column 5: set(⇒span.nam, "x"))')
  const long = `set(${'x'.repeat(100)}, 1)`
  assert.equal(problemText('bad', long, 60), `bad (column 61: …${'x'.repeat(40)}⇒${'x'.repeat(40)}…)`)
})

// ---------------------------------------------------------------------------------------- paths of all contexts

test('Every path of every context can be read where everything is empty, and says what it was set to or refuses it', () => {
  const at = new TransformContext()
  const empty = { unknown: null }
  const resource = { attributes: [], droppedAttributesCount: 0, entityRefs: [], ...empty }
  const scopeMessage = { name: '', version: '', attributes: [], droppedAttributesCount: 0, ...empty }
  const none = new Uint8Array(0)
  at.resource = { resource, scopeSpans: [], schemaUrl: '', ...empty }
  at.scope = { scope: scopeMessage, spans: [], schemaUrl: '', ...empty }
  at.span = { ...(stand().span as Span) }
  at.event = { timeUnixNano: 0n, name: '', attributes: [], droppedAttributesCount: 0, ...empty }
  at.metric = {
    name: '',
    description: '',
    unit: '',
    metadata: [],
    data: { kind: 'gauge', points: [], ...empty },
    ...empty,
  }
  at.point = { attributes: [], startTimeUnixNano: 0n, timeUnixNano: 0n, value: null, exemplars: [], flags: 0, ...empty }
  at.log = {
    timeUnixNano: 0n,
    observedTimeUnixNano: 0n,
    severityNumber: 0,
    severityText: '',
    body: null,
    attributes: [],
    droppedAttributesCount: 0,
    flags: 0,
    traceId: none,
    spanId: none,
    eventName: '',
    ...empty,
  }
  const candidates: readonly OttlValue[] = [
    'x',
    '00000000000000000000000000000001',
    '0000000000000001',
    'Server',
    'SPAN_KIND_CLIENT',
    1n,
    true,
    1.5,
    new Time(5n),
    new Uint8Array(16).fill(1),
    new Uint8Array(8).fill(1),
    [1n],
    [1.5],
    new KeyValueList([{ key: 'k', value: 'v' }]),
  ]
  let seen = 0
  for (const context of Object.values(contexts)) {
    for (const [prefix, table] of Object.entries(context.paths)) {
      for (const [name, definition] of Object.entries(table)) {
        const path = definition.bind([])
        path.get(at)
        let taken = 0
        for (const value of candidates) {
          try {
            path.set(at, value)
          } catch (error) {
            assert.ok(error instanceof OttlError, `${prefix}.${name}: ${String(error)}`)
            continue
          }
          taken++
          const got = path.get(at)
          // Setting a metric's type does nothing, as upstream; a tracestate's text and ids of zeros stay what they are.
          if (name === 'type' || got === null || name === 'aggregation_temporality' || name === 'is_monotonic') continue
          assert.ok(
            compareValues(got, '==', value),
            `${prefix}.${name} was set to ${likeText(value)} and gives ${likeText(got)}`,
          )
        }
        const isReadOnly = prefix === 'otelcol' || name === 'event_index'
        const isMessages =
          /events|links|exemplars|status$|data_points|positive|negative|quantile|bounds|bucket|count$|sum$|scale/.test(
            name,
          )
        assert.ok(taken > 0 || isReadOnly || isMessages, `${context.name}: ${prefix}.${name} can be set to something`)
        seen++
      }
    }
  }
  assert.ok(seen > 150, `walked ${seen} paths`)
})

// ----------------------------------------------------------------------------------------------------------- fuzzing

const anyOttlValue: fc.Arbitrary<OttlValue> = fc.oneof(
  fc.string(),
  fc.boolean(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.double(),
  fc.constant(null),
  fc.uint8Array({ maxLength: 4 }),
  fc.bigInt({ min: -1000n, max: 1000n }).map((nanos) => new Time(nanos)),
  fc.bigInt({ min: -1000n, max: 1000n }).map((nanos) => new Duration(nanos)),
  fc.array(fc.oneof(fc.string(), fc.bigInt({ min: 0n, max: 9n })), { maxLength: 3 }),
  fc
    .dictionary(fc.string(), fc.string(), { maxKeys: 3 })
    .map((map) => new KeyValueList(Object.entries(map).map(([key, value]) => ({ key, value })))),
)

test('Comparisons hold together: equal or not equal, never both; an order turned around is the other order', () => {
  fc.assert(
    fc.property(anyOttlValue, anyOttlValue, (a, b) => {
      assert.equal(compareValues(a, '==', b), !compareValues(a, '!=', b))
      assert.equal(compareValues(a, '==', b), compareValues(b, '==', a))
      assert.equal(compareValues(a, '<', b), compareValues(b, '>', a))
      assert.equal(compareValues(a, '<=', b), compareValues(b, '>=', a))
      if (compareValues(a, '<', b)) assert.ok(compareValues(a, '<=', b) && compareValues(a, '!=', b))
    }),
    { numRuns: 1000 },
  )
})

test('Whatever values meet in an expression, it gives a value or an OttlError', () => {
  const operand = fc.constantFrom(
    'span.name',
    'span.kind',
    'span.start_time',
    'Second()',
    '1',
    '2.5',
    'span.attributes["map"]',
    'span.attributes["list"]',
    'span.attributes["d"]',
    'span.attributes["x"]',
    'Echo(nil)',
    'Join(["a"])',
    'Whole(span.attributes["s"])',
  )
  const key = fc.constantFrom('', '["map"]', '["list"][0]', '[span.kind]', '[span.name]')
  const operator = fc.constantFrom('+', '-', '*', '/')
  fc.assert(
    fc.property(operand, operator, operand, key, (left, sign, right, keys) => {
      for (const text of [`${left} ${sign} ${right}`, `Echo(span.attributes)${keys}`, `Echo(${left})${keys}`]) {
        try {
          compileValue(text, scope)(stand())
        } catch (error) {
          assert.ok(error instanceof OttlError || error instanceof OttlProblem, `${text}: ${String(error)}`)
        }
      }
    }),
    { numRuns: 500 },
  )
})
