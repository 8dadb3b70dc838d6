// The values of the configuration languages: what an expression evaluates to and what a settings schema decodes.
import { inspect } from 'node:util'

/**
 * One configuration value.
 *
 * Integers are `bigint` (int64; above 2^63-1 they are uint64), floats are `number`: the language keeps them apart.
 * Objects are `Map`s in the order written, byte strings are `Uint8Array`s, everything with a meaning of its own is a class.
 */
export type Value =
  | null
  | boolean
  | string
  | bigint
  | number
  | Uint8Array
  | readonly Value[]
  | ObjectValue
  | FunctionValue
  | Secret
  | OptionalSecret
  | Target
  | Capsule
  | Unknown

export type ObjectValue = ReadonlyMap<string, Value>

/** A function of the standard library. `call` throws `ValueError`; `argument` there is the index of the one at fault. */
export class FunctionValue {
  readonly name: string
  readonly call: (args: readonly Value[]) => Value
  constructor(name: string, call: (args: readonly Value[]) => Value) {
    this.name = name
    this.call = call
  }
}

/** A string that is never shown: not in logs, messages, JSON or the API. */
export class Secret {
  readonly #text: string
  constructor(text: string) {
    this.#text = text
  }
  reveal(): string {
    return this.#text
  }
  toString(): string {
    return '(secret)'
  }
  toJSON(): string {
    return '(secret)'
  }
  [inspect.custom](): string {
    return '(secret)'
  }
}

/** A string that may or may not be a secret (`local.file` with `is_secret`). */
export class OptionalSecret {
  readonly isSecret: boolean
  readonly #text: string
  constructor(text: string, isSecret: boolean) {
    this.#text = text
    this.isSecret = isSecret
  }
  reveal(): string {
    return this.#text
  }
  toString(): string {
    return this.isSecret ? '(secret)' : this.#text
  }
  toJSON(): string {
    return this.toString()
  }
  [inspect.custom](): string {
    return this.toString()
  }
}

/** A discovered target: label names to values. Reads like an object in expressions. */
export class Target {
  readonly labels: ReadonlyMap<string, string>
  constructor(labels: ReadonlyMap<string, string>) {
    this.labels = labels
  }
}

/** An opaque value that only a matching attribute accepts. `type` is the name users see: `MetricsReceiver`, `RelabelRules`. */
export class Capsule {
  readonly type: string
  readonly value: object
  constructor(type: string, value: object) {
    this.type = type
    this.value = value
  }
}

/**
 * A value that is not known yet (an export of a component that does not run, while a configuration is being checked).
 * `type` is a schema type's name where it is known (`list(target)`, `MetricsReceiver`), else `any`.
 */
export class Unknown {
  /** Makes the class nominal: without it a `Capsule` would count as an `Unknown`. */
  readonly unknown = true
  readonly type: string
  constructor(type: string) {
    this.type = type
  }
}

/** Why a value could not be computed. `path` leads into the value or the call's arguments to what is at fault. */
export class ValueError extends Error {
  override readonly name = 'ValueError'
  readonly path: readonly (string | number)[]
  constructor(message: string, path: readonly (string | number)[] = []) {
    super(message)
    this.path = path
  }
}

export function isObjectValue(value: Value): value is ObjectValue {
  return value instanceof Map
}

/** The language's own name for a value's kind, as error messages show it. */
export function kindOf(value: Value): string {
  if (value === null) return 'null'
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'string':
      return 'string'
    case 'bigint':
    case 'number':
      return 'number'
    default:
  }
  if (Array.isArray(value) || value instanceof Uint8Array) return 'array'
  if (value instanceof Map || value instanceof Target) return 'object'
  if (value instanceof FunctionValue) return 'function'
  if (value instanceof Unknown) return value.type
  if (value instanceof Secret) return 'capsule("secret")'
  if (value instanceof OptionalSecret) return 'capsule("optional_secret")'
  if (value instanceof Capsule) return `capsule("${value.type}")`
  return 'any'
}

/** Deep equality as the language's `==` has it: numbers by value, functions never equal, capsules by identity of content. */
export function valuesEqual(a: Value, b: Value): boolean {
  if (a === b) return !(a instanceof FunctionValue)
  if (a === null || b === null) return false
  // oxlint-disable-next-line eqeqeq -- a bigint and a number compare by value
  if (isNumber(a)) return isNumber(b) && a == b
  if (typeof a !== 'object' || typeof b !== 'object') return false
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((x, i) => valuesEqual(x, b[i] as Value))
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0
  const x = entriesOf(a)
  const y = entriesOf(b)
  if (x && y) {
    if (x.size !== y.size) return false
    for (const [key, value] of x) {
      if (!y.has(key) || !valuesEqual(value, y.get(key) as Value)) return false
    }
    return true
  }
  if (a instanceof Secret) return b instanceof Secret && a.reveal() === b.reveal()
  if (a instanceof OptionalSecret)
    return b instanceof OptionalSecret && a.isSecret === b.isSecret && a.reveal() === b.reveal()
  if (a instanceof Capsule) return b instanceof Capsule && a.type === b.type && a.value === b.value
  return false
}

/** The entries of an object or a target, else undefined. */
export function entriesOf(value: Value): ObjectValue | undefined {
  if (value instanceof Map) return value
  if (value instanceof Target) return value.labels
  return undefined
}

function isNumber(value: Value): value is bigint | number {
  return typeof value === 'bigint' || typeof value === 'number'
}
