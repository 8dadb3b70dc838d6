// Takes records out of trees, and the groups that are empty then.
import type { DataPoint, TransformContext } from '#component/ottl'
import type { LogsTree, Metric, MetricsTree, Span, TracesTree } from '#pdata/otlp'
import type { Rule } from './filter.ts'

/** Keep the items that `keep` says, in place. True where some are left. */
function retain<T>(items: T[], keep: (item: T, index: number) => boolean): boolean {
  let kept = 0
  for (let i = 0; i < items.length; i++) {
    const item = items[i] as T
    if (keep(item, i)) items[kept++] = item
  }
  items.length = kept
  return kept > 0
}

function holds(rule: Rule, at: TransformContext): boolean {
  at.cache = null
  return rule.drops(at)
}

export function dropSpans(tree: TracesTree, rule: Rule, at: TransformContext): void {
  const { level } = rule
  retain(tree.resourceSpans, (group) => {
    at.resource = group
    if (level === 'resource') return !holds(rule, at) && group.scopeSpans.length > 0
    return retain(group.scopeSpans, (scope) => {
      at.scope = scope
      if (level === 'scope') return !holds(rule, at) && scope.spans.length > 0
      return retain(scope.spans, (span) => {
        at.span = span
        if (level === 'span') return !holds(rule, at)
        dropEvents(span, rule, at)
        return true
      })
    })
  })
}

/** A span stays where its events go. */
function dropEvents(span: Span, rule: Rule, at: TransformContext): void {
  retain(span.events, (event, i) => {
    at.event = event
    at.eventIndex = i
    return !holds(rule, at)
  })
}

export function dropLogs(tree: LogsTree, rule: Rule, at: TransformContext): void {
  const { level } = rule
  retain(tree.resourceLogs, (group) => {
    at.resource = group
    if (level === 'resource') return !holds(rule, at) && group.scopeLogs.length > 0
    return retain(group.scopeLogs, (scope) => {
      at.scope = scope
      if (level === 'scope') return !holds(rule, at) && scope.logRecords.length > 0
      return retain(scope.logRecords, (log) => {
        at.log = log
        return !holds(rule, at)
      })
    })
  })
}

export function dropMetrics(tree: MetricsTree, rule: Rule, at: TransformContext): void {
  const { level } = rule
  retain(tree.resourceMetrics, (group) => {
    at.resource = group
    if (level === 'resource') return !holds(rule, at) && group.scopeMetrics.length > 0
    return retain(group.scopeMetrics, (scope) => {
      at.scope = scope
      if (level === 'scope') return !holds(rule, at) && scope.metrics.length > 0
      return retain(scope.metrics, (metric) => {
        at.metric = metric
        return level === 'metric' ? !holds(rule, at) : keepPoints(metric, rule, at)
      })
    })
  })
}

/** A metric goes with its last data point; one of no type stays. */
function keepPoints({ data }: Metric, rule: Rule, at: TransformContext): boolean {
  if (data.kind === 'empty') return true
  return retain(data.points as DataPoint[], (point) => {
    at.point = point
    return !holds(rule, at)
  })
}
