// What a receiver's HTTP server did, under the names that Alloy's dashboards use.
import type { ServerResponse } from 'node:http'
import type { Host } from '#component'

const durationBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100]
const byteBounds = [1, 2.5, 5, 10, 25, 50, 100, 250].map((mebibytes) => mebibytes * 1024 * 1024)

export class RequestMetrics {
  readonly #host: Host
  readonly #prefix: string
  readonly #inFlight = new Map<string, number>()

  /** `prefix`: what the names begin with, `loki_source_api`. */
  constructor(host: Host, prefix: string, connections: () => number) {
    this.#host = host
    this.#prefix = prefix
    const help = 'Current number of accepted TCP connections.'
    host.instruments.gauge(`${prefix}_tcp_connections`, help, connections, { protocol: 'http' })
  }

  requestBytes(method: string, route: string, bytes: number): void {
    const help = 'Size (in bytes) of messages received in the request.'
    const { instruments } = this.#host
    instruments.histogram(`${this.#prefix}_request_message_bytes`, help, byteBounds, { method, route }).observe(bytes)
  }

  /** A request begins; the function that is given back says that it has its answer. `method` and `route` are few. */
  begin(method: string, route: string, response: ServerResponse): () => void {
    const { clock } = this.#host
    const startMs = clock.monotonic()
    this.#count(method, route, 1)
    return () => {
      this.#count(method, route, -1)
      this.#answered(method, route, response, (clock.monotonic() - startMs) / 1000)
    }
  }

  #count(method: string, route: string, change: number): void {
    const key = `${method} ${route}`
    if (!this.#inFlight.has(key)) {
      const help = 'Current number of inflight requests.'
      const read = (): number | undefined => this.#inFlight.get(key)
      this.#host.instruments.gauge(`${this.#prefix}_inflight_requests`, help, read, { method, route })
    }
    this.#inFlight.set(key, (this.#inFlight.get(key) ?? 0) + change)
  }

  #answered(method: string, route: string, response: ServerResponse, seconds: number): void {
    const { instruments } = this.#host
    const bytes = Number(response.getHeader('content-length') ?? 0)
    const bytesHelp = 'Size (in bytes) of messages sent in response.'
    const name = `${this.#prefix}_response_message_bytes`
    instruments.histogram(name, bytesHelp, byteBounds, { method, route }).observe(bytes)
    const help = 'Time (in seconds) spent serving HTTP requests.'
    const where = { method, route, status_code: String(response.statusCode), ws: 'false' }
    instruments.histogram(`${this.#prefix}_request_duration_seconds`, help, durationBounds, where).observe(seconds)
  }
}
