// Answers Loki's push requests: reads, decodes, labels, hands on, and says what was taken.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Component, Host } from '#component'
import { answerError, answerText, BodyReader, RequestMetrics, RequestRefused } from '#component/http_requests'
import { HostedServer } from '#component/http_server'
import { LogIntake, relabelledReason } from '#component/log_source'
import { relabel } from '#component/relabel'
import { withoutTrailing } from '#lib/trailing'
import { zlibAsync } from '#lib/zlib_async'
import { type Labels, labelsFrom, LogStream } from '#pdata'
import { decodePush, decodePushJson, LineTimes, PushError, pushLimitsDefault, type RefusedStream } from '#pdata/loki'
import type { LokiSourceApiSettings } from './component.ts'

/** All bodies in memory together; beyond that senders are told to come back. At least two of the largest. */
const bodiesBytesMax = 256 * 1024 * 1024
/** As Alloy has it where `max_send_message_size` says nothing. */
const messageBytesDefault = 100 * 1024 * 1024
const tenantLabel = '__tenant_id__'

const pushPaths: ReadonlySet<string> = new Set(['/loki/api/v1/push', '/api/v1/push'])
const rawPaths: ReadonlySet<string> = new Set(['/loki/api/v1/raw', '/api/v1/raw'])

export class LokiSourceApi implements Component<LokiSourceApiSettings> {
  readonly #host: Host
  #settings: LokiSourceApiSettings
  readonly #intake: LogIntake
  #bodies: BodyReader
  readonly #server: HostedServer
  readonly #times = new LineTimes()
  readonly #requests: RequestMetrics

  constructor(host: Host, settings: LokiSourceApiSettings) {
    this.#host = host
    this.#settings = settings
    this.#bodies = bodyReader(settings)
    this.#server = new HostedServer(host, settings, (request, response) => this.#handle(request, response))
    this.#requests = new RequestMetrics(host, 'loki_source_api', () => this.#server.connections)
    const written = host.instruments.counter('loki_source_api_entries_written', 'Total number of entries written.')
    this.#intake = new LogIntake(host, settings.forward_to, written)
  }

  start(): Promise<void> {
    return this.#server.start()
  }

  /** The port the server listens on. */
  get port(): number {
    return this.#server.port
  }

  async update(settings: LokiSourceApiSettings): Promise<void> {
    const before = this.#settings
    await this.#server.update(settings)
    this.#settings = settings
    this.#intake.forwardTo(settings.forward_to)
    if (settings.max_send_message_size !== before.max_send_message_size) this.#bodies = bodyReader(settings)
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.#server.stop(deadlineMs)
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?', 1)[0] as string
    const push = pushPaths.has(path)
    const known = push || rawPaths.has(path)
    if (!known && path !== '/ready') {
      answerText(response, 404, '404 page not found\n')
      return
    }
    const method = known ? 'POST' : 'GET'
    if (request.method !== method) {
      response.setHeader('allow', method)
      answerText(response, 405, '')
      return
    }
    const route = path.slice(1).replaceAll('/', '_')
    const done = this.#requests.begin(method, route, response)
    try {
      if (!known) answerText(response, 200, 'ready')
      else await this.#take(request, response, route, push)
    } catch (error) {
      answerError(response, error, [PushError])
    } finally {
      done()
    }
  }

  async #take(request: IncomingMessage, response: ServerResponse, route: string, push: boolean): Promise<void> {
    await this.#body(request, async (body, wireBytes) => {
      this.#requests.requestBytes('POST', route, wireBytes)
      let refused = 0
      let problem: PushError | undefined
      const refuse: RefusedStream = (why, lines) => {
        problem ??= why
        refused += lines
      }
      const streams = push ? this.#pushed(request, body, refuse) : this.#lines(body)
      let count = 0
      for (const { lines } of streams) count += lines.length
      await this.#intake.take(streams, count)
      if (problem !== undefined) {
        this.#intake.drop('labels that cannot be read', refused)
        throw problem
      }
      answerText(response, 204, '')
    })
  }

  /** The body without what `Content-Encoding` says, bounded by `max_send_message_size`. */
  #body(request: IncomingMessage, use: (body: Uint8Array, wireBytes: number) => Promise<void>): Promise<void> {
    const encoding = (request.headers['content-encoding'] ?? '').trim().toLowerCase()
    const wireBytes = Number(request.headers['content-length'] ?? 0)
    // Snappy is the format of protobuf requests, whether they say so or not.
    if (encoding === '' || encoding === 'identity' || encoding === 'snappy') {
      return this.#bodies.readWire(request, (body) => use(body, body.length))
    }
    if (encoding === 'gzip') return this.#bodies.read(request, ['gzip'], (body) => use(body, wireBytes || body.length))
    if (encoding === 'deflate') {
      return this.#bodies.readWire(request, async (body) => use(await this.#inflated(body), body.length))
    }
    throw new RequestRefused(400, `Content-Encoding ${JSON.stringify(encoding)} not supported`)
  }

  /** Go's clients send deflate without zlib's frame, others with it. */
  async #inflated(body: Uint8Array): Promise<Uint8Array> {
    const zlib = body.length > 1 && ((body[0] as number) & 0x0f) === 8 && (body[0]! * 256 + body[1]!) % 31 === 0
    try {
      return await (zlib ? zlibAsync.inflate : zlibAsync.inflateRaw)(body, {
        maxOutputLength: messageBytesMax(this.#settings),
      })
    } catch (error) {
      const large = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
      throw new RequestRefused(large ? 413 : 400, large ? 'the body is too large' : 'the body is no valid deflate')
    }
  }

  #pushed(request: IncomingMessage, body: Uint8Array, refuse: RefusedStream): LogStream[] {
    const limits = { ...pushLimitsDefault, bytesMax: messageBytesMax(this.#settings) }
    const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase()
    const streams =
      type === 'application/json'
        ? decodePushJson(Buffer.from(body).toString(), limits, refuse)
        : decodePush(body, limits, refuse)
    const tenant = request.headers['x-scope-orgid']
    const out: LogStream[] = []
    for (const stream of streams) {
      const labels = this.#labels(stream.labels, typeof tenant === 'string' ? tenant : '')
      if (labels === null) this.#intake.drop(relabelledReason, stream.lines.length)
      else out.push(new LogStream(labels, this.#timesOf(stream), stream.lines, stream.metadata))
    }
    return out
  }

  #timesOf({ timestampsNs, lines }: LogStream): BigInt64Array {
    if (this.#settings.use_incoming_timestamp) return timestampsNs
    return this.#times.take(this.#host.clock.now(), lines.length)
  }

  /** A stream's labels as they go on; null: the rules dropped it. */
  #labels(given: Labels, tenant: string): Labels | null {
    const { labels: own, relabel_rules: rules } = this.#settings
    const pairs: [string, string][] = []
    for (let i = 0; i < given.length; i += 2) pairs.push([given[i] as string, given[i + 1] as string])
    pairs.push(...own)
    const relabelled = relabel(labelsFrom(pairs), rules?.rules ?? [])
    if (relabelled === null || relabelled.length === 0) return null
    const kept: [string, string][] = []
    for (let i = 0; i < relabelled.length; i += 2) {
      const name = relabelled[i] as string
      if (!name.startsWith('__')) kept.push([name, relabelled[i + 1] as string])
    }
    if (tenant !== '') kept.push([tenantLabel, tenant])
    return labelsFrom(kept)
  }

  /** Plain text: every line that is not empty, with the labels of the settings. */
  #lines(body: Uint8Array): LogStream[] {
    const lines: string[] = []
    for (const line of Buffer.from(body).toString().split('\n')) {
      const text = withoutTrailing(line, '\r')
      if (text !== '') lines.push(text)
    }
    if (lines.length === 0) return []
    const times = this.#times.take(this.#host.clock.now(), lines.length)
    return [new LogStream(labelsFrom(this.#settings.labels), times, lines, null)]
  }

  debug(): unknown {
    return { port: this.port, connections: this.#server.connections, body_bytes: this.#bodies.bytes }
  }
}

function messageBytesMax(settings: LokiSourceApiSettings): number {
  return settings.max_send_message_size > 0 ? settings.max_send_message_size : messageBytesDefault
}

function bodyReader(settings: LokiSourceApiSettings): BodyReader {
  const bytes = messageBytesMax(settings)
  return new BodyReader({
    bodyBytesMax: bytes,
    decompressedBytesMax: bytes,
    totalBytesMax: Math.max(bodiesBytesMax, 2 * bytes),
  })
}
