// Lines that wait for a request to fill up: by tenant and shard, in streams.
import { type Labels, LogStream } from '#pdata'

/** What a stream becomes here: its final labels, and where its lines go. */
export class Route {
  readonly labels: Labels
  /** The labels as text: which stream it is. */
  readonly key: string
  readonly tenant: string
  readonly lane: number
  /** The pending request's key. */
  readonly batchKey: string
  constructor(labels: Labels, key: string, tenant: string, lane: number) {
    this.labels = labels
    this.key = key
    this.tenant = tenant
    this.lane = lane
    this.batchKey = `${lane} ${tenant}`
  }
}

class PendingStream {
  readonly labels: Labels
  readonly timestampsNs: bigint[] = []
  readonly lines: string[] = []
  readonly metadata: (Labels | null)[] = []
  hasMetadata = false
  constructor(labels: Labels) {
    this.labels = labels
  }
}

/** One request of one tenant while it fills up. */
export class PendingBatch {
  readonly tenant: string
  readonly lane: number
  readonly createdMs: number
  entries = 0
  /** Of lines and structured metadata, as Loki counts them. */
  bytes = 0
  readonly #streams = new Map<string, PendingStream>()

  constructor(route: Route, createdMs: number) {
    this.tenant = route.tenant
    this.lane = route.lane
    this.createdMs = createdMs
  }

  get streamCount(): number {
    return this.#streams.size
  }

  hasStream(key: string): boolean {
    return this.#streams.has(key)
  }

  add(route: Route, stream: LogStream, i: number, bytes: number): void {
    let pending = this.#streams.get(route.key)
    if (pending === undefined) this.#streams.set(route.key, (pending = new PendingStream(route.labels)))
    const metadata = stream.metadata === null ? null : stream.metadata[i]!
    pending.timestampsNs.push(stream.timestampsNs[i]!)
    pending.lines.push(stream.lines[i]!)
    pending.metadata.push(metadata)
    if (metadata !== null) pending.hasMetadata = true
    this.entries++
    this.bytes += bytes
  }

  streams(): LogStream[] {
    return [...this.#streams.values()].map(
      ({ labels, timestampsNs, lines, metadata, hasMetadata }) =>
        new LogStream(labels, BigInt64Array.from(timestampsNs), lines, hasMetadata ? metadata : null),
    )
  }
}

/** A line's size as Loki counts it: its bytes and those of its structured metadata. */
export function entryBytes(stream: LogStream, i: number): number {
  let bytes = Buffer.byteLength(stream.lines[i]!)
  const metadata = stream.metadata === null ? null : stream.metadata[i]!
  if (metadata !== null) for (const text of metadata) bytes += Buffer.byteLength(text)
  return bytes
}
