// Probabilities, thresholds and randomness of OpenTelemetry's consistent sampling (specification: TraceState handling and
// probability sampling), in 56 bits.
//
// 56 bits do not fit in a number, and BigInts are slow per span: a value is two halves of 28 bits.
import { fnv1aStart, fnv1aUnit } from '#lib/fnv'

const half = 2 ** 28
const hexDigits = 14

/** The number of all values of randomness. */
const all = 2n ** 56n

/** A rejection threshold: what has less randomness is not sampled. `hi` is 2^28 for `never`. */
export class Threshold {
  readonly hi: number
  readonly lo: number
  /** As `th` has it: hexadecimal digits, the zeros at the end left out. */
  readonly text: string

  constructor(value: bigint) {
    this.hi = Number(value >> 28n)
    this.lo = Number(value & 0xfffffffn)
    this.text = value === 0n ? '0' : value.toString(16).padStart(hexDigits, '0').replace(/0+$/, '')
  }

  samples(randomness: Randomness): boolean {
    return randomness.hi > this.hi || (randomness.hi === this.hi && randomness.lo >= this.lo)
  }

  isLessThan(other: Threshold): boolean {
    return this.hi < other.hi || (this.hi === other.hi && this.lo < other.lo)
  }

  /** The share of what is sampled. */
  get probability(): number {
    return ((half - this.hi) * half - this.lo) / 2 ** 56
  }
}

export const always = new Threshold(0n)
export const never = new Threshold(all)

/** The smallest probability that there is a threshold for. */
export const probabilityMin = 2 ** -56

/**
 * The threshold for a probability, with `digits` significant digits (1 to 14). Undefined for a probability outside of
 * [2^-56, 1].
 */
export function thresholdOf(probability: number, digits: number): Threshold | undefined {
  if (!(probability >= probabilityMin && probability <= 1)) return undefined
  if (probability === 1) return always
  // Near 0 and near 1 the threshold begins with digits f or 0 that say little: they do not count.
  const precision = digits + Math.max(leadingDigits(probability), leadingDigits(1 - probability))
  const value = all - BigInt(Math.round(probability * 2 ** 56))
  if (precision >= hexDigits) return new Threshold(value)
  const shift = BigInt(4 * (hexDigits - precision))
  return new Threshold(((value + (1n << (shift - 1n))) >> shift) << shift)
}

/** How many hexadecimal digits 0 a fraction begins with. */
function leadingDigits(fraction: number): number {
  let digits = 0
  for (let rest = fraction; rest > 0 && rest < 1 / 16; rest *= 16) digits++
  return digits
}

/** The threshold that `th` says: 1 to 14 hexadecimal digits; undefined: it says none. */
export function parseThreshold(text: string): Threshold | undefined {
  if (!/^[0-9a-fA-F]{1,14}$/.test(text)) return undefined
  return new Threshold(BigInt(`0x${text.padEnd(hexDigits, '0')}`))
}

/** The hash-seed mode decides on 14 bits. */
const bucketBits = 14
export const bucketCount = 1 << bucketBits

/** Randomness of 56 bits. One object is filled again and again. */
export class Randomness {
  hi = 0
  lo = 0

  /** The largest there is: everything but `never` samples it. */
  setAll(): void {
    this.hi = half - 1
    this.lo = half - 1
  }

  /** The last seven bytes of a trace id of 16. */
  setTraceId(id: Uint8Array): void {
    this.hi =
      (((id[9] as number) << 20) |
        ((id[10] as number) << 12) |
        ((id[11] as number) << 4) |
        ((id[12] as number) >>> 4)) >>>
      0
    this.lo =
      (((id[12] as number) & 0xf) << 24) | ((id[13] as number) << 16) | ((id[14] as number) << 8) | (id[15] as number)
  }

  /** `rv`: 14 hexadecimal digits. False: it is not that. */
  setText(text: string): boolean {
    if (!/^[0-9a-fA-F]{14}$/.test(text)) return false
    this.hi = Number.parseInt(text.slice(0, 7), 16)
    this.lo = Number.parseInt(text.slice(7), 16)
    return true
  }

  /**
   * The hash of `bytes` with a seed, laid out as the collector's sampler does: the 14 bits that its hashing decides on come
   * first, turned around (what it samples has the small ones), the others behind them.
   */
  setHash(bytes: Uint8Array, seed: number): void {
    let hash = fnv1aStart
    for (let i = 0; i < 4; i++) hash = fnv1aUnit(hash, (seed >>> (8 * i)) & 0xff)
    for (let i = 0; i < bytes.length; i++) hash = fnv1aUnit(hash, bytes[i] as number)
    const bucket = hash & (bucketCount - 1)
    // Upstream takes the topmost 14 of the 18 bits that are left, and so the randomness it notes is another's too.
    const unused = hash >>> (32 - bucketBits)
    // 56 bits: 14 of the turned bucket, 28 mixed of those 14, 14 of the bucket.
    const mixed = ((unused ^ (unused << 10)) & (half - 1)) >>> 0
    this.hi = (bucketCount - 1 - bucket) * bucketCount + (mixed >>> bucketBits)
    this.lo = (mixed & (bucketCount - 1)) * bucketCount + bucket
  }

  get text(): string {
    return this.hi.toString(16).padStart(7, '0') + this.lo.toString(16).padStart(7, '0')
  }
}
