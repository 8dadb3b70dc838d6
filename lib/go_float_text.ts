// Floating point numbers as texts, exactly as Go's strconv.FormatFloat writes them.

export type FloatVerb = 'b' | 'e' | 'E' | 'f' | 'g' | 'G' | 'x' | 'X'

/** `0.d1d2d3…` times ten to the `point`. Without digits: zero. */
interface Decimal {
  readonly digits: string
  readonly point: number
}

/**
 * `value` as `strconv.FormatFloat(value, verb, precision, 64)`; a precision of -1 is as many digits as tell the number
 * apart. Halves round to even. Not a number is `NaN`, infinities are `+Inf` and `-Inf`.
 */
export function floatText(value: number, verb: FloatVerb, precision: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const magnitude = Math.abs(value)
  switch (verb) {
    case 'b':
      return sign + binary(magnitude)
    case 'x':
    case 'X':
      return sign + hexadecimal(magnitude, precision, verb)
    case 'f':
      return (
        sign + fixed(precision < 0 ? shortest(magnitude) : rounded(magnitude, (d) => d.point + precision), precision)
      )
    case 'e':
    case 'E':
      return (
        sign +
        exponential(precision < 0 ? shortest(magnitude) : rounded(magnitude, () => precision + 1), precision, verb)
      )
    case 'g':
    case 'G':
      return sign + general(magnitude, precision, verb)
  }
}

function general(value: number, precision: number, verb: 'g' | 'G'): string {
  const isShortest = precision < 0
  const wanted = precision === 0 ? 1 : precision
  const decimal = isShortest ? shortest(value) : rounded(value, () => wanted)
  const count = decimal.digits.length
  // Six digits decide where there is no precision (strconv/ftoa.go): 1000000 is 1e+06.
  let limit = isShortest ? 6 : wanted
  if (!isShortest && limit > count && count >= decimal.point) limit = count
  const exponent = decimal.point - 1
  if (value !== 0 && (exponent < -4 || exponent >= limit)) {
    return exponential(decimal, Math.max(0, count - 1), verb === 'g' ? 'e' : 'E')
  }
  return fixed(decimal, Math.max(count - decimal.point, 0))
}

function fixed({ digits, point }: Decimal, precision: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0'
  const wanted = precision < 0 ? Math.max(digits.length - point, 0) : precision
  if (wanted === 0) return whole
  const fraction = (point < 0 ? '0'.repeat(Math.min(-point, wanted)) : '') + digits.slice(Math.max(point, 0))
  return `${whole}.${fraction.padEnd(wanted, '0').slice(0, wanted)}`
}

function exponential({ digits, point }: Decimal, precision: number, verb: 'e' | 'E'): string {
  const exponent = digits === '' ? 0 : point - 1
  const wanted = precision < 0 ? Math.max(digits.length - 1, 0) : precision
  const fraction = wanted > 0 ? `.${digits.slice(1).padEnd(wanted, '0')}` : ''
  const power = String(Math.abs(exponent)).padStart(2, '0')
  return `${digits[0] ?? '0'}${fraction}${verb}${exponent < 0 ? '-' : '+'}${power}`
}

/** The fewest digits that read back as the same number. */
function shortest(value: number): Decimal {
  if (value === 0) return { digits: '', point: 0 }
  const [mantissa = '', exponent = ''] = value.toExponential().split('e')
  return { digits: mantissa.replace('.', ''), point: Number(exponent) + 1 }
}

/** The exact decimal, rounded to as many digits as `count` says; trailing zeros cut. */
function rounded(value: number, count: (exact: Decimal) => number): Decimal {
  if (value === 0) return { digits: '', point: 0 }
  const exact = exactly(value)
  const wanted = count(exact)
  const { digits, point } = exact
  if (wanted >= digits.length) return { digits: digits.replace(/0+$/, ''), point }
  if (wanted < 0) return { digits: '', point: 0 }
  const kept = digits.slice(0, wanted)
  const rest = digits.slice(wanted)
  const isHalf = /^50*$/.test(rest)
  const odd = Number(kept.at(-1) ?? '0') % 2 === 1
  const up = isHalf ? odd : rest >= '5'
  if (!up) {
    const cut = kept.replace(/0+$/, '')
    return cut === '' ? { digits: '', point: 0 } : { digits: cut, point }
  }
  const next = (BigInt(kept === '' ? '0' : kept) + 1n).toString()
  const padded = next.padStart(wanted, '0')
  return { digits: padded.replace(/0+$/, ''), point: point + padded.length - wanted }
}

function exactly(value: number): Decimal {
  const { mantissa, exponent } = parts(value)
  if (exponent >= 0) {
    const digits = (mantissa << BigInt(exponent)).toString()
    return { digits, point: digits.length }
  }
  const digits = (mantissa * 5n ** BigInt(-exponent)).toString()
  return { digits, point: digits.length + exponent }
}

/** `mantissa` times two to the `exponent`. */
function parts(value: number): { mantissa: bigint; exponent: number } {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const bits = view.getBigUint64(0)
  const fraction = bits & ((1n << 52n) - 1n)
  const biased = Number((bits >> 52n) & 0x7ffn)
  return biased === 0
    ? { mantissa: fraction, exponent: -1074 }
    : { mantissa: fraction | (1n << 52n), exponent: biased - 1075 }
}

function binary(value: number): string {
  const { mantissa, exponent } = parts(value)
  return `${mantissa}p${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`
}

function hexadecimal(value: number, precision: number, verb: 'x' | 'X'): string {
  let { mantissa, exponent } = parts(value)
  exponent = value === 0 ? 0 : exponent + 52
  while (mantissa !== 0n && mantissa < 1n << 52n) {
    mantissa <<= 1n
    exponent--
  }
  let fractionDigits = 13
  if (precision >= 0 && precision < 13) {
    const drop = BigInt(52 - precision * 4)
    const half = 1n << (drop - 1n)
    const rest = mantissa & ((1n << drop) - 1n)
    mantissa >>= drop
    if (rest > half || (rest === half && mantissa % 2n === 1n)) mantissa++
    fractionDigits = precision
    if (mantissa >> BigInt(precision * 4) > 1n) {
      mantissa >>= 1n
      exponent++
    }
  }
  const lead = mantissa >> BigInt(fractionDigits * 4)
  const rest = mantissa & ((1n << BigInt(fractionDigits * 4)) - 1n)
  let fraction = fractionDigits === 0 ? '' : rest.toString(16).padStart(fractionDigits, '0')
  fraction = precision < 0 ? fraction.replace(/0+$/, '') : fraction.padEnd(precision, '0')
  const power = String(Math.abs(exponent)).padStart(2, '0')
  const text = `0x${lead}${fraction === '' ? '' : `.${fraction}`}p${exponent < 0 ? '-' : '+'}${power}`
  return verb === 'X' ? text.toUpperCase() : text
}
