// Accounting for components that turn one kind of batch into another: a bridge takes items and makes items of its own.
import type { Batch, Consumer, NodeCounters } from '#component'

/**
 * Hands `made` on and counts: `taken` items came in (the service counted them) and count as out, or as dropped under
 * their reason; those of `made` count as in, and as out when the next took them. Where the next refuses, nothing of this
 * is counted, since the service counts all that was taken as refused.
 */
export function handOn<B extends Batch>(
  counters: NodeCounters,
  next: Consumer<B>,
  taken: number,
  dropped: ReadonlyMap<string, number>,
  made: B,
): void | Promise<void> {
  const { count } = made
  counters.out += taken
  counters.in += count
  const done = (): void => {
    for (const [reason, items] of dropped) {
      counters.out -= items
      counters.drop(reason, items)
    }
  }
  const undo = (): void => {
    counters.out -= taken
    counters.in -= count
  }
  if (count === 0) {
    done()
    return undefined
  }
  try {
    const waiting = next.consume(made)
    if (waiting) {
      return waiting.then(done, (error: unknown) => {
        undo()
        throw error
      })
    }
  } catch (error) {
    undo()
    throw error
  }
  done()
  return undefined
}
