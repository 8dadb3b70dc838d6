import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret, Target, type Value } from '#component'
import { foreachItemId } from './foreach.ts'

const port = new Map<string, Value>([
  ['name', 'web'],
  ['port', 80n],
])
const target = new Target(new Map([['__address__', 'host:1']]))

// The hashes are those that Alloy gives the same items.
const cases: readonly { name: string; item: Value; idField?: string; hashStrings?: boolean; want: string }[] = [
  { name: 'a string, of which other signs than letters and digits become _', item: 'a-b.c d/é1', want: 'a_b_c_d_é1' },
  { name: 'an empty string', item: '', want: '' },
  { name: 'an integer', item: -5n, want: '-5' },
  { name: 'a bool', item: true, want: 'true' },
  { name: 'a float, with six digits', item: -3.14, want: '-3_140000' },
  { name: 'a large float', item: 1e21, want: '1000000000000000000000_000000' },
  {
    name: 'an object, hashed whatever the order of its fields',
    item: new Map<string, Value>([
      ['b', 1n],
      ['a', 'x'],
      ['c', [1.5, null, true]],
    ]),
    want: '275c0416e8743c3b341925fa340c946850478b72ea4801f22a606e57b235e01d',
  },
  { name: 'a list', item: [1n, 'a'], want: '1d6ec1ccbb9a7e932817dce87bbdfd49abb87b0435457a119140ea81788c8219' },
  { name: 'null', item: null, want: 'a9dc16a7a3875d174c1af4f923f261cafc124357f2322493a59ee0d14fcd10db' },
  { name: 'the field that tells items apart', item: port, idField: 'name', want: 'web' },
  { name: 'the label of a target', item: target, idField: '__address__', want: 'host_1' },
  {
    name: 'a string hashed on demand',
    item: 'a',
    hashStrings: true,
    want: 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb',
  },
]

for (const { name, item, idField = '', hashStrings = false, want } of cases) {
  test(`an instance is named after ${name}`, () => {
    assert.equal(foreachItemId(item, idField, hashStrings), want)
  })
}

test('an item without the field is named after the whole', () => {
  assert.equal(foreachItemId(port, 'nope', false), foreachItemId(port, '', false))
  assert.equal(foreachItemId('text', 'name', false), 'text')
})

test('secrets do not show in names, and tell items apart', () => {
  const [one, other] = [new Secret('one'), new Secret('other')].map((secret) => foreachItemId([secret], '', false))
  assert.notEqual(one, other)
  assert.match(one ?? '', /^[0-9a-f]{64}$/)
})
