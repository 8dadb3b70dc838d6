import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compileJmesPath, JmesPathError, JmesPathFault, type Json } from './jmespath.ts'

const read = (name: string): string => readFileSync(join(import.meta.dirname, 'testdata', name), 'utf8')
const document = JSON.parse(read('jmespath.json')) as Json
/** An expression and, below it, its result on the document: JSON, `refused` when compiled or `fails` when carried out. */
const cases = [...read('jmespath.txt').matchAll(/^(\S.*)\n {4}(.*)$/gm)]

describe('JMESPath', () => {
  for (const [, text = '', want = ''] of cases) {
    it(text, () => {
      if (want === 'refused') assert.throws(() => compileJmesPath(text), JmesPathError)
      else if (want === 'fails') assert.throws(() => compileJmesPath(text)(document), JmesPathFault)
      else assert.deepEqual(JSON.parse(JSON.stringify(compileJmesPath(text)(document))), JSON.parse(want))
    })
  }

  it('takes the values of objects in order, and tells mistakes that are always fatal when it is compiled', () => {
    assert.deepEqual(compileJmesPath('o.*')(document), ['v', [1]])
    assert.deepEqual(compileJmesPath('items(o)')(document), [
      ['k', 'v'],
      ['l', [1]],
    ])
    const wrong: [text: string, message: string][] = [
      ['a.b + nothing(c)', 'unknown function: nothing() at 7'],
      ['a[::0]', 'the step of a slice cannot be 0 at 3'],
      ['a b', 'unexpected "b" at 3'],
      ['a["', 'unexpected character at 3: "\\""'],
    ]
    for (const [text, message] of wrong) assert.throws(() => compileJmesPath(text), { message })
    assert.throws(() => compileJmesPath('('.repeat(10_000)), JmesPathError)
  })

  it('is compiled or refused, and carried out or not, never worse', () => {
    const part = fc.constantFrom(
      'a',
      'people',
      'n',
      's',
      'num',
      '.',
      '[',
      ']',
      '[]',
      '[?',
      '*',
      '|',
      '||',
      '&&',
      '==',
      '<',
      '!',
      '(',
      ')',
      ',',
      '@',
      '&',
      '{',
      '}',
      ':',
      '1',
      '-1',
      '`1`',
      "'x'",
      '"q.r"',
      '$',
      '$x',
      'let',
      'in',
      '=',
      '+',
      '-',
      '/',
      '//',
      '%',
      'sort_by',
      'length',
      'map',
      'to_string',
      'max_by',
      'zip',
      'group_by',
      ' ',
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 15 }), (parts) => {
        try {
          compileJmesPath(parts.join(''))(document)
        } catch (error) {
          assert.ok(error instanceof JmesPathError || error instanceof JmesPathFault, String(error))
        }
      }),
      { numRuns: 5000 },
    )
  })
})
