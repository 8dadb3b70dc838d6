// Export requests over gRPC.
import type { Host, Signal } from '#component'
import { codeName, type GrpcClient, GrpcCode, type GrpcResult } from '#component/grpc_client'
import { createOtelGrpcClient, type OtelGrpcClientSettings } from '#component/otel_client'
import { decodeExportResponse } from '#pdata/otlp'
import type { ExportOutcome, OtelTransport } from './delivery.ts'
import type { Payload } from './payload.ts'

const paths: Readonly<Record<Signal, string>> = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
}

/** OTLP specification, "OTLP/gRPC Response": these may succeed later, RESOURCE_EXHAUSTED only where the server says when. */
const retryable: ReadonlySet<number> = new Set([
  GrpcCode.CANCELLED,
  GrpcCode.DEADLINE_EXCEEDED,
  GrpcCode.ABORTED,
  GrpcCode.OUT_OF_RANGE,
  GrpcCode.UNAVAILABLE,
  GrpcCode.DATA_LOSS,
])

/** OTLP over gRPC. */
export class GrpcTransport implements OtelTransport {
  readonly #client: GrpcClient
  readonly #settings: OtelGrpcClientSettings
  readonly #timeoutMs: number

  constructor(settings: OtelGrpcClientSettings, timeoutMs: number, host: Host) {
    this.#settings = settings
    this.#timeoutMs = timeoutMs
    this.#client = createOtelGrpcClient(settings, host)
  }

  async export({ signal, chunks, context }: Payload, abort: AbortSignal): Promise<ExportOutcome> {
    const { headers, auth } = this.#settings
    const plain = Object.fromEntries(headers)
    const result = await this.#client.unary({
      path: paths[signal],
      message: chunks,
      metadata: auth ? await auth.headers(context, plain) : plain,
      timeoutMs: this.#timeoutMs,
      signal: abort,
    })
    return outcomeOf(result)
  }

  close(): void {
    this.#client.close()
  }
}

/** What a status means for the batch. */
export function outcomeOf({ code, message, retryDelayMs, response }: GrpcResult): ExportOutcome {
  if (code === GrpcCode.OK) return accepted(response)
  const said = `${codeName(code)}: ${message}`
  if (code === GrpcCode.RESOURCE_EXHAUSTED && retryDelayMs === undefined) {
    // How servers of Go, Java, C++ and JavaScript say that a message is too large for them.
    if (/larger than max|exceeds maximum|too large|max message size/i.test(message))
      return { kind: 'too large', message: said }
    return { kind: 'rejected', reason: 'rejected by the backend', message: said }
  }
  if (!retryable.has(code) && code !== GrpcCode.RESOURCE_EXHAUSTED) {
    return { kind: 'rejected', reason: 'rejected by the backend', message: said }
  }
  return { kind: 'retry', message: said, ...(retryDelayMs === undefined ? {} : { retryAfterMs: retryDelayMs }) }
}

/** An answer that cannot be read says nothing against the batch: it was taken. */
function accepted(response: Uint8Array): ExportOutcome {
  try {
    return { kind: 'sent', ...decodeExportResponse(response) }
  } catch (error) {
    return { kind: 'sent', rejected: 0, message: (error as Error).message }
  }
}
