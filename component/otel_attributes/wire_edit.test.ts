// Editing on the wire against the same actions on decoded attributes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ClientContext } from '#pdata'
import { Logs, Metrics, Traces } from '#pdata'
import type { Attributes, Metric, MetricData, Resource } from '#pdata/otlp'
import {
  emptyResource,
  emptyScope,
  KeyValueList,
  logsTree,
  logsWire,
  metricsTree,
  metricsWire,
  readLogsRequest,
  readMetricsRequest,
  readTracesRequest,
  tracesTree,
  tracesWire,
} from '#pdata/otlp'
import type { ActionSettings } from './door.ts'
import { AttributeActions, editAttributes, editResources, LiteralEdits, WireEdits } from './door.ts'

const empty = {
  key: '',
  action: '',
  value: undefined,
  pattern: '',
  from_attribute: '',
  from_context: '',
  converted_type: '',
}
function actions(...given: readonly Partial<ActionSettings>[]): AttributeActions {
  return new AttributeActions(given.map((one) => ({ ...empty, ...one })))
}

function editsOf(given: AttributeActions, context: ClientContext | null = null): WireEdits {
  const edits = new LiteralEdits(given).for(context)
  assert.ok(edits)
  return edits
}

function resourceOf(attributes: Attributes): Resource {
  return { ...emptyResource(), attributes }
}

const noBytes = new Uint8Array()
function tracesOf(all: readonly { resource: Attributes; spans: readonly Attributes[] }[]): Traces {
  return Traces.fromTree({
    resourceSpans: all.map(({ resource, spans }) => ({
      resource: resourceOf(resource),
      scopeSpans: [
        {
          scope: emptyScope(),
          spans: spans.map((attributes) => ({
            traceId: new Uint8Array(16).fill(1),
            spanId: new Uint8Array(8).fill(2),
            traceState: '',
            parentSpanId: noBytes,
            flags: 0,
            name: 'GET /',
            kind: 2,
            startTimeUnixNano: 1n,
            endTimeUnixNano: 2n,
            attributes,
            droppedAttributesCount: 0,
            events: [
              {
                timeUnixNano: 3n,
                name: 'e',
                attributes: [{ key: 'a', value: 'event' }],
                droppedAttributesCount: 0,
                unknown: null,
              },
            ],
            droppedEventsCount: 0,
            links: [],
            droppedLinksCount: 0,
            status: { message: 'm', code: 1, unknown: null },
            unknown: null,
          })),
          schemaUrl: 's',
          unknown: null,
        },
      ],
      schemaUrl: 'r',
      unknown: null,
    })),
  })
}

function logsOf(all: readonly { resource: Attributes; records: readonly Attributes[] }[]): Logs {
  return Logs.fromTree({
    resourceLogs: all.map(({ resource, records }) => ({
      resource: resourceOf(resource),
      scopeLogs: [
        {
          scope: emptyScope(),
          logRecords: records.map((attributes) => ({
            timeUnixNano: 1n,
            observedTimeUnixNano: 2n,
            severityNumber: 9,
            severityText: 'INFO',
            body: 'text',
            attributes,
            droppedAttributesCount: 0,
            flags: 0,
            traceId: noBytes,
            spanId: noBytes,
            eventName: '',
            unknown: null,
          })),
          schemaUrl: '',
          unknown: null,
        },
      ],
      schemaUrl: '',
      unknown: null,
    })),
  })
}

/** A metric of each kind, each with the attributes given. */
function metricsOf(resource: Attributes, points: () => Attributes): Metrics {
  const times = { startTimeUnixNano: 1n, timeUnixNano: 2n, flags: 0, unknown: null }
  const number = () => ({ attributes: points(), ...times, value: 1n, exemplars: [] })
  const buckets = { offset: 0, bucketCounts: [1n], unknown: null }
  const histogram = { ...times, count: 1n, sum: 1, exemplars: [], min: null, max: null }
  const all: MetricData[] = [
    { kind: 'gauge', points: [number(), number()], unknown: null },
    { kind: 'sum', points: [number()], temporality: 2, isMonotonic: true, unknown: null },
    {
      kind: 'histogram',
      points: [{ attributes: points(), ...histogram, bucketCounts: [1n], explicitBounds: [] }],
      temporality: 2,
      unknown: null,
    },
    {
      kind: 'exponential_histogram',
      points: [
        {
          attributes: points(),
          ...histogram,
          scale: 1,
          zeroCount: 0n,
          positive: buckets,
          negative: buckets,
          zeroThreshold: 0,
        },
      ],
      temporality: 2,
      unknown: null,
    },
    { kind: 'summary', points: [{ attributes: points(), ...times, count: 1n, sum: 1, quantiles: [] }], unknown: null },
    { kind: 'empty' },
  ]
  const metrics: Metric[] = all.map((data) => ({
    name: data.kind,
    description: '',
    unit: '',
    metadata: [{ key: 'a', value: 'metadata' }],
    data,
    unknown: null,
  }))
  const scopeMetrics = [{ scope: emptyScope(), metrics, schemaUrl: '', unknown: null }]
  return Metrics.fromTree({
    resourceMetrics: [{ resource: resourceOf(resource), scopeMetrics, schemaUrl: '', unknown: null }],
  })
}

const key = fc.constantFrom('a', 'b', 'http.method', 'http.target', 'x'.repeat(200))
const value = fc.oneof(
  fc.string({ maxLength: 150 }),
  fc.boolean(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.double({ noNaN: true }),
)
const attributes = fc.uniqueArray(fc.record({ key, value }), { selector: (one) => one.key })
const action = fc.oneof(
  fc.record({ action: fc.constantFrom('insert', 'update', 'upsert'), key, value }),
  fc.record({ action: fc.constant('delete'), key }),
)
const someActions = fc.uniqueArray(action, { selector: (one) => one.key, minLength: 1 })

test('editing spans on the wire gives what the actions give on their attributes', () => {
  const input = fc.array(fc.record({ resource: attributes, spans: fc.array(attributes, { maxLength: 4 }) }), {
    maxLength: 3,
  })
  fc.assert(
    fc.property(input, someActions, (all, given) => {
      const compiled = actions(...given)
      const batch = tracesOf(all)
      const wire = tracesWire(batch)
      const before = wire.map((chunk) => Buffer.from(chunk))
      const edited = Buffer.concat(editAttributes('traces', wire, editsOf(compiled)))
      assert.deepEqual(
        wire,
        before.map((chunk) => new Uint8Array(chunk)),
        'the batch stays as it was',
      )
      const result = readTracesRequest(edited)
      assert.equal(result.count, batch.count)
      const want = tracesTree(readTracesRequest(Buffer.concat(wire)))
      for (const { scopeSpans } of want.resourceSpans) {
        for (const { spans } of scopeSpans) for (const span of spans) compiled.apply(span.attributes, null)
      }
      assert.deepEqual(tracesTree(result), want)
    }),
    { numRuns: 150 },
  )
})

test('editing log records on the wire gives what the actions give on their attributes', () => {
  const input = fc.array(fc.record({ resource: attributes, records: fc.array(attributes, { maxLength: 4 }) }), {
    maxLength: 3,
  })
  fc.assert(
    fc.property(input, someActions, (all, given) => {
      const compiled = actions(...given)
      const wire = logsWire(logsOf(all))
      const result = readLogsRequest(Buffer.concat(editAttributes('logs', wire, editsOf(compiled))))
      const want = logsTree(readLogsRequest(Buffer.concat(wire)))
      for (const { scopeLogs } of want.resourceLogs) {
        for (const { logRecords } of scopeLogs) for (const record of logRecords) compiled.apply(record.attributes, null)
      }
      assert.deepEqual(logsTree(result), want)
    }),
    { numRuns: 100 },
  )
})

test('editing data points of every kind on the wire gives what the actions give on their attributes', () => {
  fc.assert(
    fc.property(attributes, attributes, someActions, (resource, points, given) => {
      const compiled = actions(...given)
      const wire = metricsWire(metricsOf(resource, () => structuredClone(points)))
      const result = readMetricsRequest(Buffer.concat(editAttributes('metrics', wire, editsOf(compiled))))
      const want = metricsTree(readMetricsRequest(Buffer.concat(wire)))
      for (const { scopeMetrics } of want.resourceMetrics) {
        for (const { metrics } of scopeMetrics) {
          for (const { data } of metrics) {
            if (data.kind !== 'empty') for (const point of data.points) compiled.apply(point.attributes, null)
          }
        }
      }
      assert.deepEqual(metricsTree(result), want)
    }),
    { numRuns: 100 },
  )
})

test('editing resources on the wire gives what the actions give, for a resource that is missing too', () => {
  const input = fc.array(fc.record({ resource: attributes, spans: fc.array(attributes, { maxLength: 2 }) }), {
    maxLength: 3,
  })
  fc.assert(
    fc.property(input, someActions, (all, given) => {
      const compiled = actions(...given)
      const wire = tracesWire(tracesOf(all))
      const result = readTracesRequest(Buffer.concat(editResources(wire, editsOf(compiled))))
      const want = tracesTree(readTracesRequest(Buffer.concat(wire)))
      for (const { resource } of want.resourceSpans) compiled.apply(resource.attributes, null)
      assert.deepEqual(tracesTree(result), want)
    }),
    { numRuns: 150 },
  )
  // ResourceSpans { schema_url: "x" }, without a resource.
  const [edited] = editResources(
    [Uint8Array.of(0x0a, 3, 0x1a, 1, 0x78)],
    editsOf(actions({ action: 'upsert', key: 'k', value: 'v' })),
  )
  const tree = tracesTree(readTracesRequest(edited as Uint8Array))
  assert.deepEqual(tree.resourceSpans[0]?.resource.attributes, [{ key: 'k', value: 'v' }])
  assert.equal(tree.resourceSpans[0]?.schemaUrl, 'x')
})

test('a chunk in which there is nothing to edit is handed on as it is', () => {
  const wire = tracesWire(tracesOf([{ resource: [], spans: [[{ key: 'a', value: 1n }]] }]))
  for (const given of [
    { action: 'delete', key: 'b' },
    { action: 'update', key: 'b', value: 'x' },
    { action: 'insert', key: 'a', value: 'x' },
  ]) {
    assert.equal(editAttributes('traces', wire, editsOf(actions(given)))[0], wire[0], given.action)
  }
})

test('keys that come twice are all deleted and only the first is updated', () => {
  const twice = (): Attributes => [
    { key: 'a', value: 1n },
    { key: 'b', value: 2n },
    { key: 'a', value: 3n },
  ]
  for (const given of [
    { action: 'delete', key: 'a' },
    { action: 'update', key: 'a', value: 'x' },
    { action: 'upsert', key: 'a', value: 'x' },
  ]) {
    const compiled = actions(given)
    const wire = editAttributes('traces', tracesWire(tracesOf([{ resource: [], spans: [twice()] }])), editsOf(compiled))
    const span = tracesTree(readTracesRequest(Buffer.concat(wire))).resourceSpans[0]?.scopeSpans[0]?.spans[0]
    const want = twice()
    compiled.apply(want, null)
    assert.deepEqual(span?.attributes, want, given.action)
  }
})

test('a key that does not come first in its attribute is found', () => {
  // ResourceSpans { Resource { attributes: KeyValue { value { string "v" }, key "k" } } }
  const chunk = Uint8Array.from([0x0a, 12, 0x0a, 10, 0x0a, 8, 0x12, 3, 0x0a, 1, 0x76, 0x0a, 1, 0x6b])
  const [edited] = editResources([chunk], editsOf(actions({ action: 'update', key: 'k', value: true })))
  const tree = tracesTree(readTracesRequest(edited as Uint8Array))
  assert.deepEqual(tree.resourceSpans[0]?.resource.attributes, [{ key: 'k', value: true }])
})

test('fields that nobody knows stay, groups too', () => {
  // Span { 100: group { 1: 1 }, 101: "x" }
  const span = [0xa3, 0x06, 0x08, 0x01, 0xa4, 0x06, 0xaa, 0x06, 1, 0x78]
  const chunk = Uint8Array.from([0x0a, span.length + 4, 0x12, span.length + 2, 0x12, span.length, ...span])
  const [edited] = editAttributes('traces', [chunk], editsOf(actions({ action: 'upsert', key: 'k', value: 'v' })))
  const tree = tracesTree(readTracesRequest(edited as Uint8Array))
  const result = tree.resourceSpans[0]?.scopeSpans[0]?.spans[0]
  assert.deepEqual(result?.attributes, [{ key: 'k', value: 'v' }])
  assert.deepEqual([...(result?.unknown ?? [])], span)
})

test('lists, maps and what is known of the client are literals too', () => {
  const context: ClientContext = { metadata: new Map([['tenant', ['t1', 't2']]]), auth: null, peer: '[::1]:4711' }
  const given = actions(
    { action: 'upsert', key: 'list', value: ['x', 1n, null, new Map([['k', 1.5]])] },
    { action: 'insert', key: 'tenant', from_context: 'metadata.Tenant' },
    { action: 'insert', key: 'address', from_context: 'client.address' },
    { action: 'insert', key: 'missing', from_context: 'metadata.nothing' },
    { action: 'insert', key: 'default', from_context: 'auth.nothing', default_value: 7n },
  )
  const wire = editResources(tracesWire(tracesOf([{ resource: [], spans: [] }])), editsOf(given, context))
  assert.deepEqual(tracesTree(readTracesRequest(Buffer.concat(wire))).resourceSpans[0]?.resource.attributes, [
    { key: 'list', value: ['x', 1n, null, new KeyValueList([{ key: 'k', value: 1.5 }])] },
    { key: 'tenant', value: 't1;t2' },
    { key: 'address', value: '::1' },
    { key: 'default', value: 7n },
  ])
})

test('actions that need what telemetry says are not for the wire', () => {
  const cases: readonly Partial<ActionSettings>[][] = [
    [],
    [{ action: 'hash', key: 'a' }],
    [{ action: 'extract', key: 'a', pattern: '(?P<x>.*)' }],
    [{ action: 'convert', key: 'a', converted_type: 'int' }],
    [{ action: 'insert', key: 'a', from_attribute: 'b' }],
    [{ action: 'delete', pattern: '^a' }],
    [
      { action: 'insert', key: 'a', value: 1n },
      { action: 'update', key: 'a', value: 2n },
    ],
  ]
  for (const given of cases)
    assert.equal(new LiteralEdits(actions(...given)).for(null), null, JSON.stringify(given.map((one) => one.action)))
})
