// MurmurHash3 of whole texts, unseeded: 32 bits (x86) and 128 bits (x64), as Appleby's MurmurHash3.cpp has them.
import type { Buffer } from 'node:buffer'

/** The 32-bit hash, unsigned. */
export function murmur3(bytes: Buffer): number {
  let hash = 0
  const whole = bytes.length & ~3
  for (let at = 0; at < whole; at += 4) {
    hash ^= scrambled(bytes.readInt32LE(at))
    hash = (hash << 13) | (hash >>> 19)
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0
  }
  let tail = 0
  for (let at = bytes.length - 1; at >= whole; at--) tail = (tail << 8) | (bytes[at] ?? 0)
  hash ^= scrambled(tail) ^ bytes.length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function scrambled(word: number): number {
  const mixed = Math.imul(word, 0xcc9e2d51)
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593)
}

const c1 = 0x87c37b91114253d5n
const c2 = 0x4cf5ad432745937fn
const word = (value: bigint): bigint => BigInt.asUintN(64, value)

/** The two halves of the 128-bit hash, each unsigned. */
export function murmur3x128(bytes: Buffer): readonly [bigint, bigint] {
  let a = 0n
  let b = 0n
  const whole = bytes.length & ~15
  for (let at = 0; at < whole; at += 16) {
    a ^= mixedA(bytes.readBigUInt64LE(at))
    a = word(word(rotated(a, 27n) + b) * 5n + 0x52dce729n)
    b ^= mixedB(bytes.readBigUInt64LE(at + 8))
    b = word(word(rotated(b, 31n) + a) * 5n + 0x38495ab5n)
  }
  let first = 0n
  let second = 0n
  for (let at = bytes.length - 1; at >= whole; at--) {
    const byte = BigInt(bytes[at] ?? 0)
    if (at >= whole + 8) second = (second << 8n) | byte
    else first = (first << 8n) | byte
  }
  const length = BigInt(bytes.length)
  a ^= mixedA(first) ^ length
  b ^= mixedB(second) ^ length
  a = word(a + b)
  b = word(b + a)
  a = finished(a)
  b = finished(b)
  a = word(a + b)
  return [a, word(b + a)]
}

function mixedA(value: bigint): bigint {
  return word(rotated(word(value * c1), 31n) * c2)
}

function mixedB(value: bigint): bigint {
  return word(rotated(word(value * c2), 33n) * c1)
}

function finished(value: bigint): bigint {
  let mixed = word((value ^ (value >> 33n)) * 0xff51afd7ed558ccdn)
  mixed = word((mixed ^ (mixed >> 33n)) * 0xc4ceb9fe1a85ec53n)
  return mixed ^ (mixed >> 33n)
}

function rotated(value: bigint, by: bigint): bigint {
  return word((value << by) | (value >> (64n - by)))
}
