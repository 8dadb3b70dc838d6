// Follows systemd's journal by `journalctl`, a child process that is started again whenever it ends.
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Clock, Logger, Timer } from '#component'
import { Backoff } from '#lib/backoff'
import { JournalExportParser, type JournalEntry } from './export_format.ts'

export interface JournalReaderOptions {
  readonly clock: Clock
  readonly log: Logger
  /** Name or path; default `journalctl`. */
  readonly command?: string
  /** The directory that the program sees as `/`; the command's path is one inside of it. */
  readonly rootPath?: string
  /** Which entries, and from where on: asked for at every start. */
  arguments(): readonly string[]
  /** Takes entries in order. The next are read once the promise is done. Must not fail. */
  entries(batch: readonly JournalEntry[]): void | Promise<void>
  /** '': entries can be read; else why not. */
  state(failure: string): void
  /** Something could not be read, and was left out. */
  fault(why: string): void
}

const restartWait = { minMs: 1000, maxMs: 60_000 }
/** A process that ran for so long had begun well. */
const steadyMs = 10_000
const killMs = 2000

export class JournalReader {
  readonly #options: JournalReaderOptions
  readonly #backoff: Backoff
  #child: ChildProcessByStdio<null, Readable, Readable> | undefined
  #timer: Timer | undefined
  #running: Promise<void> = Promise.resolve()
  #stopped = false
  #failure = ''

  constructor(options: JournalReaderOptions) {
    this.#options = options
    this.#backoff = new Backoff({ ...restartWait, random: () => options.clock.random() })
  }

  start(): void {
    if (this.#stopped) return
    this.#running = this.#run()
  }

  /** Done when nothing that was read is being taken any more; after `stop`. */
  get settled(): Promise<void> {
    return this.#running
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#options
    const startMs = clock.monotonic()
    const ended = await this.#follow()
    if (this.#stopped) return
    this.#state(this.#failure === '' ? `journalctl ended: ${ended}` : this.#failure)
    log.warn('The journal cannot be followed; it is tried again', { err: this.#failure })
    if (clock.monotonic() - startMs > steadyMs) this.#backoff.reset()
    this.#timer = clock.setTimeout(() => this.start(), this.#backoff.nextMs())
  }

  #state(failure: string): void {
    this.#failure = failure
    this.#options.state(failure)
  }

  /** Done when the process has ended and all that it said was taken; gives how it ended. */
  async #follow(): Promise<string> {
    this.#failure = ''
    const { command = 'journalctl', rootPath } = this.#options
    const args = ['--output=export', '--follow', '--no-tail', '--no-pager', '--all', ...this.#options.arguments()]
    const child =
      rootPath === undefined || rootPath === ''
        ? spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
        : spawn('chroot', [rootPath, command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    const exited = new Promise<string>((resolve) => {
      child.on('error', (error: NodeJS.ErrnoException) => {
        if (child.pid === undefined) this.#failure = startFailure(error, command)
        resolve(error.message)
      })
      child.on('close', (code, signal) => resolve(signal === null ? `status ${code}` : `signal ${signal}`))
    })
    child.on('spawn', () => this.#options.state(''))
    createInterface({ input: child.stderr }).on('line', (line) => this.#complaint(line))
    await this.#read(child.stdout)
    const how = await exited
    this.#child = undefined
    return how
  }

  /** What it says on stderr: that it has no journal, or may not read it. It may go on running without one. */
  #complaint(line: string): void {
    const text = line.trim()
    if (text === '' || text.startsWith('--')) return
    this.#options.log.warn('journalctl complains', { err: text })
    if (/^(No journal files|Failed to|Data from)/.test(text)) this.#state(`Cannot read the journal: ${text}`)
  }

  async #read(output: Readable): Promise<void> {
    let batch: JournalEntry[] = []
    const parser = new JournalExportParser({
      entry: (entry) => batch.push(entry),
      fault: (why) => this.#options.fault(why),
    })
    try {
      for await (const chunk of output as AsyncIterable<Buffer>) {
        parser.push(chunk)
        if (batch.length === 0) continue
        if (this.#failure !== '') this.#state('')
        const entries = batch
        batch = []
        await this.#options.entries(entries)
        if (this.#stopped) break
      }
    } catch (error) {
      if (!this.#stopped) this.#options.log.warn('Cannot read from journalctl', { err: (error as Error).message })
    }
  }

  /** End the process, and wait until what is being taken is settled, until the deadline. Safe twice, and without a start. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    const child = this.#child
    child?.kill('SIGTERM')
    const { clock } = this.#options
    const kill = clock.setTimeout(() => child?.kill('SIGKILL'), Math.min(killMs, deadlineMs))
    let late: Timer | undefined
    await Promise.race([
      this.#running,
      new Promise<void>((resolve) => (late = clock.setTimeout(resolve, Math.max(deadlineMs, killMs + 500)))),
    ])
    kill.cancel()
    late?.cancel()
  }
}

function startFailure(error: NodeJS.ErrnoException, command: string): string {
  if (error.code === 'ENOENT') return `Cannot read the journal: ${command} is not installed: this needs systemd`
  return `Cannot read the journal: ${command} cannot be started: ${error.message}`
}

/** When the entry of a cursor was taken, as the cursor itself says; undefined: it does not. */
export function cursorMicroseconds(cursor: string): bigint | undefined {
  const found = /(?:^|;)t=([0-9a-f]{1,15})(?:;|$)/.exec(cursor)
  return found === null ? undefined : BigInt(`0x${found[1]}`)
}
