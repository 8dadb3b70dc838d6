// Where entries of a file end: at line ends, or where a pattern says that one begins or ends.
import { isUtf8 } from 'node:buffer'
import type { Regexp } from '#lib/regexp'
import { type LineEncoding, nopEncoding, splitLines } from './encoding.ts'

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
  /** The byte that each begins at, where it was asked for. */
  readonly starts: readonly number[] | null
}

export interface SplitRange {
  readonly start: number
  readonly end: number
  /** No more will come: what is left is an entry too. */
  readonly isLast: boolean
  readonly wantsStarts?: boolean | undefined
}

const nothing: Split = { entries: [], end: -1, starts: null }

/**
 * The whole entries in `bytes` of the range; `end` of -1: none. Without a pattern entries are lines, or all there is of
 * bytes that are no text.
 */
export function splitEntries(
  pattern: EntryPattern | undefined,
  encoding: LineEncoding,
  bytes: Buffer,
  { start, end, isLast, wantsStarts = false }: SplitRange,
): Split {
  if (encoding === nopEncoding) {
    return end <= start ? nothing : { entries: [encoding.decode(bytes, start, end)], end, starts: [start] }
  }
  if (pattern === undefined) {
    const lineEnd = isLast ? end : encoding.lastEnd(bytes, start, end)
    if (lineEnd <= start) return nothing
    const entries = splitLines(encoding.decode(bytes, start, lineEnd))
    return { entries, end: lineEnd, starts: wantsStarts ? lineStarts(encoding, bytes, start, lineEnd) : null }
  }
  const whole = isLast ? end : wholeCharacters(encoding, bytes, start, end)
  const text = encoding.decode(bytes, start, whole)
  const { entries, from, at } =
    pattern.kind === 'start' ? splitByStart(pattern, text, isLast) : splitByEnd(pattern, text, isLast)
  if (at === 0) return nothing
  const part = bytes.subarray(start, whole)
  return {
    entries,
    end: start + byteOffset(encoding, part, text, at),
    starts: wantsStarts ? entryStarts(encoding, part, text, from).map((one) => start + one) : null,
  }
}

function lineStarts(encoding: LineEncoding, bytes: Buffer, start: number, end: number): number[] {
  const starts: number[] = []
  for (let at = start; at >= 0 && at < end; at = encoding.firstEnd(bytes, at, end)) starts.push(at)
  return starts
}

/** The bytes that stand before the characters of `from`, which only grows. */
function entryStarts(encoding: LineEncoding, bytes: Buffer, text: string, from: readonly number[]): number[] {
  const starts: number[] = []
  let [char, byte] = [0, 0]
  for (const next of from) {
    // A unit of text is at most four bytes, in all encodings.
    const near = bytes.subarray(byte, byte + 4 * (next - char) + 4)
    byte += byteOffset(encoding, near, text.slice(char), next - char)
    char = next
    starts.push(byte)
  }
  return starts
}

interface SplitText {
  readonly entries: string[]
  /** The character that each begins at, with what is left out of it. */
  readonly from: number[]
  /** Behind the last of them. */
  readonly at: number
}

/** An entry is whole once the next one begins. */
function splitByStart({ regexp, isOmitted }: EntryPattern, text: string, isLast: boolean): SplitText {
  const entries: string[] = []
  const begins: number[] = []
  let begin = 0
  let from = 0
  let at = 0
  for (const { index, end } of regexp.execAll(text)) {
    if (end === index) continue
    if (index > begin && (index > from || from === 0)) {
      entries.push(text.slice(from, index))
      begins.push(begin)
    }
    begin = index
    at = index
    from = isOmitted ? end : index
  }
  if (!isLast) return { entries, from: begins, at }
  if (from < text.length) {
    entries.push(text.slice(from))
    begins.push(begin)
  }
  return { entries, from: begins, at: text.length }
}

function splitByEnd({ regexp, isOmitted }: EntryPattern, text: string, isLast: boolean): SplitText {
  const entries: string[] = []
  const from: number[] = []
  let at = 0
  for (const { index, end } of regexp.execAll(text)) {
    if (end === index) continue
    entries.push(text.slice(at, isOmitted ? index : end))
    from.push(at)
    at = end
  }
  if (!isLast || at === text.length) return { entries, from, at }
  entries.push(text.slice(at))
  from.push(at)
  return { entries, from, at: text.length }
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
  if (chars === 0) return 0
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
