// Which nodes of a plan several worker processes may run, each with a part of the traffic.
import type { Plan, PlanNode } from '#config'

export interface Spread {
  /** Nodes that every worker runs. */
  readonly ids: ReadonlySet<string>
  /** Receivers that could be shared and are not: to the node, in what they feed, that has to see everything. */
  readonly kept: ReadonlyMap<string, string>
}

/**
 * The parts of the graph whose nodes are all stateless and that something is received by. Nodes are of one part where one refers
 * to another; what only gives exports and is stateless (an authenticator) joins nothing: whoever needs it gets its own.
 */
export function spreadOf(plan: Plan): Spread {
  const neighbours = new Map<string, string[]>([...plan.nodes.keys()].map((id) => [id, []]))
  const referredTo = new Set<string>()
  for (const { dependsOn } of plan.nodes.values()) for (const id of dependsOn) referredTo.add(id)
  const joinsNothing = ({ id, definition }: PlanNode): boolean =>
    definition.stateless === true && !definition.consumes?.length && referredTo.has(id)
  for (const node of plan.nodes.values()) {
    for (const id of node.dependsOn) {
      const other = plan.nodes.get(id)
      if (!other || joinsNothing(other)) continue
      neighbours.get(node.id)?.push(id)
      neighbours.get(id)?.push(node.id)
    }
  }
  const ids = new Set<string>()
  const kept = new Map<string, string>()
  const seen = new Set<string>()
  for (const node of plan.nodes.values()) {
    if (seen.has(node.id) || joinsNothing(node)) continue
    const part = partOf(node.id, neighbours, seen).map((id) => plan.nodes.get(id) as PlanNode)
    const receivers = part.filter((one) => one.definition.stateless && !one.definition.consumes?.length)
    const stateful = part.find((one) => !one.definition.stateless)
    if (receivers.length === 0) continue
    if (stateful) for (const { id } of receivers) kept.set(id, stateful.id)
    else for (const { id } of part) ids.add(id)
  }
  addReferences(ids, plan)
  return { ids, kept }
}

function partOf(start: string, neighbours: ReadonlyMap<string, readonly string[]>, seen: Set<string>): string[] {
  const part: string[] = []
  const open = [start]
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (seen.has(id)) continue
    seen.add(id)
    part.push(id)
    open.push(...(neighbours.get(id) ?? []))
  }
  return part
}

/** Whatever the chosen nodes refer to runs with them. */
function addReferences(ids: Set<string>, plan: Plan): void {
  for (const id of ids)
    for (const other of plan.nodes.get(id)?.dependsOn ?? []) if (plan.nodes.has(other)) ids.add(other)
}

/** The plan with these nodes alone. */
export function partOfPlan(plan: Plan, ids: ReadonlySet<string>): Plan {
  return { ...plan, nodes: new Map([...plan.nodes].filter(([id]) => ids.has(id))) }
}

/** The plan with the nodes that hold something on disk, and what these refer to: to send what was left there. */
export function leftoverPlan(plan: Plan, hasDirectory: (nodeId: string) => boolean): Plan {
  const ids = new Set([...plan.nodes.values()].filter(holds).map(({ id }) => id))
  addReferences(ids, plan)
  return partOfPlan(plan, ids)

  function holds({ id, definition }: PlanNode): boolean {
    return definition.stateless === true && (definition.consumes?.length ?? 0) > 0 && hasDirectory(id)
  }
}
