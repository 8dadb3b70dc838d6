// Reads logfmt: `level=info msg="it broke" done`.

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
    if (key === '') return false
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

function unescaped(quoted: string): string | undefined {
  if (!quoted.includes('\\')) return quoted.slice(1, -1)
  try {
    const value: unknown = JSON.parse(quoted.replaceAll("\\'", "'").replaceAll('\t', '\\t').replaceAll('\n', '\\n'))
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}
