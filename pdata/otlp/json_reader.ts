// Reads values out of parsed JSON, by OTLP's mapping: the parts that all messages are made of.
import { Buffer } from 'node:buffer'
import { OtlpError } from './error.ts'
import type { AnyValue, Attributes, KeyValue } from './tree.ts'
import { KeyValueList } from './tree.ts'
import { anyValueDepthMax, messagesMax } from './validate.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/** Thrown where a number lost digits when it was parsed: the text has to be parsed with such numbers as strings. */
export class InexactNumber extends Error {}

/** Integers with fewer characters are exact as numbers. */
const longIntegerUnits = 16

/**
 * JSON.parse; where `isExact`, integers of 16 characters and more come as strings, which OTLP's mapping takes in their
 * place. JSON.parse alone is several times faster than with a reviver that looks at sources, and does not recurse.
 */
export function parseJson(text: string, isExact: boolean): unknown {
  try {
    return JSON.parse(isExact ? withLongIntegersQuoted(text) : text)
  } catch (error) {
    throw new OtlpError(`Cannot read OTLP JSON: ${error instanceof Error ? error.message : 'it is no JSON'}`, -1)
  }
}

/** Walks over valid JSON by hand: a regular expression's stack overflows on strings of some MiB. */
function withLongIntegersQuoted(text: string): string {
  let quoted = ''
  let copied = 0
  for (let at = 0; at < text.length;) {
    const unit = text.charCodeAt(at)
    if (unit === 0x22) at = stringEnd(text, at + 1)
    else if (unit === 0x2d || isDigit(unit)) {
      const start = at++
      while (isDigit(text.charCodeAt(at))) at++
      const next = text.charCodeAt(at)
      const isInteger = next !== 0x2e && (next | 0x20) !== 0x65
      if (isInteger && at - start >= longIntegerUnits) {
        quoted += `${text.slice(copied, start)}"${text.slice(start, at)}"`
        copied = at
      } else if (!isInteger) at = numberEnd(text, at)
    } else at++
  }
  return quoted + text.slice(copied)
}

/** The offset behind the quote that ends the string. */
function stringEnd(text: string, at: number): number {
  while (at < text.length) {
    const unit = text.charCodeAt(at)
    if (unit === 0x22) return at + 1
    at += unit === 0x5c ? 2 : 1
  }
  return at
}

/** The offset behind a fraction and an exponent. */
function numberEnd(text: string, at: number): number {
  for (;;) {
    const unit = text.charCodeAt(at)
    const isPart = isDigit(unit) || unit === 0x2e || unit === 0x2b || unit === 0x2d || (unit | 0x20) === 0x65
    if (!isPart) return at
    at++
  }
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39
}

const noBytes = new Uint8Array(0)
const integerText = /^[+-]?\d{1,20}$/
const doubleText = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/
/** No double needs more; regular expressions are not let loose on more. */
const doubleUnitsMax = 1000

/**
 * Reads fields of objects by their lowerCamelCase name, or in snake_case where that is another one. Absent ones and nulls
 * have the field's default. Keeps the path to the object being read for errors.
 */
export class JsonReader {
  readonly isExact: boolean
  readonly #path: (string | number)[] = []
  #messages = 0

  constructor(isExact: boolean) {
    this.isExact = isExact
  }

  fail(name: string, why: string, value: unknown): never {
    let path = ''
    for (const step of name === '' ? this.#path : [...this.#path, name]) {
      path += typeof step === 'number' ? `[${step}]` : path === '' ? step : `.${step}`
    }
    if (path.length > 200) path = `${path.slice(0, 120)}…${path.slice(-60)}`
    throw new OtlpError(`Cannot read OTLP JSON: ${path || 'it'} ${why}: current value is ${shown(value)}`, -1)
  }

  object(value: unknown): JsonObject {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) this.fail('', 'must be an object', value)
    return value as JsonObject
  }

  /** Read the message in a field with `read`; undefined where there is none. */
  message<Message>(
    from: JsonObject,
    name: string,
    snake: string,
    read: (reader: JsonReader, object: JsonObject) => Message,
  ): Message | undefined {
    const value = from[name] ?? from[snake]
    if (value === undefined || value === null) return undefined
    this.#path.push(name)
    const message = read(this, this.object(value))
    this.#path.pop()
    return message
  }

  list<Message>(
    from: JsonObject,
    name: string,
    snake: string,
    read: (reader: JsonReader, object: JsonObject) => Message,
  ): Message[] {
    const values = this.#array(from, name, snake)
    const messages: Message[] = []
    if (values.length === 0) return messages
    const path = this.#path
    path.push(name, 0)
    for (let i = 0; i < values.length; i++) {
      path[path.length - 1] = i
      messages.push(read(this, this.object(values[i])))
    }
    path.length -= 2
    return messages
  }

  #array(from: JsonObject, name: string, snake: string): readonly unknown[] {
    const value = from[name] ?? from[snake]
    if (value === undefined || value === null) return []
    if (!Array.isArray(value)) this.fail(name, 'must be an array', value)
    this.#messages += value.length
    if (this.#messages > messagesMax) this.fail(name, `must not bring the request above ${messagesMax} messages`, value)
    return value as readonly unknown[]
  }

  texts(from: JsonObject, name: string, snake: string): string[] {
    return this.#array(from, name, snake).map((value, i) => this.#text(value, `${name}[${i}]`))
  }

  doubles(from: JsonObject, name: string, snake: string): number[] {
    return this.#array(from, name, snake).map((value, i) => this.#double(value, `${name}[${i}]`))
  }

  uint64s(from: JsonObject, name: string, snake: string): bigint[] {
    return this.#array(from, name, snake).map((value, i) => this.#uint64(value, `${name}[${i}]`))
  }

  text(from: JsonObject, name: string, snake = name): string {
    const value = from[name] ?? from[snake]
    return value === undefined || value === null ? '' : this.#text(value, name)
  }

  #text(value: unknown, name: string): string {
    if (typeof value !== 'string') this.fail(name, 'must be a string', value)
    return value.isWellFormed() ? value : value.toWellFormed()
  }

  bool(from: JsonObject, name: string, snake: string): boolean {
    const value = from[name] ?? from[snake] ?? false
    if (typeof value !== 'boolean') this.fail(name, 'must be true or false', value)
    return value
  }

  uint32(from: JsonObject, name: string, snake = name): number {
    return this.#int(from, name, snake, 0, 0xffffffff)
  }

  int32(from: JsonObject, name: string, snake = name): number {
    return this.#int(from, name, snake, -0x80000000, 0x7fffffff)
  }

  #int(from: JsonObject, name: string, snake: string, min: number, max: number): number {
    const value = from[name] ?? from[snake]
    if (value === undefined || value === null) return 0
    const number = typeof value === 'string' && integerText.test(value) ? Number(value) : value
    if (typeof number !== 'number' || !Number.isInteger(number) || number < min || number > max) {
      this.fail(name, `must be an integer from ${min} to ${max}`, value)
    }
    return number === 0 ? 0 : number
  }

  /** `numbers`: the enum's names, in upper case as in the specification. */
  enumeration(from: JsonObject, name: string, snake: string, numbers: Readonly<Record<string, number>>): number {
    const value = from[name] ?? from[snake]
    if (typeof value === 'string' && Object.hasOwn(numbers, value)) return numbers[value] as number
    return this.int32(from, name, snake)
  }

  /** The field, or undefined where it is not there. */
  optionalInt64(from: JsonObject, name: string, snake: string): bigint | undefined {
    const value = from[name] ?? from[snake]
    return value === undefined || value === null ? undefined : this.#int64(value, name)
  }

  uint64(from: JsonObject, name: string, snake = name): bigint {
    const value = from[name] ?? from[snake]
    return value === undefined || value === null ? 0n : this.#uint64(value, name)
  }

  #uint64(value: unknown, name: string): bigint {
    const integer = this.#integer(value, name)
    if (integer < 0n || integer > 0xffffffffffffffffn) this.fail(name, 'must be a number from 0 to 2^64 - 1', value)
    return integer
  }

  #int64(value: unknown, name: string): bigint {
    const integer = this.#integer(value, name)
    if (BigInt.asIntN(64, integer) !== integer) this.fail(name, 'must be a number of 64 bits', value)
    return integer
  }

  #integer(value: unknown, name: string): bigint {
    if (typeof value === 'string' && integerText.test(value))
      return BigInt(value.startsWith('+') ? value.slice(1) : value)
    if (typeof value === 'number' && Number.isInteger(value)) {
      if (!Number.isSafeInteger(value) && !this.isExact) throw new InexactNumber()
      return BigInt(value)
    }
    this.fail(name, 'must be an integer', value)
  }

  /** The field, or null where it is not there. */
  optionalDouble(from: JsonObject, name: string, snake = name): number | null {
    const value = from[name] ?? from[snake]
    return value === undefined || value === null ? null : this.#double(value, name)
  }

  double(from: JsonObject, name: string, snake = name): number {
    return this.optionalDouble(from, name, snake) ?? 0
  }

  #double(value: unknown, name: string): number {
    if (typeof value === 'number') return value
    if (typeof value === 'string') {
      if (value === 'NaN') return NaN
      if (value === 'Infinity') return Infinity
      if (value === '-Infinity') return -Infinity
      if (value.length <= doubleUnitsMax && doubleText.test(value)) return Number(value)
    }
    this.fail(name, 'must be a number, "NaN", "Infinity" or "-Infinity"', value)
  }

  /** An id of `size` bytes in hex, or none. */
  id(from: JsonObject, name: string, snake: string, size: number): Uint8Array {
    const value = from[name] ?? from[snake]
    if (value === undefined || value === null || value === '') return noBytes
    if (typeof value !== 'string') this.fail(name, 'must be a string', value)
    const bytes = new Uint8Array(size)
    let isHex = value.length === size * 2
    for (let i = 0; isHex && i < size; i++) {
      const high = hexDigit(value.charCodeAt(i * 2))
      const low = hexDigit(value.charCodeAt(i * 2 + 1))
      isHex = high >= 0 && low >= 0
      bytes[i] = (high << 4) | low
    }
    if (!isHex) this.fail(name, `must be ${size * 2} hexadecimal digits or empty`, value)
    return bytes
  }

  attributes(from: JsonObject, name: string, snake = name, depth = 0): Attributes {
    const values = this.#array(from, name, snake)
    const attributes: KeyValue[] = []
    if (values.length === 0) return attributes
    const path = this.#path
    path.push(name, 0)
    for (let i = 0; i < values.length; i++) {
      path[path.length - 1] = i
      const entry = this.object(values[i])
      attributes.push({ key: this.text(entry, 'key'), value: this.anyValue(entry, 'value', depth) })
    }
    path.length -= 2
    return attributes
  }

  /** The AnyValue in a field; null where there is none. The last one of several kinds counts. */
  anyValue(from: JsonObject, name: string, depth = 0): AnyValue {
    const field = from[name]
    if (field === undefined || field === null) return null
    this.#path.push(name)
    const value = this.#anyValue(this.object(field), depth)
    this.#path.pop()
    return value
  }

  #anyValue(from: JsonObject, depth: number): AnyValue {
    if (depth >= anyValueDepthMax) this.fail('', `must not be nested deeper than ${anyValueDepthMax}`, from)
    let value: AnyValue = null
    for (const kind in from) {
      const found = from[kind]
      if (found === undefined || found === null) continue
      switch (kind) {
        case 'stringValue':
        case 'string_value':
          value = this.#text(found, kind)
          break
        case 'boolValue':
        case 'bool_value':
          value = this.bool(from, kind, kind)
          break
        case 'intValue':
        case 'int_value':
          value = this.#int64(found, kind)
          break
        case 'doubleValue':
        case 'double_value':
          value = this.#double(found, kind)
          break
        case 'arrayValue':
        case 'array_value':
          value = this.#values(from, kind, depth + 1)
          break
        case 'kvlistValue':
        case 'kvlist_value':
          this.#path.push(kind)
          value = new KeyValueList(this.attributes(this.object(found), 'values', 'values', depth + 1))
          this.#path.pop()
          break
        case 'bytesValue':
        case 'bytes_value':
          value = this.#bytes(found, kind)
          break
        default:
      }
    }
    return value
  }

  #values(from: JsonObject, name: string, depth: number): AnyValue[] {
    const path = this.#path
    path.push(name)
    const elements = this.#array(this.object(from[name]), 'values', 'values')
    path.push('values', 0)
    const values: AnyValue[] = []
    for (let i = 0; i < elements.length; i++) {
      path[path.length - 1] = i
      const element = elements[i]
      values.push(element === null ? null : this.#anyValue(this.object(element), depth))
    }
    path.length -= 3
    return values
  }

  #bytes(value: unknown, name: string): Uint8Array {
    if (typeof value !== 'string') this.fail(name, 'must be base64', value)
    let units = value.length
    while (units > 0 && units > value.length - 2 && value.charCodeAt(units - 1) === 0x3d) units--
    const bytes = new Uint8Array(Buffer.from(value, 'base64'))
    // The decoder passes over what is not base64, which leaves fewer bytes.
    if (units % 4 === 1 || bytes.length !== Math.floor((units * 3) / 4)) this.fail(name, 'must be base64', value)
    return bytes
  }
}

/** -1: it is none. */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

/** What was found, cut short; objects only by kind: they may be large. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = JSON.stringify(value) ?? 'undefined'
  return text.length > 64 ? `${text.slice(0, 64)}…` : text
}
