// The door of the servers that the collector's receivers run: settings of both faces, HTTP and gRPC.
export { listenAddress } from './address.ts'
export { contextOf } from './context.ts'
export { callContext, grpcAuthenticate, otelGrpcSettings, serverAuthOf } from './grpc.ts'
export type { OtelGrpcSettings } from './grpc.ts'
export { OtelHttpServer } from './http.ts'
export type { OtelHttpOptions, OtelHttpSettings } from './http.ts'
export { otelHttpSettings } from './http_settings.ts'
export {
  alloyGrpcServer,
  alloyHttpServerFields,
  alloyTls,
  checkAlloyHttpServer,
  checkYamlHttpServer,
  otelServerTls,
  yamlGrpcServer,
  yamlHttpServerFields,
  yamlTls,
} from './settings.ts'
