import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { Capsule, FunctionValue, isObjectValue, OptionalSecret, Secret, Target, Unknown, type Value } from '#component'
import { floatText } from '#lib/go_float_text'
import { quote } from '#lib/go_quote'
import { evaluate, EvaluationError, references, type Scope } from './evaluator.ts'
import { parseExpression } from './parser.ts'
import { standardLibrary } from './stdlib.ts'

const library = standardLibrary({
  hostname: 'here',
  version: '1.2.3',
  environment: { HERE: 'set' },
  stability: 'experimental',
})

const variables = new Map<string, Value>([
  ['secret', new Secret('sesame')],
  ['optional', new OptionalSecret('hidden', true)],
  ['plain', new OptionalSecret('open', false)],
  [
    'obj',
    new Map<string, Value>([
      ['a', 1n],
      ['b', [1n, 'x']],
    ]),
  ],
  [
    'target',
    new Target(
      new Map([
        ['__address__', 'host:1'],
        ['job', 'j'],
      ]),
    ),
  ],
  ['receiver', new Capsule('MetricsReceiver', {})],
  ['some', new Unknown('any')],
  ['text', new Unknown('string')],
  ['hush', new Unknown('secret')],
  ['number', new Unknown('number')],
  ['targets', new Unknown('list(target)')],
  ['labels', new Unknown('map(string)')],
  ['sink', new Unknown('MetricsReceiver')],
])

/** Components as a module scope knows them: some with two names, some with three. */
const components = new Map<string, Value>([
  ['local.file', new Map<string, Value>([['short', 'prefix']])],
  ['discovery.relabel.x', new Map<string, Value>([['output', [new Target(new Map([['a', 'b']]))]]])],
  ['discovery.relabel.x.deep', 'never reached: the shorter one is known'],
])

const scope: Scope = {
  library,
  resolve(chain) {
    for (let used = 1; used <= chain.length; used++) {
      const value = components.get(chain.slice(0, used).join('.'))
      if (value !== undefined) return { value, used }
    }
    const value = variables.get(chain[0] as string)
    return value === undefined ? undefined : { value, used: 1 }
  },
}

/** A value as the case files write it: floats end in `f`, keys are sorted. */
function textOf(value: Value): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return `${floatText(value, 'g', -1)}f`
  if (typeof value === 'string') return quote(value)
  if (value instanceof Uint8Array) return `[${value.join(', ')}]`
  if (Array.isArray(value)) return `[${value.map((item: Value) => textOf(item)).join(', ')}]`
  if (isObjectValue(value)) {
    const keys = [...value.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    return `{${keys.map((key) => `${quote(key)}: ${textOf(value.get(key) as Value)}`).join(', ')}}`
  }
  if (value instanceof Secret) return `secret(${value.reveal()})`
  if (value instanceof OptionalSecret) return `optional(${value.isSecret},${value.reveal()})`
  if (value instanceof Target) return `target${textOf(new Map(value.labels))}`
  if (value instanceof Unknown) return `unknown(${value.type})`
  if (value instanceof FunctionValue) return `function(${value.name})`
  return value instanceof Capsule ? `capsule(${value.type})` : assert.fail('no such value')
}

function parsed(source: string) {
  const { expression, diagnostics } = parseExpression(source)
  assert.ok(expression, `${source}: ${diagnostics[0]?.message}`)
  return expression
}

/** The lines that a case file has below an expression: `= value`, or the carets and the message of the error. */
function outcome(source: string): string {
  try {
    return `= ${textOf(evaluate(parsed(source), scope))}`
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error
    const bytes = Buffer.from(source)
    const { start, end } = error.range
    const before = [...bytes.subarray(0, start.offset).toString()].length
    const marked = [...bytes.subarray(start.offset, end.offset + 1).toString()].length
    return `${' '.repeat(before)}${'^'.repeat(marked)} ${error.message}`
  }
}

const testdata = join(import.meta.dirname, 'testdata')

for (const name of readdirSync(testdata).filter((file) => file.endsWith('.expressions'))) {
  test(`expressions have the values and errors that ${name} says`, () => {
    const path = join(testdata, name)
    const wanted = readFileSync(path, 'utf8')
    const blocks = wanted.trimEnd().split('\n\n')
    const got = blocks.map((block) => {
      const lines = block.split('\n')
      const source = lines.find((line) => !line.startsWith('# ')) as string
      return [...lines.slice(0, lines.indexOf(source) + 1), outcome(source)].join('\n')
    })
    if (process.env['UPDATE'] === '1') writeFileSync(path, `${got.join('\n\n')}\n`)
    else for (const [i, block] of got.entries()) assert.equal(block, blocks[i])
  })
}

test('references lists every chain of names with its place', () => {
  const source = 'f(a.b.c, [d], {k = e.f[g.h]})[i] + !(j.k) + (l).m + n().o'
  const found = references(parsed(source)).map(({ chain, range }) => {
    return [chain.join('.'), source.slice(range.start.offset, range.end.offset + 1)]
  })
  const names = ['f', 'a.b.c', 'd', 'e.f', 'g.h', 'i', 'j.k', 'l', 'n']
  assert.deepEqual(
    found,
    names.map((name) => [name, name]),
  )
})

test('errors never show a secret', () => {
  for (const source of [
    'secret + 1',
    'secret - 1',
    'optional > "a"',
    'string.to_upper(secret)',
    'string.join([optional], "")',
    'encoding.from_json(convert.nonsensitive(secret))',
    'encoding.from_yaml("a: [" + convert.nonsensitive(optional))',
    'encoding.from_base64(convert.nonsensitive(secret) + "!")',
    'array.group_by([{t = secret}], "t", true)',
  ]) {
    assert.throws(
      () => evaluate(parsed(source), scope),
      (error: Error) => error instanceof EvaluationError && !/sesame|hidden/.test(error.message),
      source,
    )
  }
})

test('long expressions are cut where a message shows them', () => {
  const long = `[${'"aaaaaaaaaa", '.repeat(10_000)}] + 1`
  assert.throws(
    () => evaluate(parsed(long), scope),
    (error: Error) => error.message.length < 300,
  )
  assert.throws(
    () => evaluate(parsed(`"${'x'.repeat(500)}" - 1`), scope),
    (error: Error) => error.message.length < 300,
  )
})

test('texts that grow without bound are refused', () => {
  const big = new Map<string, Value>([['big', 'x'.repeat(40_000_000)]])
  const bigScope: Scope = {
    library,
    resolve: ([name]) => (name === 'big' ? { value: big.get('big') as Value, used: 1 } : undefined),
  }
  for (const source of [
    'big + big',
    'string.join([big, big], "")',
    'string.format("%s%s", big, big)',
    'string.replace(big, "x", "xx")',
  ]) {
    assert.throws(() => evaluate(parsed(source), bigScope), /makes a text of more than \d+ characters/, source)
  }
})

test('any expression evaluates or says where it cannot', () => {
  const literals = ['1', '1.5', '"a"', 'true', 'null', '18446744073709551615', '[]', '{}', '[1, "x"]', '{a = 1}']
  const known = ['local.file', 'discovery.relabel.x.output', 'nope', 'string', 'constants.os']
  const leaf = fc.constantFrom(...literals, ...known, ...variables.keys())
  const names = [...library.keys()].flatMap((name) => {
    const value = library.get(name)
    return value instanceof Map ? [...value.keys()].map((key: string) => `${name}.${key}`) : [name]
  })
  const { source } = fc.letrec<{ source: string }>((tie) => ({
    source: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc
        .tuple(
          tie('source'),
          fc.constantFrom('+', '-', '*', '/', '%', '^', '==', '!=', '<', '>=', '&&', '||'),
          tie('source'),
        )
        .map(([a, o, b]) => `(${a} ${o} ${b})`),
      fc.tuple(fc.constantFrom('!', '-'), tie('source')).map(([o, a]) => `${o}(${a})`),
      fc.tuple(tie('source'), tie('source')).map(([a, b]) => `(${a})[${b}]`),
      tie('source').map((a) => `(${a}).a`),
      fc
        .tuple(fc.constantFrom(...names), fc.array(tie('source'), { maxLength: 4 }))
        .map(([f, args]) => `${f}(${args.join(', ')})`),
      fc.array(tie('source'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
      fc
        .array(tie('source'), { maxLength: 3 })
        .map((items) => `{${items.map((item, i) => `k${i} = ${item}`).join(', ')}}`),
    ),
  }))
  fc.assert(
    fc.property(source, (text) => {
      try {
        evaluate(parsed(text), scope)
      } catch (error) {
        if (!(error instanceof EvaluationError)) throw error
        assert.ok(
          error.range.start.offset <= error.range.end.offset && error.range.end.offset < Buffer.byteLength(text),
        )
      }
    }),
    { interruptAfterTimeLimit: 1500, numRuns: 2000 },
  )
})
