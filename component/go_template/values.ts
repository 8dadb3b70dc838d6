// The values that templates work on, and how Go prints them.
import { floatText } from '#lib/go_float_text'
import { goSprintf, goText, type GoValues } from '#lib/go_format'

/**
 * Whole numbers are bigints (Go's ints), others numbers (float64). Null is nil, and what a field that there is not gives.
 * Maps may be changed by functions that change maps in Go too.
 */
export type TemplateValue =
  | null
  | boolean
  | bigint
  | number
  | string
  | readonly TemplateValue[]
  | ReadonlyMap<string, TemplateValue>
  | TemplateObject

/** A value of a type with methods. */
export abstract class TemplateObject {
  /** As Go's `%T` names the type. */
  abstract readonly type: string
  /** As Go's `%v` prints it. */
  abstract toString(): string
  /** Calls a method or reads a field; undefined: there is none of that name. */
  abstract member(name: string, given: readonly TemplateValue[]): TemplateValue | undefined
}

/** Why a template cannot be carried out on some data. */
export class TemplateFault extends Error {
  override readonly name = 'TemplateFault'
}

export function fault(message: string): never {
  throw new TemplateFault(message)
}

export function isMap(value: TemplateValue | undefined): value is ReadonlyMap<string, TemplateValue> {
  return value instanceof Map
}

export function isList(value: TemplateValue | undefined): value is readonly TemplateValue[] {
  return Array.isArray(value)
}

/** What counts as true in `if`, `and`, `or`, `not`. */
export function isTrue(value: TemplateValue): boolean {
  if (isList(value)) return value.length > 0
  return isMap(value) ? value.size > 0 : Boolean(value)
}

/** Go's name of a value's type. */
export function typeName(value: TemplateValue): string {
  if (value === null) return '<nil>'
  if (value instanceof TemplateObject) return value.type
  if (isList(value)) return '[]interface {}'
  if (isMap(value)) return 'map[string]interface {}'
  if (typeof value === 'bigint') return 'int'
  if (typeof value === 'number') return 'float64'
  return typeof value === 'boolean' ? 'bool' : 'string'
}

/** UTF-16 units that the result of a function, and of a template, may have. */
export const lengthMax = 16 << 20

/** `text`, unless it is too long: what repeats must not fill the memory. */
export function bounded(text: string): string {
  return text.length > lengthMax ? fault('the result is too long') : text
}

/** As `{{ }}` shows a value: nothing is `<no value>`. */
export function shown(value: TemplateValue): string {
  return value === null ? '<no value>' : valueText(value)
}

/** Go's `%v`: `[1 a]`, `map[a:1]`, `<nil>`, 1e+06. */
export function valueText(value: TemplateValue): string {
  if (typeof value === 'string') return value
  return typeof value === 'number' ? floatText(value, 'g', -1) : goText(value, goValues)
}

/** Go's Sprintf. */
export function formatted(format: string, given: readonly TemplateValue[]): string {
  return bounded(goSprintf(format, given, goValues))
}

const goValues: GoValues<TemplateValue> = {
  typeName,
  entries: (value) => (isMap(value) ? value : undefined),
  items: (value) => (isList(value) ? value : undefined),
  special(value, _, out) {
    if (!(value instanceof TemplateObject)) return false
    out.raw(value.toString())
    return true
  },
  isPointer: () => false,
}

export function sortedKeys(map: ReadonlyMap<string, TemplateValue>): string[] {
  return [...map.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}

// What functions need of their arguments.

export function textOf(value: TemplateValue | undefined): string {
  if (typeof value === 'string') return value
  return fault(`wrong type for value; expected string; got ${typeName(value ?? null)}`)
}

/** A whole number that a JavaScript number can hold. */
export function intOf(value: TemplateValue | undefined): number {
  const number = typeof value === 'bigint' ? Number(value) : value
  if (typeof number === 'number' && Number.isSafeInteger(number)) return number
  return fault(`wrong type for value; expected int; got ${typeName(value ?? null)}`)
}

export function listOf(value: TemplateValue | undefined): readonly TemplateValue[] {
  return isList(value) ? value : fault(`wrong type for value; expected list; got ${typeName(value ?? null)}`)
}

export function mapOf(value: TemplateValue | undefined): ReadonlyMap<string, TemplateValue> {
  if (isMap(value)) return value
  return fault(`wrong type for value; expected map[string]interface {}; got ${typeName(value ?? null)}`)
}

/** The same content. */
export function isEqual(a: TemplateValue, b: TemplateValue): boolean {
  if (isList(a) && isList(b)) return a.length === b.length && a.every((item, i) => isEqual(item, b[i] as TemplateValue))
  if (isMap(a) && isMap(b)) {
    return a.size === b.size && [...a].every(([key, item]) => b.has(key) && isEqual(item, b.get(key) as TemplateValue))
  }
  return a === b
}
