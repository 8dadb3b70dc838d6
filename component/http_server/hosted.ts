// A component's HTTP server: bound once the port is free, changed or moved by a reload, stopped with the component.
import { HealthState, type Host } from '#component'
import { RetriedBind } from '#component/listener'
import { HttpServer, type HttpServerOptions } from './server.ts'
import { type HttpSettings, serverSettings } from './settings.ts'

/** Of the fields of `httpServerFields`, those that a server needs. */
export interface HostedServerSettings {
  readonly http: HttpSettings
  readonly graceful_shutdown_timeout: number
}

export class HostedServer {
  readonly #host: Pick<Host, 'log' | 'clock' | 'setHealth'>
  readonly #handle: HttpServerOptions['handle']
  readonly #bind: RetriedBind<HttpServer>
  #settings: HostedServerSettings

  constructor(
    host: Pick<Host, 'log' | 'clock' | 'setHealth'>,
    settings: HostedServerSettings,
    handle: HttpServerOptions['handle'],
  ) {
    this.#host = host
    this.#settings = settings
    this.#handle = handle
    const { clock, log } = host
    const tried = (failure: string): void => {
      if (failure === '') host.setHealth(HealthState.healthy, 'started component')
      else host.setHealth(HealthState.unhealthy, failure)
    }
    this.#bind = new RetriedBind({ clock, log, tried }, () => this.#make(this.#settings))
  }

  #make(settings: HostedServerSettings): HttpServer {
    const { log, clock } = this.#host
    if (settings.http.http2.enabled) log.warn('HTTP/2 is not served here; senders use HTTP/1.1')
    return new HttpServer(serverSettings(settings.http), { log, clock, handle: this.#handle })
  }

  /** Binds. A port that is taken is tried again until it is free; the component is unhealthy until then. */
  start(): Promise<void> {
    return this.#bind.start()
  }

  /** The port it listens on; 0: none yet. */
  get port(): number {
    return this.#bind.bound?.port ?? 0
  }

  get connections(): number {
    return this.#bind.bound?.connections ?? 0
  }

  /** Keeps the listening socket where the address stays. Rejects, and goes on as before, when a new one cannot be bound. */
  async update(settings: HostedServerSettings): Promise<void> {
    const before = this.#settings
    const server = this.#bind.bound
    if (server) {
      const { listen_address: address, listen_port: port } = settings.http
      if (address === before.http.listen_address && port === before.http.listen_port) {
        server.update(serverSettings(settings.http))
      } else {
        const moved = this.#make(settings)
        await moved.start()
        this.#bind.replace(moved)
        await server.stop(before.graceful_shutdown_timeout)
      }
    }
    this.#settings = settings
  }

  /** Safe twice, and without a start. */
  stop(deadlineMs: number): Promise<void> {
    return this.#bind.stop(Math.min(this.#settings.graceful_shutdown_timeout, deadlineMs))
  }
}
