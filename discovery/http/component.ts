// `discovery.http`: targets that an HTTP server names.
import { attr, type ComponentDefinition, defineSettings, duration, type SettingsOf, string } from '#component'
import { checkHttpClient, httpClientFields } from '#component/http_client'
import { HttpDiscovery } from './http_targets.ts'

const settings = defineSettings(
  {
    url: attr(string, 'Where the targets are had, as JSON.', { required: true }),
    refresh_interval: attr(duration, 'How often to ask.', { default: '60s' }),
    ...httpClientFields(),
  },
  {
    check: (s, report) => {
      checkHttpClient(s, report)
      const protocol = URL.parse(s.url)?.protocol
      if (protocol !== 'http:' && protocol !== 'https:') report("URL scheme must be 'http' or 'https'", ['url'])
      if (s.refresh_interval <= 0) report('refresh_interval must be greater than 0', ['refresh_interval'])
    },
  },
)
export type HttpDiscoverySettings = SettingsOf<typeof settings>

export const discoveryHttp: ComponentDefinition<HttpDiscoverySettings> = {
  name: 'discovery.http',
  stability: 'generally-available',
  doc: 'Finds targets by asking an HTTP server for them.',
  exports: { targets: { type: 'list(target)', doc: 'The targets.' } },
  settings,
  create: (host, decoded) => new HttpDiscovery(host, decoded),
}
