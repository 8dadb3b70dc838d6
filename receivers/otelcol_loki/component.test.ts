import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Capsule, type OtelConsumer } from '#component'
import { decoded, TestHost } from '#component/test_host'
import { Logs, LogStream } from '#pdata'
import { logsTree } from '#pdata/otlp'
import { otelcolReceiverLoki } from './component.ts'

test('lines become records, and are counted', async () => {
  const host = new TestHost()
  const taken: Logs[] = []
  const next: OtelConsumer = {
    nodeId: 'next',
    logs: { nodeId: 'next', signal: 'logs', consume: (batch) => void taken.push(batch) },
  }
  const settings = decoded(otelcolReceiverLoki.settings, { output: { logs: [new Capsule('otelcol.Consumer', next)] } })
  const component = await otelcolReceiverLoki.create(host, settings)
  const batch = Logs.fromStreams([new LogStream(['job', 'x'], BigInt64Array.of(5n, 6n), ['one', 'two'], null)])
  host.counters.in += batch.count
  await component.logs?.consume(batch)
  const records = logsTree(taken[0] as Logs).resourceLogs[0]?.scopeLogs[0]?.logRecords ?? []
  assert.deepEqual(
    records.map(({ body, timeUnixNano, attributes }) => [body, timeUnixNano, attributes.map(({ key }) => key)]),
    [
      ['one', 5n, ['loki.attribute.labels', 'job']],
      ['two', 6n, ['loki.attribute.labels', 'job']],
    ],
  )
  assert.deepEqual([host.counters.in, host.counters.out], [4, 4])
  assert.throws(() => component.logs?.consume(Logs.fromWire([], 0)), /streams are wanted/)
  component.stop(0)
  component.stop(0)
})
