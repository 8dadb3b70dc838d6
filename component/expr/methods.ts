// Methods of values in expressions: those of Go's time.Time that `timestamp` has.
import { compileLayout, dayNames, monthNames, writeLayout } from '#lib/go_layout'
import { ExprError, ExprTime, type ExprValue, typeName } from './value.ts'

const utc = { offsetMs: 0, zone: 'UTC' }

/** Throws `ExprError` where the value has no such method. */
export function callMethod(object: ExprValue, name: string, args: readonly ExprValue[]): ExprValue {
  if (!(object instanceof ExprTime)) throw new ExprError(`cannot call ${name} of ${typeName(object)}`)
  const { ns } = object
  const date = new Date(Number(ns / 1_000_000n))
  const [argument] = args
  switch (name) {
    case 'Unix':
      return ns / 1_000_000_000n
    case 'UnixMilli':
      return ns / 1_000_000n
    case 'UnixMicro':
      return ns / 1000n
    case 'UnixNano':
      return ns
    case 'IsZero':
      return ns === 0n
    case 'Year':
      return BigInt(date.getUTCFullYear())
    case 'Month':
      return monthNames[date.getUTCMonth()] as string
    case 'Day':
      return BigInt(date.getUTCDate())
    case 'Weekday':
      return dayNames[date.getUTCDay()] as string
    case 'Hour':
      return BigInt(date.getUTCHours())
    case 'Minute':
      return BigInt(date.getUTCMinutes())
    case 'Second':
      return BigInt(date.getUTCSeconds())
    case 'Nanosecond':
      return ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
    case 'Before':
    case 'After':
    case 'Equal':
      if (!(argument instanceof ExprTime)) break
      return name === 'Equal' ? ns === argument.ns : name === 'Before' ? ns < argument.ns : ns > argument.ns
    case 'Format':
      if (typeof argument !== 'string') break
      return writeLayout(compileLayout(argument), ns, utc)
    case 'UTC':
      return object
  }
  throw new ExprError(`time has no method ${name} for these arguments`)
}
