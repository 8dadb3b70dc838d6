// TLS of clients in the collector's configurations, in what `#component/http_client` takes.
import {
  attr,
  block,
  bool,
  customType,
  defineSettings,
  duration,
  list,
  type Report,
  type Secret,
  secret,
  string,
  ValueError,
} from '#component'
import type { ClientTlsExtras, ClientTlsSettings } from '#component/http_client'

const versions = { '1.0': 'TLS10', '1.1': 'TLS11', '1.2': 'TLS12', '1.3': 'TLS13' } as const
type Version = '' | keyof typeof versions

/** A version in words as the references show the default, `TLS 1.2`, means the same as `1.2`. */
const tlsVersion = customType<Version>({
  name: 'string',
  zero: '',
  decode(value) {
    const text = string.decode(value).replace(/^TLS ?/, '')
    if (text !== '' && !Object.hasOwn(versions, text)) {
      throw new ValueError(`unsupported TLS version: ${JSON.stringify(text)}`)
    }
    return text as Version
  },
  accepts: string.accepts,
  json: { enum: ['', ...Object.keys(versions)] },
})

const tpm = defineSettings(
  {
    auth: attr(string, 'Authorization of the key.', { default: '' }),
    enabled: attr(bool, 'Load the private key from a TPM 2.0 chip. Not supported.', { default: false }),
    owner_auth: attr(string, 'Authorization of the owner.', { default: '' }),
    path: attr(string, 'Path of the TPM device.', { default: '' }),
  },
  {
    check: (s, report) => {
      if (s.enabled)
        report('Cannot use a key of a TPM: this build has no access to one: current value is true', ['enabled'])
    },
  },
)

const tlsFields = {
  ca_file: attr(string, 'File with the certificate authority to check the server by.', { default: '' }),
  ca_pem: attr(string, 'Certificate authority to check the server by.', { default: '' }),
  cert_file: attr(string, 'File with the client certificate.', { default: '' }),
  cert_pem: attr(string, 'Client certificate.', { default: '' }),
  key_file: attr(string, 'File with the key of the client certificate.', { default: '' }),
  key_pem: attr(secret, 'Key of the client certificate.'),
  cipher_suites: attr(list(string), 'Cipher suites of TLS 1.2 to choose from.', { default: [] }),
  curve_preferences: attr(list(string), 'Curves, the preferred one first.', { default: [] }),
  include_insecure_cipher_suites: attr(bool, 'Accepted; suites that are asked for are used as they are.', {
    default: false,
  }),
  include_system_ca_certs_pool: attr(bool, 'Trust the system as well as the certificate authority given.', {
    default: false,
  }),
  insecure: attr(bool, 'Speak plain text (for HTTP, the URL decides).', { default: false }),
  insecure_skip_verify: attr(bool, 'Do not check the certificate of the server.', { default: false }),
  min_version: attr(tlsVersion, 'The oldest TLS version to speak: 1.0, 1.1, 1.2 or 1.3.', { default: '' }),
  max_version: attr(tlsVersion, 'The newest TLS version to speak.', { default: '' }),
  reload_interval: attr(duration, 'Accepted; files that changed count from the next connection on.', { default: '0s' }),
  tpm: block(tpm, 'A private key in a TPM chip.'),
}

/** What both faces have in common. */
interface TlsWritten {
  readonly ca_file: string
  readonly ca_pem: string
  readonly cert_file: string
  readonly cert_pem: string
  readonly key_file: string
  readonly key_pem: Secret | undefined
  readonly cipher_suites: readonly string[]
  readonly curve_preferences: readonly string[]
  readonly include_system_ca_certs_pool: boolean
  readonly insecure: boolean
  readonly insecure_skip_verify: boolean
  readonly min_version: Version
  readonly max_version: Version
}

function check(s: TlsWritten, report: Report): void {
  const key = s.key_file !== '' || (s.key_pem !== undefined && s.key_pem.reveal() !== '')
  const certificate = s.cert_file !== '' || s.cert_pem !== ''
  if (s.ca_file !== '' && s.ca_pem !== '')
    report('provide either a CA file or the PEM-encoded string, but not both', ['ca_file'])
  if (s.cert_file !== '' && s.cert_pem !== '') {
    report('provide either a certificate or the PEM-encoded string, but not both', ['cert_file'])
  }
  if (certificate !== key)
    report('provide both certificate and key, or neither', [certificate ? 'cert_file' : 'key_file'])
  if (s.min_version !== '' && s.max_version !== '' && s.min_version > s.max_version) {
    report('invalid TLS configuration: min_version cannot be greater than max_version', ['min_version'])
  }
}

/** The `tls` block of Alloy's clients. */
export const alloyClientTls = defineSettings(
  {
    ...tlsFields,
    server_name: attr(string, 'The name the server must prove, where it is another one.', { default: '' }),
  },
  { check },
)

/** The `tls` section of clients in the collector's YAML. */
export const yamlClientTls = defineSettings(
  {
    ...tlsFields,
    server_name_override: attr(string, 'The name the server must prove, where it is another one.', { default: '' }),
  },
  { check },
)

export interface OtelClientTls {
  /** No TLS where nothing else asks for it. */
  readonly insecure: boolean
  readonly settings: ClientTlsSettings & ClientTlsExtras
}

type AnyTls = TlsWritten & { readonly server_name?: string; readonly server_name_override?: string }

/** Decoded `alloyClientTls` or `yamlClientTls`; absent: TLS with the system's authorities. */
export function otelClientTls(s: AnyTls | undefined): OtelClientTls {
  const version = (v: Version | undefined): ClientTlsSettings['min_version'] => (v ? versions[v] : '')
  return {
    // A certificate authority is only good for TLS (configtls).
    insecure: s !== undefined && s.insecure && s.ca_file === '' && s.ca_pem === '',
    settings: {
      ca_pem: s?.ca_pem ?? '',
      ca_file: s?.ca_file ?? '',
      cert_pem: s?.cert_pem ?? '',
      cert_file: s?.cert_file ?? '',
      key_pem: s?.key_pem,
      key_file: s?.key_file ?? '',
      server_name: s?.server_name || s?.server_name_override || '',
      insecure_skip_verify: s?.insecure_skip_verify ?? false,
      min_version: version(s?.min_version),
      max_version: version(s?.max_version),
      cipher_suites: s?.cipher_suites ?? [],
      curve_preferences: s?.curve_preferences ?? [],
      include_system_ca_certs_pool: s?.include_system_ca_certs_pool ?? false,
    },
  }
}
