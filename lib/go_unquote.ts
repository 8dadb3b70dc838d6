// Texts as Go's source has them in quotes.

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
}

/**
 * The text of a literal as Go writes them, in double or in back quotes; undefined: it holds an escape that there is not.
 * Bytes written as escapes are taken together where they make UTF-8.
 */
export function unquoted(literal: string): string | undefined {
  const inside = literal.slice(1, -1)
  if (literal.startsWith('`')) return inside.replaceAll('\r', '')
  if (!inside.includes('\\')) return inside
  let isValid = true
  const text = inside.replace(
    /((?:\\x[0-9a-fA-F]{2}|\\[0-7]{3})+)|\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.?))/gs,
    (_, bytes?: string, short?: string, long?: string, one?: string) => {
      if (bytes !== undefined) return bytesOf(bytes)
      const code = short ?? long
      const known = code === undefined ? escapes[one ?? ''] : undefined
      if (code !== undefined && Number.parseInt(code, 16) <= 0x10ffff)
        return String.fromCodePoint(Number.parseInt(code, 16))
      if (known === undefined) isValid = false
      return known ?? ''
    },
  )
  return isValid ? text : undefined
}

function bytesOf(escaped: string): string {
  const codes = [...escaped.matchAll(/\\x(..)|\\(...)/g)].map(([, hex, octal]) =>
    hex === undefined ? Number.parseInt(octal ?? '0', 8) & 0xff : Number.parseInt(hex, 16),
  )
  return Buffer.from(codes).toString('utf8')
}
