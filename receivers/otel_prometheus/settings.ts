// What users write under `receivers: prometheus:`: a Prometheus configuration, as far as it tells what to scrape.
import {
  attr,
  block,
  blocks,
  bool,
  byteSize,
  customType,
  defineSettings,
  duration,
  float,
  list,
  map,
  type SettingsOf,
  string,
  type Type,
  uint,
  ValueError,
} from '#component'
import { reportUnsupported } from '#component/bridge'
import { dnsDiscoverySettings, fileDiscoverySettings, httpDiscoverySettings } from '#component/discovery'
import { checkHttpClient, httpClientFields } from '#component/http_client'
import { relabelRuleBlocks } from '#component/relabel'
import { parsePrometheusDuration, ScrapeProtocol } from '#component/scrape'

/** Prometheus's durations: `1d12h`, `30s`. In milliseconds. */
const prometheusDuration: Type<number> = customType<number>({
  name: 'duration',
  zero: 0,
  decode(value) {
    const text = string.decode(value)
    const ms = parsePrometheusDuration(text)
    if (ms === undefined) throw new ValueError(`not a valid duration string: ${JSON.stringify(text)}`)
    return ms
  },
  accepts: string.accepts,
  json: { type: 'string' },
})

const protocols = customType<readonly ScrapeProtocol[]>({
  name: 'list(string)',
  zero: [],
  decode(value) {
    return list(string)
      .decode(value)
      .map((name, i) => {
        if (Object.hasOwn(ScrapeProtocol, name)) return name as ScrapeProtocol
        throw new ValueError(
          `unknown scrape protocol ${name}: must be one of ${Object.keys(ScrapeProtocol).join(', ')}`,
          [i],
        )
      })
  },
  accepts: (from) => from.startsWith('list('),
  json: { type: 'array', items: { enum: Object.keys(ScrapeProtocol) } },
})

const global = defineSettings({
  scrape_interval: attr(prometheusDuration, 'How often to scrape, where a job does not say.', { default: '1m' }),
  scrape_timeout: attr(prometheusDuration, 'How long a scrape may take, where a job does not say.', {
    default: '10s',
  }),
  scrape_protocols: attr(protocols, 'The formats to ask for, the best first, where a job does not say.'),
  evaluation_interval: attr(prometheusDuration, 'Accepted: there are no rules.', { default: '1m' }),
  external_labels: attr(map(string), 'Labels of every series.', { default: {} }),
  body_size_limit: attr(byteSize, 'As in a job.', { default: 0 }),
  sample_limit: attr(uint, 'As in a job.', { default: 0 }),
  target_limit: attr(uint, 'As in a job.', { default: 0 }),
  label_limit: attr(uint, 'As in a job.', { default: 0 }),
  label_name_length_limit: attr(uint, 'As in a job.', { default: 0 }),
  label_value_length_limit: attr(uint, 'As in a job.', { default: 0 }),
})

const staticConfig = defineSettings({
  targets: attr(list(string), 'Addresses: `host:port`.', { default: [] }),
  labels: attr(map(string), 'Labels of these targets.', { default: {} }),
})

const scrapeConfig = defineSettings(
  {
    job_name: attr(string, 'The job label.', { required: true }),
    scrape_interval: attr(prometheusDuration, 'How often to scrape each target.'),
    scrape_timeout: attr(prometheusDuration, 'How long a scrape may take.'),
    scrape_protocols: attr(protocols, 'The formats to ask for, the best first.'),
    scrape_fallback_protocol: attr(string, 'The format to assume where a target does not tell.', { default: '' }),
    scrape_native_histograms: attr(bool, 'Read native histograms.', { default: false }),
    scrape_classic_histograms: attr(bool, 'Keep the classic series of native histograms.', { default: false }),
    always_scrape_classic_histograms: attr(bool, 'Keep the classic series of native histograms.', { default: false }),
    convert_classic_histograms_to_nhcb: attr(bool, 'Turn classic histograms into native ones with custom buckets.', {
      default: false,
    }),
    metrics_path: attr(string, 'The path of targets that do not name one.', { default: '/metrics' }),
    scheme: attr(string, 'The scheme of targets that do not name one.', { default: 'http' }),
    params: attr(map(list(string)), 'Query parameters.', { default: {} }),
    honor_labels: attr(bool, 'Where a series and its target have the same label, keep that of the series.', {
      default: false,
    }),
    honor_timestamps: attr(bool, 'Keep the timestamps that targets give.', { default: true }),
    track_timestamps_staleness: attr(bool, 'Mark series with timestamps of their own stale, too.', { default: false }),
    enable_compression: attr(bool, 'Ask for compressed bodies.', { default: true }),
    metric_name_validation_scheme: attr(string, 'Names that metrics and labels may have: legacy or utf8.', {
      default: 'utf8',
    }),
    metric_name_escaping_scheme: attr(string, 'How targets shall write other names.', { default: '' }),
    body_size_limit: attr(byteSize, 'Bytes of an uncompressed body from which on the scrape fails; 0: no limit.'),
    sample_limit: attr(uint, 'Samples above which the scrape fails; 0: no limit.'),
    target_limit: attr(uint, 'Targets above which all scrapes fail; 0: no limit.'),
    label_limit: attr(uint, 'Labels of a series above which the scrape fails; 0: no limit.'),
    label_name_length_limit: attr(uint, 'Bytes of a label name above which the scrape fails; 0: no limit.'),
    label_value_length_limit: attr(uint, 'Bytes of a label value above which the scrape fails; 0: no limit.'),
    native_histogram_bucket_limit: attr(uint, 'Merge buckets of native histograms with more; 0: no limit.', {
      default: 0,
    }),
    native_histogram_min_bucket_factor: attr(float, 'Merge buckets that grow by less than this; 0: none.', {
      default: 0,
    }),
    static_configs: blocks(staticConfig, 'Targets written here.'),
    file_sd_configs: blocks(fileDiscoverySettings, 'Targets that files name.'),
    http_sd_configs: blocks(httpDiscoverySettings, 'Targets that HTTP servers name.'),
    dns_sd_configs: blocks(dnsDiscoverySettings, 'Targets that DNS records name.'),
    relabel_configs: relabelRuleBlocks('Relabelling of targets.'),
    metric_relabel_configs: relabelRuleBlocks('Relabelling of series.'),
    ...httpClientFields(),
  },
  {
    check: (s, report) => {
      checkHttpClient(s, report)
      if (s.job_name === '') report('job_name is empty', ['job_name'])
    },
  },
)
export type ScrapeJobSettings = SettingsOf<typeof scrapeConfig>

const prometheusConfig = defineSettings(
  {
    global: block(global, 'What jobs have in common.', { whenAbsent: 'defaults' }),
    scrape_configs: blocks(scrapeConfig, 'The jobs.'),
  },
  {
    check: (s, report) => {
      const seen = new Set<string>()
      s.scrape_configs.forEach((job, i) => {
        if (seen.has(job.job_name)) {
          const message = `found multiple scrape configs with job name ${JSON.stringify(job.job_name)}`
          report(message, ['scrape_configs', i, 'job_name'])
        }
        seen.add(job.job_name)
        const intervalMs = job.scrape_interval ?? s.global.scrape_interval
        if (intervalMs <= 0) report('scrape_interval must be greater than 0', ['scrape_configs', i, 'scrape_interval'])
        if (job.scrape_timeout !== undefined && job.scrape_timeout > intervalMs) {
          const message = `scrape timeout greater than scrape interval for scrape config with job name ${JSON.stringify(job.job_name)}`
          report(message, ['scrape_configs', i, 'scrape_timeout'])
        }
      })
    },
  },
)
export type PrometheusConfig = SettingsOf<typeof prometheusConfig>

const apiServer = defineSettings({
  enabled: attr(bool, 'Not supported: the admin server shows the targets.', { default: false }),
})

export const prometheusReceiverSettings = defineSettings(
  {
    config: block(prometheusConfig, 'A Prometheus configuration.', { required: true }),
    trim_metric_suffixes: attr(bool, 'Take type and unit off names.', { default: false }),
    api_server: block(apiServer, 'Not supported.'),
    target_allocator: block(
      defineSettings({ endpoint: attr(string, 'Not supported.', { default: '' }) }),
      'Not supported.',
    ),
    scrape_on_shutdown: attr(bool, 'Accepted, without effect.', { default: false }),
    discovery_reload_on_startup: attr(bool, 'Accepted: what is discovered counts at once.', { default: false }),
    initial_scrape_offset: attr(duration, 'Accepted: targets are spread over their interval.', { default: '0s' }),
    report_extra_scrape_metrics: attr(bool, 'Report timeout, sample limit and body size of each scrape.', {
      default: false,
    }),
    start_time_metric_regex: attr(string, 'Accepted, without effect: see the processor metric_start_time.', {
      default: '',
    }),
    use_start_time_metric: attr(bool, 'Accepted, without effect: see the processor metric_start_time.', {
      default: false,
    }),
  },
  {
    check: (s, report) => {
      reportUnsupported(report, {
        api_server: s.api_server?.enabled ?? false,
        target_allocator: s.target_allocator !== undefined,
      })
    },
  },
)
export type PrometheusReceiverSettings = SettingsOf<typeof prometheusReceiverSettings>
