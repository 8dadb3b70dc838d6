// The attributes processor: every signal, on the wire and on trees, with and without conditions.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Batch, OtelOutput, Port } from '#component'
import type { Written } from '#component/test_host'
import { decoded, problemsOf, TestHost } from '#component/test_host'
import { Logs, Metrics, Traces } from '#pdata'
import type { Attributes } from '#pdata/otlp'
import {
  logsFromJson,
  logsTree,
  logsWire,
  metricsFromJson,
  metricsTree,
  metricsWire,
  tracesFromJson,
  tracesTree,
  tracesWire,
} from '#pdata/otlp'
import { attributesProcessor, otelcolProcessorAttributes } from './component.ts'

const attributes = [
  { key: 'a', value: { stringValue: 'x' } },
  { key: 'b', value: { intValue: '7' } },
]
const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] }
const json = {
  traces: {
    resourceSpans: [
      {
        resource,
        scopeSpans: [
          {
            spans: [
              { name: 'GET', kind: 2, attributes },
              { name: 'PUT', attributes },
            ],
          },
        ],
      },
    ],
  },
  logs: {
    resourceLogs: [
      {
        resource,
        scopeLogs: [
          {
            logRecords: [
              { body: { stringValue: 'GET' }, attributes },
              { body: { stringValue: 'PUT' }, attributes },
            ],
          },
        ],
      },
    ],
  },
  metrics: {
    resourceMetrics: [
      {
        resource,
        scopeMetrics: [
          {
            metrics: [
              { name: 'GET', gauge: { dataPoints: [{ asInt: '1', attributes }] } },
              { name: 'PUT', sum: { dataPoints: [{ asInt: '1', attributes }] } },
            ],
          },
        ],
      },
    ],
  },
}

type Form = 'wire' | 'tree' | 'shared tree'

function batchOf<B extends Batch>(made: B, wire: (batch: B) => unknown, tree: (batch: B) => unknown, form: Form): B {
  wire(made)
  tree(made)
  if (form === 'wire') made.tree = null
  else made.wire = null
  made.shared = form === 'shared tree'
  return made
}

/** The attributes of the two items of each signal, after the processor. */
async function processed(written: Written, form: Form): Promise<Record<string, Attributes[]>> {
  const seen: Batch[] = []
  const port = (signal: 'traces' | 'logs' | 'metrics'): { nodeId: string } => ({
    nodeId: 'sink',
    [signal]: { nodeId: 'sink', signal, consume: (batch: Batch) => void seen.push(batch) } satisfies Port<Batch>,
  })
  const all: OtelOutput = { traces: [port('traces')], logs: [port('logs')], metrics: [port('metrics')] }
  const found: Record<string, Attributes[]> = {}
  for (const signal of ['traces', 'logs', 'metrics'] as const) {
    const output: OtelOutput = { traces: [], logs: [], metrics: [], [signal]: all[signal] }
    const settings = decoded(attributesProcessor.settings, written)
    const component = await attributesProcessor.create(new TestHost(), settings, output)
    if (signal === 'traces') {
      await component.traces?.consume(
        batchOf(tracesFromJson(JSON.stringify(json.traces)), tracesWire, tracesTree, form),
      )
    } else if (signal === 'logs') {
      await component.logs?.consume(batchOf(logsFromJson(JSON.stringify(json.logs)), logsWire, logsTree, form))
    } else {
      await component.metrics?.consume(
        batchOf(metricsFromJson(JSON.stringify(json.metrics)), metricsWire, metricsTree, form),
      )
    }
    await component.stop(1000)
    found[signal] = itemsOf(seen.pop() as Batch)
  }
  return found
}

function itemsOf(batch: Batch): Attributes[] {
  if (batch instanceof Traces) {
    return tracesTree(batch).resourceSpans.flatMap(({ scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) => spans.map((span) => span.attributes)),
    )
  }
  if (batch instanceof Logs) {
    return logsTree(batch).resourceLogs.flatMap(({ scopeLogs }) =>
      scopeLogs.flatMap(({ logRecords }) => logRecords.map((record) => record.attributes)),
    )
  }
  assert.ok(batch instanceof Metrics)
  return metricsTree(batch).resourceMetrics.flatMap(({ scopeMetrics }) =>
    scopeMetrics.flatMap(({ metrics }) =>
      metrics.flatMap(({ data }) => (data.kind === 'empty' ? [] : data.points.map((point) => point.attributes))),
    ),
  )
}

const before: Attributes = [
  { key: 'a', value: 'x' },
  { key: 'b', value: 7n },
]
const upsert = [
  { key: 'b', value: 8n, action: 'upsert' },
  { key: 'a', action: 'delete' },
]
const afterUpsert: Attributes = [{ key: 'b', value: 8n }]
const convert = [{ key: 'b', action: 'convert', converted_type: 'string' }]
const afterConvert: Attributes = [
  { key: 'a', value: 'x' },
  { key: 'b', value: '7' },
]

for (const form of ['wire', 'tree', 'shared tree'] as const) {
  test(`attributes of every item of every signal are changed (from ${form})`, async () => {
    for (const [actions, after] of [
      [upsert, afterUpsert],
      [convert, afterConvert],
    ] as const) {
      const found = await processed({ actions }, form)
      for (const signal of ['traces', 'logs', 'metrics']) assert.deepEqual(found[signal], [after, after], signal)
    }
  })
}

test('only what matches is changed, by the properties of each signal', async () => {
  const cases: readonly (readonly ['traces' | 'logs' | 'metrics', Written])[] = [
    ['traces', { match_type: 'strict', span_names: ['GET'], span_kinds: ['SPAN_KIND_SERVER'] }],
    ['logs', { match_type: 'strict', log_bodies: ['GET'] }],
    ['metrics', { match_type: 'regexp', metric_names: ['^G'] }],
  ]
  for (const [signal, include] of cases) {
    const settings = decoded(attributesProcessor.settings, { include, actions: upsert })
    const seen: Batch[] = []
    const consumer = {
      nodeId: 'sink',
      [signal]: { nodeId: 'sink', signal, consume: (batch: Batch) => void seen.push(batch) },
    }
    const output: OtelOutput = { traces: [], logs: [], metrics: [], [signal]: [consumer] }
    const component = await attributesProcessor.create(new TestHost(), settings, output)
    if (signal === 'traces') await component.traces?.consume(tracesFromJson(JSON.stringify(json.traces)))
    else if (signal === 'logs') await component.logs?.consume(logsFromJson(JSON.stringify(json.logs)))
    else await component.metrics?.consume(metricsFromJson(JSON.stringify(json.metrics)))
    assert.deepEqual(itemsOf(seen[0] as Batch), [afterUpsert, before], signal)
  }
})

test('properties of one signal do not fit another that is sent somewhere', () => {
  const settings = decoded(attributesProcessor.settings, {
    include: { match_type: 'strict', span_names: ['x'] },
    actions: upsert,
  })
  const output: OtelOutput = {
    traces: [],
    logs: [{ nodeId: 'x', logs: { nodeId: 'x', signal: 'logs', consume: () => {} } }],
    metrics: [],
  }
  assert.throws(() => attributesProcessor.create(new TestHost(), settings, output), { name: 'SettingsError' })
})

test('telemetry that is not OTLP is refused for good', async () => {
  const settings = decoded(otelcolProcessorAttributes.settings, { output: {} })
  const component = await otelcolProcessorAttributes.create(new TestHost(), settings)
  assert.throws(() => component.logs?.consume(Logs.fromStreams([])), { name: 'ConsumeError', retryable: false })
})

test('YAML needs an action, Alloy does not', () => {
  assert.deepEqual(problemsOf(attributesProcessor.settings, {}), ['"actions" needs at least one action'])
  assert.deepEqual(problemsOf(otelcolProcessorAttributes.settings, { output: {} }), [])
})
