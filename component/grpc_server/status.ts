// gRPC's status: the error that carries one, and how both are written on the wire.
import type { GrpcCode } from '#component/grpc_status'
import { encodeRpcStatus } from '#pdata/otlp'

/** Ends a call with a status other than OK. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError'
  readonly code: GrpcCode
  /** When the client may try again: goes to it as `google.rpc.RetryInfo`. */
  readonly retryAfterMs: number | undefined
  constructor(code: GrpcCode, message: string, retryAfterMs?: number) {
    super(message)
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}

const textEncoder = new TextEncoder()
/** Longer messages are cut: they travel in a header, and clients refuse headers that are too large. */
const messageBytesMax = 4096

/**
 * `grpc-message`: printable ASCII but `%` and spaces at the ends as it is, every other byte of the UTF-8 as `%XX` (PROTOCOL-HTTP2.md,
 * "Status-Message").
 */
export function percentEncoded(message: string): string {
  if (/^(?! )[ -$&-~]*(?<! )$/.test(message) && message.length <= messageBytesMax) return message
  let out = ''
  const bytes = textEncoder.encode(message).subarray(0, messageBytesMax)
  for (const [i, byte] of bytes.entries()) {
    // Spaces at an end are no part of a header's value.
    const space = byte === 0x20 && i > 0 && i < bytes.length - 1
    if (space || (byte > 0x20 && byte <= 0x7e && byte !== 0x25)) out += String.fromCharCode(byte)
    else out += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return out
}

/** The headers that end a call. */
export function statusHeaders(error: GrpcError): Record<string, string> {
  const headers: Record<string, string> = { 'grpc-status': String(error.code) }
  if (error.message !== '') headers['grpc-message'] = percentEncoded(error.message)
  if (error.retryAfterMs !== undefined) {
    const { code, message } = error
    const status = encodeRpcStatus({ code, message, retryAfterMs: Math.ceil(error.retryAfterMs) })
    // Binary headers travel as base64 without padding.
    headers['grpc-status-details-bin'] = Buffer.from(status).toString('base64').replace(/=+$/, '')
  }
  return headers
}

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 }

/** Milliseconds of `grpc-timeout`: at most eight digits and a unit. Undefined for what is none. */
export function parseTimeoutMs(text: string): number | undefined {
  const found = /^(\d{1,8})([HMSmun])$/.exec(text)
  if (!found) return undefined
  return Number(found[1]) * (unitMs[found[2] as string] as number)
}
