import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import { ConsumeError, type LogsPort, type OtelOutput, type Value } from '#component'
import type { SocketReceiver } from '#component/stanza_input'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { anyValueText, logsTree } from '#pdata/otlp'
import { otelcolReceiverTcplog, tcpLogReceiver } from './component.ts'

async function receiving(
  t: TestContext,
  written: Written,
  { clock, before }: { clock?: ManualClock; before?: () => void | Promise<void> } = {},
): Promise<{ port: number; got: string[]; receiver: SocketReceiver; host: TestHost }> {
  const got: string[] = []
  const sink: LogsPort = {
    nodeId: 'sink',
    signal: 'logs',
    consume(batch) {
      const waits = before?.()
      for (const { scopeLogs } of logsTree(batch).resourceLogs) {
        for (const { body, attributes } of scopeLogs.flatMap(({ logRecords }) => logRecords)) {
          const rest = attributes.map(({ key, value }) => `${key}=${anyValueText(value)}`)
          got.push([anyValueText(body), ...rest].join(' | '))
        }
      }
      return waits
    },
  }
  const output: OtelOutput = { metrics: [], traces: [], logs: [{ nodeId: 'sink', logs: sink }] }
  const settings = decoded(tcpLogReceiver.settings, { listen_address: '127.0.0.1:0', ...written })
  const host = new TestHost(clock ? { clock } : {})
  const receiver = (await tcpLogReceiver.create(host, settings, output)) as unknown as SocketReceiver
  await receiver.start()
  t.after(() => receiver.stop(1000))
  return { port: receiver.ports[0] as number, got, receiver, host }
}

async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 5))
}

const cases: { name: string; settings: Written; sent: string; want: string[] }[] = [
  { name: 'lines', settings: {}, sent: 'one\n\n two \nthree', want: ['one', '', 'two', 'three'] },
  { name: 'all of a connection', settings: { one_log_per_packet: true }, sent: ' a\nb\n', want: [' a\nb\n'] },
  { name: 'bytes without lines', settings: { encoding: 'nop' }, sent: ' a\nb\n', want: ['a\nb'] },
  {
    name: 'entries of several lines',
    settings: { multiline: { line_start_pattern: '^#' } },
    sent: '#1\na\n#2\n',
    want: ['#1\na', '#2'],
  },
  {
    name: 'operators',
    settings: { operators: [new Map<string, Value>([['type', 'json_parser']])] },
    sent: '{"a":"b"}\n',
    want: ['{"a":"b"} | a=b'],
  },
  { name: 'another encoding', settings: { encoding: 'iso-8859-1' }, sent: 'é\n', want: ['Ã©'] },
]
for (const { name, settings, sent, want } of cases) {
  test(`Over TCP come ${name}`, async (t) => {
    const { port, got } = await receiving(t, settings)
    connect(port, '127.0.0.1').end(sent)
    await until(() => got.length >= want.length)
    assert.deepEqual(got, want)
  })
}

test('A line that is not ended is an entry after a while; its sender is named', async (t) => {
  const { port, got } = await receiving(t, { add_attributes: true })
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.write('no end')
  await until(() => got.length === 1)
  assert.match(
    got[0] as string,
    /^no end \| net.transport=IP.TCP \| net.peer.ip=127.0.0.1 \| net.peer.port=\d+ \| net.peer.name=/,
  )
})

test('A line is not cut in two where the next component takes its time', async (t) => {
  const clock = new ManualClock()
  let release = (): void => {}
  const busy = new Promise<void>((resolve) => (release = resolve))
  const { port, got } = await receiving(t, {}, { clock, before: () => busy })
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.write('one\ntw')
  await until(() => got.length === 1)
  socket.write('o\n')
  await clock.advance(5000)
  release()
  await until(() => got.length === 2)
  assert.deepEqual(got, ['one', 'two'])
})

test('A line without an end waits as long as is set', async (t) => {
  const clock = new ManualClock()
  const { port, got } = await receiving(t, { force_flush_period: '2s' }, { clock })
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.write('one\ntw')
  await until(() => got.length === 1)
  await clock.advance(1999)
  assert.deepEqual(got, ['one'])
  await clock.advance(1)
  assert.deepEqual(got, ['one', 'tw'])
})

test('What the next component does not take now is tried again while there is time to stop', async (t) => {
  let failures = 2
  const refuse = (): void => {
    if (failures-- > 0) throw new ConsumeError('busy', { retryable: true, retryAfterMs: 60_000 })
  }
  const { port, got, receiver, host } = await receiving(t, {}, { before: refuse })
  connect(port, '127.0.0.1').end('one\n')
  await until(() => host.counters.in === 1)
  await receiver.stop(30_000)
  assert.deepEqual(got, ['one'])
  assert.deepEqual([host.counters.dropped, host.counters.waiting], [0, 0])
})

test('What is not taken before the stop is over is counted', async (t) => {
  const refuse = (): never => {
    throw new ConsumeError('busy', { retryable: true, retryAfterMs: 60_000 })
  }
  const { port, receiver, host } = await receiving(t, {}, { before: refuse })
  connect(port, '127.0.0.1').end('one\n')
  await until(() => host.counters.in === 1)
  await receiver.stop(30)
  assert.deepEqual([...host.counters.droppedByReason], [['not delivered before the stop', 1]])
})

test('An address is asked for', () => {
  assert.deepEqual(problemsOf(tcpLogReceiver.settings, {}), ["missing required parameter 'listen_address'"])
  assert.deepEqual(problemsOf(otelcolReceiverTcplog.settings, { output: {} }), [
    'missing required attribute "listen_address"',
  ])
})
