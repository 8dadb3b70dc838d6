// Entries of the journal as JSON, byte for byte as Go writes a map of strings.
import type { JournalEntry } from '#component/journal'

/** Of a field that comes twice the later value; sorted by name; characters that mean something in HTML escaped. */
export function jsonText(entry: JournalEntry): string {
  const fields = new Map<string, string>()
  for (const [i, name] of entry.names.entries()) fields.set(name, entry.value(i))
  if (fields.size === 0) return '{}'
  const pairs = [...fields].sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${pairs.map(([name, value]) => `${goString(name)}:${goString(value)}`).join(',')}}`
}

function goString(text: string): string {
  return JSON.stringify(text).replace(/\\.|[<>&\u2028\u2029]/g, (found) => {
    if (found === '\\b') return '\\u0008'
    if (found === '\\f') return '\\u000c'
    return found.startsWith('\\') ? found : `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
