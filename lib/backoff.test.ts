import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Backoff } from './backoff.ts'

const cases = [
  { name: 'waits double up to the longest', random: 0.9999999, want: [100, 200, 400, 800, 1000, 1000] },
  { name: 'the shortest waits are half as long', random: 0, want: [50, 100, 200, 400, 500, 500] },
]

for (const { name, random, want } of cases) {
  test(name, () => {
    const backoff = new Backoff({ minMs: 100, maxMs: 1000, random: () => random })
    assert.deepEqual(
      want.map(() => Math.round(backoff.nextMs())),
      want,
    )
  })
}

test('a success starts again from the shortest wait', () => {
  const backoff = new Backoff({ minMs: 10, maxMs: 1000, random: () => 0 })
  for (let i = 0; i < 20; i++) backoff.nextMs()
  backoff.reset()
  assert.equal(backoff.nextMs(), 5)
})

test('a longest wait below the shortest wins', () => {
  assert.equal(new Backoff({ minMs: 100, maxMs: 10, random: () => 0 }).nextMs(), 5)
})
