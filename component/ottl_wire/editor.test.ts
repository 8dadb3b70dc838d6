// Statements over bytes: the same result as over trees, and which of them bytes can take.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ContextName } from '#component/ottl'
import {
  compileCondition,
  compileStatement,
  defineConverter,
  defineEditor,
  functionTable,
  getSetter,
  getter,
  likeString,
  list,
  mapGetSetter,
  OttlError,
  setter,
  stringLikeGetter,
  stringLiteral,
  TransformContext,
  walkLogs,
  walkTraces,
} from '#component/ottl'
import { Logs, Traces } from '#pdata'
import type { KeyValueList, LogsTree, TracesTree } from '#pdata/otlp'
import {
  deleteAttribute,
  logsFromJson,
  logsToJson,
  logsWire,
  ownLogsTree,
  ownTracesTree,
  readLogsRequest,
  readTracesRequest,
  tracesFromJson,
  tracesToJson,
  tracesWire,
} from '#pdata/otlp'
import { wireEditor } from './door.ts'
import { randomLogs, randomTraces, scopesWith } from './random_telemetry.ts'

const functions = functionTable([
  defineEditor({
    name: 'set',
    parameters: { target: setter, value: getter },
    create:
      ({ target, value }) =>
      (at) => {
        const given = value(at)
        if (given !== null) target.set(at, given)
        return null
      },
  }),
  defineEditor({
    name: 'put',
    parameters: { target: setter, value: getter },
    create:
      ({ target, value }) =>
      (at) => {
        target.set(at, value(at))
        return null
      },
  }),
  defineEditor({
    name: 'mark',
    parameters: { target: getSetter },
    create:
      ({ target }) =>
      (at) => {
        target.set(at, `<${likeString(target.get(at)) ?? ''}>`)
        return null
      },
  }),
  defineEditor({
    name: 'drop_key',
    parameters: { target: mapGetSetter, key: stringLiteral },
    create:
      ({ target, key }) =>
      (at) => {
        deleteAttribute(target.get(at).entries, key)
        return null
      },
  }),
  // The same by the shorter way where there is one.
  defineEditor({
    name: 'forget_key',
    parameters: { target: mapGetSetter, key: stringLiteral },
    create({ target, key }) {
      const remove = target.deleteKey?.(key) ?? ((at) => deleteAttribute(target.get(at).entries, key))
      return (at) => {
        remove(at)
        return null
      }
    },
  }),
  defineEditor({
    name: 'cut_texts',
    parameters: { target: mapGetSetter },
    create({ target }) {
      const areWithin = target.areTextsWithin?.(20)
      return (at) => {
        if (areWithin?.(at) === true) return null
        for (const entry of target.get(at).entries) {
          if (typeof entry.value === 'string' && entry.value.length > 20) entry.value = entry.value.slice(0, 20)
        }
        return null
      }
    },
  }),
  defineEditor({ name: 'look', parameters: {}, create: () => () => null }),
  defineConverter({
    name: 'Join',
    parameters: { parts: list(stringLikeGetter) },
    create:
      ({ parts }) =>
      (at) =>
        parts.map((part) => part(at) ?? '').join('-'),
  }),
])

const scopeOf = scopesWith(functions)

const served: readonly { context: ContextName; statement: string; wire: boolean }[] = [
  { context: 'span', statement: 'set(span.attributes["a"], "x")', wire: true },
  { context: 'span', statement: 'set(span.attributes["a"]["b"], 1)', wire: true },
  {
    context: 'span',
    statement: 'set(span.name, Join([resource.attributes["a"], scope.name])) where span.kind == 2',
    wire: true,
  },
  { context: 'span', statement: 'set(span.cache["x"], span.name)', wire: true },
  { context: 'span', statement: 'drop_key(span.attributes, "a")', wire: true },
  { context: 'resource', statement: 'set(resource.attributes["a"], 1)', wire: true },
  { context: 'scope', statement: 'set(scope.name, "x")', wire: true },
  { context: 'span', statement: 'set(resource.attributes["a"], 1)', wire: false },
  { context: 'span', statement: 'set(span.trace_id, 0x01)', wire: false },
  { context: 'span', statement: 'set(span.attributes["a"], span.events)', wire: false },
  { context: 'span', statement: 'look()', wire: false },
  { context: 'spanevent', statement: 'set(spanevent.name, "x")', wire: false },
]

for (const { context, statement, wire } of served) {
  test(`${statement} ${wire ? 'is done on bytes' : 'needs the tree'}`, () => {
    const editor = wireEditor('traces', { scope: scopeOf(context), statements: [statement], conditions: [] })
    assert.equal(editor !== undefined, wire)
  })
}

test('A chunk that no statement changes stays the same bytes', () => {
  const [chunk] = tracesWire(tracesFromJson('{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a"}]}]}]}'))
  const group = { scope: scopeOf('span'), statements: ['set(span.name, "b") where span.name == "x"'], conditions: [] }
  assert.equal(wireEditor('traces', group)?.edit([chunk as Uint8Array], null)[0], chunk)
})

test('A statement that fails leaves the bytes to the tree, and the next chunk begins anew', () => {
  const [chunk] = tracesWire(tracesFromJson('{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a"}]}]}]}'))
  const group = { scope: scopeOf('span'), statements: ['set(span.name, 1) where span.name == "a"'], conditions: [] }
  const editor = wireEditor('traces', group)
  assert.throws(
    () => editor?.edit([chunk as Uint8Array], null),
    (error: unknown) => error instanceof OttlError,
  )
  const [other] = tracesWire(tracesFromJson('{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"b"}]}]}]}'))
  assert.equal(editor?.edit([other as Uint8Array], null)[0], other)
})

const mapEdits: readonly { name: string; statements: readonly string[]; want: object }[] = [
  { name: 'a body', statements: ['drop_key(log.body, "a")'], want: { body: { b: 1 }, at: { a: 0, b: 1 } } },
  {
    name: 'an attribute',
    statements: ['drop_key(log.attributes["m"], "a")'],
    want: { body: { a: 0, b: 1 }, at: { b: 1 } },
  },
  {
    name: 'an attribute that was set before',
    statements: ['set(log.attributes["m"], log.body)', 'drop_key(log.attributes["m"], "b")'],
    want: { body: { a: 0, b: 1 }, at: { a: 0 } },
  },
]

for (const { name, statements, want } of mapEdits) {
  test(`An editor of a map changes the map that is ${name}`, () => {
    const pairs = ['a', 'b'].map((key, i) => ({ key, value: { intValue: String(i) } }))
    const map = { kvlistValue: { values: pairs } }
    const record = { body: map, attributes: [{ key: 'm', value: map }] }
    const chunks = logsWire(logsFromJson(JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] })))
    const editor = wireEditor('logs', { scope: scopeOf('log'), statements, conditions: [] })
    const log = ownLogsTree(Logs.fromWire(editor?.edit(chunks, null) ?? [], 1)).resourceLogs[0]?.scopeLogs[0]
    const shown = (value: unknown): unknown =>
      Object.fromEntries((value as KeyValueList).entries.map(({ key, value: held }) => [key, Number(held)]))
    const [{ body, attributes } = { body: null, attributes: [] }] = log?.logRecords ?? []
    assert.deepEqual({ body: shown(body), at: shown(attributes[0]?.value) }, want)
  })
}

// ---------------------------------------------------------------------------------------------- the tree as the judge

const numRuns = Number(process.env.FUZZ_RUNS ?? 500)

const above = ['resource.attributes["a"]', 'scope.name']
const targets = {
  span: [
    'span.name',
    'span.status.message',
    'span.attributes["a"]',
    'span.attributes["new"]',
    'span.attributes["é"]',
    `span.attributes["${'k'.repeat(130)}"]`,
    'span.cache["c"]',
  ],
  log: [
    'log.body',
    'log.severity_text',
    'log.event_name',
    'log.attributes["a"]',
    'log.attributes["new"]',
    'log.cache["c"]',
  ],
  resource: ['resource.attributes["a"]', 'resource.attributes["new"]', 'resource.schema_url', 'resource.cache["c"]'],
  scope: ['scope.name', 'scope.version', 'scope.attributes["a"]', 'scope.attributes["new"]'],
} as const
const more = {
  span: [
    'set(span.kind, 3)',
    'set(span.kind, 0)',
    'set(span.status.code, 2)',
    'set(span.status.code, 0)',
    'set(span.start_time_unix_nano, span.end_time_unix_nano - 10)',
    'set(span.end_time, span.start_time)',
    'set(span.dropped_attributes_count, 7)',
    'drop_key(span.attributes, "a")',
    'forget_key(span.attributes, "a")',
    'forget_key(span.attributes, "new")',
    'cut_texts(span.attributes)',
    'drop_key(span.attributes["a"], "b")',
    'set(span.attributes["b"]["deep"], "d") where span.attributes["b"] == nil',
    'set(span.attributes, {"only": 1}) where span.kind == 2',
    'set(span.attributes["copy"], span.attributes)',
  ],
  log: [
    'set(log.severity_number, 17)',
    'set(log.time_unix_nano, 5)',
    'set(log.time, log.observed_time)',
    'set(log.flags, 1)',
    'drop_key(log.attributes, "b")',
    'forget_key(log.attributes, "a")',
    'cut_texts(log.attributes)',
    'drop_key(log.attributes["a"], "b")',
    'drop_key(log.body, "b")',
    'set(log.body, {"was": log.body})',
    'set(log.body, log.attributes)',
  ],
  resource: [
    'drop_key(resource.attributes, "a")',
    'forget_key(resource.attributes, "a")',
    'forget_key(resource.attributes, "new")',
    'cut_texts(resource.attributes)',
    'set(resource.attributes, {"only": true})',
  ],
  scope: ['drop_key(scope.attributes, "b")', 'forget_key(scope.attributes, "a")', 'cut_texts(scope.attributes)'],
} as const

function statementsOf(context: keyof typeof targets): fc.Arbitrary<string[]> {
  const own = targets[context]
  const texts = own.filter((path) => !/attributes|body|cache/.test(path))
  const value = fc.constantFrom(
    '"x"',
    '""',
    '"é"',
    `"${'v'.repeat(140)}"`,
    ...(context === 'resource' ? [] : above.map((path) => `Join([${path}])`)),
    ...texts,
  )
  const any = fc.oneof(value, fc.constantFrom('1', '1.5', 'true', '0x01', '[1, "y"]', '{"k": "v"}', ...own))
  const loose = own.filter((path) => /attributes|body|cache/.test(path))
  const condition = fc.constantFrom('', ...own.flatMap((path) => [` where ${path} == "x"`, ` where ${path} != nil`]))
  const statement = fc.oneof(
    fc.tuple(fc.constantFrom(...loose), any, condition).map(([path, given, where]) => `set(${path}, ${given})${where}`),
    fc.constantFrom(...loose).map((path) => `put(${path}, nil)`),
    ...(texts.length === 0
      ? []
      : [
          fc
            .tuple(fc.constantFrom(...texts), value, condition)
            .map(([path, given, where]) => `set(${path}, ${given})${where}`),
        ]),
    fc.constantFrom(...own).map((path) => `mark(${path})`),
    fc.constantFrom(...more[context]),
  )
  return fc.array(statement, { minLength: 1, maxLength: 5 })
}

function runTree(
  context: ContextName,
  statements: readonly string[],
  condition: string,
  walk: (visit: (at: TransformContext) => void) => void,
): void {
  const compiled = statements.map((text) => compileStatement(text, scopeOf(context)))
  const met = condition === '' ? () => true : compileCondition(condition, scopeOf(context))
  walk((at) => {
    if (!met(at)) return
    for (const { where, edit } of compiled) if (where === undefined || where(at)) edit(at)
  })
}

/** Undefined: a statement failed. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof OttlError) return undefined
    throw error
  }
}

/** Messages with nothing in them may be written or not. */
function plain(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length === 0
      ? undefined
      : value,
  )
}

for (const context of ['span', 'resource', 'scope'] as const) {
  test(`Statements in the context ${context} do to bytes what they do to trees`, () => {
    let compared = 0
    fc.assert(
      fc.property(
        randomTraces,
        statementsOf(context),
        fc.constantFrom('', `${targets[context][0]} != "x"`),
        (batch, statements, condition) => {
          const conditions = condition === '' ? [] : [condition]
          const editor = wireEditor('traces', { scope: scopeOf(context), statements, conditions })
          assert.ok(editor !== undefined, statements.join('\n'))
          const wire = tracesWire(tracesFromJson(JSON.stringify(batch)))
          const edited = attempt(() => editor.edit(wire, null))
          const tree: TracesTree = ownTracesTree(tracesFromJson(JSON.stringify(batch)))
          const changed = attempt(() => {
            runTree(context, statements, condition, (visit) => walkTraces(tree, context, new TransformContext(), visit))
            return tracesToJson(Traces.fromTree(tree))
          })
          assert.equal(edited === undefined, changed === undefined, statements.join('\n'))
          if (edited === undefined || changed === undefined) return
          for (const chunk of edited) readTracesRequest(chunk) // valid, each singular field once
          assert.deepEqual(plain(tracesToJson(Traces.fromWire(edited, 0))), plain(changed), statements.join('\n'))
          compared++
        },
      ),
      { numRuns },
    )
    assert.ok(compared > 100)
  })
}

test('Statements in the context log do to bytes what they do to trees', () => {
  let compared = 0
  fc.assert(
    fc.property(randomLogs, statementsOf('log'), (batch, all) => {
      const statements = all.filter((text) => !text.includes('flags'))
      const editor = wireEditor('logs', { scope: scopeOf('log'), statements, conditions: [] })
      assert.ok(editor !== undefined, statements.join('\n'))
      const edited = attempt(() => editor.edit(logsWire(logsFromJson(JSON.stringify(batch))), null))
      const tree = logsFromJson(JSON.stringify(batch)).tree as LogsTree
      const changed = attempt(() => {
        runTree('log', statements, '', (visit) => walkLogs(tree, 'log', new TransformContext(), visit))
        return logsToJson(Logs.fromTree(tree))
      })
      assert.equal(edited === undefined, changed === undefined, statements.join('\n'))
      if (edited === undefined || changed === undefined) return
      for (const chunk of edited) readLogsRequest(chunk)
      assert.deepEqual(plain(logsToJson(Logs.fromWire(edited, 0))), plain(changed), statements.join('\n'))
      compared++
    }),
    { numRuns },
  )
  assert.ok(compared > 100)
})
