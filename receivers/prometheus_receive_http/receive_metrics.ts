// The receiver's own metrics, under the names that Alloy's dashboards use.
import type { ServerResponse } from 'node:http'
import type { Count, Distribution, Host } from '#component'
import { RequestMetrics } from '#component/http_requests'

const latencyBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const route = 'api_v1_metrics_write'

export class ReceiveMetrics {
  readonly invalid: Count
  readonly latency: Distribution
  readonly #requests: RequestMetrics

  constructor(host: Host, connections: () => number) {
    const { instruments, counters } = host
    this.#requests = new RequestMetrics(host, 'prometheus_receive_http', connections)
    this.invalid = instruments.counter(
      'prometheus_api_remote_write_invalid_labels_samples_total',
      'Samples and histograms of remote write requests that were left out because they are invalid.',
    )
    this.latency = instruments.histogram(
      'prometheus_fanout_latency',
      'Seconds that handing on to the next components took.',
      latencyBounds,
    )
    instruments.observedCounter(
      'prometheus_forwarded_samples_total',
      'Total number of samples sent to downstream components.',
      () => counters.out,
    )
  }

  messageBytes(bytes: number): void {
    this.#requests.requestBytes('POST', route, bytes)
  }

  /** A request begins; the function that is given back says that it has its answer. */
  begin(response: ServerResponse): () => void {
    return this.#requests.begin('POST', route, response)
  }
}
