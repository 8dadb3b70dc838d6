// Binds an address that may be taken: tried again, with waits between, until it is free.
import type { Clock, Logger, Timer } from '#component'
import { Backoff } from '#lib/backoff'

const bindWait = { minMs: 1000, maxMs: 30_000 }

export interface RetriedBindOptions {
  readonly clock: Clock
  readonly log: Logger
  /** Told after every try: '' once it is bound, else why it is not yet. */
  tried(failure: string): void
}

/** What is bound. Both may be called once; a `stop` may come while `start` is under way. */
export interface Bindable {
  /** Rejects with an error that names the address. */
  start(): Promise<void>
  stop(deadlineMs: number): Promise<void>
}

export class RetriedBind<B extends Bindable> {
  readonly #options: RetriedBindOptions
  readonly #make: () => B
  readonly #backoff: Backoff
  #bound: B | undefined
  #timer: Timer | undefined
  #stopped = false

  /** `make` gives what is tried, each time: a new one, or the same again. */
  constructor(options: RetriedBindOptions, make: () => B) {
    this.#options = options
    this.#make = make
    this.#backoff = new Backoff({ ...bindWait, random: () => options.clock.random() })
  }

  /** Undefined until it is bound. */
  get bound(): B | undefined {
    return this.#bound
  }

  /** Done after the first try, whatever came of it. */
  async start(): Promise<void> {
    if (this.#stopped) return
    let server: B | undefined
    try {
      server = this.#make()
      await server.start()
    } catch (error) {
      const { message } = error as Error
      this.#options.log.error('Cannot serve yet; it is tried again', { err: message })
      this.#options.tried(message)
      if (!this.#stopped) this.#timer = this.#options.clock.setTimeout(() => void this.start(), this.#backoff.nextMs())
      return
    }
    if (this.#stopped) {
      await server.stop(0)
      return
    }
    this.#bound = server
    this.#options.tried('')
  }

  /** Another one, bound already, in the place of the one that is. */
  replace(server: B): void {
    this.#bound = server
  }

  /** Safe twice, and without a start. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    const server = this.#bound
    this.#bound = undefined
    await server?.stop(deadlineMs)
  }
}
