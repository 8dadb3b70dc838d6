// Measures OTLP's codec: nanoseconds of CPU per span of ten attributes, beside protobufjs.
//   node bench/otlp_codec.ts [seconds per measurement, default 0.5]
import process from 'node:process'
import { Traces } from '#pdata'
import type { Span, TracesTree } from '#pdata/otlp'
import {
  countWire,
  emptyResource,
  emptyScope,
  itemLevels,
  ownTracesTree,
  readTracesRequest,
  splitTraces,
  tracesFromJson,
  tracesToJson,
  tracesWire,
} from '#pdata/otlp'
import { judges } from '../pdata/otlp/testdata/judge.ts'

const secondsPerRun = Number(process.argv[2] ?? 0.5)
const spanCount = 1000

function idOf(seed: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (seed * 31 + i * 97) & 0xff)
}

/** A server span as an instrumented HTTP service sends it. */
function spanOf(i: number): Span {
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

function treeOf(count: number): TracesTree {
  const resource = emptyResource()
  resource.attributes.push({ key: 'service.name', value: 'orders' }, { key: 'k8s.pod.name', value: 'orders-7f9c-x2k' })
  const spans = Array.from({ length: count }, (_, i) => spanOf(i))
  const scope = { ...emptyScope(), name: 'instrumentation/http', version: '1.2.3' }
  return {
    resourceSpans: [
      { resource, scopeSpans: [{ scope, spans, schemaUrl: '', unknown: null }], schemaUrl: '', unknown: null },
    ],
  }
}

/** Run for the given CPU time, five times; print the best of them per span. CPU time, as the machine may be shared. */
function measure(name: string, run: () => void, note = ''): void {
  let best = Infinity
  for (let round = 0; round < 5; round++) {
    let runs = 0
    const start = process.cpuUsage()
    let elapsedMicros = 0
    do {
      run()
      runs++
      const used = process.cpuUsage(start)
      elapsedMicros = used.user + used.system
    } while (elapsedMicros < (secondsPerRun / 5) * 1e6)
    best = Math.min(best, (elapsedMicros * 1000) / runs / spanCount)
  }
  console.log(`${name.padEnd(40)} ${best.toFixed(best < 100 ? 2 : 0).padStart(9)} ns/span  ${note}`)
}

const tree = treeOf(spanCount)
const bytes = tracesWire(Traces.fromTree(tree))[0]!
const batch = readTracesRequest(bytes)
const json = tracesToJson(batch)
const numbersJson = json.replace(/"(\d{16,})"/g, '$1')
const judge = judges.traces
const judged = judge.decode(bytes)

measure('validate', () => void readTracesRequest(bytes), `${(bytes.length / spanCount).toFixed(0)} bytes/span`)
measure('count', () => void countWire(bytes, itemLevels))
measure('split into 8', () => void splitTraces(batch, spanCount / 8))
measure('decode', () => void ownTracesTree(Traces.fromWire([bytes], spanCount)))
measure('encode', () => void tracesWire(Traces.fromTree(tree)))
measure('JSON decode', () => void tracesFromJson(json), `${(json.length / spanCount).toFixed(0)} bytes/span`)
measure('JSON decode, times as numbers', () => void tracesFromJson(numbersJson))
measure('JSON.parse alone', () => void JSON.parse(json))
measure('JSON.parse alone, reviver', () => void JSON.parse(json, (_key, value: unknown) => value))
measure('JSON encode', () => void tracesToJson(batch))
measure('protobufjs decode', () => void judge.decode(bytes))
measure('protobufjs encode', () => void judge.encode(judged).finish())
