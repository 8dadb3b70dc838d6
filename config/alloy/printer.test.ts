import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseExpression, parseFile } from './parser.ts'
import { meaning, printExpression, printFile } from './printer.ts'
import { type Case, readCases, updateCases } from './testdata/case_file.ts'

/** Formats and checks what holds for every source: the same is said, and a second run changes nothing. */
function formatChecked(source: string | Uint8Array): string | undefined {
  const { file, diagnostics } = parseFile('f', source)
  if (diagnostics.length > 0) return undefined
  const text = printFile(file)
  const again = parseFile('f', text)
  assert.deepEqual(again.diagnostics, [], text)
  assert.equal(meaning(again.file), meaning(file), text)
  assert.equal(printFile(again.file), text)
  assert.ok(text.endsWith('\n'))
  return text
}

// The expected texts were recorded from Grafana Alloy 1.18.
describe('Files are formatted as Alloy does it', () => {
  const url = new URL('testdata/format.txt', import.meta.url)
  const cases = readCases(url)
  const results: Case[] = []
  for (let index = 0; index < cases.length; index += 2) {
    const input = cases[index] as Case
    const want = cases[index + 1] as Case
    const got = formatChecked(`${input.text}\n`)
    results.push(input, { name: want.name, text: got?.slice(0, -1) ?? '' })
    test(input.name, () => {
      assert.equal(want.name, 'formatted')
      if (process.env['UPDATE'] !== '1') assert.equal(got, `${want.text}\n`)
    })
  }
  updateCases(url, results)
})

describe('White space that no data file shows', () => {
  const cases: readonly { name: string; source: string; want: string }[] = [
    { name: 'A byte order mark is dropped', source: '\ufeffa = 1\n', want: 'a = 1\n' },
    { name: 'Windows lines become lines', source: 'a {\r\n\tb = 1 // c\r\n}\r\n', want: 'a {\n\tb = 1 // c\n}\n' },
    { name: 'The last line is ended', source: 'a = 1', want: 'a = 1\n' },
    { name: 'A text of spaces is empty', source: ' \t\r\n \n', want: '\n' },
    {
      name: 'Comments keep the spaces at their ends',
      source: 'a = 1 // b  \n',
      want: 'a = 1 // b  \n',
    },
  ]
  for (const { name, source, want } of cases) test(name, () => assert.equal(formatChecked(source), want))
})

describe('Where Alloy would change what a file says, the file says the same', () => {
  const cases: readonly { name: string; source: string; want: string }[] = [
    { name: 'Escapes in quoted keys are not doubled', source: 'a = {"x\\"y"=1}\n', want: 'a = {"x\\"y" = 1}\n' },
    { name: 'A raw key that quotes cannot hold stays raw', source: 'a = {`x\\y`=1}\n', want: 'a = {`x\\y` = 1}\n' },
    { name: 'Tabs in strings stay', source: 'a = `x\ty\n\tz`\nbbb = "\t"\n', want: 'a = `x\ty\n\tz`\nbbb = "\t"\n' },
    { name: 'Spaces at the ends of lines in strings stay', source: 'a = `x  \n  y `\n', want: 'a = `x  \n  y `\n' },
    { name: 'A call without arguments gets no comma', source: 'a = f(\n)\n', want: 'a = f()\n' },
    {
      name: 'A line comment does not swallow what follows',
      source: 'a = b. // why\nc.d\n',
      want: 'a = b. // why\nc.d\n',
    },
  ]
  for (const { name, source, want } of cases) test(name, () => assert.equal(formatChecked(source), want))

  test('What a second run would change is changed in the first', () => {
    assert.equal(formatChecked('a = 1 +\n  2\nlong = 3\n'), 'a    = 1 + 2\nlong = 3\n')
  })
})

describe('Lone expressions', () => {
  for (const [source, want] of [
    ['a.b [ 0 ]', 'a.b[0]'],
    ['{a=1,  "b c"=[ 2 ]}', '{a = 1, "b c" = [2]}'],
    ['1+2*f( 3 )', '1 + 2 * f(3)'],
    ['1 .f', '1 .f'],
  ] as const) {
    test(`${source} is shown as ${want}`, () => {
      const { expression } = parseExpression(source)
      assert.equal(expression && printExpression(expression), want)
    })
  }
})

// -------------------------------------------------------------------------------------------------------- fuzz

const spaces = fc.constantFrom('', '', '', ' ', '\n', '\n\n', '  ', '\t', '\r\n', ' /* k */ ', ' // t\n', '\n// own\n')
const inLine = fc.constantFrom('', '', '', ' ', '\t', ' /* k */')
const names = fc.constantFrom('a', 'bb', 'long_name', 'é', '_1')
const lines = fc.constantFrom(
  '\n',
  '\n',
  '\n\n',
  '\n\n\n',
  ' // t\n',
  ' /* k */\n',
  '\n// own\n',
  ' /* a\n b */\n',
  '\r\n',
)
const literals = fc.constantFrom(
  '1',
  '010',
  '.5',
  '1.5e3',
  '2.',
  '"s"',
  '"t\\tt"',
  '"日本\\"\\\\"',
  '`raw`',
  '`a\n\tb  \nc`',
  'true',
  'null',
  '[]',
  '{}',
  'x',
)
const binaryOperators = fc.constantFrom('+', '-', '*', '/', '%', '^', '==', '!=', '<', '<=', '>', '>=', '||', '&&')
const text = (...parts: readonly (string | fc.Arbitrary<string>)[]): fc.Arbitrary<string> =>
  fc.tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part))).map((all) => all.join(''))
const repeated = (part: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(part, { maxLength: 3 }).map((all) => all.join(''))

const { expression } = fc.letrec<{ expression: string; key: string }>((tie) => ({
  key: fc.oneof(names, fc.constantFrom('"k"', '"a b"', '`r`', '""', '"x\\"y"', '`x\\y`')),
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    literals,
    text('[', spaces, repeated(text(tie('expression'), inLine, ',', spaces)), ']'),
    text('{', spaces, repeated(text(tie('key'), inLine, '=', spaces, tie('expression'), inLine, ',', spaces)), '}'),
    text('f(', spaces, repeated(text(tie('expression'), inLine, ',', spaces)), ')'),
    text(tie('expression'), inLine, '[', spaces, tie('expression'), inLine, ']'),
    text(tie('expression'), inLine, ' .', spaces, 'f'),
    text(tie('expression'), inLine, binaryOperators, spaces, tie('expression')),
    text(fc.constantFrom('-', '!'), spaces, tie('expression')),
    text('(', spaces, tie('expression'), inLine, ')'),
  ),
}))

const attribute = text(names, inLine, '=', spaces, expression)
const { body } = fc.letrec<{ body: string; block: string }>((tie) => ({
  block: text(
    fc.constantFrom('x', 'a.b', 'a.b.c'),
    fc.constantFrom(' ', ' "l" ', ' "" ', ' /* k */ '),
    '{',
    lines,
    tie('body'),
    '}',
  ),
  body: repeated(text(fc.oneof({ depthSize: 'small' }, attribute, tie('block')), lines)),
}))

describe('Formatting anything', () => {
  test('Generated files parse to the same tree and comments, and a second run changes nothing', () => {
    let formatted = 0
    fc.assert(
      fc.property(body, (source) => {
        if (formatChecked(source) !== undefined) formatted++
      }),
      { numRuns: 1500, interruptAfterTimeLimit: 1800 },
    )
    assert.ok(formatted > 0, 'some were sound')
  })

  test('Random tokens too, where they happen to be a sound file', () => {
    const tokens = fc.constantFrom(
      'a',
      ' = ',
      '1',
      '"s"',
      '\n',
      '// c\n',
      '/* k */',
      '/* k\n */',
      '{',
      '}',
      '[',
      ']',
      ',',
      '.',
      'b "l" {\n',
    )
    fc.assert(
      fc.property(fc.array(tokens, { maxLength: 12 }), (source) => void formatChecked(source.join(''))),
      { numRuns: 3000, interruptAfterTimeLimit: 1500 },
    )
  })

  test('A sound file of any bytes between quotes stays as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (inside) => {
        const source = `a = \`${inside.replaceAll(/[`\r\0\ufeff]/g, '')}\`\n`
        assert.equal(formatChecked(source), source)
      }),
      { numRuns: 500, interruptAfterTimeLimit: 1000 },
    )
  })
})
