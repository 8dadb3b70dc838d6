// How the bytes of a file become text, and where its lines end.

const lineFeed = 0x0a
const carriageReturn = 0x0d

/**
 * One encoding. Where a line ends is found in the bytes, so that a file is only ever cut between characters: one byte 0x0a
 * in UTF-8 and whatever has ASCII in its lower half, two bytes in UTF-16.
 */
export class LineEncoding {
  readonly name: string
  /** Bytes of a line's end: 1 or 2. */
  readonly unitBytes: number
  readonly #bigEndian: boolean
  readonly #decoder: TextDecoder | null

  constructor(name: string, unitBytes: 1 | 2, bigEndian: boolean, decoder: TextDecoder | null) {
    this.name = name
    this.unitBytes = unitBytes
    this.#bigEndian = bigEndian
    this.#decoder = decoder
  }

  /** Behind the last line's end within `start` to `end`, or -1. `start` is where a character begins. */
  lastEnd(bytes: Buffer, start: number, end: number): number {
    if (end <= start) return -1
    if (this.unitBytes === 1) {
      const at = bytes.lastIndexOf(lineFeed, end - 1)
      return at < start ? -1 : at + 1
    }
    for (let at = start + ((end - start) & ~1) - 2; at >= start; at -= 2) if (this.#isEnd(bytes, at)) return at + 2
    return -1
  }

  /** Behind the first line's end within `start` to `end`, or -1. */
  firstEnd(bytes: Buffer, start: number, end: number): number {
    if (this.unitBytes === 1) {
      const at = bytes.indexOf(lineFeed, start)
      return at < 0 || at >= end ? -1 : at + 1
    }
    for (let at = start; at + 1 < end; at += 2) if (this.#isEnd(bytes, at)) return at + 2
    return -1
  }

  /** How long the line is that `end` stands behind, without its line feed and a carriage return before it. */
  lineBytes(bytes: Buffer, start: number, end: number): number {
    const unit = this.unitBytes
    let at = end
    if (at - unit >= start && this.#isUnit(bytes, at - unit, lineFeed)) at -= unit
    if (at - unit >= start && this.#isUnit(bytes, at - unit, carriageReturn)) at -= unit
    return at - start
  }

  #isEnd(bytes: Buffer, at: number): boolean {
    return this.#isUnit(bytes, at, lineFeed)
  }

  #isUnit(bytes: Buffer, at: number, ascii: number): boolean {
    if (this.unitBytes === 1) return bytes[at] === ascii
    return this.#bigEndian ? bytes[at] === 0 && bytes[at + 1] === ascii : bytes[at] === ascii && bytes[at + 1] === 0
  }

  /** The text of whole characters; what is not valid becomes U+FFFD. The bytes are read, not changed. */
  decode(bytes: Buffer, start: number, end: number): string {
    if (this.#decoder !== null) return this.#decoder.decode(bytes.subarray(start, end))
    if (this.unitBytes === 2) {
      const whole = start + ((end - start) & ~1)
      if (!this.#bigEndian) return bytes.toString('utf16le', start, whole)
      return Buffer.from(bytes.subarray(start, whole)).swap16().toString('utf16le')
    }
    return bytes.toString(this === utf8 ? 'utf8' : 'latin1', start, end)
  }
}

const utf8 = new LineEncoding('utf-8', 1, false, null)
const latin1 = new LineEncoding('iso-8859-1', 1, false, null)
/** Bytes that are no text: as they come, one character each, without lines. */
export const nopEncoding = new LineEncoding('nop', 1, false, null)
const utf16le = new LineEncoding('utf-16le', 2, false, null)
const utf16be = new LineEncoding('utf-16be', 2, true, null)

/** Names of IANA's registry that the platform's decoder reads as another encoding, or does not know. */
const own: Readonly<Record<string, LineEncoding>> = {
  '': utf8,
  'utf-8': utf8,
  utf8,
  'us-ascii': utf8,
  ascii: utf8,
  'iso-8859-1': latin1,
  'iso_8859-1': latin1,
  latin1,
  l1: latin1,
  'utf-16': utf16be, // Without a byte order mark it is big endian (RFC 2781, section 4.3).
  'utf-16be': utf16be,
  'utf-16le': utf16le,
}

/** The encoding of that name (IANA, any case); empty: UTF-8. Throws RangeError for one that is not known. */
export function lineEncoding(name: string): LineEncoding {
  const key = name.trim().toLowerCase()
  const found = own[key]
  if (found !== undefined) return found
  const decoder = new TextDecoder(key)
  if (decoder.encoding === 'utf-8') return utf8
  if (decoder.encoding === 'utf-16le') return utf16le
  if (decoder.encoding === 'utf-16be') return utf16be
  return new LineEncoding(decoder.encoding, 1, false, decoder)
}

/** The byte order mark at the beginning of a file: its length (0: none), and the encoding it tells of. */
export function byteOrderMark(head: Uint8Array): { bytes: number; encoding: LineEncoding | null } {
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) return { bytes: 3, encoding: utf8 }
  if (head[0] === 0xfe && head[1] === 0xff) return { bytes: 2, encoding: utf16be }
  if (head[0] === 0xff && head[1] === 0xfe) return { bytes: 2, encoding: utf16le }
  return { bytes: 0, encoding: null }
}

/** The lines in a text that ends with a line's end; a carriage return before it belongs to it. */
export function splitLines(text: string): string[] {
  const lines = text.split('\n')
  if (lines[lines.length - 1] === '') lines.pop()
  if (text.includes('\r')) {
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i] as string
      if (line.charCodeAt(line.length - 1) === 13) lines[i] = line.slice(0, -1)
    }
  }
  return lines
}
