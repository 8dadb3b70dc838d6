// The collector's YAML in a running service: order, reloads, extensions, and telemetry through connectors.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, describe, test } from 'node:test'
import { compileYaml, type ComponentRegistry, type TelemetrySettings } from '#config'
import { systemClock } from '#lib/clock'
import { metricsTree, readMetricsRequest } from '#pdata/otlp'
import { CollectorTelemetry, LineLoggerProvider, Service } from '#service'
import { journal, probeRegistry } from '../config/yaml/testdata/probes.ts'
import { nodeAttributes } from '../distro/collector.ts'
import { registry } from '../distro/components.ts'
import { freePort } from './real.ts'

const directory = await mkdtemp(join(tmpdir(), 'solder-collector-test-'))
const running: Service[] = []
after(async () => {
  await Promise.all(running.map((service) => service.stop(1000)))
  await rm(directory, { recursive: true })
})
beforeEach(() => void journal.splice(0))

function serviceOf(
  text: string,
  components: ComponentRegistry = probeRegistry,
): { service: Service; lines: string[]; change(text: string): void } {
  let current = text
  const lines: string[] = []
  const write = (line: string): void => void lines.push(line)
  const service = new Service({
    registry: components,
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
    logging: new LineLoggerProvider({ level: 'debug', format: 'console', clock: systemClock, write }),
    readConfiguration: () => Promise.resolve({ sources: [{ name: 'test.yaml', text: current }], directory: '.' }),
    compile: ({ sources }, view, options) => compileYaml(sources, view, options),
    nodeAttributes,
  })
  running.push(service)
  return { service, lines, change: (next) => void (current = next) }
}

const base = `
receivers: {in: {storage: auth}}
processors: {step: , changing: {count: 1}}
exporters: {out: }
connectors: {pass: }
extensions: {auth: , plain: }
service:
  extensions: [plain, auth]
  pipelines:
    traces: {receivers: [in], processors: [step, changing], exporters: [pass]}
    traces/2: {receivers: [pass], exporters: [out]}
`
const order = [
  'extension/plain',
  'extension/auth',
  'exporter/out',
  'connector/pass',
  'processor/changing@traces',
  'processor/step@traces',
  'receiver/in',
]

describe('A configuration in YAML', () => {
  test('starts extensions first, then from the exporters to the receivers, and stops the other way', async () => {
    const { service } = serviceOf(base)
    const result = await service.start()
    assert.deepEqual(result, { ...result, ok: true, diagnostics: [] })
    assert.deepEqual(
      journal.splice(0),
      order.map((id) => `start ${id}`),
    )
    await service.stop(1000)
    const stopped = journal.map((line) => line.replace('stop ', ''))
    assert.deepEqual(stopped.slice(0, 5), order.slice(2).toReversed())
    assert.deepEqual(stopped.slice(5).toSorted(), ['extension/auth', 'extension/plain'])
  })

  test('reloads what changed only, and makes anew what is connected otherwise', async () => {
    const { service, change } = serviceOf(base)
    await service.start()
    journal.splice(0)
    change(`# moved\n${base.replace('changing: {count: 1}', 'changing: {count: 2}')}`)
    assert.equal((await service.reload()).ok, true)
    assert.deepEqual(journal.splice(0), ['update processor/changing@traces'])

    change(base.replace('[step, changing]', '[changing]').replace('count: 1', 'count: 2'))
    assert.equal((await service.reload()).ok, true)
    // The receiver sends to another processor now; the processor that goes stops after the one that fed it.
    assert.deepEqual(journal.splice(0), ['stop receiver/in', 'start receiver/in', 'stop processor/step@traces'])

    for (const broken of [
      base.replace('exporters: [out]', 'exporters: [nobody]'),
      'receivers: [',
      base.replace('storage: auth', 'storage: plain'),
    ]) {
      change(broken)
      assert.equal((await service.reload()).ok, false)
      assert.deepEqual(journal, [])
    }
  })

  test('names components in log lines as upstream does', async () => {
    const { service, lines } = serviceOf(base)
    await service.start()
    service.graph.nodes.get('processor/step@traces')?.log.warn('Something happened', { n: 1 })
    assert.match(
      lines.at(-1) ?? '',
      /^\S+Z\twarn\tSomething happened\t\{"otelcol.component.id":"step","otelcol.component.kind":"processor","otelcol.pipeline.id":"traces","n":1\}\n$/,
    )
  })
})

async function telemetryOf(service: Service, telemetry: string): Promise<TelemetrySettings> {
  const text = `${base}  telemetry:\n${telemetry}`
  const view = {
    exports: () => undefined,
    receiver: (...args: Parameters<typeof service.graph.view.receiver>) => service.graph.view.receiver(...args),
  }
  const plan = await compileYaml([{ name: 'test.yaml', text }], view, {
    registry: probeRegistry,
    stability: 'experimental',
    environment: {},
    hostname: 'host',
    version: '1',
  })
  assert.deepEqual(plan.diagnostics, [])
  return plan.process.get('telemetry') as TelemetrySettings
}

describe('Own metrics', () => {
  const make = async () => {
    const { service, lines } = serviceOf(base)
    await service.start()
    const { telemetry, log } = service
    telemetry.instruments({ receiver: 'in' }).counter('otelcol_receiver_accepted_spans_total', 'Spans.').add(3)
    // A component that gives its name in another language's form.
    const { metrics } = nodeAttributes('exporter/out')
    telemetry
      .instruments(metrics)
      .counter('otelcol_exporter_sent_spans_total', 'Spans.', { exporter: 'out/exporter/out' })
    const own = new CollectorTelemetry({
      telemetry,
      clock: systemClock,
      log,
      version: '1',
      instanceId: 'i',
      userAgent: 'test',
    })
    return { service, own, lines }
  }
  const addressIn = (lines: readonly string[]): string => {
    const address = lines
      .map((line) => /Serving own metrics.*"address":"[^"]*:(\d+)"/.exec(line)?.[1])
      .findLast(Boolean)
    return `127.0.0.1:${address}`
  }

  test('are served for Prometheus under the names that the reader asks for', async () => {
    const { service, own, lines } = await make()
    const pull = (more: string) =>
      `    metrics: {readers: [{pull: {exporter: {prometheus: {port: 0${more}}}}}]}\n    resource: {service.name: me, service.instance.id: }\n`
    await own.apply(await telemetryOf(service, pull('')))
    const first = addressIn(lines)
    const text = await (await fetch(`http://${first}/metrics`)).text()
    assert.match(text, /^otelcol_receiver_accepted_spans\{receiver="in"\} 3$/m)
    assert.match(text, /^otelcol_process_uptime \d/m)
    assert.match(text, /^otelcol_exporter_sent_spans\{exporter="out"\} 0$/m)
    assert.match(text, /^target_info\{service_name="me",service_version="1"\} 1$/m)
    assert.doesNotMatch(text, /^alloy_/m)
    assert.equal((await fetch(`http://${first}/`)).status, 404)

    await own.apply(await telemetryOf(service, pull(', without_type_suffix: false, without_units: false')))
    const other = await (await fetch(`http://${addressIn(lines)}/metrics`)).text()
    assert.match(other, /^otelcol_receiver_accepted_spans_total\{receiver="in"\} 3$/m)
    assert.match(other, /^otelcol_process_uptime_seconds_total \d/m)

    const labels =
      ', without_scope_info: false, with_resource_constant_labels: {included: ["service.*"], excluded: ["*.version"]}'
    await own.apply(await telemetryOf(service, pull(labels)))
    const labelled = await (await fetch(`http://${addressIn(lines)}/metrics`)).text()
    assert.match(
      labelled,
      /^otelcol_receiver_accepted_spans\{(?=.*receiver="in")(?=.*service_name="me")(?=.*otel_scope_name="solder")(?!.*version)[^}]*\} 3$/m,
    )

    await own.apply(await telemetryOf(service, '    metrics: {level: none}\n'))
    await assert.rejects(fetch(`http://${addressIn(lines)}/metrics`))
    await own.stop()
  })

  test('are sent over OTLP at an interval and once more at the stop', async () => {
    const bodies: Buffer[] = []
    let headers: NodeJS.Dict<string | string[]> = {}
    let arrived: () => void = () => {}
    const first = new Promise<void>((resolve) => (arrived = resolve))
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        assert.equal(request.url, '/v1/metrics')
        headers = request.headers
        bodies.push(Buffer.concat(chunks))
        response.writeHead(200).end()
        arrived()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { service, own } = await make()
    try {
      const { port } = server.address() as AddressInfo
      const otlp = `{protocol: http/protobuf, endpoint: "http://127.0.0.1:${port}", headers: [{name: X-Key, value: k}]}`
      await own.apply(
        await telemetryOf(service, `    metrics: {readers: [{periodic: {interval: 20, exporter: {otlp: ${otlp}}}}]}\n`),
      )
      await first
      const before = bodies.length
      await own.stop()
      assert.ok(bodies.length > before)
      assert.equal(headers['x-key'], 'k')
      const { resourceMetrics } = metricsTree(readMetricsRequest(bodies.at(-1) as Buffer))
      const names = resourceMetrics[0]?.resource.attributes.map(({ key }) => key)
      assert.deepEqual(names, ['service.instance.id', 'service.name', 'service.version'])
      const metrics = resourceMetrics.flatMap((r) => r.scopeMetrics.flatMap((s) => s.metrics))
      const spans = metrics.find(({ name }) => name === 'otelcol_receiver_accepted_spans')
      assert.ok(spans?.data.kind === 'sum')
      assert.equal(spans.data.points[0]?.value, 3n)
    } finally {
      await new Promise((resolve) => server.close(resolve))
    }
  })

  test('are sent over gRPC and as JSON to a receiver of this build', async () => {
    const [grpcPort, httpPort] = [await freePort(), await freePort()]
    const receiver = serviceOf(
      `receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:${grpcPort}"}, http: {endpoint: "127.0.0.1:${httpPort}"}}}}
exporters: {nop: }
service: {pipelines: {metrics: {receivers: [otlp], exporters: [nop]}}}`,
      registry,
    )
    assert.deepEqual((await receiver.service.start()).diagnostics, [])
    const nop = receiver.service.graph.nodes.get('exporter/nop')
    const { service, own } = await make()
    let before = 0
    for (const otlp of [
      `{protocol: grpc, endpoint: "127.0.0.1:${grpcPort}", insecure: true, compression: gzip}`,
      `{protocol: http/json, endpoint: "127.0.0.1:${httpPort}", insecure: true, compression: gzip, headers_list: "a=b"}`,
    ]) {
      await own.apply(
        await telemetryOf(
          service,
          `    metrics: {readers: [{periodic: {interval: 60000, exporter: {otlp: ${otlp}}}}]}\n`,
        ),
      )
      await own.apply(await telemetryOf(service, '    metrics: {level: none}\n'))
      const items = nop?.counters.out ?? 0
      assert.ok(items > before, otlp)
      before = items
    }
    await own.stop()
  })
})
