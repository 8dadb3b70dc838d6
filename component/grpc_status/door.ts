// The door of gRPC's status codes, which its client and its server share.
export { codeName, GrpcCode } from './codes.ts'
