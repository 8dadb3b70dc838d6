// otelcol.connector.spanlogs: a log line for each span, root span, process or event.
import {
  attr,
  block,
  bool,
  type Component,
  type ComponentDefinition,
  type Consumer,
  defineSettings,
  type Host,
  list,
  otelOutput,
  outputPorts,
  type SettingsOf,
  string,
} from '#component'
import { handOn } from '#component/bridge'
import { Logs, type Traces } from '#pdata'
import { tracesTree } from '#pdata/otlp'
import { logsOfSpans } from './lines.ts'

const overrides = defineSettings({
  logs_instance_tag: attr(string, 'The attribute that says what a line is of.', { default: 'traces' }),
  service_key: attr(string, 'The key of the service.', { default: 'svc' }),
  span_name_key: attr(string, "The key of the span's name.", { default: 'span' }),
  status_key: attr(string, "The key of the span's status.", { default: 'status' }),
  duration_key: attr(string, "The key of the span's duration.", { default: 'dur' }),
  trace_id_key: attr(string, 'The key of the trace id.', { default: 'tid' }),
})
const settings = defineSettings({
  spans: attr(bool, 'A line for every span.', { default: false }),
  roots: attr(bool, 'A line for every root span.', { default: false }),
  processes: attr(bool, 'A line for every process that a trace has to do with.', { default: false }),
  events: attr(bool, "A line for every span's event.", { default: false }),
  span_attributes: attr(list(string), 'Attributes of spans to say.', { default: [] }),
  process_attributes: attr(list(string), 'Attributes of resources to say.', { default: [] }),
  event_attributes: attr(list(string), 'Attributes of events to say.', { default: [] }),
  labels: attr(list(string), "Keys that are said as attributes of the line's record too.", { default: [] }),
  overrides: block(overrides, 'Other names of keys.', { whenAbsent: 'defaults' }),
  output: block(otelOutput, 'Where log records go.', { required: true }),
})
export type SpanLogsSettings = SettingsOf<typeof settings>

export const otelcolConnectorSpanlogs: ComponentDefinition<SpanLogsSettings> = {
  name: 'otelcol.connector.spanlogs',
  stability: 'generally-available',
  doc: 'Writes log lines of spans.',
  consumes: ['traces'],
  input: 'otelcol',
  stateless: true,
  settings,
  create: (host, s) => new SpanLogsConnector(host, s),
}

class SpanLogsConnector implements Component<SpanLogsSettings> {
  readonly traces = { consume: (batch: Traces): void | Promise<void> => this.#consume(batch) }
  readonly #host: Host
  #settings: SpanLogsSettings
  #next: Consumer<Logs>

  constructor(host: Host, s: SpanLogsSettings) {
    this.#host = host
    this.#settings = s
    this.#next = host.outlet(outputPorts(s.output).logs)
  }

  update(s: SpanLogsSettings): void {
    this.#settings = s
    this.#next = this.#host.outlet(outputPorts(s.output).logs)
  }

  #consume(batch: Traces): void | Promise<void> {
    const logs = Logs.fromTree(logsOfSpans(tracesTree(batch), this.#settings), batch.context)
    return handOn(this.#host.counters, this.#next, batch.count, new Map(), logs)
  }

  stop(): void {}
}
