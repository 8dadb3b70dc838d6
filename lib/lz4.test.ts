import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { lz4FrameEncode } from './lz4.ts'

/** The format's specification read aloud: frames of independent blocks without checksums. */
function decode(frame: Uint8Array): Buffer {
  const view = Buffer.from(frame)
  // What the reference implementation reads: magic, FLG, BD and the header's checksum.
  assert.equal(view.subarray(0, 7).toString('hex'), '04224d18607073')
  const out: Buffer[] = []
  let at = 7
  for (;;) {
    const size = view.readUInt32LE(at)
    at += 4
    if (size === 0) break
    const length = size & 0x7fffffff
    const block = view.subarray(at, at + length)
    out.push(size >= 0x80000000 ? block : decodeBlock(block))
    at += length
  }
  assert.equal(at, view.length)
  return Buffer.concat(out)
}

function decodeBlock(block: Buffer): Buffer {
  const out: number[] = []
  let at = 0
  const more = (nibble: number): number => {
    let n = nibble
    if (nibble < 15) return n
    for (;;) {
      const byte = block[at++] as number
      n += byte
      if (byte < 255) return n
    }
  }
  while (at < block.length) {
    const token = block[at++] as number
    const literals = more(token >> 4)
    for (let i = 0; i < literals; i++) out.push(block[at++] as number)
    if (at >= block.length) break
    const offset = block.readUInt16LE(at)
    at += 2
    const length = more(token & 15) + 4
    assert.ok(offset > 0 && offset <= out.length)
    for (let i = 0; i < length; i++) out.push(out[out.length - offset] as number)
  }
  return Buffer.from(out)
}

test("a frame is what the reference program's own looks like", () => {
  assert.equal(
    Buffer.from(lz4FrameEncode(Buffer.from('hello'))).toString('hex'),
    '04224d1860707305000080' + '68656c6c6f' + '00000000',
  )
})

test('what is compressed comes back, long runs and what does not shrink too', () => {
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(300_000, 'abc'), Buffer.alloc(4 * 1024 * 1024 + 5, 7)]) {
    assert.ok(decode(lz4FrameEncode(bytes)).equals(bytes))
  }
  fc.assert(
    fc.property(fc.array(fc.nat(3), { maxLength: 2000 }), fc.uint8Array({ maxLength: 300 }), (few, many) => {
      const bytes = Buffer.from([...few, ...many, ...few])
      assert.ok(decode(lz4FrameEncode(bytes)).equals(bytes))
    }),
    { numRuns: 200 },
  )
})
