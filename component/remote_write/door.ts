// The door of remote write: one backend with its encoder, queue and metrics, for every exporter that speaks it.
export { Endpoint } from './endpoint.ts'
export type { EndpointOptions } from './endpoint.ts'
export { MetadataCollector } from './metadata.ts'
export { endpointSettings, Message } from './settings.ts'
export type { EndpointSettings } from './settings.ts'
