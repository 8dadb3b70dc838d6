// What a stage of a pipeline is, and what it is given.
import type { Clock, Instruments, Logger } from '#component'
import type { GeoDatabase } from './geoip_stage.ts'
import type { Line } from './line.ts'

export interface Stage {
  /** Takes the lines over; gives those that go on, in order. */
  process(lines: Line[]): Line[]
  /** Lines held that have waited long enough at `nowMs` (monotonic). */
  due?(nowMs: number): Line[]
  /** When `due` has something next (monotonic); Infinity: nothing is held. */
  deadlineMs?(): number
  /** All lines held: the pipeline ends. */
  drain?(): Line[]
  /** Lines that came in and are held. */
  readonly held?: number
  /** Does it hold so much that senders should wait? */
  readonly isCongested?: boolean
  stop?(): void
}

export interface StageContext {
  readonly clock: Clock
  readonly log: Logger
  readonly instruments: Instruments
  /** Count a dropped line under `reason`. */
  drop(reason: string): void
  /** Lines became more than they were by so many. */
  split(lines: number): void
  /** What `stage.geoip` looks up, by path: opened before stages are made. */
  readonly databases: ReadonlyMap<string, GeoDatabase>
  /** Count lines that became part of another one. */
  join(lines: number): void
}

/** A stage that changes lines one by one. */
export abstract class LineStage implements Stage {
  abstract change(line: Line): void

  process(lines: Line[]): Line[] {
    for (const line of lines) this.change(line)
    return lines
  }
}

/** A stage that lets lines pass or drops them. */
export abstract class SieveStage implements Stage {
  readonly #context: StageContext
  readonly #reason: string

  constructor(context: StageContext, reason: string) {
    this.#context = context
    this.#reason = reason
  }

  abstract isDropped(line: Line): boolean

  process(lines: Line[]): Line[] {
    let kept = 0
    for (const line of lines) {
      if (this.isDropped(line)) this.#context.drop(this.#reason)
      else lines[kept++] = line
    }
    lines.length = kept
    return lines
  }
}
