import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatGoFloat, formatOpenMetricsFloat, NumberScanner, parseGoFloat } from './go_float.ts'

const encoder = new TextEncoder()

/** What the scanner makes of a token that a line break ends; undefined: refused. */
function scanned(text: string): number | undefined {
  const bytes = encoder.encode(`${text}\n`)
  const scanner = new NumberScanner()
  const fine = scanner.scan(bytes, 0, bytes.length)
  assert.ok(!fine || scanner.end === bytes.length - 1, 'it reads to the end of the token')
  return fine ? scanner.value : undefined
}

const values: readonly (readonly [string, number | undefined])[] = [
  ['0', 0],
  ['-0', -0],
  ['1', 1],
  ['+1.5', 1.5],
  ['.5', 0.5],
  ['5.', 5],
  ['1e3', 1000],
  ['1E+03', 1000],
  ['1e-3', 0.001],
  ['1.7560473e+07', 17_560_473],
  ['123456789012345678901234567890', 1.2345678901234568e29],
  ['0.1234567890123456789', 0.12345678901234568],
  ['4.9e-324', 5e-324],
  ['1e-400', 0],
  ['1.7976931348623157e308', Number.MAX_VALUE],
  ['9007199254740993', 2 ** 53],
  ['1e22', 1e22],
  ['1e23', 1e23],
  ['Inf', Infinity],
  ['+inf', Infinity],
  ['-INF', -Infinity],
  ['Infinity', Infinity],
  ['NaN', NaN],
  ['nan', NaN],
  ['1e400', undefined],
  ['+NaN', undefined],
  ['', undefined],
  ['-', undefined],
  ['.', undefined],
  ['1e', undefined],
  ['e5', undefined],
  ['1_000', undefined],
  ['0x10', undefined],
  ['0x1p4', undefined],
  ['1p4', undefined],
  ['1,5', undefined],
  ['1.2.3', undefined],
  ['--1', undefined],
  ['1\r', undefined],
  ['٣', undefined],
]

for (const [text, want] of values) {
  test(`a sample's value ${JSON.stringify(text)} is ${want}`, () => assert.ok(Object.is(scanned(text), want)))
}

const hexValues: readonly (readonly [string, number | undefined])[] = [
  ['0x1p4', 16],
  ['-0x1.8p1', -3],
  ['0x.8p0', 0.5],
  ['0x1p-1074', 5e-324],
  ['0x1p-1075', 0],
  ['0x1.8p-1075', 5e-324],
  ['0x1.fffffffffffffp1023', Number.MAX_VALUE],
  ['0x1.fffffffffffff8p1023', undefined],
  ['0x1.00000000000008p0', 1],
  ['0x1.000000000000080001p0', 1 + 2 ** -52],
  ['0x1p1024', undefined],
  ['0xp1', undefined],
  ['0x1', undefined],
  ['0x1_0p1', undefined],
]

for (const [text, want] of hexValues) {
  test(`Go's hexadecimal float ${text} is ${want}`, () => assert.ok(Object.is(parseGoFloat(text), want)))
}

const formats: readonly (readonly [number, string, string])[] = [
  [0, '0', '0.0'],
  [-0, '-0', '-0.0'],
  [1, '1', '1.0'],
  [0.05, '0.05', '0.05'],
  [100_000, '100000', '100000.0'],
  [999_999, '999999', '999999.0'],
  [1_000_000, '1e+06', '1e+06'],
  [17_560_473, '1.7560473e+07', '1.7560473e+07'],
  [1e21, '1e+21', '1e+21'],
  [1e100, '1e+100', '1e+100'],
  [0.0001, '0.0001', '0.0001'],
  [0.00001, '1e-05', '1e-05'],
  [-2.5e-7, '-2.5e-07', '-2.5e-07'],
  [5e-324, '5e-324', '5e-324'],
  [Infinity, '+Inf', '+Inf'],
  [-Infinity, '-Inf', '-Inf'],
  [NaN, 'NaN', 'NaN'],
]

for (const [value, go, open] of formats) {
  test(`${value} is written ${go}, in OpenMetrics ${open}`, () => {
    assert.equal(formatGoFloat(value), go)
    assert.equal(formatOpenMetricsFloat(value), open)
  })
}

test('every float comes back from its text', () => {
  fc.assert(
    fc.property(fc.double(), (x) => {
      assert.ok(Object.is(scanned(formatGoFloat(x)), x))
      assert.ok(Object.is(scanned(formatOpenMetricsFloat(x)), x))
    }),
    { numRuns: 2000 },
  )
})

test('every decimal is rounded as JavaScript rounds it', () => {
  const decimal = fc
    .tuple(fc.stringMatching(/^[0-9]{1,25}$/), fc.stringMatching(/^[0-9]{0,25}$/), fc.integer({ min: -330, max: 300 }))
    .map(([whole, fraction, exponent]) => `${whole}.${fraction}${exponent % 3 === 0 ? '' : `e${exponent % 40}`}`)
  fc.assert(
    fc.property(decimal, (text) => assert.equal(scanned(text), Number(text))),
    { numRuns: 3000 },
  )
})

test('any bytes are read or refused, and the token ends where a blank is', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const scanner = new NumberScanner()
      scanner.scan(bytes, 0, bytes.length)
      assert.ok(scanner.end <= bytes.length)
    }),
    { numRuns: 2000 },
  )
})
