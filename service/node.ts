// One running node: the component instance with everything the service keeps around it.
import { join } from 'node:path'
import type {
  Batch,
  Clock,
  Component,
  ComponentDefinition,
  Consumer,
  Host,
  HostGlobals,
  Instruments,
  Logger,
  Port,
  MetricSource,
  Signal,
  Value,
} from '#component'
import { Capsule, ConsumeError, HealthState, inputExports, NodeCounters, valuesEqual } from '#component'
import type { PlanNode } from '#config'

export interface Health {
  readonly state: HealthState
  readonly message: string
  readonly updatedTimeMs: number
}

/** Takes one signal for a node: counts, and passes on to whichever instance runs behind the node's id now. */
export class NodePort<B extends Batch> implements Port<B> {
  readonly nodeId: string
  readonly signal: Signal
  node: RunningNode | undefined

  constructor(nodeId: string, signal: Signal) {
    this.nodeId = nodeId
    this.signal = signal
  }

  consume(batch: B): void | Promise<void> {
    const node = this.node
    const consumer = node?.component?.[this.signal] as Consumer<B> | undefined
    if (!node || !consumer) {
      throw new ConsumeError(`Cannot take ${this.signal}: ${this.nodeId} is not running`, { retryable: true })
    }
    const counters = node.counters
    const items = batch.count
    counters.in += items
    let done: void | Promise<void>
    try {
      done = consumer.consume(batch)
    } catch (error) {
      counters.refused += items
      throw error
    }
    if (!done) return undefined
    return done.catch((error: unknown) => {
      counters.refused += items
      throw error
    })
  }
}

/** The ports of a node, and the value that refers to them. Outlives the instances behind it. */
export class NodeInput {
  readonly capsule: Capsule
  readonly #ports: readonly NodePort<Batch>[]

  constructor(nodeId: string, definition: ComponentDefinition) {
    const signals = definition.consumes ?? []
    this.#ports = signals.map((signal) => new NodePort<Batch>(nodeId, signal))
    const { type } = inputExports[definition.input ?? 'prometheus']
    const consumer = { nodeId, ...Object.fromEntries(this.#ports.map((port) => [port.signal, port])) }
    this.capsule = new Capsule(type, type === 'otelcol.Consumer' ? consumer : (this.#ports[0] as object))
  }

  get node(): RunningNode | undefined {
    return this.#ports[0]?.node
  }

  bind(node: RunningNode | undefined): void {
    for (const port of this.#ports) port.node = node
  }
}

/** Hands one batch to every port and counts it as `out` once. */
class Outlet<B extends Batch> implements Consumer<B> {
  readonly #node: RunningNode
  readonly #ports: readonly Port<B>[]

  constructor(node: RunningNode, ports: readonly Port<B>[]) {
    this.#node = node
    this.#ports = ports
  }

  consume(batch: B): void | Promise<void> {
    const items = batch.count
    if (this.#ports.length === 0) {
      this.#node.counters.drop('nothing to forward to', items)
      return undefined
    }
    if (this.#ports.length > 1) batch.shared = true
    let waiting: Promise<void>[] | undefined
    let failure: unknown
    for (const port of this.#ports) {
      try {
        const done = port.consume(batch)
        if (done) (waiting ??= []).push(done)
      } catch (error) {
        failure = error // the other ports get the batch all the same
      }
    }
    if (waiting) return this.#wait(items, waiting, failure)
    if (failure !== undefined) throw failure
    this.#node.counters.out += items
    return undefined
  }

  async #wait(items: number, waiting: readonly Promise<void>[], failure: unknown): Promise<void> {
    this.#node.inFlight += items
    try {
      const results = await Promise.allSettled(waiting)
      const rejected = results.find((r) => r.status === 'rejected')
      if (failure !== undefined) throw failure
      if (rejected) throw rejected.reason
      this.#node.counters.out += items
    } finally {
      this.#node.inFlight -= items
    }
  }
}

/** What nodes need from the service. */
export interface NodeContext {
  readonly clock: Clock
  readonly globals: HostGlobals
  logger(nodeId: string): Logger
  instruments(nodeId: string): Instruments & { close(): void }
  exportsChanged(node: RunningNode): void
  internalSource(address: string, path: string): MetricSource | undefined
  /** Called with every node that is made. */
  observe?(node: Host): void
}

export class RunningNode implements Host {
  plan: PlanNode
  /** The evaluated body that the settings came from. */
  value: Value
  settings: object
  component: Component | undefined
  /** Staged instances keep their exports to themselves until they are taken over. */
  live = false
  inFlight = 0
  readonly id: string
  readonly counters = new NodeCounters()
  readonly log: Logger
  readonly clock: Clock
  readonly globals: HostGlobals
  readonly instruments: Instruments & { close(): void }
  readonly dataDir: string
  exports: ReadonlyMap<string, Value> | undefined
  #evaluation: Health
  #own: Health
  readonly #context: NodeContext

  constructor(plan: PlanNode, settings: object, value: Value, context: NodeContext) {
    this.plan = plan
    this.settings = settings
    this.value = value
    this.id = plan.id
    this.clock = context.clock
    this.globals = context.globals
    this.log = context.logger(plan.id)
    this.instruments = context.instruments(plan.id)
    this.dataDir = join(context.globals.storagePath, ...plan.id.split('/'))
    this.#context = context
    const now = context.clock.now()
    this.#evaluation = { state: HealthState.healthy, message: 'evaluated', updatedTimeMs: now }
    this.#own = { state: HealthState.unknown, message: 'not started', updatedTimeMs: now }
    context.observe?.(this)
  }

  get definition(): ComponentDefinition {
    return this.plan.definition
  }
  get componentName(): string {
    return this.plan.definition.name
  }
  get label(): string {
    return this.plan.label
  }

  /** Make the instance. Rejects with whatever `create` throws. */
  async create(): Promise<void> {
    this.component = await this.definition.create(this, this.settings)
  }

  async start(): Promise<void> {
    try {
      await this.component?.start?.()
      if (this.#own.state === HealthState.unknown) this.setHealth(HealthState.healthy, 'started component')
    } catch (error) {
      const message = (error as Error).message
      this.log.error('Cannot start a component', { err: message })
      this.setHealth(HealthState.unhealthy, message)
    }
  }

  async stop(deadlineMs: number): Promise<void> {
    const { component } = this
    try {
      await component?.stop(deadlineMs)
    } catch (error) {
      this.log.error('Cannot stop a component cleanly', { err: (error as Error).message })
    }
    this.setHealth(HealthState.exited, 'component shut down')
    this.live = false
    this.instruments.close()
  }

  setExports(exports: Readonly<Record<string, Value>>): void {
    const next = new Map(Object.entries(exports))
    if (this.exports && valuesEqual(this.exports, next)) return
    this.exports = next
    if (this.live) this.#context.exportsChanged(this)
  }

  setHealth(state: HealthState, message: string): void {
    if (this.#own.state === state && this.#own.message === message) return
    this.#own = { state, message, updatedTimeMs: this.clock.now() }
  }

  setEvaluationHealth(state: HealthState, message: string): void {
    if (this.#evaluation.state === state && this.#evaluation.message === message) return
    this.#evaluation = { state, message, updatedTimeMs: this.clock.now() }
  }

  /** The worse of what evaluation and the component say. */
  get health(): Health {
    return healthRank[this.#evaluation.state] >= healthRank[this.#own.state] &&
      this.#evaluation.state !== HealthState.healthy
      ? this.#evaluation
      : this.#own
  }

  get waiting(): number {
    return this.counters.waiting + this.inFlight
  }

  outlet<B extends Batch>(ports: readonly Port<B>[]): Consumer<B> {
    return new Outlet(this, ports)
  }

  internalSource(address: string, path: string): MetricSource | undefined {
    return this.#context.internalSource(address, path)
  }
}

const healthRank: Readonly<Record<HealthState, number>> = { healthy: 0, unknown: 1, exited: 2, unhealthy: 3 }
