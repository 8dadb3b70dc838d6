// One job of a Prometheus configuration: its targets are scraped, and what they say becomes OTLP metrics.
import { type Consumer, decodeBody, type Host } from '#component'
import { handOn } from '#component/bridge'
import { RelabelRule, relabelRuleSettings, relabelTarget, SeriesRelabeller } from '#component/relabel'
import { type ScrapeConfig, ScrapePool, type ScrapeProtocol } from '#component/scrape'
import { Metrics } from '#pdata'
import { SeriesToOtlp } from '#pdata/prometheus_otlp'
import { Discovered } from './discovered.ts'
import type { PrometheusConfig, PrometheusReceiverSettings, ScrapeJobSettings } from './settings.ts'

/** The scope under which the collector's own receiver gives the metrics that it scrapes. */
const scopeName = 'github.com/open-telemetry/opentelemetry-collector-contrib/receiver/prometheusreceiver'
/** Results of relabelling rules that are remembered for each job. */
const relabelCacheMax = 100_000
const relabelled = 'metric_relabel_configs'

const defaultProtocols: readonly ScrapeProtocol[] = [
  'OpenMetricsText1.0.0',
  'OpenMetricsText0.0.1',
  'PrometheusText1.0.0',
  'PrometheusText0.0.4',
]

export class ScrapeJob {
  readonly #host: Host
  readonly #job: ScrapeJobSettings
  readonly #config: ScrapeConfig
  readonly #pool: ScrapePool
  readonly #discovered: Discovered
  readonly #targetRules: readonly RelabelRule[]
  readonly #relabeller: SeriesRelabeller | undefined
  readonly #converter: SeriesToOtlp
  readonly #next: Consumer<Metrics>
  #started = false

  constructor(
    host: Host,
    job: ScrapeJobSettings,
    settings: PrometheusReceiverSettings,
    next: Consumer<Metrics>,
    onHealth: () => void,
  ) {
    this.#host = host
    this.#job = job
    this.#next = next
    this.#config = scrapeConfigOf(job, settings)
    this.#targetRules = job.relabel_configs.map((rule) => new RelabelRule(rule))
    const rules = [
      ...externalLabelRules(settings.config.global.external_labels),
      ...job.metric_relabel_configs.map((rule) => new RelabelRule(rule)),
    ]
    this.#relabeller = rules.length === 0 ? undefined : new SeriesRelabeller(rules, { cacheSizeMax: relabelCacheMax })
    this.#converter = new SeriesToOtlp({
      scopeName,
      scopeVersion: host.globals.version,
      scheme: job.scheme,
      trimSuffixes: settings.trim_metric_suffixes,
    })
    this.#pool = new ScrapePool(host, {
      config: this.#config,
      http: job,
      outlet: { consume: (batch) => this.#forward(batch) },
    })
    this.#discovered = new Discovered(host, job, () => {
      if (this.#started) this.#sync()
      onHealth()
    })
  }

  get problems(): readonly string[] {
    return this.#discovered.problems
  }

  async start(): Promise<void> {
    this.#pool.start()
    this.#started = true
    await this.#discovered.start()
    this.#sync()
  }

  #sync(): void {
    const targets = this.#discovered.targets.flatMap((labels) => this.#relabelled(labels) ?? [])
    this.#pool.sync(targets)
  }

  /** Rules see what the job says of a target, as labels (Prometheus scrape/target.go). Null: dropped. */
  #relabelled(discovered: ReadonlyMap<string, string>): ReadonlyMap<string, string> | null {
    const { jobName, scheme, metricsPath, intervalMs, timeoutMs, params } = this.#config
    const labels = new Map([
      ['job', jobName],
      ['__scheme__', scheme],
      ['__metrics_path__', metricsPath],
      ['__scrape_interval__', `${intervalMs}ms`],
      ['__scrape_timeout__', `${timeoutMs}ms`],
    ])
    for (const [name, values] of params) if (values[0] !== undefined) labels.set(`__param_${name}`, values[0])
    for (const [name, value] of discovered) if (value !== '') labels.set(name, value)
    const after = relabelTarget(labels, this.#targetRules)
    if (after === null || !after.has('__address__')) return null
    return new Map([...after].filter(([name]) => !name.startsWith('__meta_') && !name.startsWith('__tmp')))
  }

  /** A batch that the next consumer refuses is refused whole, what rules would have dropped included. */
  #forward(batch: Metrics): void | Promise<void> {
    const before = batch.series()
    const after = this.#relabeller === undefined ? before : this.#relabeller.apply(before)
    const dropped = new Map<string, number>()
    if (after === null || after.count < before.count) dropped.set(relabelled, before.count - (after?.count ?? 0))
    const result = after === null ? undefined : this.#converter.convert(after)
    for (const [reason, samples] of result?.dropped ?? []) dropped.set(reason, samples)
    const made = Metrics.fromTree(result?.tree ?? { resourceMetrics: [] })
    return handOn(this.#host.counters, this.#next, before.count, dropped, made)
  }

  async stop(): Promise<void> {
    await this.#discovered.stop()
    await this.#pool.stop()
  }

  debug(): unknown {
    return { job: this.#job.job_name, targets: this.#pool.states() }
  }
}

function externalLabelRules(labels: ReadonlyMap<string, string>): RelabelRule[] {
  return [...labels].map(([name, value]) => {
    const attributes = [
      { name: 'target_label', value: name },
      { name: 'replacement', value: value.replaceAll('$', '$$$$') },
    ]
    const rule = decodeBody(relabelRuleSettings, { attributes, blocks: [] }, ({ message }) => {
      throw new Error(`Cannot use the external label ${JSON.stringify(name)}: ${message}`)
    })
    return new RelabelRule(rule as NonNullable<typeof rule>)
  })
}

function scrapeConfigOf(
  job: ScrapeJobSettings,
  { config, report_extra_scrape_metrics }: PrometheusReceiverSettings,
): ScrapeConfig {
  const global: PrometheusConfig['global'] = config.global
  const intervalMs = job.scrape_interval ?? global.scrape_interval
  const legacy = job.metric_name_validation_scheme === 'legacy'
  const own = job.scrape_protocols ?? global.scrape_protocols
  const native = job.scrape_native_histograms
  return {
    jobName: job.job_name,
    metricsPath: job.metrics_path,
    scheme: job.scheme,
    params: job.params,
    intervalMs,
    timeoutMs: job.scrape_timeout ?? Math.min(global.scrape_timeout, intervalMs),
    nativeHistograms: native,
    classicHistograms: job.scrape_classic_histograms || job.always_scrape_classic_histograms,
    classicToNative: job.convert_classic_histograms_to_nhcb,
    honorLabels: job.honor_labels,
    honorTimestamps: job.honor_timestamps,
    honorMetadata: true,
    trackTimestampsStaleness: job.track_timestamps_staleness,
    typeAndUnitLabels: false,
    startTimestamps: false,
    extraMetrics: report_extra_scrape_metrics,
    sampleLimit: job.sample_limit ?? global.sample_limit,
    targetLimit: job.target_limit ?? global.target_limit,
    labelLimit: job.label_limit ?? global.label_limit,
    labelNameLengthLimit: job.label_name_length_limit ?? global.label_name_length_limit,
    labelValueLengthLimit: job.label_value_length_limit ?? global.label_value_length_limit,
    bodySizeLimitBytes: job.body_size_limit ?? global.body_size_limit,
    bucketLimit: job.native_histogram_bucket_limit,
    minBucketFactor: job.native_histogram_min_bucket_factor,
    nameScheme: legacy ? 'legacy' : 'utf8',
    escaping: job.metric_name_escaping_scheme || (legacy ? 'underscores' : 'allow-utf-8'),
    protocols: own ?? (native ? ['PrometheusProto', ...defaultProtocols] : defaultProtocols),
    // Where a target does not tell, Prometheus's text is what older targets mean.
    fallbackProtocol: (job.scrape_fallback_protocol || 'PrometheusText0.0.4') as ScrapeProtocol,
    compression: job.enable_compression,
    failureLogFile: '',
  }
}
