// OTLP logs of Loki's streams.
import type { LogStream } from '#pdata'
import { type Attributes, emptyResource, emptyScope, type LogRecord, type LogsTree } from '#pdata/otlp'

const noId = new Uint8Array(0)

/**
 * A record for each line. Labels and structured metadata become attributes, with the hint `loki.attribute.labels` that
 * makes labels of them again; a `filename` gives log.file.path and log.file.name as well.
 */
export function otlpFromStreams(streams: readonly LogStream[], nowNs: bigint): LogsTree {
  const logRecords: LogRecord[] = []
  for (const { labels, lines, timestampsNs, metadata } of streams) {
    for (let i = 0; i < lines.length; i++) {
      const attributes = attributesOf(labels)
      for (const [key, value] of pairsOf(metadata?.[i] ?? [])) attributes.push({ key, value })
      logRecords.push({
        timeUnixNano: timestampsNs[i] || nowNs,
        observedTimeUnixNano: nowNs,
        severityNumber: 0,
        severityText: '',
        body: lines[i]!,
        attributes,
        droppedAttributesCount: 0,
        flags: 0,
        traceId: noId,
        spanId: noId,
        eventName: '',
        unknown: null,
      })
    }
  }
  if (logRecords.length === 0) return { resourceLogs: [] }
  const scopeLogs = [{ scope: emptyScope(), logRecords, schemaUrl: '', unknown: null }]
  return { resourceLogs: [{ resource: emptyResource(), scopeLogs, schemaUrl: '', unknown: null }] }
}

function* pairsOf(labels: readonly string[]): Generator<[string, string]> {
  for (let i = 0; i < labels.length; i += 2) yield [labels[i]!, labels[i + 1]!]
}

function attributesOf(labels: readonly string[]): Attributes {
  const pairs = [...pairsOf(labels)]
  const out: Attributes = []
  const path = pairs.find(([name]) => name === 'filename')?.[1]
  if (path !== undefined) {
    out.push({ key: 'log.file.path', value: path })
    out.push({ key: 'log.file.name', value: path.slice(path.lastIndexOf('/') + 1) })
  }
  if (pairs.length > 0) out.push({ key: 'loki.attribute.labels', value: pairs.map(([name]) => name).join(',') })
  for (const [key, value] of pairs) out.push({ key, value })
  return out
}
