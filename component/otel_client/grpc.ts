// gRPC clients of the collector's configurations: settings of both faces, and the client they make.
import {
  attr,
  block,
  blocks,
  bool,
  byteSize,
  customType,
  defineSettings,
  duration,
  type Host,
  int,
  map,
  type Report,
  string,
  ValueError,
} from '#component'
import {
  type Balancing,
  GrpcClient,
  type GrpcEncoding,
  type KeepaliveSettings,
  parseTarget,
} from '#component/grpc_client'
import { ClientTls } from '#component/http_client'
import { type ClientAuth, otelHandler } from '#component/otel_extension'
import { headerPairs, type Headers, revealed, yamlAuth, yamlMiddleware } from './fields.ts'
import { alloyClientTls, otelClientTls, yamlClientTls } from './tls.ts'

const compression = customType<GrpcEncoding>({
  name: 'string',
  zero: 'identity',
  decode(value) {
    const text = string.decode(value)
    if (text === '' || text === 'none') return 'identity'
    if (text === 'gzip' || text === 'snappy' || text === 'zstd') return text
    throw new ValueError(`unsupported compression type ${JSON.stringify(text)}`)
  },
  accepts: string.accepts,
  json: { enum: ['gzip', 'snappy', 'zstd', 'none', ''] },
})

const balancer = customType<Balancing>({
  name: 'string',
  zero: 'round_robin',
  decode(value) {
    const text = string.decode(value)
    if (text === '' || text === 'pick_first') return text === '' ? 'round_robin' : text
    if (text === 'round_robin') return text
    throw new ValueError(`invalid balancer_name: ${JSON.stringify(text)}`)
  },
  accepts: string.accepts,
  json: { enum: ['round_robin', 'pick_first'] },
})

const shared = {
  authority: attr(string, 'What the server is addressed as, where it is not the endpoint.', { default: '' }),
  balancer_name: attr(
    balancer,
    'How calls are shared out over the addresses of the endpoint: round_robin, pick_first.',
    {
      default: 'round_robin',
    },
  ),
  compression: attr(compression, 'How requests are compressed: gzip, zstd, snappy or none.', { default: 'gzip' }),
  wait_for_ready: attr(bool, 'While there is no connection, wait for one instead of failing.', { default: false }),
}

const alloyKeepalive = defineSettings({
  ping_wait: attr(duration, 'Ping the server after so long without a sign of it.', { default: '0s' }),
  ping_response_timeout: attr(duration, 'How long an answer to a ping may take.', { default: '0s' }),
  ping_without_stream: attr(bool, 'Ping while no call is under way too.', { default: false }),
})

/** The `client` block of Alloy's gRPC exporters without its endpoint. */
export const alloyGrpcClientFields = {
  ...shared,
  auth: attr(otelHandler, 'Authenticates requests.'),
  headers: attr(map(string), 'Headers (metadata) of every request.', { default: {} }),
  read_buffer_size: attr(byteSize, 'Accepted; buffers grow as they need to.'),
  write_buffer_size: attr(byteSize, 'Accepted; buffers grow as they need to.', { default: '512KiB' }),
  keepalive: block(alloyKeepalive, 'Pings that find dead connections.'),
  tls: block(alloyClientTls, 'TLS towards the server.', { whenAbsent: 'defaults' }),
}

const yamlKeepalive = defineSettings({
  time: attr(duration, 'Ping the server after so long without a sign of it.', { default: '10s' }),
  timeout: attr(duration, 'How long an answer to a ping may take.', { default: '10s' }),
  permit_without_stream: attr(bool, 'Ping while no call is under way too.', { default: false }),
})

/** The settings of gRPC clients in the collector's YAML without their endpoint. */
export const yamlGrpcClientFields = {
  ...shared,
  auth: block(yamlAuth, 'Authenticates requests.', { whenNull: 'absent' }),
  headers: attr(headerPairs, 'Headers (metadata) of every request.', { default: {} }),
  read_buffer_size: attr(int, 'Accepted; buffers grow as they need to.', { default: 0 }),
  write_buffer_size: attr(int, 'Accepted; buffers grow as they need to.', { default: 524288 }),
  keepalive: block(yamlKeepalive, 'Pings that find dead connections.', { whenNull: 'absent' }),
  tls: block(yamlClientTls, 'TLS towards the server.', { whenAbsent: 'defaults' }),
  user_agent: attr(string, 'What requests call their sender; empty: this program.', { default: '' }),
  middlewares: blocks(yamlMiddleware, 'Not supported.'),
}

/** What a gRPC client is made from, whichever face wrote it. */
export interface OtelGrpcClientSettings {
  readonly endpoint: string
  readonly authority: string
  readonly balancing: Balancing
  readonly compression: GrpcEncoding
  readonly waitForReady: boolean
  readonly headers: ReadonlyMap<string, string>
  readonly keepalive: KeepaliveSettings | undefined
  readonly tls: ReturnType<typeof otelClientTls>
  readonly auth: ClientAuth | undefined
  readonly userAgent: string
}

interface SharedWritten {
  readonly endpoint: string
  readonly authority: string
  readonly balancer_name: Balancing
  readonly compression: GrpcEncoding
  readonly wait_for_ready: boolean
  readonly headers: Headers | ReadonlyMap<string, string>
  readonly tls: Parameters<typeof otelClientTls>[0]
}

function sharedSettings(s: SharedWritten): Omit<OtelGrpcClientSettings, 'keepalive' | 'auth' | 'userAgent'> {
  return {
    endpoint: s.endpoint,
    authority: s.authority,
    balancing: s.balancer_name,
    compression: s.compression,
    waitForReady: s.wait_for_ready,
    headers: revealed(s.headers),
    tls: otelClientTls(s.tls),
  }
}

/** Go's clients ping no more often (grpc: keepalive.ClientParameters). */
const pingEveryMsMin = 10_000
const pingTimeoutDefaultMs = 20_000

/** From decoded `alloyGrpcClientFields` and an endpoint. */
export function alloyGrpcClient(
  s: SharedWritten & {
    readonly auth: { readonly clientAuth?: ClientAuth } | undefined
    readonly keepalive:
      | { readonly ping_wait: number; readonly ping_response_timeout: number; readonly ping_without_stream: boolean }
      | undefined
  },
): OtelGrpcClientSettings {
  const k = s.keepalive
  return {
    ...sharedSettings(s),
    auth: s.auth?.clientAuth,
    userAgent: '',
    keepalive: k && keepaliveOf(k.ping_wait, k.ping_response_timeout, k.ping_without_stream),
  }
}

/** From decoded `yamlGrpcClientFields` and an endpoint. */
export function yamlGrpcClient(
  s: SharedWritten & {
    readonly auth: { readonly authenticator: { readonly clientAuth?: ClientAuth } } | undefined
    readonly keepalive:
      | { readonly time: number; readonly timeout: number; readonly permit_without_stream: boolean }
      | undefined
    readonly user_agent: string
  },
): OtelGrpcClientSettings {
  const k = s.keepalive
  return {
    ...sharedSettings(s),
    auth: s.auth?.authenticator.clientAuth,
    userAgent: s.user_agent,
    keepalive: k && keepaliveOf(k.time, k.timeout, k.permit_without_stream),
  }
}

function keepaliveOf(timeMs: number, timeoutMs: number, withoutStream: boolean): KeepaliveSettings | undefined {
  // Without a time there are no pings.
  if (timeMs <= 0) return undefined
  return { timeMs: Math.max(timeMs, pingEveryMsMin), timeoutMs: timeoutMs || pingTimeoutDefaultMs, withoutStream }
}

/** Reports an endpoint that leads nowhere. */
export function checkGrpcEndpoint(endpoint: string, report: Report, path: readonly string[]): void {
  try {
    parseTarget(endpoint)
  } catch (error) {
    report((error as Error).message, path)
  }
}

/** A client with these settings: nothing is connected yet. An `https://` endpoint means TLS whatever `insecure` says. */
export function createOtelGrpcClient(s: OtelGrpcClientSettings, host: Host): GrpcClient {
  const plain = s.tls.insecure && !s.endpoint.startsWith('https://')
  return new GrpcClient({
    target: s.endpoint,
    authority: s.authority,
    tls: plain ? undefined : new ClientTls(s.tls.settings),
    balancing: s.balancing,
    keepalive: s.keepalive,
    compression: s.compression,
    waitForReady: s.waitForReady,
    userAgent: s.userAgent || host.globals.userAgent,
    clock: host.clock,
  })
}
