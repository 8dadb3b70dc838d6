// Converters from one type to another, and questions about a value's type.
import { Buffer } from 'node:buffer'
import {
  boolLikeGetter,
  defineConverter,
  Duration,
  floatLikeGetter,
  type FunctionDefinition,
  type Getter,
  getter,
  intGetter,
  intLikeGetter,
  lambda,
  list,
  OttlError,
  type OttlValue,
  type ParameterType,
  stringGetter,
  stringLikeGetter,
  TelemetryList,
  Time,
  typeName,
} from '#component/ottl'
import { floatText } from '#lib/go_float_text'
import { parseInt64, ParseNumberError } from '#lib/go_numbers'
import { quote } from '#lib/go_quote'
import { KeyValueList } from '#pdata/otlp'

// ---------------------------------------------------------------------------------------------------- conversions

/** What the parameter's type makes of the value; nil where it makes nothing of it. */
function conversion<T extends OttlValue>(name: string, target: ParameterType<Getter<T>>): FunctionDefinition {
  return defineConverter({ name, parameters: { target }, create: ({ target: converted }) => converted })
}

const parseInt = defineConverter({
  name: 'ParseInt',
  parameters: { target: stringGetter, base: intGetter },
  create({ target, base }) {
    return (context) => {
      const text = target(context)
      if (text === '') throw new OttlError('invalid target value for ParseInt function, target cannot be empty')
      const given = base(context)
      if (given < 0n) {
        throw new OttlError(`invalid base value: ${given} for ParseInt function, base cannot be negative`)
      }
      try {
        return parseInt64(text, 'ParseInt', given)
      } catch (error) {
        throw error instanceof ParseNumberError ? new OttlError(error.message) : error
      }
    }
  },
})

const coalesce = defineConverter({
  name: 'Coalesce',
  parameters: { values: list(getter) },
  create({ values }) {
    if (values.length === 0) throw new OttlError('Coalesce requires at least one argument')
    return (context) => {
      for (let i = 0; i < values.length; i++) {
        const value = (values[i] as Getter)(context)
        if (value !== null) return value
      }
      return null
    }
  },
})

/** Only the value that is chosen is worked out. */
const when = defineConverter({
  name: 'When',
  parameters: { condition: lambda('bool'), true_value: getter, false_value: getter },
  create:
    ({ condition, true_value, false_value }) =>
    (context) =>
      condition(context) ? true_value(context) : false_value(context),
})

// --------------------------------------------------------------------------------------------------------- numbers

const log = defineConverter({
  name: 'Log',
  parameters: { target: floatLikeGetter },
  create({ target }) {
    return (context) => {
      const value = target(context)
      if (value === null) throw new OttlError('invalid input: <nil>')
      if (value <= 0) {
        throw new OttlError(`invalid input: expected number greater than zero but got ${floatText(value, 'g', -1)}`)
      }
      return Math.log(value)
    }
  },
})

const isValidLuhn = defineConverter({
  name: 'IsValidLuhn',
  parameters: { target: stringLikeGetter },
  create({ target }) {
    return (context) => {
      const given = target(context)
      if (given === null) throw new OttlError('invalid input: <nil>')
      const digits = given.replaceAll(' ', '')
      if (digits === '') return false
      const wrong = /[^0-9]/.exec(digits)
      if (wrong !== null) throw new OttlError(`strconv.Atoi: parsing ${quote(wrong[0])}: invalid syntax`)
      return luhnSum(digits) % 10 === 0
    }
  },
})

/** The sum of all digits, every second from the right doubled, without the last digit's place in the doubling. */
function luhnSum(digits: string): number {
  let sum = 0
  for (let i = digits.length - 1, isDoubled = false; i >= 0; i--, isDoubled = !isDoubled) {
    const digit = digits.charCodeAt(i) - 48
    const doubled = digit * 2
    sum += !isDoubled ? digit : doubled > 9 ? doubled - 9 : doubled
  }
  return sum
}

// ------------------------------------------------------------------------------------------------ questions of type

function question(name: string, holds: (value: OttlValue) => boolean): FunctionDefinition {
  return defineConverter({
    name,
    parameters: { target: getter },
    create:
      ({ target }) =>
      (context) =>
        holds(target(context)),
  })
}

/** The nanoseconds of Go's zero time, the beginning of the year 1. */
const zeroTimeNanos = -62_135_596_800n * 1_000_000_000n

function isEmptyValue(value: OttlValue): boolean {
  switch (typeof value) {
    case 'string':
      return value === ''
    case 'boolean':
      return !value
    case 'bigint':
      return value === 0n
    case 'number':
      return value === 0
    default:
  }
  if (value === null) return true
  if (value instanceof KeyValueList) return value.entries.length === 0
  if (Array.isArray(value)) return value.length === 0
  if (value instanceof Uint8Array) return isEmptyId(value)
  if (value instanceof Time) return value.unixNano === zeroTimeNanos
  return value instanceof Duration ? value.nanos === 0n : value.items.length === 0
}

/** Ids are bytes here: those of an id's length that are all zero count as the id that is not set. */
function isEmptyId(bytes: Uint8Array): boolean {
  return bytes.length === 0 || ((bytes.length === 8 || bytes.length === 16) && bytes.every((byte) => byte === 0))
}

const len = defineConverter({
  name: 'Len',
  parameters: { target: getter },
  create({ target }) {
    return (context) => {
      const value = target(context)
      if (typeof value === 'string') return BigInt(Buffer.byteLength(value))
      if (Array.isArray(value) || value instanceof Uint8Array) return BigInt(value.length)
      if (value instanceof KeyValueList) return BigInt(value.entries.length)
      if (value instanceof TelemetryList) return BigInt(value.items.length)
      throw new OttlError(
        `Len: unsupported target type ${value === null ? '<nil>' : typeName(value)}. target arg must be of type string, list, map or bytes, or a list of telemetry`,
      )
    }
  },
})

export const conversions: readonly FunctionDefinition[] = [
  conversion('Bool', boolLikeGetter),
  coalesce,
  conversion('Double', floatLikeGetter),
  conversion('Int', intLikeGetter),
  question('IsBool', (value) => typeof value === 'boolean'),
  question('IsDouble', (value) => typeof value === 'number'),
  question('IsEmpty', isEmptyValue),
  question('IsInt', (value) => typeof value === 'bigint'),
  question('IsList', (value) => Array.isArray(value) || value instanceof TelemetryList),
  question('IsMap', (value) => value instanceof KeyValueList),
  question('IsString', (value) => typeof value === 'string'),
  isValidLuhn,
  len,
  log,
  parseInt,
  conversion('String', stringLikeGetter),
  when,
]
