// Lines that were read together, gathered into streams by their labels.
import { type Labels, LogStream } from '#pdata'
import { LineTimes } from '#pdata/loki'

class Gathering {
  readonly labels: Labels
  readonly lines: string[] = []
  /** Of each line its own time, or how many lines came before it. */
  readonly times: (bigint | number)[] = []
  readonly metadata: (Labels | null)[] = []
  hasMetadata = false
  constructor(labels: Labels) {
    this.labels = labels
  }
}

export class GatheredLines {
  readonly #times = new LineTimes()
  #streams = new Map<Labels, Gathering>()
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Lines of one label set are told by the object. `timestampNs` null: the time of the take. */
  add(labels: Labels, line: string, timestampNs: bigint | null, metadata: Labels | null = null): void {
    let stream = this.#streams.get(labels)
    if (stream === undefined) {
      stream = new Gathering(labels)
      this.#streams.set(labels, stream)
    }
    stream.lines.push(line)
    stream.times.push(timestampNs ?? this.#count)
    stream.metadata.push(metadata)
    if (metadata !== null) stream.hasMetadata = true
    this.#count++
  }

  /** What was gathered, and an empty start. Lines without a time of their own get different ones, in their order. */
  take(nowMs: number): LogStream[] {
    const received = this.#times.take(nowMs, this.#count)
    const out: LogStream[] = []
    for (const { labels, lines, times, metadata, hasMetadata } of this.#streams.values()) {
      const timestamps = new BigInt64Array(times.length)
      for (let i = 0; i < times.length; i++) {
        const time = times[i] as bigint | number
        timestamps[i] = typeof time === 'bigint' ? time : (received[time] as bigint)
      }
      out.push(new LogStream(labels, timestamps, lines, hasMetadata ? metadata : null))
    }
    this.#streams = new Map()
    this.#count = 0
    return out
  }
}
