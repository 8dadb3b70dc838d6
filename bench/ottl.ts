// Measures OTTL's processors: nanoseconds of CPU per span of ten attributes, from encoded spans to encoded spans.
//   node bench/ottl.ts [seconds per measurement, default 0.5]
import process from 'node:process'
import { decoded, TestHost, type Written } from '#component/test_host'
import { Traces } from '#pdata'
import type { Attributes, Span } from '#pdata/otlp'
import { emptyResource, emptyScope, ownTracesTree, readTracesRequest, tracesWire } from '#pdata/otlp'
import { filterProcessor } from '../processors/filter/component.ts'
import { transformProcessor } from '../processors/transform/component.ts'

const secondsPerRun = Number(process.argv[2] ?? 0.5)
const spanCount = 1000

function idOf(seed: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (seed * 31 + i * 97) & 0xff)
}

function attributesOf(i: number): Attributes {
  return [
    { key: 'http.request.method', value: i % 2 === 0 ? 'GET' : 'POST' },
    { key: 'http.response.status_code', value: 200n },
    { key: 'url.path', value: `/api/orders/${i}` },
    { key: 'url.scheme', value: 'https' },
    { key: 'server.address', value: 'orders.shop.svc.cluster.local' },
    { key: 'server.port', value: 8443n },
    { key: 'client.address', value: `10.1.${i % 256}.7` },
    { key: 'user_agent.original', value: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36' },
    { key: 'network.protocol.version', value: '1.1' },
    { key: 'app.sampling.score', value: i / 7 },
  ]
}

function spanOf(i: number): Span {
  return {
    traceId: idOf(i >> 3, 16),
    spanId: idOf(i, 8),
    traceState: '',
    parentSpanId: idOf(i - 1, 8),
    flags: 0x101,
    name: `GET /api/orders/${i % 20}`,
    kind: 2,
    startTimeUnixNano: 1_700_000_000_000_000_000n,
    endTimeUnixNano: 1_700_000_000_012_345_678n,
    attributes: attributesOf(i),
    droppedAttributesCount: 0,
    events: [],
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    status: { message: '', code: 0, unknown: null },
    unknown: null,
  }
}

/** Ten resources of a hundred spans; every other one is `shop`'s. */
const resourceSpans = Array.from({ length: 10 }, (_, r) => ({
  resource: { ...emptyResource(), attributes: [{ key: 'service.name', value: r % 2 === 0 ? 'shop' : 'cart' }] },
  scopeSpans: [
    {
      scope: emptyScope(),
      spans: Array.from({ length: 100 }, (__, i) => spanOf(r * 100 + i)),
      schemaUrl: '',
      unknown: null,
    },
  ],
  schemaUrl: '',
  unknown: null,
}))
const request = Buffer.concat(tracesWire(Traces.fromTree({ resourceSpans })))

async function measure(name: string, run: () => unknown): Promise<void> {
  for (let i = 0; i < 50; i++) await run()
  const began = process.cpuUsage()
  const until = performance.now() + secondsPerRun * 1000
  let runs = 0
  while (performance.now() < until) {
    await run()
    runs++
  }
  const used = process.cpuUsage(began)
  const nanoseconds = ((used.user + used.system) * 1000) / (runs * spanCount)
  console.log(`${name.padEnd(62)} ${nanoseconds.toFixed(0).padStart(7)} ns per span`)
}

/** A processor between a receiver and an exporter: bytes in, bytes out. */
async function processed(
  definition: typeof filterProcessor | typeof transformProcessor,
  written: Written,
): Promise<() => Promise<void>> {
  const port = { nodeId: 'out', signal: 'traces' as const, consume: (batch: Traces) => void tracesWire(batch) }
  const output = { traces: [{ nodeId: 'out', traces: port }], metrics: [], logs: [] }
  const settings = decoded<object>(definition.settings as never, written)
  const component = await definition.create(new TestHost(), settings as never, output)
  return async () => {
    await component.traces?.consume(readTracesRequest(request))
  }
}

await measure('read and checked only', () => readTracesRequest(request))
await measure('decoded and encoded again', () => tracesWire(Traces.fromTree(ownTracesTree(readTracesRequest(request)))))
const filters: readonly [string, Written][] = [
  ['filter, half by a span attribute', { traces: { span: ['attributes["http.request.method"] == "POST"'] } }],
  [
    'filter, half by a span attribute, on trees',
    { traces: { span: ['attributes["http.request.method"] == "POST" and cache["x"] == nil'] } },
  ],
  ['filter, half by a resource attribute', { traces: { resource: ['attributes["service.name"] == "cart"'] } }],
  [
    'filter, half by a resource attribute in the context span',
    { traces: { span: ['resource.attributes["service.name"] == "cart"'] } },
  ],
]
for (const [name, written] of filters) await measure(name, await processed(filterProcessor, written))
const statements = [
  'set(span.attributes["deployment.environment"], "production")',
  'set(span.attributes["http.method"], span.attributes["http.request.method"])',
  'set(span.attributes["slow"], true) where span.end_time_unix_nano - span.start_time_unix_nano > 1000000',
  'set(span.status.code, STATUS_CODE_OK) where span.attributes["http.response.status_code"] == 200',
  'set(span.name, Concat([span.attributes["http.request.method"], resource.attributes["service.name"]], " ")) where span.kind == SPAN_KIND_SERVER',
]
await measure('transform, five statements', await processed(transformProcessor, { trace_statements: statements }))
