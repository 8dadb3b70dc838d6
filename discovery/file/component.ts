// `discovery.file`: targets that files name.
import { attr, type ComponentDefinition, defineSettings, duration, list, type SettingsOf, string } from '#component'
import { FileDiscovery } from './file_targets.ts'

const settings = defineSettings(
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
export type FileDiscoverySettings = SettingsOf<typeof settings>

export const discoveryFile: ComponentDefinition<FileDiscoverySettings> = {
  name: 'discovery.file',
  stability: 'generally-available',
  doc: 'Finds targets in files.',
  exports: { targets: { type: 'list(target)', doc: 'The targets.' } },
  settings,
  async create(host, decoded) {
    const component = new FileDiscovery(host)
    await component.firstRead(decoded)
    return component
  },
}
