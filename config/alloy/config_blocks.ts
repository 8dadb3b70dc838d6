// The schemas of Alloy's configuration blocks: everything that is no component.
import {
  anyValue,
  attr,
  block,
  bool,
  capsule,
  defineSettings,
  duration,
  float,
  int,
  list,
  map,
  oneOf,
  optionalSecret,
  secret,
  type Settings,
  string,
} from '#component'
import { checkHttpClient, httpClientFields } from '#component/http_client'
import { httpBlock } from './http_block.ts'

const logsReceiver = capsule<object>('LogsReceiver')
const otelConsumer = capsule<object>('otelcol.Consumer')

const jaegerRemote = defineSettings({
  url: attr(string, 'Where the sampling strategy is served.', { default: 'http://127.0.0.1:5778/sampling' }),
  max_operations: attr(int, 'Operations to sample apart.', { default: 256 }),
  refresh_interval: attr(duration, 'How often the strategy is read.', { default: '1m' }),
})

/** Blocks that set up the process. They take no label and may be written once, at the root. */
export const processBlocks: Readonly<Record<string, Settings<object>>> = {
  logging: defineSettings({
    level: attr(oneOf('error', 'warn', 'info', 'debug'), 'The least severe lines to write.', { default: 'info' }),
    format: attr(oneOf('logfmt', 'json'), 'How lines are written.', { default: 'logfmt' }),
    write_to: attr(list(logsReceiver), 'Log receivers that get the lines too.', { default: [] }),
    destination: attr(oneOf('stderr', 'windows_event_log'), 'Where lines go.', { default: 'stderr' }),
  }) as Settings<object>,
  tracing: defineSettings({
    sampling_fraction: attr(float, 'Share of traces to keep.', { default: 0.1 }),
    write_to: attr(list(otelConsumer), 'Where spans go.', { default: [] }),
    send_traceparent: attr(bool, 'Send the trace context along.', { default: false }),
    sampler: block(
      defineSettings({ jaeger_remote: block(jaegerRemote, 'Strategy from a Jaeger server.') }),
      'How traces are sampled.',
    ),
  }) as Settings<object>,
  http: httpBlock as Settings<object>,
  livedebugging: defineSettings({
    enabled: attr(bool, 'Allow live debugging.', { default: false }),
  }) as Settings<object>,
  labelstore: defineSettings({}) as Settings<object>,
  remotecfg: defineSettings(
    {
      url: attr(string, 'Server of remote configuration.', { default: '' }),
      id: attr(string, 'This collector.', { default: '' }),
      name: attr(string, 'A name for people.', { default: '' }),
      attributes: attr(map(string), 'What the server knows this collector by.', { default: {} }),
      poll_frequency: attr(duration, 'How often to ask.', { default: '1m' }),
      ...httpClientFields(),
    },
    {
      check: (settings, report) => {
        checkHttpClient(settings, report)
        if (settings.url !== '') report('remote configuration is not supported yet', ['url'])
      },
    },
  ) as Settings<object>,
}

/** They mean something else in a clone than in the repository. */
const specialRevisions: readonly string[] = ['HEAD', 'FETCH_HEAD', 'ORIG_HEAD', 'MERGE_HEAD', 'CHERRY_PICK_HEAD']

export const importBlocks = {
  'import.file': defineSettings({
    filename: attr(string, 'File or directory.', { required: true }),
    detector: attr(oneOf('fsnotify', 'poll'), 'How changes are found.', { default: 'fsnotify' }),
    poll_frequency: attr(duration, 'How often to look.', { default: '1m' }),
  }),
  'import.string': defineSettings({ content: attr(optionalSecret, 'The module.', { required: true }) }),
  'import.http': defineSettings({
    url: attr(string, 'Where the module is.', { required: true }),
    method: attr(string, 'HTTP method.', { default: 'GET' }),
    headers: attr(map(string), 'Headers to send.', { default: {} }),
    body: attr(string, 'What to send.', { default: '' }),
    poll_frequency: attr(duration, 'How often to ask.', { default: '1m' }),
    poll_timeout: attr(duration, 'How long to wait.', { default: '10s' }),
    client: block(defineSettings(httpClientFields(), { check: checkHttpClient }), 'HTTP client.', {
      whenAbsent: 'defaults',
    }),
  }),
  'import.git': defineSettings(
    {
      repository: attr(string, 'Repository to clone.', { required: true }),
      revision: attr(string, 'Branch, tag or commit.', { default: 'main' }),
      path: attr(string, 'File or directory in the repository.', { required: true }),
      pull_frequency: attr(duration, 'How often to pull.', { default: '60s' }),
      basic_auth: block(
        defineSettings({
          username: attr(string, 'User name.', { required: true }),
          password: attr(secret, 'Password.', { required: true }),
        }),
        'Basic authentication.',
      ),
      ssh_key: block(
        defineSettings({
          username: attr(string, 'User name.', { required: true }),
          key: attr(secret, 'Private key.'),
          key_file: attr(string, 'File with the private key.', { default: '' }),
          passphrase: attr(secret, 'Passphrase of the key.'),
        }),
        'SSH key.',
      ),
    },
    {
      check(settings, report) {
        if (specialRevisions.includes(settings.revision)) {
          report(`revision cannot be a special git reference: current value is ${settings.revision}`, ['revision'])
        }
      },
    },
  ),
} as const

export type ImportKind = keyof typeof importBlocks

export const argumentBlock = defineSettings({
  comment: attr(string, 'What it is for.', { default: '' }),
  default: attr(anyValue, 'Its value where none is given.'),
  optional: attr(bool, 'May be left out.', { default: false }),
})

export const exportBlock = defineSettings({ value: attr(anyValue, 'What is exported.', { required: true }) })

export const foreachBlock = defineSettings({
  collection: attr(list(anyValue), 'Items: the template is instantiated once for each.', { required: true }),
  var: attr(string, 'Name of the current item inside the template.', { required: true }),
  id: attr(string, 'Field of the items that tells them apart.', { default: '' }),
  enable_metrics: attr(bool, 'Show the own metrics of the components inside.', { default: false }),
  hash_string_id: attr(bool, 'Use hashes of strings as ids.', { default: false }),
})
