// A gRPC server as the collector's receivers run it: settings put into the server's form, authentication, the client's context.
import {
  GrpcCode,
  GrpcError,
  type GrpcCall,
  type GrpcServerOptions,
  type GrpcServerSettings,
} from '#component/grpc_server'
import { AuthError, type ServerAuth } from '#component/otel_extension'
import type { SettingsOf } from '#component'
import type { ClientContext } from '#pdata'
import { listenAddress } from './address.ts'
import { contextOf, noMetadata } from './context.ts'
import { type alloyGrpcServer, otelServerTls, type yamlGrpcServer } from './settings.ts'

type AlloyGrpc = SettingsOf<ReturnType<typeof alloyGrpcServer>>
type YamlGrpc = SettingsOf<ReturnType<typeof yamlGrpcServer>>

/** The HTTP server's, too: a renewed certificate is no change that anybody has to ask for. */
const tlsReloadMsDefault = 10_000
/** grpc-go's, where a setting is 0. */
const messageBytesMaxDefault = 4 * 1024 * 1024
const pingAfterMsDefault = 2 * 3_600_000
const pingTimeoutMsDefault = 20_000
const clientPingMsMinDefault = 5 * 60_000

export interface OtelGrpcSettings {
  readonly server: GrpcServerSettings
  readonly auth: ServerAuth | undefined
  readonly includeMetadata: boolean
}

/** The decoded block of either face. Throws where the extension does not authenticate clients. */
export function otelGrpcSettings(s: AlloyGrpc | YamlGrpc): OtelGrpcSettings {
  const messageBytes = 'max_recv_msg_size' in s ? s.max_recv_msg_size : s.max_recv_msg_size_mib * 1024 * 1024
  const { server_parameters: parameters, enforcement_policy: policy } = s.keepalive
  const extension = s.auth && 'authenticator' in s.auth ? s.auth.authenticator : s.auth
  return {
    server: {
      address: listenAddress(s.endpoint, s.transport),
      tls: s.tls ? otelServerTls(s.tls) : undefined,
      tlsReloadMs: s.tls?.reload_interval || tlsReloadMsDefault,
      messageBytesMax: messageBytes > 0 ? messageBytes : messageBytesMaxDefault,
      streamsMax: s.max_concurrent_streams,
      keepalive: {
        idleMsMax: parameters.max_connection_idle || Infinity,
        ageMsMax: parameters.max_connection_age || Infinity,
        ageGraceMs: parameters.max_connection_age_grace || Infinity,
        pingAfterMs: parameters.time || pingAfterMsDefault,
        pingTimeoutMs: parameters.timeout || pingTimeoutMsDefault,
        clientPingMsMin: policy.min_time || clientPingMsMinDefault,
        clientPingsIdle: policy.permit_without_stream,
      },
    },
    auth: serverAuthOf(extension),
    includeMetadata: s.include_metadata,
  }
}

/** Throws where the extension does not authenticate clients. */
export function serverAuthOf(extension: { id: string; serverAuth?: ServerAuth } | undefined): ServerAuth | undefined {
  if (extension && !extension.serverAuth) {
    throw new Error(`Cannot authenticate clients: ${extension.id} authenticates servers only`)
  }
  return extension?.serverAuth
}

/** How a gRPC server asks the authenticator; undefined: nobody is asked. */
export function grpcAuthenticate(auth: ServerAuth | undefined): GrpcServerOptions['authenticate'] {
  if (!auth) return undefined
  return async (headers) => {
    try {
      return await auth.authenticate(headers)
    } catch (error) {
      if (error instanceof AuthError) throw new GrpcError(GrpcCode.UNAUTHENTICATED, error.message)
      throw error
    }
  }
}

/** The context of a call. */
export function callContext(call: GrpcCall, includeMetadata: boolean): ClientContext {
  if (includeMetadata) return contextOf(call.headers, call.attributes, call.peer)
  return call.attributes ? contextOf({}, call.attributes, call.peer) : noMetadata(call.peer)
}
