// Conditions over bytes: the same answers as over trees, and which of them bytes can answer.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ContextName } from '#component/ottl'
import {
  compileCondition,
  defineConverter,
  functionTable,
  getter,
  lambda,
  stringLikeGetter,
  stringLiteral,
  TransformContext,
} from '#component/ottl'
import type { LogsTree, TracesTree } from '#pdata/otlp'
import { logsFromJson, logsToJson, logsWire, tracesFromJson, tracesToJson, tracesWire } from '#pdata/otlp'
import { Logs, Traces } from '#pdata'
import { wireSieve } from './door.ts'
import { randomLogs, randomTraces, scopesWith } from './random_telemetry.ts'

const functions = functionTable([
  defineConverter({
    name: 'Has',
    parameters: { value: stringLikeGetter, part: stringLiteral },
    create:
      ({ value, part }) =>
      (at) =>
        (value(at) ?? '').includes(part),
  }),
  defineConverter({ name: 'Echo', parameters: { value: getter }, create: ({ value }) => value }),
  defineConverter({
    name: 'Meets',
    parameters: { value: getter, test: lambda('bool', 'value') },
    create:
      ({ value, test: meets }) =>
      (at) =>
        meets(at, value(at)),
  }),
  defineConverter({ name: 'IsRootSpan', parameters: {}, create: () => (at) => at.span?.parentSpanId.length === 0 }),
])

const scopeOf = scopesWith(functions)

const served: readonly { context: ContextName; condition: string; wire: boolean }[] = [
  { context: 'span', condition: 'span.attributes["a"] == "x"', wire: true },
  { context: 'span', condition: 'span.attributes["a"]["b"] == "x"', wire: true },
  { context: 'span', condition: 'Has(span.name, "x") and resource.attributes["a"] != nil', wire: true },
  { context: 'span', condition: 'span.status.code == STATUS_CODE_ERROR', wire: true },
  { context: 'span', condition: 'span.end_time_unix_nano - span.start_time_unix_nano > 1000', wire: true },
  { context: 'span', condition: 'Meets(span.attributes["a"], (span) => span == "x" or span == "y")', wire: true },
  { context: 'span', condition: 'Meets(1, (v) => span.events != nil)', wire: false },
  { context: 'span', condition: 'span.attributes[span.name] == "x"', wire: false },
  { context: 'span', condition: 'span.attributes == {}', wire: false },
  { context: 'span', condition: 'span.cache["x"] == nil', wire: false },
  { context: 'span', condition: 'span.events != nil', wire: false },
  { context: 'span', condition: 'IsRootSpan()', wire: false },
  { context: 'spanevent', condition: 'spanevent.name == "x"', wire: false },
  { context: 'resource', condition: 'resource.attributes["a"] == "x"', wire: true },
]

for (const { context, condition, wire } of served) {
  test(`${condition} ${wire ? 'is answered from bytes' : 'needs the tree'}`, () => {
    assert.equal(wireSieve('traces', [{ scope: scopeOf(context), conditions: [condition] }]) !== undefined, wire)
  })
}

test('Rules from a lower level to a higher one need the tree: what the first drops must not be asked by the second', () => {
  const span = { scope: scopeOf('span'), conditions: ['span.name == "x"'] }
  const resource = { scope: scopeOf('resource'), conditions: ['true'] }
  assert.equal(wireSieve('traces', [span, resource]), undefined)
  assert.notEqual(wireSieve('traces', [resource, span]), undefined)
})

test('A chunk that loses nothing stays the same bytes, one that loses all is gone', () => {
  const [chunk] = tracesWire(tracesFromJson('{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a"}]}]}]}'))
  const none = wireSieve('traces', [{ scope: scopeOf('span'), conditions: ['span.name == "b"'] }])
  const all = wireSieve('traces', [{ scope: scopeOf('span'), conditions: ['span.name == "a"'] }])
  const same = none?.sift([chunk as Uint8Array])
  assert.equal(same?.chunks[0], chunk)
  assert.equal(same?.count, 1)
  assert.deepEqual(all?.sift([chunk as Uint8Array]), { chunks: [], count: 0 })
})

test('Attributes whose value stands before the key, or that are there twice, are found as in the tree', () => {
  // KeyValue { value: "x", key: "a" }, then KeyValue { key: "a", value: "y" }.
  const pair = Buffer.from([0x4a, 0x08, 0x12, 0x03, 0x0a, 0x01, 0x78, 0x0a, 0x01, 0x61])
  const again = Buffer.from([0x4a, 0x08, 0x0a, 0x01, 0x61, 0x12, 0x03, 0x0a, 0x01, 0x79])
  const span = Buffer.concat([pair, again])
  const scope = Buffer.concat([Buffer.from([0x12, span.length]), span])
  const group = Buffer.concat([Buffer.from([0x12, scope.length]), scope])
  const chunk = Buffer.concat([Buffer.from([0x0a, group.length]), group])
  const sieve = wireSieve('traces', [{ scope: scopeOf('span'), conditions: ['span.attributes["a"] == "x"'] }])
  assert.equal(sieve?.sift([chunk]).count, 0)
})

// ---------------------------------------------------------------------------------------------- the tree as the judge

function conditionOf(paths: readonly string[]): fc.Arbitrary<string> {
  const path = fc.constantFrom(...paths)
  const literal = fc.constantFrom(
    '"x"',
    '"é"',
    '""',
    'nil',
    '1',
    '1.5',
    'true',
    '0x0102',
    '2',
    `"${'v'.repeat(140)}"`,
    '{"a": "x"}',
    '[1]',
  )
  const operator = fc.constantFrom('==', '!=', '<', '>=')
  const simple = fc.oneof(
    fc.tuple(path, operator, literal).map(([left, sign, right]) => `${left} ${sign} ${right}`),
    fc.tuple(path, operator, path).map(([left, sign, right]) => `${left} ${sign} ${right}`),
    path.map((each) => `Has(Echo(${each}), "x")`),
  )
  return fc.oneof(
    simple,
    fc.tuple(simple, fc.constantFrom('and', 'or', 'and not'), simple).map((parts) => parts.join(' ')),
  )
}

const sharedPaths = [
  'resource.attributes["a"]',
  'resource.attributes["é"]',
  'scope.name',
  'scope.version',
  'instrumentation_scope.attributes["b"]',
  'resource.schema_url',
]
const spanPaths = [
  'span.name',
  'span.kind',
  'span.status.code',
  'span.status.message',
  'span.trace_id',
  'span.trace_id.string',
  'span.start_time_unix_nano',
  'span.attributes["a"]',
  `span.attributes["${'k'.repeat(130)}"]`,
  'span.attributes["é"]',
  ...sharedPaths,
]
const logPaths = [
  'log.body',
  'log.severity_number',
  'log.severity_text',
  'log.time_unix_nano',
  'log.attributes["a"]',
  'log.attributes["b"]',
  ...sharedPaths,
]

function keptSpans(tree: TracesTree, condition: string): TracesTree {
  const holds = compileCondition(condition, scopeOf('span'))
  const at = new TransformContext()
  const resourceSpans = tree.resourceSpans.flatMap((group) => {
    at.resource = group
    const scopeSpans = group.scopeSpans.flatMap((inside) => {
      at.scope = inside
      const spans = inside.spans.filter((each) => {
        at.span = each
        return !holds(at)
      })
      return spans.length === 0 ? [] : [{ ...inside, spans }]
    })
    return scopeSpans.length === 0 ? [] : [{ ...group, scopeSpans }]
  })
  return { resourceSpans }
}

function keptRecords(tree: LogsTree, condition: string): LogsTree {
  const holds = compileCondition(condition, scopeOf('log'))
  const at = new TransformContext()
  const resourceLogs = tree.resourceLogs.flatMap((group) => {
    at.resource = group
    const scopeLogs = group.scopeLogs.flatMap((inside) => {
      at.scope = inside
      const logRecords = inside.logRecords.filter((each) => {
        at.log = each
        return !holds(at)
      })
      return logRecords.length === 0 ? [] : [{ ...inside, logRecords }]
    })
    return scopeLogs.length === 0 ? [] : [{ ...group, scopeLogs }]
  })
  return { resourceLogs }
}

/** Groups that came empty may go or stay. */
function withoutEmpty(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown) =>
    Array.isArray(value) ? value.filter((each) => !isEmptyGroup(each)) : value,
  )
}

function isEmptyGroup(value: unknown): boolean {
  if (value === null || typeof value !== 'object') return false
  const lists = ['scopeSpans', 'spans', 'scopeLogs', 'logRecords'] as const
  const group = value as Partial<Record<(typeof lists)[number], unknown[]>>
  if ('scopeSpans' in group || 'scopeLogs' in group) return (group.scopeSpans ?? group.scopeLogs ?? []).length === 0
  if ('spans' in group || 'logRecords' in group) return (group.spans ?? group.logRecords ?? []).length === 0
  return 'scope' in group || 'resource' in group
}

test('Spans that bytes keep are those that the tree keeps, byte for byte', () => {
  fc.assert(
    fc.property(randomTraces, conditionOf(spanPaths), (batch, condition) => {
      const sieve = wireSieve('traces', [{ scope: scopeOf('span'), conditions: [condition] }])
      assert.ok(sieve !== undefined, condition)
      const wire = tracesWire(tracesFromJson(JSON.stringify(batch)))
      const sifted = sieve.sift(wire)
      const want = keptSpans(tracesFromJson(JSON.stringify(batch)).tree as TracesTree, condition)
      assert.equal(sifted.count, Traces.fromTree(want).count)
      const got = tracesToJson(Traces.fromWire(sifted.chunks, sifted.count))
      assert.deepEqual(withoutEmpty(got), withoutEmpty(tracesToJson(Traces.fromTree(want))))
    }),
    { numRuns: 600 },
  )
})

test('Bytes taken apart: what is kept is what a sieve keeps, and what is dropped is what it drops', () => {
  fc.assert(
    fc.property(randomTraces, conditionOf(spanPaths), (batch, condition) => {
      const sieveOf = (text: string) => wireSieve('traces', [{ scope: scopeOf('span'), conditions: [text] }])
      const wire = tracesWire(tracesFromJson(JSON.stringify(batch)))
      const { kept, dropped } = sieveOf(condition)?.split(wire) ?? assert.fail()
      const json = ({ chunks, count }: { chunks: readonly Uint8Array[]; count: number }): unknown =>
        withoutEmpty(tracesToJson(Traces.fromWire(chunks, count)))
      const [wantKept, wantDropped] = [condition, `not (${condition})`].map((text) => sieveOf(text)?.sift(wire))
      assert.ok(wantKept && wantDropped)
      assert.deepEqual([kept.count, dropped.count], [wantKept.count, wantDropped.count])
      assert.deepEqual([json(kept), json(dropped)], [json(wantKept), json(wantDropped)])
    }),
    { numRuns: 300 },
  )
})

test('Log records that bytes keep are those that the tree keeps', () => {
  fc.assert(
    fc.property(randomLogs, conditionOf(logPaths), (batch, condition) => {
      const sieve = wireSieve('logs', [{ scope: scopeOf('log'), conditions: [condition] }])
      assert.ok(sieve !== undefined, condition)
      const sifted = sieve.sift(logsWire(logsFromJson(JSON.stringify(batch))))
      const want = keptRecords(logsFromJson(JSON.stringify(batch)).tree as LogsTree, condition)
      assert.equal(sifted.count, Logs.fromTree(want).count)
      const got = logsToJson(Logs.fromWire(sifted.chunks, sifted.count))
      assert.deepEqual(withoutEmpty(got), withoutEmpty(logsToJson(Logs.fromTree(want))))
    }),
    { numRuns: 600 },
  )
})
