// Answers a Logplex drain's requests: reads, labels, hands on, and says what was taken.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Component, Count, Host } from '#component'
import { answerError, answerText, BodyReader, RequestMetrics } from '#component/http_requests'
import { HostedServer } from '#component/http_server'
import { GatheredLines, LogIntake, relabelledReason, sourceLabels } from '#component/log_source'
import { type Labels, labelsFrom } from '#pdata'
import type { LokiSourceHerokuSettings } from './component.ts'
import { DrainError, type DrainMessage, readDrain } from './drain.ts'

const drainPath = '/heroku/api/v1/drain'
const healthyPath = '/healthy'
const bodyBytesMax = 16 * 1024 * 1024
const bodiesBytesMax = 128 * 1024 * 1024
const tenantLabel = '__tenant_id__'

/** What is the same for every message of a request. */
interface Sender {
  readonly pairs: readonly (readonly [string, string])[]
  readonly tenant: string
}

export class LokiSourceHeroku implements Component<LokiSourceHerokuSettings> {
  #settings: LokiSourceHerokuSettings
  readonly #host: Host
  readonly #server: HostedServer
  readonly #requests: RequestMetrics
  readonly #intake: LogIntake
  readonly #errors: Count
  readonly #bodies = new BodyReader({ bodyBytesMax, decompressedBytesMax: 0, totalBytesMax: bodiesBytesMax })

  constructor(host: Host, settings: LokiSourceHerokuSettings) {
    this.#host = host
    this.#settings = settings
    const count = (name: string, help: string): Count =>
      host.instruments.counter(`loki_source_heroku_drain_${name}_total`, help)
    const entries = count('entries', 'Number of successful entries received by the Heroku target')
    this.#errors = count('parsing_errors', 'Number of parsing errors while receiving Heroku messages')
    this.#intake = new LogIntake(host, settings.forward_to, entries)
    this.#server = new HostedServer(host, settings, (request, response) => this.#handle(request, response))
    this.#requests = new RequestMetrics(host, 'loki_source_heroku_drain_target', () => this.#server.connections)
  }

  start(): Promise<void> {
    return this.#server.start()
  }

  /** The port the server listens on. */
  get port(): number {
    return this.#server.port
  }

  async update(settings: LokiSourceHerokuSettings): Promise<void> {
    await this.#server.update(settings)
    this.#settings = settings
    this.#intake.forwardTo(settings.forward_to)
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.#server.stop(deadlineMs)
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const isDrain = url.pathname === drainPath
    if (!isDrain && url.pathname !== healthyPath) {
      answerText(response, 404, '404 page not found\n')
      return
    }
    const method = isDrain ? 'POST' : 'GET'
    if (request.method !== method) {
      response.setHeader('allow', method)
      answerText(response, 405, '')
      return
    }
    const route = url.pathname.slice(1).replaceAll('/', '_')
    const done = this.#requests.begin(method, route, response)
    try {
      if (!isDrain) answerText(response, 200, '')
      else {
        const sender = senderOf(request, url)
        await this.#bodies.readWire(request, (body) => this.#take(body, sender, route, response))
      }
    } catch (error) {
      answerError(response, error, [DrainError])
    } finally {
      done()
    }
  }

  /** Answers 400 where nothing could be read; messages that are none are left out and counted. */
  async #take(body: Uint8Array, sender: Sender, route: string, response: ServerResponse): Promise<void> {
    this.#requests.requestBytes('POST', route, body.length)
    const lines = new GatheredLines()
    const sets = new Map<string, Labels | null>()
    let relabelled = 0
    let faults = 0
    let why = ''
    const fault = (text: string): void => {
      faults++
      why = text
    }
    const message = (m: DrainMessage): void => {
      const key = `${m.host}\0${m.app}\0${m.process}\0${m.id}`
      let labels = sets.get(key)
      if (labels === undefined) {
        labels = this.#labels(m, sender)
        sets.set(key, labels)
      }
      if (labels === null) relabelled++
      else lines.add(labels, m.text, this.#settings.use_incoming_timestamp ? m.timestampNs : null)
    }
    try {
      readDrain(Buffer.from(body.buffer, body.byteOffset, body.length), { message, fault })
    } catch (error) {
      if (!(error instanceof DrainError)) throw error
      fault(error.message)
    }
    this.#errors.add(faults)
    if (faults > 0) this.#host.log.debug('Left out what is no message', { err: why, messages: faults })
    const { count } = lines
    if (faults > 0 && count + relabelled === 0) throw new DrainError(why)
    await this.#intake.take(lines.take(this.#host.clock.now()), count)
    this.#intake.drop(relabelledReason, relabelled)
    answerText(response, 204, '')
  }

  #labels(m: DrainMessage, { pairs, tenant }: Sender): Labels | null {
    const { labels: own, relabel_rules: rules } = this.#settings
    const given: [string, string][] = [
      ['__heroku_drain_host', m.host],
      ['__heroku_drain_app', m.app],
      ['__heroku_drain_proc', m.process],
      ['__heroku_drain_log_id', m.id],
    ]
    const labels = sourceLabels([...given, ...pairs], rules)
    if (labels === null) return null
    const all: [string, string][] = [...own]
    for (let i = 0; i < labels.length; i += 2) all.push([labels[i] as string, labels[i + 1] as string])
    if (tenant !== '') all.push([tenantLabel, tenant])
    return labelsFrom(all)
  }

  debug(): unknown {
    return { port: this.port, connections: this.#server.connections, body_bytes: this.#bodies.bytes }
  }
}

/** Parameters of the URL are labels that rules can look at, and so is the tenant. */
function senderOf(request: IncomingMessage, url: URL): Sender {
  const pairs: [string, string][] = []
  for (const name of new Set(url.searchParams.keys())) {
    pairs.push([`__heroku_drain_param_${name}`, url.searchParams.getAll(name).join(',')])
  }
  const header = request.headers['x-scope-orgid']
  const tenant = typeof header === 'string' ? header : ''
  if (tenant !== '') pairs.push([tenantLabel, tenant])
  return { pairs, tenant }
}
