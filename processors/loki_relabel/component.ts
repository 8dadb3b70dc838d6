// `loki.relabel`: rewrites the labels of lines and drops some of them.
import { attr, type ComponentDefinition, defineSettings, int, list, logsReceiver, type SettingsOf } from '#component'
import { relabelRuleBlocks } from '#component/relabel'
import { LokiRelabel } from './relabel.ts'

const settings = defineSettings(
  {
    forward_to: attr(list(logsReceiver), 'Where relabelled lines go.', { required: true }),
    max_cache_size: attr(int, 'Label sets whose results are kept before those not used since are forgotten.', {
      default: 10_000,
    }),
    rule: relabelRuleBlocks('Relabelling rules, applied to every label set in the order written.'),
  },
  {
    check({ max_cache_size: size }, report) {
      if (size <= 0) report(`max_cache_size must be greater than 0; got ${size}`, ['max_cache_size'])
    },
  },
)
export type LokiRelabelSettings = SettingsOf<typeof settings>

export const lokiRelabel: ComponentDefinition<LokiRelabelSettings> = {
  name: 'loki.relabel',
  stability: 'generally-available',
  doc: 'Rewrites the labels of lines, and drops some lines by them, on their way.',
  consumes: ['logs'],
  input: 'loki',
  exports: { rules: { type: 'RelabelRules', doc: 'The rules, for other components to use.' } },
  settings,
  create: (host, given) => new LokiRelabel(host, given),
}
