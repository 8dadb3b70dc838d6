import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, encode, ExtData } from '@msgpack/msgpack'
import fc from 'fast-check'
import {
  MsgpackError,
  MsgpackExtension,
  MsgpackFrames,
  MsgpackMap,
  MsgpackReader,
  msgpackTextMap,
  type MsgpackValue,
} from './msgpack.ts'

/** A value as the other implementation has it: integers that fit as numbers, maps as objects. */
function plain(value: MsgpackValue): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (value instanceof MsgpackExtension) return new ExtData(value.type, Uint8Array.from(value.bytes))
  if (value instanceof Uint8Array) return Uint8Array.from(value)
  if (Array.isArray(value)) return value.map(plain)
  if (!(value instanceof MsgpackMap)) return value
  return Object.fromEntries(value.entries.map(([key, inner]) => [String(key), plain(inner)]))
}

const key = fc.string({ unit: 'grapheme' }).filter((text) => text !== '__proto__')
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
    fc.double({ noNaN: true }).filter((x) => !Object.is(x, -0)),
    fc.string({ unit: 'grapheme', maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.tuple(fc.integer({ min: 0, max: 127 }), fc.uint8Array({ maxLength: 20 })).map(([type, data]) => new ExtData(type, data)), // prettier-ignore
    fc.array(tie('tree'), { maxLength: 20 }),
    fc.dictionary(key, tie('tree'), { noNullPrototype: true }),
  ),
}))

test('What another implementation writes is read, however it is cut', () => {
  fc.assert(
    fc.property(fc.array(tree, { maxLength: 4 }), fc.array(fc.integer({ min: 1, max: 50 })), (values, sizes) => {
      const bytes = Buffer.concat(values.map((value) => Buffer.from(encode(value))))
      const frames = new MsgpackFrames(1_000_000)
      const found: Buffer[] = []
      let at = 0
      for (const size of [...sizes, bytes.length]) {
        found.push(...frames.push(bytes.subarray(at, at + size)))
        at += size
      }
      assert.deepEqual(
        found.map((one) => plain(new MsgpackReader(one).value())),
        values,
      )
    }),
  )
})

const cases: [hex: string, want: MsgpackValue][] = [
  ['cb3ff0000000000000', 1],
  ['01', 1n],
  ['ff', -1n],
  ['cfffffffffffffffff', 18446744073709551615n],
  ['d38000000000000000', -9223372036854775808n],
  ['ca3fc00000', 1.5],
  ['d1ff00', -256n],
]
test('Integers and floats are kept apart', () => {
  for (const [hex, want] of cases) assert.equal(new MsgpackReader(Buffer.from(hex, 'hex')).value(), want, hex)
})

test('What is no value, or is too large or too deep, is told', () => {
  const fault = (hex: string): unknown => {
    const frames = new MsgpackFrames(100)
    assert.equal(frames.push(Buffer.from(`01${hex}`, 'hex')).length, 1, 'what stands before it is whole')
    assert.equal(frames.push(Buffer.from([1])).length, 0)
    return frames.fault
  }
  for (const hex of ['c1', 'dbffffffff', 'ddffffffff', 'dfffffffff', '92c1'])
    assert.ok(fault(hex) instanceof MsgpackError, hex)
  const read = (hex: string): unknown => new MsgpackReader(Buffer.from(hex, 'hex')).value()
  for (const hex of ['', 'c1', '92', 'a3', 'cc', 'ddffffffff', '91'.repeat(65)])
    assert.throws(() => read(hex), MsgpackError, hex)
})

test('No bytes make a reader throw another error than its own', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      try {
        for (const whole of new MsgpackFrames(1000).push(Buffer.from(bytes))) new MsgpackReader(whole).value()
        new MsgpackReader(Buffer.from(bytes)).value()
      } catch (error) {
        assert.ok(error instanceof MsgpackError, String(error))
      }
    }),
  )
})

test('A map of texts is one for the other implementation', () => {
  for (const text of ['', 'short', 'x'.repeat(31), 'é'.repeat(40)]) assert.deepEqual(decode(msgpackTextMap({ ack: text })), { ack: text }) // prettier-ignore
})
