// A queue on disk: records appended to segment files, read in order, gone once committed.
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'

/** Every segment begins with this, so that another program's file is never taken for one. */
const magic = Buffer.from('SOLDERQ1')
/** Before each payload: its length and CRC-32, little endian. */
const recordHeaderBytes = 8
const segmentName = /^(\d{16})\.seg$/
const headFile = 'head'

export interface SegmentLogOptions {
  readonly directory: string
  /** A segment is closed when it has grown to this. */
  readonly segmentBytesMax: number
  /** One record may be this long; a longer length found on disk is damage. */
  readonly recordBytesMax: number
  /** Told of every segment (or rest of one) that cannot be read; it is kept under another name. */
  onDamage(message: string): void
}

/** Where a record ends: everything up to there can be committed. */
export interface LogPosition {
  readonly segment: number
  readonly offset: number
}

export interface LogRecord {
  readonly payload: Uint8Array
  readonly end: LogPosition
}

interface Segment {
  readonly id: number
  bytes: number
}

/**
 * Records in the order of appending. Written by one process at a time. Calls may overlap: they are done one after the
 * other.
 *
 * What was appended but not synced may be gone after a power cut, never after the process's death: a torn record at the
 * end of a segment is cut off when the log is opened again.
 */
export class SegmentLog {
  readonly #options: SegmentLogOptions
  readonly #segments: Segment[] = []
  #tail: FileHandle | undefined
  #tailId = 0
  #reader: { handle: FileHandle; id: number } | undefined
  #read: LogPosition = { segment: 0, offset: magic.length }
  #head: LogPosition = { segment: 0, offset: magic.length }
  #headOnDisk: LogPosition | undefined
  #dirty = false
  #bytesWritten = 0
  #last: Promise<unknown> = Promise.resolve()

  private constructor(options: SegmentLogOptions) {
    this.#options = options
  }

  /** Open the log in a directory, which is made when missing. Rejects when the directory cannot be used. */
  static async open(options: SegmentLogOptions): Promise<SegmentLog> {
    const log = new SegmentLog(options)
    await mkdir(options.directory, { recursive: true })
    await log.#recover()
    return log
  }

  /** Is there a log with something in it? Makes nothing. */
  static async exists(directory: string): Promise<boolean> {
    const names = await readdir(directory).catch(() => [])
    return names.some((name) => segmentName.test(name))
  }

  /** Bytes on disk that are not committed yet, record headers included. */
  get bytes(): number {
    let sum = 0
    for (const { id, bytes } of this.#segments) {
      if (id > this.#head.segment) sum += bytes - magic.length
      else if (id === this.#head.segment) sum += bytes - this.#head.offset
    }
    return sum
  }

  /** All bytes written by this process, for the benchmark of wear. */
  get bytesWritten(): number {
    return this.#bytesWritten
  }

  /** True when everything appended has been read. */
  get drained(): boolean {
    const last = this.#segments.at(-1)
    return !last || this.#read.segment > last.id || (this.#read.segment === last.id && this.#read.offset >= last.bytes)
  }

  /** Run `work` when all that was asked for before is done. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => {})
    return done
  }

  // ------------------------------------------------------------------------------------------ opening

  async #recover(): Promise<void> {
    const { directory } = this.#options
    const names = await readdir(directory)
    const ids = names.flatMap((name) => {
      const m = segmentName.exec(name)
      return m ? [Number(m[1])] : []
    })
    ids.sort((a, b) => a - b)
    for (const id of ids) {
      const bytes = await this.#check(id)
      if (bytes > magic.length) this.#segments.push({ id, bytes })
      else await rm(this.#path(id), { force: true })
    }
    this.#tailId = ids.at(-1) ?? 0
    const saved = await this.#savedHead()
    const first = this.#segments[0]
    const begin = first
      ? { segment: first.id, offset: magic.length }
      : { segment: this.#tailId + 1, offset: magic.length }
    const known = saved && this.#segments.find((s) => s.id === saved.segment)
    this.#head = saved && known && saved.offset <= known.bytes ? saved : begin
    this.#read = this.#head
    await this.#forget()
  }

  /** The length of a segment up to its last whole record. What comes behind is cut off (a torn tail) or set aside. */
  async #check(id: number): Promise<number> {
    const path = this.#path(id)
    let text: Buffer
    try {
      text = await readFile(path)
    } catch (error) {
      await this.#setAside(id, `Cannot read ${path}: ${(error as Error).message}`)
      return 0
    }
    if (text.length < magic.length || !text.subarray(0, magic.length).equals(magic)) {
      if (text.length > 0) await this.#setAside(id, `Cannot read ${path}: it does not begin as a segment does`)
      return 0
    }
    let at = magic.length
    while (at + recordHeaderBytes <= text.length) {
      const length = text.readUInt32LE(at)
      const end = at + recordHeaderBytes + length
      if (length > this.#options.recordBytesMax) break
      if (end > text.length) break
      if (crc32(text.subarray(at + recordHeaderBytes, end)) !== text.readUInt32LE(at + 4)) break
      at = end
    }
    if (at < text.length) await this.#cut(id, at, text.length)
    return at
  }

  async #cut(id: number, at: number, length: number): Promise<void> {
    const path = this.#path(id)
    const handle = await open(path, 'r+')
    try {
      const rest = Buffer.alloc(length - at)
      await handle.read(rest, 0, rest.length, at)
      await writeFile(`${path}.damaged`, rest)
      await handle.truncate(at)
    } finally {
      await handle.close()
    }
    this.#options.onDamage(`Cut ${length - at} bytes off ${path}: no whole record is there`)
  }

  async #setAside(id: number, message: string): Promise<void> {
    await rename(this.#path(id), `${this.#path(id)}.damaged`).catch(() => {})
    this.#options.onDamage(message)
  }

  async #savedHead(): Promise<LogPosition | undefined> {
    try {
      const [segment, offset] = (await readFile(join(this.#options.directory, headFile), 'latin1'))
        .trim()
        .split(' ')
        .map(Number)
      if (Number.isSafeInteger(segment) && Number.isSafeInteger(offset)) {
        return { segment: segment as number, offset: offset as number }
      }
    } catch {
      // None saved: reading begins at the first record there is.
    }
    return undefined
  }

  #path(id: number): string {
    return join(this.#options.directory, `${String(id).padStart(16, '0')}.seg`)
  }

  // ---------------------------------------------------------------------------------------- appending

  /**
   * Append records, in one write. Rejects when they cannot be written (disk full): then none of them counts as appended.
   * Resolves with the end of each. Not synced: see `sync`.
   */
  append(payloads: readonly Uint8Array[]): Promise<LogPosition[]> {
    return this.#inTurn(() => this.#append(payloads))
  }

  async #append(payloads: readonly Uint8Array[]): Promise<LogPosition[]> {
    if (payloads.length === 0) return []
    const tail = await this.#openTail()
    const segment = this.#segments.at(-1) as Segment
    const parts: Uint8Array[] = []
    const ends: LogPosition[] = []
    let bytes = 0
    for (const payload of payloads) {
      const header = Buffer.allocUnsafe(recordHeaderBytes)
      header.writeUInt32LE(payload.length, 0)
      header.writeUInt32LE(crc32(payload), 4)
      parts.push(header, payload)
      bytes += recordHeaderBytes + payload.length
      ends.push({ segment: segment.id, offset: segment.bytes + bytes })
    }
    try {
      await writeAll(tail, parts, segment.bytes)
    } catch (error) {
      await tail.truncate(segment.bytes).catch(() => {})
      throw error
    }
    segment.bytes += bytes
    this.#bytesWritten += bytes
    this.#dirty = true
    return ends
  }

  async #openTail(): Promise<FileHandle> {
    const last = this.#segments.at(-1)
    if (this.#tail && last && last.bytes < this.#options.segmentBytesMax) return this.#tail
    await this.#sync()
    await this.#tail?.close()
    this.#tail = undefined
    const id = ++this.#tailId
    const handle = await open(this.#path(id), 'wx')
    try {
      await handle.write(magic, 0, magic.length, 0)
    } catch (error) {
      await handle.close()
      await rm(this.#path(id), { force: true })
      throw error
    }
    this.#tail = handle
    this.#segments.push({ id, bytes: magic.length })
    this.#bytesWritten += magic.length
    return handle
  }

  /** Make what was appended outlive a power cut. */
  sync(): Promise<void> {
    return this.#inTurn(() => this.#sync())
  }

  async #sync(): Promise<void> {
    if (!this.#dirty || !this.#tail) return
    this.#dirty = false
    await this.#tail.datasync()
  }

  // ------------------------------------------------------------------------------------------ reading

  /** The next record that was not read yet, or undefined. A damaged one is passed over with the rest of its segment. */
  read(): Promise<LogRecord | undefined> {
    return this.#inTurn(() => this.#readNext())
  }

  async #readNext(): Promise<LogRecord | undefined> {
    for (;;) {
      const segment = this.#segments.find((s) => s.id >= this.#read.segment)
      if (!segment) return undefined
      if (segment.id > this.#read.segment) this.#read = { segment: segment.id, offset: magic.length }
      if (this.#read.offset >= segment.bytes) {
        if (segment === this.#segments.at(-1)) return undefined
        this.#read = { segment: segment.id + 1, offset: magic.length }
        continue
      }
      const record = await this.#readAt(segment)
      if (record) return record
    }
  }

  async #readAt(segment: Segment): Promise<LogRecord | undefined> {
    const { offset } = this.#read
    try {
      const handle = await this.#openReader(segment.id)
      const header = Buffer.allocUnsafe(recordHeaderBytes)
      await readAll(handle, header, offset)
      const length = header.readUInt32LE(0)
      if (length > this.#options.recordBytesMax || offset + recordHeaderBytes + length > segment.bytes) {
        throw new Error(`a record of ${length} bytes at ${offset} does not fit`)
      }
      const payload = Buffer.allocUnsafeSlow(length)
      await readAll(handle, payload, offset + recordHeaderBytes)
      if (crc32(payload) !== header.readUInt32LE(4)) throw new Error(`the checksum at ${offset} is wrong`)
      const end = { segment: segment.id, offset: offset + recordHeaderBytes + length }
      this.#read = end
      return { payload, end }
    } catch (error) {
      this.#options.onDamage(`Cannot read on in ${this.#path(segment.id)}: ${(error as Error).message}`)
      this.#read = { segment: segment.id, offset: segment.bytes }
      return undefined
    }
  }

  async #openReader(id: number): Promise<FileHandle> {
    if (this.#reader?.id === id) return this.#reader.handle
    await this.#reader?.handle.close()
    this.#reader = undefined
    const handle = await open(this.#path(id), 'r')
    this.#reader = { handle, id }
    return handle
  }

  /** Go on reading behind `end`: the caller still has the records up to there. */
  skipTo(end: LogPosition): void {
    if (isBefore(this.#read, end)) this.#read = end
  }

  /** Everything up to `end` is done with. Segments that are done with as a whole are deleted; nothing else is written. */
  commit(end: LogPosition): Promise<void> {
    return this.#inTurn(async () => {
      if (isBefore(this.#head, end)) this.#head = end
      await this.#forget()
    })
  }

  /** Delete the oldest segment whole, read or not; the number of bytes let go. For keeping within a bound. */
  dropOldest(): Promise<{ bytes: number; payloads: Uint8Array[]; segment: number }> {
    return this.#inTurn(() => this.#dropOldest())
  }

  async #dropOldest(): Promise<{ bytes: number; payloads: Uint8Array[]; segment: number }> {
    const first = this.#segments[0]
    if (!first) return { bytes: 0, payloads: [], segment: 0 }
    const payloads: Uint8Array[] = []
    const text = await readFile(this.#path(first.id)).catch(() => Buffer.alloc(0))
    let at = this.#head.segment === first.id ? this.#head.offset : magic.length
    const begin = at
    while (at + recordHeaderBytes <= Math.min(text.length, first.bytes)) {
      const end = at + recordHeaderBytes + text.readUInt32LE(at)
      payloads.push(text.subarray(at + recordHeaderBytes, end))
      at = end
    }
    const next = { segment: first.id + 1, offset: magic.length }
    if (this.#segments.length === 1) {
      await this.#tail?.close()
      this.#tail = undefined
      this.#dirty = false
    }
    if (isBefore(this.#head, next)) this.#head = next
    if (isBefore(this.#read, next)) this.#read = next
    await this.#forget()
    return { bytes: first.bytes - begin, payloads, segment: first.id }
  }

  /** Delete the segments before the head; the tail stays while it may be written to, unless all of it is done with. */
  async #forget(): Promise<void> {
    while (this.#segments.length > 0) {
      const first = this.#segments[0] as Segment
      const done =
        first.id < this.#head.segment || (first.id === this.#head.segment && first.bytes <= this.#head.offset)
      if (!done) return
      if (this.#segments.length === 1 && this.#tail) {
        await this.#tail.close()
        this.#tail = undefined
        this.#dirty = false
      }
      this.#segments.shift()
      if (this.#reader?.id === first.id) {
        await this.#reader.handle.close()
        this.#reader = undefined
      }
      await rm(this.#path(first.id), { force: true })
    }
    if (this.#headOnDisk) {
      await rm(join(this.#options.directory, headFile), { force: true })
      this.#headOnDisk = undefined
    }
  }

  /** Write down how far was committed, so that the next process begins there. */
  saveHead(): Promise<void> {
    return this.#inTurn(() => this.#saveHead())
  }

  async #saveHead(): Promise<void> {
    const head = this.#head
    if (this.#segments.length === 0 || (this.#headOnDisk && !isBefore(this.#headOnDisk, head))) return
    const path = join(this.#options.directory, headFile)
    const text = `${head.segment} ${head.offset}\n`
    await writeFile(`${path}.new`, text)
    await rename(`${path}.new`, path)
    this.#bytesWritten += text.length
    this.#headOnDisk = head
  }

  /** Sync, write down the head, let go of the files. */
  close(): Promise<void> {
    return this.#inTurn(() => this.#close())
  }

  async #close(): Promise<void> {
    try {
      await this.#sync()
      await this.#saveHead()
    } finally {
      await this.#tail?.close().catch(() => {})
      await this.#reader?.handle.close().catch(() => {})
      this.#tail = undefined
      this.#reader = undefined
    }
  }
}

function isBefore(a: LogPosition, b: LogPosition): boolean {
  return a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset)
}

async function writeAll(handle: FileHandle, parts: readonly Uint8Array[], position: number): Promise<void> {
  const whole = Buffer.concat(parts)
  let at = 0
  while (at < whole.length) {
    const { bytesWritten } = await handle.write(whole, at, whole.length - at, position + at)
    if (bytesWritten === 0) throw new Error('nothing could be written')
    at += bytesWritten
  }
}

async function readAll(handle: FileHandle, into: Buffer, position: number): Promise<void> {
  let at = 0
  while (at < into.length) {
    const { bytesRead } = await handle.read(into, at, into.length - at, position + at)
    if (bytesRead === 0) throw new Error('the file ends early')
    at += bytesRead
  }
}
