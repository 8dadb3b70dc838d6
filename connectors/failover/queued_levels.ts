// The sending queue in front of the levels: batches that wait are not stuck in the queue of a backend that is away.
import { type Component, ConsumeError, HealthState, type Host } from '#component'
import {
  type ExportOutcome,
  OtelExporter,
  type OtelExporterSettings,
  type OtelTransport,
  type Payload,
} from '#component/otel_exporter'
import { Logs, Metrics, Traces } from '#pdata'
import type { Levels } from './levels.ts'

export interface AllLevels {
  readonly traces: Levels<Traces>
  readonly metrics: Levels<Metrics>
  readonly logs: Levels<Logs>
}

/** What no level takes is dropped (`send failed`) unless the process stops: then it stays in the queue. */
export class QueuedLevels implements Component, OtelTransport {
  readonly #host: Host
  readonly #levels: AllLevels
  readonly #exporter: OtelExporter
  /** Items on their way to a level: the outlets have them waiting, and the queue has too. */
  #underWay = 0
  readonly traces: OtelExporter['traces']
  readonly metrics: OtelExporter['metrics']
  readonly logs: OtelExporter['logs']

  constructor(host: Host, levels: AllLevels, settings: OtelExporterSettings) {
    this.#host = host
    this.#levels = levels
    const onHealth = (problem: string | undefined): void =>
      host.setHealth(
        problem === undefined ? HealthState.healthy : HealthState.unhealthy,
        problem ?? 'started component',
      )
    const part = { name: 'queue', onHealth }
    this.#exporter = new OtelExporter({ host, settings, transport: this, type: 'failover', where: 'all levels', part })
    const { traces, metrics, logs } = this.#exporter
    this.traces = traces
    this.metrics = metrics
    this.logs = logs
  }

  start(): Promise<void> {
    this.#host.counters.observeWaiting(() => this.#exporter.waitingItems - this.#underWay)
    return this.#exporter.start()
  }

  stop(deadlineMs: number): Promise<void> {
    return this.#exporter.stop(deadlineMs)
  }

  async export(payload: Payload): Promise<ExportOutcome> {
    const { items } = payload
    this.#underWay += items
    try {
      await this.#offer(payload)
      // The outlet counted what it handed on, the queue will too.
      this.#host.counters.out -= items
      return { kind: 'sent', rejected: 0, message: '' }
    } catch (error) {
      if (!(error instanceof ConsumeError)) throw error
      const { message, retryable, retryAfterMs } = error
      if (!retryable) return { kind: 'rejected', reason: 'send failed', message }
      return { kind: 'retry', message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
    } finally {
      this.#underWay -= items
    }
  }

  #offer({ signal, chunks, items, context }: Payload): void | Promise<void> {
    switch (signal) {
      case 'traces':
        return this.#levels.traces.consume(Traces.fromWire(chunks, items, context))
      case 'metrics':
        return this.#levels.metrics.consume(Metrics.fromWire(chunks, items, context))
      case 'logs':
        return this.#levels.logs.consume(Logs.fromWire(chunks, items, context))
    }
  }

  close(): void {}

  debug(): unknown {
    const { traces, metrics, logs } = this.#levels
    return { traces: traces.level, metrics: metrics.level, logs: logs.level, queue: this.#exporter.debug() }
  }
}
