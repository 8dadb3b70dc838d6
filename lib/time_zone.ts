// Offsets and abbreviations of time zones (IANA), from the runtime's own tables.

const offsetFormats = new Map<string, Intl.DateTimeFormat>()
const quarterMs = 900_000
/** Since then clocks change on quarters of an hour only; earlier offsets are looked up each time. */
const quartersSinceMs = Date.UTC(1973, 0, 1)
/** Quarters remembered over all zones; then it begins anew. */
const quartersMax = 4096
const offsets = new Map<string, Map<number, number>>()
let quarters = 0

/** The zone this process runs in. */
export function localZone(): string {
  return new Intl.DateTimeFormat('en-US').resolvedOptions().timeZone
}

/** Is this the name of a zone: `Europe/Berlin`, `UTC`, `EST`? */
export function isZone(name: string): boolean {
  // `+02:00` names no zone though the runtime takes it.
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    offsetFormat(name)
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/** What the zone's clocks are ahead of UTC at `utcMs`, in milliseconds. Throws `RangeError` for a zone there is not. */
export function offsetAt(zone: string, utcMs: number): number {
  if (zone === 'UTC') return 0
  if (utcMs < quartersSinceMs) return lookUpOffset(zone, utcMs)
  let known = offsets.get(zone)
  if (known === undefined) {
    known = new Map()
    offsets.set(zone, known)
  }
  const quarter = Math.floor(utcMs / quarterMs)
  const found = known.get(quarter)
  if (found !== undefined) return found
  if (++quarters > quartersMax) {
    offsets.clear()
    offsets.set(zone, (known = new Map()))
    quarters = 1
  }
  const offset = lookUpOffset(zone, utcMs)
  known.set(quarter, offset)
  return offset
}

/** What the zone's clocks are ahead of UTC when they show `wallMs`. Of times that come twice, the first one's. */
export function zoneOffsetMs(zone: string, wallMs: number): number {
  if (zone === 'UTC') return 0
  const before = offsetAt(zone, wallMs - 86_400_000)
  if (offsetAt(zone, wallMs - before) === before) return before
  return offsetAt(zone, wallMs - offsetAt(zone, wallMs))
}

function offsetFormat(zone: string): Intl.DateTimeFormat {
  let format = offsetFormats.get(zone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
    offsetFormats.set(zone, format)
  }
  return format
}

function lookUpOffset(zone: string, utcMs: number): number {
  const found = /GMT([+-])(\d\d):(\d\d)(?::(\d\d))?/.exec(zoneName(offsetFormat(zone), utcMs))
  if (found === null) return 0
  const seconds = Number(found[2]) * 3600 + Number(found[3]) * 60 + Number(found[4] ?? 0)
  return (found[1] === '-' ? -1000 : 1000) * seconds
}

function zoneName(format: Intl.DateTimeFormat, utcMs: number): string {
  return format.formatToParts(utcMs).find((part) => part.type === 'timeZoneName')?.value ?? ''
}

// The runtime knows an abbreviation only in the language of those who use it: `CEST` in British English.
const abbreviationLocales = ['en-US', 'en-GB', 'en-IN', 'en-AU', 'en-NZ', 'en-ZA', 'ja']
const abbreviationFormats = new Map<string, readonly Intl.DateTimeFormat[]>()

/** `CEST`, `PDT`; where the zone's clocks have no such name, the offset as `+03` or `+0530`. */
export function zoneAbbreviation(zone: string, utcMs: number): string {
  if (zone === 'UTC') return 'UTC'
  let formats = abbreviationFormats.get(zone)
  if (formats === undefined) {
    formats = abbreviationLocales.map((l) => new Intl.DateTimeFormat(l, { timeZone: zone, timeZoneName: 'short' }))
    abbreviationFormats.set(zone, formats)
  }
  for (const format of formats) {
    const name = zoneName(format, utcMs)
    if (/^[A-Z]{3,5}$/.test(name)) return name
  }
  const offset = offsetAt(zone, utcMs)
  const minutes = Math.abs(offset) / 60_000
  const text = [Math.trunc(minutes / 60), ...(minutes % 60 === 0 ? [] : [Math.trunc(minutes % 60)])]
  return (offset < 0 ? '-' : '+') + text.map((n) => String(n).padStart(2, '0')).join('')
}

/**
 * The offset that an abbreviation stands for among those the zone uses around `wallMs` (`PDT` in
 * `America/Los_Angeles`); undefined: it is none of the zone's.
 */
export function abbreviationOffsetMs(zone: string, abbreviation: string, wallMs: number): number | undefined {
  const halfYearMs = 182 * 86_400_000
  for (const at of [wallMs, wallMs + halfYearMs, wallMs - halfYearMs]) {
    if (zoneAbbreviation(zone, at) === abbreviation) return offsetAt(zone, at)
  }
  return undefined
}
