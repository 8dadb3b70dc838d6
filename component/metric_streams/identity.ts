// What tells one stream of data points from another: resource, scope, metric and attributes, as text.
import type { AnyValue, Attributes, Metric, Resource, Scope } from '#pdata/otlp'
import { KeyValueList } from '#pdata/otlp'

/**
 * A key for a set of attributes. Equal sets give equal keys whatever their order; sets that differ in a key, a value or a
 * value's type give different ones. Empty: the empty string.
 */
export function attributesKey(attributes: Attributes): string {
  if (attributes.length === 0) return ''
  const ordered = inOrder(attributes)
  let text = ''
  for (let i = 0; i < ordered.length; i++) {
    const { key, value } = ordered[i]!
    text += `${key.length}:${key}${valueKey(value)}`
  }
  return text
}

/** By key. Attributes are few and mostly in order already: inserting each at its place is fastest then. */
function inOrder(attributes: Attributes): Attributes {
  let ordered = attributes
  for (let i = 1; i < attributes.length; i++) {
    const one = ordered[i]!
    if (ordered[i - 1]!.key <= one.key) continue
    if (ordered === attributes) ordered = attributes.slice()
    let at = i
    for (; at > 0 && ordered[at - 1]!.key > one.key; at--) ordered[at] = ordered[at - 1]!
    ordered[at] = one
  }
  return ordered
}

/** Every value says how long it is or where it ends, so that no two sequences of values look the same. */
function valueKey(value: AnyValue): string {
  switch (typeof value) {
    case 'string':
      return `s${value.length}:${value}`
    case 'boolean':
      return value ? 't' : 'f'
    case 'bigint':
      return `i${value};`
    case 'number':
      return Object.is(value, -0) ? 'd-0;' : `d${value};`
    default:
  }
  if (value === null) return 'n'
  if (value instanceof Uint8Array)
    return `b${Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex')};`
  if (value instanceof KeyValueList) return `m${attributesKey(value.entries)};`
  let text = 'l'
  for (const item of value) text += valueKey(item)
  return `${text};`
}

/** A key for what a scope's metrics have in common. */
export function scopeKey(resource: Resource, scope: Scope): string {
  const own = attributesKey(resource.attributes)
  const { name, version } = scope
  return `${own.length}:${own}${name.length}:${name}${version.length}:${version}${attributesKey(scope.attributes)}`
}

/** A key for one metric below `scope` (a `scopeKey`): name, unit, kind, monotonicity and temporality. */
export function metricKey(scope: string, metric: Metric): string {
  const { name, unit, data } = metric
  let shape: string = data.kind
  if ('temporality' in data) shape += data.temporality
  if (data.kind === 'sum' && data.isMonotonic) shape += 'm'
  return `${shape}|${name.length}:${name}${unit.length}:${unit}${scope}`
}
