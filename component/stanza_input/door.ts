// The door of log entries over TCP and UDP.
export { EntryFrames } from './frames.ts'
export { SocketInput } from './input.ts'
export { SocketReceiver } from './receiver.ts'
export { alloyTcpFields, checkTcpInput, checkUdpInput, udpFields, yamlTcpFields } from './settings.ts'
export type { TcpInputSettings, UdpInputSettings } from './settings.ts'
