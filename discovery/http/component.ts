// `discovery.http`: targets that an HTTP server names.
import type { ComponentDefinition } from '#component'
import { HttpDiscovery, httpDiscoverySettings, type HttpDiscoverySettings } from '#component/discovery'

export const discoveryHttp: ComponentDefinition<HttpDiscoverySettings> = {
  name: 'discovery.http',
  stability: 'generally-available',
  doc: 'Finds targets by asking an HTTP server for them.',
  exports: { targets: { type: 'list(target)', doc: 'The targets.' } },
  settings: httpDiscoverySettings,
  create: (host, decoded) => new HttpDiscovery(host, decoded),
}
