import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { KeyValueError, readKeyValues, splitQuoted } from './key_value.ts'

describe('keys and values', () => {
  type Want = Record<string, string> | RegExp
  const cases: { name: string; text: string; delimiter?: string; pair?: string; want: Want }[] = [
    { name: 'pairs', text: 'a=1 b=2', want: { a: '1', b: '2' } },
    { name: 'many spaces', text: '  a=1   b=2 ', want: { a: '1', b: '2' } },
    { name: 'quoted values', text: `a="1 2" b='x "y"' c="it's"`, want: { a: '1 2', b: 'x "y"', c: "it's" } },
    { name: 'a quoted key', text: '"a b"=1', want: { 'a b': '1' } },
    { name: 'values with the delimiter', text: 'a=b=c', want: { a: 'b=c' } },
    { name: 'empty values', text: 'a= b=2', want: { a: '', b: '2' } },
    { name: 'other delimiters', text: 'a::1 ! b::2 !', delimiter: '::', pair: '!', want: { a: '1', b: '2' } },
    { name: 'delimiters of words', text: 'a=1 and b=2', pair: ' and ', want: { a: '1', b: '2' } },
    { name: 'the last of two', text: 'a=1 a=2', want: { a: '2' } },
    { name: 'no delimiter', text: 'a=1 b c', want: /cannot split "b" into 2 items, got 1 item\(s\); cannot split "c"/ },
    {
      name: 'many without delimiter',
      text: 'x '.repeat(5000),
      want: /^KeyValueError: (cannot [^;]*; ){10}and 4990 more$/,
    },
    { name: 'an open quote', text: 'a="1 b=2', want: /never reached the end of a quoted value/ },
    { name: 'nothing', text: '', want: {} },
  ]
  for (const { name, text, delimiter = '=', pair = ' ', want } of cases) {
    it(`${name}: ${JSON.stringify(text)}`, () => {
      if (want instanceof RegExp) assert.throws(() => readKeyValues(text, delimiter, pair), want)
      else assert.deepEqual(Object.fromEntries(readKeyValues(text, delimiter, pair)), want)
    })
  }

  it('loses nothing but quotes and delimiters, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab= "\''), maxLength: 20 }), (text) => {
        try {
          const joined = splitQuoted(text, '=').join('')
          assert.equal(joined.replaceAll(/["'=]/g, ''), text.replaceAll(/["'=]/g, ''))
        } catch (error) {
          assert.ok(error instanceof KeyValueError, String(error))
        }
      }),
      { numRuns: 500 },
    )
  })
})
