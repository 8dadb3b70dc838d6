// otelcol.auth.oauth2 and the YAML extension oauth2client: exporters authenticate with OAuth 2.0 client credentials.
import { readFileSync } from 'node:fs'
import {
  anyValue,
  attr,
  block,
  Capsule,
  type Component,
  type ComponentDefinition,
  defaultSettings,
  defineSettings,
  duration,
  type Host,
  list,
  map,
  type Report,
  type Secret,
  secret,
  string,
  type YamlDefinition,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import { createHttpClient, httpClientSettings, TokenSource } from '#component/http_client'
import { alloyClientTls, otelClientTls, yamlClientTls } from '#component/otel_client'
import type { OtelExtension } from '#component/otel_extension'

const fields = {
  client_id: attr(string, 'Client id.', { default: '' }),
  client_id_file: attr(string, 'File with the client id; read again for every token.', { default: '' }),
  client_secret: attr(secret, 'Client secret.'),
  client_secret_file: attr(string, 'File with the client secret; read again for every token.', { default: '' }),
  client_certificate_key: attr(secret, 'Key for signed requests: not supported yet.'),
  client_certificate_key_file: attr(string, 'File with that key: not supported yet.', { default: '' }),
  client_certificate_key_id: attr(string, 'Id of that key: not supported yet.', { default: '' }),
  grant_type: attr(string, 'Only `client_credentials`.', { default: 'client_credentials' }),
  signature_algorithm: attr(string, 'For signed requests: not supported yet.', { default: 'RS256' }),
  iss: attr(string, 'For signed requests: not supported yet.', { default: '' }),
  audience: attr(string, 'For signed requests: not supported yet.', { default: '' }),
  claims: attr(map(anyValue), 'For signed requests: not supported yet.', { default: {} }),
  endpoint_params: attr(map(list(string)), 'Further parameters of the token request.', { default: {} }),
  scopes: attr(list(string), 'Scopes to ask for.', { default: [] }),
  timeout: attr(duration, 'How long a token request may take; 0: 30 s.', { default: '0s' }),
}

function check(
  s: {
    client_id: string
    client_id_file: string
    grant_type: string
    client_secret: Secret | undefined
    client_secret_file: string
    token_url: string
  },
  report: Report,
): void {
  if (s.client_id === '' && s.client_id_file === '')
    report('no ClientID provided in the OAuth2 extension configuration')
  if (s.token_url === '') report('no TokenURL provided in OAuth2 extension configuration')
  if (s.grant_type !== '' && s.grant_type !== 'client_credentials') {
    report(`Cannot get tokens by the grant ${s.grant_type}: only client_credentials is supported yet`, ['grant_type'])
  } else if (s.client_secret === undefined && s.client_secret_file === '') {
    report('no ClientSecret provided in OAuth2 extension configuration')
  }
}

const alloySettings = defineSettings(
  {
    ...fields,
    token_url: attr(string, 'Where tokens are had.', { required: true }),
    expiry_buffer: attr(duration, 'A token is renewed so long before it expires.', { default: '0s' }),
    tls: block(alloyClientTls, 'TLS towards the token server.'),
    ...debugMetricsField,
  },
  { check },
)
const yamlSettings = defineSettings(
  {
    ...fields,
    token_url: attr(string, 'Where tokens are had.', { default: '' }),
    expiry_buffer: attr(duration, 'A token is renewed so long before it expires.', { default: '5m' }),
    tls: block(yamlClientTls, 'TLS towards the token server.'),
  },
  { check },
)

interface OAuth2ClientSettings {
  readonly client_id: string
  readonly client_id_file: string
  readonly client_secret: Secret | undefined
  readonly client_secret_file: string
  readonly endpoint_params: ReadonlyMap<string, readonly string[]>
  readonly scopes: readonly string[]
  readonly token_url: string
  readonly expiry_buffer: number
  readonly tls: Parameters<typeof otelClientTls>[0]
}

function create(host: Host, s: OAuth2ClientSettings): Component<never> {
  const client = createHttpClient(
    { ...defaultSettings(httpClientSettings), tls_config: otelClientTls(s.tls).settings, proxy_from_environment: true },
    { userAgent: host.globals.userAgent, log: host.log, clock: host.clock },
  )
  const credentials = {
    get client_id() {
      return s.client_id_file === '' ? s.client_id : readFileSync(s.client_id_file, 'utf8').trim()
    },
    client_secret: s.client_secret,
    client_secret_file: s.client_secret_file,
    endpoint_params: s.endpoint_params,
    scopes: s.scopes,
    token_url: s.token_url,
  }
  const tokens = new TokenSource(credentials, client, host.clock, s.expiry_buffer)
  const extension: OtelExtension = {
    id: host.id,
    clientAuth: { headers: async (_, present) => ({ ...present, authorization: await tokens.header() }) },
  }
  host.setExports({ handler: new Capsule('otelcol.Handler', extension) })
  return { stop: () => client.close() }
}

export const otelcolAuthOauth2: ComponentDefinition = {
  name: 'otelcol.auth.oauth2',
  stability: 'generally-available',
  doc: 'Authenticates requests of exporters with OAuth 2.0 client credentials.',
  exports: { handler: { type: 'otelcol.Handler', doc: 'What `auth` settings refer to.' } },
  stateless: true,
  settings: alloySettings,
  create: (host, settings) => create(host, settings as OAuth2ClientSettings),
}

export const oauth2ClientExtension: YamlDefinition = {
  kind: 'extension',
  types: ['oauth2client'],
  stability: 'generally-available',
  doc: 'Authenticates requests of exporters with OAuth 2.0 client credentials.',
  signals: [],
  stateless: true,
  settings: yamlSettings,
  create: (host, settings) => create(host, settings as OAuth2ClientSettings),
}
