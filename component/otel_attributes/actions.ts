// Attribute actions: insert, update, upsert, delete, hash, extract, convert, on decoded attributes.
import { hash } from 'node:crypto'
import type { Regexp } from '#lib/regexp'
import { compileRegexp } from '#lib/regexp'
import type { ClientContext } from '#pdata'
import type { AnyValue, Attributes } from '#pdata/otlp'
import { anyValueText, cloneAnyValue } from '#pdata/otlp'
import type { ActionSettings } from './settings.ts'
import { anyValueFrom } from './values.ts'

type Kind = 'insert' | 'update' | 'upsert' | 'delete' | 'hash' | 'extract' | 'convert'

/** One action, compiled. Fields that its kind does not use are empty. */
export interface AttributeAction {
  readonly kind: Kind
  readonly key: string
  readonly value: AnyValue
  /** Is there a `value`? */
  readonly hasValue: boolean
  /** Undefined: none. */
  readonly defaultValue: AnyValue | undefined
  readonly fromAttribute: string
  readonly fromContext: string
  readonly convertedType: string
  readonly regexp: Regexp | null
}

/** Actions in the order written; made from settings that `checkActions` found right. */
export class AttributeActions {
  readonly actions: readonly AttributeAction[]

  constructor(settings: readonly ActionSettings[]) {
    this.actions = settings.map(compiled)
  }

  /** Change `attributes` in place. `context` answers `from_context`. */
  apply(attributes: Attributes, context: ClientContext | null): void {
    for (const action of this.actions) applyAction(action, attributes, context)
  }
}

function compiled(settings: ActionSettings): AttributeAction {
  const { value, default_value: defaultValue } = settings
  return {
    kind: settings.action.toLowerCase() as Kind,
    key: settings.key,
    value: value === undefined ? null : anyValueFrom(value),
    hasValue: value !== undefined && value !== null,
    defaultValue: defaultValue === undefined || defaultValue === null ? undefined : anyValueFrom(defaultValue),
    fromAttribute: settings.from_attribute,
    fromContext: settings.from_context,
    convertedType: settings.converted_type,
    regexp: settings.pattern === '' ? null : compileRegexp(settings.pattern),
  }
}

function indexOfKey(attributes: Attributes, key: string): number {
  for (let i = 0; i < attributes.length; i++) if ((attributes[i] as Attributes[number]).key === key) return i
  return -1
}

function applyAction(action: AttributeAction, attributes: Attributes, context: ClientContext | null): void {
  switch (action.kind) {
    case 'insert':
    case 'update':
    case 'upsert':
      return setValue(action, attributes, context)
    case 'delete':
      return deleteKeys(action, attributes)
    case 'hash':
      for (const attribute of attributes) {
        if (attribute.key === action.key || action.regexp?.test(attribute.key))
          attribute.value = hashed(attribute.value)
      }
      return undefined
    case 'extract':
      return extract(action, attributes)
    case 'convert': {
      const attribute = attributes[indexOfKey(attributes, action.key)]
      if (attribute !== undefined) attribute.value = converted(attribute.value, action.convertedType)
      return undefined
    }
  }
}

function setValue(action: AttributeAction, attributes: Attributes, context: ClientContext | null): void {
  const at = indexOfKey(attributes, action.key)
  if (at < 0 ? action.kind === 'update' : action.kind === 'insert') return
  let value: AnyValue | undefined
  if (action.hasValue) value = action.value
  else if (action.fromContext !== '') value = contextValue(context, action.fromContext)
  else value = attributes[indexOfKey(attributes, action.fromAttribute)]?.value
  value ??= action.defaultValue
  if (value === undefined) return
  // Lists and maps are copied: whoever changes one attribute later must not change two.
  if (at < 0) attributes.push({ key: action.key, value: cloneAnyValue(value) })
  else (attributes[at] as Attributes[number]).value = cloneAnyValue(value)
}

/** All that match: a key that came twice would otherwise be left once, against what who wrote `delete` means. */
function deleteKeys(action: AttributeAction, attributes: Attributes): void {
  let kept = 0
  for (let i = 0; i < attributes.length; i++) {
    const attribute = attributes[i] as Attributes[number]
    const isDeleted = attribute.key === action.key || action.regexp?.test(attribute.key) === true
    if (isDeleted) continue
    attributes[kept++] = attribute
  }
  attributes.length = kept
}

function extract(action: AttributeAction, attributes: Attributes): void {
  const { regexp } = action
  const value = attributes[indexOfKey(attributes, action.key)]?.value
  if (regexp === null || typeof value !== 'string') return
  const groups = regexp.match(value)
  if (groups === null) return
  for (let i = 1; i < groups.length; i++) {
    const key = regexp.subexpNames[i] as string
    const at = indexOfKey(attributes, key)
    if (at < 0) attributes.push({ key, value: groups[i] as string })
    else (attributes[at] as Attributes[number]).value = groups[i] as string
  }
}

/**
 * SHA-256 in hexadecimal digits, as otelcol hashes since its gate `coreinternal.attraction.hash.sha256` is stable: of a
 * string's bytes, of one byte for a bool, of eight little-endian bytes for a number; '' for anything else.
 */
function hashed(value: AnyValue): string {
  switch (typeof value) {
    case 'string':
      return hash('sha256', value, 'hex')
    case 'boolean':
      return hash('sha256', Uint8Array.of(value ? 1 : 0), 'hex')
    case 'bigint': {
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64LE(value)
      return hash('sha256', bytes, 'hex')
    }
    case 'number': {
      const bytes = Buffer.alloc(8)
      bytes.writeDoubleLE(value)
      return hash('sha256', bytes, 'hex')
    }
    default:
      return ''
  }
}

const int64Max = 2n ** 63n - 1n
const int64Min = -(2n ** 63n)

/** `value` as `type` (`int`, `double`, `string`); as it is where it cannot be that. */
function converted(value: AnyValue, type: string): AnyValue {
  if (type === 'string') return typeof value === 'string' ? value : anyValueText(value)
  if (typeof value === 'boolean') return type === 'int' ? (value ? 1n : 0n) : value ? 1 : 0
  if (type === 'int') {
    // Go leaves what is outside of int64 to the processor: amd64 gives the smallest.
    if (typeof value === 'number') {
      const isInside = value > -(2 ** 63) && value < 2 ** 63
      return isInside ? BigInt(Math.trunc(value)) : int64Min
    }
    if (typeof value !== 'string' || !/^[+-]?[0-9]+$/.test(value)) return value
    const parsed = BigInt(value.startsWith('+') ? value.slice(1) : value)
    return parsed > int64Max || parsed < int64Min ? value : parsed
  }
  if (typeof value === 'bigint') return Number(value)
  return typeof value === 'string' ? (parseFloat64(value) ?? value) : value
}

/** A float as Go's strconv.ParseFloat reads it, hexadecimal ones left out. */
export function parseFloat64(text: string): number | undefined {
  if (/^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?$/i.test(text)) {
    const parsed = Number(text)
    return Number.isFinite(parsed) ? parsed : undefined
  }
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(text)
  if (special === null) return undefined
  if ((special[2] as string).toLowerCase() === 'nan') return special[1] === '' ? Number.NaN : undefined
  return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
}

/**
 * What `from_context` leads to: `client.address`, `metadata.<name>`, `auth.<name>`; anything else is a metadata name too.
 * Several values are joined by `;`. Undefined: there is none.
 */
export function contextValue(context: ClientContext | null, name: string): string | undefined {
  if (name === 'client.address') return addressOf(context?.peer ?? '')
  if (context === null) return undefined
  if (name.startsWith('auth.')) {
    const found = context.auth?.get(name.slice('auth.'.length))
    if (typeof found === 'string') return found
    return Array.isArray(found) && found.length > 0 ? found.join(';') : undefined
  }
  const key = name.startsWith('metadata.') ? name.slice('metadata.'.length) : name
  const values = context.metadata.get(key.toLowerCase())
  return values === undefined || values.length === 0 ? undefined : values.join(';')
}

/** The address without its port. */
function addressOf(peer: string): string {
  const found = /^(?:\[([^\]]+)\]|([^:]+)):[0-9]+$/.exec(peer)
  return found === null ? peer : ((found[1] ?? found[2]) as string)
}
