// JSON as Go's encoding/json writes it.

interface Options {
  /** Write `<`, `>` and `&` as escapes, as Go does unless told otherwise. */
  readonly escapesHtml?: boolean
  /** What one level is indented by; absent: all in one line. */
  readonly indent?: string
}

/** `value` as JSON: keys in order, integers (bigint) as they are, maps as objects, what is not finite as null. */
export function goJson(value: unknown, { escapesHtml = true, indent }: Options = {}): string {
  const text = written(value, indent, indent === undefined ? '' : '\n')
  return text.replace(escapesHtml ? /[<>&\u2028\u2029]/g : /[\u2028\u2029]/g, escaped)
}

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
}

function written(value: unknown, indent: string | undefined, line: string): string {
  if (typeof value === 'bigint') return String(value)
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  const inner = indent === undefined ? '' : line + indent
  const colon = indent === undefined ? ':' : ': '
  const parts: string[] = []
  if (Array.isArray(value)) for (const part of value) parts.push(written(part, indent, inner))
  else {
    const entries = value instanceof Map ? [...(value as Map<string, unknown>)] : Object.entries(value)
    for (const [key, part] of entries.sort(([a], [b]) => (a < b ? -1 : 1))) {
      parts.push(JSON.stringify(key) + colon + written(part, indent, inner))
    }
  }
  const [open, close] = Array.isArray(value) ? '[]' : '{}'
  return parts.length === 0 ? `${open}${close}` : `${open}${inner}${parts.join(`,${inner}`)}${line}${close}`
}
