// The door of the conversion between OTLP logs and Loki's streams.
export { streamsFromOtlp } from './from_otlp.ts'
export type { StreamsResult } from './from_otlp.ts'
export { otlpFromStreams } from './to_otlp.ts'
