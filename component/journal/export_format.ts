// Reads systemd's journal export format (systemd.io/JOURNAL_EXPORT_FORMATS): entries of fields, some of them binary.

/** One entry. Values are bytes until somebody asks for their text. */
export class JournalEntry {
  /** Where to go on from, once this one is settled. */
  cursor = ''
  /** When the journal took the entry; 0: it does not say. */
  realtimeMicroseconds = 0n
  /** In the order of the journal; a name may come more than once. */
  readonly names: string[] = []
  readonly values: Buffer[] = []

  /** The text of the last field of that name; undefined: there is none. */
  get(name: string): string | undefined {
    const at = this.names.lastIndexOf(name)
    return at < 0 ? undefined : this.value(at)
  }

  value(at: number): string {
    return (this.values[at] as Buffer).toString('utf8')
  }
}

export interface JournalSink {
  entry(entry: JournalEntry): void
  /** Something was left out, and why. */
  fault(why: string): void
}

const newline = 10
const equals = 61
const sizeBytes = 8

/** Bytes of one entry in memory; fields that would make more are left out. */
export const entryBytesMaxDefault = 16 * 1024 * 1024

/** The bytes that stand before a text or binary value are bounded: a name has at most 64 characters. */
const nameBytesMax = 256

export class JournalExportParser {
  readonly #sink: JournalSink
  readonly #entryBytesMax: number
  readonly #names = new Map<string, string>()
  #rest: Buffer = Buffer.alloc(0)
  #entry = new JournalEntry()
  #entryBytes = 0
  /** Bytes of a value that is too large, its newline included, yet to be passed over. */
  #skip = 0
  #skipLine = false
  /** The start of the rest was looked through up to here without finding a newline. */
  #looked = 0

  constructor(sink: JournalSink, entryBytesMax: number = entryBytesMaxDefault) {
    this.#sink = sink
    this.#entryBytesMax = entryBytesMax
  }

  /** The next bytes, cut anywhere. Values refer to `chunk`: it must not be changed afterwards. */
  push(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    for (;;) {
      const next = this.#field(bytes, at)
      if (next < 0) break
      at = next
    }
    at += this.#passOver(bytes, at)
    this.#rest = at === bytes.length ? Buffer.alloc(0) : bytes.subarray(at)
    this.#looked = Math.max(0, this.#looked - at)
  }

  #passOver(bytes: Buffer, at: number): number {
    const passed = Math.min(this.#skip, bytes.length - at)
    this.#skip -= passed
    return passed
  }

  /** Behind the field or line at `at`; -1: it is not all there. */
  #field(bytes: Buffer, at: number): number {
    if (this.#skip > 0) {
      if (bytes.length - at < this.#skip) return -1
      return at + this.#passOver(bytes, at)
    }
    const end = bytes.indexOf(newline, Math.max(at, this.#looked))
    if (end < 0) return this.#longLine(bytes, at)
    if (this.#skipLine) {
      this.#skipLine = false
      return end + 1
    }
    if (end === at) {
      this.#finish()
      return end + 1
    }
    const sign = bytes.indexOf(equals, at)
    if (sign >= 0 && sign < end) {
      this.#add(bytes, at, sign, sign + 1, end)
      return end + 1
    }
    return this.#binary(bytes, at, end)
  }

  /** A line of which the end is not there. */
  #longLine(bytes: Buffer, at: number): number {
    const length = bytes.length - at
    if (!this.#skipLine && length <= this.#entryBytesMax) {
      this.#looked = bytes.length
      return -1
    }
    if (!this.#skipLine) this.#sink.fault('a field is too large')
    this.#skipLine = true
    // What is passed over need not be kept.
    this.#looked = 0
    return length === 0 ? -1 : bytes.length
  }

  /** `NAME\n`, the size of the value in eight bytes (little-endian), the value, and a newline. */
  #binary(bytes: Buffer, at: number, end: number): number {
    if (end - at > nameBytesMax) {
      this.#sink.fault('a line is no field')
      return end + 1
    }
    const start = end + 1 + sizeBytes
    if (bytes.length < start) {
      this.#looked = at
      return -1
    }
    const size = Number(bytes.readBigUInt64LE(end + 1))
    if (size > this.#entryBytesMax) {
      this.#sink.fault('a field is too large')
      this.#skip = size + 1
      return start
    }
    if (bytes.length < start + size + 1) {
      this.#looked = at
      return -1
    }
    this.#add(bytes, at, end, start, start + size)
    return start + size + 1
  }

  #add(bytes: Buffer, at: number, nameEnd: number, start: number, end: number): void {
    const name = this.#name(bytes.toString('latin1', at, nameEnd))
    // Fields with two underscores are the journal's word on the entry, and none of its fields.
    if (name.startsWith('__')) {
      if (name === '__CURSOR') this.#entry.cursor = bytes.toString('latin1', start, end)
      else if (name === '__REALTIME_TIMESTAMP') {
        const text = bytes.toString('latin1', start, end)
        if (/^\d{1,18}$/.test(text)) this.#entry.realtimeMicroseconds = BigInt(text)
      }
      return
    }
    this.#entryBytes += end - at
    if (this.#entryBytes > this.#entryBytesMax) {
      this.#sink.fault('an entry is too large')
      return
    }
    this.#entry.names.push(name)
    this.#entry.values.push(bytes.subarray(start, end))
  }

  /** Names are few: the same string for the same name. */
  #name(text: string): string {
    const known = this.#names.get(text)
    if (known !== undefined) return known
    if (this.#names.size >= 10_000) this.#names.clear()
    this.#names.set(text, text)
    return text
  }

  #finish(): void {
    const entry = this.#entry
    if (entry.names.length === 0 && entry.cursor === '') return
    this.#entry = new JournalEntry()
    this.#entryBytes = 0
    this.#sink.entry(entry)
  }
}
