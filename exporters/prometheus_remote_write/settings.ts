// What users write in a `prometheus.remote_write` block.
import { attr, block, blocks, defineSettings, duration, map, type SettingsOf, string } from '#component'
import { endpointSettings } from '#component/remote_write'

const wal = defineSettings({
  truncate_frequency: attr(duration, 'Has no effect: there is no write-ahead log to truncate.', { default: '2h' }),
  min_keepalive_time: attr(duration, 'Has no effect: nothing is kept that was sent.', { default: '5m' }),
  max_keepalive_time: attr(duration, 'Has no effect: see `disk_limit` of `queue_config`.', { default: '8h' }),
})

export const remoteWriteSettings = defineSettings(
  {
    external_labels: attr(map(string), 'Labels to add to every series that has not got them.', { default: {} }),
    endpoint: blocks(endpointSettings, 'Where to send; every endpoint gets everything.'),
    wal: block(wal, 'Has no effect: samples wait in the sending queue.', { whenAbsent: 'defaults' }),
  },
  {
    check: (s, report) => {
      const seen = new Set<string>()
      s.endpoint.forEach(({ name }, i) => {
        if (name !== '' && seen.has(name))
          report(`found duplicate remote write endpoint name ${JSON.stringify(name)}`, ['endpoint', i, 'name'])
        seen.add(name)
      })
    },
  },
)

export type RemoteWriteSettings = SettingsOf<typeof remoteWriteSettings>
