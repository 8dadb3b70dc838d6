// Log records in few words, for the tests of components.
import type { AnyValue, LogRecord, ResourceLogs } from '#pdata/otlp'
import { attributesOf } from './metric_trees.ts'

export interface LogInput {
  readonly body?: AnyValue
  readonly severity?: number
  /** Milliseconds since the epoch; 0: none. */
  readonly timeMs?: number
  readonly attributes?: Readonly<Record<string, AnyValue>>
}

export function logOf(input: LogInput = {}): LogRecord {
  return {
    timeUnixNano: BigInt(Math.round((input.timeMs ?? 0) * 1e6)),
    observedTimeUnixNano: 0n,
    severityNumber: input.severity ?? 0,
    severityText: '',
    body: input.body ?? null,
    attributes: attributesOf(input.attributes),
    droppedAttributesCount: 0,
    flags: 0,
    traceId: new Uint8Array(0),
    spanId: new Uint8Array(0),
    eventName: '',
    unknown: null,
  }
}

/** One resource with one scope. */
export function resourceLogs(resource: Readonly<Record<string, AnyValue>>, logs: readonly LogInput[]): ResourceLogs {
  return {
    resource: { attributes: attributesOf(resource), droppedAttributesCount: 0, entityRefs: [], unknown: null },
    scopeLogs: [
      {
        scope: { name: '', version: '', attributes: [], droppedAttributesCount: 0, unknown: null },
        logRecords: logs.map(logOf),
        schemaUrl: '',
        unknown: null,
      },
    ],
    schemaUrl: '',
    unknown: null,
  }
}
