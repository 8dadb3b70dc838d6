// The state that a processor keeps for each stream, bounded in number, forgotten when a stream is not seen any more.

/** What is kept for a stream: the monotonic time at which it was seen last (ms). */
export interface StreamState {
  seenMs: number
}

/** The streams of one metric (or of another unit that the user looks up once for many points). */
export class StreamGroup<S extends StreamState> {
  readonly streams = new Map<string, S>()
  readonly #table: StreamTable<S>
  readonly #key: string
  constructor(table: StreamTable<S>, key: string) {
    this.#table = table
    this.#key = key
  }

  /** Undefined for a stream not known. */
  get(key: string): S | undefined {
    return this.streams.get(key)
  }

  /** Keep state for a stream not known so far; false: the table is full, and nothing is kept. */
  add(key: string, state: S): boolean {
    if (this.#table.size >= this.#table.streamsMax) return false
    if (this.streams.size === 0) this.#table.groups.set(this.#key, this)
    this.streams.set(key, state)
    this.#table.size++
    return true
  }
}

/**
 * State by stream, in two levels: a group's key is made once per metric, a stream's once per point. A group is kept from
 * its first stream to its last, so that the number of streams bounds everything.
 */
export class StreamTable<S extends StreamState> {
  readonly streamsMax: number
  /** Streams kept. Changed by the groups only, as is `groups`. */
  size = 0
  readonly groups = new Map<string, StreamGroup<S>>()

  constructor(streamsMax: number) {
    this.streamsMax = streamsMax
  }

  /** To be used at once: a group without streams is not known to the table. */
  group(key: string): StreamGroup<S> {
    return this.groups.get(key) ?? new StreamGroup<S>(this, key)
  }

  /** Forget the streams that were seen last before `beforeMs`; gives how many. */
  expire(beforeMs: number): number {
    let expired = 0
    for (const [groupKey, group] of this.groups) {
      for (const [key, state] of group.streams) {
        if (state.seenMs >= beforeMs) continue
        group.streams.delete(key)
        expired++
      }
      if (group.streams.size === 0) this.groups.delete(groupKey)
    }
    this.size -= expired
    return expired
  }
}
