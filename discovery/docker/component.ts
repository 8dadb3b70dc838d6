// `discovery.docker`: the containers of a Docker daemon as targets.
import {
  attr,
  blocks,
  bool,
  type ComponentDefinition,
  defineSettings,
  duration,
  int,
  list,
  type SettingsOf,
  string,
} from '#component'
import { checkDockerHost } from '#component/docker'
import { checkHttpClient, httpClientFields } from '#component/http_client'
import { DockerDiscovery } from './discovery.ts'

const filter = defineSettings({
  name: attr(string, 'What to filter by: `label`, `name`, `status`, … as the Docker API has it.', { required: true }),
  values: attr(list(string), 'Values of which one must match.', { required: true }),
})

const settings = defineSettings(
  {
    host: attr(string, 'Where the daemon is: unix:///var/run/docker.sock, tcp://host:port, http(s)://host:port.', {
      required: true,
    }),
    port: attr(int, 'Port of targets that expose none.', { default: 80 }),
    host_networking_host: attr(string, "Address of containers that use the host's network.", { default: 'localhost' }),
    refresh_interval: attr(duration, 'How often to ask.', { default: '1m' }),
    match_first_network: attr(bool, 'Of a container in several networks take the first, by its name.', {
      default: true,
    }),
    filter: blocks(filter, 'Which containers.'),
    ...httpClientFields(),
  },
  {
    check: (s, report) => {
      checkHttpClient(s, report)
      checkDockerHost(s.host, report)
      if (s.refresh_interval <= 0) report('refresh_interval must be greater than 0', ['refresh_interval'])
    },
  },
)
export type DockerDiscoverySettings = SettingsOf<typeof settings>

export const discoveryDocker: ComponentDefinition<DockerDiscoverySettings> = {
  name: 'discovery.docker',
  stability: 'generally-available',
  doc: 'Finds the containers of a Docker daemon.',
  exports: { targets: { type: 'list(target)', doc: 'The targets.' } },
  settings,
  create: (host, decoded) => new DockerDiscovery(host, decoded),
}
