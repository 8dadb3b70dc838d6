// Answers remote write requests: reads, decodes, hands on, and says what was taken.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Component, Host, MetricsConsumer } from '#component'
import { answerError, answerText, BodyReader, RequestRefused } from '#component/http_requests'
import { HostedServer } from '#component/http_server'
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

export class ReceiveHttp implements Component<ReceiveHttpSettings> {
  readonly #host: Host
  #settings: ReceiveHttpSettings
  #outlet: MetricsConsumer
  readonly #server: HostedServer
  readonly #bodies = new BodyReader({ bodyBytesMax, decompressedBytesMax: 0, totalBytesMax: bodiesBytesMax })
  readonly #interner = new SeriesInterner({ bytesMax: internerBytesMax })
  readonly #labels = new TypeAndUnitLabels()
  readonly #metrics: ReceiveMetrics

  constructor(host: Host, settings: ReceiveHttpSettings) {
    this.#host = host
    this.#settings = settings
    this.#outlet = host.outlet(settings.forward_to)
    this.#server = new HostedServer(host, settings, (request, response) => this.#handle(request, response))
    this.#metrics = new ReceiveMetrics(host, () => this.#server.connections)
  }

  start(): Promise<void> {
    return this.#server.start()
  }

  /** The port the server listens on. */
  get port(): number {
    return this.#server.port
  }

  async update(settings: ReceiveHttpSettings): Promise<void> {
    await this.#server.update(settings)
    this.#settings = settings
    this.#outlet = this.#host.outlet(settings.forward_to)
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.#server.stop(deadlineMs)
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?', 1)[0]
    if (path !== writePath) {
      answerText(response, 404, '404 page not found\n')
      return
    }
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST')
      answerText(response, 405, '')
      return
    }
    const done = this.#metrics.begin(response)
    try {
      const protocol = protocolOf(request, this.#settings.accepted_remote_write_protobuf_messages)
      await this.#bodies.readWire(request, (body) => this.#take(body, protocol, response))
    } catch (error) {
      answerError(response, error, [DecodeError])
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
    if (items === 0 || (protocol === 'v1' && refused.histograms === 0)) answerText(response, 204, '')
    else answerText(response, 400, `${refused.reason}\n`)
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

  debug(): unknown {
    return { port: this.port, connections: this.#server.connections, body_bytes: this.#bodies.bytes }
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
