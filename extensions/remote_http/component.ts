// `remote.http`: what a server answers, kept current.
import {
  attr,
  block,
  bool,
  type ComponentDefinition,
  defineSettings,
  duration,
  map,
  type SettingsOf,
  string,
} from '#component'
import { checkHttpClient, httpClientFields } from '#component/http_client'
import { RemoteHttp } from './polled_url.ts'

const settings = defineSettings(
  {
    url: attr(string, 'Where to ask.', { required: true }),
    method: attr(string, 'HTTP method.', { default: 'GET' }),
    headers: attr(map(string), 'Headers to send.', { default: {} }),
    body: attr(string, 'Body to send.', { default: '' }),
    poll_frequency: attr(duration, 'How often to ask.', { default: '1m' }),
    poll_timeout: attr(duration, 'How long an answer may take.', { default: '10s' }),
    is_secret: attr(bool, 'The answer is a secret.', { default: false }),
    client: block(defineSettings(httpClientFields(), { check: checkHttpClient }), 'HTTP client.', {
      whenAbsent: 'defaults',
    }),
  },
  {
    check: (s, report) => {
      if (s.poll_frequency <= 0) report('poll_frequency must be greater than 0', ['poll_frequency'])
      else if (s.poll_timeout <= 0) report('poll_timeout must be greater than 0', ['poll_timeout'])
      else if (s.poll_timeout >= s.poll_frequency) {
        report('poll_timeout must be less than poll_frequency', ['poll_timeout'])
      }
      const protocol = URL.parse(s.url)?.protocol
      if (protocol !== 'http:' && protocol !== 'https:') report('url must begin with http:// or https://', ['url'])
      if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(s.method)) {
        report(`invalid method ${JSON.stringify(s.method)}`, ['method'])
      }
    },
  },
)
export type RemoteHttpSettings = SettingsOf<typeof settings>

export const remoteHttp: ComponentDefinition<RemoteHttpSettings> = {
  name: 'remote.http',
  stability: 'generally-available',
  doc: 'Exports what an HTTP server answers, and its new answer when that changes.',
  exports: { content: { type: 'optional_secret', doc: 'The body without white space around it.' } },
  settings,
  async create(host, decoded) {
    const component = new RemoteHttp(host, decoded)
    await component.firstPoll()
    return component
  },
}
