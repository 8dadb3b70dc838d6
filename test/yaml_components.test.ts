// Walks the manifest of the collector's YAML: every component is valid with little written, starts, consumes, accounts, stops.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { ConsumeError, type OtelConsumer, type YamlDefinition, type YamlKind } from '#component'
import { compileYaml } from '#config'
import { systemClock } from '#lib/clock'
import { Logs, Metrics, Traces } from '#pdata'
import { LineLoggerProvider, Service } from '#service'
import { nodeAttributes } from '../distro/collector.ts'
import { registry } from '../distro/components.ts'
import { freePort, temporaryDirectory } from './real.ts'

interface Place {
  readonly directory: string
  readonly url: string
  readonly port: number
}

/** What has to be written for a component to work; nothing for those that need nothing. */
const bodies: Readonly<Record<string, (place: Place) => string>> = {
  'connector/routing': () =>
    '{table: [{condition: "true", pipelines: [traces/from_traces]}, {condition: "true", pipelines: [metrics/from_metrics]}, {condition: "true", pipelines: [logs/from_logs]}]}',
  'connector/signal_to_metrics': () => '{spans: [{name: a, sum: {value: "1"}}]}',
  'connector/signaltometrics': () => '{spans: [{name: a, sum: {value: "1"}}]}',
  'connector/failover': () => '{priority_levels: [[traces/from_traces], [metrics/from_metrics], [logs/from_logs]]}',
  'extension/basicauth': () => '{client_auth: {username: u, password: p}}',
  'extension/bearertokenauth': () => '{token: t}',
  'extension/file_storage': ({ directory }) => `{directory: "${directory}/kept", create_directory: true}`,
  'extension/health_check': ({ port }) => `{endpoint: "127.0.0.1:${port}"}`,
  'extension/oauth2client': ({ url }) => `{client_id: c, client_secret: s, token_url: "${url}/token"}`,
  'exporter/load_balancing': ({ port }) =>
    `{protocol: {otlp: {tls: {insecure: true}, sending_queue: {enabled: false}, retry_on_failure: {enabled: false}}}, resolver: {static: {hostnames: ["127.0.0.1:${port}"]}}}`,
  'exporter/loki': ({ url }) => `{endpoint: "${url}/loki/api/v1/push"}`,
  'exporter/file': () => '{path: /dev/null}',
  'exporter/otlp_grpc': ({ port }) =>
    `{endpoint: "127.0.0.1:${port}", tls: {insecure: true}, sending_queue: {enabled: false}, retry_on_failure: {enabled: false}}`,
  'exporter/otlp_http': ({ url }) => `{endpoint: "${url}", retry_on_failure: {enabled: false}}`,
  'exporter/prometheus': ({ port }) => `{endpoint: "127.0.0.1:${port}"}`,
  'exporter/prometheus_remote_write': ({ url }) => `{endpoint: "${url}/write"}`,
  'processor/attributes': () => '{actions: [{key: a, value: b, action: upsert}]}',
  'processor/memory_limiter': () => '{check_interval: 1s, limit_mib: 8192}',
  'processor/resource': () => '{attributes: [{key: a, value: b, action: upsert}]}',
  'processor/span': () => '{name: {from_attributes: [a]}}',
  'receiver/file_log': ({ directory }) => `{include: ["${directory}/*.log"]}`,
  'receiver/fluent_forward': ({ port }) => `{endpoint: "127.0.0.1:${port}"}`,
  'receiver/zipkin': ({ port }) => `{endpoint: "127.0.0.1:${port}"}`,
  'receiver/host_metrics': () => '{scrapers: {load: }}',
  'receiver/otlp': ({ port }) => `{protocols: {grpc: {endpoint: "127.0.0.1:${port}"}}}`,
  'receiver/syslog': ({ port }) => `{protocol: rfc5424, tcp: {listen_address: "127.0.0.1:${port}"}}`,
  'receiver/tcp_log': ({ port }) => `{listen_address: "127.0.0.1:${port}"}`,
  'receiver/udp_log': ({ port }) => `{listen_address: "127.0.0.1:${port}"}`,
  'receiver/prometheus': ({ url }) =>
    `{config: {scrape_configs: [{job_name: a, scrape_interval: 1s, scrape_timeout: 1s, static_configs: [{targets: ["${url.slice(7)}"]}]}]}}`,
}

/** A configuration in which the component stands in a pipeline for each signal, between those that do nothing. */
function configuration(kind: YamlKind, type: string, definition: YamlDefinition, body: string): string {
  const sections: Record<string, string> = { receivers: 'nop: ', exporters: 'nop: ' }
  const section = `${kind}s`
  sections[section] = [sections[section], `${type}/probe: ${body}`].filter(Boolean).join(', ')
  const probe = `${type}/probe`
  const pipelines = definition.signals.flatMap((signal) => {
    if (kind !== 'connector') {
      const receiver = kind === 'receiver' ? probe : 'nop'
      const exporter = kind === 'exporter' ? probe : 'nop'
      const processors = kind === 'processor' ? probe : ''
      return [`${signal}: {receivers: [${receiver}], processors: [${processors}], exporters: [${exporter}]}`]
    }
    const to = definition.produces?.[signal] ?? []
    return [
      `${signal}: {receivers: [nop], exporters: [${probe}]}`,
      ...to.map((other) => `${other}/from_${signal}: {receivers: [${probe}], exporters: [nop]}`),
    ]
  })
  pipelines.push('traces/idle: {receivers: [nop], exporters: [nop]}')
  const lines = Object.entries(sections).map(([name, inside]) => `${name}: {${inside}}`)
  const extensions = kind === 'extension' ? probe : ''
  return `${lines.join('\n')}\nservice: {extensions: [${extensions}], pipelines: {${pipelines.join(', ')}}}\n`
}

function serviceFor(directory: string, text: string): Service {
  return new Service({
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
}

/** ResourceSpans { ScopeSpans { Span {}, Span {} } }, and so on. */
const batches = {
  traces: () => Traces.fromWire([Uint8Array.from([0x0a, 6, 0x12, 4, 0x12, 0, 0x12, 0])], 2),
  logs: () => Logs.fromWire([Uint8Array.from([0x0a, 4, 0x12, 2, 0x12, 0])], 1),
  metrics: () => Metrics.fromWire([Uint8Array.from([0x0a, 8, 0x12, 6, 0x12, 4, 0x2a, 2, 0x0a, 0])], 1),
} as const

/** A backend that is not there refuses: that is accounted for too. */
async function consume(into: OtelConsumer, signal: keyof typeof batches): Promise<void> {
  try {
    if (signal === 'traces') await into.traces?.consume(batches.traces())
    if (signal === 'logs') await into.logs?.consume(batches.logs())
    if (signal === 'metrics') await into.metrics?.consume(batches.metrics())
  } catch (error) {
    if (!(error instanceof ConsumeError)) throw error
  }
}

for (const name of [...registry.yamlNames()].sort()) {
  test(`${name} is valid, starts, consumes, accounts and stops`, { timeout: 60_000 }, async (t) => {
    const [kind, type] = name.split('/') as [YamlKind, string]
    const definition = await registry.loadYaml(kind, type)
    assert.ok(definition)
    assert.equal(definition.kind, kind)
    assert.ok(definition.types.includes(type), `${type} is one of ${definition.types.join(', ')}`)
    for (const other of definition.types) assert.ok(registry.yamlNames().includes(`${kind}/${other}`), other)
    assert.equal(definition.produces !== undefined, kind === 'connector')
    assert.ok(definition.doc.endsWith('.'), 'its documentation is a sentence')

    const server = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/plain' }).end())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const directory = temporaryDirectory(t)
    const body = bodies[`${kind}/${definition.types[0]}`]?.({ directory, url, port: await freePort() }) ?? ''
    const service = serviceFor(directory, configuration(kind, type, definition, body))
    const result = await service.start()
    t.after(() => service.stop(1000))
    assert.deepEqual(
      result.diagnostics.map((d) => d.message),
      [],
    )
    const nodes = [...service.graph.nodes.values()].filter((node) => node.id.startsWith(`${kind}/${type}/probe`))
    assert.equal(nodes.length, kind === 'processor' ? definition.signals.length : 1)
    for (const node of nodes) {
      const { value } = service.graph.view.receiver(node.id, node.definition) as { value: OtelConsumer }
      const pipeline = node.id.split('@')[1]
      for (const signal of ['traces', 'logs', 'metrics'] as const) {
        if (pipeline !== undefined && pipeline !== signal) continue
        await consume(value, signal)
      }
    }
    await service.stop(5000)
    await service.stop(5000)
    for (const { id, counters, waiting } of nodes) {
      if ((definition.signals.length > 0 && kind !== 'receiver') || counters.in > 0) assert.ok(counters.in > 0, id)
      assert.equal(counters.in, counters.out + counters.dropped + counters.refused + waiting, id)
    }
    const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    assert.deepEqual(
      files.map((entry) => entry.name),
      [],
    )
  })
}
