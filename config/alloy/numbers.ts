// Numbers as Alloy computes with them: int64, uint64 and float64, wrapping around where Go does.
import { ValueError } from '#component'

/** Integers are `bigint` (int64; above 2^63-1 uint64), floats are `number`. */
export type NumberValue = bigint | number

const int64Max = 2n ** 63n - 1n
const uint64Max = 2n ** 64n - 1n

/** Above this only 1, -1 and what is next to them stay finite. */
const wholeExponentMax = 2 ** 31
/** The smallest float of full precision. */
const floatNormalMin = 2 ** -1022

const toInt64 = (x: bigint): bigint => BigInt.asIntN(64, x)
const toUint64 = (x: bigint): bigint => BigInt.asUintN(64, x)

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%' | '^'
export type OrderOperator = '<' | '<=' | '>' | '>='

/**
 * The number that a literal without sign stands for (syntax/internal/transform/value.go): a leading zero makes it octal,
 * what does not fit int64 is uint64, what does not fit that (or has an 8 or 9 behind a leading zero) is a float.
 * Throws `ValueError` for floats out of range.
 */
export function numberFromLiteral(text: string, isFloat: boolean): NumberValue {
  if (!isFloat && /^(0[0-7]*|[1-9]\d*)$/.test(text)) {
    const integer = BigInt(text.length > 1 && text.startsWith('0') ? `0o${text.slice(1)}` : text)
    if (integer <= uint64Max) return integer
  }
  const float = Number(text)
  if (!Number.isFinite(float)) throw new ValueError('is out of the range of numbers')
  return float
}

/** Both numbers in the kind that the operation has: float if one is, else int64 if one is, else uint64. */
function fitted(a: NumberValue, b: NumberValue): readonly [number, number] | readonly [bigint, bigint] {
  if (typeof a === 'number' || typeof b === 'number') return [Number(a), Number(b)]
  return a <= int64Max || b <= int64Max ? [toInt64(a), toInt64(b)] : [a, b]
}

/** Throws `ValueError` for a division by zero, floats included; the path `[1]` says that the right side is at fault. */
export function arithmetic(operator: ArithmeticOperator, left: NumberValue, right: NumberValue): NumberValue {
  // oxlint-disable-next-line eqeqeq -- 0n and 0 alike
  if ((operator === '/' || operator === '%') && right == 0) throw new ValueError('divide by zero error', [1])
  const [a, b] = fitted(left, right)
  if (typeof a === 'number' || typeof b === 'number') return floatArithmetic(operator, Number(a), Number(b))
  const unsigned = a > int64Max && b > int64Max
  const wrap = unsigned ? toUint64 : toInt64
  switch (operator) {
    case '+':
      return wrap(a + b)
    case '-':
      return wrap(a - b)
    case '*':
      return wrap(a * b)
    case '/':
      return wrap(a / b)
    case '%':
      return wrap(a % b)
    case '^':
      return integerPower(a, b, wrap)
  }
}

function floatArithmetic(operator: ArithmeticOperator, a: number, b: number): number {
  switch (operator) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return a / b
    case '%':
      return a % b
    case '^':
      return floatPower(a, b)
  }
}

/** Whole exponents by squaring, as Go's math.Pow does it: V8's power differs from that in the last digit. */
function floatPower(base: number, exponent: number): number {
  // IEEE 754 has 1 here, ECMAScript NaN.
  if (base === 1 || (base === -1 && Math.abs(exponent) === Infinity)) return 1
  if (Number.isInteger(exponent) && Math.abs(exponent) <= wholeExponentMax) {
    let result = 1
    let factor = base
    for (let rest = Math.abs(exponent); rest > 0; rest = Math.floor(rest / 2)) {
      if (rest % 2 === 1) result *= factor
      factor *= factor
    }
    if (Number.isFinite(result) && Math.abs(result) >= floatNormalMin) return exponent < 0 ? 1 / result : result
  }
  return base ** exponent
}

/** Modulo 2^64; a negative exponent gives the base itself (Alloy multiplies in a loop that does not run then). */
function integerPower(base: bigint, exponent: bigint, wrap: (x: bigint) => bigint): bigint {
  if (exponent === 0n || base === 1n) return 1n
  if (exponent < 0n) return base
  let result = 1n
  let factor = base
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = wrap(result * factor)
    factor = wrap(factor * factor)
  }
  return result
}

/** Unsigned integers become signed: `-18446744073709551615` is 1. */
export function negated(x: NumberValue): NumberValue {
  return typeof x === 'number' ? -x : toInt64(-toInt64(x))
}

export function inOrder(operator: OrderOperator, left: NumberValue, right: NumberValue): boolean {
  const [a, b] = fitted(left, right)
  switch (operator) {
    case '<':
      return a < b
    case '<=':
      return a <= b
    case '>':
      return a > b
    case '>=':
      return a >= b
  }
}

export function numbersEqual(left: NumberValue, right: NumberValue): boolean {
  const [a, b] = fitted(left, right)
  return a === b
}

/** The place in an array that a number names: floats lose their fraction. NaN and what is out of int64 are -2^63. */
export function indexFromNumber(x: NumberValue): bigint {
  if (typeof x === 'bigint') return toInt64(x)
  return Number.isNaN(x) || Math.abs(x) >= 2 ** 63 ? -(2n ** 63n) : BigInt(Math.trunc(x))
}
