// The door's functions by signal, so that one table of tests goes over all three.
import type fc from 'fast-check'
import { Metrics } from '../../metrics.ts'
import { Logs, Traces } from '../../signals.ts'
import type { WireChunks } from '../../signals.ts'
import * as batches from '../batches.ts'
import type { WireLevels } from '../wire.ts'
import { itemLevels, pointLevels } from '../wire.ts'
import type { Signal } from './judge.ts'
import { logsTrees, metricsTrees, tracesTrees } from './trees.ts'

export interface Face<Batch extends { readonly count: number }, Tree> {
  readonly signal: Signal
  readonly levels: WireLevels
  readonly trees: fc.Arbitrary<Tree>
  readonly fromTree: (tree: Tree) => Batch
  readonly read: (bytes: Uint8Array) => Batch
  readonly wire: (batch: Batch) => WireChunks
  readonly tree: (batch: Batch) => Tree
  readonly own: (batch: Batch) => Tree
  readonly share: (batch: Batch) => void
  readonly split: (batch: Batch, itemsMax: number) => Batch[]
  readonly merge: (list: readonly Batch[]) => Batch
  readonly fromJson: (text: string) => Batch
  readonly toJson: (batch: Batch) => string
  /** The tree of each item alone, with what it stands in. */
  readonly items: (tree: Tree) => unknown[]
}

const traces: Face<Traces, ReturnType<typeof batches.tracesTree>> = {
  signal: 'traces',
  levels: itemLevels,
  trees: tracesTrees,
  fromTree: (tree) => Traces.fromTree(tree),
  read: (bytes) => batches.readTracesRequest(bytes),
  wire: batches.tracesWire,
  tree: batches.tracesTree,
  own: batches.ownTracesTree,
  share: (batch) => void (batch.shared = true),
  split: batches.splitTraces,
  merge: batches.mergeTraces,
  fromJson: (text) => batches.tracesFromJson(text),
  toJson: batches.tracesToJson,
  items: (tree) =>
    tree.resourceSpans.flatMap(({ resource, scopeSpans, schemaUrl }) =>
      scopeSpans.flatMap(({ scope, spans, schemaUrl: scopeUrl }) =>
        spans.map((span) => ({ resource, schemaUrl, scope, scopeUrl, span })),
      ),
    ),
}

const logs: Face<Logs, ReturnType<typeof batches.logsTree>> = {
  signal: 'logs',
  levels: itemLevels,
  trees: logsTrees,
  fromTree: (tree) => Logs.fromTree(tree),
  read: (bytes) => batches.readLogsRequest(bytes),
  wire: batches.logsWire,
  tree: batches.logsTree,
  own: batches.ownLogsTree,
  share: (batch) => void (batch.shared = true),
  split: batches.splitLogs,
  merge: batches.mergeLogs,
  fromJson: (text) => batches.logsFromJson(text),
  toJson: batches.logsToJson,
  items: (tree) =>
    tree.resourceLogs.flatMap(({ resource, scopeLogs, schemaUrl }) =>
      scopeLogs.flatMap(({ scope, logRecords, schemaUrl: scopeUrl }) =>
        logRecords.map((record) => ({ resource, schemaUrl, scope, scopeUrl, record })),
      ),
    ),
}

const metrics: Face<Metrics, ReturnType<typeof batches.metricsTree>> = {
  signal: 'metrics',
  levels: pointLevels,
  trees: metricsTrees,
  fromTree: (tree) => Metrics.fromTree(tree),
  read: (bytes) => batches.readMetricsRequest(bytes),
  wire: batches.metricsWire,
  tree: batches.metricsTree,
  own: batches.ownMetricsTree,
  share: (batch) => void (batch.shared = true),
  split: batches.splitMetrics,
  merge: batches.mergeMetrics,
  fromJson: (text) => batches.metricsFromJson(text),
  toJson: batches.metricsToJson,
  items: (tree) =>
    tree.resourceMetrics.flatMap(({ resource, scopeMetrics, schemaUrl }) =>
      scopeMetrics.flatMap(({ scope, metrics: list, schemaUrl: scopeUrl }) =>
        list.flatMap(({ data, ...metric }) => {
          if (data.kind === 'empty') return []
          const { points, ...header } = data
          return points.map((point) => ({ resource, schemaUrl, scope, scopeUrl, metric, header, point }))
        }),
      ),
    ),
}

/** One test body for three signals: the types of batch and tree are those of the face that is called. */
export function forEachFace(
  run: <Batch extends { readonly count: number }, Tree>(face: Face<Batch, Tree>) => void,
): void {
  run(traces)
  run(logs)
  run(metrics)
}
