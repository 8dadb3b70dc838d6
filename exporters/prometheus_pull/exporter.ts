// A page that scrapers read: the latest sample of every series, under `/metrics`.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Component, Host, Timer } from '#component'
import { seriesOptions } from '#component/bridge'
import { OtelHttpServer, otelHttpSettings } from '#component/otel_server'
import { zlibAsync } from '#lib/zlib_async'
import type { Metrics } from '#pdata'
import { TextFormat, textContentTypes } from '#pdata/exposition'
import { metricsTree } from '#pdata/otlp'
import { OtlpToSeries } from '#pdata/prometheus_otlp'
import type { PrometheusExporterSettings } from './component.ts'
import { exposition } from './exposition.ts'
import { LatestSamples } from './store.ts'

/** Shorter pages are sent as they are. */
const gzipBytesMin = 1024

export class PullExporter implements Component<PrometheusExporterSettings> {
  readonly #host: Host
  readonly #settings: PrometheusExporterSettings
  readonly #converter: OtlpToSeries
  readonly #samples: LatestSamples
  readonly #server: OtelHttpServer
  #timer: Timer | undefined
  #stopped = false

  readonly metrics = { consume: (batch: Metrics) => this.#consume(batch) }

  constructor(host: Host, settings: PrometheusExporterSettings) {
    this.#host = host
    this.#settings = settings
    this.#samples = new LatestSamples(settings.const_labels)
    this.#converter = new OtlpToSeries({
      ...seriesOptions(settings),
      scopeLabels: settings.without_scope_info ? 'none' : 'all',
    })
    this.#server = new OtelHttpServer(otelHttpSettings(settings), {
      log: host.log,
      clock: host.clock,
      handle: (request, response) => this.#answer(request, response),
      refuse: (_request, response, status, message) => void response.writeHead(status).end(message),
    })
  }

  async start(): Promise<void> {
    await this.#server.start()
    this.#schedule()
  }

  #schedule(): void {
    const { clock } = this.#host
    // Often enough that what expired does not take much memory; a page leaves it out at once.
    this.#timer = clock.setTimeout(
      () => {
        this.#expire()
        this.#schedule()
      },
      Math.max(1000, this.#settings.metric_expiration),
    )
  }

  #expire(): void {
    const beforeMs = this.#host.clock.now() - this.#settings.metric_expiration
    this.#samples.expire(beforeMs)
    this.#converter.collect(beforeMs)
  }

  /** What is on the page counts as delivered. */
  #consume(batch: Metrics): void {
    const { counters, clock } = this.#host
    const nowMs = Math.trunc(clock.now())
    const { batch: series, dropped } = this.#converter.convert(metricsTree(batch), nowMs, true)
    this.#samples.take(series, nowMs)
    let out = batch.count
    for (const [reason, items] of dropped) {
      counters.drop(reason, items)
      out -= items
    }
    counters.out += out
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').replace(/[?#].*/, '')
    if (path !== '/metrics') {
      response.writeHead(404).end('404 page not found\n')
      return
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end()
      return
    }
    this.#expire()
    const open =
      this.#settings.enable_open_metrics && /application\/openmetrics-text/.test(request.headers.accept ?? '')
    const format = open ? TextFormat.openmetrics : TextFormat.text
    const text = Buffer.from(exposition(this.#samples.entries(), format, this.#settings.send_timestamps))
    response.setHeader('content-type', textContentTypes[format])
    if (text.length >= gzipBytesMin && /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))) {
      response.setHeader('content-encoding', 'gzip')
      response.end(await zlibAsync.gzip(text))
    } else response.end(text)
  }

  /** Where it listens, for tests that take any free port. */
  get port(): number {
    return this.#server.port
  }

  async stop(deadlineMs: number): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.#timer?.cancel()
    await this.#server.stop(deadlineMs)
  }

  debug(): unknown {
    return { address: this.#server.address, series: this.#samples.size }
  }
}
