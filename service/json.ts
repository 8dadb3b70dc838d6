// Values and settings as JSON for people and programs to read: secrets hidden, receivers by the name of their node.
import type { Value } from '#component'
import { Capsule, FunctionValue, OptionalSecret, Secret, Target, Unknown } from '#component'

/** Anything that settings, exports and debug information are made of. */
export function shownJson(value: unknown): unknown {
  if (value === null || value === undefined) return null
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) ? value : String(value)
    case 'bigint':
      return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value.toString()
    case 'object':
      return shownObject(value)
    default:
      return null
  }
}

function shownObject(value: object): unknown {
  if (value instanceof Secret || value instanceof OptionalSecret) return value.toString()
  if (value instanceof Target) return Object.fromEntries(value.labels)
  if (value instanceof Unknown) return `(${value.type}, not known)`
  if (value instanceof FunctionValue) return '(function)'
  if (value instanceof Capsule) return shownCapsule(value.type, value.value)
  if (value instanceof Map) return Object.fromEntries([...value].map(([k, v]) => [String(k), shownJson(v)]))
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.map((v: unknown) => shownJson(v))
  if ('nodeId' in value && 'signal' in value) return { receiver: value.nodeId }
  if (value instanceof Error) return value.message
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, shownJson(v)]))
}

function shownCapsule(type: string, inside: object): unknown {
  return 'nodeId' in inside ? { [type]: inside.nodeId } : `(${type})`
}

/** Exports by name. */
export function exportsJson(exports: ReadonlyMap<string, Value> | undefined): unknown {
  return exports ? Object.fromEntries([...exports].map(([name, value]) => [name, shownJson(value)])) : {}
}
