// Answers Zipkin's requests: reads spans, hands them on, and says what was taken.
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type Component,
  ConsumeError,
  type Count,
  HealthState,
  type Host,
  type TracesConsumer,
  type TracesPort,
} from '#component'
import { answerError, answerText, RequestRefused } from '#component/http_requests'
import { RetriedBind } from '#component/listener'
import { OtelHttpServer, type OtelHttpSettings } from '#component/otel_server'
import { type ClientContext, Traces } from '#pdata'
import type { TracesTree } from '#pdata/otlp'
import { ZipkinError } from './error.ts'
import { spansFromJson, spansFromProtobuf } from './span.ts'
import { zipkinTraces } from './to_otlp.ts'
import { version1Traces } from './version1.ts'

const Format = { version1: 'http_v1_json', json: 'http_v2_json', protobuf: 'http_v2_proto' } as const
type Format = (typeof Format)[keyof typeof Format]

export interface ZipkinSettings {
  /** What the receiver is called in its own metrics. */
  readonly name: string
  readonly http: OtelHttpSettings
  /** Make numbers and truth values of tags that look like them. */
  readonly parseTags: boolean
}

export class ZipkinReceiver implements Component<never> {
  readonly #host: Host
  readonly #settings: ZipkinSettings
  readonly #outlet: TracesConsumer
  readonly #bind: RetriedBind<OtelHttpServer>

  constructor(host: Host, settings: ZipkinSettings, ports: readonly TracesPort[]) {
    this.#host = host
    this.#settings = settings
    this.#outlet = host.outlet(ports)
    const { clock, log } = host
    const tried = (failure: string): void => {
      if (failure === '') host.setHealth(HealthState.healthy, 'started component')
      else host.setHealth(HealthState.unhealthy, failure)
    }
    this.#bind = new RetriedBind({ clock, log, tried }, () => this.#make())
  }

  #make(): OtelHttpServer {
    const { clock, log } = this.#host
    const server: OtelHttpServer = new OtelHttpServer(this.#settings.http, {
      clock,
      log,
      refuse: (_, response, status, message) => answerText(response, status, `${message}\n`),
      handle: (request, response, context) => this.#handle(server, request, response, context),
    })
    return server
  }

  start(): Promise<void> {
    return this.#bind.start()
  }

  /** The port that is listened on. */
  get port(): number {
    return this.#bind.bound?.port ?? 0
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.#bind.stop(deadlineMs)
  }

  /** Any path is taken, as upstream; only one of version 1 is another format. */
  async #handle(
    server: OtelHttpServer,
    request: IncomingMessage,
    response: ServerResponse,
    context: ClientContext,
  ): Promise<void> {
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST')
      answerText(response, 405, '')
      return
    }
    try {
      const format = formatOf(request)
      await server.readBody(request, (body) => this.#take(Traces.fromTree(this.#read(body, format), context), format))
      answerText(response, 202, '')
    } catch (error) {
      answerError(response, error, [ZipkinError])
    }
  }

  /** Throws `ZipkinError`. */
  #read(body: Uint8Array, format: Format): TracesTree {
    const { parseTags } = this.#settings
    if (format === Format.protobuf) return zipkinTraces(spansFromProtobuf(body), parseTags)
    const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString('utf8')
    if (format === Format.version1) return version1Traces(text, parseTags, this.#host.clock.now())
    return zipkinTraces(spansFromJson(text), parseTags)
  }

  async #take(batch: Traces, format: Format): Promise<void> {
    const { count } = batch
    if (count === 0) return
    const { counters } = this.#host
    counters.in += count
    try {
      await this.#outlet.consume(batch)
      this.#count('accepted', 'Number of spans successfully pushed into the pipeline.', format).add(count)
    } catch (error) {
      counters.refused += count
      this.#count('refused', 'Number of spans that could not be pushed into the pipeline.', format).add(count)
      throw error instanceof ConsumeError ? error : new ConsumeError((error as Error).message, { retryable: false })
    }
  }

  #count(outcome: string, help: string, transport: Format): Count {
    const attributes = { receiver: this.#settings.name, transport }
    return this.#host.instruments.counter(`otelcol_receiver_${outcome}_spans_total`, help, attributes)
  }

  debug(): unknown {
    return { port: this.port, connections: this.#bind.bound?.connections ?? 0 }
  }
}

/** Throws `RequestRefused` for Thrift, which is not read here. */
function formatOf(request: IncomingMessage): Format {
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  if (type === 'application/x-thrift') throw new RequestRefused(415, 'Thrift is not taken: send JSON or protobuf')
  if ((request.url ?? '').includes('api/v1/spans')) return Format.version1
  return type === 'application/x-protobuf' ? Format.protobuf : Format.json
}
