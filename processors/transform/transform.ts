// Runs groups of OTTL statements over batches.
import type { Component, Host, LogsConsumer, MetricsConsumer, OtelOutput, TracesConsumer } from '#component'
import { outputPorts } from '#component'
import type { CompiledGroup, ContextName, ErrorMode, Group, GroupOptions } from '#component/ottl'
import {
  ChangedOutlet,
  compileGroup,
  contextsOf,
  pathsBelow,
  Recorder,
  TransformContext,
  walkLogs,
  walkMetrics,
  walkTraces,
} from '#component/ottl'
import { Logs, Metrics, Traces } from '#pdata'
import { ownLogsTree, ownMetricsTree, ownTracesTree } from '#pdata/otlp'
import { flattened, regrouped } from './flatten.ts'
import { functionsOf } from './functions.ts'

export type TransformSignal = 'traces' | 'metrics' | 'logs'

/** A group as written, with the place of its parts. */
export interface TransformGroup extends Group {
  /** Undefined: the processor's. */
  readonly errorMode: ErrorMode | undefined
  /** Leads to the group in the settings. */
  readonly path: readonly (string | number)[]
  /** Leads to its statements, where these do not stand below `path` under their name. */
  readonly statementsPath?: readonly (string | number)[]
}

export interface TransformSettings {
  readonly errorMode: ErrorMode
  readonly groups: Readonly<Record<TransformSignal, readonly TransformGroup[]>>
  /** Logs: each record gets a resource and a scope of its own while statements run. */
  readonly flattenLogs: boolean
}

export function groupOptions(signal: TransformSignal): GroupOptions {
  return { contexts: contextsOf[signal], functions: functionsOf }
}

export function groupPaths({ path, statementsPath }: TransformGroup): ReturnType<typeof pathsBelow> {
  const paths = pathsBelow(path)
  return statementsPath === undefined ? paths : { ...paths, statements: statementsPath }
}

async function compileAll(host: Host, settings: TransformSettings, signal: TransformSignal): Promise<CompiledGroup[]> {
  const compiled: CompiledGroup[] = []
  for (const group of settings.groups[signal]) {
    const recorder = new Recorder(host, group.errorMode ?? settings.errorMode, group.path.join('.'))
    compiled.push(await compileGroup(group, groupOptions(signal), groupPaths(group), recorder))
  }
  return compiled
}

/** Make a processor. Throws `SettingsError` for statements that cannot work. */
export async function createTransform(
  host: Host,
  settings: TransformSettings,
  output: OtelOutput,
): Promise<TransformProcessor> {
  return new TransformProcessor(host, settings, output, {
    traces: await compileAll(host, settings, 'traces'),
    metrics: await compileAll(host, settings, 'metrics'),
    logs: await compileAll(host, settings, 'logs'),
  })
}

type Groups = Readonly<Record<TransformSignal, readonly CompiledGroup[]>>

function runner({ conditions, statements }: CompiledGroup): (at: TransformContext) => void {
  if (conditions === undefined) return (at) => statements.run(at)
  return (at) => {
    if (conditions.matches(at)) statements.run(at)
  }
}

interface Run {
  readonly level: ContextName
  readonly visit: (at: TransformContext) => void
}

/** With `propagate`, an error refuses the batch: what follows does not see it. */
class TransformProcessor implements Component {
  readonly traces: TracesConsumer
  readonly metrics: MetricsConsumer
  readonly logs: LogsConsumer
  readonly #runs: Readonly<Record<TransformSignal, readonly Run[]>>
  readonly #flattenLogs: boolean

  constructor(host: Host, settings: TransformSettings, output: OtelOutput, groups: Groups) {
    const runs = (signal: TransformSignal): Run[] =>
      groups[signal].map((group) => ({ level: group.context.name, visit: runner(group) }))
    this.#runs = { traces: runs('traces'), metrics: runs('metrics'), logs: runs('logs') }
    this.#flattenLogs = settings.flattenLogs
    const ports = outputPorts(output)
    const [traces, metrics, logs] = [host.outlet(ports.traces), host.outlet(ports.metrics), host.outlet(ports.logs)]
    this.traces = { consume: (batch) => traces.consume(this.#changedTraces(batch)) }
    // Statements can make data points and merge them.
    const outlet = new ChangedOutlet(host, 'merged by statements')
    this.metrics = { consume: (batch) => outlet.handOn(metrics, batch.count, this.#changedMetrics(batch)) }
    this.logs = { consume: (batch) => logs.consume(this.#changedLogs(batch)) }
  }

  stop(): void {}

  #changedTraces(batch: Traces): Traces {
    if (this.#runs.traces.length === 0) return batch
    const tree = ownTracesTree(batch)
    const at = new TransformContext()
    at.client = batch.context
    for (const { level, visit } of this.#runs.traces) walkTraces(tree, level, at, visit)
    return Traces.fromTree(tree, batch.context)
  }

  #changedMetrics(batch: Metrics): Metrics {
    if (this.#runs.metrics.length === 0) return batch
    const tree = ownMetricsTree(batch)
    const at = new TransformContext()
    at.client = batch.context
    for (const { level, visit } of this.#runs.metrics) walkMetrics(tree, level, at, visit)
    return Metrics.fromTree(tree, batch.context)
  }

  #changedLogs(batch: Logs): Logs {
    if (this.#runs.logs.length === 0) return batch
    const tree = ownLogsTree(batch)
    const flat = this.#flattenLogs ? flattened(tree) : tree
    const at = new TransformContext()
    at.client = batch.context
    for (const { level, visit } of this.#runs.logs) walkLogs(flat, level, at, visit)
    return Logs.fromTree(this.#flattenLogs ? regrouped(flat) : flat, batch.context)
  }
}
