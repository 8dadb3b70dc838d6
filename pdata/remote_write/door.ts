// The door of the remote write codec: requests out of series batches, and series batches out of requests.
export { decodeLimitsDefault, decodeWriteRequest } from './decode.ts'
export type { DecodedRequest, DecodeLimits, RefusedItems } from './decode.ts'
export { RemoteWriteEncoder } from './encode.ts'
export type { EncodedRequest, EncodeOptions, EncodeResult, RemoteWriteProtocol } from './encode.ts'
export { encodeMetadataV1, mergeV1 } from './encode_v1.ts'
export { SeriesInterner } from './interner.ts'
export type { InternerOptions } from './interner.ts'
export { DecodeError, FieldReader, WireType } from './reader.ts'
