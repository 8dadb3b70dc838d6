// A process for the benchmarks: sends prepared OTLP requests, as fast as they are answered or at a fixed rate.
//
// Started with `fork`; every message is a `LoadOrder`, answered with a `LoadResult`.
import { Agent, request as httpRequest } from 'node:http'
import { type ClientHttp2Session, connect } from 'node:http2'
import { Logs, Metrics, Traces } from '#pdata'
import {
  type Attributes,
  type LogRecord,
  logsWire,
  type Metric,
  metricsWire,
  type Resource,
  type Scope,
  type Span,
  tracesWire,
} from '#pdata/otlp'

export type LoadTransport = 'grpc' | 'http'
export type LoadSignal = 'traces' | 'logs' | 'metrics'

export interface LoadOrder {
  readonly transport: LoadTransport
  readonly signal: LoadSignal
  /** Spans, records or data points of a request. */
  readonly items: number
  readonly port: number
  readonly ms: number
  /** Requests under way at once; with a rate, the most. */
  readonly inFlight: number
  /** Requests a second; 0: the next one as soon as one is answered. */
  readonly rate: number
}

export interface LoadResult {
  readonly requests: number
  readonly failed: number
  /** Of the bodies that were taken. */
  readonly bytes: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Requests that differ, sent in turn, so that no cache of a collector sees the same one always. */
const bodiesEach = 8
const unknown = null

function attributesOf(n: number): Attributes {
  return Array.from({ length: 10 }, (_, at) => ({
    key: `http.attribute.${at}`,
    value: at % 3 === 0 ? BigInt(n * at) : `value ${n % 100} of ${at}`,
  }))
}

const resource: Resource = {
  attributes: [
    { key: 'service.name', value: 'shop' },
    { key: 'service.instance.id', value: 'shop-7d4b9c6f5-x2x1z' },
    { key: 'host.name', value: 'node-17' },
  ],
  droppedAttributesCount: 0,
  entityRefs: [],
  unknown,
}
const scope: Scope = { name: 'lib', version: '1.2.3', attributes: [], droppedAttributesCount: 0, unknown }
const startNs = 1_700_000_000_000_000_000n

function spanOf(n: number): Span {
  return {
    traceId: Uint8Array.from({ length: 16 }, (_, at) => (n * 31 + at * 7) & 0xff),
    spanId: Uint8Array.from({ length: 8 }, (_, at) => (n * 17 + at) & 0xff),
    traceState: '',
    parentSpanId: Uint8Array.from({ length: 8 }, (_, at) => (n * 13 + at) & 0xff),
    flags: 0,
    name: `GET /api/${n % 50}`,
    kind: 2,
    startTimeUnixNano: startNs + BigInt(n),
    endTimeUnixNano: startNs + BigInt(n) + 500_000_000n,
    attributes: attributesOf(n),
    droppedAttributesCount: 0,
    events: [],
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    status: { message: '', code: 0, unknown },
    unknown,
  }
}

function recordOf(n: number): LogRecord {
  return {
    timeUnixNano: startNs + BigInt(n),
    observedTimeUnixNano: startNs + BigInt(n) + 1n,
    severityNumber: 9,
    severityText: 'INFO',
    body: `GET /api/${n % 50} took ${n % 997} ms and answered ${200 + (n % 5)}`,
    attributes: attributesOf(n),
    droppedAttributesCount: 0,
    flags: 0,
    traceId: new Uint8Array(),
    spanId: new Uint8Array(),
    eventName: '',
    unknown,
  }
}

/** Ten points a metric. */
function metricsOf(items: number, seed: number): Metric[] {
  return Array.from({ length: Math.ceil(items / 10) }, (_, of) => ({
    name: `bench.family.${of}.requests`,
    description: 'Requests that the service has answered.',
    unit: '{request}',
    metadata: [],
    data: {
      kind: 'sum',
      points: Array.from({ length: Math.min(10, items - of * 10) }, (__, i) => ({
        attributes: attributesOf(seed + of * 10 + i),
        startTimeUnixNano: startNs,
        timeUnixNano: startNs + BigInt(seed),
        value: BigInt(seed * 1000 + i),
        exemplars: [],
        flags: 0,
        unknown,
      })),
      temporality: 2,
      isMonotonic: true,
      unknown,
    },
    unknown,
  }))
}

function bodyOf(signal: LoadSignal, items: number, seed: number): Buffer {
  const many = <T>(one: (n: number) => T): T[] => Array.from({ length: items }, (_, i) => one(seed * 7919 + i))
  const rest = { schemaUrl: '', unknown }
  switch (signal) {
    case 'traces': {
      const scopeSpans = [{ scope, spans: many(spanOf), ...rest }]
      return Buffer.concat(tracesWire(Traces.fromTree({ resourceSpans: [{ resource, scopeSpans, ...rest }] })))
    }
    case 'logs': {
      const scopeLogs = [{ scope, logRecords: many(recordOf), ...rest }]
      return Buffer.concat(logsWire(Logs.fromTree({ resourceLogs: [{ resource, scopeLogs, ...rest }] })))
    }
    case 'metrics': {
      const scopeMetrics = [{ scope, metrics: metricsOf(items, seed), ...rest }]
      return Buffer.concat(metricsWire(Metrics.fromTree({ resourceMetrics: [{ resource, scopeMetrics, ...rest }] })))
    }
  }
}

interface Sender {
  /** Resolves with whether the request was taken. */
  send(body: Buffer): Promise<boolean>
  close(): void
}

const grpcPaths = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
} as const

function grpcSender({ port, signal }: LoadOrder): Sender {
  const session: ClientHttp2Session = connect(`http://127.0.0.1:${port}`)
  const headers = {
    ':method': 'POST',
    ':path': grpcPaths[signal],
    'content-type': 'application/grpc',
    te: 'trailers',
    'grpc-timeout': '10S',
  }
  return {
    send: (body) =>
      new Promise((resolve) => {
        const stream = session.request(headers)
        let taken = false
        stream.on('error', () => resolve(false))
        stream.on('trailers', (trailers) => void (taken = trailers['grpc-status'] === '0'))
        stream.on('close', () => resolve(taken))
        stream.resume()
        stream.end(body)
      }),
    close: () => session.destroy(),
  }
}

/** A gRPC message: not compressed, its length, itself. */
function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

function httpSender({ port, signal, inFlight }: LoadOrder): Sender {
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight })
  return {
    send: (body) =>
      new Promise((resolve) => {
        const headers = { 'content-type': 'application/x-protobuf', 'content-length': body.length }
        const request = httpRequest(
          { port, host: '127.0.0.1', method: 'POST', path: `/v1/${signal}`, agent, headers },
          (response) => {
            response.resume()
            response.on('end', () => resolve(response.statusCode === 200))
          },
        )
        request.on('error', () => resolve(false))
        request.end(body)
      }),
    close: () => agent.destroy(),
  }
}

async function run(order: LoadOrder): Promise<LoadResult> {
  const plain = Array.from({ length: bodiesEach }, (_, seed) => bodyOf(order.signal, order.items, seed))
  const bodies = order.transport === 'grpc' ? plain.map(framed) : plain
  const sender = order.transport === 'grpc' ? grpcSender(order) : httpSender(order)
  const latencies: number[] = []
  let [sent, failed, bytes] = [0, 0, 0]
  const one = async (): Promise<void> => {
    const which = sent++ % bodiesEach
    const began = performance.now()
    if (await sender.send(bodies[which] as Buffer)) {
      latencies.push(performance.now() - began)
      bytes += (plain[which] as Buffer).length
    } else failed++
  }
  const began = performance.now()
  const end = began + order.ms
  if (order.rate === 0) {
    const again = async (): Promise<void> => {
      while (performance.now() < end) await one()
    }
    await Promise.all(Array.from({ length: order.inFlight }, again))
  } else {
    const under = new Set<Promise<void>>()
    for (let nowMs = began; nowMs < end; nowMs = performance.now()) {
      const due = Math.floor(((nowMs - began) / 1000) * order.rate)
      while (sent < due && under.size < order.inFlight) {
        const promise = one()
        under.add(promise)
        void promise.then(() => under.delete(promise))
      }
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await Promise.all(under)
  }
  sender.close()
  latencies.sort((a, b) => a - b)
  const at = (part: number): number => latencies[Math.floor(latencies.length * part)] ?? Number.NaN
  return { requests: latencies.length, failed, bytes, p50Ms: at(0.5), p99Ms: at(0.99) }
}

process.on('message', (order: LoadOrder) => {
  void run(order).then((result) => process.send?.(result))
})
