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

test('points have texts of attributes; records without a number add 0', async () => {
  const host = new TestHost()
  const sink = new OtelSink()
  const by = mapOf({ source_attribute: 'v', attributes: [mapOf({ key: 'k' })] })
  const written: Written = { logs: mapOf({ s: by }), metrics: mapOf({ none: mapOf({ source_attribute: 'v' }) }) }
  const connector = await sumConnector.create(host, decoded(sumConnector.settings, written), sink.output)
  const keys = ['a', '', 5n, 0n, 1.5, 1e-5, 1e21, 0, true]
  const records = keys.map((k, i) => ({ attributes: i === 0 ? { k } : { k, v: '0x1p4' } }))
  await connector.logs?.consume(Logs.fromTree({ resourceLogs: [resourceLogs({}, records)] }))
  const want = ['a} 0', '5} 16', '1.5} 16', '1e-05} 16', '1e+21} 16'].map((line) => `s{k=${line}`)
  const lines = pointLines(sink.metrics[0]).map((line) => line.slice(line.indexOf('s{')))
  assert.deepEqual(lines.sort(), want.sort())
})

test('refuses a sum of nothing', () => {
  assert.deepEqual(problemsOf(sumConnector.settings, { spans: mapOf({ n: mapOf({}) }) }), [
    'missing required key "source_attribute"',
  ])
})
