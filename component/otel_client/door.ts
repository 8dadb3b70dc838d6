// The door of the clients that exporters of the collector's configurations share.
export { compressBody, httpCompressions } from './compression.ts'
export type { HttpCompression } from './compression.ts'
export { headerPairs } from './fields.ts'
export {
  alloyGrpcClient,
  alloyGrpcClientFields,
  checkGrpcEndpoint,
  createOtelGrpcClient,
  yamlGrpcClient,
  yamlGrpcClientFields,
} from './grpc.ts'
export type { OtelGrpcClientSettings } from './grpc.ts'
export {
  alloyHttpClientFields,
  checkOtelHttpClient,
  otelHttpClient,
  OtelHttpClient,
  yamlHttpClientFields,
} from './http.ts'
export type { OtelHttpClientSettings, OtelPost } from './http.ts'
export { alloyClientTls, otelClientTls, yamlClientTls } from './tls.ts'
export type { OtelClientTls } from './tls.ts'
