// Follows one container's log: again after it has ended or broken off, from behind the last line that was taken.
import type { Clock, Logger, NodeCounters, Timer } from '#component'
import {
  type DockerClient,
  DockerError,
  DockerLogParser,
  type LogStreamName,
  rfc3339Nanoseconds,
} from '#component/docker'
import { GatheredLines, type LogDelivery, relabelledReason } from '#component/log_source'
import type { Labels } from '#pdata'

/** How often it is looked whether a container whose log has ended runs again. */
export const restartMs = 5000

/** The last line that was taken: its time, and how many lines of the same time were taken. */
export interface Position {
  readonly timestampNs: bigint
  readonly lines: number
}

export interface ContainerOptions {
  readonly id: string
  readonly client: DockerClient
  readonly clock: Clock
  readonly log: Logger
  readonly counters: NodeCounters
  readonly delivery: LogDelivery
  /** By stream; null: rules drop its lines. */
  readonly labels: Readonly<Record<LogStreamName, Labels | null>>
  readonly position: Position
  moved(position: Position): void
  taken(lines: number): void
  fault(): void
  /** '': all is well. */
  state(failure: string): void
}

export class ContainerLog {
  readonly #options: ContainerOptions
  readonly #abort = new AbortController()
  readonly #gathered = new GatheredLines()
  #running: Promise<void> = Promise.resolve()
  #timer: Timer | undefined
  #wake: () => void = () => {}
  #position: Position
  /** Where reading is: ahead of the position until lines are taken. */
  #read: Position
  /** Lines of the position's time that come again at the start of a stream. */
  #again = 0
  /** Lines that rules dropped and that are not counted yet. */
  #dropped = 0
  failure = ''
  following = false

  constructor(options: ContainerOptions) {
    this.#options = options
    this.#position = options.position
    this.#read = options.position
  }

  get position(): Position {
    return this.#position
  }

  start(): void {
    this.#running = this.#run()
  }

  async #run(): Promise<void> {
    const { id, client, log } = this.#options
    const { signal } = this.#abort
    let endedMs = -Infinity
    while (!signal.aborted) {
      try {
        const details = await client.inspect(id, signal)
        this.#state('')
        const finishedNs = rfc3339Nanoseconds(details.State?.FinishedAt ?? '') ?? 0n
        if (details.State?.Running || Number(finishedNs / 1_000_000n) >= endedMs) {
          await this.#follow(details.Config?.Tty ?? false, signal)
          endedMs = this.#options.clock.now()
        }
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof DockerError && error.status === 404) {
          log.info('A container is no more', { container: id })
          return
        }
        this.#state((error as Error).message)
      }
      await this.#sleep(restartMs)
    }
  }

  #state(failure: string): void {
    if (failure !== '' && failure !== this.failure) {
      this.#options.log.warn('Cannot follow the log of a container; it is tried again', {
        container: this.#options.id,
        err: failure,
      })
    }
    this.failure = failure
    this.#options.state(failure)
  }

  async #follow(tty: boolean, signal: AbortSignal): Promise<void> {
    const { id, client, counters } = this.#options
    const stream = await client.logs(id, this.#position.timestampNs, signal)
    this.following = true
    this.#read = { timestampNs: this.#position.timestampNs, lines: 0 }
    this.#again = this.#position.lines
    const parser = new DockerLogParser(tty, {
      line: (name, timestampNs, line) => this.#line(name, timestampNs, line),
      fault: (why) => {
        this.#options.fault()
        this.#options.log.debug('Left out a part of a log', { container: id, why })
      },
    })
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        const more = parser.push(chunk)
        if (!(await this.#handOn(counters)) || !more) return
      }
      parser.finish()
      await this.#handOn(counters)
    } finally {
      this.following = false
      stream.destroy()
    }
  }

  #line(stream: LogStreamName, timestampNs: bigint, line: string): void {
    const { timestampNs: newest, lines } = this.#read
    const isSame = timestampNs === newest
    // The two streams are not always in the order of their times.
    if (timestampNs >= newest) this.#read = { timestampNs, lines: isSame ? lines + 1 : 1 }
    // The daemon gives the lines of the time that is asked for once more.
    if (isSame && this.#read.lines <= this.#again) return
    if (timestampNs > newest) this.#again = 0
    const labels = this.#options.labels[stream]
    if (labels === null) this.#dropped++
    else this.#gathered.add(labels, line, timestampNs)
  }

  /** False: the lines were given up at the stop. */
  async #handOn(counters: NodeCounters): Promise<boolean> {
    const { delivery, clock, taken, moved } = this.#options
    counters.in += this.#dropped
    counters.drop(relabelledReason, this.#dropped)
    this.#dropped = 0
    const { count } = this.#gathered
    if (count > 0) {
      const were = await delivery.handOn(this.#gathered.take(clock.now()), count)
      if (were) taken(count)
      else if (delivery.gaveUp) return false
    }
    const { timestampNs, lines } = this.#read
    const before = this.#position
    if (timestampNs < before.timestampNs || (timestampNs === before.timestampNs && lines <= before.lines)) return true
    this.#position = this.#read
    moved(this.#position)
    return true
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
      if (this.#abort.signal.aborted) resolve()
      else this.#timer = this.#options.clock.setTimeout(resolve, ms)
    })
  }

  /** Done when nothing of it is being taken any more. */
  async stop(): Promise<void> {
    this.#abort.abort()
    this.#timer?.cancel()
    this.#wake()
    await this.#running
  }
}
