// otelcol.processor.attributes and the collector's `attributes`: changes attributes of spans, log records and data points.
import type { ComponentDefinition, SettingsOf, YamlDefinition } from '#component'
import { block, blocks, defineSettings, otelOutput } from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import { actionFields, checkActions, yamlActionFields } from '#component/otel_attributes'
import { alloyMatchFields, matchOfAlloy, matchOfYaml, yamlMatchFields } from '#component/otel_filter'
import { AttributesProcessor } from './attributes.ts'

const settings = defineSettings(
  {
    ...alloyMatchFields,
    action: blocks(defineSettings(actionFields), 'What is done with attributes, in the order written.'),
    output: block(otelOutput, 'Where it goes.', { required: true }),
    ...debugMetricsField,
  },
  { check: ({ action }, report) => checkActions(action, 'action', report) },
)

const yamlSettings = defineSettings(
  {
    ...yamlMatchFields,
    actions: blocks(defineSettings(yamlActionFields), 'What is done with attributes, in the order written.'),
  },
  {
    check({ actions }, report) {
      if (actions.length === 0) report('"actions" needs at least one action')
      checkActions(actions, 'actions', report)
    },
  },
)

const doc = 'Changes the attributes of spans, log records and data points.'

export const otelcolProcessorAttributes: ComponentDefinition<SettingsOf<typeof settings>> = {
  name: 'otelcol.processor.attributes',
  stability: 'generally-available',
  doc,
  consumes: ['traces', 'logs', 'metrics'],
  input: 'otelcol',
  stateless: true,
  settings,
  create: (host, given) => new AttributesProcessor(host, given.action, matchOfAlloy(given), given.output),
}

export const attributesProcessor: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'processor',
  types: ['attributes'],
  stability: 'generally-available',
  doc,
  signals: ['traces', 'logs', 'metrics'],
  stateless: true,
  settings: yamlSettings,
  create: (host, given, output) => new AttributesProcessor(host, given.actions, matchOfYaml(given), output),
}
