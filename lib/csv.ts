// Reads comma-separated values (RFC 4180) as Go's encoding/csv does: quoted fields over several lines, lazy quotes.

export interface CsvOptions {
  /** One character. */
  readonly delimiter: string
  /** A quote may stand in a field without quotes, and a single one in a quoted field. */
  readonly lazyQuotes: boolean
}

export class CsvError extends Error {
  override readonly name = 'CsvError'
}

/** Is this a character that can stand between fields? */
export function isCsvDelimiter(text: string): boolean {
  return [...text].length === 1 && text !== '"' && text !== '\r' && text !== '\n' && text !== '\uFFFD'
}

/** Records one after the other. Empty lines are none. */
export class CsvReader {
  readonly #text: string
  readonly #options: CsvOptions
  #at: number
  #line: number

  constructor(text: string, options: CsvOptions) {
    this.#text = text
    this.#options = options
    this.#at = 0
    this.#line = 0
  }

  /** The next record's fields; undefined at the end. Throws `CsvError` for misplaced quotes. */
  read(): string[] | undefined {
    let line = this.#readLine()
    while (line === '\n') line = this.#readLine()
    if (line === undefined) return undefined
    const { delimiter } = this.#options
    const fields: string[] = []
    for (;;) {
      if (line.startsWith('"')) {
        const after = this.#readQuoted(line, fields)
        if (after === undefined) return fields
        line = after
        continue
      }
      const end = line.indexOf(delimiter)
      const field = end < 0 ? withoutNewline(line) : line.slice(0, end)
      if (!this.#options.lazyQuotes && field.includes('"')) {
        throw new CsvError(`line ${this.#line}: bare " in non-quoted field`)
      }
      fields.push(field)
      if (end < 0) return fields
      line = line.slice(end + delimiter.length)
    }
  }

  /** Adds the quoted field that `start` begins with; what follows its delimiter, or undefined: the record ends. */
  #readQuoted(start: string, fields: string[]): string | undefined {
    const { delimiter, lazyQuotes } = this.#options
    let field = ''
    let line: string | undefined = start.slice(1)
    for (;;) {
      const quote: number = line.indexOf('"')
      if (quote < 0) {
        field += line
        line = this.#readLine()
        if (line !== undefined) continue
        if (!lazyQuotes) throw this.#quoteError()
        fields.push(withoutNewline(field))
        return undefined
      }
      field += line.slice(0, quote)
      line = line.slice(quote + 1)
      if (line.startsWith('"')) {
        field += '"'
        line = line.slice(1)
      } else if (line.startsWith(delimiter)) {
        fields.push(field)
        return line.slice(delimiter.length)
      } else if (line === '' || line === '\n') {
        fields.push(field)
        return undefined
      } else if (lazyQuotes) field += '"'
      else throw this.#quoteError()
    }
  }

  #quoteError(): CsvError {
    return new CsvError(`line ${this.#line}: extraneous or missing " in quoted-field`)
  }

  /** With its newline, `\r\n` as `\n`; the last line may have none. */
  #readLine(): string | undefined {
    if (this.#at >= this.#text.length) return undefined
    this.#line++
    const end = this.#text.indexOf('\n', this.#at)
    const line = end < 0 ? this.#text.slice(this.#at) : this.#text.slice(this.#at, end + 1)
    this.#at += line.length
    if (line.endsWith('\r\n')) return `${line.slice(0, -2)}\n`
    return line.endsWith('\r') ? line.slice(0, -1) : line
  }
}

function withoutNewline(line: string): string {
  return line.endsWith('\n') ? line.slice(0, -1) : line
}

/**
 * The fields of a text that is one row: a newline outside quotes belongs to the field it stands in, as in the collector.
 * Throws `CsvError` for misplaced quotes and for an empty row.
 */
export function readCsvRow(text: string, options: CsvOptions): string[] {
  const reader = new CsvReader(text, options)
  const fields = reader.read()
  if (fields === undefined) throw new CsvError('no csv lines found')
  for (let more = reader.read(); more !== undefined; more = reader.read()) {
    const [first, ...rest] = more as [string, ...string[]]
    fields[fields.length - 1] += `\n${first}`
    fields.push(...rest)
  }
  return fields
}
