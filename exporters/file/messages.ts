// Batches as the messages of a file: lines of JSON, or messages with their length in front.
import { zstdCompressSync, constants } from 'node:zlib'
import type { Batch, Signal } from '#component'
import { Logs, Metrics, Traces } from '#pdata'
import {
  attributeValue,
  logsToJson,
  logsTree,
  logsWire,
  metricsToJson,
  metricsTree,
  metricsWire,
  type Resource,
  tracesToJson,
  tracesTree,
  tracesWire,
} from '#pdata/otlp'

export type FileFormat = 'json' | 'proto'

export interface MessageSettings {
  readonly format: FileFormat
  readonly compression: 'zstd' | 'none'
  readonly level: number | undefined
}

/** JSON without compression is a line; anything else has its length in front, four bytes, big endian. */
export function messageOf(signal: Signal, batch: Batch, settings: MessageSettings): Uint8Array {
  const { format, compression, level } = settings
  const plain = format === 'proto' ? Buffer.concat(wireOf(signal, batch)) : jsonOf(signal, batch)
  if (typeof plain === 'string' && compression === 'none') return Buffer.from(`${plain}\n`)
  const bytes = typeof plain === 'string' ? Buffer.from(plain) : plain
  const params = level ? { params: { [constants.ZSTD_c_compressionLevel]: level } } : {}
  const content = compression === 'zstd' ? zstdCompressSync(bytes, params) : bytes
  const length = Buffer.alloc(4)
  length.writeUInt32BE(content.length)
  return Buffer.concat([length, content])
}

function wireOf(signal: Signal, batch: Batch): readonly Uint8Array[] {
  if (signal === 'traces') return tracesWire(batch as Traces)
  return signal === 'metrics' ? metricsWire(batch as Metrics) : logsWire(batch as Logs)
}

function jsonOf(signal: Signal, batch: Batch): string {
  if (signal === 'traces') return tracesToJson(batch as Traces)
  return signal === 'metrics' ? metricsToJson(batch as Metrics) : logsToJson(batch as Logs)
}

/** The batch taken apart by the text in a resource attribute; undefined: the resources that have none. */
export function groupsOf(signal: Signal, batch: Batch, attribute: string): Map<string | undefined, Batch> {
  switch (signal) {
    case 'traces':
      return grouped(tracesTree(batch as Traces).resourceSpans, attribute, (resourceSpans) =>
        Traces.fromTree({ resourceSpans }),
      )
    case 'metrics':
      return grouped(metricsTree(batch as Metrics).resourceMetrics, attribute, (resourceMetrics) =>
        Metrics.fromTree({ resourceMetrics }),
      )
    case 'logs':
      return grouped(logsTree(batch as Logs).resourceLogs, attribute, (resourceLogs) => Logs.fromTree({ resourceLogs }))
  }
}

function grouped<R extends { resource: Resource }>(
  resources: readonly R[],
  attribute: string,
  make: (resources: R[]) => Batch,
): Map<string | undefined, Batch> {
  const groups = new Map<string | undefined, R[]>()
  for (const resource of resources) {
    const value = attributeValue(resource.resource.attributes, attribute)
    const key = typeof value === 'string' ? value : undefined
    const group = groups.get(key)
    if (group) group.push(resource)
    else groups.set(key, [resource])
  }
  return new Map([...groups].map(([key, group]) => [key, make(group)]))
}
