// Sends what belongs together to the same of several OTLP backends.
import { randomBytes } from 'node:crypto'
import { type Batch, type Component, ConsumeError, HealthState, type Host, type Signal, type Timer } from '#component'
import type { OtelGrpcClientSettings } from '#component/otel_client'
import { GrpcTransport, OtelExporter, type OtelExporterSettings } from '#component/otel_exporter'
import type { Logs, Metrics, Traces } from '#pdata'
import type { Resolver } from './resolvers.ts'
import { Ring } from './ring.ts'
import { type Pieces, type Routing, splitLogsBy, splitMetricsBy, splitTracesBy } from './split.ts'

export interface LoadBalancerSettings {
  readonly routing: Routing
  /** For each endpoint, which takes the place of the one in here. */
  readonly client: OtelGrpcClientSettings
  readonly timeoutMs: number
  readonly exporter: OtelExporterSettings
}

const defaultPort = '4317'
/** While nothing is found at the start, it is looked for this often at least. */
const firstRetryMs = 1000
const traceIdBytes = 16

export class LoadBalancer implements Component {
  readonly #host: Host
  /** For each backend the same. */
  readonly settings: LoadBalancerSettings
  readonly #resolver: Resolver
  #ring = new Ring([])
  /** Those on the ring, and those that have gone from it but still hold something. */
  readonly #exporters = new Map<string, OtelExporter>()
  readonly #problems = new Map<string, string>()
  #timer: Timer | undefined
  #stopped = false

  readonly traces = { consume: (batch: Batch) => this.#consume('traces', batch) }
  readonly metrics = { consume: (batch: Batch) => this.#consume('metrics', batch) }
  readonly logs = { consume: (batch: Batch) => this.#consume('logs', batch) }

  constructor(host: Host, settings: LoadBalancerSettings, resolver: Resolver) {
    this.#host = host
    this.settings = settings
    this.#resolver = resolver
  }

  async start(): Promise<void> {
    this.#host.counters.observeWaiting(() => {
      let items = 0
      for (const exporter of this.#exporters.values()) items += exporter.waitingItems
      return items
    })
    const { instruments } = this.#host
    instruments.gauge(
      'otelcol_loadbalancer_num_backends',
      'Current number of backends in use.',
      () => this.#ring.endpoints.length,
    )
    await this.#resolve()
  }

  async #resolve(): Promise<void> {
    try {
      const found = await this.#resolver.resolve()
      if (this.#stopped) return
      await this.#use(found)
      this.#problem('', found.length === 0 ? 'no backend was found' : undefined)
    } catch (error) {
      this.#problem('', `Cannot find the backends: ${(error as Error).message}`)
    }
    if (this.#stopped || this.#resolver.everyMs === 0) return
    const empty = this.#ring.endpoints.length === 0
    const ms = empty ? Math.min(firstRetryMs, this.#resolver.everyMs) : this.#resolver.everyMs
    this.#timer = this.#host.clock.setTimeout(() => void this.#resolve(), ms)
  }

  /** New endpoints get exporters; the exporters of those that are gone end once they have nothing left to send. */
  async #use(found: readonly string[]): Promise<void> {
    const ring = new Ring(found)
    for (const endpoint of ring.endpoints) {
      if (this.#exporters.has(endpoint)) continue
      const exporter = this.#newExporter(endpoint)
      await exporter.start()
      this.#exporters.set(endpoint, exporter)
    }
    if (ring.endpoints.join() !== this.#ring.endpoints.join()) this.#ring = ring
    for (const [endpoint, exporter] of this.#exporters) {
      if (ring.endpoints.includes(endpoint) || exporter.waitingItems > 0) continue
      this.#exporters.delete(endpoint)
      this.#problem(endpoint, undefined)
      await exporter.stop(0)
    }
  }

  #newExporter(endpoint: string): OtelExporter {
    const { client, timeoutMs, exporter } = this.settings
    const where = /(:\d+|^unix:.*)$/.test(endpoint.replace(/^\[.*\]/, '')) ? endpoint : `${endpoint}:${defaultPort}`
    return new OtelExporter({
      host: this.#host,
      settings: exporter,
      transport: new GrpcTransport({ ...client, endpoint: where }, timeoutMs, this.#host),
      type: 'load_balancing',
      where,
      part: { name: where.replace(/[^\w.-]/g, '_'), onHealth: (problem) => this.#problem(endpoint, problem) },
    })
  }

  #problem(endpoint: string, problem: string | undefined): void {
    if (problem === undefined) this.#problems.delete(endpoint)
    else this.#problems.set(endpoint, problem)
    const [first] = this.#problems.values()
    if (first === undefined) this.#host.setHealth(HealthState.healthy, 'started component')
    else this.#host.setHealth(HealthState.unhealthy, [...this.#problems.values()].join('; '))
  }

  #consume(signal: Signal, batch: Batch): void | Promise<void> {
    if (batch.count === 0) return undefined
    const { endpoints } = this.#ring
    if (endpoints.length === 0) throw new ConsumeError('Cannot send: no backend is known', { retryable: true })
    const { byEndpoint, unroutable } = this.#split(signal, batch)
    this.#host.counters.drop('nothing to route by', unroutable)
    // A batch that lost some already cannot be refused whole.
    const refusable = unroutable === 0
    const results = [...byEndpoint].map(([endpoint, piece]) => this.#send(signal, endpoint, piece))
    const pending = results.filter((result) => result !== undefined)
    return pending.length === 0 ? undefined : this.#settle(pending, refusable && pending.length === results.length)
  }

  /** Undefined: taken. What one backend's queue refuses must not make the others' come again: see `#settle`. */
  #send(signal: Signal, endpoint: string, piece: Batch): Promise<Refusal | undefined> | undefined {
    const exporter = this.#exporters.get(endpoint)
    if (!exporter) return Promise.resolve({ items: piece.count, error: new Error(`no exporter for ${endpoint}`) })
    const refused = (error: unknown): Refusal => ({ items: piece.count, error: error as Error })
    try {
      const taken = exporter[signal].consume(piece)
      return taken ? taken.then(() => undefined, refused) : undefined
    } catch (error) {
      return Promise.resolve(refused(error))
    }
  }

  /** The sender is told only where nothing was taken; else what was refused is dropped. */
  async #settle(pending: readonly Promise<Refusal | undefined>[], refusable: boolean): Promise<void> {
    const refusals = (await Promise.all(pending)).filter((result) => result !== undefined)
    const [first] = refusals
    if (!first) return
    if (refusable && refusals.length === pending.length) throw first.error
    for (const { items, error } of refusals) {
      this.#host.counters.drop('refused by the queue of a backend', items)
      this.#host.log.error('Telemetry was dropped', {
        reason: 'refused by the queue of a backend',
        count: items,
        err: error.message,
      })
    }
  }

  #split(signal: Signal, batch: Batch): Pieces<Batch> {
    const { routing } = this.settings
    const route = (key: Uint8Array | string): string | undefined => this.#ring.endpointOf(key)
    switch (signal) {
      case 'traces':
        return splitTracesBy(batch as Traces, routing, route)
      case 'metrics':
        return splitMetricsBy(batch as Metrics, routing.key, route)
      case 'logs':
        return splitLogsBy(batch as Logs, () => randomBytes(traceIdBytes), route)
    }
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    this.#resolver.close()
    await Promise.all([...this.#exporters.values()].map((exporter) => exporter.stop(deadlineMs)))
  }

  debug(): unknown {
    return {
      backends: this.#ring.endpoints,
      exporters: Object.fromEntries([...this.#exporters].map(([endpoint, exporter]) => [endpoint, exporter.debug()])),
    }
  }
}

interface Refusal {
  readonly items: number
  readonly error: Error
}
