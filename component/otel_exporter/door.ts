// The door of what every exporter of the collector's configurations is built on.
export { Delivery } from './delivery.ts'
export type { ExportOutcome, Loss, OtelTransport, Retry } from './delivery.ts'
export { GrpcTransport, outcomeOf } from './grpc_transport.ts'
export { OtelExporter } from './exporter.ts'
export type { OtelExporterOptions } from './exporter.ts'
export type { Payload } from './payload.ts'
export { payloadOf, splitPayload } from './payload.ts'
export {
  alloyExporterFields,
  alloyQueue,
  alloyRetry,
  otelExporterSettings,
  yamlExporterFields,
  yamlQueue,
  yamlRetry,
} from './settings.ts'
export type { OtelExporterSettings, OtelQueueSettings, OtelRetrySettings } from './settings.ts'
