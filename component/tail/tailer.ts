// Tails many files: looks at them, reads those that grew, hands their lines on, and keeps positions.
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { stat } from 'node:fs/promises'
import { type Clock, ConsumeError, type Logger, type NodeCounters, type Timer } from '#component'
import { Backoff } from '#lib/backoff'
import { DirectoryWatch } from '#lib/directory_watch'
import { CompressedFile, type CompressedFormat } from './compressed.ts'
import type { LineEncoding } from './encoding.ts'
import {
  ReadBuffers,
  type StartAt,
  type TailCounts,
  TailedFile,
  type TailOwner,
  type TailSource,
  type LongLines,
  type TailPlace,
  type TailTarget,
} from './file.ts'
import type { EntryPattern } from './splitter.ts'
import type { Position, Positions } from './positions.ts'

/** Lines are read and handed on in chunks of so many bytes. */
export const chunkBytesDefault = 128 * 1024
/** A longer line is cut; Loki refuses lines above 256 KiB by default. */
export const lineBytesMaxDefault = 1024 * 1024
/** Files that are open at once: beyond that, those at whose end nothing came for the longest time are closed. */
export const filesOpenMaxDefault = 512
/** As many as Node's thread pool has threads. */
const readers = 4
const lookers = 16
/** Changes that the system tells of are looked at after so long, so that one look sees many of them. */
const settleMs = 20
/** Where the system tells of changes, files are looked at from time to time all the same. */
const sweepMs = 5000
/** Many files less often: a look costs about 45 µs. */
const sweepFileMs = 4
/** A file that was rotated away was read under its older name if that is not longer ago. */
const rotatedMs = 60_000
const retryWait = { minMs: 100, maxMs: 10_000 }

export interface TailerSettings {
  readonly encoding: LineEncoding
  readonly minPollMs: number
  readonly maxPollMs: number
  /** Begin behind what is there already, where there is no position. */
  readonly fromEnd: boolean
  readonly compression?: { readonly format: CompressedFormat; readonly delayMs: number } | undefined
  readonly chunkBytes?: number
  readonly lineBytesMax?: number
  readonly filesOpenMax?: number
  /** What entries are, where they are not lines. */
  readonly pattern?: EntryPattern | undefined
  /** Say of each line where it begins. */
  readonly wantsStarts?: boolean
  /** What stands behind the last entry's end is an entry too when the file has not grown for so long; absent: never. */
  readonly flushMs?: number | undefined
  /** What becomes of a line that is longer than it may be; absent: `mark`. */
  readonly longLines?: LongLines | undefined
}

export interface TailerOptions<C> {
  readonly clock: Clock
  readonly log: Logger
  readonly counters: NodeCounters
  readonly positions: Positions
  readonly settings: TailerSettings
  /** Takes lines of one file, in order; the position moves once it is done. Fails with `ConsumeError`. */
  consume(file: TailTarget<C>, lines: string[], place: TailPlace): void | Promise<void>
  /** Where a file begins; undefined: it is not to be read. Absent: at its position. */
  startAt?(file: TailTarget<C>): StartAt | undefined
}

class Entry<C> {
  readonly source: TailSource<C>
  dueMs = 0
  waitMs = 0
  looking = false
  lookAgain = false
  queued = false
  reading = false
  finishing = false
  constructor(source: TailSource<C>) {
    this.source = source
  }
}

/** Filesystems on this host, where the system tells of every change (statfs(2)); not so where another host writes. */
const localFileSystems = new Set([0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0x2fc12fc1, 0xf2f52010])

export function keyOf(target: { readonly path: string; readonly labels: string }): string {
  return `${target.path}\0${target.labels}`
}

export class Tailer<C> implements TailOwner<C> {
  readonly clock: Clock
  readonly log: Logger
  readonly counts: TailCounts = {
    cutLines: 0,
    cutBytes: 0,
    truncations: 0,
    rotations: 0,
    missedFiles: 0,
    repeatedLines: 0,
    descriptors: 0,
  }
  /** Bytes of lines that were taken. */
  bytes = 0
  readonly #options: TailerOptions<C>
  #settings: TailerSettings
  readonly #entries = new Map<string, Entry<C>>()
  readonly #finishing = new Set<Entry<C>>()
  /** By device and inode. */
  readonly #finished = new Map<string, { readonly position: Position; readonly untilMs: number }>()
  #wanted = new Map<string, TailTarget<C>>()
  readonly #watch: DirectoryWatch
  /** Directories in which the system tells of every change. */
  readonly #told = new Set<string>()
  readonly #byName = new Map<string, Set<Entry<C>>>()
  readonly #looks: Entry<C>[] = []
  readonly #reads: Entry<C>[] = []
  readonly #spare: ReadBuffers[] = []
  #looking = 0
  #reading = 0
  #timer: Timer | undefined
  #timerMs = Infinity
  #waiting = 0
  #initial = true
  #stopping = false
  #running = false
  readonly #wakeups = new Set<() => void>()
  #idle: () => void = () => {}

  constructor(options: TailerOptions<C>) {
    this.#options = options
    this.#settings = options.settings
    this.clock = options.clock
    this.log = options.log
    this.#watch = new DirectoryWatch((directory, name) => this.#onChange(directory, name))
    options.positions.collectFrom(() => this.#collect())
  }

  get encoding(): LineEncoding {
    return this.#settings.encoding
  }

  get lineBytesMax(): number {
    return this.#settings.lineBytesMax ?? lineBytesMaxDefault
  }

  get wantsStarts(): boolean {
    return this.#settings.wantsStarts ?? false
  }

  get pattern(): EntryPattern | undefined {
    return this.#settings.pattern
  }

  get flushMs(): number {
    return this.#settings.flushMs ?? Infinity
  }

  get longLines(): LongLines {
    return this.#settings.longLines ?? 'mark'
  }

  get #filesOpenMax(): number {
    return this.#settings.filesOpenMax ?? filesOpenMaxDefault
  }

  /** Lines that were read and wait to be tried again. */
  get waiting(): number {
    return this.#waiting
  }

  get files(): readonly TailSource<C>[] {
    return [...this.#entries.values()].map((entry) => entry.source)
  }

  /** What is tailed at that path: one for each label set. */
  at(path: string): readonly TailSource<C>[] {
    return [...(this.#byName.get(path) ?? [])].map((entry) => entry.source)
  }

  start(): void {
    if (this.#running) return
    this.#running = true
    this.#schedule(0)
  }

  /** Other polling from now on; what a file is read with stays until its target changes. */
  update(settings: TailerSettings): void {
    this.#settings = settings
    for (const entry of this.#entries.values()) entry.waitMs = 0
    this.#schedule(0)
  }

  /**
   * Tail these from now on, and no others. Files that go on keep their place; those no longer wanted are read to their
   * end, and their positions forgotten.
   */
  set(targets: Iterable<TailTarget<C>>): void {
    const wanted = new Map<string, TailTarget<C>>()
    for (const target of targets) wanted.set(keyOf(target), target)
    this.#wanted = wanted
    for (const [key, entry] of this.#entries) {
      if (wanted.has(key)) continue
      this.#entries.delete(key)
      this.#unname(entry)
      void this.#finish(entry)
    }
    for (const [key, target] of wanted) if (!this.#entries.has(key)) this.#add(key, target)
    this.#setWatches()
    this.#schedule(0)
  }

  #add(key: string, target: TailTarget<C>): void {
    // One that is wanted again before it is finished waits until it is.
    for (const { source } of this.#finishing) if (keyOf(source.target) === key) return
    const source = this.#make(target)
    if (source === undefined) return
    const entry = new Entry<C>(source)
    this.#entries.set(key, entry)
    this.#name(entry)
  }

  #make(target: TailTarget<C>): TailSource<C> | undefined {
    const { startAt, positions } = this.#options
    const start = startAt
      ? startAt(target)
      : {
          position: positions.get(target.path, target.labels),
          uncertainUntil: positions.uncertain(target.path, target.labels),
          fromEnd: this.#settings.fromEnd,
        }
    if (start === undefined) return undefined
    const compression =
      target.compression === undefined ? this.#settings.compression : { format: target.compression, delayMs: 0 }
    if (compression === undefined) return new TailedFile(this, target, start)
    return new CompressedFile(this, target, start, compression.format, compression.delayMs)
  }

  #name(entry: Entry<C>): void {
    const { path } = entry.source.target
    let named = this.#byName.get(path)
    if (named === undefined) this.#byName.set(path, (named = new Set()))
    named.add(entry)
  }

  #unname(entry: Entry<C>): void {
    const { path } = entry.source.target
    const named = this.#byName.get(path)
    named?.delete(entry)
    if (named?.size === 0) this.#byName.delete(path)
  }

  #setWatches(): void {
    const directories = new Set<string>()
    for (const path of this.#byName.keys()) directories.add(dirname(path))
    this.#watch.set(directories)
    for (const directory of this.#told) if (!directories.has(directory)) this.#told.delete(directory)
    for (const directory of directories) if (!this.#told.has(directory)) void this.#findOut(directory)
  }

  async #findOut(directory: string): Promise<void> {
    try {
      const { type } = await statfs(directory)
      if (localFileSystems.has(type)) this.#told.add(directory)
    } catch {
      // Not there: it is polled.
    }
  }

  #onChange(directory: string, name: string | undefined): void {
    if (name === undefined) {
      this.#schedule(settleMs)
      return
    }
    const named = this.#byName.get(directory === '/' ? `/${name}` : `${directory}/${name}`)
    if (named === undefined) return
    const dueMs = this.clock.monotonic() + settleMs
    for (const entry of named) if (entry.dueMs > dueMs) entry.dueMs = dueMs
    this.#schedule(settleMs)
  }

  #schedule(inMs: number): void {
    if (!this.#running || this.#stopping) return
    const atMs = this.clock.monotonic() + inMs
    if (this.#timer !== undefined && this.#timerMs <= atMs) return
    this.#timer?.cancel()
    this.#timerMs = atMs
    this.#timer = this.clock.setTimeout(() => {
      this.#timer = undefined
      this.#timerMs = Infinity
      this.#tick()
    }, inMs)
  }

  /** Look at what is due, and come back when the next is. */
  #tick(): void {
    const nowMs = this.clock.monotonic()
    let nextMs = Infinity
    for (const entry of this.#entries.values()) {
      if (entry.dueMs <= nowMs) {
        entry.dueMs = Infinity
        if (entry.looking) entry.lookAgain = true
        else {
          entry.looking = true
          this.#looks.push(entry)
        }
      } else if (entry.dueMs < nextMs) nextMs = entry.dueMs
    }
    while (this.#looking < lookers && this.#looks.length > 0) void this.#look()
    for (const [key, { untilMs }] of this.#finished) if (untilMs < nowMs) this.#finished.delete(key)
    if (nextMs < Infinity) this.#schedule(nextMs - nowMs)
  }

  async #look(): Promise<void> {
    this.#looking++
    for (let entry = this.#looks.shift(); entry !== undefined && !this.#stopping; entry = this.#looks.shift()) {
      // Files that are new wait while too many are open; those that are known are looked at, or rotations would be missed.
      const held = !entry.source.began && this.counts.descriptors >= this.#filesOpenMax
      if (!held) await entry.source.look()
      entry.looking = false
      if (held) {
        entry.dueMs = this.clock.monotonic() + settleMs
        this.#schedule(settleMs)
      } else this.#again(entry)
    }
    this.#looking--
    if (this.#looking === 0 && !this.#stopping) {
      this.#initial = false
      await this.#closeSome()
    }
    this.#tellIdle()
  }

  /** After a look: read what there is, and say when to look again. */
  #again(entry: Entry<C>): void {
    const { source } = entry
    const { minPollMs, maxPollMs } = this.#settings
    if (source.readable) this.#queue(entry)
    const least = Math.min(minPollMs, maxPollMs)
    const told = this.#told.has(dirname(source.target.path)) && source.began && !source.rotating && !source.linked
    entry.waitMs = source.readable ? least : Math.min(Math.max(entry.waitMs * 2, least), maxPollMs)
    const waitMs = entry.lookAgain
      ? 0
      : told
        ? Math.max(maxPollMs, sweepMs, this.#entries.size * sweepFileMs)
        : entry.waitMs
    entry.lookAgain = false
    const dueMs = this.clock.monotonic() + waitMs
    if (entry.dueMs > dueMs) entry.dueMs = dueMs
    this.#schedule(waitMs)
    this.#flushLater(entry)
  }

  /** Come back when what is left at the end of a file has waited long enough. */
  #flushLater(entry: Entry<C>): void {
    const { restDueMs } = entry.source
    if (restDueMs === Infinity) return
    if (entry.dueMs > restDueMs) entry.dueMs = restDueMs
    this.#schedule(Math.max(restDueMs - this.clock.monotonic(), 0))
  }

  #queue(entry: Entry<C>): void {
    if (entry.queued || entry.reading || entry.finishing) return
    entry.queued = true
    this.#reads.push(entry)
    if (this.#reading < readers) void this.#read()
  }

  #buffers(): ReadBuffers {
    return this.#spare.pop() ?? new ReadBuffers(this.#settings.chunkBytes ?? chunkBytesDefault)
  }

  async #read(): Promise<void> {
    this.#reading++
    const buffers = this.#buffers()
    for (let entry = this.#reads.shift(); entry !== undefined && !this.#stopping; entry = this.#reads.shift()) {
      entry.queued = false
      if (entry.finishing) continue
      entry.reading = true
      const before = entry.source.position
      const more = await entry.source.read(buffers)
      entry.reading = false
      if (entry.source.position !== before) this.#options.positions.changed()
      if (!more) this.#taken(entry.source)
      if (!more && !this.#stopping) this.#flushLater(entry)
      if (more && !this.#stopping) this.#queue(entry)
      else if (this.counts.descriptors > this.#filesOpenMax / 2 && !entry.looking) await entry.source.giveUpDescriptor()
    }
    this.#reading--
    if (this.#reading > 0) this.#spare.push(buffers)
    else {
      this.#spare.length = 0
      if (!this.#stopping) await this.#closeSome()
    }
    this.#tellIdle()
  }

  async #finish(entry: Entry<C>): Promise<void> {
    entry.finishing = true
    this.#finishing.add(entry)
    const { source } = entry
    const { positions } = this.#options
    while ((entry.reading || entry.looking) && !this.#stopping) await this.#sleep(settleMs)
    if (!this.#stopping) await source.finish(this.#buffers())
    const { target, identity } = source
    if (this.#stopping) {
      if (source.began) this.#keep(source)
    } else {
      const match = /^(\d+:\d+):/.exec(identity)
      if (match?.[1] !== undefined && source.position > 0) {
        const position = { offset: String(source.position), identity }
        this.#finished.set(match[1], { position, untilMs: this.clock.monotonic() + rotatedMs })
      }
      // A compressed file is read once: its position says so.
      if (this.#settings.compression === undefined && target.compression === undefined) {
        positions.delete(target.path, target.labels)
      }
    }
    await source.close()
    this.#finishing.delete(entry)
    const again = this.#wanted.get(keyOf(target))
    if (again !== undefined && !this.#stopping) this.set(this.#wanted.values())
    this.#tellIdle()
  }

  async readElsewhere(
    file: { readonly dev: number; readonly ino: number; readonly size: number },
    by: TailSource<C>,
  ): Promise<Position | undefined> {
    const finished = this.#finished.get(`${file.dev}:${file.ino}`)
    if (finished !== undefined) return finished.position
    const stored = await this.#readBefore(file, by)
    if (stored !== undefined) return stored
    if (this.#initial) return undefined
    for (const entry of [...this.#entries.values(), ...this.#finishing]) {
      const { source } = entry
      const identity = source === by ? undefined : source.identityOf(file)
      if (identity === undefined || source.target.path === by.target.path) continue
      // Two names for one file are both read; a name that it has lost is not one.
      const there = await stat(source.target.path).catch(() => undefined)
      if (there?.ino !== file.ino || there.dev !== file.dev) return { offset: String(file.size), identity }
    }
    return undefined
  }

  /** Of a file that was rotated while nobody ran: whoever tails the name it had reads the rest of it. */
  async #readBefore(
    file: { readonly dev: number; readonly ino: number; readonly size: number },
    by: TailSource<C>,
  ): Promise<Position | undefined> {
    for (const { path, position } of this.#options.positions.of(file.ino)) {
      if (path === by.target.path) continue
      const there = await stat(path).catch(() => undefined)
      if (there?.ino === file.ino) continue
      return this.isTailed(path) ? { offset: String(file.size), identity: position.identity } : position
    }
    return undefined
  }

  isTailed(path: string): boolean {
    return this.#byName.has(path)
  }

  /** Retries what may succeed later, which is what holds the file up. */
  async handOn(file: TailTarget<C>, lines: string[], bytes: number, place: TailPlace): Promise<boolean> {
    if (this.#stopping) return false
    const { counters, consume, positions } = this.#options
    const begun =
      place.identity === undefined
        ? undefined
        : positions.begin(file.path, file.labels, {
            offset: String(place.offset),
            identity: place.identity,
            until: String(place.offset + bytes),
          })
    if (begun) {
      await begun
      if (this.#stopping) return false
    }
    const items = lines.length
    counters.in += items
    let backoff: Backoff | undefined
    for (;;) {
      try {
        const done = consume(file, lines, place)
        if (done) await done
        this.bytes += bytes
        return true
      } catch (error) {
        if (!(error instanceof ConsumeError) || !error.retryable) {
          counters.drop('refused by the next component', items)
          this.log.warn('Lines were refused and are dropped', { path: file.path, items, err: (error as Error).message })
          return true
        }
        backoff ??= new Backoff({ ...retryWait, random: () => this.clock.random() })
        this.#waiting += items
        await this.#sleep(error.retryAfterMs ?? backoff.nextMs())
        this.#waiting -= items
        if (this.#stopping) {
          // They are read again after the start: their position has not moved.
          counters.in -= items
          return false
        }
      }
    }
  }

  /** Ends early when the tailer stops. */
  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel()
        this.#wakeups.delete(wake)
        resolve()
      }
      const timer = this.clock.setTimeout(wake, ms)
      this.#wakeups.add(wake)
    })
  }

  /** Descriptors of files at whose end nothing came for the longest time are given back. */
  async #closeSome(): Promise<void> {
    const most = this.#filesOpenMax
    if (this.counts.descriptors <= most) return
    const idle = [...this.#entries.values()].filter((entry) => !entry.reading && !entry.queued && !entry.looking)
    idle.sort((a, b) => b.source.idleMs() - a.source.idleMs())
    for (const entry of idle) {
      if (this.counts.descriptors <= most || this.#stopping) return
      if (entry.reading || entry.queued || entry.looking) continue
      await entry.source.giveUpDescriptor()
    }
  }

  #keep({ target, position, identity }: TailSource<C>): void {
    this.#options.positions.set(target.path, target.labels, String(position), identity)
  }

  /** What was begun of the file is taken, unless the tailer stops: then it is not known. */
  #taken({ target, position, identity }: TailSource<C>): void {
    if (!this.#stopping) this.#options.positions.taken(target.path, target.labels, String(position), identity)
  }

  #collect(): void {
    for (const { source } of this.#entries.values()) if (source.began) this.#keep(source)
    for (const { source } of this.#finishing) if (source.began) this.#keep(source)
  }

  #tellIdle(): void {
    if (this.#looking + this.#reading + this.#finishing.size === 0) this.#idle()
  }

  /** Take nothing more, wait for what is being handed on until the deadline, close. Safe twice, and without a start. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true
    this.#timer?.cancel()
    this.#watch.close()
    for (const wake of this.#wakeups) wake()
    if (this.#looking + this.#reading + this.#finishing.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.clock.setTimeout(resolve, deadlineMs)
        this.#idle = () => {
          timer.cancel()
          resolve()
        }
      })
    }
    for (const { source } of this.#entries.values()) await source.close()
  }

  /** Files and how far they are read, for people to look at. */
  debug(): unknown {
    return this.files.map(({ target, position, size, lines, failure }) => ({
      path: target.path,
      labels: target.labels,
      read_offset: position,
      size,
      lines,
      ...(failure === '' ? {} : { failure }),
    }))
  }
}
