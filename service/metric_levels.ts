// Which of the process's own metrics each level of `service.telemetry.metrics` shows.

export type MetricLevel = 'none' | 'basic' | 'normal' | 'detailed'

/** Series under Alloy's names, and those of its process, are none of the collector's. */
const otherNames = /^(alloy|process|go|solder)_/
/** Upstream drops these below `detailed`: what its HTTP and gRPC libraries count, and the sizes of batches. */
const detailedNames =
  /^(?:(?:http|rpc)_(?:client|server)_|otelcol_processor_batch_batch_send_size_bytes$|otelcol_exporter_(?:queue_batch_send|enqueue)_size(?:_bytes)?$|otelcol_processor_internal_duration)/
/** And these below `normal`. */
const normalNames = /^otelcol_processor_batch_/

export function shownAtLevel(level: MetricLevel, name: string): boolean {
  if (level === 'none' || otherNames.test(name)) return false
  if (level === 'detailed') return true
  return !detailedNames.test(name) && (level === 'normal' || !normalNames.test(name))
}
