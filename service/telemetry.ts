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

  /** Everything as OpenTelemetry has it. */
  async resourceMetrics(): Promise<ResourceMetrics> {
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
    for (const [name, registrations] of this.#byName) {
      const [first] = registrations
      if (!first || first.kind === 'histogram' || this.#instrumented.has(name)) continue
      this.#instrumented.add(name)
      const options = { description: first.help }
      const observable =
        first.kind === 'counter'
          ? meter.createObservableCounter(name, options)
          : meter.createObservableGauge(name, options)
      observable.addCallback((result) => {
        for (const { attributes, read } of registrations) {
          const value = read?.()
          if (value !== undefined) result.observe(value, attributes)
        }
      })
    }
  }

  /** Histograms that components fill themselves: no instrument observes those, so they come from a producer. */
  #histograms(sdk: Sdk): MetricProducer {
    return {
      collect: async () => {
        const startTime = hrTime(this.#startMs)
        const endTime = hrTime(this.#clock.now())
        const metrics = []
        for (const [name, registrations] of this.#byName) {
          const [first] = registrations
          if (first?.kind !== 'histogram') continue
          const dataPoints = [...registrations].flatMap(({ attributes, distribution }) =>
            distribution ? [{ startTime, endTime, attributes, value: histogramValue(distribution) }] : [],
          )
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

function histogramValue(d: Distribution) {
  return { buckets: { boundaries: [...d.bounds], counts: [...d.counts] }, sum: d.sum, count: d.count }
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
    const registration = { ...given, attributes: { ...given.attributes, ...this.#attributes } }
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
