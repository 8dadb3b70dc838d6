// Strings out of protobuf bytes.
import type { Buffer } from 'node:buffer'

/** Strings up to this long are looked up among those met before: keys and most values repeat. */
const knownLengthMax = 32
/** A power of two. Together with the length it bounds what is kept: 2048 strings of 32 bytes. */
const knownSlots = 2048

const known: string[] = Array.from({ length: knownSlots }, () => '')

/**
 * The text of `bytes[start … end)`, which is valid UTF-8; `buffer` is the same memory. Short ASCII strings that are met
 * again are the same string, which costs half of making a new one (60 ns instead of 120 for 20 characters) and leaves
 * nothing to collect.
 */
export function textAt(bytes: Uint8Array, buffer: Buffer, start: number, end: number): string {
  const length = end - start
  if (length === 0) return ''
  if (length > knownLengthMax) return buffer.toString('utf8', start, end)
  let hash = length
  let union = 0
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!
    union |= byte
    hash = (Math.imul(hash, 31) + byte) | 0
  }
  if (union >= 0x80) return buffer.toString('utf8', start, end)
  const slot = (hash ^ (hash >>> 15)) & (knownSlots - 1)
  const candidate = known[slot]!
  if (isTextAt(candidate, bytes, start, end)) return candidate
  const text = buffer.toString('latin1', start, end)
  known[slot] = text
  return text
}

/** Is this what stands in `bytes[start … end)`, and is it ASCII? ("Ã©" has the units that the bytes of "é" have.) */
export function isTextAt(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start
  if (text.length !== length) return false
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i]!
    if (byte >= 0x80 || text.charCodeAt(i) !== byte) return false
  }
  return true
}
