// The texts that string literals stand for.

const oneLetterEscapes: Readonly<Record<string, string>> = {
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
 * The text of a string literal that the scanner accepted, quotes included. Raw strings lose their carriage returns.
 * `\x` and octal escapes are bytes: those that are no UTF-8 together become U+FFFD, as strings here are Unicode.
 */
export function textFromLiteral(literal: string): string {
  const inner = literal.slice(1, -1)
  if (literal.startsWith('`')) return inner.replaceAll('\r', '')
  if (!inner.includes('\\')) return inner
  const escape = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gsu
  const parts: Uint8Array[] = []
  let end = 0
  for (const match of inner.matchAll(escape)) {
    const [all, hex, short, long, octal, letter] = match
    parts.push(Buffer.from(inner.slice(end, match.index)))
    const code = short ?? long
    if (code !== undefined) parts.push(Buffer.from(String.fromCodePoint(Number.parseInt(code, 16))))
    else if (letter !== undefined) parts.push(Buffer.from(oneLetterEscapes[letter] ?? letter))
    else parts.push(Uint8Array.of(hex === undefined ? Number.parseInt(octal as string, 8) : Number.parseInt(hex, 16)))
    end = match.index + all.length
  }
  parts.push(Buffer.from(inner.slice(end)))
  return Buffer.concat(parts).toString()
}
