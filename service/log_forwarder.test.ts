import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConsumeError, Count, type Instruments, type LogsPort } from '#component'
import type { Plan } from '#config'
import { ManualClock } from '#lib/clock'
import type { Logs } from '#pdata'
import { labelText } from '#pdata/loki'
import { LogForwarder } from './log_forwarder.ts'

const dependsOn: Readonly<Record<string, readonly string[]>> = {
  'loki.process.a': ['loki.write.b'],
  'loki.write.b': [],
  'loki.write.c': [],
  'prometheus.scrape.d': [],
}
const plan = {
  nodes: new Map(Object.entries(dependsOn).map(([id, others]) => [id, { id, dependsOn: new Set(others) }])),
} as unknown as Plan

function forwarderTo(ports: Readonly<Record<string, (batch: Logs) => void | Promise<void>>>) {
  const clock = new ManualClock()
  const dropped = new Count()
  const instruments = { counter: () => dropped } as unknown as Instruments
  const forwarder = new LogForwarder({ clock, instruments })
  const list = Object.entries(ports).map(([nodeId, consume]): LogsPort => ({
    nodeId,
    signal: 'logs',
    consume: (batch) => consume(batch),
  }))
  forwarder.configure(list, plan)
  return { forwarder, clock, dropped }
}

const linesOf = (batch: Logs): string[] => (batch.streams ?? []).flatMap(({ lines }) => lines)

test('lines of a moment go together, under the label that Alloy gives them', async () => {
  const taken: Logs[] = []
  const { forwarder, clock } = forwarderTo({ 'loki.process.a': (batch) => void taken.push(batch) })
  forwarder.push('one', undefined)
  forwarder.push('two', 'prometheus.scrape.d')
  await clock.advance(100)
  assert.deepEqual(taken.map(linesOf), [['one', 'two']])
  const [stream] = taken[0]?.streams ?? []
  assert.equal(stream && labelText(stream.labels), '{component="alloy"}')
  assert.equal(stream?.timestampsNs[0], 1_700_000_000_000_000_000n)
  await forwarder.stop()
})

test('what the receivers and those behind them log is not sent to them', async () => {
  const taken: string[] = []
  const { forwarder, clock } = forwarderTo({
    'loki.process.a'(batch) {
      taken.push(...linesOf(batch))
      forwarder.push('logged while it takes lines', 'prometheus.scrape.d')
    },
  })
  forwarder.push('the first receiver', 'loki.process.a')
  forwarder.push('the one behind it', 'loki.write.b')
  forwarder.push('another', 'loki.write.c')
  await clock.advance(1000)
  assert.deepEqual(taken, ['another'])
  await forwarder.stop()
})

test('lines wait for a receiver that refuses for now, up to a bound', async () => {
  const taken: string[] = []
  let refuses = true
  const { forwarder, clock, dropped } = forwarderTo({
    'loki.write.b'(batch) {
      if (refuses) throw new ConsumeError('not now', { retryable: true })
      taken.push(...linesOf(batch))
    },
  })
  for (let at = 0; at < 10_010; at++) forwarder.push(`line ${at}`, undefined)
  assert.equal(dropped.value, 10)
  await clock.advance(500)
  refuses = false
  await clock.advance(1000)
  assert.equal(taken.length, 10_000)
  assert.equal(taken[9999], 'line 9999')
  await forwarder.stop()
})

test('with several receivers, one that refuses holds up nobody, and nobody gets lines twice', async () => {
  const taken: string[] = []
  const { forwarder, clock } = forwarderTo({
    'loki.write.b': () => Promise.reject(new ConsumeError('not now', { retryable: true })),
    'loki.write.c': (batch) => void taken.push(...linesOf(batch)),
  })
  forwarder.push('one', undefined)
  await clock.advance(5000)
  assert.deepEqual(taken, ['one'])
  await forwarder.stop()
})

test('what waits at the stop is handed on; a receiver that does not answer is not waited for', async () => {
  const taken: string[] = []
  const { forwarder, clock } = forwarderTo({ 'loki.write.b': (batch) => void taken.push(...linesOf(batch)) })
  forwarder.push('last', undefined)
  await forwarder.stop()
  await forwarder.stop()
  forwarder.push('too late', undefined)
  await clock.advance(5000)
  assert.deepEqual(taken, ['last'])

  const stuck = forwarderTo({ 'loki.write.b': () => new Promise(() => {}) })
  stuck.forwarder.push('last', undefined)
  const stopped = stuck.forwarder.stop()
  await stuck.clock.advance(1000)
  await stopped
  assert.equal(stuck.clock.pending, 0)
})

test('lines on their way while the receivers change are counted once, and take no others with them', async () => {
  const taken: string[] = []
  let arrive = (): void => {}
  const slow = new Promise<void>((resolve) => (arrive = resolve))
  const { forwarder, clock, dropped } = forwarderTo({ 'loki.write.b': () => slow })
  forwarder.push('on its way', undefined)
  await clock.advance(100)
  forwarder.push('waits', undefined)
  forwarder.configure([], plan)
  assert.equal(dropped.value, 1)
  const port: LogsPort = {
    nodeId: 'loki.write.c',
    signal: 'logs',
    consume: (batch) => void taken.push(...linesOf(batch)),
  }
  forwarder.configure([port], plan)
  forwarder.push('new', undefined)
  arrive()
  await clock.advance(1000)
  assert.deepEqual([taken, dropped.value], [['new'], 1])
  await forwarder.stop()
})

test('a receiver that is not in the plan gets nothing', async () => {
  const taken: string[] = []
  const { forwarder, clock } = forwarderTo({ 'loki.write.elsewhere': (batch) => void taken.push(...linesOf(batch)) })
  forwarder.push('one', undefined)
  await clock.advance(1000)
  assert.deepEqual(taken, [])
  await forwarder.stop()
})
