import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import snappyjs from 'snappyjs'
import { snappyBoundOf, snappyCompress, SnappyError, snappyHeader, snappyLength, snappyUncompress } from './snappy.ts'

/** Data as it comes: noise, runs, words again and again, and mixtures of them. */
const chunks = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.tuple(fc.integer({ min: 0, max: 255 }), fc.nat(3000)).map(([byte, count]) => new Uint8Array(count).fill(byte)),
  fc
    .tuple(fc.constantFrom('instance', '10.0.0.1:9100', 'a', '__name__'), fc.nat(200))
    .map(([word, count]) => new Uint8Array(Buffer.from(word.repeat(count)))),
)
const inputs = fc.array(chunks, { maxLength: 30 }).map((parts) => new Uint8Array(Buffer.concat(parts)))

test('blocks are read by snappyjs, and snappyjs blocks are read', () => {
  fc.assert(
    fc.property(inputs, (input) => {
      const block = snappyCompress(input)
      assert.ok(block.length <= snappyBoundOf(input.length))
      assert.equal(snappyLength(block).length, input.length)
      assert.deepEqual(Buffer.from(snappyjs.uncompress(block)), Buffer.from(input))
      assert.deepEqual(Buffer.from(snappyUncompress(block, input.length)), Buffer.from(input))
      assert.deepEqual(Buffer.from(snappyUncompress(snappyjs.compress(input), input.length)), Buffer.from(input))
    }),
    { numRuns: 300, interruptAfterTimeLimit: 1500 },
  )
})

test('large inputs survive, also where matches lie further back than an offset reaches', () => {
  const period = Buffer.from(Array.from({ length: 66000 }, (_, i) => (i * 2654435761) >>> 24))
  for (const input of [
    Buffer.concat([period, period, period]),
    Buffer.alloc(1 << 20),
    Buffer.from('ab'.repeat(70000)),
    Buffer.from(Array.from({ length: 300000 }, (_, i) => (Math.imul(i, i) >>> 7) & 0xff)),
  ]) {
    const block = snappyCompress(input)
    assert.ok(Buffer.from(snappyUncompress(block, input.length)).equals(input))
    assert.ok(Buffer.from(snappyjs.uncompress(block)).equals(input))
  }
})

test('a view into a larger buffer is compressed alone', () => {
  const large = new Uint8Array(Buffer.from('xxxx' + 'hello '.repeat(20) + 'yyyy'))
  const input = large.subarray(4, 4 + 120)
  assert.equal(Buffer.from(snappyUncompress(snappyCompress(input), 120)).toString(), 'hello '.repeat(20))
})

test('memory that is offered is used when it is large enough', () => {
  const input = Buffer.from('hello '.repeat(20))
  const scratch = new Uint8Array(130).fill(255)
  const inScratch = snappyUncompress(snappyCompress(input), 1000, scratch)
  assert.equal(inScratch.buffer, scratch.buffer)
  assert.ok(Buffer.from(inScratch).equals(input))
  assert.deepEqual([...scratch.subarray(120)], Array(10).fill(255))
  const small = new Uint8Array(119)
  assert.notEqual(snappyUncompress(snappyCompress(input), 1000, small).buffer, small.buffer)
})

/** Elements that no compressor of ours writes, but the format allows. */
const readable: { name: string; block: number[]; want: string }[] = [
  { name: 'nothing', block: [0], want: '' },
  { name: 'a literal with a length of one byte more', block: [3, 60 << 2, 2, 97, 98, 99], want: 'abc' },
  { name: 'a literal with a length of two bytes more', block: [3, 61 << 2, 2, 0, 97, 98, 99], want: 'abc' },
  { name: 'a literal with a length of three bytes more', block: [3, 62 << 2, 2, 0, 0, 97, 98, 99], want: 'abc' },
  { name: 'a literal with a length of four bytes more', block: [3, 63 << 2, 2, 0, 0, 0, 97, 98, 99], want: 'abc' },
  { name: 'a short copy that overlaps itself', block: [5, 0, 97, 1, 1], want: 'aaaaa' },
  { name: 'a middle copy of one byte', block: [3, 1 << 2, 97, 98, 2, 2, 0], want: 'aba' },
  { name: 'a far copy', block: [4, 1 << 2, 97, 98, (1 << 2) | 3, 2, 0, 0, 0], want: 'abab' },
  { name: 'a length that is written longer than it needs', block: [0x83, 0x80, 0, 2 << 2, 97, 98, 99], want: 'abc' },
]

for (const { name, block, want } of readable) {
  test(`reads ${name}`, () => {
    assert.equal(Buffer.from(snappyUncompress(Uint8Array.from(block), 100)).toString(), want)
  })
}

const refused: { name: string; block: number[]; message: RegExp }[] = [
  { name: 'an empty block', block: [], message: /ends inside its length/ },
  { name: 'a length without end', block: [0x80, 0x80], message: /ends inside its length/ },
  { name: 'a length beyond 32 bits', block: [0xff, 0xff, 0xff, 0xff, 0x7f], message: /larger than 32 bits/ },
  { name: 'a length beyond the limit', block: [101, 0, 0], message: /holds 101 bytes: the limit is 100/ },
  { name: 'a length that its bytes cannot make', block: [90, 0, 97], message: /cannot hold 90/ },
  { name: 'a literal cut short', block: [3, 2 << 2, 97], message: /literal that is too long/ },
  { name: 'a literal longer than the block says', block: [1, 1 << 2, 97, 98], message: /literal that is too long/ },
  { name: 'a literal length cut short', block: [3, 61 << 2, 2], message: /ends inside a literal length/ },
  { name: 'a copy of nothing', block: [5, 0, 97, 1, 0], message: /before its start/ },
  { name: 'a copy from before the start', block: [5, 0, 97, 1, 2], message: /before its start/ },
  {
    name: 'a far copy from before the start',
    block: [5, 0, 97, 3, 0xff, 0xff, 0xff, 0xff],
    message: /before its start/,
  },
  { name: 'a copy cut short', block: [5, 0, 97, 2, 1], message: /ends inside a copy/ },
  { name: 'a copy that is too long', block: [3, 0, 97, 1, 1], message: /copy that is too long/ },
  { name: 'a block that holds less than it says', block: [3, 1 << 2, 97, 98], message: /holds 2 bytes, not the 3/ },
]

for (const { name, block, message } of refused) {
  test(`refuses ${name}`, () => {
    assert.throws(
      () => snappyUncompress(Uint8Array.from(block), 100),
      (error: unknown) => error instanceof SnappyError && message.test(error.message),
    )
  })
}

test('bytes at random are uncompressed or refused, and never grow beyond the limit', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        assert.ok(snappyUncompress(bytes, 5000).length <= 5000)
      } catch (error) {
        assert.ok(error instanceof SnappyError)
      }
    }),
    { numRuns: 3000, interruptAfterTimeLimit: 1500 },
  )
})

test('a header says the length', () => {
  for (const length of [0, 127, 128, 65536, 2 ** 32 - 1]) {
    const header = snappyHeader(length)
    assert.deepEqual(snappyLength(header), { length, headerBytes: header.length })
  }
})
