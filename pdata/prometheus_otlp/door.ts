// The door of the conversion between OTLP metrics and Prometheus's series.
export { labelName, metricName, unitFromName, unitName } from './names.ts'
export type { NameKind, NameOptions } from './names.ts'
export { ConvertDrop, OtlpToSeries, otlpToSeriesDefaults } from './from_otlp.ts'
export type { OtlpToSeriesOptions, SeriesResult } from './from_otlp.ts'
export { SeriesToOtlp } from './to_otlp.ts'
export type { OtlpResult, SeriesToOtlpOptions } from './to_otlp.ts'
