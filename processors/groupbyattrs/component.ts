// otelcol.processor.groupbyattrs and the collector's groupbyattrs: attributes of items become their resources'.
import type { Component, ComponentDefinition, Host, OtelOutput, Signal, SettingsOf, YamlDefinition } from '#component'
import { attr, block, defineSettings, list, otelOutput, outputPorts, string } from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import { Logs, Metrics, Traces } from '#pdata'
import { ownLogsTree, ownMetricsTree, ownTracesTree } from '#pdata/otlp'
import { regroupLogs, regroupMetrics, type RegroupTally, regroupTraces } from './regroup.ts'

const keys = attr(list(string), 'Attributes that move to the resource; none: only equal resources are put together.', {
  default: [],
})
const alloySettings = defineSettings({
  keys,
  output: block(otelOutput, 'Where it goes.', { required: true }),
  ...debugMetricsField,
})
const yamlSettings = defineSettings({ keys })

export const otelcolProcessorGroupbyattrs: ComponentDefinition<SettingsOf<typeof alloySettings>> = {
  name: 'otelcol.processor.groupbyattrs',
  stability: 'generally-available',
  doc: 'Moves attributes of spans, log records and data points to their resource.',
  consumes: ['metrics', 'logs', 'traces'],
  input: 'otelcol',
  stateless: true,
  settings: alloySettings,
  create: (host, settings) => new GroupByAttrsProcessor(host, settings.keys, settings.output),
}

export const groupbyattrsProcessor: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'processor',
  types: ['groupbyattrs'],
  stability: 'public-preview',
  doc: 'Moves attributes of spans, log records and data points to their resource.',
  signals: ['metrics', 'logs', 'traces'],
  stateless: true,
  settings: yamlSettings,
  create: (host, settings, output) => new GroupByAttrsProcessor(host, settings.keys, output),
}

/** As own metrics call items and groups. */
const words = { traces: ['spans', 'span'], logs: ['logs', 'log'], metrics: ['metrics', 'metric'] } as const
/** The bounds that OpenTelemetry's SDKs have by default. */
const groupBounds = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000]

class GroupByAttrsProcessor implements Component {
  readonly metrics: Component['metrics'] & object
  readonly logs: Component['logs'] & object
  readonly traces: Component['traces'] & object

  constructor(host: Host, names: readonly string[], output: OtelOutput) {
    const ports = outputPorts(output)
    const nextMetrics = host.outlet(ports.metrics)
    const nextLogs = host.outlet(ports.logs)
    const nextTraces = host.outlet(ports.traces)
    const countMetrics = tallyCounter(host, 'metrics')
    const countLogs = tallyCounter(host, 'logs')
    const countTraces = tallyCounter(host, 'traces')
    this.metrics = {
      consume(batch) {
        const tree = ownMetricsTree(batch)
        countMetrics(regroupMetrics(tree, names))
        return nextMetrics.consume(Metrics.fromTree(tree, batch.context))
      },
    }
    this.logs = {
      consume(batch) {
        const tree = ownLogsTree(batch)
        countLogs(regroupLogs(tree, names))
        return nextLogs.consume(Logs.fromTree(tree, batch.context))
      },
    }
    this.traces = {
      consume(batch) {
        const tree = ownTracesTree(batch)
        countTraces(regroupTraces(tree, names))
        return nextTraces.consume(Traces.fromTree(tree, batch.context))
      },
    }
  }

  stop(): void {}
}

function tallyCounter({ instruments }: Host, signal: Signal): (tally: RegroupTally) => void {
  const [items, group] = words[signal]
  const prefix = 'otelcol_processor_groupbyattrs'
  const grouped = instruments.counter(
    `${prefix}_num_grouped_${items}`,
    `Number of ${items} that had attributes grouped`,
  )
  const notGrouped = instruments.counter(
    `${prefix}_num_non_grouped_${items}`,
    `Number of ${items} that did not have attributes grouped`,
  )
  const groups = instruments.histogram(
    `${prefix}_${group}_groups`,
    `Distribution of groups extracted for ${items}`,
    groupBounds,
  )
  return (tally) => {
    grouped.add(tally.grouped)
    notGrouped.add(tally.notGrouped)
    groups.observe(tally.groups)
  }
}
