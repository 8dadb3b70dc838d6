// Attribute actions on decoded attributes, and the checks on their settings.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attr, blocks, defineSettings, Secret, string } from '#component'
import { problemsOf } from '#component/test_host'
import type { ClientContext } from '#pdata'
import type { AnyValue, Attributes } from '#pdata/otlp'
import { KeyValueList } from '#pdata/otlp'
import { actionFields, AttributeActions, checkActions, parseFloat64 } from './door.ts'
import type { ActionSettings } from './door.ts'

const empty = {
  key: '',
  action: '',
  value: undefined,
  pattern: '',
  from_attribute: '',
  from_context: '',
  converted_type: '',
}

function attributesOf(values: Readonly<Record<string, AnyValue>>): Attributes {
  return Object.entries(values).map(([key, value]) => ({ key, value }))
}

const context: ClientContext = {
  metadata: new Map([
    ['x-tenant', ['a', 'b']],
    ['empty', []],
  ]),
  auth: new Map<string, unknown>([
    ['subject', 'me'],
    ['groups', ['g1', 'g2']],
    ['number', 7],
  ]),
  peer: '10.0.0.1:4711',
}

const nested = new KeyValueList([{ key: 'k', value: ['v'] }])

const cases: readonly {
  name: string
  action: Partial<ActionSettings>
  from: Readonly<Record<string, AnyValue>>
  want: Readonly<Record<string, AnyValue>>
}[] = [
  { name: 'insert adds', action: { action: 'insert', key: 'a', value: 1n }, from: { b: 2n }, want: { b: 2n, a: 1n } },
  {
    name: 'insert leaves what is there',
    action: { action: 'insert', key: 'a', value: 1n },
    from: { a: 2n },
    want: { a: 2n },
  },
  {
    name: 'update changes in place',
    action: { action: 'update', key: 'a', value: 'x' },
    from: { a: 2n, b: 3n },
    want: { a: 'x', b: 3n },
  },
  { name: 'update adds nothing', action: { action: 'update', key: 'a', value: 'x' }, from: {}, want: {} },
  {
    name: 'upsert does both',
    action: { action: 'UPSERT', key: 'a', value: 1.5 },
    from: { b: 1n },
    want: { b: 1n, a: 1.5 },
  },
  {
    name: 'from_attribute copies',
    action: { action: 'insert', key: 'a', from_attribute: 'b' },
    from: { b: nested },
    want: { b: nested, a: nested },
  },
  {
    name: 'from_attribute that is missing does nothing',
    action: { action: 'upsert', key: 'a', from_attribute: 'c' },
    from: { a: 1n },
    want: { a: 1n },
  },
  {
    name: 'from_attribute that is missing takes the default',
    action: { action: 'upsert', key: 'a', from_attribute: 'c', default_value: true },
    from: { a: 1n },
    want: { a: true },
  },
  {
    name: 'from_context takes metadata',
    action: { action: 'insert', key: 'a', from_context: 'metadata.X-Tenant' },
    from: {},
    want: { a: 'a;b' },
  },
  {
    name: 'from_context without a prefix is metadata',
    action: { action: 'insert', key: 'a', from_context: 'x-tenant' },
    from: {},
    want: { a: 'a;b' },
  },
  {
    name: 'metadata without a value is none',
    action: { action: 'insert', key: 'a', from_context: 'metadata.empty' },
    from: {},
    want: {},
  },
  {
    name: 'from_context takes what an authenticator knows',
    action: { action: 'insert', key: 'a', from_context: 'auth.subject' },
    from: {},
    want: { a: 'me' },
  },
  {
    name: 'a list that an authenticator knows is joined',
    action: { action: 'insert', key: 'a', from_context: 'auth.groups' },
    from: {},
    want: { a: 'g1;g2' },
  },
  {
    name: 'other values of authenticators are none',
    action: { action: 'insert', key: 'a', from_context: 'auth.number' },
    from: {},
    want: {},
  },
  {
    name: "from_context takes the client's address",
    action: { action: 'insert', key: 'a', from_context: 'client.address' },
    from: {},
    want: { a: '10.0.0.1' },
  },
  { name: 'delete by key', action: { action: 'delete', key: 'a' }, from: { a: 1n, b: 2n }, want: { b: 2n } },
  {
    name: 'delete by pattern',
    action: { action: 'delete', pattern: '^http\\.' },
    from: { 'http.a': 1n, b: 2n, 'http.c': 3n },
    want: { b: 2n },
  },
  {
    name: 'delete by both',
    action: { action: 'delete', key: 'b', pattern: '^http\\.' },
    from: { 'http.a': 1n, b: 2n, c: 3n },
    want: { c: 3n },
  },
  {
    name: 'hash of a string',
    action: { action: 'hash', key: 'a' },
    from: { a: 'a@b.c' },
    want: { a: 'd648b243a3e817eaa3309e00e183483f2867baadf522099f0c2121770536b25a' },
  },
  {
    name: 'hash of true',
    action: { action: 'hash', key: 'a' },
    from: { a: true },
    want: { a: '4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a' },
  },
  {
    name: 'hash of an int is that of its bytes',
    action: { action: 'hash', key: 'a' },
    from: { a: 1n },
    want: { a: '7c9fa136d4413fa6173637e883b6998d32e1d675f88cddff9dcbcf331820f4b8' },
  },
  {
    name: 'hash by pattern',
    action: { action: 'hash', pattern: '^a' },
    from: { a1: '', b: '' },
    want: { a1: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', b: '' },
  },
  { name: 'hash of a list is empty', action: { action: 'hash', key: 'a' }, from: { a: ['x'] }, want: { a: '' } },
  {
    name: 'extract takes named groups',
    action: { action: 'extract', key: 'url', pattern: '^(?P<scheme>[a-z]+)://(?P<host>[^/]+)(?P<path>/.*)?' },
    from: { url: 'http://x', host: 'old' },
    want: { url: 'http://x', host: 'x', scheme: 'http', path: '' },
  },
  {
    name: 'extract does nothing without a match',
    action: { action: 'extract', key: 'a', pattern: '(?P<n>[0-9]+)' },
    from: { a: 'x' },
    want: { a: 'x' },
  },
  {
    name: 'extract does nothing to what is no string',
    action: { action: 'extract', key: 'a', pattern: '(?P<n>[0-9]+)' },
    from: { a: 7n },
    want: { a: 7n },
  },
]

for (const { name, action, from, want } of cases) {
  test(`actions: ${name}`, () => {
    const attributes = attributesOf(from)
    new AttributeActions([{ ...empty, ...action }]).apply(attributes, context)
    const wanted = attributesOf(want)
    const byKey = (a: { key: string }, b: { key: string }): number => (a.key < b.key ? -1 : 1)
    assert.deepEqual(attributes.toSorted(byKey), wanted.toSorted(byKey))
  })
}

test('what is copied from an attribute is a copy', () => {
  const attributes = attributesOf({ a: ['x'] })
  new AttributeActions([{ ...empty, action: 'insert', key: 'b', from_attribute: 'a' }]).apply(attributes, null)
  const [first] = attributes
  assert.ok(Array.isArray(first?.value))
  first.value.push('y')
  assert.deepEqual(attributes[1]?.value, ['x'])
})

const conversions: readonly (readonly [type: string, from: AnyValue, want: AnyValue])[] = [
  ['int', '42', 42n],
  ['int', '+42', 42n],
  ['int', '-9223372036854775808', -(2n ** 63n)],
  ['int', '9223372036854775808', '9223372036854775808'],
  ['int', '4.2', '4.2'],
  ['int', '', ''],
  ['int', 4.9, 4n],
  ['int', -4.9, -4n],
  ['int', Number.NaN, -(2n ** 63n)],
  ['int', true, 1n],
  ['int', 7n, 7n],
  ['int', ['1'], ['1']],
  ['double', '1e3', 1000],
  ['double', '.5', 0.5],
  ['double', '-Inf', Number.NEGATIVE_INFINITY],
  ['double', 'x', 'x'],
  ['double', 7n, 7],
  ['double', false, 0],
  ['string', 7n, '7'],
  ['string', 1.5, '1.5'],
  ['string', true, 'true'],
  ['string', 'x', 'x'],
  ['string', ['a', 1n], '["a",1]'],
  ['string', null, ''],
]

test('convert gives the type asked for where it can', () => {
  for (const [type, from, want] of conversions) {
    const attributes: Attributes = [{ key: 'a', value: from }]
    new AttributeActions([{ ...empty, action: 'convert', key: 'a', converted_type: type }]).apply(attributes, null)
    assert.deepEqual(attributes, [{ key: 'a', value: want }], `${type} of ${String(from)}`)
  }
})

test('floats are read as Go reads them', () => {
  assert.deepEqual(['1', '1.', '.1', '1e400', 'nan', '+NaN', 'Infinity', '1_0', '', ' 1'].map(parseFloat64), [
    1,
    1,
    0.1,
    undefined,
    Number.NaN,
    undefined,
    Number.POSITIVE_INFINITY,
    undefined,
    undefined,
    undefined,
  ])
})

const schema = defineSettings(
  { action: blocks(defineSettings(actionFields), 'x'), other: attr(string, 'x') },
  { check: ({ action }, report) => checkActions(action, 'action', report) },
)

test('settings that cannot work are reported', () => {
  const wrong: readonly (readonly [Readonly<Record<string, never>> | Readonly<Record<string, unknown>>, RegExp])[] = [
    [{ action: 'replace', key: 'a' }, /there is no action "replace"/],
    [{ action: 'insert', value: 1n }, /requires the key argument/],
    [{ action: 'insert', key: 'a' }, /needs "value", "from_attribute" or "from_context"/],
    [{ action: 'insert', key: 'a', value: 1n, from_attribute: 'b' }, /takes one of/],
    [{ action: 'insert', key: 'a', value: 1n, pattern: 'x' }, /does not use "pattern"/],
    [{ action: 'insert', key: 'a', value: new Secret('s') }, /"value" should be a string/],
    [{ action: 'update', key: 'a', value: 1n, converted_type: 'int' }, /does not use "converted_type"/],
    [{ action: 'delete' }, /needs "key", "pattern" or both/],
    [{ action: 'delete', pattern: '(' }, /"pattern" is invalid/],
    [{ action: 'hash', key: 'a', value: 1n }, /does not use "value"/],
    [{ action: 'extract', key: 'a' }, /needs "pattern"/],
    [{ action: 'extract', key: 'a', pattern: 'x' }, /needs a named group/],
    [{ action: 'extract', key: 'a', pattern: '(?P<a>x)(y)' }, /every group of "pattern" needs a name/],
    [{ action: 'convert', key: 'a' }, /needs "converted_type"/],
    [{ action: 'convert', key: 'a', converted_type: 'bool' }, /got "bool"/],
  ]
  for (const [action, message] of wrong) {
    const problems = problemsOf(schema, { action: action as never })
    assert.equal(problems.length, 1, JSON.stringify(problems))
    assert.match(problems[0] as string, message)
  }
  assert.deepEqual(problemsOf(schema, { action: { action: 'INSERT', key: 'a', value: null, from_context: 'x' } }), [])
})
