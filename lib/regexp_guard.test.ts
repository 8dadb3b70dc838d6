// What V8's linear engine gives, with every search handed over to it at its first step back.
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import fc from 'fast-check'
import { compileRegexp } from './regexp.ts'
import { guardedRegexp } from './regexp_guard.ts'
import { parseRegexp } from './regexp_syntax.ts'

describe("V8's linear engine", () => {
  before(() => {
    assert.equal(compileRegexp('(\\d+)ms').engine, 'guarded') // which sets the bound
    setFlagsFromString('--regexp-backtracks-before-fallback=1')
  })

  it('gives what re2js gives', () => {
    const atoms = [
      'a',
      'b',
      '1',
      '.',
      '\\d',
      '\\w',
      '\\S',
      '[^a]',
      '[ab]',
      'é',
      '\\b',
      '(?:ab|a)',
      '(a|ab)',
      '(b+)',
      '^',
      '$',
    ]
    const quantifiers = ['', '', '', '*', '+', '?', '*?', '+?', '??', '{2}', '{1,3}', '{2,}']
    const part = fc.tuple(fc.constantFrom(...atoms), fc.constantFrom(...quantifiers)).map(([atom, q]) => atom + q)
    const sequence = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(''))
    const pattern = fc.oneof(
      sequence,
      fc.tuple(sequence, sequence).map(([a, b]) => `${a}|(${b})`),
    )
    const text = fc.array(fc.constantFrom('a', 'b', '1', ' ', 'é', '\n', '\u2028'), { maxLength: 14 })
    let compared = 0
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 1, maxLength: 6 }), (source, subjects) => {
        const node = nodeOf(source)
        const guarded = node && guardedRegexp(node, { groups: false })
        if (guarded === undefined) return
        const [ours, theirs] = [compileRegexp(source), compileRegexp(source, { engine: 're2' })]
        for (const subject of subjects.map((letters) => letters.join(''))) {
          assert.equal(guarded.test(subject), theirs.test(subject), JSON.stringify(subject))
          assert.deepEqual(ours.match(subject), theirs.match(subject), JSON.stringify(subject))
          assert.deepEqual(ours.execAll(subject), theirs.execAll(subject), JSON.stringify(subject))
          compared++
        }
      }),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 1000) },
    )
    assert.ok(compared > 500, String(compared))
  })

  it('leaves texts with characters beyond U+FFFF to re2js', () => {
    const cases = [
      { pattern: '(a.?)+b', want: ['a😀b', 'a😀'] },
      { pattern: '([^x])+b', want: ['a😀b', '😀'] },
    ]
    for (const { pattern, want } of cases) {
      assert.equal(compileRegexp(pattern).engine, 'guarded')
      assert.deepEqual([...(compileRegexp(pattern).match('a😀b') ?? [])], want)
    }
  })

  it('takes over where a text would keep the other one for ever', { timeout: 60_000 }, () => {
    const node = nodeOf('(?:a|a)*b')
    assert.equal(node && guardedRegexp(node, { groups: false })?.test('a'.repeat(80)), false)
  })

  it('is left alone for a while when search after search is slow', () => {
    let ms = 0
    let stepMs = 0
    const node = nodeOf('(?:a|a)*b')
    const regexp = node && guardedRegexp(node, { groups: false, now: () => (ms += stepMs) })
    assert.ok(regexp)
    const searched = (count: number, tookMs: number): void => {
      stepMs = tookMs
      for (let i = 0; i < count; i++) if (regexp.takes('aab')) assert.equal(regexp.test('aab'), true)
    }
    searched(2, 5)
    searched(100, 0.01)
    searched(2, 5) // interruptions, far apart
    assert.equal(regexp.takes('aab'), true)
    searched(1, 5)
    for (let i = 0; i < 1000; i++) assert.equal(regexp.takes('aab'), false)
    assert.equal(regexp.takes('aab'), true)
    assert.equal(regexp.takes('a'.repeat(1025)), false)
  })
})

function nodeOf(source: string): NonNullable<ReturnType<typeof parseRegexp>>['node'] | undefined {
  try {
    return parseRegexp(source)?.node
  } catch {
    return undefined
  }
}
