// Hands on what a processor made of a batch, and counts what it took out or put in once that was taken.
import type { Batch, Consumer, Host } from '#component'

/**
 * A refused batch counts as refused whole, at the port: what was taken out of it must not count then, or it would count
 * twice. So it is counted when the next consumer took the rest, and waits until then. Items put in came in here.
 */
export class ChangedOutlet {
  readonly #host: Host
  readonly #reason: string
  #undecided = 0

  /** `reason`: under which items that are gone count as dropped. */
  constructor(host: Host, reason: string) {
    this.#host = host
    this.#reason = reason
    host.counters.observeWaiting(() => this.#undecided)
  }

  /** `before`: items that came in. Nothing is sent where none are left of some. */
  handOn<B extends Batch>(next: Consumer<B>, before: number, batch: B): void | Promise<void> {
    const gone = before - batch.count
    if (batch.count === 0 && gone > 0) {
      this.#count(gone)
      return undefined
    }
    const done = next.consume(batch)
    if (gone === 0) return done
    if (done) return this.#settle(done, gone)
    this.#count(gone)
    return undefined
  }

  async #settle(done: Promise<void>, gone: number): Promise<void> {
    this.#undecided += gone
    try {
      await done
      this.#count(gone)
    } finally {
      this.#undecided -= gone
    }
  }

  #count(gone: number): void {
    if (gone < 0) this.#host.counters.in -= gone
    else this.#host.counters.drop(this.#reason, gone)
  }
}
