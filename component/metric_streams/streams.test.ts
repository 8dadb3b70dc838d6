// Identities of streams, bounded state, and adding points.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Attributes, ExponentialHistogramPoint, Metric } from '#pdata/otlp'
import { KeyValueList } from '#pdata/otlp'
import {
  addExponentialHistogram,
  addHistogram,
  addNumbers,
  attributesKey,
  metricKey,
  retain,
  scopeKey,
  StreamTable,
} from './door.ts'

const differing: [string, Attributes, Attributes][] = [
  ['a value', [{ key: 'a', value: 'b' }], [{ key: 'a', value: 'c' }]],
  ['a key', [{ key: 'a', value: 'b' }], [{ key: 'b', value: 'b' }]],
  ['a text and a number', [{ key: 'a', value: '1' }], [{ key: 'a', value: 1n }]],
  ['an integer and a double', [{ key: 'a', value: 1n }], [{ key: 'a', value: 1 }]],
  ['true and its text', [{ key: 'a', value: true }], [{ key: 'a', value: 't' }]],
  [
    'where one text ends and the next begins',
    [
      { key: 'a', value: 'bs1:c' },
      { key: 'd', value: '' },
    ],
    [
      { key: 'a', value: 'b' },
      { key: 'cd', value: '' },
    ],
  ],
  ['a list and its only item', [{ key: 'a', value: ['b'] }], [{ key: 'a', value: 'b' }]],
  ['lists that are nested otherwise', [{ key: 'a', value: [['b'], 'c'] }], [{ key: 'a', value: [['b', 'c']] }]],
  ['bytes and text', [{ key: 'a', value: new Uint8Array([98]) }], [{ key: 'a', value: 'b' }]],
  ['nothing and the empty text', [{ key: 'a', value: null }], [{ key: 'a', value: '' }]],
]
for (const [name, a, b] of differing) {
  test(`streams differ by ${name}`, () => assert.notEqual(attributesKey(a), attributesKey(b)))
}

test('the order of attributes makes no difference, inside of maps neither', () => {
  const pairs = (values: string[]): Attributes => values.map((key) => ({ key, value: key }))
  const a = [...pairs(['x', 'y']), { key: 'm', value: new KeyValueList(pairs(['p', 'q'])) }]
  const b = [{ key: 'm', value: new KeyValueList(pairs(['q', 'p'])) }, ...pairs(['y', 'x'])]
  assert.equal(attributesKey(a), attributesKey(b))
})

test('no two sets of text attributes have the same key', () => {
  const attributes = fc.dictionary(fc.string(), fc.string(), { maxKeys: 4 })
  fc.assert(
    fc.property(attributes, attributes, (a, b) => {
      const listed = (from: Record<string, string>): Attributes =>
        Object.entries(from).map(([key, value]) => ({ key, value }))
      const same = JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort())
      return same === (attributesKey(listed(a)) === attributesKey(listed(b)))
    }),
    { numRuns: 300 },
  )
})

test('a metric is told by its unit, kind, temporality and scope', () => {
  const metric: Metric = {
    name: 'm',
    description: '',
    unit: 's',
    metadata: [],
    data: { kind: 'sum', points: [], temporality: 1, isMonotonic: true, unknown: null },
    unknown: null,
  }
  const resource = { attributes: [], droppedAttributesCount: 0, entityRefs: [], unknown: null }
  const scope = (name: string): string =>
    scopeKey(resource, { name, version: '', attributes: [], droppedAttributesCount: 0, unknown: null })
  const keys = new Set([
    metricKey(scope('a'), metric),
    metricKey(scope('b'), metric),
    metricKey(scope('a'), { ...metric, unit: 'ms' }),
    metricKey(scope('a'), { ...metric, data: { ...metric.data, temporality: 2 } as Metric['data'] }),
    metricKey(scope('a'), { ...metric, data: { kind: 'gauge', points: [], unknown: null } }),
  ])
  assert.equal(keys.size, 5)
})

test('a table holds as many streams as it may, and forgets those not seen', () => {
  const table = new StreamTable<{ seenMs: number }>(2)
  assert.equal(table.group('m').add('a', { seenMs: 1 }), true)
  assert.equal(table.group('m').add('b', { seenMs: 5 }), true)
  assert.equal(table.group('n').add('c', { seenMs: 5 }), false)
  assert.equal(table.groups.size, 1)
  assert.equal(table.expire(5), 1)
  assert.equal(table.size, 1)
  assert.equal(table.group('m').get('a'), undefined)
  assert.equal(table.group('n').add('c', { seenMs: 6 }), true)
  assert.equal(table.expire(100), 2)
  assert.deepEqual([table.size, table.groups.size], [0, 0])
})

test('retain keeps the order and says how many went', () => {
  const items = [1, 2, 3, 4, 5]
  assert.equal(
    retain(items, (item) => item % 2 === 1),
    2,
  )
  assert.deepEqual(items, [1, 3, 5])
})

test('numbers add up as integers until one is a double', () => {
  assert.equal(addNumbers(1n, 2n), 3n)
  assert.equal(addNumbers(1n, 0.5), 1.5)
  assert.equal(addNumbers(null, 2n), 2n)
  assert.equal(addNumbers(2n ** 63n - 1n, 1n), -(2n ** 63n))
})

test('histograms with other bounds begin anew', () => {
  const histogram = (bounds: number[], counts: bigint[], sum: number | null) => ({
    attributes: [],
    startTimeUnixNano: 0n,
    timeUnixNano: 0n,
    count: counts.reduce((a, b) => a + b, 0n),
    sum,
    bucketCounts: counts,
    explicitBounds: bounds,
    exemplars: [],
    flags: 0,
    min: null,
    max: null,
    unknown: null,
  })
  const state = histogram([1, 2], [1n, 2n, 3n], 10)
  addHistogram(state, histogram([1, 2], [1n, 1n, 1n], 5))
  assert.deepEqual([state.bucketCounts, state.count, state.sum], [[2n, 3n, 4n], 9n, 15])
  addHistogram(state, histogram([1, 3], [1n, 0n, 0n], 1))
  assert.deepEqual([state.bucketCounts, state.explicitBounds, state.count], [[1n, 0n, 0n], [1, 3], 1n])
  addHistogram(state, histogram([1, 3], [1n, 0n, 0n], null))
  assert.equal(state.sum, null)
})

function exponential(values: {
  offset: number
  counts: number[]
  scale?: number
  zeroThreshold?: number
  zeroCount?: number
}): ExponentialHistogramPoint {
  const buckets = { offset: values.offset, bucketCounts: values.counts.map(BigInt), unknown: null }
  const zeroCount = BigInt(values.zeroCount ?? 0)
  return {
    attributes: [],
    startTimeUnixNano: 0n,
    timeUnixNano: 0n,
    count: zeroCount + BigInt(values.counts.reduce((a, b) => a + b, 0)),
    sum: null,
    scale: values.scale ?? 0,
    zeroCount,
    positive: buckets,
    negative: { offset: 0, bucketCounts: [], unknown: null },
    flags: 0,
    exemplars: [],
    min: null,
    max: null,
    zeroThreshold: values.zeroThreshold ?? 0,
    unknown: null,
  }
}

const merges: {
  name: string
  a: Parameters<typeof exponential>[0]
  b: Parameters<typeof exponential>[0]
  want: { scale: number; offset: number; counts: number[]; zeroCount: number }
}[] = [
  {
    name: 'side by side',
    a: { offset: -2, counts: [1, 2] },
    b: { offset: -5, counts: [1, 2, 3] },
    want: { scale: 0, offset: -5, counts: [1, 2, 3, 1, 2], zeroCount: 0 },
  },
  {
    name: 'one of a finer scale',
    a: { offset: -1, counts: [1, 1, 1, 1], scale: 1 },
    b: { offset: 0, counts: [5], scale: 0 },
    want: { scale: 0, offset: -1, counts: [1, 7, 1], zeroCount: 0 },
  },
  {
    name: 'with a gap too wide for one scale',
    a: { offset: 0, counts: [1] },
    b: { offset: 200, counts: [1] },
    want: { scale: -1, offset: 0, counts: [1, ...Array.from({ length: 99 }, () => 0), 1], zeroCount: 0 },
  },
  {
    name: 'empty buckets at the ends do not count',
    a: { offset: -1000, counts: [0, ...Array.from({ length: 1000 }, () => 0), 1] },
    b: { offset: 1, counts: [2, 0, 0] },
    want: { scale: 0, offset: 1, counts: [3], zeroCount: 0 },
  },
  {
    name: 'the wider zero bucket takes in what is below it',
    a: { offset: 0, counts: [1, 1, 1], zeroCount: 2 },
    b: { offset: 1, counts: [1, 1], zeroThreshold: 2, zeroCount: 2 },
    want: { scale: 0, offset: 1, counts: [2, 2], zeroCount: 5 },
  },
]
for (const { name, a, b, want } of merges) {
  for (const [order, into, other] of [
    ['', a, b],
    [' (the other way round)', b, a],
  ] as const) {
    test(`exponential histograms add up: ${name}${order}`, () => {
      const state = exponential(into)
      addExponentialHistogram(state, exponential(other))
      const { scale, zeroCount, positive } = state
      assert.deepEqual(
        { scale, offset: positive.offset, counts: positive.bucketCounts.map(Number), zeroCount: Number(zeroCount) },
        want,
      )
    })
  }
}

test('adding exponential histograms loses no count', () => {
  const point = fc.record({
    offset: fc.integer({ min: -300, max: 300 }),
    counts: fc.array(fc.nat(9), { maxLength: 40 }),
    scale: fc.integer({ min: -5, max: 10 }),
    zeroThreshold: fc.constantFrom(0, 1e-6, 1, 4),
    zeroCount: fc.nat(5),
  })
  fc.assert(
    fc.property(point, point, (a, b) => {
      const state = exponential(a)
      addExponentialHistogram(state, exponential(b))
      const filled = state.positive.bucketCounts.reduce((sum, count) => sum + count, 0n)
      assert.equal(state.count, filled + state.zeroCount)
      assert.equal(state.count, exponential(a).count + exponential(b).count)
      assert.ok(state.positive.bucketCounts.length <= 160)
    }),
    { numRuns: 300 },
  )
})
