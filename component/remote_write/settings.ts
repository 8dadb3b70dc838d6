// The settings of one backend, as a `prometheus.remote_write` writes them.
import {
  attr,
  block,
  bool,
  byteSize,
  customType,
  defineSettings,
  duration,
  map,
  secret,
  type SettingsOf,
  string,
  uint,
  ValueError,
} from '#component'
import { checkHttpClient, httpClientFields, httpUrl } from '#component/http_client'
import { relabelRuleBlocks } from '#component/relabel'

/** The messages that can be sent, by their protobuf names. */
export const Message = { v1: 'prometheus.WriteRequest', v2: 'io.prometheus.write.v2.Request' } as const
export type Message = (typeof Message)[keyof typeof Message]

const message = customType<Message>({
  name: 'string',
  zero: Message.v1,
  decode(value) {
    const text = string.decode(value)
    if (text === '') return Message.v1
    if (text === Message.v1 || text === Message.v2) return text
    throw new ValueError(`unknown remote write protobuf message ${text}`)
  },
  accepts: string.accepts,
  json: { enum: Object.values(Message) },
})

const queueConfig = defineSettings(
  {
    capacity: attr(uint, 'Samples that wait in memory for each shard.', { default: 10_000 }),
    min_shards: attr(uint, 'Requests under way at once, at least.', { default: 1 }),
    max_shards: attr(uint, 'Requests under way at once, at most.', { default: 50 }),
    max_samples_per_send: attr(uint, 'Samples in one request.', { default: 2000 }),
    batch_send_deadline: attr(duration, 'How long samples wait for a request to fill up.', { default: '5s' }),
    min_backoff: attr(duration, 'The first wait after a failure; it doubles with every further one.', {
      default: '30ms',
    }),
    max_backoff: attr(duration, 'The longest wait after a failure.', { default: '5s' }),
    retry_on_http_429: attr(bool, 'Try again when the backend says that there are too many requests.', {
      default: true,
    }),
    sample_age_limit: attr(duration, 'Drop samples that could not be sent for this long; 0: never.', { default: '0s' }),
    memory_limit: attr(byteSize, 'Compressed samples that wait in memory; more go to disk. Not in Alloy.', {
      default: '16MiB',
    }),
    disk_limit: attr(byteSize, 'Compressed samples that wait on disk; over it the oldest are dropped. Not in Alloy.', {
      default: '2GiB',
    }),
    spill_after: attr(
      duration,
      'A backend that fails for this long counts as away: what waits goes to disk. Not in Alloy.',
      {
        default: '5s',
      },
    ),
    sync_interval: attr(duration, 'While the backend is away, the most that is not safe on disk yet. Not in Alloy.', {
      default: '1s',
    }),
  },
  {
    check: (s, report) => {
      if (s.max_samples_per_send < 1) report('max_samples_per_send must be at least 1', ['max_samples_per_send'])
      if (s.max_shards < 1) report('max_shards must be at least 1', ['max_shards'])
      if (s.min_shards > s.max_shards) report('min_shards must not be more than max_shards', ['min_shards'])
    },
  },
)

const withoutMetadata = 'Has no effect: as in Alloy, version 1 of the protocol carries no types, helps and units'

const metadataConfig = defineSettings({
  send: attr(bool, `${withoutMetadata}; version 2 has them with the series.`, { default: true }),
  send_interval: attr(duration, `${withoutMetadata}.`, { default: '1m' }),
  max_samples_per_send: attr(uint, `${withoutMetadata}.`, { default: 2000 }),
})

const sigv4 = defineSettings({
  access_key: attr(string, 'Access key.', { default: '' }),
  external_id: attr(string, 'External id.', { default: '' }),
  profile: attr(string, 'Profile.', { default: '' }),
  region: attr(string, 'Region.', { default: '' }),
  role_arn: attr(string, 'Role.', { default: '' }),
  secret_key: attr(secret, 'Secret key.'),
  service_name: attr(string, 'Service.', { default: 'aps' }),
  use_fips_sts_endpoint: attr(bool, 'Use a FIPS endpoint.', { default: false }),
})

const azureAd = defineSettings({
  cloud: attr(string, 'Azure cloud.', { default: 'AzurePublic' }),
  scope: attr(string, 'Scope.', { default: '' }),
  managed_identity: block(
    defineSettings({ client_id: attr(string, 'Client.', { required: true }) }),
    'Managed identity.',
  ),
  oauth: block(
    defineSettings({
      client_id: attr(string, 'Client.', { required: true }),
      client_secret: attr(secret, 'Secret.', { required: true }),
      tenant_id: attr(string, 'Tenant.', { required: true }),
    }),
    'OAuth 2.0.',
  ),
  sdk: block(defineSettings({ tenant_id: attr(string, 'Tenant.', { required: true }) }), 'The SDK’s ways.'),
  workload_identity: block(
    defineSettings({
      client_id: attr(string, 'Client.', { required: true }),
      tenant_id: attr(string, 'Tenant.', { required: true }),
      token_file_path: attr(string, 'File with the token.', {
        default: '/var/run/secrets/azure/tokens/azure-identity-token',
      }),
    }),
    'Workload identity.',
  ),
})

const googleIam = defineSettings({
  credentials_file: attr(string, 'File with the credentials.', { default: '' }),
})

/** An `endpoint` block of a `prometheus.remote_write`. */
export const endpointSettings = defineSettings(
  {
    url: attr(httpUrl, 'Where to send.', { required: true }),
    name: attr(string, 'Name in metrics, and of the queue’s directory.', { default: '' }),
    remote_timeout: attr(duration, 'How long a request may take.', { default: '30s' }),
    headers: attr(map(string), 'Headers to send with every request.', { default: {} }),
    protobuf_message: attr(message, 'Which version of the protocol to speak.', { default: Message.v1 }),
    send_exemplars: attr(bool, 'Send exemplars.', { default: true }),
    send_native_histograms: attr(bool, 'Send native histograms.', { default: false }),
    round_robin_dns: attr(bool, 'Spread connections over all addresses of the host.', { default: false }),
    ...httpClientFields(),
    enable_http2: attr(bool, 'Speak HTTP/2 with servers that can.', { default: false }),
    queue_config: block(queueConfig, 'The queue in front of the backend.', { whenAbsent: 'defaults' }),
    metadata_config: block(metadataConfig, 'Sending of metadata.', { whenAbsent: 'defaults' }),
    write_relabel_config: relabelRuleBlocks('Relabelling before sending, after external labels.'),
    sigv4: block(sigv4, 'Authentication with AWS: not supported yet.'),
    azuread: block(azureAd, 'Authentication with Azure: not supported yet.'),
    google_iam: block(googleIam, 'Authentication with Google: not supported yet.'),
  },
  {
    check: (s, report) => {
      checkHttpClient(s, report)
      for (const name of ['sigv4', 'azuread', 'google_iam'] as const) {
        if (s[name]) report(`Cannot authenticate with ${name}: it is not supported yet`, [name])
      }
    },
  },
)

export type EndpointSettings = SettingsOf<typeof endpointSettings>
