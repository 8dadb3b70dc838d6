// Comparing and computing with OTTL's values: LANGUAGE.md of upstream's pkg/ottl has the rules as tables.
import { Buffer } from 'node:buffer'
import type { CompareOperator, MathOperator } from '#component/ottl_syntax'
import { anyValuesEqual, KeyValueList } from '#pdata/otlp'
import type { OttlValue } from './value.ts'
import { Duration, OttlError, TelemetryList, Time, typeName } from './value.ts'

/** Do the values compare so? Of values that do not compare only `!=` is true. */
export function compareValues(left: OttlValue, operator: CompareOperator, right: OttlValue): boolean {
  switch (typeof left) {
    case 'string':
      return typeof right === 'string' ? orderIs(textOrder(left, right), operator) : operator === '!='
    case 'bigint':
      if (typeof right === 'bigint') return primitivesCompare(left, operator, right)
      return typeof right === 'number' ? primitivesCompare(Number(left), operator, right) : operator === '!='
    case 'number':
      if (typeof right === 'number') return primitivesCompare(left, operator, right)
      return typeof right === 'bigint' ? primitivesCompare(left, operator, Number(right)) : operator === '!='
    case 'boolean':
      return typeof right === 'boolean' ? primitivesCompare(Number(left), operator, Number(right)) : operator === '!='
    default:
      return compareObjects(left, operator, right)
  }
}

type ObjectValue = Exclude<OttlValue, string | number | bigint | boolean>

function compareObjects(left: ObjectValue, operator: CompareOperator, right: OttlValue): boolean {
  if (left === null)
    return right === null ? operator !== '!=' && operator !== '<' && operator !== '>' : operator === '!='
  if (right === null || typeof right !== 'object') return operator === '!='
  if (left instanceof Uint8Array) {
    return right instanceof Uint8Array ? orderIs(Buffer.compare(left, right), operator) : operator === '!='
  }
  if (left instanceof Time) {
    return right instanceof Time ? primitivesCompare(left.unixNano, operator, right.unixNano) : operator === '!='
  }
  if (left instanceof Duration) {
    return right instanceof Duration ? primitivesCompare(left.nanos, operator, right.nanos) : operator === '!='
  }
  if (operator === '==') return equal(left, right)
  return operator === '!=' && !equal(left, right)
}

function equal(left: ObjectValue, right: ObjectValue): boolean {
  if (left instanceof KeyValueList) return right instanceof KeyValueList && anyValuesEqual(left, right)
  if (Array.isArray(left)) return Array.isArray(right) && anyValuesEqual(left, right)
  return left instanceof TelemetryList && right instanceof TelemetryList && left.items === right.items
}

function primitivesCompare<T extends number | bigint>(left: T, operator: CompareOperator, right: T): boolean {
  switch (operator) {
    case '==':
      return left === right
    case '!=':
      return left !== right
    case '<':
      return left < right
    case '<=':
      return left <= right
    case '>':
      return left > right
    case '>=':
      return left >= right
  }
}

function orderIs(order: number, operator: CompareOperator): boolean {
  return primitivesCompare(order, operator, 0)
}

/** The order of the UTF-8, which differs from that of JavaScript's strings only beyond the BMP. */
function textOrder(left: string, right: string): number {
  if (left === right) return 0
  if (/[\ud800-\udfff]/.test(left) || /[\ud800-\udfff]/.test(right)) {
    return Buffer.compare(Buffer.from(left), Buffer.from(right))
  }
  return left < right ? -1 : 1
}

/**
 * Numbers, and times and durations with `+` and `-`. Integers wrap as Go's do; an integer with a float gives a float.
 * Throws for all else.
 */
export function computeValues(left: OttlValue, operator: MathOperator, right: OttlValue): OttlValue {
  if (typeof left === 'bigint') {
    if (typeof right === 'bigint') return computeInts(left, operator, right)
    if (typeof right === 'number') return computeFloats(Number(left), operator, right)
  } else if (typeof left === 'number') {
    if (typeof right === 'number') return computeFloats(left, operator, right)
    if (typeof right === 'bigint') return computeFloats(left, operator, Number(right))
  }
  if (left instanceof Time || left instanceof Duration) {
    if (right instanceof Time || right instanceof Duration) return computeTimes(left, operator, right)
  }
  throw new OttlError(`cannot compute ${typeName(left)} ${operator} ${typeName(right)}`)
}

/** Ints wrap as Go's do. Throws for what is no number. */
export function negated(value: OttlValue): OttlValue {
  if (typeof value === 'bigint') return BigInt.asIntN(64, -value)
  if (typeof value === 'number') return -value
  throw new OttlError(`unsupported unary minus operation on type ${typeName(value)}`)
}

function computeInts(left: bigint, operator: MathOperator, right: bigint): bigint {
  switch (operator) {
    case '+':
      return BigInt.asIntN(64, left + right)
    case '-':
      return BigInt.asIntN(64, left - right)
    case '*':
      return BigInt.asIntN(64, left * right)
    case '/':
      if (right === 0n) throw new OttlError('attempted to divide by 0')
      return BigInt.asIntN(64, left / right)
  }
}

function computeFloats(left: number, operator: MathOperator, right: number): number {
  switch (operator) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    case '/':
      if (right === 0) throw new OttlError('attempted to divide by 0')
      return left / right
  }
}

function computeTimes(left: Time | Duration, operator: MathOperator, right: Time | Duration): Time | Duration {
  if (operator === '*' || operator === '/') {
    throw new OttlError(`only addition and subtraction supported for ${typeName(left)}`)
  }
  const sign = operator === '+' ? 1n : -1n
  if (left instanceof Time) {
    if (right instanceof Duration) return new Time(left.unixNano + sign * right.nanos, left.zone)
    if (operator === '-') return new Duration(left.unixNano - right.unixNano)
    throw new OttlError('cannot add two times')
  }
  if (right instanceof Duration) return new Duration(BigInt.asIntN(64, left.nanos + sign * right.nanos))
  if (operator === '+') return new Time(right.unixNano + left.nanos, right.zone)
  throw new OttlError('cannot subtract a time from a duration')
}
