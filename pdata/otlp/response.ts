// Answers to export requests: ExportTraceServiceResponse and its siblings, and google.rpc.Status for refusals.
import { ByteWriter } from '#lib/byte_writer'
import { OtlpError } from './error.ts'
import { WireCursor } from './wire.ts'

/** `rejected`: spans, log records or data points not taken. `message`: why, or a warning where nothing was rejected. */
export interface ExportResponse {
  readonly rejected: number
  readonly message: string
}

/** The response of any signal, which have the same fields; empty where all was taken without a warning. */
export function encodeExportResponse({ rejected, message }: ExportResponse): Uint8Array {
  const writer = new ByteWriter(64)
  if (rejected !== 0 || message !== '') {
    writer.byte(0x0a)
    const start = writer.beginLength()
    if (rejected !== 0) {
      writer.byte(0x08)
      writer.int64(rejected)
    }
    if (message !== '') {
      writer.byte(0x12)
      writer.string(message)
    }
    writer.endLength(start)
  }
  return writer.take()
}

/** The response of any signal. Throws `OtlpError`. */
export function decodeExportResponse(bytes: Uint8Array): ExportResponse {
  checkFields(bytes, 0, bytes.length)
  const outer = new WireCursor()
  const inner = new WireCursor()
  let rejected = 0
  let message = ''
  outer.reset(bytes)
  while (outer.next()) {
    if (outer.tag !== 0x0a) continue
    checkFields(bytes, outer.start, outer.end)
    inner.enter(outer)
    while (inner.next()) {
      if (inner.tag === 0x08) rejected = smallNumber(inner)
      else if (inner.tag === 0x12) message = utf8.decode(inner.value())
    }
  }
  return { rejected, message }
}

const rejectedKeys = { traces: 'rejectedSpans', logs: 'rejectedLogRecords', metrics: 'rejectedDataPoints' } as const

export function exportResponseToJson(signal: 'traces' | 'logs' | 'metrics', response: ExportResponse): string {
  const partialSuccess: Record<string, string> = {}
  if (response.rejected !== 0) partialSuccess[rejectedKeys[signal]] = String(response.rejected)
  if (response.message !== '') partialSuccess['errorMessage'] = response.message
  return JSON.stringify({ partialSuccess })
}

/** Throws `OtlpError`. */
export function exportResponseFromJson(signal: 'traces' | 'logs' | 'metrics', text: string): ExportResponse {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new OtlpError(`Cannot read an OTLP response: ${error instanceof Error ? error.message : 'no JSON'}`, -1)
  }
  const partial = recordOf(recordOf(parsed)['partialSuccess'])
  const rejected = Number(partial[rejectedKeys[signal]] ?? 0)
  const message = partial['errorMessage']
  return { rejected: Number.isFinite(rejected) ? rejected : 0, message: typeof message === 'string' ? message : '' }
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** google.rpc.Status, the body of OTLP/HTTP's refusals. */
export interface RpcStatus {
  /** gRPC's number. */
  readonly code: number
  readonly message: string
  /**
   * From the first google.rpc.RetryInfo among the details; null: there was none. 0: it names no delay, which leaves the pace to
   * the client, and still says that trying again makes sense.
   */
  readonly retryAfterMs: number | null
}

/** A google.rpc.Status; `retryAfterMs` goes along as a RetryInfo. */
export function encodeRpcStatus({ code, message, retryAfterMs }: RpcStatus): Uint8Array {
  const writer = new ByteWriter(128)
  if (code !== 0) {
    writer.byte(0x08)
    writer.int64(code)
  }
  if (message !== '') {
    writer.byte(0x12)
    writer.string(message)
  }
  if (retryAfterMs !== null) {
    writer.byte(0x1a)
    const any = writer.beginLength()
    writer.byte(0x0a)
    writer.string(retryInfoType)
    writer.byte(0x12)
    const info = writer.beginLength()
    writer.byte(0x0a)
    const duration = writer.beginLength()
    writer.byte(0x08)
    writer.int64(Math.floor(retryAfterMs / 1000))
    writer.byte(0x10)
    writer.int64((retryAfterMs % 1000) * 1e6)
    writer.endLength(duration)
    writer.endLength(info)
    writer.endLength(any)
  }
  return writer.take()
}

const retryInfoType = 'type.googleapis.com/google.rpc.RetryInfo'

/** Throws `OtlpError`. */
export function decodeRpcStatus(bytes: Uint8Array): RpcStatus {
  checkFields(bytes, 0, bytes.length)
  const cursor = new WireCursor()
  let code = 0
  let message = ''
  let retryAfterMs: number | null = null
  cursor.reset(bytes)
  while (cursor.next()) {
    if (cursor.tag === 0x08) code = smallNumber(cursor)
    else if (cursor.tag === 0x12) message = utf8.decode(cursor.value())
    else if (cursor.tag === 0x1a) retryAfterMs ??= retryDelay(cursor)
  }
  return { code, message, retryAfterMs }
}

/** The delay of a google.protobuf.Any that holds a RetryInfo; null for others. */
function retryDelay(any: WireCursor): number | null {
  const info = partOf(any.bytes, any.start, any.end, 0x12)
  const type = partOf(any.bytes, any.start, any.end, 0x0a)
  if (type === null || nameIn(utf8.decode(type.value())) !== nameIn(retryInfoType)) return null
  const duration = info && partOf(info.bytes, info.start, info.end, 0x0a)
  if (duration === null) return 0
  checkFields(duration.bytes, duration.start, duration.end)
  const cursor = new WireCursor()
  cursor.enter(duration)
  let delayMs = 0
  while (cursor.next()) {
    if (cursor.tag === 0x08) delayMs += smallNumber(cursor) * 1000
    else if (cursor.tag === 0x10) delayMs += smallNumber(cursor) / 1e6
  }
  return delayMs
}

/** The name of a message's type behind the address of who knows it. */
function nameIn(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1)
}

function partOf(bytes: Uint8Array, start: number, end: number, tag: number): WireCursor | null {
  checkFields(bytes, start, end)
  const cursor = new WireCursor()
  cursor.reset(bytes, start, end)
  return cursor.seek(tag) ? cursor : null
}

const utf8 = new TextDecoder()

/** A varint as a number, exact up to 2^53; negative ones are two's complement. */
function smallNumber(cursor: WireCursor): number {
  let value = 0n
  for (let at = cursor.start, shift = 0n; at < cursor.end; at++, shift += 7n) {
    value |= BigInt((cursor.bytes[at] as number) & 0x7f) << shift
  }
  return Number(BigInt.asIntN(64, value))
}

/** Throws `OtlpError` where the fields do not end at `end`: what servers answer is not trusted either. */
function checkFields(bytes: Uint8Array, start: number, end: number): void {
  let at = start
  const varint = (): number => {
    let value = 0
    for (let i = 0, scale = 1; i < 10 && at < end; i++, scale *= 128) {
      const byte = bytes[at++] as number
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    throw new OtlpError(`Cannot read an OTLP response: a number has no end at byte ${at}`, at)
  }
  while (at < end) {
    const fieldAt = at
    const tag = varint()
    const wireType = tag % 8
    if (wireType === 0) varint()
    else if (wireType === 1) at += 8
    else if (wireType === 2) {
      const length = varint()
      at += length
    } else if (wireType === 5) at += 4
    else throw new OtlpError(`Cannot read an OTLP response: a field has the wire type ${wireType} at byte ${at}`, at)
    if (at > end || tag > 0xffffffff || tag < 8) {
      throw new OtlpError(`Cannot read an OTLP response: a field is broken at byte ${fieldAt}`, fieldAt)
    }
  }
}
