import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from './clock.ts'
import { Sampler } from './sampler.ts'

test('equal messages are thinned out, tick by tick', async () => {
  const clock = new ManualClock()
  const sampler = new Sampler({ tickMs: 1000, initial: 2, thereafter: 3 }, clock)
  const passed = (): string => Array.from({ length: 9 }, () => (sampler.passes('x') ? '1' : '0')).join('')
  assert.equal(passed(), '110010010')
  assert.ok(sampler.passes('y'))
  await clock.advance(1000)
  assert.equal(passed(), '110010010')
  assert.equal(
    [1, 2, 3].filter(() => new Sampler({ tickMs: 1000, initial: 0, thereafter: 0 }, clock).passes('x')).length,
    0,
  )
})
