// Which connection a call takes: the first that works, or each of the addresses in turn.
import type { Clock } from '#component'
import { type Connection, type ConnectOptions, openConnection } from './connection.ts'
import { type Address, addressKey, type Target } from './target.ts'

export type Balancing = 'round_robin' | 'pick_first'

/** Names are looked up again at most so often while connections work (gRPC's DNS resolver). */
const resolveEveryMs = 30_000
/** An address that failed is tried again in the background after this long at the soonest, growing to the most. */
const reconnectMinMs = 1000
const reconnectMaxMs = 120_000
const reconnectFactor = 1.6

interface Place {
  readonly address: Address
  connection: Connection | undefined
  connecting: Promise<Connection> | undefined
  failures: number
  notBeforeMs: number
}

export class Balancer {
  readonly #target: Target
  readonly #balancing: Balancing
  readonly #options: ConnectOptions
  readonly #clock: Clock
  #places: Place[] = []
  #resolvedMs = -Infinity
  #resolving: Promise<void> | undefined
  #next = 0
  #closed = false

  constructor(target: Target, balancing: Balancing, options: ConnectOptions) {
    this.#target = target
    this.#balancing = balancing
    this.#options = options
    this.#clock = options.clock
  }

  /** A connection to send a call over. Rejects with why there is none: the name is unknown, or no address answers. */
  async pick(): Promise<Connection> {
    if (this.#closed) throw new Error('the client is closed')
    const ready = this.#ready()
    const stale = this.#clock.monotonic() - this.#resolvedMs >= resolveEveryMs
    if (ready && !stale) return ready
    if (ready && this.#balancing === 'pick_first') return ready
    if (ready) {
      void this.#resolve().catch(() => {}) // what was known before stays
      return ready
    }
    await this.#resolve()
    return this.#ready() ?? this.#connectNow()
  }

  /** The next one that is connected; those that are not are connected meanwhile, in their time. */
  #ready(): Connection | undefined {
    const count = this.#places.length
    if (this.#balancing === 'pick_first') return this.#places.find((p) => p.connection)?.connection
    for (const place of this.#places) {
      if (place.connection || place.connecting || this.#clock.monotonic() < place.notBeforeMs) continue
      if (place.failures > 0) this.#connect(place).catch(() => {})
    }
    for (let i = 0; i < count; i++) {
      const place = this.#places[(this.#next + i) % count] as Place
      if (!place.connection) continue
      this.#next = (this.#next + i + 1) % count
      return place.connection
    }
    return undefined
  }

  #resolve(): Promise<void> {
    this.#resolving ??= this.#target
      .resolve()
      .then((addresses) => this.#take(addresses))
      .finally(() => (this.#resolving = undefined))
    return this.#resolving
  }

  #take(addresses: readonly Address[]): void {
    this.#resolvedMs = this.#clock.monotonic()
    const known = new Map(this.#places.map((place) => [addressKey(place.address), place]))
    this.#places = addresses.map((address) => {
      const key = addressKey(address)
      const place = known.get(key)
      known.delete(key)
      return place ?? { address, connection: undefined, connecting: undefined, failures: 0, notBeforeMs: -Infinity }
    })
    for (const { connection } of known.values()) connection?.close(false)
    if (this.#balancing === 'round_robin' && this.#places.some((place) => place.connection)) {
      for (const place of this.#places) if (!place.connection) this.#connect(place).catch(() => {})
    }
  }

  async #connectNow(): Promise<Connection> {
    if (this.#places.length === 0) throw new Error('the name has no address')
    if (this.#balancing === 'round_robin') {
      try {
        return await Promise.any(this.#places.map((place) => this.#connect(place)))
      } catch (error) {
        throw (error as AggregateError).errors[0] ?? error
      }
    }
    let problem: unknown
    for (const place of this.#places) {
      try {
        return await this.#connect(place)
      } catch (error) {
        problem = error
      }
    }
    throw problem
  }

  #connect(place: Place): Promise<Connection> {
    if (place.connection) return Promise.resolve(place.connection)
    place.connecting ??= openConnection(place.address, this.#options, () => {
      place.connection = undefined
      // The name may lead elsewhere by now.
      this.#resolvedMs = -Infinity
    }).then(
      (connection) => {
        place.connecting = undefined
        if (this.#closed || !this.#places.includes(place)) {
          connection.close(this.#closed)
          throw new Error('the address is not used any more')
        }
        place.failures = 0
        place.connection = connection.ended ? undefined : connection
        return connection
      },
      (error: Error) => {
        place.connecting = undefined
        const waitMs = Math.min(reconnectMinMs * reconnectFactor ** place.failures++, reconnectMaxMs)
        place.notBeforeMs = this.#clock.monotonic() + waitMs
        throw error
      },
    )
    return place.connecting
  }

  /** Break off every connection. Safe twice. */
  close(): void {
    this.#closed = true
    for (const { connection } of this.#places) connection?.close(true)
  }
}
