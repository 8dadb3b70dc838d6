// Editors of fields, maps and lists.
import { Buffer } from 'node:buffer'
import {
  boolLiteral,
  defineEditor,
  Duration,
  type FunctionDefinition,
  type Getter,
  getSetter,
  getter,
  intGetter,
  intLiteral,
  list,
  literalOf,
  mapGetSetter,
  mapGetter,
  optional,
  OttlError,
  type OttlValue,
  setter,
  stringGetter,
  stringLiteral,
  TelemetryList,
  Time,
  typeName,
} from '#component/ottl'
import type { AnyValue, Attributes } from '#pdata/otlp'
import { anyValueText, attributeValue, cloneAnyValue, deleteAttribute, KeyValueList } from '#pdata/otlp'
import { AttributeIndex } from './attribute_index.ts'
import { regexpOf } from './patterns.ts'
import { byteCut } from './strings.ts'

const set = defineEditor({
  name: 'set',
  parameters: { target: setter, value: getter },
  create({ target, value }) {
    return (context) => {
      const found = value(context)
      // Nothing that is set can hold nil.
      if (found !== null) target.set(context, found)
      return null
    }
  },
})

// ------------------------------------------------------------------------------------------------------- lists

const append = defineEditor({
  name: 'append',
  parameters: { target: getSetter, value: optional(getter), values: optional(list(getter)) },
  create({ target, value, values }) {
    if (value === undefined && values === undefined) {
      throw new OttlError("at least one of the optional arguments ('value' or 'values') must be provided")
    }
    return (context) => {
      const before = target.get(context)
      if (before instanceof KeyValueList) throw new OttlError('a map cannot be appended to')
      const after: AnyValue[] = Array.isArray(before) ? before.slice() : []
      if (before !== null && !Array.isArray(before)) after.push(element(before))
      if (value !== undefined) after.push(element(value(context)))
      if (values !== undefined) for (const each of values) after.push(element(each(context)))
      target.set(context, after)
      return null
    }
  },
})

function element(value: OttlValue): AnyValue {
  if (value instanceof Time || value instanceof Duration || value instanceof TelemetryList) {
    throw new OttlError(`<Invalid value type ${typeName(value)}>`)
  }
  return value
}

const deleteIndex = defineEditor({
  name: 'delete_index',
  parameters: { target: getSetter, start_index: intGetter, end_index: optional(intGetter) },
  create({ target, start_index, end_index }) {
    return (context) => {
      const items = target.get(context)
      if (!Array.isArray(items)) throw new OttlError(`expected pcommon.Slice but got ${typeName(items)}`)
      const start = start_index(context)
      const end = end_index === undefined ? start + 1n : end_index(context)
      const length = BigInt(items.length)
      // All of an empty list may be deleted.
      if (!(start === 0n && end === length)) checkRange(start, end, length)
      items.splice(Number(start), Number(end - start))
      target.set(context, items)
      return null
    }
  },
})

function checkRange(start: bigint, end: bigint, length: bigint): void {
  if (start < 0n || start >= length) {
    throw new OttlError(`startIndex ${start} out of bounds for slice of length ${length}`)
  }
  if (end < start) throw new OttlError(`endIndex ${end} cannot be less than startIndex ${start}`)
  if (end > length) {
    throw new OttlError(`deletion range [${start}:${end}] out of bounds for slice of length ${length}`)
  }
}

// --------------------------------------------------------------------------------------------- keys that go or stay

const deleteKey = defineEditor({
  name: 'delete_key',
  parameters: { target: mapGetSetter, key: stringGetter },
  create({ target, key }) {
    const known = literalOf(key)
    if (known !== undefined && target.deleteKey !== undefined) {
      const remove = target.deleteKey(known.value)
      return (context) => {
        remove(context)
        return null
      }
    }
    return (context) => {
      deleteAttribute(target.get(context).entries, key(context))
      return null
    }
  },
})

const deleteMatchingKeys = matchingKeys('delete_matching_keys', false)
const keepMatchingKeys = matchingKeys('keep_matching_keys', true)

function matchingKeys(name: string, isKept: boolean): FunctionDefinition {
  return defineEditor({
    name,
    parameters: { target: mapGetSetter, pattern: stringGetter },
    create({ target, pattern }) {
      const regexpFor = regexpOf(name, pattern)
      return (context) => {
        const regexp = regexpFor(context)
        const { entries } = target.get(context)
        let kept = 0
        for (let i = 0; i < entries.length; i++) {
          const entry = entries[i] as Attributes[number]
          if (regexp.test(entry.key) === isKept) entries[kept++] = entry
        }
        entries.length = kept
        return null
      }
    },
  })
}

const keepKeys = defineEditor({
  name: 'keep_keys',
  parameters: { target: mapGetSetter, keys: list(stringGetter) },
  create({ target, keys }) {
    const keysFor = keySetOf(keys)
    return (context) => {
      const { entries } = target.get(context)
      const wanted = keysFor(context)
      let kept = 0
      for (let i = 0; i < entries.length; i++) {
        const entry = entries[i] as Attributes[number]
        if (wanted.has(entry.key)) entries[kept++] = entry
      }
      entries.length = kept
      return null
    }
  },
})

function keySetOf(keys: readonly Getter<string>[]): Getter<ReadonlySet<string>> {
  const known = keys.map((key) => literalOf(key))
  if (known.every((literal) => literal !== undefined)) {
    const wanted = new Set(known.map((literal) => literal.value))
    return () => wanted
  }
  return (context) => new Set(keys.map((key) => key(context)))
}

const limit = defineEditor({
  name: 'limit',
  parameters: { target: mapGetSetter, limit: intLiteral, priority_keys: list(stringLiteral) },
  create({ target, limit: given, priority_keys }) {
    if (given < 0n) throw new OttlError(`invalid limit for limit function, ${given} cannot be negative`)
    if (given < BigInt(priority_keys.length)) {
      throw new OttlError(
        `invalid limit for limit function, ${given} cannot be less than number of priority attributes ${priority_keys.length}`,
      )
    }
    const most = Number(given)
    const prior = new Set(priority_keys)
    return (context) => {
      const { entries } = target.get(context)
      if (entries.length <= most) return null
      let count = 0
      for (const key of priority_keys) if (attributeValue(entries, key) !== undefined) count++
      let kept = 0
      for (let i = 0; i < entries.length; i++) {
        const entry = entries[i] as Attributes[number]
        const isPrior = prior.has(entry.key)
        if (!isPrior && count >= most) continue
        if (!isPrior) count++
        entries[kept++] = entry
      }
      entries.length = kept
      return null
    }
  },
})

// ------------------------------------------------------------------------------------------------- whole maps

const mergeMaps = defineEditor({
  name: 'merge_maps',
  parameters: { target: mapGetSetter, source: mapGetter, strategy: stringLiteral },
  create({ target, source, strategy }) {
    if (strategy !== 'insert' && strategy !== 'update' && strategy !== 'upsert') {
      throw new OttlError(`invalid value for strategy, ${strategy}, must be 'insert', 'update' or 'upsert'`)
    }
    return (context) => {
      const { entries } = target.get(context)
      const given = source(context).entries
      if (given === entries) return null
      const known = new AttributeIndex(entries)
      for (const { key, value } of given) {
        if (strategy !== (known.has(key) ? 'insert' : 'update')) known.set(key, cloneAnyValue(value))
      }
      return null
    }
  },
})

const flatten = defineEditor({
  name: 'flatten',
  parameters: {
    target: mapGetSetter,
    prefix: optional(stringLiteral),
    depth: optional(intLiteral),
    resolve_conflicts: optional(boolLiteral),
  },
  create({ target, prefix = '', depth, resolve_conflicts = false }) {
    if (depth !== undefined && depth < 1n) {
      throw new OttlError(`invalid depth '${depth}' for flatten function, must be greater than 0`)
    }
    const levels = depth === undefined ? Number.POSITIVE_INFINITY : Number(depth)
    return (context) => {
      const { entries } = target.get(context)
      const flat = new Flattener(levels, resolve_conflicts)
      flat.map(entries, prefix === '' ? '' : `${prefix}.`, 0)
      entries.length = 0
      for (const entry of flat.entries.values()) entries.push(entry)
      return null
    }
  },
})

/** Takes nested maps and lists apart, `level` counting how deep it stands. */
class Flattener {
  readonly entries = new Map<string, Attributes[number]>()
  readonly #levels: number
  readonly #resolves: boolean
  /** The next number for a key that came before. */
  readonly #numbers = new Map<string, number>()

  constructor(levels: number, resolves: boolean) {
    this.#levels = levels
    this.#resolves = resolves
  }

  map(entries: Attributes, prefix: string, level: number): void {
    for (const { key, value } of entries) this.#value(prefix + key, value, level)
  }

  #value(key: string, value: AnyValue, level: number): void {
    if (level < this.#levels && value instanceof KeyValueList) this.map(value.entries, `${key}.`, level + 1)
    else if (level < this.#levels && Array.isArray(value)) this.#list(key, value, level)
    else this.#put(key, value)
  }

  #list(key: string, items: readonly AnyValue[], level: number): void {
    for (const [i, item] of items.entries()) {
      const isNested = level + 1 < this.#levels
      if (isNested && item instanceof KeyValueList) this.map(item.entries, `${key}.${i}.`, level + 2)
      else if (isNested && Array.isArray(item)) {
        // A list in a list leads its items on as if there were no point between, as upstream does.
        for (const [j, inner] of item.entries()) this.#value(`${key}.${i}${j}`, inner, level + 3)
      } else this.#put(this.#resolves ? key : `${key}.${i}`, item)
    }
  }

  #put(key: string, value: AnyValue): void {
    if (!this.#resolves || !this.entries.has(key)) {
      this.#numbers.set(key, 0)
      this.entries.set(key, { key, value })
      return
    }
    const number = this.#numbers.get(key) ?? 0
    this.#numbers.set(key, number + 1)
    const numbered = `${key}.${number}`
    this.entries.set(numbered, { key: numbered, value })
  }
}

const stringifyAll = defineEditor({
  name: 'stringify_all',
  parameters: { target: mapGetSetter },
  create({ target }) {
    return (context) => {
      const { entries } = target.get(context)
      for (let i = 0; i < entries.length; i++) {
        const entry = entries[i] as Attributes[number]
        if (typeof entry.value !== 'string') entry.value = anyValueText(entry.value)
      }
      return null
    }
  },
})

const truncateAll = defineEditor({
  name: 'truncate_all',
  parameters: {
    target: mapGetSetter,
    limit: intLiteral,
    utf8_safe: optional(boolLiteral),
    truncation_marker: optional(stringLiteral),
  },
  /**
   * Texts here are of whole characters, so `utf8_safe` changes nothing: a character that the limit would cut through goes
   * either way.
   */
  create({ target, limit: given, truncation_marker: marker = '' }) {
    if (given < 0n) throw new OttlError(`invalid limit for truncate_all function, ${given} cannot be negative`)
    const markerBytes = Buffer.byteLength(marker)
    if (BigInt(markerBytes) > given) {
      throw new OttlError(
        `invalid truncation marker for truncate_all function, length of marker ${markerBytes} cannot be greater than limit ${given}`,
      )
    }
    const most = Number(given)
    const areWithin = target.areTextsWithin?.(most)
    return (context) => {
      if (areWithin?.(context) === true) return null
      const { entries } = target.get(context)
      for (let i = 0; i < entries.length; i++) {
        const entry = entries[i] as Attributes[number]
        const { value } = entry
        // No character takes more than three bytes for a unit: most values need no counting.
        if (typeof value !== 'string' || value.length * 3 <= most || Buffer.byteLength(value) <= most) continue
        entry.value = byteCut(value, most - markerBytes) + marker
      }
      return null
    }
  },
})

export const editors: readonly FunctionDefinition[] = [
  append,
  deleteIndex,
  deleteKey,
  deleteMatchingKeys,
  flatten,
  keepKeys,
  keepMatchingKeys,
  limit,
  mergeMaps,
  set,
  stringifyAll,
  truncateAll,
]
