// Short ways to say how many arguments a function takes, and Sprig's conversions of arguments.
import { type TemplateFunction, type TemplateValue, valueText } from '#component/go_template'

type Value = TemplateValue
type Run = (...given: Value[]) => Value

/** A function of as many arguments as `run` names. */
export function fixed(run: Run): TemplateFunction {
  return { min: run.length, max: run.length, run: (given) => run(...given) }
}

/** A function of at least as many arguments as `run` names. */
export function open(run: Run): TemplateFunction {
  return { min: run.length, max: Infinity, run: (given) => run(...given) }
}

/** A function of `min` arguments, or up to `max`. */
export function between(min: number, max: number, run: Run): TemplateFunction {
  return { min, max, run: (given) => run(...given) }
}

/** Sprig's `empty`: what is zero, empty or nothing. */
export function isEmpty(value: Value | undefined): boolean {
  if (value === undefined || value === null || value === '' || value === false || value === 0 || value === 0n)
    return true
  if (Array.isArray(value)) return value.length === 0
  return value instanceof Map && value.size === 0
}

/** A whole number of anything; 0 for what is none, as Sprig has it. Texts may be in Go's other notations (`0x1f`, `010`). */
export function toInt(value: Value | undefined): bigint {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return Number.isFinite(value) ? BigInt.asIntN(64, BigInt(Math.trunc(value))) : 0n
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (typeof value !== 'string') return 0n
  const found = /^([+-]?)(0[xXbBoO][\da-fA-F_]+|\d[\d_]*)(?:\.0*)?$/.exec(value)
  if (found === null) return 0n
  const [, sign, digits = ''] = found
  const plain = digits.replaceAll('_', '')
  const octal = /^0\d+$/.test(plain)
  if (octal && /[89]/.test(plain)) return 0n
  try {
    const number = BigInt(octal ? `0o${plain}` : plain)
    const signed = sign === '-' ? -number : number
    return BigInt.asIntN(64, signed) === signed ? signed : 0n
  } catch {
    return 0n
  }
}

/** A float of anything; 0 for what is none. */
export function toFloat(value: Value | undefined): number {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value)
  if (typeof value !== 'string' || !/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(value)) return 0
  return Number(value)
}

/** The items of a list as texts, without nils; anything else as the only one. */
export function toTexts(value: Value | undefined): string[] {
  if (value === null || value === undefined) return []
  return Array.isArray(value)
    ? (value as readonly Value[]).filter((item) => item !== null).map(valueText)
    : [valueText(value)]
}
