// The values of expressions, and what holds between them: equality, order, arithmetic.

/** Integers are `bigint`, floats `number`; maps are plain objects whose own keys count. */
export type ExprValue =
  | null
  | boolean
  | string
  | bigint
  | number
  | Uint8Array
  | ExprTime
  | ExprValue[]
  | { [key: string]: ExprValue }

/** A time: nanoseconds since the epoch; 0n: none. */
export class ExprTime {
  readonly ns: bigint
  constructor(ns: bigint) {
    this.ns = ns
  }
}

/** What is wrong with an expression, or went wrong while it ran. */
export class ExprError extends Error {
  override readonly name = 'ExprError'
}

export function isMap(value: ExprValue): value is { [key: string]: ExprValue } {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array) &&
    !(value instanceof ExprTime)
  )
}

export function isNumber(value: ExprValue): value is bigint | number {
  return typeof value === 'number' || typeof value === 'bigint'
}

/** As `type()` of the language and messages show it. */
export function typeName(value: ExprValue): string {
  if (value === null) return 'nil'
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'bigint':
      return 'int'
    case 'number':
      return 'float'
    case 'string':
      return 'string'
    default:
      return value instanceof ExprTime ? 'time' : isMap(value) ? 'map' : 'array'
  }
}

export function equal(a: ExprValue, b: ExprValue): boolean {
  if (a === b) return true
  if (isNumber(a) && isNumber(b)) {
    // oxlint-disable-next-line eqeqeq -- an integer and a float compare by value
    return a == b
  }
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false
  if (a instanceof ExprTime) return b instanceof ExprTime && a.ns === b.ns
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0
  }
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => equal(item, b[i] as ExprValue))
  }
  if (!isMap(a) || !isMap(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equal(a[key] as ExprValue, b[key] as ExprValue))
  )
}

/** Below 0, 0 or above. Throws `ExprError` for what has no order. */
export function compare(a: ExprValue, b: ExprValue, operator: string): number {
  if (isNumber(a) && isNumber(b)) return a < b ? -1 : a > b ? 1 : a >= b ? 0 : Number.NaN
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0
  if (a instanceof ExprTime && b instanceof ExprTime) return a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0
  throw invalid(operator, a, b)
}

export function invalid(operator: string, a: ExprValue, b: ExprValue): ExprError {
  return new ExprError(`invalid operation: ${typeName(a)} ${operator} ${typeName(b)}`)
}

type Arithmetic = '+' | '-' | '*' | '/' | '%' | '**'

/** Integers stay integers, but for division and powers. Throws `ExprError` for other values, and for a division by zero. */
export function arithmetic(operator: Arithmetic, a: ExprValue, b: ExprValue): ExprValue {
  if (operator === '+' && typeof a === 'string' && typeof b === 'string') return a + b
  if (!isNumber(a) || !isNumber(b)) throw invalid(operator, a, b)
  if (operator === '/') return Number(a) / Number(b)
  if (operator === '**') return Number(a) ** Number(b)
  if (operator === '%') {
    if (typeof a !== 'bigint' || typeof b !== 'bigint') throw invalid(operator, a, b)
    if (b === 0n) throw new ExprError('integer divide by zero')
    return a % b
  }
  if (typeof a === 'bigint' && typeof b === 'bigint') {
    return BigInt.asIntN(64, operator === '+' ? a + b : operator === '-' ? a - b : a * b)
  }
  const [x, y] = [Number(a), Number(b)]
  return operator === '+' ? x + y : operator === '-' ? x - y : x * y
}

/** As Go's `fmt.Sprint` shows it. */
export function textOf(value: ExprValue): string {
  if (value === null) return '<nil>'
  if (typeof value === 'string') return value
  if (typeof value !== 'object') return String(value)
  if (value instanceof ExprTime) return new Date(Number(value.ns / 1_000_000n)).toISOString()
  if (value instanceof Uint8Array) return `[${value.join(' ')}]`
  if (Array.isArray(value)) return `[${value.map(textOf).join(' ')}]`
  const keys = Object.keys(value).sort()
  return `map[${keys.map((key) => `${key}:${textOf(value[key] as ExprValue)}`).join(' ')}]`
}
