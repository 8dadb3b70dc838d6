import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { replaceTexts } from './replace.ts'

describe('replacing texts', () => {
  const cases: { name: string; line: string; by: [string, string][]; want: string }[] = [
    { name: 'none', line: 'abc', by: [], want: 'abc' },
    { name: 'one, as it is written', line: 'a.a aa', by: [['a.a', '$&']], want: '$& aa' },
    { name: 'several', line: 'one two one', by: [['one', '1'], ['two', '2']], want: '1 2 1' }, // prettier-ignore
    { name: 'the longest from the left', line: 'abcd', by: [['ab', '1'], ['abc', '2'], ['bc', '3']], want: '2d' }, // prettier-ignore
    { name: 'what overlaps', line: 'abcd', by: [['abc', '1'], ['cd', '2']], want: '12' }, // prettier-ignore
    { name: 'one at the end of another', line: 'xab ab', by: [['xab', '1'], ['ab', '2']], want: '1 2' }, // prettier-ignore
  ]
  for (const { name, line, by, want } of cases) {
    it(name, () => assert.equal(replaceTexts(line, new Map(by)), want))
  }

  it('leaves none of them, and nothing else out', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 })
    const line = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 30 })
    fc.assert(
      fc.property(line, fc.uniqueArray(text, { minLength: 1, maxLength: 5 }), (given, texts) => {
        const out = replaceTexts(given, new Map(texts.map((one) => [one, '#'])))
        const left = out.replaceAll('#', '')
        for (const piece of out.split('#')) for (const one of texts) assert.ok(!piece.includes(one))
        assert.equal(left.replaceAll(/[ab]/g, '').length, given.replaceAll(/[ab]/g, '').length)
      }),
      { numRuns: 500 },
    )
  })

  it('takes time that grows with the line, however many different ones there are', () => {
    const secrets = Array.from({ length: 20_000 }, (_, i) => `token-${String(i).padStart(6, '0')}`)
    const out = replaceTexts(secrets.join(' '), new Map(secrets.map((one) => [one, 'x'])))
    assert.equal(out.length, 2 * secrets.length - 1)
  })
})
