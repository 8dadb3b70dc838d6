// FNV-1a, the hash by Fowler, Noll and Vo: cheap, for short keys, and not for what an attacker chooses.

const offset32 = 0x811c9dc5 | 0
const prime32 = 0x01000193

/**
 * 32 bits over UTF-16 code units `text[start … end)`, signed. `hash` is what to go on from: to hash several texts as one,
 * with `fnv1aUnit` for a break between them, so that `a`, `bc` and `ab`, `c` differ.
 */
export function fnv1a(text: string, hash: number = offset32, start = 0, end: number = text.length): number {
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), prime32)
  return hash
}

/** Goes on with one byte or code unit. */
export function fnv1aUnit(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, prime32)
}

/** The hash of nothing. */
export const fnv1aStart: number = offset32

/** 64 bits over bytes, in two halves: a BigInt per byte would cost a hundred times as much. */
export class Fnv1a64 {
  /** Unsigned, 32 bits each. */
  high = 0xcbf29ce4
  low = 0x84222325

  reset(high = 0xcbf29ce4, low = 0x84222325): void {
    this.high = high
    this.low = low
  }

  byte(byte: number): void {
    // The prime is 2^40 + 0x1b3; every product stays below 2^53.
    const low = (this.low ^ byte) >>> 0
    const product = low * 0x1b3
    const high = this.high * 0x1b3 + Math.floor(product / 4294967296) + low * 256
    this.low = product >>> 0
    this.high = high % 4294967296
  }

  /** The code units of a text as bytes: for texts of Latin-1. */
  latin1(text: string): void {
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i))
  }

  bytes(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) this.byte(bytes[i] as number)
  }
}
