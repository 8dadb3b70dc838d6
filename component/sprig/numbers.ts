// Sprig's functions for numbers.
import { fault, intOf, type TemplateFunctions, type TemplateValue, valueText } from '#component/go_template'
import { fixed, open, toFloat, toInt } from './define.ts'

type Value = TemplateValue

/** Numbers that `until`, `untilStep` and `seq` may count. */
const countMax = 100_000

const int64 = (value: bigint): bigint => BigInt.asIntN(64, value)

function range(start: number, stop: number, step: number): bigint[] {
  if (stop < start ? step >= 0 : step <= 0) return []
  if (Math.abs((stop - start) / step) > countMax) return fault('too many numbers')
  const numbers: bigint[] = []
  for (let i = start; stop < start ? i > stop : i < stop; i += step) numbers.push(BigInt(i))
  return numbers
}

function sequence(bounds: readonly number[]): string {
  const [first, second, third] = bounds as [number, number, number]
  const [start, end, step] =
    bounds.length === 1
      ? [1, first, first < 1 ? -1 : 1]
      : bounds.length === 2
        ? [first, second, second < first ? -1 : 1]
        : [first, third, second]
  if (bounds.length === 0 || bounds.length > 3 || (bounds.length === 3 && end < start && step > 0)) return ''
  return range(start, end + (end < start ? -1 : 1), step).join(' ')
}

/** As decimal numbers are calculated with, not as binary ones: 0.1 + 0.2 is 0.3. */
function decimal(operation: (a: number, b: number) => number, first: Value, rest: readonly Value[]): number {
  let result = toFloat(first)
  for (const value of rest) result = Number(operation(result, toFloat(value)).toPrecision(15))
  return result
}

function rounded(value: number, places: number, roundsUpFrom: number): number {
  const power = 10 ** places
  const digit = power * value
  const fraction = digit - Math.trunc(digit)
  return (fraction >= roundsUpFrom ? Math.ceil(digit) : Math.floor(digit)) / power
}

const extreme = (isBetter: (a: bigint, b: bigint) => boolean) =>
  open((first, ...rest) => rest.map(toInt).reduce((best, one) => (isBetter(one, best) ? one : best), toInt(first)))
const greatest = extreme((a, b) => a > b)

function divided(a: Value, b: Value, isRest: boolean): bigint {
  const divisor = toInt(b)
  if (divisor === 0n) return fault('division by zero')
  return int64(isRest ? toInt(a) % divisor : toInt(a) / divisor)
}

export function numberFunctions({ random }: { random(): number }): TemplateFunctions {
  return {
    add: open((...given) => int64(given.reduce<bigint>((sum, value) => sum + toInt(value), 0n))),
    add1: fixed((value) => int64(toInt(value) + 1n)),
    add1f: fixed((value) => decimal((a, b) => a + b, value, [1n])),
    addf: open((...given) => decimal((a, b) => a + b, 0, given)),
    atoi: fixed((s) => (typeof s === 'string' && /^[+-]?\d+$/.test(s) ? int64(BigInt(s.replace('+', ''))) : 0n)),
    biggest: greatest,
    ceil: fixed((value) => Math.ceil(toFloat(value))),
    div: fixed((a, b) => divided(a, b, false)),
    divf: open((first, ...rest) => decimal((a, b) => a / b, first, rest)),
    float64: fixed(toFloat),
    floor: fixed((value) => Math.floor(toFloat(value))),
    int: fixed(toInt),
    int64: fixed(toInt),
    max: greatest,
    maxf: open((first, ...rest) => Math.max(toFloat(first), ...rest.map(toFloat))),
    min: extreme((a, b) => a < b),
    minf: open((first, ...rest) => Math.min(toFloat(first), ...rest.map(toFloat))),
    mod: fixed((a, b) => divided(a, b, true)),
    mul: open((first, ...rest) => int64(rest.reduce<bigint>((product, value) => product * toInt(value), toInt(first)))),
    mulf: open((first, ...rest) => decimal((a, b) => a * b, first, rest)),
    randInt: fixed((min, max) => {
      const [low, high] = [intOf(min), intOf(max)]
      return high <= low ? fault('invalid argument to randInt') : BigInt(low + Math.floor(random() * (high - low)))
    }),
    round: {
      min: 2,
      max: 3,
      run: ([v, places, on]) => rounded(toFloat(v), intOf(places), on === undefined ? 0.5 : toFloat(on)),
    },
    seq: open((...bounds) => sequence(bounds.map(intOf))),
    sub: fixed((a, b) => int64(toInt(a) - toInt(b))),
    subf: open((first, ...rest) => decimal((a, b) => a - b, first, rest)),
    toDecimal: fixed((value) => {
      const text = valueText(value)
      return /^[+-]?[0-7]+$/.test(text) ? BigInt(Number.parseInt(text, 8)) : 0n
    }),
    until: fixed((count) => range(0, intOf(count), intOf(count) < 0 ? -1 : 1)),
    untilStep: fixed((start, stop, step) => range(intOf(start), intOf(stop), intOf(step))),
  }
}
