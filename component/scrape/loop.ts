// Scrapes one target again and again, and hands on what it finds.
import { totalmem } from 'node:os'
import type { Clock, Logger, MetricsConsumer, MetricSource, NodeCounters, Timer } from '#component'
import type { HttpClient } from '#component/http_client'
import { BodyTooLargeError } from '#component/http_client'
import type { Columns, SeriesCacheOptions } from '#pdata/exposition'
import { LimitError, SeriesCache } from '#pdata/exposition'
import type { Labels } from '#pdata'
import { Metadata, Metrics, MetricType, Series, SeriesBatch, SeriesLayout } from '#pdata'
import type { ScrapeConfig } from './config.ts'
import { sameReading, schemaMaxFor } from './config.ts'
import { HistogramConverter } from './histogram_converter.ts'
import type { ScrapeInstruments } from './instruments.ts'
import { Ledger } from './ledger.ts'
import { acceptHeader, formatOf } from './negotiation.ts'
import { sampleLabels } from './sample_labels.ts'
import { SourceReader } from './source_reader.ts'
import type { ScrapeTarget } from './target.ts'
import { offsetMs } from './target.ts'

/**
 * A body is never read beyond this, also where `body_size_limit` is not set: an eighth of the machine's memory, so that an
 * endless target does not take a small one down.
 */
const bodyBytesMax = Math.min(512, Math.max(64, Math.floor(totalmem() / 8 / 1024 / 1024))) * 1024 * 1024

/** A scrape that is this late at most, or by 1% of the interval, is stamped as if it were in time (Prometheus: 2 ms). */
const alignToleranceMs = 2

/** What a loop needs from its pool; all read at each scrape, so that they may change. */
export interface LoopContext {
  readonly config: ScrapeConfig
  readonly clock: Clock
  readonly log: Logger
  readonly counters: NodeCounters
  readonly instruments: ScrapeInstruments
  readonly outlet: MetricsConsumer
  readonly client: HttpClient
  /** Every scrape fails with it. */
  readonly forcedError: Error | null
  source(address: string, path: string): MetricSource | undefined
  failed(target: ScrapeTarget, error: Error): void
}

export interface TargetStatus {
  readonly health: 'unknown' | 'up' | 'down'
  readonly lastError: string
  /** Milliseconds since the epoch; 0: never. */
  readonly lastScrapeMs: number
  readonly lastDurationMs: number
}

const reportHelp: readonly (readonly [string, string, string])[] = [
  ['up', 'Health of the scrape target. 1 means the target is healthy, 0 if the scrape failed.', 'targets'],
  ['scrape_duration_seconds', 'Duration of the last scrape in seconds.', 'seconds'],
  ['scrape_samples_scraped', 'Number of samples last scraped.', 'samples'],
  [
    'scrape_samples_post_metric_relabeling',
    'Number of samples remaining after metric relabeling was applied.',
    'samples',
  ],
  ['scrape_series_added', 'Number of series in the last scrape.', 'series'],
]
const extraReportHelp: readonly (readonly [string, string, string])[] = [
  ['scrape_timeout_seconds', 'The configured scrape timeout for a target.', 'seconds'],
  [
    'scrape_sample_limit',
    'The configured sample limit for a target. Returns zero if there is no limit configured.',
    'samples',
  ],
  [
    'scrape_body_size_bytes',
    'The uncompressed size of the last scrape response, if successful. Scrapes failing because body_size_limit is exceeded report -1, other scrape failures report 0.',
    'bytes',
  ],
]

interface Fetched {
  readonly columns: Columns
  readonly bodyBytes: number
}

/**
 * One target's loop. `start` once; then it scrapes by itself until `stop`, or until `retire` has marked its series stale.
 */
export class ScrapeLoop {
  readonly target: ScrapeTarget
  readonly #context: () => LoopContext
  #config: ScrapeConfig
  #cache: SeriesCache
  #source: SourceReader | null = null
  #converter: HistogramConverter | null
  /** Whose reading was the last: it knows the types. */
  #lastReader: { typeOf(slot: number): MetricType }
  readonly #typeOf = (slot: number): MetricType => this.#lastReader.typeOf(slot)
  #ledger: Ledger
  #report: readonly Series[]
  #timer: Timer | null = null
  #running: Promise<void> | null = null
  #abort = new AbortController()
  #stopped = false
  #retired: (() => void) | null = null
  /** The time of the markers of a retired target. */
  #staleAtMs = 0
  /** The loop that writes the same series now: this one must not mark those stale when it ends. */
  successor: ScrapeLoop | undefined
  /** When the next scrape is due, monotonic. */
  #dueMs = 0
  /** The wall clock's time at which scrapes are aligned; 0: not yet. */
  #alignedMs = 0
  #lastStartMs = 0
  #health: TargetStatus['health'] = 'unknown'
  #lastError = ''
  #lastScrapeMs = 0
  #lastDurationMs = 0
  /** The start that was last told by a zero sample, by series. */
  #starts = new WeakMap<Series, number>()

  constructor(target: ScrapeTarget, context: () => LoopContext) {
    this.target = target
    this.#context = context
    this.#config = context().config
    this.#cache = new SeriesCache(cacheOptions(target, this.#config))
    this.#lastReader = this.#cache
    this.#converter = target.classicToNative ? new HistogramConverter(target.classicHistograms) : null
    this.#report = reportSeries(target, this.#config)
    this.#ledger = new Ledger(this.#report)
  }

  start(): void {
    const { clock } = this.#context()
    this.#schedule(offsetMs(this.target, clock.now()))
  }

  #schedule(delayMs: number): void {
    const { clock } = this.#context()
    this.#dueMs = clock.monotonic() + delayMs
    this.#timer = clock.setTimeout(() => this.#turn(), delayMs)
  }

  #turn(): void {
    this.#timer = null
    if (this.#stopped) return
    if (this.#retired) {
      this.#retireNow()
      return
    }
    this.#running = this.#scrape().then(undefined, (error: unknown) => {
      this.#context().log.error('scrape broke off', { target: this.target.url, err: error })
    })
    void this.#running.then(() => {
      this.#running = null
      // A loop that was retired and revived meanwhile has its timer.
      if (this.#stopped || this.#retired || this.#timer) return
      const { clock } = this.#context()
      const { intervalMs } = this.target
      const now = clock.monotonic()
      this.#dueMs += intervalMs
      // Turns that were missed are left out but for one, which comes at once.
      if (this.#dueMs < now) this.#dueMs += Math.floor((now - this.#dueMs) / intervalMs) * intervalMs
      this.#timer = clock.setTimeout(() => this.#turn(), Math.max(0, this.#dueMs - now))
    })
  }

  /** The time that samples get: the aligned one, if this scrape is about in time. */
  #scrapeTime(): number {
    const { clock } = this.#context()
    const now = clock.now()
    const { intervalMs } = this.target
    if (this.#alignedMs === 0 || now < this.#alignedMs) this.#alignedMs = now
    this.#alignedMs += Math.floor((now - this.#alignedMs) / intervalMs) * intervalMs
    const toleranceMs = Math.min(intervalMs / 100, alignToleranceMs)
    // A timer that goes off a fraction early belongs to the turn it was set for.
    const next = this.#alignedMs + intervalMs
    if (next - now <= 1) this.#alignedMs = next
    return Math.floor(Math.abs(now - this.#alignedMs) <= toleranceMs ? this.#alignedMs : now)
  }

  /** One scrape, and everything that comes of it handed on. */
  async #scrape(): Promise<void> {
    const context = this.#context()
    this.#adopt(context.config)
    const { clock, instruments } = context
    const timestampMs = this.#scrapeTime()
    const wallMs = clock.now()
    const startMs = clock.monotonic()
    if (this.#lastStartMs !== 0) instruments.intervalSeconds.observe((startMs - this.#lastStartMs) / 1000)
    this.#lastStartMs = startMs
    let fetched: Fetched | null = null
    let error: Error | null = context.forcedError
    let bodyBytes = 0
    if (!error) {
      try {
        fetched = await this.#fetch(context, timestampMs)
        bodyBytes = fetched.bodyBytes
        error = fetched.columns.error
      } catch (thrown) {
        error = thrown instanceof Error ? thrown : new Error(String(thrown))
        if (error instanceof BodyTooLargeError) {
          instruments.exceededBodySize.add(1)
          error = new Error('body size limit exceeded', { cause: error })
          bodyBytes = -1
        }
      }
    }
    // A scrape that the component's end broke off says nothing about its target.
    if (this.#stopped && error && !fetched) return
    const durationMs = clock.monotonic() - startMs
    this.#note(context, wallMs, durationMs, error)
    const columns = fetched?.columns ?? null
    if (columns) this.#countRefusals(context, columns, error)
    if (columns && !error) {
      const converted = this.#converter ? this.#converter.convert(columns, this.#typeOf) : columns
      const report = this.#reportValues(converted, durationMs, error, bodyBytes)
      const zeros = this.#config.startTimestamps ? this.#zeros(converted, timestampMs) : null
      if (zeros) await this.#forward(zeros)
      for (const metrics of this.#ledger.succeeded(converted, report, timestampMs)) await this.#forward(metrics)
    } else {
      const report = this.#reportValues(columns, durationMs, error, bodyBytes)
      for (const metrics of this.#ledger.failed(columns, report, timestampMs)) await this.#forward(metrics)
    }
  }

  #countRefusals(context: LoopContext, columns: Columns, error: Error | null): void {
    const { instruments, log } = context
    instruments.duplicates.add(columns.duplicates)
    instruments.outOfBounds.add(columns.outOfBounds)
    if (columns.duplicates > 0) {
      log.warn('error on ingesting samples with different value but same timestamp', {
        target: this.target.url,
        num_dropped: columns.duplicates,
      })
    }
    if (columns.outOfBounds > 0) {
      log.warn('error on ingesting samples that are too old or are too far into the future', {
        target: this.target.url,
        num_dropped: columns.outOfBounds,
      })
    }
    if (!(error instanceof LimitError)) return
    if (error.limit === 'sample_limit') instruments.exceededSampleLimit.add(1)
    else if (error.limit === 'native_histogram_bucket_limit') instruments.exceededBucketLimit.add(1)
    else instruments.exceededLabelLimits.add(1)
  }

  #note(context: LoopContext, wallMs: number, durationMs: number, error: Error | null): void {
    const wasDown = this.#health === 'down'
    this.#health = error ? 'down' : 'up'
    this.#lastError = error?.message ?? ''
    this.#lastScrapeMs = wallMs
    this.#lastDurationMs = durationMs
    if (!error) return
    context.failed(this.target, error)
    const fields = { target: this.target.url, err: error.message }
    if (wasDown) context.log.debug('scrape failed', fields)
    else context.log.warn('scrape failed', fields)
  }

  #reportValues(columns: Columns | null, durationMs: number, error: Error | null, bodyBytes: number): number[] {
    const values = [
      error ? 0 : 1,
      durationMs / 1000,
      columns?.samplesScraped ?? 0,
      columns?.samplesAdded ?? 0,
      columns?.seriesAdded ?? 0,
    ]
    if (this.#config.extraMetrics) values.push(this.target.timeoutMs / 1000, this.#config.sampleLimit, bodyBytes)
    return values
  }

  async #forward(metrics: Metrics): Promise<void> {
    const { outlet, counters, log } = this.#context()
    const { count } = metrics
    counters.in += count
    try {
      await outlet.consume(metrics)
    } catch (error) {
      counters.drop('refused by the next component', count)
      log.error('scrape commit failed', { target: this.target.url, err: error })
    }
  }

  #fetch(context: LoopContext, timestampMs: number): Promise<Fetched> {
    const source = context.source(this.target.address, this.target.path)
    return source ? this.#collect(context, source, timestampMs) : this.#request(context, timestampMs)
  }

  async #collect(context: LoopContext, source: MetricSource, timestampMs: number): Promise<Fetched> {
    this.#source ??= new SourceReader(this.#cache.options)
    const reader = this.#source
    this.#lastReader = reader
    const abort = new AbortController()
    const { timeoutMs } = this.target
    let late: (() => void) | undefined
    const limit = new Promise<never>((_, reject) => {
      late = () => {
        abort.abort()
        reject(new Error(`no whole answer within ${timeoutMs} ms`))
      }
    })
    const timer = context.clock.setTimeout(() => late?.(), timeoutMs)
    reader.begin(timestampMs)
    let failure: Error | null = null
    try {
      await Promise.race([source.collect(reader, abort.signal), limit])
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error))
    }
    timer.cancel()
    return { columns: reader.finish(failure), bodyBytes: 0 }
  }

  async #request(context: LoopContext, timestampMs: number): Promise<Fetched> {
    const { target } = this
    const config = this.#config
    const limit = config.bodySizeLimitBytes > 0 ? config.bodySizeLimitBytes - 1 : bodyBytesMax
    const response = await context.client.request({
      method: 'GET',
      url: target.url,
      headers: {
        accept: acceptHeader(config.protocols, config.escaping),
        'x-prometheus-scrape-timeout-seconds': String(target.timeoutMs / 1000),
        ...(config.compression ? {} : { 'accept-encoding': 'identity' }),
      },
      timeoutMs: target.timeoutMs,
      signal: this.#abort.signal,
      // A target that compresses unasked is understood all the same.
      acceptEncoding: true,
      decompressBytesMax: limit,
    })
    if (response.status !== 200) {
      await response.discard()
      throw new Error(`server returned HTTP status ${response.status} ${response.statusText}`)
    }
    const body = await response.bytes(limit)
    this.#lastReader = this.#cache
    // An empty body is a scrape without samples, whatever its type.
    if (body.length === 0) return { columns: this.#cache.readEmpty(timestampMs), bodyBytes: 0 }
    const format = formatOf(response.headers['content-type'], config.fallbackProtocol)
    const columns = this.#cache.read(body, format, timestampMs)
    const bodyBytes = body.length
    // Nothing refers to the body any more. Let go of here and not when the garbage collector looks for it: bodies make up
    // most of what a scraper allocates, and made it collect the whole heap twice a second (20 targets of 5,000 series).
    const { buffer } = body
    if (buffer instanceof ArrayBuffer && body.byteOffset === 0 && buffer.byteLength - bodyBytes < 4096)
      buffer.transfer(0)
    return { columns, bodyBytes }
  }

  /** Samples of value 0 at the starts that were not told yet; null: none. */
  #zeros(columns: Columns, timestampMs: number): Metrics | null {
    if (!columns.hasStarts) return null
    const series: Series[] = []
    const timestamps: number[] = []
    for (let i = 0; i < columns.count; i++) {
      const start = columns.startsMs[i] as number
      const one = columns.series[i] as Series
      if (start <= 0 || start >= timestampMs || columns.histograms[i] || start <= (this.#starts.get(one) ?? 0)) continue
      this.#starts.set(one, start)
      series.push(one)
      timestamps.push(start)
    }
    if (series.length === 0) return null
    return Metrics.fromSeries(
      new SeriesBatch({
        layout: new SeriesLayout(series),
        values: new Float64Array(series.length),
        flags: null,
        timestampMs,
        timestampsMs: Float64Array.from(timestamps),
        startsMs: null,
        exemplars: null,
        histograms: null,
      }),
    )
  }

  /** Take over changed settings before the next scrape. */
  #adopt(config: ScrapeConfig): void {
    if (config === this.#config) return
    const before = this.#config
    this.#config = config
    if (!sameReading(before, config)) {
      this.#cache = new SeriesCache(cacheOptions(this.target, config))
      this.#source = null
    }
    if (before.extraMetrics !== config.extraMetrics || before.honorMetadata !== config.honorMetadata) {
      this.#report = reportSeries(this.target, config)
      this.#ledger = this.#ledger.withReport(this.#report)
    }
  }

  get status(): TargetStatus {
    return {
      health: this.#health,
      lastError: this.#lastError,
      lastScrapeMs: this.#lastScrapeMs,
      lastDurationMs: this.#lastDurationMs,
    }
  }

  /**
   * The target is gone. Its series are marked stale with the time of what would have been the next scrape, but only two
   * turns and a bit later, since it may come back (Prometheus scrape/scrape.go, endOfRunStaleness). `done` is called then.
   */
  retire(done: () => void): void {
    if (this.#stopped || this.#retired) return
    this.#retired = done
    if (this.#lastScrapeMs === 0 && !this.#running) {
      void this.stop()
      done()
      return
    }
    this.#timer?.cancel()
    const { clock } = this.#context()
    const { intervalMs } = this.target
    const next = Math.max(0, (this.#running ? this.#dueMs + intervalMs : this.#dueMs) - clock.monotonic())
    this.#staleAtMs = Math.floor(clock.now() + next)
    this.#timer = clock.setTimeout(() => this.#turn(), next + intervalMs * 1.1)
  }

  #retireNow(): void {
    const done = this.#retired as () => void
    const running = this.#running ?? Promise.resolve()
    this.#running = running.then(async () => {
      if (this.#stopped) return
      const { successor } = this
      const ended = this.#ledger.ended(this.#staleAtMs, successor === undefined ? undefined : successor.#ledger)
      for (const metrics of ended) await this.#forward(metrics)
      this.#stopped = true
      done()
    })
  }

  /** The target came back before its series were marked: go on. */
  revive(): void {
    this.#retired = null
    this.#timer?.cancel()
    this.#schedule(offsetMs(this.target, this.#context().clock.now()))
  }

  /** No more scrapes; one that is under way is broken off. No series is marked stale. Safe twice. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    this.#timer = null
    this.#abort.abort()
    await this.#running
  }
}

function cacheOptions(target: ScrapeTarget, config: ScrapeConfig): SeriesCacheOptions {
  return {
    makeLabels: sampleLabels(target.labels, config),
    keepMetadata: config.honorMetadata,
    typeAndUnitLabels: config.typeAndUnitLabels,
    startTimestamps: config.startTimestamps,
    nativeHistograms: target.nativeHistograms,
    classicHistograms: target.classicHistograms,
    bucketLimit: config.bucketLimit,
    schemaMax: schemaMaxFor(config.minBucketFactor),
    sampleLimit: config.sampleLimit,
    honorTimestamps: config.honorTimestamps,
    trackTimestampsStaleness: config.trackTimestampsStaleness,
  }
}

/** The series that every scrape reports about itself. They carry the target's labels only. */
function reportSeries(target: ScrapeTarget, config: ScrapeConfig): Series[] {
  const all = config.extraMetrics ? [...reportHelp, ...extraReportHelp] : reportHelp
  return all.map(([name, help, unit]) => {
    const labels: Labels = ['__name__', name, ...target.labels]
    const metadata = config.honorMetadata ? new Metadata(name, MetricType.gauge, help, unit) : null
    return new Series(sortedLabels(labels), metadata)
  })
}

/** Upper-case names sort before `__name__`. */
function sortedLabels(labels: Labels): Labels {
  const pairs: [string, string][] = []
  for (let i = 0; i < labels.length; i += 2) pairs.push([labels[i] as string, labels[i + 1] as string])
  return pairs.sort(([a], [b]) => (a < b ? -1 : 1)).flat()
}
