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
}

/**
 * The text of a literal as Go writes them, in double or in back quotes, or as PromQL, in single quotes too; undefined: it
 * holds an escape that there is not. Bytes written as escapes are taken together where they make UTF-8.
 */
export function unquoted(literal: string): string | undefined {
  const inside = literal.slice(1, -1)
  if (literal.startsWith('`')) return inside.replaceAll('\r', '')
  if (!inside.includes('\\')) return inside
  const quote = literal[0]
  let isValid = true
  const text = inside.replace(
    /((?:\\x[0-9a-fA-F]{2}|\\[0-3][0-7]{2})+)|\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.?))/gs,
    (_, bytes?: string, short?: string, long?: string, one?: string) => {
      if (bytes !== undefined) return bytesOf(bytes)
      const code = short ?? long
      const known = code === undefined ? (one === quote ? quote : escapes[one ?? '']) : character(code)
      if (known === undefined) isValid = false
      return known ?? ''
    },
  )
  return isValid ? text : undefined
}

/** undefined: there is none, or it is half of one. */
function character(hex: string): string | undefined {
  const code = Number.parseInt(hex, 16)
  return code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? undefined : String.fromCodePoint(code)
}

function bytesOf(escaped: string): string {
  const codes = [...escaped.matchAll(/\\x(..)|\\(...)/g)].map(([, hex, octal]) =>
    hex === undefined ? Number.parseInt(octal ?? '0', 8) : Number.parseInt(hex, 16),
  )
  return Buffer.from(codes).toString('utf8')
}
