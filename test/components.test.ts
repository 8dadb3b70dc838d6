// Walks the manifest: every component is valid with little written, starts, consumes, accounts, stops twice, leaks nothing.
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  type ComponentDefinition,
  defaultSettings,
  type LogsPort,
  type MetricsPort,
  type OtelConsumer,
} from '#component'
import { systemClock } from '#lib/clock'
import { Logs, LogStream, Metrics, Series, SeriesBatch, SeriesLayout, Traces } from '#pdata'
import { LineLoggerProvider, Service } from '#service'
import { registry } from '../distro/components.ts'
import { freePort, temporaryDirectory } from './real.ts'

interface Place {
  readonly directory: string
  readonly url: string
  readonly port: number
}

/** What has to be written for a component to work; nothing for those that need nothing. */
const bodies: Readonly<Record<string, (place: Place) => string>> = {
  'discovery.dns': () => 'names = ["localhost"]\n type = "A"\n port = 80',
  'discovery.docker': ({ directory }) => `host = "unix://${directory}/docker.sock"`,
  'discovery.file': ({ directory }) => `files = ["${directory}/targets.json"]`,
  'discovery.http': ({ url }) => `url = "${url}/targets"`,
  'discovery.relabel': () => 'targets = [{"a" = "b"}]',
  'local.file': ({ directory }) => `filename = "${directory}/targets.json"`,
  'local.file_match': ({ directory }) => `path_targets = [{"__path__" = "${directory}/*.json"}]`,
  'loki.enrich': () => 'targets = []\n target_match_label = "a"\n forward_to = []',
  'loki.process': () => 'forward_to = []\n stage.multiline {\n firstline = "x"\n }',
  'loki.relabel': () => 'forward_to = []',
  'loki.secretfilter': () => 'forward_to = []',
  'loki.source.api': ({ port }) => `forward_to = []\n http {\n listen_port = ${port}\n }`,
  'loki.source.awsfirehose': ({ port }) => `forward_to = []\n http {\n listen_port = ${port}\n }`,
  'loki.source.docker': ({ directory }) =>
    `host = "unix://${directory}/docker.sock"\n targets = [{"__meta_docker_container_id" = "x"}]\n forward_to = []`,
  'loki.source.file': ({ directory }) => `targets = [{"__path__" = "${directory}/targets.json"}]\n forward_to = []`,
  'loki.source.gelf': ({ port }) => `forward_to = []\n listen_address = "127.0.0.1:${port}"`,
  'loki.source.heroku': ({ port }) => `forward_to = []\n http {\n listen_port = ${port}\n }`,
  'loki.source.journal': ({ directory }) => `forward_to = []\n path = "${directory}"`,
  'loki.source.syslog': ({ port }) => `forward_to = []\n listener {\n address = "127.0.0.1:${port}"\n }`,
  'loki.write': ({ url }) => `endpoint {\n url = "${url}/write"\n }`,
  'otelcol.connector.signaltometrics': () => 'spans {\n name = "a"\n sum {\n value = "1"\n }\n }\n output {}',
  'otelcol.connector.spanmetrics': () => 'histogram {\n explicit {}\n }\n output {}',
  'otelcol.processor.discovery': () => 'targets = [{"__address__" = "127.0.0.1"}]\n output {}',
  'otelcol.processor.memory_limiter': () => 'check_interval = "1s"\n limit = "8GiB"\n output {}',
  'otelcol.processor.span': () => 'name {\n from_attributes = ["a"]\n }\n output {}',
  'otelcol.processor.tail_sampling': () => 'policy {\n name = "all"\n type = "always_sample"\n }\n output {}',
  'otelcol.receiver.filelog': ({ directory }) => `include = ["${directory}/*.log"]\n output {}`,
  'otelcol.receiver.fluentforward': ({ port }) => `endpoint = "127.0.0.1:${port}"\n output {}`,
  'otelcol.receiver.zipkin': ({ port }) => `endpoint = "127.0.0.1:${port}"\n output {}`,
  'otelcol.receiver.otlp': ({ port }) => `grpc {\n endpoint = "127.0.0.1:${port}"\n }\n output {}`,
  'otelcol.receiver.syslog': ({ port }) => `tcp {\n listen_address = "127.0.0.1:${port}"\n }\n output {}`,
  'otelcol.receiver.tcplog': ({ port }) => `listen_address = "127.0.0.1:${port}"\n output {}`,
  'otelcol.exporter.loki': () => 'forward_to = []',
  'otelcol.exporter.file': ({ directory }) => `path = "${directory}/telemetry.json"`,
  'otelcol.exporter.loadbalancing': ({ url }) =>
    `resolver {\n static {\n hostnames = ["${url.slice(7)}"]\n }\n }\n protocol {\n otlp {\n client {\n tls {\n insecure = true\n }\n }\n retry {\n enabled = false\n }\n }\n }`,
  'otelcol.exporter.otlp': ({ url }) =>
    `client {\n endpoint = "${url.slice(7)}"\n tls {\n insecure = true\n }\n }\n retry_on_failure {\n enabled = false\n }`,
  'otelcol.exporter.otlphttp': ({ url }) => `client {\n endpoint = "${url}"\n }`,
  'otelcol.exporter.prometheus': () => 'forward_to = [prometheus.live.sink.receiver]',
  'prometheus.receive_http': ({ port }) =>
    `forward_to = [prometheus.live.sink.receiver]\n http {\n listen_port = ${port}\n }`,
  'prometheus.relabel': () => 'forward_to = [prometheus.live.sink.receiver]',
  'prometheus.remote_write': ({ url }) => `endpoint {\n url = "${url}/write"\n }`,
  'prometheus.scrape': ({ url }) =>
    `targets = [{"__address__" = "${url.slice(7)}"}]\n forward_to = [prometheus.live.sink.receiver]\n scrape_interval = "1s"\n scrape_timeout = "1s"`,
  'otelcol.auth.basic': () => 'client_auth {\n username = "u"\n password = "p"\n }',
  'otelcol.auth.bearer': () => 'token = "t"',
  'otelcol.auth.oauth2': ({ url }) => `client_id = "c"\n client_secret = "s"\n token_url = "${url}/token"`,
  'remote.http': ({ url }) => `url = "${url}/text"`,
}

/** Without more to say, a component that has to be told where its output goes is told: nowhere. */
function bodyOf({ settings }: ComponentDefinition): string {
  return settings.fields['output']?.required ? 'output {}' : ''
}

async function place(t: TestContext): Promise<Place> {
  const directory = temporaryDirectory(t)
  mkdirSync(join(directory, 'storage'))
  writeFileSync(join(directory, 'targets.json'), '[{"targets": ["127.0.0.1:1"]}]')
  const server = createServer((request, response) => {
    if (request.url === '/targets')
      response.writeHead(200, { 'content-type': 'application/json' }).end('[{"targets": ["127.0.0.1:1"]}]')
    else if (request.url === '/write') response.writeHead(204).end()
    else response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end('m 1\n')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { directory, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, port: await freePort() }
}

function serviceFor(directory: string, text: string): Service {
  return new Service({
    registry,
    stability: 'experimental',
    environment: {},
    globals: {
      hostname: 'host',
      version: '1',
      listenAddress: '127.0.0.1:0',
      memoryAddress: 'alloy.internal:12345',
      storagePath: join(directory, 'storage'),
      durability: 'spill',
      userAgent: 'test',
    },
    clock: systemClock,
    logging: new LineLoggerProvider({ level: 'error', format: 'logfmt', clock: systemClock, write: () => {} }),
    readConfiguration: () => ({ sources: [{ name: 'test.alloy', text }], directory }),
  })
}

function batch(): Metrics {
  const series = ['a', 'b', 'c'].map((name) => new Series(['__name__', name], null))
  return Metrics.fromSeries(
    new SeriesBatch({
      layout: new SeriesLayout(series),
      values: Float64Array.of(1, 2, 3),
      flags: null,
      timestampMs: Date.now(),
      timestampsMs: null,
      startsMs: null,
      exemplars: null,
      histograms: null,
    }),
  )
}

/** ResourceSpans { ScopeSpans { Span {}, Span {} } }, ResourceLogs { ScopeLogs { LogRecord {} } }, and so on. */
const twoSpans = Uint8Array.from([0x0a, 6, 0x12, 4, 0x12, 0, 0x12, 0])
const oneRecord = Uint8Array.from([0x0a, 4, 0x12, 2, 0x12, 0])
const onePoint = Uint8Array.from([0x0a, 8, 0x12, 6, 0x12, 4, 0x2a, 2, 0x0a, 0])

/** What keeps the process alive, by kind: sockets, servers, watchers. Timers are the test runner's too, and left out. */
function handles(): Map<string, number> {
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) {
    if (!['TTYWrap', 'PipeWrap', 'Immediate', 'Timeout'].includes(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return counts
}

function moreThan(before: ReadonlyMap<string, number>): string[] {
  return [...handles()].filter(([kind, count]) => count > (before.get(kind) ?? 0)).map(([kind]) => kind)
}

for (const name of [...registry.names()].sort()) {
  test(`${name} is valid, starts, consumes, stops and leaves nothing behind`, { timeout: 60_000 }, async (t) => {
    const definition = await registry.load(name)
    assert.equal(definition?.name, name)
    if (!definition) return
    const needs = Object.values(definition.settings.fields).some((field) => field.required)
    if (!needs) defaultSettings(definition.settings)
    assert.ok(definition.doc.endsWith('.'), 'its documentation is a sentence')

    const at = await place(t)
    const before = handles()
    const label = definition.singleton ? '' : ' "probe"'
    const sink = name === 'prometheus.live' ? '' : 'prometheus.live "sink" { }\n'
    const service = serviceFor(
      at.directory,
      `${sink}${name}${label} {\n${bodies[name]?.(at) ?? bodyOf(definition)}\n}\n`,
    )
    const result = await service.start()
    assert.deepEqual(result.diagnostics, [])
    const node = service.graph.nodes.get(definition.singleton ? name : `${name}.probe`)
    assert.ok(node)
    for (const [key] of node.exports ?? []) assert.ok(definition.exports?.[key], `the export ${key} is declared`)
    if (definition.input === 'otelcol') {
      const { value: input } = service.graph.view.receiver(node.id, definition) as { value: OtelConsumer }
      await input.traces?.consume(Traces.fromWire([twoSpans], 2))
      await input.logs?.consume(Logs.fromWire([oneRecord], 1))
      await input.metrics?.consume(Metrics.fromWire([onePoint], 1))
      const { counters } = node
      const want = { traces: 2, logs: 1, metrics: 1 }
      // Bridges count the items that they make as well.
      assert.ok(counters.in >= (definition.consumes ?? []).reduce((sum, signal) => sum + want[signal], 0))
      assert.equal(counters.in, counters.out + counters.dropped + counters.refused + node.waiting)
    } else if (definition.input === 'loki') {
      const receiver = service.graph.view.receiver(node.id, definition) as { value: LogsPort }
      await receiver.value.consume(
        Logs.fromStreams([new LogStream(['a', 'b'], BigInt64Array.of(1n, 2n), ['one', 'two'], null)]),
      )
      const { counters } = node
      assert.ok(counters.in >= 2)
      assert.equal(counters.in, counters.out + counters.dropped + counters.refused + node.waiting)
    } else if (definition.consumes?.includes('metrics')) {
      const receiver = service.graph.view.receiver(node.id, definition) as { value: MetricsPort }
      await receiver.value.consume(batch())
      const { counters } = node
      assert.ok(counters.in >= 3)
      assert.equal(counters.in, counters.out + counters.dropped + counters.refused + node.waiting)
    }
    JSON.stringify(node.component?.debug?.() ?? null)
    await service.stop(5000)
    await service.stop(5000)
    const { counters } = node
    assert.equal(counters.in, counters.out + counters.dropped + counters.refused + node.waiting)
    const left = readdirSync(join(at.directory, 'storage'), { recursive: true, withFileTypes: true }).filter((e) =>
      e.isFile(),
    )
    assert.deepEqual(
      left.map((e) => e.name),
      [],
    )
    // Sockets of either side take a moment to close.
    for (let i = 0; i < 250 && moreThan(before).length > 0; i++) await new Promise((resolve) => setTimeout(resolve, 20))
    assert.deepEqual(moreThan(before), [])
  })
}

/** What may run in several processes at once, each with a part of the traffic: whoever adds one here has thought about it. */
const stateless: ReadonlySet<string> = new Set([
  'otelcol.auth.basic',
  'otelcol.auth.bearer',
  'otelcol.auth.headers',
  'otelcol.auth.oauth2',
  'otelcol.connector.spanlogs',
  'otelcol.exporter.debug',
  'otelcol.exporter.loadbalancing',
  'otelcol.exporter.otlp',
  'otelcol.exporter.otlphttp',
  'otelcol.processor.attributes',
  'otelcol.processor.batch',
  'otelcol.processor.discovery',
  'otelcol.processor.filter',
  'otelcol.processor.groupbyattrs',
  'otelcol.processor.memory_limiter',
  'otelcol.processor.probabilistic_sampler',
  'otelcol.processor.redaction',
  'otelcol.processor.resourcedetection',
  'otelcol.processor.span',
  'otelcol.processor.transform',
  'otelcol.receiver.otlp',
])

test('components that say they are stateless are known to be', async () => {
  const found = []
  for (const name of registry.names()) if ((await registry.load(name))?.stateless) found.push(name)
  assert.deepEqual(found.sort(), [...stateless].sort())
})

test('both faces of a component say the same of their state', async () => {
  const faces = new Map<string, boolean[]>()
  const add = (doc: string, says: boolean): void => void faces.set(doc, [...(faces.get(doc) ?? []), says])
  for (const name of registry.names()) {
    const definition = await registry.load(name)
    if (definition) add(definition.doc, definition.stateless === true)
  }
  for (const name of registry.yamlNames()) {
    const [kind, type] = name.split('/') as ['receiver', string]
    const definition = await registry.loadYaml(kind, type)
    if (definition) add(definition.doc, definition.stateless === true)
  }
  for (const [doc, says] of faces) assert.equal(new Set(says).size, 1, doc)
})
