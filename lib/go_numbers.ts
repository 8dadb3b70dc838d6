// Numbers as Go's package strconv reads them.
import { quote } from './go_quote.ts'

/** A text that is no number; the message is that of Go's strconv. */
export class ParseNumberError extends Error {
  override readonly name = 'ParseNumberError'
}

function refused(functionName: string, text: string, why: string): ParseNumberError {
  return new ParseNumberError(`strconv.${functionName}: parsing ${quote(text)}: ${why}`)
}

const int64Min = -(2n ** 63n)
const int64Max = 2n ** 63n - 1n
/** The digits of an int64 in base 2; more, zeros in front left out, are too many in any base. */
const digitsMax = 64
const prefixBases: Readonly<Record<string, number>> = { b: 2, o: 8, x: 16 }

/**
 * An int64 in `base`, 2 to 36; base 0 goes by the prefix (`0x`, `0o`, `0b`, `0`) and lets underscores stand between digits.
 * `functionName` is who is to have failed. Throws `ParseNumberError`.
 */
export function parseInt64(text: string, functionName = 'ParseInt', base = 10n): bigint {
  if (base < 0n || base === 1n || base > 36n) throw refused(functionName, text, `invalid base ${base}`)
  const isNegative = text.startsWith('-')
  let digits = (isNegative || text.startsWith('+') ? text.slice(1) : text).toLowerCase()
  let radix = Number(base)
  if (radix === 0) {
    const prefix = /^0([box])/.exec(digits)?.[1]
    if (!/^(?:0[box])?(?:_?[0-9a-z])+$/.test(digits) || digits.startsWith('_')) {
      throw refused(functionName, text, 'invalid syntax')
    }
    radix = prefix === undefined ? (/^0./.test(digits) ? 8 : 10) : (prefixBases[prefix] as number)
    if (prefix !== undefined) digits = digits.slice(2)
    digits = digits.replaceAll('_', '')
  }
  if (!/^[0-9a-z]+$/.test(digits)) throw refused(functionName, text, 'invalid syntax')
  for (const digit of digits) {
    if (Number.parseInt(digit, 36) >= radix) throw refused(functionName, text, 'invalid syntax')
  }
  const significant = digits.replace(/^0+/, '')
  if (significant.length > digitsMax) throw refused(functionName, text, 'value out of range')
  let value = 0n
  for (const digit of significant) value = value * BigInt(radix) + BigInt(Number.parseInt(digit, 36))
  if (isNegative) value = -value
  if (value < int64Min || value > int64Max) throw refused(functionName, text, 'value out of range')
  return value
}

/** A float64 in decimal, or `Inf`, `infinity`, `NaN` in any case. Throws `ParseNumberError`, for overflow too. */
export function parseFloat64(text: string): number {
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) {
    const value = Number(text)
    if (Number.isFinite(value)) return value
    throw refused('ParseFloat', text, 'value out of range')
  }
  if (/^nan$/i.test(text)) return Number.NaN
  if (/^[+-]?inf(?:inity)?$/i.test(text)) {
    return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  }
  throw refused('ParseFloat', text, 'invalid syntax')
}
