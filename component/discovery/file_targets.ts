// Reads target groups from files, and again when they change.
import { readFileSync, type Stats, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Component, type Count, type Host, type Target, type Timer } from '#component'
import { DirectoryWatch } from '#lib/directory_watch'
import { Refresher, TargetPublisher } from './publisher.ts'
import { readTargetGroups, targetsOf } from './target_groups.ts'
import type { FileDiscoverySettings } from './settings.ts'
import { matchingFiles } from './file_pattern.ts'

/** A file is read as a whole: a larger one is refused. */
const fileBytesMax = 64 * 1024 * 1024
/** After the system tells of a change, so that a file is not read half written. */
const settleMs = 30
/** A file that changed less long ago may change again without its time showing it. */
const freshMs = 2000

interface KnownFile {
  readonly stamp: string
  readonly mtimeMs: number
  readonly targets: readonly Target[]
}

export class FileDiscovery implements Component<FileDiscoverySettings> {
  readonly #host: Host
  readonly #publisher: TargetPublisher
  readonly #errors: Count
  #settings: FileDiscoverySettings | undefined
  /** In the order of the patterns and names. */
  #known = new Map<string, KnownFile>()
  readonly #watch = new DirectoryWatch(() => this.#hint())
  #refresher: Refresher | undefined
  #settle: Timer | undefined

  constructor(host: Host) {
    this.#host = host
    this.#publisher = new TargetPublisher(host)
    this.#errors = host.instruments.counter(
      'prometheus_sd_file_read_errors_total',
      'The number of File-SD read errors.',
    )
  }

  /** Gives others something to be evaluated with; what cannot be read now is read later. */
  async firstRead(settings: FileDiscoverySettings): Promise<void> {
    this.#settings = settings
    await this.#refresh(undefined).catch(() => {})
  }

  start(): void {
    const settings = this.#settings as FileDiscoverySettings
    this.#refresher = new Refresher(this.#host, settings.refresh_interval, (signal) => {
      this.#watch.set(settings.files.map((pattern) => dirname(pattern)))
      return this.#refresh(signal)
    })
    this.#refresher.start()
  }

  async update(settings: FileDiscoverySettings): Promise<void> {
    const running = this.#refresher !== undefined
    this.#end()
    this.#settings = settings
    if (running) this.start()
    else await this.firstRead(settings)
  }

  stop(): void {
    this.#end()
    this.#publisher.stop()
  }

  #end(): void {
    this.#refresher?.stop()
    this.#refresher = undefined
    this.#settle?.cancel()
    this.#settle = undefined
    this.#watch.close()
  }

  /** Something changed in a directory that holds files: look at them all, which costs little where they are the same. */
  #hint(): void {
    this.#settle ??= this.#host.clock.setTimeout(() => {
      this.#settle = undefined
      if (!this.#refresher) return
      this.#refresher.stop()
      this.#refresher.start()
    }, settleMs)
  }

  /** A file that cannot be read keeps the targets it had; one that is gone takes them along. */
  async #refresh(signal: AbortSignal | undefined): Promise<void> {
    const known = new Map<string, KnownFile>()
    let failure: Error | undefined
    for (const path of matchingFiles((this.#settings as FileDiscoverySettings).files)) {
      const before = this.#known.get(path)
      try {
        known.set(path, await this.#read(path, before))
      } catch (error) {
        this.#errors.add(1)
        failure = error as Error
        if (before) known.set(path, before)
      }
    }
    // A later reading has begun meanwhile.
    if (signal?.aborted) return
    this.#known = known
    this.#publisher.publish([...known.values()].flatMap((file) => file.targets))
    if (failure) throw failure
  }

  async #read(path: string, before: KnownFile | undefined): Promise<KnownFile> {
    const stats = statSync(path)
    const stamp = stampOf(stats)
    if (before?.stamp === stamp && this.#host.clock.now() - before.mtimeMs > freshMs) return before
    if (stats.size > fileBytesMax) {
      throw new Error(`Cannot read ${path}: it has ${stats.size} bytes, ${fileBytesMax} are allowed`)
    }
    const text = readFileSync(path, 'utf8')
    try {
      const parsed = /\.json$/i.test(path) ? JSON.parse(text) : await parseYaml(text)
      const targets = targetsOf(readTargetGroups(parsed), [['__meta_filepath', path]])
      return { stamp, mtimeMs: stats.mtimeMs, targets }
    } catch (error) {
      throw new Error(`Cannot read ${path}: ${(error as Error).message}`)
    }
  }
}

function stampOf(stats: Stats): string {
  return `${stats.ino} ${stats.size} ${stats.mtimeMs}`
}

/** Plain scalars are taken as the text they are written in, as Prometheus takes label values. */
async function parseYaml(text: string): Promise<unknown> {
  const { parse } = await import('yaml')
  const parsed: unknown = parse(text, { schema: 'failsafe', merge: true, maxAliasCount: 1000 })
  if (parsed === '') return null
  if (!Array.isArray(parsed)) return parsed
  return parsed.map((group: unknown) => {
    if (group === '') return null
    if (group === null || typeof group !== 'object') return group
    // `labels:` with nothing behind it is no label at all.
    return Object.fromEntries(Object.entries(group).filter(([, value]) => value !== ''))
  })
}
