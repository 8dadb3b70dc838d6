// Types of settings that the gRPC and HTTP clients of the collector's configurations share.
import {
  attr,
  customType,
  defineSettings,
  entriesOf,
  kindOf,
  Secret,
  secret,
  string,
  type Type,
  type Value,
  ValueError,
} from '#component'
import { otelHandler } from '#component/otel_extension'

export type Headers = ReadonlyMap<string, Secret>

/**
 * Headers as YAML writes them: a map, or a list of `{ name, value }`, of which a later one with the same name counts.
 */
export const headerPairs: Type<Headers> = customType<Headers>({
  name: 'map(secret)',
  zero: new Map<string, Secret>(),
  decode(value) {
    const out = new Map<string, Secret>()
    if (Array.isArray(value)) {
      value.forEach((item: Value, i) => {
        const entries = entriesOf(item)
        const pair = entries && new Map(entries)
        const name = pair?.get('name')
        if (typeof name !== 'string') throw new ValueError('should have a name and a value', [i])
        out.set(name, headerValue(pair?.get('value') ?? '', i))
      })
      return out
    }
    const entries = entriesOf(value)
    if (!entries) throw new ValueError(`should be a map or a list of name and value, got ${kindOf(value)}`)
    for (const [name, item] of entries) out.set(name, headerValue(item, name))
    return out
  },
  accepts: (from) => from.startsWith('map(') || from.startsWith('list('),
  json: { type: ['object', 'array'] },
})

function headerValue(value: Value, at: string | number): Secret {
  if (value === null || value instanceof Secret) return value ?? new Secret('')
  if (typeof value === 'string') return secret.decode(value)
  if (typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean')
    return new Secret(String(value))
  throw new ValueError(`should be string, got ${kindOf(value)}`, [at])
}

/** `auth` in YAML: the id of an extension. */
export const yamlAuth = defineSettings({
  authenticator: attr(otelHandler, 'The extension that authenticates requests.', { required: true }),
})

/** `middlewares` in YAML. */
export const yamlMiddleware = defineSettings(
  { id: attr(string, 'An extension that requests pass through.', { default: '' }) },
  { check: (_, report) => report('Cannot use middlewares: no extension here is one', ['id']) },
)

/** Names in lower case, values as they are sent. */
export function revealed(headers: Headers | ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map(
    [...headers].map(([name, value]) => [name.toLowerCase(), typeof value === 'string' ? value : value.reveal()]),
  )
}
