// Drops what conditions hold for.
import type { Component, Host, LogsConsumer, MetricsConsumer, OtelOutput, TracesConsumer } from '#component'
import { outputPorts } from '#component'
import type { ContextName, ErrorMode, Group, GroupOptions } from '#component/ottl'
import { ChangedOutlet, compileGroup, contextsOf, pathsBelow, Recorder, TransformContext } from '#component/ottl'
import { Logs, Metrics, Traces } from '#pdata'
import { ownLogsTree, ownMetricsTree, ownTracesTree } from '#pdata/otlp'
import { functionsOf } from './functions.ts'
import { dropLogs, dropMetrics, dropSpans } from './drop.ts'

export type FilterSignal = 'traces' | 'metrics' | 'logs'

/** Conditions as written, with their place. */
export interface FilterGroup extends Group {
  /** Undefined: the processor's. */
  readonly errorMode: ErrorMode | undefined
  /** Leads to the conditions in the settings. */
  readonly conditionsPath: readonly (string | number)[]
  readonly contextPath: readonly (string | number)[]
}

/** Drops the records of a level for which it is true, with all that is below them. */
export interface Rule {
  readonly level: ContextName
  drops(at: TransformContext): boolean
}

export interface FilterSettings {
  readonly errorMode: ErrorMode
  /** Run in this order; a record that one of them drops is not seen by the next. */
  readonly groups: Readonly<Record<FilterSignal, readonly FilterGroup[]>>
  /** From `include` and `exclude`. */
  readonly rules: Readonly<Record<FilterSignal, readonly Rule[]>>
}

export function groupOptions(signal: FilterSignal): GroupOptions {
  return { contexts: contextsOf[signal], functions: functionsOf }
}

export function groupPaths({ conditionsPath, contextPath }: FilterGroup): ReturnType<typeof pathsBelow> {
  return { context: contextPath, conditions: conditionsPath }
}

async function rulesOf(host: Host, settings: FilterSettings, signal: FilterSignal): Promise<Rule[]> {
  const rules = [...settings.rules[signal]]
  for (const group of settings.groups[signal]) {
    const recorder = new Recorder(host, group.errorMode ?? settings.errorMode, group.conditionsPath.join('.'))
    const { context, conditions } = await compileGroup(group, groupOptions(signal), groupPaths(group), recorder)
    if (conditions !== undefined) rules.push({ level: context.name, drops: (at) => conditions.matches(at) })
  }
  return rules
}

/** Make a processor. Throws `SettingsError` for conditions that cannot work. */
export async function createFilter(host: Host, settings: FilterSettings, output: OtelOutput): Promise<FilterProcessor> {
  return new FilterProcessor(host, output, {
    traces: await rulesOf(host, settings, 'traces'),
    metrics: await rulesOf(host, settings, 'metrics'),
    logs: await rulesOf(host, settings, 'logs'),
  })
}

/** With `propagate`, an error refuses the batch. What is dropped counts as `filtered`. */
class FilterProcessor implements Component {
  readonly traces: TracesConsumer
  readonly metrics: MetricsConsumer
  readonly logs: LogsConsumer
  readonly #rules: Readonly<Record<FilterSignal, readonly Rule[]>>

  constructor(host: Host, output: OtelOutput, rules: Readonly<Record<FilterSignal, readonly Rule[]>>) {
    this.#rules = rules
    const ports = outputPorts(output)
    const [traces, metrics, logs] = [host.outlet(ports.traces), host.outlet(ports.metrics), host.outlet(ports.logs)]
    const outlet = new ChangedOutlet(host, 'filtered')
    this.traces = { consume: (batch) => outlet.handOn(traces, batch.count, this.#traces(batch)) }
    this.metrics = { consume: (batch) => outlet.handOn(metrics, batch.count, this.#metrics(batch)) }
    this.logs = { consume: (batch) => outlet.handOn(logs, batch.count, this.#logs(batch)) }
  }

  stop(): void {}

  #traces(batch: Traces): Traces {
    const rules = this.#rules.traces
    if (rules.length === 0) return batch
    const tree = ownTracesTree(batch)
    for (const rule of rules) dropSpans(tree, rule, contextFor(batch))
    return Traces.fromTree(tree, batch.context)
  }

  #metrics(batch: Metrics): Metrics {
    const rules = this.#rules.metrics
    if (rules.length === 0) return batch
    const tree = ownMetricsTree(batch)
    for (const rule of rules) dropMetrics(tree, rule, contextFor(batch))
    return Metrics.fromTree(tree, batch.context)
  }

  #logs(batch: Logs): Logs {
    const rules = this.#rules.logs
    if (rules.length === 0) return batch
    const tree = ownLogsTree(batch)
    for (const rule of rules) dropLogs(tree, rule, contextFor(batch))
    return Logs.fromTree(tree, batch.context)
  }
}

function contextFor(batch: Traces | Metrics | Logs): TransformContext {
  const at = new TransformContext()
  at.client = batch.context
  return at
}
