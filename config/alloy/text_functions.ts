// The string, path and encoding functions of the standard library, as Go's libraries compute them.
import { normalize, sep } from 'node:path'
import { ValueError } from '#component'

/** UTF-16 units that a function's result may have: what repeated replacing could make grows without bound otherwise. */
export const textLengthMax = 64 * 1024 * 1024

export function checkedLength(length: number): void {
  if (length > textLengthMax) throw new ValueError(`makes a text of more than ${textLengthMax} characters`)
}

/** All occurrences; the empty text is found around every character. */
export function replaceAll(text: string, from: string, to: string): string {
  const parts = from === '' ? ['', ...text, ''] : text.split(from)
  checkedLength(text.length + (parts.length - 1) * to.length)
  return parts.join(to)
}

/** An empty separator splits after every character. */
export function split(text: string, separator: string): string[] {
  return separator === '' ? [...text] : text.split(separator)
}

export function join(parts: readonly string[], separator: string): string {
  checkedLength(parts.reduce((sum, part) => sum + part.length + separator.length, 0))
  return parts.join(separator)
}

/** Without the characters of `cutset` at both ends. */
export function trim(text: string, cutset: string): string {
  const cut = new Set(cutset)
  const chars = [...text]
  let start = 0
  let end = chars.length
  while (start < end && cut.has(chars[start] as string)) start++
  while (end > start && cut.has(chars[end - 1] as string)) end--
  return chars.slice(start, end).join('')
}

/** Without the white space of Unicode at both ends (no byte order marks, other than String.trim). */
export function trimSpace(text: string): string {
  const chars = [...text]
  const isSpace = (char: string | undefined): boolean => char !== undefined && /^[\p{White_Space}]$/u.test(char)
  let start = 0
  let end = chars.length
  while (start < end && isSpace(chars[start])) start++
  while (end > start && isSpace(chars[end - 1])) end--
  return chars.slice(start, end).join('')
}

/** Character by character: a character whose other case is several characters stays (`ß`), as in Go. */
export function toUpper(text: string): string {
  return asciiOr(text, (t) => t.toUpperCase(), upperOfChar)
}

export function toLower(text: string): string {
  return asciiOr(
    text,
    (t) => t.toLowerCase(),
    (char) => (char === 'İ' ? 'i' : char.toLowerCase()),
  )
}

function asciiOr(text: string, all: (text: string) => string, each: (char: string) => string): string {
  if (/^\p{ASCII}*$/u.test(text)) return all(text)
  return Array.from(text, each).join('')
}

function upperOfChar(char: string): string {
  const upper = char.toUpperCase()
  if ([...upper].length === 1) return upper
  // Greek letters with an iota below: one character in title case, two in JavaScript's upper case.
  const code = char.codePointAt(0) ?? 0
  if (code >= 0x1f80 && code <= 0x1faf) return String.fromCodePoint(code | 8)
  if (code === 0x1fb3 || code === 0x1fc3 || code === 0x1ff3) return String.fromCodePoint(code + 9)
  return char
}

/** The parts that are not empty, joined and cleaned of `.`, `..` and double separators. No part: the empty text. */
export function joinPath(parts: readonly string[]): string {
  const joined = parts.filter((part) => part !== '').join(sep)
  if (joined === '') return ''
  const clean = normalize(joined)
  return clean.length > 1 && clean.endsWith(sep) ? clean.slice(0, -1) : clean
}

/** Form encoding: a space is a plus, everything but letters, digits, `-`, `_`, `.` and `~` is escaped. */
export function urlEncode(text: string): string {
  checkedLength(text.length * 3)
  return encodeURIComponent(text.toWellFormed())
    .replaceAll('%20', '+')
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** The reverse of `urlEncode`. Throws `ValueError` for a percent sign without two hexadecimal digits. */
export function urlDecode(text: string): string {
  const parts: Uint8Array[] = []
  let end = 0
  for (const match of text.matchAll(/%(.{0,2})/gs)) {
    const digits = match[1] as string
    if (!/^[0-9a-fA-F]{2}$/.test(digits)) throw new ValueError(`invalid URL escape ${JSON.stringify(match[0])}`)
    parts.push(Buffer.from(text.slice(end, match.index).replaceAll('+', ' ')))
    parts.push(Uint8Array.of(Number.parseInt(digits, 16)))
    end = match.index + 3
  }
  parts.push(Buffer.from(text.slice(end).replaceAll('+', ' ')))
  return Buffer.concat(parts).toString()
}

export type Base64Alphabet = 'base64' | 'base64url'

/** Padded, other than Node's `base64url`. */
export function toBase64(text: string, alphabet: Base64Alphabet): string {
  checkedLength(text.length * 4)
  const encoded = Buffer.from(text).toString('base64')
  return alphabet === 'base64' ? encoded : encoded.replaceAll('+', '-').replaceAll('/', '_')
}

/** Line breaks are skipped, padding is required. Throws `ValueError` with the place of the first byte that does not fit. */
export function fromBase64(text: string, alphabet: Base64Alphabet): Uint8Array {
  const digit = alphabet === 'base64' ? /[A-Za-z0-9+/]/ : /[A-Za-z0-9_-]/
  const offsets: number[] = []
  for (let i = 0; i < text.length; i++) if (text[i] !== '\n' && text[i] !== '\r') offsets.push(i)
  const fail = (at: number): never => {
    throw new ValueError(`illegal base64 data at input byte ${Buffer.byteLength(text.slice(0, at))}`)
  }
  let at = 0
  while (at < offsets.length && digit.test(text[offsets[at] as number] as string)) at++
  const rest = offsets.slice(at)
  const over = at % 4
  // The group of four that is not complete begins there.
  if (rest.length === 0 && over !== 0) return fail(text.length - over)
  if (rest.length > 0) {
    const padding = rest.map((i) => text[i]).join('')
    if (!padding.startsWith('=') || over < 2) return fail(rest[0] as number)
    if (over === 2 && padding.length < 2) return fail(text.length)
    if (over === 2 && padding[1] !== '=') return fail((rest[1] as number) - 1)
    if (padding.length > 4 - over) return fail(rest[4 - over] as number)
  }
  return new Uint8Array(Buffer.from(text, alphabet))
}
