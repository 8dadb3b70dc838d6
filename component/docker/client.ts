// A client of the Docker Engine API (docs.docker.com/reference/api/engine), over a Unix socket, TCP or HTTP(S).
import { request as httpRequest } from 'node:http'
import type { Readable } from 'node:stream'
import { type Clock, defaultSettings, type Logger, type Report } from '#component'
import { createHttpClient, type HttpClient, type HttpClientSettings, httpClientSettings } from '#component/http_client'

/** Answers that are no streams are read whole: more than this is refused. */
const answerBytesMax = 64 * 1024 * 1024
const unixDefault = '/var/run/docker.sock'

export interface DockerClientOptions {
  readonly log: Logger
  readonly clock: Clock
  readonly userAgent: string
  /** Used with http:// and https:// only, as in Docker's own client. */
  readonly http?: HttpClientSettings | undefined
  /** How long an answer that is no stream may take. */
  readonly timeoutMs: number
}

export class DockerError extends Error {
  override readonly name = 'DockerError'
  /** The answer's status; 0: there was none. */
  readonly status: number
  constructor(message: string, status: number, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.status = status
  }
}

/** Of `GET /containers/json`, as far as it is used. The daemon may leave out any of it. */
export interface ContainerSummary {
  readonly Id?: string
  readonly Names?: readonly string[] | null
  readonly Labels?: Readonly<Record<string, string>> | null
  readonly Ports?: readonly ContainerPort[] | null
  readonly HostConfig?: { readonly NetworkMode?: string } | null
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, ContainerNetwork | null>> | null } | null
}
export interface ContainerPort {
  readonly IP?: string
  readonly PrivatePort?: number
  readonly PublicPort?: number
  readonly Type?: string
}
export interface ContainerNetwork {
  readonly NetworkID?: string
  readonly IPAddress?: string
}

/** Of `GET /networks`. */
export interface NetworkSummary {
  readonly Id?: string
  readonly Name?: string
  readonly Scope?: string
  readonly Internal?: boolean
  readonly Ingress?: boolean
  readonly Labels?: Readonly<Record<string, string>> | null
}

/** Of `GET /containers/{id}/json`. */
export interface ContainerDetails {
  readonly Config?: { readonly Tty?: boolean } | null
  readonly State?: { readonly Running?: boolean; readonly FinishedAt?: string } | null
}

interface Answer {
  readonly status: number
  readonly body: Readable
}

export class DockerClient {
  readonly #options: DockerClientOptions
  readonly #host: string
  readonly #socketPath: string | undefined
  readonly #base: string
  readonly #client: HttpClient | undefined
  readonly #abort = new AbortController()

  /** `host`: what `checkDockerHost` finds nothing wrong with. Connects to nothing yet. */
  constructor(host: string, options: DockerClientOptions) {
    this.#host = host
    this.#options = options
    if (host.startsWith('unix:')) {
      this.#socketPath = host.slice('unix:'.length).replace(/^\/\//, '') || unixDefault
      this.#base = ''
      return
    }
    this.#base = host.replace(/^tcp:/, 'http:').replace(/\/+$/, '')
    const own = /^https?:/.test(host) ? options.http : undefined
    this.#client = createHttpClient(own ?? defaultSettings(httpClientSettings), options)
  }

  /** The containers that run, and pass all of `filters` (name to values of which one must match). */
  async containers(filters: ReadonlyMap<string, readonly string[]>, signal?: AbortSignal): Promise<ContainerSummary[]> {
    const query =
      filters.size === 0 ? '' : `?filters=${encodeURIComponent(JSON.stringify(Object.fromEntries(filters)))}`
    return asList(await this.#json(`/containers/json${query}`, signal)) as ContainerSummary[]
  }

  async networks(signal?: AbortSignal): Promise<NetworkSummary[]> {
    return asList(await this.#json('/networks', signal)) as NetworkSummary[]
  }

  /** Rejects with `DockerError` of status 404 where there is no such container. */
  async inspect(id: string, signal?: AbortSignal): Promise<ContainerDetails> {
    const details = await this.#json(`/containers/${encodeURIComponent(id)}/json`, signal)
    if (details === null || typeof details !== 'object') throw this.#error('the answer is no object', 0)
    return details as ContainerDetails
  }

  /** Both streams of a container from `sinceNs` on, each line with its time, followed until the container ends. */
  async logs(id: string, sinceNs: bigint, signal: AbortSignal): Promise<Readable> {
    const nanoseconds = String(sinceNs % 1_000_000_000n).padStart(9, '0')
    const since = sinceNs <= 0n ? '0' : `${sinceNs / 1_000_000_000n}.${nanoseconds}`
    const query = `stdout=1&stderr=1&follow=1&timestamps=1&since=${since}`
    const answer = await this.#get(`/containers/${encodeURIComponent(id)}/logs?${query}`, signal, 0)
    if (answer.status === 200) return answer.body
    throw this.#refused(answer.status, await text(answer.body))
  }

  async #json(path: string, signal: AbortSignal | undefined): Promise<unknown> {
    const answer = await this.#get(path, signal, this.#options.timeoutMs)
    const body = await text(answer.body)
    if (answer.status !== 200) throw this.#refused(answer.status, body)
    try {
      return JSON.parse(body)
    } catch {
      throw this.#error('the answer is no JSON', answer.status)
    }
  }

  #refused(status: number, body: string): DockerError {
    let message = body
    try {
      message = String((JSON.parse(body) as { message?: unknown }).message ?? body)
    } catch {
      // Not from the daemon itself: something in between.
    }
    return this.#error(`status ${status}: ${message.trim().slice(0, 500)}`, status)
  }

  #error(why: string, status: number, cause?: unknown): DockerError {
    return new DockerError(`Cannot ask Docker at ${this.#host}: ${why}`, status, cause)
  }

  async #get(path: string, signal: AbortSignal | undefined, timeoutMs: number): Promise<Answer> {
    const signals = signal ? [this.#abort.signal, signal] : [this.#abort.signal]
    try {
      if (this.#client === undefined) return await this.#getByUnix(path, AbortSignal.any(signals), timeoutMs)
      const url = `${this.#base}${path}`
      return await this.#client.request({ method: 'GET', url, timeoutMs, signal: AbortSignal.any(signals) })
    } catch (error) {
      if (error instanceof DockerError) throw error
      throw this.#error((error as Error).message, 0, error)
    }
  }

  #getByUnix(path: string, signal: AbortSignal, timeoutMs: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = { host: 'docker', 'user-agent': this.#options.userAgent, connection: 'close' }
      const socketPath = this.#socketPath as string
      const request = httpRequest({ socketPath, path, headers, signal, agent: false })
      const timer =
        timeoutMs > 0
          ? this.#options.clock.setTimeout(
              () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)),
              timeoutMs,
            )
          : undefined
      request.on('error', reject)
      request.on('close', () => timer?.cancel())
      request.on('response', (body) => resolve({ status: body.statusCode ?? 0, body }))
      request.end()
    })
  }

  /** Breaks off what is under way. Safe twice. */
  close(): void {
    this.#abort.abort()
    this.#client?.close()
  }
}

function asList(value: unknown): unknown[] {
  if (value === null) return []
  if (!Array.isArray(value)) throw new DockerError('Cannot ask Docker: the answer is no list', 0)
  return value
}

async function text(body: Readable): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > answerBytesMax) throw new Error(`the answer has more than the ${answerBytesMax} bytes allowed`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** A check for schemas whose setting `host` says where the daemon is. */
export function checkDockerHost(host: string, report: Report): void {
  const schemes = ['unix:', 'tcp:', 'http:', 'https:']
  if (schemes.includes(URL.parse(host)?.protocol ?? '')) return
  const message = 'Cannot reach Docker: the host begins with unix://, tcp://, http:// or https://'
  report(`${message}: current value is ${JSON.stringify(host)}`, ['host'])
}
