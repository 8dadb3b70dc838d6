// Time, severity, trace and scope name of an entry, read from its fields: in blocks of parsers, and as operators.
import { attr, block, bool, defineSettings, map, anyValue, type SettingsOf, string, type Value } from '#component'
import type { ExprValue } from '#component/expr'
import { entriesOf } from '#component'
import { goTimeReader, type TimeReader } from '#lib/go_time'
import { strptime } from '#lib/strptime'
import { Entry, severityNames } from '../entry.ts'
import type { Field } from '../field.ts'
import { EntryError } from '../operator.ts'
import { describe, field, type Problem } from './settings.ts'

/** Reads something off an entry, onto it. Throws `EntryError`. */
export type Reader = (entry: Entry, nowMs: number) => void

function valueOf(entry: Entry, from: Field): ExprValue {
  const value = from.get(entry)
  if (value === undefined)
    throw new EntryError(`log entry does not have the expected parse_from field ${from.toString()}`)
  return value
}

// ----------------------------------------------------------------------------------------------------------- time

export const timeFields = {
  parse_from: attr(field, 'The field with the time.', { required: true }),
  layout: attr(string, 'How it is written.', { default: '' }),
  layout_type: attr(string, '`strptime`, `gotime` or `epoch`.', { default: 'strptime' }),
  location: attr(string, 'Where times without an offset are.', { default: '' }),
  time_zone_locations: attr(map(string), 'Zones by their abbreviations.', { default: {} }),
}
export const timeSettings = defineSettings(timeFields)
type TimeSettings = SettingsOf<typeof timeSettings>

const epochLayouts = ['s', 'ms', 'us', 'ns', 's.ms', 's.us', 's.ns']

export function timeReaderOf(settings: TimeSettings, problem: Problem): Reader {
  const { parse_from: from, layout, layout_type: type } = settings
  if (layout === '') problem('missing required configuration parameter `layout`', ['layout'])
  if (type === 'epoch') {
    if (!epochLayouts.includes(layout)) {
      problem(`invalid layout for epoch type: should be one of ${epochLayouts.join(', ')}, got ${layout}`, ['layout'])
    }
    return (entry) => {
      entry.timestampNs = epochTime(valueOf(entry, from), layout)
    }
  }
  if (type !== 'strptime' && type !== 'gotime') {
    problem(`unsupported layout_type ${type}: valid values are strptime, gotime, and epoch`, ['layout_type'])
    return () => {}
  }
  const read = textTimeReader(settings, problem)
  return (entry, nowMs) => {
    const value = valueOf(entry, from)
    if (typeof value !== 'string') throw new EntryError(`type ${describe(value)} cannot be parsed as a time`)
    const ns = read?.(value, nowMs)
    if (ns === undefined) throw new EntryError(`time parser: cannot parse ${JSON.stringify(value)} as ${layout}`)
    entry.timestampNs = ns
  }
}

function textTimeReader(settings: TimeSettings, problem: Problem): TimeReader | undefined {
  const { layout, layout_type: type, location, time_zone_locations: zones } = settings
  const make = (at: string | undefined): TimeReader =>
    type === 'strptime' ? strptime(layout, { location: at }) : goTimeReader(layout, at)
  let main: TimeReader
  try {
    main = make(location)
  } catch (error) {
    const { message } = error as Error
    problem(message, [message.startsWith('unknown time zone') ? 'location' : 'layout'])
    return undefined
  }
  const byAbbreviation = new Map<string, TimeReader>()
  for (const [abbreviation, zone] of zones) {
    try {
      byAbbreviation.set(abbreviation, make(zone))
    } catch (error) {
      problem((error as Error).message, ['time_zone_locations', abbreviation])
    }
  }
  if (byAbbreviation.size === 0) return main
  return (text, nowMs) => {
    for (const word of text.match(/[A-Z]{2,5}/g) ?? []) {
      const ns = byAbbreviation.get(word)?.(text, nowMs)
      if (ns !== undefined) return ns
    }
    return main(text, nowMs)
  }
}

const unitNs: Readonly<Record<string, bigint>> = { s: 1_000_000_000n, ms: 1_000_000n, us: 1000n, ns: 1n }

function epochTime(value: ExprValue, layout: string): bigint {
  const text = epochText(value, layout)
  const invalid = (): EntryError => new EntryError(`invalid value '${text}' for layout '${layout}'`)
  const unit = unitNs[layout]
  let ns: bigint
  if (unit !== undefined) {
    if (!/^[+-]?\d{1,19}$/.test(text)) throw invalid()
    ns = BigInt(text.replace('+', '')) * unit
  } else {
    const found = /^([+-]?\d{1,12})\.(\d{1,9})$/.exec(text.trim())
    if (found === null) throw invalid()
    // As upstream reads it: what is behind the point counts units, whatever its number of digits.
    ns =
      BigInt((found[1] as string).replace('+', '')) * 1_000_000_000n +
      BigInt(found[2] as string) * (unitNs[layout.slice(2)] as bigint)
  }
  if (BigInt.asIntN(64, ns) !== ns) throw invalid()
  return ns
}

function epochText(value: ExprValue, layout: string): string {
  const isSplit = layout.includes('.')
  if (typeof value === 'string') return value
  if (typeof value === 'bigint') return isSplit ? `${value}.0` : String(value)
  if (typeof value === 'number' && Number.isFinite(value)) {
    const digits = { 's.ms': 3, 's.us': 6, 's.ns': 9 }[layout]
    return digits === undefined ? String(BigInt(Math.trunc(value))) : value.toFixed(digits)
  }
  throw new EntryError(`type ${describe(value)} cannot be parsed as a time`)
}

// ------------------------------------------------------------------------------------------------------- severity

export const severityFields = {
  parse_from: attr(field, 'The field with the severity.', { required: true }),
  preset: attr(string, 'Values known beforehand: `default`, `otel` or `none`.', { default: 'default' }),
  mapping: attr(map(anyValue), 'Values by severity.', { default: {} }),
  overwrite_text: attr(bool, 'The text becomes the short name of the severity.', { default: false }),
}
export const severitySettings = defineSettings(severityFields)

/** `trace` to `fatal4`, 1 to 24. */
const aliases: ReadonlyMap<string, number> = new Map(severityNames.map((name, number) => [name.toLowerCase(), number]))
/** A longer range is a mistake. */
const rangeMax = 100_000

export function severityReaderOf(settings: SettingsOf<typeof severitySettings>, problem: Problem): Reader {
  const { parse_from: from, overwrite_text: overwrite } = settings
  const numbers = severityNumbers(settings, problem)
  return (entry) => {
    const text = severityTextOf(valueOf(entry, from))
    const number = numbers.get(text) ?? numbers.get(text.toLowerCase()) ?? 0
    entry.severity = number
    entry.severityText = overwrite && number !== 0 ? (severityNames[number] as string) : text
  }
}

function severityNumbers(
  { preset, mapping }: SettingsOf<typeof severitySettings>,
  problem: Problem,
): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>()
  if (preset !== 'none') {
    for (const [alias, number] of aliases) if (number > 0) numbers.set(alias, number).set(String(number), number)
    if (preset !== 'otel' && preset !== 'aliases') {
      for (const suffix of ['', '2', '3', '4']) {
        numbers.set(`warning${suffix}`, aliases.get(`warn${suffix}`) as number)
        numbers.set(`err${suffix}`, aliases.get(`error${suffix}`) as number)
      }
    }
  }
  for (const [severity, values] of mapping) {
    const number = severity === 'default' ? 0 : (aliases.get(severity.toLowerCase()) ?? Number(severity))
    if (!Number.isInteger(number) || number < 0 || number > 24 || severity === '') {
      problem(`unknown severity ${JSON.stringify(severity)}: should be trace to fatal4, or 1 to 24`, [
        'mapping',
        severity,
      ])
      continue
    }
    for (const value of Array.isArray(values) ? (values as readonly Value[]) : [values]) {
      const texts = mappedTexts(value)
      if (texts === undefined)
        problem('a severity is mapped from a text, a number, or a range with min and max', ['mapping', severity])
      else for (const text of texts) numbers.set(text, number)
    }
  }
  return numbers
}

/** Undefined: nothing that could be a severity. */
function mappedTexts(value: Value): readonly string[] | undefined {
  if (typeof value === 'bigint') return [String(value)]
  if (typeof value === 'number') return Number.isInteger(value) ? [String(value)] : undefined
  if (typeof value === 'string') {
    const hundreds = /^([2-5])xx$/.exec(value)
    return hundreds === null ? [value.toLowerCase()] : range(Number(hundreds[1]) * 100, Number(hundreds[1]) * 100 + 99)
  }
  if (typeof value === 'boolean') return [String(value)]
  const ends = entriesOf(value)
  const [min, max] = [Number(ends?.get('min') ?? Number.NaN), Number(ends?.get('max') ?? Number.NaN)]
  if (!Number.isInteger(min) || !Number.isInteger(max) || Math.abs(max - min) > rangeMax) return undefined
  return range(Math.min(min, max), Math.max(min, max))
}

function range(min: number, max: number): string[] {
  return Array.from({ length: max - min + 1 }, (_, i) => String(min + i))
}

function severityTextOf(value: ExprValue): string {
  if (typeof value === 'string') return value
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString()
  if (typeof value === 'number') {
    if (Number.isInteger(value)) return String(value)
    throw new EntryError('type float64 cannot be a severity unless it is a whole number')
  }
  throw new EntryError(`type ${describe(value)} cannot be a severity`)
}

// ---------------------------------------------------------------------------------------------- trace, scope name

const traceField = (name: string) =>
  block(
    defineSettings({ parse_from: attr(field, 'The field with it.', { default: `body.${name}` }) }),
    'Where it is.',
    {
      whenAbsent: 'defaults',
    },
  )
export const traceFields = {
  trace_id: traceField('trace_id'),
  span_id: traceField('span_id'),
  trace_flags: traceField('trace_flags'),
}
export const traceSettings = defineSettings(traceFields)

export function traceReaderOf(settings: SettingsOf<typeof traceSettings>): Reader {
  const [traceId, spanId, flags] = [settings.trace_id, settings.span_id, settings.trace_flags].map(
    (s) => s.parse_from,
  ) as [Field, Field, Field]
  return (entry) => {
    const wrong: string[] = []
    const read = (name: string, from: Field, bytes: number): Uint8Array => {
      const value = from.get(entry)
      if (value === undefined) return new Uint8Array(0)
      const text = typeof value === 'string' ? value : describe(value)
      if (/^(?:[0-9a-fA-F]{2})*$/.test(text)) {
        const found = Buffer.from(text, 'hex')
        // As upstream: too few bytes are filled up with zeros, what is too much is cut off.
        if (found.length === bytes || found.length === 0) return new Uint8Array(found)
        const whole = new Uint8Array(bytes)
        whole.set(found.subarray(0, bytes))
        return whole
      }
      wrong.push(`${name}: ${JSON.stringify(text)} is not hexadecimal`)
      return new Uint8Array(0)
    }
    entry.traceId = read('trace_id', traceId, 16)
    entry.spanId = read('span_id', spanId, 8)
    entry.flags = read('trace_flags', flags, 1)[0] ?? 0
    if (wrong.length > 0) throw new EntryError(`cannot decode the trace: ${wrong.join('; ')}`)
  }
}

export const scopeFields = { parse_from: attr(field, 'The field with the name.', { required: true }) }
export const scopeSettings = defineSettings(scopeFields)

export function scopeReaderOf({ parse_from: from }: SettingsOf<typeof scopeSettings>): Reader {
  return (entry) => {
    const value = valueOf(entry, from)
    if (typeof value !== 'string') throw new EntryError(`scope_name parser: type ${describe(value)} is not a string`)
    entry.scopeName = value
  }
}
