// logfmt lines: keys with values, read and written as Go's go-logfmt does.

export type LogfmtPairs = [key: string, value: string | null][]

/** Characters that no key may have: up to the space, `=`, `"` and what is no character. */
// eslint-disable-next-line no-control-regex
const notInKey = /[\u0000-\u0020="\u007f\ufffd]/gu
// eslint-disable-next-line no-control-regex
const needsQuotes = /[\u0000-\u0020="\u007f\ufffd]/u

/** Pairs whose key has nothing left are left out. `null` is written as `null`. */
export function logfmtLine(pairs: LogfmtPairs): string {
  const parts: string[] = []
  for (const [key, value] of pairs) {
    const name = key.replace(notInKey, '')
    if (name === '') continue
    const text = value ?? 'null'
    parts.push(`${name}=${needsQuotes.test(text) || value === 'null' ? JSON.stringify(text) : text}`)
  }
  return parts.join(' ')
}

const pair = /\s*([^\s="]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s"=]*))(?=\s|$)/y

/** The pairs of a line that is logfmt from beginning to end; undefined: it is not. */
export function parseLogfmt(line: string): LogfmtPairs | undefined {
  const pairs: LogfmtPairs = []
  const end = line.trimEnd().length
  pair.lastIndex = 0
  while (pair.lastIndex < end) {
    const found = pair.exec(line)
    if (found === null) return undefined
    const [, key = '', quoted, plain = ''] = found
    const value = quoted === undefined ? plain : unquoted(quoted)
    if (value === undefined) return undefined
    pairs.push([key, value])
  }
  return pairs.length === 0 ? undefined : pairs
}

function unquoted(text: string): string | undefined {
  try {
    return JSON.parse(`"${text}"`) as string
  } catch {
    return undefined
  }
}
