// Keeps the newest point of each stream until the interval ends.
import { attributesKey, metricKey, retainMetrics, scopeKey } from '#component/metric_streams'
import type { Metric, MetricData, MetricsTree, ResourceMetrics, ScopeMetrics } from '#pdata/otlp'
import { Temporality } from '#pdata/otlp'

export interface PassThrough {
  readonly gauge: boolean
  readonly summary: boolean
}

type Held = Exclude<MetricData, { kind: 'empty' }>
type Point = Held['points'][number]

interface HeldMetric {
  readonly data: Held
  readonly byAttributes: Map<string, Point>
}

interface HeldScope {
  readonly key: string
  readonly scope: ScopeMetrics
  readonly resource: ResourceMetrics
}

/** Points are taken over from the trees that they came in; those trees must be the caller's own. */
export class Window {
  readonly #passThrough: PassThrough
  #tree: MetricsTree = { resourceMetrics: [] }
  #resources = new Map<string, ResourceMetrics>()
  #scopes = new Map<string, HeldScope>()
  #metrics = new Map<string, HeldMetric>()
  /** Data points held. */
  held = 0

  constructor(passThrough: PassThrough) {
    this.#passThrough = passThrough
  }

  /**
   * Take in what is aggregated; the rest stays in `tree`. Gives the number of points that were taken in without one more
   * being held: older or newer ones of streams that are held already.
   */
  take(tree: MetricsTree): { taken: number; absorbed: number } {
    const before = this.held
    let taken = 0
    let scopeOf: object | null = null
    let scope: HeldScope | null = null
    retainMetrics(tree, (metric, scopeMetrics, resourceMetrics) => {
      const { data } = metric
      if (!this.#isAggregated(data)) return true
      if (scopeOf !== scopeMetrics) {
        scopeOf = scopeMetrics
        scope = this.#scope(resourceMetrics, scopeMetrics)
      }
      taken += data.points.length
      this.#aggregate(scope as HeldScope, metric, data)
      return false
    })
    return { taken, absorbed: taken - (this.held - before) }
  }

  /** What is held, and begin anew. */
  flush(): MetricsTree {
    const tree = this.#tree
    this.#tree = { resourceMetrics: [] }
    this.#resources = new Map()
    this.#scopes = new Map()
    this.#metrics = new Map()
    this.held = 0
    return tree
  }

  #isAggregated(data: MetricData): data is Held {
    switch (data.kind) {
      case 'empty':
        return false
      case 'gauge':
        return !this.#passThrough.gauge
      case 'summary':
        return !this.#passThrough.summary
      case 'sum':
        return data.isMonotonic && data.temporality === Temporality.cumulative
      default:
        return data.temporality === Temporality.cumulative
    }
  }

  #scope(from: ResourceMetrics, fromScope: ScopeMetrics): HeldScope {
    const key = scopeKey(from.resource, fromScope.scope)
    const known = this.#scopes.get(key)
    if (known !== undefined) return known
    const resourceKey = attributesKey(from.resource.attributes)
    let resource = this.#resources.get(resourceKey)
    if (resource === undefined) {
      resource = { ...from, scopeMetrics: [] }
      this.#resources.set(resourceKey, resource)
      this.#tree.resourceMetrics.push(resource)
    }
    const scope: ScopeMetrics = { ...fromScope, metrics: [] }
    resource.scopeMetrics.push(scope)
    const made = { key, scope, resource }
    this.#scopes.set(key, made)
    return made
  }

  #aggregate(scope: HeldScope, metric: Metric, data: Held): void {
    const key = metricKey(scope.key, metric)
    let held = this.#metrics.get(key)
    if (held === undefined) {
      held = { data: { ...data, points: [] }, byAttributes: new Map() }
      this.#metrics.set(key, held)
      scope.scope.metrics.push({ ...metric, data: held.data })
    }
    for (const point of data.points) {
      const attributes = attributesKey(point.attributes)
      const known = held.byAttributes.get(attributes)
      if (known === undefined) {
        held.byAttributes.set(attributes, point)
        ;(held.data.points as Point[]).push(point)
        this.held++
      } else if (point.timeUnixNano > known.timeUnixNano) {
        Object.assign(known, point)
      }
    }
  }
}
