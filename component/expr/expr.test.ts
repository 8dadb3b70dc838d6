import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compileCondition, compileExpression, compileTemplate, ExprError, ExprTime, type ExprValue } from './door.ts'

interface Subject {
  readonly body: ExprValue
  readonly attributes: ExprValue
}

const variables = {
  body: (s: Subject) => s.body,
  attributes: (s: Subject) => s.attributes,
  timestamp: () => new ExprTime(1_767_323_045_006_007_008n),
}
const subject: Subject = {
  body: {
    message: 'hello world',
    code: 404,
    n: 3n,
    tags: ['a', 'b'],
    deep: { x: { y: 1n } },
    'k8s.pod': 'p',
    nothing: null,
  },
  attributes: { level: 'warn', items: [{ id: 1n }, { id: 2n }, { id: 3n }], counts: [3n, 1n, 2n] },
}

describe('expressions', () => {
  const cases: [expression: string, want: ExprValue][] = [
    ['1 + 2 * 3', 7n],
    ['(1 + 2) * 3', 9n],
    ['7 / 2', 3.5],
    ['7 % 2 == 1', true],
    ['2 ** 3 ** 2', 512],
    ['-2 ^ 2', -4],
    ['1.5 + 1', 2.5],
    ['0x10 + 1_000', 1016n],
    ['"a" + \'b\' + `c\\n`', 'abc\\n'],
    ['"\\u00e9\\x41\\t"', 'éA\t'],
    ['true and not false', true],
    ['false && missing.x.y', false],
    ['true || missing.x.y', true],
    ['!(1 > 2)', true],
    ['not true == false', true],
    ['body.message', 'hello world'],
    ['body["k8s.pod"]', 'p'],
    ['body.deep.x.y', 1n],
    ['body.deep?.missing?.y', null],
    ['missing?.a.b.c', null],
    ['missing?.["a"]', null],
    ['missing == nil', true],
    ['body.missing ?? "none"', 'none'],
    ['missing?.x ?? "none"', 'none'],
    ['body.code >= 400 and body.code < 500', true],
    ['body.code == 404 ? "not found" : "other"', 'not found'],
    ['body.code > 1 ?: 1 > 0', true],
    ['body.message contains "lo w"', true],
    ['body.message startsWith "hell" and body.message endsWith "ld"', true],
    ['body.message matches "^h\\\\w+ "', true],
    ['body.message not matches "^x"', true],
    ['body.missing matches "x"', false],
    ['body.missing contains "x"', false],
    ['"warn" in ["warn", "error"]', true],
    ['"level" in attributes', true],
    ['"x" not in attributes', true],
    ['2 in 1..3', true],
    ['"a" in missing', false],
    ['body.tags[0] + body.tags[-1]', 'ab'],
    ['body.message[0:5]', 'hello'],
    ['body.tags[1:]', ['b']],
    ['[1, 2][:1]', [1n]],
    ['{a: 1, "b": [2]}.b', [2n]],
    ['1 == 1.0', true],
    ['[1, {a: 2}] == [1.0, {a: 2}]', true],
    ['len(body.message) + len(body.tags) + len(body.deep)', 14n],
    ['int("42") + int(1.9)', 43n],
    ['float("1.5")', 1.5],
    ['string(1.5) + string(nil) + string(true)', '1.5<nil>true'],
    ['trim("  x ") + trim("__x_", "_")', 'xx'],
    ['upper("a") + lower("B")', 'Ab'],
    ['split("a,b,c", ",")', ['a', 'b', 'c']],
    ['split("a,b,c", ",", 2)', ['a', 'b,c']],
    ['join(["a", "b"], "-")', 'a-b'],
    ['replace("aaa", "a", "b")', 'bbb'],
    ['replace("aaa", "a", "b", 2)', 'bba'],
    ['repeat("ab", 2)', 'abab'],
    ['indexOf("abc", "c") + lastIndexOf("aba", "a")', 4n],
    ['hasPrefix("abc", "a") && hasSuffix("abc", "c")', true],
    ['trimPrefix("v1", "v") + trimSuffix("1s", "s")', '11'],
    ['type(1) + type(1.0) + type("") + type(nil) + type([]) + type({}) + type(true)', 'intfloatstringnilarraymapbool'],
    ['min(3, 1, 2) + max([3, 1])', 4n],
    ['mean([1, 2, 3]) + median(1, 3, 2)', 4],
    ['abs(-3) + int(ceil(1.2)) + int(floor(1.8)) + int(round(-1.5))', 4n],
    ['all(attributes.items, {.id > 0})', true],
    ['any(attributes.items, .id == 2)', true],
    ['none(attributes.items, #.id == 9) and one(attributes.items, #.id == 1)', true],
    ['filter(attributes.counts, # > 1)', [3n, 2n]],
    ['map(attributes.items, .id)', [1n, 2n, 3n]],
    ['map(attributes.counts, #index)', [0n, 1n, 2n]],
    ['count(attributes.counts, # > 1) + sum(attributes.counts)', 8n],
    ['find(attributes.counts, # < 3)', 1n],
    ['findIndex(attributes.counts, # == 9)', null],
    ['findLast(attributes.counts, # < 3) + findLastIndex(attributes.counts, # < 3)', 4n],
    ['reduce(attributes.counts, #acc + #)', 6n],
    ['reduce(attributes.counts, #acc + #, 10)', 16n],
    ['sortBy(attributes.items, .id, "desc")[0].id', 3n],
    ['sort(attributes.counts)', [1n, 2n, 3n]],
    ['keys(groupBy(["a", "bb", "c"], len(#)))', ['1', '2']],
    ['first(attributes.counts) + last(attributes.counts)', 5n],
    ['get(attributes, "level")', 'warn'],
    ['get(attributes, "nope")', null],
    ['take([1, 2, 3], 2)', [1n, 2n]],
    ['reverse([1, 2])', [2n, 1n]],
    ['uniq([1, 1.0, 2])', [1n, 2n]],
    ['concat([1], [2])', [1n, 2n]],
    ['flatten([1, [2, [3]]])', [1n, 2n, 3n]],
    ['toPairs({a: 1})', [['a', 1n]]],
    ['fromPairs([["a", 1]]).a', 1n],
    ['fromJSON("{\\"a\\": [1]}").a[0]', 1],
    ['toJSON({a: 1})', '{\n  "a": 1\n}'],
    ['fromBase64(toBase64("é"))', 'é'],
    ['"a,b" | split(",") | len()', 2n],
    ['let x = 2; let y = x * 3; x + y', 8n],
    ['filter(attributes.counts, {let d = # * 2; d > 3})', [3n, 2n]],
    ['map(1..3, map(1..2, # * 10))[2]', [10n, 20n]],
    ['env("SOLDER_EXPR_TEST") == "yes" and env("SOLDER_NOT_SET") == ""', true],
    ['timestamp.Year() + timestamp.Unix() % 10', 2031n],
    ['timestamp.Format("2006-01-02")', '2026-01-02'],
    ['1 /* one */ + 2 // two', 3n],
    ['constructor ?? "none"', 'none'],
    ['attributes.__proto__ ?? attributes.toString ?? "none"', 'none'],
  ]
  process.env['SOLDER_EXPR_TEST'] = 'yes'
  for (const [expression, want] of cases) {
    it(expression, () => {
      const value = compileExpression(expression, variables)(subject)
      assert.deepEqual(value, want)
    })
  }

  const atRuntime: [expression: string, want: RegExp][] = [
    ['body.missing.x', /cannot fetch x from nil/],
    ['body.message.x', /cannot fetch x from string/],
    ['body.tags[5]', /index out of range: 5 \(array length is 2\)/],
    ['body.message + 1', /invalid operation: string \+ int/],
    ['body.message < 1', /invalid operation: string < int/],
    ['body.missing > 1', /invalid operation: nil > int/],
    ['body.message and true', /and on string/],
    ['body.n % 0', /divide by zero/],
    ['int("x")', /int\(x\)/],
    ['filter(body.message, true)', /filter takes only array \(got string\)/],
    ['body.message.Foo()', /cannot call Foo of string/],
    ['repeat("a", 100000000)', /cannot repeat/],
  ]
  for (const [expression, want] of atRuntime) {
    it(`${expression} fails when it runs`, () => {
      const run = compileExpression(expression, variables)
      assert.throws(
        () => run(subject),
        (error) => error instanceof ExprError && want.test(error.message),
      )
    })
  }

  const wrong: [expression: string, want: RegExp][] = [
    ['', /unexpected end of the expression \(1:1\)/],
    ['1 +', /unexpected end of the expression \(1:4\)/],
    ['body.', /unexpected end/],
    ['(1', /unexpected end/],
    ['1 2', /unexpected token "2" \(1:3\)/],
    ['"abc', /literal not terminated \(1:1\)/],
    ['a ~ b', /unrecognized character: "~" \(1:3\)/],
    ['lenght(body)', /unknown function lenght; did you mean len.*\(1:1\)|unknown function lenght/],
    ['uper(body)', /unknown function uper; did you mean upper\?/],
    ['body matches "("', /missing closing \).*\(1:14\)/],
    ['len()', /len takes 1 argument\(s\): there are 0/],
    ['not 1', /not on int/],
    ['# > 1', /unexpected token "#"/],
    ['99999999999999999999', /integer literal is too large/],
    [`${'('.repeat(500)}1${')'.repeat(500)}`, /nested too deeply/],
    [`${'not '.repeat(5000)}true`, /nested too deeply/],
  ]
  for (const [expression, want] of wrong) {
    it(`${JSON.stringify(expression.slice(0, 40))} is refused`, () => {
      assert.throws(
        () => compileExpression(expression, variables),
        (error) => error instanceof ExprError && want.test(error.message),
      )
    })
  }

  it('conditions are bool', () => {
    assert.equal(compileCondition('body.code == 404', variables)(subject), true)
    assert.throws(() => compileCondition('"text"', variables), /expected bool, but got string/)
    assert.throws(() => compileCondition('1 + 1 ** 2', variables)(subject), /expected bool, but got float/)
    assert.throws(() => compileCondition('body.message', variables)(subject), /expected bool, but got string/)
  })

  it('templates put expressions into texts', () => {
    const cases: [template: string, want: string][] = [
      ['plain', 'plain'],
      ['', ''],
      ['a-EXPR(attributes.level)-b', 'a-warn-b'],
      ['EXPR(upper(attributes.level))EXPR(body.tags[0])', 'WARNa'],
      ['EXPR(no end', 'EXPR(no end'],
    ]
    for (const [template, want] of cases) assert.equal(compileTemplate(template, variables)(subject), want)
    assert.throws(() => compileTemplate('EXPR(1 +)', variables), ExprError)
    assert.throws(() => compileTemplate('EXPR(1)', variables)(subject), /returned int, not string/)
  })

  it('are run or refused, whatever is written', () => {
    const piece = fc.constantFrom(
      'body',
      '.',
      'x',
      '[',
      ']',
      '(',
      ')',
      '1',
      '"a"',
      ' and ',
      ' in ',
      '?',
      ':',
      '?.',
      '??',
      '{',
      '}',
      '#',
      ',',
      'filter(',
      'len(',
      '-',
      '+',
      ' not ',
      '..',
      '|',
      'let ',
      '=',
      ';',
      '*',
      '/',
      'matches',
      'nil',
      '\\',
      '"',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        try {
          compileExpression(pieces.join(''), variables)(subject)
        } catch (error) {
          assert.ok(error instanceof ExprError, `${pieces.join('')}: ${String(error)}`)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
