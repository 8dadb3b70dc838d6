import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type FrameOptions, SyslogFrames } from './frames.ts'

/** What came out: messages, and faults behind a `!`. */
function framed(options: Partial<FrameOptions>, chunks: readonly (Buffer | 'flush')[]): string[] {
  const out: string[] = []
  const frames = new SyslogFrames(
    { octetsMax: 100, lineBytesMax: 200, ...options },
    {
      frame: (bytes, start, end) => void out.push(bytes.toString('utf8', start, end)),
      fault: (why) => void out.push(`!${why}`),
    },
  )
  for (const chunk of chunks) {
    if (chunk === 'flush') frames.flush()
    else if (!frames.push(chunk)) {
      out.push('lost')
      return out
    }
  }
  frames.finish()
  return out
}

const long = 'x'.repeat(201)
const cases: { name: string; input: string; options?: Partial<FrameOptions>; want: string[] }[] = [
  { name: 'nothing', input: '', want: [] },
  { name: 'lines', input: '<1>a\n<2>b\n', want: ['<1>a', '<2>b'] },
  { name: 'a last line that does not end', input: '<1>a\n<2>b', want: ['<1>a', '<2>b'] },
  { name: 'a line that goes on', input: '<1>a\nb\n<2>c\nd', want: ['<1>a\nb', '<2>c\nd'] },
  { name: 'empty lines', input: '<1>a\n\n\n<2>b\n\n', want: ['<1>a\n\n', '<2>b\n'] },
  { name: 'a return before the newline, which stays', input: '<1>a\r\n<2>b\r\n', want: ['<1>a\r', '<2>b\r'] },
  {
    name: 'lines before the first priority',
    input: 'junk\n\n<1>a\n',
    want: ['!a line does not begin with a priority', '<1>a'],
  },
  { name: 'another trailer', input: '<1>a\nb\0<2>c\0', options: { trailer: 0 }, want: ['<1>a\nb', '<2>c'] },
  {
    name: 'a line that is too long',
    input: `<1>a\n<2>${long}\n<3>b\n`,
    want: ['<1>a', '!a message is longer than the 200 bytes allowed', '<3>b'],
  },
  {
    name: 'going on for too long',
    input: `<1>a\n${long}\n<3>b\n`,
    want: ['<1>a', '!a message is longer than the 200 bytes allowed', '<3>b'],
  },
  { name: 'lengths', input: '5 <1>ab6 <2>a\nb', want: ['<1>ab', '<2>a\nb'] },
  { name: 'lengths with newlines between', input: '5 <1>ab\n4 <2>c\n', want: ['<1>ab', '<2>c'] },
  {
    name: 'a length that is too large, which is skipped',
    input: `204 <1>${long}4 <2>c`,
    want: ['!a message of 204 bytes is longer than the 100 allowed', '<2>c'],
  },
  { name: 'a message that breaks off', input: '4 <1>a9 <2>b', want: ['<1>a', '!the stream ends inside a message'] },
  {
    name: 'a length that holds no message',
    input: '5 hello4 <1>a',
    want: ['!a message does not begin with a priority', '<1>a'],
  },
  { name: 'a length of nothing', input: '0 <1>a', want: ['!a message does not begin with its length', 'lost'] },
  {
    name: 'no length where one was',
    input: '4 <1>a<2>b\n',
    want: ['<1>a', '!a message does not begin with its length', 'lost'],
  },
  {
    name: 'more digits than a length has',
    input: `${'1'.repeat(30)} x`,
    want: ['!a message does not begin with its length', 'lost'],
  },
  {
    name: 'raw lines, with and without lengths',
    input: ' CEF:0|a \n\n<1>b\r\n5 a\nb c2026-01-02 d\n12',
    options: { raw: true },
    want: ['CEF:0|a', '<1>b', 'a\nb c', '2026-01-02 d', '12'],
  },
]
for (const { name, input, options = {}, want } of cases) {
  test(`Framing: ${name}, however it is cut`, () => {
    const bytes = Buffer.from(input)
    assert.deepEqual(framed(options, [bytes]), want)
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 60 }), (sizes) => {
        const chunks: Buffer[] = []
        let at = 0
        for (const size of sizes) {
          chunks.push(bytes.subarray(at, at + size))
          at += size
        }
        assert.deepEqual(framed(options, [...chunks, bytes.subarray(at)]), want)
      }),
      { numRuns: 60 },
    )
  })
}

test('What stands in the buffer behind the last byte is not looked at', () => {
  const chunks = ['111111111', '1', '1 <1>a'].map((text) => Buffer.from(text))
  const shared = Buffer.from('11111111111 <1>a')
  assert.deepEqual(framed({}, chunks), ['!a message does not begin with its length', 'lost'])
  assert.deepEqual(framed({}, [shared.subarray(0, 11), shared.subarray(11)]), [
    '!a message does not begin with its length',
    'lost',
  ])
})

test('A message that might go on is given on after a while, one that is only half there is not', () => {
  assert.deepEqual(framed({}, [Buffer.from('<1>a\n'), 'flush', Buffer.from('<2>b')]), ['<1>a', '<2>b'])
  assert.deepEqual(framed({}, [Buffer.from('<1>a\nb'), 'flush', Buffer.from('c\n')]), ['<1>a\nbc'])
  assert.deepEqual(framed({}, [Buffer.from('<1>a'), 'flush', Buffer.from('b\n')]), ['<1>ab'])
})

test('What is framed comes out as it went in, and no bytes make it throw', () => {
  const message = fc
    .string({ unit: fc.constantFrom('a', ' ', '<', '\n', '1') })
    .map((text) => `<1>${text}`.slice(0, 100))
  fc.assert(
    fc.property(fc.array(message), (messages) => {
      const octets = messages.map((text) => `${Buffer.byteLength(text)} ${text}`).join('')
      assert.deepEqual(framed({}, [Buffer.from(octets)]), messages)
      const lines = messages.map((text) => text.replaceAll('\n', ''))
      assert.deepEqual(framed({}, [Buffer.from(lines.join('\n'))]), lines)
    }),
  )
  const chunk = fc.array(fc.constantFrom(...'<1> \n9\0x'), { maxLength: 20 }).map((text) => Buffer.from(text.join('')))
  fc.assert(
    fc.property(fc.array(chunk), fc.boolean(), (chunks, raw) => {
      framed({ raw, octetsMax: 5, lineBytesMax: 10 }, chunks)
    }),
  )
})

test('A long message that comes byte by byte takes about as long as one that comes at once', () => {
  const bytes = Buffer.from(`<1>${'x'.repeat(600_000)}\n<2>b\n`)
  const chunks = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))
  assert.deepEqual(framed({ lineBytesMax: 1_000_000 }, chunks), framed({ lineBytesMax: 1_000_000 }, [bytes]))
})
