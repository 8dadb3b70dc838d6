// `loki.source.heroku`: takes the logs of Heroku applications.
import {
  attr,
  bool,
  capsule,
  type ComponentDefinition,
  defineSettings,
  list,
  logsReceiver,
  map,
  type SettingsOf,
  string,
} from '#component'
import { httpServerFields } from '#component/http_server'
import type { RelabelRules } from '#component/relabel'
import { LokiSourceHeroku } from './receiver.ts'

const settings = defineSettings({
  forward_to: attr(list(logsReceiver), 'Where lines go.', { required: true }),
  labels: attr(map(string), 'Labels that every line gets.', { default: {} }),
  relabel_rules: attr(
    capsule<RelabelRules>('RelabelRules'),
    "Rules for the lines' labels, `__heroku_drain_*` included.",
  ),
  use_incoming_timestamp: attr(bool, "Keep the messages' times; else it is the time of receipt.", { default: false }),
  ...httpServerFields(),
})
export type LokiSourceHerokuSettings = SettingsOf<typeof settings>

export const lokiSourceHeroku: ComponentDefinition<LokiSourceHerokuSettings> = {
  name: 'loki.source.heroku',
  stability: 'generally-available',
  doc: "Takes what Heroku's log drains send over HTTP.",
  settings,
  create: (host, decoded) => new LokiSourceHeroku(host, decoded),
}
