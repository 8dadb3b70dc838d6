// otelcol.receiver.tcplog and the collector's `tcp_log`: entries over TCP.
import {
  attr,
  block,
  type ComponentDefinition,
  defineSettings,
  list,
  otelOutput,
  outputPorts,
  type SettingsOf,
  string,
  type YamlDefinition,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import { checkStanza, stanzaFields } from '#component/stanza'
import { alloyTcpFields, checkTcpInput, SocketReceiver, yamlTcpFields } from '#component/stanza_input'

const doc = 'Receives lines over TCP, and parses them with operators.'
const unused = 'Accepted, without effect.'

const alloySettings = defineSettings(
  {
    ...alloyTcpFields,
    listen_address: attr(string, 'Where to listen: `host:port`.', { required: true }),
    ...stanzaFields,
    output: block(otelOutput, 'Where entries go.', { required: true }),
    ...debugMetricsField,
  },
  {
    check(s, report) {
      checkTcpInput(s, report)
      checkStanza(s, report)
    },
  },
)

const yamlSettings = defineSettings(
  {
    ...yamlTcpFields,
    ...stanzaFields,
    id: attr(string, unused, { default: '' }),
    type: attr(string, unused, { default: '' }),
    output: attr(list(string), unused, { default: [] }),
  },
  {
    check(s, report) {
      checkTcpInput(s, report)
      checkStanza(s, report)
    },
  },
)

export const otelcolReceiverTcplog: ComponentDefinition<SettingsOf<typeof alloySettings>> = {
  name: 'otelcol.receiver.tcplog',
  stability: 'experimental',
  doc,
  settings: alloySettings,
  create: (host, s) => new SocketReceiver(host, { ...s, tcp: s }, outputPorts(s.output).logs),
}

export const tcpLogReceiver: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'receiver',
  types: ['tcp_log', 'tcplog'],
  stability: 'experimental',
  doc,
  signals: ['logs'],
  settings: yamlSettings,
  create: (host, s, output) => new SocketReceiver(host, { ...s, tcp: s }, outputPorts(output).logs),
}
