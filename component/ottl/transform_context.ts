// Where among a batch's messages the statements stand: what paths read and write.
import type { ClientContext } from '#pdata'
import type {
  ExponentialHistogramPoint,
  HistogramPoint,
  KeyValueList,
  LogRecord,
  Metric,
  NumberPoint,
  ResourceLogs,
  ResourceMetrics,
  ResourceSpans,
  ScopeLogs,
  ScopeMetrics,
  ScopeSpans,
  Span,
  SpanEvent,
  SummaryPoint,
} from '#pdata/otlp'

export type DataPoint = NumberPoint | HistogramPoint | ExponentialHistogramPoint | SummaryPoint
export type ResourceHolder = ResourceSpans | ResourceLogs | ResourceMetrics
export type ScopeHolder = ScopeSpans | ScopeLogs | ScopeMetrics

/**
 * One object for a whole batch: who walks it sets the fields of the level it stands at and those above; the closures of a
 * context read only these. What is below stays as it was and is not read.
 */
export class TransformContext {
  resource: ResourceHolder | null = null
  scope: ScopeHolder | null = null
  span: Span | null = null
  event: SpanEvent | null = null
  eventIndex = 0
  metric: Metric | null = null
  point: DataPoint | null = null
  log: LogRecord | null = null
  /** What `cache` leads to. */
  cache: KeyValueList | null = null
  /** The client that sent the batch, where a receiver was told to say. */
  client: ClientContext | null = null
}
