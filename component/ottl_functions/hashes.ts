// Converters that hash texts.
import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import { defineConverter, type FunctionDefinition, type OttlValue, stringGetter } from '#component/ottl'
import { murmur3, murmur3x128 } from '#lib/murmur3'
import { xxh128, xxh3 } from '#lib/xxh3'

function hasher(name: string, digest: (text: string) => OttlValue): FunctionDefinition {
  return defineConverter({
    name,
    parameters: { target: stringGetter },
    create:
      ({ target }) =>
      (context) =>
        digest(target(context)),
  })
}

/** FNV-1a of 64 bits as an int64. In four parts of 16 bits, each times 0x100000001b3 within a float's 53. */
function fnv1a(text: string): bigint {
  let [a, b, c, d] = [0x2325, 0x8422, 0x9ce4, 0xcbf2]
  for (const byte of Buffer.from(text)) {
    const low = (a ^ byte) * 0x1b3
    const second = b * 0x1b3 + Math.floor(low / 65_536)
    const third = c * 0x1b3 + ((a ^ byte) << 8) + Math.floor(second / 65_536)
    const fourth = d * 0x1b3 + (b << 8) + Math.floor(third / 65_536)
    a = low & 0xffff
    b = second & 0xffff
    c = third & 0xffff
    d = fourth & 0xffff
  }
  return BigInt.asIntN(64, (BigInt(d * 65_536 + c) << 32n) | BigInt(b * 65_536 + a))
}

/** Hexadecimal digits of `bits / 4` places. */
function hexDigits(value: bigint, bits: number): string {
  return value.toString(16).padStart(bits / 4, '0')
}

/** The bytes of the words from the last to the first, as upstream prints them. */
function murmur128Text(text: string): string {
  const [first, second] = murmur3x128(Buffer.from(text))
  const bytes = Buffer.alloc(16)
  bytes.writeBigUInt64LE(first, 0)
  bytes.writeBigUInt64LE(second, 8)
  return bytes.toString('hex')
}

function murmurText(text: string): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(murmur3(Buffer.from(text)))
  return bytes.toString('hex')
}

export const hashConverters: readonly FunctionDefinition[] = [
  hasher('FNV', fnv1a),
  hasher('MD5', (text) => hash('md5', text)),
  hasher('Murmur3Hash', murmurText),
  hasher('Murmur3Hash128', murmur128Text),
  hasher('SHA1', (text) => hash('sha1', text)),
  hasher('SHA256', (text) => hash('sha256', text)),
  hasher('SHA512', (text) => hash('sha512', text)),
  hasher('XXH128', (text) => hexDigits(xxh128(Buffer.from(text)), 128)),
  hasher('XXH3', (text) => hexDigits(xxh3(Buffer.from(text)), 64)),
]
