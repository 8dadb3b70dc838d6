// UUIDs of versions 4 and 7 (RFC 9562).
import { Buffer } from 'node:buffer'

/** A random UUID; `random` is 16 bytes, which are written into. */
export function uuid4(random: Uint8Array): string {
  return uuidText(random, 0x40)
}

/** A UUID that begins with the time in milliseconds since the epoch; `random` is 16 bytes, which are written into. */
export function uuid7(random: Uint8Array, nowMs: number): string {
  const bytes = Buffer.from(random.buffer, random.byteOffset, 16)
  bytes.writeUIntBE(Math.max(0, Math.floor(nowMs)) % 2 ** 48, 0, 6)
  return uuidText(random, 0x70)
}

function uuidText(bytes: Uint8Array, version: number): string {
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | version
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, 16).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
