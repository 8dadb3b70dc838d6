// The main process's side of the workers: starts them, loads all or none, sums what they count, stops them.
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock, Logger, Timer } from '#component'
import type { Diagnostic, Plan } from '#config'
import { Backoff } from '#lib/backoff'
import { type ConfigurationText, diagnosticWithoutPlace } from './service.ts'
import { spreadOf } from './spread.ts'
import { sumSeries } from './telemetry.ts'
import { workerDirectory, type WorkerProcess, type WorkerRole } from './worker.ts'
import {
  addStates,
  type FromWorker,
  noState,
  type NodeState,
  type ToWorker,
  type WorkerState,
} from './worker_messages.ts'

export interface WorkerPoolOptions {
  /** Processes that receive, the main one included. */
  readonly count: number
  readonly storagePath: string
  readonly clock: Clock
  readonly log: Logger
  spawn(role: WorkerRole): WorkerProcess
}

/** Waits before a worker that ended is started again. */
const restartWait = { minMs: 1000, maxMs: 60_000 }
/** One that ran so long is well: the next wait is a short one again. */
const wellMs = 60_000
/** For a worker to make everything of a new configuration. */
const stageMs = 60_000
/** For a worker to say what it has counted; then what it said last counts. */
const stateMs = 2000
/** A worker is killed so long after its time to stop. */
const killMs = 3000
const leftoversPollMs = 1000
const leftoversDeadlineMs = 10_000

export class WorkerPool {
  readonly #options: WorkerPoolOptions
  readonly #workers = new Map<number, Worker>()
  readonly #timers = new Set<Timer>()
  readonly #backoffs = new Map<number, Backoff>()
  readonly #said = new Set<string>()
  /** What workers that are no more had counted. */
  #retired: WorkerState = noState
  /** What everybody runs; a worker that is started again runs it too. */
  #running: ConfigurationText | undefined
  #staged: { readonly text: ConfigurationText; readonly wanted: number } | undefined
  #wanted = 0
  #stopping = false
  #tookLeftovers = false

  constructor(options: WorkerPoolOptions) {
    this.#options = options
  }

  /** As `ServiceOptions.agree`. */
  async agree(text: ConfigurationText, plan: Plan): Promise<readonly Diagnostic[]> {
    const { ids, kept } = spreadOf(plan)
    const wanted = ids.size > 0 ? this.#options.count - 1 : 0
    this.#staged = { text, wanted }
    if (this.#options.count > 1) this.#tell(ids.size, kept)
    for (let index = 1; index <= wanted; index++) if (!this.#workers.has(index)) this.#start(index)
    const answers = await Promise.all(this.#regular().map((worker) => worker.stage(text)))
    const problems = new Set(answers.flat())
    return [...problems].map((problem) => diagnosticWithoutPlace(problem))
  }

  #tell(spread: number, kept: ReadonlyMap<string, string>): void {
    const { log } = this.#options
    const once = (message: string, fields: Record<string, string>): void => {
      const key = `${message} ${JSON.stringify(fields)}`
      if (!this.#said.has(key)) log.warn(message, fields)
      this.#said.add(key)
    }
    for (const [receiver, stateful] of kept) {
      once('A receiver stays with the main process: what it feeds has to see everything', { receiver, stateful })
    }
    if (spread === 0 && kept.size === 0) once('There is nothing that several workers could share', {})
  }

  /** As `ServiceOptions.taken`. */
  async taken(ok: boolean): Promise<void> {
    if (ok && this.#staged) ({ text: this.#running, wanted: this.#wanted } = this.#staged)
    this.#staged = undefined
    await Promise.all(this.#regular().map((worker) => worker.decide(ok)))
    const surplus = this.#regular().filter(({ role }) => role.index > this.#wanted)
    await Promise.all(surplus.map((worker) => worker.stop(leftoversDeadlineMs)))
    const running = this.#running
    if (!running) return
    // Started for a configuration that was not taken over, in the place of one that had ended; or started again, with
    // what ran before, while this one was staged.
    for (const worker of this.#regular()) if (worker.taken !== running) worker.loadAlone(running)
    if (!this.#tookLeftovers) this.#takeLeftovers()
  }

  #regular(): Worker[] {
    return [...this.#workers.values()].filter(({ role }) => !role.leftovers)
  }

  #start(index: number, leftovers = false): Worker {
    const { clock, log, spawn } = this.#options
    const role = { index, leftovers }
    const worker = new Worker(role, spawn(role), clock)
    this.#workers.set(index, worker)
    const startedMs = clock.monotonic()
    worker.onExit = (how) => {
      this.#retire(worker)
      if (worker.stopping || this.#stopping) return
      const backoff = this.#backoffOf(index)
      if (clock.monotonic() - startedMs >= wellMs) backoff.reset()
      const waitMs = Math.round(backoff.nextMs())
      log.error('A worker ended; it is started again', { worker: index, how, wait: `${waitMs}ms` })
      this.#later(waitMs, () => this.#again(index, leftovers))
    }
    return worker
  }

  #again(index: number, leftovers: boolean): void {
    if (this.#stopping || this.#workers.has(index) || !this.#running) return
    if (!leftovers && index > this.#wanted) return
    this.#start(index, leftovers).loadAlone(this.#running)
    if (leftovers) this.#pollLeftovers(index)
  }

  #backoffOf(index: number): Backoff {
    let backoff = this.#backoffs.get(index)
    if (!backoff) {
      backoff = new Backoff({ ...restartWait, random: () => this.#options.clock.random() })
      this.#backoffs.set(index, backoff)
    }
    return backoff
  }

  #later(ms: number, run: () => void): void {
    const timer = this.#options.clock.setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, ms)
    this.#timers.add(timer)
  }

  /** Counters only grow: what a worker counted stays in the sum. What waited in its memory when it broke off is lost. */
  #retire(worker: Worker): void {
    this.#workers.delete(worker.role.index)
    const { series, nodes } = worker.state
    const counted = series.filter(({ kind }) => kind !== 'gauge')
    const closed = new Map<string, NodeState>()
    for (const [id, node] of nodes) {
      const dropped = new Map(node.dropped)
      const reason = worker.stopping ? leftReason : lostReason
      if (node.waiting > 0) dropped.set(reason, (dropped.get(reason) ?? 0) + node.waiting)
      closed.set(id, { ...node, waiting: 0, dropped })
    }
    const { series: all, nodes: sums } = addStates(this.#retired, { series: counted, nodes: closed })
    this.#retired = { series: sumSeries(all), nodes: sums }
  }

  /** What all workers count, also those that are no more. Never rejects. */
  async state(): Promise<WorkerState> {
    const states = await Promise.all([...this.#workers.values()].map((worker) => worker.readState()))
    return states.reduce(addStates, this.#retired)
  }

  // ----------------------------------------------------------------------------------------- leftovers

  /** Queues of workers that there are no more: for each a process that sends them, and ends. */
  #takeLeftovers(): void {
    this.#tookLeftovers = true
    for (const index of leftoverWorkers(this.#options.storagePath)) {
      if (index <= this.#wanted || !this.#running) continue
      this.#options.log.info('Sending what an earlier worker left', { worker: index })
      this.#start(index, true).loadAlone(this.#running)
      this.#pollLeftovers(index)
    }
  }

  #pollLeftovers(index: number): void {
    this.#later(leftoversPollMs, () => void this.#checkLeftovers(index))
  }

  async #checkLeftovers(index: number): Promise<void> {
    const worker = this.#workers.get(index)
    if (!worker?.role.leftovers || this.#stopping) return
    const { nodes } = await worker.readState()
    const waiting = [...nodes.values()].some((node) => node.waiting > 0)
    if (waiting || !worker.loaded) {
      this.#pollLeftovers(index)
      return
    }
    await worker.stop(leftoversDeadlineMs)
    const directory = workerDirectory(this.#options.storagePath, index)
    if (nodes.size > 0) rmSync(directory, { recursive: true, force: true })
    else this.#options.log.warn('No exporter is configured for what an earlier worker left', { directory })
    // A reload may have asked for a worker of this number meanwhile.
    this.#again(index, false)
  }

  // ---------------------------------------------------------------------------------------------- stop

  async #stopAll(deadlineMs: number): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop(deadlineMs)))
  }

  /** Stop all workers as `Service.stop`. Safe twice. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
    await this.#stopAll(deadlineMs)
  }
}

const lostReason = 'lost with a worker that ended'
const leftReason = 'left on disk by a worker that stopped'

/** Indices of workers that left a directory. */
export function leftoverWorkers(storagePath: string): number[] {
  try {
    return readdirSync(storagePath)
      .flatMap((name) => /^worker-([1-9]\d{0,3})$/.exec(name)?.[1] ?? [])
      .filter((index) => hasFiles(join(storagePath, `worker-${index}`)))
      .map(Number)
      .sort((a, b) => a - b)
  } catch {
    return [] // There is no directory yet.
  }
}

function hasFiles(directory: string): boolean {
  return readdirSync(directory, { recursive: true, withFileTypes: true }).some((entry) => entry.isFile())
}

/** One worker process. */
class Worker {
  readonly role: WorkerRole
  readonly #process: WorkerProcess
  readonly #clock: Clock
  readonly #hello: Promise<void>
  readonly #exited: Promise<void>
  state: WorkerState = noState
  stopping = false
  /** It has run, or given up, whatever was sent to it last. */
  loaded = false
  /** What it was told to run. */
  taken: ConfigurationText | undefined
  onExit: (how: string) => void = () => {}
  #gone = false
  #onStaged: (problems: readonly string[]) => void = () => {}
  #onLoaded: () => void = () => {}
  #staged: ConfigurationText | undefined
  readonly #asked = new Map<number, () => void>()
  #nextId = 0

  constructor(role: WorkerRole, child: WorkerProcess, clock: Clock) {
    this.role = role
    this.#process = child
    this.#clock = clock
    let hello = (): void => {}
    this.#hello = new Promise((resolve) => (hello = resolve))
    child.on('message', (message: FromWorker) => {
      if (message.kind === 'hello') hello()
      else this.#message(message)
    })
    this.#exited = new Promise((resolve) => {
      const ended = (how: string): void => {
        if (this.#gone) return
        this.#gone = true
        hello()
        this.#onStaged([`worker ${role.index} ended`])
        this.#onLoaded()
        for (const answer of this.#asked.values()) answer()
        this.onExit(how)
        resolve()
      }
      child.once('exit', (code, signal) => ended(signal ?? `status ${code}`))
      child.on('error', (error) => ended(error.message))
    })
  }

  #message(message: Exclude<FromWorker, { kind: 'hello' }>): void {
    switch (message.kind) {
      case 'staged':
        this.#onStaged(message.problems)
        return
      case 'loaded':
        this.loaded = true
        this.#onLoaded()
        return
      case 'state':
        this.state = message.state
        this.#asked.get(message.id)?.()
        return
      case 'stopped':
        this.state = message.state
    }
  }

  #send(message: ToWorker): void {
    if (!this.#gone && this.#process.connected) this.#process.send(message, () => {})
  }

  /** What is wrong with `text` for this worker. With nothing wrong it waits for `decide`. */
  async stage(text: ConfigurationText): Promise<readonly string[]> {
    await this.#hello
    if (this.#gone) return [`worker ${this.role.index} ended`]
    const answer = new Promise<readonly string[]>((resolve) => (this.#onStaged = resolve))
    this.#send({ kind: 'load', text, alone: false })
    const timer = this.#clock.setTimeout(() => {
      // It must not wait for a verdict when it is ready after all.
      this.#send({ kind: 'verdict', take: false })
      this.#onStaged([`worker ${this.role.index} is not ready after ${stageMs / 1000} s`])
    }, stageMs)
    const problems = await answer
    timer.cancel()
    this.#staged = problems.length === 0 ? text : undefined
    return problems
  }

  /** Go over to what was staged, or not. Done when it has. */
  async decide(take: boolean): Promise<void> {
    const staged = this.#staged
    if (!staged || this.#gone) return
    this.#staged = undefined
    if (take) this.taken = staged
    const done = new Promise<void>((resolve) => (this.#onLoaded = resolve))
    this.#send({ kind: 'verdict', take })
    await done
  }

  loadAlone(text: ConfigurationText): void {
    this.taken = text
    void this.#hello.then(() => this.#send({ kind: 'load', text, alone: true }))
  }

  /** What it has counted: now, or, where it does not answer, when it last said. */
  async readState(): Promise<WorkerState> {
    if (this.#gone) return noState
    const id = this.#nextId++
    await new Promise<void>((resolve) => {
      const timer = this.#clock.setTimeout(resolve, stateMs)
      this.#asked.set(id, () => {
        timer.cancel()
        resolve()
      })
      this.#send({ kind: 'state', id })
    })
    this.#asked.delete(id)
    return this.#gone ? noState : this.state
  }

  async stop(deadlineMs: number): Promise<void> {
    this.stopping = true
    if (this.#gone) return
    this.#send({ kind: 'stop', deadlineMs })
    const timer = this.#clock.setTimeout(() => this.#process.kill('SIGKILL'), deadlineMs + killMs)
    await this.#exited
    timer.cancel()
  }
}
