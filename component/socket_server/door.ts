// The door of servers for streams and datagrams that are no HTTP.
export { PeerNames } from './peer_names.ts'
export { TcpServer } from './tcp.ts'
export type { StreamHandler, TcpServerOptions, TcpServerSettings } from './tcp.ts'
export { UdpServer } from './udp.ts'
export type { Datagram, UdpServerOptions, UdpServerSettings } from './udp.ts'
