// Takes batches apart along the routes, and sends the parts.
import {
  type Batch,
  type Component,
  type Consumer,
  type Host,
  pipelinePorts,
  type PipelineStart,
  type Signal,
} from '#component'
import { type ContextName, type ErrorMode, TransformContext } from '#component/ottl'
import { Logs, Metrics, Traces } from '#pdata'
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
  for (const [i, route] of routes.entries()) {
    compiled.push({ route, rule: await compileRule(host, route.rule, mode, ['table', i]) })
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
  /** One that shares nothing with it. */
  copy(batch: B): B
}

const traces: BatchKind<Traces> = {
  split(batch, context, at, matches) {
    const { matched, rest } = splitTracesTree(ownTracesTree(batch), context, at, matches)
    return [Traces.fromTree(matched, batch.context), Traces.fromTree(rest, batch.context)]
  },
  copy: (batch) => Traces.fromWire(tracesWire(batch), batch.count, batch.context),
}
const metrics: BatchKind<Metrics> = {
  split(batch, context, at, matches) {
    const { matched, rest } = splitMetricsTree(ownMetricsTree(batch), context, at, matches)
    return [Metrics.fromTree(matched, batch.context), Metrics.fromTree(rest, batch.context)]
  },
  copy: (batch) => Metrics.fromWire(metricsWire(batch), batch.count, batch.context),
}
const logs: BatchKind<Logs> = {
  split(batch, context, at, matches) {
    const { matched, rest } = splitLogsTree(ownLogsTree(batch), context, at, matches)
    return [Logs.fromTree(matched, batch.context), Logs.fromTree(rest, batch.context)]
  },
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

class Router<B extends Batch> implements Consumer<B> {
  readonly #kind: BatchKind<B>
  readonly #routes: readonly CompiledRoute<B>[]
  readonly #fallback: Consumer<B> | null
  readonly #sender: PartsSender
  readonly #at = new TransformContext()

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
      if (rule.kind === 'request') {
        if (!rule.matches(batch.context)) continue
        add(outlet, isCopy ? this.#kind.copy(rest) : rest)
        if (isCopy) continue
        return this.#sender.send(parts, batch.count, 0)
      }
      if (isCopy) {
        const [matched] = this.#kind.split(this.#kind.copy(rest), rule.context, this.#at, rule.matches)
        add(outlet, matched)
      } else {
        const [matched, others] = this.#kind.split(rest, rule.context, this.#at, rule.matches)
        add(outlet, matched)
        rest = others
      }
    }
    if (this.#fallback === null) return this.#sender.send(parts, batch.count, rest.count)
    add(this.#fallback, rest)
    return this.#sender.send(parts, batch.count, 0)
  }
}

/**
 * Sends the parts of a batch and accounts for them as one: where a part is refused, the batch is, as a whole, and those
 * that took their part may get it again. Parts that are copies came in here; what no route takes is dropped (`no route`).
 */
class PartsSender {
  readonly #host: Host
  /** Items of batches under way that will be dropped. */
  #undecided = 0

  constructor(host: Host) {
    this.#host = host
    host.counters.observeWaiting(() => this.#undecided)
  }

  send(parts: readonly Part[], items: number, dropped: number): void | Promise<void> {
    const { counters } = this.#host
    const sent = parts.reduce((sum, part) => sum + part.items, 0)
    const copied = sent + dropped - items
    counters.in += copied
    const undo = (delivered: number): void => {
      counters.out -= delivered
      counters.in -= copied
    }
    const waiting: { items: number; done: Promise<void> }[] = []
    let delivered = 0
    for (const part of parts) {
      try {
        const done = part.send()
        if (done) waiting.push({ items: part.items, done })
        else delivered += part.items
      } catch (error) {
        if (waiting.length > 0) return this.#fail(error, waiting, delivered, undo)
        undo(delivered)
        throw error
      }
    }
    if (waiting.length > 0) return this.#wait(waiting, delivered, dropped, undo)
    counters.drop('no route', dropped)
    return undefined
  }

  async #wait(
    waiting: readonly { items: number; done: Promise<void> }[],
    before: number,
    dropped: number,
    undo: (delivered: number) => void,
  ): Promise<void> {
    this.#undecided += dropped
    let delivered = before
    try {
      const results = await Promise.allSettled(waiting.map(({ done }) => done))
      for (const [i, { status }] of results.entries()) {
        if (status === 'fulfilled') delivered += waiting[i]?.items ?? 0
      }
      const refused = results.find((result) => result.status === 'rejected')
      if (refused) {
        undo(delivered)
        throw refused.reason
      }
      this.#host.counters.drop('no route', dropped)
    } finally {
      this.#undecided -= dropped
    }
  }

  /** A part was refused while others are under way. */
  async #fail(
    error: unknown,
    waiting: readonly { items: number; done: Promise<void> }[],
    before: number,
    undo: (delivered: number) => void,
  ): Promise<void> {
    const results = await Promise.allSettled(waiting.map(({ done }) => done))
    let delivered = before
    for (const [i, { status }] of results.entries()) if (status === 'fulfilled') delivered += waiting[i]?.items ?? 0
    undo(delivered)
    throw error
  }
}
