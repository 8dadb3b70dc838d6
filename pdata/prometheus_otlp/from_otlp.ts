// Series of OTLP metrics (OpenTelemetry specification, compatibility/prometheus_and_openmetrics).
import {
  type Labels,
  labelsFrom,
  Metadata,
  MetricType,
  type NativeHistogram,
  Series,
  SeriesBatch,
  SeriesLayout,
  type SlotExemplar,
  SlotFlag,
} from '#pdata'
import {
  anyValueText,
  type Attributes,
  type Exemplar,
  type ExponentialHistogramPoint,
  type HistogramPoint,
  type Metric,
  type MetricsTree,
  noRecordedValue,
  type NumberPoint,
  type Resource,
  type ScopeMetrics,
  type SummaryPoint,
  Temporality,
} from '#pdata/otlp'
import { boundText, labelName, metricName, type NameKind, type NameOptions, unitName } from './names.ts'
import { nativeFromExplicit, nativeFromExponential } from './native_histograms.ts'

export interface OtlpToSeriesOptions extends NameOptions {
  /** `always`: for every resource; `identified`: where it has an identity and more to tell (the specification). */
  readonly targetInfo: 'always' | 'identified' | 'none'
  /** A series `otel_scope_info` for every scope. */
  readonly scopeInfo: boolean
  /** The scope as labels `otel_scope_*`: name and version only, or schema URL and attributes as well. */
  readonly scopeLabels: 'none' | 'name' | 'all'
  /** All attributes of the resource become labels of every series. */
  readonly resourceToTelemetry: boolean
  /** With that: leave out service.name, service.namespace and service.instance.id. */
  readonly excludeServiceAttributes: boolean
  /** Attributes of the resource that become labels of every series. */
  readonly promoted: readonly string[]
  /** Keep service.* on target_info, where job and instance tell them already. */
  readonly keepIdentifying: boolean
  /** Give series their type, help and unit. */
  readonly metadata: boolean
  /** Explicit histograms as native ones with custom buckets. */
  readonly customBuckets: boolean
  /** A zero at the start time of counters, once for each start. */
  readonly zeroSamples: boolean
  /** Series remembered at most; with more, everything is learnt anew. */
  readonly seriesMax: number
}

export const otlpToSeriesDefaults: OtlpToSeriesOptions = {
  suffixes: true,
  utf8: false,
  keepsLetters: false,
  namespace: '',
  targetInfo: 'identified',
  scopeInfo: false,
  scopeLabels: 'none',
  resourceToTelemetry: false,
  excludeServiceAttributes: false,
  promoted: [],
  keepIdentifying: false,
  metadata: true,
  customBuckets: false,
  zeroSamples: false,
  seriesMax: 1_000_000,
}

/** Why points were left out. */
export const ConvertDrop = {
  temporality: 'not cumulative',
  scale: 'exponential histogram too coarse',
  name: 'invalid name',
  value: 'no value',
  buckets: 'inconsistent buckets',
} as const

export interface SeriesResult {
  readonly batch: SeriesBatch
  /** Data points left out, by reason. */
  readonly dropped: ReadonlyMap<string, number>
}

const identifying: ReadonlySet<string> = new Set(['service.name', 'service.namespace', 'service.instance.id'])
/** Runes that an exemplar's labels may have together (OpenMetrics). */
const exemplarRunesMax = 128
/** Layouts remembered for batches that begin with the same series. */
const layoutsPerSeries = 4

/** A point's series, in the order of its samples. */
class KnownPoint {
  /** Bounds or quantiles that the series were made for. */
  readonly bounds: readonly number[]
  readonly series: readonly Series[]
  seenMs: number
  constructor(bounds: readonly number[], series: readonly Series[], seenMs: number) {
    this.bounds = bounds
    this.series = series
    this.seenMs = seenMs
  }
}

/** A metric of one scope: its name here, and its points by their attributes. */
class KnownMetric {
  /** Undefined: it has none. */
  readonly name: string | undefined
  readonly metadata: Metadata | null
  readonly points = new Map<string, KnownPoint>()
  constructor(name: string | undefined, metadata: Metadata | null) {
    this.name = name
    this.metadata = metadata
  }
}

class KnownScope {
  readonly labels: readonly (readonly [string, string])[]
  readonly info: Series | null
  readonly metrics = new Map<string, KnownMetric>()
  constructor(labels: readonly (readonly [string, string])[], info: Series | null) {
    this.labels = labels
    this.info = info
  }
}

class KnownResource {
  /** `job` and `instance`, which go before all else. */
  readonly identity: readonly (readonly [string, string])[]
  readonly promoted: readonly (readonly [string, string])[]
  readonly targetInfo: Series | null
  readonly scopes = new Map<string, KnownScope>()
  seenMs = 0
  constructor(
    identity: readonly (readonly [string, string])[],
    promoted: readonly (readonly [string, string])[],
    targetInfo: Series | null,
  ) {
    this.identity = identity
    this.promoted = promoted
    this.targetInfo = targetInfo
  }
}

/** The samples of a batch while they gather. */
class Samples {
  readonly series: Series[] = []
  readonly values: number[] = []
  readonly flags: number[] = []
  readonly timesMs: number[] = []
  readonly startsMs: number[] = []
  readonly exemplars: SlotExemplar[] = []
  readonly histograms: (NativeHistogram | null)[] = []
  readonly dropped = new Map<string, number>()
  points = 0
  /** Of the resource at hand. */
  latestMs = 0

  drop(reason: string, points: number): void {
    if (points > 0) this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + points)
  }

  add(series: Series, value: number, flag: number, timeMs: number, startMs: number): number {
    this.values.push(value)
    this.flags.push(flag)
    this.timesMs.push(timeMs)
    this.startsMs.push(startMs)
    this.histograms.push(null)
    return this.series.push(series) - 1
  }
}

/**
 * Converts batch after batch and gives the same series the same object, and batches of the same shape the same layout, so
 * that what consumers noted on them is found again. Forgets what it has not seen for a while when `collect` is called.
 */
export class OtlpToSeries {
  readonly #options: OtlpToSeriesOptions
  #resources = new Map<string, KnownResource>()
  #count = 0
  #layouts = new WeakMap<Series, SeriesLayout[]>()
  #lastStarts = new WeakMap<Series, number>()
  #nowMs = 0

  constructor(options: Partial<OtlpToSeriesOptions> = {}) {
    this.#options = { ...otlpToSeriesDefaults, ...options }
  }

  /** Series remembered. */
  get size(): number {
    return this.#count
  }

  /**
   * `nowMs` is the time of target_info and otel_scope_info, and what `collect` goes by. With `infoAtLatest` they get the
   * time of the newest point of their resource.
   */
  convert(tree: MetricsTree, nowMs: number, infoAtLatest = false): SeriesResult {
    this.#nowMs = nowMs
    if (this.#count > this.#options.seriesMax) this.#forgetAll()
    const samples = new Samples()
    for (const { resource, scopeMetrics } of tree.resourceMetrics) {
      const known = this.#resourceOf(resource)
      known.seenMs = nowMs
      samples.latestMs = 0
      const infos: Series[] = []
      for (const scope of scopeMetrics) {
        const knownScope = this.#scopeOf(known, scope)
        if (knownScope.info !== null) infos.push(knownScope.info)
        for (const metric of scope.metrics) this.#metric(known, knownScope, metric, samples)
      }
      if (known.targetInfo !== null && (!infoAtLatest || samples.latestMs > 0)) infos.unshift(known.targetInfo)
      for (const info of infos) samples.add(info, 1, SlotFlag.value, infoAtLatest ? samples.latestMs : nowMs, 0)
    }
    return { batch: this.#batchOf(samples), dropped: samples.dropped }
  }

  /** Forget series that were not seen since `beforeMs`. */
  collect(beforeMs: number): void {
    for (const [resourceKey, resource] of this.#resources) {
      for (const [scopeKey, scope] of resource.scopes) {
        for (const [metricKey, metric] of scope.metrics) {
          for (const [key, point] of metric.points) {
            if (point.seenMs >= beforeMs) continue
            metric.points.delete(key)
            this.#count -= point.series.length
          }
          if (metric.points.size === 0) scope.metrics.delete(metricKey)
        }
        if (scope.metrics.size === 0) resource.scopes.delete(scopeKey)
      }
      if (resource.scopes.size > 0 || resource.seenMs >= beforeMs) continue
      this.#resources.delete(resourceKey)
      this.#count--
    }
  }

  #forgetAll(): void {
    this.#resources = new Map()
    this.#layouts = new WeakMap()
    this.#lastStarts = new WeakMap()
    this.#count = 0
  }

  // ------------------------------------------------------------------------------- resource and scope

  #resourceOf({ attributes }: Resource): KnownResource {
    const key = attributesKey(attributes)
    const known = this.#resources.get(key)
    if (known !== undefined) return known
    const o = this.#options
    const identity = identityOf(attributes)
    const wanted = new Set(o.promoted)
    const promoted = labelPairs(
      attributes.filter(({ key: name }) =>
        o.resourceToTelemetry ? !(o.excludeServiceAttributes && identifying.has(name)) : wanted.has(name),
      ),
      o,
    )
    const made = new KnownResource(identity, promoted, this.#targetInfo(attributes, identity))
    this.#resources.set(key, made)
    this.#count++
    return made
  }

  #targetInfo(attributes: Attributes, identity: readonly (readonly [string, string])[]): Series | null {
    const o = this.#options
    if (o.targetInfo === 'none') return null
    const others = attributes.filter(({ key }) => !identifying.has(key))
    if (o.targetInfo === 'identified' && (identity.length === 0 || others.length === 0)) return null
    const name = o.namespace === '' ? 'target_info' : `${o.namespace}_target_info`
    const pairs = labelPairs(o.keepIdentifying ? attributes : others, o)
    const metadata = o.metadata ? new Metadata(name, MetricType.gauge, 'Target metadata', '') : null
    return new Series(labelsFrom([...pairs, ...identity, ['__name__', name]]), metadata)
  }

  #scopeOf(resource: KnownResource, { scope, schemaUrl }: ScopeMetrics): KnownScope {
    const { name, version } = scope
    const lengths = `${name.length} ${version.length} ${schemaUrl.length} `
    const key = `${lengths}${name}${version}${schemaUrl}${attributesKey(scope.attributes)}`
    const known = resource.scopes.get(key)
    if (known !== undefined) return known
    const o = this.#options
    const labels: [string, string][] = []
    if (o.scopeLabels !== 'none') {
      labels.push(['otel_scope_name', scope.name], ['otel_scope_version', scope.version])
    }
    if (o.scopeLabels === 'all') {
      labels.push(['otel_scope_schema_url', schemaUrl])
      for (const [name, value] of labelPairs(scope.attributes, o)) labels.push([`otel_scope_${name}`, value])
    }
    let info: Series | null = null
    if (o.scopeInfo) {
      const metadata = o.metadata ? new Metadata('otel_scope_info', MetricType.gauge, '', '') : null
      const all = labelsFrom([
        ...labelPairs(scope.attributes, o),
        ...resource.identity,
        ['otel_scope_name', scope.name],
        ['otel_scope_version', scope.version],
        ['__name__', 'otel_scope_info'],
      ])
      info = new Series(all, metadata)
    }
    const made = new KnownScope(labels, info)
    resource.scopes.set(key, made)
    return made
  }

  // ------------------------------------------------------------------------------------------ metrics

  #metric(resource: KnownResource, scope: KnownScope, metric: Metric, samples: Samples): void {
    const { data } = metric
    if (data.kind === 'empty') return
    samples.points += data.points.length
    if ('temporality' in data && data.temporality !== Temporality.cumulative) {
      samples.drop(ConvertDrop.temporality, data.points.length)
      return
    }
    const known = this.#metricOf(scope, metric)
    if (known.name === undefined) {
      samples.drop(ConvertDrop.name, data.points.length)
      return
    }
    switch (data.kind) {
      case 'gauge':
        for (const point of data.points) this.#number(resource, scope, known, point, false, samples)
        break
      case 'sum':
        for (const point of data.points) this.#number(resource, scope, known, point, data.isMonotonic, samples)
        break
      case 'histogram':
        for (const point of data.points) {
          if (this.#options.customBuckets) this.#custom(resource, scope, known, point, samples)
          else this.#histogram(resource, scope, known, point, samples)
        }
        break
      case 'exponential_histogram':
        for (const point of data.points) this.#exponential(resource, scope, known, point, samples)
        break
      case 'summary':
        for (const point of data.points) this.#summary(resource, scope, known, point, samples)
        break
    }
  }

  #metricOf(scope: KnownScope, metric: Metric): KnownMetric {
    const { data, name, unit } = metric
    const kind: NameKind =
      data.kind === 'sum' ? (data.isMonotonic ? 'counter' : 'other') : data.kind === 'gauge' ? 'gauge' : 'other'
    const key = `${data.kind} ${kind} ${unit.length} ${unit}${name}`
    const known = scope.metrics.get(key)
    if (known !== undefined && (known.metadata === null || known.metadata.help === metric.description)) return known
    // A sum that is no counter is a gauge, but of its name only counters and gauges proper say so.
    const built = metricName(name, unit, kind, this.#options)
    const metadata =
      this.#options.metadata && built !== undefined
        ? new Metadata(built, typeOf(metric), metric.description, unitName(unit))
        : null
    const made = new KnownMetric(built, metadata)
    if (known !== undefined) for (const { series } of known.points.values()) this.#count -= series.length
    scope.metrics.set(key, made)
    return made
  }

  /** The series of a point, made by `parts`: suffixes of the name with one more label or none, in the order of samples. */
  #pointOf(
    resource: KnownResource,
    scope: KnownScope,
    metric: KnownMetric,
    attributes: Attributes,
    bounds: readonly number[],
    parts: (bounds: readonly number[]) => readonly (readonly [suffix: string, label: string, value: string])[],
    isStale = false,
  ): KnownPoint {
    const key = attributesKey(attributes)
    const known = metric.points.get(key)
    // A point without a value may come without bounds: it ends the series that there are.
    const ends = isStale && bounds.length === 0
    if (known !== undefined && (ends || sameNumbers(known.bounds, bounds))) {
      known.seenMs = this.#nowMs
      return known
    }
    if (known !== undefined) this.#count -= known.series.length
    const pairs = labelPairs(attributes, this.#options)
    const own = new Set(pairs.map(([name]) => name))
    const base = [...resource.promoted.filter(([name]) => !own.has(name)), ...pairs, ...scope.labels]
    for (const pair of resource.identity) base.push(pair)
    const series = parts(bounds).map(([suffix, label, value]) => {
      const labels: (readonly [string, string])[] = [...base, ['__name__', `${metric.name as string}${suffix}`]]
      if (label !== '') labels.push([label, value])
      return new Series(labelsFrom(labels), metric.metadata)
    })
    const made = new KnownPoint([...bounds], series, this.#nowMs)
    metric.points.set(key, made)
    this.#count += series.length
    return made
  }

  #sample(samples: Samples, series: Series, value: number, point: Timed, counts: boolean): number {
    const timeMs = millis(point.timeUnixNano)
    const startMs = counts ? millis(point.startTimeUnixNano) : 0
    if (timeMs > samples.latestMs) samples.latestMs = timeMs
    if ((point.flags & noRecordedValue) !== 0) return samples.add(series, 0, SlotFlag.stale, timeMs, startMs)
    if (this.#options.zeroSamples && startMs > 0 && startMs < timeMs) {
      const last = this.#lastStarts.get(series)
      if (last === undefined || last < startMs) {
        this.#lastStarts.set(series, startMs)
        samples.add(series, 0, SlotFlag.value, startMs, startMs)
      }
    }
    return samples.add(series, value, SlotFlag.value, timeMs, startMs)
  }

  #number(
    resource: KnownResource,
    scope: KnownScope,
    metric: KnownMetric,
    point: NumberPoint,
    counts: boolean,
    samples: Samples,
  ): void {
    if (point.value === null && (point.flags & noRecordedValue) === 0) {
      samples.drop(ConvertDrop.value, 1)
      return
    }
    const known = this.#pointOf(resource, scope, metric, point.attributes, none, single)
    const slot = this.#sample(samples, known.series[0] as Series, Number(point.value), point, counts)
    if (counts) for (const exemplar of point.exemplars) addExemplar(samples, slot, exemplar)
  }

  #histogram(
    resource: KnownResource,
    scope: KnownScope,
    metric: KnownMetric,
    point: HistogramPoint,
    samples: Samples,
  ): void {
    const { explicitBounds, bucketCounts } = point
    const isStale = (point.flags & noRecordedValue) !== 0
    if (!isStale && bucketCounts.length > 0 && bucketCounts.length !== explicitBounds.length + 1) {
      samples.drop(ConvertDrop.buckets, 1)
      return
    }
    const { attributes } = point
    const known = this.#pointOf(resource, scope, metric, attributes, explicitBounds, histogramParts, isStale)
    const { series, bounds } = known
    if (point.sum !== null || isStale) this.#sample(samples, series[0] as Series, point.sum ?? 0, point, true)
    this.#sample(samples, series[1] as Series, Number(point.count), point, true)
    const exemplars = point.exemplars.toSorted((a, b) => Number(a.value) - Number(b.value))
    let next = 0
    let cumulative = 0n
    for (let i = 0; i <= bounds.length; i++) {
      const bound = bounds[i] ?? Infinity
      if (i < bounds.length) {
        // Without counts there is only the last bucket.
        if (bucketCounts.length === 0 && !isStale) continue
        cumulative += bucketCounts[i] ?? 0n
      } else cumulative = point.count
      const slot = this.#sample(samples, series[2 + i] as Series, Number(cumulative), point, true)
      while (next < exemplars.length && (Number(exemplars[next]!.value) <= bound || i === bounds.length)) {
        addExemplar(samples, slot, exemplars[next++]!)
      }
    }
  }

  #native(samples: Samples, series: Series, histogram: NativeHistogram, point: Timed, exemplars: Exemplar[]): void {
    const slot = this.#sample(samples, series, 0, point, true)
    if (samples.flags[slot] === SlotFlag.value) {
      samples.flags[slot] = SlotFlag.histogram
      samples.histograms[slot] = histogram
    }
    for (const exemplar of exemplars) addExemplar(samples, slot, exemplar)
  }

  #custom(
    resource: KnownResource,
    scope: KnownScope,
    metric: KnownMetric,
    point: HistogramPoint,
    samples: Samples,
  ): void {
    const histogram = nativeFromExplicit(point)
    if (histogram === undefined) samples.drop(ConvertDrop.buckets, 1)
    else {
      const { series } = this.#pointOf(resource, scope, metric, point.attributes, none, single)
      this.#native(samples, series[0] as Series, histogram, point, point.exemplars)
    }
  }

  #exponential(
    resource: KnownResource,
    scope: KnownScope,
    metric: KnownMetric,
    point: ExponentialHistogramPoint,
    samples: Samples,
  ): void {
    const histogram = nativeFromExponential(point)
    if (histogram === undefined) samples.drop(ConvertDrop.scale, 1)
    else {
      const { series } = this.#pointOf(resource, scope, metric, point.attributes, none, single)
      this.#native(samples, series[0] as Series, histogram, point, point.exemplars)
    }
  }

  #summary(
    resource: KnownResource,
    scope: KnownScope,
    metric: KnownMetric,
    point: SummaryPoint,
    samples: Samples,
  ): void {
    const quantiles = point.quantiles.map(({ quantile }) => quantile)
    const isStale = (point.flags & noRecordedValue) !== 0
    const known = this.#pointOf(resource, scope, metric, point.attributes, quantiles, summaryParts, isStale)
    const { series, bounds } = known
    this.#sample(samples, series[0] as Series, point.sum, point, true)
    this.#sample(samples, series[1] as Series, Number(point.count), point, true)
    for (let i = 0; i < bounds.length; i++) {
      this.#sample(samples, series[2 + i] as Series, point.quantiles[i]?.value ?? 0, point, false)
    }
  }

  // -------------------------------------------------------------------------------------------- batch

  #batchOf(samples: Samples): SeriesBatch {
    const { timesMs, flags, startsMs, histograms, exemplars } = samples
    const timestampMs = timesMs[0] ?? this.#nowMs
    return new SeriesBatch({
      layout: this.#layoutOf(samples.series),
      values: Float64Array.from(samples.values),
      flags: flags.every((flag) => flag === SlotFlag.value) ? null : Uint8Array.from(flags),
      timestampMs,
      timestampsMs: timesMs.every((time) => time === timestampMs) ? null : Float64Array.from(timesMs),
      startsMs: startsMs.every((start) => start === 0) ? null : Float64Array.from(startsMs),
      exemplars: exemplars.length === 0 ? null : exemplars,
      histograms: histograms.every((histogram) => histogram === null) ? null : histograms,
    })
  }

  #layoutOf(series: readonly Series[]): SeriesLayout {
    const first = series[0]
    if (first === undefined) return new SeriesLayout([])
    let layouts = this.#layouts.get(first)
    if (layouts === undefined) this.#layouts.set(first, (layouts = []))
    const found = layouts.find((layout) => sameSeries(layout.series, series))
    if (found !== undefined) return found
    const made = new SeriesLayout(series)
    layouts.unshift(made)
    if (layouts.length > layoutsPerSeries) layouts.pop()
    return made
  }
}

interface Timed {
  readonly timeUnixNano: bigint
  readonly startTimeUnixNano: bigint
  readonly flags: number
}

const none: readonly number[] = []
type Part = readonly [suffix: string, label: string, value: string]
const onePart: readonly Part[] = [['', '', '']]
const single = (): readonly Part[] => onePart
const histogramParts = (bounds: readonly number[]): readonly Part[] => [
  ['_sum', '', ''],
  ['_count', '', ''],
  ...bounds.map((bound): Part => ['_bucket', 'le', boundText(bound)]),
  ['_bucket', 'le', '+Inf'],
]
const summaryParts = (quantiles: readonly number[]): readonly Part[] => [
  ['_sum', '', ''],
  ['_count', '', ''],
  ...quantiles.map((quantile): Part => ['', 'quantile', boundText(quantile)]),
]

function typeOf({ data }: Metric): MetricType {
  switch (data.kind) {
    case 'sum':
      return data.isMonotonic ? MetricType.counter : MetricType.gauge
    case 'gauge':
      return MetricType.gauge
    case 'histogram':
    case 'exponential_histogram':
      return MetricType.histogram
    case 'summary':
      return MetricType.summary
    case 'empty':
      return MetricType.unknown
  }
}

const million = 1_000_000n
const millis = (ns: bigint): number => Number(ns / million)

/** Tells attribute lists apart: lengths stand in front, so that no value can pass for another list. */
function attributesKey(attributes: Attributes): string {
  let key = ''
  for (const { key: name, value } of attributes) {
    const text = typeof value === 'string' ? value : anyValueText(value)
    key += `${name.length} ${text.length} ${name}${text}`
  }
  return key
}

/** `job` of service.namespace and service.name, `instance` of service.instance.id; those that there are. */
function identityOf(attributes: Attributes): (readonly [string, string])[] {
  let name = ''
  let namespace = ''
  let instance = ''
  for (const { key, value } of attributes) {
    if (key === 'service.name') name = anyValueText(value)
    else if (key === 'service.namespace') namespace = anyValueText(value)
    else if (key === 'service.instance.id') instance = anyValueText(value)
  }
  const out: (readonly [string, string])[] = []
  if (name !== '') out.push(['job', namespace === '' ? name : `${namespace}/${name}`])
  if (instance !== '') out.push(['instance', instance])
  return out
}

/**
 * Labels of attributes. Names that become the same have their values joined by `;`, in the order of the attributes' keys
 * (see `keepsLetters` for where not).
 * `__name__` is the metric's own.
 */
function labelPairs(attributes: Attributes, options: NameOptions): [string, string][] {
  const pairs: [string, string][] = []
  const seen = new Map<string, [string, string][]>()
  for (const { key, value } of attributes) {
    const name = labelName(key, options)
    if (name === '' || name === '__name__') continue
    const text = anyValueText(value)
    const others = seen.get(name)
    if (others === undefined) {
      pairs.push([name, text])
      seen.set(name, [[key, text]])
    } else if (options.keepsLetters) (pairs.find(([one]) => one === name) as [string, string])[1] = text
    else {
      others.push([key, text])
      const joined = others.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one)
      ;(pairs.find(([one]) => one === name) as [string, string])[1] = joined.join(';')
    }
  }
  return pairs
}

function addExemplar(samples: Samples, slot: number, exemplar: Exemplar): void {
  if (exemplar.value === null) return
  const pairs: [string, string][] = []
  if (isSet(exemplar.traceId)) pairs.push(['trace_id', hex(exemplar.traceId)])
  if (isSet(exemplar.spanId)) pairs.push(['span_id', hex(exemplar.spanId)])
  let runes = 0
  for (const [name, value] of pairs) runes += name.length + value.length
  const filtered = exemplar.filteredAttributes.map(({ key, value }): [string, string] => [key, anyValueText(value)])
  for (const [name, value] of filtered) runes += [...name].length + [...value].length
  const labels: Labels = labelsFrom(runes <= exemplarRunesMax ? [...filtered, ...pairs] : pairs)
  samples.exemplars.push({ slot, labels, value: Number(exemplar.value), timestampMs: millis(exemplar.timeUnixNano) })
}

const isSet = (id: Uint8Array): boolean => id.some((byte) => byte !== 0)
const hex = (id: Uint8Array): string => Buffer.from(id.buffer, id.byteOffset, id.length).toString('hex')

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function sameSeries(a: readonly Series[], b: readonly Series[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
