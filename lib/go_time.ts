// Reads and writes times by layouts as Go's package time has them (`2006-01-02 15:04:05`), and by names of layouts.
import { compileLayout, hasYear, type LayoutStep, readLayout, TimeParts, writeLayout } from './go_layout.ts'
import { abbreviationOffsetMs, isZone, localZone, offsetAt, zoneOffsetMs } from './time_zone.ts'

const layouts: Readonly<Record<string, string>> = {
  ANSIC: 'Mon Jan _2 15:04:05 2006',
  UnixDate: 'Mon Jan _2 15:04:05 MST 2006',
  RubyDate: 'Mon Jan 02 15:04:05 -0700 2006',
  RFC822: '02 Jan 06 15:04 MST',
  RFC822Z: '02 Jan 06 15:04 -0700',
  RFC850: 'Monday, 02-Jan-06 15:04:05 MST',
  RFC1123: 'Mon, 02 Jan 2006 15:04:05 MST',
  RFC1123Z: 'Mon, 02 Jan 2006 15:04:05 -0700',
  RFC3339: '2006-01-02T15:04:05Z07:00',
  RFC3339Nano: '2006-01-02T15:04:05.999999999Z07:00',
}

const billion = 1_000_000_000n

/** What a reader tells besides the time, where it is given one to write into. */
export interface SeenOffset {
  /** East of UTC, as the text says; undefined where it says none. */
  offsetSeconds: number | undefined
}

/** Nanoseconds since the epoch; undefined: not such a time. `nowMs` gives the year where the layout has none. */
export type TimeReader = (text: string, nowMs: number, seen?: SeenOffset) => bigint | undefined

/**
 * A reader as Loki's stages have it, for the name of a layout, `Unix`, `UnixMs`, `UnixUs`, `UnixNs`, or a layout. `zone`
 * (IANA) is where times of layouts without an offset are; UTC where undefined. Names of layouts are always read in UTC,
 * as in Alloy. Of abbreviations of zones only UTC and GMT count. Throws `RangeError` for a zone that there is not.
 */
export function timeReader(format: string, zone: string | undefined): TimeReader {
  if (zone !== undefined && zone !== '') new Intl.DateTimeFormat('en-US', { timeZone: zone })
  const perUnit: Readonly<Record<string, bigint>> = { UnixMs: 1_000_000n, UnixUs: 1000n, UnixNs: 1n }
  const factor = Object.hasOwn(perUnit, format) ? perUnit[format] : undefined
  if (factor !== undefined)
    return (text) => inRange(/^[+-]?\d+$/.test(text) ? BigInt(text.replace('+', '')) * factor : undefined)
  if (format === 'Unix') return (text) => inRange(unixSeconds(text))
  const named = Object.hasOwn(layouts, format) ? layouts[format] : undefined
  const steps = compileLayout(named ?? format)
  const isYearKnown = named !== undefined || format.includes('06')
  const where = named === undefined && zone !== undefined && zone !== '' ? zone : 'UTC'
  const parts = new TimeParts()
  return (text, nowMs) => {
    if (!readLayout(steps, text, parts)) return undefined
    if (!isYearKnown) parts.year = yearNear(parts, nowMs)
    if (parts.zoneName === 'GMT') parts.offsetSeconds = 0
    const wallMs = parts.wallMs()
    return toNanoseconds(parts, wallMs, offsetMsOf(parts, where, wallMs))
  }
}

function unixSeconds(text: string): bigint | undefined {
  const found = /^([+-]?\d+)(?:\.(\d+))?$/.exec(text)
  if (found === null) return undefined
  const fraction = found[2] === undefined ? 0n : BigInt(found[2].padEnd(9, '0').slice(0, 9))
  return BigInt((found[1] as string).replace('+', '')) * billion + fraction
}

/** Only what fits 64 bits is a time that can be sent. */
function inRange(ns: bigint | undefined): bigint | undefined {
  return ns === undefined || BigInt.asIntN(64, ns) !== ns ? undefined : ns
}

function offsetMsOf({ offsetSeconds }: TimeParts, zone: string, wallMs: number): number {
  return offsetSeconds === undefined ? zoneOffsetMs(zone, wallMs) : offsetSeconds * 1000
}

function toNanoseconds({ nanosecond }: TimeParts, wallMs: number, offsetMs: number): bigint | undefined {
  return inRange(BigInt(wallMs - offsetMs) * 1_000_000n + BigInt(nanosecond))
}

/** The year for a time that has none: now's, but December's is last year's in January, and the other way round. */
function yearNear({ month }: TimeParts, nowMs: number): number {
  const now = new Date(nowMs)
  const year = now.getUTCFullYear()
  const thisMonth = now.getUTCMonth() + 1
  if (month === 12 && thisMonth === 1) return year - 1
  if (month === 1 && thisMonth === 12) return year + 1
  return year
}

/**
 * A reader as the collector's operators have it (internal/coreinternal/timeutils): abbreviations of zones are looked up, a
 * time without a year is of this year (without a date of its first day), or of the last where it would else be more than
 * a week ahead. `zone` as `locationOf` gives it.
 */
export function collectorReader(steps: readonly LayoutStep[], zone: string): TimeReader {
  const parts = new TimeParts()
  const isYearKnown = hasYear(steps)
  return (text, nowMs, seen) => {
    if (!readLayout(steps, text, parts)) return undefined
    if (seen !== undefined) seen.offsetSeconds = parts.offsetSeconds
    if (!isYearKnown) parts.year = new Date(nowMs + offsetAt(zone, nowMs)).getUTCFullYear()
    let wallMs = parts.wallMs()
    let offsetMs = namedOffsetMs(parts, zone, wallMs)
    if (offsetMs === undefined) return undefined
    if (!isYearKnown && wallMs - offsetMs > nowMs + 7 * 86_400_000) {
      parts.year--
      wallMs = parts.wallMs()
      offsetMs = namedOffsetMs(parts, zone, wallMs) ?? offsetMs
    }
    return toNanoseconds(parts, wallMs, offsetMs)
  }
}

/** As `offsetMsOf`; undefined where there is an abbreviation that neither the zone has nor is a zone itself. */
function namedOffsetMs(parts: TimeParts, zone: string, wallMs: number): number | undefined {
  const { zoneName } = parts
  if (zoneName === '' || parts.offsetSeconds !== undefined) return offsetMsOf(parts, zone, wallMs)
  const own = abbreviationOffsetMs(zone, zoneName, wallMs)
  if (own !== undefined) return own
  return isZone(zoneName) ? zoneOffsetMs(zoneName, wallMs) : undefined
}

/**
 * Where the collector takes times of `layout` to be: in `location` (IANA) where that is set; in UTC where the layout ends
 * in a literal `Z`; else where this process is. Throws `RangeError` for a zone that there is not.
 */
export function locationOf(location: string | undefined, layout: string): string {
  if (location !== undefined && location !== '' && location !== 'Local') {
    if (!isZone(location)) throw new RangeError(`unknown time zone ${location}`)
    return location
  }
  return location !== 'Local' && layout.endsWith('Z') && !layout.endsWith('%Z') ? 'UTC' : localZone()
}

/**
 * A reader for a layout as Go writes it, with the collector's rules (see `collectorReader`). Throws `RangeError` for a
 * fraction that no point stands before, and for a zone that there is not.
 */
export function goTimeReader(layout: string, location: string | undefined): TimeReader {
  const wrong = /[^.,9]9+/.exec(layout)
  if (wrong !== null) {
    throw new RangeError(`invalid fractional seconds directive: '${wrong[0]}'. must be preceded with '.' or ','`)
  }
  return collectorReader(compileLayout(layout), locationOf(location, layout))
}

/** A writer of times in `zone` (IANA) by compiled steps. */
export function timeWriter(steps: readonly LayoutStep[], zone: string): (ns: bigint) => string {
  return (ns) => writeLayout(steps, ns, { offsetMs: offsetAt(zone, Number(ns / 1_000_000n)), zone })
}
