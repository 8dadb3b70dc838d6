// The receiver's own metrics, under the names that Alloy's dashboards use.
import type { ServerResponse } from 'node:http'
import type { Count, Distribution, Host } from '#component'

const durationBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100]
const latencyBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const byteBounds = [1, 2.5, 5, 10, 25, 50, 100, 250].map((mebibytes) => mebibytes * 1024 * 1024)
const where = { method: 'POST', route: 'api_v1_metrics_write' }

export class ReceiveMetrics {
  readonly invalid: Count
  readonly latency: Distribution
  readonly #host: Host
  readonly #requestBytes: Distribution
  readonly #responseBytes: Distribution
  #inFlight = 0

  constructor(host: Host, connections: () => number) {
    this.#host = host
    const { instruments, counters } = host
    this.invalid = instruments.counter(
      'prometheus_api_remote_write_invalid_labels_samples_total',
      'Samples and histograms of remote write requests that were left out because they are invalid.',
    )
    this.latency = instruments.histogram(
      'prometheus_fanout_latency',
      'Seconds that handing on to the next components took.',
      latencyBounds,
    )
    this.#requestBytes = instruments.histogram(
      'prometheus_receive_http_request_message_bytes',
      'Size (in bytes) of messages received in the request.',
      byteBounds,
      where,
    )
    this.#responseBytes = instruments.histogram(
      'prometheus_receive_http_response_message_bytes',
      'Size (in bytes) of messages sent in response.',
      byteBounds,
      where,
    )
    instruments.observedCounter(
      'prometheus_forwarded_samples_total',
      'Total number of samples sent to downstream components.',
      () => counters.out,
    )
    instruments.gauge(
      'prometheus_receive_http_tcp_connections',
      'Current number of accepted TCP connections.',
      connections,
      {
        protocol: 'http',
      },
    )
    instruments.gauge(
      'prometheus_receive_http_inflight_requests',
      'Current number of inflight requests.',
      () => this.#inFlight,
      where,
    )
  }

  messageBytes(bytes: number): void {
    this.#requestBytes.observe(bytes)
  }

  /** A request begins; the function that is given back says that it has its answer. */
  begin(response: ServerResponse): () => void {
    const startMs = this.#host.clock.monotonic()
    this.#inFlight++
    return () => {
      this.#inFlight--
      this.#responseBytes.observe(Number(response.getHeader('content-length') ?? 0))
      this.#host.instruments
        .histogram(
          'prometheus_receive_http_request_duration_seconds',
          'Time (in seconds) spent serving HTTP requests.',
          durationBounds,
          { ...where, status_code: String(response.statusCode), ws: 'false' },
        )
        .observe((this.#host.clock.monotonic() - startMs) / 1000)
    }
  }
}
