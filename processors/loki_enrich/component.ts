// `loki.enrich`: puts labels of discovered targets on lines.
import {
  attr,
  type ComponentDefinition,
  defineSettings,
  list,
  logsReceiver,
  type SettingsOf,
  string,
  target,
} from '#component'
import { LokiEnrich } from './enrich.ts'

const none: readonly string[] = []

const settings = defineSettings({
  targets: attr(list(target), 'Targets whose labels are put on lines.', { required: true }),
  target_match_label: attr(string, 'The label of targets that tells which one a line is of.', { required: true }),
  logs_match_label: attr(string, 'The label of lines that holds the same value; "": the same label.', { default: '' }),
  labels_to_copy: attr(list(string), 'Labels to put on lines; none: all of the target.', { default: none }),
  forward_to: attr(list(logsReceiver), 'Where lines go.', { required: true }),
})
export type LokiEnrichSettings = SettingsOf<typeof settings>

export const lokiEnrich: ComponentDefinition<LokiEnrichSettings> = {
  name: 'loki.enrich',
  stability: 'experimental',
  doc: 'Puts labels of discovered targets on lines, matched by a label.',
  consumes: ['logs'],
  input: 'loki',
  settings,
  create: (host, given) => new LokiEnrich(host, given),
}
