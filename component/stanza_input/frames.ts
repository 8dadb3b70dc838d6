// Cuts the bytes of one connection or datagram into the texts of entries.
import { type EntryPattern, type LineEncoding, splitEntries } from '#component/tail'

export interface FrameSettings {
  readonly encoding: LineEncoding
  readonly pattern: EntryPattern | undefined
  /** All bytes are one entry. */
  readonly isWhole: boolean
  /** Longer entries come in parts. */
  readonly bytesMax: number
  /** A length stands before each entry, and stays part of it (RFC 6587, 3.4.1). */
  readonly hasLengths: boolean
  /** What ends an entry in place of a line feed; undefined: a line feed does. */
  readonly trailer: number | undefined
}

const noBytes = Buffer.alloc(0)

export class EntryFrames {
  readonly #settings: FrameSettings
  #rest: Buffer = noBytes

  constructor(settings: FrameSettings) {
    this.#settings = settings
  }

  /** Is there something that is no whole entry yet? */
  get holds(): boolean {
    return this.#rest.length > 0
  }

  /** The entries that are whole with these bytes, which must not change afterwards. */
  push(chunk: Buffer): string[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    return this.#take(bytes, false)
  }

  /** No more will come: what is left is an entry. */
  finish(): string[] {
    const bytes = this.#rest
    this.#rest = noBytes
    return bytes.length === 0 ? [] : this.#take(bytes, true)
  }

  #take(bytes: Buffer, isLast: boolean): string[] {
    const { bytesMax, encoding, isWhole } = this.#settings
    const out: string[] = []
    let at = isWhole && !isLast ? 0 : this.#split(bytes, isLast, out)
    while (bytes.length - at >= bytesMax) {
      const end = at + bytesMax
      out.push(encoding.decode(bytes, at, end))
      at = end
    }
    this.#rest = at === bytes.length ? noBytes : Buffer.from(bytes.subarray(at))
    return out
  }

  /** Adds whole entries to `out`; gives where what is left begins. */
  #split(bytes: Buffer, isLast: boolean, out: string[]): number {
    const { encoding, pattern, isWhole, hasLengths, trailer } = this.#settings
    if (isWhole) {
      out.push(encoding.decode(bytes, 0, Math.min(bytes.length, this.#settings.bytesMax)))
      return bytes.length
    }
    if (hasLengths) return this.#splitByLength(bytes, isLast, out)
    if (trailer !== undefined) return this.#splitByTrailer(bytes, trailer, isLast, out)
    const { entries, end } = splitEntries(pattern, encoding, bytes, { start: 0, end: bytes.length, isLast })
    for (const entry of entries) out.push(entry)
    return Math.max(end, 0)
  }

  #splitByTrailer(bytes: Buffer, trailer: number, isLast: boolean, out: string[]): number {
    let at = 0
    for (let end = bytes.indexOf(trailer); end >= 0; end = bytes.indexOf(trailer, at)) {
      out.push(this.#settings.encoding.decode(bytes, at, end))
      at = end + 1
    }
    if (isLast && at < bytes.length) out.push(this.#settings.encoding.decode(bytes, at, bytes.length))
    return isLast ? bytes.length : at
  }

  /** Bytes that begin with no length are one entry up to where a line ends. */
  #splitByLength(bytes: Buffer, isLast: boolean, out: string[]): number {
    const { encoding } = this.#settings
    let at = 0
    while (at < bytes.length) {
      const head = /^([1-9]\d{0,9}) /.exec(bytes.toString('latin1', at, at + 12))
      let end: number
      if (head !== null) end = at + head[0].length + Number(head[1])
      else if (!isLast && bytes.length - at <= 10 && /^\d+$/.test(bytes.toString('latin1', at))) break
      else {
        const line = bytes.indexOf(10, at)
        end = line < 0 ? Infinity : line + 1
      }
      if (end > bytes.length && !isLast) break
      end = Math.min(end, bytes.length)
      const text = encoding.decode(bytes, at, end)
      if (text.trim() !== '') out.push(text)
      at = end
    }
    return at
  }
}
