// prometheus.scrape: asks targets for their metrics, again and again.
import type { Component, ComponentDefinition, Host } from '#component'
import { Secret } from '#component'
import type { PoolSettings, ScrapeConfig, ScrapeProtocol } from '#component/scrape'
import { ScrapePool } from '#component/scrape'
import type { ScrapeSettings } from './settings.ts'
import { defaultProtocols, nativeProtocols, scrapeSettings } from './settings.ts'

export const prometheusScrape: ComponentDefinition<ScrapeSettings> = {
  name: 'prometheus.scrape',
  stability: 'generally-available',
  doc: 'Scrapes targets for metrics in the Prometheus formats and hands them on.',
  settings: scrapeSettings,
  create: (host, settings) => new PrometheusScrape(host, settings),
}

/** Seconds a batch may take to hand on, for the histogram of Alloy's name. */
const fanoutBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

class PrometheusScrape implements Component<ScrapeSettings> {
  readonly #host: Host
  readonly #pool: ScrapePool
  #settings: ScrapeSettings
  #poolSettings: PoolSettings

  constructor(host: Host, settings: ScrapeSettings) {
    this.#host = host
    this.#settings = settings
    this.#poolSettings = {
      config: scrapeConfig(settings, host.id),
      http: settings,
      outlet: this.#outlet(settings),
    }
    this.#pool = new ScrapePool(host, this.#poolSettings)
    this.#instrument()
    this.#warn(settings)
    this.#pool.sync(settings.targets.map((target) => target.labels))
  }

  #instrument(): void {
    const { instruments, counters } = this.#host
    const targets = 'Number of targets this component is configured to scrape'
    instruments.gauge('prometheus_scrape_targets_gauge', targets, () => this.#settings.targets.length)
    const moved = 'Number of targets that have moved from this cluster node to another one'
    instruments.counter('prometheus_scrape_targets_moved_total', moved)
    const forwarded = 'Total number of samples sent to downstream components.'
    instruments.observedCounter('prometheus_forwarded_samples_total', forwarded, () => counters.out)
  }

  #warn(settings: ScrapeSettings): void {
    if (!settings.enable_protobuf_negotiation) return
    this.#host.log.warn('enable_protobuf_negotiation is deprecated; use scrape_protocols instead')
  }

  #outlet(settings: ScrapeSettings): PoolSettings['outlet'] {
    const { clock, instruments } = this.#host
    const help = 'Write latency for sending to direct and indirect components'
    const latency = instruments.histogram('prometheus_fanout_latency', help, fanoutBounds)
    const outlet = this.#host.outlet(settings.forward_to)
    return {
      consume: (batch) => {
        const startMs = clock.monotonic()
        const done = outlet.consume(batch)
        const note = (): void => latency.observe((clock.monotonic() - startMs) / 1000)
        if (done) return done.then(note)
        note()
        return undefined
      },
    }
  }

  start(): void {
    this.#pool.start()
  }

  /** Loops of targets that stay go on, with what they remember. */
  update(settings: ScrapeSettings): void {
    const before = this.#settings
    this.#settings = settings
    this.#warn(settings)
    const config = scrapeConfig(settings, this.#host.id)
    const same = equal(config, this.#poolSettings.config)
    const sameHttp = equal(httpPart(settings), httpPart(before))
    this.#poolSettings = {
      config: same ? this.#poolSettings.config : config,
      http: sameHttp ? this.#poolSettings.http : settings,
      outlet: this.#outlet(settings),
    }
    this.#pool.update(
      this.#poolSettings,
      settings.targets.map((target) => target.labels),
    )
  }

  async stop(): Promise<void> {
    await this.#pool.stop()
  }

  debug(): unknown {
    return { targets: this.#pool.states() }
  }
}

function scrapeConfig(s: ScrapeSettings, id: string): ScrapeConfig {
  const native = s.scrape_native_histograms || s.enable_protobuf_negotiation
  const protocols = s.scrape_protocols as readonly ScrapeProtocol[]
  const isDefault = protocols.join() === defaultProtocols.join()
  const legacy = s.metric_name_validation_scheme === 'legacy'
  return {
    jobName: s.job_name === '' ? id : s.job_name,
    metricsPath: s.metrics_path,
    scheme: s.scheme,
    params: s.params,
    intervalMs: s.scrape_interval,
    timeoutMs: s.scrape_timeout,
    nativeHistograms: native,
    classicHistograms: s.scrape_classic_histograms,
    classicToNative: s.convert_classic_histograms_to_nhcb,
    honorLabels: s.honor_labels,
    honorTimestamps: s.honor_timestamps,
    honorMetadata: s.honor_metadata,
    trackTimestampsStaleness: s.track_timestamps_staleness,
    typeAndUnitLabels: s.enable_type_and_unit_labels,
    startTimestamps: s.start_timestamp_zero_ingestion,
    extraMetrics: s.extra_metrics,
    sampleLimit: s.sample_limit,
    targetLimit: s.target_limit,
    labelLimit: s.label_limit,
    labelNameLengthLimit: s.label_name_length_limit,
    labelValueLengthLimit: s.label_value_length_limit,
    bodySizeLimitBytes: s.body_size_limit,
    bucketLimit: s.native_histogram_bucket_limit,
    minBucketFactor: s.native_histogram_min_bucket_factor,
    nameScheme: legacy ? 'legacy' : 'utf8',
    escaping: s.metric_name_escaping_scheme || (legacy ? 'underscores' : 'allow-utf-8'),
    protocols: native && isDefault ? nativeProtocols : protocols,
    fallbackProtocol: s.scrape_fallback_protocol as ScrapeProtocol | '',
    compression: s.enable_compression,
    failureLogFile: s.scrape_failure_log_file,
  }
}

const notHttp: ReadonlySet<string> = new Set(['targets', 'forward_to'])

/** Everything but what changes often: a client is only made anew when something else did. */
function httpPart(settings: ScrapeSettings): object {
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !notHttp.has(name)))
}

/** Deep equality of plain settings; secrets by what they hold. */
function equal(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (a instanceof Secret) return b instanceof Secret && a.reveal() === b.reveal()
  if (a instanceof Map) {
    return (
      b instanceof Map && a.size === b.size && [...a].every(([key, value]) => b.has(key) && equal(value, b.get(key)))
    )
  }
  const x = Object.entries(a)
  const other = b as Record<string, unknown>
  return x.length === Object.keys(b).length && x.every(([key, value]) => equal(value, other[key]))
}
