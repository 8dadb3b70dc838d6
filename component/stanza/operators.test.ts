import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { logsTree } from '#pdata/otlp'
import { Entry, logsOf } from './entry.ts'
import { type Given, type Json, problemsOf, RunFixture, seen, type Seen } from './fixture_run.ts'

interface Case {
  readonly name: string
  readonly operators: readonly Json[]
  readonly input: readonly Given[]
  readonly want: readonly Seen[]
}

function table(title: string, cases: readonly Case[]): void {
  describe(title, () => {
    for (const { name, operators, input, want } of cases) {
      it(name, () => {
        const fixture = new RunFixture(operators)
        const out = [...fixture.run(input).entries, ...fixture.pipeline.flush(true).entries]
        assert.deepEqual(out.map(seen), want)
      })
    }
  })
}

const one = (name: string, operator: Json | readonly Json[], input: Given, want: Seen): Case => ({
  name,
  operators: Array.isArray(operator) ? (operator as readonly Json[]) : [operator as Json],
  input: [input],
  want: [want],
})

table('json_parser', [
  one(
    'puts an object into attributes, numbers as floats',
    { type: 'json_parser' },
    { body: '{"a":1,"b":{"c":[true,null]},"d":"x"}', attributes: { a: 'old', z: 1 } },
    {
      body: '{"a":1,"b":{"c":[true,null]},"d":"x"}',
      attributes: { a: 1, b: { c: [true, null] }, d: 'x', z: 1 },
    },
  ),
  one(
    'reads whole numbers as integers where it shall',
    { type: 'json_parser', parse_to: 'body', parse_ints: true },
    { body: '{"a":9007199254740993,"b":1.5,"c":1e2,"d":[-1]}' },
    { body: { a: 9_007_199_254_740_993n, b: 1.5, c: 100, d: [-1n] } },
  ),
  one(
    'reads and writes any field, and embedded blocks read from what it gave',
    {
      type: 'json_parser',
      parse_from: 'attributes.raw',
      parse_to: 'body.parsed',
      timestamp: { parse_from: 'body.parsed.ts', layout: '%Y-%m-%dT%H:%M:%SZ' },
      severity: { parse_from: 'body.parsed.level' },
      trace: { trace_id: { parse_from: 'body.parsed.t' }, span_id: { parse_from: 'body.parsed.s' } },
      scope_name: { parse_from: 'body.parsed.logger' },
    },
    {
      body: { x: 1 },
      attributes: {
        raw: '{"ts":"2026-01-02T03:04:05Z","level":"Err","t":"0102030405060708090a0b0c0d0e0f10","s":"0102030405060708","logger":"l"}',
      },
    },
    {
      body: {
        x: 1,
        parsed: {
          ts: '2026-01-02T03:04:05Z',
          level: 'Err',
          t: '0102030405060708090a0b0c0d0e0f10',
          s: '0102030405060708',
          logger: 'l',
        },
      },
      attributes: {
        raw: '{"ts":"2026-01-02T03:04:05Z","level":"Err","t":"0102030405060708090a0b0c0d0e0f10","s":"0102030405060708","logger":"l"}',
      },
      time: '2026-01-02T03:04:05.000000000Z',
      severity: 17,
      severityText: 'Err',
      traceId: '0102030405060708090a0b0c0d0e0f10',
      spanId: '0102030405060708',
      scope: 'l',
    },
  ),
  one(
    'makes a field the body',
    { type: 'json_parser', body: 'attributes.msg' },
    { body: '{"msg":"hi"}' },
    { body: 'hi', attributes: { msg: 'hi' } },
  ),
  one('sends on what is no JSON', { type: 'json_parser' }, { body: '{"a"' }, { body: '{"a"' }),
  one('sends on what is no object', { type: 'json_parser' }, { body: '[1]' }, { body: '[1]' }),
  one(
    'reads the blocks after one that fails',
    {
      type: 'json_parser',
      timestamp: { parse_from: 'attributes.ts', layout: '%Y' },
      severity: { parse_from: 'attributes.level' },
    },
    { body: '{"ts":"x","level":"warn"}' },
    { body: '{"ts":"x","level":"warn"}', attributes: { ts: 'x', level: 'warn' }, severity: 13, severityText: 'warn' },
  ),
  one(
    'keeps a key that is called __proto__ a key',
    { type: 'json_parser', parse_to: 'body.in' },
    { body: '{"__proto__":{"a":1}}' },
    { body: { in: JSON.parse('{"__proto__":{"a":1}}') as unknown } },
  ),
])

table('json_array_parser', [
  one(
    'makes a list, what is nested as text',
    { type: 'json_array_parser', parse_to: 'body' },
    { body: '["a", 42, 1.5, true, null, {"b": 1}, [1, 2]]' },
    { body: ['a', 42n, 1.5, true, null, '{"b":1}', '[1,2]'] },
  ),
  one(
    'makes a map with a header',
    { type: 'json_array_parser', header: 'origin,sev' },
    { body: '[1,"debug"]' },
    { body: '[1,"debug"]', attributes: { origin: 1n, sev: 'debug' } },
  ),
  one('counts', { type: 'json_array_parser', header: 'a,b' }, { body: '[1]' }, { body: '[1]' }),
])

table('regex_parser', [
  one(
    'gives named groups',
    { type: 'regex_parser', regex: '^Host=(?P<host>[^,]+), (?P<kind>\\w*)(?:, n=(?P<n>\\d+))?$' },
    { body: 'Host=127.0.0.1, HTTP' },
    { body: 'Host=127.0.0.1, HTTP', attributes: { host: '127.0.0.1', kind: 'HTTP', n: '' } },
  ),
  one('sends on what does not match', { type: 'regex_parser', regex: '(?P<a>x)' }, { body: 'y' }, { body: 'y' }),
])

table('key_value_parser', [
  one(
    'splits pairs',
    { type: 'key_value_parser', parse_to: 'body' },
    { body: 'name=stanza msg="a b" x=\'"\'' },
    { body: { name: 'stanza', msg: 'a b', x: '"' } },
  ),
  one(
    'splits by other delimiters',
    { type: 'key_value_parser', delimiter: ':', pair_delimiter: '!' },
    { body: 'name:stanza ! org:otel ' },
    { body: 'name:stanza ! org:otel ', attributes: { name: 'stanza', org: 'otel' } },
  ),
  one('sends on what has no delimiter', { type: 'key_value_parser' }, { body: 'a b=1' }, { body: 'a b=1' }),
])

table('csv_parser', [
  one(
    'names fields',
    { type: 'csv_parser', header: 'id,severity,message' },
    { body: '1,debug,"a, ""b"""' },
    { body: '1,debug,"a, ""b"""', attributes: { id: '1', severity: 'debug', message: 'a, "b"' } },
  ),
  one(
    'takes tabs, and names from an attribute',
    { type: 'csv_parser', header_attribute: 'h', header_delimiter: ';', delimiter: '\\t', parse_to: 'body' },
    { body: '1\t2', attributes: { h: 'a;b' } },
    { body: { a: '1', b: '2' }, attributes: { h: 'a;b' } },
  ),
  one(
    'ignores quotes',
    { type: 'csv_parser', header: 'a,b', ignore_quotes: true, parse_to: 'body' },
    { body: '"x,y"' },
    { body: { a: '"x', b: 'y"' } },
  ),
  one(
    'is lazy about quotes',
    { type: 'csv_parser', header: 'a,b', lazy_quotes: true, parse_to: 'body' },
    { body: 'x "y" z,2' },
    { body: { a: 'x "y" z', b: '2' } },
  ),
  one('counts fields', { type: 'csv_parser', header: 'a,b' }, { body: '1,2,3' }, { body: '1,2,3' }),
])

table('uri_parser', [
  one(
    'takes a URI apart',
    { type: 'uri_parser', parse_to: 'body' },
    { body: 'https://dev:pass@google.com:8080/app/a%20b?user_id=2&user_id=3&uuid=5' },
    {
      body: {
        scheme: 'https',
        user: 'dev',
        host: 'google.com',
        port: '8080',
        path: '/app/a%20b',
        query: { user_id: ['2', '3'], uuid: ['5'] },
      },
    },
  ),
  one(
    'takes a path',
    { type: 'uri_parser', parse_to: 'body' },
    { body: '/app?x=a+b%21' },
    { body: { path: '/app', query: { x: ['a b!'] } } },
  ),
  one(
    'takes a query',
    { type: 'uri_parser', parse_to: 'body' },
    { body: '?a=1&b' },
    { body: { query: { a: ['1'], b: [''] } } },
  ),
  one(
    'takes an address',
    { type: 'uri_parser', parse_to: 'body' },
    { body: 'http://[::1]:80/' },
    {
      body: { scheme: 'http', host: '::1', port: '80', path: '/' },
    },
  ),
  one('sends on what is no URI', { type: 'uri_parser' }, { body: 'a b' }, { body: 'a b' }),
  one('sends on a wrong escape', { type: 'uri_parser' }, { body: '/?a=%zz' }, { body: '/?a=%zz' }),
])

table('syslog_parser', [
  one(
    'parses RFC 3164',
    { type: 'syslog_parser', protocol: 'rfc3164', parse_to: 'body' },
    { body: '<34>Jan 12 06:30:00 1.2.3.4 apache_server: test message' },
    {
      body: {
        appname: 'apache_server',
        facility: 4n,
        facility_text: 'auth',
        hostname: '1.2.3.4',
        message: 'test message',
        priority: 34n,
      },
      severity: 18,
      severityText: 'crit',
      time: '2026-01-12T06:30:00.000000000Z',
    },
  ),
  one(
    'parses RFC 5424 with a length in front, and blocks read from it',
    {
      type: 'syslog_parser',
      protocol: 'rfc5424',
      enable_octet_counting: true,
      parse_from: 'attributes.raw',
      parse_to: 'body.in',
      scope_name: { parse_from: 'body.in.appname' },
    },
    { body: {}, attributes: { raw: '48 <86>1 2015-08-05T21:58:59.693Z h SecureAuth0 - - -' } },
    {
      body: {
        in: {
          appname: 'SecureAuth0',
          hostname: 'h',
          version: 1n,
          priority: 86n,
          facility: 10n,
          facility_text: 'authpriv',
        },
      },
      attributes: { raw: '48 <86>1 2015-08-05T21:58:59.693Z h SecureAuth0 - - -' },
      severity: 9,
      severityText: 'info',
      time: '2015-08-05T21:58:59.693000000Z',
      scope: 'SecureAuth0',
    },
  ),
  one(
    'parses RFC 3164 with a length in front',
    { type: 'syslog_parser', protocol: 'rfc3164', enable_octet_counting: true, parse_to: 'body' },
    { body: '25 <34>Oct 11 22:14:15 h a: m' },
    {
      body: { appname: 'a', hostname: 'h', message: 'm', priority: 34n, facility: 4n, facility_text: 'auth' },
      severity: 18,
      severityText: 'crit',
      time: '2025-10-11T22:14:15.000000000Z',
    },
  ),
  one(
    'sends on what is longer than it may be',
    { type: 'syslog_parser', protocol: 'rfc5424', enable_octet_counting: true, max_octets: 10n },
    { body: '11 <34>1 - - - - - -' },
    { body: '11 <34>1 - - - - - -' },
  ),
  one(
    'takes any text, and its priority',
    { type: 'syslog_parser', protocol: 'none', enable_octet_counting: true },
    { body: '9 <34>hello' },
    {
      body: '9 <34>hello',
      attributes: { message: '<34>hello', priority: 34n, facility: 4n, facility_text: 'auth' },
      severity: 18,
      severityText: 'crit',
    },
  ),
  one(
    'takes any text, where the priority is none',
    { type: 'syslog_parser', protocol: 'none' },
    { body: '<192>x' },
    { body: '<192>x', attributes: { message: '<192>x' } },
  ),
  one('sends on what is none', { type: 'syslog_parser', protocol: 'rfc5424' }, { body: 'x' }, { body: 'x' }),
])

const severity = (
  name: string,
  value: Json,
  number: number,
  text: string,
  settings: { readonly [key: string]: Json } = {},
): Case =>
  one(
    name,
    { type: 'severity_parser', parse_from: 'body', ...settings },
    { body: value },
    { body: value, ...(number === 0 ? {} : { severity: number }), severityText: text },
  )
const mapping = {
  error: ['nooo!', { min: 400, max: 404 }],
  fatal: '5xx',
  info3: 'medium',
  debug: [1234, '2xx'],
  '7': 'seven',
  default: 'none of it',
}
table('severity_parser', [
  severity('knows aliases', 'INFO', 9, 'INFO'),
  severity('knows aliases with numbers', 'debug4', 8, 'debug4'),
  severity('knows other words', 'Warning2', 14, 'Warning2'),
  severity('knows numbers', '17', 17, '17'),
  severity('knows integers', 21n, 21, '21'),
  severity('knows whole floats', 5, 5, '5'),
  severity('leaves what it does not know', 'nope', 0, 'nope'),
  severity('maps texts whatever their case', 'NOOO!', 17, 'NOOO!', { mapping }),
  severity('maps ranges', 403n, 17, '403', { mapping }),
  severity('maps hundreds', 599n, 21, '599', { mapping }),
  severity('maps numbers', 1234n, 5, '1234', { mapping }),
  severity('maps to a severity with a number', 'medium', 11, 'medium', { mapping }),
  severity('maps to a severity given by number', 'seven', 7, 'seven', { mapping }),
  severity('keeps the preset beside a mapping', 'trace', 1, 'trace', { mapping }),
  severity('can do without the preset', 'trace', 0, 'trace', { mapping, preset: 'none' }),
  severity('has a preset without other words', 'warning', 0, 'warning', { preset: 'otel' }),
  severity('writes the short name', 'warning', 13, 'WARN', { overwrite_text: true }),
  severity('keeps the text of what it does not know', 'x', 0, 'x', { overwrite_text: true }),
  one('sends on a fraction', { type: 'severity_parser', parse_from: 'body' }, { body: 1.5 }, { body: 1.5 }),
])

const time = (name: string, value: Json, settings: { readonly [key: string]: Json }, want: string | undefined): Case =>
  one(
    name,
    { type: 'time_parser', parse_from: 'attributes.t', ...settings },
    { attributes: { t: value } },
    { body: '', attributes: { t: value }, ...(want === undefined ? {} : { time: want }) },
  )
const epoch = (layout: string): { readonly [key: string]: Json } => ({ layout_type: 'epoch', layout })
table('time_parser', [
  time('strptime', 'Jun 5 13:50:27 EST 2020', { layout: '%b %e %H:%M:%S %Z %Y' }, '2020-06-05T18:50:27.000000000Z'),
  time(
    'gotime',
    'Jun 5 13:50:27 EST 2020',
    { layout_type: 'gotime', layout: 'Jan 2 15:04:05 MST 2006' },
    '2020-06-05T18:50:27.000000000Z',
  ),
  time(
    'a location',
    '2026-07-01 12:00',
    { layout: '%Y-%m-%d %H:%M', location: 'America/New_York' },
    '2026-07-01T16:00:00.000000000Z',
  ),
  time(
    'zones by abbreviation',
    '2025-08-20 14:08:48 PDT',
    { layout: '%Y-%m-%d %H:%M:%S %Z', location: 'Asia/Kolkata', time_zone_locations: { PDT: 'America/Los_Angeles' } },
    '2025-08-20T21:08:48.000000000Z',
  ),
  time('no year', 'Feb 05 10:00:00', { layout: '%b %d %H:%M:%S', location: 'UTC' }, '2025-02-05T10:00:00.000000000Z'),
  time('seconds', 1136214245, epoch('s'), '2006-01-02T15:04:05.000000000Z'),
  time('seconds as text', '1136214245', epoch('s'), '2006-01-02T15:04:05.000000000Z'),
  time('milliseconds', 1136214245123n, epoch('ms'), '2006-01-02T15:04:05.123000000Z'),
  time('microseconds', 1136214245123456, epoch('us'), '2006-01-02T15:04:05.123456000Z'),
  time('nanoseconds', '1136214245123456789', epoch('ns'), '2006-01-02T15:04:05.123456789Z'),
  time('seconds and milliseconds', 1136214245.123, epoch('s.ms'), '2006-01-02T15:04:05.123000000Z'),
  time('seconds and microseconds', '1136214245.123456', epoch('s.us'), '2006-01-02T15:04:05.123456000Z'),
  time('seconds and nanoseconds', '1136214245.123456789', epoch('s.ns'), '2006-01-02T15:04:05.123456789Z'),
  time('whole seconds where there may be more', 1136214245n, epoch('s.ns'), '2006-01-02T15:04:05.000000000Z'),
  time('not such a time', 'yesterday', { layout: '%Y' }, undefined),
  time('not such an epoch', '12x', epoch('s'), undefined),
])

table('trace_parser and scope_name_parser', [
  one(
    'read from the body',
    [{ type: 'trace_parser' }, { type: 'scope_name_parser', parse_from: 'body.logger' }],
    { body: { trace_id: 'ff'.repeat(16), span_id: 'ab'.repeat(8), trace_flags: '01', logger: 'a.b' } },
    {
      body: { trace_id: 'ff'.repeat(16), span_id: 'ab'.repeat(8), trace_flags: '01', logger: 'a.b' },
      traceId: 'ff'.repeat(16),
      spanId: 'ab'.repeat(8),
      flags: 1,
      scope: 'a.b',
    },
  ),
  one(
    'leave out what is not hexadecimal',
    { type: 'trace_parser' },
    { body: { trace_id: 'zz', span_id: 'ab'.repeat(8) } },
    {
      body: { trace_id: 'zz', span_id: 'ab'.repeat(8) },
      spanId: 'ab'.repeat(8),
    },
  ),
])

table('fields', [
  one(
    'add a value',
    { type: 'add', field: 'attributes.k', value: { a: [1, 'x'] } },
    {},
    { body: '', attributes: { k: { a: [1n, 'x'] } } },
  ),
  one(
    'add an expression',
    { type: 'add', field: 'resource["a.b"]', value: 'x-EXPR(body.v + "!")-y' },
    { body: { v: 'w' } },
    { body: { v: 'w' }, resource: { 'a.b': 'x-w!-y' } },
  ),
  one(
    'add what an expression gives',
    { type: 'add', field: 'attributes.n', value: 'EXPR(len(body))' },
    { body: 'abc' },
    {
      body: 'abc',
      attributes: { n: 3n },
    },
  ),
  one(
    'add into what is no map',
    { type: 'add', field: 'body.a.b', value: 1 },
    { body: 'text' },
    { body: { a: { b: 1n } } },
  ),
  one(
    'move a value',
    { type: 'move', from: 'attributes.msg', to: 'body' },
    { body: 'x', attributes: { msg: 'm' } },
    { body: 'm' },
  ),
  one(
    'move a map',
    { type: 'move', from: 'body.in', to: 'attributes' },
    { body: { in: { a: 1 } }, attributes: { b: 2 } },
    {
      body: {},
      attributes: { a: 1, b: 2 },
    },
  ),
  one('move what is not there', { type: 'move', from: 'body.x', to: 'body.y' }, { body: {} }, { body: {} }),
  one(
    'copy a value',
    { type: 'copy', from: 'body.a', to: 'attributes.b.c' },
    { body: { a: [1] } },
    {
      body: { a: [1] },
      attributes: { b: { c: [1] } },
    },
  ),
  one(
    'copy: a change of the copy is none of the original',
    [
      { type: 'copy', from: 'body.a', to: 'attributes.a' },
      { type: 'add', field: 'attributes.a.new', value: true },
    ],
    { body: { a: { x: 1 } } },
    { body: { a: { x: 1 } }, attributes: { a: { x: 1, new: true } } },
  ),
  one(
    'remove a value',
    { type: 'remove', field: 'body.a.b' },
    { body: { a: { b: 1, c: 2 } } },
    { body: { a: { c: 2 } } },
  ),
  one('remove attributes', { type: 'remove', field: 'attributes' }, { attributes: { a: 1 } }, { body: '' }),
  one(
    'retain some of the body',
    { type: 'retain', fields: ['body.a', 'body.b.c'] },
    { body: { a: 1, b: { c: 2, d: 3 }, e: 4 }, attributes: { x: 1 } },
    { body: { a: 1, b: { c: 2 } }, attributes: { x: 1 } },
  ),
  one(
    'retain some attributes',
    { type: 'retain', fields: ['attributes.a', 'attributes.no'] },
    { attributes: { a: 1, b: 2 } },
    {
      body: '',
      attributes: { a: 1 },
    },
  ),
  one(
    'flatten a map',
    { type: 'flatten', field: 'body.in' },
    { body: { in: { a: 1, b: { c: 2 } }, z: 1 } },
    {
      body: { z: 1, a: 1, b: { c: 2 } },
    },
  ),
  one('flatten no map', { type: 'flatten', field: 'body.in' }, { body: { in: 1 } }, { body: { in: 1 } }),
  one(
    'assign_keys to a list',
    { type: 'assign_keys', field: 'body', keys: ['a', 'b'] },
    { body: [1, 'x'] },
    { body: { a: 1, b: 'x' } },
  ),
  one(
    'assign_keys to another number',
    { type: 'assign_keys', field: 'body', keys: ['a'] },
    { body: [1, 2] },
    { body: [1, 2] },
  ),
  one(
    'unquote a text',
    { type: 'unquote', field: 'body' },
    { body: '"a\\n\\u00e9\\x41\\""' },
    { body: 'a\né A"'.replace(' ', '') },
  ),
  one('unquote a raw text', { type: 'unquote', field: 'body' }, { body: '`a\\n`' }, { body: 'a\\n' }),
  one('unquote a character', { type: 'unquote', field: 'body' }, { body: "'x'" }, { body: 'x' }),
  one('unquote what is not quoted', { type: 'unquote', field: 'body' }, { body: 'abc' }, { body: 'abc' }),
  one(
    'regex_replace',
    { type: 'regex_replace', field: 'body', regex: '(\\w+)@(\\w+)', replace_with: '${2} at $1' },
    { body: 'a@b c@d' },
    {
      body: 'b at a d at c',
    },
  ),
  one(
    'regex_replace by name',
    { type: 'regex_replace', field: 'body', regex_name: 'ansi_control_sequences' },
    { body: '\x1b[31mred\x1b[0m' },
    {
      body: 'red',
    },
  ),
  one('sanitize_utf8', { type: 'sanitize_utf8', field: 'body' }, { body: 'a\ud800b' }, { body: 'a\ufffdb' }),
  one('noop', { type: 'noop' }, { body: 'x' }, { body: 'x' }),
])

const lines = (...bodies: string[]): Given[] => bodies.map((body) => ({ body }))
const bodies = (...texts: string[]): Seen[] => texts.map((body) => ({ body }))
const recombine = (settings: { readonly [key: string]: Json }): Json[] => [
  { type: 'recombine', combine_field: 'body', ...settings },
]
table('recombine', [
  {
    name: 'by the first entry',
    operators: recombine({ is_first_entry: 'body matches "^[^\\\\s]"' }),
    input: lines('one', 'two', '  at a', '  at b', 'three'),
    want: bodies('one', 'two\n  at a\n  at b', 'three'),
  },
  {
    name: 'by the last entry, joined by something else',
    operators: recombine({ is_last_entry: "body endsWith ';'", combine_with: '' }),
    input: lines('a', 'b;', 'c;', 'd'),
    want: bodies('ab;', 'c;', 'd'),
  },
  {
    name: 'no more than so many',
    operators: recombine({ is_first_entry: "body == 'first'", max_batch_size: 2 }),
    input: lines('first', 'a', 'b', 'first', 'c'),
    want: bodies('first\na', 'b', 'first\nc'),
  },
  {
    name: 'one by one until there is a match',
    operators: recombine({ is_first_entry: "body == 'log1'", max_unmatched_batch_size: 1 }),
    input: lines('log2', 'log3', 'log1', 'log5', 'log1'),
    want: bodies('log2', 'log3', 'log1\nlog5', 'log1'),
  },
  {
    name: 'three by three until there is a match',
    operators: recombine({ is_last_entry: "body == 'log1'", max_unmatched_batch_size: 3 }),
    input: lines('2', '3', '4', '5', 'log1', '6', '7', 'log1'),
    want: bodies('2\n3\n4', '5\nlog1', '6\n7\nlog1'),
  },
  {
    name: 'all of them until there is a match',
    operators: recombine({ is_first_entry: "body == 'log1'", max_unmatched_batch_size: 0 }),
    input: lines('2', '3', '4', 'log1', '5'),
    want: bodies('2\n3\n4', 'log1\n5'),
  },
  {
    name: 'no more bytes than so many',
    operators: recombine({ is_first_entry: "body == '1'", max_log_size: '6b' }),
    input: lines('1', '22', '333', '4'),
    want: bodies('1\n22\n333', '4'),
  },
  {
    name: 'each source for itself, other fields of the oldest',
    operators: recombine({ is_first_entry: 'body startsWith "#"', source_identifier: 'attributes.s' }),
    input: [
      { body: '#a1', attributes: { s: 'a', n: 1 } },
      { body: '#b1', attributes: { s: 'b', n: 2 } },
      { body: 'a2', attributes: { s: 'a', n: 3 } },
      { body: 'b2', attributes: { s: 'b', n: 4 } },
    ],
    want: [
      { body: '#a1\na2', attributes: { s: 'a', n: 1 } },
      { body: '#b1\nb2', attributes: { s: 'b', n: 2 } },
    ],
  },
  {
    name: 'other fields of the newest',
    operators: recombine({ is_first_entry: 'body == "a"', overwrite_with: 'newest' }),
    input: [
      { body: 'a', attributes: { n: 1 } },
      { body: 'b', attributes: { n: 2 } },
    ],
    want: [{ body: 'a\nb', attributes: { n: 2 } }],
  },
  {
    name: 'no more sources than so many',
    operators: recombine({ is_first_entry: 'body == "x"', source_identifier: 'attributes.s', max_sources: 1 }),
    input: [
      { body: 'a', attributes: { s: 'a' } },
      { body: 'b', attributes: { s: 'b' } },
      { body: 'a2', attributes: { s: 'a' } },
    ],
    want: [
      { body: 'a', attributes: { s: 'a' } },
      { body: 'b', attributes: { s: 'b' } },
      { body: 'a2', attributes: { s: 'a' } },
    ],
  },
])

const podPath = '/var/log/pods/some_kube-controller_49cc7c1fd3702c40b2686ea7486091d6/kube/1.log'
const pod = {
  'k8s.namespace.name': 'some',
  'k8s.pod.name': 'kube-controller',
  'k8s.pod.uid': '49cc7c1fd3702c40b2686ea7486091d6',
  'k8s.container.name': 'kube',
  'k8s.container.restart_count': '1',
}
const container = (body: string): Given => ({ body, attributes: { 'log.file.path': podPath } })
table('container', [
  {
    name: "reads Docker's lines",
    operators: [{ type: 'container' }],
    input: [container('{"log":"INFO: line\\n","stream":"stdout","time":"2024-03-30T08:31:20.545192187Z"}')],
    want: [
      {
        body: 'INFO: line\n',
        attributes: { 'log.file.path': podPath, 'log.iostream': 'stdout' },
        resource: pod,
        time: '2024-03-30T08:31:20.545192187Z',
      },
    ],
  },
  {
    name: "puts parts of containerd's lines together",
    operators: [{ type: 'container' }],
    input: [
      container('2023-06-22T10:27:25.813799277Z stdout P multiline '),
      container('2023-06-22T10:27:26Z stdout F line'),
      container('2024-04-13T07:59:37.505201169-05:00 stderr F crio'),
    ],
    want: [
      {
        body: 'multiline line',
        attributes: { 'log.file.path': podPath, 'log.iostream': 'stdout', logtag: 'F' },
        resource: pod,
        time: '2023-06-22T10:27:26.000000000Z',
      },
      {
        body: 'crio',
        attributes: { 'log.file.path': podPath, 'log.iostream': 'stderr', logtag: 'F' },
        resource: pod,
        time: '2024-04-13T12:59:37.505201169Z',
      },
    ],
  },
  one(
    'does without the path',
    { type: 'container', format: 'containerd', add_metadata_from_filepath: false },
    { body: '2023-06-22T10:27:26Z stdout F line' },
    { body: 'line', attributes: { logtag: 'F', 'log.iostream': 'stdout' }, time: '2023-06-22T10:27:26.000000000Z' },
  ),
  one('sends on other lines', { type: 'container' }, container('hello'), {
    body: 'hello',
    attributes: { 'log.file.path': podPath },
  }),
])

table('where entries go', [
  {
    name: 'filter drops what matches',
    operators: [{ type: 'filter', expr: 'body.message startsWith "LOG"' }],
    input: [{ body: { message: 'LOG: x' } }, { body: { message: 'x' } }],
    want: [{ body: { message: 'x' } }],
  },
  {
    name: 'if leaves others alone',
    operators: [{ type: 'add', field: 'attributes.k', value: 'v', if: "body == 'a'" }],
    input: lines('a', 'b'),
    want: [{ body: 'a', attributes: { k: 'v' } }, { body: 'b' }],
  },
  {
    name: 'outputs by id, past others',
    operators: [
      { type: 'noop', output: 'last' },
      { type: 'add', field: 'attributes.skipped', value: false },
      { type: 'add', id: 'last', field: 'attributes.last', value: true },
    ],
    input: lines('a'),
    want: [{ body: 'a', attributes: { last: true } }],
  },
  {
    name: 'several outputs get an entry each',
    operators: [
      { type: 'noop', output: ['x', 'y'] },
      { type: 'add', id: 'x', field: 'attributes.x', value: 1, output: 'end' },
      { type: 'add', id: 'y', field: 'attributes.y', value: 2 },
      { type: 'noop', id: 'end' },
    ],
    input: lines('a'),
    want: [
      { body: 'a', attributes: { y: 2n } },
      { body: 'a', attributes: { x: 1n } },
    ],
  },
  {
    name: 'router takes the first route, and a default',
    operators: [
      {
        type: 'router',
        routes: [
          { expr: 'body.format == "json"', output: 'json', attributes: { kind: 'EXPR(body.format)!' } },
          { expr: 'body.format != nil', output: ['text'] },
        ],
        default: 'end',
      },
      { type: 'add', id: 'json', field: 'attributes.json', value: true, output: 'end' },
      { type: 'add', id: 'text', field: 'attributes.text', value: true, output: 'end' },
      { type: 'noop', id: 'end' },
    ],
    input: [{ body: { format: 'json' } }, { body: { format: 'x' } }, { body: {} }],
    want: [
      { body: { format: 'json' }, attributes: { kind: 'json!', json: true } },
      { body: { format: 'x' }, attributes: { text: true } },
      { body: {} },
    ],
  },
  {
    name: 'on_error: drop',
    operators: [{ type: 'json_parser', on_error: 'drop' }],
    input: lines('{}', 'x'),
    want: [{ body: '{}' }],
  },
])

describe('what becomes of entries is counted', () => {
  it('dropped, combined, copied, held', () => {
    const fixture = new RunFixture([
      { type: 'filter', expr: 'body == "drop"' },
      { type: 'json_parser', on_error: 'drop_quiet', if: 'body startsWith "{"' },
      { type: 'noop', output: ['a', 'b'] },
      { type: 'router', id: 'a', routes: [{ expr: 'body == "{}"', output: 'b' }] },
      { type: 'recombine', id: 'b', combine_field: 'body', is_last_entry: 'body == "last"' },
    ])
    const out = fixture.run(lines('drop', '{bad', '{}', 'last'))
    assert.deepEqual([...out.dropped].sort(), [
      ['combined', 2],
      ['filtered', 1],
      ['json_parser failed', 1],
      ['no route', 1],
    ])
    assert.equal(out.extra, 2)
    assert.deepEqual(out.entries.map(seen), bodies('{}\n{}\nlast'))
    assert.equal(fixture.pipeline.held, 0)
    fixture.run(lines('x', 'y'))
    assert.equal(fixture.pipeline.held, 2)
  })

  it('a value that is nested too deeply is no JSON, and costs nothing else', () => {
    const f = new RunFixture([{ type: 'json_parser', on_error: 'drop', parse_ints: true }])
    const deep = (levels: number) => `{"a":${'['.repeat(levels)}1${']'.repeat(levels)}}`
    const { entries, dropped } = f.run([900, 2000, 200_000].map((levels) => ({ body: deep(levels) })))
    assert.deepEqual([entries.length, ...dropped], [1, ['json_parser failed', 2]])
    assert.equal(logsTree(logsOf(entries)).resourceLogs.length, 1)
  })

  it('an expression that runs out of stack fails on its entry alone', () => {
    const f = new RunFixture([{ type: 'add', field: 'attributes.x', value: 'EXPR(toJSON(fromJSON(body)))' }])
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    const { entries } = f.run([{ body: deep }, { body: '[1]' }])
    assert.deepEqual(
      entries.map(({ attributes }) => Object.keys(attributes)),
      [[], ['x']],
    )
    assert.deepEqual([...f.pipeline.errors.values()], [1])
  })

  it('entries of one resource go together, by their scopes', () => {
    const entries = ['a1', 'b1', 'a2', 'b2', 'a1'].map((text) => {
      const entry = new Entry(text, {}, { r: text[0] as string }, 0n)
      entry.scopeName = text[1] as string
      return entry
    })
    const seen = logsTree(logsOf(entries)).resourceLogs.map(({ scopeLogs }) =>
      scopeLogs.map(({ scope, logRecords }) => `${scope?.name}: ${logRecords.map(({ body }) => String(body)).join()}`),
    )
    assert.deepEqual(seen, [
      ['1: a1,a1', '2: a2'],
      ['1: b1', '2: b2'],
    ])
  })

  it('held entries go on after the period', () => {
    const fixture = new RunFixture(recombine({ is_first_entry: 'body == "x"', force_flush_period: '2s' }))
    fixture.run(lines('x', 'y'))
    fixture.monotonicMs = 1999
    assert.deepEqual(fixture.pipeline.flush().entries, [])
    fixture.monotonicMs = 2000
    assert.deepEqual(fixture.pipeline.flush().entries.map(seen), bodies('x\ny'))
  })

  it('errors are logged once in a while, and not by quiet operators', () => {
    const fixture = new RunFixture([
      { type: 'json_parser' },
      { type: 'regex_parser', regex: '(?P<a>z)', on_error: 'send_quiet' },
    ])
    fixture.run(lines('x', 'y'))
    fixture.monotonicMs = 20_000
    fixture.run(lines('x'))
    assert.deepEqual(
      fixture.logged.map(({ message, fields }) => [message, fields?.['operator'], fields?.['entries']]),
      [
        ['Cannot process entries', 'json_parser', 1],
        ['Cannot process entries', 'json_parser', 2],
      ],
    )
    assert.deepEqual(
      [...fixture.pipeline.errors],
      [
        ['json_parser', 3],
        ['regex_parser', 3],
      ],
    )
  })

  it('a share is dropped by chance', () => {
    const fixture = new RunFixture([{ type: 'filter', expr: 'true', drop_ratio: 0.5 }])
    fixture.random = 0.4
    assert.equal(fixture.run(lines('a')).entries.length, 0)
    fixture.random = 0.6
    assert.equal(fixture.run(lines('a')).entries.length, 1)
  })
})

describe('settings that cannot work', () => {
  const cases: { name: string; operators: readonly Json[]; want: readonly string[] }[] = [
    {
      name: 'several operators, each with its place',
      operators: [
        { type: 'json_parse' },
        { field: 'body' },
        { type: 'regex_parser', regex: '(?P<a>x', if: 'lenn(body) > 1' },
        { type: 'move', from: 'attributes', tp: 'body' },
      ],
      want: [
        '0.type: unsupported operator type "json_parse"; did you mean json_parser?',
        '1: missing required field "type"',
        '2.if: unknown function lenn; did you mean len? (1:1)',
        '2.regex: error parsing regexp: missing closing ): `(?P<a>x`',
        '3.tp: unrecognized attribute name "tp"; did you mean to?',
        '3: missing required attribute "to"',
      ],
    },
    {
      name: 'blocks within operators',
      operators: [
        {
          type: 'json_parser',
          on_error: 'sned',
          timestamp: { parse_from: 'attributes.t', layout: '%Q', location: 'Mars/Base' },
          severity: { parse_from: 'x.y', mapping: { eror: 'e' } },
        },
      ],
      want: ['0.severity.parse_from: unrecognized prefix: a field begins with body, attributes or resource: x.y'],
    },
    {
      name: 'values within blocks',
      operators: [
        {
          type: 'json_parser',
          on_error: 'sned',
          timestamp: { parse_from: 'attributes.t', layout: '%Q' },
          severity: { parse_from: 'body.y', mapping: { eror: 'e', info: [1.5] } },
        },
      ],
      want: [
        '0.on_error: invalid on_error "sned": should be one of send, send_quiet, drop, drop_quiet',
        '0.timestamp.layout: unsupported directive: %Q',
        '0.severity.mapping.eror: unknown severity "eror": should be trace to fatal4, or 1 to 24',
        '0.severity.mapping.info: a severity is mapped from a text, a number, or a range with min and max',
      ],
    },
    {
      name: 'ids',
      operators: [
        { type: 'noop', id: 'a', output: 'parserr' },
        { type: 'noop', id: 'parser', output: 'parser' },
        { type: 'router', id: 'c', routes: [{ expr: 'true', output: 'x' }] },
      ],
      want: [
        '0.output: operator "parserr" does not exist; did you mean parser?',
        '1.output: operator parser cannot be its own output',
        '2.routes.0.output: operator "x" does not exist',
      ],
    },
    {
      name: 'circles',
      operators: [
        { type: 'noop', id: 'a', output: 'b' },
        { type: 'noop', id: 'b', output: 'a' },
      ],
      want: ['0: circular dependency: entries of a come back to it'],
    },
    {
      name: 'ids twice',
      operators: [
        { type: 'noop', id: 'a' },
        { type: 'noop', id: 'a' },
      ],
      want: ['1.id: duplicate operator id "a"'],
    },
    {
      name: 'fields',
      operators: [
        { type: 'add', field: 'attributes["a', value: 1 },
        { type: 'recombine', combine_field: 'attributes' },
        { type: 'csv_parser', header: 'a' },
        { type: 'key_value_parser', delimiter: ' ' },
        { type: 'json_array_parser' },
        { type: 'router', routes: [{ expr: '1 +', outputs: 'x' }] },
      ],
      want: [
        '0.field: strings in brackets must be surrounded by quotes and closed: attributes["a',
        '1.combine_field: attributes cannot be referenced without subfield',
        '2.header: missing field delimiter in header: "a"',
        '3.pair_delimiter: delimiter and pair_delimiter cannot be the same value',
        '4.parse_to: parse_to should be set to a body, or a field of attributes: an array is no attributes',
        '5.routes.0.outputs: unrecognized attribute name "outputs"',
        '5.routes.0.expr: unexpected end of the expression (1:4)',
        '5.routes.0: missing required attribute "output"',
      ],
    },
  ]
  for (const { name, operators, want } of cases) {
    it(name, () => assert.deepEqual(problemsOf(operators), want))
  }

  it('names operators without an id by their type and number', () => {
    const { pipeline } = new RunFixture([
      { type: 'noop' },
      { type: 'noop' },
      { type: 'noop', id: 'x' },
      { type: 'noop' },
    ])
    assert.deepEqual([...pipeline.errors.keys()], ['noop', 'noop1', 'x', 'noop2'])
  })
})
