// The status that a call ends with: where it comes from when the server says none, and the details it may send.
import { constants as http2 } from 'node:http2'
import { GrpcCode } from '#component/grpc_status'
import { decodeRpcStatus, OtlpError } from '#pdata/otlp'

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

/**
 * How long `grpc-status-details-bin` (a base64 google.rpc.Status) asks to wait, in milliseconds: its RetryInfo, undefined
 * where it has none or is damaged. A RetryInfo without a delay asks for none: 0, and says that trying again makes sense.
 */
export function retryDelayMs(detailsBase64: string): number | undefined {
  try {
    return decodeRpcStatus(Buffer.from(detailsBase64, 'base64')).retryAfterMs ?? undefined
  } catch (error) {
    if (error instanceof OtlpError) return undefined
    throw error
  }
}
