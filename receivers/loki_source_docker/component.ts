// `loki.source.docker`: follows the logs of Docker containers.
import {
  attr,
  block,
  capsule,
  type ComponentDefinition,
  defineSettings,
  duration,
  list,
  logsReceiver,
  map,
  type SettingsOf,
  string,
  target,
} from '#component'
import { checkDockerHost } from '#component/docker'
import { httpClientSettings } from '#component/http_client'
import type { RelabelRules } from '#component/relabel'
import { LokiSourceDocker } from './source.ts'

const settings = defineSettings(
  {
    host: attr(string, 'Where the daemon is: unix:///var/run/docker.sock, tcp://host:port, http(s)://host:port.', {
      required: true,
    }),
    targets: attr(list(target), 'Containers: `__meta_docker_container_id`, and the labels of their lines.', {
      required: true,
    }),
    forward_to: attr(list(logsReceiver), 'Where lines go.', { required: true }),
    labels: attr(map(string), 'Labels that every line gets.', { default: {} }),
    relabel_rules: attr(capsule<RelabelRules>('RelabelRules'), "Rules for the lines' labels."),
    refresh_interval: attr(duration, 'How long an answer of the daemon may take that is no log.', { default: '60s' }),
    http_client_config: block(httpClientSettings, 'How to ask a daemon behind http:// or https://.', {
      whenAbsent: 'defaults',
    }),
  },
  {
    check: (s, report) => {
      checkDockerHost(s.host, report)
      if (s.refresh_interval <= 0) report('refresh_interval must be positive', ['refresh_interval'])
    },
  },
)
export type LokiSourceDockerSettings = SettingsOf<typeof settings>

export const lokiSourceDocker: ComponentDefinition<LokiSourceDockerSettings> = {
  name: 'loki.source.docker',
  stability: 'generally-available',
  doc: 'Follows the logs of Docker containers.',
  settings,
  create: (host, decoded) => new LokiSourceDocker(host, decoded),
}
