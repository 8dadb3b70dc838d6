// Asks an HTTP server for target groups, again and again.
import { type Component, type Count, type Host } from '#component'
import { createHttpClient, type HttpClient } from '#component/http_client'
import { Refresher, TargetPublisher } from './publisher.ts'
import { readTargetGroups, targetsOf } from './target_groups.ts'
import type { HttpDiscoverySettings } from './settings.ts'

/** An answer is read as a whole: more than this is refused. */
const answerBytesMax = 64 * 1024 * 1024

export class HttpDiscovery implements Component<HttpDiscoverySettings> {
  readonly #host: Host
  readonly #publisher: TargetPublisher
  readonly #failures: Count
  #settings: HttpDiscoverySettings
  #client: HttpClient | undefined
  #refresher: Refresher | undefined

  constructor(host: Host, settings: HttpDiscoverySettings) {
    this.#host = host
    this.#settings = settings
    this.#publisher = new TargetPublisher(host)
    this.#failures = host.instruments.counter(
      'prometheus_sd_http_failures_total',
      'Number of HTTP service discovery refresh failures.',
    )
  }

  start(): void {
    const { log, clock, globals } = this.#host
    const settings = this.#settings
    const client = createHttpClient(settings, { userAgent: globals.userAgent, log, clock })
    this.#client = client
    this.#refresher = new Refresher(this.#host, settings.refresh_interval, async (signal) => {
      try {
        await this.#refresh(client, settings, signal)
      } catch (error) {
        if (!signal.aborted) this.#failures.add(1)
        throw error
      }
    })
    this.#refresher.start()
  }

  async #refresh(client: HttpClient, settings: HttpDiscoverySettings, signal: AbortSignal): Promise<void> {
    const response = await client.request({
      method: 'GET',
      url: settings.url,
      headers: {
        accept: 'application/json',
        'x-prometheus-refresh-interval-seconds': String(settings.refresh_interval / 1000),
      },
      timeoutMs: settings.refresh_interval,
      signal,
      acceptEncoding: true,
      decompressBytesMax: answerBytesMax,
    })
    if (response.status !== 200) {
      await response.discard()
      throw new Error(`server returned HTTP status ${response.status} ${response.statusText}`)
    }
    const type = response.headers['content-type'] ?? ''
    if (!/^application\/json(;\s*charset=("utf-8"|utf-8))?$/i.test(type.trim())) {
      await response.discard()
      throw new Error(`unsupported content type ${JSON.stringify(type)}`)
    }
    const text = (await response.bytes(answerBytesMax)).toString()
    const groups = readTargetGroups(JSON.parse(text))
    if (!signal.aborted) this.#publisher.publish(targetsOf(groups, [['__meta_url', settings.url]]))
  }

  /** The targets there are stay until the new server has answered. */
  update(settings: HttpDiscoverySettings): void {
    this.#settings = settings
    if (!this.#refresher) return
    this.#end()
    this.start()
  }

  stop(): void {
    this.#end()
    this.#publisher.stop()
  }

  #end(): void {
    this.#refresher?.stop()
    this.#refresher = undefined
    this.#client?.close()
    this.#client = undefined
  }
}
