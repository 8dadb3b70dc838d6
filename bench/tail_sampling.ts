// Measures the tail sampler: CPU per span, and the memory of spans that wait against what it counts.
//   node --expose-gc bench/tail_sampling.ts [traces, default 50000] [spans per request, default 200]
// Each trace has four spans, each in a request of its own, as from four services.
import process from 'node:process'
import { decoded, TestHost } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { Traces } from '#pdata'
import type { Span } from '#pdata/otlp'
import { emptyResource, emptyScope, tracesWire } from '#pdata/otlp'
import { tailSamplingProcessor } from '../processors/tail_sampling/component.ts'

const traces = Number(process.argv[2] ?? 50_000)
const requestSpans = Number(process.argv[3] ?? 200)
const services = 4

function spanOf(trace: number, service: number): Span {
  const traceId = Buffer.alloc(16, 5)
  traceId.writeUInt32BE(trace, 4)
  return {
    traceId,
    spanId: Buffer.alloc(8, service + 1),
    traceState: '',
    parentSpanId: service === 0 ? new Uint8Array() : Buffer.alloc(8, service),
    flags: 0x101,
    name: `GET /api/orders/${trace % 20}`,
    kind: 2,
    startTimeUnixNano: 1_700_000_000_000_000_000n,
    endTimeUnixNano: 1_700_000_000_000_000_000n + BigInt(trace % 1000) * 1_000_000n,
    attributes: [
      { key: 'http.request.method', value: 'GET' },
      { key: 'http.response.status_code', value: trace % 100 === 0 ? 500n : 200n },
      { key: 'url.path', value: `/api/orders/${trace}` },
      { key: 'server.address', value: 'orders.shop.svc.cluster.local' },
      { key: 'user_agent.original', value: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36' },
    ],
    droppedAttributesCount: 0,
    events: [],
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    status: { message: '', code: trace % 100 === 0 ? 2 : 0, unknown: null },
    unknown: null,
  }
}

/** A request of one service. In memory of its own, as it comes from a socket. */
function request(firstTrace: number, service: number): Uint8Array {
  const spans = Array.from({ length: requestSpans }, (_, i) => spanOf(firstTrace + i, service))
  const attributes = [
    { key: 'service.name', value: `service-${service}` },
    { key: 'k8s.pod.name', value: `service-${service}-7d9c5b7f6-abcde` },
  ]
  const resource = { ...emptyResource(), attributes }
  const scopeSpans = [{ scope: emptyScope(), spans, schemaUrl: '', unknown: null }]
  const wire = tracesWire(Traces.fromTree({ resourceSpans: [{ resource, scopeSpans, schemaUrl: '', unknown: null }] }))
  return Uint8Array.from(Buffer.concat(wire))
}

function usedBytes(): number {
  const collect = globalThis.gc
  if (collect === undefined) throw new Error('Cannot measure memory: run with --expose-gc')
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const clock = new ManualClock()
const host = new TestHost({ clock })
let outSpans = 0
const output = {
  traces: [
    {
      nodeId: 's',
      traces: { nodeId: 's', signal: 'traces' as const, consume: (batch: Traces) => void (outSpans += batch.count) },
    },
  ],
  logs: [],
  metrics: [],
}
const settings = decoded(tailSamplingProcessor.settings, {
  decision_wait: '1s',
  num_traces: BigInt(traces),
  maximum_pending_bytes: 1n << 33n,
  policies: [
    { name: 'errors', type: 'status_code', status_code: { status_codes: ['ERROR'] } },
    { name: 'slow', type: 'latency', latency: { threshold_ms: 990n } },
    {
      name: 'path',
      type: 'string_attribute',
      string_attribute: { key: 'url.path', values: ['^/health'], enabled_regex_matching: true },
    },
    { name: 'some', type: 'probabilistic', probabilistic: { sampling_percentage: 5 } },
  ],
})
const sampler = await tailSamplingProcessor.create(host, settings, output)
await sampler.start?.()

const before = usedBytes()
let bytes = 0
let takeMs = 0
for (let trace = 0; trace < traces; trace += requestSpans) {
  for (let service = 0; service < services; service++) {
    const chunk = request(trace, service)
    bytes += chunk.length
    const start = process.cpuUsage()
    await sampler.traces?.consume(Traces.fromWire([chunk], requestSpans))
    const { user, system } = process.cpuUsage(start)
    takeMs += (user + system) / 1000
  }
}
const held = usedBytes() - before
const state = sampler.debug?.()
const counted =
  typeof state === 'object' && state && 'bytes_pending' in state ? Number(state.bytes_pending) : Number.NaN
const spans = traces * services
const mb = (n: number): string => `${(n / 1024 / 1024).toFixed(1)} MiB`
console.log(`${spans} spans of ${traces} traces, ${mb(bytes)} of requests with ${requestSpans} spans each`)
console.log(`waiting: ${mb(held)} of memory, counted as ${mb(counted)}; ${(held / spans).toFixed(0)} bytes per span`)
const start = process.cpuUsage()
await clock.advance(2000)
const { user, system } = process.cpuUsage(start)
const decideMs = (user + system) / 1000
const us = (ms: number): string => `${((ms * 1000) / spans).toFixed(2)} µs`
console.log(
  `CPU per span: ${us(takeMs)} to take, ${us(decideMs)} to decide with four policies; ${outSpans} spans sampled`,
)
console.log(`afterwards: ${mb(usedBytes() - before)}`)
await sampler.stop(0)
