// Reading and writing values inside of maps and lists, and what paths accept.
import type { AnyValue, Attributes } from '#pdata/otlp'
import { attributeValue, KeyValueList, setAttribute } from '#pdata/otlp'
import type { GetSetter, Getter } from './function.ts'
import type { TransformContext } from './transform_context.ts'
import type { OttlValue } from './value.ts'
import { OttlError, TelemetryList, Time, typeName } from './value.ts'

/** A key in brackets: a string or int as written, or an expression. */
export interface Key {
  readonly literal: string | bigint | null
  readonly get: Getter
}

// ------------------------------------------------------------------------------------------------- what is accepted

function wrong(wanted: string, value: OttlValue): OttlError {
  if (value === null) return new OttlError('setting a value to nil is not supported')
  return new OttlError(`expects ${wanted} but got ${typeName(value)}`)
}

export function expectString(value: OttlValue): string {
  if (typeof value === 'string') return value
  throw wrong('string', value)
}

export function expectInt(value: OttlValue): bigint {
  if (typeof value === 'bigint') return value
  throw wrong('int64', value)
}

export function expectFloat(value: OttlValue): number {
  if (typeof value === 'number') return value
  throw wrong('float64', value)
}

export function expectBool(value: OttlValue): boolean {
  if (typeof value === 'boolean') return value
  throw wrong('bool', value)
}

export function expectTime(value: OttlValue): Time {
  if (value instanceof Time) return value
  throw wrong('time.Time', value)
}

/** The messages of a list of the same type. */
export function expectList(value: OttlValue, type: string): readonly object[] {
  if (value instanceof TelemetryList && value.type === type) return value.items
  throw wrong(type, value)
}

/** Ids of 16 or 8 bytes. */
export function expectId(value: OttlValue, length: 16 | 8): Uint8Array {
  if (value instanceof Uint8Array && value.length === length) return value
  throw wrong(length === 16 ? 'pcommon.TraceID' : 'pcommon.SpanID', value)
}

/** A list of ints; nil is an empty one. */
export function expectInts(value: OttlValue): bigint[] {
  if (value === null) return []
  if (Array.isArray(value) && value.every((item) => typeof item === 'bigint')) return [...(value as bigint[])]
  throw wrong('a list of int64', value)
}

/** A list of floats; nil is an empty one. */
export function expectFloats(value: OttlValue): number[] {
  if (value === null) return []
  if (Array.isArray(value) && value.every((item) => typeof item === 'number')) return [...(value as number[])]
  throw wrong('a list of float64', value)
}

/** What attributes and bodies can hold; a copy where it could be changed. Throws for times, durations and messages inside. */
export function storable(value: OttlValue): AnyValue {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map(storable)
  if (value instanceof KeyValueList) return new KeyValueList(storableEntries(value))
  throw new OttlError(`expects a string, bool, number, bytes, list or map but got ${typeName(value)}`)
}

/** A map's entries, copied; nil is an empty map. */
export function storableEntries(value: OttlValue): Attributes {
  if (value === null) return []
  if (value instanceof KeyValueList)
    return value.entries.map((entry) => ({ key: entry.key, value: storable(entry.value) }))
  throw wrong('pcommon.Map', value)
}

// ------------------------------------------------------------------------------------------------------------ maps

function mapKey(key: Key, context: TransformContext): string {
  const value = key.literal ?? key.get(context)
  if (typeof value === 'string') return value
  throw new OttlError(`unable to resolve a string index in map: expecting string but got ${typeName(value)}`)
}

function listIndex(key: Key, length: number, context: TransformContext): number {
  const value = key.literal ?? key.get(context)
  if (typeof value !== 'bigint') {
    throw new OttlError(`unable to resolve an integer index in slice: expecting int64 but got ${typeName(value)}`)
  }
  if (value < 0n || value >= BigInt(length)) throw new OttlError(`index ${value} out of bounds`)
  return Number(value)
}

/** The value under the keys; nil where a map lacks one. Throws where a list's index is out of bounds or nothing is inside. */
export function valueIn(attributes: Attributes, keys: readonly Key[], context: TransformContext): AnyValue {
  return insideOf(attributeValue(attributes, mapKey(keys[0] as Key, context)) ?? null, keys, 1, context)
}

/** See `valueIn`: what is inside of a value under the keys from `from` on. */
export function insideOf(whole: AnyValue, keys: readonly Key[], from: number, context: TransformContext): AnyValue {
  let value = whole
  for (let i = from; i < keys.length; i++) {
    const key = keys[i] as Key
    if (value instanceof KeyValueList) {
      const found = attributeValue(value.entries, mapKey(key, context))
      if (found === undefined) return null
      value = found
    } else if (Array.isArray(value)) {
      value = value[listIndex(key, value.length, context)] ?? null
    } else if (value === null && i === from) {
      return null
    } else {
      throw new OttlError(`type ${typeName(value)} does not support string indexing`)
    }
  }
  return value
}

/** A list made for an index beyond is filled with nil; this is where that ends. */
const filledMax = 10_000n

/** Put `value` under the keys; maps and lists that are missing on the way are made. */
export function setValueIn(
  attributes: Attributes,
  keys: readonly Key[],
  context: TransformContext,
  value: OttlValue,
): void {
  const first = mapKey(keys[0] as Key, context)
  if (keys.length === 1) setAttribute(attributes, first, storable(value))
  else setAttribute(attributes, first, changed(attributeValue(attributes, first) ?? null, keys, 1, context, value))
}

/** `current` with `value` put under the keys from `from` on: itself, changed in place, or a new one. */
function changed(
  current: AnyValue,
  keys: readonly Key[],
  from: number,
  context: TransformContext,
  value: OttlValue,
): AnyValue {
  const key = keys[from]
  if (key === undefined) return storable(value)
  const inside = current ?? madeFor(key, context)
  if (inside instanceof KeyValueList) {
    const name = mapKey(key, context)
    const before = attributeValue(inside.entries, name) ?? null
    setAttribute(inside.entries, name, changed(before, keys, from + 1, context, value))
    return inside
  }
  if (Array.isArray(inside)) {
    const index = listIndex(key, inside.length, context)
    inside[index] = changed(inside[index] ?? null, keys, from + 1, context, value)
    return inside
  }
  throw new OttlError(`type ${typeName(inside)} does not support string indexing`)
}

function madeFor(key: Key, context: TransformContext): AnyValue {
  const value = key.literal ?? key.get(context)
  if (typeof value === 'string') return new KeyValueList([])
  if (typeof value !== 'bigint') throw new OttlError('neither a string nor an int index was given')
  if (value < 0n || value > filledMax) throw new OttlError(`index ${value} out of bounds`)
  return Array.from({ length: Number(value) + 1 }, () => null)
}

/** A path to a map, with or without keys: `attributes`, `attributes["x"]["y"]`. */
export function mapPath(
  read: (context: TransformContext) => Attributes,
  write: (context: TransformContext, entries: Attributes) => void,
  keys: readonly Key[],
): GetSetter {
  const [first] = keys
  if (first === undefined) {
    return {
      get: (context) => new KeyValueList(read(context)),
      set: (context, value) => write(context, storableEntries(value)),
    }
  }
  const { literal } = first
  if (keys.length === 1 && typeof literal === 'string') {
    return {
      get: (context) => attributeValue(read(context), literal) ?? null,
      set: (context, value) => setAttribute(read(context), literal, storable(value)),
    }
  }
  return {
    get: (context) => valueIn(read(context), keys, context),
    set: (context, value) => setValueIn(read(context), keys, context, value),
  }
}

/** A path to any value, with or without keys: `body`, `body["x"]`. Only maps and lists have something inside. */
export function valuePath(
  read: (context: TransformContext) => AnyValue,
  write: (context: TransformContext, value: AnyValue) => void,
  keys: readonly Key[],
): GetSetter {
  if (keys.length === 0) {
    return { get: read, set: (context, value) => write(context, storable(value)) }
  }
  return {
    get(context) {
      const value = read(context)
      return indexed(value, keys, context)
    },
    set(context, value) {
      const current = read(context)
      if (!(current instanceof KeyValueList) && !Array.isArray(current)) throw notIndexed(current)
      changed(current, keys, 0, context, value)
    },
  }
}

function indexed(value: AnyValue, keys: readonly Key[], context: TransformContext): AnyValue {
  if (value instanceof KeyValueList) return valueIn(value.entries, keys, context)
  if (!Array.isArray(value)) throw notIndexed(value)
  const item = value[listIndex(keys[0] as Key, value.length, context)] ?? null
  return keys.length === 1 ? item : indexed(item, keys.slice(1), context)
}

function notIndexed(value: AnyValue): OttlError {
  return new OttlError(`values of type ${typeName(value)} cannot be indexed`)
}

/** A converter's result under the keys. Throws where there is nothing. */
export function resultIn(result: OttlValue, keys: readonly Key[], context: TransformContext): OttlValue {
  let value = result
  for (const key of keys) {
    const wanted = key.literal ?? key.get(context)
    if (typeof wanted === 'string') {
      if (!(value instanceof KeyValueList))
        throw new OttlError(`type, ${typeName(value)}, does not support string indexing`)
      const found = attributeValue(value.entries, wanted)
      if (found === undefined) throw new OttlError('key not found in map')
      value = found
    } else if (Array.isArray(value)) {
      value = value[listIndex(key, value.length, context)] ?? null
    } else if (value instanceof Uint8Array) {
      value = BigInt(value[listIndex(key, value.length, context)] ?? 0)
    } else {
      throw new OttlError(`type, ${typeName(value)}, does not support int indexing`)
    }
  }
  return value
}
