// The `http` block: TLS and authentication of the admin server.
import { attr, block, bool, defineSettings, list, oneOf, secret, type SettingsOf, string } from '#component'

const clientAuthTypes = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const

/** Suites of Go's standard library that are taken by name (crypto/tls, `CipherSuites`). */
const cipherSuites = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA',
  'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA',
  'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA',
  'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA',
  'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256',
] as const

const version = oneOf('', 'TLS10', 'TLS11', 'TLS12', 'TLS13')

const tls = defineSettings(
  {
    cert_pem: attr(string, 'Certificate.', { default: '' }),
    cert_file: attr(string, 'File with the certificate.', { default: '' }),
    key_pem: attr(secret, 'Private key.'),
    key_file: attr(string, 'File with the private key.', { default: '' }),
    client_ca_pem: attr(string, 'Authority of client certificates.', { default: '' }),
    client_ca_file: attr(string, 'File with the authority of client certificates.', { default: '' }),
    client_auth_type: attr(oneOf(...clientAuthTypes), 'What is asked of clients.', { default: 'NoClientCert' }),
    cipher_suites: attr(list(oneOf(...cipherSuites)), 'Cipher suites.', { default: [] }),
    curve_preferences: attr(list(oneOf('CurveP256', 'CurveP384', 'CurveP521', 'X25519')), 'Elliptic curves.', {
      default: [],
    }),
    min_version: attr(version, 'Oldest TLS version.', { default: '' }),
    max_version: attr(version, 'Newest TLS version.', { default: '' }),
  },
  {
    check: (s, report) => {
      const key = (s.key_pem?.reveal() ?? '') !== ''
      const clientCa = s.client_ca_pem !== '' || s.client_ca_file !== ''
      if (s.client_ca_pem !== '' && s.client_ca_file !== '') {
        report('cannot specify both client_ca_pem and client_ca_file', ['client_ca_file'])
      }
      if (s.cert_pem !== '' && s.cert_file !== '') report('cannot specify both cert_pem and cert_file', ['cert_file'])
      if (key && s.key_file !== '') report('cannot specify both key_pem and key_file', ['key_file'])
      if (s.cert_pem === '' && s.cert_file === '') report('must specify either cert_pem or cert_file')
      if (!key && s.key_file === '') report('must specify either key_pem or key_file')
      if (clientCa && s.client_auth_type === 'NoClientCert') {
        const message = 'cannot specify client_ca_pem or client_ca_file when client_auth_type is NoClientCert'
        report(message, [s.client_ca_pem === '' ? 'client_ca_file' : 'client_ca_pem'])
      }
    },
  },
)

const basic = defineSettings({
  username: attr(string, 'User name.', { required: true }),
  password: attr(secret, 'Password.', { required: true }),
})

const filter = defineSettings({
  paths: attr(list(string), 'Path prefixes.', { default: [] }),
  authenticate_matching_paths: attr(bool, 'Ask on the paths given (true) or on all others (false).', { default: true }),
})

const auth = defineSettings({
  basic: block(basic, 'Basic authentication.'),
  filter: block(filter, 'Which paths ask for it; without this block all do.'),
})

export const httpBlock = defineSettings({
  auth: block(auth, 'Authentication.'),
  tls: block(tls, 'Serve over TLS.'),
})
export type HttpBlock = SettingsOf<typeof httpBlock>
