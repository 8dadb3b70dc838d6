// Keeps how far files were read, in the format of Alloy's positions.yml.
import { open, readFile, rename, stat, unlink, mkdir } from 'node:fs/promises'
import { readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock, Logger, Timer } from '#component'
import { parseIdentity } from './identity.ts'
import { PositionJournal, type PositionRecord } from './position_journal.ts'

/** Writing more often than this wears out an SD card, and gains little. */
export const positionsIntervalMs = 10_000

/** What the `files` entry of a position says of the file it is of: see `identityText`. */
export interface Position {
  /** A number in decimal; other sources keep cursors. */
  readonly offset: string
  /** Which file it was, so that a restart finds it under another name; empty: not known. */
  readonly identity: string
}

export interface PositionsOptions {
  /** Absent: positions are kept in memory only. */
  readonly path: string | undefined
  readonly clock: Clock
  readonly log: Logger
  readonly intervalMs?: number
  /**
   * Keep a journal of positions beside the file, for those who must not hand on more than a batch twice after they were
   * killed: see `begin` and `taken`. It costs a sync for each batch.
   */
  readonly journal?: boolean
}

/** A journal that has grown to so much is begun anew, with the positions written. */
const journalBytesMax = 1024 * 1024

const separator = '\0'

/**
 * Positions by path and label set. They are read once, changed in memory, and written as a whole beside the file and
 * renamed over it: `intervalMs` after the first change, and at `stop`. `positions` holds what Alloy reads and writes;
 * `files`, which Alloy passes over, says which files they were.
 */
export class Positions {
  /** Written so far. */
  bytesWritten = 0
  writes = 0
  /** Position files that could not be read and were set aside. */
  corrupt = 0
  readonly #options: PositionsOptions
  /** Of positions that are written to a file. */
  readonly #journal: PositionJournal | undefined
  /** Lines under way, by key. */
  readonly #begun = new Map<string, PositionRecord>()
  /** Read from the journal: up to where lines may have been taken before the process was killed. */
  readonly #uncertain = new Map<string, number>()
  readonly #positions = new Map<string, Position>()
  readonly #byInode = new Map<number, { readonly path: string; readonly position: Position }[]>()
  readonly #collectors = new Set<() => void>()
  #timer: Timer | undefined
  #dirty = false
  #writing: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: PositionsOptions) {
    this.#options = options
    this.#journal = options.path === undefined ? undefined : new PositionJournal(`${options.path}.journal`, options.log)
  }

  /** Reads the file, and what the journal of a killed process has beyond it. One that is broken is set aside (`.corrupt`) and counted; one that is not there is empty. */
  async load(): Promise<void> {
    await this.#loadFile()
    const { records, isWhole } = (await this.#journal?.load()) ?? { records: [], isWhole: true }
    if (!isWhole) this.corrupt++
    for (const { path, labels, offset, identity, until } of records) {
      const key = path + separator + labels
      this.#positions.set(key, { offset, identity })
      if (until === '') this.#uncertain.delete(key)
      else this.#uncertain.set(key, Number(until))
    }
    for (const [key, position] of this.#positions) this.#index(key, position)
    if (records.length > 0) this.changed()
  }

  #index(key: string, position: Position): void {
    const ino = parseIdentity(position.identity)?.ino
    if (ino === undefined) return
    const known = this.#byInode.get(ino)
    const one = { path: split(key)[0], position }
    if (known === undefined) this.#byInode.set(ino, [one])
    else known.push(one)
  }

  async #loadFile(): Promise<void> {
    const { path, log } = this.#options
    if (path === undefined) return
    let text: string
    try {
      text = await readFile(path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      this.corrupt++
      log.error('Cannot read positions', { path, err: (error as Error).message })
      return
    }
    try {
      for (const [key, position] of await parsePositions(text)) this.#positions.set(key, position)
    } catch (error) {
      this.corrupt++
      const aside = `${path}.corrupt`
      log.error('Cannot read positions; the file is set aside', { path: aside, err: (error as Error).message })
      await rename(path, aside).catch(() => {})
    }
  }

  /** Up to where lines of the file may have been taken before, behind its position; undefined: none were. */
  uncertain(path: string, labels: string): number | undefined {
    return this.#uncertain.get(path + separator + labels)
  }

  /**
   * Lines of a file from `offset` up to `until` are about to be handed on. With a journal: wait for the promise before, so
   * that a process that is killed leaves a record of it.
   */
  begin(
    path: string,
    labels: string,
    { offset, identity, until }: Omit<PositionRecord, 'path' | 'labels'>,
  ): Promise<void> | undefined {
    const journal = this.#journal
    if (this.#options.journal !== true || journal === undefined) return undefined
    const record = { path, labels, offset, identity, until }
    this.#begun.set(path + separator + labels, record)
    if (journal.bytes > journalBytesMax) void this.save()
    return this.#ready().then(() => journal.append(record, true))
  }

  /** They were taken, and nothing follows at once: written, but waited for by nobody. */
  taken(path: string, labels: string, offset: string, identity: string): void {
    if (this.#options.journal !== true || !this.#begun.delete(path + separator + labels)) return
    void this.#ready().then(() => this.#journal?.append({ path, labels, offset, identity, until: '' }, false))
  }

  /** What was begun and lies before the position now, or in a file before this one, is known to have been taken. */
  #forgetTaken(): void {
    for (const [key, { until, identity }] of this.#begun) {
      const position = this.#positions.get(key)
      if (position === undefined) continue
      const isSameFile = parseIdentity(position.identity)?.ino === parseIdentity(identity)?.ino
      if (!isSameFile || Number(position.offset) >= Number(until)) this.#begun.delete(key)
    }
  }

  /** The journal is not written to while it is begun anew: what it has then is in the positions. */
  #ready(): Promise<void> {
    return this.#writing
  }

  /** Positions of an older agent's file, by path only: taken over where there are none yet. */
  adopt(positions: ReadonlyMap<string, string>): void {
    if (this.#positions.size > 0) return
    for (const [path, offset] of positions) this.#positions.set(path + separator + '{}', { offset, identity: '' })
    if (positions.size > 0) this.changed()
  }

  get size(): number {
    return this.#positions.size
  }

  get(path: string, labels: string): Position | undefined {
    return this.#positions.get(path + separator + labels)
  }

  /** As they were read at the start: those of the file with that inode. */
  of(ino: number): readonly { readonly path: string; readonly position: Position }[] {
    return this.#byInode.get(ino) ?? []
  }

  set(path: string, labels: string, offset: string, identity: string): void {
    const key = path + separator + labels
    const before = this.#positions.get(key)
    if (before?.offset === offset && before.identity === identity) return
    this.#positions.set(key, { offset, identity })
    this.changed()
  }

  delete(path: string, labels: string): void {
    this.#begun.delete(path + separator + labels)
    if (this.#positions.delete(path + separator + labels)) this.changed()
  }

  /** `collect` is called before a write, to set what has changed since. */
  collectFrom(collect: () => void): void {
    this.#collectors.add(collect)
  }

  /** Something is to be written, by and by. */
  changed(): void {
    this.#dirty = true
    if (this.#options.path === undefined || this.#stopped || this.#timer !== undefined) return
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#timer = undefined
      void this.save()
    }, this.#options.intervalMs ?? positionsIntervalMs)
  }

  /** Write now what has changed. A failure is logged, and tried again with the next change. */
  save(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#save())
    return this.#writing
  }

  async #save(): Promise<void> {
    for (const collect of this.#collectors) collect()
    this.#forgetTaken()
    const { path, log } = this.#options
    if (!this.#dirty || path === undefined) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#dirty = false
    const text = positionsText(this.#positions)
    const beside = `${path}.new`
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o750 })
      const file = await open(beside, 'w', 0o600)
      try {
        await file.writeFile(text)
        // Before the rename: a power cut must not leave an empty file in the place of a good one.
        await file.datasync()
      } finally {
        await file.close()
      }
      await rename(beside, path)
      this.bytesWritten += Buffer.byteLength(text)
      this.writes++
      await this.#journal?.restart([...this.#begun.values()])
    } catch (error) {
      this.#dirty = true
      log.error('Cannot write positions', { path, err: (error as Error).message })
      await unlink(beside).catch(() => {})
    }
  }

  /** Forget those whose files are gone and that nobody reads. */
  async prune(isRead: (path: string, labels: string) => boolean): Promise<void> {
    for (const key of this.#positions.keys()) {
      const [path, labels] = split(key)
      if (isRead(path, labels) || path.startsWith('cursor-') || path.startsWith('journal-')) continue
      try {
        await stat(path)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.delete(path, labels)
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    this.#timer = undefined
    // What is under way still is read again after the start: that it may come twice stays written.
    await this.save()
    await this.#journal?.close()
  }
}

function split(key: string): [string, string] {
  const at = key.indexOf(separator)
  return [key.slice(0, at), key.slice(at + 1)]
}

/** JSON's strings are YAML's double-quoted ones. */
const quoted = (text: string): string => JSON.stringify(text)

function positionsText(positions: ReadonlyMap<string, Position>): string {
  if (positions.size === 0) return 'positions: {}\n'
  const keys = [...positions.keys()].sort()
  let text = 'positions:\n'
  let files = ''
  for (const key of keys) {
    const [path, labels] = split(key)
    const { offset, identity } = positions.get(key) as Position
    const entry = `  ? path: ${quoted(path)}\n    labels: ${quoted(labels)}\n  : `
    text += `${entry}${quoted(offset)}\n`
    if (identity !== '') files += `${entry}${quoted(identity)}\n`
  }
  return files === '' ? text : `${text}files:\n${files}`
}

async function parsePositions(text: string): Promise<Map<string, Position>> {
  const { parse } = await import('yaml')
  const root: unknown = parse(text, { mapAsMap: true, schema: 'failsafe', maxAliasCount: 0 })
  if (root === null || root === '') return new Map()
  if (!(root instanceof Map)) throw new Error('it is not a map')
  const identities = entries(root.get('files'))
  const out = new Map<string, Position>()
  for (const [key, offset] of entries(root.get('positions'))) {
    out.set(key, { offset, identity: identities.get(key) ?? '' })
  }
  return out
}

function entries(value: unknown): Map<string, string> {
  const out = new Map<string, string>()
  if (value === undefined || value === null || value === '') return out
  if (!(value instanceof Map)) throw new Error('positions are not a map')
  for (const [key, text] of value as Map<unknown, unknown>) {
    const path: unknown = key instanceof Map ? key.get('path') : undefined
    const labels: unknown = key instanceof Map ? key.get('labels') : undefined
    if (typeof path !== 'string' || typeof text !== 'string') throw new Error('an entry has no path or no position')
    out.set(path + separator + (typeof labels === 'string' ? labels : ''), text)
  }
  return out
}

/**
 * The positions of an older agent's file (`positions: {path: "offset"}`), where there is one and `newPath` is not there
 * yet. Broken content counts as none. Throws where the file is there and cannot be read: reading everything again would
 * send it twice.
 */
export async function readLegacyPositions(path: string, newPath: string, log: Logger): Promise<Map<string, string>> {
  const out = new Map<string, string>()
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return out
    throw new Error(`Cannot read the legacy positions file ${path}: ${(error as Error).message}`, { cause: error })
  }
  if ((statSync(newPath, { throwIfNoEntry: false })?.size ?? 0) > 0) return out
  try {
    const { parse } = await import('yaml')
    const root: unknown = parse(text, { schema: 'failsafe', maxAliasCount: 0 })
    const positions =
      root === null || typeof root !== 'object' ? undefined : (root as { positions?: unknown }).positions
    if (positions === undefined || positions === null || typeof positions !== 'object') return out
    for (const [key, offset] of Object.entries(positions)) if (typeof offset === 'string') out.set(key, offset)
  } catch (error) {
    log.error('Cannot read legacy positions; they count as none', { path, err: (error as Error).message })
  }
  return out
}
