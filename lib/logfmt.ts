// logfmt as Go's go-logfmt reads and writes it: `level=info msg="it broke" done`.

/**
 * Calls `pair` for every key with its value, '' for a key alone. Values in double quotes may hold JSON's escapes. False:
 * the text is not logfmt from some place on; pairs before it were delivered.
 */
export function eachPair(text: string, pair: (key: string, value: string) => void): boolean {
  let at = 0
  while (at < text.length) {
    if (text.charCodeAt(at) <= 0x20) {
      at++
      continue
    }
    const start = at
    while (at < text.length && isKey(text.charCodeAt(at))) at++
    const key = text.slice(start, at)
    if (key === '' || key.includes('\ufffd')) return false
    if (text[at] !== '=') {
      if (text[at] === '"') return false
      pair(key, '')
      continue
    }
    at++
    if (text[at] !== '"') {
      const valueStart = at
      while (at < text.length && isKey(text.charCodeAt(at))) at++
      if (text[at] === '=' || text[at] === '"') return false
      pair(key, text.slice(valueStart, at))
      continue
    }
    const end = closingQuote(text, at + 1)
    if (end < 0) return false
    const value = unescaped(text.slice(at, end + 1))
    if (value === undefined) return false
    pair(key, value)
    at = end + 1
  }
  return true
}

/** Anything printable but the two characters that have a meaning. */
function isKey(code: number): boolean {
  return code > 0x20 && code !== 0x3d && code !== 0x22
}

function closingQuote(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '"') return i
  }
  return -1
}

/** Without a backslash anything may stand in quotes; with one they hold JSON, in which `\'` is an escape too. */
function unescaped(quoted: string): string | undefined {
  if (!quoted.includes('\\')) return quoted.slice(1, -1)
  try {
    const value: unknown = JSON.parse(quoted.replace(/\\(.)/g, (escape, char) => (char === "'" ? "'" : escape)))
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

/** Characters that no key may have: up to the space, `=`, `"` and what is no character. */
// eslint-disable-next-line no-control-regex
const notInKey = /[\u0000-\u0020="\u007f\ufffd]/gu
// eslint-disable-next-line no-control-regex
const needsQuotes = /[\u0000-\u0020="\u007f\ufffd]/u
// eslint-disable-next-line no-control-regex
const escaped = /["\\\u0000-\u001f\u007f\ufffd]/gu
const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
}

/** Pairs whose key has nothing left are left out. `null` is written as `null`, its name as text in quotes. */
export function logfmtLine(pairs: readonly (readonly [key: string, value: string | null])[]): string {
  const parts: string[] = []
  for (const [key, value] of pairs) {
    const name = key.replace(notInKey, '')
    if (name !== '') parts.push(`${name}=${value === null ? 'null' : valueText(value)}`)
  }
  return parts.join(' ')
}

const valueText = (value: string): string => (needsQuotes.test(value) || value === 'null' ? quoted(value) : value)

function quoted(value: string): string {
  return `"${value.replace(escaped, (char) => shortEscapes[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`
}
