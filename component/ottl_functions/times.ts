// Converters of times and durations.
import {
  defineConverter,
  Duration,
  durationGetter,
  type FunctionDefinition,
  intGetter,
  optional,
  OttlError,
  type OttlValue,
  stringGetter,
  stringLiteral,
  Time,
  timeGetter,
} from '#component/ottl'
import { DurationError, parseDurationNanos } from '#lib/go_duration'
import { quote } from '#lib/go_quote'
import { locationOf, type SeenOffset } from '#lib/go_time'
import { strftime, strptime, StrptimeError } from '#lib/strptime'
import { localZone, offsetAt } from '#lib/time_zone'

const second = 1_000_000_000n
/** What `Date` can hold, less two days for zones. */
const dateNanosMax = (8_640_000_000_000_000n - 172_800_000n) * 1_000_000n

/** Can a calendar's date be told of this moment? */
export function isDateable(unixNano: bigint): boolean {
  return unixNano <= dateNanosMax && unixNano >= -dateNanosMax
}

/** A date whose UTC fields are what clocks and calendars show at `time` in its zone. */
function wallDate({ unixNano, zone }: Time): Date {
  if (!isDateable(unixNano)) throw new OttlError(`the time is too far away: current value is ${unixNano}ns`)
  const ms = Number((unixNano - positiveRest(unixNano, 1_000_000n)) / 1_000_000n)
  return new Date(zone === 'UTC' ? ms : ms + offsetAt(zone, ms))
}

function positiveRest(value: bigint, divisor: bigint): bigint {
  const rest = value % divisor
  return rest < 0n ? rest + divisor : rest
}

function ofTime(name: string, part: (time: Time) => OttlValue): FunctionDefinition {
  return defineConverter({
    name,
    parameters: { time: timeGetter },
    create:
      ({ time }) =>
      (context) =>
        part(time(context)),
  })
}

function ofDate(name: string, part: (date: Date) => number): FunctionDefinition {
  return ofTime(name, (time) => BigInt(part(wallDate(time))))
}

/** `unit` nanoseconds since the epoch, rounded down; Go's result wraps around where it does not fit. */
function unix(name: string, unit: bigint): FunctionDefinition {
  return ofTime(name, ({ unixNano }) => BigInt.asIntN(64, (unixNano - positiveRest(unixNano, unit)) / unit))
}

function ofDuration(name: string, part: (nanos: bigint) => OttlValue): FunctionDefinition {
  return defineConverter({
    name,
    parameters: { duration: durationGetter },
    create:
      ({ duration }) =>
      (context) =>
        part(duration(context).nanos),
  })
}

/** A floating point number of units: the whole ones and the rest are divided apart, as Go does it. */
function units(unit: bigint): (nanos: bigint) => number {
  return (nanos) => Number(nanos / unit) + Number(nanos % unit) / Number(unit)
}

// ----------------------------------------------------------------------------------------------- making them

const duration = defineConverter({
  name: 'Duration',
  parameters: { duration: stringGetter },
  create({ duration: text }) {
    return (context) => {
      try {
        return new Duration(parseDurationNanos(text(context)))
      } catch (error) {
        throw error instanceof DurationError ? new OttlError(error.message) : error
      }
    }
  },
})

const fromUnix = defineConverter({
  name: 'Unix',
  parameters: { seconds: intGetter, nanoseconds: optional(intGetter) },
  create({ seconds, nanoseconds }) {
    const zone = localZone()
    return (context) =>
      new Time(seconds(context) * second + (nanoseconds === undefined ? 0n : nanoseconds(context)), zone)
  },
})

/** The system's time, or another clock's. */
function nowOf(nowMs: () => number): FunctionDefinition {
  return defineConverter({
    name: 'Now',
    readsContext: false,
    parameters: {},
    create() {
      const zone = localZone()
      return () => new Time(nanosOf(nowMs()), zone)
    },
  })
}

/** Milliseconds with a fraction, to the microsecond that a clock is good for. */
function nanosOf(ms: number): bigint {
  const whole = Math.floor(ms)
  return BigInt(whole) * 1_000_000n + BigInt(Math.floor((ms - whole) * 1000)) * 1000n
}

function timeOf(nowMs: () => number): FunctionDefinition {
  return defineConverter({
    name: 'Time',
    parameters: {
      time: stringGetter,
      format: stringLiteral,
      location: optional(stringLiteral),
      locale: optional(stringLiteral),
    },
    create({ time, format, location, locale }) {
      if (format === '') throw new OttlError('format cannot be nil')
      const { zone, read } = layoutErrors(() => ({
        zone: locationOf(location, format),
        read: strptime(format, { location, locale }),
      }))
      const seen: SeenOffset = { offsetSeconds: undefined }
      return (context) => {
        const text = time(context)
        if (text === '') throw new OttlError('time cannot be nil')
        seen.offsetSeconds = undefined
        const unixNano = read(text, nowMs(), seen)
        if (unixNano !== undefined) return new Time(unixNano, offsetZone(seen.offsetSeconds) ?? zone)
        throw new OttlError(`cannot read the time ${quote(text)} as ${quote(format)}`)
      }
    },
  })
}

/** `+02:00`; undefined where there is no offset, or one that no zone's name can say. */
function offsetZone(seconds: number | undefined): string | undefined {
  if (seconds === undefined || seconds % 60 !== 0 || Math.abs(seconds) >= 86_400) return undefined
  if (seconds === 0) return 'UTC'
  const minutes = Math.abs(seconds) / 60
  const hour = String(Math.floor(minutes / 60)).padStart(2, '0')
  return `${seconds < 0 ? '-' : '+'}${hour}:${String(minutes % 60).padStart(2, '0')}`
}

function layoutErrors<T>(use: () => T): T {
  try {
    return use()
  } catch (error) {
    throw error instanceof StrptimeError || error instanceof RangeError ? new OttlError(error.message) : error
  }
}

const formatTime = defineConverter({
  name: 'FormatTime',
  parameters: { time: timeGetter, format: stringLiteral },
  create({ time, format }) {
    if (format === '') throw new OttlError('format cannot be nil')
    const writers = new Map<string, (unixNano: bigint) => string>()
    layoutErrors(() => strftime(format))
    return (context) => {
      const { unixNano, zone } = time(context)
      if (!isDateable(unixNano)) throw new OttlError(`the time is too far away: current value is ${unixNano}ns`)
      let write = writers.get(zone)
      if (write === undefined) {
        write = strftime(format, zone)
        // Only a configuration names zones: there are few.
        writers.set(zone, write)
      }
      return write(unixNano)
    }
  },
})

/** Nanoseconds from the beginning of the year 1, which Go rounds from, to the epoch. */
const sinceYearOne = 62_135_596_800n * second

const truncateTime = defineConverter({
  name: 'TruncateTime',
  parameters: { time: timeGetter, duration: durationGetter },
  create({ time, duration: step }) {
    return (context) => {
      const given = time(context)
      const { nanos } = step(context)
      if (nanos <= 0n) return given
      return new Time(given.unixNano - positiveRest(given.unixNano + sinceYearOne, nanos), given.zone)
    }
  },
})

/** `nowMs` gives what time it is, in milliseconds since the epoch. */
export function timeConverters(nowMs: () => number): readonly FunctionDefinition[] {
  return [
    ofDate('Day', (date) => date.getUTCDate()),
    duration,
    formatTime,
    ofDate('Hour', (date) => date.getUTCHours()),
    ofDuration('Hours', units(3600n * second)),
    ofDuration('Microseconds', (nanos) => nanos / 1000n),
    ofDuration('Milliseconds', (nanos) => nanos / 1_000_000n),
    ofDate('Minute', (date) => date.getUTCMinutes()),
    ofDuration('Minutes', units(60n * second)),
    ofDate('Month', (date) => date.getUTCMonth() + 1),
    ofTime('Nanosecond', ({ unixNano }) => positiveRest(unixNano, second)),
    ofDuration('Nanoseconds', (nanos) => nanos),
    nowOf(nowMs),
    ofDate('Second', (date) => date.getUTCSeconds()),
    ofDuration('Seconds', units(second)),
    timeOf(nowMs),
    truncateTime,
    fromUnix,
    unix('UnixMicro', 1000n),
    unix('UnixMilli', 1_000_000n),
    unix('UnixNano', 1n),
    unix('UnixSeconds', second),
    ofDate('Weekday', (date) => date.getUTCDay()),
    ofDate('Year', (date) => date.getUTCFullYear()),
  ]
}
