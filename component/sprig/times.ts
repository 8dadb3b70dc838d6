// Sprig's functions for dates and durations, and the methods of times that templates can call.
import { parseGoDuration } from '#component'
import { fault, type TemplateFunctions, TemplateObject, type TemplateValue, textOf } from '#component/go_template'
import { compileLayout, dayNames, monthNames } from '#lib/go_layout'
import { goTimeReader, timeWriter } from '#lib/go_time'
import { isZone, localZone, offsetAt } from '#lib/time_zone'
import { fixed } from './define.ts'

type Value = TemplateValue

const million = 1_000_000n
const billion = 1_000_000_000n

/** A time, shown in a zone. */
class GoTime extends TemplateObject {
  readonly type = 'time.Time'
  readonly ns: bigint
  readonly zone: string

  constructor(ns: bigint, zone: string) {
    super()
    this.ns = ns
    this.zone = zone
  }

  format(layout: string): string {
    return writer(layout, this.zone)(this.ns)
  }

  toString(): string {
    return this.format('2006-01-02 15:04:05.999999999 -0700 MST')
  }

  member(name: string, given: readonly Value[]): Value | undefined {
    if (name === 'Format') return this.format(textOf(given[0]))
    if (name === 'UTC') return new GoTime(this.ns, 'UTC')
    if (name === 'Local') return new GoTime(this.ns, localZone())
    if (name === 'String') return this.toString()
    if (name === 'IsZero') return this.ns === zeroTimeNs
    if (name === 'Unix') return floorDiv(this.ns, billion)
    if (name === 'UnixMilli') return floorDiv(this.ns, million)
    if (name === 'UnixMicro') return floorDiv(this.ns, 1000n)
    if (name === 'UnixNano') return this.ns
    if (name === 'Nanosecond') return this.ns - floorDiv(this.ns, billion) * billion
    const ms = Number(floorDiv(this.ns, million))
    const wall = new Date(ms + offsetAt(this.zone, ms))
    const read: Readonly<Record<string, () => Value>> = {
      Year: () => BigInt(wall.getUTCFullYear()),
      Month: () => monthNames[wall.getUTCMonth()] as string,
      Day: () => BigInt(wall.getUTCDate()),
      Hour: () => BigInt(wall.getUTCHours()),
      Minute: () => BigInt(wall.getUTCMinutes()),
      Second: () => BigInt(wall.getUTCSeconds()),
      Weekday: () => dayNames[wall.getUTCDay()] as string,
      YearDay: () =>
        BigInt(Math.floor((wall.getTime() - new Date(0).setUTCFullYear(wall.getUTCFullYear(), 0, 1)) / 86_400_000) + 1),
    }
    return Object.hasOwn(read, name) ? read[name]?.() : undefined
  }
}

/** The first of January of the year 1: Go's time of nothing. */
const zeroTimeNs = -62_135_596_800n * billion

function floorDiv(a: bigint, b: bigint): bigint {
  return a >= 0n ? a / b : -((-a + b - 1n) / b)
}

const writers = new Map<string, (ns: bigint) => string>()
const rememberedMax = 32

/** Layouts are mostly constants: the last ones stay compiled. */
function writer(layout: string, zone: string): (ns: bigint) => string {
  const key = `${zone}\n${layout}`
  let write = writers.get(key)
  if (write === undefined) {
    if (writers.size >= rememberedMax) writers.clear()
    write = timeWriter(compileLayout(layout), zone)
    writers.set(key, write)
  }
  return write
}

function zoneOf(name: Value): string {
  const zone = textOf(name)
  if (zone === 'Local') return localZone()
  return zone !== '' && isZone(zone) ? zone : 'UTC'
}

function durationNs(text: Value): bigint | undefined {
  const ms = parseGoDuration(textOf(text))
  return ms === undefined ? undefined : BigInt(Math.round(ms * 1_000_000))
}

/** As Go writes durations: `1h2m3s`, `1.5s`, `0s`. Whole seconds. */
function durationText(seconds: bigint): string {
  if (seconds === 0n) return '0s'
  const size = seconds < 0n ? -seconds : seconds
  const [hours, minutes] = [size / 3600n, (size / 60n) % 60n]
  const long = hours > 0n ? `${hours}h${minutes}m` : minutes > 0n ? `${minutes}m` : ''
  return `${seconds < 0n ? '-' : ''}${long}${size % 60n}s`
}

const units: readonly (readonly [name: string, seconds: bigint])[] = [
  ['y', 31_536_000n],
  ['mo', 2_592_000n],
  ['d', 86_400n],
  ['h', 3600n],
  ['m', 60n],
  ['s', 1n],
]

function roughly(ns: bigint): string {
  const size = ns < 0n ? -ns : ns
  for (const [name, seconds] of units) if (size > seconds * billion) return `${size / (seconds * billion)}${name}`
  return '0s'
}

function parsed(layout: Value, text: Value): GoTime | undefined {
  try {
    const ns = goTimeReader(textOf(layout), 'Local')(textOf(text), 0)
    return ns === undefined ? undefined : new GoTime(ns, localZone())
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function modified(by: Value, time: Value): Value | undefined {
  if (!(time instanceof GoTime)) return fault('wrong type for value; expected time.Time')
  const ns = durationNs(by)
  return ns === undefined ? undefined : new GoTime(time.ns + ns, time.zone)
}

export function timeFunctions({ now }: { now(): number }): TemplateFunctions {
  const nowNs = (): bigint => BigInt(Math.round(now() * 1000)) * 1000n
  const nsOf = (date: Value): bigint =>
    date instanceof GoTime ? date.ns : typeof date === 'bigint' ? date * billion : nowNs()
  const inZone = fixed((layout, date, zone) => writer(textOf(layout), zoneOf(zone))(nsOf(date)))
  const modify = fixed((by, time) => modified(by, time) ?? time)
  const mustModify = fixed((by, time) => modified(by, time) ?? fault('invalid duration'))
  return {
    ago: fixed((date) => durationText((nowNs() - nsOf(date) + billion / 2n) / billion)),
    date: fixed((layout, date) => writer(textOf(layout), localZone())(nsOf(date))),
    date_in_zone: inZone,
    dateInZone: inZone,
    date_modify: modify,
    dateModify: modify,
    must_date_modify: mustModify,
    mustDateModify: mustModify,
    duration: fixed((seconds) => {
      if (typeof seconds === 'string') return durationText(/^[+-]?\d+$/.test(seconds) ? BigInt(seconds) : 0n)
      return durationText(typeof seconds === 'bigint' ? seconds : 0n)
    }),
    durationRound: fixed((value) => {
      if (value instanceof GoTime) return roughly(nowNs() - value.ns)
      return roughly(typeof value === 'string' ? (durationNs(value) ?? 0n) : typeof value === 'bigint' ? value : 0n)
    }),
    htmlDate: fixed((date) => writer('2006-01-02', localZone())(nsOf(date))),
    htmlDateInZone: fixed((date, zone) => writer('2006-01-02', zoneOf(zone))(nsOf(date))),
    mustToDate: fixed((layout, text) => parsed(layout, text) ?? fault('cannot parse the time')),
    now: fixed(() => new GoTime(nowNs(), localZone())),
    toDate: fixed((layout, text) => parsed(layout, text) ?? new GoTime(zeroTimeNs, 'UTC')),
    unixEpoch: fixed((date) => {
      if (!(date instanceof GoTime)) return fault('wrong type for value; expected time.Time')
      return String(floorDiv(date.ns, billion))
    }),
  }
}
