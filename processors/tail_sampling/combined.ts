// Policies made of others, and the decision that the policies of a processor come to together.
import type { TraceView } from './pending.ts'
import type { Policy } from './policies.ts'
import { Verdict } from './policies.ts'

function anyIsStateful(policies: readonly Policy[]): boolean {
  return policies.some(({ isStateful }) => isStateful)
}

/** Samples what all of them sample. */
export class And implements Policy {
  readonly isStateful: boolean
  readonly #policies: readonly Policy[]
  constructor(policies: readonly Policy[]) {
    this.#policies = policies
    this.isStateful = anyIsStateful(policies)
  }

  evaluate(trace: TraceView): Verdict {
    for (const policy of this.#policies) if (policy.evaluate(trace) === Verdict.notSampled) return Verdict.notSampled
    return Verdict.sampled
  }
}

/** Drops what all of them sample, whatever other policies say. */
export class Drop implements Policy {
  readonly isStateful: boolean
  readonly #policies: readonly Policy[]
  constructor(policies: readonly Policy[]) {
    this.#policies = policies
    this.isStateful = anyIsStateful(policies)
  }

  evaluate(trace: TraceView): Verdict {
    for (const policy of this.#policies) if (policy.evaluate(trace) === Verdict.notSampled) return Verdict.notSampled
    return Verdict.dropped
  }
}

/** Samples what its policy does not. */
export class Not implements Policy {
  readonly isStateful: boolean
  readonly #policy: Policy
  constructor(policy: Policy) {
    this.#policy = policy
    this.isStateful = policy.isStateful
  }

  evaluate(trace: TraceView): Verdict {
    return this.#policy.evaluate(trace) === Verdict.sampled ? Verdict.notSampled : Verdict.sampled
  }
}

export interface CompositePart {
  readonly policy: Policy
  /** How many spans it may sample in each second. */
  readonly spansPerSecond: number
}

/** The first of its parts that samples a trace decides, as long as that part's spans of this second allow it. */
export class Composite implements Policy {
  readonly isStateful: boolean
  readonly #parts: readonly CompositePart[]
  readonly #spansPerSecond: number
  readonly #nowMs: () => number
  readonly #sampled: number[]
  #second = 0

  /** `nowMs` since the epoch: seconds begin where the clock's do. */
  constructor(parts: readonly CompositePart[], spansPerSecond: number, nowMs: () => number) {
    this.#parts = parts
    this.#spansPerSecond = spansPerSecond
    this.#nowMs = nowMs
    this.#sampled = parts.map(() => 0)
    this.isStateful = anyIsStateful(parts.map(({ policy }) => policy))
  }

  evaluate(trace: TraceView): Verdict {
    const second = Math.floor(this.#nowMs() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#sampled.fill(0)
    }
    for (const [i, { policy, spansPerSecond }] of this.#parts.entries()) {
      if (policy.evaluate(trace) !== Verdict.sampled) continue
      const spans = (this.#sampled[i] as number) + trace.spans
      if (spans > spansPerSecond || spans > this.#spansPerSecond) return Verdict.notSampled
      this.#sampled[i] = spans
      return Verdict.sampled
    }
    return Verdict.notSampled
  }
}

// ------------------------------------------------------------------------------------------------------ decisions

export interface NamedPolicy {
  readonly name: string
  readonly policy: Policy
  readonly isDrop: boolean
}

/** What a processor's policies did; told as it happens. */
export interface DecisionEvents {
  /** Policy number `index` came to a verdict on a trace, which took so long. */
  evaluated(index: number, verdict: Verdict | undefined, ms: number): void
  failed(index: number, error: unknown): void
}

export class PolicySet {
  /** Those that drop come first: what one of them drops needs no other. */
  readonly policies: readonly NamedPolicy[]
  readonly #isFirstMatch: boolean
  readonly #events: DecisionEvents
  readonly #monotonicMs: () => number

  constructor(
    policies: readonly NamedPolicy[],
    isFirstMatch: boolean,
    events: DecisionEvents,
    monotonicMs: () => number,
  ) {
    this.policies = PolicySet.ordered(policies)
    this.#isFirstMatch = isFirstMatch
    this.#events = events
    this.#monotonicMs = monotonicMs
  }

  /** Policies in the order in which they are evaluated. */
  static ordered(policies: readonly NamedPolicy[]): readonly NamedPolicy[] {
    return [...policies.filter(({ isDrop }) => isDrop), ...policies.filter(({ isDrop }) => !isDrop)]
  }

  /** The decision on a whole trace: dropped before sampled. What cannot be judged by any policy is not sampled. */
  decide(trace: TraceView): 'sampled' | 'not sampled' | 'dropped' {
    let isSampled = false
    for (let i = 0; i < this.policies.length; i++) {
      const verdict = this.#evaluate(i, trace)
      if (verdict === Verdict.dropped) return 'dropped'
      if (verdict !== Verdict.sampled) continue
      isSampled = true
      if (this.#isFirstMatch) break
    }
    return isSampled ? 'sampled' : 'not sampled'
  }

  /**
   * The decision as far as what has just come allows one: the first policy that samples it; nothing as long as a policy
   * that drops may still meet a span that it drops.
   */
  decideEarly(trace: TraceView): 'sampled' | 'dropped' | undefined {
    let mayDrop = false
    for (let i = 0; i < this.policies.length; i++) {
      const { isDrop } = this.policies[i] as NamedPolicy
      if (!isDrop && mayDrop) return undefined
      const verdict = this.#evaluate(i, trace)
      if (verdict === undefined) continue
      if (verdict === Verdict.dropped) return 'dropped'
      if (isDrop) mayDrop = true
      else if (verdict === Verdict.sampled) return 'sampled'
    }
    return undefined
  }

  #evaluate(index: number, trace: TraceView): Verdict | undefined {
    const startMs = this.#monotonicMs()
    let verdict: Verdict | undefined
    try {
      verdict = (this.policies[index] as NamedPolicy).policy.evaluate(trace)
    } catch (error) {
      this.#events.failed(index, error)
    }
    this.#events.evaluated(index, verdict, this.#monotonicMs() - startMs)
    return verdict
  }
}
