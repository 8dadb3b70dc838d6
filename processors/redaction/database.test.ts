// What remains of database statements when their values are gone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { withoutJsonValues, withoutRedisValues } from './database.ts'
import { withoutSqlValues } from './sql.ts'

const sql: readonly { text: string; want: string; mysql?: string }[] = [
  { text: "select * from t where a = 42 and b = 'bob'", want: 'select * from t where a = ? and b = ?' },
  { text: 'select a from t1 where x in (1, 2) -- note', want: 'select a from t? where x in (?, ?) -- note' },
  { text: "insert into t values (1,'x''y')", want: 'insert into t values (?,??)' },
  { text: "select 'it\\'s', 'b\\\\'", want: 'select ?, ?' },
  { text: 'select /* 7 */ 1.5e-3, -7, $1, $tag$it$tag$', want: 'select /* 7 */ ?, ?, ?, ?' },
  { text: 'select $func$ select 5 $func$', want: 'select $func$select ?$func$' },
  {
    text: 'update t set a = null, b = TRUE, c=NULL, d = nullable',
    want: 'update t set a = ?, b = ?, c=?, d = nullable',
  },
  { text: 'select 0xFF, 017, 1abc', want: 'select ?, ?, ?abc' },
  { text: 'x = -5 and y=-5 and z = a-5', want: 'x = ? and y=-? and z = a?' },
  { text: 'exec p2 @p1 = 5, @@v2', want: 'exec p? @p1 = ?, @@v2' },
  { text: 'select f2(c3) from d4.t5', want: 'select f2(c?) from d?.t?' },
  { text: 'select a->>1, c @> 3, d::int4', want: 'select a->>?, c @> ?, d::int?' },
  { text: 'select b #> 2', want: 'select b #> ?', mysql: 'select b #> 2' },
  { text: 'select "Tab 12"."c3"', want: 'select "Tab ?"."c?"', mysql: 'select ?.?' },
  { text: 'select `c1` # 5', want: 'select `c?` # ?', mysql: 'select `c?` # 5' },
  { text: "select 'unfinished 5", want: 'select ?' },
  { text: 'select "unfinished 5', want: 'select "unfinished ?', mysql: 'select ?' },
  { text: 'select $body$ unfinished', want: 'select ?' },
  { text: 'select $ 5', want: 'select $ ?' },
  { text: '  straße2 = 5  ', want: 'straße? = ?' },
  { text: '', want: '' },
]
for (const { text, want, mysql } of sql) {
  test(`SQL: ${JSON.stringify(text)}`, () => {
    assert.equal(withoutSqlValues(text), want)
    assert.equal(withoutSqlValues(text, true), mysql ?? want)
  })
}

const redis: readonly { text: string; want: string }[] = [
  { text: 'SET k v EX 10', want: 'SET k ? EX 10' },
  { text: 'set k "a b \\" c" NX', want: 'set k ? NX' },
  { text: 'AUTH user word', want: 'AUTH ?' },
  { text: 'LPUSH l a b c', want: 'LPUSH l ?' },
  { text: 'HSET h f 1 g 2', want: 'HSET h f ? g ?' },
  { text: 'MSET a 1 b 2', want: 'MSET a ? b ?' },
  { text: 'GEOADD k 1 2 m 3 4 n', want: 'GEOADD k 1 2 ? 3 4 ?' },
  { text: 'ZADD z NX CH 1 m 2 n', want: 'ZADD z NX CH 1 ? 2 ?' },
  { text: 'CONFIG SET x y', want: 'CONFIG SET x ?' },
  { text: 'CONFIG GET x', want: 'CONFIG GET x' },
  { text: 'BITFIELD k GET u4 0 SET u8 0 255 INCRBY i5 1 1', want: 'BITFIELD k GET u4 0 SET u8 0 ? INCRBY i5 1 1' },
  { text: 'MULTI\n\nSET  a   1\nEXEC', want: 'MULTI\nSET a ?\nEXEC' },
  { text: 'PING', want: 'PING' },
  { text: 'SET k', want: 'SET k' },
]
for (const { text, want } of redis)
  test(`Redis: ${JSON.stringify(text)}`, () => assert.equal(withoutRedisValues(text), want))

const json: readonly { text: string; want: string }[] = [
  { text: '{"find":"u","f":{"n":"x","$gt":5}}', want: '{"find":"?","f":{"n":"?","$gt":"?"}}' },
  { text: ' { "a" : [1, "x", null, true, {"b": -2.5e3}] } ', want: '{"a":["?","?","?","?",{"b":"?"}]} ' },
  { text: '{"k\\":1": "v: \\" ,"}', want: '{"k\\":1":"?"}' },
  { text: '"word"', want: '"?"' },
  { text: '{"a":1} more', want: '{"a":1} more' },
  { text: '', want: '' },
]
for (const { text, want } of json)
  test(`JSON: ${JSON.stringify(text)}`, () => assert.equal(withoutJsonValues(text), want))

test('JSON of any depth keeps its keys and loses its values', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const shape = (value: unknown): unknown => {
        if (Array.isArray(value)) return value.map(shape)
        if (value === null || typeof value !== 'object') return '?'
        return Object.entries(value).map(([key, inner]) => [key, shape(inner)])
      }
      assert.deepEqual(shape(JSON.parse(withoutJsonValues(text))), shape(JSON.parse(text)))
    }),
  )
  const deep = '['.repeat(20_000) + ']'.repeat(20_000)
  assert.equal(withoutJsonValues(deep), deep)
})

test('long hostile statements are read in one pass', () => {
  const length = 200_000
  const texts = [
    `${'1'.repeat(length)}a`,
    '-1 '.repeat(length),
    '$a$ '.repeat(length),
    ' $a'.repeat(length),
    `${"'".repeat(length)}\\`,
    '"a".'.repeat(length),
    '/*'.repeat(length),
    '\\'.repeat(length),
    '=@'.repeat(length),
    'null'.repeat(length),
  ]
  for (const text of texts) {
    for (const isMySql of [false, true]) assert.ok(withoutSqlValues(text, isMySql).length <= 2 * text.length)
    assert.ok(withoutRedisValues(text).length <= text.length)
    assert.equal(typeof withoutJsonValues(`{${text}`), 'string')
  }
})

test('no statement makes the scanner fail', () => {
  const pieces = fc.constantFrom(
    "'",
    '"',
    '`',
    '$',
    '$a$',
    '--',
    '/*',
    '*/',
    '\n',
    '@',
    '5',
    '-',
    'null',
    '(',
    'é',
    '\\',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.string({ unit: 'binary' })), { maxLength: 20 }), (parts) => {
      const text = parts.join('')
      for (const isMySql of [false, true]) assert.equal(typeof withoutSqlValues(text, isMySql), 'string')
      assert.equal(typeof withoutRedisValues(text), 'string')
    }),
  )
})
