// Numbers in attributes are added up.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Value } from '#component'
import { decoded, OtelSink, pointLines, problemsOf, resourceLogs, TestHost, type Written } from '#component/test_host'
import { Logs } from '#pdata'
import { sumConnector } from './component.ts'

function mapOf(entries: Readonly<Record<string, Value>>): Value {
  return new Map(Object.entries(entries))
}

test('numbers and texts that say numbers are added, by attributes', async () => {
  const host = new TestHost()
  const sink = new OtelSink()
  const written: Written = {
    logs: mapOf({
      paid: mapOf({
        source_attribute: 'total',
        conditions: ['attributes["total"] != "7"'],
        attributes: [mapOf({ key: 'by', default_value: 'unknown' })],
      }),
    }),
  }
  const connector = await sumConnector.create(host, decoded(sumConnector.settings, written), sink.output)
  const records = [
    { total: 1n, by: 'a' },
    { total: 2.5, by: 'a' },
    { total: '3' },
    { total: '7' },
    { total: 'x' },
    { total: '' },
    {},
  ]
  const batch = Logs.fromTree({
    resourceLogs: [
      resourceLogs(
        { host: 'h' },
        records.map((attributes) => ({ attributes: { ...attributes } })),
      ),
    ],
  })
  host.counters.in += batch.count
  await connector.logs?.consume(batch)
  assert.deepEqual(pointLines(sink.metrics[0]), ['[host=h] paid{by=a} 3.5', '[host=h] paid{by=unknown} 3'])
  assert.equal(host.counters.in, host.counters.out)
})

test('refuses a sum of nothing', () => {
  assert.deepEqual(problemsOf(sumConnector.settings, { spans: mapOf({ n: mapOf({}) }) }), [
    'missing required key "source_attribute"',
  ])
})
