import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Capsule, ConsumeError, type LogsPort } from '#component'
import { decoded, TestHost } from '#component/test_host'
import { type Logs, Logs as LogsBatch } from '#pdata'
import { logsFromJson } from '#pdata/otlp'
import { otelcolExporterLoki } from './component.ts'

async function started(consume: (batch: Logs) => void) {
  const host = new TestHost()
  const port: LogsPort = { nodeId: 'next', signal: 'logs', consume }
  const settings = decoded(otelcolExporterLoki.settings, { forward_to: [new Capsule('LogsReceiver', port)] })
  return { host, component: await otelcolExporterLoki.create(host, settings) }
}

const records = () =>
  logsFromJson(
    JSON.stringify({
      resourceLogs: [
        {
          scopeLogs: [
            {
              logRecords: [
                { timeUnixNano: '5', body: { stringValue: 'one' } },
                { body: { stringValue: 'two' }, attributes: [{ key: 'loki.format', value: { stringValue: 'xml' } }] },
              ],
            },
          ],
        },
      ],
    }),
  )

test('records become lines, and what cannot is counted', async () => {
  const taken: Logs[] = []
  const { host, component } = await started((batch) => void taken.push(batch))
  const batch = records()
  host.counters.in += batch.count
  await component.logs?.consume(batch)
  assert.ok(taken[0] instanceof LogsBatch)
  assert.deepEqual(
    taken[0].streams?.map(({ labels, lines, timestampsNs }) => [labels, lines, [...timestampsNs]]),
    [[['exporter', 'OTLP'], ['{"body":"one"}'], [5n]]],
  )
  assert.deepEqual([...host.counters.droppedByReason], [['unknown loki.format', 1]])
  assert.equal(host.counters.in, host.counters.out + host.counters.dropped)
  const count = (name: string) => host.counts.get(`otelcol_exporter_loki_entries_${name}`)?.value
  assert.deepEqual([count('total'), count('processed'), count('failed')], [2, 1, 1])
  component.stop(0)
  component.stop(0)
})

test('what the next refuses is counted once, as refused', async () => {
  const { host, component } = await started(() => {
    throw new ConsumeError('full', { retryable: true })
  })
  const batch = records()
  host.counters.in += batch.count
  await assert.rejects(async () => component.logs?.consume(batch), /full/)
  host.counters.refused += batch.count // as the service does
  assert.equal(host.counters.in, host.counters.out + host.counters.dropped + host.counters.refused)
})
