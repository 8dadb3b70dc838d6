// The collector's `udp_log`: entries in datagrams.
import { attr, defineSettings, list, outputPorts, type SettingsOf, string, type YamlDefinition } from '#component'
import { checkStanza, stanzaFields } from '#component/stanza'
import { checkUdpInput, SocketReceiver, udpFields } from '#component/stanza_input'

const unused = 'Accepted, without effect.'
const settings = defineSettings(
  {
    ...udpFields,
    ...stanzaFields,
    id: attr(string, unused, { default: '' }),
    type: attr(string, unused, { default: '' }),
    output: attr(list(string), unused, { default: [] }),
  },
  {
    check(s, report) {
      checkUdpInput(s, report)
      checkStanza(s, report)
    },
  },
)

export const udpLogReceiver: YamlDefinition<SettingsOf<typeof settings>> = {
  kind: 'receiver',
  types: ['udp_log', 'udplog'],
  stability: 'experimental',
  doc: 'Receives datagrams of lines, and parses them with operators.',
  signals: ['logs'],
  settings,
  create: (host, s, output) => new SocketReceiver(host, { ...s, udp: s }, outputPorts(output).logs),
}
