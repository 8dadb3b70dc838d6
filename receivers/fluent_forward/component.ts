// `otelcol.receiver.fluentforward` and `receiver/fluent_forward`: events of Fluentd and Fluent Bit.
import {
  attr,
  block,
  byteSize,
  type ComponentDefinition,
  defineSettings,
  otelOutput,
  outputPorts,
  type Report,
  type SettingsOf,
  string,
  type Type,
  uint,
  type YamlDefinition,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import { size } from '#component/stanza'
import { fluentAddress, FluentForward, type FluentSettings } from './receiver.ts'

const doc = 'Receives events of Fluentd and Fluent Bit over the Forward protocol.'
const endpoint = attr(string, 'Where to listen: `host:port`, or the path of a Unix socket (`unix:///path`).', {
  required: true,
})

const bounds = (bytes: Type<number>) => ({
  max_connections: attr(uint, 'Connections at once; more are closed, and come again. 0: no limit.', { default: 100 }),
  max_message_size: attr(bytes, 'The longest message; Fluentd sends 8 MiB by default. Not upstream.', {
    default: '64MiB',
  }),
})

function checkEndpoint(s: FluentSettings, report: Report): void {
  if (s.max_message_size < 1) report('max_message_size must be positive', ['max_message_size'])
  if (fluentAddress(s.endpoint)) return
  const message = 'Cannot listen: the endpoint is written host:port, or unix:///path'
  report(`${message}: current value is ${JSON.stringify(s.endpoint)}`, ['endpoint'])
}

const alloySettings = defineSettings(
  {
    endpoint,
    ...bounds(byteSize),
    ...debugMetricsField,
    output: block(otelOutput, 'Where it goes.', { required: true }),
  },
  { check: checkEndpoint },
)
const yamlSettings = defineSettings({ endpoint, ...bounds(size) }, { check: checkEndpoint })

export const otelcolReceiverFluentforward: ComponentDefinition<SettingsOf<typeof alloySettings>> = {
  name: 'otelcol.receiver.fluentforward',
  stability: 'experimental',
  doc,
  settings: alloySettings,
  create: (host, s) => new FluentForward(host, s, `fluentforward/${host.id}`, outputPorts(s.output).logs),
}

export const fluentForwardReceiver: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'receiver',
  types: ['fluent_forward', 'fluentforward'],
  stability: 'public-preview',
  doc,
  signals: ['logs'],
  settings: yamlSettings,
  create: (host, s, output) => new FluentForward(host, s, host.id.replace(/^receiver\//, ''), outputPorts(output).logs),
}
