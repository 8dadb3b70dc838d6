import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DurationError, durationText, parseDurationNanos } from './go_duration.ts'

test('durations are read as Go reads them', () => {
  const cases = [
    { text: '0', want: 0n },
    { text: '1h2m3.5s', want: 3_723_500_000_000n },
    { text: '-1.5us', want: -1500n },
    { text: '+.5s', want: 500_000_000n },
    { text: '1µs1μs', want: 2000n },
    { text: '-9223372036854775808ns', want: -(2n ** 63n) },
    { text: '9223372036854775808ns', want: 'time: invalid duration "9223372036854775808ns"' },
    { text: '', want: 'time: invalid duration ""' },
    { text: '-', want: 'time: invalid duration "-"' },
    { text: '.s', want: 'time: invalid duration ".s"' },
    { text: '3', want: 'time: missing unit in duration "3"' },
    { text: '1.', want: 'time: missing unit in duration "1."' },
    { text: '1d', want: 'time: unknown unit "d" in duration "1d"' },
  ]
  for (const { text, want } of cases) {
    if (typeof want === 'bigint') assert.equal(parseDurationNanos(text), want, text)
    else assert.throws(() => parseDurationNanos(text), new DurationError(want), text)
  }
})

test('durations are written as Go writes them', () => {
  const cases = [
    { nanos: 0n, want: '0s' },
    { nanos: 999n, want: '999ns' },
    { nanos: 1500n, want: '1.5µs' },
    { nanos: -2_000_000n, want: '-2ms' },
    { nanos: 1_100_000_000n, want: '1.1s' },
    { nanos: 60_000_000_000n, want: '1m0s' },
    { nanos: 5_400_000_000_001n, want: '1h30m0.000000001s' },
    { nanos: -(2n ** 63n), want: '-2562047h47m16.854775808s' },
  ]
  for (const { nanos, want } of cases) assert.equal(durationText(nanos), want)
})

test('what is written reads back, and any text is read or refused', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (nanos) => {
      assert.equal(parseDurationNanos(durationText(nanos)), nanos)
    }),
  )
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'0123456789.hmsuµn+-') }), (text) => {
      try {
        parseDurationNanos(text)
      } catch (error) {
        assert.ok(error instanceof DurationError)
      }
    }),
  )
})
