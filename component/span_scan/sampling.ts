// How many spans one span stands for that was sampled by consistent probability.

/** 2^56: thresholds are fractions of this. */
const thresholdUnit = 2 ** 56

/**
 * The count that the `th` of OpenTelemetry's entry in a trace state stands for (`ot=th:8` is 2); undefined where there is
 * none, or none that can be. Specification: trace state, probability sampling.
 */
export function adjustedCount(traceState: string): number | undefined {
  const entry = /(?:^|,)[ \t]*ot=([^,]*)/.exec(traceState)?.[1]
  const digits = entry === undefined ? undefined : /(?:^|;)th:([0-9a-f]{1,14})(?:;|[ \t]*$)/.exec(entry)?.[1]
  if (digits === undefined) return undefined
  const threshold = Number.parseInt(digits.padEnd(14, '0'), 16)
  return thresholdUnit / (thresholdUnit - threshold)
}

/** A whole number whose mean is `count`. `random`: in [0, 1). */
export function wholeOf(count: number, random: () => number): number {
  const whole = Math.floor(count)
  return count > whole && random() < count - whole ? whole + 1 : whole
}
