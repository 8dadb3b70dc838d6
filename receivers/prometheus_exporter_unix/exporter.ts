// Runs the collectors at every scrape and says how each did.
import { MetricFamily } from '#component'
import type { Clock, Logger, MetricSink, MetricSource } from '#component'
import { NoDataError } from './collector.ts'
import type { Collector } from './collector.ts'
import { counter, gauge } from './families.ts'
import type { HostFiles } from './files.ts'
import { HeldSamples } from './held_samples.ts'

const durationFamily = gauge(
  'node_scrape_collector_duration_seconds',
  'node_exporter: Duration of a collector scrape.',
  ['collector'],
)
const successFamily = gauge('node_scrape_collector_success', 'node_exporter: Whether a collector succeeded.', [
  'collector',
])
const buildFamily = gauge(
  'node_exporter_build_info',
  "A metric with a constant '1' value labeled by version, revision, branch, goversion from which node_exporter was built, " +
    'and the goos and goarch for the build.',
  ['branch', 'goarch', 'goos', 'goversion', 'revision', 'tags', 'version'],
)
const handlerErrorsFamily = counter(
  'promhttp_metric_handler_errors_total',
  'Total number of internal errors encountered by the promhttp metric handler.',
  ['cause'],
)
const handlerRequestsFamily = counter(
  'promhttp_metric_handler_requests_total',
  'Total number of scrapes by HTTP status code.',
  ['code'],
)
const handlerInFlightFamily = gauge(
  'promhttp_metric_handler_requests_in_flight',
  'Current number of scrapes being served.',
)

const goArchitecture: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', arm: 'arm', ia32: '386' }
const goSystem: Readonly<Record<string, string>> = { win32: 'windows', sunos: 'solaris' }

export interface ExporterOptions {
  /** Sorted by name. */
  readonly collectors: readonly Collector[]
  readonly files: HostFiles
  readonly log: Logger
  readonly clock: Clock
  readonly version: string
  readonly includeExporterMetrics: boolean
}

/** A waiting collector's run: its samples, and how long it took once it is done. */
interface WaitingRun {
  readonly samples: HeldSamples
  readonly done: Promise<Outcome>
}

interface Outcome {
  readonly seconds: number
  readonly error: unknown
}

/** Scrapes may overlap (two scrapers); each runs every collector, but for those that still wait. */
export class Exporter implements MetricSource {
  readonly #options: ExporterOptions
  /** Names of collectors whose `collect` has not come back. */
  readonly #busy: Set<string>
  /** The last failure by collector, '' for success: logged when it changes. */
  readonly #lastFailure: Map<string, string>
  #requestsServed: number
  #requestsFailed: number
  #inFlight: number

  constructor(options: ExporterOptions) {
    this.#options = options
    this.#busy = new Set()
    this.#lastFailure = new Map()
    this.#requestsServed = 0
    this.#requestsFailed = 0
    this.#inFlight = 0
  }

  async collect(sink: MetricSink, signal: AbortSignal): Promise<void> {
    this.#inFlight++
    let isServed = false
    try {
      const waiting = this.#startWaiting(signal)
      for (const collector of this.#options.collectors) {
        const run = waiting.get(collector.name)
        const outcome = run ? await run.done : await this.#runNow(collector, sink, signal)
        if (run && !(outcome.error instanceof Abandoned)) run.samples.release(sink)
        this.#report(collector.name, outcome, sink)
      }
      this.#addOwn(sink)
      isServed = true
    } finally {
      this.#inFlight--
      if (isServed) this.#requestsServed++
      else this.#requestsFailed++
    }
  }

  #startWaiting(signal: AbortSignal): Map<string, WaitingRun> {
    const runs = new Map<string, WaitingRun>()
    for (const collector of this.#options.collectors) {
      if (!collector.waits) continue
      const samples = new HeldSamples()
      runs.set(collector.name, { samples, done: this.#runWaiting(collector, samples, signal) })
    }
    return runs
  }

  async #runWaiting(collector: Collector, samples: HeldSamples, signal: AbortSignal): Promise<Outcome> {
    const { clock, files } = this.#options
    if (this.#busy.has(collector.name)) return { seconds: 0, error: new Abandoned('still busy with an earlier scrape') }
    const begin = clock.monotonic()
    this.#busy.add(collector.name)
    const work = (async () => {
      try {
        await collector.collect(samples, files, signal)
      } finally {
        this.#busy.delete(collector.name)
      }
    })()
    let error: unknown
    try {
      await untilAborted(work, signal)
    } catch (thrown) {
      error = thrown
    }
    return { seconds: (clock.monotonic() - begin) / 1000, error }
  }

  async #runNow(collector: Collector, sink: MetricSink, signal: AbortSignal): Promise<Outcome> {
    const { clock, files } = this.#options
    const begin = clock.monotonic()
    let error: unknown
    try {
      const done = collector.collect(sink, files, signal)
      if (done) await done
    } catch (thrown) {
      error = thrown
    }
    return { seconds: (clock.monotonic() - begin) / 1000, error }
  }

  #report(name: string, outcome: Outcome, sink: MetricSink): void {
    sink.sample(durationFamily, outcome.seconds, name)
    sink.sample(successFamily, outcome.error === undefined ? 1 : 0, name)
    this.#logChange(name, outcome.error)
  }

  #logChange(name: string, error: unknown): void {
    const failure = error === undefined ? '' : error instanceof Error ? error.message : String(error)
    const before = this.#lastFailure.get(name) ?? ''
    if (failure === before) return
    this.#lastFailure.set(name, failure)
    const { log } = this.#options
    if (error === undefined) log.info('A collector works again.', { collector: name })
    else if (error instanceof NoDataError) log.debug('A collector found nothing.', { collector: name, reason: failure })
    else log.error('A collector failed.', { collector: name, error: failure })
  }

  #addOwn(sink: MetricSink): void {
    const { version, includeExporterMetrics } = this.#options
    const goarch = goArchitecture[process.arch] ?? process.arch
    const goos = goSystem[process.platform] ?? process.platform
    sink.sample(buildFamily, 1, '', goarch, goos, `node${process.versions.node}`, '', 'solder', version)
    sink.sample(handlerErrorsFamily, 0, 'encoding')
    sink.sample(handlerErrorsFamily, 0, 'gathering')
    if (!includeExporterMetrics) return
    sink.sample(handlerInFlightFamily, this.#inFlight)
    sink.sample(handlerRequestsFamily, this.#requestsServed, '200')
    sink.sample(handlerRequestsFamily, this.#requestsFailed, '500')
    sink.sample(handlerRequestsFamily, 0, '503')
  }
}

/** The scrape went on without this collector; what it may still give belongs to nobody. */
class Abandoned extends Error {}

function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new Abandoned('no answer before the scrape had to end'))
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(
      () => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      },
      (error: unknown) => {
        signal.removeEventListener('abort', onAbort)
        reject(error as Error)
      },
    )
  })
}

/** The families of a scrape itself, for tests that leave them out. */
export const ownFamilies: readonly MetricFamily[] = [
  durationFamily,
  successFamily,
  buildFamily,
  handlerErrorsFamily,
  handlerRequestsFamily,
  handlerInFlightFamily,
]
