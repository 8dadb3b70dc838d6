// Reads YAML texts into configuration values, resolving plain words as Go's yaml.v3 does.
import { createRequire } from 'node:module'
import { Capsule, type Value, ValueError } from '#component'
import type * as Yaml from 'yaml'
import { fromBase64 } from './text_functions.ts'

/** Lists and maps inside each other: whoever walks a value may recurse. */
export const yamlDepthMax = 500
/** Values that one text may stand for, those behind aliases counted each time: a bound on alias bombs. */
export const yamlValuesMax = 1_000_000

const require = createRequire(import.meta.url)

/**
 * The first document of `text`; an empty one is null. Integers, floats, booleans, nulls and timestamps (as RFC 3339 text)
 * are told by their looks, `yes` and `no` stay strings. A map with a key that is no string is a capsule.
 * Throws `ValueError`, never showing the text. Loads the YAML library on the first call.
 */
export function valueFromYaml(text: string): Value {
  const yaml = require('yaml') as typeof Yaml
  // The failsafe schema leaves every scalar a string: what they mean is decided here.
  const options = { schema: 'failsafe', prettyErrors: false, logLevel: 'silent', stringKeys: false } as const
  const documents = yaml.parseAllDocuments(text, options)
  const document = Array.isArray(documents) ? documents[0] : undefined
  if (!document) return null
  const [error] = document.errors
  if (error) {
    const line = text.slice(0, error.pos[0]).split('\n').length
    throw new ValueError(`yaml: line ${line}: ${yamlSayings[error.code] ?? 'is not valid YAML'}`)
  }
  return new Reader(yaml, document).value(document.contents, 0)
}

export const yamlSayings: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'a key is there twice',
  TAB_AS_INDENT: 'found character that cannot start any token: a tab used as indentation',
  BAD_INDENT: 'bad indentation',
  BLOCK_AS_IMPLICIT_KEY: 'mapping values are not allowed in this context',
  MISSING_CHAR: 'a character is missing',
  UNEXPECTED_TOKEN: 'found what belongs to nothing',
  MULTIPLE_ANCHORS: 'a node has several anchors',
  BAD_ALIAS: 'an alias without anchor',
}

class Reader {
  readonly #yaml: typeof Yaml
  readonly #document: Yaml.Document.Parsed
  #values = 0
  /** Finding what an alias means takes a walk through the document: once for each. */
  readonly #targets = new Map<Yaml.Alias, Yaml.Node>()
  readonly #anchored = new Map<Yaml.Node, { readonly value: Value; readonly size: number }>()

  constructor(yaml: typeof Yaml, document: Yaml.Document.Parsed) {
    this.#yaml = yaml
    this.#document = document
  }

  value(node: unknown, depth: number): Value {
    const yaml = this.#yaml
    if (depth > yamlDepthMax) throw new ValueError(`yaml: nested deeper than ${yamlDepthMax} levels`)
    this.#count(1)
    if (node === null || node === undefined) return null
    if (yaml.isAlias(node)) return this.#alias(node, depth)
    if (yaml.isScalar(node)) return this.#scalar(node)
    if (yaml.isSeq(node)) return node.items.map((item) => this.value(item, depth + 1))
    if (yaml.isMap(node)) return this.#map(node, depth)
    throw new ValueError('yaml: holds something that is no value')
  }

  #alias(node: Yaml.Alias, depth: number): Value {
    const target = this.#targets.get(node) ?? node.resolve(this.#document)
    if (!target) throw new ValueError('yaml: unknown anchor')
    this.#targets.set(node, target)
    const known = this.#anchored.get(target)
    if (known) {
      this.#count(known.size)
      return known.value
    }
    const before = this.#values
    const value = this.value(target, depth + 1)
    this.#anchored.set(target, { value, size: this.#values - before })
    return value
  }

  #count(values: number): void {
    this.#values += values
    if (this.#values > yamlValuesMax) throw new ValueError(`yaml: stands for more than ${yamlValuesMax} values`)
  }

  #scalar(node: Yaml.Scalar): Value {
    const text = typeof node.source === 'string' ? node.source : String(node.value ?? '')
    const isPlain = node.type === 'PLAIN' || node.type === undefined
    const tag = node.tag?.replace('tag:yaml.org,2002:', '!!')
    switch (tag) {
      case '!!str':
        return text
      case '!!int':
      case '!!float':
      case '!!bool':
      case '!!null':
      case '!!timestamp':
        return taggedValue(text, tag)
      case '!!binary':
        return Buffer.from(bytesOf(text)).toString()
      default:
        // What has a tag of somebody's own is a text.
        return (tag === undefined || tag === '!') && isPlain ? plainValue(text) : text
    }
  }

  #map(node: Yaml.YAMLMap, depth: number): Value {
    const entries = new Map<Value, Value>()
    const merged = new Map<Value, Value>()
    for (const pair of node.items) {
      const { key, value } = pair
      if (this.#yaml.isScalar(key) && key.type === 'PLAIN' && key.source === '<<') this.#merge(value, merged, depth)
      else entries.set(this.#key(key, depth), this.value(value, depth + 1))
    }
    for (const [key, value] of merged) if (!entries.has(key)) entries.set(key, value)
    const out = new Map<string, Value>()
    for (const [key, value] of entries) {
      if (typeof key !== 'string') return new Capsule('map[interface {}]interface {}', entries)
      out.set(key, value)
    }
    return out
  }

  #key(node: unknown, depth: number): Value {
    // A time as a key is none of the strings that objects have.
    const isTime = this.#yaml.isScalar(node) && node.type === 'PLAIN' && timestampText(node.source ?? '') !== undefined
    if (isTime) return new Capsule('time.Time', { text: node.source })
    const key = this.value(node, depth + 1)
    if (key !== null && typeof key === 'object') throw new ValueError('yaml: invalid map key: a list or a map')
    return key
  }

  /** `<<`: the entries of one map, or of several of which the first wins. */
  #merge(node: unknown, into: Map<Value, Value>, depth: number): void {
    const value = this.value(node, depth + 1)
    for (const one of Array.isArray(value) ? (value as readonly Value[]) : [value]) {
      const entries =
        one instanceof Map ? one : one instanceof Capsule && one.value instanceof Map ? one.value : undefined
      if (!entries) throw new ValueError('yaml: map merge requires map or sequence of maps as the value')
      for (const [key, item] of entries as ReadonlyMap<Value, Value>) if (!into.has(key)) into.set(key, item)
    }
  }
}

function bytesOf(text: string): Uint8Array {
  try {
    return fromBase64(text, 'base64')
  } catch {
    throw new ValueError('yaml: !!binary value contains invalid base64 data')
  }
}

const plainWords: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['', null],
  ['~', null],
  ['null', null],
  ['Null', null],
  ['NULL', null],
  ['true', true],
  ['True', true],
  ['TRUE', true],
  ['false', false],
  ['False', false],
  ['FALSE', false],
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((word) => [word, Infinity] as const),
  ...['-.inf', '-.Inf', '-.INF'].map((word) => [word, -Infinity] as const),
  ...['.nan', '.NaN', '.NAN'].map((word) => [word, NaN] as const),
])

/** A scalar without quotes (yaml.v3's resolve.go). */
export function plainValue(text: string): Value {
  const word = plainWords.get(text)
  if (word !== undefined) return word
  if (!/^[-+.0-9]/.test(text)) return text
  return timestampText(text) ?? numberValue(text) ?? text
}

function numberValue(text: string): Value | undefined {
  const plain = text.replaceAll('_', '')
  const integer = /^([-+]?)(?:0[bB]([01]+)|0[xX]([0-9a-fA-F]+)|0[oO]?([0-7]+)|(0|[1-9]\d*))$/.exec(plain)
  if (integer) {
    const [, sign, binary, hex, octal, decimal] = integer
    const magnitude = BigInt(binary ? `0b${binary}` : hex ? `0x${hex}` : octal ? `0o${octal}` : (decimal as string))
    const value = sign === '-' ? -magnitude : magnitude
    if (value >= -(2n ** 63n) && value < 2n ** 64n) return value
  }
  if (!/^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/.test(plain)) return undefined
  const float = Number(plain)
  return Number.isFinite(float) ? float : undefined
}

/** RFC 3339 of what yaml.v3 takes for a time: `2001-12-14`, `2001-12-14t21:59:43.10-05:00`, `2001-12-14 21:59:43`. */
function timestampText(text: string): string | undefined {
  const match =
    /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt]| )(\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d{1,9})?(Z|[-+]\d{2}:\d{2})?)?$/.exec(
      text,
    )
  if (!match) return undefined
  const [, year, month, day, hour, minute, second, fraction = '', zone = 'Z'] = match
  if (hour !== undefined && / /.test(text) && match[8] !== undefined) return undefined
  if (hour !== undefined && !/ /.test(text) && match[8] === undefined) return undefined
  const two = (digits = '0'): string => digits.padStart(2, '0')
  const date = `${year}-${two(month)}-${two(day)}`
  const time = `${two(hour)}:${two(minute)}:${two(second)}`
  const parsed = new Date(`${date}T${time}Z`)
  if (Number.isNaN(parsed.getTime()) || !parsed.toISOString().startsWith(date)) return undefined
  const shown = fraction.replace(/0+$/, '').replace(/^\.$/, '')
  return `${date}T${time}${shown}${/^[-+]00:00$/.test(zone) ? 'Z' : zone}`
}

export function taggedValue(text: string, tag: string): Value {
  const value = plainValue(text)
  const fits =
    (tag === '!!int' && typeof value === 'bigint') ||
    (tag === '!!float' && (typeof value === 'number' || typeof value === 'bigint')) ||
    (tag === '!!bool' && typeof value === 'boolean') ||
    (tag === '!!null' && value === null) ||
    (tag === '!!timestamp' && timestampText(text) !== undefined)
  if (!fits) throw new ValueError(`yaml: cannot decode a scalar as a ${tag}`)
  return tag === '!!float' ? Number(value) : value
}
