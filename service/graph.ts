// The running graph: brings plans to life, keeps settings up to date with exports, changes over to a new plan as a whole.
import type { ComponentDefinition, MetricSource, Value } from '#component'
import { HealthState, inputExports, SettingsError, valuesEqual } from '#component'
import type { Diagnostic, ExportsView, Plan, PlanNode } from '#config'
import { hasErrors } from '#config'
import { NodeInput, RunningNode, type NodeContext } from './node.ts'

/** What becomes of one node of a new plan. */
type Change =
  | { readonly kind: 'keep'; readonly node: RunningNode; readonly plan: PlanNode }
  | { readonly kind: 'update'; readonly node: RunningNode; readonly plan: PlanNode; readonly trial: RunningNode }
  | { readonly kind: 'replace'; readonly node: RunningNode; readonly plan: PlanNode; readonly fresh: RunningNode }
  | { readonly kind: 'new'; readonly plan: PlanNode; readonly fresh: RunningNode }

export type GraphContext = Omit<NodeContext, 'exportsChanged' | 'internalSource'> & {
  /** Exports changed that decide which nodes there are: the configuration must be compiled again. */
  structureChanged(): void
  /** The process's own metrics, for in-process scrapes of `/metrics`. */
  readonly ownMetrics: MetricSource
}

const componentPath = /^\/api\/v0\/component\/(.+)\/metrics$/
/** A removed or replaced node may take this long to stop while the rest goes on. */
const removeDeadlineMs = 10_000
/** Updates that cause updates: more rounds than this is a loop of exports. */
const roundsMax = 100

export class Graph {
  readonly #context: GraphContext
  readonly #nodeContext: NodeContext
  readonly #inputs = new Map<string, NodeInput>()
  readonly #dirty = new Set<string>()
  #nodes = new Map<string, RunningNode>()
  #plan: Plan | undefined
  /** Changes to the graph happen one after the other. */
  #turn: Promise<unknown> = Promise.resolve()
  #flushing = false
  #stopped = false

  constructor(context: GraphContext) {
    this.#context = context
    this.#nodeContext = {
      clock: context.clock,
      globals: context.globals,
      logger: (id) => context.logger(id),
      instruments: (id) => context.instruments(id),
      exportsChanged: (node) => this.#exportsChanged(node),
      internalSource: (address, path) => this.#internalSource(address, path),
      observe: (node) => context.observe?.(node),
    }
  }

  get nodes(): ReadonlyMap<string, RunningNode> {
    return this.#nodes
  }

  /** The exports of the running nodes, and the ports of all. */
  readonly view: ExportsView = {
    exports: (id) => this.#nodes.get(id)?.exports,
    receiver: (id, definition) => this.#receiver(id, definition),
  }

  #receiver(id: string, definition: ComponentDefinition): Value {
    let known = this.#inputs.get(id)
    if (!known || known.capsule.type !== inputExports[definition.input ?? 'prometheus'].type) {
      known = new NodeInput(id, definition)
      this.#inputs.set(id, known)
    }
    return known.capsule
  }

  #internalSource(address: string, path: string): MetricSource | undefined {
    if (address !== this.#context.globals.memoryAddress) return undefined
    if (path === '/metrics') return this.#context.ownMetrics
    const id = componentPath.exec(path)?.[1]
    return id === undefined ? undefined : this.#nodes.get(decodeURIComponent(id))?.component?.source
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const next = this.#turn.then(run, run)
    this.#turn = next.catch(() => {})
    return next
  }

  /**
   * Change over to `plan`: all or nothing. Returns what is wrong; with an error in it nothing has changed. `agree` is asked
   * when all nodes are made and none runs yet: with an error in its answer nothing changes either.
   * Nodes whose settings are the same keep running as they are.
   */
  apply(plan: Plan, agree?: () => Promise<readonly Diagnostic[]>): Promise<readonly Diagnostic[]> {
    return this.#inTurn(async () => {
      const diagnostics: Diagnostic[] = []
      const changes = await this.#stage(plan, diagnostics)
      if (agree && !hasErrors(diagnostics)) diagnostics.push(...(await agree()))
      if (hasErrors(diagnostics)) {
        await discard(changes.values())
        return diagnostics
      }
      await this.#commit(plan, changes)
      return diagnostics
    })
  }

  // ------------------------------------------------------------------------------------------- staging

  async #stage(plan: Plan, diagnostics: Diagnostic[]): Promise<Map<string, Change>> {
    const changes = new Map<string, Change>()
    const view: ExportsView = {
      exports: (id) => stagedNode(changes.get(id))?.exports,
      receiver: (id, definition) => this.#receiver(id, definition),
    }
    for (const node of plan.nodes.values()) {
      const { settings, value, diagnostics: found } = node.evaluate(view)
      diagnostics.push(...found)
      if (!settings) continue // wrong, or waiting for exports of a node that is
      const change = await this.#stageNode(node, settings, value, diagnostics)
      if (change) changes.set(node.id, change)
    }
    return changes
  }

  async #stageNode(
    plan: PlanNode,
    settings: object,
    value: Value,
    diagnostics: Diagnostic[],
  ): Promise<Change | undefined> {
    const old = this.#nodes.get(plan.id)
    const same = old?.definition === plan.definition
    if (old && same && valuesEqual(old.value, value)) return { kind: 'keep', node: old, plan }
    const fresh = new RunningNode(plan, settings, value, this.#nodeContext)
    try {
      await fresh.create()
    } catch (error) {
      fresh.instruments.close()
      diagnostics.push({ severity: 'error', range: plan.range, message: createMessage(plan, error) })
      return undefined
    }
    if (old && same && old.component?.update) return { kind: 'update', node: old, plan, trial: fresh }
    if (old) return { kind: 'replace', node: old, plan, fresh }
    return { kind: 'new', plan, fresh }
  }

  // -------------------------------------------------------------------------------------------- commit

  async #commit(plan: Plan, changes: ReadonlyMap<string, Change>): Promise<void> {
    const removed = [...this.#nodes.values()].filter((node) => !changes.has(node.id)).reverse()
    const old = this.#nodes
    const oldPlan = this.#plan
    this.#plan = plan
    // Nodes that only produce go first, so that what they held (a socket, a file) is free for those that come.
    const producers = removed.filter((node) => !node.definition.consumes?.length)
    await Promise.all(producers.map((node) => node.stop(removeDeadlineMs)))
    this.#nodes = new Map()
    for (const [id, change] of changes) {
      const node = change.kind === 'new' || change.kind === 'replace' ? change.fresh : change.node
      this.#nodes.set(id, node)
    }
    for (const change of changes.values()) await this.#take(change)
    const rest = removed.filter((node) => node.definition.consumes?.length)
    await stopInOrder(rest, oldPlan, removeDeadlineMs)
    for (const node of removed) {
      const known = this.#inputs.get(node.id)
      if (known?.node === node) known.bind(undefined)
      if (!this.#nodes.has(node.id)) this.#inputs.delete(node.id)
    }
    old.clear()
  }

  async #take(change: Change): Promise<void> {
    switch (change.kind) {
      case 'keep':
        change.node.plan = change.plan
        return
      case 'update':
        await discard([change])
        change.node.plan = change.plan
        await this.#update(change.node, change.trial.settings, change.trial.value)
        return
      case 'replace':
        await change.node.stop(removeDeadlineMs)
        await this.#begin(change.fresh)
        return
      case 'new':
        await this.#begin(change.fresh)
    }
  }

  async #begin(node: RunningNode): Promise<void> {
    this.#bind(node)
    node.live = true
    await node.start()
  }

  #bind(node: RunningNode): void {
    if (!node.definition.consumes?.length) return
    this.#receiver(node.id, node.definition)
    this.#inputs.get(node.id)?.bind(node)
  }

  async #update(node: RunningNode, settings: object, value: Value): Promise<void> {
    try {
      await node.component?.update?.(settings)
      node.settings = settings
      node.value = value
      node.setEvaluationHealth(HealthState.healthy, 'evaluated')
    } catch (error) {
      const message = `Cannot update: ${(error as Error).message}`
      node.log.error('Cannot update a component; it goes on with its old settings', { err: (error as Error).message })
      node.setEvaluationHealth(HealthState.unhealthy, message)
    }
  }

  // ------------------------------------------------------------------------------------ changed exports

  #exportsChanged(node: RunningNode): void {
    this.#dirty.add(node.id)
    if (this.#flushing || this.#stopped) return
    this.#flushing = true
    void this.#inTurn(() => this.#flush())
  }

  async #flush(): Promise<void> {
    try {
      let structure = false
      for (let round = 0; this.#dirty.size > 0 && round < roundsMax && !this.#stopped; round++) {
        const changed = new Set(this.#dirty)
        this.#dirty.clear()
        for (const id of changed) if (this.#plan?.structuralReads.has(id)) structure = true
        for (const plan of this.#plan?.nodes.values() ?? []) {
          if (!intersects(plan.dependsOn, changed)) continue
          await this.#reevaluate(plan)
        }
      }
      if (structure) this.#context.structureChanged()
    } finally {
      this.#flushing = false
      const [next] = this.#dirty
      const node = next === undefined ? undefined : this.#nodes.get(next)
      if (node) this.#exportsChanged(node)
    }
  }

  async #reevaluate(plan: PlanNode): Promise<void> {
    const node = this.#nodes.get(plan.id)
    if (!node) return
    const { settings, value, diagnostics } = plan.evaluate(this.view)
    if (!settings) {
      const message = diagnostics[0]?.message ?? 'an export that the settings refer to is not known'
      node.log.error('Cannot evaluate settings again; the component goes on with the old ones', { err: message })
      node.setEvaluationHealth(HealthState.unhealthy, message)
      return
    }
    if (valuesEqual(node.value, value)) {
      node.setEvaluationHealth(HealthState.healthy, 'evaluated')
      return
    }
    if (node.component?.update) await this.#update(node, settings, value)
    else await this.#restart(node, settings, value)
  }

  async #restart(node: RunningNode, settings: object, value: Value): Promise<void> {
    const fresh = new RunningNode(node.plan, settings, value, this.#nodeContext)
    try {
      await fresh.create()
    } catch (error) {
      fresh.instruments.close()
      node.setEvaluationHealth(HealthState.unhealthy, createMessage(node.plan, error))
      return
    }
    await node.stop(removeDeadlineMs)
    this.#nodes.set(node.id, fresh)
    await this.#begin(fresh)
    this.#exportsChanged(fresh)
  }

  // ---------------------------------------------------------------------------------------------- stop

  /** Stop every node, those that produce before those they feed, within `deadlineMs`. */
  stop(deadlineMs: number): Promise<void> {
    this.#stopped = true
    return this.#inTurn(async () => {
      await stopInOrder([...this.#nodes.values()], this.#plan, deadlineMs, this.#context.clock)
    })
  }
}

function stagedNode(change: Change | undefined): RunningNode | undefined {
  if (!change) return undefined
  switch (change.kind) {
    case 'keep':
      return change.node
    case 'update':
      return change.trial
    case 'replace':
    case 'new':
      return change.fresh
  }
}

/** Let go of staged instances that will not run. */
async function discard(changes: Iterable<Change>): Promise<void> {
  for (const change of changes) {
    const node = change.kind === 'update' ? change.trial : change.kind === 'keep' ? undefined : change.fresh
    await node?.stop(0)
  }
}

function createMessage(plan: PlanNode, error: unknown): string {
  const { message } = error as Error
  const where = error instanceof SettingsError && error.path.length > 0 ? ` (${error.path.join('.')})` : ''
  return `Cannot build component ${plan.localId}${where}: ${message}`
}

function intersects(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  for (const x of b) if (a.has(x)) return true
  return false
}

/** Stop nodes so that each ends before the nodes it refers to; those that do not depend on each other at once. */
async function stopInOrder(
  nodes: readonly RunningNode[],
  plan: Plan | undefined,
  deadlineMs: number,
  clock?: { monotonic(): number },
): Promise<void> {
  const begin = clock?.monotonic() ?? 0
  const stopping = new Map<string, Promise<void>>()
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const dependents = new Map<string, string[]>()
  for (const node of nodes) {
    for (const id of plan?.nodes.get(node.id)?.dependsOn ?? node.plan.dependsOn) {
      const list = dependents.get(id)
      if (list) list.push(node.id)
      else dependents.set(id, [node.id])
    }
  }
  const stop = (node: RunningNode): Promise<void> => {
    let promise = stopping.get(node.id)
    if (!promise) {
      promise = (async () => {
        const before = (dependents.get(node.id) ?? []).map((id) => byId.get(id)).filter((n) => n !== undefined)
        await Promise.all(before.map(stop))
        const left = clock ? deadlineMs - (clock.monotonic() - begin) : deadlineMs
        await node.stop(Math.max(left, 0))
      })()
      stopping.set(node.id, promise)
    }
    return promise
  }
  await Promise.all(nodes.map(stop))
}
