import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Capsule, ConsumeError, type LogsPort } from '#component'
import { RelabelRules } from '#component/relabel'
import { decoded, problemsOf, TestHost } from '#component/test_host'
import { labelsFrom, labelsText, Logs, LogStream } from '#pdata'
import { lokiRelabel } from './component.ts'

class Sink implements LogsPort {
  readonly nodeId = 'test.sink.x'
  readonly signal = 'logs'
  readonly taken: string[] = []
  refusal: Error | undefined
  async consume({ streams }: Logs): Promise<void> {
    if (this.refusal) throw this.refusal
    for (const { labels, lines } of streams ?? []) {
      for (const line of lines) this.taken.push(`${labelsText(labels)} ${line}`)
    }
  }
}

const stream = (labels: Record<string, string>, ...lines: string[]): LogStream =>
  new LogStream(labelsFrom(Object.entries(labels)), new BigInt64Array(lines.length), lines, null)

const settingsFor = (sink: Sink, ...rule: Record<string, string | string[]>[]) =>
  decoded(lokiRelabel.settings, {
    forward_to: [new Capsule('LogsReceiver', sink)],
    max_cache_size: 2n,
    ...(rule.length > 0 ? { rule } : {}),
  })

test('lines get new labels, some are dropped, and all of it is counted', async () => {
  const host = new TestHost()
  const sink = new Sink()
  const rules = [
    { source_labels: ['svc'], regex: '(.+)-\\d+', target_label: 'service' },
    { source_labels: ['level'], regex: 'debug', action: 'drop' },
    { regex: 'svc', action: 'labeldrop' },
  ]
  const component = await lokiRelabel.create(host, settingsFor(sink, ...rules))
  const batch = Logs.fromStreams([
    stream({ svc: 'web-1', job: 'a' }, 'one', 'two'),
    stream({ level: 'debug' }, 'three'),
    stream({ svc: 'web' }, 'without labels in the end'),
  ])
  await component.logs?.consume(batch)
  assert.deepEqual(sink.taken, ['{job="a", service="web"} one', '{job="a", service="web"} two'])
  assert.deepEqual([host.counters.out, [...host.counters.droppedByReason]], [2, [['relabelled', 2]]])
  await component.logs?.consume(Logs.fromStreams([stream({ level: 'debug' }, 'again')]))
  const read = (name: string): number | undefined => host.readings.get(`loki_relabel_${name}`)?.()
  const names = ['entries_processed', 'entries_written', 'cache_hits', 'cache_misses', 'cache_size']
  assert.deepEqual(names.map(read), [5, 2, 2, 3, 2])
  const exported = host.exports['rules']
  assert.ok(exported instanceof Capsule && exported.value instanceof RelabelRules)
  await component.stop(0)
  await component.stop(0)
})

test('new rules and receivers are taken in place', async () => {
  const host = new TestHost()
  const [first, second] = [new Sink(), new Sink()]
  const component = await lokiRelabel.create(host, settingsFor(first))
  await component.logs?.consume(Logs.fromStreams([stream({ a: '1' }, 'x')]))
  await component.update?.(settingsFor(second, { target_label: 'b', replacement: '2' }))
  await component.logs?.consume(Logs.fromStreams([stream({ a: '1' }, 'x')]))
  assert.deepEqual([first.taken, second.taken], [['{a="1"} x'], ['{a="1", b="2"} x']])
})

test('a refusal of what is left is a refusal of the batch', async () => {
  const host = new TestHost()
  const sink = new Sink()
  sink.refusal = new ConsumeError('full', { retryable: true })
  const rule = { source_labels: ['a'], regex: '1', action: 'drop' }
  const component = await lokiRelabel.create(host, settingsFor(sink, rule))
  const batch = Logs.fromStreams([stream({ a: '1' }, 'x'), stream({ a: '2' }, 'y')])
  await assert.rejects(async () => component.logs?.consume(batch), /full/)
  assert.deepEqual([host.counters.out, host.counters.dropped, host.counters.waiting], [0, 0, 0])
  assert.throws(() => component.logs?.consume(Logs.fromWire([], 0)), /has to make streams/)
})

test('a cache that holds nothing is refused', () => {
  assert.deepEqual(problemsOf(lokiRelabel.settings, { forward_to: [], max_cache_size: 0n }), [
    'max_cache_size must be greater than 0; got 0',
  ])
})
