// Layouts of times as Go's package time has them (`2006-01-02 15:04:05`): compiled into steps, to read and to write times.
import { zoneAbbreviation } from './time_zone.ts'

export const monthNames = 'January February March April May June July August September October November December'.split(
  ' ',
)
export const dayNames = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')
const shortMonthNames = monthNames.map((name) => name.slice(0, 3))
const shortDayNames = dayNames.map((name) => name.slice(0, 3))

/** What a text said, filled by `readLayout`; used again for the next text. */
export class TimeParts {
  year = 0
  month = 1
  day = 1
  yearDay = 0
  hour = 0
  minute = 0
  second = 0
  nanosecond = 0
  half: 'AM' | 'PM' | '' = ''
  /** Seconds east of UTC; undefined: the zone decides. */
  offsetSeconds: number | undefined = undefined
  /** An abbreviation (`CEST`) of which no offset is known; '' where there is none. */
  zoneName = ''

  reset(): void {
    this.year = 0
    this.month = 1
    this.day = 1
    this.yearDay = 0
    this.hour = 0
    this.minute = 0
    this.second = 0
    this.nanosecond = 0
    this.half = ''
    this.offsetSeconds = undefined
    this.zoneName = ''
  }

  /** Milliseconds since the epoch were the clocks at UTC, whole seconds. Years below 100 are those years. */
  wallMs(): number {
    return dayMs(this.year, this.month, this.day) + ((this.hour * 60 + this.minute) * 60 + this.second) * 1000
  }
}

/** One token of a layout, with the text that stands before it. */
export interface LayoutStep {
  readonly literal: string
  /** As in the layout (`01`, `Jan`, `Z0700`, `.000`); '' for the end. */
  readonly token: string
  /** White space before it is read over, as strptime does before numbers. */
  readonly skipsSpace: boolean
}

// Longer ones before those that they begin with. `2006` and `06` with what stands before them as in Go (time/format.go).
const layoutToken =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|__2|_2(?!006)|Z07:00:00|Z070000|Z07:00|Z0700|Z07|-07:00:00|-070000|-07:00|-0700|-07|002|01|02|03|04|05|06|15|PM|pm|[.,](?:0+|9+)(?!\d)|1|2|3|4|5/g

export function compileLayout(layout: string): LayoutStep[] {
  const steps: LayoutStep[] = []
  let at = 0
  for (const found of layout.matchAll(layoutToken)) {
    steps.push({ literal: layout.slice(at, found.index), token: found[0], skipsSpace: false })
    at = found.index + found[0].length
  }
  steps.push({ literal: layout.slice(at), token: '', skipsSpace: false })
  return steps
}

export function hasYear(steps: readonly LayoutStep[]): boolean {
  return steps.some(({ token }) => token === '2006' || token === '06')
}

/** Read `text`, all of it, into `parts`. False: it is no such time (parts are then anything). */
export function readLayout(steps: readonly LayoutStep[], text: string, parts: TimeParts): boolean {
  parts.reset()
  let at = 0
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i] as LayoutStep
    const { token } = step
    at = skipLiteral(text, at, step.literal)
    if (at < 0) return false
    if (token === '') return at === text.length && isDate(parts)
    if (step.skipsSpace) while (isSpace(text.charCodeAt(at))) at++
    at = readToken(parts, token, text, at)
    if (at < 0) return false
    // A fraction may follow seconds though the layout has none.
    if ((token === '05' || token === '5') && !isFraction(steps[i + 1])) at = readAnyFraction(parts, text, at)
  }
  return false
}

function isFraction(step: LayoutStep | undefined): boolean {
  return step !== undefined && (step.token.startsWith('.') || step.token.startsWith(','))
}

function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13)
}

/** Spaces in the layout stand for any number of spaces. */
function skipLiteral(text: string, from: number, literal: string): number {
  let at = from
  for (let i = 0; i < literal.length; i++) {
    const code = literal.charCodeAt(i)
    if (code === 32) {
      if (at < text.length && text.charCodeAt(at) !== 32) return -1
      while (literal.charCodeAt(i + 1) === 32) i++
      while (text.charCodeAt(at) === 32) at++
    } else if (text.charCodeAt(at++) !== code) return -1
  }
  return at
}

/** Digits from `at` on, at most `most`. */
function countDigits(text: string, at: number, most: number): number {
  let count = 0
  while (count < most && isDigit(text.charCodeAt(at + count))) count++
  return count
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

function numberAt(text: string, at: number, digits: number): number {
  let value = 0
  for (let i = 0; i < digits; i++) value = value * 10 + text.charCodeAt(at + i) - 48
  return value
}

type NumberPart = 'year' | 'month' | 'day' | 'yearDay' | 'hour' | 'minute' | 'second'

interface NumberToken {
  readonly part: NumberPart
  readonly digitsMin: number
  readonly digitsMax: number
  /** Spaces that may stand in for digits. */
  readonly spaces: number
  readonly max: number
}

const numberToken = (part: NumberPart, digitsMin: number, digitsMax: number, max: number, spaces = 0): NumberToken => ({
  part,
  digitsMin,
  digitsMax,
  spaces,
  max,
})

const numberTokens: ReadonlyMap<string, NumberToken> = new Map([
  ['2006', numberToken('year', 4, 4, 9999)],
  ['06', numberToken('year', 2, 2, 99)],
  ['01', numberToken('month', 2, 2, 12)],
  ['1', numberToken('month', 1, 2, 12)],
  // Not Go's: strptime's month with a space before it, only written.
  ['_1', numberToken('month', 1, 2, 12, 1)],
  ['02', numberToken('day', 2, 2, 31)],
  ['_2', numberToken('day', 1, 2, 31, 1)],
  ['2', numberToken('day', 1, 2, 31)],
  ['002', numberToken('yearDay', 3, 3, 366)],
  ['__2', numberToken('yearDay', 1, 3, 366, 2)],
  ['15', numberToken('hour', 1, 2, 23)],
  ['03', numberToken('hour', 2, 2, 12)],
  ['3', numberToken('hour', 1, 2, 12)],
  ['04', numberToken('minute', 2, 2, 59)],
  ['4', numberToken('minute', 1, 2, 59)],
  ['05', numberToken('second', 2, 2, 59)],
  ['5', numberToken('second', 1, 2, 59)],
])

function readToken(parts: TimeParts, token: string, text: string, at: number): number {
  const number = numberTokens.get(token)
  if (number !== undefined) return readNumber(parts, token, number, text, at)
  switch (token) {
    case 'January':
    case 'Jan': {
      const names = token === 'Jan' ? shortMonthNames : monthNames
      const index = findName(names, text, at)
      if (index < 0) return -1
      parts.month = index + 1
      return at + (names[index] as string).length
    }
    case 'Monday':
    case 'Mon': {
      const names = token === 'Mon' ? shortDayNames : dayNames
      const index = findName(names, text, at)
      return index < 0 ? -1 : at + (names[index] as string).length
    }
    case 'PM':
    case 'pm': {
      const half = text.slice(at, at + 2)
      if (half !== (token === 'PM' ? 'AM' : 'am') && half !== token) return -1
      parts.half = half.toUpperCase() as 'AM' | 'PM'
      return at + 2
    }
    case 'MST':
      return readAbbreviation(parts, text, at)
    default:
      return token.startsWith('.') || token.startsWith(',')
        ? readFraction(parts, token, text, at)
        : readOffset(parts, token, text, at)
  }
}

/** Letter case does not count. */
function findName(names: readonly string[], text: string, at: number): number {
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string
    let k = 0
    while (k < name.length && (text.charCodeAt(at + k) | 32) === (name.charCodeAt(k) | 32)) k++
    if (k === name.length) return i
  }
  return -1
}

function readNumber(parts: TimeParts, token: string, number: NumberToken, text: string, from: number): number {
  let at = from
  for (let i = 0; i < number.spaces && text.charCodeAt(at) === 32; i++) at++
  const digits = countDigits(text, at, number.digitsMax - (number.part === 'yearDay' ? at - from : 0))
  if (digits < number.digitsMin) return -1
  const value = numberAt(text, at, digits)
  if (value > number.max) return -1
  parts[number.part] = token === '06' ? value + (value >= 69 ? 1900 : 2000) : value
  return at + digits
}

/** `UTC`, `GMT+3`, `CEST`: of other names than UTC, only that it is one is known. */
function readAbbreviation(parts: TimeParts, text: string, at: number): number {
  const found = /^(?:UTC|GMT([+-]\d{1,2})?|ChST|MeST|WITA|[+-]\d{2}|[A-Z]{3}(?:[A-Z]?T|ST)?)/.exec(
    text.slice(at, at + 6),
  )
  if (found === null) return -1
  if (found[1] !== undefined) parts.offsetSeconds = Number(found[1]) * 3600
  else if (found[0] === 'UTC') parts.offsetSeconds = 0
  else parts.zoneName = found[0]
  return at + found[0].length
}

function isPointOrComma(code: number): boolean {
  return code === 46 || code === 44
}

function readAnyFraction(parts: TimeParts, text: string, at: number): number {
  if (!isPointOrComma(text.charCodeAt(at))) return at
  const digits = countDigits(text, at + 1, text.length)
  if (digits === 0) return at
  parts.nanosecond = nanosecondsAt(text, at + 1, digits)
  return at + 1 + digits
}

/** As many digits as the layout's zeros; for nines all there are, or none. */
function readFraction(parts: TimeParts, token: string, text: string, at: number): number {
  if (token.charCodeAt(1) === 57) return readAnyFraction(parts, text, at)
  const wanted = token.length - 1
  if (!isPointOrComma(text.charCodeAt(at)) || countDigits(text, at + 1, wanted) < wanted) return -1
  parts.nanosecond = nanosecondsAt(text, at + 1, wanted)
  return at + 1 + wanted
}

/** Digits behind the ninth are cut off. */
function nanosecondsAt(text: string, at: number, digits: number): number {
  const taken = Math.min(digits, 9)
  return numberAt(text, at, taken) * 10 ** (9 - taken)
}

function readOffset(parts: TimeParts, token: string, text: string, at: number): number {
  const first = text.charCodeAt(at)
  if (first === 90 && token.charCodeAt(0) === 90) {
    parts.offsetSeconds = 0
    return at + 1
  }
  if (first !== 43 && first !== 45) return -1
  let seconds = 0
  let unit = 3600
  let here = at + 1
  for (let i = 1; i < token.length; i++) {
    if (token.charCodeAt(i) === 58) {
      if (text.charCodeAt(here++) !== 58) return -1
      continue
    }
    if (countDigits(text, here, 2) < 2) return -1
    const value = numberAt(text, here, 2)
    if (value > (unit === 3600 ? 24 : 60)) return -1
    seconds += value * unit
    unit /= 60
    here += 2
    i++
  }
  parts.offsetSeconds = first === 45 ? -seconds : seconds
  return here
}

function isDate(parts: TimeParts): boolean {
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
  return parts.day <= 28 || new Date(dayMs(parts.year, parts.month, parts.day)).getUTCMonth() === parts.month - 1
}

function dayMs(year: number, month: number, day: number): number {
  return year >= 100 ? Date.UTC(year, month - 1, day) : new Date(0).setUTCFullYear(year, month - 1, day)
}

/** A time as text. `offsetMs` and `zone` say what clocks show where it is written. */
export function writeLayout(
  steps: readonly LayoutStep[],
  ns: bigint,
  { offsetMs, zone }: { readonly offsetMs: number; readonly zone: string },
): string {
  const million = 1_000_000n
  const ms = Number((ns - (((ns % million) + million) % million)) / million)
  const nanosecond = Number(((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n)
  const wall = new Date(ms + offsetMs)
  let out = ''
  for (const { literal, token } of steps) {
    out += literal
    if (token !== '') out += writeToken(token, { wall, nanosecond, offsetMs, zone, utcMs: ms })
  }
  return out
}

interface Written {
  readonly wall: Date
  readonly nanosecond: number
  readonly offsetMs: number
  readonly zone: string
  readonly utcMs: number
}

function writeToken(token: string, written: Written): string {
  const { wall, nanosecond } = written
  switch (token) {
    case 'January':
      return monthNames[wall.getUTCMonth()] as string
    case 'Jan':
      return shortMonthNames[wall.getUTCMonth()] as string
    case 'Monday':
      return dayNames[wall.getUTCDay()] as string
    case 'Mon':
      return shortDayNames[wall.getUTCDay()] as string
    case 'PM':
      return wall.getUTCHours() >= 12 ? 'PM' : 'AM'
    case 'pm':
      return wall.getUTCHours() >= 12 ? 'pm' : 'am'
    case 'MST':
      return zoneAbbreviation(written.zone, written.utcMs)
  }
  const number = numberTokens.get(token)
  if (number !== undefined) return writeNumber(token, number, wall)
  if (token.startsWith('.') || token.startsWith(',')) {
    const digits = String(nanosecond)
      .padStart(9, '0')
      .slice(0, token.length - 1)
    if (token.charCodeAt(1) !== 57) return token.charAt(0) + digits
    const short = digits.replace(/0+$/, '')
    return short === '' ? '' : token.charAt(0) + short
  }
  return writeOffset(token, written.offsetMs / 1000)
}

function writeNumber(token: string, number: NumberToken, wall: Date): string {
  const value = numberOf(token, number, wall)
  const isPadded = token !== '15' && number.digitsMin === number.digitsMax
  const text = String(value)
  if (isPadded || token === '15') return text.padStart(number.digitsMax, '0')
  return text.padStart(number.spaces + (number.spaces > 0 ? 1 : 0), ' ')
}

function numberOf(token: string, { part }: NumberToken, wall: Date): number {
  switch (part) {
    case 'year':
      return token === '06' ? wall.getUTCFullYear() % 100 : wall.getUTCFullYear()
    case 'month':
      return wall.getUTCMonth() + 1
    case 'day':
      return wall.getUTCDate()
    case 'yearDay':
      return Math.floor((wall.getTime() - dayMs(wall.getUTCFullYear(), 1, 1)) / 86_400_000) + 1
    case 'hour':
      return token === '15' ? wall.getUTCHours() : ((wall.getUTCHours() + 11) % 12) + 1
    case 'minute':
      return wall.getUTCMinutes()
    case 'second':
      return wall.getUTCSeconds()
  }
}

function writeOffset(token: string, offsetSeconds: number): string {
  if (token.startsWith('Z') && offsetSeconds === 0) return 'Z'
  const rest = Math.abs(offsetSeconds)
  const fields = [Math.trunc(rest / 3600), Math.trunc(rest / 60) % 60, rest % 60]
  let i = 0
  const digits = token.slice(1).replace(/\d\d/g, () => String(fields[i++]).padStart(2, '0'))
  return (offsetSeconds < 0 ? '-' : '+') + digits
}
