import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineSettings } from '#component'
import { decoded } from '#component/test_host'
import { endpointProblem, listenAddress } from './address.ts'
import { contextOf } from './context.ts'
import { alloyGrpcServer, otelGrpcSettings, otelHttpSettings, yamlGrpcServer, yamlHttpServerFields } from './door.ts'

const addresses: readonly { endpoint: string; transport?: string; want: object | RegExp }[] = [
  { endpoint: '0.0.0.0:4317', want: { host: '0.0.0.0', port: 4317 } },
  { endpoint: ':4317', want: { host: '', port: 4317 } },
  { endpoint: 'localhost:4317', want: { host: '127.0.0.1', port: 4317 } },
  { endpoint: 'localhost:4317', transport: 'tcp6', want: { host: '::1', port: 4317 } },
  { endpoint: ':1', transport: 'tcp4', want: { host: '0.0.0.0', port: 1 } },
  { endpoint: '[::1]:4317', want: { host: '::1', port: 4317 } },
  { endpoint: '[::]:0', want: { host: '::', port: 0 } },
  { endpoint: '/run/otlp.sock', transport: 'unix', want: { path: '/run/otlp.sock' } },
  { endpoint: '', transport: 'unix', want: /path of the socket is empty/ },
  { endpoint: '::1:4317', want: /host:port/ },
  { endpoint: 'localhost', want: /host:port/ },
  { endpoint: 'localhost:70000', want: /host:port/ },
  { endpoint: 'localhost:1', transport: 'udp', want: /transport is one of/ },
]
for (const { endpoint, transport = 'tcp', want } of addresses) {
  test(`the endpoint ${JSON.stringify(endpoint)} over ${transport}`, () => {
    const problem = endpointProblem(endpoint, transport)
    if (want instanceof RegExp) assert.match(problem?.message ?? '', want)
    else {
      assert.equal(problem, undefined)
      assert.deepEqual(listenAddress(endpoint, transport), want)
    }
  })
}

test('what is not set is as in gRPC itself, in both faces', () => {
  const alloy = otelGrpcSettings(decoded(alloyGrpcServer({ endpoint: '0.0.0.0:4317' }), {}))
  const yaml = otelGrpcSettings(decoded(yamlGrpcServer({ endpoint: '0.0.0.0:4317' }), {}))
  assert.deepEqual(alloy, yaml)
  assert.equal(alloy.server.messageBytesMax, 4 * 1024 * 1024)
  assert.deepEqual(alloy.server.keepalive, {
    idleMsMax: Infinity,
    ageMsMax: Infinity,
    ageGraceMs: Infinity,
    pingAfterMs: 7_200_000,
    pingTimeoutMs: 20_000,
    clientPingMsMin: 300_000,
    clientPingsIdle: false,
  })
})

test('what is set is taken over', () => {
  const keepalive = {
    server_parameters: { max_connection_age: '1h', time: '10s' },
    enforcement_policy: { min_time: '5s', permit_without_stream: true },
  }
  const tls = { cert_file: 'a', key_file: 'b', client_ca_file: 'c', min_version: '1.3', curve_preferences: ['P256'] }
  const { server } = otelGrpcSettings(
    decoded(yamlGrpcServer({ endpoint: ':1' }), { keepalive, tls, max_recv_msg_size_mib: 16n }),
  )
  assert.equal(server.messageBytesMax, 16 * 1024 * 1024)
  assert.deepEqual([server.keepalive.ageMsMax, server.keepalive.pingAfterMs], [3_600_000, 10_000])
  assert.deepEqual([server.keepalive.clientPingMsMin, server.keepalive.clientPingsIdle], [5000, true])
  assert.equal(server.tls?.clientAuth, 'RequireAndVerifyClientCert')
  assert.deepEqual(
    [server.tls?.minVersion, server.tls?.maxVersion, server.tls?.curves],
    ['TLS13', 'TLS13', ['CurveP256']],
  )
})

test("headers of YAML's answers are a map or a list of pairs", () => {
  const schema = defineSettings(
    yamlHttpServerFields({ endpoint: ':1', readHeaderTimeout: '0s', writeTimeout: '0s', idleTimeout: '0s' }),
  )
  const pair = new Map([
    ['name', 'A'],
    ['value', 'b'],
  ])
  for (const response_headers of [new Map([['A', 'b']]), [pair]]) {
    assert.deepEqual(otelHttpSettings(decoded(schema, { response_headers })).responseHeaders, [['A', 'b']])
  }
  assert.equal(otelHttpSettings(decoded(schema, {})).bodyBytesMax, 20 * 1024 * 1024)
})

test("a client's context leaves out what belongs to the transport", () => {
  const { metadata } = contextOf(
    { ':path': '/x', ':authority': 'h:1', 'grpc-timeout': '1S', te: 'trailers', 'x-a': 'b', 'x-c': ['d', 'e'] },
    null,
    '',
  )
  assert.deepEqual(
    [...metadata],
    [
      [':authority', ['h:1']],
      ['x-a', ['b']],
      ['x-c', ['d', 'e']],
      ['host', ['h:1']],
    ],
  )
})
