// The forms of batches, made from one another: requests, wire, trees, parts and joined batches.
import type { ClientContext } from '../client_context.ts'
import { Metrics } from '../metrics.ts'
import type { WireChunks } from '../signals.ts'
import { Logs, Traces } from '../signals.ts'
import { decodeLogs, decodeTraces } from './decode.ts'
import { decodeMetrics } from './decode_metrics.ts'
import { encodeLogs, encodeTraces } from './encode.ts'
import { encodeMetrics } from './encode_metrics.ts'
import { decodeLogsJson, decodeMetricsJson, decodeTracesJson } from './json_decode.ts'
import { encodeLogsJson, encodeMetricsJson, encodeTracesJson } from './json_encode.ts'
import { splitWire } from './split.ts'
import type { LogsTree, MetricsTree, ResourceLogs, ResourceMetrics, ResourceSpans, TracesTree } from './tree.ts'
import { validateRequest } from './validate.ts'
import { itemLevels, pointLevels } from './wire.ts'

/**
 * A batch out of an ExportTraceServiceRequest, which is checked as a whole and kept as it is: the bytes must not change
 * afterwards. A request that has a singular field of a message more than once (which protobuf allows and no known sender
 * does) is written anew, so that the wire form never has that. Throws `OtlpError`.
 */
export function readTracesRequest(bytes: Uint8Array, context: ClientContext | null = null): Traces {
  const { items, isPlain } = validateRequest('traces', bytes)
  if (isPlain) return Traces.fromWire([bytes], items, context)
  const tree = treeOfTraces([bytes])
  return Traces.fromWire([encodeTraces(tree)], Traces.fromTree(tree).count, context)
}

/** A batch out of an ExportLogsServiceRequest; see `readTracesRequest`. */
export function readLogsRequest(bytes: Uint8Array, context: ClientContext | null = null): Logs {
  const { items, isPlain } = validateRequest('logs', bytes)
  if (isPlain) return Logs.fromWire([bytes], items, context)
  const tree = treeOfLogs([bytes])
  return Logs.fromWire([encodeLogs(tree)], Logs.fromTree(tree).count, context)
}

/** A batch out of an ExportMetricsServiceRequest; see `readTracesRequest`. */
export function readMetricsRequest(bytes: Uint8Array, context: ClientContext | null = null): Metrics {
  const { items, isPlain } = validateRequest('metrics', bytes)
  if (isPlain) return Metrics.fromWire([bytes], items, context)
  const tree = treeOfMetrics([bytes])
  return Metrics.fromWire([encodeMetrics(tree)], Metrics.fromTree(tree).count, context)
}

// ----------------------------------------------------------------------------------------------------------- forms

function treeOfTraces(chunks: WireChunks): TracesTree {
  const resourceSpans: ResourceSpans[] = []
  for (const chunk of chunks) decodeTraces(chunk, resourceSpans)
  return { resourceSpans }
}

function treeOfLogs(chunks: WireChunks): LogsTree {
  const resourceLogs: ResourceLogs[] = []
  for (const chunk of chunks) decodeLogs(chunk, resourceLogs)
  return { resourceLogs }
}

function treeOfMetrics(chunks: WireChunks): MetricsTree {
  const resourceMetrics: ResourceMetrics[] = []
  for (const chunk of chunks) decodeMetrics(chunk, resourceMetrics)
  return { resourceMetrics }
}

/** The wire form, encoded when needed and then kept on the batch. */
export function tracesWire(batch: Traces): WireChunks {
  return (batch.wire ??= [encodeTraces(tracesTree(batch))])
}

/** See `tracesWire`. Throws for logs that are Loki's streams. */
export function logsWire(batch: Logs): WireChunks {
  return (batch.wire ??= [encodeLogs(logsTree(batch))])
}

/** See `tracesWire`. Throws for metrics that are Prometheus's series. */
export function metricsWire(batch: Metrics): WireChunks {
  return (batch.wire ??= [encodeMetrics(metricsTree(batch))])
}

/** The tree, decoded when needed and then kept on the batch. Only for reading: others may have it too. */
export function tracesTree(batch: Traces): TracesTree {
  if (batch.tree !== null) return batch.tree
  if (batch.wire === null) throw new Error('Cannot read traces: the batch has no form')
  return (batch.tree = treeOfTraces(batch.wire))
}

/** See `tracesTree`. Throws for logs that are Loki's streams: a bridge has to convert them. */
export function logsTree(batch: Logs): LogsTree {
  if (batch.tree !== null) return batch.tree
  if (batch.wire === null) throw new Error("Cannot read Loki's streams as OTLP: a bridge has to convert them")
  return (batch.tree = treeOfLogs(batch.wire))
}

/** See `tracesTree`. Throws for metrics that are Prometheus's series: a bridge has to convert them. */
export function metricsTree(batch: Metrics): MetricsTree {
  if (batch.tree !== null) return batch.tree
  if (batch.wire === null) throw new Error("Cannot read Prometheus's series as OTLP: a bridge has to convert them")
  return (batch.tree = treeOfMetrics(batch.wire))
}

/**
 * A tree that the caller may change: the batch's own one where nobody else has the batch, otherwise a new one. The batch
 * must not be used afterwards (where it has a wire form, that stays what it was). Byte arrays in it may be views of a request: replace them, do not write into them.
 */
export function ownTracesTree(batch: Traces): TracesTree {
  const { tree } = batch
  if (tree !== null && !batch.shared) {
    if (batch.wire !== null) batch.tree = null
    return tree
  }
  return treeOfTraces(tracesWire(batch))
}

/** See `ownTracesTree`. */
export function ownLogsTree(batch: Logs): LogsTree {
  const { tree } = batch
  if (tree !== null && !batch.shared) {
    if (batch.wire !== null) batch.tree = null
    return tree
  }
  if (batch.wire === null && batch.tree === null) return logsTree(batch)
  return treeOfLogs(logsWire(batch))
}

/** See `ownTracesTree`. */
export function ownMetricsTree(batch: Metrics): MetricsTree {
  const { tree } = batch
  if (tree !== null && !batch.shared) {
    if (batch.wire !== null) batch.tree = null
    return tree
  }
  return treeOfMetrics(metricsWire(batch))
}

// ------------------------------------------------------------------------------------------------- parts and joining

/** Bytes of a wire form. */
export function wireBytes(chunks: WireChunks): number {
  let bytes = 0
  for (const chunk of chunks) bytes += chunk.length
  return bytes
}

/**
 * The batch in parts of at most `itemsMax` spans, in order and all but the last full; the batch itself where it is not
 * larger. `itemsMax` below 1 counts as 1.
 */
export function splitTraces(batch: Traces, itemsMax: number): Traces[] {
  if (batch.count <= itemsMax) return [batch]
  return splitWire(tracesWire(batch), itemsMax, itemLevels).map((part) =>
    Traces.fromWire(part.chunks, part.count, batch.context),
  )
}

/** See `splitTraces`. */
export function splitLogs(batch: Logs, itemsMax: number): Logs[] {
  if (batch.count <= itemsMax) return [batch]
  return splitWire(logsWire(batch), itemsMax, itemLevels).map((part) =>
    Logs.fromWire(part.chunks, part.count, batch.context),
  )
}

/** See `splitTraces`. Counts data points: a metric with many is cut as well. */
export function splitMetrics(batch: Metrics, itemsMax: number): Metrics[] {
  if (batch.count <= itemsMax) return [batch]
  return splitWire(metricsWire(batch), itemsMax, pointLevels).map((part) =>
    Metrics.fromWire(part.chunks, part.count, batch.context),
  )
}

/** May the batches' trees go into a joined one? */
function haveOwnTrees(batches: readonly (Traces | Logs | Metrics)[]): boolean {
  return batches.every((batch) => batch.tree !== null && batch.wire === null && !batch.shared)
}

function countOf(batches: readonly (Traces | Logs | Metrics)[]): number {
  let count = 0
  for (const batch of batches) count += batch.count
  return count
}

/**
 * One batch out of several, without a copy: their chunks one after the other, or their trees where none has a wire form
 * yet (then they must not be used afterwards). The context is the first one's. Resources are not grouped.
 */
export function mergeTraces(batches: readonly Traces[]): Traces {
  const [first] = batches
  if (first !== undefined && batches.length === 1) return first
  const context = first?.context ?? null
  if (batches.length > 0 && haveOwnTrees(batches)) {
    return Traces.fromTree({ resourceSpans: batches.flatMap((batch) => tracesTree(batch).resourceSpans) }, context)
  }
  return Traces.fromWire(batches.flatMap(tracesWire), countOf(batches), context)
}

/** See `mergeTraces`. */
export function mergeLogs(batches: readonly Logs[]): Logs {
  const [first] = batches
  if (first !== undefined && batches.length === 1) return first
  const context = first?.context ?? null
  if (batches.length > 0 && haveOwnTrees(batches)) {
    return Logs.fromTree({ resourceLogs: batches.flatMap((batch) => logsTree(batch).resourceLogs) }, context)
  }
  return Logs.fromWire(batches.flatMap(logsWire), countOf(batches), context)
}

/** See `mergeTraces`. */
export function mergeMetrics(batches: readonly Metrics[]): Metrics {
  const [first] = batches
  if (first !== undefined && batches.length === 1) return first
  const context = first?.context ?? null
  if (batches.length > 0 && haveOwnTrees(batches)) {
    return Metrics.fromTree(
      { resourceMetrics: batches.flatMap((batch) => metricsTree(batch).resourceMetrics) },
      context,
    )
  }
  return Metrics.fromWire(batches.flatMap(metricsWire), countOf(batches), context)
}

// ------------------------------------------------------------------------------------------------------------ JSON

/**
 * A batch out of a request in OTLP's JSON mapping: ids in hex, 64-bit integers as strings or numbers (no digit is lost),
 * enums as numbers or names, bytes in base64, names in lowerCamelCase or snake_case, what is not known ignored. Throws
 * `OtlpError`, whose message names the path.
 */
export function tracesFromJson(text: string, context: ClientContext | null = null): Traces {
  return Traces.fromTree(decodeTracesJson(text), context)
}

/** See `tracesFromJson`. */
export function logsFromJson(text: string, context: ClientContext | null = null): Logs {
  return Logs.fromTree(decodeLogsJson(text), context)
}

/** See `tracesFromJson`. */
export function metricsFromJson(text: string, context: ClientContext | null = null): Metrics {
  return Metrics.fromTree(decodeMetricsJson(text), context)
}

/** The batch as a request in OTLP's JSON mapping, on one line. */
export function tracesToJson(batch: Traces): string {
  return encodeTracesJson(tracesTree(batch))
}

/** See `tracesToJson`. Throws for logs that are Loki's streams. */
export function logsToJson(batch: Logs): string {
  return encodeLogsJson(logsTree(batch))
}

/** See `tracesToJson`. Throws for metrics that are Prometheus's series. */
export function metricsToJson(batch: Metrics): string {
  return encodeMetricsJson(metricsTree(batch))
}
