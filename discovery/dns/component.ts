// `discovery.dns`: targets that DNS records name.
import {
  attr,
  type ComponentDefinition,
  defineSettings,
  duration,
  int,
  list,
  type SettingsOf,
  string,
} from '#component'
import { DnsDiscovery, isRecordType } from './dns_targets.ts'

const settings = defineSettings(
  {
    names: attr(list(string), 'Names to look up.', { required: true }),
    refresh_interval: attr(duration, 'How often to look them up.', { default: '30s' }),
    type: attr(string, 'Kind of record: SRV, A, AAAA, MX or NS.', { default: 'SRV' }),
    port: attr(int, 'Port of the targets; SRV records bring their own.', { default: 0 }),
  },
  {
    check: (s, report) => {
      const type = s.type.toUpperCase()
      if (!isRecordType(type)) report(`invalid DNS-SD records type ${s.type}`, ['type'])
      else if (type !== 'SRV' && s.port === 0) {
        report('a port is required in DNS-SD configs for all record types except SRV')
      }
      if (s.refresh_interval <= 0) report('refresh_interval must be greater than 0', ['refresh_interval'])
    },
  },
)
export type DnsDiscoverySettings = SettingsOf<typeof settings>

export const discoveryDns: ComponentDefinition<DnsDiscoverySettings> = {
  name: 'discovery.dns',
  stability: 'generally-available',
  doc: 'Finds targets by looking up DNS records.',
  exports: { targets: { type: 'list(target)', doc: 'The targets.' } },
  settings,
  create: (host, decoded) => new DnsDiscovery(host, decoded),
}
