// The door of the gRPC server that receivers share.
export type { KeepaliveSettings } from './connection.ts'
export type { GrpcCall, GrpcMethod, GrpcMethods, StreamMethod, UnaryMethod } from './method.ts'
export type { DescriptorSource } from './reflection.ts'
export { GrpcServer, streamsMaxDefault } from './server.ts'
export type { GrpcServerOptions, GrpcServerSettings } from './server.ts'
export { GrpcCode } from '#component/grpc_status'
export { GrpcError } from './status.ts'
