// prometheus.exporter.unix: the host's metrics as node_exporter gives them, for a scrape inside the process.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Stability, Target } from '#component'
import type { Component, ComponentDefinition, Host, MetricSink } from '#component'
import { Exporter } from './exporter.ts'
import { HostFiles } from './files.ts'
import { createCollectors, selectCollectors } from './registry.ts'
import { unixSettings } from './settings.ts'
import type { UnixSettings } from './settings.ts'

export const prometheusExporterUnix: ComponentDefinition<UnixSettings> = {
  name: 'prometheus.exporter.unix',
  stability: Stability['generally-available'],
  doc: "Exposes the host's CPU, memory, disk, network and other metrics, as node_exporter names them.",
  exports: { targets: { type: 'list(target)', doc: 'What to give to `prometheus.scrape` as its `targets`.' } },
  settings: unixSettings,
  async create(host, settings) {
    host.setExports({ targets: [exportedTarget(host)] })
    return new UnixComponent(host, await createExporter(host, settings))
  },
}

class UnixComponent implements Component<UnixSettings> {
  readonly #host: Host
  #exporter: Exporter
  readonly source: { collect(sink: MetricSink, signal: AbortSignal): Promise<void> }

  constructor(host: Host, exporter: Exporter) {
    this.#host = host
    this.#exporter = exporter
    this.source = { collect: (sink, signal) => this.#exporter.collect(sink, signal) }
  }

  async update(settings: UnixSettings): Promise<void> {
    this.#exporter = await createExporter(this.#host, settings)
  }

  stop(): void {}

  async http(_request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    if (path !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('404 page not found\n')
      return
    }
    const { TextSink, textContentType } = await import('#component/scrape')
    const sink = new TextSink()
    const aborted = new AbortController()
    response.once('close', () => aborted.abort())
    await this.#exporter.collect(sink, aborted.signal)
    response.writeHead(200, { 'content-type': textContentType }).end(sink.text())
  }
}

async function createExporter(host: Host, settings: UnixSettings): Promise<Exporter> {
  const { names, unavailable, unknown } = selectCollectors(settings)
  if (unavailable.length > 0) host.log.warn('There is no support for these collectors.', { collectors: unavailable })
  if (unknown.length > 0) host.log.warn('There are no such collectors, so they are ignored.', { collectors: unknown })
  const { log, clock } = host
  return new Exporter({
    collectors: await createCollectors(names, settings, { log, clock, enabled: new Set(names) }),
    files: new HostFiles(settings),
    log,
    clock,
    version: host.globals.version,
    includeExporterMetrics: settings.include_exporter_metrics,
  })
}

/** The one target: where `prometheus.scrape` finds this node without a socket. */
function exportedTarget(host: Host): Target {
  const name = 'prometheus.exporter.unix'
  const componentName = host.id === name ? name : host.id.slice(0, host.id.lastIndexOf('.'))
  return new Target(
    new Map([
      ['__address__', host.globals.memoryAddress],
      ['__meta_component_id', host.id],
      ['__meta_component_name', componentName],
      ['__metrics_path__', `/api/v0/component/${host.id}/metrics`],
      ['__scheme__', 'http'],
      ['instance', host.globals.hostname],
      ['job', 'integrations/unix'],
    ]),
  )
}
