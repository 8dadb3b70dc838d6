// Spans as an instrumented HTTP service sends them, and what a part costs for each: for benchmarks of parts.
import process from 'node:process'
import { emptyResource, emptyScope, type Span, type TracesTree } from '#pdata/otlp'

export const spanCount = 1000

function idOf(seed: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (seed * 31 + i * 97) & 0xff)
}

/** With ten attributes; every other one is a POST. */
function serverSpan(i: number): Span {
  const start = 1_700_000_000_000_000_000n + BigInt(i) * 1_000_003n
  return {
    traceId: idOf(i >> 3, 16),
    spanId: idOf(i, 8),
    traceState: '',
    parentSpanId: i % 8 === 0 ? new Uint8Array(0) : idOf(i - 1, 8),
    flags: 0x101,
    name: `GET /api/orders/${i % 20}`,
    kind: 2,
    startTimeUnixNano: start,
    endTimeUnixNano: start + 12_345_678n,
    attributes: [
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
    ],
    droppedAttributesCount: 0,
    events: [],
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    status: { message: '', code: 0, unknown: null },
    unknown: null,
  }
}

/** `spanCount` spans in all, as many of each service; a service has a resource of its own for each time it is named. */
export function spansOf(services: readonly string[]): TracesTree {
  const each = spanCount / services.length
  return {
    resourceSpans: services.map((service, r) => ({
      resource: {
        ...emptyResource(),
        attributes: [
          { key: 'service.name', value: service },
          { key: 'k8s.pod.name', value: `${service}-7f9c-x2k` },
        ],
      },
      scopeSpans: [
        {
          scope: { ...emptyScope(), name: 'instrumentation/http', version: '1.2.3' },
          spans: Array.from({ length: each }, (_, i) => serverSpan(r * each + i)),
          schemaUrl: '',
          unknown: null,
        },
      ],
      schemaUrl: '',
      unknown: null,
    })),
  }
}

/** CPU seconds for each measurement. */
const secondsPerRun = Number(process.argv[2] ?? 0.5)

/**
 * Runs `run`, which works on all spans, for the given CPU time in five parts, and prints the best of them per span. CPU
 * time, as the machine may be shared.
 */
export async function measureSpans(name: string, run: () => unknown, note = ''): Promise<void> {
  for (let i = 0; i < 20; i++) await run()
  let best = Infinity
  for (let round = 0; round < 5; round++) {
    let runs = 0
    let elapsedMicros = 0
    const start = process.cpuUsage()
    do {
      await run()
      runs++
      const used = process.cpuUsage(start)
      elapsedMicros = used.user + used.system
    } while (elapsedMicros < (secondsPerRun / 5) * 1e6)
    best = Math.min(best, (elapsedMicros * 1000) / runs / spanCount)
  }
  console.log(`${name.padEnd(62)} ${best.toFixed(best < 100 ? 2 : 0).padStart(9)} ns/span  ${note}`)
}
