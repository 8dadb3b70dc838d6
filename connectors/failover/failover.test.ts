// The best level that takes what it is sent.
import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Capsule, ConsumeError, type Consumer, type Value } from '#component'
import { decoded, OtelSink, problemsOf, resourceSpans, TestHost, tracesTreeOf } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { Traces } from '#pdata'
import { failoverConnector } from './component.ts'
import { Levels } from './levels.ts'

class FakeLevel implements Consumer<Traces> {
  isUp = true
  taken = 0
  readonly #isSlow: boolean
  constructor(isSlow: boolean) {
    this.#isSlow = isSlow
  }
  consume(batch: Traces): void | Promise<void> {
    assert.ok(batch.shared, 'a level must not change what another may have to send')
    if (this.#isSlow) return Promise.resolve().then(() => this.#take())
    return this.#take()
  }
  #take(): void {
    if (!this.isUp) throw new ConsumeError('down', { retryable: true })
    this.taken++
  }
}

for (const isSlow of [false, true]) {
  const how = isSlow ? 'later' : 'at once'
  test(`batches go down a level where one refuses ${how}, and up again after the interval`, async () => {
    const clock = new ManualClock()
    const host = new TestHost({ clock })
    const levels = [new FakeLevel(isSlow), new FakeLevel(isSlow), new FakeLevel(isSlow)]
    const [first, second, third] = levels as [FakeLevel, FakeLevel, FakeLevel]
    const failover = new Levels(host, 'traces', levels, 60_000)
    const send = async (): Promise<string> => {
      const before = levels.map(({ taken }) => taken)
      await failover.consume(Traces.fromTree(tracesTreeOf(resourceSpans({}, [{}]))))
      return levels.map(({ taken }, i) => taken - (before[i] ?? 0)).join('')
    }
    assert.equal(await send(), '100')
    first.isUp = false
    assert.equal(await send(), '010')
    second.isUp = false
    assert.equal(await send(), '001')
    first.isUp = true
    assert.equal(await send(), '001')
    await clock.advance(60_000)
    assert.equal(await send(), '100')
    assert.equal(failover.level, 0)
    first.isUp = false
    assert.equal(await send(), '001')
    second.isUp = true
    await clock.advance(60_000)
    assert.equal(await send(), '010')
    await clock.advance(60_000)
    assert.equal(await send(), '010')
    for (const level of levels) level.isUp = false
    await assert.rejects(async () => send(), /down/)
    third.isUp = true
    assert.equal(await send(), '001')
    assert.ok(host.lines.some((line) => line === 'warn: Sending to another level: the one before refused'))
    assert.ok(host.lines.some((line) => line === 'info: Sending to the best level again'))
  })
}

test('nothing goes up again without an interval', async () => {
  const clock = new ManualClock()
  const levels = [new FakeLevel(false), new FakeLevel(false)]
  const [first, second] = levels as [FakeLevel, FakeLevel]
  const failover = new Levels(new TestHost({ clock }), 'traces', levels, 0)
  const send = (): void | Promise<void> => failover.consume(Traces.fromTree(tracesTreeOf(resourceSpans({}, [{}]))))
  first.isUp = false
  await send()
  first.isUp = true
  await clock.advance(3_600_000)
  await send()
  assert.deepEqual([first.taken, second.taken], [0, 2])
})

test('refuses levels without pipelines', () => {
  assert.deepEqual(problemsOf(failoverConnector.settings, { priority_levels: [] }), [
    'priority_levels needs at least one level',
  ])
  assert.deepEqual(problemsOf(failoverConnector.settings, { priority_levels: [[]] }), [
    'a level needs at least one pipeline',
  ])
  // What the compiler could not find was reported by it.
  assert.deepEqual(problemsOf(failoverConnector.settings, { priority_levels: [[null]] }), [])
})

test('a queue takes what the levels are slow to take, and drops what none of them takes', async () => {
  const sinks = [new OtelSink(), new OtelSink()]
  const pipelines = sinks.map(
    (sink, i) =>
      new Map<string, Value>([
        ['id', `traces/${i}`],
        ['signal', 'traces'],
        ['consumers', sink.output.traces.map((consumer) => new Capsule('otelcol.Consumer', consumer))],
      ]),
  )
  const host = new TestHost({ dataDir: mkdtempSync(join(tmpdir(), 'failover-')) })
  const settings = decoded(failoverConnector.settings, { priority_levels: pipelines.map((each) => [each]) })
  const connector = await failoverConnector.create(host, settings, new OtelSink().output)
  const { counters } = host
  // What is on its way through an outlet waits in the service's, which this host has not.
  const isThrough = (): boolean => counters.in === counters.out + counters.dropped && counters.waiting === 0
  const send = async (): Promise<void> => {
    const batch = Traces.fromTree(tracesTreeOf(resourceSpans({}, [{}, {}])))
    counters.in += batch.count
    await connector.traces?.consume(batch)
    while (!isThrough()) await new Promise((resolve) => setImmediate(resolve))
  }
  const [first, second] = sinks as [OtelSink, OtelSink]
  await connector.start?.()
  try {
    await send()
    assert.deepEqual([first.traces.length, counters.out], [1, 2])
    first.refusal = new ConsumeError('down', { retryable: true })
    await send()
    assert.deepEqual([second.traces.length, counters.out], [1, 4])
    second.refusal = first.refusal
    await send()
    assert.equal(counters.droppedByReason.get('send failed'), 2)
  } finally {
    await connector.stop(1000)
    await connector.stop(1000)
  }
})
