// Requests are found by their two spans, and counted by the services that they connect.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ResourceSpans } from '#pdata/otlp'
import {
  decoded,
  OtelSink,
  problemsOf,
  resourceSpans,
  type SpanInput,
  TestHost,
  tracesTreeOf,
  type Written,
} from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { type Metrics, Traces } from '#pdata'
import { anyValueText, readTracesRequest, tracesWire } from '#pdata/otlp'
import { otelcolConnectorServicegraph, serviceGraphConnector } from './component.ts'

function linesOf(batch: Metrics | undefined): string[] {
  const lines: string[] = []
  for (const { scopeMetrics } of batch?.tree?.resourceMetrics ?? []) {
    for (const { name, data } of scopeMetrics[0]?.metrics ?? []) {
      if (data.kind === 'empty') continue
      for (const point of data.points) {
        const attributes = point.attributes.map(({ key, value }) => `${key}=${anyValueText(value)}`).join(',')
        const value = 'value' in point ? point.value : `${point.count}/${point.sum}`
        lines.push(`${name.replace('traces_service_graph_request_', '')}{${attributes}} ${value}`)
      }
    }
  }
  return lines.sort()
}

async function started(written: Written = {}) {
  const clock = new ManualClock()
  const host = new TestHost({ clock })
  const sink = new OtelSink()
  const settings = decoded(serviceGraphConnector.settings, written)
  const connector = await serviceGraphConnector.create(host, settings, sink.output)
  await connector.start?.()
  const { counters } = host
  const check = (): void => assert.equal(counters.in, counters.out + counters.dropped + counters.waiting)
  const send = async (...resources: ResourceSpans[]): Promise<void> => {
    const [chunk] = tracesWire(Traces.fromTree(tracesTreeOf(...resources)))
    const batch = readTracesRequest(chunk ?? new Uint8Array())
    counters.in += batch.count
    await connector.traces?.consume(batch)
    check()
  }
  const lines = (): string[] => linesOf(sink.metrics.at(-1))
  return { clock, host, sink, connector, send, lines, check }
}

const trace = 'ab'.repeat(16)
const idOf = (n: number): string => n.toString(16).padStart(16, '0')
/** Spans of a service: client 3, server 2, producer 4, consumer 5. */
const client = (id: number, more: SpanInput = {}): SpanInput => ({ kind: 3, traceId: trace, spanId: idOf(id), ...more })
const server = (parent: number, more: SpanInput = {}): SpanInput => ({
  kind: 2,
  traceId: trace,
  spanId: idOf(1000 + parent),
  parentId: parent === 0 ? '' : idOf(parent),
  ...more,
})
const of = (service: string, ...spans: SpanInput[]): ResourceSpans =>
  resourceSpans({ 'service.name': service, zone: `${service}-zone` }, spans)

interface Case {
  readonly name: string
  readonly written?: Written
  readonly batches: readonly (readonly ResourceSpans[])[]
  readonly want: readonly string[]
  readonly dropped?: Readonly<Record<string, number>>
}

const edge = 'client=a,server=b,connection_type=,failed=false'
const cases: readonly Case[] = [
  {
    name: 'requests of more series than may be kept count in one',
    written: { aggregation_cardinality_limit: 1n },
    batches: [[of('a', client(1), client(2), client(3)), of('b', server(1)), of('c', server(2)), of('d', server(3))]],
    want: [
      `client{${edge}} 1/0`,
      'client{otel.metric.overflow=true} 2/0',
      `server{${edge}} 1/0`,
      'server{otel.metric.overflow=true} 2/0',
      `total{${edge}} 1`,
      'total{otel.metric.overflow=true} 2',
    ],
  },
  {
    name: 'a request has a client’s and a server’s span, in either order and in different batches',
    batches: [
      [of('a', client(1, { durationMs: 30 }), client(2, { durationMs: 10 }))],
      [of('b', server(1, { durationMs: 20 }))],
      [of('b', server(3))],
      [of('a', client(3))],
    ],
    want: [`client{${edge}} 2/0.03`, `server{${edge}} 2/0.02`, `total{${edge}} 2`],
    dropped: { unpaired: 1 },
    written: { virtual_node_peer_attributes: [] },
  },
  {
    name: 'an error on either side makes a request failed',
    batches: [[of('a', client(1, { status: 2 })), of('b', server(1))]],
    want: [
      'client{client=a,server=b,connection_type=,failed=true} 1/0',
      'failed_total{client=a,server=b,connection_type=,failed=true} 1',
      'server{client=a,server=b,connection_type=,failed=true} 1/0',
      'total{client=a,server=b,connection_type=,failed=true} 1',
    ],
  },
  {
    name: 'messages go from producer to consumer',
    batches: [[of('a', client(1, { kind: 4 })), of('b', server(1, { kind: 5 }))]],
    want: ['total{client=a,server=b,connection_type=messaging_system,failed=false} 1'],
  },
  {
    name: 'a database has no span of its own',
    written: { database_name_attributes: ['db.namespace', 'db.name'] },
    batches: [[of('a', client(1, { durationMs: 7, attributes: { 'db.name': 'orders' } }))]],
    want: [
      'client{client=a,server=orders,connection_type=database,failed=false} 1/0.007',
      'server{client=a,server=orders,connection_type=database,failed=false} 1/0.007',
      'total{client=a,server=orders,connection_type=database,failed=false} 1',
    ],
  },
  {
    name: 'a peer without spans is named by the client, the best attribute first',
    written: { virtual_node_extra_label: true },
    batches: [[of('a', client(1, { attributes: { 'db.system': 'redis', 'peer.service': 'cache' } }), client(2))]],
    want: [
      'total{client=a,server=cache,connection_type=virtual_node,failed=false,virtual_node=server} 1',
      'total{client=a,server=unknown,connection_type=virtual_node,failed=false,virtual_node=server} 1',
    ],
  },
  {
    name: 'a root span of a server was asked for by a user, one with a parent is unpaired',
    batches: [[of('b', server(0), server(7))]],
    want: ['total{client=user,server=b,connection_type=virtual_node,failed=false} 1'],
    dropped: { unpaired: 1 },
  },
  {
    name: 'dimensions are of the resource, or else of the span',
    written: { dimensions: ['zone', 'own', 'none'] },
    batches: [[of('a', client(1, { attributes: { zone: 'x', own: 5n } })), of('b', server(1))]],
    want: [`total{${edge},client_zone=a-zone,client_own=5,server_zone=b-zone} 1`],
  },
  {
    name: 'more than the store takes is dropped',
    written: { store: { max_items: 2n }, virtual_node_peer_attributes: [] },
    batches: [[of('a', client(1), client(2), client(3), client(2)), of('b', server(1))]],
    want: [`total{${edge}} 1`],
    dropped: { 'store full': 1, unpaired: 2 },
  },
  {
    name: 'spans of no service are dropped, those that are part of no request are passed over',
    batches: [[resourceSpans({}, [client(1)]), of('a', { kind: 1 }, {}, client(2)), of('b', server(2))]],
    want: [`total{${edge}} 1`],
    dropped: { 'no service name': 1 },
  },
]
for (const { name, written, batches, want, dropped = {} } of cases) {
  test(name, async () => {
    const { send, clock, lines, host, check } = await started(written)
    for (const batch of batches) await send(...batch)
    await clock.advance(60_000)
    const wantsAll = want.some((line) => !line.startsWith('total'))
    assert.deepEqual(wantsAll ? lines() : lines().filter((line) => line.startsWith('total')), [...want])
    assert.deepEqual(Object.fromEntries(host.counters.droppedByReason), dropped)
    assert.equal(host.counters.waiting, 0)
    check()
  })
}

test('spans wait for their other side, and no longer than they may', async () => {
  const { send, clock, host, check } = await started({
    store: { ttl: '10s' },
    store_expiration_loop: '1s',
    virtual_node_peer_attributes: [],
  })
  await send(of('a', client(1)))
  await clock.advance(9000)
  assert.equal(host.counters.waiting, 1)
  await clock.advance(3000)
  assert.equal(host.counters.waiting, 0)
  assert.equal(host.counters.droppedByReason.get('unpaired'), 1)
  check()
})

test('metrics go with every batch where the interval is 0', async () => {
  const { send, sink } = await started({ metrics_flush_interval: '0s', metrics_timestamp_offset: '5s' })
  await send(of('a', client(1)))
  assert.equal(sink.metrics.length, 0)
  await send(of('b', server(1)))
  assert.equal(sink.metrics.length, 1)
  const [total] = sink.metrics[0]?.tree?.resourceMetrics[0]?.scopeMetrics[0]?.metrics ?? []
  assert.ok(total?.data.kind === 'sum')
  assert.equal(total.data.points[0]?.timeUnixNano, 1_699_999_995_000_000_000n)
})

test('exponential histograms where their size is written', async () => {
  const { send, sink, clock } = await started({ exponential_histogram_max_size: 20n })
  await send(of('a', client(1, { durationMs: 4 })), of('b', server(1)))
  await clock.advance(60_000)
  const metrics = sink.metrics[0]?.tree?.resourceMetrics[0]?.scopeMetrics[0]?.metrics ?? []
  assert.deepEqual(
    metrics.map(({ name, unit, data }) => [name, unit, data.kind]),
    [
      ['traces_service_graph_request_total', '', 'sum'],
      ['traces_service_graph_request_server', 's', 'exponential_histogram'],
      ['traces_service_graph_request_client', 's', 'exponential_histogram'],
    ],
  )
})

test('series without requests for a quarter of an hour are forgotten', async () => {
  const { send, clock, sink } = await started()
  await send(of('a', client(1)), of('b', server(1)))
  await clock.advance(14 * 60_000)
  assert.equal(sink.metrics.length, 14)
  await clock.advance(20 * 60_000)
  assert.ok(sink.metrics.length <= 16)
})

test('stopping sends what there is and drops what waits', async () => {
  const { send, connector, sink, host, clock, check } = await started()
  await send(of('a', client(1), client(2)), of('b', server(1)))
  await connector.stop(1000)
  await connector.stop(1000)
  assert.equal(sink.metrics.length, 1)
  assert.equal(host.counters.droppedByReason.get('unpaired'), 1)
  assert.equal(clock.pending, 0)
  check()
})

test('refuses what cannot work', () => {
  assert.deepEqual(problemsOf(serviceGraphConnector.settings, { store: { ttl: '0s', max_items: 0n } }), [
    'store.max_items must be greater than 0',
    'store.ttl must be greater than 0',
  ])
  assert.deepEqual(problemsOf(otelcolConnectorServicegraph.settings, { output: {}, cache_loop: '0s' }), [
    'cache_loop must be greater than 0',
  ])
})
