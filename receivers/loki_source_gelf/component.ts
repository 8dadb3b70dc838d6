// `loki.source.gelf`: takes messages of Graylog's format over UDP.
import {
  attr,
  bool,
  capsule,
  type ComponentDefinition,
  defineSettings,
  list,
  logsReceiver,
  type SettingsOf,
  string,
} from '#component'
import { hostAndPort } from '#component/listener'
import type { RelabelRules } from '#component/relabel'
import { LokiSourceGelf } from './receiver.ts'

const settings = defineSettings(
  {
    forward_to: attr(list(logsReceiver), 'Where lines go.', { required: true }),
    listen_address: attr(string, 'Address to listen on (UDP), `host:port`.', { default: '0.0.0.0:12201' }),
    use_incoming_timestamp: attr(bool, "Keep the messages' times; else it is the time of receipt.", { default: false }),
    relabel_rules: attr(capsule<RelabelRules>('RelabelRules'), "Rules for the lines' labels, `__gelf_*` included."),
  },
  {
    check: (s, report) => {
      if (s.listen_address === '' || hostAndPort(s.listen_address)) return
      const message = 'Cannot listen: the address is written host:port'
      report(`${message}: current value is ${JSON.stringify(s.listen_address)}`, ['listen_address'])
    },
  },
)
export type LokiSourceGelfSettings = SettingsOf<typeof settings>

export const lokiSourceGelf: ComponentDefinition<LokiSourceGelfSettings> = {
  name: 'loki.source.gelf',
  stability: 'generally-available',
  doc: 'Takes messages in the Graylog Extended Log Format over UDP.',
  settings,
  create: (host, decoded) => new LokiSourceGelf(host, decoded),
}
