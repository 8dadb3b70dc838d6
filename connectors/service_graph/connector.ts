// The service graph connector: pairs the client's and the server's span of a request, and counts what it found.
import { type Component, type Host, type OtelOutput, outputPorts, type Timer } from '#component'
import { MetricsEmitter } from '#component/aggregation'
import { AttributeNames, durationNanos, SpanScan } from '#component/span_scan'
import type { Traces } from '#pdata'
import type { Attributes } from '#pdata/otlp'
import { anyValueText, attributeValue, tracesWire, WireCursor, WireValues } from '#pdata/otlp'
import { Connection, type Edge, EdgeStore } from './edge_store.ts'
import { type GraphHistogram, GraphMetrics } from './graph_series.ts'

export interface ServiceGraphSettings {
  readonly histogram: GraphHistogram
  /** 0: no bound. */
  readonly seriesMax: number
  readonly dimensions: readonly string[]
  readonly edgesMax: number
  readonly ttlMs: number
  /** How often stale series are looked for. */
  readonly cacheLoopMs: number
  /** How often edges whose time is over are looked for. */
  readonly expirationLoopMs: number
  /** Attributes that name a peer without spans of its own, the best first; none: such peers are not made up. */
  readonly peerAttributes: readonly string[]
  readonly virtualNodeLabel: boolean
  readonly databaseAttributes: readonly string[]
  /** 0: metrics are sent with every batch of traces. */
  readonly flushIntervalMs: number
  /** Points are dated back by this. */
  readonly timestampOffsetMs: number
}

/** opentelemetry.proto.trace.v1.Span.SpanKind */
const Kind = { server: 2, client: 3, producer: 4, consumer: 5 } as const

/**
 * A span counts as out once it is part of a request that was counted, or tells of none; until then it waits. Spans of a
 * resource without a service (`no service name`), those for which there is no room (`store full`), and those whose other
 * side never came (`unpaired`) are dropped.
 */
export class ServiceGraphConnector implements Component {
  readonly traces = { consume: (batch: Traces): void => this.#consume(batch) }
  readonly #host: Host
  readonly #settings: ServiceGraphSettings
  readonly #names: AttributeNames
  readonly #scan: SpanScan
  readonly #store: EdgeStore
  readonly #metrics: GraphMetrics
  readonly #emitter: MetricsEmitter
  readonly #timers = new Set<Timer>()
  readonly #group = new WireCursor()
  readonly #inGroup = new WireCursor()
  readonly #inScope = new WireCursor()
  #values = new WireValues(new Uint8Array(0))
  #edges = 0
  #expired = 0
  #full = 0

  constructor(host: Host, settings: ServiceGraphSettings, output: OtelOutput) {
    this.#host = host
    this.#settings = settings
    const { dimensions, peerAttributes, databaseAttributes } = settings
    this.#names = new AttributeNames([...new Set([...dimensions, ...peerAttributes, ...databaseAttributes])])
    this.#scan = new SpanScan(this.#names, { keepOthers: false, keepEvents: false })
    this.#store = new EdgeStore(settings.edgesMax, settings.ttlMs)
    this.#metrics = new GraphMetrics(settings.histogram, settings.seriesMax, host.clock.now())
    const next = host.outlet(outputPorts(output).metrics)
    this.#emitter = new MetricsEmitter(host, next, settings.flushIntervalMs, () =>
      this.#metrics.toTree(host.clock.now() - settings.timestampOffsetMs),
    )
    host.counters.observeWaiting(() => this.#store.spans)
    const { instruments } = host
    const prefix = 'otelcol_connector_servicegraph_'
    instruments.observedCounter(`${prefix}total_edges`, 'Requests seen.', () => this.#edges)
    instruments.observedCounter(`${prefix}expired_edges`, 'Requests of which one side never came.', () => this.#expired)
    instruments.observedCounter(`${prefix}dropped_spans`, 'Spans for which there was no room.', () => this.#full)
  }

  start(): void {
    this.#emitter.start()
    this.#every(this.#settings.expirationLoopMs, () => this.#expire(this.#host.clock.monotonic()))
    this.#every(this.#settings.cacheLoopMs, () => this.#metrics.forgetStale(this.#host.clock.monotonic()))
  }

  #every(ms: number, run: () => void): void {
    const timer = this.#host.clock.setTimeout(() => {
      this.#timers.delete(timer)
      this.#every(ms, run)
      run()
    }, ms)
    this.#timers.add(timer)
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
    // Their other side may be on its way to whoever runs next: no peer is made up for them.
    for (const edge of this.#store.expired(Infinity)) this.#host.counters.drop('unpaired', edge.spans)
    await this.#emitter.stop()
  }

  #consume(batch: Traces): void {
    const nowMs = this.#host.clock.monotonic()
    for (const chunk of tracesWire(batch)) {
      this.#values = new WireValues(chunk)
      const group = this.#group
      group.reset(chunk)
      while (group.next()) if (group.tag === 0x0a) this.#resourceSpans(group, nowMs)
    }
    if (this.#settings.flushIntervalMs <= 0) this.#emitter.flush()
  }

  #resourceSpans(group: WireCursor, nowMs: number): void {
    const { counters } = this.#host
    const inside = this.#inGroup
    inside.enter(group)
    const resource: Attributes = inside.seek(0x0a) ? this.#values.resource(inside.start, inside.end).attributes : []
    const service = attributeValue(resource, 'service.name')
    const serviceName = typeof service === 'string' ? service : ''
    inside.enter(group)
    while (inside.next()) {
      if (inside.tag !== 0x12) continue
      const scope = this.#inScope
      scope.enter(inside)
      while (scope.next()) {
        if (scope.tag !== 0x12) continue
        if (service === undefined) counters.drop('no service name', 1)
        else this.#span(scope, serviceName, resource, nowMs)
      }
    }
  }

  #span(at: WireCursor, service: string, resource: Attributes, nowMs: number): void {
    const scan = this.#scan
    scan.span(at.bytes, at.start, at.end)
    const { kind } = scan
    const isClient = kind === Kind.client || kind === Kind.producer
    if (!isClient && kind !== Kind.server && kind !== Kind.consumer) {
      this.#host.counters.out++
      return
    }
    const hasParent = scan.parentIdEnd > scan.parentIdStart && scan.parentIdStart >= 0
    const edge = this.#store.edge(this.#keyOf(isClient), !isClient && !hasParent, nowMs)
    const isNew = edge.spans === 0
    const seconds = durationNanos(scan.bytes, scan.startTimeAt, scan.endTimeAt) / 1e9
    edge.connection = kind === Kind.producer || kind === Kind.consumer ? Connection.messaging : Connection.direct
    if (isClient) {
      edge.client = service
      edge.clientSeconds = seconds
    } else {
      edge.server = service
      edge.serverSeconds = seconds
    }
    edge.isFailed ||= scan.statusCode === 2
    this.#addDimensions(edge, isClient ? 'client_' : 'server_', resource)
    if (isClient) this.#addPeer(edge, seconds, resource)
    if (edge.isComplete) this.#complete(edge)
    else if (!this.#store.keep(edge)) {
      this.#full++
      this.#host.counters.drop('store full', 1)
      return
    }
    if (isNew) this.#edges++
  }

  /** Trace id, and the id of the client's span: the parent of the server's. */
  #keyOf(isClient: boolean): string {
    const { bytes, traceIdStart, traceIdEnd, spanIdStart, spanIdEnd, parentIdStart, parentIdEnd } = this.#scan
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    const text = (start: number, end: number): string => (start < 0 ? '' : buffer.toString('latin1', start, end))
    const id = isClient ? text(spanIdStart, spanIdEnd) : text(parentIdStart, parentIdEnd)
    return text(traceIdStart, traceIdEnd) + id
  }

  /** The value of an attribute of the span in the scan. */
  #spanValue(name: string): string | undefined {
    const slot = this.#names.names.indexOf(name)
    const start = this.#scan.valueStart[slot] as number
    return start < 0 ? undefined : anyValueText(this.#values.anyValue(start, this.#scan.valueEnd[slot] as number))
  }

  /** Of the resource, or else of the span. */
  #valueOf(name: string, resource: Attributes): string | undefined {
    const value = attributeValue(resource, name)
    return value === undefined ? this.#spanValue(name) : anyValueText(value)
  }

  #addDimensions(edge: Edge, prefix: string, resource: Attributes): void {
    for (const name of this.#settings.dimensions) {
      const value = this.#valueOf(name, resource)
      if (value !== undefined) edge.dimensions.set(prefix + name, value)
    }
  }

  #addPeer(edge: Edge, seconds: number, resource: Attributes): void {
    for (const name of this.#settings.peerAttributes) {
      const value = this.#spanValue(name)
      if (value === undefined) continue
      edge.peer = value
      break
    }
    for (const name of this.#settings.databaseAttributes) {
      const value = this.#valueOf(name, resource)
      if (value === undefined) continue
      // A database has no span of its own.
      edge.connection = Connection.database
      edge.server = value
      edge.serverSeconds = seconds
      break
    }
  }

  /** Count a request of which both sides are known, the second by the span in the scan. */
  #complete(edge: Edge): void {
    this.#host.counters.out += this.#store.take(edge) + 1
    this.#metrics.add(edge, this.#settings.virtualNodeLabel ? '' : undefined, this.#host.clock.monotonic())
  }

  #expire(nowMs: number): void {
    for (const edge of this.#store.expired(nowMs)) {
      this.#expired++
      if (this.#addVirtual(edge, nowMs)) this.#host.counters.out += edge.spans
      else this.#host.counters.drop('unpaired', edge.spans)
    }
  }

  /** Make up the side that sent no span: the user behind a root span, or the peer that the client names. */
  #addVirtual(edge: Edge, nowMs: number): boolean {
    const { peerAttributes, virtualNodeLabel } = this.#settings
    if (peerAttributes.length === 0) return false
    let side: string | undefined
    if (edge.client === '' && edge.isRoot) {
      edge.client = 'user'
      side = 'client'
    } else if (edge.server === '' && edge.client !== '') {
      edge.server = edge.peer ?? 'unknown'
      side = 'server'
    }
    if (side === undefined) return false
    edge.connection = Connection.virtual
    this.#metrics.add(edge, virtualNodeLabel ? side : undefined, nowMs)
    return true
  }

  debug(): unknown {
    return { edges: this.#store.size, series: this.#metrics.size }
  }
}
