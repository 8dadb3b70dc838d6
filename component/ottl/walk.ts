// Walks batches in their tree form: a context stands at each record of a level in turn.
import type { LogsTree, MetricsTree, TracesTree } from '#pdata/otlp'
import type { ContextName } from './contexts.ts'
import type { DataPoint, TransformContext } from './transform_context.ts'

/**
 * Called with the context at each record. The context's fields of that level and of those above are set, those below are
 * null, and the cache is new. What `visit` appends to the lists that are being walked is visited too.
 */
export type Visit = (at: TransformContext) => void

/** `level`: resource, scope, span or spanevent. */
export function walkTraces(tree: TracesTree, level: ContextName, at: TransformContext, visit: Visit): void {
  clear(at)
  for (const group of tree.resourceSpans) {
    at.resource = group
    if (level === 'resource') visitNew(at, visit)
    else {
      for (const scope of group.scopeSpans) {
        at.scope = scope
        if (level === 'scope') visitNew(at, visit)
        else {
          for (const span of scope.spans) {
            at.span = span
            if (level === 'span') visitNew(at, visit)
            else {
              for (let i = 0; i < span.events.length; i++) {
                at.event = span.events[i] ?? null
                at.eventIndex = i
                visitNew(at, visit)
              }
            }
          }
        }
      }
    }
  }
}

/** `level`: resource, scope or log. */
export function walkLogs(tree: LogsTree, level: ContextName, at: TransformContext, visit: Visit): void {
  clear(at)
  for (const group of tree.resourceLogs) {
    at.resource = group
    if (level === 'resource') visitNew(at, visit)
    else {
      for (const scope of group.scopeLogs) {
        at.scope = scope
        if (level === 'scope') visitNew(at, visit)
        else {
          for (const log of scope.logRecords) {
            at.log = log
            visitNew(at, visit)
          }
        }
      }
    }
  }
}

/** `level`: resource, scope, metric or datapoint. */
export function walkMetrics(tree: MetricsTree, level: ContextName, at: TransformContext, visit: Visit): void {
  clear(at)
  for (const group of tree.resourceMetrics) {
    at.resource = group
    if (level === 'resource') visitNew(at, visit)
    else {
      for (const scope of group.scopeMetrics) {
        at.scope = scope
        if (level === 'scope') visitNew(at, visit)
        else {
          for (const metric of scope.metrics) {
            at.metric = metric
            if (level === 'metric') visitNew(at, visit)
            else if (metric.data.kind !== 'empty') {
              for (const point of metric.data.points as DataPoint[]) {
                at.point = point
                visitNew(at, visit)
              }
            }
          }
        }
      }
    }
  }
}

function clear(at: TransformContext): void {
  at.resource = null
  at.scope = null
  at.span = null
  at.event = null
  at.metric = null
  at.point = null
  at.log = null
}

function visitNew(at: TransformContext, visit: Visit): void {
  at.cache = null
  visit(at)
}
