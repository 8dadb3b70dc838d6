// Asks one URL, again and again.
import { type Component, HealthState, type Host, OptionalSecret, SettingsError, type Timer } from '#component'
import { createHttpClient, type HttpClient, shownUrl } from '#component/http_client'
import type { RemoteHttpSettings } from './component.ts'

/** A value of the configuration, not a download: a larger one is refused. */
const contentBytesMax = 16 * 1024 * 1024

export class RemoteHttp implements Component<RemoteHttpSettings> {
  readonly #host: Host
  #settings: RemoteHttpSettings
  #client: HttpClient | undefined
  #timer: Timer | undefined
  #running = false

  constructor(host: Host, settings: RemoteHttpSettings) {
    this.#host = host
    this.#settings = settings
  }

  /** The content must be there before others are evaluated. Throws `SettingsError` when it cannot be had. */
  firstPoll(): Promise<void> {
    return this.#mustPoll(this.#settings)
  }

  start(): void {
    this.#running = true
    this.#client = this.#makeClient(this.#settings)
    this.#schedule()
  }

  /** Rejects, and keeps to the old settings, when the new ones give no content. */
  async update(settings: RemoteHttpSettings): Promise<void> {
    await this.#mustPoll(settings)
    this.#settings = settings
    if (!this.#running) return
    this.#timer?.cancel()
    this.#client?.close()
    this.#client = this.#makeClient(settings)
    this.#schedule()
  }

  stop(): void {
    this.#running = false
    this.#timer?.cancel()
    this.#client?.close()
    this.#client = undefined
  }

  #makeClient(settings: RemoteHttpSettings): HttpClient {
    const { log, clock, globals } = this.#host
    return createHttpClient(settings.client, { userAgent: globals.userAgent, log, clock })
  }

  #schedule(): void {
    this.#timer = this.#host.clock.setTimeout(() => void this.#poll(), this.#settings.poll_frequency)
  }

  async #poll(): Promise<void> {
    const client = this.#client
    const settings = this.#settings
    if (!client) return
    try {
      const content = await this.#ask(client, settings)
      if (client === this.#client) this.#export(settings, content)
    } catch (error) {
      if (client !== this.#client) return
      const { message } = error as Error
      this.#host.log.error('Cannot poll a URL; the last answer stays', { url: shownUrl(settings.url), err: message })
      this.#host.setHealth(HealthState.unhealthy, `polling failed: ${message}`)
    }
    if (client === this.#client) this.#schedule()
  }

  /** With a client of its own, so that nothing stays open when the component is never started. */
  async #mustPoll(settings: RemoteHttpSettings): Promise<void> {
    const client = this.#makeClient(settings)
    try {
      this.#export(settings, await this.#ask(client, settings))
    } catch (error) {
      throw new SettingsError(`polling failed: ${(error as Error).message}`, ['url'])
    } finally {
      client.close()
    }
  }

  async #ask(client: HttpClient, settings: RemoteHttpSettings): Promise<string> {
    const response = await client.request({
      method: settings.method,
      url: settings.url,
      headers: Object.fromEntries(settings.headers),
      ...(settings.body === '' ? {} : { body: settings.body }),
      timeoutMs: settings.poll_timeout,
    })
    const body = await response.bytes(contentBytesMax)
    if (response.status !== 200) throw new Error(`unexpected status code ${response.status} ${response.statusText}`)
    return body.toString().trim()
  }

  #export(settings: RemoteHttpSettings, content: string): void {
    this.#host.setExports({ content: new OptionalSecret(content, settings.is_secret) })
    this.#host.setHealth(HealthState.healthy, 'polled endpoint')
  }
}
