import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseRaw } from './raw.ts'
import { type SyslogMessage, rfc5424Text, SyslogMessage as Message } from './message.ts'
import { type CiscoComponents, Rfc3164Parser, type Rfc3164Options, yearNear, yearNotAhead } from './rfc3164.ts'
import { Rfc5424Parser } from './rfc5424.ts'

/** What is set, without what is not. Written as `want` in the tables. */
function shown(m: SyslogMessage): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  const empty = new Message()
  for (const [key, value] of Object.entries(m)) {
    if (value === empty[key as keyof Message]) continue
    if (value instanceof Map) {
      const data = value as Map<string, Map<string, string>>
      out[key] = Object.fromEntries([...data].map(([id, pairs]) => [id, Object.fromEntries(pairs)]))
    } else out[key] = typeof value === 'bigint' ? time(value) : value
  }
  return out
}

function time(ns: bigint): string {
  return `${new Date(Number(ns / 1_000_000n)).toISOString()} +${ns % 1_000_000n}ns`
}

const cases5424: { name: string; input: string | Buffer; want: Record<string, unknown> }[] = [
  {
    name: 'every field',
    input: '<165>1 2026-01-02T03:04:05.123456+05:30 web-1 app 42 ID47 [ex@32473 iut="3" src="A"][b] text  here ',
    want: {
      priority: 165,
      version: 1,
      timestampNs: '2026-01-01T21:34:05.123Z +456000ns',
      offsetMinutes: 330,
      hostname: 'web-1',
      appName: 'app',
      procId: '42',
      msgId: 'ID47',
      structuredData: { 'ex@32473': { iut: '3', src: 'A' }, b: {} },
      message: 'text  here ',
    },
  },
  { name: 'nil values', input: '<0>1 - - - - - -', want: { priority: 0, version: 1 } },
  { name: 'an empty text', input: '<0>1 - - - - - - ', want: { priority: 0, version: 1 } },
  {
    name: 'a byte order mark, which stays',
    input: '<34>12 - - - - - - \ufeffé\n',
    want: { priority: 34, version: 12, message: '\ufeffé\n' },
  },
  {
    name: 'bytes that are no UTF-8 in the text',
    input: Buffer.from('<34>1 - - - - - - a\xe9', 'latin1'),
    want: { priority: 34, version: 1, message: 'a\ufffd' },
  },
  {
    name: 'escapes in structured data',
    input: '<34>1 - - - - - [a b="\\"\\\\\\]é" c=""] x',
    want: { priority: 34, version: 1, structuredData: { a: { b: '"\\]é', c: '' } }, message: 'x' },
  },
  {
    name: 'a parameter that comes twice: the later one',
    input: '<34>1 - - - - - [a b="1" b="2"]',
    want: { priority: 34, version: 1, structuredData: { a: { b: '2' } } },
  },
  {
    name: 'a leap day',
    input: '<34>1 2024-02-29T00:00:00Z - - - - -',
    want: { priority: 34, version: 1, timestampNs: '2024-02-29T00:00:00.000Z +0ns' },
  },
]
for (const { name, input, want } of cases5424) {
  test(`RFC 5424: ${name}`, () => {
    assert.deepEqual(shown(new Rfc5424Parser().parse(Buffer.from(input))), want)
  })
}

const faults5424: [input: string | Buffer, fault: string][] = [
  ['', 'a priority from <0> to <191> at column 0'],
  ['x', 'a priority from <0> to <191> at column 0'],
  ['<192>1 - - - - - -', 'a priority from <0> to <191> at column 0'],
  ['<01>1 - - - - - -', 'a priority from <0> to <191> at column 0'],
  ['<1', 'a priority from <0> to <191> at column 0'],
  ['<34>0 - - - - - -', 'a version from 1 to 999 at column 4'],
  ['<34>1000 - - - - - -', 'a space at column 7'],
  ['<34>1', 'a space at column 5'],
  ['<34>1 2023-02-29T00:00:00Z - - - - -', 'a timestamp as RFC 3339 has it at column 6'],
  ['<34>1 2023-02-20T24:00:00Z - - - - -', 'a timestamp as RFC 3339 has it at column 6'],
  ['<34>1 2023-02-20T00:00:00 - - - - -', 'a timestamp as RFC 3339 has it at column 6'],
  ['<34>1 2023-02-20T00:00:00.1234567Z - - - - -', 'a timestamp as RFC 3339 has it at column 6'],
  [`<34>1 - ${'h'.repeat(256)} - - - -`, 'a host name of 1 to 255 printable characters at column 8'],
  [`<34>1 - - ${'a'.repeat(49)} - - -`, 'an app name of 1 to 48 printable characters at column 10'],
  ['<34>1 - -  - - -', 'an app name of 1 to 48 printable characters at column 10'],
  ['<34>1 - - - - -', 'a space at column 15'],
  ['<34>1 - - - - - x', 'structured data at column 16'],
  ['<34>1 - - - - - []', 'a name of 1 to 32 characters in structured data at column 17'],
  ['<34>1 - - - - - [a', 'a closing bracket at column 18'],
  ['<34>1 - - - - - [a b]', '=" in structured data at column 20'],
  ['<34>1 - - - - - [a b="c]', 'a closing quote in structured data at column 23'],
  ['<34>1 - - - - - [a b="\\n"]', 'only \\", \\\\ and \\] to be escaped in structured data at column 22'],
  ['<34>1 - - - - - [a][a]', 'structured data without a second element "a" at column 21'],
  [Buffer.from('<34>1 - - - - - [a b="\xff"]', 'latin1'), 'UTF-8 in structured data at column 23'],
  ['<34>1 - - - - - -x', 'a space at column 17'],
]
test('RFC 5424: what is none is told with its column', () => {
  for (const [input, fault] of faults5424) {
    assert.equal(new Rfc5424Parser().parse(Buffer.from(input)).fault, `expected ${fault}`, String(input))
  }
})

const cisco: CiscoComponents = { messageCounter: true, sequenceNumber: true, hostname: true, secondFractions: true }
const jan2 = '2026-01-02T03:04:05.000Z +0ns'
const cases3164: { name: string; input: string; want: Record<string, unknown>; options?: Rfc3164Options }[] = [
  {
    name: 'host, tag and process id',
    input: '<13>Jan  2 03:04:05 host app[12]: hello world',
    want: { priority: 13, timestampNs: jan2, hostname: 'host', appName: 'app', procId: '12', message: 'hello world' },
  },
  {
    name: 'no host',
    input: '<13>Jan  2 03:04:05 app: hello',
    want: { priority: 13, timestampNs: jan2, appName: 'app', message: 'hello' },
  },
  {
    name: 'text alone',
    input: '<13>Jan  2 03:04:05 hello',
    want: { priority: 13, timestampNs: jan2, message: 'hello' },
  },
  {
    name: 'spaces where there ought to be one, and a newline at the end',
    input: '<13>  Jan  2 03:04:05   host   app: hello\n',
    want: { priority: 13, timestampNs: jan2, hostname: 'host', appName: 'app', message: 'hello' },
  },
  {
    name: 'a tag without a colon, whose text stays whole',
    input: '<13>Jan  2 03:04:05 host app[12] hello',
    want: { priority: 13, timestampNs: jan2, hostname: 'host', appName: 'app', procId: '12', message: 'app[12] hello' },
  },
  {
    name: 'no text',
    input: '<13>Jan  2 03:04:05 ',
    want: { priority: 13, timestampNs: jan2 },
  },
  {
    name: 'a day with a zero, where that is taken',
    input: '<13>Jan 02 03:04:05 host x',
    options: { lenientDay: true },
    want: { priority: 13, timestampNs: jan2, hostname: 'host', message: 'x' },
  },
  {
    name: 'clocks ahead of UTC',
    input: '<13>Jan  2 03:04:05 host x',
    options: { offsetMs: () => 7_200_000 },
    want: {
      priority: 13,
      timestampNs: '2026-01-02T01:04:05.000Z +0ns',
      offsetMinutes: 120,
      hostname: 'host',
      message: 'x',
    },
  },
  {
    name: 'no priority, where that is taken',
    input: 'Jan  2 03:04:05 host x',
    options: { priorityOptional: true },
    want: { timestampNs: jan2, hostname: 'host', message: 'x' },
  },
  {
    name: "Cisco's counter, number and host",
    input: '<189>237: 000104: router1: *Jan  2 03:04:05.295: %SYS-5-CONFIG_I: Configured',
    options: { cisco },
    want: {
      priority: 189,
      messageCounter: 237,
      sequence: 104,
      hostname: 'router1',
      timestampNs: '2026-01-02T03:04:05.295Z +0ns',
      appName: '%SYS-5-CONFIG_I',
      message: 'Configured',
    },
  },
  {
    name: 'nothing of these where they are looked for',
    input: '<189>Jan  2 03:04:05 host x',
    options: { cisco },
    want: { priority: 189, timestampNs: jan2, hostname: 'host', message: 'x' },
  },
]
const nowMs = Date.UTC(2026, 5, 1)
for (const { name, input, want, options } of cases3164) {
  test(`RFC 3164: ${name}`, () => {
    const bytes = Buffer.from(input)
    assert.deepEqual(
      shown(new Rfc3164Parser({ year: yearNear, ...options }).parse(bytes, 0, bytes.length, nowMs)),
      want,
    )
  })
}

const faults3164 = [
  'Jan  2 03:04:05 host x',
  '<13>2026-01-02T03:04:05Z host x',
  '<13>Jan 02 03:04:05 host x',
  '<13>Feb 30 03:04:05 host x',
  '<13>Jan  0 03:04:05 host x',
  '<13>anF  2 03:04:05 host x',
  '<13>Jan  2 03:04:60 host x',
  '<13>Jan  2 03:04:05host x',
  '<189>237: Jan  2 03:04:05 host x',
  '<13>Ja',
]
test('RFC 3164: what is none is a fault', () => {
  for (const input of faults3164) {
    const bytes = Buffer.from(input)
    assert.notEqual(new Rfc3164Parser().parse(bytes, 0, bytes.length, nowMs).fault, '', input)
  }
})

const years: [rule: typeof yearNear, month: number, day: number, now: string, want: number][] = [
  [yearNear, 6, 1, '2026-06-01', 2026],
  [yearNear, 12, 31, '2026-01-01', 2025],
  [yearNear, 1, 1, '2026-12-31', 2027],
  [yearNear, 2, 1, '2026-12-31', 2026],
  [yearNotAhead, 6, 1, '2026-06-01', 2026],
  [yearNotAhead, 6, 7, '2026-06-01', 2026],
  [yearNotAhead, 6, 9, '2026-06-01', 2025],
  [yearNotAhead, 12, 31, '2026-01-01', 2025],
]
test('The year is guessed from the time of receipt', () => {
  for (const [rule, month, day, now, want] of years) assert.equal(rule(month, day, 0, Date.parse(now)), want, now)
})

const raw: [input: string, priority: number, message: string | null][] = [
  ['<34> hello ', 34, 'hello'],
  ['<255>x', 255, 'x'],
  ['<256>x', -1, '<256>x'],
  ['<a>x', -1, '<a>x'],
  ['<>x', -1, '<>x'],
  ['CEF:0|a|b', -1, 'CEF:0|a|b'],
  ['<34>', 34, null],
]
test('A line without a format is its text, and its priority where there is one', () => {
  for (const [input, priority, message] of raw) {
    const m = parseRaw(Buffer.from(input), 0, input.length)
    assert.deepEqual([m.priority, m.message], [priority, message], input)
  }
})

test('RFC 5424: what is written is read again', () => {
  const word = (max: number): fc.Arbitrary<string | null> =>
    fc.option(fc.stringMatching(/^[!-~]{1,20}$/).filter((text) => text !== '-' && text.length <= max))
  const name = fc.stringMatching(/^[!#-<>-\\^-~]{1,20}$/)
  const data = fc.option(
    fc.array(fc.tuple(name, fc.array(fc.tuple(name, fc.string({ unit: 'grapheme' })))), { minLength: 1 }),
  )
  const parser = new Rfc5424Parser()
  fc.assert(
    fc.property(
      fc.record({
        priority: fc.integer({ min: 0, max: 191 }),
        version: fc.integer({ min: 1, max: 999 }),
        microseconds: fc.option(fc.bigInt({ min: 0n, max: 4_102_444_800_000_000n })),
        offsetMinutes: fc.integer({ min: -1439, max: 1439 }),
        hostname: word(255),
        appName: word(48),
        procId: word(128),
        msgId: word(32),
        message: fc.option(fc.string({ unit: 'grapheme', minLength: 1 })),
        data,
      }),
      ({ microseconds, data: elements, ...fields }) => {
        const m = Object.assign(new Message(), fields)
        if (microseconds === null) m.offsetMinutes = 0
        else m.timestampNs = microseconds * 1000n
        if (elements !== null) m.structuredData = new Map(elements.map(([id, pairs]) => [id, new Map(pairs)]))
        assert.deepEqual(parser.parse(Buffer.from(rfc5424Text(m))), m)
      },
    ),
  )
})

test('No bytes make a parser throw', () => {
  const five = new Rfc5424Parser({ priorityOptional: true })
  const three = new Rfc3164Parser({ year: yearNear, cisco, lenientDay: true })
  const seeds = [
    ...cases5424.map(({ input }) => Buffer.from(input)),
    ...cases3164.map(({ input }) => Buffer.from(input)),
  ]
  const damage = fc.tuple(
    fc.constantFrom(...seeds),
    fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 5 }),
    fc.nat(200),
  )
  fc.assert(
    fc.property(damage, ([seed, changes, cut]) => {
      const bytes = Buffer.from(seed)
      for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte
      const end = Math.min(cut, bytes.length)
      for (const m of [five.parse(bytes, 0, end), three.parse(bytes, 0, end, nowMs), parseRaw(bytes, 0, end)]) {
        assert.ok(m.priority >= -1 && m.priority <= 255)
        assert.ok(m.message === null || m.message.length <= end)
      }
    }),
  )
})
