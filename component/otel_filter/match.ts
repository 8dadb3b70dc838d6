// Include and exclude matching of spans, log records and metrics by their properties.
import { SettingsError } from '#component'
import type { Regexp } from '#lib/regexp'
import { compileRegexp, RegexpError } from '#lib/regexp'
import type { AnyValue, Attributes, LogRecord, Resource, Scope, Span } from '#pdata/otlp'
import { anyValuesEqual, anyValueText, attributeValue } from '#pdata/otlp'

export interface MatchAttribute {
  readonly key: string
  /** Undefined: any. */
  readonly value: AnyValue | undefined
}

/** What must match; what is empty or undefined matches everything. */
export interface MatchProperties {
  readonly matchType: string
  /** How many results of regular expressions to remember; 0: none. */
  readonly cacheEntries: number
  readonly services: readonly string[]
  readonly spanNames: readonly string[]
  readonly spanKinds: readonly string[]
  readonly logBodies: readonly string[]
  readonly logSeverityTexts: readonly string[]
  readonly logSeverity: { readonly min: number; readonly matchUndefined: boolean } | undefined
  readonly metricNames: readonly string[]
  readonly attributes: readonly MatchAttribute[]
  readonly resources: readonly MatchAttribute[]
  readonly libraries: readonly { readonly name: string; readonly version: string | undefined }[]
}

export interface MatchSettings {
  readonly include: MatchProperties | undefined
  readonly exclude: MatchProperties | undefined
}

type Side = 'include' | 'exclude'

/** Does one of several texts or unanchored regular expressions match? */
class TextSet {
  readonly #texts: ReadonlySet<string> | null
  readonly #regexps: readonly Regexp[]
  readonly #cache: Map<string, boolean> | null
  readonly #cacheEntries: number

  constructor(patterns: readonly string[], { matchType, cacheEntries }: MatchProperties, side: Side) {
    this.#texts = matchType === 'strict' ? new Set(patterns) : null
    this.#regexps = matchType === 'strict' ? [] : patterns.map((pattern) => regexpOf(pattern, side))
    this.#cache = matchType !== 'strict' && cacheEntries > 0 ? new Map() : null
    this.#cacheEntries = cacheEntries
  }

  has(text: string): boolean {
    if (this.#texts !== null) return this.#texts.has(text)
    const cache = this.#cache
    if (cache === null) return this.#matches(text)
    let result = cache.get(text)
    if (result === undefined) {
      result = this.#matches(text)
      if (cache.size >= this.#cacheEntries) cache.delete(cache.keys().next().value as string)
      cache.set(text, result)
    }
    return result
  }

  #matches(text: string): boolean {
    for (const regexp of this.#regexps) if (regexp.test(text)) return true
    return false
  }
}

function regexpOf(pattern: string, side: Side): Regexp {
  try {
    return compileRegexp(pattern)
  } catch (error) {
    if (error instanceof RegexpError) throw new SettingsError(`Cannot match: ${error.message}`, [side])
    throw error
  }
}

/** Undefined: everything matches. */
function textSet(patterns: readonly string[], properties: MatchProperties, side: Side): TextSet | undefined {
  return patterns.length === 0 ? undefined : new TextSet(patterns, properties, side)
}

/** Attributes that must all be there, with their values. */
class AttributeSet {
  readonly #keys: readonly string[]
  readonly #values: readonly (AnyValue | undefined)[]
  /** For `regexp`; undefined where any value will do. */
  readonly #texts: readonly (TextSet | undefined)[] | null

  constructor(attributes: readonly MatchAttribute[], properties: MatchProperties, side: Side) {
    this.#keys = attributes.map(({ key }) => key)
    if (this.#keys.includes('')) throw new SettingsError('Cannot match: an attribute needs a key', [side])
    this.#values = attributes.map(({ value }) => value)
    this.#texts =
      properties.matchType === 'strict' ? null : attributes.map((each) => valuePattern(each, properties, side))
  }

  matches(attributes: Attributes): boolean {
    for (let i = 0; i < this.#keys.length; i++) {
      const value = attributeValue(attributes, this.#keys[i] as string)
      if (value === undefined || !this.#valueMatches(i, value)) return false
    }
    return true
  }

  #valueMatches(i: number, value: AnyValue): boolean {
    const wanted = this.#values[i]
    if (wanted === undefined) return true
    if (this.#texts === null) return anyValuesEqual(wanted, value)
    // Bytes, lists and maps match no expression.
    if (value === null || typeof value === 'object') return false
    return this.#texts[i]?.has(typeof value === 'string' ? value : anyValueText(value)) === true
  }
}

function valuePattern({ key, value }: MatchAttribute, properties: MatchProperties, side: Side): TextSet | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string') return new TextSet([value], properties, side)
  const message = `Cannot match ${JSON.stringify(key)}: match_type=regexp needs a string: current value is ${anyValueText(value)}`
  throw new SettingsError(message, [side])
}

/** What spans and log records have in common: attributes, resource, scope. */
class CommonMatch {
  readonly #attributes: AttributeSet
  readonly #resources: AttributeSet
  readonly #libraries: readonly { readonly name: TextSet; readonly version: TextSet | undefined }[]

  constructor(properties: MatchProperties, side: Side) {
    const { matchType } = properties
    if (matchType !== 'strict' && matchType !== 'regexp') {
      const message = `unrecognized match_type ${JSON.stringify(matchType)}: valid types are regexp and strict`
      throw new SettingsError(message, [side, 'match_type'])
    }
    this.#attributes = new AttributeSet(properties.attributes, properties, side)
    this.#resources = new AttributeSet(properties.resources, properties, side)
    this.#libraries = properties.libraries.map(({ name, version }) => ({
      name: new TextSet([name], properties, side),
      version: version === undefined ? undefined : new TextSet([version], properties, side),
    }))
  }

  matches(attributes: Attributes, scope: Scope, resource: Resource): boolean {
    if (!this.#libraryMatches(scope)) return false
    return this.#resources.matches(resource.attributes) && this.#attributes.matches(attributes)
  }

  #libraryMatches(scope: Scope): boolean {
    if (this.#libraries.length === 0) return true
    for (const { name, version } of this.#libraries) {
      if (name.has(scope.name) && (version === undefined || version.has(scope.version))) return true
    }
    return false
  }
}

/** Span.SpanKind of opentelemetry.proto.trace.v1. */
const kindNames = [
  'SPAN_KIND_UNSPECIFIED',
  'SPAN_KIND_INTERNAL',
  'SPAN_KIND_SERVER',
  'SPAN_KIND_CLIENT',
  'SPAN_KIND_PRODUCER',
  'SPAN_KIND_CONSUMER',
]

class SpanMatch {
  readonly #common: CommonMatch
  readonly #services: TextSet | undefined
  readonly #names: TextSet | undefined
  readonly #kinds: TextSet | undefined

  constructor(properties: MatchProperties, side: Side) {
    checkForSpans(properties, side)
    this.#common = new CommonMatch(properties, side)
    this.#services = textSet(properties.services, properties, side)
    this.#names = textSet(properties.spanNames, properties, side)
    this.#kinds = textSet(properties.spanKinds, properties, side)
  }

  matches(span: Span, scope: Scope, resource: Resource): boolean {
    if (this.#services !== undefined) {
      const service = attributeValue(resource.attributes, 'service.name')
      // The text that upstream takes where there is no name.
      const text = service === undefined ? '<nil-service-name>' : anyValueText(service)
      if (!this.#services.has(text)) return false
    }
    if (this.#names !== undefined && !this.#names.has(span.name)) return false
    if (this.#kinds !== undefined && !this.#kinds.has(kindNames[span.kind] ?? '')) return false
    return this.#common.matches(span.attributes, scope, resource)
  }
}

function checkForSpans(properties: MatchProperties, side: Side): void {
  const { logBodies, logSeverityTexts, logSeverity, spanKinds } = properties
  if (logBodies.length > 0) throw new SettingsError('log_bodies should not be specified for trace spans', [side])
  if (logSeverityTexts.length > 0) {
    throw new SettingsError('log_severity_texts should not be specified for trace spans', [side])
  }
  if (logSeverity) throw new SettingsError('a log severity should not be specified for trace spans', [side])
  const { services, spanNames, attributes, libraries, resources } = properties
  if ([services, spanNames, attributes, libraries, resources, spanKinds].every((list) => list.length === 0)) {
    const message = `Cannot match spans: ${side} needs services, span names, span kinds, attributes, libraries or resources`
    throw new SettingsError(message, [side])
  }
  const unknown = spanKinds.find((kind) => kindNames.indexOf(kind) < 1)
  if (properties.matchType === 'strict' && unknown !== undefined) {
    const message = `span_kinds must be one of ${kindNames.slice(1).join(', ')} with match_type=strict, got ${JSON.stringify(unknown)}`
    throw new SettingsError(message, [side, 'span_kinds'])
  }
}

class LogMatch {
  readonly #common: CommonMatch
  readonly #bodies: TextSet | undefined
  readonly #severityTexts: TextSet | undefined
  readonly #severity: MatchProperties['logSeverity']

  constructor(properties: MatchProperties, side: Side) {
    checkForLogs(properties, side)
    this.#common = new CommonMatch(properties, side)
    this.#bodies = textSet(properties.logBodies, properties, side)
    this.#severityTexts = textSet(properties.logSeverityTexts, properties, side)
    this.#severity = properties.logSeverity
  }

  matches(record: LogRecord, scope: Scope, resource: Resource): boolean {
    if (this.#bodies !== undefined && !this.#bodies.has(anyValueText(record.body))) return false
    if (this.#severityTexts !== undefined && !this.#severityTexts.has(record.severityText)) return false
    const severity = this.#severity
    if (severity !== undefined) {
      const number = record.severityNumber
      if (number === 0 ? !severity.matchUndefined : number < severity.min) return false
    }
    return this.#common.matches(record.attributes, scope, resource)
  }
}

function checkForLogs(properties: MatchProperties, side: Side): void {
  const { spanNames, services, spanKinds, logSeverity } = properties
  if (spanNames.length > 0 || services.length > 0 || spanKinds.length > 0) {
    throw new SettingsError('services, span_names and span_kinds are not valid for log records', [side])
  }
  const { attributes, libraries, resources, logBodies, logSeverityTexts } = properties
  const isEmpty = [attributes, libraries, resources, logBodies, logSeverityTexts].every((list) => list.length === 0)
  if (isEmpty && logSeverity === undefined) {
    const message = `Cannot match log records: ${side} needs attributes, libraries, resources, bodies or severities`
    throw new SettingsError(message, [side])
  }
}

/** Which spans to work on. Throws `SettingsError` for what does not fit spans. */
export class SpanFilter {
  readonly #include: SpanMatch | undefined
  readonly #exclude: SpanMatch | undefined
  /** Is everything worked on? */
  readonly isOpen: boolean

  constructor({ include, exclude }: MatchSettings) {
    this.#include = include && new SpanMatch(include, 'include')
    this.#exclude = exclude && new SpanMatch(exclude, 'exclude')
    this.isOpen = include === undefined && exclude === undefined
  }

  accepts(span: Span, scope: Scope, resource: Resource): boolean {
    if (this.#include !== undefined && !this.#include.matches(span, scope, resource)) return false
    return this.#exclude === undefined || !this.#exclude.matches(span, scope, resource)
  }
}

/** Which log records to work on. Throws `SettingsError` for what does not fit log records. */
export class LogFilter {
  readonly #include: LogMatch | undefined
  readonly #exclude: LogMatch | undefined
  readonly isOpen: boolean

  constructor({ include, exclude }: MatchSettings) {
    this.#include = include && new LogMatch(include, 'include')
    this.#exclude = exclude && new LogMatch(exclude, 'exclude')
    this.isOpen = include === undefined && exclude === undefined
  }

  accepts(record: LogRecord, scope: Scope, resource: Resource): boolean {
    if (this.#include !== undefined && !this.#include.matches(record, scope, resource)) return false
    return this.#exclude === undefined || !this.#exclude.matches(record, scope, resource)
  }
}

/** Which metrics to work on: by name alone, as upstream; a side without `metric_names` takes no part. */
export class MetricFilter {
  readonly #include: TextSet | undefined
  readonly #exclude: TextSet | undefined
  readonly isOpen: boolean

  constructor({ include, exclude }: MatchSettings) {
    if (include) void new CommonMatch(include, 'include') // refuses unknown match types
    if (exclude) void new CommonMatch(exclude, 'exclude')
    this.#include = include && textSet(include.metricNames, include, 'include')
    this.#exclude = exclude && textSet(exclude.metricNames, exclude, 'exclude')
    this.isOpen = this.#include === undefined && this.#exclude === undefined
  }

  accepts(name: string): boolean {
    if (this.#include !== undefined && !this.#include.has(name)) return false
    return this.#exclude === undefined || !this.#exclude.has(name)
  }
}
