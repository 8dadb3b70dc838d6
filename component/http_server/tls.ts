// TLS of servers: Go's names for versions, suites and client authentication, and files that may change.
import { readFileSync } from 'node:fs'
import type { SecureContextOptions, SecureVersion, Server, TLSSocket } from 'node:tls'
import { cipherName, curveName } from '#lib/go_tls'
import type { ServerTlsSettings } from './settings.ts'

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
