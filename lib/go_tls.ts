// Go's names of cipher suites and curves, as settings write them, in OpenSSL's words.

/**
 * OpenSSL's name of a TLS 1.2 cipher suite (those of TLS 1.3 have IANA's names there too). Throws for what is no suite's
 * name; one that OpenSSL does not have is its business.
 */
export function cipherName(iana: string): string {
  if (!iana.startsWith('TLS_')) throw new Error(`unknown cipher suite ${JSON.stringify(iana)}`)
  if (!iana.includes('_WITH_')) return iana
  const [exchange, rest] = iana.slice(4).split('_WITH_') as [string, string]
  const cipher = rest
    .replace('AES_', 'AES')
    .replace('CHACHA20_POLY1305_SHA256', 'CHACHA20-POLY1305')
    .replace('3DES_EDE_CBC', 'DES-CBC3')
    .replace('_CBC_', '_')
    .replaceAll('_', '-')
  const key = exchange === 'RSA' ? '' : `${exchange.replaceAll('_', '-')}-`
  return `${key}${cipher}`
}

const curveNames: Readonly<Record<string, string>> = {
  CurveP256: 'P-256',
  CurveP384: 'P-384',
  CurveP521: 'P-521',
  X25519: 'X25519',
  X25519MLKEM768: 'X25519MLKEM768',
}

/** OpenSSL's name of a curve. Throws for one that is not known. */
export function curveName(name: string): string {
  const found = curveNames[name]
  if (found === undefined) throw new Error(`unknown curve ${JSON.stringify(name)}`)
  return found
}
