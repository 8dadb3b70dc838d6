// The scrape engine's own metrics, under the names that Prometheus gives them.
import type { Count, Distribution, Instruments } from '#component'

export class ScrapeInstruments {
  readonly syncs: Count
  readonly syncsFailed: Count
  readonly reloads: Count
  readonly exceededTargetLimit: Count
  readonly exceededBodySize: Count
  readonly exceededSampleLimit: Count
  readonly exceededLabelLimits: Count
  readonly exceededBucketLimit: Count
  readonly duplicates: Count
  readonly outOfBounds: Count
  readonly intervalSeconds: Distribution
  readonly syncSeconds: Distribution

  constructor(instruments: Instruments, jobName: string) {
    const job = { scrape_job: jobName }
    const count = (name: string, help: string, attributes?: Record<string, string>): Count =>
      instruments.counter(`prometheus_target_${name}`, help, attributes)
    this.syncs = count('scrape_pool_sync_total', 'Total number of syncs that were executed on a scrape pool.', job)
    this.syncsFailed = count('sync_failed_total', 'Total number of target sync failures.', job)
    this.reloads = count('scrape_pool_reloads_total', 'Total number of scrape pool reloads.')
    this.exceededTargetLimit = count(
      'scrape_pool_exceeded_target_limit_total',
      'Total number of times scrape pools hit the target limit, during sync or config reload.',
    )
    this.exceededBodySize = count(
      'scrapes_exceeded_body_size_limit_total',
      'Total number of scrapes that hit the body size limit',
    )
    this.exceededSampleLimit = count(
      'scrapes_exceeded_sample_limit_total',
      'Total number of scrapes that hit the sample limit and were rejected.',
    )
    this.exceededLabelLimits = count(
      'scrape_pool_exceeded_label_limits_total',
      'Total number of times scrape pools hit the label limits, during sync or config reload.',
    )
    this.exceededBucketLimit = count(
      'scrapes_exceeded_native_histogram_bucket_limit_total',
      'Total number of scrapes that hit the native histogram bucket limit and were rejected.',
    )
    this.duplicates = count(
      'scrapes_sample_duplicate_timestamp_total',
      'Total number of samples rejected due to duplicate timestamps but different values.',
    )
    this.outOfBounds = count(
      'scrapes_sample_out_of_bounds_total',
      'Total number of samples rejected due to timestamp falling outside of the time bounds.',
    )
    this.intervalSeconds = instruments.histogram(
      'prometheus_target_interval_length_histogram_seconds',
      'Actual intervals between scrapes.',
      [0.01, 0.1, 1, 10, 60, 300, 600, 3600],
    )
    this.syncSeconds = instruments.histogram(
      'prometheus_target_sync_length_histogram_seconds',
      'Actual interval to sync the scrape pool.',
      [0.01, 0.1, 1, 10],
      job,
    )
  }
}
