// Reads times by layouts as Go's package time has them (`2006-01-02 15:04:05`), and by names of layouts.

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

const months = 'January February March April May June July August September October November December'.split(' ')
const days = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')
const billion = 1_000_000_000n

/** Nanoseconds since the epoch; undefined: not such a time. `nowMs` gives the year where the layout has none. */
export type TimeReader = (text: string, nowMs: number) => bigint | undefined

/**
 * A reader for the name of a layout, `Unix`, `UnixMs`, `UnixUs`, `UnixNs`, or a layout. `zone` (IANA) is where times of
 * layouts without an offset are; UTC where undefined. Names of layouts are always read in UTC, as in Alloy. Throws
 * `RangeError` for a zone that there is not.
 */
export function timeReader(format: string, zone: string | undefined): TimeReader {
  if (zone !== undefined && zone !== '') new Intl.DateTimeFormat('en-US', { timeZone: zone })
  const perUnit: Readonly<Record<string, bigint>> = { UnixMs: 1_000_000n, UnixUs: 1000n, UnixNs: 1n }
  const factor = Object.hasOwn(perUnit, format) ? perUnit[format] : undefined
  if (factor !== undefined)
    return (text) => inRange(/^[+-]?\d+$/.test(text) ? BigInt(text.replace('+', '')) * factor : undefined)
  if (format === 'Unix') return (text) => inRange(unixSeconds(text))
  const named = Object.hasOwn(layouts, format) ? layouts[format] : undefined
  const tokens = tokensOf(named ?? format)
  const hasYear = named !== undefined || format.includes('06')
  const where = named === undefined && zone !== undefined && zone !== '' ? zone : 'UTC'
  return (text, nowMs) => {
    const parts = parse(tokens, text)
    if (parts === undefined) return undefined
    if (!hasYear) parts.year = yearNear(parts, nowMs)
    return inRange(nanoseconds(parts, where))
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

interface Parts {
  year: number
  month: number
  day: number
  yearDay: number
  hour: number
  minute: number
  second: number
  nanosecond: number
  half: 'AM' | 'PM' | ''
  /** Seconds east of UTC; null: the zone decides. */
  offset: number | null
}

// Longer ones before those that they begin with. `2006` and `06` with what stands before them as in Go (time/format.go).
const layoutToken =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|__2|_2(?!006)|Z07:00:00|Z070000|Z07:00|Z0700|Z07|-07:00:00|-070000|-07:00|-0700|-07|002|01|02|03|04|05|06|15|PM|pm|[.,](?:0+|9+)(?!\d)|1|2|3|4|5/g

function tokensOf(layout: string): { literal: string; token: string }[] {
  const tokens: { literal: string; token: string }[] = []
  let at = 0
  for (const found of layout.matchAll(layoutToken)) {
    tokens.push({ literal: layout.slice(at, found.index), token: found[0] })
    at = found.index + found[0].length
  }
  tokens.push({ literal: layout.slice(at), token: '' })
  return tokens
}

function parse(tokens: readonly { literal: string; token: string }[], text: string): Parts | undefined {
  const parts: Parts = {
    year: 0,
    month: 1,
    day: 1,
    yearDay: 0,
    hour: 0,
    minute: 0,
    second: 0,
    nanosecond: 0,
    half: '',
    offset: null,
  }
  let at = 0
  for (const [i, { literal, token }] of tokens.entries()) {
    at = skipLiteral(text, at, literal)
    if (at < 0) return undefined
    if (token === '') return at === text.length && isDate(parts) ? parts : undefined
    at = read(parts, token, text, at)
    if (at < 0) return undefined
    // A fraction may follow seconds though the layout has none.
    const next = tokens[i + 1]
    const hasFraction = next?.literal === '' && /^[.,]/.test(next.token)
    if ((token === '05' || token === '5') && !hasFraction) {
      const fraction = /^[.,](\d+)/.exec(text.slice(at, at + 40))
      if (fraction !== null) {
        parts.nanosecond = nanosecondsOf(fraction[1] as string)
        at += fraction[0].length
      }
    }
  }
  return undefined
}

/** Spaces in the layout stand for any number of spaces. */
function skipLiteral(text: string, from: number, literal: string): number {
  let at = from
  for (let i = 0; i < literal.length; i++) {
    if (literal[i] === ' ') {
      if (at < text.length && text[at] !== ' ') return -1
      while (literal[i + 1] === ' ') i++
      while (text[at] === ' ') at++
    } else if (text[at++] !== literal[i]) return -1
  }
  return at
}

function nanosecondsOf(digits: string): number {
  return Number(digits.padEnd(9, '0').slice(0, 9))
}

type NumberPart = 'year' | 'month' | 'day' | 'yearDay' | 'hour' | 'minute' | 'second'

/** Which number a token is, and what it looks like. */
const numbers: Readonly<Record<string, readonly [NumberPart, RegExp, max: number]>> = {
  '2006': ['year', /\d{4}/y, 9999],
  '06': ['year', /\d{2}/y, 99],
  '01': ['month', /\d{2}/y, 12],
  '1': ['month', /\d{1,2}/y, 12],
  '02': ['day', /\d{2}/y, 31],
  _2: ['day', / ?\d{1,2}/y, 31],
  '2': ['day', /\d{1,2}/y, 31],
  '002': ['yearDay', /\d{3}/y, 366],
  __2: ['yearDay', / {0,2}\d{1,3}/y, 366],
  '15': ['hour', /\d{2}/y, 23],
  '03': ['hour', /\d{2}/y, 12],
  '3': ['hour', /\d{1,2}/y, 12],
  '04': ['minute', /\d{2}/y, 59],
  '4': ['minute', /\d{1,2}/y, 59],
  '05': ['second', /\d{2}/y, 59],
  '5': ['second', /\d{1,2}/y, 59],
}

function read(parts: Parts, token: string, text: string, at: number): number {
  const number = numbers[token]
  if (number !== undefined) return readNumber(parts, token, number, text, at)
  const rest = text.slice(at, at + 40)
  if (token === 'January' || token === 'Jan' || token === 'Monday' || token === 'Mon') {
    const names = token.startsWith('J') ? months : days
    const isShort = token.length === 3
    const index = names.findIndex((name) =>
      rest.toLowerCase().startsWith((isShort ? name.slice(0, 3) : name).toLowerCase()),
    )
    if (index < 0) return -1
    if (names === months) parts.month = index + 1
    return at + (isShort ? 3 : (names[index] as string).length)
  }
  if (token === 'PM' || token === 'pm') {
    const half = rest.slice(0, 2)
    if (half !== (token === 'PM' ? half.toUpperCase() : half.toLowerCase()) || !/^[AP]M$/i.test(half)) return -1
    parts.half = half.toUpperCase() as 'AM' | 'PM'
    return at + 2
  }
  if (token === 'MST') return readAbbreviation(parts, rest, at)
  if (token.startsWith('.') || token.startsWith(',')) return readFraction(parts, token, rest, at)
  return readOffset(parts, token, rest, at)
}

function readNumber(
  parts: Parts,
  token: string,
  [part, shape, max]: readonly [NumberPart, RegExp, number],
  text: string,
  at: number,
): number {
  shape.lastIndex = at
  const found = shape.exec(text)
  if (found === null || Number(found[0]) > max) return -1
  const value = Number(found[0])
  parts[part] = token === '06' ? value + (value >= 69 ? 1900 : 2000) : value
  return shape.lastIndex
}

/** `UTC`, `GMT+3`, `CEST`: of other names than UTC and GMT, only that it is one is known. */
function readAbbreviation(parts: Parts, rest: string, at: number): number {
  const found = /^(?:UTC|GMT([+-]\d{1,2})?|ChST|MeST|WITA|[+-]\d{2}|[A-Z]{3}(?:[A-Z]?T|ST)?)/.exec(rest)
  if (found === null) return -1
  if (found[1] !== undefined) parts.offset = Number(found[1]) * 3600
  else if (found[0] === 'UTC' || found[0] === 'GMT') parts.offset = 0
  return at + found[0].length
}

function readFraction(parts: Parts, token: string, rest: string, at: number): number {
  const found = /^[.,](\d+)/.exec(rest)
  const digits = found?.[1]
  if (token[1] === '9') {
    if (digits === undefined) return at
  } else if (digits === undefined || digits.length < token.length - 1) return -1
  // As many digits as the layout's zeros, or all there are for nines.
  const taken = token[1] === '9' ? digits : digits.slice(0, token.length - 1)
  parts.nanosecond = nanosecondsOf(taken)
  return at + 1 + taken.length
}

function readOffset(parts: Parts, token: string, rest: string, at: number): number {
  if (token.startsWith('Z') && rest.startsWith('Z')) {
    parts.offset = 0
    return at + 1
  }
  const digits = token.slice(1)
  const shape = new RegExp(`^([+-])${digits.replace(/\d\d/g, '(\\d\\d)')}`)
  const found = shape.exec(rest)
  if (found === null) return -1
  const [hours, minutes, seconds] = [found[2], found[3], found[4]].map((text) => Number(text ?? 0)) as [
    number,
    number,
    number,
  ]
  if (hours > 24 || minutes > 60 || seconds > 60) return -1
  parts.offset = (found[1] === '-' ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds)
  return at + found[0].length
}

function isDate(parts: Parts): boolean {
  if (parts.half === 'PM' && parts.hour < 12) parts.hour += 12
  else if (parts.half === 'AM' && parts.hour === 12) parts.hour = 0
  if (parts.month < 1 || parts.day < 1) return false
  if (parts.yearDay > 0) {
    const date = new Date(dayMs(parts.year, 1, parts.yearDay))
    if (date.getUTCFullYear() !== parts.year) return false
    parts.month = date.getUTCMonth() + 1
    parts.day = date.getUTCDate()
  }
  // Without a year, the 29th of February may be: year 0 is a leap year.
  return new Date(dayMs(parts.year, parts.month, parts.day)).getUTCMonth() === parts.month - 1
}

/** Years below 100 are those years. */
function dayMs(year: number, month: number, day: number): number {
  return new Date(0).setUTCFullYear(year, month - 1, day)
}

/** The year for a time that has none: now's, but December's is last year's in January, and the other way round. */
function yearNear({ month }: Parts, nowMs: number): number {
  const now = new Date(nowMs)
  const year = now.getUTCFullYear()
  const thisMonth = now.getUTCMonth() + 1
  if (month === 12 && thisMonth === 1) return year - 1
  if (month === 1 && thisMonth === 12) return year + 1
  return year
}

function nanoseconds(parts: Parts, zone: string): bigint {
  const wallMs =
    dayMs(parts.year, parts.month, parts.day) + ((parts.hour * 60 + parts.minute) * 60 + parts.second) * 1000
  const offsetMs = parts.offset === null ? zoneOffsetMs(zone, wallMs) : parts.offset * 1000
  return BigInt(wallMs - offsetMs) * 1_000_000n + BigInt(parts.nanosecond)
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** What the zone's clocks are ahead of UTC when they show `wallMs`. Of times that come twice, the first one's. */
function zoneOffsetMs(zone: string, wallMs: number): number {
  if (zone === 'UTC') return 0
  const guess = offsetAt(zone, wallMs - offsetAt(zone, wallMs))
  const before = offsetAt(zone, wallMs - 86_400_000)
  return offsetAt(zone, wallMs - before) === before ? before : guess
}

function offsetAt(zone: string, utcMs: number): number {
  let format = formats.get(zone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
    formats.set(zone, format)
  }
  const name = format.formatToParts(utcMs).find((part) => part.type === 'timeZoneName')?.value ?? ''
  const found = /GMT([+-])(\d\d):(\d\d)(?::(\d\d))?/.exec(name)
  if (found === null) return 0
  const seconds = Number(found[2]) * 3600 + Number(found[3]) * 60 + Number(found[4] ?? 0)
  return (found[1] === '-' ? -1000 : 1000) * seconds
}
