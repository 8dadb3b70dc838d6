import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { test } from 'node:test'
import type { LogsPort, OtelOutput } from '#component'
import type { SocketReceiver } from '#component/stanza_input'
import { decoded, TestHost } from '#component/test_host'
import { anyValueText, logsTree } from '#pdata/otlp'
import { udpLogReceiver } from './component.ts'

test('A datagram holds one or several lines; zeros behind them are none', async (t) => {
  const got: string[] = []
  const sink: LogsPort = {
    nodeId: 'sink',
    signal: 'logs',
    consume(batch) {
      for (const { scopeLogs } of logsTree(batch).resourceLogs) {
        for (const { logRecords } of scopeLogs) for (const { body } of logRecords) got.push(anyValueText(body))
      }
    },
  }
  const output: OtelOutput = { metrics: [], traces: [], logs: [{ nodeId: 'sink', logs: sink }] }
  const settings = decoded(udpLogReceiver.settings, { listen_address: '127.0.0.1:0' })
  const host = new TestHost()
  const receiver = (await udpLogReceiver.create(host, settings, output)) as unknown as SocketReceiver
  await receiver.start()
  t.after(() => receiver.stop(1000))
  const socket = createSocket('udp4')
  t.after(() => socket.close())
  for (const datagram of ['one', 'two\nthree\n\0\0']) {
    await new Promise<void>((resolve) =>
      socket.send(datagram, receiver.ports[0] as number, '127.0.0.1', () => resolve()),
    )
  }
  while (got.length < 3) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.deepEqual(got, ['one', 'two', 'three'])
  assert.deepEqual([host.counters.in, host.counters.out], [3, 3])
})
