// Converters of maps and lists.
import { Buffer } from 'node:buffer'
import {
  boolLiteral,
  compareValues,
  defineConverter,
  type FunctionDefinition,
  getter,
  type Getter,
  lambda,
  type LambdaFunction,
  list,
  mapGetter,
  optional,
  OttlError,
  type OttlValue,
  sliceGetter,
  storable,
  stringLiteral,
  type TransformContext,
  typeName,
} from '#component/ottl'
import { quote } from '#lib/go_quote'
import type { AnyValue, Attributes } from '#pdata/otlp'
import { anyValueText, attributeValue, cloneAnyValue, KeyValueList } from '#pdata/otlp'
import { AttributeIndex } from './attribute_index.ts'

const keys = defineConverter({
  name: 'Keys',
  parameters: { target: mapGetter },
  create:
    ({ target }) =>
    (context) =>
      target(context).entries.map((entry) => entry.key),
})

const values = defineConverter({
  name: 'Values',
  parameters: { target: mapGetter },
  create:
    ({ target }) =>
    (context) =>
      target(context).entries.map((entry) => cloneAnyValue(entry.value)),
})

const containsValue = defineConverter({
  name: 'ContainsValue',
  parameters: { target: sliceGetter, item: getter },
  create({ target, item }) {
    return (context) => {
      const items = target(context)
      return indexIn(items, item(context)) >= 0
    }
  },
})

function indexIn(items: readonly OttlValue[], wanted: OttlValue): number {
  for (let i = 0; i < items.length; i++) if (compareValues(items[i] ?? null, '==', wanted)) return i
  return -1
}

const index = defineConverter({
  name: 'Index',
  parameters: { target: getter, value: getter },
  create({ target, value }) {
    return (context) => {
      const where = target(context)
      const wanted = value(context)
      if (typeof where === 'string') {
        if (typeof wanted !== 'string') {
          throw new OttlError('invalid value type for Index function, value must be a string')
        }
        const at = where.indexOf(wanted)
        return BigInt(at <= 0 ? at : Buffer.byteLength(where.slice(0, at)))
      }
      if (!Array.isArray(where)) throw new OttlError(`expected pcommon.Slice but got ${typeName(where)}`)
      return BigInt(indexIn(where, wanted))
    }
  },
})

// ------------------------------------------------------------------------------------------------------- sorting

const sort = defineConverter({
  name: 'Sort',
  parameters: { target: getter, order: optional(stringLiteral) },
  create({ target, order = 'asc' }) {
    if (order !== 'asc' && order !== 'desc') {
      throw new OttlError(`invalid arguments: ${order}. Order should be either "asc" or "desc"`)
    }
    const sign = order === 'asc' ? 1 : -1
    return (context) => {
      const items = target(context)
      if (!Array.isArray(items)) {
        throw new OttlError(
          `sort with unsupported type: '${items === null ? '<nil>' : typeName(items)}'. Target is not a list`,
        )
      }
      return sorted(items, sign)
    }
  },
})

/** By number where all are numbers, else by text; with a map, a list or bytes among them as they were. */
function sorted(items: readonly AnyValue[], sign: number): AnyValue[] {
  if (items.every((item) => typeof item === 'bigint' || typeof item === 'number')) {
    return items.toSorted((a, b) => sign * byNumber(a, b))
  }
  if (items.some((item) => typeof item === 'object' && item !== null)) return items.map(cloneAnyValue)
  const byText = items.map((value) => ({ value, bytes: Buffer.from(anyValueText(value)) }))
  return byText.sort((a, b) => sign * Buffer.compare(a.bytes, b.bytes)).map((item) => item.value)
}

/** NaN comes before all other numbers. Integers compare exactly with one another. */
function byNumber(a: bigint | number, b: bigint | number): number {
  if (a < b) return -1
  if (a > b) return 1
  return Number(Number.isNaN(b)) - Number(Number.isNaN(a))
}

// ------------------------------------------------------------------------------------------------- with lambdas

/** Called for each item with its key or index and its value, in their order; true: that is enough. */
type Visit = (key: string | bigint, value: AnyValue) => boolean

/** Visit what `source` gives; throws where that is neither a list nor a map. */
function visit(given: OttlValue, each: Visit): void {
  if (given instanceof KeyValueList) {
    for (const { key, value } of given.entries) if (each(key, value)) return
  } else if (Array.isArray(given)) {
    for (let i = 0; i < given.length; i++) if (each(BigInt(i), given[i] ?? null)) return
  } else {
    throw new OttlError(`expected pcommon.Slice or pcommon.Map but got ${typeName(given)}`)
  }
}

const predicate = lambda('bool', 'key', 'value')

/** Does one item meet the predicate (`wanted` true), or fail to (`wanted` false)? */
function hasItem(
  source: Getter,
  test: LambdaFunction<boolean>,
  wanted: boolean,
): (context: TransformContext) => boolean {
  return (context) => {
    let isFound = false
    visit(source(context), (key, value) => (isFound = test(context, key, value) === wanted))
    return isFound
  }
}

const any = defineConverter({
  name: 'Any',
  parameters: { source: getter, predicate },
  create: ({ source, predicate: test }) => hasItem(source, test, true),
})

const all = defineConverter({
  name: 'All',
  parameters: { source: getter, predicate },
  create({ source, predicate: test }) {
    const isMissed = hasItem(source, test, false)
    return (context) => !isMissed(context)
  },
})

const find = defineConverter({
  name: 'Find',
  parameters: { source: getter, predicate, mapper: optional(lambda('any', 'key', 'value')) },
  create({ source, predicate: test, mapper }) {
    return (context) => {
      let found: OttlValue = null
      visit(source(context), (key, value) => {
        if (!test(context, key, value)) return false
        found = mapper === undefined ? cloneAnyValue(value) : mapper(context, key, value)
        return true
      })
      return found
    }
  },
})

/** A list or map like `given`, of what `make` gives for each item; undefined leaves the item out. */
function remade(given: OttlValue, make: (key: string | bigint, value: AnyValue) => AnyValue | undefined): AnyValue {
  const entries: Attributes = []
  const items: AnyValue[] = []
  visit(given, (key, value) => {
    const made = make(key, value)
    if (made === undefined) return false
    if (typeof key === 'string') entries.push({ key, value: made })
    else items.push(made)
    return false
  })
  return given instanceof KeyValueList ? new KeyValueList(entries) : items
}

const filter = defineConverter({
  name: 'Filter',
  parameters: { source: getter, predicate },
  create:
    ({ source, predicate: test }) =>
    (context) =>
      remade(source(context), (key, value) => (test(context, key, value) ? cloneAnyValue(value) : undefined)),
})

const mapEach = defineConverter({
  name: 'MapEach',
  parameters: { source: getter, mapper: lambda('any', 'key', 'value') },
  create:
    ({ source, mapper }) =>
    (context) =>
      remade(source(context), (key, value) => storable(mapper(context, key, value))),
})

/** Of keys that become one, the last value counts, at the first one's place. */
const mapKeys = defineConverter({
  name: 'MapKeys',
  parameters: { source: mapGetter, key_mapper: lambda('string', 'key', 'value') },
  create({ source, key_mapper }) {
    return (context) => {
      const entries: Attributes = []
      const seen = new AttributeIndex(entries)
      for (const { key, value } of source(context).entries) {
        seen.set(key_mapper(context, key, value), cloneAnyValue(value))
      }
      return new KeyValueList(entries)
    }
  },
})

const reduce = defineConverter({
  name: 'Reduce',
  parameters: { source: getter, seed: getter, accumulator: lambda('any', 'accumulated', 'key', 'value') },
  create({ source, seed, accumulator }) {
    return (context) => {
      const given = source(context)
      let accumulated = seed(context)
      visit(given, (key, value) => {
        accumulated = accumulator(context, accumulated, key, value)
        return false
      })
      return accumulated
    }
  },
})

// ------------------------------------------------------------------------------------------------- between both

const sliceToMap = defineConverter({
  name: 'SliceToMap',
  parameters: {
    target: sliceGetter,
    key_path: optional(list(stringLiteral)),
    value_path: optional(list(stringLiteral)),
  },
  create({ target, key_path, value_path }) {
    return (context) => {
      const entries: Attributes = []
      const seen = new AttributeIndex(entries)
      for (const [i, item] of target(context).entries()) {
        const key = key_path === undefined ? String(i) : keyAt(item, key_path, i)
        const value = value_path === undefined ? item : found(item, value_path, `value from element ${i}`)
        seen.set(key, cloneAnyValue(value))
      }
      return new KeyValueList(entries)
    }
  },
})

function keyAt(item: AnyValue, path: readonly string[], i: number): string {
  const key = found(item, path, `key from element ${i}`)
  if (typeof key === 'string') return key
  throw new OttlError(`element ${i}: extracted key attribute is not of type string, got ${quote(kindName(key))}`)
}

function found(item: AnyValue, path: readonly string[], what: string): AnyValue {
  if (!(item instanceof KeyValueList)) {
    throw new OttlError(
      `slice elements must be maps when using \`key_path\` or \`value_path\`, but could not cast element of type \`${kindName(item)}\` to a map`,
    )
  }
  if (path.length === 0) throw new OttlError(`could not extract ${what}: must provide at least one path item`)
  let at: AnyValue | undefined = item
  for (const key of path) at = at instanceof KeyValueList ? attributeValue(at.entries, key) : undefined
  if (at !== undefined) return at
  throw new OttlError(`could not extract ${what}: provided object does not contain the path [${path.join(' ')}]`)
}

/** A value's type by pdata's short names. */
function kindName(value: AnyValue): string {
  switch (typeof value) {
    case 'string':
      return 'Str'
    case 'boolean':
      return 'Bool'
    case 'bigint':
      return 'Int'
    case 'number':
      return 'Double'
    default:
  }
  if (value === null) return 'Empty'
  if (value instanceof Uint8Array) return 'Bytes'
  return Array.isArray(value) ? 'Slice' : 'Map'
}

const toKeyValueString = defineConverter({
  name: 'ToKeyValueString',
  parameters: {
    target: mapGetter,
    delimiter: optional(stringLiteral),
    pair_delimiter: optional(stringLiteral),
    sort_output: optional(boolLiteral),
  },
  create({ target, delimiter = '=', pair_delimiter = ' ', sort_output = false }) {
    checkDelimiters(delimiter, pair_delimiter)
    const shown = (text: string): string => {
      const escaped = text.replaceAll('"', '\\"')
      return escaped.includes(pair_delimiter) || escaped.includes(delimiter) ? `"${escaped}"` : escaped
    }
    return (context) => {
      const { entries } = target(context)
      const ordered = sort_output ? entries.toSorted((a, b) => byKey(a.key, b.key)) : entries
      return ordered.map(({ key, value }) => shown(key) + delimiter + shown(anyValueText(value))).join(pair_delimiter)
    }
  },
})

function byKey(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** Throws `OttlError` where one is empty or both are the same. */
export function checkDelimiters(delimiter: string, pairDelimiter: string): void {
  if (delimiter === '') throw new OttlError('delimiter cannot be set to an empty string')
  if (pairDelimiter === '') throw new OttlError('pair delimiter cannot be set to an empty string')
  if (delimiter !== pairDelimiter) return
  throw new OttlError(`pair delimiter ${quote(pairDelimiter)} cannot be equal to delimiter ${quote(delimiter)}`)
}

export const collectionConverters: readonly FunctionDefinition[] = [
  all,
  any,
  containsValue,
  filter,
  find,
  index,
  keys,
  mapEach,
  mapKeys,
  reduce,
  sliceToMap,
  sort,
  toKeyValueString,
  values,
]
