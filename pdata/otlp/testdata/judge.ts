// OTLP as protobufjs reads and writes it: the judge of our codec.
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'

const root = protobuf.loadSync(fileURLToPath(new URL('otlp.proto', import.meta.url)))
export const judges = {
  traces: root.lookupType('otlp.ExportTraceServiceRequest'),
  logs: root.lookupType('otlp.ExportLogsServiceRequest'),
  metrics: root.lookupType('otlp.ExportMetricsServiceRequest'),
  response: root.lookupType('otlp.ExportServiceResponse'),
} as const

export type Signal = 'traces' | 'logs' | 'metrics'

const idKeys = new Set(['traceId', 'spanId', 'parentSpanId'])

/** The request as JSON in OTLP's mapping, made from what protobufjs decodes. */
export function judgedJson(signal: Signal, bytes: Uint8Array): string {
  const message = judges[signal].toObject(judges[signal].decode(bytes), { longs: String, json: true })
  return JSON.stringify(message, (key, value: unknown) => {
    const bytesOf = bytesIn(value)
    if (bytesOf === null) return Object.is(value, -0) ? '-0' : value
    return bytesOf.toString(idKeys.has(key) ? 'hex' : 'base64')
  })
}

/** A Buffer reaches JSON's replacer as what its toJSON gives. */
function bytesIn(value: unknown): Buffer | null {
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (typeof value !== 'object' || value === null || !('type' in value) || value.type !== 'Buffer') return null
  return 'data' in value && Array.isArray(value.data) ? Buffer.from(value.data as number[]) : null
}

/** The request in protobuf, encoded by protobufjs from JSON in OTLP's mapping. */
export function judgedBytes(signal: Signal, json: string): Uint8Array {
  const message = JSON.parse(json, (key, value: unknown) => {
    if (idKeys.has(key)) return Buffer.from(value as string, 'hex')
    if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return doubleKeys.has(key) ? Number(value) : value
    return value
  }) as Record<string, unknown>
  const doubles = (list: unknown): void => {
    if (typeof list !== 'object' || list === null) return
    for (const [key, value] of Object.entries(list)) {
      if (key === 'explicitBounds') (list as Record<string, unknown>)[key] = (value as unknown[]).map(Number)
      else doubles(value)
    }
  }
  doubles(message)
  const type = judges[signal]
  return new Uint8Array(type.encode(type.fromObject(message)).finish())
}

const doubleKeys = new Set(['doubleValue', 'asDouble', 'sum', 'min', 'max', 'zeroThreshold', 'quantile', 'value'])

/** What protobufjs makes of bytes that it decoded itself: fields by number, packed, defaults as they came. */
export function judgedAgain(signal: Signal, bytes: Uint8Array): Uint8Array {
  const type = judges[signal]
  return new Uint8Array(type.encode(type.decode(bytes)).finish())
}
