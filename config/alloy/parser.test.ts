import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Diagnostic } from '../diagnostics.ts'
import type { Body, Expression } from './ast.ts'
import { nestingDepthMax, parseErrorsMax, parseExpression, parseFile } from './parser.ts'
import { annotate, readCases, unannotated, updateCases } from './testdata/case_file.ts'

/** A tree as text: every operation in parentheses, its kind first. */
function tree(expression: Expression): string {
  switch (expression.kind) {
    case 'literal':
      return expression.text
    case 'identifier':
      return expression.name
    case 'array':
      return `[${expression.elements.map(tree).join(' ')}]`
    case 'object':
      return `{${expression.fields.map((f) => `${f.quoted ? `<${f.key}>` : f.key}=${tree(f.value)}`).join(' ')}}`
    case 'access':
      return `(. ${tree(expression.value)} ${expression.name.name})`
    case 'index':
      return `([] ${tree(expression.value)} ${tree(expression.index)})`
    case 'call':
      return `(${['call', tree(expression.callee), ...expression.args.map(tree)].join(' ')})`
    case 'unary':
      return `(${expression.operator} ${tree(expression.operand)})`
    case 'binary':
      return `(${expression.operator} ${tree(expression.left)} ${tree(expression.right)})`
    case 'paren':
      return `(paren ${tree(expression.inner)})`
  }
}

function outline(body: Body): string {
  const lines = body.map((statement) => {
    if (statement.kind === 'attribute') return `${statement.name.name}=${tree(statement.value)}`
    return `${statement.name.join('.')}${statement.label === '' ? '' : `:${statement.label}`}{${outline(statement.body)}}`
  })
  return lines.join('; ')
}

function messages(diagnostics: readonly Diagnostic[]): string[] {
  return diagnostics.map(({ range, message }) => `${range.start.line}:${range.start.column}: ${message}`)
}

describe('Errors appear where they are marked', () => {
  for (const topic of ['lexical', 'statements', 'expressions']) {
    const url = new URL(`testdata/errors/${topic}.txt`, import.meta.url)
    const cases = readCases(url).map(({ name, text }) => {
      const source = unannotated(text)
      const { diagnostics } = parseFile('f', source)
      return { name, text, marked: annotate('f', source, diagnostics), count: diagnostics.length }
    })
    for (const { name, text, marked, count } of cases) {
      test(`${topic}: ${name}`, () => {
        if (process.env['UPDATE'] !== '1') assert.equal(marked, text)
        assert.ok(count > 0, 'there is an error')
      })
    }
    updateCases(
      url,
      cases.map(({ name, marked }) => ({ name, text: marked })),
    )
  }
})

describe('Errors that no text file can hold', () => {
  const cases: readonly { name: string; source: string | Uint8Array; want: string[] }[] = [
    { name: 'NUL is refused', source: 'a = "x\0y"\n', want: ['1:7: illegal character NUL'] },
    {
      name: 'bytes that are no UTF-8 are refused, one by one',
      source: Buffer.from('a = "\xc3(\xa9"\nb = "\xed\xa0\x80"\nc = "\xf5"\n', 'latin1'),
      want: [
        '1:6: illegal UTF-8 encoding',
        '1:8: illegal UTF-8 encoding',
        '2:6: illegal UTF-8 encoding',
        '2:7: illegal UTF-8 encoding',
        '2:8: illegal UTF-8 encoding',
        '3:6: illegal UTF-8 encoding',
      ],
    },
    {
      name: 'bytes that are no UTF-8 are no token either',
      source: Buffer.from('a = \xff', 'latin1'),
      want: [
        '1:5: illegal UTF-8 encoding',
        "1:5: illegal character U+FFFD '\ufffd'",
        '1:5: expected expression, got ILLEGAL',
      ],
    },
    { name: 'UTF-16 is refused', source: Buffer.from('\ufeffa = 1', 'utf16le'), want: ['1:1: illegal UTF-8 encoding'] },
    {
      name: 'a byte order mark first is no error and counts as bytes',
      source: '\ufeff!',
      want: ['1:4: expected identifier, got !'],
    },
    { name: 'a second byte order mark is one', source: '\ufeff\ufeff', want: ['1:4: illegal byte order mark'] },
    {
      name: 'carriage returns end no line',
      source: 'a = 1\r\nb = \r\n\r\n',
      want: ['4:1: expected expression, got EOF'],
    },
  ]
  for (const { name, source, want } of cases) {
    test(name, () => {
      const got = messages(parseFile('f', source).diagnostics)
      assert.deepEqual(got.slice(0, want.length), want)
    })
  }

  test('Reading a file of nothing but errors ends, and says so', () => {
    for (const source of [
      Buffer.alloc(5_000_000),
      `a = \`${'\0'.repeat(100_000)}\``,
      'a = )\n'.repeat(100_000),
      'a b\n'.repeat(100_000),
    ]) {
      const { diagnostics } = parseFile('f', source)
      assert.equal(diagnostics.length, parseErrorsMax + 1)
      assert.equal(diagnostics.at(-1)?.message, `too many errors: only the first ${parseErrorsMax} are shown`)
    }
  })

  test('Columns count bytes', () => {
    const [diagnostic] = parseFile('f', 'é = "日本" ;').diagnostics
    assert.deepEqual(diagnostic?.range.start, { file: 'f', offset: 14, line: 1, column: 15 })
  })
})

describe('Expressions', () => {
  const cases: readonly { source: string; want: string }[] = [
    { source: '1', want: '1' },
    { source: '010', want: '010' },
    { source: '1.', want: '1.' },
    { source: '.5', want: '.5' },
    { source: '1.5e-3', want: '1.5e-3' },
    { source: '1E+3', want: '1E+3' },
    { source: '"a\\n\\x41\\101\\u00e9\\U0001F600\\"\\\\"', want: '"a\\n\\x41\\101\\u00e9\\U0001F600\\"\\\\"' },
    { source: '`raw \\ "\n two`', want: '`raw \\ "\n two`' },
    { source: 'null', want: 'null' },
    { source: 'True', want: 'True' },
    { source: '_日本_٣', want: '_日本_٣' },
    { source: 'a || b && c == d + e * f ^ -g', want: '(|| a (&& b (== c (+ d (* e (^ f (- g)))))))' },
    { source: '-a ^ b * c + d < e && f || g', want: '(|| (&& (< (+ (* (^ (- a) b) c) d) e) f) g)' },
    { source: 'a - b - c', want: '(- (- a b) c)' },
    { source: 'a / b * c % d', want: '(% (* (/ a b) c) d)' },
    { source: 'a < b <= c > d >= e == f != g', want: '(!= (== (>= (> (<= (< a b) c) d) e) f) g)' },
    { source: 'a ^ b ^ c', want: '(^ a (^ b c))' },
    { source: '-2 ^ 2', want: '(^ (- 2) 2)' },
    { source: '2 ^ -2', want: '(^ 2 (- 2))' },
    { source: '!-!a', want: '(! (- (! a)))' },
    { source: '!a.b == c', want: '(== (! (. a b)) c)' },
    { source: '(a + b) * c', want: '(* (paren (+ a b)) c)' },
    { source: 'a.b["c"][0](1, d)()', want: '(call (call ([] ([] (. a b) "c") 0) 1 d))' },
    { source: '{a = 1}.a', want: '(. {a=1} a)' },
    { source: '[1, 2][0]', want: '([] [1 2] 0)' },
    { source: '1 .f', want: '(. 1 f)' },
    { source: '[]', want: '[]' },
    { source: '{}', want: '{}' },
    { source: 'f()', want: '(call f)' },
    { source: '[1, [2,], 3,]', want: '[1 [2] 3]' },
    { source: 'f(\n  1,\n  2,\n)', want: '(call f 1 2)' },
    { source: '{a = 1, "b c" = 2, `d` = 3, "" = 4, "x\\"y" = 5,}', want: '{a=1 <b c>=2 <d>=3 ""=4 <x\\"y>=5}' },
    { source: '{a = 1, a = 2}', want: '{a=1 a=2}' },
    { source: 'a +\n  // why\n  b', want: '(+ a b)' },
    { source: 'a.\n  b', want: '(. a b)' },
    { source: 'a /* 1 */ + /* 2 */ b', want: '(+ a b)' },
    { source: 'a/b', want: '(/ a b)' },
    { source: '1-1', want: '(- 1 1)' },
    { source: '  a  // end', want: 'a' },
  ]
  for (const { source, want } of cases) {
    test(`${JSON.stringify(source)} reads as ${JSON.stringify(want)}`, () => {
      const { expression, diagnostics } = parseExpression(source)
      assert.deepEqual(messages(diagnostics), [])
      assert.equal(expression && tree(expression), want)
    })
  }

  test('A lone expression ends with its line', () => {
    assert.equal(parseExpression('a\nb').expression, undefined)
    assert.equal(parseExpression('').expression, undefined)
    assert.equal(parseExpression('1 2').expression, undefined)
  })
})

describe('Statements', () => {
  const cases: readonly { name: string; source: string; want: string }[] = [
    { name: 'nothing', source: '', want: '' },
    { name: 'nothing but comments', source: '// a\n/* b\n */', want: '' },
    { name: 'no line feed at the end', source: 'a = 1', want: 'a=1' },
    { name: 'a byte order mark', source: '\ufeffa = 1', want: 'a=1' },
    {
      name: 'blocks with names, labels and both',
      source: 'a { }\nb.c { }\nd.e.f "g" { }',
      want: 'a{}; b.c{}; d.e.f:g{}',
    },
    { name: 'an empty label is none', source: 'a "" { }', want: 'a{}' },
    { name: 'a block on one line', source: 'a { b = 1 }', want: 'a{b=1}' },
    { name: 'blocks in blocks', source: 'a {\n b "c" {\n  d = 1\n }\n\n e { } }\n', want: 'a{b:c{d=1}; e{}}' },
    { name: 'Windows lines', source: 'a {\r\n  b = 1\r\n}\r\n', want: 'a{b=1}' },
    { name: 'a comment ends a line', source: 'a = b // [0]\nc = d /* e\n */ f = g', want: 'a=b; c=d; f=g' },
    {
      name: 'block comments inside a line end nothing',
      source: 'a /* 1 */ = /* 2 */ b /* 3 */ . c',
      want: 'a=(. b c)',
    },
  ]
  for (const { name, source, want } of cases) {
    test(name, () => {
      const { file, diagnostics } = parseFile('f', source)
      assert.deepEqual(messages(diagnostics), [])
      assert.equal(outline(file.body), want)
    })
  }

  test('Comments are kept with their marks and places, without carriage returns', () => {
    const { file } = parseFile('f', '// one\r\na = 1 /* two\r\n */ // é\n')
    assert.deepEqual(
      file.comments.map(({ text, range }) => [text, range.start.line, range.start.column, range.end.line]),
      [
        ['// one', 1, 1, 1],
        ['/* two\n */', 2, 7, 3],
        ['// é', 3, 5, 3],
      ],
    )
  })

  test('Ranges cover what was written, the last byte included', () => {
    const source = 'x.y "l" {\n  é = [1, f("日")]\n}'
    const block = parseFile('f', source).file.body[0]
    assert.equal(block?.kind, 'block')
    const attribute = block.body[0]
    assert.equal(attribute?.kind, 'attribute')
    const text = ({ start, end }: { start: { offset: number }; end: { offset: number } }): string =>
      Buffer.from(source).toString('utf8', start.offset, end.offset + 1)
    assert.equal(text(block.range), source)
    assert.equal(text(block.nameRange), 'x.y')
    assert.equal(block.labelRange && text(block.labelRange), '"l"')
    assert.equal(text(attribute.range), 'é = [1, f("日")]')
    assert.equal(text(attribute.value.range), '[1, f("日")]')
    assert.deepEqual(block.closeBrace, { file: 'f', offset: Buffer.byteLength(source) - 1, line: 3, column: 1 })
  })
})

describe('Nesting', () => {
  const fits = nestingDepthMax - 10
  const nests: readonly { name: string; nested: (levels: number) => string }[] = [
    { name: 'blocks', nested: (levels) => `${'a {\n'.repeat(levels)}${'}\n'.repeat(levels)}` },
    { name: 'parentheses', nested: (levels) => `x = ${'('.repeat(levels)}1${')'.repeat(levels)}` },
    { name: 'arrays', nested: (levels) => `x = ${'['.repeat(levels)}${']'.repeat(levels)}` },
    { name: 'objects', nested: (levels) => `x = ${'{a = '.repeat(levels)}1${'}'.repeat(levels)}` },
    { name: 'calls', nested: (levels) => `x = ${'f('.repeat(levels)}${')'.repeat(levels)}` },
    { name: 'indexes', nested: (levels) => `x = ${'f['.repeat(levels)}0${']'.repeat(levels)}` },
    { name: 'unary operators', nested: (levels) => `x = ${'!'.repeat(levels)}a` },
    { name: 'powers', nested: (levels) => `x = ${'a ^ '.repeat(levels)}a` },
    { name: 'sums', nested: (levels) => `x = ${'a + '.repeat(levels)}a` },
    { name: 'accesses', nested: (levels) => `x = a${'.b'.repeat(levels)}` },
    { name: 'chains of calls', nested: (levels) => `x = a${'()'.repeat(levels)}` },
    { name: 'blocks used as values', nested: (levels) => 'a = b {\n'.repeat(levels) },
  ]
  for (const { name, nested } of nests) {
    test(`Deep ${name} are refused with one message, and shallow ones are not`, () => {
      const { diagnostics } = parseFile('f', nested(100_000))
      assert.deepEqual(
        diagnostics.map((d) => d.message),
        [`nesting is too deep: more than ${nestingDepthMax} levels`],
      )
      if (name === 'blocks used as values') return
      assert.deepEqual(messages(parseFile('f', nested(fits)).diagnostics), [])
    })
  }
})

describe('Anything may come in', () => {
  const words = [
    'a',
    'é',
    'true',
    'null',
    '1',
    '1.',
    '.5',
    '1e',
    '"s"',
    '"',
    '`r\n`',
    '`',
    "'",
    '// c\n',
    '/*',
    '*/',
    '#',
    '\0',
    '\ufeff',
    '\r\n',
    '\n',
    ' ',
    '=',
    '==',
    '!',
    '<',
    '>=',
    '-',
    '^',
    '{',
    '}',
    '(',
    ')',
    '[',
    ']',
    ',',
    '.',
    '||',
    '&',
    '\\',
    '"\\x4',
    ' = ',
    ' "l" {\n',
  ]
  const sources = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.array(fc.nat(0x10ffff), { maxLength: 100 }).map((codePoints) => String.fromCodePoint(...codePoints)),
    fc.array(fc.constantFrom(...words), { maxLength: 40 }).map((tokens) => tokens.join('')),
  )

  test('Random bytes, texts and tokens never throw, and errors stand inside the source', () => {
    fc.assert(
      fc.property(sources, (source) => {
        const bytes = Buffer.from(source as string)
        const { file, diagnostics } = parseFile('f', source)
        const lines = file.source.split('\n').length
        for (const { range } of diagnostics) {
          for (const { offset, line, column } of [range.start, range.end]) {
            assert.ok(offset >= 0 && offset <= bytes.length)
            assert.ok(line >= 1 && line <= lines)
            assert.ok(column >= 1 && column <= offset + 1)
          }
          assert.ok(range.end.offset >= range.start.offset)
        }
      }),
      { numRuns: 2000, interruptAfterTimeLimit: 1500 },
    )
  })

  test('The grammar reports one error a line at most', () => {
    const ofGrammar = /^(?:expected|missing ',')/
    fc.assert(
      fc.property(sources, (source) => {
        const { diagnostics } = parseFile('f', source)
        const lines = diagnostics.filter((d) => ofGrammar.test(d.message)).map((d) => d.range.start.line)
        assert.equal(new Set(lines).size, lines.length)
      }),
      { numRuns: 2000, interruptAfterTimeLimit: 1500 },
    )
  })
})
