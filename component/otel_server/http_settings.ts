// The decoded block of an HTTP server, of either face, in the server's form.
import type { defineSettings, Fields, SettingsOf } from '#component'
import { listenAddress } from './address.ts'
import { serverAuthOf } from './grpc.ts'
import type { OtelHttpSettings } from './http.ts'
import { type alloyHttpServerFields, otelServerTls, type yamlHttpServerFields } from './settings.ts'

type Decoded<F extends Fields> = SettingsOf<ReturnType<typeof defineSettings<F>>>
type AlloyHttp = Decoded<ReturnType<typeof alloyHttpServerFields>>
type YamlHttp = Decoded<ReturnType<typeof yamlHttpServerFields>>

const bodyBytesMaxDefault = 20 * 1024 * 1024

/** Throws where the extension does not authenticate clients. */
export function otelHttpSettings(s: AlloyHttp | YamlHttp): OtelHttpSettings {
  const extension = s.auth && 'authenticator' in s.auth ? s.auth.authenticator : s.auth
  return {
    address: listenAddress(s.endpoint, 'transport' in s ? s.transport : 'tcp'),
    tls: s.tls ? otelServerTls(s.tls) : undefined,
    cors: s.cors,
    auth: serverAuthOf(extension),
    authParameters: s.auth && 'request_params' in s.auth ? s.auth.request_params : [],
    bodyBytesMax: s.max_request_body_size > 0 ? s.max_request_body_size : bodyBytesMaxDefault,
    includeMetadata: s.include_metadata,
    responseHeaders: 'response_headers' in s ? s.response_headers.map(([name, value]) => [name, value.reveal()]) : [],
    compressionAlgorithms: s.compression_algorithms,
    readTimeoutMs: s.read_timeout,
    readHeaderTimeoutMs: s.read_header_timeout,
    writeTimeoutMs: s.write_timeout,
    idleTimeoutMs: s.idle_timeout,
    keepAlive: s.keep_alives_enabled,
  }
}
