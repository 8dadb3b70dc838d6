// How settings values are made of what users write.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OptionalSecret, Secret, string, target, type Value, ValueError } from './door.ts'

const labels: readonly { name: string; value: Value; want: string }[] = [
  { name: 'a whole number', value: 12n, want: '12' },
  { name: 'a small fraction', value: 0.00001, want: '1e-05' },
  { name: 'a large number', value: 1e21, want: '1e+21' },
  { name: 'a bool', value: true, want: 'true' },
  { name: 'a list', value: [1n, 'x', [1.5]], want: '[1 x [1.5]]' },
  {
    name: 'a map',
    value: new Map<string, Value>([
      ['b', 'x'],
      ['a', new Uint8Array([104])],
    ]),
    want: 'map[a:[104] b:x]',
  },
  { name: 'what is no secret', value: new OptionalSecret('open', false), want: 'open' },
]

for (const { name, value, want } of labels) {
  test(`The label of a target may be ${name}`, () => {
    assert.equal(target.decode(new Map([['l', value]])).labels.get('l'), want)
  })
}

test('A secret becomes no label, nor a part of one', () => {
  const secret = new Secret('sesame')
  for (const value of [secret, [secret], new Map([['k', secret]]), new OptionalSecret('sesame', true)] as Value[]) {
    assert.throws(
      () => target.decode(new Map([['l', value]])),
      (error) => error instanceof ValueError && /secrets may not/.test(error.message) && !/sesame/.test(error.message),
    )
  }
})

test('A float becomes a text without an exponent', () => {
  assert.deepEqual(
    [1e21, 1e-7, 0.5].map((x) => string.decode(x)),
    ['1' + '0'.repeat(21), '0.0000001', '0.5'],
  )
})
