// Reads and writes times by strptime's directives (`%Y-%m-%d %H:%M:%S`), those that the collector knows.
import { collectorReader, locationOf, type TimeReader, timeWriter } from './go_time.ts'
import { compileLayout, dayNames, type LayoutStep, monthNames } from './go_layout.ts'

/** The tokens of Go's layouts to write by. Read leniently: see `readTokens`. */
const directives: Readonly<Record<string, string>> = {
  Y: '2006',
  y: '06',
  m: '01',
  o: '_1',
  q: '1',
  b: 'Jan',
  h: 'Jan',
  B: 'January',
  d: '02',
  e: '_2',
  g: '2',
  a: 'Mon',
  A: 'Monday',
  H: '15',
  l: '3',
  I: '03',
  p: 'PM',
  P: 'pm',
  M: '04',
  S: '05',
  L: '999',
  f: '999999',
  s: '999999999',
  Z: 'MST',
  z: 'Z0700',
  w: '-070000',
  i: '-07',
  j: '-07:00',
  k: '-07:00:00',
  D: '01/02/2006',
  x: '01/02/2006',
  F: '2006-01-02',
  T: '15:04:05',
  X: '15:04:05',
  r: '03:04:05 pm',
  R: '15:04',
  n: '\n',
  t: '\t',
  '%': '%',
  c: 'Mon Jan 02 15:04:05 2006',
}

/** Numbers may have fewer digits than are written, and spaces before them. */
const readTokens: Readonly<Record<string, string>> = {
  '01': '1',
  _1: '1',
  '02': '2',
  _2: '2',
  '03': '3',
  '04': '4',
  '05': '5',
}

/** A format that cannot be: an unknown directive, a digit, a fraction that no point stands before. */
export class StrptimeError extends Error {
  override readonly name = 'StrptimeError'
}

/** Throws `StrptimeError` for what cannot be read by `format`, every unknown directive named. */
export function checkStrptime(format: string): void {
  if (/\d/.test(format)) throw new StrptimeError('format string should not contain decimals')
  const fraction = /(?:^|[^.,])%[Lfs]/.exec(format)
  if (fraction !== null) {
    const found = fraction[0]
    throw new StrptimeError(`invalid fractional seconds directive: '${found}'. must be preceded with '.' or ','`)
  }
  const unknown = [...format.matchAll(/%(.?)/gs)].filter((m) => !Object.hasOwn(directives, m[1] as string))
  if (unknown.length > 0) {
    throw new StrptimeError(`unsupported directive: ${unknown.map((m) => m[0]).join(', ')}`)
  }
}

export interface StrptimeOptions {
  /** Where times without an offset are (IANA); absent: UTC for formats that end in `Z`, else where this process is. */
  readonly location?: string | undefined
  /** The language of names (BCP 47); absent: English. */
  readonly locale?: string | undefined
}

/**
 * A reader of times. Numbers need no leading zeros and may have spaces before them; `%z` reads `Z`, `+0200`, `+02:00` and
 * `+02`; `%D` years of two or four digits. Years, dates and abbreviations that are missing: see `collectorReader`.
 * Throws `StrptimeError` for the format or locale, `RangeError` for a location there is not.
 */
export function strptime(format: string, options: StrptimeOptions = {}): TimeReader {
  checkStrptime(format)
  const zone = locationOf(options.location, format)
  const readers = readableFormats(format).map((steps) => collectorReader(steps, zone))
  const translate = options.locale === undefined ? undefined : translator(options.locale)
  const [first] = readers as [TimeReader]
  if (translate === undefined && readers.length === 1) return first
  // The form that was right is tried first the next time.
  let last = first
  return (given, nowMs, seen) => {
    const text = translate === undefined ? given : translate(given)
    const ns = last(text, nowMs, seen)
    if (ns !== undefined) return ns
    for (const reader of readers) {
      const found = reader(text, nowMs, seen)
      if (found === undefined) continue
      last = reader
      return found
    }
    return undefined
  }
}

/** A writer of times in `location` (IANA). Throws `StrptimeError` for the format. */
export function strftime(format: string, location = 'UTC'): (ns: bigint) => string {
  checkStrptime(format)
  const steps: LayoutStep[] = []
  eachPart(format, (literal, layout) => {
    if (layout === undefined) steps.push({ literal, token: '', skipsSpace: false })
    else if (/^9+$/.test(layout)) {
      // A fraction takes the point before it, and goes without its last zeros, as upstream writes it.
      const previous = steps.at(-1) as LayoutStep
      steps[steps.length - 1] = { ...previous, literal: previous.literal.slice(0, -1) }
      steps.push({ literal: '', token: previous.literal.slice(-1) + layout, skipsSpace: false })
    } else if (layout === '_1') steps.push({ literal: '', token: '_1', skipsSpace: false })
    else steps.push(...compileLayout(layout))
  })
  return timeWriter(steps, location)
}

/** In pieces: text that stands for itself, and the layouts of directives. */
function eachPart(format: string, part: (literal: string, layout: string | undefined) => void): void {
  let at = 0
  for (const found of format.matchAll(/%(.)/gs)) {
    if (found.index > at) part(format.slice(at, found.index), undefined)
    part('', directives[found[1] as string] as string)
    at = found.index + 2
  }
  if (at < format.length) part(format.slice(at), undefined)
}

/** More than one where a directive has several forms: `%z`, `%D`. */
function readableFormats(format: string): LayoutStep[][] {
  let all: LayoutStep[][] = [[]]
  eachPart(format, (literal, layout) => {
    const forms = layout === undefined ? [compileLayout(literal)] : layoutForms(layout)
    all = all.flatMap((steps) => forms.map((form) => joined(steps, form)))
    if (all.length > formsMax) throw new StrptimeError(`too many directives of several forms: at most ${formsMax}`)
  })
  return all.map((steps) => joined(steps, [{ literal: '', token: '', skipsSpace: false }]))
}

/** `%z` thrice and `%D` thrice is more than anybody writes. */
const formsMax = 64

function layoutForms(layout: string): LayoutStep[][] {
  if (layout === 'Z0700') return ['Z0700', 'Z07:00', 'Z07'].map(lenient)
  if (layout === '01/02/2006') return ['01/02/2006', '01/02/06'].map(lenient)
  return [lenient(layout)]
}

function lenient(layout: string): LayoutStep[] {
  if (/^9+$/.test(layout)) return [{ literal: '', token: layout, skipsSpace: false }]
  if (layout === '_1') return [{ literal: '', token: '1', skipsSpace: true }]
  return compileLayout(layout).map(({ literal, token }) => ({
    literal,
    token: readTokens[token] ?? token,
    skipsSpace: /^[\dZ_]/.test(token),
  }))
}

/** The ends of pieces are no ends; a fraction takes the point before it. */
function joined(before: readonly LayoutStep[], after: readonly LayoutStep[]): LayoutStep[] {
  const steps = [...before]
  for (const step of after) {
    const end = steps.at(-1)
    const open = end?.token === '' ? end.literal : ''
    if (end?.token === '') steps.pop()
    if (/^9+$/.test(step.token)) {
      steps.push({ literal: open.slice(0, -1), token: open.slice(-1) + step.token, skipsSpace: false })
    } else steps.push({ ...step, literal: open + step.literal })
  }
  return steps
}

/** Turns the names of months, days and halves of the day in a language into the English ones. */
function translator(locale: string): (text: string) => string {
  const names = englishNames(locale)
  if (names.size === 0) return (text) => text
  // Longer names before those that they begin with; a name ends where its letters do.
  const known = [...names.keys()].sort((a, b) => b.length - a.length)
  return (text) => {
    let out = ''
    let at = 0
    const lower = text.toLowerCase()
    while (at < text.length) {
      const name = isLetter(text[at - 1])
        ? undefined
        : known.find((n) => lower.startsWith(n, at) && !splits(text, at, n))
      out += name === undefined ? text[at] : names.get(name)
      at += name === undefined ? 1 : name.length
    }
    return out
  }
}

function isLetter(char: string | undefined): boolean {
  return char !== undefined && /\p{L}/u.test(char)
}

function splits(text: string, at: number, name: string): boolean {
  return isLetter(name.at(-1)) && isLetter(text[at + name.length])
}

/** By name in small letters. */
function englishNames(locale: string): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  const add = (options: Intl.DateTimeFormatOptions, part: string, date: Date, english: string): void => {
    const format = new Intl.DateTimeFormat(locale, { ...options, timeZone: 'UTC' })
    const found = format
      .formatToParts(date)
      .find((p) => p.type === part)
      ?.value.toLowerCase()
    if (found === undefined || !/\p{L}/u.test(found)) return
    // `p. m.`: with the space of the locale, which differs by its edition, or without.
    for (const space of ['', ' ', '\u00a0', '\u202f']) {
      const name = found.replace(/\s/gu, space)
      if (!names.has(name)) names.set(name, english)
    }
  }
  if (!isLocale(locale)) throw new StrptimeError(`unsupported locale '${locale}': should be a BCP 47 language tag`)
  for (let i = 0; i < 12; i++) {
    const date = new Date(Date.UTC(2023, i, 15))
    const english = monthNames[i] as string
    add({ month: 'short' }, 'month', date, english.slice(0, 3))
    add({ month: 'short', day: 'numeric' }, 'month', date, english.slice(0, 3))
    add({ month: 'long' }, 'month', date, english)
    add({ month: 'long', day: 'numeric' }, 'month', date, english)
  }
  for (let i = 0; i < 7; i++) {
    const date = new Date(Date.UTC(2023, 0, 1 + i))
    const english = dayNames[i] as string
    add({ weekday: 'short' }, 'weekday', date, english.slice(0, 3))
    add({ weekday: 'long' }, 'weekday', date, english)
  }
  add({ hour: 'numeric', hour12: true }, 'dayPeriod', new Date(Date.UTC(2023, 0, 1, 9)), 'AM')
  add({ hour: 'numeric', hour12: true }, 'dayPeriod', new Date(Date.UTC(2023, 0, 1, 21)), 'PM')
  return names
}

function isLocale(locale: string): boolean {
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(locale).length > 0
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}
