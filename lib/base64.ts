// Base64 as strictly as Go's encoding/base64 reads it, in its four forms.
import { Buffer } from 'node:buffer'

export type Base64Form = 'base64' | 'base64-raw' | 'base64-url' | 'base64-raw-url'

export function isBase64Form(name: string): name is Base64Form {
  return name === 'base64' || name === 'base64-raw' || name === 'base64-url' || name === 'base64-raw-url'
}

export function base64Encoded(bytes: Buffer, form: Base64Form): string {
  const text = bytes.toString(form.endsWith('url') ? 'base64url' : 'base64')
  switch (form) {
    case 'base64':
    case 'base64-raw-url':
      return text
    case 'base64-raw':
      return text.replace(/=+$/, '')
    case 'base64-url':
      return text.padEnd(Math.ceil(text.length / 4) * 4, '=')
  }
}

/**
 * The bytes, or the place of the first character that is wrong. Line ends may stand anywhere; there must be padding in the
 * forms that have it, and none in the raw ones. Bits behind the last byte are not looked at.
 */
export function base64Decoded(text: string, form: Base64Form): Buffer | number {
  const isUrl = form.endsWith('url')
  const wrong = isUrl ? /[^A-Za-z0-9_-]/g : /[^A-Za-z0-9+/]/g
  let count = 0
  let from = 0
  for (;;) {
    wrong.lastIndex = from
    const found = wrong.exec(text)
    const end = found === null ? text.length : found.index
    count += end - from
    if (found === null) break
    const char = text[end] as string
    if (char !== '\r' && char !== '\n') {
      const place = char === '=' ? paddingFault(text, end, count % 4, form) : end
      if (place !== undefined) return Buffer.byteLength(text.slice(0, place))
      return Buffer.from(text, 'base64')
    }
    from = end + 1
  }
  const rest = count % 4
  if (rest === 0 || (form.includes('raw') && rest !== 1)) return Buffer.from(text, 'base64')
  // Go counts back from the end, line ends or not.
  return Buffer.byteLength(text) - rest
}

/** Where padding that begins at `at`, behind `rest` characters of a group of four, is wrong; undefined: nowhere. */
function paddingFault(text: string, at: number, rest: number, form: Base64Form): number | undefined {
  if (form.includes('raw') || rest < 2) return at
  let next = afterLineEnds(text, at + 1)
  if (rest === 2) {
    if (text[next] !== '=') return next === text.length ? next : next - 1
    next = afterLineEnds(text, next + 1)
  }
  return next < text.length ? next : undefined
}

function afterLineEnds(text: string, from: number): number {
  let at = from
  while (text[at] === '\r' || text[at] === '\n') at++
  return at
}
