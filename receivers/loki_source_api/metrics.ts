// The receiver's own metrics, under the names that Alloy's dashboards use.
import type { ServerResponse } from 'node:http'
import type { Count, Host } from '#component'

const durationBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100]
const byteBounds = [1, 2.5, 5, 10, 25, 50, 100, 250].map((mebibytes) => mebibytes * 1024 * 1024)

export class ApiMetrics {
  readonly written: Count
  readonly #host: Host
  readonly #inFlight = new Map<string, number>()

  constructor(host: Host, connections: () => number) {
    this.#host = host
    const { instruments } = host
    this.written = instruments.counter('loki_source_api_entries_written', 'Total number of entries written.')
    instruments.gauge('loki_source_api_tcp_connections', 'Current number of accepted TCP connections.', connections, {
      protocol: 'http',
    })
  }

  requestBytes(route: string, bytes: number): void {
    this.#host.instruments
      .histogram(
        'loki_source_api_request_message_bytes',
        'Size (in bytes) of messages received in the request.',
        byteBounds,
        { method: 'POST', route },
      )
      .observe(bytes)
  }

  /** A request begins; the function that is given back says that it has its answer. `method` and `route` are few. */
  begin(method: string, route: string, response: ServerResponse): () => void {
    const { instruments, clock } = this.#host
    const startMs = clock.monotonic()
    const where = { method, route }
    if (!this.#inFlight.has(route)) {
      instruments.gauge(
        'loki_source_api_inflight_requests',
        'Current number of inflight requests.',
        () => this.#inFlight.get(route),
        where,
      )
    }
    this.#inFlight.set(route, (this.#inFlight.get(route) ?? 0) + 1)
    return () => {
      this.#inFlight.set(route, (this.#inFlight.get(route) ?? 1) - 1)
      instruments
        .histogram(
          'loki_source_api_response_message_bytes',
          'Size (in bytes) of messages sent in response.',
          byteBounds,
          where,
        )
        .observe(Number(response.getHeader('content-length') ?? 0))
      instruments
        .histogram(
          'loki_source_api_request_duration_seconds',
          'Time (in seconds) spent serving HTTP requests.',
          durationBounds,
          { ...where, status_code: String(response.statusCode), ws: 'false' },
        )
        .observe((clock.monotonic() - startMs) / 1000)
    }
  }
}
