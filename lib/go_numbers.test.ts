import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseFloat64, parseInt64, ParseNumberError } from './go_numbers.ts'

test('integers are read in any base', () => {
  const cases = [
    { text: '12', base: 10n, want: 12n },
    { text: '-zz', base: 36n, want: -1295n },
    { text: '0x_ff', base: 0n, want: 255n },
    { text: '0b101', base: 0n, want: 5n },
    { text: '017', base: 0n, want: 15n },
    { text: '1_000', base: 0n, want: 1000n },
    { text: '-9223372036854775808', base: 10n, want: -(2n ** 63n) },
    { text: '9223372036854775808', base: 10n, want: 'value out of range' },
    { text: '1_000', base: 10n, want: 'invalid syntax' },
    { text: '1__0', base: 0n, want: 'invalid syntax' },
    { text: '08', base: 0n, want: 'invalid syntax' },
    { text: '+', base: 10n, want: 'invalid syntax' },
    { text: '1', base: 37n, want: 'invalid base 37' },
  ]
  for (const { text, base, want } of cases) {
    if (typeof want === 'bigint') assert.equal(parseInt64(text, 'ParseInt', base), want, text)
    else {
      const error = new ParseNumberError(`strconv.ParseInt: parsing "${text}": ${want}`)
      assert.throws(() => parseInt64(text, 'ParseInt', base), error)
    }
  }
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.integer({ min: 2, max: 36 }), (n, base) => {
      assert.equal(parseInt64(n.toString(base), 'ParseInt', BigInt(base)), n)
    }),
  )
})

test('floats are read as Go reads them', () => {
  for (const [text, want] of [
    ['1.5e3', 1500],
    ['.5', 0.5],
    ['-Inf', -Infinity],
    ['nan', Number.NaN],
  ] as const) {
    assert.equal(parseFloat64(text), want)
  }
  for (const text of ['', '1e999', '1_0', '+nan', '0x', ' 1']) assert.throws(() => parseFloat64(text), ParseNumberError)
})
