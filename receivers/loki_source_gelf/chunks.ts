// Puts together GELF messages that come in several datagrams (go2docs.graylog.org, "GELF via UDP").
import type { Clock } from '#component'

export interface ChunkLimits {
  /** Messages of which not all has come; the oldest is given up for a new one. */
  readonly messagesMax: number
  /** Bytes of them together. */
  readonly bytesMax: number
}

export const chunkLimitsDefault: ChunkLimits = { messagesMax: 1000, bytesMax: 32 * 1024 * 1024 }

/** All chunks come within so long, or the message is lost. */
export const chunksMs = 5000
/** Two magic bytes, eight of the message's id, the chunk's number and how many there are. */
const headerBytes = 12
export const chunksMax = 128

class Pending {
  readonly chunks: (Buffer | undefined)[]
  readonly untilMs: number
  bytes = 0
  missing: number
  constructor(count: number, untilMs: number) {
    this.chunks = Array.from({ length: count })
    this.missing = count
    this.untilMs = untilMs
  }
}

export class ChunkedMessages {
  /** Messages of which not all came in time, or for which there was no room. */
  lost = 0
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #limits: ChunkLimits
  /** By sender and id, oldest first. */
  readonly #pending = new Map<string, Pending>()
  #bytes = 0

  constructor(clock: Pick<Clock, 'monotonic'>, limits: ChunkLimits = chunkLimitsDefault) {
    this.#clock = clock
    this.#limits = limits
  }

  get pending(): number {
    return this.#pending.size
  }

  static isChunk(datagram: Buffer): boolean {
    return datagram.length >= 2 && datagram[0] === 0x1e && datagram[1] === 0x0f
  }

  /** The whole message once its last chunk is there; undefined: it is not. Throws for what is no chunk. */
  add(datagram: Buffer, sender: string): Buffer | undefined {
    if (datagram.length <= headerBytes) throw new Error('a chunk is too short')
    const number = datagram[10] as number
    const count = datagram[11] as number
    if (count === 0 || count > chunksMax) throw new Error(`a message has more than the ${chunksMax} chunks allowed`)
    if (number >= count) throw new Error('a chunk has a number that there is not')
    this.#expire()
    const key = `${sender} ${datagram.toString('latin1', 2, 10)}`
    const pending = this.#pending.get(key) ?? this.#begin(key, count)
    if (pending.chunks.length !== count) throw new Error('the chunks of a message differ in their count')
    if (pending.chunks[number] !== undefined) return undefined
    pending.chunks[number] = datagram.subarray(headerBytes)
    pending.missing--
    pending.bytes += datagram.length
    this.#bytes += datagram.length
    if (pending.missing === 0) {
      this.#forget(key, pending)
      return Buffer.concat(pending.chunks as Buffer[])
    }
    this.#makeRoom()
    return undefined
  }

  #begin(key: string, count: number): Pending {
    const pending = new Pending(count, this.#clock.monotonic() + chunksMs)
    this.#pending.set(key, pending)
    return pending
  }

  #expire(): void {
    const now = this.#clock.monotonic()
    for (const [key, pending] of this.#pending) {
      if (pending.untilMs > now) return
      this.#forget(key, pending)
      this.lost++
    }
  }

  #makeRoom(): void {
    for (const [key, pending] of this.#pending) {
      if (this.#pending.size <= this.#limits.messagesMax && this.#bytes <= this.#limits.bytesMax) return
      this.#forget(key, pending)
      this.lost++
    }
  }

  #forget(key: string, pending: Pending): void {
    this.#pending.delete(key)
    this.#bytes -= pending.bytes
  }
}
