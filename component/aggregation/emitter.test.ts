// One batch at a time, none lost, all accounted for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Consumer } from '#component'
import { gaugeMetric, metricsTreeOf, numberPoint, TestHost } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import type { Metrics } from '#pdata'
import { MetricsEmitter } from './emitter.ts'

/** Takes batches when it is told to. */
class SlowConsumer implements Consumer<Metrics> {
  readonly #waiting: { resolve: () => void; reject: (error: Error) => void }[] = []
  taken = 0

  consume(): Promise<void> {
    return new Promise((resolve, reject) => void this.#waiting.push({ resolve, reject }))
  }

  get waiting(): number {
    return this.#waiting.length
  }

  async take(error?: Error): Promise<void> {
    const one = this.#waiting.shift()
    if (error) one?.reject(error)
    else {
      this.taken++
      one?.resolve()
    }
    await new Promise(setImmediate)
  }
}

function emitting(intervalMs: number) {
  const clock = new ManualClock()
  const host = new TestHost({ clock })
  const next = new SlowConsumer()
  let collected = 0
  const emitter = new MetricsEmitter(host, next, intervalMs, () => {
    collected++
    return metricsTreeOf(gaugeMetric('m', [numberPoint(1, 1n)]))
  })
  return { clock, host, next, emitter, collected: () => collected }
}

test('a slow consumer delays the next batch, and gets one for all that was missed', async () => {
  const { clock, next, emitter, collected } = emitting(1000)
  emitter.start()
  await clock.advance(5000)
  assert.deepEqual([collected(), next.waiting], [1, 1])
  await next.take()
  assert.deepEqual([collected(), next.waiting], [2, 1])
  await next.take()
  assert.deepEqual([collected(), next.waiting], [2, 0])
})

test('stopping waits for what is on its way and sends what there is, once', async () => {
  const { clock, next, emitter } = emitting(1000)
  emitter.start()
  await clock.advance(1000)
  let isDone = false
  const stopped = emitter.stop(() => true).then(() => (isDone = true))
  for (let i = 0; i < 3; i++) {
    await new Promise(setImmediate)
    assert.ok(!isDone)
    await next.take()
  }
  await stopped
  await emitter.stop()
  assert.equal(next.taken, 3)
  assert.equal(clock.pending, 0)
})

test('what is refused is dropped and said', async () => {
  const { host, next, emitter } = emitting(0)
  emitter.flush()
  await next.take(new Error('no'))
  assert.deepEqual([host.counters.in, host.counters.droppedByReason.get('send failed')], [1, 1])
  assert.deepEqual(host.lines, ['error: Cannot send aggregated metrics'])
})
