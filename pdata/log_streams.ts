// Logs in the Loki view: label sets with lines, in columns.
import type { Labels } from './series.ts'

/**
 * Lines of one label set, in the order in which they were read. Immutable once handed on. Loki has no `__name__`; labels
 * whose names begin with `__` are for the way and are dropped before sending.
 */
export class LogStream {
  readonly labels: Labels
  /** Nanoseconds since the epoch, one per line. */
  readonly timestampsNs: BigInt64Array
  readonly lines: readonly string[]
  /** Structured metadata, one per line (null: none), or null: none at all. */
  readonly metadata: readonly (Labels | null)[] | null

  constructor(
    labels: Labels,
    timestampsNs: BigInt64Array,
    lines: readonly string[],
    metadata: readonly (Labels | null)[] | null,
  ) {
    this.labels = labels
    this.timestampsNs = timestampsNs
    this.lines = lines
    this.metadata = metadata
  }
}
