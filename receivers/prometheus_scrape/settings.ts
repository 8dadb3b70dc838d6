// The settings of prometheus.scrape.
import {
  attr,
  block,
  bool,
  byteSize,
  defineSettings,
  duration,
  float,
  list,
  map,
  metricsReceiver,
  string,
  target,
  uint,
} from '#component'
import type { Report, SettingsOf } from '#component'
import { checkHttpClient, httpClientFields } from '#component/http_client'
import { ScrapeProtocol } from '#component/scrape'

export const defaultProtocols: readonly ScrapeProtocol[] = [
  'OpenMetricsText1.0.0',
  'OpenMetricsText0.0.1',
  'PrometheusText1.0.0',
  'PrometheusText0.0.4',
]
export const nativeProtocols: readonly ScrapeProtocol[] = ['PrometheusProto', ...defaultProtocols]

const clustering = defineSettings({
  enabled: attr(bool, 'Share the targets among the nodes of a cluster; this process is a cluster of one.', {
    required: true,
  }),
})

export const scrapeSettings = defineSettings(
  {
    targets: attr(list(target), 'Targets to scrape.', { required: true }),
    forward_to: attr(list(metricsReceiver), 'Where the samples go.', { required: true }),
    job_name: attr(string, 'The job label of targets without one; by default the id of the component.', {
      default: '',
    }),
    scrape_interval: attr(duration, 'How often to scrape each target.', { default: '1m' }),
    scrape_timeout: attr(duration, 'How long a scrape may take.', { default: '10s' }),
    metrics_path: attr(string, 'The path of targets that do not name one.', { default: '/metrics' }),
    scheme: attr(string, 'The scheme of targets that do not name one.', { default: 'http' }),
    params: attr(map(list(string)), 'Query parameters.', { default: {} }),
    honor_labels: attr(bool, 'Where a series and its target have the same label, keep that of the series.', {
      default: false,
    }),
    honor_timestamps: attr(bool, 'Keep the timestamps that targets give.', { default: true }),
    track_timestamps_staleness: attr(bool, 'Mark series with timestamps of their own stale, too.', { default: false }),
    honor_metadata: attr(bool, 'Hand on type, help and unit.', { default: false, stability: 'experimental' }),
    enable_type_and_unit_labels: attr(bool, 'Add type and unit as the labels __type__ and __unit__.', {
      default: false,
      stability: 'experimental',
    }),
    start_timestamp_zero_ingestion: attr(bool, 'Begin counters with a zero at the time when they were created.', {
      default: false,
      stability: 'experimental',
    }),
    extra_metrics: attr(bool, 'Report timeout, sample limit and body size of each scrape.', { default: false }),
    scrape_protocols: attr(list(string), 'The formats to ask for, the best first.', { default: defaultProtocols }),
    scrape_fallback_protocol: attr(string, 'The format to assume where a target does not tell.', {
      default: 'PrometheusText0.0.4',
    }),
    enable_protobuf_negotiation: attr(bool, 'Ask for protobuf; use scrape_protocols instead.', { default: false }),
    scrape_native_histograms: attr(bool, 'Read native histograms.', { default: false }),
    scrape_classic_histograms: attr(bool, 'Keep the classic series of native histograms.', { default: false }),
    convert_classic_histograms_to_nhcb: attr(bool, 'Turn classic histograms into native ones with custom buckets.', {
      default: false,
    }),
    native_histogram_bucket_limit: attr(uint, 'Merge buckets of native histograms with more; 0: no limit.', {
      default: 0,
    }),
    native_histogram_min_bucket_factor: attr(float, 'Merge buckets that grow by less than this; 0: none.', {
      default: 0,
    }),
    metric_name_validation_scheme: attr(string, 'Names that metrics and labels may have: legacy or utf8.', {
      default: 'legacy',
    }),
    metric_name_escaping_scheme: attr(
      string,
      'How targets shall write other names: underscores (default), dots, values or allow-utf-8.',
      { default: '' },
    ),
    body_size_limit: attr(byteSize, 'Bytes of an uncompressed body from which on the scrape fails; 0: no limit.', {
      default: '0',
    }),
    sample_limit: attr(uint, 'Samples above which the scrape fails; 0: no limit.', { default: 0 }),
    target_limit: attr(uint, 'Targets above which all scrapes fail; 0: no limit.', { default: 0 }),
    label_limit: attr(uint, 'Labels of a series above which the scrape fails; 0: no limit.', { default: 0 }),
    label_name_length_limit: attr(uint, 'Bytes of a label name above which the scrape fails; 0: no limit.', {
      default: 0,
    }),
    label_value_length_limit: attr(uint, 'Bytes of a label value above which the scrape fails; 0: no limit.', {
      default: 0,
    }),
    enable_compression: attr(bool, 'Ask for compressed bodies.', { default: true }),
    scrape_failure_log_file: attr(string, 'File to which failed scrapes are written, one JSON object per line.', {
      default: '',
    }),
    ...httpClientFields(),
    clustering: block(clustering, 'Clustering.'),
  },
  { check: (settings, report) => check(settings, report) },
)
export type ScrapeSettings = SettingsOf<typeof scrapeSettings>

const nameSchemes = ['utf8', 'legacy']
const escapingSchemes = ['allow-utf-8', 'underscores', 'dots', 'values']
const quote = (text: string): string => JSON.stringify(text)

/** What is not allowed together, in Alloy's order and words. */
function check(s: ScrapeSettings, report: Report): void {
  if (s.scrape_timeout > s.scrape_interval) {
    const values = `scrape_timeout (${goDuration(s.scrape_timeout)}) greater than scrape_interval (${goDuration(s.scrape_interval)})`
    report(`${values} for scrape config with job name ${quote(s.job_name)}`, ['scrape_timeout'])
  }
  if (s.scrape_interval <= 0) report('scrape_interval must be greater than 0', ['scrape_interval'])
  else if (s.scrape_timeout <= 0) report('scrape_timeout must be greater than 0', ['scrape_timeout'])
  checkProtocols(s, report)
  checkSchemes(s, report)
  checkHttpClient(s, report)
}

const isDefault = (protocols: readonly string[]): boolean =>
  protocols.length === defaultProtocols.length && protocols.every((p, i) => p === defaultProtocols[i])

function checkProtocols(s: ScrapeSettings, report: Report): void {
  if (s.enable_protobuf_negotiation && !isDefault(s.scrape_protocols)) {
    const message = 'both enable_protobuf_negotiation and scrape_protocols are set, only one can be set at a time'
    report(message, ['enable_protobuf_negotiation'])
    return
  }
  const seen = new Set<string>()
  for (const [i, protocol] of s.scrape_protocols.entries()) {
    const known = Object.hasOwn(ScrapeProtocol, protocol)
    if (!known) report(`invalid scrape protocol ${quote(protocol)}: ${protocolChoice}`, ['scrape_protocols', i])
    else if (seen.has(protocol)) {
      const why = 'make sure the scrape protocols provided are unique'
      report(`duplicate scrape protocol ${quote(protocol)}: ${why}`, ['scrape_protocols', i])
    }
    seen.add(protocol)
  }
  if (s.scrape_native_histograms && !isDefault(s.scrape_protocols) && !seen.has('PrometheusProto')) {
    const message = 'scrape_native_histograms is set to true, but PrometheusProto is not in scrape_protocols'
    report(message, ['scrape_native_histograms'])
  }
  const fallback = s.scrape_fallback_protocol
  if (fallback !== '' && !Object.hasOwn(ScrapeProtocol, fallback)) {
    report(`invalid scrape_fallback_protocol ${quote(fallback)}: ${protocolChoice}`, ['scrape_fallback_protocol'])
  }
}

const protocolChoice = `must be one of ${Object.keys(ScrapeProtocol).sort().join(', ')}`

function checkSchemes(s: ScrapeSettings, report: Report): void {
  const { metric_name_validation_scheme: names, metric_name_escaping_scheme: escaping } = s
  if (!nameSchemes.includes(names)) {
    const message = `invalid metric_name_validation_scheme ${quote(names)}: must be either "utf8" or "legacy"`
    report(message, ['metric_name_validation_scheme'])
  }
  if (escaping !== '' && !escapingSchemes.includes(escaping)) {
    const message = `invalid metric_name_escaping_scheme: ${quote(escaping)}, supported values: [${escapingSchemes.join(' ')}]`
    report(message, ['metric_name_escaping_scheme'])
  }
  if (escaping === 'allow-utf-8' && names !== 'utf8') {
    const message =
      "metric_name_escaping_scheme cannot be set to 'allow-utf-8' while metric_name_validation_scheme is not set to 'utf8'"
    report(message, ['metric_name_escaping_scheme'])
  }
}

/** `1m0s`, as Go shows a duration. */
function goDuration(ms: number): string {
  if (ms < 1000) return `${ms}ms`
  const hours = Math.floor(ms / 3_600_000)
  const minutes = Math.floor((ms % 3_600_000) / 60_000)
  const seconds = `${(ms % 60_000) / 1000}s`
  if (hours > 0) return `${hours}h${minutes}m${seconds}`
  return minutes > 0 ? `${minutes}m${seconds}` : seconds
}
