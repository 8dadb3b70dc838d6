// The settings of every HTTP client: authentication, TLS, proxies, redirects and headers.
import {
  attr,
  block,
  bool,
  customType,
  defineSettings,
  list,
  map,
  type Report,
  type Secret,
  secret,
  type SettingsOf,
  string,
  ValueError,
} from '#component'

/** How TLS versions are written in client settings; the empty word is the default, TLS 1.2. */
export const tlsVersions = { TLS10: 'TLSv1', TLS11: 'TLSv1.1', TLS12: 'TLSv1.2', TLS13: 'TLSv1.3' } as const
type TlsVersionName = keyof typeof tlsVersions

const tlsVersion = customType<TlsVersionName | ''>({
  name: 'string',
  zero: '',
  decode(value) {
    const text = string.decode(value)
    if (text !== '' && !Object.hasOwn(tlsVersions, text)) throw new ValueError(`unknown TLS version: ${text}`)
    return text as TlsVersionName | ''
  },
  accepts: string.accepts,
  json: { enum: Object.keys(tlsVersions) },
})

const given = (text: Secret | undefined): boolean => text !== undefined && text.reveal() !== ''

/** A `tls_config` block of a client. */
export const clientTlsSettings = defineSettings(
  {
    ca_pem: attr(string, 'Certificate authority to check the server by.', { default: '' }),
    ca_file: attr(string, 'File with the certificate authority.', { default: '' }),
    cert_pem: attr(string, 'Client certificate.', { default: '' }),
    cert_file: attr(string, 'File with the client certificate.', { default: '' }),
    key_pem: attr(secret, 'Key of the client certificate.'),
    key_file: attr(string, 'File with the key of the client certificate.', { default: '' }),
    server_name: attr(string, 'The name the server must prove, where it is not the one in the URL.', { default: '' }),
    insecure_skip_verify: attr(bool, 'Do not check the certificate of the server.', { default: false }),
    min_version: attr(tlsVersion, 'The oldest TLS version to speak: TLS10, TLS11, TLS12 or TLS13.', { default: '' }),
  },
  {
    check: (s, report) => {
      const key = given(s.key_pem) || s.key_file !== ''
      const certificate = s.cert_pem !== '' || s.cert_file !== ''
      if (s.ca_pem !== '' && s.ca_file !== '')
        report('at most one of ca_pem and ca_file must be configured', ['ca_file'])
      if (s.cert_pem !== '' && s.cert_file !== '') {
        report('at most one of cert_pem and cert_file must be configured', ['cert_file'])
      }
      if (given(s.key_pem) && s.key_file !== '') {
        report('at most one of key_pem and key_file must be configured', ['key_file'])
      }
      if (certificate && !key) {
        const path = [s.cert_pem === '' ? 'cert_file' : 'cert_pem']
        report('exactly one of key_pem or key_file must be configured when a client certificate is configured', path)
      }
      if (key && !certificate) {
        const path = [s.key_file === '' ? 'key_pem' : 'key_file']
        report('exactly one of cert_pem or cert_file must be configured when a client key is configured', path)
      }
    },
  },
)
export type ClientTlsSettings = SettingsOf<typeof clientTlsSettings>

const proxyFields = {
  proxy_url: attr(string, 'Proxy to go through (http://, https:// or socks5://).', { default: '' }),
  no_proxy: attr(
    string,
    'Hosts, domains, addresses and networks (CIDR) to reach without the proxy, with commas between.',
    {
      default: '',
    },
  ),
  proxy_from_environment: attr(bool, 'Take the proxy from HTTP_PROXY, HTTPS_PROXY and NO_PROXY.', { default: false }),
  proxy_connect_header: attr(map(list(secret)), 'Headers for the proxy, sent with CONNECT.', { default: {} }),
}
const proxySettings = defineSettings(proxyFields)
export type ProxySettings = SettingsOf<typeof proxySettings>

export const proxyProtocols: readonly string[] = ['http:', 'https:', 'socks5:', 'socks5h:']

function checkProxy(s: ProxySettings, report: Report): void {
  if (s.proxy_connect_header.size > 0 && !s.proxy_from_environment && s.proxy_url === '') {
    const message = 'if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured'
    report(message, ['proxy_connect_header'])
  }
  if (s.proxy_from_environment && s.proxy_url !== '') {
    report('if proxy_from_environment is configured, proxy_url must not be configured', ['proxy_url'])
  }
  if (s.proxy_from_environment && s.no_proxy !== '') {
    report('if proxy_from_environment is configured, no_proxy must not be configured', ['no_proxy'])
  } else if (s.proxy_url === '' && s.no_proxy !== '') {
    report('if no_proxy is configured, proxy_url must also be configured', ['no_proxy'])
  }
  if (s.proxy_url === '') return
  const protocol = URL.parse(s.proxy_url)?.protocol
  if (protocol === undefined || !proxyProtocols.includes(protocol)) {
    report('Cannot use the proxy: its URL must begin with http://, https:// or socks5://', ['proxy_url'])
  }
}

const basicAuth = defineSettings(
  {
    username: attr(string, 'User name.', { default: '' }),
    password: attr(secret, 'Password, sent exactly as it is.'),
    password_file: attr(string, 'File with the password; white space around it is left out.', { default: '' }),
  },
  {
    check: (s, report) => {
      if (!given(s.password) || s.password_file === '') return
      report('at most one of basic_auth password & password_file must be configured', ['password_file'])
    },
  },
)

const authorization = defineSettings(
  {
    type: attr(string, 'The scheme.', { default: 'Bearer' }),
    credentials: attr(secret, 'What follows the scheme.'),
    credentials_file: attr(string, 'File with what follows the scheme.', { default: '' }),
  },
  {
    check: (s, report) => {
      if (given(s.credentials) && s.credentials_file !== '') {
        const message = 'at most one of authorization credentials & credentials_file must be configured'
        report(message, ['credentials_file'])
      }
      if (s.type.trim().toLowerCase() === 'basic') {
        report('authorization type cannot be set to "basic", use "basic_auth" block instead', ['type'])
      }
    },
  },
)

const oauth2 = defineSettings(
  {
    client_id: attr(string, 'Client id.', { default: '' }),
    client_secret: attr(secret, 'Client secret.'),
    client_secret_file: attr(string, 'File with the client secret.', { default: '' }),
    scopes: attr(list(string), 'Scopes to ask for.', { default: [] }),
    token_url: attr(string, 'Where tokens are had.', { default: '' }),
    endpoint_params: attr(map(string), 'Further parameters of the token request.', { default: {} }),
    ...proxyFields,
    tls_config: block(clientTlsSettings, 'TLS towards the token server.'),
  },
  {
    check: (s, report) => {
      const secrets = Number(given(s.client_secret)) + Number(s.client_secret_file !== '')
      if (s.client_id === '') report('oauth2 client_id must be configured')
      if (secrets === 0) report('either oauth2 client_secret or client_secret_file must be configured')
      if (s.token_url === '') report('oauth2 token_url must be configured')
      if (secrets === 2) {
        const message = 'at most one of oauth2 client_secret & client_secret_file must be configured'
        report(message, ['client_secret_file'])
      }
      checkProxy(s, report)
    },
  },
)
export type OAuth2Settings = SettingsOf<typeof oauth2>

/** The fields that every HTTP client has, to be spread into a schema; check with `checkHttpClient`. */
export function httpClientFields() {
  return {
    basic_auth: block(basicAuth, 'Authenticate with user name and password.'),
    authorization: block(authorization, 'Authenticate with an Authorization header.'),
    oauth2: block(oauth2, 'Authenticate with OAuth 2.0 client credentials.'),
    bearer_token: attr(secret, 'Authenticate with this bearer token.'),
    bearer_token_file: attr(string, 'File with the bearer token to authenticate with.', { default: '' }),
    tls_config: block(clientTlsSettings, 'TLS towards the server.'),
    ...proxyFields,
    follow_redirects: attr(bool, 'Follow redirects.', { default: true }),
    enable_http2: attr(bool, 'Speak HTTP/2 with servers that can.', { default: true }),
    http_headers: attr(map(list(secret)), 'Headers to send with every request.', { default: {} }),
  }
}

/** The decoded fields. */
export type HttpClientSettings = SettingsOf<ReturnType<typeof defineSettings<ReturnType<typeof httpClientFields>>>>

/** The fields as a schema of their own, for a block that holds nothing else. */
export const httpClientSettings = defineSettings(httpClientFields(), { check: checkHttpClient })

/** Headers that are the client's own or some other setting's (Prometheus's list of reserved headers). */
const reservedHeaders: ReadonlySet<string> = new Set([
  'authorization',
  'host',
  'content-encoding',
  'content-length',
  'content-type',
  'user-agent',
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'www-authenticate',
  'accept-encoding',
  'x-prometheus-remote-write-version',
  'x-prometheus-remote-read-version',
  'x-prometheus-scrape-timeout-seconds',
  'x-amz-date',
  'x-amz-security-token',
  'x-amz-content-sha256',
])

const authentications = ['basic_auth', 'authorization', 'oauth2', 'bearer_token', 'bearer_token_file'] as const

/** The checks across the fields of `httpClientFields`. */
export function checkHttpClient(settings: HttpClientSettings, report: Report): void {
  const used = authentications.filter((name) => {
    const value = settings[name]
    return name === 'bearer_token' ? given(settings.bearer_token) : value !== undefined && value !== ''
  })
  if (used.length > 1) {
    const message =
      'at most one of basic_auth, authorization, oauth2, bearer_token & bearer_token_file must be configured'
    report(message, [used[1] as string])
  }
  for (const name of settings.http_headers.keys()) {
    if (!reservedHeaders.has(name.toLowerCase())) continue
    report(`setting header ${JSON.stringify(canonicalHeader(name))} is not allowed`, ['http_headers', name])
  }
  checkProxy(settings, report)
}

function canonicalHeader(name: string): string {
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase())
}
