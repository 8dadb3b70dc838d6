// The tail sampler's own metrics, under otelcol's names (processor/tailsamplingprocessor/metadata.yaml).
import type { Count, Distribution, Instruments } from '#component'
import type { DecisionEvents } from './combined.ts'
import { Verdict } from './policies.ts'

const prefix = 'otelcol_processor_tail_sampling_'
const latencyBounds = [
  1, 2, 5, 10, 25, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1000, 2000, 3000, 4000, 5000, 10_000, 20_000, 30_000,
  50_000,
]
/** The SDK's default bounds, which serve for ages in seconds there. */
const ageBounds = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000]

type Decision = 'sampled' | 'not sampled' | 'dropped'
const decisionAttributes = {
  sampled: { sampled: 'true', decision: 'sampled' },
  'not sampled': { sampled: 'false', decision: 'not_sampled' },
  dropped: { sampled: 'false', decision: 'dropped' },
} as const
const decisionOf: Readonly<Record<Verdict, Decision>> = {
  [Verdict.notSampled]: 'not sampled',
  [Verdict.sampled]: 'sampled',
  [Verdict.dropped]: 'dropped',
}

/** One policy's counters. Those of verdicts appear once there is one. */
class PolicyCounts {
  readonly #instruments: Instruments
  readonly #name: string
  readonly executions: Count
  readonly microseconds: Count
  readonly #byVerdict: (Count | undefined)[] = [undefined, undefined, undefined]

  constructor(instruments: Instruments, name: string) {
    this.#instruments = instruments
    this.#name = name
    const policy = { policy: name }
    this.executions = instruments.counter(
      `${prefix}sampling_policy_execution_count_total`,
      'Total number of executions of a specific sampling policy',
      policy,
    )
    this.microseconds = instruments.counter(
      `${prefix}sampling_policy_execution_time_sum_total`,
      'Total time spent (in microseconds) executing a specific sampling policy',
      policy,
    )
  }

  verdict(verdict: Verdict): Count {
    return (this.#byVerdict[verdict] ??= this.#instruments.counter(
      `${prefix}count_traces_sampled_total`,
      'Count of traces that were sampled or not per sampling policy',
      { policy: this.#name, ...decisionAttributes[decisionOf[verdict]] },
    ))
  }
}

export class TailSamplingInstruments implements DecisionEvents {
  readonly #instruments: Instruments
  readonly #policies: readonly PolicyCounts[]
  readonly #decisions = new Map<Decision, Count>()
  readonly #errors: Count
  readonly newTraces: Count
  readonly droppedTooEarly: Count
  readonly droppedTooLarge: Count
  readonly roundMs: Distribution
  readonly lateAgeS: Distribution
  readonly removalAgeS: Distribution
  #onError: (index: number, error: unknown) => void = () => {}

  /** `policyNames` in the order in which policies are evaluated. */
  constructor(instruments: Instruments, policyNames: readonly string[], traces: () => number) {
    this.#instruments = instruments
    this.#policies = policyNames.map((name) => new PolicyCounts(instruments, name))
    const counter = (name: string, help: string): Count => instruments.counter(`${prefix}${name}_total`, help)
    this.#errors = counter('sampling_policy_evaluation_error', 'Count of sampling policy evaluation errors')
    this.newTraces = counter('new_trace_id_received', 'Counts the arrival of new traces')
    this.droppedTooEarly = counter(
      'sampling_trace_dropped_too_early',
      'Count of traces that needed to be dropped before the configured wait time',
    )
    this.droppedTooLarge = counter(
      'traces_dropped_too_large',
      'Count of traces that were dropped because they were too large',
    )
    this.roundMs = instruments.histogram(
      `${prefix}sampling_decision_timer_latency`,
      'Latency (in milliseconds) of each run of the sampling decision timer',
      latencyBounds,
    )
    this.lateAgeS = instruments.histogram(
      `${prefix}sampling_late_span_age`,
      'Time (in seconds) from the sampling decision was taken and the arrival of a late span',
      ageBounds,
    )
    this.removalAgeS = instruments.histogram(
      `${prefix}sampling_trace_removal_age`,
      'Time (in seconds) from arrival of a new trace until its removal from memory',
      ageBounds,
    )
    instruments.gauge(`${prefix}sampling_traces_on_memory`, 'Tracks the number of traces current on memory', traces)
  }

  /** Called for each evaluation that failed. */
  onError(run: (index: number, error: unknown) => void): void {
    this.#onError = run
  }

  evaluated(index: number, verdict: Verdict | undefined, ms: number): void {
    const counts = this.#policies[index] as PolicyCounts
    counts.executions.value++
    counts.microseconds.value += ms * 1000
    if (verdict !== undefined) counts.verdict(verdict).value++
  }

  failed(index: number, error: unknown): void {
    this.#errors.value++
    this.#onError(index, error)
  }

  decided(decision: Decision): void {
    let count = this.#decisions.get(decision)
    if (count === undefined) {
      count = this.#instruments.counter(
        `${prefix}global_count_traces_sampled_total`,
        'Global count of traces that were sampled or not by at least one policy',
        decisionAttributes[decision],
      )
      this.#decisions.set(decision, count)
    }
    count.value++
  }

  fromCache(isSampled: boolean, spans: number): void {
    this.#instruments
      .counter(
        `${prefix}early_releases_from_cache_decision_total`,
        'Number of spans that were able to be immediately released due to a decision cache hit.',
        { sampled: String(isSampled) },
      )
      .add(spans)
  }
}
