// Working with attributes and values of trees.
import { Buffer } from 'node:buffer'
import type { AnyValue, Attributes } from './tree.ts'
import { KeyValueList } from './tree.ts'

/** The first attribute's value with this key; undefined where there is none. */
export function attributeValue(attributes: Attributes, key: string): AnyValue | undefined {
  for (let i = 0; i < attributes.length; i++) if (attributes[i]!.key === key) return attributes[i]!.value
  return undefined
}

/** Replace the value of the first attribute with this key, or append one. */
export function setAttribute(attributes: Attributes, key: string, value: AnyValue): void {
  for (let i = 0; i < attributes.length; i++) {
    const attribute = attributes[i]!
    if (attribute.key !== key) continue
    attribute.value = value
    return
  }
  attributes.push({ key, value })
}

/** Remove every attribute with this key, keeping the order. True where there was one. */
export function deleteAttribute(attributes: Attributes, key: string): boolean {
  let kept = 0
  for (let i = 0; i < attributes.length; i++) {
    const attribute = attributes[i]!
    if (attribute.key !== key) attributes[kept++] = attribute
  }
  const isFound = kept < attributes.length
  attributes.length = kept
  return isFound
}

/** A copy down to the last value; byte arrays, which nobody writes into, are shared. */
export function cloneAttributes(attributes: Attributes): Attributes {
  return attributes.map(({ key, value }) => ({ key, value: cloneAnyValue(value) }))
}

/** See `cloneAttributes`. */
export function cloneAnyValue(value: AnyValue): AnyValue {
  if (Array.isArray(value)) return value.map(cloneAnyValue)
  if (value instanceof KeyValueList) return new KeyValueList(cloneAttributes(value.entries))
  return value
}

/**
 * A value as text, as the collector's pdata gives it since 1.58 (`Value.AsString`): strings as they are, bytes in base64,
 * doubles as in JSON or NaN, Infinity and -Infinity, arrays and lists as JSON (keys sorted, the last one of equal keys),
 * nothing for no value. JSON has no NaN and no infinities: inside arrays and lists they make the whole text empty.
 */
export function anyValueText(value: AnyValue): string {
  if (typeof value === 'string') return value
  if (value === null) return ''
  if (typeof value === 'number') return doubleText(value)
  if (typeof value !== 'object') return String(value)
  if (value instanceof Uint8Array) return base64(value)
  return jsonText(value) ?? ''
}

function doubleText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
}

/** null: the value has no JSON. */
function jsonText(value: AnyValue): string | null {
  if (value === null) return 'null'
  if (typeof value === 'string') return quoted(value)
  if (typeof value === 'number') return Number.isFinite(value) ? doubleText(value) : null
  if (typeof value !== 'object') return String(value)
  if (value instanceof Uint8Array) return `"${base64(value)}"`
  const parts: string[] = []
  if (Array.isArray(value)) {
    for (const element of value) {
      const text = jsonText(element)
      if (text === null) return null
      parts.push(text)
    }
    return `[${parts.join(',')}]`
  }
  const byKey = new Map<string, AnyValue>()
  for (const entry of value.entries) byKey.set(entry.key, entry.value)
  for (const key of [...byKey.keys()].toSorted(byBytes)) {
    const text = jsonText(byKey.get(key) ?? null)
    if (text === null) return null
    parts.push(`${quoted(key)}:${text}`)
  }
  return `{${parts.join(',')}}`
}

/** The order of the UTF-8, which differs from that of JavaScript's strings beyond the BMP. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** Go's encoder writes the two line separators of Unicode as escapes. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/[\u2028\u2029]/g, (found) => (found === '\u2028' ? '\\u2028' : '\\u2029'))
}

/**
 * Are the values the same, of the same type? As in the collector's pdata the order of a list's entries does not matter,
 * and NaN is not equal to itself.
 */
export function anyValuesEqual(a: AnyValue, b: AnyValue): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((element, i) => anyValuesEqual(element, b[i] ?? null))
  }
  if (!(b instanceof KeyValueList) || a.entries.length !== b.entries.length) return false
  return a.entries.every(({ key, value }) => {
    const other = attributeValue(b.entries, key)
    return other !== undefined && anyValuesEqual(value, other)
  })
}
