// The settings of servers that components run: where to listen, time limits, TLS.
import { attr, block, bool, defineSettings, duration, int, secret, type SettingsOf, string, uint } from '#component'
import { clientAuthTypes, type ServerTlsSettings } from '#component/listener'
import type { HttpServerSettings } from './server.ts'

const tlsFields = {
  cert_pem: attr(string, 'Certificate.', { default: '' }),
  cert_file: attr(string, 'File with the certificate.', { default: '' }),
  key_pem: attr(secret, 'Private key.'),
  key_file: attr(string, 'File with the private key.', { default: '' }),
  client_auth_type: attr(string, `What is asked of clients: ${clientAuthTypes.join(', ')}.`, {
    default: 'NoClientCert',
  }),
  client_ca_file: attr(string, 'File with the authority of client certificates.', { default: '' }),
  client_ca: attr(string, 'Authority of client certificates.', { default: '' }),
  client_ca_pem: attr(string, 'Authority of client certificates.', { default: '' }),
  cipher_suites: attr(string, 'Cipher suites, with commas between.', { default: '' }),
  min_version: attr(string, 'The oldest TLS version to speak.', { default: '' }),
}

const tls = defineSettings(tlsFields, {
  check: (s, report) => {
    if (s.cert_pem === '' && s.cert_file === '') report('Cannot serve over TLS: neither cert_pem nor cert_file is set')
    if ((s.key_pem?.reveal() ?? '') === '' && s.key_file === '') {
      report('Cannot serve over TLS: neither key_pem nor key_file is set')
    }
    if (s.client_auth_type === '' || clientAuthTypes.some((name) => name === s.client_auth_type)) return
    report(`invalid ClientAuth type ${JSON.stringify(s.client_auth_type)}`, ['client_auth_type'])
  },
})

const http2 = defineSettings({
  enabled: attr(bool, 'Speak HTTP/2.', { default: false }),
  max_handlers: attr(int, 'Requests handled at once; 0: no limit.', { default: 0 }),
  max_concurrent_streams: attr(uint, 'Requests at once on one connection.', { default: 100 }),
  max_decoder_header_table_size: attr(uint, 'Bytes of the table of received headers.', { default: 4096 }),
  max_encoder_header_table_size: attr(uint, 'Bytes of the table of sent headers.', { default: 4096 }),
  max_read_frame_size: attr(uint, 'Bytes of the largest frame; 0: the usual.', { default: 0 }),
  permit_prohibited_ciphers: attr(bool, 'Allow cipher suites that HTTP/2 forbids.', { default: false }),
  idle_timeout: attr(duration, 'How long idle connections are kept; 0: as with HTTP/1.', { default: '0s' }),
  read_idle_timeout: attr(duration, 'Silence after which the client is asked for a sign of life.', { default: '0s' }),
  ping_timeout: attr(duration, 'How long that sign may take.', { default: '15s' }),
  write_byte_timeout: attr(duration, 'How long nothing may be written; 0: no limit.', { default: '0s' }),
  max_upload_buffer_per_connection: attr(int, 'Receive window of a connection.', { default: 0 }),
  max_upload_buffer_per_stream: attr(int, 'Receive window of a request.', { default: 0 }),
})

const http = defineSettings(
  {
    listen_address: attr(string, 'Address to listen on; empty: all of them.', { default: '' }),
    listen_port: attr(int, 'Port to listen on; 0: any free one.', { default: 8080 }),
    conn_limit: attr(int, 'Connections at once; 0: no limit.', { default: 0 }),
    server_read_timeout: attr(duration, 'How long a request may take to arrive; 0: no limit.', { default: '30s' }),
    server_write_timeout: attr(duration, 'How long an answer may take; 0: no limit.', { default: '30s' }),
    server_idle_timeout: attr(duration, 'How long idle connections are kept.', { default: '120s' }),
    tls: block(tls, 'Serve over TLS.'),
    http2: block(http2, 'HTTP/2.', { whenAbsent: 'defaults' }),
  },
  {
    check: (s, report) => {
      if (s.listen_port < 0 || s.listen_port > 65_535) {
        report(`Cannot listen: a port is between 0 and 65535: current value is ${s.listen_port}`, ['listen_port'])
      }
    },
  },
)
export type HttpSettings = SettingsOf<typeof http>

const grpc = defineSettings({
  listen_address: attr(string, 'Not used: nothing is served over gRPC here.', { default: '' }),
  listen_port: attr(int, 'Not used.', { default: 0 }),
  conn_limit: attr(int, 'Not used.', { default: 0 }),
  max_connection_age: attr(duration, 'Not used.', { default: '2562047h' }),
  max_connection_age_grace: attr(duration, 'Not used.', { default: '2562047h' }),
  max_connection_idle: attr(duration, 'Not used.', { default: '2562047h' }),
  server_max_recv_msg_size: attr(int, 'Not used.', { default: 4_194_304 }),
  server_max_send_msg_size: attr(int, 'Not used.', { default: 4_194_304 }),
  server_max_concurrent_streams: attr(uint, 'Not used.', { default: 100 }),
  tls: block(defineSettings(tlsFields), 'Not used.'),
})

/** The fields of a component that runs an HTTP server, to be spread into its schema. */
export function httpServerFields() {
  return {
    http: block(http, 'The HTTP server.', { whenAbsent: 'defaults' }),
    grpc: block(grpc, 'Taken, and not used.', { whenAbsent: 'defaults' }),
    graceful_shutdown_timeout: attr(duration, 'How long requests under way may take to end at the stop.', {
      default: '30s',
    }),
  }
}

export function serverTls(s: SettingsOf<typeof tls>): ServerTlsSettings {
  return {
    certPem: s.cert_pem,
    certFile: s.cert_file,
    keyPem: s.key_pem?.reveal() ?? '',
    keyFile: s.key_file,
    clientCaPem: s.client_ca || s.client_ca_pem,
    clientCaFile: s.client_ca_file,
    clientAuth: s.client_auth_type || 'NoClientCert',
    cipherSuites: s.cipher_suites
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
    curves: [],
    minVersion: s.min_version,
    maxVersion: '',
  }
}

/** The decoded `http` block as the server takes it. */
export function serverSettings(s: HttpSettings): HttpServerSettings {
  return {
    host: s.listen_address,
    port: s.listen_port,
    connectionsMax: s.conn_limit,
    readTimeoutMs: s.server_read_timeout,
    writeTimeoutMs: s.server_write_timeout,
    idleTimeoutMs: s.server_idle_timeout,
    tls: s.tls ? serverTls(s.tls) : undefined,
  }
}
