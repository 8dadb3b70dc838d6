// OTTL's syntax: what it is read as, what is refused and where.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Condition, Expression, Statement } from './door.ts'
import {
  OttlSyntaxError,
  parseCondition,
  parseStatement,
  parseValue,
  printCondition,
  printStatement,
  printValue,
} from './door.ts'

const statements = [
  { text: 'set(name,"x")', want: 'set(name, "x")' },
  { text: 'convert_sum_to_gauge()', want: 'convert_sum_to_gauge()' },
  { text: 'set(span.attributes["a"]["b"][0], 1)', want: 'set(span.attributes["a"]["b"][0], 1)' },
  {
    text: 'set(a[Concat(["x"],"y")][1+b], Split(x, "|")[0]["y"])',
    want: 'set(a[Concat(["x"], "y")][1 + b], Split(x, "|")[0]["y"])',
  },
  { text: 'f(a, delimiter = ",", function=SHA256, g=Foo)', want: 'f(a, delimiter = ",", function = SHA256, g = Foo)' },
  {
    text: 'f({"a": 1 "b": [0x01Ff, nil, SPAN_KIND_SERVER], "c": {}}, [])',
    want: 'f({"a": 1, "b": [0x01ff, nil, SPAN_KIND_SERVER], "c": {}}, [])',
  },
  { text: 'f(1-2, 1 - -2, -.5, +3, 1.5e3)', want: 'f(1 - 2, 1 - -2, -0.5, 3, 1500.0)' },
  { text: 'f(1 + 2 * 3 - 4 / a.b)', want: 'f(1 + (2 * 3) - (4 / a.b))' },
  { text: 'f((1 + 2) * 3)', want: 'f((1 + 2) * 3)' },
  { text: 'f(1 - (2 - 3))', want: 'f(1 - (2 - 3))' },
  { text: 'f("\\"\\\\\\n\\u00e9\\x41")', want: 'f("\\"\\\\\\néA")' },
  { text: 'f(1., 2.e3, .5)', want: 'f(1.0, 2000.0, 0.5)' },
  {
    text: 'f(X((_,v)=>v==1 and k!=2, m = ( ) => (1+2)*3))',
    want: 'f(X((_, v) => v == 1 and k != 2, m = () => (1 + 2) * 3))',
  },
  { text: 'f(X((a) => (b), (a) => true, (a) => not a == 1))', want: 'f(X((a) => b, (a) => true, (a) => not a == 1))' },
  { text: 'f(X((_, _) => Y(a) or (b == 1), 2))', want: 'f(X((_, _) => Y(a) or b == 1, 2))' },
  { text: 'f(X((a) => Y(a, (b) => Z(b["x"]) == a)))', want: 'f(X((a) => Y(a, (b) => Z(b["x"]) == a)))' },
  {
    text: 'f(-a.b * 2, -(1 + X(b)), +c, - 5, 2--2, -X(a)["b"])',
    want: 'f(-a.b * 2, -(1 + X(b)), c, -5, 2 - -2, -X(a)["b"])',
  },
  { text: 'f(["a" 1, b], [,1], [1 2])', want: 'f(["a", 1, b], [1], [1, 2])' },
  { text: 'f() where a == 1 and b == 2 or not c == 3', want: 'f() where a == 1 and b == 2 or not c == 3' },
  { text: 'f() where (a == 1 or b == 2) and true', want: 'f() where (a == 1 or b == 2) and true' },
  { text: 'f() where not (a == 1 and IsMatch(b, "x"))', want: 'f() where not (a == 1 and IsMatch(b, "x"))' },
  { text: 'f() where ((((1 + 2) * 3 > x)))', want: 'f() where (1 + 2) * 3 > x' },
  { text: 'f() where (IsString(a)) and (((b >= nil)))', want: 'f() where IsString(a) and b >= nil' },
  { text: '\n  f (\n a . b [ "c" ] )\twhere\n true', want: 'f(a.b["c"]) where true' },
]

const refused = [
  { text: '', message: "expected an editor's name, found the end", at: 0 },
  { text: 'Set(x, 1)', message: 'editor names must start with a lowercase letter but got "Set"', at: 0 },
  { text: 'set(x, 1)["a"]', message: 'only paths and converters may be indexed, not editors', at: 0 },
  {
    text: 'set(x, concat("a"))',
    message: 'converter names must start with an uppercase letter but got "concat"',
    at: 7,
  },
  { text: 'set(x, 1', message: 'expected ")" or "," behind an argument, found the end', at: 8 },
  { text: 'set(x, )', message: 'expected a value, found ")"', at: 7 },
  { text: 'set(x, "abc)', message: 'a string is not closed', at: 7 },
  { text: 'set(x, "\\d")', message: 'a string has the unknown escape \\d', at: 8 },
  { text: 'set(x, 0x123)', message: 'a byte literal needs two digits for each byte', at: 7 },
  { text: 'set(x, 9223372036854775808)', message: '9223372036854775808 is no 64-bit integer', at: 7 },
  { text: 'set(x, "a" + "b")', message: 'only numbers, paths and converters can be computed with', at: 7 },
  { text: 'set(x, 1) were true', message: 'expected the end, "where", or an operator, found "were"', at: 10 },
  { text: 'set(x, 1) where a', message: 'expected a comparison (==, !=, <, <=, >, >=), found the end', at: 17 },
  { text: 'set(x, 1) where (a == 1', message: 'expected ")" behind a condition, found the end', at: 23 },
  { text: 'set(x, 1) where a = 1', message: 'expected a comparison (==, !=, <, <=, >, >=), found "="', at: 18 },
  { text: 'set(x, Foo) where Foo == 1', message: 'the converter "Foo" needs arguments in parentheses', at: 18 },
  { text: 'set(x[1.5], 1)', message: 'a key is a string, an int, a path, a converter, or arithmetic', at: 6 },
  { text: 'set(x; 1)', message: 'unexpected ";"', at: 5 },
  {
    text: 'f(- -1)',
    message: 'expected a number, path, converter or parentheses behind the sign, found "-"',
    at: 4,
  },
  { text: 'f([1, 2 3])', message: 'expected "]" or "," behind an item, found "3"', at: 8 },
  { text: 'f([1,])', message: 'expected a value, found "]"', at: 5 },
  { text: 'f(-true)', message: 'only numbers, paths and converters can be computed with', at: 3 },
  { text: 'f(X((a, a) => 1))', message: 'the parameter "a" is there twice', at: 8 },
  { text: 'f(X((a, B) => 1))', message: 'expected a parameter\'s name in small letters, or _, found "B"', at: 8 },
  { text: 'f(X((true) => 1))', message: 'expected a parameter\'s name in small letters, or _, found "true"', at: 5 },
  { text: 'f(X((a,) => 1))', message: 'expected a parameter\'s name in small letters, or _, found ")"', at: 7 },
  { text: 'f(X((a) => ))', message: 'expected a value, found ")"', at: 11 },
  { text: 'f(X((a) => (b) => 1))', message: "a lambda's body cannot be a lambda", at: 11 },
  { text: 'f(X((a) => a == ))', message: 'expected a value, found ")"', at: 16 },
  { text: 'f(X([(a) => 1]))', message: 'a lambda can only be the argument of a function', at: 5 },
  { text: 'f() where (a) => true', message: 'a lambda can only be the argument of a function', at: 10 },
  { text: 'f(X((_) => _))', message: '_ is a parameter that cannot be read', at: 11 },
  { text: 'f(X((1) => 1))', message: 'expected ")" or "," behind an argument, found "=>"', at: 8 },
  { text: 'set({"a" 1}, 1)', message: 'expected ":" behind a key, found "1"', at: 9 },
]

for (const { text, want } of statements) {
  test(`${JSON.stringify(text)} reads as ${want}`, () => {
    const printed = printStatement(parseStatement(text))
    assert.equal(printed, want)
    assert.equal(printStatement(parseStatement(printed)), want)
  })
}

for (const { text, message, at } of refused) {
  test(`${JSON.stringify(text)} is refused at column ${at + 1}`, () => {
    assert.throws(
      () => parseStatement(text),
      (error: unknown) => {
        assert.ok(error instanceof OttlSyntaxError)
        assert.deepEqual({ message: error.message, at: error.at }, { message, at })
        return true
      },
    )
  })
}

test('Conditions in parentheses nested deep are read in time linear in their depth, deeper ones are refused', () => {
  assert.equal(printCondition(parseCondition(`${'('.repeat(40)}a == 1${')'.repeat(40)}`)), 'a == 1')
  assert.throws(() => parseCondition(`${'('.repeat(5000)}a == 1${')'.repeat(5000)}`), /nested more than 100 deep/)
  assert.throws(() => parseCondition('X(() => '.repeat(5000)), /nested more than 100 deep/)
  for (const end of ['a == 1', 'a', 'a ==', '(a == 1 or']) {
    const text = `${'X(() => '.repeat(20)}${end}${') == 1'.repeat(20)}`
    const isWhole = !/(==|or)$/.test(end)
    if (isWhole) assert.equal(printCondition(parseCondition(text)), text)
    else assert.throws(() => parseCondition(text), OttlSyntaxError)
  }
})

// ----------------------------------------------------------------------------------------------------------- fuzzing

const pathName = fc
  .stringMatching(/^[a-z][a-z0-9_]{0,5}$/)
  .filter((name) => !/^(where|and|or|not|true|false|nil)$/.test(name))
const converterName = fc.stringMatching(/^[A-Z][A-Za-z0-9]{0,5}$/)
const int = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const at = 0

const expressions = fc.letrec<
  Readonly<Record<'value' | 'computable' | 'path' | 'call' | 'negation' | 'lambda', Expression>>
>((tie) => ({
  negation: fc.oneof(tie('path'), tie('call')).map((of) => ({ kind: 'negation', of, at })),
  lambda: fc
    .tuple(fc.uniqueArray(pathName, { maxLength: 3 }), fc.boolean(), tie('value'), tie('value'))
    .map(([names, isCondition, value, other]) => ({
      kind: 'lambda',
      parameters: [...names, '_'].map((name) => ({ name, at })),
      body: isCondition ? { kind: 'compare', operator: '<', left: value, right: other, at } : value,
      at,
    })),
  path: fc
    .array(
      fc.tuple(
        pathName,
        fc.array(fc.oneof({ depthSize: 'small' }, literalOf(fc.string()), literalOf(int), tie('path')), {
          maxLength: 2,
        }),
      ),
      { minLength: 1, maxLength: 3 },
    )
    .map((segments) => ({ kind: 'path', segments: segments.map(([name, keys]) => ({ name, keys, at })), at })),
  call: fc
    .tuple(
      converterName,
      fc.array(fc.tuple(fc.oneof(fc.constant(''), pathName), fc.oneof(tie('value'), tie('lambda'))), {
        maxLength: 3,
      }),
      fc.array(literalOf(fc.string()), { maxLength: 1 }),
    )
    .map(([name, given, keys]) => ({
      kind: 'call',
      name,
      arguments: given.map(([name, value]) => ({ name, value, at })),
      keys,
      at,
    })),
  computable: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    literalOf(int),
    tie('negation'),
    tie('path'),
    tie('call'),
    fc
      .tuple(
        fc.constantFrom('+' as const, '-' as const, '*' as const, '/' as const),
        tie('computable'),
        tie('computable'),
      )
      .map(([operator, left, right]) => ({ kind: 'math' as const, operator, left, right, at })),
  ),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    literalOf(fc.string()),
    literalOf(fc.double({ noNaN: true, noDefaultInfinity: true })),
    literalOf(fc.boolean()),
    literalOf(fc.constant(null)),
    literalOf(fc.uint8Array({ minLength: 1, maxLength: 4 })),
    fc.stringMatching(/^[A-Z][A-Z0-9_]{0,5}$/).map((name) => ({ kind: 'word' as const, name, at })),
    tie('computable'),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => ({ kind: 'list' as const, items, at })),
    fc
      .array(fc.record({ key: fc.string(), value: tie('value') }), { maxLength: 3 })
      .map((entries) => ({ kind: 'map' as const, entries, at })),
  ),
}))

function literalOf<T extends string | bigint | number | boolean | Uint8Array | null>(
  value: fc.Arbitrary<T>,
): fc.Arbitrary<Expression> {
  return value.map((value) => ({ kind: 'literal', value, at }))
}

const conditions = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.boolean().map((value) => ({ kind: 'constant' as const, value, at })),
    fc
      .record({
        operator: fc.constantFrom(
          '==' as const,
          '!=' as const,
          '<' as const,
          '<=' as const,
          '>' as const,
          '>=' as const,
        ),
        left: expressions.value,
        right: expressions.value,
      })
      .map((parts) => ({ kind: 'compare' as const, ...parts, at })),
    expressions.call.map((call) => ({ kind: 'converter' as const, call: call as Expression & { kind: 'call' }, at })),
    tie('condition').map((of) => ({ kind: 'not' as const, of, at })),
    fc
      .tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('condition'), { minLength: 2, maxLength: 3 }))
      .map(([kind, parts]) => ({ kind, parts, at })),
  ),
}))

test('What is printed reads as the same again', () => {
  fc.assert(
    fc.property(expressions.value, conditions.condition, (value, where) => {
      const printed = printValue(value)
      assert.equal(printValue(parseValue(printed)), printed)
      const condition = printCondition(where)
      assert.equal(printCondition(parseCondition(condition)), condition)
      const call = { kind: 'call', name: 'set', arguments: [{ name: '', value, at }], keys: [], at } as const
      const statement: Statement = { editor: call, where }
      const text = printStatement(statement)
      assert.equal(printStatement(parseStatement(text)), text)
    }),
    { numRuns: 300 },
  )
})

test('Whatever text comes, it is read or refused with a column inside of it', () => {
  const piece = fc.constantFrom(
    'set',
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    ',',
    '.',
    '=',
    '=>',
    '_',
    '==',
    '<',
    '"a"',
    '1',
    '-',
    '+',
    '*',
    '0x00',
    'where',
    'not',
    'and',
    'X',
    'Foo',
    'nil',
    ':',
    ' ',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ maxLength: 40 }),
        fc.array(piece, { maxLength: 25 }).map((pieces) => pieces.join(' ')),
      ),
      (text) => {
        for (const parse of [parseStatement, parseCondition, parseValue]) {
          try {
            parse(text)
          } catch (error) {
            assert.ok(error instanceof OttlSyntaxError, String(error))
            assert.ok(error.at >= 0 && error.at <= text.length)
          }
        }
      },
    ),
    { numRuns: 1000 },
  )
})
