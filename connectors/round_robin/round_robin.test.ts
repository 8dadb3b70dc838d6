// Pipelines get batches in turn.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PipelineStart } from '#component'
import { OtelSink, resourceSpans, TestHost, tracesTreeOf } from '#component/test_host'
import { Traces } from '#pdata'
import { roundRobinConnector } from './component.ts'

test('each pipeline gets every nth batch, whole', async () => {
  const sinks = [new OtelSink(), new OtelSink(), new OtelSink()]
  const pipelines: PipelineStart[] = sinks.map((sink, i) => ({
    id: `traces/${i}`,
    signal: 'traces',
    // The first pipeline begins with two nodes: both get its batches.
    consumers: i === 0 ? [...sink.output.traces, ...sink.output.traces] : sink.output.traces,
  }))
  const host = new TestHost()
  const connector = await roundRobinConnector.create(host, {}, { traces: [], metrics: [], logs: [], pipelines })
  for (let i = 0; i < 7; i++) {
    host.counters.in += 2
    await connector.traces?.consume(Traces.fromTree(tracesTreeOf(resourceSpans({}, [{}, {}]))))
  }
  assert.deepEqual(
    sinks.map(({ traces }) => traces.length),
    [6, 2, 2],
  )
  assert.equal(host.counters.in, host.counters.out)
  await connector.stop(1000)
})
