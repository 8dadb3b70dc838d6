// Every function by tables of expressions and statements, and with values of all types, whatever they are.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import fc from 'fast-check'
import {
  compileStatement,
  compileValue,
  contexts,
  Duration,
  type FunctionArgument,
  type FunctionDefinition,
  functionTable,
  type Getter,
  type LambdaFunction,
  literalGetter,
  loadFunctions,
  OttlError,
  OttlProblem,
  type OttlValue,
  type ParameterType,
  type Scope,
  TelemetryList,
  Time,
  TransformContext,
} from '#component/ottl'
import { durationText } from '#lib/go_duration'
import { type AnyValue, KeyValueList, logsFromJson, logsTree } from '#pdata/otlp'
import { allFunctions, converterFunctions, isRootSpan, standardFunctions } from './door.ts'

// What times without a zone are in.
process.env['TZ'] = 'UTC'

/** The editors and converters of the upstream collector 0.158 (pkg/ottl/ottlfuncs/functions.go). */
const upstreamNames = `
append delete_index delete_key delete_matching_keys flatten keep_keys keep_matching_keys limit merge_maps
replace_all_matches replace_all_patterns replace_match replace_pattern set stringify_all truncate_all
All Any Base64Decode Base64Encode Bool Coalesce CommunityID Concat ContainsValue ConvertAttributesToElementsXML ConvertCase
ConvertTextToElementsXML Day Decode Double Duration ExtractGrokPatterns ExtractPatterns FNV Filter Find Format FormatTime GetXML
HasPrefix HasSuffix Hex Hour Hours Index InsertXML Int IsBool IsDouble IsEmpty IsInCIDR IsInt IsList IsMap IsMatch
IsString IsValidLuhn Keys Len Log MD5 MapEach MapKeys Microseconds Milliseconds Minute Minutes Month Murmur3Hash Murmur3Hash128
Nanosecond Nanoseconds Now ParseCSV ParseInt ParseJSON ParseKeyValue ParseSeverity ParseSimplifiedXML ParseXML
ProfileID Reduce RemoveXML SHA1 SHA256 SHA512 Second Seconds SliceToMap Sort SpanID Split String Substring Time ToCamelCase
ToKeyValueString ToLowerCase ToSnakeCase ToUpperCase TraceID Trim TrimPrefix TrimSuffix TruncateTime URL UUID UUIDv7
Unix UnixMicro UnixMilli UnixNano UnixSeconds UserAgent Values Weekday When XXH128 XXH3 Year
`
  .trim()
  .split(/\s+/)

let scope: Scope

before(async () => {
  const loaded = await loadFunctions(allFunctions, new Set(allFunctions.keys()))
  scope = { context: contexts.log, functions: allFunctions, isBare: true, loaded }
})

test("every function of upstream's is there, and no other", () => {
  assert.deepEqual([...allFunctions.keys()].sort(), [...upstreamNames].sort())
  const converters = upstreamNames.filter((name) => /^[A-Z]/.test(name))
  assert.deepEqual([...converterFunctions.keys()].sort(), converters.sort())
})

// ---------------------------------------------------------------------------------------------------------- tables

const record = {
  resourceLogs: [
    {
      scopeLogs: [
        {
          logRecords: [
            {
              body: { stringValue: 'héllo wörld' },
              attributes: [
                { key: 's', value: { stringValue: 'text' } },
                { key: 'i', value: { intValue: '42' } },
                { key: 'd', value: { doubleValue: 1.5 } },
                { key: 'b', value: { boolValue: true } },
                { key: 'n', value: {} },
                { key: 'y', value: { bytesValue: 'AP8=' } },
                {
                  key: 'l',
                  value: { arrayValue: { values: [{ intValue: '3' }, { intValue: '1' }, { doubleValue: 2.5 }] } },
                },
                {
                  key: 'm',
                  value: {
                    kvlistValue: {
                      values: [
                        { key: 'b', value: { stringValue: 'x' } },
                        { key: 'a', value: { intValue: '1' } },
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
}

function stand(): TransformContext {
  const [resource] = logsTree(logsFromJson(JSON.stringify(record))).resourceLogs
  const context = new TransformContext()
  context.resource = resource ?? null
  context.scope = resource?.scopeLogs[0] ?? null
  context.log = resource?.scopeLogs[0]?.logRecords[0] ?? null
  context.cache = new KeyValueList([])
  return context
}

/** Values as tables show them: doubles always with a point or exponent, ids and bytes as `0x`. */
function shown(value: OttlValue): string {
  if (value === null) return 'nil'
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number') {
    const text = Object.is(value, -0) ? '-0' : String(value)
    return /^-?\d+$/.test(text) ? `${text}.0` : text
  }
  if (typeof value !== 'object') return String(value)
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString('hex')}`
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`
  if (value instanceof KeyValueList) {
    return `{${value.entries.map((entry) => `${JSON.stringify(entry.key)}: ${shown(entry.value)}`).join(', ')}}`
  }
  if (value instanceof Duration) return `duration ${durationText(value.nanos)}`
  return value instanceof Time ? `time ${value.unixNano} ${value.zone}` : value.type
}

/** What an expression gives, or its error behind an exclamation mark. */
function outcome(run: () => string): string {
  try {
    return `= ${run()}`
  } catch (error) {
    if (error instanceof OttlError) return `! ${error.message}`
    if (error instanceof OttlProblem) return `! configuration: ${error.message}`
    throw error
  }
}

function valueOf(expression: string): string {
  return outcome(() => shown(compileValue(expression, scope)(stand())))
}

/** The body and the attributes after a statement. */
function statementResult(statement: string): string {
  const context = stand()
  return outcome(() => {
    const { where, edit } = compileStatement(statement, scope)
    if (where === undefined || where(context)) edit(context)
    const attributes = new KeyValueList(context.log?.attributes ?? [])
    return `${shown(context.log?.body ?? null)} ${shown(attributes)}`
  })
}

/** A file of pairs of lines: what is run, and what comes of it. `UPDATE=1` writes it anew. */
function runTable(file: string, run: (text: string) => string): void {
  const path = join(import.meta.dirname, 'testdata', file)
  const lines = readFileSync(path, 'utf8').split('\n')
  const out = lines.map((line, i) => {
    if (line === '' || /^[#=!]/.test(line)) return /^[=!]/.test(line) ? null : line
    const got = run(line).replaceAll('\n', '\\n')
    if (process.env['UPDATE'] === undefined) assert.equal(got, lines[i + 1], line)
    return `${line}\n${got}`
  })
  if (process.env['UPDATE'] !== undefined) writeFileSync(path, out.filter((line) => line !== null).join('\n'))
}

test('converters give the values and errors of the table', () => runTable('converters.txt', valueOf))

test('editors leave records as the table has them', () => runTable('editors.txt', statementResult))

test('every function has its lines in a table', () => {
  const texts = ['converters.txt', 'editors.txt'].map((file) => {
    return readFileSync(join(import.meta.dirname, 'testdata', file), 'utf8')
  })
  const apart = ['Now', 'UUID', 'UUIDv7']
  for (const name of upstreamNames) {
    if (!apart.includes(name)) assert.match(texts.join('\n'), new RegExp(`^${name}\\(.*\\n[=!]`, 'm'), name)
  }
})

test('clock and chance come from where the caller says', () => {
  const functions = functionTable(
    standardFunctions({ nowMs: () => 1_700_000_000_123.5, random: (length) => new Uint8Array(length).fill(0xff) }),
  )
  const cases = [
    { expression: 'UnixNano(Now())', want: '= 1700000000123500000' },
    { expression: 'UUID()', want: '= "ffffffff-ffff-4fff-bfff-ffffffffffff"' },
    { expression: 'UUIDv7()', want: '= "018bcfe5-687b-7fff-bfff-ffffffffffff"' },
    { expression: 'Year(Time("01-02", "%m-%d", "UTC"))', want: '= 2023' },
  ]
  for (const { expression, want } of cases) {
    assert.equal(
      outcome(() => shown(compileValue(expression, { ...scope, functions })(stand()))),
      want,
      expression,
    )
  }
})

test('a span is the root where its parent has no id', () => {
  const isRoot = isRootSpan.create({}, undefined)
  const context = new TransformContext()
  assert.equal(isRoot(context), false)
  for (const { parent, want } of [
    { parent: new Uint8Array(), want: true },
    { parent: new Uint8Array(8), want: true },
    { parent: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1), want: false },
  ]) {
    context.span = { parentSpanId: parent } as TransformContext['span']
    assert.equal(isRoot(context), want)
  }
})

// ---------------------------------------------------------------------------------------------------------- fuzzing

/** Of everything that some function takes for more than a text. */
const interestingTexts = [
  ['', 'a', '%Y-%m-%d', 'UTC', '//a', '<a b="1">x<c/></a>', '{"a":[1]}', '%{WORD:w}', '(a+)+$', '(?P<x>.*)', '%d %s'],
  ['a,b', 'k=v', 'http://u:p@h:1/p?q#f', '10.0.0.1', '10.0.0.0/8', 'base64', 'utf-16', 'value', 'snake', 'insert'],
  ['01020304050607080910111213141516', '1h', '42', '-1.5e3', 'true', 'x*', '[a-z]', '{a,b', '\ud800'],
].flat()
const texts = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(...interestingTexts),
)
const plain: fc.Arbitrary<AnyValue> = fc.oneof(
  texts,
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array({ maxLength: 20 }),
)
const anyValues: fc.Arbitrary<AnyValue> = fc.letrec<{ value: AnyValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    plain,
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.record({ key: texts, value: tie('value') }), { maxLength: 4 })
      .map((entries) => new KeyValueList(entries)),
  ),
})).value
const ottlValues: fc.Arbitrary<OttlValue> = fc.oneof(
  { weight: 8, arbitrary: anyValues },
  {
    weight: 1,
    arbitrary: fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }).map((nanos) => new Time(nanos, 'Asia/Tokyo')),
  },
  { weight: 1, arbitrary: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((nanos) => new Duration(nanos)) },
  { weight: 1, arbitrary: fc.constant(new TelemetryList('ptrace.SpanEventSlice', [{}])) },
)

/** A getter that is known before the first record, or one that is not. */
function getterOf(value: OttlValue, isLiteral: boolean): Getter {
  return isLiteral ? literalGetter(value) : () => value
}

/** What `create` is given for one parameter. Throws `OttlError` where a literal is of the wrong type. */
function argument(type: ParameterType, value: OttlValue, isLiteral: boolean): unknown {
  switch (type.kind) {
    case 'optional':
      return value === null ? undefined : argument(type.of, value, isLiteral)
    case 'getter': {
      const { convert } = type
      if (convert === null) return getterOf(value, isLiteral)
      return isLiteral ? literalGetter(convert(value)) : () => convert(value)
    }
    case 'literal':
      return literalOfType(type.literal, value)
    case 'list':
      return (Array.isArray(value) ? value : [value]).map((item) => argument(type.element, item, isLiteral))
    case 'map_get_setter': {
      const map = value instanceof KeyValueList ? value : new KeyValueList([{ key: 'k', value: 'some text' }])
      return { get: () => map, set: () => {} }
    }
    case 'get_setter':
    case 'setter':
      return { get: () => value, set: () => {} }
    case 'enum':
      return 1n
    case 'lambda':
      return lambdaOf(type.gives, value)
    case 'function':
      return { name: 'Echo', bind: (input) => input } satisfies FunctionArgument
  }
}

/** One that gives its last argument where that is of the right type. */
function lambdaOf(gives: string, value: OttlValue): LambdaFunction {
  if (gives === 'bool') return () => typeof value === 'string'
  if (gives === 'string') return (_, key) => (typeof key === 'string' ? key.slice(0, 1) : '')
  return (_, first = null, second = null, third = null) => third ?? second ?? first
}

function literalOfType(wanted: string, value: OttlValue): OttlValue {
  if (wanted === 'string') return typeof value === 'string' ? value : 'value'
  if (wanted === 'int') return typeof value === 'bigint' ? value : 3n
  if (wanted === 'bool') return value === true
  throw new Error(`no parameter takes a literal ${wanted}`)
}

function callWith(definition: FunctionDefinition, values: readonly OttlValue[], isLiteral: boolean): void {
  try {
    const given: Record<string, unknown> = {}
    for (const [i, [name, type]] of Object.entries(definition.parameters).entries()) {
      given[name] = argument(type, values[i] ?? null, isLiteral)
    }
    const closure = definition.create(given, scope.loaded?.get(definition))
    const context = stand()
    closure(context)
    closure(context)
  } catch (error) {
    if (!(error instanceof OttlError)) throw error
  }
}

test('any function takes any values: it gives one, or throws an error of OTTL', () => {
  const definitions = [...allFunctions.values()]
  fc.assert(
    fc.property(
      fc.constantFrom(...definitions),
      fc.array(ottlValues, { minLength: 6, maxLength: 6 }),
      fc.boolean(),
      callWith,
    ),
    { numRuns: 6000 },
  )
  // Those that take one text are met with texts more often.
  for (const definition of definitions) {
    fc.assert(
      fc.property(fc.array(texts, { minLength: 6, maxLength: 6 }), fc.boolean(), (values, isLiteral) => {
        callWith(definition, values, isLiteral)
      }),
      { numRuns: 60 },
    )
  }
})

test('texts made to take for ever, or the stack, end in a value or an error', () => {
  const deep = 200_000
  const long = 'a'.repeat(200_000)
  const many = Array.from({ length: 50_000 }, (_, i) => `k${i}`)
  const cases: readonly [string, OttlValue[]][] = [
    ['ParseJSON', ['['.repeat(deep)]],
    ['ParseJSON', ['['.repeat(deep) + ']'.repeat(deep)]],
    ['ParseJSON', ['{"a":'.repeat(deep) + '1' + '}'.repeat(deep)]],
    ['ParseXML', ['<a>'.repeat(deep) + '</a>'.repeat(deep)]],
    ['ParseXML', ['<a>'.repeat(900) + '</a>'.repeat(900)]],
    ['ParseSimplifiedXML', ['<a>'.repeat(900) + '</a>'.repeat(900)]],
    ['GetXML', ['<a>'.repeat(900) + '</a>'.repeat(900), '//a']],
    ['ConvertTextToElementsXML', ['<a>x<b/>'.repeat(900) + '</a>'.repeat(900)]],
    ['IsMatch', [long + '!', '(a+)+$']],
    ['IsMatch', [long, '(a|aa)*b']],
    ['IsMatch', [long, '(?:(?:a{0,100}){0,100}){0,100}b']],
    ['ExtractPatterns', [long, '(?P<x>(a*)*)b']],
    ['ExtractGrokPatterns', [long, '%{A}', true, ['A=%{A}%{A}']]],
    ['ExtractGrokPatterns', [long + '!', '%{HOSTNAME:h}$', true]],
    ['ParseKeyValue', [long]],
    ['ParseCSV', ['"' + long, 'x']],
    ['Format', ['%1000000d', [1n]]],
    ['UserAgent', [long]],
    ['URL', [`http://${long}%`]],
    ['ParseInt', ['9'.repeat(200_000), 10n]],
    ['Duration', ['1h'.repeat(50_000)]],
    ['ParseSimplifiedXML', [`<a>${many.map((name) => `<${name}>x</${name}>`).join('')}</a>`]],
    ['ParseCSV', [many.join(','), many.join(',')]],
    ['SliceToMap', [many]],
  ]
  for (const [name, values] of cases) {
    for (const isLiteral of [true, false]) callWith(allFunctions.get(name) as FunctionDefinition, values, isLiteral)
  }
})

test('editors take lists and maps of any length', () => {
  const many = Array.from({ length: 200_000 }, (_, i) => `k${i}`)
  const at = new TransformContext()
  const [log] = logsTree(logsFromJson('{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]}')).resourceLogs.flatMap(
    (group) => group.scopeLogs.flatMap((scope) => scope.logRecords),
  )
  assert.ok(log)
  at.log = log
  const scope: Scope = { context: contexts.log, functions: allFunctions, isBare: false, loaded: new Map() }
  const run = (text: string): void => void compileStatement(text, scope).edit(at)
  log.body = many
  run('append(log.body, "last")')
  assert.ok(Array.isArray(log.body))
  assert.equal(log.body.length, 200_001)
  log.body = new KeyValueList(many.map((key) => ({ key, value: 1n })))
  log.attributes = many.toReversed().map((key) => ({ key, value: 0n }))
  run('merge_maps(log.attributes, log.body, "upsert")')
  assert.equal(log.attributes.length, 200_000)
  assert.ok(log.attributes.every(({ value }) => value === 1n))
  run('replace_all_patterns(log.attributes, "key", "k(.*)", "n$1")')
  assert.deepEqual(log.attributes[0], { key: 'n199999', value: 1n })
})
