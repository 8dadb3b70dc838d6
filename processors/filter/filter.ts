// Drops what conditions hold for.
import type { Component, Consumer, Host, LogsConsumer, MetricsConsumer, OtelOutput, TracesConsumer } from '#component'
import { outputPorts } from '#component'
import type { ContextName, ErrorMode, Group, GroupOptions } from '#component/ottl'
import { ChangedOutlet, compileGroup, contextsOf, OttlError, Recorder, TransformContext } from '#component/ottl'
import type { GroupPaths } from '#component/ottl'
import type { Sifted, WireRule, WireSieve } from '#component/ottl_wire'
import { wireSieve } from '#component/ottl_wire'
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

export function groupPaths({ conditionsPath, contextPath }: FilterGroup): GroupPaths {
  return { context: contextPath, conditions: conditionsPath }
}

/** A signal's rules for trees, and for bytes where that can be. */
interface Rules {
  readonly tree: readonly Rule[]
  readonly wire: WireSieve | undefined
}

async function rulesOf(host: Host, settings: FilterSettings, signal: FilterSignal): Promise<Rules> {
  const rules = [...settings.rules[signal]]
  const wire: WireRule[] = []
  for (const group of settings.groups[signal]) {
    const recorder = new Recorder(host, group.errorMode ?? settings.errorMode, group.conditionsPath.join('.'))
    const { context, conditions, scope } = await compileGroup(group, groupOptions(signal), groupPaths(group), recorder)
    if (conditions === undefined) continue
    rules.push({ level: context.name, drops: (at) => conditions.matches(at) })
    wire.push({ scope, conditions: group.conditions ?? [] })
  }
  return { tree: rules, wire: wire.length === rules.length ? wireSieve(signal, wire) : undefined }
}

/** Make a processor. Throws `SettingsError` for conditions that cannot work. */
export async function createFilter(host: Host, settings: FilterSettings, output: OtelOutput): Promise<FilterProcessor> {
  return new FilterProcessor(host, output, {
    traces: await rulesOf(host, settings, 'traces'),
    metrics: await rulesOf(host, settings, 'metrics'),
    logs: await rulesOf(host, settings, 'logs'),
  })
}

/** Conditions that keep failing are not tried on bytes first: a batch would be walked twice. */
const wireErrorsMax = 10

/** With `propagate`, an error refuses the batch. What is dropped counts as `filtered`. */
class FilterProcessor implements Component {
  readonly traces: TracesConsumer
  readonly metrics: MetricsConsumer
  readonly logs: LogsConsumer
  readonly #rules: Readonly<Record<FilterSignal, Rules>>
  #wireErrors = 0

  constructor(host: Host, output: OtelOutput, rules: Readonly<Record<FilterSignal, Rules>>) {
    this.#rules = rules
    const ports = outputPorts(output)
    const [traces, metrics, logs] = [host.outlet(ports.traces), host.outlet(ports.metrics), host.outlet(ports.logs)]
    const outlet = new ChangedOutlet(host, 'filtered')
    const filter = idOf(host)
    /** Under upstream's name, and as there when the conditions have run, whoever takes the rest. */
    const counted = <B extends Traces | Metrics | Logs>(name: string, what: string, run: (batch: B) => B) => {
      const help = `Number of ${what} dropped by the filter processor`
      const filtered = host.instruments.counter(`otelcol_processor_filter_${name}_filtered_total`, help, { filter })
      return (batch: B, next: Consumer<B>): void | Promise<void> => {
        const before = batch.count
        const kept = run(batch)
        filtered.add(before - kept.count)
        return outlet.handOn(next, before, kept)
      }
    }
    const onTraces = counted<Traces>('spans', 'spans', (batch) => this.#traces(batch))
    const onMetrics = counted<Metrics>('datapoints', 'metric data points', (batch) => this.#metrics(batch))
    const onLogs = counted<Logs>('logs', 'logs', (batch) => this.#logs(batch))
    this.traces = { consume: (batch) => onTraces(batch, traces) }
    this.metrics = { consume: (batch) => onMetrics(batch, metrics) }
    this.logs = { consume: (batch) => onLogs(batch, logs) }
  }

  stop(): void {}

  /** Undefined: the batch has no bytes, or its records have to be decoded. */
  #sifted(sieve: WireSieve | undefined, chunks: readonly Uint8Array[] | null): Sifted | undefined {
    if (sieve === undefined || chunks === null || this.#wireErrors >= wireErrorsMax) return undefined
    try {
      return sieve.sift(chunks)
    } catch (error) {
      // The tree has the record to show, and knows what the error mode says.
      if (!(error instanceof OttlError)) throw error
      this.#wireErrors++
      return undefined
    }
  }

  #traces(batch: Traces): Traces {
    const { tree: rules, wire } = this.#rules.traces
    if (rules.length === 0) return batch
    const sifted = this.#sifted(wire, batch.wire)
    if (sifted !== undefined) return Traces.fromWire(sifted.chunks, sifted.count, batch.context)
    const tree = ownTracesTree(batch)
    for (const rule of rules) dropSpans(tree, rule, contextFor(batch))
    return Traces.fromTree(tree, batch.context)
  }

  #metrics(batch: Metrics): Metrics {
    const { tree: rules, wire } = this.#rules.metrics
    if (rules.length === 0) return batch
    const sifted = this.#sifted(wire, batch.wire)
    if (sifted !== undefined) return Metrics.fromWire(sifted.chunks, sifted.count, batch.context)
    const tree = ownMetricsTree(batch)
    for (const rule of rules) dropMetrics(tree, rule, contextFor(batch))
    return Metrics.fromTree(tree, batch.context)
  }

  #logs(batch: Logs): Logs {
    const { tree: rules, wire } = this.#rules.logs
    if (rules.length === 0) return batch
    const sifted = this.#sifted(wire, batch.wire)
    if (sifted !== undefined) return Logs.fromWire(sifted.chunks, sifted.count, batch.context)
    const tree = ownLogsTree(batch)
    for (const rule of rules) dropLogs(tree, rule, contextFor(batch))
    return Logs.fromTree(tree, batch.context)
  }
}

/** As upstream names a processor: `filter/x` in the collector's YAML, behind the type in Alloy's language. */
function idOf({ id, componentName }: Host): string {
  return componentName === 'processor/filter' ? id.replace(/^processor\/|@.*$/g, '') : `filter/${id}`
}

function contextFor(batch: Traces | Metrics | Logs): TransformContext {
  const at = new TransformContext()
  at.client = batch.context
  return at
}
