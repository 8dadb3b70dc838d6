// What redaction removes, masks, leaves and says of it.
import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  attributesOf,
  decoded,
  gaugeMetric,
  metricsTreeOf,
  numberPoint,
  OtelSink,
  problemsOf,
  TestHost,
  type Written,
} from '#component/test_host'
import { Metrics } from '#pdata'
import { type AnyValue, type Attributes, KeyValueList, logsFromJson, tracesFromJson, tracesToJson } from '#pdata/otlp'
import { redactionProcessor } from './component.ts'
import { withoutIds } from './url_words.ts'

async function started(written: Written) {
  const sink = new OtelSink()
  const settings = decoded(redactionProcessor.settings, written)
  const processor = await redactionProcessor.create(new TestHost(), settings, sink.output)
  return { sink, processor }
}

const plain = (attributes: Attributes = []): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value]))

/** What becomes of a data point's attributes. */
async function redacted(written: Written, attributes: Record<string, AnyValue>): Promise<Record<string, unknown>> {
  const { sink, processor } = await started(written)
  await processor.metrics?.consume(
    Metrics.fromTree(metricsTreeOf(gaugeMetric('m', [numberPoint(1, 1, { attributes })]))),
  )
  const data = sink.metrics[0]?.tree?.resourceMetrics[0]?.scopeMetrics[0]?.metrics[0]?.data
  assert.ok(data?.kind === 'gauge')
  return plain(data.points[0]?.attributes)
}

const card = '4[0-9]{15}'
const hash = (name: string, text: string): string => createHash(name).update(text).digest('hex')
const key64 = 'k'.repeat(64)

const cases: {
  name: string
  written: Written
  attributes: Record<string, AnyValue>
  want: Record<string, unknown>
}[] = [
  {
    name: 'without settings every attribute goes',
    written: {},
    attributes: { a: 'x', b: 1n },
    want: {},
  },
  {
    name: 'allowed keys stay',
    written: { allowed_keys: ['a'] },
    attributes: { a: 'x', b: 1n },
    want: { a: 'x' },
  },
  {
    name: 'blocked parts of values are masked',
    written: { allow_all_keys: true, blocked_values: [card, 'secret'] },
    attributes: { a: 'card 4111111111111111 and 4222222222222222', b: 'no', c: 'a secret' },
    want: { a: 'card **** and ****', b: 'no', c: 'a ****' },
  },
  {
    name: 'ignored keys stay as they are, by name and by pattern',
    written: { blocked_values: ['x'], ignored_keys: ['a'], ignored_key_patterns: ['^safe\\.'] },
    attributes: { a: 'x', 'safe.b': 'x', c: 'x' },
    want: { a: 'x', 'safe.b': 'x' },
  },
  {
    name: 'values of blocked keys are masked whole, of any type',
    written: { allow_all_keys: true, blocked_key_patterns: ['.*token.*'] },
    attributes: { 'my.token': 'a b', 'token.id': 7n, other: 'a' },
    want: { 'my.token': '****', 'token.id': '****', other: 'a' },
  },
  {
    name: 'allowed values stay although they are blocked',
    written: { allow_all_keys: true, blocked_values: ['.*@.*'], allowed_values: ['.+@example\\.com'] },
    attributes: { a: 'me@example.com', b: 'me@other.com' },
    want: { a: 'me@example.com', b: '****' },
  },
  {
    name: 'values of other types only when asked for',
    written: { allow_all_keys: true, blocked_values: ['17'], redact_all_types: true },
    attributes: { a: 1700n, b: 1.5, c: ['17'] },
    want: { a: '****00', b: 1.5, c: '["****"]' },
  },
  {
    name: 'and else not',
    written: { allow_all_keys: true, blocked_values: ['17'] },
    attributes: { a: 1700n },
    want: { a: 1700n },
  },
  ...(['sha1', 'md5', 'sha3'] as const).map((name) => ({
    name: `a hash in its place: ${name}`,
    written: { allow_all_keys: true, blocked_values: [card], hash_function: name },
    attributes: { a: 'c4111111111111111' },
    want: { a: `c${hash(name === 'sha3' ? 'sha3-256' : name, '4111111111111111')}` },
  })),
  {
    name: 'a hash with a key',
    written: { allow_all_keys: true, blocked_key_patterns: ['a'], hash_function: 'HMAC-SHA512', hmac_key: key64 },
    attributes: { a: 'x' },
    want: { a: createHmac('sha512', key64).update('x').digest('hex') },
  },
  {
    name: 'the summary for debugging names keys',
    written: {
      allowed_keys: ['a', 'b', 'c'],
      blocked_values: ['s'],
      allowed_values: ['^fine$'],
      summary: 'debug',
      ignored_keys: ['i'],
    },
    attributes: { z: '1', a: 's', y: '2', b: 'fine', c: 'ok', i: 's' },
    want: {
      a: '****',
      b: 'fine',
      c: 'ok',
      i: 's',
      'redaction.redacted.keys': 'y,z',
      'redaction.redacted.count': 2n,
      'redaction.masked.keys': 'a',
      'redaction.masked.count': 1n,
      'redaction.allowed.keys': 'b',
      'redaction.allowed.count': 1n,
      'redaction.ignored.count': 1n,
    },
  },
  {
    name: 'the summary for information counts, and adds to an earlier one',
    written: { allowed_keys: ['a'], blocked_values: ['s'], summary: 'info' },
    attributes: { 'redaction.masked.count': 2n, 'redaction.allowed.count': 9n, a: 's' },
    want: { 'redaction.masked.count': 3n, a: '****' },
  },
  {
    name: 'an earlier summary stays where this one writes none',
    written: { allowed_keys: ['a'] },
    attributes: { 'redaction.masked.count': 2n, a: 's' },
    want: { 'redaction.masked.count': 2n, a: 's' },
  },
  {
    name: 'values of blocked keys are masked line by line',
    written: { allow_all_keys: true, blocked_key_patterns: ['a'] },
    attributes: { a: 'one\n\nthree' },
    want: { a: '****\n****\n****' },
  },
  {
    name: 'ids are taken out of URLs in the attributes that hold them',
    written: { allow_all_keys: true, url_sanitizer: { enabled: true, attributes: ['http.url'] } },
    attributes: { 'http.url': '/users/17/orders?x=y', 'http.target': '/users/17' },
    want: { 'http.url': '/users/*/orders', 'http.target': '/users/17' },
  },
  {
    name: 'values are taken out of statements of the database that the attributes name',
    written: {
      allow_all_keys: true,
      db_sanitizer: {
        sql: { enabled: true, attributes: ['db.statement'] },
        redis: { enabled: true, attributes: ['db.statement'] },
      },
    },
    attributes: { 'db.system': 'MySQL', 'db.statement': "SELECT * FROM t WHERE id = 42 AND name = 'x'" },
    want: { 'db.system': 'MySQL', 'db.statement': 'SELECT * FROM t WHERE id = ? AND name = ?' },
  },
  {
    name: 'a statement of nobody knows what stays',
    written: { allow_all_keys: true, db_sanitizer: { sql: { enabled: true, attributes: ['db.statement'] } } },
    attributes: { 'db.statement': 'SELECT 1' },
    want: { 'db.statement': 'SELECT 1' },
  },
]
for (const { name, written, attributes, want } of cases) {
  test(name, async () => assert.deepEqual(await redacted(written, attributes), want))
}

const text = (key: string, value: string) => ({ key, value: { stringValue: value } })

test('spans: attributes of resource, scope, span, events and links, and names', async () => {
  const traces = tracesFromJson(
    JSON.stringify({
      resourceSpans: [
        {
          resource: { attributes: [text('r', 'secret')] },
          scopeSpans: [
            {
              scope: { name: 's', attributes: [text('s', 'secret')] },
              spans: [
                {
                  traceId: '0'.repeat(31) + '1',
                  spanId: '0'.repeat(15) + '1',
                  name: 'GET /users/17/orders',
                  kind: 2,
                  attributes: [text('a', 'secret')],
                  events: [{ name: 'e', attributes: [text('e', 'secret')] }],
                  links: [
                    { traceId: '0'.repeat(31) + '1', spanId: '0'.repeat(15) + '2', attributes: [text('l', 'secret')] },
                  ],
                },
                { traceId: '0'.repeat(31) + '1', spanId: '0'.repeat(15) + '3', name: '/17', kind: 2 },
                { traceId: '0'.repeat(31) + '1', spanId: '0'.repeat(15) + '4', name: '/users/17', kind: 1 },
              ],
            },
          ],
        },
      ],
    }),
  )
  const { sink, processor } = await started({
    allow_all_keys: true,
    blocked_values: ['secret'],
    url_sanitizer: { enabled: true },
  })
  await processor.traces?.consume(traces)
  const [batch] = sink.traces
  assert.ok(batch)
  assert.ok(!tracesToJson(batch).includes('secret'))
  const names = batch.tree?.resourceSpans[0]?.scopeSpans[0]?.spans.map(({ name }) => name)
  assert.deepEqual(names, ['GET /users/*/orders', '/17', '/users/17'])
})

async function redactedBody(written: Written, body: object): Promise<[AnyValue | undefined, Record<string, unknown>]> {
  const { sink, processor } = await started(written)
  const logs = logsFromJson(JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: [{ body }] }] }] }))
  await processor.logs?.consume(logs)
  const record = sink.logs[0]?.tree?.resourceLogs[0]?.scopeLogs[0]?.logRecords[0]
  return [record?.body, plain(record?.attributes)]
}

test('bodies that are text', async () => {
  assert.deepEqual(await redactedBody({ blocked_values: ['[0-9]+'], summary: 'debug' }, { stringValue: 'id 17' }), [
    'id ****',
    { 'redaction.body.masked.keys': 'body', 'redaction.body.masked.count': 1n },
  ])
})

test('bodies that are maps, with lists and maps inside', async () => {
  const kv = (key: string, value: object) => ({ key, value })
  const body = {
    kvlistValue: {
      values: [
        kv('ok', { stringValue: 'secret 1' }),
        kv('gone', { stringValue: 'x' }),
        kv('list', { arrayValue: { values: [{ stringValue: 'secret' }, { intValue: '5' }] } }),
        kv('map', { kvlistValue: { values: [kv('ok', { stringValue: 'a' }), kv('gone', { stringValue: 'x' })] } }),
        kv('pass', { stringValue: 'word' }),
      ],
    },
  }
  const [got, attributes] = await redactedBody(
    {
      allowed_keys: ['ok', 'list', 'map', 'pass'],
      blocked_values: ['secret'],
      blocked_key_patterns: ['pass'],
      summary: 'debug',
    },
    body,
  )
  assert.deepEqual(
    got,
    new KeyValueList(
      attributesOf({
        ok: '**** 1',
        list: ['****', 5n],
        map: new KeyValueList(attributesOf({ ok: 'a' })),
        pass: '****',
      }),
    ),
  )
  assert.deepEqual(attributes, {
    'redaction.body.redacted.keys': 'gone,map.gone',
    'redaction.body.redacted.count': 2n,
    'redaction.body.masked.keys': 'list.[0],ok,pass',
    'redaction.body.masked.count': 3n,
  })
})

test('no blocked value gets through, wherever it is', () => {
  const secret = /[0-9]{4}/
  const leaf: fc.Arbitrary<object> = fc.oneof(
    fc
      .tuple(fc.string(), fc.integer({ min: 1000, max: 9999 }), fc.string())
      .map(([a, n, b]) => ({ stringValue: `${a}${n}${b}` })),
    fc.integer({ min: 1000, max: 9999 }).map((n) => ({ intValue: String(n) })),
  )
  const nested = fc.oneof(
    leaf,
    fc.array(leaf, { maxLength: 3 }).map((values) => ({ arrayValue: { values } })),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), leaf).map((entries) => ({
      kvlistValue: { values: Object.entries(entries).map(([key, value]) => ({ key, value })) },
    })),
  )
  const attributes = fc
    .dictionary(fc.constantFrom('k', 'l', 'm'), nested)
    .map((entries) => Object.entries(entries).map(([key, value]) => ({ key, value })))
  const settings = decoded(redactionProcessor.settings, {
    allow_all_keys: true,
    redact_all_types: true,
    blocked_values: ['[0-9]{4}'],
  })
  return fc.assert(
    fc.asyncProperty(attributes, attributes, nested, async (resource, own, body) => {
      const sink = new OtelSink()
      const processor = await redactionProcessor.create(new TestHost(), settings, sink.output)
      const logs = logsFromJson(
        JSON.stringify({
          resourceLogs: [
            { resource: { attributes: resource }, scopeLogs: [{ logRecords: [{ body, attributes: own }] }] },
          ],
        }),
      )
      await processor.logs?.consume(logs)
      const tree = sink.logs[0]?.tree
      const shown = JSON.stringify(tree?.resourceLogs, (_, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      )
      assert.doesNotMatch(shown, secret)
    }),
    { numRuns: 100 },
  )
})

const paths: [string, string][] = [
  ['', ''],
  ['/users/fdklsd/j4elk/23993/job/2', '/users/*/j4elk/*/job/*'],
  ['/v1/products/22j', '/v1/products/*'],
  ['/products//org/3', '/products//org/*'],
  ['/user_space/', '/user_space/'],
  ['/api/hello.world', '/api/hello.world'],
  ['/attach?session_id=ddfsdsf', '/attach'],
  ['/attach#section-1', '/attach'],
  ['GET /api/cart?sessionId=55f4', 'GET /api/cart'],
  ['/api/users/123e4567-e89b-12d3-a456-426614174000', '/api/users/*'],
  ['?', ''],
  ['12#', '*'],
  ['/a/b/c/d/e/f/g/h/i/j', '/a/b/c/d/e/f/g/h/i'],
  ['123/ljgdflgjf', '*/*'],
]
for (const [path, want] of paths)
  test(`the words of ${JSON.stringify(path)}`, () => assert.equal(withoutIds(path), want))

const refusals: { written: Written; want: string }[] = [
  {
    written: { hash_function: 'crc' },
    want: 'unknown HashFunction crc, allowed functions are sha1, sha3, md5, hmac-sha256, hmac-sha512',
  },
  { written: { hash_function: 'hmac-sha256' }, want: 'hmac_key must not be empty when hash_function is "hmac-sha256"' },
  {
    written: { hash_function: 'hmac-sha256', hmac_key: 'short' },
    want: 'hmac_key must be at least 32 bytes long for "hmac-sha256", got 5 bytes',
  },
]
for (const { written, want } of refusals) {
  test(`refuses settings: ${want}`, () => assert.deepEqual(problemsOf(redactionProcessor.settings, written), [want]))
}

test('refuses an expression that is none', async () => {
  await assert.rejects(started({ blocked_values: ['('] }), { name: 'SettingsError' })
})
