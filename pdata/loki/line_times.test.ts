import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LineTimes } from './line_times.ts'

test('Times are a nanosecond apart, over the 32 bits that they are written in, and never go back', () => {
  const times = new LineTimes()
  // 2^32 divides 4294967296 ns: a time just below a multiple of it.
  const nearMs = Number(((1_700_000_000_000n * 1_000_000n) >> 32n) << 32n) / 1e6
  const first = times.take(nearMs, 5000)
  for (let i = 1; i < first.length; i++) assert.equal(first[i], (first[0] as bigint) + BigInt(i))
  const second = times.take(nearMs - 1000, 2)
  assert.equal(second[0], (first.at(-1) as bigint) + 1n)
  assert.equal(times.take(nearMs, 0).length, 0)
  const wide = new LineTimes().take(Number((((1n << 60n) >> 32n) << 32n) / 1000n) / 1000 - 0.001, 3000)
  for (let i = 1; i < wide.length; i++) assert.equal((wide[i] as bigint) - (wide[i - 1] as bigint), 1n)
})
