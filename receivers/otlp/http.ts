// OTLP/HTTP: requests in protobuf and in JSON, answered in kind (OTLP specification, "OTLP/HTTP").
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Batch } from '#component'
import { GrpcCode } from '#component/grpc_server'
import { RequestRefused } from '#component/http_requests'
import { leaveBodyUnread } from '#component/http_server'
import type { OtelHttpServer } from '#component/otel_server'
import type { ClientContext } from '#pdata'
import { encodeExportResponse, encodeRpcStatus, exportResponseToJson, OtlpError } from '#pdata/otlp'
import { type Intake, refusalOf } from './intake.ts'

const protobufType = 'application/x-protobuf'
const jsonType = 'application/json'
type ContentType = typeof protobufType | typeof jsonType

/** Where the receiver itself has no room, clients are told to come back after this. */
const noRoomRetryMs = 1000

const allTaken = { rejected: 0, message: '' }
const allTakenBytes = encodeExportResponse(allTaken)
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Answers a request to a signal's path. */
export async function handleExport<B extends Batch>(
  intake: Intake<B>,
  server: OtelHttpServer,
  request: IncomingMessage,
  response: ServerResponse,
  context: ClientContext,
): Promise<void> {
  if (request.method !== 'POST') {
    response.setHeader('allow', 'POST')
    answerText(response, 405, '405 method not allowed, supported: [POST]')
    return
  }
  const type = contentTypeOf(request)
  if (type === undefined) {
    answerText(response, 415, `415 unsupported media type, supported: [${jsonType}, ${protobufType}]`)
    return
  }
  try {
    await server.readBody(request, async (body) => {
      const batch = type === jsonType ? intake.codec.fromJson(textOf(body), context) : intake.codec.read(body, context)
      try {
        await intake.take(batch, 'http')
      } catch (error) {
        answerRefusal(response, type, error)
      }
    })
  } catch (error) {
    answerProblem(request, response, type, error)
    return
  }
  if (response.headersSent || response.destroyed) return
  if (type === protobufType) answer(response, 200, type, allTakenBytes)
  else answer(response, 200, type, exportResponseToJson(intake.codec.signal, allTaken))
}

function textOf(body: Uint8Array): string {
  try {
    return utf8.decode(body)
  } catch {
    throw new OtlpError('the body is not valid UTF-8', -1)
  }
}

function contentTypeOf(request: IncomingMessage): ContentType | undefined {
  const media = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  return media === protobufType || media === jsonType ? media : undefined
}

/** A batch that the next consumer did not take. */
function answerRefusal(response: ServerResponse, type: ContentType, error: unknown): void {
  const { code, httpStatus, message, retryAfterMs } = refusalOf(error)
  answerStatus(response, type, httpStatus, { code, message, retryAfterMs: retryAfterMs ?? null })
}

/** A request that was not understood, or for which there is no room. */
function answerProblem(request: IncomingMessage, response: ServerResponse, type: ContentType, error: unknown): void {
  if (response.destroyed) return
  if (error instanceof OtlpError) {
    answerStatus(response, type, 400, { code: GrpcCode.INVALID_ARGUMENT, message: error.message, retryAfterMs: null })
    return
  }
  if (!(error instanceof RequestRefused)) throw error
  if (error.status === 413 || error.status === 503) leaveBodyUnread(request, response)
  answerStatus(response, type, error.status, {
    code: statusCodes[error.status] ?? GrpcCode.UNKNOWN,
    message: error.message,
    retryAfterMs: error.status === 503 ? noRoomRetryMs : null,
  })
}

/** gRPC's codes for HTTP's (grpc/doc/http-grpc-status-mapping.md), but 400 and 413: both are the request's fault. */
const statusCodes: Readonly<Record<number, GrpcCode>> = {
  400: GrpcCode.INVALID_ARGUMENT,
  401: GrpcCode.UNAUTHENTICATED,
  403: GrpcCode.PERMISSION_DENIED,
  404: GrpcCode.UNIMPLEMENTED,
  413: GrpcCode.INVALID_ARGUMENT,
  415: GrpcCode.INVALID_ARGUMENT,
  429: GrpcCode.RESOURCE_EXHAUSTED,
  503: GrpcCode.UNAVAILABLE,
}

/** Answer a request that is not let in: in its own type where it has one of OTLP's, else in JSON. */
export function refuse(request: IncomingMessage, response: ServerResponse, status: number, message: string): void {
  const code = statusCodes[status] ?? GrpcCode.UNKNOWN
  leaveBodyUnread(request, response)
  answerStatus(response, contentTypeOf(request) ?? jsonType, status, { code, message, retryAfterMs: null })
}

interface Status {
  readonly code: number
  readonly message: string
  readonly retryAfterMs: number | null
}

/** A `google.rpc.Status` in the request's type; `Retry-After` in whole seconds. */
function answerStatus(response: ServerResponse, type: ContentType, httpStatus: number, status: Status): void {
  const { retryAfterMs } = status
  if (retryAfterMs !== null) response.setHeader('retry-after', String(Math.ceil(retryAfterMs / 1000)))
  if (type === protobufType) {
    const whole = retryAfterMs === null ? null : Math.ceil(retryAfterMs)
    answer(response, httpStatus, type, encodeRpcStatus({ ...status, retryAfterMs: whole }))
  } else answer(response, httpStatus, type, statusToJson(status))
}

function statusToJson({ code, message, retryAfterMs }: Status): string {
  if (retryAfterMs === null) return JSON.stringify({ code, message })
  const retryDelay = `${Math.ceil(retryAfterMs) / 1000}s`
  return JSON.stringify({
    code,
    message,
    details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay }],
  })
}

export function answerText(response: ServerResponse, status: number, text: string): void {
  answer(response, status, 'text/plain', text)
}

function answer(response: ServerResponse, status: number, type: string, body: string | Uint8Array): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body)
}
