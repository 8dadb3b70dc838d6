// FNV-1a against its published vectors, and against the definition in BigInts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Fnv1a64, fnv1a, fnv1aStart, fnv1aUnit } from './fnv.ts'

/** From the tables of Noll's reference code (test_fnv.c). */
const cases = [
  { text: '', bits32: 0x811c9dc5, bits64: 0xcbf29ce484222325n },
  { text: 'a', bits32: 0xe40c292c, bits64: 0xaf63dc4c8601ec8cn },
  { text: 'foobar', bits32: 0xbf9cf968, bits64: 0x85944171f73967e8n },
]

function sum64(bytes: Uint8Array): bigint {
  const hash = new Fnv1a64()
  hash.bytes(bytes)
  return (BigInt(hash.high) << 32n) | BigInt(hash.low)
}

for (const { text, bits32, bits64 } of cases) {
  test(`FNV-1a of ${JSON.stringify(text)} is what is published`, () => {
    assert.equal(fnv1a(text) >>> 0, bits32)
    assert.equal(sum64(Buffer.from(text)), bits64)
  })
}

test('64 bits in halves are the same as in one', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      let want = 0xcbf29ce484222325n
      for (const byte of bytes) want = BigInt.asUintN(64, (want ^ BigInt(byte)) * 0x100000001b3n)
      assert.equal(sum64(bytes), want)
      const text = new Fnv1a64()
      text.latin1(Buffer.from(bytes).toString('latin1'))
      assert.equal((BigInt(text.high) << 32n) | BigInt(text.low), want)
    }),
  )
})

test('a hash goes on from another, over parts and single units', () => {
  assert.equal(fnv1a('bar', fnv1a('foo')), fnv1a('foobar'))
  assert.equal(fnv1a('xfoobarx', fnv1aStart, 1, 7), fnv1a('foobar'))
  assert.equal(fnv1aUnit(fnv1a('fooba'), 'r'.charCodeAt(0)), fnv1a('foobar'))
})
