// Reads files as entries, works on them with operators, and hands them on.
import { open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type Component, HealthState, type Host, type LogsPort, type Timer } from '#component'
import {
  Delivery,
  type Entry,
  EntryMaker,
  type EntryMap,
  entryEncoding,
  entryPattern,
  trimmer,
} from '#component/stanza'
import {
  countEntries,
  type EntryPattern,
  type LineEncoding,
  nopEncoding,
  Positions,
  Tailer,
  type TailerSettings,
  type TailPlace,
  type TailTarget,
} from '#component/tail'
import { fileAttributes } from './file_attributes.ts'
import { filesToRead } from './finder.ts'
import { FileHeader } from './header.ts'
import type { FileLogSettings } from './settings.ts'

/** What is kept of a file. */
interface FileContext {
  readonly attributes: EntryMap
  /** The header of the file with this inode is read. */
  header: FileHeader | undefined
  headerOf: number
  /** Entries of the file with this inode so far. */
  records: bigint
  recordsOf: number
}

/** The share of one core that looking for files may take. */
const findShare = 0.05

export class FileLogReceiver implements Component<never> {
  readonly #host: Host
  readonly #settings: FileLogSettings
  readonly #maker: EntryMaker
  readonly #delivery: Delivery
  readonly #positions: Positions
  readonly #tailer: Tailer<FileContext>
  readonly #known = new Map<string, TailTarget<FileContext>>()
  readonly #encoding: LineEncoding
  readonly #pattern: EntryPattern | undefined
  readonly #trim: (text: string) => string
  #timer: Timer | undefined
  #finding: Promise<void> | undefined
  #isFirst = true
  #started = false
  #stopped = false

  constructor(host: Host, settings: FileLogSettings, ports: readonly LogsPort[]) {
    this.#host = host
    this.#settings = settings
    this.#maker = new EntryMaker(settings)
    const { operators, retry_on_failure: retry } = settings
    this.#delivery = new Delivery(host, { operators, retry, comesAgain: true }, ports)
    this.#encoding = entryEncoding(settings.encoding)
    this.#pattern = entryPattern(settings.multiline)
    this.#trim = this.#encoding === nopEncoding ? (text) => text : trimmer(settings)
    const { clock, log, counters } = host
    this.#positions = new Positions({ path: positionsPath(host, settings), clock, log })
    this.#tailer = new Tailer<FileContext>({
      clock,
      log,
      counters,
      positions: this.#positions,
      settings: this.#tailerSettings(),
      consume: (file, lines, place) => this.#consume(file, lines, place),
      startAt: ({ path, labels }) => ({
        position: this.#positions.get(path, labels),
        // Files that come later are read from their beginning.
        fromEnd: this.#isFirst && settings.start_at === 'end',
      }),
    })
    counters.observeWaiting(() => this.#tailer.waiting + this.#delivery.waiting)
    this.#observe()
  }

  #tailerSettings(): TailerSettings {
    const s = this.#settings
    return {
      encoding: this.#encoding,
      minPollMs: s.poll_interval,
      maxPollMs: s.poll_interval,
      fromEnd: s.start_at === 'end',
      lineBytesMax: s.max_log_size,
      filesOpenMax: s.max_concurrent_files,
      pattern: this.#pattern,
      flushMs: s.force_flush_period > 0 ? s.force_flush_period : Infinity,
      wantsStarts: s.include_file_record_offset,
      longLines: s.max_log_size_behavior === 'truncate' ? 'truncate' : 'split',
    }
  }

  #observe(): void {
    const { instruments } = this.#host
    instruments.gauge('otelcol_fileconsumer_open_files', 'Number of open files.', () => this.#tailer.counts.descriptors)
    instruments.gauge('otelcol_fileconsumer_reading_files', 'Number of files that are being read.', () => {
      let reading = 0
      for (const { readable } of this.#tailer.files) if (readable) reading++
      return reading
    })
    const count = (name: string, help: string, read: () => number): void => {
      instruments.observedCounter(`solder_file_log_${name}_total`, help, read)
    }
    count(
      'long_entries',
      'Entries that were split or cut because they are too long.',
      () => this.#tailer.counts.cutLines,
    )
    count('truncations', 'Times that a file was truncated and read anew.', () => this.#tailer.counts.truncations)
    count('rotations', 'Times that another file came in the place of one.', () => this.#tailer.counts.rotations)
    count('missed_files', 'Rotated files left unread: too many.', () => this.#tailer.counts.missedFiles)
  }

  async start(): Promise<void> {
    this.#started = true
    await this.#positions.load()
    await this.#find()
    this.#isFirst = false
    this.#tailer.start()
    this.#host.setHealth(HealthState.healthy, 'started component')
  }

  /** Look for files, now and again. */
  async #find(): Promise<void> {
    const { clock } = this.#host
    const startMs = clock.monotonic()
    const reading = new Set(this.#tailer.files.map(({ target }) => target.path))
    const paths = await filesToRead(this.#settings, clock.now(), (path) => reading.has(path))
    if (this.#stopped) return
    if (this.#settings.delete_after_read) await this.#deleteRead()
    const isChanged = paths.length !== this.#known.size || paths.some((path) => !this.#known.has(path))
    if (isChanged) await this.#follow(paths)
    if (this.#stopped) return
    const spentMs = clock.monotonic() - startMs
    this.#timer = clock.setTimeout(
      () => {
        this.#finding = this.#find()
      },
      Math.max(this.#settings.poll_interval, spentMs / findShare),
    )
  }

  async #follow(paths: readonly string[]): Promise<void> {
    const wanted = new Set(paths)
    for (const path of this.#known.keys()) if (!wanted.has(path)) this.#known.delete(path)
    for (const path of paths) {
      const target = this.#known.has(path) ? undefined : await this.#target(path)
      if (target !== undefined) this.#known.set(path, target)
    }
    this.#tailer.set(this.#known.values())
    await this.#positions.prune((path) => wanted.has(path))
  }

  /** Undefined: there is nothing in the file yet that tells whether it is compressed. */
  async #target(path: string): Promise<TailTarget<FileContext> | undefined> {
    const { compression } = this.#settings
    const isCompressed = compression === 'auto' ? await isGzip(path) : compression === 'gzip'
    if (isCompressed === undefined) return undefined
    return {
      path,
      labels: '{}',
      context: {
        attributes: await fileAttributes(path, this.#settings),
        header: undefined,
        headerOf: -1,
        records: 0n,
        recordsOf: -1,
      },
      compression: isCompressed ? 'gz' : undefined,
    }
  }

  async #deleteRead(): Promise<void> {
    for (const { target, began, readable, restDueMs, position, size } of this.#tailer.files) {
      if (!began || readable || restDueMs !== Infinity || (target.compression === undefined && position < size))
        continue
      try {
        await unlink(target.path)
      } catch (error) {
        this.#host.log.error('Cannot delete a file that was read', { path: target.path, err: (error as Error).message })
      }
    }
  }

  #consume(file: TailTarget<FileContext>, lines: string[], place: TailPlace): void | Promise<void> {
    const { header, include_file_record_number: isNumbered } = this.#settings
    if (header !== undefined && file.context.headerOf !== place.ino) return this.#readHeader(file, lines, place)
    if (isNumbered && file.context.recordsOf !== place.ino) return this.#countRecords(file, lines, place)
    return this.#delivery.take(this.#entries(file, lines, place), lines.length)
  }

  #entries({ context }: TailTarget<FileContext>, lines: readonly string[], place: TailPlace): Entry[] {
    const observedNs = BigInt(Math.trunc(this.#host.clock.now() * 1000)) * 1000n
    const isNumbered = this.#settings.include_file_record_number
    const { header } = context
    const attributes = header === undefined ? context.attributes : { ...context.attributes, ...header.attributes }
    const headerLines = header?.linesIn(lines, place.offset) ?? 0
    const entries: Entry[] = []
    for (let i = headerLines; i < lines.length; i++) {
      // Empty lines count too: the number of an entry of one line is that of its line.
      if (isNumbered) context.records++
      const body = this.#trim(lines[i] as string)
      if (body === '') continue
      const isBytes = this.#encoding === nopEncoding
      const entry = this.#maker.make(isBytes ? Buffer.from(body, 'latin1') : body, attributes, observedNs)
      const start = place.starts?.[i]
      if (start !== undefined) entry.attributes['log.file.record_offset'] = BigInt(start)
      if (isNumbered) entry.attributes['log.file.record_number'] = context.records
      entries.push(entry)
    }
    const { counters } = this.#host
    counters.drop('header line', headerLines)
    counters.drop('empty line', lines.length - headerLines - entries.length)
    return entries
  }

  async #readHeader(file: TailTarget<FileContext>, lines: string[], place: TailPlace): Promise<void> {
    const { header } = this.#settings
    const { context } = file
    if (header === undefined) return
    context.header = await FileHeader.read(file.path, place.offset === 0 ? lines : undefined, {
      settings: header,
      host: this.#host,
      encoding: this.#encoding,
    })
    context.headerOf = place.ino
    await this.#consume(file, lines, place)
  }

  /** After a restart entries before the position are counted anew. */
  async #countRecords(file: TailTarget<FileContext>, lines: string[], place: TailPlace): Promise<void> {
    const { context } = file
    context.records = place.offset === 0 ? 0n : await this.#recordsBefore(file, place.offset)
    context.recordsOf = place.ino
    await this.#consume(file, lines, place)
  }

  #recordsBefore(file: TailTarget<FileContext>, offset: number): Promise<bigint> {
    return countEntries(file.path, offset, {
      encoding: this.#encoding,
      pattern: this.#pattern,
      bytesMax: this.#settings.max_log_size,
    })
  }

  async stop(deadlineMs: number): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.#timer?.cancel()
    await this.#finding
    this.#delivery.giveUp()
    await this.#tailer.stop(deadlineMs)
    await this.#delivery.stop()
    if (this.#started) await this.#positions.stop()
  }

  debug(): unknown {
    return this.#tailer.debug()
  }
}

/** Undefined: the file is empty, or cannot be read. */
async function isGzip(path: string): Promise<boolean | undefined> {
  const file = await open(path, 'r').catch(() => undefined)
  if (file === undefined) return undefined
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(2), 0, 2, 0)
    return bytesRead === 0 ? undefined : bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b
  } catch {
    return undefined
  } finally {
    await file.close()
  }
}

/** Without storage positions live in memory. */
function positionsPath(host: Host, { storage }: FileLogSettings): string | undefined {
  const directory = storage?.storage?.directoryFor(host.id)
  return directory === undefined ? undefined : join(directory, 'positions.yml')
}
