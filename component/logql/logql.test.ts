import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { labelsFrom } from '#pdata'
import { compilePattern, compileSelector, PatternError, SelectorError } from './door.ts'

const labels = labelsFrom([
  ['app', 'web'],
  ['level', 'warn'],
])

describe('selectors', () => {
  const cases: [selector: string, line: string, want: boolean][] = [
    ['{app="web"}', 'x', true],
    ['{app!="web"}', 'x', false],
    ['{app=~"w.b|x", level!~"e.*"}', 'x', true],
    ['{app=~"w"}', 'x', false],
    ['{none=""}', 'x', true],
    ['{app="web"} |= "a.c"', 'abc', false],
    ['{app="web"} |= "a.c"', 'a.c', true],
    ['{app="web"} |~ "a.c" != "x"', 'zabc', true],
    ['{app="web"}|~"a.c"!~"z"', 'zabc', false],
    ['{ app = `web` } |= "a\\tb"', 'a\tb', true],
  ]
  for (const [selector, line, want] of cases) {
    it(`${selector} on ${JSON.stringify(line)}`, () => assert.equal(compileSelector(selector)(labels, line), want))
  }

  it('say where they are wrong', () => {
    const wrong: [selector: string, message: string][] = [
      ['{a=b}', 'parse error at line 1, col 4: expected a text in quotes, got `b`'],
      ['{}', 'parse error at line 1, col 2: expected a label name, got `}`'],
      ['{a="b"', 'parse error at line 1, col 7: expected `,` or `}`, got the end'],
      ['{a="b",}', 'parse error at line 1, col 8: expected a label name, got `}`'],
      ['{a="b"}\n |= x', 'parse error at line 2, col 5: expected a text in quotes, got `x`'],
      ['{a=~"("}', 'parse error at line 1, col 5: error parsing regexp: missing closing ): `^(?s:()$`'],
      ['{a="\\q"}', 'parse error at line 1, col 4: invalid escape in "\\q"'],
      ['{a="b"} | json', 'parse error at line 1, col 9: unexpected "| json"'],
    ]
    for (const [selector, message] of wrong) assert.throws(() => compileSelector(selector), { message })
  })
})

describe('patterns', () => {
  const cases: [pattern: string, line: string, want: Record<string, string> | null][] = [
    ['<ip> - <_> "<method> <path>"', '1.2.3.4 - bob "GET /x"', { ip: '1.2.3.4', method: 'GET', path: '/x' }],
    ['a <x>', 'a b c', { x: 'b c' }],
    ['a <x>', 'b c', null],
    ['<x>,<y>', 'a', { x: 'a' }],
    ['<x>,<_>;<y>', 'a,b;c', { x: 'a', y: 'c' }],
    ['<_>é<x>', 'aéb', { x: 'b' }],
    ['<x>', '', null],
    ['<1x> <y>', '<1x> z', { y: 'z' }],
    ['<x> end', 'a end more', { x: 'a' }],
  ]
  for (const [pattern, line, want] of cases) {
    it(`${pattern} on ${JSON.stringify(line)}`, () => {
      const { names, match } = compilePattern(pattern)
      const found = match(line)
      assert.deepEqual(found && Object.fromEntries(found.map((value, i) => [names[i], value])), want)
    })
  }

  it('say what is wrong with them', () => {
    const wrong: [pattern: string, message: string][] = [
      ['a', 'at least one capture is required'],
      ['<_>', 'at least one capture is required'],
      ['x <a><b>', "found consecutive capture '<a><b>' at 6"],
      ['<a> <a>', 'duplicate capture name (a)'],
    ]
    for (const [pattern, message] of wrong) assert.throws(() => compilePattern(pattern), { message })
  })
})

describe('what users write', () => {
  it('is read or refused, never worse', () => {
    const some = fc.string({ unit: fc.constantFrom(...'{}=~!|"`,\\ a1é\n<>_('), maxLength: 20 })
    fc.assert(
      fc.property(some, (text) => {
        try {
          compileSelector(text)(labels, text)
        } catch (error) {
          assert.ok(error instanceof SelectorError, String(error))
        }
        try {
          compilePattern(text).match(text)
        } catch (error) {
          assert.ok(error instanceof PatternError, String(error))
        }
      }),
      { numRuns: 2000 },
    )
  })
})
