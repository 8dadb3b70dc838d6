// XXH3 with 64 and 128 bits, unseeded, over whole texts (xxHash's specification, xxhash_spec.md; doc of release 0.8).
//
// Sixty-four bit words are BigInts: a hash of a short text takes some microseconds, which is what its callers need.
import { Buffer } from 'node:buffer'

const word = (value: bigint): bigint => BigInt.asUintN(64, value)

const p32 = [0n, 0x9e3779b1n, 0x85ebca77n, 0xc2b2ae3dn] as const
const p64 = [
  0n,
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
] as const
const mix1 = 0x165667919e3779f9n
const mix2 = 0x9fb21c651e98df25n

/** The default secret of the specification. */
const secret = Buffer.from(
  'b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221' +
    'b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8' +
    'fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb17' +
    '0ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e',
  'hex',
)
const stripeBytes = 64
const blockBytes = 1024

interface Pair {
  low: bigint
  high: bigint
}

/** The 64-bit digest of `bytes`. */
export function xxh3(bytes: Buffer): bigint {
  const n = bytes.length
  if (n === 0) return avalanche64(s64(56) ^ s64(64))
  if (n <= 3) return avalanche64(shortWord(bytes) ^ (s32(0) ^ s32(4)))
  if (n <= 8) {
    const input = u32(bytes, n - 4) + (u32(bytes, 0) << 32n)
    return mixLength(input ^ (s64(8) ^ s64(16)), BigInt(n))
  }
  if (n <= 16) {
    const low = u64(bytes, 0) ^ (s64(24) ^ s64(32))
    const high = u64(bytes, n - 8) ^ (s64(40) ^ s64(48))
    return avalanche(word(BigInt(n) + swapped(low) + high + folded(low, high)))
  }
  const start = word(BigInt(n) * (p64[1] as bigint))
  if (n <= 128) return avalanche(word(start + middle(bytes)))
  if (n <= 240) return long240(bytes, start)
  return merged(accumulated(bytes), 11, start)
}

/** The 128-bit digest of `bytes`, in the canonical order of its bytes as 32 hexadecimal digits' value. */
export function xxh128(bytes: Buffer): bigint {
  const { low, high } = pair128(bytes)
  return (high << 64n) | low
}

function pair128(bytes: Buffer): Pair {
  const n = bytes.length
  const length = BigInt(n)
  if (n === 0) return { low: avalanche64(s64(64) ^ s64(72)), high: avalanche64(s64(80) ^ s64(88)) }
  if (n <= 3) {
    const low = shortWord(bytes)
    const turned = rotated32(swapped32(low), 13n)
    return { low: avalanche64(low ^ (s32(0) ^ s32(4))), high: avalanche64(turned ^ (s32(8) ^ s32(12))) }
  }
  if (n <= 8) return pairOf8(bytes, length)
  if (n <= 16) return pairOf16(bytes, length)
  if (n <= 240) return pairOf240(bytes, length)
  const lanes = accumulated(bytes)
  return {
    low: merged(lanes, 11, word(length * (p64[1] as bigint))),
    high: merged(lanes, 192 - stripeBytes - 11, word(~(length * (p64[2] as bigint)))),
  }
}

function pairOf8(bytes: Buffer, length: bigint): Pair {
  const input = u32(bytes, 0) + (u32(bytes, bytes.length - 4) << 32n)
  const product = (input ^ (s64(16) ^ s64(24))) * ((p64[1] as bigint) + (length << 2n))
  let low = word(product)
  const high = word((product >> 64n) + (low << 1n))
  low ^= high >> 3n
  low = word((low ^ (low >> 35n)) * mix2)
  return { low: low ^ (low >> 28n), high: avalanche(high) }
}

function pairOf16(bytes: Buffer, length: bigint): Pair {
  const first = u64(bytes, 0)
  const last = u64(bytes, bytes.length - 8)
  const product = (first ^ last ^ (s64(32) ^ s64(40))) * (p64[1] as bigint)
  const keyed = last ^ (s64(48) ^ s64(56))
  const high = word((product >> 64n) + keyed + BigInt.asUintN(32, keyed) * ((p32[2] as bigint) - 1n))
  const low = word(word(product) + ((length - 1n) << 54n)) ^ swapped(high)
  const out = low * (p64[2] as bigint)
  return { low: avalanche(word(out)), high: avalanche(word((out >> 64n) + high * (p64[2] as bigint))) }
}

function pairOf240(bytes: Buffer, length: bigint): Pair {
  const n = bytes.length
  const sum: Pair = { low: word(length * (p64[1] as bigint)), high: 0n }
  if (n <= 128) {
    for (let i = (n - 1) >> 5; i >= 0; i--) mix32(sum, bytes, 16 * i, n - 16 * (i + 1), 32 * i)
  } else {
    for (let at = 0; at < 128; at += 32) mix32(sum, bytes, at, at + 16, at)
    sum.low = avalanche(sum.low)
    sum.high = avalanche(sum.high)
    for (let at = 128; at + 32 <= n; at += 32) mix32(sum, bytes, at, at + 16, 3 + at - 128)
    mix32(sum, bytes, n - 16, n - 32, 136 - 17 - 16)
  }
  const { low, high } = sum
  const last = low * (p64[1] as bigint) + high * (p64[4] as bigint) + length * (p64[2] as bigint)
  return { low: avalanche(word(low + high)), high: word(-avalanche(word(last))) }
}

function mix32(sum: Pair, bytes: Buffer, first: number, second: number, key: number): void {
  sum.low = word(sum.low + mix16(bytes, first, key)) ^ word(u64(bytes, second) + u64(bytes, second + 8))
  sum.high = word(sum.high + mix16(bytes, second, key + 16)) ^ word(u64(bytes, first) + u64(bytes, first + 8))
}

/** 17 to 128 bytes: from both ends inwards. */
function middle(bytes: Buffer): bigint {
  const n = bytes.length
  let sum = 0n
  for (let i = (n - 1) >> 5; i >= 0; i--) {
    sum += mix16(bytes, 16 * i, 32 * i) + mix16(bytes, n - 16 * (i + 1), 32 * i + 16)
  }
  return sum
}

function long240(bytes: Buffer, start: bigint): bigint {
  const n = bytes.length
  const rounds = n >> 4
  let sum = start
  for (let i = 0; i < 8; i++) sum += mix16(bytes, 16 * i, 16 * i)
  let end = mix16(bytes, n - 16, 136 - 17)
  for (let i = 8; i < rounds; i++) end += mix16(bytes, 16 * i, 16 * (i - 8) + 3)
  return avalanche(word(avalanche(word(sum)) + end))
}

/** More than 240 bytes: eight lanes over stripes of 64 bytes, scrambled after each block of 16 stripes. */
function accumulated(bytes: Buffer): bigint[] {
  const lanes = [p32[3], p64[1], p64[2], p64[3], p64[4], p32[2], p64[5], p32[1]] as bigint[]
  const n = bytes.length
  const blocks = Math.floor((n - 1) / blockBytes)
  for (let block = 0; block < blocks; block++) {
    for (let i = 0; i < 16; i++) stripe(lanes, bytes, block * blockBytes + i * stripeBytes, 8 * i)
    for (let i = 0; i < 8; i++) {
      const lane = lanes[i] as bigint
      lanes[i] = word((lane ^ (lane >> 47n) ^ s64(192 - stripeBytes + 8 * i)) * (p32[1] as bigint))
    }
  }
  const rest = Math.floor((n - 1 - blocks * blockBytes) / stripeBytes)
  for (let i = 0; i < rest; i++) stripe(lanes, bytes, blocks * blockBytes + i * stripeBytes, 8 * i)
  stripe(lanes, bytes, n - stripeBytes, 192 - stripeBytes - 7)
  return lanes
}

function stripe(lanes: bigint[], bytes: Buffer, at: number, key: number): void {
  for (let i = 0; i < 8; i++) {
    const data = u64(bytes, at + 8 * i)
    const keyed = data ^ s64(key + 8 * i)
    lanes[i ^ 1] = word((lanes[i ^ 1] as bigint) + data)
    lanes[i] = word((lanes[i] as bigint) + BigInt.asUintN(32, keyed) * (keyed >> 32n))
  }
}

function merged(lanes: readonly bigint[], key: number, start: bigint): bigint {
  let sum = start
  for (let i = 0; i < 8; i += 2) {
    sum += folded((lanes[i] as bigint) ^ s64(key + 8 * i), (lanes[i + 1] as bigint) ^ s64(key + 8 * i + 8))
  }
  return avalanche(word(sum))
}

function mix16(bytes: Buffer, at: number, key: number): bigint {
  return folded(u64(bytes, at) ^ s64(key), u64(bytes, at + 8) ^ s64(key + 8))
}

function folded(a: bigint, b: bigint): bigint {
  const product = a * b
  return word(product) ^ (product >> 64n)
}

function avalanche(value: bigint): bigint {
  const mixed = word((value ^ (value >> 37n)) * mix1)
  return mixed ^ (mixed >> 32n)
}

/** The finish of XXH64. */
function avalanche64(value: bigint): bigint {
  let mixed = word((value ^ (value >> 33n)) * (p64[2] as bigint))
  mixed = word((mixed ^ (mixed >> 29n)) * (p64[3] as bigint))
  return mixed ^ (mixed >> 32n)
}

function mixLength(value: bigint, length: bigint): bigint {
  let mixed = word((value ^ rotated(value, 49n) ^ rotated(value, 24n)) * mix2)
  mixed ^= (mixed >> 35n) + length
  mixed = word(mixed * mix2)
  return mixed ^ (mixed >> 28n)
}

/** One to three bytes and their number in one word. */
function shortWord(bytes: Buffer): bigint {
  const n = bytes.length
  const value = ((bytes[0] ?? 0) << 16) | ((bytes[n >> 1] ?? 0) << 24) | (bytes[n - 1] ?? 0) | (n << 8)
  return BigInt(value >>> 0)
}

function rotated(value: bigint, by: bigint): bigint {
  return word((value << by) | (value >> (64n - by)))
}

function rotated32(value: bigint, by: bigint): bigint {
  return BigInt.asUintN(32, (value << by) | (value >> (32n - by)))
}

const scratch = Buffer.alloc(8)

function swapped(value: bigint): bigint {
  scratch.writeBigUInt64LE(value)
  return scratch.readBigUInt64BE()
}

function swapped32(value: bigint): bigint {
  return swapped(value) >> 32n
}

function u32(bytes: Buffer, at: number): bigint {
  return BigInt(bytes.readUInt32LE(at))
}

function u64(bytes: Buffer, at: number): bigint {
  return bytes.readBigUInt64LE(at)
}

function s32(at: number): bigint {
  return BigInt(secret.readUInt32LE(at))
}

function s64(at: number): bigint {
  return secret.readBigUInt64LE(at)
}
