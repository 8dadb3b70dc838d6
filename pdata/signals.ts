// Batches of traces and logs, in whichever forms they are had.
import type { ClientContext } from './client_context.ts'
import type { LogStream } from './log_streams.ts'
import type { LogsTree, TracesTree } from './otlp/tree.ts'

/**
 * OTLP's protobuf encoding: each chunk is a sequence of whole top-level fields of the signal's export request
 * (`repeated ResourceSpans resource_spans = 1` and so on), validated. Joining chunks gives one request.
 */
export type WireChunks = readonly Uint8Array[]

/**
 * A batch of traces. Immutable once handed on. It is made from one form; others are computed by `#pdata/otlp`
 * (`tracesWire`, `tracesTree`, `ownTracesTree`) and kept as long as the batch.
 */
export class Traces {
  /** Spans. */
  readonly count: number
  readonly context: ClientContext | null
  wire: WireChunks | null
  tree: TracesTree | null
  /** Several consumers have it: none of them may change its tree. */
  shared = false

  private constructor(wire: WireChunks | null, tree: TracesTree | null, count: number, context: ClientContext | null) {
    this.wire = wire
    this.tree = tree
    this.count = count
    this.context = context
  }

  static fromWire(chunks: WireChunks, count: number, context: ClientContext | null = null): Traces {
    return new Traces(chunks, null, count, context)
  }

  /** The batch owns the tree from now on. */
  static fromTree(tree: TracesTree, context: ClientContext | null = null): Traces {
    let count = 0
    for (const { scopeSpans } of tree.resourceSpans) for (const { spans } of scopeSpans) count += spans.length
    return new Traces(null, tree, count, context)
  }
}

/** A batch of logs: OTLP records, or lines in Loki's streams. As `Traces`. */
export class Logs {
  /** Log records or lines. */
  readonly count: number
  readonly context: ClientContext | null
  wire: WireChunks | null
  tree: LogsTree | null
  readonly streams: readonly LogStream[] | null
  shared = false

  private constructor(
    wire: WireChunks | null,
    tree: LogsTree | null,
    streams: readonly LogStream[] | null,
    count: number,
    context: ClientContext | null,
  ) {
    this.wire = wire
    this.tree = tree
    this.streams = streams
    this.count = count
    this.context = context
  }

  static fromWire(chunks: WireChunks, count: number, context: ClientContext | null = null): Logs {
    return new Logs(chunks, null, null, count, context)
  }

  /** The batch owns the tree from now on. */
  static fromTree(tree: LogsTree, context: ClientContext | null = null): Logs {
    let count = 0
    for (const { scopeLogs } of tree.resourceLogs) for (const { logRecords } of scopeLogs) count += logRecords.length
    return new Logs(null, tree, null, count, context)
  }

  static fromStreams(streams: readonly LogStream[], context: ClientContext | null = null): Logs {
    let count = 0
    for (const { lines } of streams) count += lines.length
    return new Logs(null, null, streams, count, context)
  }
}
