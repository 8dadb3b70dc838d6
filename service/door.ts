// The door of the service.
export { AdminPages, problemText } from './admin.ts'
export { LineLoggerProvider, LogLevel, loggerFor } from './logging.ts'
export { configureLogging, Service } from './service.ts'
export type { ConfigurationText, LoadResult, ServiceOptions } from './service.ts'
