// The process's own metrics: plain counters observed by OpenTelemetry instruments when somebody asks.
import type { MeterProvider, MetricProducer, MetricReader, ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { Clock, Instruments, MetricSink, MetricSource } from '#component'
import { Count, Distribution, MetricFamily } from '#component'
import type { MetricType } from '#pdata'

type Attributes = Readonly<Record<string, string>>
type Sdk = typeof import('@opentelemetry/sdk-metrics')

/** One instrument of one owner. */
interface Registration {
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly name: string
  readonly help: string
  readonly attributes: Attributes
  readonly read: (() => number | undefined) | undefined
  readonly distribution: Distribution | undefined
  /** A node's, not the process's. */
  readonly ofNode?: boolean
}

/** What one series stands at, to be sent from one process to another. */
export interface SeriesState {
  readonly kind: Registration['kind']
  readonly name: string
  readonly help: string
  readonly attributes: Attributes
  readonly value: number
  readonly distribution?: Pick<Distribution, 'bounds' | 'counts' | 'sum' | 'count'>
  /** Counts where the main process has a series of the name, and only there. */
  readonly ofProcess?: boolean
}

/** Series of one metric name above this are not shown, so that a mistake cannot fill the memory. */
const seriesPerMetricMax = 100_000

export class OwnTelemetry implements MetricSource {
  readonly #byName = new Map<string, Set<Registration>>()
  readonly #clock: Clock
  readonly #startMs: number
  #reader: MetricReader | undefined
  #provider: MeterProvider | undefined
  #sdk: Sdk | undefined
  readonly #instrumented = new Set<string>()
  readonly #families = new Map<string, MetricFamily>()
  #readOthers: (() => Promise<readonly SeriesState[]>) | undefined
  /** What other processes add, by name and attributes, as of the last reading. */
  #others: ReadonlyMap<string, ReadonlyMap<string, SeriesState>> = new Map()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startMs = clock.now()
  }

  /** Instruments whose series all carry `attributes`; closing removes them. */
  instruments(attributes: Attributes): Instruments & { close(): void } {
    return new OwnerInstruments(this, attributes)
  }

  add(registration: Registration): void {
    const known = this.#byName.get(registration.name)
    if (known) known.add(registration)
    else this.#byName.set(registration.name, new Set([registration]))
  }

  remove(registration: Registration): void {
    const known = this.#byName.get(registration.name)
    known?.delete(registration)
  }

  /** What `read` gives is added to what is here, series by series, whenever somebody asks. */
  include(read: () => Promise<readonly SeriesState[]>): void {
    this.#readOthers = read
  }

  /** The series of nodes, as they stand. */
  nodeSeries(): SeriesState[] {
    const series: SeriesState[] = []
    for (const registrations of this.#byName.values()) {
      for (const { kind, name, help, attributes, read, distribution, ofNode } of registrations) {
        if (!ofNode) continue
        const value = read?.()
        if (distribution) {
          const { bounds, counts, sum, count } = distribution
          const state = { bounds: [...bounds], counts: [...counts], sum, count }
          series.push({ kind, name, help, attributes, value: 0, distribution: state })
        } else if (value !== undefined) series.push({ kind, name, help, attributes, value })
      }
    }
    return series
  }

  /** Everything as OpenTelemetry has it. */
  async resourceMetrics(): Promise<ResourceMetrics> {
    if (this.#readOthers) this.#others = summed(await this.#readOthers(), (name) => this.#byName.has(name))
    const reader = await this.#start()
    this.#observeNew()
    return (await reader.collect()).resourceMetrics
  }

  /** The SDK is loaded when somebody first asks: most processes on small devices are never asked. */
  async #start(): Promise<MetricReader> {
    if (this.#reader) return this.#reader
    const sdk = await import('@opentelemetry/sdk-metrics')
    if (this.#reader) return this.#reader
    class PullReader extends sdk.MetricReader {
      protected override async onShutdown(): Promise<void> {}
      protected override async onForceFlush(): Promise<void> {}
    }
    this.#sdk = sdk
    this.#reader = new PullReader({
      cardinalitySelector: () => seriesPerMetricMax,
      metricProducers: [this.#histograms(sdk)],
    })
    this.#provider = new sdk.MeterProvider({ readers: [this.#reader] })
    return this.#reader
  }

  /** Make an observable instrument for each name that has none yet. */
  #observeNew(): void {
    const meter = this.#provider?.getMeter('solder')
    if (!meter) return
    for (const name of new Set([...this.#byName.keys(), ...this.#others.keys()])) {
      const first = this.#first(name)
      if (!first || first.kind === 'histogram' || this.#instrumented.has(name)) continue
      this.#instrumented.add(name)
      const options = { description: first.help }
      const observable =
        first.kind === 'counter'
          ? meter.createObservableCounter(name, options)
          : meter.createObservableGauge(name, options)
      observable.addCallback((result) => {
        const others = new Map(this.#others.get(name))
        for (const { attributes, read } of this.#byName.get(name) ?? []) {
          const value = read?.()
          if (value === undefined) continue
          const key = attributesKey(attributes)
          result.observe(value + (others.get(key)?.value ?? 0), attributes)
          others.delete(key)
        }
        for (const { attributes, value } of others.values()) result.observe(value, attributes)
      })
    }
  }

  #first(name: string): Pick<Registration, 'kind' | 'help'> | undefined {
    const [registration] = this.#byName.get(name) ?? []
    const [other] = this.#others.get(name)?.values() ?? []
    return registration ?? other
  }

  /** Histograms that components fill themselves: no instrument observes those, so they come from a producer. */
  #histograms(sdk: Sdk): MetricProducer {
    return {
      collect: async () => {
        const startTime = hrTime(this.#startMs)
        const endTime = hrTime(this.#clock.now())
        const metrics = []
        for (const name of new Set([...this.#byName.keys(), ...this.#others.keys()])) {
          const first = this.#first(name)
          if (first?.kind !== 'histogram') continue
          const others = new Map(this.#others.get(name))
          const dataPoints = [...(this.#byName.get(name) ?? [])].flatMap(({ attributes, distribution }) => {
            if (!distribution) return []
            const key = attributesKey(attributes)
            const value = histogramValue(distribution, others.get(key)?.distribution)
            others.delete(key)
            return [{ startTime, endTime, attributes, value }]
          })
          for (const { attributes, distribution } of others.values()) {
            if (distribution) dataPoints.push({ startTime, endTime, attributes, value: histogramValue(distribution) })
          }
          metrics.push({
            descriptor: { name, description: first.help, unit: '', valueType: 1 },
            aggregationTemporality: sdk.AggregationTemporality.CUMULATIVE,
            dataPointType: sdk.DataPointType.HISTOGRAM,
            dataPoints,
          } as const)
        }
        const { resource } = await this.#emptyResource()
        return { resourceMetrics: { resource, scopeMetrics: [{ scope: { name: 'solder' }, metrics }] }, errors: [] }
      },
    }
  }

  async #emptyResource(): Promise<{ resource: ResourceMetrics['resource'] }> {
    const { emptyResource } = await import('@opentelemetry/resources')
    return { resource: emptyResource() }
  }

  async collect(sink: MetricSink): Promise<void> {
    const { scopeMetrics } = await this.resourceMetrics()
    const sdk = this.#sdk as Sdk
    for (const { metrics } of scopeMetrics) {
      for (const metric of metrics) {
        switch (metric.dataPointType) {
          case sdk.DataPointType.SUM:
          case sdk.DataPointType.GAUGE: {
            const type = metric.dataPointType === sdk.DataPointType.SUM ? 'counter' : 'gauge'
            for (const point of metric.dataPoints) {
              const [family, values] = this.#family(metric.descriptor, type, point.attributes)
              sink.sample(family, point.value, ...values)
            }
            break
          }
          case sdk.DataPointType.HISTOGRAM:
            for (const point of metric.dataPoints) {
              const [family, values] = this.#family(metric.descriptor, 'histogram', point.attributes)
              const { buckets, count, sum } = point.value
              const bounds = [...buckets.boundaries, Infinity]
              let below = 0
              const cumulative = buckets.counts.map((n) => (below += n))
              sink.histogram(family, count, sum ?? 0, bounds, cumulative, ...values)
            }
            break
          default:
        }
      }
    }
  }

  #family(
    descriptor: { name: string; description: string },
    type: MetricType,
    attributes: Readonly<Record<string, unknown>>,
  ): [MetricFamily, string[]] {
    const names = Object.keys(attributes).sort()
    const key = `${descriptor.name}\0${names.join('\0')}`
    let family = this.#families.get(key)
    if (!family) {
      family = new MetricFamily(descriptor.name, type, descriptor.description, names)
      this.#families.set(key, family)
    }
    return [family, names.map((name) => String(attributes[name]))]
  }
}

type HistogramState = NonNullable<SeriesState['distribution']>

/** `more`: of the same bounds, or it is left out. */
function histogramValue(d: HistogramState, more?: HistogramState) {
  const both = more?.bounds.length === d.bounds.length ? more : undefined
  return {
    buckets: { boundaries: [...d.bounds], counts: d.counts.map((count, at) => count + (both?.counts[at] ?? 0)) },
    sum: d.sum + (both?.sum ?? 0),
    count: d.count + (both?.count ?? 0),
  }
}

function attributesKey(attributes: Attributes): string {
  return JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Series of the same name and attributes as one. */
export function sumSeries(series: readonly SeriesState[]): SeriesState[] {
  return [...summed(series, () => true).values()].flatMap((byKey) => [...byKey.values()])
}

function summed(
  series: readonly SeriesState[],
  isKnown: (name: string) => boolean,
): Map<string, Map<string, SeriesState>> {
  const byName = new Map<string, Map<string, SeriesState>>()
  for (const one of series) {
    if (one.ofProcess && !isKnown(one.name)) continue
    let byKey = byName.get(one.name)
    if (!byKey) byName.set(one.name, (byKey = new Map()))
    const key = attributesKey(one.attributes)
    const before = byKey.get(key)
    byKey.set(key, before ? added(before, one) : one)
  }
  return byName
}

function added(a: SeriesState, b: SeriesState): SeriesState {
  if (!a.distribution || !b.distribution) return { ...a, value: a.value + b.value }
  const { buckets, sum, count } = histogramValue(a.distribution, b.distribution)
  return { ...a, distribution: { bounds: buckets.boundaries, counts: buckets.counts, sum, count } }
}

function hrTime(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000)
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)]
}

class OwnerInstruments implements Instruments {
  readonly #telemetry: OwnTelemetry
  readonly #attributes: Attributes
  readonly #mine = new Map<string, { registration: Registration; holder: Count | Distribution | undefined }>()

  constructor(telemetry: OwnTelemetry, attributes: Attributes) {
    this.#telemetry = telemetry
    this.#attributes = attributes
  }

  counter(name: string, help: string, attributes: Attributes = {}): Count {
    const known = this.#mine.get(keyOf(name, attributes))
    if (known) return known.holder as Count
    const count = new Count()
    this.#register({ kind: 'counter', name, help, attributes, read: () => count.value, distribution: undefined }, count)
    return count
  }

  gauge(name: string, help: string, read: () => number | undefined, attributes: Attributes = {}): void {
    this.#register({ kind: 'gauge', name, help, attributes, read, distribution: undefined }, undefined)
  }

  observedCounter(name: string, help: string, read: () => number, attributes: Attributes = {}): void {
    this.#register({ kind: 'counter', name, help, attributes, read, distribution: undefined }, undefined)
  }

  histogram(name: string, help: string, bounds: readonly number[], attributes: Attributes = {}): Distribution {
    const known = this.#mine.get(keyOf(name, attributes))
    if (known) return known.holder as Distribution
    const distribution = new Distribution(bounds)
    this.#register({ kind: 'histogram', name, help, attributes, read: undefined, distribution }, distribution)
    return distribution
  }

  forget(name: string, attributes: Attributes = {}): void {
    const known = this.#mine.get(keyOf(name, attributes))
    if (known === undefined) return
    this.#telemetry.remove(known.registration)
    this.#mine.delete(keyOf(name, attributes))
  }

  /** A second registration of the same series takes the first one's place. */
  #register(given: Registration, holder: Count | Distribution | undefined): void {
    const key = keyOf(given.name, given.attributes)
    // What names the node wins: components that serve both languages give the names of one.
    const ofNode = Object.keys(this.#attributes).length > 0
    const registration = { ...given, attributes: { ...given.attributes, ...this.#attributes }, ofNode }
    const known = this.#mine.get(key)
    if (known) this.#telemetry.remove(known.registration)
    this.#mine.set(key, { registration, holder })
    this.#telemetry.add(registration)
  }

  close(): void {
    for (const { registration } of this.#mine.values()) this.#telemetry.remove(registration)
    this.#mine.clear()
  }
}

function keyOf(name: string, attributes: Attributes): string {
  return `${name}\0${JSON.stringify(attributes)}`
}
