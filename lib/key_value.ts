// Splits text into pairs of keys and values (`a=1 b="2 3"`), with respect for quotes, as the collector does.

export class KeyValueError extends Error {
  override readonly name = 'KeyValueError'
}

/**
 * The pieces between `delimiter` (not empty), empty ones left out. Within single or double quotes nothing is split; the
 * quotes themselves are left out. Throws `KeyValueError` for a quote that does not end.
 */
export function splitQuoted(text: string, delimiter: string): string[] {
  const pieces: string[] = []
  let current = ''
  let quote = ''
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string
    if (quote === '' && text.startsWith(delimiter, i)) {
      if (current !== '') pieces.push(current)
      current = ''
      i += delimiter.length - 1
    } else if (quote === '' && (char === '"' || char === "'")) quote = char
    else if (char === quote) quote = ''
    else current += char
  }
  if (quote !== '') throw new KeyValueError('never reached the end of a quoted value')
  if (current !== '') pieces.push(current)
  return pieces
}

/** Pieces that an error names. */
const namedMax = 10

/**
 * Keys and values, white space around them cut off; of keys that come twice, the last. Throws `KeyValueError` for a
 * piece without `delimiter`, up to ten of them named.
 */
export function readKeyValues(text: string, delimiter: string, pairDelimiter: string): Map<string, string> {
  const pairs = new Map<string, string>()
  const wrong: string[] = []
  let others = 0
  for (const piece of splitQuoted(text, pairDelimiter)) {
    const at = piece.indexOf(delimiter)
    if (at < 0 && wrong.length === namedMax) others++
    else if (at < 0) wrong.push(`cannot split ${JSON.stringify(piece)} into 2 items, got 1 item(s)`)
    else pairs.set(piece.slice(0, at).trim(), piece.slice(at + delimiter.length).trim())
  }
  if (others > 0) wrong.push(`and ${others} more`)
  if (wrong.length > 0) throw new KeyValueError(wrong.join('; '))
  return pairs
}
