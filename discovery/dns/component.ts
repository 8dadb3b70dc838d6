// `discovery.dns`: targets that DNS records name.
import type { ComponentDefinition } from '#component'
import { DnsDiscovery, dnsDiscoverySettings, type DnsDiscoverySettings } from '#component/discovery'

export const discoveryDns: ComponentDefinition<DnsDiscoverySettings> = {
  name: 'discovery.dns',
  stability: 'generally-available',
  doc: 'Finds targets by looking up DNS records.',
  exports: { targets: { type: 'list(target)', doc: 'The targets.' } },
  settings: dnsDiscoverySettings,
  create: (host, decoded) => new DnsDiscovery(host, decoded),
}
