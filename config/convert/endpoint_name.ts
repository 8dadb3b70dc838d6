// The names that Grafana Agent gives to endpoints without one: `<instance>-<six hexadecimal digits of what it is configured as>`.
import { createHash } from 'node:crypto'
import { isNull, type YamlMap, type YamlNode } from '../yaml/tree.ts'

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

const hexDigits = 6

/**
 * The name, which stands in labels of the metrics of its queue. The digits are of an MD5 of Go's JSON of Prometheus's
 * structure, field by field in its order; for settings that are not known here they may be others than the Agent's.
 */
export function endpointName(instance: string, endpoint: YamlMap): string {
  const read = new Reader(endpoint)
  const json = JSON.stringify({
    URL: read.text('url'),
    RemoteTimeout: read.text('remote_timeout', '30s'),
    Headers: sorted(read.json('headers')),
    WriteRelabelConfigs: relabelConfigs(read.json('write_relabel_configs')),
    Name: '',
    SendExemplars: read.json('send_exemplars', true),
    SendNativeHistograms: read.json('send_native_histograms', false),
    RoundRobinDNS: read.json('round_robin_dns', false),
    ProtobufMessage: read.text('protobuf_message', 'prometheus.WriteRequest'),
    HTTPClientConfig: clientOf(endpoint),
    QueueConfig: queueOf(read.map('queue_config')),
    MetadataConfig: metadataOf(read.map('metadata_config')),
    SigV4Config: sigv4Of(read.optional('sigv4')),
    AzureADConfig: azureOf(read.optional('azuread')),
    GoogleIAMConfig: googleOf(read.optional('google_iam')),
  })
  const escaped = json.replaceAll(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`)
  return `${instance}-${createHash('md5').update(escaped).digest('hex').slice(0, hexDigits)}`
}

/** Reads a map with defaults. */
class Reader {
  readonly #map: YamlMap | undefined

  constructor(map: YamlMap | undefined) {
    this.#map = map
  }

  json(key: string, preset: Json = null): Json {
    const entry = this.#map?.entries.get(key)
    return entry && !isNull(entry.value) ? plain(entry.value) : preset
  }

  text(key: string, preset = ''): string {
    const node = this.#map?.entries.get(key)?.value
    return node?.kind === 'scalar' && !isNull(node) ? node.text : preset
  }

  map(key: string): Reader {
    return this.optional(key) ?? new Reader(undefined)
  }

  optional(key: string): Reader | undefined {
    const node = this.#map?.entries.get(key)?.value
    return node?.kind === 'map' ? new Reader(node) : undefined
  }

  /** A secret as Go shows it; undefined: left out. */
  secret(key: string): string | undefined {
    return this.text(key) === '' ? undefined : '<secret>'
  }

  /** An optional text; undefined: left out. */
  some(key: string): string | undefined {
    return this.text(key) || undefined
  }
}

function plain(node: YamlNode): Json {
  if (node.kind === 'list') return node.items.map(plain)
  if (node.kind === 'map')
    return Object.fromEntries([...node.entries.values()].map((one) => [one.key, plain(one.value)]))
  return typeof node.value === 'bigint' ? Number(node.value) : node.value
}

function sorted(json: Json): Json {
  if (json === null || typeof json !== 'object' || Array.isArray(json)) return json
  return Object.fromEntries(Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function relabelConfigs(json: Json): Json {
  if (!Array.isArray(json)) return null
  return json.map((one: { readonly [key: string]: Json }) => ({
    ...(one['source_labels'] ? { source_labels: one['source_labels'] } : {}),
    separator: one['separator'] ?? ';',
    regex: one['regex'] ?? '(.*)',
    ...(one['modulus'] ? { modulus: one['modulus'] } : {}),
    ...(one['target_label'] ? { target_label: one['target_label'] } : {}),
    replacement: one['replacement'] ?? '$1',
    action: one['action'] ?? 'replace',
  }))
}

/** Undefined members are left out of JSON. */
function clientOf(endpoint: YamlMap): unknown {
  const read = new Reader(endpoint)
  const basic = read.optional('basic_auth')
  const authorization = read.optional('authorization')
  const token = read.secret('bearer_token')
  const file = read.some('bearer_token_file')
  const oauth2 = read.optional('oauth2')
  return {
    basic_auth: basic && {
      username: basic.some('username'),
      password: basic.secret('password'),
      password_file: basic.some('password_file'),
    },
    authorization: authorization
      ? {
          type: authorization.text('type', 'Bearer'),
          credentials: authorization.secret('credentials'),
          credentials_file: authorization.some('credentials_file'),
        }
      : token || file
        ? { type: 'Bearer', credentials: token, credentials_file: file }
        : undefined,
    oauth2: oauth2 && {
      client_id: oauth2.text('client_id'),
      client_secret: oauth2.secret('client_secret'),
      client_secret_file: oauth2.some('client_secret_file'),
      scopes: oauth2.json('scopes') ?? undefined,
      token_url: oauth2.text('token_url'),
      endpoint_params: sorted(oauth2.json('endpoint_params')) ?? undefined,
      TLSConfig: tlsOf(oauth2.map('tls_config')),
      proxy_url: oauth2.json('proxy_url'),
      no_proxy: oauth2.some('no_proxy'),
      proxy_from_environment: oauth2.json('proxy_from_environment') || undefined,
    },
    tls_config: tlsOf(read.map('tls_config')),
    follow_redirects: read.json('follow_redirects', true),
    enable_http2: read.json('enable_http2', false),
    proxy_url: read.json('proxy_url'),
    no_proxy: read.some('no_proxy'),
    proxy_from_environment: read.json('proxy_from_environment') || undefined,
  }
}

function tlsOf(read: Reader): unknown {
  return {
    ca: read.some('ca'),
    cert: read.some('cert'),
    key: read.secret('key'),
    ca_file: read.some('ca_file'),
    cert_file: read.some('cert_file'),
    key_file: read.some('key_file'),
    server_name: read.some('server_name'),
    insecure_skip_verify: read.json('insecure_skip_verify', false),
    min_version: read.some('min_version'),
    max_version: read.some('max_version'),
  }
}

function queueOf(read: Reader): Json {
  return {
    Capacity: read.json('capacity', 10_000),
    MaxShards: read.json('max_shards', 50),
    MinShards: read.json('min_shards', 1),
    MaxSamplesPerSend: read.json('max_samples_per_send', 2000),
    BatchSendDeadline: read.text('batch_send_deadline', '5s'),
    MinBackoff: read.text('min_backoff', '30ms'),
    MaxBackoff: read.text('max_backoff', '5s'),
    RetryOnRateLimit: read.json('retry_on_http_429', true),
    SampleAgeLimit: read.text('sample_age_limit', '0s'),
  }
}

function metadataOf(read: Reader): Json {
  return {
    Send: read.json('send', true),
    SendInterval: read.text('send_interval', '1m'),
    MaxSamplesPerSend: read.json('max_samples_per_send', 2000),
  }
}

function sigv4Of(read: Reader | undefined): unknown {
  if (!read) return null
  return {
    Region: read.text('region'),
    AccessKey: read.text('access_key'),
    SecretKey: read.secret('secret_key') ?? '',
    Profile: read.text('profile'),
    RoleARN: read.text('role_arn'),
    ExternalID: read.text('external_id'),
    UseFIPSSTSEndpoint: read.json('use_fips_sts_endpoint', false),
    ServiceName: read.text('service_name'),
  }
}

function azureOf(read: Reader | undefined): unknown {
  if (!read) return null
  const identity = read.optional('managed_identity')
  const workload = read.optional('workload_identity')
  const oauth = read.optional('oauth')
  const sdk = read.optional('sdk')
  return {
    ManagedIdentity: identity ? { ClientID: identity.text('client_id') } : null,
    WorkloadIdentity: workload
      ? {
          ClientID: workload.text('client_id'),
          TenantID: workload.text('tenant_id'),
          TokenFilePath: workload.text('token_file_path'),
        }
      : null,
    OAuth: oauth
      ? {
          ClientID: oauth.text('client_id'),
          ClientSecret: oauth.secret('client_secret') ?? '',
          TenantID: oauth.text('tenant_id'),
        }
      : null,
    SDK: sdk ? { TenantID: sdk.text('tenant_id') } : null,
    Certificate: null,
    Cloud: read.text('cloud', 'AzurePublic'),
    Scope: read.text('scope'),
  }
}

function googleOf(read: Reader | undefined): Json {
  return read ? { CredentialsFile: read.text('credentials_file') } : null
}
