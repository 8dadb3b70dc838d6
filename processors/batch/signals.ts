// What the batch processor needs to know of each signal: merging, splitting, sizes.
import type { Batch } from '#component'
import type { ClientContext, WireChunks } from '#pdata'
import { Logs, Metrics, Traces } from '#pdata'
import {
  logsWire,
  mergeLogs,
  mergeMetrics,
  mergeTraces,
  metricsWire,
  splitLogs,
  splitMetrics,
  splitTraces,
  tracesWire,
  wireBytes,
} from '#pdata/otlp'

export interface SignalOperations<B extends Batch> {
  /** One batch of all, in order, with `context` for that of its client. */
  merge(batches: readonly B[], context: ClientContext | null): B
  /** Parts of at most `itemsMax` items each, in order. */
  split(batch: B, itemsMax: number): readonly B[]
  /** Bytes of OTLP's encoding, where it is there already; else 0. */
  bytes(batch: B): number
}

interface Codec<B extends Batch> {
  readonly merge: (batches: readonly B[]) => B
  readonly wire: (batch: B) => WireChunks
  readonly split: (batch: B, itemsMax: number) => readonly B[]
  readonly fromWire: (chunks: WireChunks, count: number, context: ClientContext | null) => B
}

/**
 * What comes out goes on the wire anyway: merging joins encoded chunks, and a context is replaced around them. A batch that
 * is alone and has the right context is handed on as it came.
 */
function operations<B extends Batch>(codec: Codec<B>): SignalOperations<B> {
  return {
    merge(batches, context) {
      const merged = batches.length === 1 ? (batches[0] as B) : codec.merge(batches)
      return merged.context === context ? merged : codec.fromWire(codec.wire(merged), merged.count, context)
    },
    split: codec.split,
    bytes: (batch) => (batch.wire === null ? 0 : wireBytes(batch.wire)),
  }
}

export const tracesOperations = operations<Traces>({
  merge: mergeTraces,
  wire: tracesWire,
  split: splitTraces,
  fromWire: (chunks, count, context) => Traces.fromWire(chunks, count, context),
})
export const logsOperations = operations<Logs>({
  merge: mergeLogs,
  wire: logsWire,
  split: splitLogs,
  fromWire: (chunks, count, context) => Logs.fromWire(chunks, count, context),
})
export const metricsOperations = operations<Metrics>({
  merge: mergeMetrics,
  wire: metricsWire,
  split: splitMetrics,
  fromWire: (chunks, count, context) => Metrics.fromWire(chunks, count, context),
})
