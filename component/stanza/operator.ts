// What all operators are: they take an entry, and hand it on to those behind them.
import type { Clock, Logger } from '#component'
import { ExprError } from '#component/expr'
import type { Entry } from './entry.ts'

/** What an operator needs from the pipeline that it is in. */
export interface OperatorContext {
  readonly clock: Clock
  readonly log: Logger
  /** Entries that end here. */
  drop(reason: string, entries: number): void
  /** Entries that are more than came in. */
  extra(entries: number): void
}

export const OnError = { send: 'send', send_quiet: 'send_quiet', drop: 'drop', drop_quiet: 'drop_quiet' } as const
export type OnError = (typeof OnError)[keyof typeof OnError]

/** Why an entry could not be worked on. */
export class EntryError extends Error {
  override readonly name = 'EntryError'
}

/** Whether an operator has anything to do with an entry. */
export type Condition = (entry: Entry) => boolean

export interface OperatorBase {
  readonly id: string
  readonly onError: OnError
  readonly condition: Condition | undefined
  readonly context: OperatorContext
}

/** Errors of one operator are logged once in so long, with how many there were. */
const logIntervalMs = 10_000

export abstract class Operator {
  readonly id: string
  /** Set by the pipeline. */
  outputs: readonly Operator[] = []
  /** Entries that wait in it for others. */
  held = 0
  errors = 0
  protected readonly context: OperatorContext
  readonly #onError: OnError
  readonly #condition: Condition | undefined
  #loggedMs = -Infinity
  #unlogged = 0

  constructor({ id, onError, condition, context }: OperatorBase) {
    this.id = id
    this.context = context
    this.#onError = onError
    this.#condition = condition
  }

  /** Take an entry: it is this operator's from now on. */
  process(entry: Entry): void {
    try {
      if (this.#condition !== undefined && !this.#condition(entry)) {
        this.write(entry)
        return
      }
      this.apply(entry)
    } catch (error) {
      this.fail(entry, error as Error)
      return
    }
    this.after(entry)
  }

  /** Change the entry. A failure goes the way that `on_error` says. */
  protected abstract apply(entry: Entry): void

  /** Hand on what was changed. */
  protected after(entry: Entry): void {
    this.write(entry)
  }

  /** Hand on what waits for longer than it may. `nowMs` of Infinity: everything. */
  flush(_nowMs: number): void {}

  protected write(entry: Entry): void {
    const { outputs } = this
    const [first] = outputs
    for (let i = 1; i < outputs.length; i++) {
      this.context.extra(1)
      ;(outputs[i] as Operator).process(entry.clone())
    }
    if (first === undefined) this.context.drop('no output', 1)
    else first.process(entry)
  }

  protected fail(entry: Entry, error: Error): void {
    // What is nested too deeply runs out of stack: that is the entry's fault, too.
    const isEntrys = error instanceof EntryError || error instanceof ExprError || error instanceof RangeError
    if (!isEntrys) throw error
    this.errors++
    const isQuiet = this.#onError === 'send_quiet' || this.#onError === 'drop_quiet'
    if (!isQuiet) this.#log(error)
    if (this.#onError === 'send' || this.#onError === 'send_quiet') this.write(entry)
    else this.context.drop(`${this.id} failed`, 1)
  }

  #log(error: Error): void {
    const nowMs = this.context.clock.monotonic()
    this.#unlogged++
    if (nowMs - this.#loggedMs < logIntervalMs) return
    this.context.log.error('Cannot process entries', {
      operator: this.id,
      action: this.#onError,
      entries: this.#unlogged,
      err: error.message,
    })
    this.#loggedMs = nowMs
    this.#unlogged = 0
  }
}
