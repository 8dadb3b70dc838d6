// Takes out of a tree what matches: whole resources, or records with a copy of the resource and scope that they belong to.
import type { ContextName, DataPoint, TransformContext } from '#component/ottl'
import {
  type LogsTree,
  type Metric,
  type MetricsTree,
  type Resource,
  type Scope,
  type TracesTree,
  cloneAttributes,
} from '#pdata/otlp'

type Matches = (at: TransformContext) => boolean

/** How the messages of a signal hang together. */
interface Shape<G, S, I> {
  scopesOf(group: G): S[]
  itemsOf(scope: S): I[]
  /** The same group, or scope, with others in it; what they share is copied. */
  groupWith(group: G, scopes: S[]): G
  scopeWith(scope: S, items: I[]): S
}

function copyOfResource(resource: Resource): Resource {
  return { ...resource, attributes: cloneAttributes(resource.attributes) }
}

function copyOfScope(scope: Scope): Scope {
  return { ...scope, attributes: cloneAttributes(scope.attributes) }
}

type Matched<T> = { readonly matched: T[]; readonly rest: T[] }

function partition<T>(all: readonly T[], matches: (one: T) => boolean): Matched<T> {
  const matched: T[] = []
  const rest: T[] = []
  for (const one of all) (matches(one) ? matched : rest).push(one)
  return { matched, rest }
}

/** `split`: what of a part matches and what does not; either is null where it is empty. */
function divided<T, P>(
  parts: readonly P[],
  split: (part: P) => { matched: P | null; rest: P | null },
  make: (parts: P[]) => T,
): { matched: T | null; rest: T | null } {
  const matched: P[] = []
  const rest: P[] = []
  for (const part of parts) {
    const two = split(part)
    if (two.matched !== null) matched.push(two.matched)
    if (two.rest !== null) rest.push(two.rest)
  }
  return { matched: matched.length === 0 ? null : make(matched), rest: rest.length === 0 ? null : make(rest) }
}

/** By items: `split` of each. */
function byItems<G, S, I>(
  groups: readonly G[],
  shape: Shape<G, S, I>,
  enter: (group: G, scope: S) => void,
  split: (item: I) => { matched: I | null; rest: I | null },
): Matched<G> {
  const matched: G[] = []
  const rest: G[] = []
  for (const group of groups) {
    const two = divided(
      shape.scopesOf(group),
      (scope) => {
        enter(group, scope)
        return divided(shape.itemsOf(scope), split, (items) => shape.scopeWith(scope, items))
      },
      (scopes) => shape.groupWith(group, scopes),
    )
    if (two.matched !== null) matched.push(two.matched)
    if (two.rest !== null) rest.push(two.rest)
  }
  return { matched, rest }
}

function whole<I>(isMatch: boolean, item: I): { matched: I | null; rest: I | null } {
  return isMatch ? { matched: item, rest: null } : { matched: null, rest: item }
}

/** Two trees of one's own out of `tree`, which must be the caller's own and is used up. */
export function splitTracesTree(
  tree: TracesTree,
  context: ContextName,
  at: TransformContext,
  matches: Matches,
): { matched: TracesTree; rest: TracesTree } {
  const test = (set: () => void): boolean => {
    set()
    at.cache = null
    return matches(at)
  }
  const { matched, rest } =
    context === 'resource'
      ? partition(tree.resourceSpans, (group) => test(() => void (at.resource = group)))
      : byItems(
          tree.resourceSpans,
          {
            scopesOf: (group) => group.scopeSpans,
            itemsOf: (scope) => scope.spans,
            groupWith: (group, scopeSpans) => ({ ...group, resource: copyOfResource(group.resource), scopeSpans }),
            scopeWith: (scope, spans) => ({ ...scope, scope: copyOfScope(scope.scope), spans }),
          },
          (group, scope) => {
            at.resource = group
            at.scope = scope
          },
          (span) =>
            whole(
              test(() => void (at.span = span)),
              span,
            ),
        )
  return { matched: { resourceSpans: matched }, rest: { resourceSpans: rest } }
}

/** See `splitTracesTree`. */
export function splitLogsTree(
  tree: LogsTree,
  context: ContextName,
  at: TransformContext,
  matches: Matches,
): { matched: LogsTree; rest: LogsTree } {
  const test = (set: () => void): boolean => {
    set()
    at.cache = null
    return matches(at)
  }
  const { matched, rest } =
    context === 'resource'
      ? partition(tree.resourceLogs, (group) => test(() => void (at.resource = group)))
      : byItems(
          tree.resourceLogs,
          {
            scopesOf: (group) => group.scopeLogs,
            itemsOf: (scope) => scope.logRecords,
            groupWith: (group, scopeLogs) => ({ ...group, resource: copyOfResource(group.resource), scopeLogs }),
            scopeWith: (scope, logRecords) => ({ ...scope, scope: copyOfScope(scope.scope), logRecords }),
          },
          (group, scope) => {
            at.resource = group
            at.scope = scope
          },
          (log) =>
            whole(
              test(() => void (at.log = log)),
              log,
            ),
        )
  return { matched: { resourceLogs: matched }, rest: { resourceLogs: rest } }
}

/** See `splitTracesTree`. With `datapoint`, a metric is taken apart by its points. */
export function splitMetricsTree(
  tree: MetricsTree,
  context: ContextName,
  at: TransformContext,
  matches: Matches,
): { matched: MetricsTree; rest: MetricsTree } {
  const test = (set: () => void): boolean => {
    set()
    at.cache = null
    return matches(at)
  }
  const byPoint = (metric: Metric): { matched: Metric | null; rest: Metric | null } => {
    at.metric = metric
    const { data } = metric
    if (data.kind === 'empty') return whole(false, metric)
    const { matched, rest } = partition(data.points as DataPoint[], (point) => test(() => void (at.point = point)))
    if (rest.length === 0 && matched.length > 0) return whole(true, metric)
    if (matched.length === 0) return whole(false, metric)
    const withPoints = (points: DataPoint[]): Metric => ({
      ...metric,
      metadata: cloneAttributes(metric.metadata),
      data: { ...data, points } as Metric['data'],
    })
    return { matched: withPoints(matched), rest: withPoints(rest) }
  }
  const { matched, rest } =
    context === 'resource'
      ? partition(tree.resourceMetrics, (group) => test(() => void (at.resource = group)))
      : byItems(
          tree.resourceMetrics,
          {
            scopesOf: (group) => group.scopeMetrics,
            itemsOf: (scope) => scope.metrics,
            groupWith: (group, scopeMetrics) => ({ ...group, resource: copyOfResource(group.resource), scopeMetrics }),
            scopeWith: (scope, metrics) => ({ ...scope, scope: copyOfScope(scope.scope), metrics }),
          },
          (group, scope) => {
            at.resource = group
            at.scope = scope
          },
          context === 'metric'
            ? (metric) =>
                whole(
                  test(() => void (at.metric = metric)),
                  metric,
                )
            : byPoint,
        )
  return { matched: { resourceMetrics: matched }, rest: { resourceMetrics: rest } }
}
