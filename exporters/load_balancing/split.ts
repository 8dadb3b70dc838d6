// Takes batches apart by where each piece belongs. The pieces share the trees they come from: nobody may change them.
import { createHash } from 'node:crypto'
import { Logs, Metrics, Traces } from '#pdata'
import {
  type Attributes,
  attributeValue,
  anyValueText,
  logsTree,
  type Metric,
  type MetricData,
  metricsTree,
  type Resource,
  type Scope,
  type Span,
  tracesTree,
} from '#pdata/otlp'

export const routingKeys = ['traceID', 'service', 'resource', 'metric', 'streamID', 'attributes'] as const
export type RoutingKey = (typeof routingKeys)[number]

export interface Routing {
  readonly key: RoutingKey
  /** With `attributes`: of resource, scope and span, the first that has it. */
  readonly attributes: readonly string[]
}

/** The endpoint of a key; undefined: there is none. */
export type Route = (key: Uint8Array | string) => string | undefined

export interface Pieces<B> {
  readonly byEndpoint: ReadonlyMap<string, B>
  /** Items without what they are routed by. */
  readonly unroutable: number
}

/** Groups of things that hold lists: resources that hold scopes that hold items, in the order they came. */
class Groups<R extends object, S extends object, I> {
  readonly #byEndpoint = new Map<
    string,
    { last: R | undefined; lastScope: S | undefined; scopes: S[]; items: I[]; resources: R[] }
  >()
  readonly #newResource: (from: R, scopes: S[]) => R
  readonly #newScope: (from: S, items: I[]) => S
  unroutable = 0

  constructor(newResource: (from: R, scopes: S[]) => R, newScope: (from: S, items: I[]) => S) {
    this.#newResource = newResource
    this.#newScope = newScope
  }

  add(endpoint: string | undefined, resource: R, scope: S, item: I, count = 1): void {
    if (endpoint === undefined) {
      this.unroutable += count
      return
    }
    let group = this.#byEndpoint.get(endpoint)
    if (!group) {
      group = { last: undefined, lastScope: undefined, scopes: [], items: [], resources: [] }
      this.#byEndpoint.set(endpoint, group)
    }
    if (group.last !== resource) {
      group.last = resource
      group.lastScope = undefined
      group.scopes = []
      group.resources.push(this.#newResource(resource, group.scopes))
    }
    if (group.lastScope !== scope) {
      group.lastScope = scope
      group.items = []
      group.scopes.push(this.#newScope(scope, group.items))
    }
    group.items.push(item)
  }

  pieces<B>(make: (resources: R[]) => B): Pieces<B> {
    const byEndpoint = new Map([...this.#byEndpoint].map(([endpoint, { resources }]) => [endpoint, make(resources)]))
    return { byEndpoint, unroutable: this.unroutable }
  }
}

function serviceOf({ attributes }: Resource): string | undefined {
  const value = attributeValue(attributes, 'service.name')
  return value === undefined ? undefined : anyValueText(value)
}

export function splitTracesBy(batch: Traces, { key, attributes }: Routing, route: Route): Pieces<Traces> {
  const { resourceSpans } = tracesTree(batch)
  type R = (typeof resourceSpans)[number]
  const groups = new Groups<R, R['scopeSpans'][number], Span>(
    (from, scopeSpans) => ({ ...from, scopeSpans }),
    (from, spans) => ({ ...from, spans }),
  )
  for (const r of resourceSpans) {
    const service = key === 'service' ? serviceOf(r.resource) : undefined
    for (const s of r.scopeSpans) {
      for (const span of s.spans) {
        const by =
          key === 'service'
            ? service
            : key === 'attributes'
              ? attributesKey(attributes, r.resource, s.scope, span)
              : span.traceId
        groups.add(by === undefined ? undefined : route(by), r, s, span)
      }
    }
  }
  return groups.pieces((resources) => Traces.fromTree({ resourceSpans: resources }, batch.context))
}

/** The values of the attributes, wherever they are; `span.kind` and `span.name` are the span's own. */
function attributesKey(names: readonly string[], resource: Resource, scope: Scope, span: Span): string {
  const text = (name: string): string => {
    if (name === 'span.name') return span.name
    if (name === 'span.kind') return String(span.kind)
    const value =
      attributeValue(resource.attributes, name) ??
      attributeValue(scope.attributes, name) ??
      attributeValue(span.attributes, name)
    return value === undefined ? '' : anyValueText(value)
  }
  return names.map((name) => `${name}\0${text(name)}`).join('\0')
}

/** Log records go by their trace; those of none are shared out by `spread`. */
export function splitLogsBy(batch: Logs, spread: () => Uint8Array, route: Route): Pieces<Logs> {
  const { resourceLogs } = logsTree(batch)
  type R = (typeof resourceLogs)[number]
  const groups = new Groups<R, R['scopeLogs'][number], R['scopeLogs'][number]['logRecords'][number]>(
    (from, scopeLogs) => ({ ...from, scopeLogs }),
    (from, logRecords) => ({ ...from, logRecords }),
  )
  for (const r of resourceLogs) {
    for (const s of r.scopeLogs) {
      for (const record of s.logRecords) {
        const traced = record.traceId.some((byte) => byte !== 0)
        groups.add(route(traced ? record.traceId : spread()), r, s, record)
      }
    }
  }
  return groups.pieces((resources) => Logs.fromTree({ resourceLogs: resources }, batch.context))
}

export function splitMetricsBy(batch: Metrics, key: RoutingKey, route: Route): Pieces<Metrics> {
  const { resourceMetrics } = metricsTree(batch)
  type R = (typeof resourceMetrics)[number]
  const groups = new Groups<R, R['scopeMetrics'][number], Metric>(
    (from, scopeMetrics) => ({ ...from, scopeMetrics }),
    (from, metrics) => ({ ...from, metrics }),
  )
  for (const r of resourceMetrics) {
    const ofResource = resourceKey(r.resource, key)
    for (const s of r.scopeMetrics) {
      for (const metric of s.metrics) {
        const count = pointsOf(metric.data).length
        if (key === 'streamID') {
          const stream = `${ofResource}\0${s.scope.name}\0${s.scope.version}\0${identity(s.scope.attributes)}\0${metric.name}\0${metric.unit}\0${metric.data.kind}`
          for (const [endpoint, piece] of streams(metric, stream, route)) groups.add(endpoint, r, s, piece, count)
          continue
        }
        const by = key === 'metric' ? metric.name : ofResource
        groups.add(by === undefined ? undefined : route(by), r, s, metric, count)
      }
    }
  }
  return groups.pieces((resources) => Metrics.fromTree({ resourceMetrics: resources }, batch.context))
}

/** Metrics have no trace: with that key they go by their service, or by their resource where they name none. */
function resourceKey(resource: Resource, key: RoutingKey): string | undefined {
  if (key === 'metric') return ''
  if (key === 'service') return serviceOf(resource)
  return (key === 'traceID' ? serviceOf(resource) : undefined) ?? identity(resource.attributes)
}

/** A metric's data points by where each stream goes. */
function streams(metric: Metric, stream: string, route: Route): [string | undefined, Metric][] {
  const byEndpoint = new Map<string | undefined, { attributes: Attributes }[]>()
  for (const point of pointsOf(metric.data)) {
    const endpoint = route(`${stream}\0${identity(point.attributes)}`)
    const points = byEndpoint.get(endpoint)
    if (points) points.push(point)
    else byEndpoint.set(endpoint, [point])
  }
  return [...byEndpoint].map(([endpoint, points]) => [
    endpoint,
    { ...metric, data: { ...metric.data, points } as unknown as MetricData },
  ])
}

function pointsOf(data: MetricData): readonly { attributes: Attributes }[] {
  return data.kind === 'empty' ? [] : data.points
}

/** The same for attributes that are equal in any order. */
function identity(attributes: Attributes): string {
  const pairs = attributes.map(({ key, value }) => `${key}\0${typeof value}\0${anyValueText(value)}`).toSorted()
  return createHash('sha1').update(pairs.join('\x01')).digest('base64')
}
