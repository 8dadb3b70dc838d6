// `discovery.file`: targets that files name.
import type { ComponentDefinition } from '#component'
import { FileDiscovery, fileDiscoverySettings, type FileDiscoverySettings } from '#component/discovery'

export const discoveryFile: ComponentDefinition<FileDiscoverySettings> = {
  name: 'discovery.file',
  stability: 'generally-available',
  doc: 'Finds targets in files.',
  exports: { targets: { type: 'list(target)', doc: 'The targets.' } },
  settings: fileDiscoverySettings,
  async create(host, decoded) {
    const component = new FileDiscovery(host)
    await component.firstRead(decoded)
    return component
  },
}
