// Reads one file, and again when it changes.
import { readFileSync, statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { type Component, HealthState, type Host, OptionalSecret, SettingsError, type Timer } from '#component'
import { DirectoryWatch } from '#lib/directory_watch'
import type { LocalFileSettings } from './component.ts'

/** A value of the configuration, not a data file: a larger one is refused. */
const contentBytesMax = 16 * 1024 * 1024
/** After the system tells of a change, so that a file is not read half written (as Alloy waits). */
const settleMs = 30

export class LocalFile implements Component<LocalFileSettings> {
  readonly #host: Host
  #settings: LocalFileSettings
  #readTimeMs: number | undefined
  #poll: Timer | undefined
  #settle: Timer | undefined
  readonly #watch = new DirectoryWatch((_, name) => this.#hint(name))
  #running = false

  /** Reads the file, so that others can be evaluated. Throws `SettingsError` when it cannot. */
  constructor(host: Host, settings: LocalFileSettings) {
    this.#host = host
    this.#settings = settings
    host.instruments.gauge(
      'local_file_timestamp_last_accessed_unix_seconds',
      'When the file was last read with success, in seconds since the epoch.',
      () => this.#readTimeMs && this.#readTimeMs / 1000,
    )
    this.#mustRead(settings)
  }

  start(): void {
    this.#running = true
    this.#read()
    this.#look()
  }

  /** Throws, and keeps to the old file, when the new one cannot be read. */
  update(settings: LocalFileSettings): void {
    this.#mustRead(settings)
    this.#settings = settings
    if (!this.#running) return
    this.#poll?.cancel()
    this.#watch.close()
    this.#look()
  }

  stop(): void {
    this.#running = false
    this.#poll?.cancel()
    this.#settle?.cancel()
    this.#settle = undefined
    this.#watch.close()
  }

  /** Watch, and look from time to time besides: not every file system tells, and not all that is told is true. */
  #look(): void {
    const { filename, detector, poll_frequency } = this.#settings
    if (detector === 'fsnotify') this.#watch.set([dirname(filename)])
    this.#poll = this.#host.clock.setTimeout(() => {
      this.#read()
      this.#look()
    }, poll_frequency)
  }

  /** Names that begin with two dots are what Kubernetes swaps when a mounted volume changes. */
  #hint(name: string | undefined): void {
    if (name !== undefined && name !== basename(this.#settings.filename) && !name.startsWith('..')) return
    this.#settle ??= this.#host.clock.setTimeout(() => {
      this.#settle = undefined
      this.#read()
    }, settleMs)
  }

  /** A file that cannot be read later on keeps its last content. */
  #read(): void {
    const { filename } = this.#settings
    try {
      this.#export(this.#settings, readContent(filename))
    } catch (error) {
      const err = (error as Error).message
      this.#host.log.error('Cannot read a file again; its last content stays', { path: filename, err })
      this.#host.setHealth(HealthState.unhealthy, `failed to read file: ${err}`)
    }
  }

  #mustRead(settings: LocalFileSettings): void {
    let content: string
    try {
      content = readContent(settings.filename)
    } catch (error) {
      throw new SettingsError(`failed to read file: ${(error as Error).message}`, ['filename'])
    }
    this.#export(settings, content)
  }

  #export(settings: LocalFileSettings, content: string): void {
    this.#readTimeMs = this.#host.clock.now()
    this.#host.setExports({ content: new OptionalSecret(content, settings.is_secret) })
    this.#host.setHealth(HealthState.healthy, 'read file')
  }
}

function readContent(path: string): string {
  const { size } = statSync(path)
  if (size > contentBytesMax) {
    throw new Error(`Cannot read ${path}: it has ${size} bytes, ${contentBytesMax} are allowed`)
  }
  return readFileSync(path, 'utf8')
}
