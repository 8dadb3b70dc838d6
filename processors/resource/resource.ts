// Changes the attributes of resources.
import type { Component, Host, LogsConsumer, MetricsConsumer, OtelOutput, TracesConsumer } from '#component'
import { ConsumeError, outputPorts } from '#component'
import type { ActionSettings } from '#component/otel_attributes'
import { AttributeActions, editResources, LiteralEdits } from '#component/otel_attributes'
import { Logs, Metrics, Traces } from '#pdata'
import { ownLogsTree, ownMetricsTree, ownTracesTree } from '#pdata/otlp'

/** Actions with literal values are done on the encoded form, where all but the resources is copied as it is. */
export class ResourceProcessor implements Component {
  readonly traces: TracesConsumer
  readonly logs: LogsConsumer
  readonly metrics: MetricsConsumer
  readonly #actions: AttributeActions
  readonly #literal: LiteralEdits

  constructor(host: Host, actions: readonly ActionSettings[], output: OtelOutput) {
    const ports = outputPorts(output)
    const traces = host.outlet(ports.traces)
    const logs = host.outlet(ports.logs)
    const metrics = host.outlet(ports.metrics)
    this.#actions = new AttributeActions(actions)
    this.#literal = new LiteralEdits(this.#actions)
    this.traces = { consume: (batch) => traces.consume(this.#changedTraces(batch)) }
    this.logs = { consume: (batch) => logs.consume(this.#changedLogs(batch)) }
    this.metrics = { consume: (batch) => metrics.consume(this.#changedMetrics(batch)) }
  }

  stop(): void {}

  #changedTraces(batch: Traces): Traces {
    checkForm(batch)
    const { context, wire } = batch
    const edits = wire === null ? null : this.#literal.for(context)
    if (wire !== null && edits !== null) return Traces.fromWire(editResources(wire, edits), batch.count, context)
    const tree = ownTracesTree(batch)
    for (const { resource } of tree.resourceSpans) this.#actions.apply(resource.attributes, context)
    return Traces.fromTree(tree, context)
  }

  #changedLogs(batch: Logs): Logs {
    checkForm(batch)
    const { context, wire } = batch
    const edits = wire === null ? null : this.#literal.for(context)
    if (wire !== null && edits !== null) return Logs.fromWire(editResources(wire, edits), batch.count, context)
    const tree = ownLogsTree(batch)
    for (const { resource } of tree.resourceLogs) this.#actions.apply(resource.attributes, context)
    return Logs.fromTree(tree, context)
  }

  #changedMetrics(batch: Metrics): Metrics {
    checkForm(batch)
    const { context, wire } = batch
    const edits = wire === null ? null : this.#literal.for(context)
    if (wire !== null && edits !== null) return Metrics.fromWire(editResources(wire, edits), batch.count, context)
    const tree = ownMetricsTree(batch)
    for (const { resource } of tree.resourceMetrics) this.#actions.apply(resource.attributes, context)
    return Metrics.fromTree(tree, context)
  }
}

function checkForm(batch: Traces | Logs | Metrics): void {
  if (batch.wire !== null || batch.tree !== null) return
  const message = 'Cannot change the resources of telemetry that is not OTLP: a bridge has to convert it'
  throw new ConsumeError(message, { retryable: false })
}
