// Metric types as numbers in remote write: the same ones in both versions.
import { MetricType } from '../series.ts'

/** In the order of the protocol's enumeration: 0 unknown … 7 stateset. */
const types: readonly MetricType[] = [
  MetricType.unknown,
  MetricType.counter,
  MetricType.gauge,
  MetricType.histogram,
  MetricType.gaugehistogram,
  MetricType.summary,
  MetricType.info,
  MetricType.stateset,
]

export function metricTypeNumber(type: MetricType): number {
  return Math.max(0, types.indexOf(type))
}

/** The type of a number on the wire; numbers that are not known mean `unknown`. */
export function metricTypeOf(number: number): MetricType {
  return types[number] ?? MetricType.unknown
}
