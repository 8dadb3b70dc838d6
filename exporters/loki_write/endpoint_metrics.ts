// An endpoint's own metrics, under the names of Alloy's `loki.write`.
import type { Count, Distribution, Instruments } from '#component'

/** The reasons under which lines are dropped, as Alloy's dashboards know them. */
export const DropReason = {
  ingesterError: 'ingester_error',
  rateLimited: 'rate_limited',
  streamLimited: 'stream_limited',
  lineTooLong: 'line_too_long',
  queueIsFull: 'queue_is_full',
} as const
export type DropReason = (typeof DropReason)[keyof typeof DropReason]

const KiB = 1024
const MiB = 1024 * KiB
/** Bounds of Alloy's histograms: seconds of a request, seconds of a line's way, bytes of a request. */
const durationBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const latencyBounds = [0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600]
const sizeBounds = [KiB, 4 * KiB, 16 * KiB, 64 * KiB, 256 * KiB, 512 * KiB, MiB, 2 * MiB, 4 * MiB, 8 * MiB, 16 * MiB]

export interface TenantMetrics {
  readonly sentBytes: Count
  readonly sentEntries: Count
  readonly retries: Count
  readonly requestSize: Distribution
  readonly latency: Distribution
}

export class EndpointMetrics {
  readonly #instruments: Instruments
  readonly #host: string
  readonly #tenants = new Map<string, TenantMetrics>()

  constructor(instruments: Instruments, host: string) {
    this.#instruments = instruments
    this.#host = host
  }

  of(tenant: string): TenantMetrics {
    let found = this.#tenants.get(tenant)
    if (found === undefined) this.#tenants.set(tenant, (found = this.#make(tenant)))
    return found
  }

  #make(tenant: string): TenantMetrics {
    const instruments = this.#instruments
    const attributes = { host: this.#host, tenant }
    for (const reason of Object.values(DropReason)) this.dropped(tenant, reason, 0, 0)
    return {
      sentBytes: instruments.counter('loki_write_sent_bytes_total', 'Compressed bytes sent.', attributes),
      sentEntries: instruments.counter('loki_write_sent_entries_total', 'Lines sent.', attributes),
      retries: instruments.counter('loki_write_batch_retries_total', 'Requests that were tried again.', attributes),
      requestSize: instruments.histogram(
        'loki_write_request_size_bytes',
        'Compressed size of requests.',
        sizeBounds,
        attributes,
      ),
      latency: instruments.histogram(
        'loki_write_entry_propagation_latency_seconds',
        'From when the first line of a request came in until the backend took it.',
        latencyBounds,
        attributes,
      ),
    }
  }

  dropped(tenant: string, reason: DropReason, entries: number, bytes: number): void {
    const attributes = { host: this.#host, tenant, reason }
    const help = 'dropped: the backend refused them for good, or they could not be kept.'
    this.#instruments.counter('loki_write_dropped_entries_total', `Lines ${help}`, attributes).add(entries)
    this.#instruments.counter('loki_write_dropped_bytes_total', `Bytes ${help}`, attributes).add(bytes)
  }

  /** By the backend's own reason: of what `dropped` counts as refused by it. */
  refused(tenant: string, reason: string, entries: number): void {
    const attributes = { host: this.#host, tenant, reason }
    const help = 'Lines that the backend refused, by the reason that it gave.'
    this.#instruments.counter('solder_loki_write_refused_entries_total', help, attributes).add(entries)
  }

  requestDuration(status: number, tenant: string): Distribution {
    const attributes = { status_code: String(status), host: this.#host, tenant }
    return this.#instruments.histogram(
      'loki_write_request_duration_seconds',
      'Duration of requests.',
      durationBounds,
      attributes,
    )
  }
}
