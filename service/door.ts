// The door of the service.
export { AdminPages, problemText } from './admin.ts'
export { AdminServer } from './admin_server.ts'
export type { AdminServerOptions } from './admin_server.ts'
export { LineLoggerProvider, LogLevel, loggerFor } from './logging.ts'
export { configureLogging, Service } from './service.ts'
export type { ConfigurationText, LoadResult, ServiceOptions } from './service.ts'
export { CollectorTelemetry, collectorLogging, LogOutput } from './collector_telemetry.ts'
export { memoryControl, MemoryKeeper } from './memory_keeper.ts'
