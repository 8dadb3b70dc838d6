import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileGrok, GrokError } from './grok.ts'
import { grokPatterns } from './grok_patterns.ts'
import { RegexpError } from './regexp.ts'

const none: ReadonlyMap<string, string> = new Map()

function read(pattern: string, text: string, namedOnly = true, definitions = none): object {
  return Object.fromEntries(compileGrok(pattern, { namedOnly, definitions }).read(text))
}

test('patterns give named and typed parts', () => {
  const own = new Map([
    ['ORDER', '[A-Z]{2}%{INT:order.number:int}'],
    ['WORD', '\\d+'],
  ])
  const cases = [
    { got: read('%{IP:client.ip} %{WORD:method}', '::1 GET'), want: { 'client.ip': '::1', method: 'GET' } },
    {
      got: read('%{NUMBER:n:double} %{INT:i:long} %{BOOL:b:boolean}', '1.5 -7 true'),
      want: { n: 1.5, i: -7n, b: true },
    },
    { got: read('%{WORD:w} %{WORD}', 'a b', false), want: { w: 'a', WORD: 'b' } },
    { got: read('%{ORDER:order}', 'x AB12', true, own), want: { order: 'AB12', 'order.number': 12n } },
    { got: read('%{WORD:w}', 'ab12', true, own), want: { w: '12' } },
    { got: read('(?P<first>a)?(?P<second>b)', 'b'), want: { second: 'b' } },
    { got: read('%{WORD:w} %{WORD:w}', 'a b'), want: { w: 'b' } },
    { got: read('%{INT:n:int}|%{WORD:n}', '7'), want: { n: 7n } },
    { got: read('(?P<a___b>x)', 'x'), want: { 'a.b': 'x' } },
    { got: read('%{WORD:w}', '--'), want: {} },
  ]
  for (const { got, want } of cases) assert.deepEqual(got, want)
})

test('patterns and texts that cannot be are refused', () => {
  const circle = new Map([
    ['A', '%{B}'],
    ['B', '%{A}%{A}'],
  ])
  const cases = [
    { run: () => read('%{NOPE}', ''), why: 'pattern definition "NOPE" unknown: parsing failed' },
    { run: () => read('%{A}', '', true, circle), why: 'the pattern expands to more than 262144 characters' },
    {
      run: () => read('%{A}', '', true, new Map([['A', '%{A}']])),
      why: 'patterns stand in one another more than 100 deep',
    },
    { run: () => read('%{WORD:w:int}', 'x'), why: 'strconv.Atoi: parsing "x": invalid syntax' },
    { run: () => read('%{WORD:w:date}', 'x'), why: 'invalid type for w: type not specified' },
  ]
  for (const { run, why } of cases) assert.throws(run, new GrokError(why))
  assert.throws(() => read('(', ''), RegexpError)
})

test('the library takes whole lines of logs apart', () => {
  const cases = [
    {
      got: read(
        '%{COMBINEDAPACHELOG}',
        '::1 - joe [10/Oct/2000:13:55:36 -0700] "GET /x?y HTTP/1.1" 200 - "-" "curl/8"',
      ),
      want: {
        'source.address': '::1',
        'user.name': 'joe',
        timestamp: '10/Oct/2000:13:55:36 -0700',
        'http.request.method': 'GET',
        'url.original': '/x?y',
        'http.version': '1.1',
        'http.response.status_code': 200n,
        'user_agent.original': 'curl/8',
      },
    },
    {
      got: read('%{SYSLOGLINE}', 'Jan  2 03:04:05 web1 sshd[12]: Accepted key'),
      want: { timestamp: 'Jan  2 03:04:05', 'host.name': 'web1', message: 'Accepted key' },
    },
  ]
  for (const { got, want } of cases) assert.deepEqual(got, want)
})

test("the library's patterns match what they are named after", () => {
  const cases: Readonly<Record<string, readonly string[]>> = {
    IPV6: [
      '::',
      '::1',
      'fe80::1%eth0',
      '1:2:3:4:5:6:7:8',
      '::ffff:1.2.3.4',
      '1:2:3:4:5:6:1.2.3.4',
      '1::8',
      '1:2::1.2.3.4',
    ],
    IPV4: ['0.0.0.0', '255.255.255.255', '01.2.3.4'],
    MAC: ['00:1b:44:11:3a:b7', '00-1B-44-11-3A-B7', '001b.4411.3ab7'],
    URI: ['http://u:p@example.com:80/a/b?c=d', 'ftp://10.0.0.1'],
    UUID: ['123e4567-e89b-12d3-a456-426614174000'],
    NUMBER: ['1', '-1.5', '.5'],
    QS: ['"a \\" b"', "'x'"],
    TIMESTAMP_ISO8601: ['2023-01-02T03:04:05.678Z', '2023-01-02 03:04', '2023-01-02T03:04:05+01:00'],
    HTTPDATE: ['10/Oct/2000:13:55:36 -0700'],
    SYSLOGTIMESTAMP: ['Jan  2 03:04:05'],
    DATESTAMP_RFC2822: ['Mon, 02 Jan 2006 15:04:05 +01:00'],
    LOGLEVEL: ['INFO', 'warning', 'Err'],
    UNIXPATH: ['/var/log/x.log'],
    WINPATH: ['C:\\dir\\file.txt'],
    EMAILADDRESS: ['joe.smith@example.com'],
    HOSTPORT: ['example.com:443'],
    TTY: ['/dev/pts/3'],
    URN: ['urn:isbn:0451450523'],
  }
  for (const [name, texts] of Object.entries(cases)) {
    for (const text of texts) assert.deepEqual(read(`^%{${name}:it}$`, text), { it: text }, `${name} ${text}`)
  }
  for (const text of ['1:2:3:4:5:6:7', '1::2::3', ':::', '12345::', '1:2:3:4:5:6:7:8:9']) {
    assert.deepEqual(read('^%{IPV6:it}$', text), {}, text)
  }
})

test('every pattern of the library compiles', () => {
  for (const name of grokPatterns.keys()) compileGrok(`%{${name}:it}`, { namedOnly: true, definitions: none })
})

test('any pattern is compiled or refused', () => {
  const unit = fc.constantFrom(
    '%{WORD}',
    '%{INT:a.b:int}',
    '%{A}',
    '(',
    ')',
    '|',
    '%',
    '{',
    '}',
    ':',
    'x',
    '*',
    '(?P<n>',
  )
  fc.assert(
    fc.property(fc.string({ unit }), fc.string(), fc.boolean(), (pattern, text, namedOnly) => {
      try {
        read(pattern, text, namedOnly, new Map([['A', 'a%{INT:i:float}']]))
      } catch (error) {
        assert.ok(error instanceof GrokError || error instanceof RegexpError, String(error))
      }
    }),
  )
})
