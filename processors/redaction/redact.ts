// Removes attributes that are not allowed and masks values that are blocked.
import { createHash, createHmac } from 'node:crypto'
import type { Regexp } from '#lib/regexp'
import { compileRegexp } from '#lib/regexp'
import type { AnyValue, Attributes, LogRecord, LogsTree, MetricsTree, Span, TracesTree } from '#pdata/otlp'
import { anyValueText, attributeValue, deleteAttribute, KeyValueList, setAttribute } from '#pdata/otlp'
import type { DatabaseSanitizer } from './database.ts'
import { saysNothing, withoutIds } from './url_words.ts'

export const hashFunctions = ['sha1', 'sha3', 'md5', 'hmac-sha256', 'hmac-sha512'] as const
export type HashFunction = (typeof hashFunctions)[number] | ''

export interface RedactionOptions {
  readonly allowAllKeys: boolean
  readonly allowedKeys: readonly string[]
  readonly ignoredKeys: readonly string[]
  /** Patterns, RE2's syntax; as the lists below. */
  readonly ignoredKeyPatterns: readonly string[]
  readonly blockedKeyPatterns: readonly string[]
  readonly blockedValues: readonly string[]
  readonly allowedValues: readonly string[]
  /** Look at the text of values that are no strings, too, and put a string in their place when it is masked. */
  readonly redactAllTypes: boolean
  /** '': masked texts become `****`. */
  readonly hashFunction: HashFunction
  readonly hmacKey: string
  /** Anything but `debug` and `info`: none. */
  readonly summary: string
  readonly url: { readonly attributes: ReadonlySet<string>; readonly spanNames: boolean } | null
  readonly database: { readonly sanitizer: DatabaseSanitizer; readonly spanNames: boolean } | null
}

const mask = '****'

/** Names of the attributes that sum up what was done; `body`: of a log's body. */
interface SummaryNames {
  readonly redacted: string
  readonly masked: string
  readonly allowed: string
  readonly ignored: string
}
const attributeSummary: SummaryNames = {
  redacted: 'redaction.redacted',
  masked: 'redaction.masked',
  allowed: 'redaction.allowed',
  ignored: 'redaction.ignored',
}
const bodySummary: SummaryNames = {
  redacted: 'redaction.body.redacted',
  masked: 'redaction.body.masked',
  allowed: 'redaction.body.allowed',
  ignored: 'redaction.body.ignored',
}
const summaryKeys: ReadonlySet<string> = new Set(
  [attributeSummary, bodySummary].flatMap(({ redacted, masked, allowed, ignored }) => [
    ...[redacted, masked, allowed].flatMap((name) => [`${name}.keys`, `${name}.count`]),
    `${ignored}.count`,
  ]),
)

/** Keys by what was done about them. */
class Findings {
  readonly redacted: string[] = []
  readonly masked: string[] = []
  readonly allowed: string[] = []
  readonly ignored: string[] = []
}

const httpKeys = [
  'http.route',
  'http.request.method',
  'http.request.method_original',
  'http.response.status_code',
  'url.full',
  'http.scheme',
  'http.target',
  'http.method',
  'http.url',
]
const internalKind = 1
const serverKind = 2
const clientKind = 3

/**
 * All in place. Attributes of resources, scopes, spans, their events and links, log records, data points and exemplars
 * are looked at, log bodies with everything in them, and span names by the two sanitizers. In order, for an attribute:
 * ignored keys stay as they are; keys that are not allowed go; allowed values stay; values of blocked keys are masked
 * whole; in what is left every match of a blocked value is masked.
 */
export class Redaction {
  readonly #options: RedactionOptions
  readonly #allowedKeys: ReadonlySet<string>
  readonly #ignoredKeys: ReadonlySet<string>
  readonly #ignoredKeyPatterns: readonly Regexp[]
  readonly #blockedKeyPatterns: readonly Regexp[]
  readonly #blockedValues: readonly Regexp[]
  readonly #allowedValues: readonly Regexp[]
  readonly #hasSummary: boolean

  /** Throws `RegexpError` for a pattern that is none. */
  constructor(options: RedactionOptions) {
    this.#options = options
    this.#allowedKeys = new Set(options.allowedKeys)
    this.#ignoredKeys = new Set(options.ignoredKeys)
    const compiled = (patterns: readonly string[]): Regexp[] => patterns.map((pattern) => compileRegexp(pattern))
    this.#ignoredKeyPatterns = compiled(options.ignoredKeyPatterns)
    this.#blockedKeyPatterns = compiled(options.blockedKeyPatterns)
    this.#blockedValues = compiled(options.blockedValues)
    this.#allowedValues = compiled(options.allowedValues)
    this.#hasSummary = options.summary === 'debug' || options.summary === 'info'
  }

  traces(tree: TracesTree): void {
    for (const { resource, scopeSpans } of tree.resourceSpans) {
      this.attributes(resource.attributes)
      for (const { scope, spans } of scopeSpans) {
        this.attributes(scope.attributes)
        for (const span of spans) {
          // The name first: what kind of span it is, attributes say that may be removed.
          span.name = this.#spanName(span)
          this.attributes(span.attributes)
          for (const event of span.events) this.attributes(event.attributes)
          for (const link of span.links) this.attributes(link.attributes)
        }
      }
    }
  }

  logs(tree: LogsTree): void {
    for (const { resource, scopeLogs } of tree.resourceLogs) {
      this.attributes(resource.attributes)
      for (const { scope, logRecords } of scopeLogs) {
        this.attributes(scope.attributes)
        for (const record of logRecords) {
          this.attributes(record.attributes)
          this.#body(record)
        }
      }
    }
  }

  metrics(tree: MetricsTree): void {
    for (const { resource, scopeMetrics } of tree.resourceMetrics) {
      this.attributes(resource.attributes)
      for (const { scope, metrics } of scopeMetrics) {
        this.attributes(scope.attributes)
        for (const { data } of metrics) {
          if (data.kind === 'empty') continue
          for (const point of data.points) {
            this.attributes(point.attributes)
            if (!('exemplars' in point)) continue
            for (const exemplar of point.exemplars) this.attributes(exemplar.filteredAttributes)
          }
        }
      }
    }
  }

  attributes(attributes: Attributes): void {
    const found = new Findings()
    const { redactAllTypes } = this.#options
    const system = this.#options.database === null ? '' : databaseSystem(attributes)
    let kept = 0
    for (let i = 0; i < attributes.length; i++) {
      const attribute = attributes[i]!
      const { key, value } = attribute
      attributes[kept++] = attribute
      // Its own words from an earlier pass.
      if (summaryKeys.has(key)) continue
      if (this.#isIgnored(key)) {
        found.ignored.push(key)
        continue
      }
      if (this.#isRemoved(key)) {
        found.redacted.push(key)
        kept--
        continue
      }
      const text = typeof value === 'string' ? value : redactAllTypes ? anyValueText(value) : ''
      if (matchesAny(this.#allowedValues, text)) {
        found.allowed.push(key)
        continue
      }
      const isBlocked = matchesAny(this.#blockedKeyPatterns, key)
      const masked = isBlocked ? this.#maskedLines(text) : this.#maskedAttribute(text, key, system)
      if (!isBlocked && masked === text) continue
      found.masked.push(key)
      attribute.value = masked
    }
    attributes.length = kept
    this.#summarize(found, attributes, attributeSummary)
  }

  #body(record: LogRecord): void {
    const found = new Findings()
    const { body } = record
    if (body instanceof KeyValueList) this.#bodyMap(body, '', found)
    else if (Array.isArray(body)) {
      for (let i = 0; i < body.length; i++) body[i] = this.#bodyValue(`[${i}]`, body[i]!, found)
    } else record.body = this.#bodyValue('body', body, found)
    this.#summarize(found, record.attributes, bodySummary)
  }

  #bodyMap(map: KeyValueList, prefix: string, found: Findings): void {
    map.entries = map.entries.filter((entry) => {
      const path = prefix + entry.key
      if (this.#isIgnored(entry.key)) {
        found.ignored.push(path)
        return true
      }
      if (this.#isRemoved(entry.key)) {
        found.redacted.push(path)
        return false
      }
      if (matchesAny(this.#blockedKeyPatterns, entry.key)) {
        found.masked.push(path)
        entry.value = this.#maskedLines(typeof entry.value === 'string' ? entry.value : '')
        return true
      }
      entry.value = this.#bodyValue(path, entry.value, found)
      return true
    })
  }

  #bodyValue(path: string, value: AnyValue, found: Findings): AnyValue {
    if (value instanceof KeyValueList) {
      this.#bodyMap(value, `${path}.`, found)
      return value
    }
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) value[i] = this.#bodyValue(`${path}.[${i}]`, value[i]!, found)
      return value
    }
    const text = anyValueText(value)
    if (matchesAny(this.#allowedValues, text)) {
      found.allowed.push(path)
      return value
    }
    let masked = this.#blockedMasked(text)
    if (this.#options.url !== null) masked = withoutIds(masked)
    if (this.#options.database !== null) masked = this.#options.database.sanitizer.text(masked)
    if (masked === text) return value
    found.masked.push(path)
    return masked
  }

  #maskedAttribute(text: string, key: string, system: string): string {
    const { url, database } = this.#options
    let masked = this.#blockedMasked(text)
    if (url?.attributes.has(key)) masked = withoutIds(masked)
    if (database !== null) masked = database.sanitizer.attribute(masked, key, system)
    return masked
  }

  #blockedMasked(text: string): string {
    let masked = text
    for (const pattern of this.#blockedValues) {
      if (!pattern.test(masked)) continue
      let out = ''
      let copied = 0
      for (const { index, end } of pattern.execAll(masked)) {
        out += masked.slice(copied, index) + this.#masked(masked.slice(index, end))
        copied = end
      }
      masked = out + masked.slice(copied)
    }
    return masked
  }

  /** Line by line, as the collector has it: a hash is that of a line. */
  #maskedLines(text: string): string {
    return text
      .split('\n')
      .map((line) => this.#masked(line))
      .join('\n')
  }

  #masked(text: string): string {
    const { hashFunction, hmacKey } = this.#options
    switch (hashFunction) {
      case '':
        return mask
      case 'sha1':
      case 'md5':
        return createHash(hashFunction).update(text).digest('hex')
      case 'sha3':
        return createHash('sha3-256').update(text).digest('hex')
      case 'hmac-sha256':
        return createHmac('sha256', hmacKey).update(text).digest('hex')
      case 'hmac-sha512':
        return createHmac('sha512', hmacKey).update(text).digest('hex')
    }
  }

  #isIgnored(key: string): boolean {
    return this.#ignoredKeys.has(key) || matchesAny(this.#ignoredKeyPatterns, key)
  }

  #isRemoved(key: string): boolean {
    return !this.#options.allowAllKeys && !this.#allowedKeys.has(key)
  }

  #spanName(span: Span): string {
    const { url, database } = this.#options
    const { name, kind, attributes } = span
    if (!(url?.spanNames ?? false) && !(database?.spanNames ?? false)) return name
    if (matchesAny(this.#allowedValues, name)) return name
    const isRemote = kind === clientKind || kind === serverKind
    if (url?.spanNames && isRemote && (name.includes('/') || attributes.some(({ key }) => httpKeys.includes(key)))) {
      const masked = withoutIds(name)
      if (masked !== name && !saysNothing(masked)) return masked === '' || masked === '...' ? name : masked
    }
    const system = databaseSystem(attributes)
    if (database?.spanNames && (isRemote || kind === internalKind) && system !== '') {
      const masked = database.sanitizer.name(name, system)
      return masked === '' || masked === '...' ? name : masked
    }
    return name
  }

  /**
   * What was removed or masked adds to what an earlier pass wrote, since this one cannot see it any more; what is allowed
   * or ignored is seen anew by every pass and replaces it.
   */
  #summarize(found: Findings, attributes: Attributes, names: SummaryNames): void {
    if (!this.#hasSummary) return
    this.#summarizeOne(found.redacted, attributes, names.redacted, true, true)
    this.#summarizeOne(found.masked, attributes, names.masked, true, true)
    this.#summarizeOne(found.allowed, attributes, names.allowed, true, false)
    this.#summarizeOne(found.ignored, attributes, names.ignored, false, false)
  }

  #summarizeOne(keys: string[], attributes: Attributes, name: string, hasKeys: boolean, adds: boolean): void {
    if (keys.length === 0) {
      if (adds || attributes.length === 0) return
      if (hasKeys) deleteAttribute(attributes, `${name}.keys`)
      deleteAttribute(attributes, `${name}.count`)
      return
    }
    const countBefore = adds ? attributeValue(attributes, `${name}.count`) : undefined
    const keysBefore = adds ? attributeValue(attributes, `${name}.keys`) : undefined
    const count = BigInt(keys.length) + (typeof countBefore === 'bigint' ? countBefore : 0n)
    if (hasKeys && this.#options.summary === 'debug') {
      if (typeof keysBefore === 'string' && keysBefore !== '') keys.push(...keysBefore.split(','))
      setAttribute(attributes, `${name}.keys`, keys.sort(byBytes).join(','))
    }
    setAttribute(attributes, `${name}.count`, count)
  }
}

function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function matchesAny(patterns: readonly Regexp[], text: string): boolean {
  for (let i = 0; i < patterns.length; i++) if (patterns[i]!.test(text)) return true
  return false
}

/** Which database the attributes speak of, in lower case; '' for none. */
function databaseSystem(attributes: Attributes): string {
  const now = attributeValue(attributes, 'db.system.name')
  if (typeof now === 'string' && now !== '') return now.toLowerCase()
  const before = attributeValue(attributes, 'db.system')
  return typeof before === 'string' ? before.toLowerCase() : ''
}
