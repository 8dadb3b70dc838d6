// The door of the HTTP server that receivers and the admin server share.
export { HostedServer } from './hosted.ts'
export type { HostedServerSettings } from './hosted.ts'
export { leaveBodyUnread } from './http2.ts'
export { HttpServer } from './server.ts'
export type { HttpServerOptions, HttpServerSettings } from './server.ts'
export { httpServerFields, serverSettings, serverTls } from './settings.ts'
export type { HttpSettings } from './settings.ts'
