// One path that is tailed: the file there, those that were there before and are not read to their end, and how far.
import type { Stats } from 'node:fs'
import { lstat, stat } from 'node:fs/promises'
import type { Clock, Logger } from '#component'
import type { CompressedFormat } from './compressed.ts'
import { byteOrderMark, type LineEncoding, nopEncoding, splitLines } from './encoding.ts'
import {
  beginsAs,
  closeFile,
  findRotated,
  hashOf,
  headBytesMax,
  identityText,
  openFile,
  parseIdentity,
  readAt,
  type RotatedFiles,
  statFile,
} from './identity.ts'
import type { Position } from './positions.ts'
import { type EntryPattern, type Split, splitEntries, wholeCharacters } from './splitter.ts'

/** Chunks that are read of one file before others have their turn. */
const chunksPerTurn = 16
/** Files that were rotated away and are not read to their end, of one path. */
const generationsMax = 64
/** Writers may go on for a moment with a file that was rotated away: it is watched so long. */
const lateMs = 5000
/** A file that is gone and has not grown for so long: what it has of a line is all there will be. */
const quietMs = 1000

/** Files that are renamed all the time are looked for so often. */
const findTriesMax = 20

/** The same files under the same names. */
function isSame(a: RotatedFiles, b: RotatedFiles | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

/** What is tailed. `context` is the owner's. */
export interface TailTarget<C> {
  readonly path: string
  /** The label set under which the position is kept. */
  readonly labels: string
  readonly context: C
  /** This file alone is compressed. */
  readonly compression?: CompressedFormat | undefined
}

/** Where in its file something stood that is handed on: the byte that it begins at. */
export interface TailPlace {
  readonly offset: number
  /** Of the file, which may have another name by now. */
  readonly ino: number
  /** Under which the file's position is kept by this offset; absent: it is not. For the journal of positions. */
  readonly identity?: string
  /** The byte that each begins at, where it was asked for. */
  readonly starts?: readonly number[]
}

/**
 * Lines that are too long are cut with a mark, their rest passed over (`mark`), or without one (`truncate`); or handed on
 * in parts (`split`).
 */
export type LongLines = 'mark' | 'truncate' | 'split'

export interface TailCounts {
  /** Lines cut because they are too long, and the bytes left out of them. */
  cutLines: number
  cutBytes: number
  truncations: number
  rotations: number
  /** Rotated files that were left unread because there were too many. */
  missedFiles: number
  /** Lines read again after a start that may have been taken before the process was killed. */
  repeatedLines: number
  descriptors: number
}

/** What the file needs from the tailer. */
export interface TailOwner<C> {
  readonly clock: Clock
  readonly log: Logger
  readonly counts: TailCounts
  readonly encoding: LineEncoding
  readonly lineBytesMax: number
  readonly longLines: LongLines
  readonly pattern: EntryPattern | undefined
  /** Say where each line begins. */
  readonly wantsStarts: boolean
  /** Infinity: what is left at the end is no entry. */
  readonly flushMs: number
  /** Hand lines on; false: the tailer stops, and the lines were not taken. */
  handOn(file: TailTarget<C>, lines: string[], bytes: number, place: TailPlace): Promise<boolean>
  /** How far this file was read under another name, which it has no longer; undefined: not at all. */
  readElsewhere(
    file: { readonly dev: number; readonly ino: number; readonly size: number },
    by: TailSource<C>,
  ): Promise<Position | undefined>
  /** Is that path a target of its own? */
  isTailed(path: string): boolean
}

/** A file, by what it is and not by its name. */
class Generation {
  fd: number | null
  readonly dev: number
  readonly ino: number
  /** Up to here lines were taken: where a line begins, or within one that was cut (`skipping`). */
  position = 0
  size: number
  /** Its size when it was last read to its end; -1: not read yet. */
  seenSize = -1
  /** When it was last seen to grow. */
  grownMs: number
  skipping = false
  /** Up to here lines may have been taken before the process was killed. */
  repeatedUntil = 0
  /** Its first bytes, up to the position. */
  head: Buffer = Buffer.alloc(0)
  encoding: LineEncoding | null = null
  mtimeMs: number
  /** The time of its last change when it was last read to its end. */
  seenMs = -1
  #identity = ''
  #identityOf = ''

  constructor(fd: number, stats: Stats, nowMs: number) {
    this.fd = fd
    this.dev = stats.dev
    this.ino = stats.ino
    this.size = stats.size
    this.mtimeMs = stats.mtimeMs
    this.grownMs = nowMs
  }

  get identity(): string {
    const of = `${this.head.length}${this.skipping ? 'c' : ''}`
    if (this.#identityOf !== of || this.#identity === '') {
      this.#identityOf = of
      this.#identity = identityText({ ...this, headBytes: this.head.length, headHash: hashOf(this.head) })
    }
    return this.#identity
  }

  /** `bytes`, up to `end`, were taken: the first bytes of the file among them tell it from others. */
  advance(bytes: Buffer, end: number): void {
    const { head } = this
    if (head.length < headBytesMax && head.length === this.position) {
      const grown = Buffer.allocUnsafeSlow(Math.min(head.length + end, headBytesMax))
      head.copy(grown)
      bytes.copy(grown, head.length, 0, grown.length - head.length)
      this.head = grown
    }
    this.position += end
  }

  restart(): void {
    this.position = 0
    this.head = Buffer.alloc(0)
    this.skipping = false
    this.repeatedUntil = 0
    this.encoding = null
    this.seenSize = -1
    this.#identity = ''
  }

  is(stats: { readonly dev: number; readonly ino: number }): boolean {
    return this.ino === stats.ino && this.dev === stats.dev
  }
}

export interface StartAt {
  /** The position to go on from. */
  readonly position: Position | undefined
  /** Up to where lines behind the position may have been taken before, by a process that was killed. */
  readonly uncertainUntil?: number | undefined
  /** Without a position: begin behind the last line that is there already. */
  readonly fromEnd: boolean
}

/** What a reader reads into: one for each that runs, not for each file. */
export class ReadBuffers {
  readonly chunk: Buffer
  readonly head = Buffer.alloc(headBytesMax)
  constructor(chunkBytes: number) {
    this.chunk = Buffer.allocUnsafeSlow(chunkBytes)
  }
}

/** What is tailed at one path. */
export interface TailSource<C> {
  readonly target: TailTarget<C>
  readonly lines: number
  /** The last failure, until it goes well again. */
  readonly failure: string
  /** How far it was read and taken, and how long it is. */
  readonly position: number
  readonly size: number
  readonly identity: string
  /** Is a file open or known? Before that there is no position to keep. */
  readonly began: boolean
  /** Files of older names are still to be read: look often. */
  readonly rotating: boolean
  /** The system may not tell of changes: the path is a link, or the file has several names. */
  readonly linked: boolean
  readonly readable: boolean
  /** When what is left at the end becomes an entry; Infinity: nothing is left, or it never does. */
  readonly restDueMs: number
  look(): Promise<void>
  read(buffers: ReadBuffers): Promise<boolean>
  finish(buffers: ReadBuffers): Promise<void>
  /** Of a file that is read here, now or next. */
  identityOf(file: { readonly dev: number; readonly ino: number }): string | undefined
  idleMs(): number
  giveUpDescriptor(): Promise<boolean>
  close(): Promise<void>
}

export class TailedFile<C> implements TailSource<C> {
  readonly target: TailTarget<C>
  lines = 0
  failure = ''
  linked = false
  readonly #owner: TailOwner<C>
  readonly #start: StartAt
  /** Oldest first; the first is read, the last stands at the path. */
  readonly #generations: Generation[] = []
  readonly #late: { readonly generation: Generation; readonly untilMs: number }[] = []
  #missing = false
  #looked = false
  #finishing = false
  #closed = false

  constructor(owner: TailOwner<C>, target: TailTarget<C>, start: StartAt) {
    this.#owner = owner
    this.target = target
    this.#start = start
  }

  get position(): number {
    return this.#generations[0]?.position ?? 0
  }

  get size(): number {
    return this.#generations[0]?.size ?? 0
  }

  get identity(): string {
    return this.#generations[0]?.identity ?? ''
  }

  get began(): boolean {
    return this.#generations.length > 0
  }

  get rotating(): boolean {
    return this.#generations.length > 1 || this.#late.length > 0 || (this.#missing && this.began)
  }

  get readable(): boolean {
    const [first] = this.#generations
    if (first === undefined) return false
    if (this.rotating || first.size !== first.seenSize || first.mtimeMs !== first.seenMs) return true
    return this.#owner.clock.monotonic() >= this.restDueMs
  }

  get restDueMs(): number {
    const { flushMs } = this.#owner
    const [first] = this.#generations
    if (flushMs === Infinity || first === undefined || first.skipping || first.seenSize <= first.position)
      return Infinity
    return first.grownMs + flushMs
  }

  /**
   * Look what stands at the path, and hold on to it: a file that is rotated away afterwards is read all the same. Does
   * not wait for readers.
   */
  async look(): Promise<void> {
    if (this.#finishing || this.#closed) return
    let stats: Stats
    try {
      stats = await stat(this.target.path)
      if (!stats.isFile()) throw new Error('it is not a regular file')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' || !this.began) this.#missing = true
      this.#looked = true
      this.#fail(error as Error)
      return
    }
    const newest = this.#generations.at(-1)
    if (newest?.is(stats)) {
      this.#missing = false
      if (stats.size !== newest.size) newest.grownMs = this.#owner.clock.monotonic()
      newest.size = stats.size
      newest.mtimeMs = stats.mtimeMs
      return
    }
    try {
      await this.#begin()
      this.#missing = false
      this.failure = ''
    } catch (error) {
      this.#fail(error as Error)
    }
    this.#looked = true
  }

  #fail(error: Error): void {
    if (error.message === this.failure) return
    this.failure = error.message
    this.#owner.log.debug('Cannot look at a file', { path: this.target.path, err: error.message })
  }

  async #open(path: string): Promise<Generation> {
    const fd = await openFile(path, 'r')
    try {
      const generation = new Generation(fd, await statFile(fd), this.#owner.clock.monotonic())
      this.#owner.counts.descriptors++
      return generation
    } catch (error) {
      await closeFile(fd).catch(() => {})
      throw error
    }
  }

  async #close(generation: Generation): Promise<void> {
    const { fd } = generation
    if (fd === null) return
    generation.fd = null
    this.#owner.counts.descriptors--
    await closeFile(fd).catch(() => {})
  }

  async #begin(): Promise<void> {
    const named = await lstat(this.target.path)
    this.linked = named.isSymbolicLink() || named.nlink > 1
    const found = await this.#open(this.target.path)
    const newest = this.#generations.at(-1)
    if (this.#closed || newest?.is(found)) {
      await this.#close(found)
      return
    }
    if (newest === undefined) {
      await this.#restore(found)
      return
    }
    await this.#rotated(newest, found)
  }

  /** Another file came in the place of `newest`. There may have been others between two looks. */
  async #rotated(newest: Generation, found: Generation): Promise<void> {
    this.#owner.counts.rotations++
    const rotated = await this.#openRotated(newest.ino, found)
    if (rotated !== undefined) {
      // Its descriptor may have been given up.
      if (newest.fd === null && this.#generations.length === 1) this.#reopen(newest, rotated.old)
      else await this.#close(rotated.old)
      for (const between of rotated.later) {
        if (this.#generations.some((one) => one.is(between))) await this.#close(between)
        else await this.#push(between)
      }
    }
    await this.#push(found)
  }

  async #push(generation: Generation): Promise<void> {
    if (this.#generations.length >= generationsMax) {
      this.#owner.counts.missedFiles++
      await this.#close(this.#generations.pop() as Generation)
    }
    this.#generations.push(generation)
  }

  /** `again` is the same file, open. */
  #reopen(generation: Generation, again: Generation): void {
    generation.fd = again.fd
    generation.size = again.size
    generation.seenSize = -1
  }

  /**
   * The file with that inode and those that came after it, before `found`, open. The next rotation may rename them while
   * they are looked for: they are looked for again until they stay.
   */
  async #openRotated(ino: number, found: Generation): Promise<{ old: Generation; later: Generation[] } | undefined> {
    const find = (): Promise<RotatedFiles | undefined> =>
      findRotated(this.target.path, ino, found, (other) => this.#owner.isTailed(other))
    let files = await find()
    for (let tries = 0; files !== undefined && tries < findTriesMax; tries++) {
      const opened: Generation[] = []
      for (const file of [files.old, ...files.later]) {
        const generation = await this.#open(file.path).catch(() => undefined)
        if (generation === undefined) continue
        if (generation.ino === file.ino) opened.push(generation)
        else await this.#close(generation)
      }
      const again = await find()
      const [old, ...later] = opened
      if (old !== undefined && opened.length === files.later.length + 1 && isSame(files, again)) return { old, later }
      for (const generation of opened) await this.#close(generation)
      files = again
    }
    return undefined
  }

  /** Where the first file begins: at the position, if it is the file that the position is of. */
  async #restore(found: Generation): Promise<void> {
    const { position, fromEnd } = this.#start
    const offset = Number(position?.offset ?? 0)
    if (position === undefined || !Number.isSafeInteger(offset) || offset < 0) {
      const known = await this.#owner.readElsewhere(found, this)
      const of = parseIdentity(known?.identity ?? '')
      if (known !== undefined && of !== undefined && (await beginsAs(found.fd as number, of))) {
        if (Number(known.offset) <= found.size) found.position = Number(known.offset)
      }
      // A file that came later is read whole.
      else if (fromEnd && !this.#looked) found.position = await this.#lastLine(found)
      this.#generations.push(found)
      return
    }
    const identity = parseIdentity(position.identity)
    if (identity === undefined) {
      if (offset <= found.size) this.#goOn(found, offset, false)
      this.#generations.push(found)
      return
    }
    const same = await beginsAs(found.fd as number, identity)
    if (found.ino === identity.ino) {
      if (same && offset <= found.size) this.#goOn(found, offset, identity.skipping)
      this.#generations.push(found)
      return
    }
    const rotated = await this.#openRotated(identity.ino, found)
    if (rotated !== undefined) {
      const { old, later } = rotated
      if ((await beginsAs(old.fd as number, identity)) && offset <= old.size) {
        this.#goOn(old, offset, identity.skipping)
        this.#generations.push(old)
        for (const between of later) await this.#push(between)
      } else for (const other of [old, ...later]) await this.#close(other)
    } else if (same && identity.headBytes > 0) this.#goOn(found, Math.min(offset, found.size), identity.skipping)
    this.#generations.push(found)
  }

  #goOn(generation: Generation, position: number, skipping: boolean): void {
    generation.position = position
    generation.skipping = skipping
    generation.repeatedUntil = this.#start.uncertainUntil ?? 0
  }

  async #lastLine(generation: Generation): Promise<number> {
    const fd = generation.fd as number
    const chunk = Buffer.allocUnsafe(64 * 1024)
    const n = await readAt(fd, chunk, 4, 0)
    if (this.#owner.encoding === nopEncoding) return generation.size
    const encoding = byteOrderMark(chunk.subarray(0, n)).encoding ?? this.#owner.encoding
    // Not with `&`, which has 32 bits: files may be larger.
    let end = generation.size - (generation.size % encoding.unitBytes)
    while (end > 0) {
      const start = Math.max(0, end - chunk.length)
      const got = await readAt(fd, chunk, end - start, start)
      const at = encoding.lastEnd(chunk, 0, got)
      if (at >= 0) return start + at
      end = start
    }
    return 0
  }

  /** Read on. True: there is more to be had at once. Only one call at a time. `buffers` are the caller's again afterwards. */
  async read(buffers: ReadBuffers): Promise<boolean> {
    try {
      await this.#readLate(buffers)
      const [first, next] = this.#generations
      if (first === undefined) return false
      // Looked at before the older file's end is: what is written after a successor has content goes to the successor.
      const succeeded = next !== undefined && (this.#generations.length > 2 || (await this.#sizeOf(next)) > 0)
      if (await this.#readFile(first, buffers)) return !this.#closed
      if (succeeded) {
        if (await this.#flush(first)) await this.#succeed(buffers.head)
        return !this.#closed
      }
      if (this.#missing && next === undefined && this.#isQuiet(first)) await this.#flush(first)
      else if (this.#owner.clock.monotonic() >= this.restDueMs) await this.#flush(first)
      this.failure = ''
      return false
    } catch (error) {
      this.#fail(error as Error)
      return false
    }
  }

  async #sizeOf(generation: Generation): Promise<number> {
    if (generation.fd !== null) {
      const { size, mtimeMs } = await statFile(generation.fd)
      generation.size = size
      generation.mtimeMs = mtimeMs
    }
    return generation.size
  }

  #isQuiet(generation: Generation): boolean {
    return this.#owner.clock.monotonic() - generation.grownMs >= quietMs
  }

  /** The first file is read to its end and has a successor. */
  async #succeed(scratch: Buffer): Promise<void> {
    const old = this.#generations.shift() as Generation
    const next = this.#generations[0] as Generation
    if (await this.#isReplacedBy(old, next, scratch)) {
      next.position = Math.min(old.position, next.size)
      next.skipping = old.skipping
      await this.#close(old)
      return
    }
    if (old.fd !== null) this.#late.push({ generation: old, untilMs: this.#owner.clock.monotonic() + lateMs })
  }

  /** Was the file written anew with the same content, as editors do? It has no name any more then. */
  async #isReplacedBy(old: Generation, next: Generation, scratch: Buffer): Promise<boolean> {
    if (old.fd === null || old.head.length === 0 || (await statFile(old.fd)).nlink > 0) return false
    const n = await readAt(next.fd as number, scratch, old.head.length, 0)
    return n === old.head.length && old.head.equals(scratch.subarray(0, n))
  }

  async #readLate(buffers: ReadBuffers): Promise<void> {
    const nowMs = this.#owner.clock.monotonic()
    for (let i = this.#late.length - 1; i >= 0; i--) {
      const { generation, untilMs } = this.#late[i] as { generation: Generation; untilMs: number }
      if ((await this.#sizeOf(generation)) > generation.position) {
        if (await this.#readFile(generation, buffers)) continue
        if (nowMs >= untilMs) await this.#flush(generation)
      }
      if (nowMs < untilMs) continue
      this.#late.splice(i, 1)
      await this.#close(generation)
    }
  }

  /** Whole lines of one file. True: there may be more at once. */
  async #readFile(generation: Generation, buffers: ReadBuffers): Promise<boolean> {
    if (generation.fd === null && !(await this.#openAgain(generation))) return false
    const fd = generation.fd as number
    await this.#sizeOf(generation)
    const { mtimeMs } = generation
    if (!(await this.#checkHead(generation, fd, buffers.head))) return true
    const { encoding } = generation
    if (encoding === null) {
      // Too short to tell of an encoding: what has come since is read once its beginning was looked at.
      this.#seen(generation, generation.size, mtimeMs)
      return false
    }
    const { lineBytesMax, pattern, wantsStarts } = this.#owner
    // A line's end is not part of it.
    const windowMax = lineBytesMax + (pattern === undefined && encoding !== nopEncoding ? 2 * encoding.unitBytes : 0)
    let bytes = buffers.chunk
    for (let turn = 0; turn < chunksPerTurn; turn++) {
      const want = Math.min(bytes.length, windowMax)
      const n = await readAt(fd, bytes, want, generation.position)
      if (n > 0 && !(await this.#isStill(generation, fd, buffers.head))) return true
      if (n > 0 && generation.skipping) {
        this.#skip(generation, encoding, bytes, n)
        continue
      }
      const isPart = encoding === nopEncoding && n === want && want < windowMax
      const split = splitEntries(pattern, encoding, bytes, {
        start: 0,
        end: isPart ? 0 : n,
        isLast: false,
        wantsStarts,
      })
      const seenSize = generation.position + n
      if (this.#isLong(encoding, bytes, n, split)) {
        if (!(await this.#cut(generation, encoding, bytes, lineBytesMax))) return false
        bytes = buffers.chunk
        continue
      }
      if (split.end > 0) {
        if (!(await this.#take(generation, bytes, split))) return false
        bytes = buffers.chunk
      } else if (n === want) bytes = Buffer.allocUnsafe(windowMax)
      // A file is shorter than what was asked for at its end only. What comes behind it now may be of a file written anew.
      if (n < want) {
        this.#seen(generation, seenSize, mtimeMs)
        return false
      }
    }
    return true
  }

  /** Is the first entry longer than it may be? */
  #isLong(encoding: LineEncoding, bytes: Buffer, n: number, split: Split): boolean {
    const { lineBytesMax, pattern } = this.#owner
    if (pattern !== undefined) return split.end <= 0 && n === lineBytesMax
    if (n <= lineBytesMax) return false
    const end = encoding.firstEnd(bytes, 0, n)
    return encoding.lineBytes(bytes, 0, end < 0 ? n : end) > lineBytesMax
  }

  /** All that there was is read, or waits for more. */
  #seen(generation: Generation, size: number, mtimeMs: number): void {
    if (generation.seenSize !== size) generation.grownMs = this.#owner.clock.monotonic()
    generation.seenSize = size
    generation.seenMs = mtimeMs
  }

  async #openAgain(generation: Generation): Promise<boolean> {
    const again = await this.#open(this.target.path).catch(() => undefined)
    if (again === undefined) return false
    if (!again.is(generation)) {
      await this.#close(again)
      return false
    }
    generation.fd = again.fd
    return true
  }

  /**
   * Is it still the file that it was? One that is shorter than what was read of it, or begins with other bytes, was
   * truncated and written anew: false, and it is read from its beginning.
   */
  async #checkHead(generation: Generation, fd: number, scratch: Buffer): Promise<boolean> {
    const n = await readAt(fd, scratch, headBytesMax, 0)
    const { head, size } = generation
    if (size < generation.position || n < head.length || !head.equals(scratch.subarray(0, head.length))) {
      this.#owner.counts.truncations++
      generation.restart()
      return false
    }
    if (this.#owner.encoding === nopEncoding) generation.encoding = nopEncoding
    if (generation.encoding === null && (n >= 4 || scratch.subarray(0, n).includes(0x0a))) {
      const mark = byteOrderMark(scratch.subarray(0, n))
      generation.encoding = mark.encoding ?? this.#owner.encoding
      if (generation.position < mark.bytes) generation.position = mark.bytes
    }
    // After a restart, or a mark, the head is had from the file; it
    // is the head as far as the position has passed it.
    const length = Math.min(n, generation.position)
    if (head.length < length) {
      generation.head = Buffer.allocUnsafeSlow(length)
      scratch.copy(generation.head, 0, 0, length)
    }
    return true
  }

  /**
   * What was just read is of the file that it was, and not of one that was truncated and has grown beyond the position
   * since: its beginning, read afterwards, is the same. Else it is read from there, and false.
   */
  async #isStill(generation: Generation, fd: number, scratch: Buffer): Promise<boolean> {
    const { head } = generation
    if (head.length === 0) return true
    const n = await readAt(fd, scratch, head.length, 0)
    if (n === head.length && head.equals(scratch.subarray(0, n))) return true
    this.#owner.counts.truncations++
    generation.restart()
    return false
  }

  async #take(generation: Generation, bytes: Buffer, { entries, end, starts }: Split): Promise<boolean> {
    const { position: offset, ino } = generation
    // The position that is kept is that of the oldest file: what comes late of one before it has none.
    const isKept = generation === this.#generations[0]
    const place: TailPlace = {
      offset,
      ino,
      ...(isKept ? { identity: generation.identity } : {}),
      ...(starts !== null && this.#owner.wantsStarts ? { starts: starts.map((start) => offset + start) } : {}),
    }
    if (!(await this.#owner.handOn(this.target, entries, end, place))) return false
    if (generation.repeatedUntil > offset) this.#countRepeated(generation, bytes, { entries, end })
    this.lines += entries.length
    generation.advance(bytes, end)
    return true
  }

  #countRepeated(generation: Generation, bytes: Buffer, { entries, end }: Pick<Split, 'entries' | 'end'>): void {
    const encoding = generation.encoding ?? this.#owner.encoding
    const repeated = Math.min(end, generation.repeatedUntil - generation.position)
    const lines = splitLines(encoding.decode(bytes, 0, repeated)).length
    this.#owner.counts.repeatedLines += Math.min(entries.length, lines)
  }

  /** The longest line there may be, without an end: it is handed on as the settings say. */
  async #cut(generation: Generation, encoding: LineEncoding, bytes: Buffer, n: number): Promise<boolean> {
    // Bytes that are no text have no whole character.
    const end = wholeCharacters(encoding, bytes, 0, n) || n
    const { longLines, counts } = this.#owner
    const text = encoding.decode(bytes, 0, end)
    const line = longLines === 'mark' ? `${text} [line cut after ${end} bytes]` : text
    if (!(await this.#take(generation, bytes, { entries: [line], end, starts: [0] }))) return false
    counts.cutLines++
    generation.skipping = longLines !== 'split'
    return true
  }

  #skip(generation: Generation, encoding: LineEncoding, bytes: Buffer, n: number): void {
    const end = encoding.firstEnd(bytes, 0, n)
    const passed = end < 0 ? Math.max(n - (n % encoding.unitBytes), 1) : end
    generation.position += passed
    this.#owner.counts.cutBytes += passed
    if (end >= 0) generation.skipping = false
  }

  /** What the file has behind its last line's end: a line all the same, once nothing more will come. */
  async #flush(generation: Generation): Promise<boolean> {
    if (generation.fd === null || generation.skipping) return true
    await this.#sizeOf(generation)
    const bytes = Buffer.allocUnsafe(
      Math.min(this.#owner.lineBytesMax, Math.max(generation.size - generation.position, 0)),
    )
    const n = bytes.length === 0 ? 0 : await readAt(generation.fd, bytes, bytes.length, generation.position)
    if (n === 0) return true
    const encoding = generation.encoding ?? this.#owner.encoding
    const { pattern, wantsStarts } = this.#owner
    return this.#take(
      generation,
      bytes,
      splitEntries(pattern, encoding, bytes, { start: 0, end: n, isLast: true, wantsStarts }),
    )
  }

  identityOf(file: { readonly dev: number; readonly ino: number }): string | undefined {
    return this.#generations.find((generation) => generation.is(file))?.identity
  }

  /** The path is no longer wanted: read what there is, to the end of everything, unless the tailer stops. */
  async finish(buffers: ReadBuffers): Promise<void> {
    await this.look()
    this.#finishing = true
    try {
      await this.#readLate(buffers)
      while (this.#generations.length > 0 && !this.#closed) {
        const first = this.#generations[0] as Generation
        const before = first.position
        if ((await this.#readFile(first, buffers)) || first.position !== before) continue
        const last = this.#generations.length === 1
        if ((!last || this.#missing) && !(await this.#flush(first))) return
        if (last) return
        this.#generations.shift()
        await this.#close(first)
      }
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  /** Give the descriptor back if nothing is to be read; the caller makes sure that nobody reads. True: done. */
  async giveUpDescriptor(): Promise<boolean> {
    const [first] = this.#generations
    if (first === undefined || first.fd === null || this.readable) return false
    await this.#close(first)
    return true
  }

  /** Milliseconds since the file grew. */
  idleMs(): number {
    const first = this.#generations[0]
    return first === undefined ? Infinity : this.#owner.clock.monotonic() - first.grownMs
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const generation of this.#generations) await this.#close(generation)
    for (const { generation } of this.#late) await this.#close(generation)
  }
}
