// What can be said about values that are not known yet, from the names of their types.
import { isObjectValue, Unknown, type Value } from '#component'

/** The kinds that operators and functions tell apart. */
export type Kind =
  | 'null'
  | 'bool'
  | 'number'
  | 'string'
  | 'array'
  | 'object'
  | 'function'
  | 'secret'
  | 'capsule'
  | 'any'

const kinds: Readonly<Record<string, Kind>> = {
  any: 'any',
  bool: 'bool',
  number: 'number',
  int: 'number',
  uint: 'number',
  float: 'number',
  string: 'string',
  duration: 'string',
  secret: 'secret',
  // Decided when it is known: a string or a secret.
  optional_secret: 'any',
  bytes: 'any',
  object: 'object',
  target: 'object',
  array: 'array',
}

/** The kind of an unknown value; `any` where its type does not tell. Types without a name here are capsules. */
export function kindOfType(type: string): Kind {
  if (Object.hasOwn(kinds, type)) return kinds[type] as Kind
  if (type.startsWith('list(')) return 'array'
  if (type.startsWith('map(')) return 'object'
  return 'capsule'
}

/** Whether a value of the type may turn out to fit where `wanted` is asked for, conversions included. */
export function couldBe(value: Unknown, wanted: 'string' | 'secret' | 'array' | 'object' | 'bool'): boolean {
  const kind = kindOfType(value.type)
  if (kind === 'any' || kind === wanted) return true
  return wanted === 'string' ? kind === 'number' : wanted === 'secret' && kind === 'string'
}

/** The type of a list's or map's elements. */
export function elementType(type: string): string {
  const match = /^(?:list|map)\((.*)\)$/.exec(type)
  if (match) return match[1] as string
  return type === 'target' ? 'string' : 'any'
}

/** Is everything in it known? */
export function isKnown(value: Value): boolean {
  if (value instanceof Unknown) return false
  if (Array.isArray(value)) return value.every((item: Value) => isKnown(item))
  if (isObjectValue(value)) return [...value.values()].every((item) => isKnown(item))
  return true
}
