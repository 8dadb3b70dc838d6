// The door of pdata: telemetry as data. Codecs have doors of their own (`#pdata/exposition`, `#pdata/remote_write`).
export {
  labelsEqual,
  labelsFrom,
  labelsText,
  labelValue,
  Metadata,
  MetricType,
  normalNaNBits,
  noteOf,
  Series,
  SeriesBatch,
  SeriesLayout,
  setNote,
  SlotFlag,
  staleBits,
} from './series.ts'
export type { HistogramSpan, Labels, NativeHistogram, Notable, SeriesBatchColumns, SlotExemplar } from './series.ts'
export type { ClientContext } from './client_context.ts'
export { LogStream } from './log_streams.ts'
export { Metrics } from './metrics.ts'
export { Logs, Traces } from './signals.ts'
export type { WireChunks } from './signals.ts'
