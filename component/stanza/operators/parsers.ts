// Operators that parse a field into a map: JSON, regular expressions, key-value pairs, CSV, URIs.
import { attr, block, bool, defineSettings, int, type SettingsOf, string } from '#component'
import type { ExprValue } from '#component/expr'
import { CsvError, isCsvDelimiter, readCsvRow } from '#lib/csv'
import { KeyValueError, readKeyValues } from '#lib/key_value'
import { compileRegexp } from '#lib/regexp'
import { type Entry, type EntryMap, isEntryMap, put } from '../entry.ts'
import type { Field } from '../field.ts'
import { EntryError, Operator, type OperatorBase } from '../operator.ts'
import {
  type Reader,
  scopeReaderOf,
  scopeSettings,
  severityReaderOf,
  severitySettings,
  timeReaderOf,
  timeSettings,
  traceReaderOf,
  traceSettings,
} from './embedded.ts'
import { compiled, describe, field, type Problem, rootableField } from './settings.ts'
import { parseUri } from './uri.ts'

/** What a parser makes of a value. Throws `EntryError`. */
export type Parse = (value: ExprValue, entry: Entry) => ExprValue

export const parserFields = {
  parse_from: attr(field, 'The field to parse.', { default: 'body' }),
  parse_to: attr(rootableField, 'The field that gets what was parsed.', { default: 'attributes' }),
  body: attr(field, 'The field that becomes the body afterwards.'),
  timestamp: block(timeSettings, 'Reads the time.'),
  severity: block(severitySettings, 'Reads the severity.'),
  trace: block(traceSettings, 'Reads trace and span ids.'),
  scope_name: block(scopeSettings, 'Reads the name of the scope.'),
}
const parserSettings = defineSettings(parserFields)
export type ParserSettings = SettingsOf<typeof parserSettings>

/** Parses one field to another, then reads what its blocks say. */
export class Parser extends Operator {
  readonly #from: Field
  readonly #to: Field
  readonly #body: Field | undefined
  readonly #parse: Parse
  readonly #readers: readonly Reader[]

  constructor(base: OperatorBase, settings: ParserSettings, problem: Problem, parse: Parse) {
    super(base)
    this.#from = settings.parse_from
    this.#to = settings.parse_to
    this.#body = settings.body
    this.#parse = parse
    this.#readers = embeddedReaders(settings, problem)
    if (settings.body !== undefined && settings.parse_to.toString() === 'body') {
      problem('`parse_to: body` not allowed when `body` is configured', ['body'])
    }
  }

  protected apply(entry: Entry): void {
    const value = this.#from.get(entry)
    if (value === undefined)
      throw new EntryError(`entry is missing the expected parse_from field ${this.#from.toString()}`)
    this.#to.set(entry, this.#parse(value, entry))
    const body = this.#body?.get(entry)
    if (body !== undefined) entry.body = body
    this.parsed(entry)
    readAll(this.#readers, entry, this.context.clock.now())
  }

  /** What else a parser does once the fields are there. */
  protected parsed(_entry: Entry): void {}
}

export function embeddedReaders(settings: ParserSettings, problem: Problem): readonly Reader[] {
  const inside =
    (name: string): Problem =>
    (message, path = []) =>
      problem(message, [name, ...path])
  const { timestamp, severity, trace, scope_name: scope } = settings
  return [
    ...(timestamp ? [timeReaderOf(timestamp, inside('timestamp'))] : []),
    ...(severity ? [severityReaderOf(severity, inside('severity'))] : []),
    ...(trace ? [traceReaderOf(trace)] : []),
    ...(scope ? [scopeReaderOf(scope)] : []),
  ]
}

/** All of them, whichever of them fail; the first failure is told. */
function readAll(readers: readonly Reader[], entry: Entry, nowMs: number): void {
  let failure: EntryError | undefined
  for (const read of readers) {
    try {
      read(entry, nowMs)
    } catch (error) {
      if (!(error instanceof EntryError)) throw error
      failure ??= error
    }
  }
  if (failure !== undefined) throw failure
}

/** An operator that is such a reader and nothing else. */
export class ReadingOperator extends Operator {
  readonly #read: Reader

  constructor(base: OperatorBase, read: Reader) {
    super(base)
    this.#read = read
  }

  protected apply(entry: Entry): void {
    this.#read(entry, this.context.clock.now())
  }
}

function textOf(value: ExprValue, what: string): string {
  if (typeof value === 'string') return value
  if (value instanceof Uint8Array) return Buffer.from(value).toString()
  throw new EntryError(`type ${describe(value)} cannot be parsed as ${what}`)
}

// ----------------------------------------------------------------------------------------------------------- JSON

export const jsonSettings = defineSettings({
  ...parserFields,
  parse_ints: attr(bool, 'Whole numbers become integers; else all are floats.', { default: false }),
})

export function jsonParse({ parse_ints: parseInts }: SettingsOf<typeof jsonSettings>): Parse {
  const reviver = parseInts ? wholeNumbers : undefined
  return (value) => {
    if (typeof value !== 'string') throw new EntryError(`type ${describe(value)} cannot be parsed as JSON`)
    const parsed = parsedJson(value, reviver) as ExprValue
    if (!isEntryMap(parsed)) throw new EntryError(`cannot parse JSON: should be an object, got ${describe(parsed)}`)
    return parsed
  }
}

/** Deeper nesting is refused here: all that goes through the value later would run out of stack. */
const jsonDepthMax = 1000

/** Throws `EntryError`. */
function parsedJson(text: string, reviver: typeof wholeNumbers | undefined): unknown {
  let parsed: unknown
  try {
    parsed = reviver === undefined ? JSON.parse(text) : JSON.parse(text, reviver)
  } catch (error) {
    // The reviver runs out of stack in what is nested too deeply.
    if (error instanceof RangeError) throw new EntryError(`cannot parse JSON: ${tooDeep}`)
    if (!(error instanceof SyntaxError)) throw error
    throw new EntryError(`cannot parse JSON: ${error.message}`)
  }
  // Each level takes two characters.
  if (text.length > 2 * jsonDepthMax && isDeeper(parsed, jsonDepthMax)) {
    throw new EntryError(`cannot parse JSON: ${tooDeep}`)
  }
  return parsed
}

const tooDeep = `values are nested deeper than the ${jsonDepthMax} levels allowed`

function isDeeper(value: unknown, levels: number): boolean {
  if (value === null || typeof value !== 'object') return false
  if (levels === 0) return true
  for (const inner of Object.values(value)) if (isDeeper(inner, levels - 1)) return true
  return false
}

/** What `JSON.parse` tells of the text of a number, so that no digit is lost. */
function wholeNumbers(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number') return value
  const source = context?.source ?? String(value)
  if (!/^-?\d+$/.test(source)) return value
  const whole = BigInt(source)
  return BigInt.asIntN(64, whole) === whole ? whole : value
}

export const jsonArraySettings = defineSettings({
  ...parserFields,
  header: attr(string, 'Names for the items, separated by commas: they become a map.', { default: '' }),
})

export function jsonArrayParse(settings: SettingsOf<typeof jsonArraySettings>, problem: Problem): Parse {
  const names = settings.header === '' ? undefined : settings.header.split(',')
  const { parse_to: to } = settings
  if (names === undefined && to.isRoot && to.root !== 'body') {
    problem(`parse_to should be set to a body, or a field of ${to.root}: an array is no ${to.root}`, ['parse_to'])
  }
  return (value) => {
    const parsed = parsedJson(textOf(value, 'json array'), wholeNumbers)
    if (!Array.isArray(parsed)) throw new EntryError('cannot parse a JSON array: it is none')
    // What is nested stays text, as upstream has it.
    const items = parsed.map((item: unknown) =>
      typeof item === 'object' && item !== null ? jsonText(item) : (item as ExprValue),
    )
    return names === undefined ? items : mapOf(names, items)
  }
}

function jsonText(value: object): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? Number(item) : item))
}

function mapOf(names: readonly string[], items: readonly ExprValue[]): EntryMap {
  if (items.length !== names.length) {
    throw new EntryError(`wrong number of fields: expected ${names.length}, found ${items.length}`)
  }
  const map: EntryMap = {}
  for (const [i, name] of names.entries()) put(map, name, items[i] as ExprValue)
  return map
}

// ------------------------------------------------------------------------------------------- regular expressions

const cache = defineSettings({ size: attr(int, 'Has no effect: matching costs less than a cache.', { default: 0 }) })
export const regexSettings = defineSettings({
  ...parserFields,
  regex: attr(string, 'A regular expression (RE2) with named groups.', { required: true }),
  cache: block(cache, 'Has no effect: matching costs less than a cache.'),
})

export function regexParse({ regex: source }: SettingsOf<typeof regexSettings>, problem: Problem): Parse {
  const regexp = compiled(() => compileRegexp(source), problem, ['regex'])
  const names = regexp?.subexpNames ?? []
  if (regexp !== undefined && names.every((name) => name === '')) {
    problem('no named capture groups in regex pattern', ['regex'])
  }
  return (value) => {
    const found = regexp?.match(textOf(value, 'a regex match'))
    if (found === undefined || found === null) throw new EntryError('regex pattern does not match')
    const map: EntryMap = {}
    for (let i = 1; i < names.length; i++) {
      const name = names[i] as string
      if (name !== '') put(map, name, found[i] ?? '')
    }
    return map
  }
}

// ---------------------------------------------------------------------------------------------- keys and values

export const keyValueSettings = defineSettings({
  ...parserFields,
  delimiter: attr(string, 'Stands between a key and its value.', { default: '=' }),
  pair_delimiter: attr(string, 'Stands between pairs.', { default: ' ' }),
})

export function keyValueParse(settings: SettingsOf<typeof keyValueSettings>, problem: Problem): Parse {
  const { delimiter, pair_delimiter: given } = settings
  const pairDelimiter = given === '' ? ' ' : given
  if (delimiter === '') problem('delimiter is a required parameter', ['delimiter'])
  if (delimiter === pairDelimiter) problem('delimiter and pair_delimiter cannot be the same value', ['pair_delimiter'])
  return (value) => {
    if (typeof value !== 'string') throw new EntryError(`type ${describe(value)} cannot be parsed as key value pairs`)
    if (value === '') throw new EntryError('the field is empty')
    try {
      const map: EntryMap = {}
      for (const [key, text] of readKeyValues(value, delimiter, pairDelimiter)) put(map, key, text)
      return map
    } catch (error) {
      if (!(error instanceof KeyValueError)) throw error
      throw new EntryError(error.message)
    }
  }
}

// ------------------------------------------------------------------------------------------------------------ CSV

export const csvSettings = defineSettings({
  ...parserFields,
  header: attr(string, 'Names of the fields, separated by `header_delimiter`.', { default: '' }),
  header_attribute: attr(string, 'The attribute that holds the names, of each entry its own.', { default: '' }),
  header_delimiter: attr(string, 'Stands between names; absent: as `delimiter`.', { default: '' }),
  delimiter: attr(string, 'Stands between fields.', { default: ',' }),
  lazy_quotes: attr(bool, 'A quote may stand in a field without quotes.', { default: false }),
  ignore_quotes: attr(bool, 'Quotes are characters like others.', { default: false }),
})

export function csvParse(settings: SettingsOf<typeof csvSettings>, problem: Problem): Parse {
  const { header, header_attribute: attribute, lazy_quotes: lazyQuotes, ignore_quotes: ignoreQuotes } = settings
  const delimiter = settings.delimiter.replaceAll('\\t', '\t')
  const headerDelimiter =
    settings.header_delimiter === '' ? delimiter : settings.header_delimiter.replaceAll('\\t', '\t')
  if (!isCsvDelimiter(delimiter)) problem(`invalid delimiter: ${JSON.stringify(delimiter)}`, ['delimiter'])
  if (!isCsvDelimiter(headerDelimiter))
    problem(`invalid delimiter: ${JSON.stringify(headerDelimiter)}`, ['header_delimiter'])
  if (header === '' && attribute === '') problem('missing required field `header` or `header_attribute`')
  if (header !== '' && attribute !== '')
    problem('only one header parameter can be set: `header` or `header_attribute`', ['header_attribute'])
  if (lazyQuotes && ignoreQuotes) problem('only one of `ignore_quotes` or `lazy_quotes` can be true', ['ignore_quotes'])
  const names = header.split(headerDelimiter)
  if (header !== '' && names.length === 1 && !header.includes(headerDelimiter)) {
    problem(`missing field delimiter in header: ${JSON.stringify(header)}`, ['header'])
  }
  return (value, entry) => {
    const text = textOf(value, 'csv')
    const fields = ignoreQuotes ? text.split(delimiter) : csvFields(text, delimiter, lazyQuotes)
    return mapOf(header === '' ? headerOf(entry, attribute, headerDelimiter) : names, fields)
  }
}

function csvFields(text: string, delimiter: string, lazyQuotes: boolean): string[] {
  try {
    return readCsvRow(text, { delimiter, lazyQuotes })
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw new EntryError(`read csv line: ${error.message}`)
  }
}

function headerOf(entry: Entry, attribute: string, delimiter: string): string[] {
  const header = Object.hasOwn(entry.attributes, attribute) ? entry.attributes[attribute] : undefined
  if (typeof header === 'string') return header.split(delimiter)
  throw new EntryError(`failed to read dynamic header attribute ${attribute}`)
}

// ------------------------------------------------------------------------------------------------------------ URI

export const uriSettings = defineSettings(parserFields)

export function uriParse(): Parse {
  return (value) => parseUri(textOf(value, 'URI'))
}
