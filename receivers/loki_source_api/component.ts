// `loki.source.api`: takes log lines that others push.
import {
  attr,
  bool,
  byteSize,
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
import { LokiSourceApi } from './receiver.ts'

const settings = defineSettings({
  forward_to: attr(list(logsReceiver), 'Where lines go.', { required: true }),
  labels: attr(map(string), 'Labels that every stream gets.', { default: {} }),
  relabel_rules: attr(capsule<RelabelRules>('RelabelRules'), "Rules for the streams' labels."),
  use_incoming_timestamp: attr(bool, 'Keep the times that lines come with; else it is the time of the request.', {
    default: false,
  }),
  max_send_message_size: attr(byteSize, 'The largest request, once it is decompressed.', { default: '100MiB' }),
  ...httpServerFields(),
})
export type LokiSourceApiSettings = SettingsOf<typeof settings>

export const lokiSourceApi: ComponentDefinition<LokiSourceApiSettings> = {
  name: 'loki.source.api',
  stability: 'generally-available',
  doc: "Takes log lines that others send with Loki's push protocol, or as plain text.",
  settings,
  create: (host, decoded) => new LokiSourceApi(host, decoded),
}
