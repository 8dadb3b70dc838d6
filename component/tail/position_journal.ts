// What is known of positions since they were last written: appended before lines are handed on, for those who must not
// hand on more than a batch twice after they were killed.
import { type FileHandle, mkdir, open, readFile, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Logger } from '#component'

/** How far a file was read and taken, and how far lines were handed on of which it is not known whether they were taken. */
export interface PositionRecord {
  readonly path: string
  readonly labels: string
  readonly offset: string
  readonly identity: string
  /** Above `offset`; '' where nothing is under way. */
  readonly until: string
}

interface Pending {
  readonly text: string
  readonly isSynced: boolean
  readonly done: () => void
  readonly failed: (error: Error) => void
}

/** Records are lines of JSON. One write is under way at a time and takes all that wait (group commit). */
export class PositionJournal {
  bytesWritten = 0
  readonly #path: string
  readonly #log: Logger
  #file: FileHandle | undefined
  /** Of the file as it is. */
  #bytes = 0
  #pending: Pending[] = []
  /** What is done with the file, one after another. */
  #last: Promise<void> = Promise.resolve()
  #problem = ''

  constructor(path: string, log: Logger) {
    this.#path = path
    this.#log = log
  }

  get bytes(): number {
    return this.#bytes
  }

  /**
   * The records of a process before this one, in order. The last line may be torn: it is passed over, for what it said had
   * not begun. `isWhole` is false where another line cannot be read: the file is set aside then.
   */
  async load(): Promise<{ records: PositionRecord[]; isWhole: boolean }> {
    let text: string
    try {
      text = await readFile(this.#path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { records: [], isWhole: true }
      this.#log.error('Cannot read the positions journal', { path: this.#path, err: (error as Error).message })
      return { records: [], isWhole: false }
    }
    const records: PositionRecord[] = []
    const lines = text.split('\n')
    for (const [i, line] of lines.entries()) {
      if (i === lines.length - 1) break
      const record = parsed(line)
      if (record === undefined) {
        await rename(this.#path, `${this.#path}.corrupt`).catch(() => {})
        this.#log.error('Cannot read the positions journal; the file is set aside', { path: `${this.#path}.corrupt` })
        return { records, isWhole: false }
      }
      records.push(record)
    }
    return { records, isWhole: true }
  }

  /** Append a record. Done once it is written, and synced where `isSynced`. A disk that fails is logged, and waited for by nobody. */
  append(record: PositionRecord, isSynced: boolean): Promise<void> {
    const { path, labels, offset, identity, until } = record
    const text = `${JSON.stringify([path, labels, offset, identity, until])}\n`
    return new Promise<void>((done, failed) => {
      this.#pending.push({ text, isSynced, done, failed })
      if (this.#pending.length === 1) void this.#inTurn(() => this.#write())
    }).then(
      () => void (this.#problem = ''),
      (error: unknown) => this.#fail(error as Error),
    )
  }

  /** Begin anew with these: all else is in the positions file now. Without any, the file is deleted. */
  restart(records: readonly PositionRecord[]): Promise<void> {
    return this.#inTurn(async () => {
      await this.#file?.close()
      this.#file = undefined
      this.#bytes = 0
      if (records.length === 0 && this.#pending.length === 0) {
        await unlink(this.#path).catch(() => {})
        return
      }
      const text = records
        .map(
          ({ path, labels, offset, identity, until }) => `${JSON.stringify([path, labels, offset, identity, until])}\n`,
        )
        .join('')
      // Only once it stands in its place is it the journal: a full disk leaves the old one, which goes on.
      const beside = `${this.#path}.new`
      const file = await open(beside, 'w', 0o600)
      try {
        await file.writeFile(text)
        await file.datasync()
        await rename(beside, this.#path)
      } catch (error) {
        await file.close()
        await unlink(beside).catch(() => {})
        throw error
      }
      this.#file = file
      this.#bytes = Buffer.byteLength(text)
      this.bytesWritten += this.#bytes
    }).catch((error: unknown) => this.#fail(error as Error))
  }

  async close(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#file?.close()
      this.#file = undefined
    }).catch(() => {})
  }

  async #write(): Promise<void> {
    const batch = this.#pending
    this.#pending = []
    try {
      this.#file ??= await this.#openToAppend()
      const text = batch.map((one) => one.text).join('')
      await this.#file.appendFile(text)
      if (batch.some((one) => one.isSynced)) await this.#file.datasync()
      this.#bytes += Buffer.byteLength(text)
      this.bytesWritten += Buffer.byteLength(text)
      for (const { done } of batch) done()
    } catch (error) {
      for (const { failed } of batch) failed(error as Error)
    }
  }

  /** The first record of all comes before the directory is made for anything else. */
  async #openToAppend(): Promise<FileHandle> {
    await mkdir(dirname(this.#path), { recursive: true })
    return open(this.#path, 'a', 0o600)
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => {})
    return done
  }

  #fail(error: Error): void {
    if (error.message === this.#problem) return
    this.#problem = error.message
    this.#log.error('Cannot write the positions journal', { path: this.#path, err: error.message })
  }
}

function parsed(line: string): PositionRecord | undefined {
  try {
    const [path, labels, offset, identity, until, ...more] = JSON.parse(line) as unknown[]
    const isText = (value: unknown): value is string => typeof value === 'string'
    if (!isText(path) || !isText(labels) || !isText(offset) || !isText(identity) || !isText(until)) return undefined
    return more.length === 0 ? { path, labels, offset, identity, until } : undefined
  } catch {
    return undefined
  }
}
