// Where entries of a file end: at line ends, or where a pattern says that one begins or ends.
import { isUtf8 } from 'node:buffer'
import type { Regexp } from '#lib/regexp'
import { type LineEncoding, splitLines } from './encoding.ts'

/** Patterns must match within what is not whole yet, so they are given the most that there is. */
export interface EntryPattern {
  readonly kind: 'start' | 'end'
  /** With `(?m)`: `^` and `$` are those of lines. */
  readonly regexp: Regexp
  /** What matches is left out. */
  readonly isOmitted: boolean
}

export interface Split {
  readonly entries: string[]
  /** Behind the last byte that they took, from the start of the bytes. */
  readonly end: number
}

const nothing: Split = { entries: [], end: -1 }

/**
 * The whole entries in `bytes` from `start` to `end`; `end` of -1: none. Without a pattern entries are lines. `isLast`: no
 * more will come, what is left is an entry too.
 */
export function splitEntries(
  pattern: EntryPattern | undefined,
  encoding: LineEncoding,
  bytes: Buffer,
  { start, end, isLast }: { readonly start: number; readonly end: number; readonly isLast: boolean },
): Split {
  if (pattern === undefined) {
    const lineEnd = isLast ? end : encoding.lastEnd(bytes, start, end)
    return lineEnd <= start ? nothing : { entries: splitLines(encoding.decode(bytes, start, lineEnd)), end: lineEnd }
  }
  const whole = isLast ? end : wholeCharacters(encoding, bytes, start, end)
  const text = encoding.decode(bytes, start, whole)
  const { entries, at } =
    pattern.kind === 'start' ? splitByStart(pattern, text, isLast) : splitByEnd(pattern, text, isLast)
  return at === 0 ? nothing : { entries, end: start + byteOffset(encoding, bytes.subarray(start, whole), text, at) }
}

/** An entry is whole once the next one begins. */
function splitByStart(
  { regexp, isOmitted }: EntryPattern,
  text: string,
  isLast: boolean,
): { entries: string[]; at: number } {
  const entries: string[] = []
  let begin = 0
  let from = 0
  let at = 0
  for (const { index, end } of regexp.execAll(text)) {
    if (end === index) continue
    if (index > begin && (index > from || from === 0)) entries.push(text.slice(from, index))
    begin = index
    at = index
    from = isOmitted ? end : index
  }
  if (!isLast) return { entries, at }
  if (from < text.length) entries.push(text.slice(from))
  return { entries, at: text.length }
}

function splitByEnd(
  { regexp, isOmitted }: EntryPattern,
  text: string,
  isLast: boolean,
): { entries: string[]; at: number } {
  const entries: string[] = []
  let at = 0
  for (const { index, end } of regexp.execAll(text)) {
    if (end === index) continue
    entries.push(text.slice(at, isOmitted ? index : end))
    at = end
  }
  if (!isLast || at === text.length) return { entries, at }
  entries.push(text.slice(at))
  return { entries, at: text.length }
}

/** Before a character that is cut in two; may be `start`. */
export function wholeCharacters(encoding: LineEncoding, bytes: Buffer, start: number, end: number): number {
  if (encoding.unitBytes === 2) return start + ((end - start) & ~1)
  if (encoding.name !== 'utf-8') return end
  for (let back = 1; back <= 3 && end - back >= start; back++) {
    const byte = bytes[end - back] as number
    if ((byte & 0xc0) === 0x80) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return length > back ? end - back : end
  }
  return end
}

/** How many bytes the first `chars` of the text are. */
function byteOffset(encoding: LineEncoding, bytes: Buffer, text: string, chars: number): number {
  if (chars === text.length) return bytes.length
  if (encoding.unitBytes === 2) return chars * 2
  if (encoding.name === 'iso-8859-1') return chars
  if (encoding.name === 'utf-8' && isUtf8(bytes)) return Buffer.byteLength(text.slice(0, chars))
  // Not valid, or an encoding of its own: the number of characters grows with the bytes. The most bytes with so many: part of
  // a character counts as one, too.
  let [low, high] = [0, bytes.length]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (encoding.decode(bytes, 0, middle).length > chars) high = middle - 1
    else low = middle
  }
  return low
}
