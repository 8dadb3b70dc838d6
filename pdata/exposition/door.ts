// The door of the expositions: the text formats and protobuf, read with a memory per target, and the text formats written.
export { Columns, LimitError } from './columns.ts'
export type { ColumnsOptions, ReadExemplar } from './columns.ts'
export { formatGoFloat, formatOpenMetricsFloat, NumberScanner, parseGoFloat } from './go_float.ts'
export { ExpositionError } from './line.ts'
export { customBucketHistogram, limitedHistogram } from './native_histogram.ts'
export { ExpositionFormat, SeriesCache } from './series_cache.ts'
export type { SeriesCacheOptions } from './series_cache.ts'
export { exemplarText, TextFormat, textContentTypes, TextWriter } from './text_writer.ts'
