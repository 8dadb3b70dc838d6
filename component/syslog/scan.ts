// What the parsers of both formats read alike: priorities, runs of characters, times of day.

export const Byte = {
  tab: 9,
  newline: 10,
  return: 13,
  space: 32,
  quote: 34,
  star: 42,
  dash: 45,
  dot: 46,
  zero: 48,
  nine: 57,
  colon: 58,
  less: 60,
  equals: 61,
  greater: 62,
  bracket: 91,
  backslash: 92,
  bracketEnd: 93,
} as const

export function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= Byte.zero && byte <= Byte.nine
}

/** The value of `count` digits at `at`; -1: there are not so many. */
export function digits(bytes: Buffer, at: number, count: number, end: number): number {
  if (at + count > end) return -1
  let value = 0
  for (let i = at; i < at + count; i++) {
    const byte = bytes[i] as number
    if (!isDigit(byte)) return -1
    value = value * 10 + byte - Byte.zero
  }
  return value
}

/** Behind the printable ASCII characters (no space) from `at` on. */
export function printableEnd(bytes: Buffer, at: number, end: number): number {
  let i = at
  while (i < end) {
    const byte = bytes[i] as number
    if (byte < 0x21 || byte > 0x7e) break
    i++
  }
  return i
}

/** A priority as it was read: `priority * 8 + bytes`. */
const notFound = -1

/**
 * `<0>` to `<191>` at `at`, without leading zeros (RFC 5424, 6.2.1): `priority * 8 +` the bytes it takes. -1: there is none.
 */
export function scanPriority(bytes: Buffer, at: number, end: number): number {
  if (at >= end || bytes[at] !== Byte.less) return notFound
  let i = at + 1
  let value = 0
  while (i < end && i < at + 4 && isDigit(bytes[i])) value = value * 10 + (bytes[i++] as number) - Byte.zero
  const length = i - at - 1
  if (length === 0 || value > 191 || i >= end || bytes[i] !== Byte.greater) return notFound
  if (length > 1 && bytes[at + 1] === Byte.zero) return notFound
  return value * 8 + length + 2
}

/** Seconds of the day of `hh:mm:ss` at `at`; -1: there is no such time. */
export function scanTimeOfDay(bytes: Buffer, at: number, end: number): number {
  const hours = digits(bytes, at, 2, end)
  const minutes = digits(bytes, at + 3, 2, end)
  const seconds = digits(bytes, at + 6, 2, end)
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || seconds < 0 || seconds > 59) return -1
  if (bytes[at + 2] !== Byte.colon || bytes[at + 5] !== Byte.colon) return -1
  return hours * 3600 + minutes * 60 + seconds
}

/** Behind a fraction of a second at `at`, a dot with one to six digits; `at` where there is none. */
export function fractionEnd(bytes: Buffer, at: number, end: number): number {
  if (at >= end || bytes[at] !== Byte.dot) return at
  let i = at + 1
  while (i < end && i < at + 7 && isDigit(bytes[i])) i++
  return i === at + 1 ? at : i
}

/** Microseconds of the fraction between `at` (its dot) and `end`. */
export function fractionMicroseconds(bytes: Buffer, at: number, end: number): number {
  let value = 0
  for (let i = at + 1; i < at + 7; i++) value = value * 10 + (i < end ? (bytes[i] as number) - Byte.zero : 0)
  return value
}

/** Days of a month; year 0 is one with a 29 February. */
export function daysOfMonth(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
}

/** Milliseconds since the epoch of the day's begin; years below 100 are those years. */
export function dayMs(year: number, month: number, day: number): number {
  return new Date(0).setUTCFullYear(year, month - 1, day)
}
