import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { ByteWriter, varintSize } from './byte_writer.ts'

const integers = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer(),
  fc.constantFrom(0, 1, -1, 127, 128, -128, 2 ** 31, -(2 ** 31), 2 ** 32, -(2 ** 32), 2 ** 53 - 1, -(2 ** 53 - 1)),
)

test('integers are written as protobufjs writes them', () => {
  fc.assert(
    fc.property(integers, (value) => {
      const writer = new ByteWriter(1)
      writer.int64(value)
      assert.equal(writer.length, varintSize(value))
      writer.sint64(value)
      writer.varint(Math.abs(value))
      const theirs = protobuf.Writer.create().int64(value).sint64(value).uint64(Math.abs(value)).finish()
      assert.deepEqual([...writer.view()], [...theirs])
    }),
    { numRuns: 2000 },
  )
})

test('strings are written as protobufjs writes them', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 200 })), (texts) => {
      const writer = new ByteWriter(1)
      const theirs = protobuf.Writer.create()
      for (const text of texts) {
        writer.string(text)
        theirs.string(text)
      }
      assert.deepEqual(Buffer.from(writer.view()), Buffer.from(theirs.finish()))
    }),
  )
})

test('a lone surrogate becomes the replacement character', () => {
  const writer = new ByteWriter()
  writer.string('a\ud800')
  assert.deepEqual([...writer.view()], [4, 0x61, 0xef, 0xbf, 0xbd])
})

test('a part gets its length in front of it, however long it turns out', () => {
  for (const size of [0, 1, 127, 128, 300, 16383, 16384, 70000]) {
    const writer = new ByteWriter(8)
    writer.byte(9)
    const start = writer.beginLength()
    for (let i = 0; i < size; i++) writer.byte(i & 0xff)
    const moved = writer.endLength(start)
    writer.byte(9)
    const reader = protobuf.Reader.create(Buffer.from(writer.view()))
    assert.equal(reader.uint32(), 9)
    const part = reader.bytes()
    assert.equal(part.length, size)
    assert.ok(part.every((byte, i) => byte === (i & 0xff)))
    assert.equal(reader.uint32(), 9)
    assert.equal(moved, varintSize(size) - 1)
  }
})

test('what was taken stays when the writer is used again', () => {
  const writer = new ByteWriter(4)
  writer.words64(0x04030201, 0x08070605)
  const taken = writer.take()
  writer.reset()
  writer.float64(1)
  assert.deepEqual([...taken], [1, 2, 3, 4, 5, 6, 7, 8])
  assert.deepEqual([...writer.view()], [0, 0, 0, 0, 0, 0, 0xf0, 0x3f])
})

test('texts of all lengths around those where the length takes a byte more are written as UTF-8', () => {
  for (const char of ['a', 'é', '漢', '\u{1f600}', '\ud800']) {
    for (const count of [1, 40, 42, 43, 63, 64, 127, 128, 129, 5461, 5462, 16_383, 16_384]) {
      const text = `x${char.repeat(count)}`
      const want = new TextEncoder().encode(text)
      const writer = new ByteWriter(16)
      writer.byte(7)
      writer.string(text)
      writer.byte(9)
      const bytes = writer.take()
      const start = bytes.length - 1 - want.length
      assert.deepEqual([bytes[0], bytes.at(-1)], [7, 9])
      assert.deepEqual(bytes.subarray(start, -1), want)
      const prefix = new ByteWriter()
      prefix.varint(want.length)
      assert.deepEqual(bytes.subarray(1, start), prefix.take())
    }
  }
})
