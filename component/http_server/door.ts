// The door of the HTTP server that receivers and the admin server share.
export { BodyReader, ContentEncoding, RequestRefused } from './body.ts'
export type { BodyLimits } from './body.ts'
export { HttpServer } from './server.ts'
export type { HttpServerOptions, HttpServerSettings } from './server.ts'
export { clientAuthTypes, httpServerFields, serverSettings, serverTls } from './settings.ts'
export type { HttpSettings, ServerTlsSettings } from './settings.ts'
