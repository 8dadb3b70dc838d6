// prometheus.remote_write: sends samples to Prometheus-compatible stores.
import { createHash } from 'node:crypto'
import { type Component, type ComponentDefinition, ConsumeError, type Count, HealthState, type Host } from '#component'
import { Endpoint, type EndpointSettings } from '#component/remote_write'
import type { Metrics } from '#pdata'
import { type RemoteWriteSettings, remoteWriteSettings } from './settings.ts'

export const prometheusRemoteWrite: ComponentDefinition<RemoteWriteSettings> = {
  name: 'prometheus.remote_write',
  stability: 'generally-available',
  doc: 'Sends metrics to Prometheus-compatible stores with the remote write protocol, versions 1.0 and 2.0.',
  consumes: ['metrics'],
  settings: remoteWriteSettings,
  create: (host, settings) => new RemoteWrite(host, settings),
}

/**
 * Every endpoint gets everything, each from a queue of its own, so that none holds up another. Items are counted once for
 * each endpoint: `in = out + dropped + refused + waiting` holds over all of them.
 */
class RemoteWrite implements Component<RemoteWriteSettings> {
  readonly #host: Host
  readonly #samplesAppended: Count
  #settings: RemoteWriteSettings
  #endpoints = new Map<string, Endpoint>()
  readonly #problems = new Map<string, string>()

  readonly metrics = { consume: (batch: Metrics) => this.#consume(batch) }

  constructor(host: Host, settings: RemoteWriteSettings) {
    this.#host = host
    this.#settings = settings
    this.#samplesAppended = host.instruments.counter(
      'prometheus_remote_write_wal_samples_appended_total',
      'Samples taken for the endpoints.',
    )
  }

  async start(): Promise<void> {
    this.#host.counters.observeWaiting(() => {
      let items = 0
      for (const endpoint of this.#endpoints.values()) items += endpoint.waitingItems
      return items
    })
    this.#host.instruments.gauge(
      'prometheus_remote_storage_highest_timestamp_in_seconds',
      'The newest timestamp that came in, for any endpoint.',
      () => Math.max(0, ...[...this.#endpoints.values()].map((endpoint) => endpoint.highestTimestampMs)) / 1000,
    )
    await this.update(this.#settings)
  }

  async update(settings: RemoteWriteSettings): Promise<void> {
    const wanted = new Map(settings.endpoint.map((endpoint) => [identityOf(endpoint, settings.endpoint), endpoint]))
    const removed = [...this.#endpoints].filter(([identity]) => !wanted.has(identity))
    const next = new Map<string, Endpoint>()
    for (const [identity, endpointSettings] of wanted) {
      const running = this.#endpoints.get(identity)
      if (running) running.update(endpointSettings, settings.external_labels)
      else next.set(identity, await this.#startEndpoint(identity, endpointSettings, settings))
      if (running) next.set(identity, running)
    }
    this.#settings = settings
    this.#endpoints = next
    for (const [identity, endpoint] of removed) {
      await endpoint.stop(removedDeadlineMs)
      this.#problems.delete(identity)
    }
    this.#tellHealth()
  }

  async #startEndpoint(identity: string, endpoint: EndpointSettings, all: RemoteWriteSettings): Promise<Endpoint> {
    // As Alloy, no metadata in version 1.
    const started = new Endpoint(this.#host, identity, endpoint, all.external_labels, undefined, (problem) => {
      if (problem === undefined) this.#problems.delete(identity)
      else this.#problems.set(identity, problem)
      this.#tellHealth()
    })
    await started.start()
    return started
  }

  #tellHealth(): void {
    const problems = [...this.#problems.values()]
    if (problems.length === 0) this.#host.setHealth(HealthState.healthy, 'started component')
    else this.#host.setHealth(HealthState.unhealthy, problems.join('; '))
  }

  #consume(batch: Metrics): void | Promise<void> {
    const series = batch.series()
    const { counters } = this.#host
    if (this.#endpoints.size === 0) {
      counters.drop('no endpoint', series.count)
      return undefined
    }
    this.#samplesAppended.add(series.count)
    // The service counted the batch once: for the first endpoint.
    counters.in += series.count * (this.#endpoints.size - 1)
    let waiting: Promise<void>[] | undefined
    for (const endpoint of this.#endpoints.values()) {
      const taken = endpoint.put(series)
      if (taken) (waiting ??= []).push(taken)
    }
    return waiting ? this.#wait(waiting, series.count) : undefined
  }

  async #wait(waiting: readonly Promise<void>[], items: number): Promise<void> {
    const results = await Promise.allSettled(waiting)
    const rejected = results.filter((result) => result.status === 'rejected')
    if (rejected.length === 0) return
    // The service counts one refusal: for the first endpoint that refused.
    this.#host.counters.refused += items * (rejected.length - 1)
    const cause: unknown = rejected[0]?.reason
    throw new ConsumeError(`Cannot take metrics: ${(cause as Error).message}`, { retryable: true, cause })
  }

  async stop(deadlineMs: number): Promise<void> {
    await Promise.all([...this.#endpoints.values()].map((endpoint) => endpoint.stop(deadlineMs)))
  }

  debug(): unknown {
    return [...this.#endpoints.values()].map((endpoint) => endpoint.debug())
  }
}

/** An endpoint that a reload took away has this long to send what it holds; the rest stays on disk. */
const removedDeadlineMs = 5000

/**
 * The name, or a hash of the URL: what the queue's directory is called, so that a restart finds it again and a changed
 * password does not make it another endpoint.
 */
function identityOf(endpoint: EndpointSettings, all: readonly EndpointSettings[]): string {
  if (endpoint.name !== '') return endpoint.name.replace(/[^\w.-]/g, '_')
  const same = all.filter((other) => other.name === '' && other.url.href === endpoint.url.href)
  const hash = createHash('sha256').update(endpoint.url.href).digest('hex').slice(0, 6)
  const index = same.indexOf(endpoint)
  return index === 0 ? hash : `${hash}-${index}`
}
