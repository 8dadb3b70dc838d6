// The door of what every server does: listens on an address, shakes hands, keeps its sockets, waits for a port.
export { addressText, hostAndPort, listen, peerAddress } from './address.ts'
export type { ListenAddress } from './address.ts'
export { Listener } from './listener.ts'
export type { ListenerOptions, ListenerSettings } from './listener.ts'
export { RetriedBind } from './retried_bind.ts'
export type { Bindable } from './retried_bind.ts'
export { CertificateFiles, clientAuthTypes, guardClients, serverTlsOptions } from './tls.ts'
export type { ServerTlsSettings } from './tls.ts'
