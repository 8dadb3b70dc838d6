// The tail sampler: gathers the spans of each trace, and once it is likely complete passes it on or leaves it out.
import type { Component, Consumer, Host, OtelOutput, Timer, TracesConsumer, TracesPort } from '#component'
import { ConsumeError, outputPorts } from '#component'
import { Retries, RetryingPort } from '#component/retrying_port'
import { Lru } from '#lib/lru'
import type { Traces } from '#pdata'
import type { NamedPolicy } from './combined.ts'
import { PolicySet } from './combined.ts'
import { TailSamplingInstruments } from './instruments.ts'
import type { Part } from './pending.ts'
import { Holdings, Outgoing, PendingTrace, Rounds, Splitter, traceCost, TraceView } from './pending.ts'

export interface TailSamplingSettings {
  readonly decisionWaitMs: number
  /** 0: a root span makes no difference. */
  readonly decisionWaitAfterRootMs: number
  /** Traces that are known at a time, those decided on among them. */
  readonly numTraces: number
  /** Wait for room rather than give up the oldest trace? */
  readonly blockOnOverflow: boolean
  readonly sampleOnFirstMatch: boolean
  /** Decide with what each request brings, as soon as it comes? */
  readonly isEarly: boolean
  readonly dropPendingOnShutdown: boolean
  /** 0: no bound. */
  readonly traceBytesMax: number
  /** What the spans that wait may take of the memory. */
  readonly pendingBytesMax: number
  readonly sampledCacheSize: number
  readonly nonSampledCacheSize: number
  readonly policies: readonly NamedPolicy[]
  /** In front of policies' names in metrics: the processor's own name, where it has one. */
  readonly name: string
}

type Decision = 'sampled' | 'not sampled' | 'dropped'

/** Under which reasons spans are dropped. */
const reasons = {
  'not sampled': 'not sampled',
  dropped: 'dropped by a policy',
  numTraces: 'more than num_traces traces',
  pendingBytes: 'more than maximum_pending_bytes',
  traceBytes: 'more than maximum_trace_size_bytes',
  shutdown: 'stopped before a decision',
  deadline: 'not handed on before the stop',
  failed: 'failed in the next component',
} as const

class DecidedTrace {
  readonly decision: Decision
  readonly arrivedMs: number
  readonly decidedMs: number
  constructor(decision: Decision, arrivedMs: number, decidedMs: number) {
    this.decision = decision
    this.arrivedMs = arrivedMs
    this.decidedMs = decidedMs
  }
}

const roundMs = 1000
/** Sampled traces are handed on in batches of about so much. */
const batchSpans = 1000
const batchBytes = 1 << 20
/** After so many decisions (about 10 ms) others have their turn. */
const tracesAtOnce = 1000
/** One of several consumers may refuse for so long before it goes without what it refuses. */
const fanOutHoldMs = 5000
const lastTriesMs = 100
/** What fails again and again is logged at most so often. */
const logMs = 10_000

/**
 * Takes spans at once and owns up to them from then on: they wait here, are handed on, or are dropped under a reason. While
 * sampled traces cannot be handed on, whoever brings more spans has to wait.
 */
export class TailSampler implements Component {
  readonly traces: TracesConsumer = { consume: (batch) => this.#consume(batch) }
  readonly #host: Host
  #settings: TailSamplingSettings
  #policies: PolicySet
  #instruments: TailSamplingInstruments
  #ports: readonly TracesPort[]
  #next: Consumer<Traces>
  #retries: Retries
  #splitter: Splitter
  #rounds: Rounds
  readonly #holdings: Holdings
  readonly #pending = new Map<string, PendingTrace>()
  /** Decisions for spans that come late; those that a cache has are not among them. Oldest first. */
  readonly #decided = new Map<string, DecidedTrace>()
  readonly #sampledCache: Lru<string, true>
  readonly #nonSampledCache: Lru<string, true>
  readonly #out = new Outgoing()
  readonly #late = new Outgoing()
  /** Spans of traces that are not decided yet. */
  #waiting = 0
  /** Spans of requests that are not taken in yet. */
  #entering = 0
  /** Until the requests that wait for room are taken in. */
  #blocked: Promise<void> | undefined
  /** Until the traces of a round are handed on. */
  #releasing: Promise<void> | undefined
  #wakeBlocked: () => void = () => {}
  #timer: Timer | undefined
  #lastRoundMs = 0
  #lastLogMs = Number.NEGATIVE_INFINITY
  #stopping: Promise<void> | undefined
  #isAbandoned = false

  constructor(host: Host, settings: TailSamplingSettings, output: OtelOutput) {
    this.#host = host
    this.#settings = settings
    this.#ports = outputPorts(output).traces
    this.#retries = retriesFor(host, this.#ports)
    this.#next = outletFor(host, this.#ports, this.#retries)
    this.#holdings = new Holdings(settings.pendingBytesMax)
    this.#splitter = new Splitter(settings.decisionWaitAfterRootMs > 0, this.#holdings.smallBytes)
    this.#rounds = new Rounds(roundsOf(settings))
    this.#sampledCache = new Lru(settings.sampledCacheSize)
    this.#nonSampledCache = new Lru(settings.nonSampledCacheSize)
    this.#instruments = this.#makeInstruments()
    this.#policies = this.#makePolicies()
    host.counters.observeWaiting(() => this.#waiting + this.#entering + this.#out.spans + this.#late.spans)
  }

  #makeInstruments(): TailSamplingInstruments {
    const { policies, name } = this.#settings
    const names = PolicySet.ordered(policies).map((policy) => (name === '' ? policy.name : `${name}.${policy.name}`))
    const traces = (): number => this.#pending.size + this.#decided.size
    const instruments = new TailSamplingInstruments(this.#host.instruments, names, traces)
    instruments.onError((index, error) =>
      this.#logFailure('Cannot evaluate a sampling policy', { policy: names[index], err: (error as Error).message }),
    )
    return instruments
  }

  #makePolicies(): PolicySet {
    const { policies, sampleOnFirstMatch } = this.#settings
    return new PolicySet(policies, sampleOnFirstMatch, this.#instruments, () => this.#host.clock.monotonic())
  }

  /** Take new settings; what waits goes on waiting, and is decided on by the new policies. `output`: where it is another one. */
  update(settings: TailSamplingSettings, output?: OtelOutput): void {
    this.#settings = settings
    this.#splitter = new Splitter(settings.decisionWaitAfterRootMs > 0, this.#holdings.smallBytes)
    this.#rounds = this.#rounds.resized(roundsOf(settings))
    this.#sampledCache.resize(settings.sampledCacheSize)
    this.#nonSampledCache.resize(settings.nonSampledCacheSize)
    this.#instruments = this.#makeInstruments()
    this.#policies = this.#makePolicies()
    const ports = output === undefined ? this.#ports : outputPorts(output).traces
    if (ports.length === this.#ports.length && ports.every((port, i) => port === this.#ports[i])) return
    // What is being handed on has one more try where it went before: nobody may be there any more.
    this.#retries.close()
    this.#ports = ports
    this.#retries = retriesFor(this.#host, ports)
    this.#next = outletFor(this.#host, ports, this.#retries)
  }

  start(): void {
    this.#lastRoundMs = this.#host.clock.monotonic()
    this.#schedule()
  }

  stop(deadlineMs: number): Promise<void> {
    this.#stopping ??= this.#stop(deadlineMs)
    return this.#stopping
  }

  debug(): unknown {
    return {
      traces_pending: this.#pending.size,
      traces_decided: this.#decided.size,
      bytes_pending: this.#holdings.bytes,
      bytes_pending_max: this.#settings.pendingBytesMax,
    }
  }

  // ------------------------------------------------------------------------------------------------------ coming in

  #consume(batch: Traces): void | Promise<void> {
    this.#refuseWhenStopped()
    if (batch.count === 0) return undefined
    if (this.#releasing !== undefined || this.#blocked !== undefined) return this.#enterLater(batch)
    return this.#enter(batch)
  }

  #refuseWhenStopped(): void {
    if (this.#stopping === undefined) return
    throw new ConsumeError('Cannot take spans: the processor has stopped', { retryable: true })
  }

  async #enterLater(batch: Traces): Promise<void> {
    this.#entering += batch.count
    for (;;) {
      const wait = this.#releasing ?? this.#blocked
      if (wait === undefined) break
      await wait
    }
    this.#entering -= batch.count
    this.#refuseWhenStopped()
    await this.#enter(batch)
  }

  #enter(batch: Traces): void | Promise<void> {
    const parts = this.#splitter.split(batch)
    this.#entering += batch.count
    const done = this.#takeFrom(parts, 0)
    if (done === undefined) return this.#entered(parts)
    this.#blocked = done.finally(() => (this.#blocked = undefined))
    return this.#blocked.then(() => this.#entered(parts))
  }

  #takeFrom(parts: readonly Part[], from: number): Promise<void> | undefined {
    for (let i = from; i < parts.length; i++) {
      const part = parts[i] as Part
      if (!this.#isAbandoned && !this.#take(part)) {
        const room = new Promise<void>((resolve) => (this.#wakeBlocked = resolve))
        return room.then(() => this.#takeFrom(parts, i))
      }
      this.#entering -= part.spans
      if (this.#isAbandoned) this.#host.counters.drop(reasons.deadline, part.spans)
    }
    return undefined
  }

  /** Hand on what came late, and let go of requests of which little is held. */
  #entered(parts: readonly Part[]): void | Promise<void> {
    for (let from = 0, to = 0; from < parts.length; from = to) {
      const { layout } = parts[from] as Part
      while (parts[to]?.layout === layout) to++
      this.#holdings.compact(parts.slice(from, to))
    }
    if (this.#late.spans > 0) return this.#handOn(this.#late.take())
    return undefined
  }

  /** Take in one part; false: there is no room for it now. */
  #take(part: Part): boolean {
    if (this.#isInCache(part)) return true
    const decided = this.#decided.get(part.key)
    if (decided !== undefined) {
      this.#instruments.lateAgeS.observe(wholeSeconds(this.#host.clock.monotonic() - decided.decidedMs))
      this.#leave(part, decided.decision)
      return true
    }
    const room = this.#roomFor(part)
    if (room === 'later') return false
    if (room === 'never') this.#host.counters.drop(reasons.pendingBytes, part.spans)
    else this.#add(part)
    return true
  }

  #isInCache(part: Part): boolean {
    if (this.#sampledCache.get(part.key)) {
      this.#instruments.fromCache(true, part.spans)
      this.#leave(part, 'sampled')
      return true
    }
    if (!this.#nonSampledCache.get(part.key)) return false
    this.#instruments.fromCache(false, part.spans)
    this.#leave(part, 'not sampled')
    return true
  }

  /** The trace is decided on already. */
  #leave(part: Part, decision: Decision): void {
    if (decision === 'sampled') this.#late.add(part)
    else this.#host.counters.drop(reasons[decision], part.spans)
  }

  #roomFor(part: Part): 'now' | 'later' | 'never' {
    const { numTraces, blockOnOverflow, pendingBytesMax } = this.#settings
    const cost = traceCost + this.#holdings.costOf(part)
    if (cost > pendingBytesMax) return 'never'
    if (!this.#pending.has(part.key)) {
      // A decision is only there for spans that come late: it goes before spans do.
      while (this.#pending.size + this.#decided.size >= numTraces) {
        if (this.#forgetDecision()) continue
        if (blockOnOverflow) return 'later'
        this.#giveUp(this.#rounds.oldest() as PendingTrace, reasons.numTraces)
      }
    }
    while (this.#holdings.bytes + cost > pendingBytesMax) {
      const oldest = this.#rounds.oldest()
      if (oldest === undefined) break
      if (blockOnOverflow) return 'later'
      this.#giveUp(oldest, reasons.pendingBytes)
    }
    return 'now'
  }

  #forgetDecision(): boolean {
    for (const [key, { arrivedMs }] of this.#decided) {
      this.#decided.delete(key)
      this.#removed(arrivedMs)
      return true
    }
    return false
  }

  #add(part: Part): void {
    const { decisionWaitAfterRootMs, traceBytesMax, isEarly } = this.#settings
    let trace = this.#pending.get(part.key)
    if (trace === undefined) {
      trace = new PendingTrace(part.key, this.#host.clock.monotonic(), isEarly)
      this.#pending.set(part.key, trace)
      this.#rounds.add(trace)
      this.#holdings.bytes += traceCost
      this.#instruments.newTraces.add(1)
    }
    trace.spans += part.spans
    trace.bytes += part.bytes
    this.#waiting += part.spans
    if (part.hasRoot) this.#rounds.moveUp(trace, Math.floor(decisionWaitAfterRootMs / roundMs))
    if (traceBytesMax > 0 && trace.bytes > traceBytesMax) {
      this.#instruments.droppedTooLarge.add(1)
      this.#settle(trace, 'not sampled')
      this.#drop(trace, reasons.traceBytes)
      return
    }
    const decision = isEarly ? this.#decideEarly(trace, part) : undefined
    part.key = trace.key
    trace.append(part)
    this.#holdings.hold(part)
    // It goes together with what came late, when everything that came with it is taken in.
    if (decision !== undefined) this.#release(trace, decision, this.#late)
  }

  #decideEarly(trace: PendingTrace, part: Part): 'sampled' | 'dropped' | undefined {
    const startMs = this.#host.clock.monotonic()
    const view = new TraceView(trace.key)
    view.spans = trace.spans
    view.append(part)
    const decision = this.#policies.decideEarly(view)
    this.#instruments.roundMs.observe(Math.floor(this.#host.clock.monotonic() - startMs))
    return decision
  }

  // ---------------------------------------------------------------------------------------------------- decisions

  #schedule(): void {
    const nowMs = this.#host.clock.monotonic()
    this.#lastRoundMs = Math.max(this.#lastRoundMs + roundMs, nowMs)
    this.#timer = this.#host.clock.setTimeout(() => {
      const done = this.#round()
      if (done === undefined) this.#schedule()
      else void done.then(() => this.#scheduleUnlessStopped())
    }, this.#lastRoundMs - nowMs)
  }

  #scheduleUnlessStopped(): void {
    if (this.#stopping === undefined) this.#schedule()
  }

  /** Decide on the traces that have waited long enough, and hand on those that are sampled. Never fails. */
  #round(): Promise<void> | undefined {
    const startMs = this.#host.clock.monotonic()
    const done = this.#decideFrom(this.#rounds.take(), 0)
    const end = (): void => {
      this.#instruments.roundMs.observe(Math.floor(this.#host.clock.monotonic() - startMs))
      this.#releasing = undefined
      this.#wakeBlocked()
    }
    if (done === undefined) {
      end()
      return undefined
    }
    this.#releasing = done.then(end)
    return this.#releasing
  }

  #decideFrom(traces: readonly PendingTrace[], from: number): Promise<void> | undefined {
    for (let i = from; i < traces.length && !this.#isAbandoned; i++) {
      const trace = traces[i] as PendingTrace
      if (trace.isEarly) this.#endUndecided(trace)
      else this.#release(trace, this.#policies.decide(trace), this.#out)
      const isFull = this.#out.spans >= batchSpans || this.#out.bytes >= batchBytes
      const isLong = i - from >= tracesAtOnce
      const wait = isFull ? this.#flush() : undefined
      if (wait === undefined && !isLong) continue
      return (wait ?? nextTurn()).then(() => this.#decideFrom(traces, i + 1))
    }
    return this.#flush()
  }

  #flush(): Promise<void> | undefined {
    if (this.#out.spans === 0) return undefined
    return this.#handOn(this.#out.take()) ?? undefined
  }

  /**
   * Early decisions were possible when the trace's spans came; there is none now. Unless a cache remembers that, spans that
   * come late begin the trace anew.
   */
  #endUndecided(trace: PendingTrace): void {
    this.#release(trace, 'not sampled', this.#out)
    if (this.#decided.delete(trace.key)) this.#removed(trace.arrivedMs)
  }

  /** The decision on a trace is made: its spans go, one way or the other. */
  #release(trace: PendingTrace, decision: Decision, out: Outgoing): void {
    this.#instruments.decided(decision)
    this.#settle(trace, decision)
    if (decision !== 'sampled') return this.#drop(trace, reasons[decision])
    for (let part = trace.first; part !== null; part = part.next) out.add(part)
    return this.#letGo(trace)
  }

  /** Remember the decision for spans that come late. */
  #settle(trace: PendingTrace, decision: Decision): void {
    const { sampledCacheSize, nonSampledCacheSize } = this.#settings
    this.#remove(trace)
    const isSampled = decision === 'sampled'
    if ((isSampled ? sampledCacheSize : nonSampledCacheSize) > 0) {
      ;(isSampled ? this.#sampledCache : this.#nonSampledCache).set(trace.key, true)
      this.#removed(trace.arrivedMs)
    } else this.#decided.set(trace.key, new DecidedTrace(decision, trace.arrivedMs, this.#host.clock.monotonic()))
  }

  #giveUp(trace: PendingTrace, reason: string): void {
    this.#instruments.droppedTooEarly.add(1)
    this.#remove(trace)
    this.#removed(trace.arrivedMs)
    this.#drop(trace, reason)
  }

  #remove(trace: PendingTrace): void {
    trace.isGone = true
    this.#pending.delete(trace.key)
    this.#holdings.bytes -= traceCost
  }

  #removed(arrivedMs: number): void {
    this.#instruments.removalAgeS.observe(wholeSeconds(this.#host.clock.monotonic() - arrivedMs))
  }

  #drop(trace: PendingTrace, reason: string): void {
    this.#letGo(trace)
    this.#host.counters.drop(reason, trace.spans)
  }

  #letGo(trace: PendingTrace): void {
    for (let part = trace.first; part !== null; part = part.next) this.#holdings.release(part)
    trace.first = null
    trace.tree = null
    this.#waiting -= trace.spans
  }

  // ----------------------------------------------------------------------------------------------------- going out

  /** Never fails: what cannot be handed on is counted. */
  #handOn(batch: Traces): void | Promise<void> {
    // It may be handed on again after a refusal: nobody may change it on the way.
    batch.shared = true
    try {
      const done = this.#next.consume(batch)
      return done ? done.catch((error: unknown) => this.#failed(batch.count, error)) : undefined
    } catch (error) {
      return this.#failed(batch.count, error)
    }
  }

  #failed(spans: number, error: unknown): void {
    this.#host.counters.drop(reasons.failed, spans)
    this.#logFailure('Cannot hand on sampled traces: their spans are dropped', { spans, err: (error as Error).message })
  }

  #logFailure(message: string, fields: Readonly<Record<string, unknown>>): void {
    const nowMs = this.#host.clock.monotonic()
    if (nowMs - this.#lastLogMs < logMs) return
    this.#lastLogMs = nowMs
    this.#host.log.warn(message, fields)
  }

  async #stop(deadlineMs: number): Promise<void> {
    this.#timer?.cancel()
    const finished = this.#finish()
    let give = (): void => {}
    const tooLate = new Promise<void>((resolve) => (give = resolve))
    const timer = this.#host.clock.setTimeout(give, deadlineMs)
    await Promise.race([finished, tooLate])
    timer.cancel()
    this.#isAbandoned = true
    this.#wakeBlocked()
    this.#retries.close()
    // What waited for another try has its last one now; a consumer that does not answer is not waited for.
    const lastTries = new Promise<void>((resolve) => (give = resolve))
    const grace = this.#host.clock.setTimeout(give, lastTriesMs)
    await Promise.race([finished, lastTries])
    grace.cancel()
    this.#dropAll(reasons.deadline)
  }

  /** Decide on everything that is here, as far as it came. */
  async #finish(): Promise<void> {
    await this.#releasing
    while ((this.#pending.size > 0 || this.#blocked !== undefined) && !this.#isAbandoned) {
      if (this.#settings.dropPendingOnShutdown) {
        this.#dropAll(reasons.shutdown)
        this.#wakeBlocked()
        await Promise.resolve()
      } else await this.#round()
    }
  }

  #dropAll(reason: string): void {
    for (const trace of this.#pending.values()) {
      this.#remove(trace)
      this.#drop(trace, reason)
    }
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function roundsOf({ decisionWaitMs }: TailSamplingSettings): number {
  return Math.max(1, Math.floor(decisionWaitMs / roundMs))
}

function retriesFor(host: Host, ports: readonly TracesPort[]): Retries {
  return new Retries(host.clock, ports.length > 1 ? fanOutHoldMs : Number.POSITIVE_INFINITY, () => {})
}

function outletFor(host: Host, ports: readonly TracesPort[], retries: Retries): Consumer<Traces> {
  return host.outlet(ports.map((port) => new RetryingPort(port, retries)))
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000)
}
