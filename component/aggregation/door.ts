// The door of what connectors that make metrics share: histograms that are observed into, and the regular sending.
export { ExplicitHistogram } from './explicit_histogram.ts'
export { ExponentialHistogram } from './exponential_histogram.ts'
export { MetricsEmitter } from './emitter.ts'
export { defaultDurationBuckets, durationBounds } from './buckets.ts'
export { madeMetric, madeResource, nanosOf, overflowMark } from './points.ts'
export { randomUuid } from './random_uuid.ts'
