import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import snappyjs from 'snappyjs'
import { labelsFrom, LogStream } from '#pdata'
import { decodePush, decodePushJson, encodePush, labelText, parseLabelText, PushError } from './door.ts'

const PushRequest = (await protobuf.load(join(import.meta.dirname, 'testdata/push.proto'))).lookupType(
  'logproto.PushRequest',
)

const stream = new LogStream(
  labelsFrom([
    ['app', 'shop "a"\\\n'],
    ['__path__', '/x'],
    ['ünï', 'ж'],
  ]),
  BigInt64Array.of(1_700_000_000_123_456_789n, 0n, -1n),
  ['one', '', 'drei ✓'],
  [labelsFrom([['trace', '1']]), null, null],
)

test('a request is what protobufjs with Loki’s definition reads', () => {
  const message = PushRequest.toObject(PushRequest.decode(new Uint8Array(snappyjs.uncompress(encodePush([stream])))), {
    longs: String,
  })
  assert.deepEqual(message, {
    streams: [
      {
        labels: '{app="shop \\"a\\"\\\\\\n", ünï="ж"}',
        entries: [
          {
            timestamp: { seconds: '1700000000', nanos: 123456789 },
            line: 'one',
            structuredMetadata: [{ name: 'trace', value: '1' }],
          },
          { timestamp: {} },
          { timestamp: { seconds: '-1', nanos: 999999999 }, line: 'drei ✓' },
        ],
      },
    ],
  })
})

test('what protobufjs writes is read', () => {
  const bytes = PushRequest.encode(
    PushRequest.create({
      streams: [
        {
          labels: '{b="2", a="1",}',
          hash: 7,
          entries: [
            { timestamp: { seconds: 5, nanos: 6 }, line: 'l', structuredMetadata: [{ name: 'n', value: 'v' }] },
            { line: 'no time', parsed: [{ name: 'p', value: 'q' }] },
          ],
        },
        { labels: '{c="3"}' },
      ],
    }),
  ).finish()
  const decoded = decodePush(new Uint8Array(snappyjs.compress(bytes)))
  assert.deepEqual(decoded, [
    new LogStream(['a', '1', 'b', '2'], BigInt64Array.of(5_000_000_006n, 0n), ['l', 'no time'], [['n', 'v'], null]),
  ])
})

const texts = fc.string({ unit: 'grapheme', maxLength: 40 })
const streams = fc.array(
  fc
    .tuple(
      fc.dictionary(fc.stringMatching(/^[a-z][a-z_]{0,8}$/), texts.filter(Boolean), { maxKeys: 4 }),
      fc.array(fc.tuple(fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }), texts), { minLength: 1, maxLength: 5 }),
    )
    .map(
      ([labels, entries]) =>
        new LogStream(
          labelsFrom(Object.entries(labels)),
          BigInt64Array.from(entries.map(([at]) => at)),
          entries.map(([, line]) => line),
          null,
        ),
    ),
  { maxLength: 4 },
)

test('what is written is read back', () => {
  fc.assert(
    fc.property(streams, (given) => {
      assert.deepEqual(decodePush(encodePush(given)), given)
    }),
    { numRuns: 200 },
  )
})

test('damaged requests are refused, never a crash', () => {
  const good = new Uint8Array(snappyjs.uncompress(encodePush([stream])))
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, value, length) => {
      const bytes = good.slice(0, length)
      if (at < length) bytes[at] = value
      try {
        decodePush(new Uint8Array(snappyjs.compress(bytes)))
      } catch (error) {
        assert.ok(error instanceof PushError, String(error))
      }
    }),
    { numRuns: 500 },
  )
  assert.throws(() => decodePush(Uint8Array.of(255, 255, 255)), PushError)
  assert.throws(() => decodePush(encodePush([stream]), { bytesMax: 10, entriesMax: 10 }), PushError)
  assert.throws(() => decodePush(encodePush([stream]), { bytesMax: 1000, entriesMax: 2 }), PushError)
})

const labelCases = [
  { name: 'none', text: ' { } ', want: [] },
  { name: 'sorted, of duplicates the last', text: '{b="1", a="2", b="3"}', want: ['a', '2', 'b', '3'] },
  { name: 'escapes of Go', text: '{a="\\x41\\u00e9\\U0001F600\\101\\t\\xc3\\xa9"}', want: ['a', 'Aé😀A\té'] },
  { name: 'a raw string', text: '{a=`x\\"y`}', want: ['a', 'x\\"y'] },
  { name: 'in single quotes', text: `{a='"\\'x'}`, want: ['a', `"'x`] },
  {
    name: 'names in quotes',
    text: '{"a.b"="1", \'\u00e4\'="2", `c` = "3"}',
    want: ['a.b', '1', 'c', '3', '\u00e4', '2'],
  },
  { name: "a metric's name", text: 'a:b {c="1"}', want: ['__name__', 'a:b', 'c', '1'] },
  { name: "a metric's name alone", text: 'a:b', want: ['__name__', 'a:b'] },
  { name: "a metric's name in quotes", text: '{"a b", c="1"}', want: ['__name__', 'a b', 'c', '1'] },
  { name: 'a comment', text: '{a="1" # one\n, b="2",}', want: ['a', '1', 'b', '2'] },
  { name: 'empty values are left out', text: '{a=""}', want: [] },
]
for (const { name, text, want } of labelCases) {
  test(`labels: ${name}`, () => assert.deepEqual(parseLabelText(text), want))
}

const unreadable = [
  '',
  '{',
  '{a}',
  '{a=1}',
  '{a="1" b="2"}',
  '{a="1"}x',
  '{a="\\q"}',
  '{a="\\ud800"}',
  '{="1"}',
  '{\u00e4="1"}',
]
unreadable.push(
  '{a.b="1"}',
  '{a:b="1"}',
  '{1a="1"}',
  '{a="1",,}',
  '{,}',
  '{a!="1"}',
  'a{"b"}',
  '{"a", "b"}',
  '{a="1\n"}',
  '{a="\\\'"}',
)
unreadable.push('{a="\\777"}', '{\u00a0a="1"}', '{a="1"')
for (const text of unreadable) {
  test(`labels that cannot be read: ${text}`, () => assert.throws(() => parseLabelText(text), /Cannot read labels/))
}

// Halves of surrogate pairs included. (fast-check's own strings of any code points take seconds to set up.)
const codePoint = fc.oneof(fc.nat(0x7f), fc.nat(0x10ffff), fc.integer({ min: 0xd800, max: 0xdfff }))

test('a label set of any values survives its text', () => {
  fc.assert(
    fc.property(fc.array(codePoint, { minLength: 1 }), (codePoints) => {
      const value = String.fromCodePoint(...codePoints)
      const wanted = value.toWellFormed()
      assert.deepEqual(parseLabelText(labelText(['a', value])), ['a', wanted])
    }),
    { numRuns: 300 },
  )
})

test('JSON requests', () => {
  assert.deepEqual(
    decodePushJson('{"streams":[{"stream":{"b":"2","a":"1"},"values":[["7","x"],["8","y",{"k":"v"}]]},{"stream":{}}]}'),
    [new LogStream(['a', '1', 'b', '2'], BigInt64Array.of(7n, 8n), ['x', 'y'], [null, ['k', 'v']])],
  )
  assert.deepEqual(decodePushJson('{}'), [])
  for (const text of [
    '',
    '{"streams":1}',
    '{"streams":[1]}',
    '{"streams":[{"values":[["x","l"]]}]}',
    '{"streams":[{"values":[["1",2]]}]}',
    '{"streams":[{"stream":null,"values":[]}]}',
    '{"streams":[{"values":[["1","l",null]]}]}',
    '{"streams":[{"values":[["1","l",{"m":1}]]}]}',
    '{"streams":[{"stream":{"\u00e4":"x"},"values":[]}]}',
    '[]',
    '{"streams":[{"values":[7]}]}',
  ]) {
    assert.throws(() => decodePushJson(text), PushError, text)
  }
})

test('a stream whose labels cannot be read is left out, the others are taken', () => {
  const good = new LogStream(['a', 'b'], BigInt64Array.of(1n), ['x'], null)
  const bad = new LogStream(['\u00e4', 'b'], BigInt64Array.of(1n, 2n), ['y', 'z'], null)
  const json = JSON.stringify({
    streams: [
      { stream: { '\u00e4': 'b' }, values: [['1', 'y'], ['2', 'z']] }, // prettier-ignore
      { stream: { a: 'b' }, values: [['1', 'x']] },
      { stream: { '"q.r"': 1, s: [true] }, values: [['3']] },
    ],
  })
  const quoted = new LogStream(['q.r', '1', 's', '[true]'], BigInt64Array.of(3n), [''], null)
  const refused: [string, number][] = []
  const refuse = ({ message }: PushError, lines: number) => void refused.push([message, lines])
  assert.deepEqual(decodePush(encodePush([bad, good]), undefined, refuse), [good])
  assert.deepEqual(decodePushJson(json, undefined, refuse), [good, quoted])
  const why =
    'Cannot read the push request: Cannot read labels: the name of a label expected (at 1): current value is "{\u00e4=\\"b\\"}"'
  assert.deepEqual(refused, [
    [why, 2],
    [why, 2],
  ])
})
