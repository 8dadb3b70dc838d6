// Aggregates spans into counts and durations, from their encoded form.
//
// A span's name, kind, status and dimensions, as they stand in the request, are the key to its series; only a combination
// that was not seen before is decoded. Measured on x64 (bench/span_metrics.ts, spans with ten attributes): 0.33 µs a span
// without dimensions, 0.44 with two, where decoding it takes 1.5.
import { nanosOf } from '#component/aggregation'
import { attributesKey } from '#component/metric_streams'
import { adjustedCount, durationNanos, SpanScan, wholeOf } from '#component/span_scan'
import type { WireChunks } from '#pdata'
import type { AnyValue, Attributes, KeyValue, MetricsTree, Resource, ResourceMetrics, Scope } from '#pdata/otlp'
import { anyValueText, attributeValue, WireCursor, WireValues } from '#pdata/otlp'
import { Dimensions, type DimensionSettings, KeyPattern } from './dimensions.ts'
import { ResourceSeries, type Series, type SeriesRules } from './series.ts'
import { type SeriesEntry, SeriesTable } from './series_table.ts'

export interface SpanMetricsSettings extends SeriesRules {
  readonly dimensions: readonly DimensionSettings[]
  readonly callsDimensions: readonly DimensionSettings[]
  readonly durationDimensions: readonly DimensionSettings[]
  readonly eventDimensions: readonly DimensionSettings[]
  /** Names of built-in dimensions that are left out. */
  readonly excluded: ReadonlySet<string>
  /** Names of scopes that are said in a dimension. */
  readonly scopes: ReadonlySet<string>
  readonly resourcesMax: number
  /** Keys that tell resources apart; none: all of them. */
  readonly resourceKeys: readonly string[]
  /** Combinations of bytes that are remembered. */
  readonly combinationsMax: number
  /** Deltas: how many series' last times are remembered. */
  readonly timesMax: number
  /** 0: never. */
  readonly resourceExpirationMs: number
  readonly seriesExpirationMs: number
  readonly samplingMethod: boolean
  /** The value of `collector.instance.id`. */
  readonly instanceId: string
  /** In [0, 1). */
  random(): number
}

/** What spans of one resource, as it was encoded, and of one scope have in common. */
interface SpanContext {
  /** Tells contexts apart; in every key. */
  readonly id: number
  readonly series: ResourceSeries
  readonly resource: Resource
  readonly scope: Scope | null
  readonly serviceName: string
}

const spanKinds = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'].map((k) => `SPAN_KIND_${k}`)
const statusCodes = ['UNSET', 'OK', 'ERROR'].map((code) => `STATUS_CODE_${code}`)
/** In front of keys, so that a dimension's own key cannot be one of them. */
const fieldEnd = '\0'
/** Resources and scopes as they came, at most: with ids of processes or connections in them they hardly come again. */
const contextsMax = 8192
/** Resources that were pushed out are kept until the next flush: so many at least, where few are kept otherwise. */
const evictedLeast = 1000

export class SpanAggregator {
  readonly #settings: SpanMetricsSettings
  /** Those of calls and durations. */
  readonly #dimensions: Dimensions
  readonly #eventDimensions: Dimensions
  readonly #scan: SpanScan
  readonly #eventScan: SpanScan
  readonly #table: SeriesTable
  /** By the resource's bytes, the scope's bytes behind them. Null: a resource without a service. */
  readonly #contexts = new Map<string, SpanContext | null>()
  /** The least recently used first. */
  #resources = new Map<string, ResourceSeries>()
  /** Pushed out by others since the last flush, by their keys: their last values are still sent. */
  #evicted = new Map<string, ResourceSeries>()
  /** Deltas: the time of a series' last point, the least recently used first. */
  readonly #lastTimes = new Map<string, bigint>()
  /** By the text of the pattern. */
  readonly #patterns = new Map<string, KeyPattern>()
  readonly #unitNanos: number
  #contextIds = 0
  #nowMs = 0
  #sentZeros = false
  #lastFlushMs = 0
  #values = new WireValues(new Uint8Array(0))
  #lastTraceState = ''
  #lastAdjustedCount: number | undefined
  readonly #group = new WireCursor()
  readonly #inGroup = new WireCursor()
  readonly #inScope = new WireCursor()
  /** Spans of resources without a service name: taken from the last batch. */
  unnamed = 0
  /** Spans so far that went into a series for what is too much. */
  overflowed = 0
  /** Resources so far whose last values were lost: more were pushed out between two flushes than may be kept. */
  lostResources = 0

  constructor(settings: SpanMetricsSettings) {
    this.#settings = settings
    const { dimensions, callsDimensions, durationDimensions, eventDimensions } = settings
    const all = [...dimensions, ...callsDimensions, ...durationDimensions]
    this.#dimensions = new Dimensions(unique(all))
    this.#eventDimensions = new Dimensions(unique([...dimensions, ...eventDimensions]))
    for (const { glob } of [...all, ...eventDimensions]) {
      if (glob !== '' && !this.#patterns.has(glob)) this.#patterns.set(glob, new KeyPattern(glob))
    }
    const hasGlobs = this.#dimensions.globs.length > 0
    const keepEvents = settings.withEvents
    this.#scan = new SpanScan(this.#dimensions.names, { keepOthers: hasGlobs || keepEvents, keepEvents })
    this.#eventScan = new SpanScan(this.#eventDimensions.names, {
      keepOthers: this.#eventDimensions.globs.length > 0,
      keepEvents: false,
    })
    this.#table = new SeriesTable(settings.combinationsMax, Math.floor(settings.random() * 2 ** 32))
    this.#unitNanos = settings.unit === 's' ? 1e9 : 1e6
  }

  get seriesCount(): number {
    let count = 0
    for (const series of this.#resources.values()) count += series.size
    return count
  }

  get resourceCount(): number {
    return this.#resources.size
  }

  // -------------------------------------------------------------------------------------------------------- taking

  /** Add the spans of validated chunks. Gives how many; `unnamed` of them were of no service and are left out. */
  add(chunks: WireChunks, nowMs: number): number {
    this.#nowMs = nowMs
    this.unnamed = 0
    let spans = 0
    for (const chunk of chunks) {
      this.#values = new WireValues(chunk)
      const group = this.#group
      group.reset(chunk)
      while (group.next()) if (group.tag === 0x0a) spans += this.#resourceSpans(group)
    }
    return spans
  }

  #resourceSpans(group: WireCursor): number {
    const inside = this.#inGroup
    inside.enter(group)
    const { bytes } = inside
    let resourceStart = 0
    let resourceEnd = 0
    while (inside.next()) {
      if (inside.tag !== 0x0a) continue
      resourceStart = inside.start
      resourceEnd = inside.end
    }
    let spans = 0
    let common: SpanContext | null | undefined
    inside.enter(group)
    while (inside.next()) {
      if (inside.tag !== 0x12) continue
      const scope = this.#inScope
      let context = common
      if (this.#settings.scopes.size > 0) {
        scope.enter(inside)
        const hasScope = scope.seek(0x0a)
        const [start, end] = hasScope ? [scope.start, scope.end] : [0, 0]
        context = this.#context(bytes, resourceStart, resourceEnd, start, end)
      } else context ??= common = this.#context(bytes, resourceStart, resourceEnd, 0, 0)
      scope.enter(inside)
      let found = 0
      while (scope.next()) {
        if (scope.tag !== 0x12) continue
        found++
        if (context !== null) this.#span(context, scope)
      }
      spans += found
      if (context === null) this.unnamed += found
    }
    return spans
  }

  #context(
    bytes: Uint8Array,
    resourceStart: number,
    resourceEnd: number,
    scopeStart: number,
    scopeEnd: number,
  ): SpanContext | null {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    let key = buffer.toString('latin1', resourceStart, resourceEnd)
    if (scopeEnd > scopeStart) key += `${key.length}:${buffer.toString('latin1', scopeStart, scopeEnd)}`
    let context = this.#contexts.get(key)
    if (context === undefined) {
      const resource = this.#values.resource(resourceStart, resourceEnd)
      const scope = scopeEnd > scopeStart ? this.#values.scope(scopeStart, scopeEnd) : null
      context = this.#newContext(resource, scope)
      if (this.#contexts.size >= Math.min(this.#settings.combinationsMax, contextsMax)) this.#forgetCombinations()
      this.#contexts.set(key, context)
    }
    if (context !== null) this.#touch(context.series)
    return context
  }

  #newContext(resource: Resource, scope: Scope | null): SpanContext | null {
    const service = attributeValue(resource.attributes, 'service.name')
    if (service === undefined) return null
    keepBytes(resource.attributes)
    const { resourceKeys } = this.#settings
    const keyed =
      resourceKeys.length === 0
        ? resource.attributes
        : resource.attributes.filter(({ key }) => resourceKeys.includes(key))
    const key = attributesKey(keyed)
    const series =
      this.#resources.get(key) ??
      this.#evicted.get(key) ??
      new ResourceSeries(key, resource.attributes, this.#settings, this.#nowMs)
    return {
      id: ++this.#contextIds,
      series,
      resource,
      scope: scope !== null && scope.name !== '' && this.#settings.scopes.has(scope.name) ? scope : null,
      serviceName: typeof service === 'string' ? service : '',
    }
  }

  /** Make a resource the one used last, and let go of the one not used for longest where there are too many. */
  #touch(series: ResourceSeries): void {
    series.seenMs = this.#nowMs
    const resources = this.#resources
    if (resources.get(series.key) === series) {
      resources.delete(series.key)
      resources.set(series.key, series)
      return
    }
    resources.set(series.key, series)
    this.#evicted.delete(series.key)
    if (resources.size <= this.#settings.resourcesMax) return
    const [key, oldest] = resources.entries().next().value as [string, ResourceSeries]
    resources.delete(key)
    if (this.#evicted.size < Math.max(this.#settings.resourcesMax, evictedLeast)) this.#evicted.set(key, oldest)
    else this.lostResources++
    this.#forgetCombinations()
  }

  /** They lead to series that may not be there any more. */
  #forgetCombinations(): void {
    this.#contexts.clear()
    this.#table.clear()
  }

  #span(context: SpanContext, at: WireCursor): void {
    const scan = this.#scan
    const { bytes } = at
    scan.span(bytes, at.start, at.end)
    const count = scan.traceStateStart < 0 ? undefined : this.#adjusted(scan)
    const table = this.#table
    const marks = count !== undefined && this.#settings.samplingMethod ? 1 : 0
    table.begin(context.id, scan.kind, scan.statusCode, marks)
    table.add(bytes, scan.nameStart, scan.nameEnd)
    const { valueStart, valueEnd } = scan
    for (let i = 0; i < valueStart.length; i++) table.add(bytes, valueStart[i] as number, valueEnd[i] as number)
    if (this.#dimensions.globs.length > 0) this.#addMatching(scan)
    const entry = table.find() ?? this.#newEntry(context, count !== undefined)
    const times = count === undefined ? 1 : wholeOf(count, this.#settings.random)
    const nowMs = this.#nowMs
    const { calls, duration } = entry
    calls.value += times
    calls.seenMs = nowMs
    if (calls.isOverflow) this.overflowed++
    const value = durationNanos(bytes, scan.startTimeAt, scan.endTimeAt) / this.#unitNanos
    if (duration !== null) {
      duration.histogram.observe(value, times)
      duration.seenMs = nowMs
    }
    if (this.#settings.exemplarsMax > 0 && scan.traceIdStart >= 0) {
      this.#exemplar(calls, scan, value)
      if (duration !== null) this.#exemplar(duration, scan, value)
    }
    if (scan.events.length > 0) this.#events(context, scan, value, times, count !== undefined)
  }

  /** How many spans this one stands for; undefined where it does not say. Spans of a trace say the same. */
  #adjusted(scan: SpanScan): number | undefined {
    const text = this.#values.text(scan.traceStateStart, scan.traceStateEnd)
    if (text !== this.#lastTraceState) {
      this.#lastTraceState = text
      this.#lastAdjustedCount = adjustedCount(text)
    }
    return this.#lastAdjustedCount
  }

  #addMatching(scan: SpanScan): void {
    const { others, bytes } = scan
    for (let i = 0; i < others.length; i += 4) {
      if (!this.#matchesGlob(this.#values.text(others[i] as number, others[i + 1] as number))) continue
      this.#table.add(bytes, others[i] as number, others[i + 1] as number)
      this.#table.add(bytes, others[i + 2] as number, others[i + 3] as number)
    }
  }

  #matchesGlob(key: string): boolean {
    for (const glob of this.#dimensions.globs) if (glob.matches(key)) return true
    return false
  }

  #exemplar(
    series: Series,
    { bytes, traceIdStart, traceIdEnd, spanIdStart, spanIdEnd }: SpanScan,
    value: number,
  ): void {
    if (series.isOverflow || series.exemplars.length >= this.#settings.exemplarsMax) return
    if (traceIdEnd === traceIdStart) return
    series.exemplars.push({
      filteredAttributes: [],
      timeUnixNano: 0n,
      value,
      spanId: spanIdStart < 0 ? new Uint8Array(0) : bytes.slice(spanIdStart, spanIdEnd),
      traceId: bytes.slice(traceIdStart, traceIdEnd),
      unknown: null,
    })
  }

  // ----------------------------------------------------------------------------------------------------- new series

  /** Decode the span in the scan, find or make its series, and remember its key. */
  #newEntry(context: SpanContext, isAdjusted: boolean): SeriesEntry {
    const { series } = context
    const base = this.#builtIn(context, isAdjusted)
    const nowMs = this.#nowMs
    const { histogram, dimensions, callsDimensions, durationDimensions } = this.#settings
    const take = (chosen: readonly DimensionSettings[]): Attributes => {
      const attributes = [...base]
      this.#addDimensions(attributes, chosen, context, this.#scan, this.#dimensions)
      return attributes
    }
    const callsAttributes = take([...dimensions, ...callsDimensions])
    const calls = series.calls.take(keyOf(callsAttributes), () => callsAttributes, nowMs)
    if (histogram.kind === 'none') return this.#table.put(calls, null)
    const durationAttributes = take([...dimensions, ...durationDimensions])
    const duration = series.durations.take(keyOf(durationAttributes), () => durationAttributes, nowMs)
    return this.#table.put(calls, duration)
  }

  #builtIn({ serviceName, scope }: SpanContext, isAdjusted: boolean): Attributes {
    const { excluded, instanceId, samplingMethod } = this.#settings
    const scan = this.#scan
    const attributes: Attributes = []
    const put = (key: string, value: string): void => {
      if (!excluded.has(key)) attributes.push({ key, value })
    }
    put('service.name', serviceName)
    put('span.name', this.#values.text(scan.nameStart, scan.nameEnd))
    put('span.kind', spanKinds[scan.kind] ?? '')
    put('status.code', statusCodes[scan.statusCode] ?? '')
    put('collector.instance.id', instanceId)
    if (samplingMethod) put('sampling.method', isAdjusted ? 'extrapolated' : 'counted')
    if (scope !== null) {
      attributes.push({ key: 'span.instrumentation.scope.name', value: scope.name })
      if (scope.version !== '') {
        attributes.push({ key: 'span.instrumentation.scope.version', value: scope.version })
      }
    }
    return attributes
  }

  /** Dimensions in the order written: what the scan has, or the resource, or a default. No key comes twice. */
  #addDimensions(
    attributes: Attributes,
    chosen: readonly DimensionSettings[],
    context: SpanContext,
    scan: SpanScan,
    { names }: Dimensions,
  ): void {
    const seen = new Set(attributes.map(({ key }) => key))
    const add = (key: string, value: AnyValue): void => {
      seen.add(key)
      attributes.push({ key, value: ownValue(value) })
    }
    for (const { name, glob, default: fallback } of chosen) {
      const pattern = this.#patterns.get(glob)
      if (pattern !== undefined) {
        for (const { key, value } of this.#matching(pattern, context, scan)) if (!seen.has(key)) add(key, value)
        continue
      }
      const slot = names.names.indexOf(name)
      const start = scan.valueStart[slot] as number
      const value =
        start >= 0
          ? this.#values.anyValue(start, scan.valueEnd[slot] as number)
          : (attributeValue(context.resource.attributes, name) ?? fallback)
      if (value !== undefined && !seen.has(name)) add(name, value)
    }
  }

  /** The span's attributes whose key matches, and then the resource's. */
  *#matching(pattern: KeyPattern, { resource }: SpanContext, { others }: SpanScan): Generator<KeyValue> {
    for (let i = 0; i < others.length; i += 4) {
      const key = this.#values.text(others[i] as number, others[i + 1] as number)
      if (!pattern.matches(key)) continue
      yield { key, value: this.#values.anyValue(others[i + 2] as number, others[i + 3] as number) }
    }
    for (const attribute of resource.attributes) if (pattern.matches(attribute.key)) yield attribute
  }

  // --------------------------------------------------------------------------------------------------------- events

  /** The span's attributes go before an event's. Once for all events: a span may have many of both. */
  #noteSpan({ others, bytes }: SpanScan): void {
    const own = this.#eventScan
    const { globs } = this.#eventDimensions
    own.begin(bytes)
    for (let k = 0; k < others.length; k += 4) {
      own.note(others[k] as number, others[k + 1] as number, others[k + 2] as number, others[k + 3] as number)
      if (globs.length === 0) continue
      const key = this.#values.text(others[k] as number, others[k + 1] as number)
      if (!globs.some((glob) => glob.matches(key))) own.others.length -= 4
    }
    own.mark()
  }

  /** Count the span's events: by its own dimensions, and those that the event has. */
  #events(context: SpanContext, scan: SpanScan, value: number, times: number, isAdjusted: boolean): void {
    const own = this.#eventScan
    const chosen = [...this.#settings.dimensions, ...this.#settings.eventDimensions]
    const event = new WireCursor()
    const { events, bytes } = scan
    this.#noteSpan(scan)
    for (let i = 0; i < events.length; i += 2) {
      own.rewind()
      event.reset(bytes, events[i] as number, events[i + 1] as number)
      while (event.next()) if (event.tag === 0x1a) own.attribute(event.start, event.end)
      const attributes = this.#builtIn(context, isAdjusted)
      this.#addDimensions(attributes, chosen, context, own, this.#eventDimensions)
      const series = context.series.events.take(keyOf(attributes), () => attributes, this.#nowMs)
      series.value += times
      series.seenMs = this.#nowMs
      if (this.#settings.exemplarsMax > 0 && scan.traceIdStart >= 0) this.#exemplar(series, scan, value)
    }
  }

  // ------------------------------------------------------------------------------------------------------- sending

  /** The metrics as they stand. Deltas begin anew; what was not seen for too long is forgotten. */
  flush(clockMs: number): MetricsTree {
    const { isDelta } = this.#settings
    // Two points of a series never have the same time.
    const nowMs = Math.max(clockMs, this.#lastFlushMs + 1)
    this.#lastFlushMs = nowMs
    const kept = [...this.#resources.values()]
    this.#sentZeros = !isDelta && kept.some((series) => series.isFirst)
    const toTree = (series: ResourceSeries, isLast: boolean): ResourceMetrics =>
      series.toTree(nowMs, isLast, ({ key, startMs }) => this.#startOf(`${series.key}${fieldEnd}${key}`, startMs))
    const resourceMetrics = [
      ...[...this.#evicted.values()].map((series) => toTree(series, true)),
      ...kept.map((series) => toTree(series, false)),
    ]
    const all = [...this.#evicted.values(), ...kept]
    this.#evicted.clear()
    if (isDelta) {
      this.#rememberTimes(all, nowMs)
      this.#resources = new Map()
      this.#forgetCombinations()
    } else this.#expire(nowMs)
    return { resourceMetrics }
  }

  /** Did the last sending say 0 of a series, and nothing of what it counts? */
  get hasZeroOnly(): boolean {
    return this.#sentZeros
  }

  #startOf(key: string, startMs: number): bigint {
    const own = nanosOf(startMs)
    return this.#settings.isDelta ? (this.#lastTimes.get(key) ?? own) : own
  }

  /** Deltas: the next point of a series begins where this one ended. */
  #rememberTimes(all: readonly ResourceSeries[], nowMs: number): void {
    const time = nanosOf(nowMs)
    const times = this.#lastTimes
    for (const { key: resourceKey, calls, durations, events } of all) {
      for (const set of [calls, durations, events]) {
        for (const { key } of set.all()) {
          const whole = `${resourceKey}${fieldEnd}${key}`
          times.delete(whole)
          times.set(whole, time)
        }
      }
    }
    for (const key of times.keys()) {
      if (times.size <= this.#settings.timesMax) break
      times.delete(key)
    }
  }

  #expire(nowMs: number): void {
    const { resourceExpirationMs, seriesExpirationMs } = this.#settings
    let expired = 0
    for (const [key, series] of this.#resources) {
      if (resourceExpirationMs > 0 && nowMs - series.seenMs >= resourceExpirationMs) {
        this.#resources.delete(key)
        expired++
      } else if (seriesExpirationMs > 0) expired += series.expire(nowMs - seriesExpirationMs)
    }
    if (expired > 0) this.#forgetCombinations()
  }
}

function unique(dimensions: readonly DimensionSettings[]): DimensionSettings[] {
  const byName = new Map<string, DimensionSettings>()
  for (const dimension of dimensions) {
    const key = `${dimension.name}${fieldEnd}${dimension.glob}`
    if (!byName.has(key)) byName.set(key, dimension)
  }
  return [...byName.values()]
}

/** Values that look the same as text are the same series, as in the collector; the first one's type is what is sent. */
function keyOf(attributes: Attributes): string {
  let key = ''
  for (const { key: name, value } of attributes) {
    const text = anyValueText(value)
    key += `${name.length}:${name}${text.length}:${text}`
  }
  return key
}

/** Bytes of its own, where a value is a view of a request that must not be kept. */
function ownValue(value: AnyValue): AnyValue {
  if (value instanceof Uint8Array) return value.slice()
  if (Array.isArray(value)) return value.map(ownValue)
  if (value !== null && typeof value === 'object') keepBytes(value.entries)
  return value
}

function keepBytes(attributes: Attributes): void {
  for (const attribute of attributes) attribute.value = ownValue(attribute.value)
}
