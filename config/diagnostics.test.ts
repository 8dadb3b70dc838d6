import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseFile } from './alloy/parser.ts'
import { nearMiss } from '#lib/near_miss'
import { type Diagnostic, renderDiagnostics } from './diagnostics.ts'

describe('Near misses', () => {
  const cases: readonly { name: string; candidates: readonly string[]; want: string | undefined }[] = [
    { name: 'scrape_intervall', candidates: ['scrape_timeout', 'scrape_interval'], want: 'scrape_interval' },
    { name: 'lebel', candidates: ['level', 'format', 'label'], want: 'level' },
    { name: 'prometheus.scraper', candidates: ['prometheus.scrape', 'prometheus.relabel'], want: 'prometheus.scrape' },
    { name: 'forward_ot', candidates: ['forward_to'], want: 'forward_to' },
    { name: 'URL', candidates: ['url'], want: undefined },
    { name: 'urls', candidates: ['uri', 'url'], want: 'url' },
    { name: 'ulr', candidates: ['url'], want: 'url' },
    { name: 'prometheus.remotewrite', candidates: ['prometheus.remote_write'], want: 'prometheus.remote_write' },
    { name: 'prometheus.remote_write.missing', candidates: ['prometheus.remote_write.default'], want: undefined },
    {
      name: 'prometheus.remote_write.defualt',
      candidates: ['prometheus.remote_write.default'],
      want: 'prometheus.remote_write.default',
    },
    { name: 'prometheus.remote.write', candidates: ['prometheus.remote_write'], want: 'prometheus.remote_write' },
    { name: 'colour', candidates: ['level', 'format', 'write_to'], want: undefined },
    { name: 'ab', candidates: ['xy', 'c'], want: undefined },
    { name: 'a', candidates: ['b'], want: undefined },
    { name: '', candidates: ['a'], want: undefined },
    { name: 'same', candidates: ['sane', 'same'], want: undefined },
    { name: 'x', candidates: [], want: undefined },
    { name: 'a'.repeat(100_000), candidates: ['a'.repeat(100_001)], want: undefined },
  ]
  for (const { name, candidates, want } of cases) {
    const from = candidates.map((candidate) => candidate.slice(0, 30)).join(', ')
    test(`${want ?? 'Nothing'} is meant by ${JSON.stringify(name.slice(0, 30))} out of ${JSON.stringify(from)}`, () => {
      assert.equal(nearMiss(name, candidates), want)
    })
  }

  test('A name with one character left out, doubled or swapped is found', () => {
    const words = fc.stringMatching(/^[a-z_]{4,12}$/)
    fc.assert(
      fc.property(words, fc.nat(), (word, seed) => {
        const at = seed % (word.length - 1)
        const [before, here, next, rest] = [word.slice(0, at), word[at], word[at + 1], word.slice(at + 2)]
        for (const slip of [`${before}${next}${rest}`, `${word}${word.at(-1)}`, `${before}${next}${here}${rest}`]) {
          assert.equal(nearMiss(slip, ['0000', word]), slip === word ? undefined : word)
        }
      }),
      { numRuns: 300 },
    )
  })
})

/** A diagnostic of the bytes from `start` to `end` (inclusive), places counted here in another way than the parser's. */
function at(source: string, start: number, end: number, more: Partial<Diagnostic> = {}): Diagnostic {
  const place = (offset: number): Diagnostic['range']['start'] => {
    const lines = Buffer.from(source).toString('latin1', 0, offset).split('\n')
    return { file: 'f', offset, line: lines.length, column: (lines.at(-1) ?? '').length + 1 }
  }
  return { severity: 'error', range: { start: place(start), end: place(end) }, message: 'wrong', ...more }
}

/** Marks the text `what` of a source. */
function marking(source: string, what: string, more: Partial<Diagnostic> = {}): Diagnostic {
  const start = Buffer.byteLength(source.slice(0, source.indexOf(what)))
  return at(source, start, start + Buffer.byteLength(what) - 1, more)
}

function render(source: string, ...diagnostics: Diagnostic[]): string {
  return renderDiagnostics(diagnostics, new Map([['f', source]]), { color: false })
}

const escape = '\x1b'
const block = 'scrape "a" {\n\ttargets = []\n\tforward = [1, 2]\n}\n'

describe('Diagnostics are shown', () => {
  const cases: readonly { name: string; got: string; want: readonly string[] }[] = [
    {
      name: 'with the line and its neighbours, the range marked',
      got: render(block, marking(block, 'targets')),
      want: [
        'Error: f:2:2: wrong',
        '',
        '1 | scrape "a" {',
        '2 |     targets = []',
        '  |     ^^^^^^^',
        '3 |     forward = [1, 2]',
      ],
    },
    {
      name: 'with a hint on a line of its own, and as a warning',
      got: render(block, marking(block, '1', { severity: 'warning', hint: 'did you mean 3?' })),
      want: [
        'Warning: f:3:13: wrong',
        '',
        '2 |     targets = []',
        '3 |     forward = [1, 2]',
        '  |                ^',
        '4 | }',
        '',
        'Hint: did you mean 3?',
      ],
    },
    {
      name: 'over several lines',
      got: render(block, marking(block, '"a" {\n\ttargets = []\n\tforward')),
      want: [
        'Error: f:1:8: wrong',
        '',
        '1 |   scrape "a" {',
        '  |  ________^^^^^',
        '2 | |     targets = []',
        '3 | |     forward = [1, 2]',
        '  | |_____^^^^^^^',
        '4 |   }',
      ],
    },
    {
      name: 'behind the end of a line',
      got: render('a =\n', at('a =\n', 3, 3)),
      want: ['Error: f:1:4: wrong', '', '1 | a =', '  |    ^'],
    },
    {
      name: 'at the end of the file',
      got: render('a {\n', at('a {\n', 4, 4)),
      want: ['Error: f:2:1: wrong', '', '1 | a {', '2 |', '  | ^'],
    },
    {
      name: 'in an empty file',
      got: render('', at('', 0, 0)),
      want: ['Error: f:1:1: wrong', '', '1 |', '  | ^'],
    },
    {
      name: 'under characters of several bytes',
      got: render('é = "ö" + x', marking('é = "ö" + x', 'x')),
      want: ['Error: f:1:13: wrong', '', '1 | é = "ö" + x', '  |           ^'],
    },
    {
      name: 'under characters that are two columns wide',
      got: render('a = "日本🎉" + x', marking('a = "日本🎉" + x', 'x')),
      want: ['Error: f:1:20: wrong', '', '1 | a = "日本🎉" + x', '  |                ^'],
    },
    {
      name: 'with all columns of what is marked',
      got: render('a = "日本"', marking('a = "日本"', '日')),
      want: ['Error: f:1:6: wrong', '', '1 | a = "日本"', '  |      ^^'],
    },
    {
      name: 'under combining marks with their letter',
      got: render('e\u0301 = x', marking('e\u0301 = x', 'x')),
      want: ['Error: f:1:7: wrong', '', '1 | e\u0301 = x', '  |     ^'],
    },
    {
      name: 'with tabs inside the line and Windows line ends',
      got: render('a\t=\tx\r\nb', marking('a\t=\tx\r\nb', 'x')),
      want: ['Error: f:1:5: wrong', '', '1 | a    =    x', '  |           ^', '2 | b'],
    },
    {
      name: 'behind a byte order mark',
      got: render('\ufeff!', marking('\ufeff!', '!')),
      want: ['Error: f:1:4: wrong', '', '1 | !', '  | ^'],
    },
    {
      name: 'without control characters',
      got: render(
        'a = "\x1b[2J\x7f\u202e"',
        marking('a = "\x1b[2J\x7f\u202e"', '\x7f', { message: 'no \x1b', hint: '\0' }),
      ),
      want: ['Error: f:1:10: no \u241b', '', '1 | a = "\u241b[2J\u2421\ufffd"', '  |          ^', '', 'Hint: \u2400'],
    },
    {
      name: 'with line numbers that line up',
      got: render('\n'.repeat(8) + 'a\nb\nc', marking('\n'.repeat(8) + 'a\nb\nc', 'a')),
      want: ['Error: f:9:1: wrong', '', ' 8 |', ' 9 | a', '   | ^', '10 | b'],
    },
    {
      name: 'with an empty line between two',
      got: render('a', marking('a', 'a'), marking('a', 'a', { hint: 'b' }), marking('a', 'a')),
      want: [
        'Error: f:1:1: wrong',
        '',
        '1 | a',
        '  | ^',
        '',
        'Error: f:1:1: wrong',
        '',
        '1 | a',
        '  | ^',
        '',
        'Hint: b',
        '',
        'Error: f:1:1: wrong',
        '',
        '1 | a',
        '  | ^',
      ],
    },
    {
      name: 'without an excerpt where the source is not at hand',
      got: renderDiagnostics([marking('a', 'a')], new Map(), { color: false }),
      want: ['Error: f:1:1: wrong'],
    },
    {
      name: 'without an excerpt where the line is not in the source',
      got: renderDiagnostics([at('\n\n\na', 3, 3)], new Map([['f', 'a']]), { color: false }),
      want: ['Error: f:4:1: wrong'],
    },
  ]
  for (const { name, got, want } of cases) test(name, () => assert.equal(got, `${want.join('\n')}\n`))

  test('with the middle of a long range left out', () => {
    const source = Array.from({ length: 30 }, (_, index) => `line ${index + 1}\n`).join('')
    const lines = render(source, at(source, 0, Buffer.byteLength(source) - 2)).split('\n')
    assert.ok(lines.includes('   | | ...'))
    assert.ok(lines.includes('30 | | line 30'))
    assert.ok(!lines.some((line) => line.endsWith('line 15')))
  })

  test('in colour for terminals, with the same text', () => {
    const diagnostics = [marking(block, 'targets', { hint: 'x' }), marking(block, block.trim())]
    const colored = renderDiagnostics(diagnostics, new Map([['f', block]]), { color: true })
    assert.ok(colored.startsWith(`${escape}[31;1mError:${escape}[0m`))
    assert.equal(
      colored.replaceAll(new RegExp(`${escape}\\[[\\d;]*m`, 'g'), '').replaceAll(/ +$/gm, ''),
      render(block, ...diagnostics),
    )
  })

  test('nothing for none', () => {
    assert.equal(render(block), '')
  })

  test('for whatever source the parser refuses', () => {
    const parts = fc.constantFrom(
      'a',
      ' = ',
      '"',
      '日',
      '\t',
      '\n',
      '\r\n',
      '}',
      '{',
      '\0',
      '\x1b',
      '`',
      '/*',
      '1',
      '🎉',
    )
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 20 }), (all) => {
        const source = all.join('')
        const { diagnostics } = parseFile('f', source)
        const shown = render(source, ...diagnostics)
        assert.equal(shown.split(/^Error: /m).length - 1, diagnostics.length)
        for (const control of ['\0', escape, '\r', '\t']) assert.equal(shown.includes(control), false)
        assert.ok(shown.split(/^ *\|.*\^/m).length > diagnostics.length)
      }),
      { numRuns: 1000, interruptAfterTimeLimit: 1500 },
    )
  })
})
