// Upper and lower case as Go's `strings` has them: character by character, one for one.

const notAscii = /[^\0-\x7f]/

/** Go's `strings.ToLower`. */
export function lowerCase(text: string): string {
  if (!notAscii.test(text)) return text.toLowerCase()
  let out = ''
  for (const c of text) out += c === '\u0130' ? 'i' : single(c, c.toLowerCase())
  return out
}

/** Go's `strings.ToUpper`. */
export function upperCase(text: string): string {
  if (!notAscii.test(text)) return text.toUpperCase()
  let out = ''
  for (const c of text) out += greekWithIota(c) ?? single(c, c.toUpperCase())
  return out
}

/** JavaScript maps some characters to several (`ß` to `SS`); where there is no single one, Go leaves them. */
function single(c: string, mapped: string): string {
  return mapped.length === c.length || mapped.length === String.fromCodePoint(mapped.codePointAt(0) as number).length
    ? mapped
    : c
}

/** Small Greek letters with an iota below have a single capital, which JavaScript takes apart. */
function greekWithIota(c: string): string | undefined {
  const code = c.codePointAt(0) as number
  if (code < 0x1f80 || code > 0x1ff3) return undefined
  if (code <= 0x1fa7) return (code & 8) === 0 ? String.fromCharCode(code + 8) : undefined
  return code === 0x1fb3 || code === 0x1fc3 || code === 0x1ff3 ? String.fromCharCode(code + 9) : undefined
}
