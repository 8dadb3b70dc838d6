// A worker process: runs the part of the configuration that can be shared, as the main process tells it.
import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { loggerFor } from './logging.ts'
import { processSeries } from './process_metrics.ts'
import {
  type ConfigurationText,
  diagnosticWithoutPlace,
  type LoadResult,
  Service,
  type ServiceOptions,
} from './service.ts'
import { leftoverPlan, partOfPlan, spreadOf } from './spread.ts'
import type { FromWorker, NodeState, ToWorker, WorkerState } from './worker_messages.ts'

export interface WorkerRole {
  /** From 1 on. */
  readonly index: number
  /** Receives nothing: sends what an earlier worker left on disk. */
  readonly leftovers: boolean
}

/** When the main process has gone without a word. */
const orphanDeadlineMs = 20_000

/** Runs until the main process says stop, or is gone. `prepare` gets the service before anything is loaded. */
export async function runWorker(
  role: WorkerRole,
  options: Omit<ServiceOptions, 'readConfiguration' | 'select' | 'agree' | 'taken'>,
  prepare: (service: Service) => void,
): Promise<void> {
  const { globals } = options
  const storagePath = workerDirectory(globals.storagePath, role.index)
  let text: ConfigurationText = { sources: [], directory: '' }
  let alone = false
  let asked = false
  let decided = Promise.resolve(false)
  let verdict: (take: boolean) => void = () => {}
  const send = (message: FromWorker): void => void (process.connected && process.send?.(message))
  const service: Service = new Service({
    ...options,
    globals: { ...globals, storagePath, workers: { index: role.index } },
    readConfiguration: () => text,
    select: (plan) =>
      role.leftovers
        ? leftoverPlan(plan, (id) => existsSync(join(storagePath, ...id.split('/'))))
        : partOfPlan(plan, spreadOf(plan).ids),
    agree: async () => {
      if (alone) return []
      asked = true
      send({ kind: 'staged', problems: [] })
      return (await decided) ? [] : [diagnosticWithoutPlace('another process cannot run it')]
    },
  })
  prepare(service)
  const load = async (): Promise<void> => {
    asked = false
    const result: LoadResult = await (service.ready ? service.reload() : service.start())
    const problems = result.diagnostics.filter(({ severity }) => severity === 'error').map(({ message }) => message)
    if (!asked && !alone) send({ kind: 'staged', problems })
    else send({ kind: 'loaded' })
  }
  // Signals of a terminal reach every process: only the main one acts on them.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
  await new Promise<void>((resolve) => {
    let stopping = false
    const stop = async (deadlineMs: number): Promise<void> => {
      stopping = true
      await service.stop(deadlineMs)
      send({ kind: 'stopped', state: stateOf(service) })
      resolve()
    }
    process.on('message', (message: ToWorker) => {
      switch (message.kind) {
        case 'load':
          ;({ text, alone } = message)
          // It may come before the worker is ready: the main process does not wait for ever.
          verdict(false)
          decided = new Promise((resolve) => (verdict = resolve))
          void load()
          return
        case 'verdict':
          verdict(message.take)
          return
        case 'state':
          send({ kind: 'state', id: message.id, state: stateOf(service) })
          return
        case 'stop':
          void stop(message.deadlineMs)
      }
    })
    process.once('disconnect', () => {
      if (stopping) return
      loggerFor(options.logging, {}).warn('The main process is gone: stopping', { worker: role.index })
      void stop(orphanDeadlineMs)
    })
    send({ kind: 'hello' })
  })
}

function stateOf(service: Service): WorkerState {
  const nodes = new Map<string, NodeState>()
  for (const node of service.graph.nodes.values()) {
    const { counters, waiting, health } = node
    const { in: taken, out, refused, droppedByReason } = counters
    nodes.set(node.id, { in: taken, out, refused, waiting, dropped: new Map(droppedByReason), health })
  }
  return { series: [...service.telemetry.nodeSeries(), ...processSeries()], nodes }
}

/** Where a worker keeps its queues. */
export function workerDirectory(storagePath: string, index: number): string {
  return join(storagePath, `worker-${index}`)
}

/** The message channel of `child_process` as the main process uses it. */
export type WorkerProcess = Pick<ChildProcess, 'send' | 'on' | 'once' | 'kill' | 'pid' | 'connected'>
