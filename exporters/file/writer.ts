// One output file: messages wait in memory for the next flush, go to the file whole, and the file is rotated when it is full.
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { type Clock, ConsumeError, type Logger, type Timer } from '#component'

export interface RotationSettings {
  readonly bytesMax: number
  /** 0: rotated files are not removed for their age. */
  readonly ageDaysMax: number
  /** 0: all are kept. */
  readonly backupsMax: number
  readonly localTime: boolean
}

export interface WriterSettings {
  readonly append: boolean
  readonly rotation: RotationSettings | undefined
  /** 0: at once. */
  readonly flushMs: number
  /** Absent: the directory must be there. */
  readonly directoryMode: number | undefined
}

export interface WriterEvents {
  onWritten(items: number): void
  /** Undefined: all is well again. */
  onProblem(problem: string | undefined): void
}

/** What waits for the next flush, at most; senders wait for the flush before it is more. */
const bufferBytesMax = 4 * 1024 * 1024

export class FileWriter {
  readonly path: string
  readonly #settings: WriterSettings
  readonly #clock: Clock
  readonly #log: Logger
  readonly #events: WriterEvents
  #file: FileHandle | undefined
  #size = 0
  #waiting: { bytes: Uint8Array; items: number }[] = []
  #waitingBytes = 0
  waitingItems = 0
  #timer: Timer | undefined
  #flushing: Promise<void> | undefined
  #opened = false

  constructor(path: string, settings: WriterSettings, clock: Clock, log: Logger, events: WriterEvents) {
    this.path = path
    this.#settings = settings
    this.#clock = clock
    this.#log = log
    this.#events = events
  }

  /** Take a message. Waits where much is waiting; refuses where the file takes nothing. */
  put(bytes: Uint8Array, items: number): void | Promise<void> {
    if (this.#waitingBytes + bytes.length > bufferBytesMax && this.#waitingBytes > 0)
      return this.#putLater(bytes, items)
    this.#take(bytes, items)
    return undefined
  }

  async #putLater(bytes: Uint8Array, items: number): Promise<void> {
    while (this.#waitingBytes + bytes.length > bufferBytesMax && this.#waitingBytes > 0) {
      const before = this.#waitingBytes
      await this.flush()
      if (this.#waitingBytes >= before) throw new ConsumeError(`Cannot write to ${this.path}`, { retryable: true })
    }
    this.#take(bytes, items)
  }

  #take(bytes: Uint8Array, items: number): void {
    this.#waiting.push({ bytes, items })
    this.#waitingBytes += bytes.length
    this.waitingItems += items
    this.#timer ??= this.#clock.setTimeout(() => {
      this.#timer = undefined
      void this.flush()
    }, this.#settings.flushMs)
  }

  /** Write what waits. What cannot be written goes on waiting, for the flush after this one. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined
      if (this.#waiting.length === 0) return
      this.#timer ??= this.#clock.setTimeout(
        () => {
          this.#timer = undefined
          void this.flush()
        },
        Math.max(this.#settings.flushMs, 100),
      )
    })
    return this.#flushing
  }

  async #flush(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const file = await this.#open()
        const count = this.#fitting()
        if (count === 0) {
          await this.#rotate()
          continue
        }
        await this.#write(file, count)
      }
      this.#events.onProblem(undefined)
    } catch (error) {
      this.#events.onProblem(`Cannot write to ${this.path}: ${(error as Error).message}`)
    }
  }

  async #open(): Promise<FileHandle> {
    if (this.#file) return this.#file
    const { append, rotation, directoryMode } = this.#settings
    if (directoryMode !== undefined) await mkdir(dirname(this.path), { recursive: true, mode: directoryMode })
    // What this process wrote stays when the file is opened again.
    this.#file = await open(this.path, append || rotation || this.#opened ? 'a' : 'w', 0o644)
    this.#opened = true
    this.#size = (await this.#file.stat()).size
    return this.#file
  }

  /** How many of the messages that wait go into the file as it is; one that is larger than a file gets one of its own. */
  #fitting(): number {
    const { rotation } = this.#settings
    if (!rotation) return this.#waiting.length
    let size = this.#size
    let count = 0
    for (const { bytes } of this.#waiting) {
      if (size > 0 && size + bytes.length > rotation.bytesMax) break
      size += bytes.length
      count++
    }
    return count
  }

  async #write(file: FileHandle, count: number): Promise<void> {
    const some = this.#waiting.slice(0, count)
    const bytes = Buffer.concat(some.map((message) => message.bytes))
    try {
      await file.appendFile(bytes)
    } catch (error) {
      // No half messages: they would spoil the ones that follow.
      await file.truncate(this.#size).catch(() => {})
      throw error
    }
    this.#size += bytes.length
    this.#waiting.splice(0, count)
    this.#waitingBytes -= bytes.length
    let items = 0
    for (const message of some) items += message.items
    this.waitingItems -= items
    this.#events.onWritten(items)
  }

  /** The file gets the time into its name; a new one takes its place; files that are too many or too old go. */
  async #rotate(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
    const extension = extname(this.path)
    const stem = this.path.slice(0, this.path.length - extension.length)
    await rename(this.path, `${stem}-${this.#stamp()}${extension}`)
    await this.#removeOld().catch((error: Error) => {
      this.#log.warn('Cannot remove old files', { path: this.path, err: error.message })
    })
  }

  /** `2022-09-14T05-02-14.173`. */
  #stamp(): string {
    const nowMs = this.#clock.now()
    const offsetMs = this.#settings.rotation?.localTime ? new Date(nowMs).getTimezoneOffset() * 60_000 : 0
    return new Date(nowMs - offsetMs).toISOString().slice(0, 23).replaceAll(':', '-')
  }

  async #removeOld(): Promise<void> {
    const { ageDaysMax = 0, backupsMax = 0 } = this.#settings.rotation ?? {}
    const directory = dirname(this.path)
    const extension = extname(this.path)
    const stem = `${basename(this.path, extension)}-`
    const stamped = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}$/
    const backups = (await readdir(directory))
      .filter((name) => name.startsWith(stem) && name.endsWith(extension))
      .map((name) => ({ name, stamp: name.slice(stem.length, name.length - extension.length) }))
      .filter(({ stamp }) => stamped.test(stamp))
      .toSorted((a, b) => (a.stamp < b.stamp ? 1 : -1))
    const oldest = new Date(this.#clock.now() - ageDaysMax * 86_400_000).toISOString().slice(0, 23).replaceAll(':', '-')
    for (const [i, { name, stamp }] of backups.entries()) {
      if ((backupsMax > 0 && i >= backupsMax) || (ageDaysMax > 0 && stamp < oldest)) await rm(join(directory, name))
    }
  }

  /** Write what waits and close the file. The number of items that could not be written. */
  async close(): Promise<number> {
    await this.#flushing
    await this.flush()
    this.#timer?.cancel()
    this.#timer = undefined
    const lost = this.waitingItems
    this.#waiting = []
    this.#waitingBytes = 0
    this.waitingItems = 0
    await this.#file?.close().catch(() => {})
    this.#file = undefined
    return lost
  }
}
