// TLS towards servers: trust, client certificates, and noticing that their files changed.
import { isIP } from 'node:net'
import {
  checkServerIdentity,
  connect,
  createSecureContext,
  getCACertificates,
  type ConnectionOptions,
  type SecureContext,
  type SecureContextOptions,
  type TLSSocket,
} from 'node:tls'
import type { Socket } from 'node:net'
import { cipherName, curveName } from '#lib/go_tls'
import { readSmallFile } from './credentials.ts'
import { type ClientTlsSettings, tlsVersions } from './settings.ts'

/** What OTLP's clients can set beyond `tls_config`. */
export interface ClientTlsExtras {
  /** As `min_version`; empty: the newest. */
  readonly max_version?: ClientTlsSettings['min_version']
  /** IANA's names; none: the usual ones. Those of TLS 1.3 cannot be chosen, as in Go. */
  readonly cipher_suites?: readonly string[]
  /** Go's names; none: the usual ones. */
  readonly curve_preferences?: readonly string[]
  /** Trust the machine's roots too where an authority is given. */
  readonly include_system_ca_certs_pool?: boolean
}

export class ClientTls {
  readonly #settings: (ClientTlsSettings & ClientTlsExtras) | undefined
  #context: SecureContext | undefined
  #files = ''

  constructor(settings: (ClientTlsSettings & ClientTlsExtras) | undefined) {
    this.#settings = settings
  }

  /**
   * Read the files again. True: they changed since the last time, and connections made before then are not to be used
   * for new requests. Throws when a file cannot be read or holds no certificate.
   */
  refresh(): boolean {
    const s = this.#settings
    const [ca, cert, key] = [s?.ca_file, s?.cert_file, s?.key_file].map((path) => (path ? readSmallFile(path) : ''))
    const files = `${ca}\0${cert}\0${key}`
    if (this.#context && files === this.#files) return false
    const changed = this.#context !== undefined
    this.#context = contextOf(contextOptions(s, ca as string, cert as string, key as string))
    this.#files = files
    return changed
  }

  /** Shake hands over `socket`, a connection to `host` or a tunnel there. Emits `secureConnect` or `error`. */
  connect(socket: Socket, host: string, protocols: readonly string[]): TLSSocket {
    const name = this.#settings?.server_name || host
    const options: ConnectionOptions = {
      socket,
      host,
      secureContext: this.#context as SecureContext,
      rejectUnauthorized: !(this.#settings?.insecure_skip_verify ?? false),
      checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
      ALPNProtocols: [...protocols],
    }
    // An address is no name to be asked for (RFC 6066, 3).
    if (isIP(name) === 0) options.servername = name
    return connect(options)
  }
}

function contextOptions(
  s: (ClientTlsSettings & ClientTlsExtras) | undefined,
  caFile: string,
  certFile: string,
  keyFile: string,
): SecureContextOptions {
  const ca = s?.ca_pem || caFile
  const cert = s?.cert_pem || certFile
  const key = s?.key_pem?.reveal() || keyFile
  const version = s?.min_version || 'TLS12'
  const trusted = ca === '' ? systemRoots() : s?.include_system_ca_certs_pool ? [...systemRoots(), ca] : ca
  const options: SecureContextOptions = { minVersion: tlsVersions[version], ca: trusted }
  if (s?.max_version) options.maxVersion = tlsVersions[s.max_version]
  const ciphers = s?.cipher_suites?.map(cipherName).filter((name) => !name.startsWith('TLS_')) ?? []
  if (ciphers.length > 0) options.ciphers = ciphers.join(':')
  const curves = s?.curve_preferences?.map(curveName) ?? []
  if (curves.length > 0) options.ecdhCurve = curves.join(':')
  // OpenSSL speaks the old versions only below its default security level.
  if (version === 'TLS10' || version === 'TLS11') options.ciphers = `${options.ciphers ?? 'DEFAULT'}@SECLEVEL=0`
  if (cert !== '') {
    options.cert = cert
    options.key = key
  }
  return options
}

const plainContexts = new Map<string, SecureContext>()

/** Contexts with nothing of their own are shared: reading the machine's roots takes 35 ms (measured), and memory. */
function contextOf(options: SecureContextOptions): SecureContext {
  const own = options.cert ?? options.maxVersion ?? options.ciphers ?? options.ecdhCurve
  if (options.ca !== roots || own !== undefined) return createSecureContext(options)
  const version = String(options.minVersion)
  const context = plainContexts.get(version) ?? createSecureContext(options)
  plainContexts.set(version, context)
  return context
}

let roots: string[] | undefined

/** What this machine trusts, as other programs on it do; Node's own list where the machine has none. */
function systemRoots(): string[] {
  if (roots === undefined) {
    const system = getCACertificates('system')
    roots = system.length > 0 ? [...system, ...getCACertificates('extra')] : getCACertificates('default')
  }
  return roots
}
