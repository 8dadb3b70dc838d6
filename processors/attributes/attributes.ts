// Changes the attributes of spans, log records and data points.
import type { Component, Host, LogsConsumer, MetricsConsumer, OtelOutput, TracesConsumer } from '#component'
import { ConsumeError, outputPorts } from '#component'
import type { ActionSettings } from '#component/otel_attributes'
import { AttributeActions, editAttributes, LiteralEdits } from '#component/otel_attributes'
import type { MatchSettings } from '#component/otel_filter'
import { LogFilter, MetricFilter, SpanFilter } from '#component/otel_filter'
import { Logs, Metrics, Traces } from '#pdata'
import { ownLogsTree, ownMetricsTree, ownTracesTree } from '#pdata/otlp'

const everything: MatchSettings = { include: undefined, exclude: undefined }

/**
 * Actions with literal values on everything are done on the encoded form; all else on the tree. Throws `SettingsError` where
 * `match` does not fit a signal that is sent somewhere.
 */
export class AttributesProcessor implements Component {
  readonly traces: TracesConsumer
  readonly logs: LogsConsumer
  readonly metrics: MetricsConsumer
  readonly #actions: AttributeActions
  readonly #literal: LiteralEdits
  readonly #spans: SpanFilter
  readonly #records: LogFilter
  readonly #metricNames: MetricFilter

  constructor(host: Host, actions: readonly ActionSettings[], match: MatchSettings, output: OtelOutput) {
    const ports = outputPorts(output)
    const traces = host.outlet(ports.traces)
    const logs = host.outlet(ports.logs)
    const metrics = host.outlet(ports.metrics)
    this.#actions = new AttributeActions(actions)
    this.#literal = new LiteralEdits(this.#actions)
    // Properties of spans say nothing of log records: only what is used is checked.
    this.#spans = new SpanFilter(ports.traces.length > 0 ? match : everything)
    this.#records = new LogFilter(ports.logs.length > 0 ? match : everything)
    this.#metricNames = new MetricFilter(ports.metrics.length > 0 ? match : everything)
    this.traces = { consume: (batch) => traces.consume(this.#changedTraces(batch)) }
    this.logs = { consume: (batch) => logs.consume(this.#changedLogs(batch)) }
    this.metrics = { consume: (batch) => metrics.consume(this.#changedMetrics(batch)) }
  }

  stop(): void {}

  #changedTraces(batch: Traces): Traces {
    checkForm(batch)
    const { context, wire } = batch
    const edits = wire !== null && this.#spans.isOpen ? this.#literal.for(context) : null
    if (wire !== null && edits !== null) {
      return Traces.fromWire(editAttributes('traces', wire, edits), batch.count, context)
    }
    const tree = ownTracesTree(batch)
    for (const { resource, scopeSpans } of tree.resourceSpans) {
      for (const { scope, spans } of scopeSpans) {
        for (const span of spans) {
          if (this.#spans.isOpen || this.#spans.accepts(span, scope, resource)) {
            this.#actions.apply(span.attributes, context)
          }
        }
      }
    }
    return Traces.fromTree(tree, context)
  }

  #changedLogs(batch: Logs): Logs {
    checkForm(batch)
    const { context, wire } = batch
    const edits = wire !== null && this.#records.isOpen ? this.#literal.for(context) : null
    if (wire !== null && edits !== null) {
      return Logs.fromWire(editAttributes('logs', wire, edits), batch.count, context)
    }
    const tree = ownLogsTree(batch)
    for (const { resource, scopeLogs } of tree.resourceLogs) {
      for (const { scope, logRecords } of scopeLogs) {
        for (const record of logRecords) {
          if (this.#records.isOpen || this.#records.accepts(record, scope, resource)) {
            this.#actions.apply(record.attributes, context)
          }
        }
      }
    }
    return Logs.fromTree(tree, context)
  }

  #changedMetrics(batch: Metrics): Metrics {
    checkForm(batch)
    const { context, wire } = batch
    const edits = wire !== null && this.#metricNames.isOpen ? this.#literal.for(context) : null
    if (wire !== null && edits !== null) {
      return Metrics.fromWire(editAttributes('metrics', wire, edits), batch.count, context)
    }
    const tree = ownMetricsTree(batch)
    for (const { scopeMetrics } of tree.resourceMetrics) {
      for (const { metrics } of scopeMetrics) {
        for (const { name, data } of metrics) {
          if (data.kind === 'empty' || !this.#metricNames.accepts(name)) continue
          for (const point of data.points) this.#actions.apply(point.attributes, context)
        }
      }
    }
    return Metrics.fromTree(tree, context)
  }
}

function checkForm(batch: Traces | Logs | Metrics): void {
  if (batch.wire !== null || batch.tree !== null) return
  const message = 'Cannot change the attributes of telemetry that is not OTLP: a bridge has to convert it'
  throw new ConsumeError(message, { retryable: false })
}
