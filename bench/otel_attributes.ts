// Measures attribute actions: nanoseconds of CPU per span of ten attributes, on the wire and on trees.
//   node bench/otel_attributes.ts [seconds per measurement, default 0.5]
// Figures for the wire begin and end with encoded spans, as in a gateway; those for trees say what they include.
import process from 'node:process'
import type { ActionSettings } from '#component/otel_attributes'
import { AttributeActions, editAttributes, editResources, LiteralEdits } from '#component/otel_attributes'
import { Traces } from '#pdata'
import type { Attributes, Span } from '#pdata/otlp'
import { emptyResource, emptyScope, ownTracesTree, readTracesRequest, tracesWire } from '#pdata/otlp'

const secondsPerRun = Number(process.argv[2] ?? 0.5)
const spanCount = 1000

function idOf(seed: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (seed * 31 + i * 97) & 0xff)
}

function attributesOf(i: number): Attributes {
  return [
    { key: 'http.request.method', value: 'GET' },
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

const spans = Array.from({ length: spanCount }, (_, i) => spanOf(i))
const scopeSpans = [{ scope: emptyScope(), spans, schemaUrl: '', unknown: null }]
const resource = { ...emptyResource(), attributes: [{ key: 'service.name', value: 'shop' }] }
const wire = tracesWire(Traces.fromTree({ resourceSpans: [{ resource, scopeSpans, schemaUrl: '', unknown: null }] }))
const request = Buffer.concat(wire)

const noSettings = { value: undefined, pattern: '', from_attribute: '', from_context: '', converted_type: '' }
function actionsOf(...given: readonly (Partial<ActionSettings> & { key: string; action: string })[]): AttributeActions {
  return new AttributeActions(given.map((one) => ({ ...noSettings, ...one })))
}

function measure(name: string, run: () => void): void {
  for (let i = 0; i < 50; i++) run()
  const began = process.cpuUsage()
  const until = performance.now() + secondsPerRun * 1000
  let runs = 0
  while (performance.now() < until) {
    run()
    runs++
  }
  const used = process.cpuUsage(began)
  const nanoseconds = ((used.user + used.system) * 1000) / (runs * spanCount)
  console.log(`${name.padEnd(62)} ${nanoseconds.toFixed(0).padStart(7)} ns per span`)
}

const upsert = actionsOf({ action: 'upsert', key: 'deployment.environment', value: 'production' })
const several = actionsOf(
  { action: 'upsert', key: 'deployment.environment', value: 'production' },
  { action: 'delete', key: 'user_agent.original' },
  { action: 'update', key: 'url.scheme', value: 'http' },
)
const hashing = actionsOf({ action: 'hash', key: 'client.address' })

function onWire(actions: AttributeActions): () => void {
  const edits = new LiteralEdits(actions).for(null)
  if (edits === null) throw new Error('Cannot measure: the actions are not for the wire')
  return () => void editAttributes('traces', wire, edits)
}

function onTree(actions: AttributeActions): () => void {
  return () => {
    const tree = ownTracesTree(Traces.fromWire(wire, spanCount))
    for (const { scopeSpans: scopes } of tree.resourceSpans) {
      for (const scope of scopes) for (const span of scope.spans) actions.apply(span.attributes, null)
    }
    tracesWire(Traces.fromTree(tree))
  }
}

console.log(`${spanCount} spans, ${request.length} bytes`)
measure('validate the request, change nothing', () => void readTracesRequest(request))
measure('attributes: one upsert, on the wire', onWire(upsert))
measure('attributes: upsert, update and delete, on the wire', onWire(several))
const edits = new LiteralEdits(upsert).for(null)
if (edits !== null) measure('resource: one upsert, on the wire', () => void editResources(wire, edits))
measure('attributes: one upsert, decoded and encoded again', onTree(upsert))
measure('attributes: one hash, decoded and encoded again', onTree(hashing))
