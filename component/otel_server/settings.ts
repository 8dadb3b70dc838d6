// The settings of servers in the collector's configurations: TLS, gRPC and HTTP, as Alloy and as YAML write them.
import {
  attr,
  block,
  blocks,
  bool,
  byteSize,
  customType,
  defineSettings,
  duration,
  entriesOf,
  int,
  list,
  type Report,
  Secret,
  secret,
  type SettingsOf,
  string,
  type Type,
  uint,
  type Value,
  ValueError,
} from '#component'
import type { ServerTlsSettings } from '#component/listener'
import { otelHandler } from '#component/otel_extension'
import { endpointProblem } from './address.ts'

const tpm = defineSettings(
  {
    enabled: attr(bool, 'Take the private key from a TPM.', { default: false }),
    path: attr(string, 'The device of the TPM.', { default: '' }),
    owner_auth: attr(string, 'Authorization of the owner.', { default: '' }),
    auth: attr(string, 'Authorization of the key.', { default: '' }),
  },
  {
    check: (s, report) => {
      if (s.enabled) report('Cannot use keys of a TPM: that is not supported: current value is true', ['enabled'])
    },
  },
)

const tlsFields = {
  ca_file: attr(string, 'File with the authority of other servers; not used by a server.', { default: '' }),
  ca_pem: attr(string, 'Authority of other servers; not used by a server.', { default: '' }),
  include_system_ca_certs_pool: attr(bool, "Trust the system's authorities too.", { default: false }),
  cert_file: attr(string, 'File with the certificate.', { default: '' }),
  cert_pem: attr(string, 'Certificate.', { default: '' }),
  key_file: attr(string, 'File with the private key.', { default: '' }),
  key_pem: attr(secret, 'Private key.'),
  min_version: attr(string, 'The oldest TLS version to speak: 1.0, 1.1, 1.2 or 1.3.', { default: '1.2' }),
  max_version: attr(string, 'The newest TLS version to speak.', { default: '1.3' }),
  cipher_suites: attr(list(string), 'Cipher suites of TLS 1.2 and older; empty: the usual ones.', { default: [] }),
  include_insecure_cipher_suites: attr(bool, 'Allow cipher suites with known weaknesses.', { default: false }),
  reload_interval: attr(duration, 'How often the files are read again; 0: every 10s.', { default: '0s' }),
  curve_preferences: attr(list(string), 'Curves; empty: the usual ones.', { default: [] }),
  client_ca_file: attr(string, 'File with the authority that clients must have their certificates from.', {
    default: '',
  }),
  tpm: block(tpm, 'A private key inside a TPM.', { whenAbsent: 'defaults' }),
}
/** Settings of the files above that a check reads. */
interface TlsGiven {
  readonly cert_file: string
  readonly cert_pem: string
  readonly key_file: string
  readonly key_pem: Secret | undefined
  readonly ca_file: string
  readonly ca_pem: string
  readonly min_version: string
  readonly max_version: string
}

function checkTls(s: TlsGiven, report: Report): void {
  const key = s.key_pem?.reveal() ?? ''
  if (s.ca_pem !== '' && s.ca_file !== '') report('at most one of ca_pem and ca_file must be configured', ['ca_file'])
  if (s.cert_pem !== '' && s.cert_file !== '') {
    report('at most one of cert_pem and cert_file must be configured', ['cert_file'])
  }
  if (key !== '' && s.key_file !== '') report('at most one of key_pem and key_file must be configured', ['key_file'])
  if (s.cert_pem === '' && s.cert_file === '') report('Cannot serve over TLS: neither cert_pem nor cert_file is set')
  else if (key === '' && s.key_file === '') report('Cannot serve over TLS: neither key_pem nor key_file is set')
  for (const name of ['min_version', 'max_version'] as const) {
    if (tlsVersion(s[name]) === undefined) report(`unsupported TLS version: ${JSON.stringify(s[name])}`, [name])
  }
  if ((tlsVersion(s.min_version) ?? '') > (tlsVersion(s.max_version) || 'TLS13')) {
    report('min_version cannot be greater than max_version', ['min_version'])
  }
}

/** `1.2` is how it is written; `TLS 1.2` how it is documented. */
function tlsVersion(text: string): string | undefined {
  if (text === '') return ''
  const found = /^(?:TLS )?1\.([0-3])$/.exec(text)
  return found ? `TLS1${found[1]}` : undefined
}

/** The `tls` block of a server in Alloy. */
export const alloyTls = defineSettings(tlsFields, { check: checkTls })
/** The same in YAML. */
export const yamlTls = defineSettings(
  {
    ...tlsFields,
    client_ca_file_reload: attr(bool, 'Read `client_ca_file` again when it changes.', { default: false }),
  },
  { check: checkTls },
)

/** What a server needs to know of a `tls` block. */
export function otelServerTls(s: SettingsOf<typeof alloyTls>): ServerTlsSettings {
  return {
    certPem: s.cert_pem,
    certFile: s.cert_file,
    keyPem: s.key_pem?.reveal() ?? '',
    keyFile: s.key_file,
    clientCaPem: '',
    clientCaFile: s.client_ca_file,
    clientAuth: s.client_ca_file === '' ? 'NoClientCert' : 'RequireAndVerifyClientCert',
    cipherSuites: s.cipher_suites,
    curves: s.curve_preferences.map(
      (name) => ({ P256: 'CurveP256', P384: 'CurveP384', P521: 'CurveP521' })[name] ?? name,
    ),
    minVersion: tlsVersion(s.min_version) ?? '',
    maxVersion: tlsVersion(s.max_version) ?? '',
  }
}

// ----------------------------------------------------------------------------------------------------------- gRPC

const serverParameters = defineSettings({
  max_connection_idle: attr(duration, 'Connections without calls are let go after it; 0: never.', { default: '0s' }),
  max_connection_age: attr(duration, 'Connections are let go at this age; 0: never.', { default: '0s' }),
  max_connection_age_grace: attr(duration, 'How long calls may go on after that; 0: no limit.', { default: '0s' }),
  time: attr(duration, 'Silence after which a client is asked for a sign of life; 0: 2h.', { default: '0s' }),
  timeout: attr(duration, 'How long that sign may take; 0: 20s.', { default: '0s' }),
})
const enforcementPolicy = defineSettings({
  min_time: attr(duration, 'How often clients may ping; 0: every 5m.', { default: '0s' }),
  permit_without_stream: attr(bool, 'Clients may ping without calls under way.', { default: false }),
})
const keepalive = defineSettings({
  server_parameters: block(serverParameters, 'What the server does.', { whenAbsent: 'defaults' }),
  enforcement_policy: block(enforcementPolicy, 'What clients may do.', { whenAbsent: 'defaults' }),
})

function checkAddress(s: { readonly endpoint: string; readonly transport: string }, report: Report): void {
  const problem = endpointProblem(s.endpoint, s.transport)
  if (problem !== undefined) report(problem.message, [problem.field])
}

const bufferDoc = 'Taken, and not used: Node reads and writes with buffers of its own.'

/** Alloy's block of a gRPC server. */
export function alloyGrpcServer(defaults: { readonly endpoint: string }) {
  return defineSettings(
    {
      endpoint: attr(string, 'Where to listen: `host:port`, or the path of a Unix socket.', {
        default: defaults.endpoint,
      }),
      transport: attr(string, 'tcp, tcp4, tcp6 or unix.', { default: 'tcp' }),
      tls: block(alloyTls, 'Serve over TLS.'),
      max_recv_msg_size: attr(byteSize, 'Bytes of the largest message that is taken, decompressed.', {
        default: '4MiB',
      }),
      max_concurrent_streams: attr(uint, 'Calls at once on one connection; 0: 1024.', { default: 0 }),
      read_buffer_size: attr(byteSize, bufferDoc, { default: '512KiB' }),
      write_buffer_size: attr(byteSize, bufferDoc, { default: '0B' }),
      keepalive: block(keepalive, 'Signs of life, and how long connections last.', { whenAbsent: 'defaults' }),
      auth: attr(otelHandler, 'Who authenticates clients: the `handler` of an `otelcol.auth` component.'),
      include_metadata: attr(bool, "Hand on clients' metadata with their telemetry.", { default: false }),
    },
    { check: checkAddress },
  )
}

const dialer = defineSettings({ timeout: attr(duration, 'Not used by a server.', { default: '0s' }) })
const middleware = defineSettings(
  { id: attr(string, 'The extension.', { required: true }) },
  {
    check: (s, report) => report(`Cannot use a middleware: no extension offers one: current value is ${s.id}`, ['id']),
  },
)

/** YAML's map of a gRPC server. */
export function yamlGrpcServer(defaults: { readonly endpoint: string }) {
  return defineSettings(
    {
      endpoint: attr(string, 'Where to listen: `host:port`, or the path of a Unix socket.', {
        default: defaults.endpoint,
      }),
      transport: attr(string, 'tcp, tcp4, tcp6 or unix.', { default: 'tcp' }),
      dialer: block(dialer, 'Not used by a server.', { whenAbsent: 'defaults' }),
      tls: block(yamlTls, 'Serve over TLS.', { whenNull: 'absent' }),
      max_recv_msg_size_mib: attr(int, 'MiB of the largest message that is taken, decompressed; 0: 4.', { default: 0 }),
      max_concurrent_streams: attr(uint, 'Calls at once on one connection; 0: 1024.', { default: 0 }),
      read_buffer_size: attr(int, bufferDoc, { default: 524_288 }),
      write_buffer_size: attr(int, bufferDoc, { default: 0 }),
      keepalive: block(keepalive, 'Signs of life, and how long connections last.', { whenAbsent: 'defaults' }),
      auth: block(
        defineSettings({
          authenticator: attr(otelHandler, 'The extension that authenticates clients.', { required: true }),
        }),
        'Authenticate clients.',
        { whenNull: 'absent' },
      ),
      include_metadata: attr(bool, "Hand on clients' metadata with their telemetry.", { default: false }),
      middlewares: blocks(middleware, 'Extensions around every call.'),
    },
    { check: checkAddress },
  )
}

// ----------------------------------------------------------------------------------------------------------- HTTP

/** Names of content encodings; '' is a body that is not compressed. */
export const compressionAlgorithms = ['', 'gzip', 'zstd', 'zlib', 'snappy', 'deflate', 'lz4'] as const

const cors = defineSettings({
  allowed_origins: attr(list(string), 'Origins that may send from a browser; `*` stands for any characters.', {
    default: [],
  }),
  allowed_headers: attr(list(string), 'Headers that they may send; `*`: any. Empty: X-Requested-With.', {
    default: [],
  }),
  exposed_headers: attr(list(string), 'Headers of answers that they may read.', { default: [] }),
  max_age: attr(int, 'Seconds for which browsers may keep what they were told; 0: their choice.', { default: 0 }),
})
export type CorsSettings = SettingsOf<typeof cors>

interface HttpDefaults {
  readonly endpoint: string
  readonly readHeaderTimeout: string
  readonly writeTimeout: string
  readonly idleTimeout: string
}

function httpFields(defaults: HttpDefaults) {
  return {
    endpoint: attr(string, 'Where to listen: `host:port`, or the path of a Unix socket.', {
      default: defaults.endpoint,
    }),
    cors: block(cors, 'Requests from browsers.', { whenNull: 'absent' }),
    include_metadata: attr(bool, "Hand on clients' headers with their telemetry.", { default: false }),
    keep_alives_enabled: attr(bool, 'Connections serve several requests.', { default: true }),
    read_timeout: attr(duration, 'How long a request may take to arrive; 0: no limit.', { default: '0s' }),
    read_header_timeout: attr(duration, 'How long its headers may take; 0: as `read_timeout`.', {
      default: defaults.readHeaderTimeout,
    }),
    write_timeout: attr(duration, 'How long an answer may take; 0: no limit.', { default: defaults.writeTimeout }),
    idle_timeout: attr(duration, 'How long idle connections are kept; 0: as `read_timeout`.', {
      default: defaults.idleTimeout,
    }),
  }
}

function checkAlgorithms(algorithms: readonly string[], report: Report): void {
  for (const [i, name] of algorithms.entries()) {
    if (compressionAlgorithms.some((known) => known === name)) continue
    report(`unsupported compression type ${JSON.stringify(name)}`, ['compression_algorithms', i])
  }
}

/** The fields of Alloy's block of an HTTP server; give `checkAlloyHttpServer` to the schema they go into. */
export function alloyHttpServerFields(defaults: HttpDefaults) {
  return {
    ...httpFields(defaults),
    tls: block(alloyTls, 'Serve over TLS.'),
    auth: attr(otelHandler, 'Who authenticates clients: the `handler` of an `otelcol.auth` component.'),
    max_request_body_size: attr(byteSize, 'Bytes of the largest body that is taken, decompressed.', {
      default: '20MiB',
    }),
    compression_algorithms: attr(list(string), 'Content encodings to take.', { default: [...compressionAlgorithms] }),
  }
}

export function checkAlloyHttpServer(
  s: { readonly endpoint: string; readonly compression_algorithms: readonly string[] },
  report: Report,
): void {
  checkAddress({ endpoint: s.endpoint, transport: 'tcp' }, report)
  checkAlgorithms(s.compression_algorithms, report)
}

/** Headers as a map, or as a list of `{ name, value }`; decoded: pairs. */
const headerPairs: Type<readonly (readonly [string, Secret])[]> = customType({
  name: 'map(secret)',
  zero: [],
  decode: (value) => (Array.isArray(value) ? value.map(headerPair) : headerMap(value)),
  json: { type: 'object', additionalProperties: { type: 'string' } },
})

function headerPair(value: Value, i: number): readonly [string, Secret] {
  const entries = value === null ? undefined : entriesOf(value as Exclude<Value, null>)
  const pair = new Map(entries ?? [])
  const name = pair.get('name')
  const content = pair.get('value')
  if (typeof name !== 'string' || content === undefined || content === null) {
    throw new ValueError('should be a pair of name and value', [i])
  }
  return [name, secret.decode(content as Parameters<typeof secret.decode>[0])]
}

function headerMap(value: Exclude<Value, null>): readonly (readonly [string, Secret])[] {
  const entries = entriesOf(value)
  if (!entries) throw new ValueError('should be a map of headers')
  return [...entries].map(([name, content]) => [name, secret.decode(content as Parameters<typeof secret.decode>[0])])
}

/** The fields of YAML's map of an HTTP server; give `checkYamlHttpServer` to the schema they go into. */
export function yamlHttpServerFields(defaults: HttpDefaults) {
  return {
    ...httpFields(defaults),
    transport: attr(string, 'tcp, tcp4, tcp6 or unix.', { default: 'tcp' }),
    dialer: block(dialer, 'Not used by a server.', { whenAbsent: 'defaults' }),
    tls: block(yamlTls, 'Serve over TLS.', { whenNull: 'absent' }),
    auth: block(
      defineSettings({
        authenticator: attr(otelHandler, 'The extension that authenticates clients.', { required: true }),
        request_params: attr(list(string), 'Query parameters that it is shown as headers.', { default: [] }),
      }),
      'Authenticate clients.',
      { whenNull: 'absent' },
    ),
    max_request_body_size: attr(int, 'Bytes of the largest body that is taken, decompressed; 0: 20 MiB.', {
      default: 0,
    }),
    response_headers: attr(headerPairs, 'Headers of every answer.', { default: [] }),
    compression_algorithms: attr(list(string), 'Content encodings to take.', {
      default: compressionAlgorithms.filter((name) => name !== 'lz4'),
    }),
    middlewares: blocks(middleware, 'Extensions around every request.'),
  }
}

export function checkYamlHttpServer(
  s: { readonly endpoint: string; readonly transport: string; readonly compression_algorithms: readonly string[] },
  report: Report,
): void {
  checkAddress(s, report)
  checkAlgorithms(s.compression_algorithms, report)
}
