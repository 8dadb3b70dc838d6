// Time per span of span metrics, from encoded requests as an OTLP receiver hands them on: spans with ten attributes.
import { resourceSpans, type SpanInput, tracesTreeOf } from '#component/test_host'
import { Traces } from '#pdata'
import { readTracesRequest, tracesTree, tracesWire } from '#pdata/otlp'
import { SpanAggregator } from '../connectors/span_metrics/aggregate.ts'

const spansPerBatch = 500
const rounds = 400

function settings(dimensions: readonly string[]) {
  return {
    namespace: 'traces.span.metrics',
    isDelta: false,
    histogram: {
      kind: 'explicit',
      bounds: [2, 4, 6, 8, 10, 50, 100, 200, 400, 800, 1000, 1400, 2000, 5000, 10_000, 15_000],
    },
    unit: 'ms',
    withEvents: false,
    seriesMax: 0,
    exemplarsMax: 0,
    dimensions: dimensions.map((name) => ({ name, default: undefined, glob: '' })),
    callsDimensions: [],
    durationDimensions: [],
    eventDimensions: [],
    excluded: new Set<string>(),
    scopes: new Set<string>(),
    resourcesMax: 1000,
    resourceKeys: [],
    combinationsMax: 65_536,
    timesMax: 1000,
    resourceExpirationMs: 0,
    seriesExpirationMs: 0,
    samplingMethod: false,
    instanceId: 'one',
    random: Math.random,
  } as const
}

function request(): Uint8Array {
  const spans: SpanInput[] = Array.from({ length: spansPerBatch }, (_, i) => ({
    name: `GET /api/v1/resource/${i % 20}`,
    kind: 2 + (i % 2),
    traceId: 'ab'.repeat(16),
    spanId: 'cd'.repeat(8),
    parentId: 'ef'.repeat(8),
    durationMs: (i * 7) % 900,
    attributes: {
      'http.request.method': ['GET', 'POST'][i % 2] as string,
      'http.response.status_code': BigInt([200, 404, 500][i % 3] as number),
      'url.scheme': 'https',
      'url.path': `/api/v1/resource/${i}`,
      'server.address': 'shop.example.com',
      'server.port': 443n,
      'network.protocol.version': '1.1',
      'user_agent.original': 'Mozilla/5.0 (X11; Linux x86_64)',
      'client.address': '192.0.2.7',
      'thread.id': BigInt(i),
    },
  }))
  const resource = {
    'service.name': 'shop',
    'service.version': '1.2.3',
    'service.instance.id': 'a-b-c-d',
    'host.name': 'host',
    'telemetry.sdk.language': 'nodejs',
  }
  return tracesWire(Traces.fromTree(tracesTreeOf(resourceSpans(resource, spans))))[0] as Uint8Array
}

function measure(name: string, run: () => void): void {
  for (let i = 0; i < rounds; i++) run()
  let best = Infinity
  for (let round = 0; round < 5; round++) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < rounds; i++) run()
    best = Math.min(best, Number(process.hrtime.bigint() - start) / (rounds * spansPerBatch))
  }
  console.log(`${name.padEnd(40)} ${best.toFixed(0)} ns per span`)
}

const bytes = request()
for (const dimensions of [[], ['http.request.method', 'http.response.status_code']]) {
  const aggregator = new SpanAggregator(settings(dimensions))
  const batch = readTracesRequest(bytes)
  measure(`${dimensions.length} dimensions`, () => void aggregator.add(tracesWire(batch), 1_700_000_000_000))
}
const many = new SpanAggregator(settings(['thread.id', 'url.path']))
measure('2 dimensions, 500 series', () => void many.add([bytes], 1_700_000_000_000))
measure('for comparison: checking a request', () => void readTracesRequest(bytes))
measure('for comparison: decoding it', () => void tracesTree(readTracesRequest(bytes)))
