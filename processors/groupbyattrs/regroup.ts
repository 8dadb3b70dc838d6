// Moves attributes of items to their resources and puts together what then has the same resource.
import { attributesKey } from '#component/metric_streams'
import type {
  Attributes,
  LogsTree,
  Metric,
  MetricData,
  MetricsTree,
  Resource,
  ResourceMetrics,
  Scope,
  ScopeMetrics,
  TracesTree,
} from '#pdata/otlp'

/** How many items had at least one of the attributes, how many had none, and how many resources there are now. */
export interface RegroupTally {
  grouped: number
  notGrouped: number
  groups: number
}

/** The parts of a signal's tree that regrouping needs. Scopes are matched by name and version. */
interface Shape<R extends { resource: Resource }, S extends { scope: Scope }> {
  resourceLike(resource: R, own: Resource): R
  scopesOf(resource: R): S[]
  scopeLike(scope: S): S
}

/** Resources by their attributes, in the order in which they came up. */
class Regrouping<R extends { resource: Resource }, S extends { scope: Scope }> {
  readonly resources: R[] = []
  readonly tally: RegroupTally = { grouped: 0, notGrouped: 0, groups: 0 }
  readonly #keys: readonly string[]
  readonly #shape: Shape<R, S>
  readonly #byKey = new Map<string, R>()

  constructor(keys: readonly string[], shape: Shape<R, S>) {
    this.#keys = keys
    this.#shape = shape
  }

  /**
   * The scope that an item with these attributes belongs to now; the attributes that move are taken out of `attributes`.
   * `plain` is where items of this scope without any of the attributes go, when that is known.
   */
  place(resource: R, scope: S, attributes: Attributes, plain: S | null): S {
    const moved = this.#take(attributes)
    if (moved === null) {
      this.tally.notGrouped++
      return plain ?? this.#scopeFor(this.#resourceFor(resource, resource.resource.attributes), scope)
    }
    this.tally.grouped++
    const merged = resource.resource.attributes.filter(({ key }) => !moved.some((other) => other.key === key))
    merged.push(...moved)
    return this.#scopeFor(this.#resourceFor(resource, merged), scope)
  }

  #take(attributes: Attributes): Attributes | null {
    let moved: Attributes | null = null
    for (const wanted of this.#keys) {
      const at = attributes.findIndex(({ key }) => key === wanted)
      if (at < 0) continue
      moved ??= []
      moved.push(...attributes.splice(at, 1))
    }
    return moved
  }

  #resourceFor(like: R, attributes: Attributes): R {
    const key = attributesKey(attributes)
    const known = this.#byKey.get(key)
    if (known !== undefined) return known
    const made = this.#shape.resourceLike(like, { ...like.resource, attributes: attributes.slice() })
    this.#byKey.set(key, made)
    this.resources.push(made)
    this.tally.groups++
    return made
  }

  #scopeFor(resource: R, like: S): S {
    const scopes = this.#shape.scopesOf(resource)
    const { name, version } = like.scope
    const known = scopes.find(({ scope }) => scope.name === name && scope.version === version)
    if (known !== undefined) return known
    const made = this.#shape.scopeLike(like)
    scopes.push(made)
    return made
  }
}

/** Regroups in place: the tree must be the caller's own. */
export function regroupTraces(tree: TracesTree, keys: readonly string[]): RegroupTally {
  const regrouping = new Regrouping<
    TracesTree['resourceSpans'][number],
    TracesTree['resourceSpans'][number]['scopeSpans'][number]
  >(keys, {
    resourceLike: (from, resource) => ({ ...from, resource, scopeSpans: [] }),
    scopesOf: ({ scopeSpans }) => scopeSpans,
    scopeLike: (from) => ({ ...from, scope: { ...from.scope }, spans: [] }),
  })
  for (const resource of tree.resourceSpans) {
    for (const scope of resource.scopeSpans) {
      let plain = null
      for (const span of scope.spans) {
        const before = regrouping.tally.grouped
        const target = regrouping.place(resource, scope, span.attributes, plain)
        target.spans.push(span)
        if (regrouping.tally.grouped === before) plain = target
      }
    }
  }
  tree.resourceSpans = regrouping.resources
  return regrouping.tally
}

/** As `regroupTraces`. */
export function regroupLogs(tree: LogsTree, keys: readonly string[]): RegroupTally {
  const regrouping = new Regrouping<
    LogsTree['resourceLogs'][number],
    LogsTree['resourceLogs'][number]['scopeLogs'][number]
  >(keys, {
    resourceLike: (from, resource) => ({ ...from, resource, scopeLogs: [] }),
    scopesOf: ({ scopeLogs }) => scopeLogs,
    scopeLike: (from) => ({ ...from, scope: { ...from.scope }, logRecords: [] }),
  })
  for (const resource of tree.resourceLogs) {
    for (const scope of resource.scopeLogs) {
      let plain = null
      for (const record of scope.logRecords) {
        const before = regrouping.tally.grouped
        const target = regrouping.place(resource, scope, record.attributes, plain)
        target.logRecords.push(record)
        if (regrouping.tally.grouped === before) plain = target
      }
    }
  }
  tree.resourceLogs = regrouping.resources
  return regrouping.tally
}

type Filled = Exclude<MetricData, { kind: 'empty' }>

/** As `regroupTraces`, point by point. Metrics of one scope with the same name and kind become one. */
export function regroupMetrics(tree: MetricsTree, keys: readonly string[]): RegroupTally {
  const regrouping = new Regrouping<ResourceMetrics, ScopeMetrics>(keys, {
    resourceLike: (from, resource) => ({ ...from, resource, scopeMetrics: [] }),
    scopesOf: ({ scopeMetrics }) => scopeMetrics,
    scopeLike: (from) => ({ ...from, scope: { ...from.scope }, metrics: [] }),
  })
  const byScope = new Map<ScopeMetrics, Map<string, Filled>>()
  for (const resource of tree.resourceMetrics) {
    for (const scope of resource.scopeMetrics) {
      let plain: ScopeMetrics | null = null
      for (const metric of scope.metrics) {
        const { data } = metric
        if (data.kind === 'empty') continue
        for (const point of data.points) {
          const before = regrouping.tally.grouped
          const target = regrouping.place(resource, scope, point.attributes, plain)
          ;(metricIn(byScope, target, metric, data).points as unknown[]).push(point)
          if (regrouping.tally.grouped === before) plain = target
        }
      }
    }
  }
  tree.resourceMetrics = regrouping.resources
  return regrouping.tally
}

function metricIn(
  byScope: Map<ScopeMetrics, Map<string, Filled>>,
  scope: ScopeMetrics,
  metric: Metric,
  data: Filled,
): Filled {
  let metrics = byScope.get(scope)
  if (metrics === undefined) {
    metrics = new Map()
    byScope.set(scope, metrics)
  }
  const key = `${data.kind} ${metric.name}`
  let found = metrics.get(key)
  if (found === undefined) {
    found = { ...data, points: [] }
    metrics.set(key, found)
    scope.metrics.push({ ...metric, data: found })
  }
  return found
}
