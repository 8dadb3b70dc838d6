// Running statements and conditions for one record after the other, under an error mode.
import type { Count, Host } from '#component'
import { ConsumeError } from '#component'
import type { CompiledStatement, Predicate } from './compile.ts'
import { problemText } from './problem.ts'
import { sampleOf } from './sample.ts'
import type { TransformContext } from './transform_context.ts'
import { OttlError } from './value.ts'

/**
 * What becomes of an error: `ignore` logs it and goes on with the next statement, `silent` only goes on, `propagate` refuses
 * the batch.
 */
export const errorModes = ['ignore', 'silent', 'propagate'] as const
export type ErrorMode = (typeof errorModes)[number]

/** A statement that keeps failing is logged once in this time. */
const logIntervalMs = 10_000

/** Longer messages are cut: some have the value in them that somebody sent. */
const messageLengthMax = 512

interface Failures {
  readonly count: Count
  loggedAt: number
  since: number
}

/** Counts the errors of statements and conditions, logs samples of them, and throws where the mode says so. */
export class Recorder {
  readonly host: Host
  readonly mode: ErrorMode
  /** What the texts are, for counters: `trace_statements[0]`. */
  readonly group: string
  readonly #failures = new Map<string, Failures>()

  constructor(host: Host, mode: ErrorMode, group: string) {
    this.host = host
    this.mode = mode
    this.group = group
  }

  /** A counter of `text`: how often it ran, and so on. */
  counter(name: string, help: string, text: string): Count {
    return this.host.instruments.counter(name, help, { group: this.group, statement: text })
  }

  /** Declares the counter of errors, so that it is seen before there are some. */
  watch(text: string): void {
    const count = this.counter('ottl_statement_errors_total', 'Errors of OTTL statements and conditions.', text)
    this.#failures.set(text, { count, loggedAt: Number.NEGATIVE_INFINITY, since: 0 })
  }

  /** Throws `ConsumeError` with `propagate`. */
  failed(text: string, error: unknown, context: TransformContext): void {
    if (!(error instanceof OttlError)) throw error
    const failures = this.#failures.get(text) as Failures
    failures.count.add(1)
    failures.since++
    const why = error.message.length > messageLengthMax ? `${error.message.slice(0, messageLengthMax)}…` : error.message
    const message = problemText(why, text, Math.max(error.at, 0))
    if (this.mode === 'propagate') {
      throw new ConsumeError(`Cannot run an OTTL statement: ${message}`, { retryable: false, clientMayRetry: true })
    }
    if (this.mode === 'silent') return
    const now = this.host.clock.monotonic()
    if (now - failures.loggedAt < logIntervalMs) return
    failures.loggedAt = now
    const { group } = this
    const fields = { group, statement: text, column: Math.max(error.at, 0) + 1, error: why }
    this.host.log.warn('Cannot run an OTTL statement', { ...fields, errors: failures.since, record: sampleOf(context) })
    failures.since = 0
  }
}

/** Conditions joined with `or`. */
export class ConditionSequence {
  readonly #tests: readonly Predicate[]
  readonly #texts: readonly string[]
  readonly #recorder: Recorder

  constructor(tests: readonly Predicate[], texts: readonly string[], recorder: Recorder) {
    this.#tests = tests
    this.#texts = texts
    this.#recorder = recorder
    for (const text of texts) recorder.watch(text)
  }

  /** Does one of them hold? One that fails does not; with `propagate` it throws `ConsumeError`. */
  matches(context: TransformContext): boolean {
    const tests = this.#tests
    for (let i = 0; i < tests.length; i++) {
      try {
        if ((tests[i] as Predicate)(context)) return true
      } catch (error) {
        this.#recorder.failed(this.#texts[i] as string, error, context)
      }
    }
    return false
  }
}

/** Statements one after the other. */
export class StatementSequence {
  readonly #statements: readonly CompiledStatement[]
  readonly #texts: readonly string[]
  readonly #runs: readonly Count[]
  readonly #recorder: Recorder

  constructor(statements: readonly CompiledStatement[], texts: readonly string[], recorder: Recorder) {
    this.#statements = statements
    this.#texts = texts
    this.#recorder = recorder
    const help = 'How often the editors of OTTL statements ran, their conditions being met.'
    this.#runs = texts.map((text) => recorder.counter('ottl_statement_runs_total', help, text))
    for (const text of texts) recorder.watch(text)
  }

  /** Statements that ran elsewhere: how often each did. */
  addRuns(runs: readonly number[]): void {
    for (const [i, n] of runs.entries()) this.#runs[i]?.add(n)
  }

  /** Run all of them. One that fails is passed over; with `propagate` it throws `ConsumeError`. */
  run(context: TransformContext): void {
    const statements = this.#statements
    for (let i = 0; i < statements.length; i++) {
      const statement = statements[i] as CompiledStatement
      try {
        if (statement.where !== undefined && !statement.where(context)) continue
        statement.edit(context)
        ;(this.#runs[i] as Count).value++
      } catch (error) {
        this.#recorder.failed(this.#texts[i] as string, error, context)
      }
    }
  }
}
