// Measures OTTL's processors: nanoseconds of CPU per span of ten attributes, from encoded spans to encoded spans.
//   node bench/ottl.ts [seconds per measurement, default 0.5]
import { decoded, TestHost, type Written } from '#component/test_host'
import { Traces } from '#pdata'
import { ownTracesTree, readTracesRequest, tracesWire } from '#pdata/otlp'
import { filterProcessor } from '../processors/filter/component.ts'
import { transformProcessor } from '../processors/transform/component.ts'
import { measureSpans, spansOf } from './spans.ts'

const services = Array.from({ length: 10 }, (_, r) => (r % 2 === 0 ? 'shop' : 'cart'))
const request = Buffer.concat(tracesWire(Traces.fromTree(spansOf(services))))

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

await measureSpans('read and checked only', () => readTracesRequest(request))
await measureSpans('decoded and encoded again', () =>
  tracesWire(Traces.fromTree(ownTracesTree(readTracesRequest(request)))),
)
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
for (const [name, written] of filters) await measureSpans(name, await processed(filterProcessor, written))
const statements = [
  'set(span.attributes["deployment.environment"], "production")',
  'set(span.attributes["http.method"], span.attributes["http.request.method"])',
  'set(span.attributes["slow"], true) where span.end_time_unix_nano - span.start_time_unix_nano > 1000000',
  'set(span.status.code, STATUS_CODE_OK) where span.attributes["http.response.status_code"] == 200',
  'set(span.name, Concat([span.attributes["http.request.method"], resource.attributes["service.name"]], " ")) where span.kind == SPAN_KIND_SERVER',
]
await measureSpans('transform, five statements', await processed(transformProcessor, { trace_statements: statements }))
