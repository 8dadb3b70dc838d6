// The receiver's own metrics of calls and requests, under the names of the collector's instrumentation.
import type { Distribution, Host } from '#component'

const bounds = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000]

interface CallDistributions {
  readonly duration: Distribution
  readonly requestBytes: Distribution
  readonly responseBytes: Distribution
  readonly requests: Distribution
  readonly responses: Distribution
}

export class CallMetrics {
  readonly #host: Host
  /** By method, then by status code. */
  readonly #calls = new Map<string, CallDistributions[]>()
  /** By status. */
  readonly #requests: Distribution[] = []

  constructor(host: Host) {
    this.#host = host
  }

  /** One gRPC call. */
  call(path: string, code: number, ms: number, requestBytes: number, responseBytes: number): void {
    let byCode = this.#calls.get(path)
    if (!byCode) this.#calls.set(path, (byCode = []))
    const found = (byCode[code] ??= this.#distributions(path, code))
    found.duration.observe(ms)
    found.requestBytes.observe(requestBytes)
    found.responseBytes.observe(responseBytes)
    found.requests.observe(1)
    found.responses.observe(code === 0 ? 1 : 0)
  }

  #distributions(path: string, code: number): CallDistributions {
    const [, service = '', method = ''] = path.split('/')
    const attributes = {
      rpc_grpc_status_code: String(code),
      rpc_method: method,
      rpc_service: service,
      rpc_system: 'grpc',
    }
    const of = (name: string, help: string): Distribution => {
      return this.#host.instruments.histogram(`rpc_server_${name}`, help, bounds, attributes)
    }
    return {
      duration: of('duration_milliseconds', 'Measures the duration of inbound RPC.'),
      requestBytes: of('request_size_bytes', 'Measures size of RPC request messages (uncompressed).'),
      responseBytes: of('response_size_bytes', 'Measures size of RPC response messages (uncompressed).'),
      requests: of('requests_per_rpc', 'Measures the number of messages received per RPC.'),
      responses: of('responses_per_rpc', 'Measures the number of messages sent per RPC.'),
    }
  }

  /** One HTTP request to a path that is served. */
  request(status: number, ms: number): void {
    const found = (this.#requests[status] ??= this.#host.instruments.histogram(
      'http_server_duration_milliseconds',
      'Measures the duration of inbound HTTP requests.',
      bounds,
      { http_method: 'POST', http_status_code: String(status) },
    ))
    found.observe(ms)
  }
}
