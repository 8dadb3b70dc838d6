// CPU of a receiver per OTLP request, over gRPC and HTTP into a consumer that takes all; beside gRPC's own JavaScript server.
//
//   node bench/otlp_receive.ts [--ms 1500] [--only grpc]
//
// The server runs in a process of its own, whose CPU time is what counts; clients send the same request again and again,
// sixteen at once on one connection (HTTP: on sixteen).
import { fork } from 'node:child_process'
import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:http2'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { parseArgs } from 'node:util'
import { Capsule, type Port, type Signal } from '#component'
import { decoded, TestHost } from '#component/test_host'
import { Traces } from '#pdata'
import { KeyValueList, tracesToJson, tracesWire, type Span } from '#pdata/otlp'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { ms: { type: 'string', default: '1500' }, only: { type: 'string', default: '' } },
})
const exportPath = '/opentelemetry.proto.collector.trace.v1.TraceService/Export'
const inFlight = 16

// ----------------------------------------------------------------------------------------------------------- server

interface Started {
  readonly grpc: number
  readonly http: number
}

async function startReceiver(): Promise<Started> {
  const { otelcolReceiverOtlp } = await import('../receivers/otlp/component.ts')
  const { OtlpReceiver } = await import('../receivers/otlp/receiver.ts')
  const port: Port<Traces> = { nodeId: 'null', signal: 'traces' as Signal, consume() {} }
  const sink = new Capsule('otelcol.Consumer', { nodeId: 'null', traces: port })
  const host = new TestHost()
  // The test host's outlet is asynchronous; the service's is not where the consumer is not.
  host.outlet = (ports) => ({ consume: (batch) => ports[0]?.consume(batch) })
  const settings = decoded(otelcolReceiverOtlp.settings, {
    grpc: { endpoint: '127.0.0.1:0' },
    http: { endpoint: '127.0.0.1:0' },
    output: { traces: [sink] },
  })
  const receiver = await otelcolReceiverOtlp.create(host, settings)
  await receiver.start?.()
  if (!(receiver instanceof OtlpReceiver)) throw new Error('no receiver')
  return receiver.ports
}

/** grpc-js with the message handed over as bytes, and the same reading of it. */
async function startGrpcJs(): Promise<Started> {
  const { Server, ServerCredentials } = await import('@grpc/grpc-js')
  const { readTracesRequest } = await import('#pdata/otlp')
  const server = new Server({ 'grpc.max_receive_message_length': 4 * 1024 * 1024 })
  server.addService(
    {
      Export: {
        path: exportPath,
        requestStream: false,
        responseStream: false,
        requestSerialize: (bytes: Buffer) => bytes,
        requestDeserialize: (bytes: Buffer) => bytes,
        responseSerialize: (bytes: Buffer) => bytes,
        responseDeserialize: (bytes: Buffer) => bytes,
      },
    },
    {
      Export: (call: { request: Buffer }, done: (error: null, answer: Buffer) => void) => {
        readTracesRequest(call.request)
        done(null, Buffer.alloc(0))
      },
    },
  )
  const grpc = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error)
      else resolve(port)
    })
  })
  return { grpc, http: 0 }
}

async function serve(kind: string): Promise<void> {
  const ports = kind === 'grpc-js' ? await startGrpcJs() : await startReceiver()
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send?.({ cpuMs: (user + system) / 1000 })
  })
  process.send?.(ports)
}

// ---------------------------------------------------------------------------------------------------------- clients

interface Case {
  readonly name: string
  readonly server: 'own' | 'grpc-js'
  /** Sends one request; resolves when it is answered well. */
  sender(ports: Started): { send(): Promise<void>; close(): void }
}

function grpcSender(port: number, message: Uint8Array, encoding: string): ReturnType<Case['sender']> {
  const session = connect(`http://127.0.0.1:${port}`)
  const head = Buffer.alloc(5)
  head[0] = encoding === '' ? 0 : 1
  head.writeUInt32BE(message.length, 1)
  const body = Buffer.concat([head, message])
  const headers = {
    ':method': 'POST',
    ':path': exportPath,
    'content-type': 'application/grpc',
    te: 'trailers',
    'grpc-timeout': '10S',
    ...(encoding === '' ? {} : { 'grpc-encoding': encoding }),
  }
  return {
    send: () =>
      new Promise((resolve, reject) => {
        const stream = session.request(headers)
        stream.on('error', reject)
        stream.on('trailers', (trailers) => {
          if (trailers['grpc-status'] === '0') resolve()
          else reject(new Error(String(trailers['grpc-message'])))
        })
        stream.resume()
        stream.end(body)
      }),
    close: () => session.destroy(),
  }
}

function httpSender(
  port: number,
  body: Uint8Array | string,
  type: string,
  encoding: string,
): ReturnType<Case['sender']> {
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight })
  const headers = {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    ...(encoding === '' ? {} : { 'content-encoding': encoding }),
  }
  return {
    send: () =>
      new Promise((resolve, reject) => {
        const request = httpRequest(
          { port, host: '127.0.0.1', method: 'POST', path: '/v1/traces', agent, headers },
          (response) => {
            response.resume()
            response.on('end', () =>
              response.statusCode === 200 ? resolve() : reject(new Error(`${response.statusCode}`)),
            )
          },
        )
        request.on('error', reject)
        request.end(body)
      }),
    close: () => agent.destroy(),
  }
}

/** CPU milliseconds of the server per request, and requests answered. */
async function measure({ server, sender }: Case, ms: number): Promise<{ perRequestMs: number; requests: number }> {
  const child = fork(import.meta.filename, ['serve', server])
  const next = <T>(): Promise<T> => new Promise((resolve) => child.once('message', (message) => resolve(message as T)))
  const ports = await next<Started>()
  const { send, close } = sender(ports)
  const run = async (forMs: number): Promise<number> => {
    let requests = 0
    const end = performance.now() + forMs
    const one = async (): Promise<void> => {
      while (performance.now() < end) {
        await send()
        requests++
      }
    }
    await Promise.all(Array.from({ length: inFlight }, one))
    return requests
  }
  const cpu = async (): Promise<number> => {
    child.send('cpu')
    return (await next<{ cpuMs: number }>()).cpuMs
  }
  await run(ms / 3)
  const before = await cpu()
  const requests = await run(ms)
  const perRequestMs = ((await cpu()) - before) / requests
  close()
  child.kill()
  return { perRequestMs, requests }
}

function spansOf(count: number): Traces {
  const spans = Array.from({ length: count }, (_, i): Span => ({
    traceId: Uint8Array.from({ length: 16 }, (__, at) => (i * 31 + at * 7) & 0xff),
    spanId: Uint8Array.from({ length: 8 }, (__, at) => (i * 17 + at) & 0xff),
    traceState: '',
    parentSpanId: new Uint8Array(),
    flags: 0,
    name: `GET /api/${i % 50}`,
    kind: 2,
    startTimeUnixNano: 1_700_000_000_000_000_000n + BigInt(i),
    endTimeUnixNano: 1_700_000_000_500_000_000n + BigInt(i),
    attributes: Array.from({ length: 10 }, (__, at) => ({
      key: `http.attribute.${at}`,
      value: at % 3 === 0 ? BigInt(i * at) : `value ${i % 100} of ${at}`,
    })),
    droppedAttributesCount: 0,
    events: [],
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    status: { message: '', code: 0, unknown: null },
    unknown: null,
  }))
  return Traces.fromTree({
    resourceSpans: [
      {
        resource: {
          attributes: [
            { key: 'service.name', value: 'shop' },
            { key: 'of', value: new KeyValueList([{ key: 'k', value: 'v' }]) },
          ],
          droppedAttributesCount: 0,
          entityRefs: [],
          unknown: null,
        },
        scopeSpans: [
          {
            scope: { name: 'lib', version: '1', attributes: [], droppedAttributesCount: 0, unknown: null },
            spans,
            schemaUrl: '',
            unknown: null,
          },
        ],
        schemaUrl: '',
        unknown: null,
      },
    ],
  })
}

function casesOf(count: number): { bytes: number; cases: Case[] } {
  const batch = spansOf(count)
  const wire = Buffer.concat(tracesWire(batch))
  const json = tracesToJson(batch)
  const protobuf = 'application/x-protobuf'
  return {
    bytes: wire.length,
    cases: [
      { name: 'gRPC', server: 'own', sender: ({ grpc }) => grpcSender(grpc, wire, '') },
      { name: 'gRPC, grpc-js', server: 'grpc-js', sender: ({ grpc }) => grpcSender(grpc, wire, '') },
      { name: 'gRPC gzip', server: 'own', sender: ({ grpc }) => grpcSender(grpc, gzipSync(wire), 'gzip') },
      { name: 'gRPC gzip, grpc-js', server: 'grpc-js', sender: ({ grpc }) => grpcSender(grpc, gzipSync(wire), 'gzip') },
      { name: 'gRPC zstd', server: 'own', sender: ({ grpc }) => grpcSender(grpc, zstdCompressSync(wire), 'zstd') },
      { name: 'HTTP protobuf', server: 'own', sender: ({ http }) => httpSender(http, wire, protobuf, '') },
      {
        name: 'HTTP protobuf gzip',
        server: 'own',
        sender: ({ http }) => httpSender(http, gzipSync(wire), protobuf, 'gzip'),
      },
      { name: 'HTTP JSON', server: 'own', sender: ({ http }) => httpSender(http, json, 'application/json', '') },
    ],
  }
}

if (positionals[0] === 'serve') await serve(positionals[1] as string)
else {
  for (const count of [10, 100, 1000]) {
    const { bytes, cases } = casesOf(count)
    for (const one of cases) {
      if (!one.name.includes(options.only)) continue
      const { perRequestMs, requests } = await measure(one, Number(options.ms))
      const perSpan = (perRequestMs * 1000) / count
      const head = `${String(count).padStart(5)} spans, ${String(bytes).padStart(7)} B  ${one.name.padEnd(20)}`
      console.log(
        `${head} ${perRequestMs.toFixed(3).padStart(8)} ms/request ${perSpan.toFixed(2).padStart(7)} µs/span ${String(requests).padStart(7)} requests`,
      )
    }
  }
}
