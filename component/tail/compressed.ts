// A compressed file: read once, to its end; positions are of what comes out.
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline, Readable } from 'node:stream'
import { createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { bunzip2 } from '#lib/bzip2'
import { byteOrderMark, type LineEncoding, nopEncoding } from './encoding.ts'
import type { StartAt, TailOwner, TailPlace, TailSource, TailTarget } from './file.ts'
import { identityText, parseIdentity } from './identity.ts'
import { type Split, splitEntries } from './splitter.ts'

export const CompressedFormat = { gz: 'gz', z: 'z', bz2: 'bz2', zst: 'zst' } as const
export type CompressedFormat = (typeof CompressedFormat)[keyof typeof CompressedFormat]

const chunksPerTurn = 16

function decompressed(path: string, format: CompressedFormat): Readable {
  const file = createReadStream(path, { highWaterMark: 256 * 1024 })
  if (format === 'bz2') return Readable.from(bunzip2(file))
  const options = { chunkSize: 128 * 1024 }
  const out =
    format === 'gz' ? createGunzip(options) : format === 'z' ? createInflate(options) : createZstdDecompress(options)
  return pipeline(file, out, () => {}) // A failure comes out where the stream is read.
}

export class CompressedFile<C> implements TailSource<C> {
  readonly target: TailTarget<C>
  lines = 0
  failure = ''
  position = 0
  size = 0
  began = false
  readonly rotating = false
  readonly linked = false
  readonly restDueMs = Infinity
  readonly #owner: TailOwner<C>
  readonly #format: CompressedFormat
  readonly #readyMs: number
  #identity: { dev: number; ino: number; size: number } | undefined
  /** What was read to its end, so that it is not read again. */
  #done = ''
  #stream: Readable | undefined
  #chunks: AsyncIterator<Buffer> | undefined
  /** Bytes that came out so far, and what of them is not a whole line yet. */
  #out = 0
  #rest: Buffer = Buffer.alloc(0)
  #skipping = false
  #encoding: LineEncoding | null = null

  constructor(owner: TailOwner<C>, target: TailTarget<C>, start: StartAt, format: CompressedFormat, delayMs: number) {
    this.#owner = owner
    this.target = target
    this.#format = format
    this.#readyMs = owner.clock.monotonic() + delayMs
    const offset = Number(start.position?.offset ?? 0)
    this.position = Number.isSafeInteger(offset) && offset > 0 ? offset : 0
    const identity = parseIdentity(start.position?.identity ?? '')
    if (identity !== undefined && this.position > 0) this.#done = `${identity.ino}`
  }

  get identity(): string {
    const of = this.#identity
    return of === undefined
      ? ''
      : identityText({ dev: of.dev, ino: of.ino, headBytes: 0, headHash: '0'.repeat(16), skipping: false })
  }

  get readable(): boolean {
    if (this.#chunks !== undefined) return true
    return this.#identity !== undefined && this.#owner.clock.monotonic() >= this.#readyMs && this.#done !== this.#stamp
  }

  get #stamp(): string {
    return `${this.#identity?.ino} ${this.#identity?.size}`
  }

  async look(): Promise<void> {
    if (this.#chunks !== undefined) return
    try {
      const { dev, ino, size } = await stat(this.target.path)
      const before = this.#identity?.ino ?? (this.#done === '' ? undefined : Number(this.#done))
      // Another file: from its beginning.
      if (before !== undefined && before !== ino) this.position = 0
      this.#identity = { dev, ino, size }
      this.size = size
    } catch (error) {
      this.failure = (error as Error).message
    }
  }

  async read(): Promise<boolean> {
    if (!this.readable) return false
    try {
      this.#chunks ??= this.#open()
      for (let turn = 0; turn < chunksPerTurn; turn++) {
        const { value, done } = await this.#chunks.next()
        if (done === true) {
          await this.#end()
          return false
        }
        if (!(await this.#take(value))) return false
      }
      return true
    } catch (error) {
      this.failure = (error as Error).message
      this.#owner.log.error('Cannot decompress a file', { path: this.target.path, err: this.failure })
      this.#done = this.#stamp
      this.#chunks = undefined
      return false
    }
  }

  #open(): AsyncIterator<Buffer> {
    this.#out = 0
    this.#rest = Buffer.alloc(0)
    this.#encoding = null
    this.began = true
    const stream = decompressed(this.target.path, this.#format)
    this.#stream = stream
    return stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  async #take(chunk: Buffer): Promise<boolean> {
    const from = this.#out
    this.#out += chunk.length
    if (this.#owner.encoding === nopEncoding) this.#encoding = nopEncoding
    if (this.#encoding === null) {
      const mark = byteOrderMark(chunk)
      this.#encoding = mark.encoding ?? this.#owner.encoding
      if (this.position < mark.bytes) this.position = mark.bytes
    }
    if (this.#out <= this.position) return true
    const fresh = this.position > from ? chunk.subarray(this.position - from) : chunk
    const bytes = this.#rest.length === 0 ? fresh : Buffer.concat([this.#rest, fresh])
    return this.#lines(bytes, this.#encoding)
  }

  async #lines(bytes: Buffer, encoding: LineEncoding): Promise<boolean> {
    let start = 0
    if (this.#skipping) {
      const end = encoding.firstEnd(bytes, 0, bytes.length)
      start = end < 0 ? bytes.length - (bytes.length % encoding.unitBytes) : end
      this.#owner.counts.cutBytes += start
      this.position += start
      if (end >= 0) this.#skipping = false
    }
    const { pattern, longLines, lineBytesMax, counts, wantsStarts } = this.#owner
    const split = splitEntries(pattern, encoding, bytes, { start, end: bytes.length, isLast: false, wantsStarts })
    if (split.end > start) {
      const starts = split.starts?.map((one) => one - start) ?? null
      if (!(await this.#handOn({ ...split, end: split.end - start, starts }))) return false
    }
    const rest = Math.max(start, split.end)
    if (encoding.lineBytes(bytes, rest, bytes.length) <= lineBytesMax) {
      this.#rest = Buffer.from(bytes.subarray(rest))
      return true
    }
    const cut = rest + lineBytesMax
    const text = encoding.decode(bytes, rest, cut)
    const line = longLines === 'mark' ? `${text} [line cut after ${cut - rest} bytes]` : text
    counts.cutLines++
    if (!(await this.#handOn({ entries: [line], end: cut - rest, starts: [0] }))) return false
    this.#skipping = longLines !== 'split'
    this.#rest = Buffer.alloc(0)
    return this.#lines(bytes.subarray(cut), encoding)
  }

  /** `end` counts from the position. */
  async #handOn({ entries, end, starts }: Split): Promise<boolean> {
    const place: TailPlace = {
      offset: this.position,
      ino: this.#identity?.ino ?? 0,
      ...(starts !== null && this.#owner.wantsStarts ? { starts: starts.map((start) => this.position + start) } : {}),
    }
    if (!(await this.#owner.handOn(this.target, entries, end, place))) return false
    this.lines += entries.length
    this.position += end
    return true
  }

  async #end(): Promise<void> {
    const encoding = this.#encoding ?? this.#owner.encoding
    const rest = this.#rest
    if (rest.length > 0 && !this.#skipping) {
      const whole = { start: 0, end: rest.length, isLast: true, wantsStarts: this.#owner.wantsStarts }
      if (!(await this.#handOn(splitEntries(this.#owner.pattern, encoding, rest, whole)))) return
    }
    this.#rest = Buffer.alloc(0)
    this.#chunks = undefined
    this.#stream = undefined
    this.#done = this.#stamp
    this.failure = ''
  }

  identityOf(): undefined {
    return undefined
  }

  async finish(): Promise<void> {
    while (await this.read());
  }

  idleMs(): number {
    return 0
  }

  giveUpDescriptor(): Promise<boolean> {
    return Promise.resolve(false)
  }

  close(): Promise<void> {
    this.#stream?.destroy()
    this.#stream = undefined
    return Promise.resolve()
  }
}
