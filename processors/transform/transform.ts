// Runs groups of OTTL statements over batches.
import type { Component, Host, LogsConsumer, MetricsConsumer, OtelOutput, TracesConsumer } from '#component'
import { outputPorts } from '#component'
import type { CompiledGroup, ContextName, ErrorMode, Group, GroupOptions, StatementSequence } from '#component/ottl'
import {
  ChangedOutlet,
  compileGroup,
  contextsOf,
  OttlError,
  pathsBelow,
  Recorder,
  TransformContext,
  walkLogs,
  walkMetrics,
  walkTraces,
} from '#component/ottl'
import type { WireEditor } from '#component/ottl_wire'
import { wireEditor } from '#component/ottl_wire'
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

/** A group for trees, and for bytes where that can be. */
interface Compiled extends CompiledGroup {
  readonly wire: WireEditor | undefined
}

async function compileAll(host: Host, settings: TransformSettings, signal: TransformSignal): Promise<Compiled[]> {
  const compiled: Compiled[] = []
  for (const group of settings.groups[signal]) {
    const recorder = new Recorder(host, group.errorMode ?? settings.errorMode, group.path.join('.'))
    const tree = await compileGroup(group, groupOptions(signal), groupPaths(group), recorder)
    const { statements = [], conditions = [] } = group
    compiled.push({ ...tree, wire: wireEditor(signal, { scope: tree.scope, statements, conditions }) })
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

type Groups = Readonly<Record<TransformSignal, readonly Compiled[]>>

function runner({ conditions, statements }: CompiledGroup): (at: TransformContext) => void {
  if (conditions === undefined) return (at) => statements.run(at)
  return (at) => {
    if (conditions.matches(at)) statements.run(at)
  }
}

interface Runs {
  readonly tree: readonly { readonly level: ContextName; readonly visit: (at: TransformContext) => void }[]
  /** Null: one of the groups needs the tree, and then all of them are run there. */
  readonly wire: readonly { readonly editor: WireEditor; readonly statements: StatementSequence }[] | null
}

function runsOf(groups: readonly Compiled[]): Runs {
  const tree = groups.map((group) => ({ level: group.context.name, visit: runner(group) }))
  const wire = groups.flatMap(({ wire: editor, statements }) => (editor === undefined ? [] : [{ editor, statements }]))
  return { tree, wire: wire.length === groups.length ? wire : null }
}

/** Statements that keep failing are not tried on bytes first: a batch would be walked twice. */
const wireErrorsMax = 10

/** With `propagate`, an error refuses the batch: what follows does not see it. */
class TransformProcessor implements Component {
  readonly traces: TracesConsumer
  readonly metrics: MetricsConsumer
  readonly logs: LogsConsumer
  readonly #runs: Readonly<Record<TransformSignal, Runs>>
  #wireErrors = 0
  readonly #flattenLogs: boolean

  constructor(host: Host, settings: TransformSettings, output: OtelOutput, groups: Groups) {
    this.#runs = { traces: runsOf(groups.traces), metrics: runsOf(groups.metrics), logs: runsOf(groups.logs) }
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

  /** Undefined: the batch has no bytes, or its records have to be decoded. */
  #edited({ wire }: Runs, batch: Traces | Metrics | Logs): readonly Uint8Array[] | undefined {
    if (wire === null || batch.wire === null || this.#wireErrors >= wireErrorsMax) return undefined
    let chunks = batch.wire
    try {
      for (const { editor } of wire) chunks = editor.edit(chunks, batch.context)
    } catch (error) {
      // The tree has the record to show, and goes on behind the statement that failed.
      if (!(error instanceof OttlError)) throw error
      this.#wireErrors++
      return undefined
    }
    for (const { editor, statements } of wire) statements.addRuns(editor.runs)
    return chunks
  }

  #changedTraces(batch: Traces): Traces {
    const runs = this.#runs.traces
    if (runs.tree.length === 0) return batch
    const chunks = this.#edited(runs, batch)
    if (chunks !== undefined) return Traces.fromWire(chunks, batch.count, batch.context)
    const tree = ownTracesTree(batch)
    const at = new TransformContext()
    at.client = batch.context
    for (const { level, visit } of runs.tree) walkTraces(tree, level, at, visit)
    return Traces.fromTree(tree, batch.context)
  }

  #changedMetrics(batch: Metrics): Metrics {
    const runs = this.#runs.metrics
    if (runs.tree.length === 0) return batch
    const chunks = this.#edited(runs, batch)
    if (chunks !== undefined) return Metrics.fromWire(chunks, batch.count, batch.context)
    const tree = ownMetricsTree(batch)
    const at = new TransformContext()
    at.client = batch.context
    for (const { level, visit } of runs.tree) walkMetrics(tree, level, at, visit)
    return Metrics.fromTree(tree, batch.context)
  }

  #changedLogs(batch: Logs): Logs {
    const runs = this.#runs.logs
    if (runs.tree.length === 0) return batch
    const chunks = this.#flattenLogs ? undefined : this.#edited(runs, batch)
    if (chunks !== undefined) return Logs.fromWire(chunks, batch.count, batch.context)
    const tree = ownLogsTree(batch)
    const flat = this.#flattenLogs ? flattened(tree) : tree
    const at = new TransformContext()
    at.client = batch.context
    for (const { level, visit } of runs.tree) walkLogs(flat, level, at, visit)
    return Logs.fromTree(this.#flattenLogs ? regrouped(flat) : flat, batch.context)
  }
}
