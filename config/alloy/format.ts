// Go's `fmt.Sprintf` for configuration values.
import type { Value } from '#component'
import { Capsule, entriesOf, FunctionValue, OptionalSecret, Secret, ValueError } from '#component'
import { FormatLengthError, formattedLengthMax, type GoPrinter, goSprintf, type GoValues } from '#lib/go_format'

export { formattedLengthMax }

const int64Max = 2n ** 63n - 1n

/**
 * `template` with its verbs replaced by `args`. Secrets among them are written out: what comes back is for their owner
 * to hide. Throws `ValueError` when the text grows past `formattedLengthMax`.
 */
export function sprintf(template: string, args: readonly Value[]): string {
  try {
    return goSprintf(template, args, goValues)
  } catch (error) {
    throw error instanceof FormatLengthError ? new ValueError(error.message) : error
  }
}

const goValues: GoValues<Value> = {
  typeName: goType,
  entries: (value) => (typeof value === 'object' && value !== null ? entriesOf(value) : undefined),
  items(value) {
    if (value instanceof Uint8Array) return [...value].map(BigInt)
    return Array.isArray(value) ? value : undefined
  },
  special,
  isPointer: (value) => value instanceof FunctionValue,
}

function special(value: Value, verb: string, out: GoPrinter<Value>): boolean {
  if (value instanceof Secret) {
    out.string(value.reveal(), verb)
    return true
  }
  if (value instanceof OptionalSecret) {
    out.raw('{')
    out.boolean(value.isSecret, verb)
    out.raw(' ')
    out.string(value.reveal(), verb)
    out.raw('}')
    return true
  }
  if (!(value instanceof FunctionValue || value instanceof Capsule)) return false
  out.raw(goType(value))
  return true
}

/** Go's name of the type that a value is decoded to where anything is accepted. */
function goType(value: Value): string {
  if (value === null) return '<nil>'
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'bigint':
      return value > int64Max ? 'uint64' : 'int'
    case 'number':
      return 'float64'
    case 'string':
      return 'string'
    default:
  }
  if (Array.isArray(value) || value instanceof Uint8Array) return '[]interface {}'
  if (value instanceof Map) return 'map[string]interface {}'
  if (value instanceof Secret) return 'alloytypes.Secret'
  if (value instanceof OptionalSecret) return 'alloytypes.OptionalSecret'
  if (value instanceof FunctionValue) return 'function'
  return value instanceof Capsule ? value.type : 'discovery.Target'
}
