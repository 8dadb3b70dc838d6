// Answers remote write requests: reads, decodes, hands on, and says what was taken.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Component, ConsumeError, HealthState, type Host, type MetricsConsumer, type Timer } from '#component'
import { BodyReader, HttpServer, RequestRefused, serverSettings } from '#component/http_server'
import { Backoff } from '#lib/backoff'
import { SnappyError, snappyLength } from '#lib/snappy'
import { Metrics } from '#pdata'
import {
  DecodeError,
  type DecodedRequest,
  decodeLimitsDefault,
  decodeWriteRequest,
  type RemoteWriteProtocol,
  SeriesInterner,
} from '#pdata/remote_write'
import type { ReceiveHttpSettings } from './component.ts'
import { ReceiveMetrics } from './receive_metrics.ts'
import { TypeAndUnitLabels } from './type_and_unit.ts'

/** The messages of the two versions, as `Content-Type` names them. */
export const messages = { v1: 'prometheus.WriteRequest', v2: 'io.prometheus.write.v2.Request' } as const

const writePath = '/api/v1/metrics/write'
/** A request on the wire, and all of them together; beyond that senders are told to come back. */
const bodyBytesMax = 32 * 1024 * 1024
const bodiesBytesMax = 256 * 1024 * 1024
/** Memory for the label sets that senders send again and again. */
const internerBytesMax = 64 * 1024 * 1024
/** Waits between tries to bind a port that is taken. */
const bindWait = { minMs: 1000, maxMs: 30_000 }
/** Where the next component does not say after how long it wants to be asked again. */
const retryAfterDefaultMs = 5000

export class ReceiveHttp implements Component<ReceiveHttpSettings> {
  readonly #host: Host
  #settings: ReceiveHttpSettings
  #outlet: MetricsConsumer
  #server: HttpServer | undefined
  #retry: Timer | undefined
  #stopped = false
  readonly #backoff: Backoff
  readonly #bodies = new BodyReader({ bodyBytesMax, decompressedBytesMax: 0, totalBytesMax: bodiesBytesMax })
  readonly #interner = new SeriesInterner({ bytesMax: internerBytesMax })
  readonly #labels = new TypeAndUnitLabels()
  readonly #metrics: ReceiveMetrics

  constructor(host: Host, settings: ReceiveHttpSettings) {
    this.#host = host
    this.#settings = settings
    this.#outlet = host.outlet(settings.forward_to)
    this.#backoff = new Backoff({ ...bindWait, random: () => host.clock.random() })
    this.#metrics = new ReceiveMetrics(host, () => this.#server?.connections ?? 0)
  }

  /** Binds. A port that is taken is tried again until it is free. */
  async start(): Promise<void> {
    const server = this.#makeServer(this.#settings)
    try {
      await server.start()
    } catch (error) {
      const { message } = error as Error
      this.#host.log.error('Cannot serve yet; it is tried again', { err: message })
      this.#host.setHealth(HealthState.unhealthy, message)
      if (this.#stopped) return
      this.#retry = this.#host.clock.setTimeout(() => void this.start(), this.#backoff.nextMs())
      return
    }
    if (this.#stopped) {
      await server.stop(0)
      return
    }
    this.#server = server
    this.#backoff.reset()
    this.#host.setHealth(HealthState.healthy, 'started component')
  }

  /** The port the server listens on. */
  get port(): number {
    return this.#server?.port ?? 0
  }

  #makeServer(settings: ReceiveHttpSettings): HttpServer {
    const { log, clock } = this.#host
    if (settings.http.http2.enabled) log.warn('HTTP/2 is not served here; senders use HTTP/1.1')
    const handle = (request: IncomingMessage, response: ServerResponse): Promise<void> =>
      this.#handle(request, response)
    return new HttpServer(serverSettings(settings.http), { log, clock, handle })
  }

  /** Keeps the listening socket where the address stays. Rejects, and goes on as before, when a new one cannot be bound. */
  async update(settings: ReceiveHttpSettings): Promise<void> {
    const before = this.#settings
    const server = this.#server
    if (server) {
      const next = serverSettings(settings.http)
      if (
        settings.http.listen_address === before.http.listen_address &&
        settings.http.listen_port === before.http.listen_port
      ) {
        server.update(next)
      } else {
        const moved = this.#makeServer(settings)
        await moved.start()
        this.#server = moved
        await server.stop(before.graceful_shutdown_timeout)
      }
    }
    this.#settings = settings
    this.#outlet = this.#host.outlet(settings.forward_to)
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#stopped = true
    this.#retry?.cancel()
    const server = this.#server
    this.#server = undefined
    await server?.stop(Math.min(this.#settings.graceful_shutdown_timeout, deadlineMs))
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?', 1)[0]
    if (path !== writePath) {
      answer(response, 404, '404 page not found\n')
      return
    }
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST')
      answer(response, 405, '')
      return
    }
    const done = this.#metrics.begin(response)
    try {
      const protocol = protocolOf(request, this.#settings.accepted_remote_write_protobuf_messages)
      await this.#bodies.readWire(request, (body) => this.#take(body, protocol, response))
    } catch (error) {
      this.#refuse(response, error)
    } finally {
      done()
    }
  }

  /** Answers 204, or 400 where some of the request was not taken and its sender ought to know. */
  async #take(body: Uint8Array, protocol: RemoteWriteProtocol, response: ServerResponse): Promise<void> {
    checkLength(body)
    const decoded = decodeWriteRequest(body, protocol, decodeLimitsDefault, this.#interner)
    this.#metrics.messageBytes(body.length)
    this.#count(decoded)
    await this.#forward(decoded)
    if (protocol === 'v2') writtenHeaders(response, decoded)
    const { refused } = decoded
    const items = refused.samples + refused.histograms + refused.exemplars
    // Version 1 has no way to say what was taken of a request: senders would send the rest again and again.
    if (items === 0 || (protocol === 'v1' && refused.histograms === 0)) answer(response, 204, '')
    else answer(response, 400, `${refused.reason}\n`)
  }

  #count(decoded: DecodedRequest): void {
    const { counters } = this.#host
    const { samples, histograms } = decoded.refused
    for (const batch of decoded.batch) counters.in += batch.count
    if (samples + histograms === 0) return
    counters.in += samples + histograms
    counters.drop('invalid', samples + histograms)
    this.#metrics.invalid.add(samples + histograms)
    this.#host.log.debug('Left out invalid series of a request', {
      items: samples + histograms,
      why: decoded.refused.reason,
    })
  }

  async #forward(decoded: DecodedRequest): Promise<void> {
    const { clock, counters } = this.#host
    for (const batch of decoded.batch) {
      const labelled = this.#settings.enable_type_and_unit_labels ? this.#labels.add(batch) : batch
      const startMs = clock.monotonic()
      try {
        await this.#outlet.consume(Metrics.fromSeries(labelled))
      } catch (error) {
        counters.refused += batch.count
        throw error
      } finally {
        this.#metrics.latency.observe((clock.monotonic() - startMs) / 1000)
      }
    }
  }

  #refuse(response: ServerResponse, error: unknown): void {
    if (response.destroyed) return
    if (error instanceof RequestRefused) {
      // What is left of a body that nobody reads goes with the connection.
      if (error.status === 413) response.setHeader('connection', 'close')
      answer(response, error.status, `${error.message}\n`)
    } else if (error instanceof DecodeError) answer(response, 400, `${error.message}\n`)
    else if (error instanceof ConsumeError && error.retryable) {
      const seconds = Math.ceil((error.retryAfterMs ?? retryAfterDefaultMs) / 1000)
      response.setHeader('retry-after', String(seconds))
      answer(response, 503, `${error.message}\n`)
    } else if (error instanceof ConsumeError) answer(response, 400, `${error.message}\n`)
    else throw error
  }

  debug(): unknown {
    return { port: this.port, connections: this.#server?.connections ?? 0, body_bytes: this.#bodies.bytes }
  }
}

/** Which message the request holds (Remote Write 2.0, "Protocol"). Throws 415 for one that is not taken. */
function protocolOf(request: IncomingMessage, accepted: readonly string[]): RemoteWriteProtocol {
  const encoding = request.headers['content-encoding'] ?? ''
  if (encoding !== '' && encoding.trim().toLowerCase() !== 'snappy') {
    throw new RequestRefused(415, `the content encoding ${JSON.stringify(encoding)} is not snappy`)
  }
  const type = request.headers['content-type'] ?? 'application/x-protobuf'
  const [media, ...parameters] = type.split(';').map((part) => part.trim())
  if (media?.toLowerCase() !== 'application/x-protobuf') {
    throw new RequestRefused(415, `the content type ${JSON.stringify(type)} is not application/x-protobuf`)
  }
  const proto = parameters.find((parameter) => parameter.toLowerCase().startsWith('proto='))?.slice(6)
  const message = proto?.replace(/^"(.*)"$/, '$1') || messages.v1
  if (!accepted.includes(message)) {
    throw new RequestRefused(415, `the message ${JSON.stringify(message)} is not one of: ${accepted.join(', ')}`)
  }
  return message === messages.v2 ? 'v2' : 'v1'
}

function checkLength(body: Uint8Array): void {
  const limit = decodeLimitsDefault.decodedBytesMax
  try {
    if (snappyLength(body).length > limit)
      throw new RequestRefused(413, `the body has more than the ${limit} bytes allowed`)
  } catch (error) {
    if (!(error instanceof SnappyError)) throw error
    throw new RequestRefused(400, 'the body is no valid snappy')
  }
}

function writtenHeaders(response: ServerResponse, decoded: DecodedRequest): void {
  response.setHeader('x-prometheus-remote-write-samples-written', String(decoded.samples))
  response.setHeader('x-prometheus-remote-write-histograms-written', String(decoded.histograms))
  response.setHeader('x-prometheus-remote-write-exemplars-written', String(decoded.exemplars))
}

function answer(response: ServerResponse, status: number, text: string): void {
  if (text !== '') {
    response.setHeader('content-type', 'text/plain; charset=utf-8')
    response.setHeader('content-length', Buffer.byteLength(text))
  }
  response.writeHead(status).end(text)
}
