// What a scrape is told: the settings of a scrape component, decoded.
import type { SampleLabelsOptions } from './sample_labels.ts'
import type { TargetDefaults } from './target.ts'

export const ScrapeProtocol = {
  PrometheusProto: 'PrometheusProto',
  'PrometheusText0.0.4': 'PrometheusText0.0.4',
  'PrometheusText1.0.0': 'PrometheusText1.0.0',
  'OpenMetricsText0.0.1': 'OpenMetricsText0.0.1',
  'OpenMetricsText1.0.0': 'OpenMetricsText1.0.0',
} as const
export type ScrapeProtocol = (typeof ScrapeProtocol)[keyof typeof ScrapeProtocol]

export interface ScrapeConfig extends TargetDefaults, SampleLabelsOptions {
  readonly honorTimestamps: boolean
  readonly honorMetadata: boolean
  readonly trackTimestampsStaleness: boolean
  readonly typeAndUnitLabels: boolean
  readonly startTimestamps: boolean
  /** Report the time limit, the sample limit and the body's size as series, too. */
  readonly extraMetrics: boolean
  /** 0: no limit. */
  readonly sampleLimit: number
  readonly targetLimit: number
  readonly bodySizeLimitBytes: number
  readonly bucketLimit: number
  /** The growth from one bucket to the next that native histograms shall have at least; up to 1: any. */
  readonly minBucketFactor: number
  /** In the order of preference. */
  readonly protocols: readonly ScrapeProtocol[]
  /** Taken where a target does not say what it sends; `''`: such a scrape fails. */
  readonly fallbackProtocol: ScrapeProtocol | ''
  readonly escaping: string
  readonly compression: boolean
  /** `''`: none. */
  readonly failureLogFile: string
}

/** Does a change from `a` to `b` change what series become? Then what is remembered of them is no use. */
export function sameReading(a: ScrapeConfig, b: ScrapeConfig): boolean {
  const keys = [
    'honorLabels',
    'labelLimit',
    'labelNameLengthLimit',
    'labelValueLengthLimit',
    'nameScheme',
    'honorTimestamps',
    'honorMetadata',
    'trackTimestampsStaleness',
    'typeAndUnitLabels',
    'startTimestamps',
    'sampleLimit',
    'bucketLimit',
    'minBucketFactor',
  ] as const
  return keys.every((key) => a[key] === b[key])
}

/**
 * The finest schema whose buckets grow by at least `factor` (Prometheus scrape/scrape.go, pickSchema): 8, the finest there
 * is, for factors up to 1.
 */
export function schemaMaxFor(factor: number): number {
  if (factor <= 1) return 8
  const schema = Math.floor(-Math.log2(Math.log2(factor)))
  return Math.min(8, Math.max(-4, schema))
}
