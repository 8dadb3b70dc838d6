// `otelcol.receiver.fluentforward` and `receiver/fluent_forward`: events of Fluentd and Fluent Bit.
import {
  attr,
  block,
  type ComponentDefinition,
  defineSettings,
  otelOutput,
  outputPorts,
  type Report,
  type SettingsOf,
  string,
  type YamlDefinition,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import { fluentAddress, FluentForward } from './receiver.ts'

const doc = 'Receives events of Fluentd and Fluent Bit over the Forward protocol.'
const endpoint = attr(string, 'Where to listen: `host:port`, or the path of a Unix socket (`unix:///path`).', {
  required: true,
})

function checkEndpoint(s: { readonly endpoint: string }, report: Report): void {
  if (fluentAddress(s.endpoint)) return
  const message = 'Cannot listen: the endpoint is written host:port, or unix:///path'
  report(`${message}: current value is ${JSON.stringify(s.endpoint)}`, ['endpoint'])
}

const alloySettings = defineSettings(
  { endpoint, ...debugMetricsField, output: block(otelOutput, 'Where it goes.', { required: true }) },
  { check: checkEndpoint },
)
const yamlSettings = defineSettings({ endpoint }, { check: checkEndpoint })

export const otelcolReceiverFluentforward: ComponentDefinition<SettingsOf<typeof alloySettings>> = {
  name: 'otelcol.receiver.fluentforward',
  stability: 'experimental',
  doc,
  settings: alloySettings,
  create: (host, s) => new FluentForward(host, s.endpoint, `fluentforward/${host.id}`, outputPorts(s.output).logs),
}

export const fluentForwardReceiver: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'receiver',
  types: ['fluent_forward', 'fluentforward'],
  stability: 'public-preview',
  doc,
  signals: ['logs'],
  settings: yamlSettings,
  create: (host, s, output) =>
    new FluentForward(host, s.endpoint, host.id.replace(/^receiver\//, ''), outputPorts(output).logs),
}
