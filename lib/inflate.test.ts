import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { type Compression, inflated, InflateError } from './inflate.ts'
import { lz4FrameEncode } from './lz4.ts'
import { snappyCompress } from './snappy.ts'
import { snappyFramesDecode, snappyFramesEncode } from './snappy_frames.ts'

const text = Buffer.from(Array.from({ length: 7000 }, (_, i) => `line ${i % 97} of the text\n`).join(''))

/** By Python's lz4 4.4.5 (blocks that refer to one another, with every checksum; and blocks alone) and python-snappy 0.7.3. */
const elsewhere = JSON.parse(
  readFileSync(new URL('./testdata/compressed_elsewhere.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, string>>

const encoders: Readonly<Record<string, readonly [Compression, (bytes: Uint8Array) => Uint8Array]>> = {
  gzip: ['gzip', gzipSync],
  zlib: ['zlib', deflateSync],
  zstd: ['zstd', zstdCompressSync],
  'snappy block': ['snappy', snappyCompress],
  'snappy stream': ['snappy', snappyFramesEncode],
  lz4: ['lz4', lz4FrameEncode],
}

test('what other libraries compressed is read', async () => {
  assert.deepEqual(Object.keys(elsewhere), ['lz4 linked', 'lz4 independent', 'snappy'])
  for (const [name, base64] of Object.entries(elsewhere)) {
    const bytes = Buffer.from(base64, 'base64')
    const compression: Compression = name.startsWith('lz4') ? 'lz4' : 'snappy'
    assert.deepEqual(Buffer.from(await inflated(bytes, compression, text.length)), text, name)
  }
})

test('every compression is read back, small and large, up to the limit and not beyond', async () => {
  for (const [name, [compression, encode]] of Object.entries(encoders)) {
    const noise = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 2654435761) >>> 13))
    for (const bytes of [Buffer.from('a'), text, noise]) {
      const packed = encode(bytes)
      assert.deepEqual(Buffer.from(await inflated(packed, compression, bytes.length)), bytes, name)
      if (bytes.length === 1) continue
      await assert.rejects(
        async () => inflated(packed, compression, bytes.length - 1),
        (error: InflateError) => error.tooLarge,
        name,
      )
    }
  }
})

test('what is cut off or changed is refused, or read as something else, and never more than allowed', async () => {
  for (const [name, [compression, encode]] of Object.entries(encoders)) {
    const packed = encode(text.subarray(0, 2000))
    await fc.assert(
      fc.asyncProperty(
        fc.nat(packed.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        async (at, by, cut) => {
          const broken = Uint8Array.from(cut ? packed.subarray(0, at) : packed)
          if (!cut) broken[at] = (broken[at] as number) ^ by
          try {
            assert.ok((await inflated(broken, compression, 5000)).length <= 5000, name)
          } catch (error) {
            assert.ok(error instanceof InflateError, `${name}: ${String(error)}`)
          }
        },
      ),
      { numRuns: 200, interruptAfterTimeLimit: 300 },
    )
  }
})

test('a stream of snappy with a wrong checksum, an unknown chunk or none at all is refused', () => {
  const stream = snappyFramesEncode(text)
  const wrong = Uint8Array.from(stream)
  wrong[14] = (wrong[14] as number) ^ 1
  assert.throws(() => snappyFramesDecode(wrong, text.length), /checksum/)
  const unknown = Buffer.concat([stream.subarray(0, 10), Uint8Array.of(2, 1, 0, 0, 0)])
  assert.throws(() => snappyFramesDecode(unknown, 10), /unknown kind 2/)
  const padded = Buffer.concat([stream, Uint8Array.of(0xfe, 2, 0, 0, 0, 0)])
  assert.deepEqual(Buffer.from(snappyFramesDecode(padded, text.length)), text, 'padding may be skipped')
  assert.throws(() => snappyFramesDecode(text, 10), /does not begin/)
  assert.equal(snappyFramesDecode(snappyFramesEncode(new Uint8Array()), 0).length, 0)
})
