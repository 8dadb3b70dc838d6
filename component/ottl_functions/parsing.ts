// Converters that take texts apart: JSON, CSV, pairs, URLs, user agents, patterns, severities.
import {
  boolLiteral,
  defineConverter,
  type FunctionDefinition,
  type Getter,
  getter,
  list,
  literalOf,
  mapGetter,
  optional,
  OttlError,
  type OttlValue,
  stringGetter,
  stringLiteral,
  typeName,
} from '#component/ottl'
import { CsvError, isCsvDelimiter, readCsvRow } from '#lib/csv'
import { goUrlText, hostAndPort, parseGoQuery, parseGoUrl, UrlError, userText } from '#lib/go_url'
import { compileGrok, type Grok, GrokError } from '#lib/grok'
import { KeyValueError, readKeyValues } from '#lib/key_value'
import { loadUserAgentReader } from '#lib/user_agent'
import type { AnyValue, Attributes } from '#pdata/otlp'
import { anyValueDepthMax, attributeValue, KeyValueList, setAttribute } from '#pdata/otlp'
import { AttributeIndex } from './attribute_index.ts'
import { checkDelimiters } from './collections.ts'
import { patternError, regexpOf } from './patterns.ts'
import { valueText } from './value_text.ts'

// ------------------------------------------------------------------------------------------------------------ JSON

const parseJson = defineConverter({
  name: 'ParseJSON',
  parameters: { target: stringGetter },
  create:
    ({ target }) =>
    (context) =>
      jsonValue(target(context)),
})

function jsonValue(text: string): AnyValue {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw error instanceof SyntaxError ? new OttlError(`cannot parse JSON: ${error.message}`) : error
  }
  const value = fromJson(parsed, 1)
  if (typeof value === 'object' && value !== null) return value
  throw new OttlError(
    `could not convert parsed value of type ${value === null ? '<nil>' : typeName(value)} to JSON object`,
  )
}

/** Numbers are doubles, all of them. */
function fromJson(value: unknown, depth: number): AnyValue {
  if (typeof value === 'string') return value.isWellFormed() ? value : value.toWellFormed()
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value
    throw new OttlError('cannot parse JSON: a number does not fit a float64')
  }
  if (typeof value === 'boolean' || value === null || value === undefined) return value ?? null
  if (depth > anyValueDepthMax) {
    throw new OttlError(`cannot parse JSON: nested too deep: at most ${anyValueDepthMax} objects and arrays`)
  }
  if (Array.isArray(value)) return value.map((element) => fromJson(element, depth + 1))
  const entries: Attributes = []
  for (const [key, element] of Object.entries(value as object)) {
    entries.push({ key: key.toWellFormed(), value: fromJson(element, depth + 1) })
  }
  return new KeyValueList(entries)
}

// ------------------------------------------------------------------------------------------------- rows and pairs

const parseCsv = defineConverter({
  name: 'ParseCSV',
  parameters: {
    target: stringGetter,
    header: stringGetter,
    delimiter: optional(stringLiteral),
    header_delimiter: optional(stringLiteral),
    mode: optional(stringLiteral),
  },
  create({ target, header, delimiter = ',', header_delimiter = delimiter, mode = 'strict' }) {
    checkOneCharacter('delimiter', delimiter)
    checkOneCharacter('header_delimiter', header_delimiter)
    if (mode !== 'strict' && mode !== 'lazyQuotes' && mode !== 'ignoreQuotes') {
      throw new OttlError(`unknown mode: ${mode}`)
    }
    if (mode !== 'ignoreQuotes' && !isCsvDelimiter(delimiter)) {
      throw new OttlError('invalid arguments: csv: invalid field or comment delimiter')
    }
    const options = { delimiter, lazyQuotes: mode === 'lazyQuotes' }
    return (context) => {
      const row = target(context)
      const names = header(context)
      if (names === '') throw new OttlError('headers must not be an empty string')
      const keys = names.split(header_delimiter)
      const fields = mode === 'ignoreQuotes' ? row.split(delimiter) : rowFields(row, options)
      if (fields.length !== keys.length) {
        throw new OttlError(`map csv headers: wrong number of fields: expected ${keys.length}, found ${fields.length}`)
      }
      const entries: Attributes = []
      const seen = new AttributeIndex(entries)
      for (const [i, key] of keys.entries()) seen.set(key, fields[i] ?? null)
      return new KeyValueList(entries)
    }
  },
})

function checkOneCharacter(name: string, text: string): void {
  if ([...text].length !== 1) throw new OttlError(`invalid arguments: ${name} must be a single character`)
}

function rowFields(row: string, options: { delimiter: string; lazyQuotes: boolean }): string[] {
  try {
    return readCsvRow(row, options)
  } catch (error) {
    throw error instanceof CsvError ? new OttlError(error.message) : error
  }
}

const parseKeyValue = defineConverter({
  name: 'ParseKeyValue',
  parameters: { target: stringGetter, delimiter: optional(stringLiteral), pair_delimiter: optional(stringLiteral) },
  create({ target, delimiter = '=', pair_delimiter = ' ' }) {
    checkDelimiters(delimiter, pair_delimiter)
    return (context) => {
      const text = target(context)
      if (text === '') throw new OttlError('cannot parse from empty target')
      try {
        return mapOf(readKeyValues(text, delimiter, pair_delimiter))
      } catch (error) {
        throw error instanceof KeyValueError ? new OttlError(error.message) : error
      }
    }
  },
})

function mapOf(entries: Iterable<readonly [string, AnyValue]>): KeyValueList {
  return new KeyValueList(Array.from(entries, ([key, value]) => ({ key, value })))
}

// ------------------------------------------------------------------------------------------------------------ URLs

const url = defineConverter({
  name: 'URL',
  parameters: { uri: stringGetter },
  create({ uri }) {
    return (context) => {
      const text = uri(context)
      if (text === '') throw new OttlError('url cannot be empty')
      try {
        return text.startsWith('?') ? queryMap(text.slice(1)) : urlMap(text)
      } catch (error) {
        throw error instanceof UrlError ? new OttlError(error.message) : error
      }
    }
  },
})

function queryMap(query: string): KeyValueList {
  const values = parseGoQuery(query)
  if (values.size === 0) return new KeyValueList([])
  const entries: Attributes = Array.from(values, ([key, all]) => ({ key, value: [...all] }))
  return mapOf([['query', new KeyValueList(entries)]])
}

const portMax = 2n ** 63n - 1n

function urlMap(text: string): KeyValueList {
  const parsed = parseGoUrl(text)
  const { name, port } = hostAndPort(parsed.host)
  const map: [string, AnyValue][] = [
    ['url.original', goUrlText(parsed)],
    ['url.domain', name],
    ['url.scheme', parsed.scheme],
    ['url.path', parsed.path],
  ]
  if (port !== '') {
    if (port.length > 24 || BigInt(port) > portMax) throw new OttlError(`the URL's port is too large: "${port}"`)
    map.push(['url.port', BigInt(port)])
  }
  if (parsed.fragment !== '') map.push(['url.fragment', parsed.fragment])
  if (parsed.user !== null) {
    map.push(['url.user_info', userText(parsed.user)])
    if (parsed.user.name !== '') map.push(['url.username', parsed.user.name])
    if (parsed.user.password !== undefined) map.push(['url.password', parsed.user.password])
  }
  if (parsed.query !== '') map.push(['url.query', parsed.query])
  const point = parsed.path.lastIndexOf('.')
  if (point >= 0 && point < parsed.path.length - 1) map.push(['url.extension', parsed.path.slice(point + 1)])
  return mapOf(map)
}

const userAgent = defineConverter({
  name: 'UserAgent',
  parameters: { user_agent: stringGetter },
  load: loadUserAgentReader,
  create({ user_agent }, read) {
    return (context) => {
      const text = user_agent(context)
      const { name, version, osName, osVersion } = read(text)
      const map: [string, AnyValue][] = [
        ['user_agent.name', name],
        ['user_agent.original', text],
        ['user_agent.version', version],
        ['os.name', osName],
      ]
      if (osVersion !== '') map.push(['os.version', osVersion])
      return mapOf(map)
    }
  },
})

// -------------------------------------------------------------------------------------------------------- patterns

const noNamedGroup = 'at least 1 named capture group must be supplied in the given regex'

const extractPatterns = defineConverter({
  name: 'ExtractPatterns',
  parameters: { target: stringGetter, pattern: stringGetter },
  create({ target, pattern }) {
    const regexpFor = regexpOf('ExtractPatterns', pattern)
    return (context) => {
      const regexp = regexpFor(context)
      const names = regexp.subexpNames
      if (names.every((name) => name === '')) throw new OttlError(noNamedGroup)
      const groups = regexp.match(target(context))
      const entries: Attributes = []
      if (groups === null) return new KeyValueList(entries)
      for (let i = 1; i < names.length; i++) {
        const key = names[i] as string
        if (key !== '') setAttribute(entries, key, groups[i] ?? '')
      }
      return new KeyValueList(entries)
    }
  },
})

const extractGrokPatterns = defineConverter({
  name: 'ExtractGrokPatterns',
  parameters: {
    target: stringGetter,
    pattern: stringGetter,
    named_captures_only: optional(boolLiteral),
    pattern_definitions: optional(list(stringLiteral)),
  },
  create({ target, pattern, named_captures_only = false, pattern_definitions = [] }) {
    const definitions = definitionsOf(pattern_definitions)
    const grokFor = grokOf(pattern, named_captures_only, definitions)
    return (context) => {
      const grok = grokFor(context)
      if (named_captures_only && !grok.hasNames) throw new OttlError(noNamedGroup)
      try {
        return mapOf(grok.read(target(context)))
      } catch (error) {
        throw error instanceof GrokError ? new OttlError(error.message) : error
      }
    }
  },
})

function definitionsOf(texts: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    texts.map((text, i) => {
      const equals = text.indexOf('=')
      const name = text.slice(0, Math.max(0, equals))
      if (equals < 0) {
        const shown = text.length > 20 ? `${text.slice(0, 17)}...` : text
        throw new OttlError(
          `pattern "${shown}" supplied to ExtractGrokPatterns at index ${i} has incorrect format, expecting PATTERNNAME=pattern definition`,
        )
      }
      if (name.includes(':')) throw new OttlError(`pattern ID "${name}" should not contain ':'`)
      return [name, text.slice(equals + 1)] as const
    }),
  )
}

function grokOf(pattern: Getter<string>, namedOnly: boolean, definitions: ReadonlyMap<string, string>): Getter<Grok> {
  const compiled = (text: string): Grok => {
    try {
      return compileGrok(text, { namedOnly, definitions })
    } catch (error) {
      if (error instanceof GrokError) {
        throw new OttlError(
          `the regex pattern supplied to ExtractGrokPatterns '"${text}"' is not a valid pattern: ${error.message}`,
        )
      }
      throw patternError('ExtractGrokPatterns', text, error)
    }
  }
  const known = literalOf(pattern)
  if (known !== undefined) {
    const grok = compiled(known.value)
    if (namedOnly && !grok.hasNames) throw new OttlError(noNamedGroup)
    return () => grok
  }
  let last: Grok | undefined
  let lastText = ''
  return (context) => {
    const text = pattern(context)
    if (last === undefined || text !== lastText) {
      last = compiled(text)
      lastText = text
    }
    return last
  }
}

// ------------------------------------------------------------------------------------------------------ severities

/** Of one level: texts, or whole numbers within bounds. */
interface Criterion {
  readonly equals: ReadonlySet<string>
  readonly min: bigint
  readonly max: bigint
}

interface Level {
  readonly name: string
  readonly criteria: readonly Criterion[]
}

const parseSeverity = defineConverter({
  name: 'ParseSeverity',
  parameters: { target: getter, mapping: mapGetter },
  create({ target, mapping }) {
    const known = literalOf(mapping)
    if (known === undefined) throw new OttlError('severity mapping must be a literal PMap')
    const levels = known.value.entries.map(levelOf)
    return (context) => severityOf(target(context), levels)
  },
})

function severityOf(value: OttlValue, levels: readonly Level[]): string {
  for (const { name, criteria } of levels) {
    for (const { equals, min, max } of criteria) {
      if (typeof value === 'string' ? equals.has(value) : typeof value === 'bigint' && value >= min && value <= max) {
        return name
      }
      if (typeof value === 'string' || typeof value === 'bigint') continue
      throw new OttlError(
        `could not map log level: could not evaluate log level of value '${valueText(value)}': unsupported value type: ${value === null ? '<nil>' : typeName(value)}`,
      )
    }
  }
  throw new OttlError(`could not map log level: no matching log level found for value '${valueText(value)}'`)
}

function levelOf({ key, value }: Attributes[number]): Level {
  if (!Array.isArray(value)) throw new OttlError('severity mapping criteria must be []any')
  return { name: key, criteria: value.map(criterionOf) }
}

const placeholders: Readonly<Record<string, bigint>> = { '2xx': 200n, '3xx': 300n, '4xx': 400n, '5xx': 500n }

function criterionOf(value: AnyValue): Criterion {
  if (!(value instanceof KeyValueList)) throw new OttlError('severity mapping criteria items must be map[string]any')
  const refused = (why: string): OttlError => new OttlError(`invalid severity mapping criteria: ${why}`)
  const equals = attributeValue(value.entries, 'equals') ?? []
  if (!Array.isArray(equals)) throw refused('equals must be a list')
  const texts = equals.map((each) => {
    if (typeof each !== 'string') throw refused('equals values must be strings')
    return each
  })
  const range = attributeValue(value.entries, 'range')
  // Without a range no number is within the bounds.
  if (range === undefined) return { equals: new Set(texts), min: 1n, max: 0n }
  if (typeof range === 'string') {
    const min = Object.hasOwn(placeholders, range) ? placeholders[range] : undefined
    if (min === undefined) throw refused(`unknown range placeholder: ${range}`)
    return { equals: new Set(texts), min, max: min + 99n }
  }
  if (!(range instanceof KeyValueList)) throw refused('range must be a map or a known placeholder string')
  const [min, max] = ['min', 'max'].map((name) => {
    const bound = attributeValue(range.entries, name)
    if (bound === undefined) throw refused(`range must have a ${name} value`)
    if (typeof bound !== 'bigint') throw refused(`${name} must be an int64`)
    return bound
  }) as [bigint, bigint]
  return { equals: new Set(texts), min, max }
}

export const parsers: readonly FunctionDefinition[] = [
  extractGrokPatterns,
  extractPatterns,
  parseCsv,
  parseJson,
  parseKeyValue,
  parseSeverity,
  url,
  userAgent,
]
