// What a JSON schema is as a type.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settingsTypes } from './schema_types.ts'

const shapes = [
  { name: 'nothing said', schema: {}, want: 'unknown' },
  { name: 'values', schema: { enum: ['a', 1, true] }, want: '"a" | 1 | true' },
  { name: 'several types', schema: { type: ['string', 'null'] }, want: 'string | null' },
  { name: 'either', schema: { anyOf: [{ type: 'string' }, { type: 'integer' }] }, want: 'string | number' },
  { name: 'a list', schema: { type: 'array', items: { enum: ['a', 'b'] } }, want: 'readonly ("a" | "b")[]' },
  {
    name: 'a map',
    schema: { type: 'object', additionalProperties: { type: 'string' } },
    want: '{ readonly [name: string]: string }',
  },
  {
    name: 'a map with the ending of a comment in its description',
    schema: { type: 'object', description: 'a */ b', additionalProperties: false },
    want: '{ readonly [name: string]: never }',
  },
]
for (const { name, schema, want } of shapes) {
  test(`the type of ${name}`, () => {
    assert.ok(settingsTypes({ x: schema }).endsWith(`  "x": ${want}\n}\n`), settingsTypes({ x: schema }))
  })
}

test('a type that JSON Schema does not have is refused', () => {
  assert.throws(() => settingsTypes({ x: { type: 'text' } }), /Cannot write a type: current value is text/)
})
