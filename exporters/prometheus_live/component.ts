// prometheus.live: the current value of every series, kept in memory and shown on a page.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Component, ComponentDefinition, Host, MetricsConsumer, SettingsOf } from '#component'
import { attr, defineSettings, duration, uint } from '#component'
import type { Metrics } from '#pdata'
import { exposition } from './exposition.ts'
import { SeriesStore } from './store.ts'

const settings = defineSettings(
  {
    max_series: attr(uint, 'Series kept at most; samples of further ones are dropped and counted.', {
      default: 100_000,
    }),
    stale_after: attr(duration, 'A series without a sample for this long is forgotten.', { default: '5m' }),
  },
  {
    check({ max_series: seriesMax, stale_after: staleAfterMs }, report) {
      if (seriesMax === 0) report('max_series must be greater than 0', ['max_series'])
      if (staleAfterMs <= 0) report('stale_after must be greater than 0', ['stale_after'])
    },
  },
)
export type PrometheusLiveSettings = SettingsOf<typeof settings>

export const prometheusLive: ComponentDefinition<PrometheusLiveSettings> = {
  name: 'prometheus.live',
  stability: 'generally-available',
  doc: 'Keeps the current value of every series in memory and shows them at /live/metrics.',
  consumes: ['metrics'],
  settings,
  create: (host, given) => new PrometheusLive(host, given),
}

const page = '/live/metrics'
const contentType = 'text/plain; version=0.0.4; charset=utf-8'

class PrometheusLive implements Component<PrometheusLiveSettings>, MetricsConsumer {
  readonly metrics: MetricsConsumer
  readonly pages: ReadonlyMap<string, (request: IncomingMessage, response: ServerResponse) => Promise<void>>
  readonly #host: Host
  readonly #store: SeriesStore

  constructor(host: Host, given: PrometheusLiveSettings) {
    this.metrics = this
    this.pages = new Map([[page, (request, response) => this.#show(request, response)]])
    this.#host = host
    this.#store = new SeriesStore({ seriesMax: given.max_series, staleAfterMs: given.stale_after })
    host.instruments.gauge('prometheus_live_series', 'Series kept in memory.', () => this.#store.size)
  }

  update(given: PrometheusLiveSettings): void {
    this.#store.bound({ seriesMax: given.max_series, staleAfterMs: given.stale_after })
  }

  consume(batch: Metrics): void {
    const refused = this.#store.take(batch.series(), this.#host.clock.monotonic())
    this.#host.counters.drop('too many series', refused)
    this.#host.counters.out += batch.count - refused
  }

  async #show(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { Allow: 'GET, HEAD', 'Content-Type': 'text/plain; charset=utf-8' })
      response.end('Only GET and HEAD are served here.\n')
      return
    }
    this.#store.sweep(this.#host.clock.monotonic())
    response.writeHead(200, { 'Content-Type': contentType, 'Cache-Control': 'no-store' })
    if (request.method === 'GET') {
      for (const chunk of exposition(this.#store)) {
        if (response.destroyed) return
        if (response.write(chunk)) await new Promise((resolve) => setImmediate(resolve)) // others get their turn
        else if (!(await drained(response))) return
      }
    }
    response.end()
  }

  /** Nothing waits inside; what is kept goes with the instance. */
  stop(): void {
    this.#store.clear()
  }

  debug(): unknown {
    return { series: this.#store.size, max_series: this.#store.seriesMax }
  }
}

/** True once more can be written, false when the client is gone. */
function drained(response: ServerResponse): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done).off('close', done)
      resolve(!response.destroyed)
    }
    response.on('drain', done).on('close', done)
  })
}
