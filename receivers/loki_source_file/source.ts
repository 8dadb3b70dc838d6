// Lines of files as Loki streams: one stream for each file, in chunks as they are read.
import { join } from 'node:path'
import { stat } from 'node:fs/promises'
import { type Component, HealthState, type Host, type LogsConsumer, type Target, type Timer } from '#component'
import {
  findFiles,
  globExpression,
  lineEncoding,
  Positions,
  readLegacyPositions,
  type StartAt,
  Tailer,
  type TailerSettings,
  type TailTarget,
} from '#component/tail'
import { type Labels, labelsFrom, Logs, LogStream } from '#pdata'
import { labelText, LineTimes } from '#pdata/loki'
import type { LokiSourceFileSettings } from './component.ts'

/** What is kept of a file: the labels of its lines. */
interface FileContext {
  readonly labels: Labels
}

/** `positions.yml` in the node's directory, as Alloy has it. */
const positionsName = 'positions.yml'

export class LokiSourceFile implements Component<LokiSourceFileSettings> {
  readonly #host: Host
  #settings: LokiSourceFileSettings
  #outlet: LogsConsumer
  #positions: Positions
  #tailer: Tailer<FileContext>
  #legacy = new Map<string, string>()
  readonly #times = new LineTimes()
  readonly #shown = new Set<string>()
  #timer: Timer | undefined
  #started = false
  #stopped = false
  #round = 0

  constructor(host: Host, settings: LokiSourceFileSettings) {
    this.#host = host
    this.#settings = settings
    this.#outlet = host.outlet(settings.forward_to)
    this.#positions = this.#makePositions()
    this.#tailer = this.#makeTailer()
    host.counters.observeWaiting(() => this.#tailer.waiting)
    this.#observe()
  }

  #observe(): void {
    const { instruments } = this.#host
    instruments.gauge('loki_source_file_files_active_total', 'Number of active files.', () => {
      let active = 0
      for (const file of this.#tailer.files) if (file.began) active++
      return active
    })
    const count = (name: string, help: string, read: () => number): void => {
      instruments.observedCounter(`solder_loki_source_file_${name}_total`, help, read)
    }
    count('cut_lines', 'Lines that were cut because they are too long.', () => this.#tailer.counts.cutLines)
    count('cut_bytes', 'Bytes left out of lines that were cut.', () => this.#tailer.counts.cutBytes)
    count('truncations', 'Times that a file was truncated and read anew.', () => this.#tailer.counts.truncations)
    count('rotations', 'Times that another file came in the place of one.', () => this.#tailer.counts.rotations)
    count('missed_files', 'Rotated files left unread: too many.', () => this.#tailer.counts.missedFiles)
    count(
      'repeated_lines',
      'Lines read again after a start that may have been sent before the process was killed.',
      () => this.#tailer.counts.repeatedLines,
    )
    count('positions_written_bytes', 'Bytes written to the positions file.', () => this.#positions.bytesWritten)
    count('positions_corrupt', 'Positions files that could not be read.', () => this.#positions.corrupt)
  }

  #makePositions(): Positions {
    const { clock, log, dataDir, globals } = this.#host
    const journal = globals.durability === 'always'
    return new Positions({ path: join(dataDir, positionsName), clock, log, journal })
  }

  #makeTailer(): Tailer<FileContext> {
    const { clock, log, counters } = this.#host
    return new Tailer<FileContext>({
      clock,
      log,
      counters,
      positions: this.#positions,
      settings: tailerSettings(this.#settings),
      consume: (file, lines) => {
        const times = this.#times.take(clock.now(), lines.length)
        return this.#outlet.consume(Logs.fromStreams([new LogStream(file.context.labels, times, lines, null)]))
      },
      startAt: (file) => this.#startAt(file),
    })
  }

  /** Before anything is started: a file of positions that cannot be read is not to be overlooked. */
  async readLegacy(): Promise<void> {
    const { legacy_positions_file: legacy } = this.#settings
    if (legacy === '') return
    this.#legacy = await readLegacyPositions(legacy, join(this.#host.dataDir, positionsName), this.#host.log)
  }

  /** Where a file begins; undefined: it is not to be read. */
  #startAt(file: TailTarget<FileContext>): StartAt | undefined {
    const { tail_from_end: fromEnd, on_positions_file_error: onError, legacy_positions_file: legacy } = this.#settings
    let position = this.#positions.get(file.path, file.labels)
    if (position === undefined && legacy !== '') position = this.#positions.get(file.path, '{}')
    if (position === undefined) {
      return { position, fromEnd: fromEnd || (this.#positions.corrupt > 0 && onError === 'restart_from_end') }
    }
    if (/^\d{1,15}$/.test(position.offset)) {
      // Without an identity the file is one of Alloy's, where 0 is as good as none.
      if (position.offset === '0' && fromEnd) return { position: undefined, fromEnd }
      return { position, uncertainUntil: this.#positions.uncertain(file.path, file.labels), fromEnd }
    }
    this.#host.log.error('Cannot read the position of a file', { path: file.path, policy: onError })
    if (onError === 'skip') return undefined
    return { position: undefined, fromEnd: onError === 'restart_from_end' }
  }

  async start(): Promise<void> {
    await this.#positions.load()
    this.#positions.adopt(this.#legacy)
    this.#started = true
    await this.#sync()
    this.#tailer.start()
    this.#host.setHealth(HealthState.healthy, 'started component')
  }

  /** Tail what the targets say now, and again after the sync period. */
  async #sync(): Promise<void> {
    const round = ++this.#round
    this.#timer?.cancel()
    const { file_match: match, targets } = this.#settings
    const found = match.enabled ? await this.#match(targets) : targets.flatMap((target) => named(target) ?? [])
    if (round !== this.#round || this.#stopped) return
    this.#tailer.set(found)
    this.#show(found)
    const paths = new Set(found.map((file) => file.path))
    const keys = new Set(found.map((file) => `${file.path} ${file.labels}`))
    await this.#positions.prune((path, labels) => keys.has(`${path} ${labels}`) || (labels === '{}' && paths.has(path)))
    if (match.enabled && round === this.#round && !this.#stopped) {
      this.#timer = this.#host.clock.setTimeout(() => void this.#sync(), match.sync_period)
    }
  }

  async #match(targets: readonly Target[]): Promise<TailTarget<FileContext>[]> {
    const { ignore_older_than: ageMsMax } = this.#settings.file_match
    const reading = new Set(this.#tailer.files.map(({ target }) => target.path))
    const found: TailTarget<FileContext>[] = []
    for (const target of targets) {
      const pattern = target.labels.get('__path__') ?? ''
      const exclude = target.labels.get('__path_exclude__') ?? ''
      const excluded = exclude === '' ? undefined : globExpression(exclude)
      for (const path of await findFiles(pattern)) {
        if (excluded?.test(path)) continue
        // A file that is being read is read on, however old it becomes.
        if (ageMsMax > 0 && !reading.has(path)) {
          const mtimeMs = (await stat(path).catch(() => undefined))?.mtimeMs
          if (mtimeMs === undefined || mtimeMs < this.#host.clock.now() - ageMsMax) continue
        }
        found.push(fileOf(path, target))
      }
    }
    return found
  }

  /** The metrics of each path, and no others. */
  #show(files: readonly TailTarget<FileContext>[]): void {
    const { instruments } = this.#host
    const paths = new Set(files.map(({ path }) => path))
    for (const path of this.#shown) {
      if (paths.has(path)) continue
      this.#shown.delete(path)
      for (const name of pathMetrics) instruments.forget?.(name, { path })
    }
    for (const path of paths) {
      if (this.#shown.has(path)) continue
      this.#shown.add(path)
      const sum = (read: (file: Tailed) => number) => (): number => {
        let total = 0
        for (const file of this.#tailer.at(path)) total += read(file)
        return total
      }
      const one = { path }
      const [read, total, lines] = pathMetrics
      instruments.gauge(
        read,
        'Number of bytes read.',
        sum((file) => file.position),
        one,
      )
      instruments.gauge(
        total,
        'Number of bytes total.',
        sum((file) => file.size),
        one,
      )
      instruments.observedCounter(
        lines,
        'Number of lines read.',
        sum((file) => file.lines),
        one,
      )
    }
  }

  /** Keeps files, positions and descriptors, unless files are to be read in another way. */
  async update(settings: LokiSourceFileSettings): Promise<void> {
    const before = this.#settings
    this.#settings = settings
    this.#outlet = this.#host.outlet(settings.forward_to)
    if (!this.#started) return
    const same =
      before.encoding === settings.encoding &&
      JSON.stringify(before.decompression) === JSON.stringify(settings.decompression)
    if (same) this.#tailer.update(tailerSettings(settings))
    else {
      await this.#tailer.stop(updateDeadlineMs)
      await this.#positions.stop()
      this.#positions = this.#makePositions()
      await this.#positions.load()
      this.#tailer = this.#makeTailer()
      this.#tailer.start()
    }
    await this.#sync()
  }

  async stop(deadlineMs: number): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.#timer?.cancel()
    await this.#tailer.stop(deadlineMs)
    if (this.#started) await this.#positions.stop()
  }

  debug(): unknown {
    return this.#tailer.debug()
  }
}

type Tailed = { readonly position: number; readonly size: number; readonly lines: number }

const pathMetrics = [
  'loki_source_file_read_bytes_total',
  'loki_source_file_file_bytes_total',
  'loki_source_file_read_lines_total',
] as const

/** What is being handed on has so long to be taken when files are to be read in another way. */
const updateDeadlineMs = 5000

function tailerSettings(s: LokiSourceFileSettings): TailerSettings {
  return {
    encoding: lineEncoding(s.encoding),
    minPollMs: s.file_watch.min_poll_frequency,
    maxPollMs: s.file_watch.max_poll_frequency,
    fromEnd: s.tail_from_end,
    compression: s.decompression?.enabled
      ? { format: s.decompression.format, delayMs: s.decompression.initial_delay }
      : undefined,
  }
}

/** A target as it is; undefined: it names no file. */
function named(target: Target): TailTarget<FileContext> | undefined {
  const path = target.labels.get('__path__') ?? ''
  return path === '' ? undefined : fileOf(path, target)
}

function fileOf(path: string, target: Target): TailTarget<FileContext> {
  const own = [...target.labels].filter(([name]) => !name.startsWith('__'))
  return {
    path,
    labels: labelText(labelsFrom(own)),
    context: { labels: lineLabels(own, path) },
  }
}

/** Labels without a value stay, as Alloy has it: to Loki they are none. */
function lineLabels(own: readonly (readonly [string, string])[], path: string): Labels {
  const all = new Map([...own, ['filename', path] as const])
  return [...all.keys()].sort().flatMap((name) => [name, all.get(name) as string])
}
