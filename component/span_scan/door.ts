// The door of what connectors and the tail sampler share to look at spans without decoding them.
export { AttributeNames } from './attribute_names.ts'
export { adjustedCount, wholeOf } from './sampling.ts'
export { durationNanos, SpanScan, word } from './span_scan.ts'
