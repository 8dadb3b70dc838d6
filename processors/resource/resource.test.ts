// The resource processor: every signal, on the wire and on trees.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Batch, OtelOutput } from '#component'
import { decoded, problemsOf, TestHost } from '#component/test_host'
import { Logs, Metrics, Traces } from '#pdata'
import type { Attributes } from '#pdata/otlp'
import { logsFromJson, logsTree, metricsFromJson, metricsTree, tracesFromJson, tracesTree } from '#pdata/otlp'
import { resourceProcessor } from './component.ts'

const resource = { attributes: [{ key: 'env', value: { stringValue: 'test' } }] }
const attributes = [{ key: 'env', value: { stringValue: 'of the item' } }]
const item = { attributes, timeUnixNano: '1' }
const json = {
  traces: { resourceSpans: [{ resource, scopeSpans: [{ spans: [{ name: 'x', attributes }] }] }] },
  logs: { resourceLogs: [{ resource, scopeLogs: [{ logRecords: [item] }] }] },
  metrics: {
    resourceMetrics: [
      { resource, scopeMetrics: [{ metrics: [{ name: 'x', gauge: { dataPoints: [{ asInt: '1', ...item }] } }] }] },
    ],
  },
}

function resourceOf(batch: Batch): Attributes | undefined {
  if (batch instanceof Traces) return tracesTree(batch).resourceSpans[0]?.resource.attributes
  if (batch instanceof Logs) return logsTree(batch).resourceLogs[0]?.resource.attributes
  assert.ok(batch instanceof Metrics)
  return metricsTree(batch).resourceMetrics[0]?.resource.attributes
}

const actions = [
  { key: 'env', value: 'prod', action: 'upsert' },
  { key: 'team', value: 'a', action: 'insert' },
]

for (const name of ['literal actions', 'actions that look at what is there'] as const) {
  test(`resources of every signal are changed by ${name}`, async () => {
    const copy = { key: 'copy', from_attribute: 'env', action: 'insert' }
    const literal = name === 'literal actions'
    const settings = decoded(resourceProcessor.settings, { attributes: literal ? actions : [...actions, copy] })
    const seen: Batch[] = []
    const consume = (batch: Batch): void => void seen.push(batch)
    const output: OtelOutput = {
      traces: [{ nodeId: 'x', traces: { nodeId: 'x', signal: 'traces', consume } }],
      logs: [{ nodeId: 'x', logs: { nodeId: 'x', signal: 'logs', consume } }],
      metrics: [{ nodeId: 'x', metrics: { nodeId: 'x', signal: 'metrics', consume } }],
    }
    const host = new TestHost()
    const component = await resourceProcessor.create(host, settings, output)
    await component.traces?.consume(tracesFromJson(JSON.stringify(json.traces)))
    await component.logs?.consume(logsFromJson(JSON.stringify(json.logs)))
    await component.metrics?.consume(metricsFromJson(JSON.stringify(json.metrics)))
    await component.stop(1000)
    const want: Attributes = [
      { key: 'env', value: 'prod' },
      { key: 'team', value: 'a' },
    ]
    if (!literal) want.push({ key: 'copy', value: 'prod' })
    assert.equal(seen.length, 3)
    for (const batch of seen) assert.deepEqual(resourceOf(batch), want)
    assert.equal(host.counters.out, 3)
  })
}

test('an action is needed', () => {
  assert.deepEqual(problemsOf(resourceProcessor.settings, {}), ['"attributes" needs at least one action'])
})
