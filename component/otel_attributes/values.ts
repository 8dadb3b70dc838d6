// Values of the configuration languages as OTLP's values.
import type { Value } from '#component'
import { entriesOf, OptionalSecret, ValueError } from '#component'
import type { AnyValue } from '#pdata/otlp'
import { KeyValueList } from '#pdata/otlp'

/**
 * `value` as OTLP has it: integers are int_value, floats double_value, objects and targets kvlist_value. Throws
 * `ValueError` for secrets, functions and capsules, which have no such form.
 */
export function anyValueFrom(value: Value): AnyValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number')
    return value
  if (typeof value === 'bigint') return BigInt.asIntN(64, value)
  if (value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map((item: Value) => anyValueFrom(item))
  if (value instanceof OptionalSecret && !value.isSecret) return value.reveal()
  const entries = entriesOf(value)
  if (!entries) throw new ValueError('should be a string, number, bool, list or object')
  return new KeyValueList([...entries].map(([key, item]) => ({ key, value: anyValueFrom(item) })))
}
