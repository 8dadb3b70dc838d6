// `prometheus.receive_http`: takes remote write requests.
import {
  attr,
  bool,
  type ComponentDefinition,
  defineSettings,
  list,
  metricsReceiver,
  type SettingsOf,
  string,
} from '#component'
import { httpServerFields } from '#component/http_server'
import { messages, ReceiveHttp } from './receiver.ts'

const settings = defineSettings(
  {
    forward_to: attr(list(metricsReceiver), 'Where samples go.', { required: true }),
    accepted_remote_write_protobuf_messages: attr(list(string), `Messages to take: ${messages.v1}, ${messages.v2}.`, {
      default: [messages.v1],
    }),
    append_metadata: attr(bool, 'Hand on the metadata of metrics.', { default: false, stability: 'experimental' }),
    enable_type_and_unit_labels: attr(bool, 'Add the labels `__type__` and `__unit__` where they are known.', {
      default: false,
      stability: 'experimental',
    }),
    ...httpServerFields(),
  },
  {
    check: (s, report) => {
      const field = 'accepted_remote_write_protobuf_messages'
      const given = s.accepted_remote_write_protobuf_messages
      if (given.length === 0) report(`${field} must not be empty`, [field])
      for (const [i, message] of given.entries()) {
        if (message === messages.v1 || message === messages.v2) continue
        const valid = `valid values are ${JSON.stringify(messages.v1)} and ${JSON.stringify(messages.v2)}`
        report(`unsupported protocol version ${JSON.stringify(message)}: ${valid}`, [field, i])
      }
    },
  },
)
export type ReceiveHttpSettings = SettingsOf<typeof settings>

export const prometheusReceiveHttp: ComponentDefinition<ReceiveHttpSettings> = {
  name: 'prometheus.receive_http',
  stability: 'generally-available',
  doc: 'Takes metrics that others send by Prometheus remote write.',
  settings,
  create: (host, decoded) => new ReceiveHttp(host, decoded),
}
