// Takes batches apart along the routes, and sends the parts.
import {
  type Batch,
  type Component,
  ConsumeError,
  type Consumer,
  type Host,
  pipelinePorts,
  type PipelineStart,
  type Signal,
} from '#component'
import { type ContextName, type ErrorMode, OttlError, TransformContext } from '#component/ottl'
import { type ClientContext, Logs, Metrics, Traces } from '#pdata'
import { logsWire, metricsWire, ownLogsTree, ownMetricsTree, ownTracesTree, tracesWire } from '#pdata/otlp'
import { splitLogsTree, splitMetricsTree, splitTracesTree } from './parts.ts'
import { type CompiledRule, compileRule, type Rule } from './rule.ts'

export interface Route {
  readonly rule: Rule
  readonly pipelines: readonly PipelineStart[]
  /** What matches stays with the rest, too. */
  readonly isCopy: boolean
}

/** Throws `SettingsError` for conditions that cannot work. */
export async function createRouting(
  host: Host,
  routes: readonly Route[],
  defaults: readonly PipelineStart[],
  mode: ErrorMode,
): Promise<Component> {
  const compiled: { route: Route; rule: CompiledRule }[] = []
  const keys = new Set<string>()
  for (const [i, route] of routes.entries()) {
    const rule = await compileRule(host, route.rule, mode, ['table', i])
    const key = `${route.rule.signal} ${rule.key}`
    if (keys.has(key)) {
      host.log.warn('A route is left out: one before it has the same statement', { route: i, statement: rule.key })
      continue
    }
    keys.add(key)
    compiled.push({ route, rule })
  }
  const sender = new PartsSender(host)
  const of = <B extends Batch>(
    signal: Signal,
    kind: BatchKind<B>,
    outletOf: (pipelines: readonly PipelineStart[]) => Consumer<B>,
  ): Router<B> => {
    const own = compiled.filter(({ route }) => route.rule.signal === signal)
    const fallback = defaults[0]?.signal === signal ? outletOf(defaults) : null
    const outlets = own.map(({ route, rule }) => ({ rule, isCopy: route.isCopy, outlet: outletOf(route.pipelines) }))
    return new Router(kind, outlets, fallback, sender)
  }
  return {
    traces: of('traces', traces, (all) => host.outlet(all.flatMap((pipeline) => pipelinePorts(pipeline).traces))),
    metrics: of('metrics', metrics, (all) => host.outlet(all.flatMap((pipeline) => pipelinePorts(pipeline).metrics))),
    logs: of('logs', logs, (all) => host.outlet(all.flatMap((pipeline) => pipelinePorts(pipeline).logs))),
    stop: () => {},
  }
}

/** What is done differently for each signal. */
interface BatchKind<B extends Batch> {
  /** Two batches out of one; `batch` is used up. */
  split(
    batch: B,
    context: ContextName,
    at: TransformContext,
    matches: (at: TransformContext) => boolean,
  ): readonly [B, B]
  fromWire(chunks: readonly Uint8Array[], count: number, context: ClientContext | null): B
  /** One that shares nothing with it. */
  copy(batch: B): B
}

const traces: BatchKind<Traces> = {
  split(batch, context, at, matches) {
    const { matched, rest } = splitTracesTree(ownTracesTree(batch), context, at, matches)
    return [Traces.fromTree(matched, batch.context), Traces.fromTree(rest, batch.context)]
  },
  fromWire: (chunks, count, context) => Traces.fromWire(chunks, count, context),
  copy: (batch) => Traces.fromWire(tracesWire(batch), batch.count, batch.context),
}
const metrics: BatchKind<Metrics> = {
  split(batch, context, at, matches) {
    const { matched, rest } = splitMetricsTree(ownMetricsTree(batch), context, at, matches)
    return [Metrics.fromTree(matched, batch.context), Metrics.fromTree(rest, batch.context)]
  },
  fromWire: (chunks, count, context) => Metrics.fromWire(chunks, count, context),
  copy: (batch) => Metrics.fromWire(metricsWire(batch), batch.count, batch.context),
}
const logs: BatchKind<Logs> = {
  split(batch, context, at, matches) {
    const { matched, rest } = splitLogsTree(ownLogsTree(batch), context, at, matches)
    return [Logs.fromTree(matched, batch.context), Logs.fromTree(rest, batch.context)]
  },
  fromWire: (chunks, count, context) => Logs.fromWire(chunks, count, context),
  copy: (batch) => Logs.fromWire(logsWire(batch), batch.count, batch.context),
}

interface Part {
  readonly items: number
  send(): void | Promise<void>
}

interface CompiledRoute<B extends Batch> {
  readonly rule: CompiledRule
  readonly isCopy: boolean
  readonly outlet: Consumer<B>
}

type RecordsRule = Extract<CompiledRule, { kind: 'records' }>

/** Conditions that keep failing are not tried on bytes first: a batch would be walked twice. */
const wireErrorsMax = 10

class Router<B extends Batch> implements Consumer<B> {
  readonly #kind: BatchKind<B>
  readonly #routes: readonly CompiledRoute<B>[]
  readonly #fallback: Consumer<B> | null
  readonly #sender: PartsSender
  readonly #at = new TransformContext()
  #wireErrors = 0

  constructor(
    kind: BatchKind<B>,
    routes: readonly CompiledRoute<B>[],
    fallback: Consumer<B> | null,
    sender: PartsSender,
  ) {
    this.#kind = kind
    this.#routes = routes
    this.#fallback = fallback
    this.#sender = sender
  }

  consume(batch: B): void | Promise<void> {
    const parts: Part[] = []
    const add = (outlet: Consumer<B>, part: B): void => {
      if (part.count > 0) parts.push({ items: part.count, send: () => outlet.consume(part) })
    }
    this.#at.client = batch.context
    let rest = batch
    for (const { rule, isCopy, outlet } of this.#routes) {
      if (rest.count === 0) break
      if (rule.kind === 'client') {
        if (!rule.matches(this.#at)) continue
        add(outlet, isCopy ? this.#kind.copy(rest) : rest)
        if (isCopy) continue
        return this.#sender.send(parts, batch.count, 0)
      }
      const matched = this.#matchedOf(rule, rest, isCopy)
      add(outlet, matched.matched)
      rest = matched.rest
    }
    if (this.#fallback === null) return this.#sender.send(parts, batch.count, rest.count)
    add(this.#fallback, rest)
    return this.#sender.send(parts, batch.count, 0)
  }

  #matchedOf(rule: RecordsRule, batch: B, isCopy: boolean): { matched: B; rest: B } {
    const sifted = this.#sifted(rule, batch, isCopy)
    if (sifted !== undefined) return sifted
    const from = isCopy ? this.#kind.copy(batch) : batch
    const [matched, rest] = this.#kind.split(from, rule.context, this.#at, rule.matches)
    return { matched, rest: isCopy ? batch : rest }
  }

  /** Undefined: the batch has no bytes, or its records have to be decoded. */
  #sifted({ wire }: RecordsRule, batch: B, isCopy: boolean): { matched: B; rest: B } | undefined {
    const { wire: chunks, context } = batch
    if (wire === undefined || chunks === null || this.#wireErrors >= wireErrorsMax) return undefined
    try {
      const { kept: rest, dropped: matched } = wire.split(chunks)
      return {
        matched: this.#kind.fromWire(matched.chunks, matched.count, context),
        rest: isCopy ? batch : this.#kind.fromWire(rest.chunks, rest.count, context),
      }
    } catch (error) {
      // The tree has the record to show, and knows what the error mode says.
      if (!(error instanceof OttlError)) throw error
      this.#wireErrors++
      return undefined
    }
  }
}

/** Of the parts of one batch: what became of them so far. */
interface Sending {
  delivered: number
  /** Items that wait until the others are through: of parts that were refused, and those that no route takes. */
  held: number
  readonly failures: unknown[]
}

/**
 * Sends the parts of a batch and accounts for them as one: every part is sent; where one is refused, the batch is, as a
 * whole, and those that took their part may get it again. It is refused for good where one of the parts was. Parts that are
 * copies came in here, and so did those that were delivered of a batch that is refused; what no route takes is dropped
 * (`no route`).
 */
class PartsSender {
  readonly #host: Host
  /** Items of batches under way that are held. */
  #held = 0

  constructor(host: Host) {
    this.#host = host
    host.counters.observeWaiting(() => this.#held)
  }

  send(parts: readonly Part[], items: number, dropped: number): void | Promise<void> {
    let copied = dropped - items
    for (const part of parts) copied += part.items
    this.#host.counters.in += copied
    const sending: Sending = { delivered: 0, held: 0, failures: [] }
    this.#hold(sending, dropped)
    const waiting: Promise<void>[] = []
    for (const part of parts) {
      try {
        const done = part.send()
        if (done) waiting.push(this.#follow(part, done, sending))
        else sending.delivered += part.items
      } catch (error) {
        this.#refused(part, error, sending)
      }
    }
    if (waiting.length === 0) return this.#settle(sending, copied, dropped)
    return Promise.all(waiting).then(() => this.#settle(sending, copied, dropped))
  }

  #hold(sending: Sending, items: number): void {
    sending.held += items
    this.#held += items
  }

  async #follow(part: Part, done: Promise<void>, sending: Sending): Promise<void> {
    try {
      await done
      sending.delivered += part.items
    } catch (error) {
      this.#refused(part, error, sending)
    }
  }

  #refused({ items }: Part, error: unknown, sending: Sending): void {
    sending.failures.push(error)
    this.#hold(sending, items)
  }

  #settle({ delivered, held, failures }: Sending, copied: number, dropped: number): void {
    const { counters } = this.#host
    this.#held -= held
    if (failures.length === 0) {
      counters.drop('no route', dropped)
      return
    }
    counters.in += delivered - copied
    throw worst(failures)
  }
}

/** What is refused for good before what may be tried again, of that the one that asks to wait longest. */
function worst(failures: readonly unknown[]): unknown {
  let found: unknown
  let longestMs = -1
  for (const failure of failures) {
    if (!(failure instanceof ConsumeError) || !failure.retryable) return failure
    const { retryAfterMs = 0 } = failure
    if (retryAfterMs > longestMs) found = failure
    longestMs = Math.max(longestMs, retryAfterMs)
  }
  return found
}
