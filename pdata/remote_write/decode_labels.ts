// Label sets off the wire: read from the bytes that are their key, checked and sorted.
import type { Labels } from '../series.ts'
import type { FieldReader } from './reader.ts'
import { DecodeError } from './reader.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text of `bytes[start … end)`, or null when it is not UTF-8. */
export function textOf(bytes: Uint8Array, start: number, end: number): string | null {
  if (start === end) return ''
  if (end - start <= 24) {
    // Short ASCII, which labels mostly are, costs less than a call into the decoder.
    let text = ''
    let i = start
    for (; i < end; i++) {
      const byte = bytes[i]!
      if (byte >= 0x80) break
      text += String.fromCharCode(byte)
    }
    if (i === end) return text
  }
  try {
    return utf8.decode(bytes.subarray(start, end))
  } catch {
    return null
  }
}

export interface LabelRules {
  readonly labelsMax: number
  /** A series needs a name, an exemplar does not. */
  readonly needsName: boolean
}

/**
 * Read Label messages (tag 0x0a) up to `end`. Gives the labels, sorted and without those whose value is empty, or a
 * string that says why the label set is refused: as in Prometheus, duplicates, names that are empty or missing and bytes
 * that are no UTF-8 are refused, a wrong order is put right.
 */
export function readLabels(reader: FieldReader, end: number, rules: LabelRules): Labels | string {
  const flat: string[] = []
  let isSorted = true
  while (reader.at < end && reader.bytes[reader.at] === 0x0a) {
    reader.at++
    const partEnd = reader.part(end)
    if (flat.length >= rules.labelsMax * 2) return `a series has more than ${rules.labelsMax} labels`
    const problem = readLabel(reader, partEnd, flat)
    if (problem !== null) return problem
    const count = flat.length
    if (count > 2 && (flat[count - 4] as string) >= (flat[count - 2] as string)) isSorted = false
  }
  return checkedLabels(flat, isSorted, rules.needsName)
}

/** Append the name and value of one Label message. */
function readLabel(reader: FieldReader, end: number, flat: string[]): string | null {
  let name: string | null = ''
  let value: string | null = ''
  while (reader.at < end) {
    const tag = reader.tag(end)
    if (tag !== 0x0a && tag !== 0x12) {
      reader.skip(tag, end)
      continue
    }
    const partEnd = reader.part(end)
    const text = textOf(reader.bytes, reader.at, partEnd)
    reader.at = partEnd
    if (tag === 0x0a) name = text
    else value = text
  }
  if (name === null || value === null) return 'a label is not valid UTF-8'
  if (name === '') return 'a label has no name'
  flat.push(name, value)
  return null
}

function checkedLabels(flat: string[], isSorted: boolean, needsName: boolean): Labels | string {
  const sorted = isSorted ? flat : sortedPairs(flat)
  let hasName = false
  let hasEmpty = false
  for (let i = 0; i < sorted.length; i += 2) {
    const name = sorted[i] as string
    if (i > 0 && sorted[i - 2] === name) return 'a series has two labels of the same name'
    if (sorted[i + 1] === '') hasEmpty = true
    else if (name === '__name__') hasName = true
  }
  if (needsName && !hasName) return 'a series has no metric name'
  if (!hasEmpty) return sorted
  const kept: string[] = []
  for (let i = 0; i < sorted.length; i += 2) {
    if (sorted[i + 1] !== '') kept.push(sorted[i] as string, sorted[i + 1] as string)
  }
  return kept
}

function sortedPairs(flat: readonly string[]): string[] {
  const pairs: (readonly [string, string])[] = []
  for (let i = 0; i < flat.length; i += 2) pairs.push([flat[i] as string, flat[i + 1] as string])
  pairs.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))
  return pairs.flat()
}

/** Pass over Label messages (tag 0x0a) from the reader's place on: their bytes are the series' key. */
export function skipLabels(reader: FieldReader, end: number): void {
  const bytes = reader.bytes
  while (reader.at < end && bytes[reader.at] === 0x0a) {
    const length = bytes[reader.at + 1]!
    if (length < 0x80 && reader.at + 2 + length <= end) {
      reader.at += 2 + length
      continue
    }
    reader.at++
    reader.at = reader.part(end)
  }
  if (reader.at > end) throw new DecodeError(end, 'a label does not fit its series')
}
