// The status that a call ends with: codes, where they come from when the server says none, and the details it may send.
import { constants as http2 } from 'node:http2'

/** gRPC's status codes (grpc/doc/statuscodes.md). */
export const GrpcCode = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const
export type GrpcCode = (typeof GrpcCode)[keyof typeof GrpcCode]

const names = Object.fromEntries(Object.entries(GrpcCode).map(([name, code]) => [code, name]))

/** The code's name; a number for one that is not known. */
export function codeName(code: number): string {
  return names[code] ?? String(code)
}

/** What an answer without a gRPC status means (grpc/doc/http-grpc-status-mapping.md). */
export function codeOfHttp(status: number): GrpcCode {
  if (status === 400) return GrpcCode.INTERNAL
  if (status === 401) return GrpcCode.UNAUTHENTICATED
  if (status === 403) return GrpcCode.PERMISSION_DENIED
  if (status === 404) return GrpcCode.UNIMPLEMENTED
  if (status === 429 || status === 502 || status === 503 || status === 504) return GrpcCode.UNAVAILABLE
  return GrpcCode.UNKNOWN
}

/** What a stream that the server reset means (grpc/doc/PROTOCOL-HTTP2.md, "Errors"). */
export function codeOfReset(rstCode: number): GrpcCode {
  if (rstCode === http2.NGHTTP2_REFUSED_STREAM) return GrpcCode.UNAVAILABLE
  if (rstCode === http2.NGHTTP2_CANCEL) return GrpcCode.CANCELLED
  if (rstCode === http2.NGHTTP2_ENHANCE_YOUR_CALM) return GrpcCode.RESOURCE_EXHAUSTED
  if (rstCode === http2.NGHTTP2_INADEQUATE_SECURITY) return GrpcCode.PERMISSION_DENIED
  return GrpcCode.INTERNAL
}

/** A `grpc-message`: percent-encoded UTF-8. What is not well encoded is given as it came. */
export function decodedMessage(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const retryInfoType = 'google.rpc.RetryInfo'

/**
 * How long `grpc-status-details-bin` (a base64 google.rpc.Status) asks to wait, in milliseconds: its RetryInfo, undefined
 * where it has none or is damaged. A RetryInfo without a delay asks for none: 0.
 */
export function retryDelayMs(detailsBase64: string): number | undefined {
  let found: number | undefined
  try {
    eachField(Buffer.from(detailsBase64, 'base64'), (field, _, any) => {
      if (field !== 3) return
      let type = ''
      let value = new Uint8Array(0)
      eachField(any, (f, _n, bytes) => {
        if (f === 1) type = Buffer.from(bytes).toString()
        if (f === 2) value = Uint8Array.from(bytes)
      })
      if (type.slice(type.lastIndexOf('/') + 1) !== retryInfoType) return
      found ??= 0
      eachField(value, (f, _n, duration) => {
        if (f !== 1) return
        eachField(duration, (unit, n) => {
          if (unit === 1) found = (found ?? 0) + n * 1000
          if (unit === 2) found = (found ?? 0) + n / 1e6
        })
      })
    })
  } catch {
    return undefined
  }
  return found
}

const nothing = new Uint8Array(0)

/** Protobuf's fields: varints as `n`, bytes as `bytes`; others are passed over. Throws where it is damaged. */
function eachField(bytes: Uint8Array, take: (field: number, n: number, bytes: Uint8Array) => void): void {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++]
      if (byte === undefined || factor > 2 ** 63) throw new RangeError('it breaks off')
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const tag = varint()
    const field = Math.floor(tag / 8)
    const kind = tag % 8
    if (kind === 0) take(field, varint(), nothing)
    else if (kind === 2) {
      const length = varint()
      if (at + length > bytes.length) throw new RangeError('it breaks off')
      take(field, 0, bytes.subarray(at, at + length))
      at += length
    } else if (kind === 1) at += 8
    else if (kind === 5) at += 4
    else throw new RangeError('an unknown wire type')
  }
}
