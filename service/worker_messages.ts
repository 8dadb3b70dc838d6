// What the main process and its workers say to each other.
import type { Health } from './node.ts'
import type { ConfigurationText } from './service.ts'
import type { SeriesState } from './telemetry.ts'

export type ToWorker =
  /** Get ready to run this; wait for the verdict, unless it is `alone`: all others run it already. */
  | { readonly kind: 'load'; readonly text: ConfigurationText; readonly alone: boolean }
  | { readonly kind: 'verdict'; readonly take: boolean }
  | { readonly kind: 'state'; readonly id: number }
  | { readonly kind: 'stop'; readonly deadlineMs: number }

export type FromWorker =
  | { readonly kind: 'hello' }
  /** Ready to run what was sent, or what is wrong with it. */
  | { readonly kind: 'staged'; readonly problems: readonly string[] }
  | { readonly kind: 'loaded' }
  | { readonly kind: 'state'; readonly id: number; readonly state: WorkerState }
  /** The last word. */
  | { readonly kind: 'stopped'; readonly state: WorkerState }

export interface NodeState {
  readonly in: number
  readonly out: number
  readonly refused: number
  readonly waiting: number
  readonly dropped: ReadonlyMap<string, number>
  readonly health: Health
}

export interface WorkerState {
  readonly series: readonly SeriesState[]
  readonly nodes: ReadonlyMap<string, NodeState>
}

export const noState: WorkerState = { series: [], nodes: new Map() }

/** Counters of both as one; of their health the worse. */
export function addStates(a: WorkerState, b: WorkerState): WorkerState {
  const nodes = new Map(a.nodes)
  for (const [id, node] of b.nodes) {
    const before = nodes.get(id)
    nodes.set(id, before ? addNodes(before, node) : node)
  }
  return { series: [...a.series, ...b.series], nodes }
}

function addNodes(a: NodeState, b: NodeState): NodeState {
  const dropped = new Map(a.dropped)
  for (const [reason, items] of b.dropped) dropped.set(reason, (dropped.get(reason) ?? 0) + items)
  return {
    in: a.in + b.in,
    out: a.out + b.out,
    refused: a.refused + b.refused,
    waiting: a.waiting + b.waiting,
    dropped,
    health: a.health.state === 'unhealthy' ? a.health : b.health,
  }
}
