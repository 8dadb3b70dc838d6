// Bucket boundaries that are written as durations.

/** What span metrics and service graphs have where no boundaries are written. */
export const defaultDurationBuckets = [
  '2ms',
  '4ms',
  '6ms',
  '8ms',
  '10ms',
  '50ms',
  '100ms',
  '200ms',
  '400ms',
  '800ms',
  '1s',
  '1400ms',
  '2s',
  '5s',
  '10s',
  '15s',
] as const

/** Boundaries in a unit of `unitMs` milliseconds, rising and each once, in whichever order they were written. */
export function durationBounds(bucketsMs: readonly number[], unitMs: number): readonly number[] {
  // By nanoseconds, so that 2 ms are 0.002 s and not what dividing makes of it.
  return [...new Set(bucketsMs)].toSorted((a, b) => a - b).map((ms) => Math.round(ms * 1e6) / (unitMs * 1e6))
}
