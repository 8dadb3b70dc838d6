import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  anyValuesEqual,
  anyValueText,
  attributeValue,
  cloneAnyValue,
  cloneAttributes,
  deleteAttribute,
  setAttribute,
} from './attributes.ts'
import { anyValue } from './testdata/trees.ts'
import type { AnyValue, Attributes } from './tree.ts'
import { KeyValueList } from './tree.ts'

const list = (...entries: [string, AnyValue][]): KeyValueList =>
  new KeyValueList(entries.map(([key, value]) => ({ key, value })))

const texts: { value: AnyValue; want: string }[] = [
  { value: null, want: '' },
  { value: 'a"b', want: 'a"b' },
  { value: true, want: 'true' },
  { value: -(2n ** 63n), want: '-9223372036854775808' },
  { value: 1, want: '1' },
  { value: -0, want: '-0' },
  { value: 1e21, want: '1e+21' },
  { value: 1e-7, want: '1e-7' },
  { value: 123456789.125, want: '123456789.125' },
  { value: NaN, want: 'NaN' },
  { value: -Infinity, want: '-Infinity' },
  { value: Uint8Array.of(1, 2), want: 'AQI=' },
  { value: [], want: '[]' },
  { value: ['x', null, 1n, 1.5, Uint8Array.of(255)], want: '["x",null,1,1.5,"/w=="]' },
  { value: [1, NaN], want: '' },
  { value: list(['b', '<&>\u2028'], ['a', list()], ['b', 'last']), want: '{"a":{},"b":"last"}' },
  { value: list(['k', '<&>\u2028\u0001\n']), want: '{"k":"<&>\\u2028\\u0001\\n"}' },
]

for (const { value, want } of texts) {
  test(`the text ${JSON.stringify(want)} of a value`, () => assert.equal(anyValueText(value), want))
}

test('attributes are found, set, appended and deleted by key', () => {
  const attributes: Attributes = [
    { key: 'a', value: 1n },
    { key: 'b', value: 'x' },
    { key: 'a', value: 2n },
  ]
  assert.equal(attributeValue(attributes, 'a'), 1n)
  assert.equal(attributeValue(attributes, 'z'), undefined)
  setAttribute(attributes, 'b', 'y')
  setAttribute(attributes, 'c', null)
  assert.equal(attributeValue(attributes, 'c'), null)
  assert.equal(deleteAttribute(attributes, 'a'), true)
  assert.equal(deleteAttribute(attributes, 'a'), false)
  assert.deepEqual(attributes, [
    { key: 'b', value: 'y' },
    { key: 'c', value: null },
  ])
})

test('a clone shares nothing that can be changed', () => {
  const attributes: Attributes = [{ key: 'a', value: [list(['k', 'v'])] }]
  const clone = cloneAttributes(attributes)
  assert.deepEqual(clone, attributes)
  const inner = (clone[0]!.value as AnyValue[])[0] as KeyValueList
  inner.entries[0]!.value = 'changed'
  assert.deepEqual(attributes, [{ key: 'a', value: [list(['k', 'v'])] }])
})

test('values are equal by type and content, lists in any order', () => {
  assert.equal(anyValuesEqual(1n, 1), false)
  assert.equal(anyValuesEqual(null, ''), false)
  assert.equal(anyValuesEqual(NaN, NaN), false)
  assert.equal(anyValuesEqual(list(['a', 1n], ['b', 2n]), list(['b', 2n], ['a', 1n])), true)
  assert.equal(anyValuesEqual(list(['a', 1n]), list(['a', 1n], ['b', 2n])), false)
  assert.equal(anyValuesEqual([1n], list(['a', 1n])), false)
  assert.equal(anyValuesEqual(Uint8Array.of(1), Uint8Array.of(2)), false)
  fc.assert(
    fc.property(anyValue, (value) => {
      const hasNaN = JSON.stringify(cloneAnyValue(value), (_key, each: unknown) =>
        typeof each === 'bigint' ? String(each) : Number.isNaN(each) ? 'NaN!' : each,
      )?.includes('NaN!')
      // Of entries with the same key only the first is looked at.
      const repeats = /"key":"([^"]*)".*"key":"\1"/.test(
        JSON.stringify(value, (_key, each: unknown) => (typeof each === 'bigint' ? String(each) : each)) ?? '',
      )
      if (hasNaN !== true && !repeats) assert.ok(anyValuesEqual(value, cloneAnyValue(value)))
    }),
    { interruptAfterTimeLimit: 1000, numRuns: 200 },
  )
})
