// The collector's `resource` processor: changes the attributes of resources. Alloy has none of its own.
import type { SettingsOf, YamlDefinition } from '#component'
import { blocks, defineSettings } from '#component'
import { checkActions, yamlActionFields } from '#component/otel_attributes'
import { ResourceProcessor } from './resource.ts'

const settings = defineSettings(
  { attributes: blocks(defineSettings(yamlActionFields), 'What is done with attributes, in the order written.') },
  {
    check({ attributes }, report) {
      if (attributes.length === 0) report('"attributes" needs at least one action')
      checkActions(attributes, 'attributes', report)
    },
  },
)

export const resourceProcessor: YamlDefinition<SettingsOf<typeof settings>> = {
  kind: 'processor',
  types: ['resource'],
  stability: 'generally-available',
  doc: 'Changes the attributes of resources.',
  signals: ['traces', 'logs', 'metrics'],
  stateless: true,
  settings,
  create: (host, given, output) => new ResourceProcessor(host, given.attributes, output),
}
