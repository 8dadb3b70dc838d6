// Connectors in the collector's YAML, from a real request to what files hold: pipelines named by id, levels, turns, metrics.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { compileYaml } from '#config'
import { systemClock } from '#lib/clock'
import { LineLoggerProvider, Service } from '#service'
import { nodeAttributes } from '../distro/collector.ts'
import { registry } from '../distro/components.ts'
import { freePort, temporaryDirectory } from './real.ts'

interface Ran {
  /** Names of spans, or of metrics, that a file got, in order. */
  names(file: string): string[]
}

function span(name: string): object {
  const time = { startTimeUnixNano: '1700000000000000000', endTimeUnixNano: '1700000000005000000' }
  return { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), name, kind: 2, ...time }
}

function request(service: string, names: readonly string[]): string {
  const attributes = [{ key: 'service.name', value: { stringValue: service } }]
  return JSON.stringify({ resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans: names.map(span) }] }] })
}

/** Runs a configuration, sends the requests one after the other, stops. `@PORT@` and `@DIR@` are filled in. */
async function run(t: TestContext, configuration: string, requests: readonly string[]): Promise<Ran> {
  const directory = temporaryDirectory(t)
  const port = await freePort()
  const text = `receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:${port}"}}}}\n${configuration.replaceAll('@DIR@', directory)}`
  const service = new Service({
    registry,
    stability: 'experimental',
    environment: {},
    globals: {
      hostname: 'host',
      version: '1',
      listenAddress: '',
      memoryAddress: 'memory',
      storagePath: directory,
      durability: 'spill',
      userAgent: 'test',
    },
    clock: systemClock,
    logging: new LineLoggerProvider({ level: 'error', format: 'console', clock: systemClock, write: () => {} }),
    readConfiguration: () => ({ sources: [{ name: 'test.yaml', text }], directory }),
    compile: ({ sources }, view, options) => compileYaml(sources, view, options),
    nodeAttributes,
  })
  const { diagnostics } = await service.start()
  assert.deepEqual(diagnostics, [])
  for (const body of requests) {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`http://127.0.0.1:${port}/v1/traces`, { method: 'POST', headers, body })
    assert.equal(answer.status, 200)
  }
  await service.stop(10_000)
  for (const node of service.graph.nodes.values()) {
    const { counters } = node
    assert.equal(counters.in, counters.out + counters.dropped + counters.refused + node.waiting, node.id)
  }
  return {
    names(file) {
      const path = join(directory, file)
      const content = existsSync(path) ? readFileSync(path, 'utf8') : ''
      return [...content.matchAll(/"name":"([^"]*)","(?:kind|description|sum|unit|histogram)"/g)].map(
        ([, name]) => name ?? '',
      )
    },
  }
}

test('routing sends spans to the pipelines that it names', { timeout: 60_000 }, async (t) => {
  const { names } = await run(
    t,
    `
connectors:
  routing:
    default_pipelines: [traces/rest]
    table:
      - {context: span, condition: 'name == "b"', pipelines: [traces/b]}
      - {condition: 'attributes["service.name"] == "other"', action: copy, pipelines: [traces/other]}
exporters: {file/b: {path: @DIR@/b}, file/other: {path: @DIR@/other}, file/rest: {path: @DIR@/rest}}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [routing]}
    traces/b: {receivers: [routing], exporters: [file/b]}
    traces/other: {receivers: [routing], exporters: [file/other]}
    traces/rest: {receivers: [routing], exporters: [file/rest]}
`,
    [request('shop', ['a', 'b', 'c']), request('other', ['b', 'd'])],
  )
  assert.deepEqual([names('b'), names('other'), names('rest')], [['b', 'b'], ['d'], ['a', 'c', 'd']])
})

test('failover goes to the level that takes it, round_robin takes turns', { timeout: 60_000 }, async (t) => {
  const off = 'sending_queue: {enabled: false}, retry_on_failure: {enabled: false}'
  const { names } = await run(
    t,
    `
connectors: {failover: {priority_levels: [[traces/down], [traces/up]]}, round_robin: }
exporters: {otlp_http/down: {endpoint: "http://127.0.0.1:1", ${off}}, file/1: {path: @DIR@/1}, file/2: {path: @DIR@/2}}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [failover]}
    traces/down: {receivers: [failover], exporters: [otlp_http/down]}
    traces/up: {receivers: [failover], exporters: [round_robin]}
    traces/1: {receivers: [round_robin], exporters: [file/1]}
    traces/2: {receivers: [round_robin], exporters: [file/2]}
`,
    ['a', 'b', 'c'].map((name) => request('shop', [name])),
  )
  assert.deepEqual([names('1'), names('2')], [['a', 'c'], ['b']])
})

test('connectors make metrics of what they get', { timeout: 60_000 }, async (t) => {
  const { names } = await run(
    t,
    `
connectors: {count: , span_metrics: , signal_to_metrics: {spans: [{name: made, sum: {value: "2"}}]}}
exporters: {file: {path: @DIR@/metrics}}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [count, span_metrics, signal_to_metrics]}
    metrics: {receivers: [count, span_metrics, signal_to_metrics], exporters: [file]}
`,
    [request('shop', ['a', 'a'])],
  )
  const calls = ['traces.span.metrics.calls', 'traces.span.metrics.duration']
  assert.deepEqual(names('metrics'), ['trace.span.count', 'made', ...calls, ...calls])
})
