// `loki.source.awsfirehose`: takes what Amazon Data Firehose delivers over HTTP.
import {
  attr,
  bool,
  capsule,
  type ComponentDefinition,
  defineSettings,
  list,
  logsReceiver,
  secret,
  type SettingsOf,
  uint,
} from '#component'
import { httpServerFields } from '#component/http_server'
import type { RelabelRules } from '#component/relabel'
import { LokiSourceAwsFirehose } from './receiver.ts'

const settings = defineSettings({
  forward_to: attr(list(logsReceiver), 'Where lines go.', { required: true }),
  access_key: attr(secret, 'The key that requests must bring; none: any request is taken.'),
  relabel_rules: attr(capsule<RelabelRules>('RelabelRules'), "Rules for the lines' labels, `__aws_*` included."),
  use_incoming_timestamp: attr(bool, 'Keep the times of requests and events; else it is the time of receipt.', {
    default: false,
  }),
  tenants_limit: attr(uint, 'Tenants told apart in own metrics; further ones count as `other`. Not in Alloy.', {
    default: 1000,
  }),
  ...httpServerFields(),
})
export type LokiSourceAwsFirehoseSettings = SettingsOf<typeof settings>

export const lokiSourceAwsFirehose: ComponentDefinition<LokiSourceAwsFirehoseSettings> = {
  name: 'loki.source.awsfirehose',
  stability: 'generally-available',
  doc: 'Takes what Amazon Data Firehose delivers over HTTP: records, and events of CloudWatch Logs.',
  settings,
  create: (host, decoded) => new LokiSourceAwsFirehose(host, decoded),
}
