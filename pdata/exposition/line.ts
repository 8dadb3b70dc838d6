// Reads the lines of the text format 0.0.4 and of OpenMetrics 1.0: where a series ends, what its labels are, what a comment says.
import { isUtf8 } from 'node:buffer'
import { MetricType } from '#pdata'

/** What is wrong with an exposition, and where. */
export class ExpositionError extends Error {
  override readonly name = 'ExpositionError'
  /** From 1 on; 0 where there are no lines (protobuf). */
  readonly line: number
  readonly column: number
  constructor(message: string, line: number, column: number) {
    super(line === 0 ? message : `line ${line}, column ${column}: ${message}`)
    this.line = line
    this.column = column
  }
}

const shownBytesMax = 60

/** `expected …, got "…"`, with the place of `at` in `bytes`. The column counts bytes. */
export function errorAt(bytes: Uint8Array, at: number, message: string, show = true): ExpositionError {
  let line = 1
  let lineStart = 0
  for (let i = bytes.indexOf(10); i >= 0 && i < at; i = bytes.indexOf(10, i + 1)) {
    line++
    lineStart = i + 1
  }
  let text = message
  if (show) {
    let end = bytes.indexOf(10, at)
    if (end < 0) end = bytes.length
    const cut = Math.min(end, at + shownBytesMax)
    const got = new TextDecoder().decode(bytes.subarray(at, cut))
    text +=
      at >= bytes.length ? ', got the end' : end === at ? ', got the end of the line' : `, got ${JSON.stringify(got)}`
    if (cut < end) text += '…'
  }
  return new ExpositionError(text, line, at - lineStart + 1)
}

export const isNameStart = (c: number): boolean => (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 95 || c === 58
const isLabelChar = (c: number): boolean =>
  (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 95 || (c >= 48 && c <= 57)
const isNameChar = (c: number): boolean => isLabelChar(c) || c === 58

/**
 * Where the value of the sample line at `at` begins, or -1 where that cannot be told. Nothing is checked: it serves to look
 * up a line's front part among those that were read (and checked) before.
 */
export function seriesEnd(bytes: Uint8Array, at: number, limit: number): number {
  let p = at
  while (p < limit) {
    const c = bytes[p] as number
    if (c === 123 || c === 32 || c === 9) break
    if (c === 10) return -1
    p++
  }
  while (p < limit && (bytes[p] === 32 || bytes[p] === 9)) p++
  if (p < limit && bytes[p] === 123) {
    for (p++; ; p++) {
      if (p >= limit) return -1
      const c = bytes[p]
      if (c === 125) break
      if (c === 34) {
        p = stringEnd(bytes, p, limit)
        if (p < 0) return -1
      } else if (c === 10) return -1
    }
    p++
  }
  while (p < limit && (bytes[p] === 32 || bytes[p] === 9)) p++
  return p < limit ? p : -1
}

/** The place of the quote that closes the string whose opening quote is at `at`; -1: none. */
function stringEnd(bytes: Uint8Array, at: number, limit: number): number {
  for (let p = at + 1; p < limit; p++) {
    const c = bytes[p]
    if (c === 34) return p
    if (c === 92) p++
  }
  return -1
}

/** Reads the parts of lines. Holds the place where it stands, so that no result objects are made. */
export class LineReader {
  readonly bytes: Uint8Array
  readonly limit: number
  /** OpenMetrics: single spaces, no line breaks in strings. */
  readonly open: boolean
  at = 0
  readonly #text: Buffer
  readonly #strings: Map<string, string>

  /** `strings` makes equal strings one object, as long as it lives. */
  constructor(bytes: Uint8Array, limit: number, open: boolean, strings: Map<string, string>) {
    this.bytes = bytes
    this.limit = limit
    this.open = open
    this.#text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#strings = strings
  }

  fail(at: number, message: string): ExpositionError {
    return errorAt(this.bytes.subarray(0, this.limit), at, message)
  }

  /** The byte at the place, or a line break at the end. */
  peek(): number {
    return this.at < this.limit ? (this.bytes[this.at] as number) : 10
  }

  skipBlanks(): void {
    if (this.open) return
    while (this.at < this.limit && (this.bytes[this.at] === 32 || this.bytes[this.at] === 9)) this.at++
  }

  string(start: number, end: number): string {
    let ascii = true
    for (let p = start; p < end; p++) {
      if ((this.bytes[p] as number) >= 128) {
        ascii = false
        break
      }
    }
    if (!ascii && !isUtf8(this.#text.subarray(start, end))) throw this.fail(start, 'expected valid UTF-8')
    const made = ascii ? this.#text.toString('latin1', start, end) : this.#text.toString('utf8', start, end)
    const known = this.#strings.get(made)
    if (known !== undefined) return known
    this.#strings.set(made, made)
    return made
  }

  /**
   * The labels of the sample line at the place, in the order written, names and values in turn, `__name__` first. Leaves
   * the place behind the name or the closing brace.
   */
  series(): string[] {
    const start = this.at
    const labels = ['__name__', '']
    if (isNameStart(this.peek())) {
      while (this.at < this.limit && isNameChar(this.bytes[this.at] as number)) this.at++
      labels[1] = this.string(start, this.at)
      this.skipBlanks()
    } else if (this.peek() !== 123) {
      throw this.fail(this.at, 'expected a metric name or a comment')
    }
    if (this.peek() === 123) this.labelList(labels, true)
    if (labels[1] === '') throw this.fail(start, 'expected a metric name in the braces')
    return labels
  }

  /** The labels in braces at the place. `withName`: a quoted string alone is the metric's name. */
  labelList(labels: string[], withName: boolean): void {
    this.at++
    for (;;) {
      this.skipBlanks()
      const start = this.at
      const c = this.peek()
      if (c === 125) {
        this.at++
        return
      }
      let name: string
      if (c === 34) name = this.quoted()
      else if (isNameStart(c) && c !== 58) {
        while (this.at < this.limit && isLabelChar(this.bytes[this.at] as number)) this.at++
        name = this.string(start, this.at)
      } else throw this.fail(this.at, 'expected a label name or "}"')
      this.skipBlanks()
      if (withName && c === 34 && (this.peek() === 44 || this.peek() === 125)) {
        if (labels[1] !== '') throw this.fail(start, 'expected one metric name only')
        if (name === '') throw this.fail(start, 'expected a metric name')
        labels[1] = name
      } else {
        if (this.peek() !== 61) throw this.fail(this.at, 'expected "=" behind the label name')
        this.at++
        this.skipBlanks()
        if (this.peek() !== 34) throw this.fail(this.at, 'expected a quoted label value')
        const value = this.quoted()
        labels.push(name, value)
        this.skipBlanks()
      }
      if (this.peek() === 44) this.at++
      else if (this.open && this.peek() !== 125) throw this.fail(this.at, 'expected "," or "}"')
    }
  }

  /** The quoted string at the place, escapes resolved. */
  quoted(): string {
    const start = this.at
    const end = stringEnd(this.bytes, start, this.limit)
    if (end < 0) throw this.fail(start, 'expected a closing quote')
    if (this.open) {
      const br = this.bytes.indexOf(10, start)
      if (br >= 0 && br < end) throw this.fail(start, 'expected a closing quote on the same line')
    }
    this.at = end + 1
    const raw = this.string(start + 1, end)
    return raw.includes('\\') ? unescaped(raw, true) : raw
  }
}

/** `\\`, `\n` and (where `quotes`) `\"`; every other backslash stands for itself. */
function unescaped(text: string, quotes: boolean): string {
  return text.replace(quotes ? /\\[\\n"]/g : /\\[\\n]/g, (escape) => (escape === '\\n' ? '\n' : (escape[1] as string)))
}

export type MetadataKind = 'help' | 'type' | 'unit'

const textTypes: ReadonlyMap<string, MetricType> = new Map([
  ['counter', MetricType.counter],
  ['gauge', MetricType.gauge],
  ['histogram', MetricType.histogram],
  ['summary', MetricType.summary],
  ['untyped', MetricType.unknown],
])
const openTypes: ReadonlyMap<string, MetricType> = new Map(
  Object.values(MetricType).map((type) => [type, type] as [string, MetricType]),
)

/** What a metadata line says. */
export interface MetadataLine {
  readonly kind: MetadataKind
  readonly family: string
  /** The help text, the unit, or the type. */
  readonly text: string
}

/**
 * The comment line at `reader.at` (a `#`), which ends at `end`; undefined for a comment that says nothing (text format
 * only). `# EOF` is the caller's.
 */
export function readComment(reader: LineReader, end: number): MetadataLine | undefined {
  const { bytes, open } = reader
  const start = reader.at
  reader.at++
  const blank = reader.at
  if (open) {
    if (bytes[reader.at] !== 32) throw reader.fail(start, 'expected "# HELP", "# TYPE", "# UNIT" or "# EOF"')
    reader.at++
  } else reader.skipBlanks()
  const word = reader.at + 4 <= end ? keyword(bytes, reader.at) : undefined
  const next = bytes[reader.at + 4]
  const known =
    word !== undefined && (open || word !== 'unit') && reader.at > blank && (next === 32 || (!open && next === 9))
  if (!known) {
    if (open) throw reader.fail(start, 'expected "# HELP", "# TYPE", "# UNIT" or "# EOF"')
    reader.at = end
    return undefined
  }
  reader.at += 5
  reader.skipBlanks()
  const family = familyName(reader)
  const text = metadataText(reader, end)
  if (word === 'type' && !(open ? openTypes : textTypes).has(text)) {
    throw reader.fail(start, `expected a metric type, not ${JSON.stringify(text)}`)
  }
  if (word === 'unit' && text !== '' && !family.endsWith(`_${text}`)) {
    throw reader.fail(start, `expected the unit ${JSON.stringify(text)} to be a suffix of the family's name`)
  }
  if (word === 'help') return { kind: word, family, text: text.includes('\\') ? unescaped(text, open) : text }
  return { kind: word, family, text }
}

function keyword(bytes: Uint8Array, at: number): MetadataKind | undefined {
  const word = String.fromCharCode(
    bytes[at] as number,
    bytes[at + 1] as number,
    bytes[at + 2] as number,
    bytes[at + 3] as number,
  )
  return word === 'HELP' ? 'help' : word === 'TYPE' ? 'type' : word === 'UNIT' ? 'unit' : undefined
}

function familyName(reader: LineReader): string {
  const start = reader.at
  if (reader.peek() === 34) {
    const name = reader.quoted()
    if (name === '') throw reader.fail(start, 'expected a metric name')
    return name
  }
  if (!isNameStart(reader.peek())) throw reader.fail(start, 'expected a metric name')
  while (reader.at < reader.limit && isNameChar(reader.bytes[reader.at] as number)) reader.at++
  return reader.string(start, reader.at)
}

/** What stands behind the family's name and one blank, to the line's end. */
function metadataText(reader: LineReader, end: number): string {
  if (reader.at >= end) {
    if (reader.open) throw reader.fail(reader.at, 'expected a blank and a text')
    return ''
  }
  const blank = reader.bytes[reader.at]
  if (blank !== 32 && (reader.open || blank !== 9))
    throw reader.fail(reader.at, 'expected a blank behind the metric name')
  const text = reader.string(reader.at + 1, end)
  reader.at = end
  return text
}

/** The type that a `# TYPE` line names (`untyped` is unknown). */
export function typeNamed(text: string): MetricType {
  return openTypes.get(text) ?? MetricType.unknown
}
