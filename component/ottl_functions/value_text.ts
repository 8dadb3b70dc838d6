// Values in texts as Go's package fmt writes them.
import { Duration, type OttlValue, OttlError, TelemetryList, Time, typeName } from '#component/ottl'
import { durationText } from '#lib/go_duration'
import { FormatLengthError, goSprintf, type GoPrinter, goText, type GoValues } from '#lib/go_format'
import { compileLayout } from '#lib/go_layout'
import { timeWriter } from '#lib/go_time'
import { KeyValueList } from '#pdata/otlp'
import { isDateable } from './times.ts'

const goValues: GoValues<OttlValue> = {
  typeName: goTypeName,
  entries: (value) =>
    value instanceof KeyValueList ? new Map(value.entries.map((entry) => [entry.key, entry.value])) : undefined,
  items: (value) => (Array.isArray(value) ? value : undefined),
  special,
  isPointer: () => false,
}

function goTypeName(value: OttlValue): string {
  return value === null ? '<nil>' : typeName(value)
}

function special(value: OttlValue, verb: string, out: GoPrinter<OttlValue>): boolean {
  if (value instanceof Uint8Array) {
    if (verb === 's' || verb === 'q' || verb === 'x' || verb === 'X') out.bytes(value, verb)
    else out.list([...value].map(BigInt), verb, 0)
    return true
  }
  const isText = verb === 'v' || verb === 's' || verb === 'q' || verb === 'x' || verb === 'X'
  if (value instanceof Duration) {
    if (isText) out.string(durationText(value.nanos), verb)
    else if ('bcdoOU'.includes(verb)) out.integer(value.nanos, verb)
    else return false
    return true
  }
  if (value instanceof Time && isText) {
    out.string(timeText(value), verb)
    return true
  }
  if (!(value instanceof TelemetryList) || !isText) return false
  out.string(value.type, verb)
  return true
}

const timeSteps = compileLayout('2006-01-02 15:04:05.999999999 -0700 MST')

/** `2023-01-02 15:04:05.5 +0100 CET`: Go's `time.Time.String`. */
function timeText({ unixNano, zone }: Time): string {
  return isDateable(unixNano) ? timeWriter(timeSteps, zone)(unixNano) : `${unixNano}ns since the epoch`
}

/** Go's `%v` of a value, as messages show it. */
export function valueText(value: OttlValue): string {
  return value === null ? '<nil>' : checked(() => goText(value, goValues))
}

/** Go's `fmt.Sprintf`. Throws `OttlError` where the text grows too long. */
export function formatValues(template: string, values: readonly OttlValue[]): string {
  return checked(() => goSprintf(template, values, goValues))
}

function checked(format: () => string): string {
  try {
    return format()
  } catch (error) {
    throw error instanceof FormatLengthError ? new OttlError(error.message) : error
  }
}
