// OTLP/gRPC: the Export methods of the three services.
import type { Batch } from '#component'
import { GrpcCode, GrpcError, type GrpcMethod } from '#component/grpc_server'
import { callContext } from '#component/otel_server'
import { encodeExportResponse, OtlpError } from '#pdata/otlp'
import { type Intake, refusalOf } from './intake.ts'

export const exportPaths = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
} as const

const allTaken = encodeExportResponse({ rejected: 0, message: '' })

/** The method that feeds `intake`. It answers once the next consumer took the batch. */
export function exportMethod<B extends Batch>(intake: Intake<B>, includeMetadata: boolean): GrpcMethod {
  return {
    kind: 'unary',
    handle(message, call) {
      let batch: B
      try {
        batch = intake.codec.read(message, callContext(call, includeMetadata))
      } catch (error) {
        if (error instanceof OtlpError) throw new GrpcError(GrpcCode.INVALID_ARGUMENT, error.message)
        throw error
      }
      let waiting: void | Promise<void>
      try {
        waiting = intake.take(batch, 'grpc')
      } catch (error) {
        throw grpcError(error)
      }
      if (!waiting) return allTaken
      return waiting.then(
        () => allTaken,
        (error: unknown) => {
          throw grpcError(error)
        },
      )
    },
  }
}

function grpcError(error: unknown): GrpcError {
  const { code, message, retryAfterMs } = refusalOf(error)
  return new GrpcError(code, message, retryAfterMs)
}
