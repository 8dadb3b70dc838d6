// What users write to have targets found: in files, over HTTP, by DNS.
import { attr, defineSettings, duration, int, list, type SettingsOf, string } from '#component'
import { checkHttpClient, httpClientFields } from '#component/http_client'
import { isRecordType } from './record_types.ts'

/** What a `discovery.file` and a `file_sd_configs` write. */
export const fileDiscoverySettings = defineSettings(
  {
    files: attr(list(string), 'Files of target groups: .json, .yml or .yaml; the last part may hold `*`.', {
      required: true,
    }),
    refresh_interval: attr(duration, 'How often to look for changes that the system did not tell of.', {
      default: '5m',
    }),
  },
  {
    check: (s, report) => {
      for (const [i, name] of s.files.entries()) {
        if (/^[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)$/.test(name)) continue
        report(`path name ${JSON.stringify(name)} is not valid for file discovery`, ['files', i])
      }
      if (s.refresh_interval <= 0) report('refresh_interval must be greater than 0', ['refresh_interval'])
    },
  },
)
export type FileDiscoverySettings = SettingsOf<typeof fileDiscoverySettings>

/** What a `discovery.http` and a `http_sd_configs` write. */
export const httpDiscoverySettings = defineSettings(
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
export type HttpDiscoverySettings = SettingsOf<typeof httpDiscoverySettings>

/** What a `discovery.dns` and a `dns_sd_configs` write. */
export const dnsDiscoverySettings = defineSettings(
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
export type DnsDiscoverySettings = SettingsOf<typeof dnsDiscoverySettings>
