// TLS of servers: Go's names for versions, suites and client authentication, and files that may change.
import { readFileSync } from 'node:fs'
import type { SecureContextOptions, SecureVersion, Server, TLSSocket } from 'node:tls'
import type { Clock, Logger, Timer } from '#component'
import { cipherName, curveName } from '#lib/go_tls'

/** Go's names for what a server asks of its clients' certificates. */
export const clientAuthTypes = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const

/** What a server needs to know about TLS; a block of settings, the admin server's too, is put into this form. */
export interface ServerTlsSettings {
  readonly certPem: string
  readonly certFile: string
  readonly keyPem: string
  readonly keyFile: string
  readonly clientCaPem: string
  readonly clientCaFile: string
  /** One of `clientAuthTypes`. */
  readonly clientAuth: string
  /** Go's (IANA's) names; empty: the usual ones. */
  readonly cipherSuites: readonly string[]
  /** Go's names of curves; empty: the usual ones. */
  readonly curves: readonly string[]
  /** `TLS12`, `VersionTLS12`; empty: TLS 1.2. */
  readonly minVersion: string
  readonly maxVersion: string
}

const versions: Readonly<Record<string, SecureVersion>> = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
}

/** `TLS12` and `VersionTLS12` are both Go's. Throws for what is neither. */
function version(name: string, fallback: SecureVersion): SecureVersion {
  if (name === '') return fallback
  const found = versions[name.replace(/^Version/, '')]
  if (found === undefined) throw new Error(`unknown TLS version ${JSON.stringify(name)}`)
  return found
}

export interface ServerTlsOptions extends SecureContextOptions {
  readonly requestCert: boolean
  readonly rejectUnauthorized: boolean
}

/** What `node:https` takes, files read now. Throws when a file cannot be read or a name is unknown. */
export function serverTlsOptions(s: ServerTlsSettings): ServerTlsOptions {
  const ca = s.clientCaPem || (s.clientCaFile === '' ? '' : readFileSync(s.clientCaFile, 'utf8'))
  const options: SecureContextOptions = {
    cert: s.certPem || readFileSync(s.certFile, 'utf8'),
    key: s.keyPem || readFileSync(s.keyFile, 'utf8'),
    minVersion: version(s.minVersion, 'TLSv1.2'),
    maxVersion: version(s.maxVersion, 'TLSv1.3'),
  }
  if (ca !== '') options.ca = ca
  if (s.cipherSuites.length > 0) options.ciphers = s.cipherSuites.map(cipherName).join(':')
  if (s.curves.length > 0) options.ecdhCurve = s.curves.map(curveName).join(':')
  if (options.minVersion === 'TLSv1' || options.minVersion === 'TLSv1.1') {
    // OpenSSL speaks the old versions only below its default security level.
    options.ciphers = `${options.ciphers ?? 'DEFAULT'}@SECLEVEL=0`
  }
  return {
    ...options,
    requestCert: s.clientAuth !== 'NoClientCert',
    rejectUnauthorized: s.clientAuth === 'RequireAndVerifyClientCert',
  }
}

/** The client authentications that Node has no option for: checked when the handshake is done, before any request. */
export function guardClients(server: Server, clientAuth: string): void {
  if (clientAuth !== 'RequireAnyClientCert' && clientAuth !== 'VerifyClientCertIfGiven') return
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const given = Object.keys(socket.getPeerCertificate()).length > 0
    const refused = clientAuth === 'RequireAnyClientCert' ? !given : given && !socket.authorized
    if (refused) socket.destroy()
  })
}

/** The files of one server's certificates: what they held when they were read last, and a look at them now and then. */
export class CertificateFiles {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #everyMs: number
  #held = ''
  #timer: Timer | undefined

  /** `everyMs`: how often they are looked at; 0: never. */
  constructor(clock: Clock, log: Logger, everyMs: number) {
    this.#clock = clock
    this.#log = log
    this.#everyMs = everyMs
  }

  /** As `serverTlsOptions`, and remembered. */
  read(settings: ServerTlsSettings): ServerTlsOptions {
    const options = serverTlsOptions(settings)
    this.#held = textOf(options)
    return options
  }

  /** Do they hold something else than when they were read? Throws when one cannot be read. */
  changed(settings: ServerTlsSettings): boolean {
    return textOf(serverTlsOptions(settings)) !== this.#held
  }

  /**
   * From now on `renew` is called when they have changed, so that a certificate that is renewed on disk is taken over for
   * new connections. A failure of it, or of reading them, is logged and changes nothing. `settings` are asked each time.
   */
  watch(settings: () => ServerTlsSettings | undefined, renew: (settings: ServerTlsSettings) => void): void {
    if (this.#everyMs <= 0) return
    this.#timer = this.#clock.setTimeout(() => {
      const now = settings()
      if (now) this.#look(now, renew)
      this.watch(settings, renew)
    }, this.#everyMs)
  }

  #look(settings: ServerTlsSettings, renew: (settings: ServerTlsSettings) => void): void {
    try {
      if (!this.changed(settings)) return
      renew(settings)
      this.#log.info('Took over renewed TLS certificates')
    } catch (error) {
      this.#log.warn('Cannot read TLS certificates again; the old ones stay', { err: (error as Error).message })
    }
  }

  /** Safe twice, and without a watch. */
  stop(): void {
    this.#timer?.cancel()
  }
}

function textOf(options: ServerTlsOptions): string {
  return `${String(options.cert)}\0${String(options.key)}\0${String(options.ca)}`
}
