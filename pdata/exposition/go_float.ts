// Floats as Go reads and writes them (strconv), which is how expositions spell them.

const powersOfTen = Float64Array.from({ length: 23 }, (_, i) => 10 ** i)
/** Above it one more decimal digit could leave the integers that a float holds exactly. */
const mantissaMax = 900_719_925_474_098

const specials: ReadonlyMap<string, number> = new Map([
  ['inf', Infinity],
  ['+inf', Infinity],
  ['-inf', -Infinity],
  ['infinity', Infinity],
  ['+infinity', Infinity],
  ['-infinity', -Infinity],
  ['nan', NaN],
])
const decimalFloat = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/
const hexFloat = /^([+-]?)0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)[pP]([+-]?\d+)$/

/**
 * A float as Go's `strconv.ParseFloat` takes it, hexadecimal ones included; undefined when it is none, has underscores, or
 * is too large for a float. (Sample values refuse hexadecimal floats: see `NumberScanner`.)
 */
export function parseGoFloat(text: string): number | undefined {
  if (decimalFloat.test(text)) {
    const value = Number(text)
    return Number.isFinite(value) ? value : undefined
  }
  const special = specials.get(text.toLowerCase())
  if (special !== undefined) return special
  const hex = hexFloat.exec(text)
  return hex ? hexValue(hex) : undefined
}

function hexValue(match: RegExpExecArray): number | undefined {
  const [, sign, whole, fraction, exponent] = match as unknown as [string, string, string, string, string]
  const digits = (whole + fraction).replace(/^0+/, '')
  if (whole + fraction === '') return undefined
  if (digits === '') return sign === '-' ? -0 : 0
  // 2^-1074 is the smallest float: more bits than these only ever round, and they go in as a sticky one.
  let mantissa = BigInt(`0x${digits}`)
  let power = Number(exponent) - 4 * fraction.length
  const bits = mantissa.toString(2).length
  // The number's own precision: fewer bits where it is subnormal.
  const keep = Math.min(53, Math.max(bits + power + 1074, 0))
  const cut = bits - keep
  if (cut > 0) {
    const half = 1n << BigInt(cut - 1)
    const rest = mantissa & ((1n << BigInt(cut)) - 1n)
    mantissa >>= BigInt(cut)
    if (rest > half || (rest === half && (mantissa & 1n) === 1n)) mantissa += 1n
    power += cut
  }
  let value = Number(mantissa)
  // In steps: 2^power itself may be out of range where the product is not.
  for (; power > 1000 && Number.isFinite(value); power -= 1000) value *= 2 ** 1000
  for (; power < -1000 && value !== 0; power += 1000) value *= 2 ** -1000
  value *= 2 ** Math.max(-1000, Math.min(1000, power))
  if (!Number.isFinite(value)) return undefined
  return sign === '-' ? -value : value
}

/**
 * As Go's `strconv.FormatFloat(x, 'g', -1, 64)`, which is what expositions hold: the shortest digits that give `x` back,
 * with an exponent of at least two digits below 1e-4 and from 1e6 on (`1e+06`); `+Inf`, `-Inf`, `NaN`.
 */
export function formatGoFloat(x: number): string {
  if (x === 0) return Object.is(x, -0) ? '-0' : '0'
  if (!Number.isFinite(x)) return Number.isNaN(x) ? 'NaN' : x > 0 ? '+Inf' : '-Inf'
  const magnitude = Math.abs(x)
  // JavaScript's digits are the same shortest ones, and in this range it writes no exponent.
  if (magnitude >= 1e-4 && magnitude < 1e6) return String(x)
  const text = x.toExponential()
  const sign = text.length - 2
  return text[sign] === '-' || text[sign] === '+' ? `${text.slice(0, sign + 1)}0${text.slice(sign + 1)}` : text
}

/** As OpenMetrics and Prometheus spell the values of `le` and `quantile`: like `formatGoFloat`, with `.0` behind integers. */
export function formatOpenMetricsFloat(x: number): string {
  const text = formatGoFloat(x)
  return /[.eNI]/.test(text) ? text : `${text}.0`
}

/**
 * Reads numbers out of bytes without making strings of the common ones. One object per reader; the results are fields,
 * for a result object per number would be garbage.
 */
export class NumberScanner {
  value = 0
  /** Where the token ended: at a blank, a line break or the end. */
  end = 0

  /**
   * Read the token at `at`, which ends at a blank, a tab, a line break or `limit`. False: no float; `end` is set all the
   * same. Accepts what Prometheus accepts for a sample: Go's decimal floats and the names of infinity and NaN; neither
   * hexadecimal floats nor underscores (promparse.go, parseFloat), nor what is too large for a float.
   * Decimals of up to 15 digits with a power of ten within ±22 are computed: both are exact as floats, so one operation
   * rounds once. Everything else goes through `Number`.
   */
  scan(bytes: Uint8Array, at: number, limit: number): boolean {
    let p = at
    let c = p < limit ? (bytes[p] as number) : 10
    let negative = false
    if (c === 45 || c === 43) {
      negative = c === 45
      c = ++p < limit ? (bytes[p] as number) : 10
    }
    let mantissa = 0
    let power = 0
    let digits = 0
    while (c >= 48 && c <= 57 && mantissa <= mantissaMax) {
      mantissa = mantissa * 10 + (c - 48)
      digits++
      c = ++p < limit ? (bytes[p] as number) : 10
    }
    if (c === 46) {
      c = ++p < limit ? (bytes[p] as number) : 10
      while (c >= 48 && c <= 57 && mantissa <= mantissaMax) {
        mantissa = mantissa * 10 + (c - 48)
        digits++
        power--
        c = ++p < limit ? (bytes[p] as number) : 10
      }
    }
    if (digits > 0 && (c === 101 || c === 69)) {
      let e = p + 1 < limit ? (bytes[p + 1] as number) : 10
      const down = e === 45
      let q = p + 1
      if (e === 45 || e === 43) e = ++q < limit ? (bytes[q] as number) : 10
      let exponent = 0
      const first = q
      while (e >= 48 && e <= 57 && exponent < 1000) {
        exponent = exponent * 10 + (e - 48)
        e = ++q < limit ? (bytes[q] as number) : 10
      }
      if (q > first) {
        power += down ? -exponent : exponent
        p = q
        c = e
      }
    }
    if (digits > 0 && (c === 10 || c === 32 || c === 9) && power >= -22 && power <= 22) {
      const value =
        power === 0
          ? mantissa
          : power > 0
            ? mantissa * (powersOfTen[power] as number)
            : mantissa / (powersOfTen[-power] as number)
      this.value = negative ? -value : value
      this.end = p
      return true
    }
    return this.#scanOdd(bytes, at, p, limit)
  }

  /** What the digits in front do not say: long mantissas, large exponents, names. `at` is the token's start. */
  #scanOdd(bytes: Uint8Array, at: number, from: number, limit: number): boolean {
    let p = from
    while (p < limit && bytes[p] !== 10 && bytes[p] !== 32 && bytes[p] !== 9) p++
    this.end = p
    if (p - at > tokenBytesMax) return false
    let text = ''
    for (let i = at; i < p; i++) {
      const c = bytes[i] as number
      if (c >= 128 || c === 112 || c === 80 || c === 95) return false // p, P, _
      text += String.fromCharCode(c)
    }
    const value = parseGoFloat(text)
    if (value === undefined) return false
    this.value = value
    return true
  }
}

/** No float needs more digits: the longest exact double has 767 significant ones. */
const tokenBytesMax = 4096
