import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import { systemClock } from '#lib/clock'
import {
  encodeExportResponse,
  logsFromJson,
  metricsFromJson,
  metricsTree,
  readLogsRequest,
  readMetricsRequest,
  readTracesRequest,
  tracesFromJson,
  tracesTree,
} from '#pdata/otlp'
import * as grpc from '@grpc/grpc-js'
import { LoadBalancer } from './balancer.ts'
import { loadBalancingExporter, otelcolExporterLoadbalancing } from './component.ts'
import { dnsResolver, KubernetesResolver, podAccess, type Resolver } from './resolvers.ts'
import { Ring } from './ring.ts'
import { type RoutingKey, splitMetricsBy, splitTracesBy } from './split.ts'

const root = await mkdtemp(join(tmpdir(), 'solder-balancing-'))
const closers: (() => void | Promise<void>)[] = []
after(async () => {
  for (const close of closers.reverse()) await close()
  await rm(root, { recursive: true, force: true })
})
let directories = 0

const identity = (bytes: Buffer): Buffer => bytes
const service = (signal: string): grpc.ServiceDefinition => ({
  export: {
    path: `/opentelemetry.proto.collector.${signal}/Export`,
    requestStream: false,
    responseStream: false,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  },
})

interface Backend {
  readonly endpoint: string
  readonly server: grpc.Server
  readonly traceIds: string[]
  logs: number
  points: number
}

async function backend(): Promise<Backend> {
  const server = new grpc.Server()
  const made = { endpoint: '', server, traceIds: [] as string[], logs: 0, points: 0 }
  const take = (read: (request: Buffer) => void): grpc.UntypedServiceImplementation => ({
    export: ((call, reply) => {
      read(call.request)
      reply(null, Buffer.from(encodeExportResponse({ rejected: 0, message: '' })))
    }) as grpc.handleUnaryCall<Buffer, Buffer>,
  })
  server.addService(
    service('trace.v1.TraceService'),
    take((request) => {
      for (const { scopeSpans } of tracesTree(readTracesRequest(request)).resourceSpans) {
        for (const { spans } of scopeSpans)
          for (const s of spans) made.traceIds.push(Buffer.from(s.traceId).toString('hex'))
      }
    }),
  )
  server.addService(
    service('logs.v1.LogsService'),
    take((request) => void (made.logs += readLogsRequest(request).count)),
  )
  server.addService(
    service('metrics.v1.MetricsService'),
    take((request) => void (made.points += readMetricsRequest(request).count)),
  )
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, p) =>
      error ? reject(error) : resolve(p),
    ),
  )
  closers.push(() => server.forceShutdown())
  made.endpoint = `127.0.0.1:${port}`
  return made
}

const traceId = (n: number): string => n.toString(16).padStart(32, '7')

function spans(from: number, to: number) {
  const all = Array.from({ length: to - from }, (_, i) => ({
    traceId: traceId(from + i),
    spanId: 'eee19b7ec3c1b174',
    name: 's',
  }))
  return tracesFromJson(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: all }] }] }))
}

const protocol = (retry: Written = { initial_interval: '5ms', max_interval: '20ms' }): Written => ({
  otlp: { client: { tls: { insecure: true } }, retry },
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}

function settingsOf(resolver: Written, more: Written = {}) {
  return decoded(otelcolExporterLoadbalancing.settings, { protocol: protocol(), resolver, ...more })
}

function balanced({ counters }: TestHost): void {
  const { in: taken, out, dropped, refused, waiting } = counters
  assert.equal(taken, out + dropped + refused + waiting)
}

test('a trace goes to one backend whole, logs with it, and all backends get some', async () => {
  const backends = [await backend(), await backend(), await backend()]
  const host = new TestHost({ dataDir: join(root, String(++directories)) })
  const hostnames = backends.map(({ endpoint }) => endpoint)
  const component = await otelcolExporterLoadbalancing.create(host, settingsOf({ static: { hostnames } }))
  await component.start?.()
  closers.push(() => component.stop(100))
  const logRecords = Array.from({ length: 30 }, (_, i) => ({ traceId: traceId(i), body: { stringValue: 'x' } }))
  const logs = JSON.stringify({
    resourceLogs: [{ scopeLogs: [{ logRecords: [...logRecords, { body: { stringValue: 'y' } }] }] }],
  })
  const gauge = { name: 'g', gauge: { dataPoints: [{ asInt: '1' }] } }
  const metrics = JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics: [gauge] }] }] })
  host.counters.in += 60 + 31 + 1
  await component.traces?.consume(spans(0, 30))
  await component.traces?.consume(spans(0, 30))
  await component.logs?.consume(logsFromJson(logs))
  await component.metrics?.consume(metricsFromJson(metrics))
  await until(() => host.counters.waiting === 0)
  assert.equal(host.counters.out, 92)
  for (const b of backends) {
    assert.ok(b.traceIds.length > 0 && b.logs > 0)
    for (const id of b.traceIds) assert.equal(b.traceIds.filter((other) => other === id).length, 2, id)
  }
  assert.equal(
    backends.reduce((sum, b) => sum + b.points, 0),
    1,
  )
  balanced(host)
})

test('backends come and go: what waits for one that is gone is delivered, or stays until it ends', async () => {
  const [first, second] = [await backend(), await backend()]
  const host = new TestHost({ dataDir: join(root, String(++directories)) })
  let found: string[] = []
  let fails = true
  const resolver: Resolver = {
    everyMs: 10,
    resolve: async () => {
      if (fails) throw new Error('no name server')
      return found
    },
    close: () => {},
  }
  // The settings are those of the face; only where the backends are found differs.
  const face = settingsOf({ static: { hostnames: ['x'] } })
  const made = (await otelcolExporterLoadbalancing.create(host, face)) as LoadBalancer
  const component = new LoadBalancer(host, made.settings, resolver)
  await component.start()
  closers.push(() => component.stop(100))
  assert.equal(host.health.state, 'unhealthy')
  assert.throws(() => component.traces.consume(spans(0, 1)), /no backend is known/)
  fails = false
  found = [first.endpoint]
  await host.until(() => host.health.state === 'healthy')
  host.counters.in += 40
  await component.traces.consume(spans(0, 20))
  found = [second.endpoint]
  await until(() => (component.debug() as { backends: string[] }).backends[0] === second.endpoint)
  await component.traces.consume(spans(20, 40))
  await until(() => host.counters.waiting === 0)
  assert.equal(first.traceIds.length, 20)
  assert.equal(second.traceIds.length, 20)
  await until(() => Object.keys((component.debug() as { exporters: object }).exporters).length === 1)
  balanced(host)
})

test('most keys stay where they are when an endpoint comes, and the order of endpoints does not matter', () => {
  const names = ['a:4317', 'b:4317', 'c:4317', 'd:4317']
  const before = new Ring(names)
  assert.deepEqual(new Ring(names.toReversed()).endpointOf('key'), before.endpointOf('key'))
  const more = new Ring([...names, 'e:4317'])
  let moved = 0
  const counts = new Map<string, number>()
  for (let i = 0; i < 10_000; i++) {
    const [was, is] = [before.endpointOf(`key ${i}`), more.endpointOf(`key ${i}`)] as [string, string]
    counts.set(was, (counts.get(was) ?? 0) + 1)
    if (was === is) continue
    moved++
    assert.equal(is, 'e:4317')
  }
  assert.ok(moved > 1000 && moved < 3500, `${moved} moved`)
  for (const count of counts.values()) assert.ok(count > 1000, `${count}`)
  assert.equal(new Ring([]).endpointOf('x'), undefined)
  assert.equal(new Ring(['a']).endpointOf('x'), 'a')
})

test('metrics go by service, resource, name or stream; every point is in one piece', () => {
  const point = (host: string) => ({ asInt: '1', attributes: [{ key: 'host', value: { stringValue: host } }] })
  const metric = (name: string) => ({ name, gauge: { dataPoints: [point('a'), point('b'), point('c')] } })
  const resource = (name: string) => ({ attributes: [{ key: 'service.name', value: { stringValue: name } }] })
  const resourceMetrics = [
    { resource: resource('one'), scopeMetrics: [{ metrics: [metric('x'), metric('y')] }] },
    { resource: resource('two'), scopeMetrics: [{ metrics: [metric('x')] }] },
    { scopeMetrics: [{ metrics: [metric('z')] }] },
  ]
  const cases: [RoutingKey, number, number][] = [
    ['service', 2, 3],
    ['resource', 3, 0],
    ['traceID', 3, 0],
    ['metric', 3, 0],
    ['streamID', 12, 0],
  ]
  for (const [key, pieces, unroutable] of cases) {
    const batch = metricsFromJson(JSON.stringify({ resourceMetrics }))
    const split = splitMetricsBy(batch, key, (by) => `endpoint of ${Buffer.from(by).toString('hex')}`)
    assert.equal(split.byEndpoint.size, pieces, key)
    assert.equal(split.unroutable, unroutable, key)
    let points = 0
    for (const piece of split.byEndpoint.values()) points += piece.count
    assert.equal(points + unroutable, batch.count, key)
    assert.equal(metricsTree(batch).resourceMetrics.length, 3, 'the batch itself stays as it was')
  }
})

test('spans go by service, or by attributes of resource and span', () => {
  const all = [1, 2, 3, 4].map((n) => ({
    traceId: traceId(n),
    spanId: 'eee19b7ec3c1b174',
    name: n % 2 === 0 ? 'even' : 'odd',
  }))
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] }
  const batch = tracesFromJson(
    JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: all }] }, { scopeSpans: [{ spans: all }] }] }),
  )
  const route = (key: Uint8Array | string): string => Buffer.from(key).toString('hex')
  const byService = splitTracesBy(batch, { key: 'service', attributes: [] }, route)
  assert.deepEqual([byService.byEndpoint.size, byService.unroutable], [1, 4])
  const byAttributes = splitTracesBy(batch, { key: 'attributes', attributes: ['service.name', 'span.name'] }, route)
  assert.deepEqual(
    [...byAttributes.byEndpoint.values()].map((piece) => piece.count),
    [2, 2, 2, 2],
  )
})

test('a name leads to all its addresses', async () => {
  const resolver = dnsResolver({ hostname: 'localhost', port: '4317', everyMs: 5000, timeoutMs: 5000 }, systemClock)
  const found = await resolver.resolve()
  assert.ok(
    found.some((endpoint) => endpoint === '127.0.0.1:4317' || endpoint === '[::1]:4317'),
    String(found),
  )
})

const testdata = (name: string): string =>
  new URL(`../../component/http_client/testdata/${name}`, import.meta.url).pathname

test('the endpoints of a Kubernetes service are had from its API server, with the service account', async () => {
  const directory = await mkdtemp(join(root, 'account-'))
  await copyFile(testdata('authority.pem'), join(directory, 'ca.crt'))
  await writeFile(join(directory, 'token'), 'the-token\n')
  await writeFile(join(directory, 'namespace'), 'observability')
  const asked: string[] = []
  const endpoints = [
    { addresses: ['10.0.0.1'], hostname: 'pod-0', conditions: { ready: true } },
    { addresses: ['fd00::2'], hostname: 'pod-1' },
    { addresses: ['10.0.0.3'], conditions: { ready: false } },
  ]
  const server = createServer(
    { key: readFileSync(testdata('server.key')), cert: readFileSync(testdata('server.pem')) },
    (request, response) => {
      asked.push(`${request.headers.authorization} ${request.url}`)
      if (request.url?.includes('missing')) response.writeHead(403).end()
      else response.end(JSON.stringify({ items: [{ endpoints }, {}] }))
    },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const access = { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, directory }
  const settings = { service: 'gateway', ports: [4317, 4318], timeoutMs: 5000, returnHostnames: false }
  const resolverOf = (more: Partial<typeof settings>): KubernetesResolver => {
    const resolver = new KubernetesResolver({ ...settings, ...more }, access, new TestHost())
    closers.push(() => resolver.close())
    return resolver
  }
  assert.deepEqual(await resolverOf({}).resolve(), [
    '10.0.0.1:4317',
    '10.0.0.1:4318',
    '[fd00::2]:4317',
    '[fd00::2]:4318',
  ])
  assert.deepEqual(await resolverOf({ service: 'gateway.other', ports: [1], returnHostnames: true }).resolve(), [
    'pod-0.gateway.other:1',
    'pod-1.gateway.other:1',
  ])
  await assert.rejects(resolverOf({ service: 'missing' }).resolve(), /answered 403/)
  const path = (namespace: string, name: string): string =>
    `Bearer the-token /apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3D${name}`
  assert.deepEqual(asked, [
    path('observability', 'gateway'),
    path('other', 'gateway'),
    path('observability', 'missing'),
  ])
  assert.equal(
    podAccess({ KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' }).url,
    'https://[fd00::1]:6443',
  )
})

test('settings that cannot work are refused', () => {
  const resolver = { static: { hostnames: ['a'] } }
  const cases: [Written, RegExp][] = [
    [{ resolver }, /missing required block "protocol"/],
    [{ protocol: protocol(), resolver: {} }, /no resolvers specified/],
    [{ protocol: protocol(), resolver: { ...resolver, dns: { hostname: 'x' } } }, /only one resolver/],
    [{ protocol: protocol(), resolver: { static: { hostnames: [] } } }, /no hostnames specified/],
    [{ protocol: protocol(), resolver, routing_key: 'color' }, /unsupported routing_key/],
  ]
  for (const [written, problem] of cases) {
    assert.match(problemsOf(otelcolExporterLoadbalancing.settings, written).join('\n'), problem)
  }
  assert.deepEqual(problemsOf(loadBalancingExporter.settings, { resolver: { k8s: { service: 'a.b' } } }), [])
  assert.match(
    problemsOf(loadBalancingExporter.settings, { resolver, routing_key: 'attributes' }).join(),
    /routing_attributes/,
  )
})
