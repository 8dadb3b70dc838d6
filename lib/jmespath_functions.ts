// The functions of JMESPath, those of its community edition included.
import { goJson } from './go_json.ts'

/** What JSON holds. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
/** An expression given to a function (`&expression`). */
export type Reference = (value: Json) => Json

/** Why a function cannot be carried out on what it is given. */
export class JmesPathFault extends Error {
  override readonly name = 'JmesPathFault'
}

/** UTF-16 units that a function's result may have: padding makes long texts of nothing. */
const lengthMax = 1 << 20

type Kind = 'number' | 'string' | 'array' | 'object' | 'any' | 'numbers' | 'strings' | 'expression'
interface Definition {
  /** The kinds of each argument, alternatives separated by `|`. */
  readonly takes: readonly string[]
  /** How many of the last ones may be absent. */
  readonly optional?: number
  /** May the last one be given any number of times? */
  readonly repeats?: boolean
  readonly run: (given: readonly Given[]) => Json
}
type Given = Json | Reference

export function isFunctionName(name: string): boolean {
  return Object.hasOwn(functions, name)
}

/** Carry out the function `name`. Throws `JmesPathFault` for arguments that it cannot take. */
export function run(name: string, given: readonly Given[]): Json {
  const { takes, optional = 0, repeats = false, run: carryOut } = functions[name] as Definition
  if (given.length < takes.length - optional || (given.length > takes.length && !repeats)) {
    throw new JmesPathFault(`${name}() does not take ${given.length} arguments`)
  }
  for (const [i, value] of given.entries()) {
    const kinds = takes[Math.min(i, takes.length - 1)] as string
    if (!kinds.split('|').some((kind) => isOf(kind as Kind, value))) {
      throw new JmesPathFault(`${name}() needs ${kinds} as argument ${i + 1}`)
    }
  }
  return carryOut(given)
}

function isOf(kind: Kind, value: Given): boolean {
  switch (kind) {
    case 'any':
      return true
    case 'expression':
      return typeof value === 'function'
    case 'array':
      return Array.isArray(value)
    case 'object':
      return isObject(value)
    case 'numbers':
    case 'strings':
      return Array.isArray(value) && value.every((item) => typeof item === kind.slice(0, -1))
    default:
      return typeof value === kind
  }
}

function isObject(value: Given | undefined): value is { [key: string]: Json } {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

/** The same content. */
export function isEqual(a: Json, b: Json): boolean {
  if (a === b) return true
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((x, i) => isEqual(x, b[i] as Json))
  if (!isObject(a) || !isObject(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key] as Json, b[key] as Json))
  )
}

// Arguments were checked by `run`.
const num = (value: Given | undefined): number => value as number
const str = (value: Given | undefined): string => value as string
const arr = (value: Given | undefined): Json[] => value as Json[]
const obj = (value: Given | undefined): { [key: string]: Json } => value as { [key: string]: Json }
const ref = (value: Given | undefined): Reference => value as Reference

function integer(value: Given | undefined, isPositive: boolean): number {
  const number = num(value)
  if (!Number.isSafeInteger(number) || (isPositive && number < 0)) {
    throw new JmesPathFault(`${number} is no ${isPositive ? 'positive ' : ''}integer`)
  }
  return number
}

/** Positions in texts are those of bytes. */
function find(given: readonly Given[], isLast: boolean): Json {
  const [text, part] = [Buffer.from(str(given[0])), Buffer.from(str(given[1]))]
  if (text.length === 0 || part.length === 0) return null
  const start = given.length > 2 ? Math.max(0, integer(given[2], false)) : 0
  const end = given.length > 3 ? Math.min(integer(given[3], false), text.length) : text.length
  if (start > end) return null
  const inside = text.subarray(start, end)
  const at = isLast ? inside.lastIndexOf(part) : inside.indexOf(part)
  return at < 0 ? null : start + at
}

function padding(given: readonly Given[]): string {
  const width = integer(given[1], true)
  const by = given.length > 2 ? str(given[2]) : ' '
  if (Buffer.byteLength(by) > 1) throw new JmesPathFault('what is padded with has to be one character')
  if (width > lengthMax) throw new JmesPathFault('the result is too long')
  return by.repeat(Math.max(0, width - Buffer.byteLength(str(given[0]))))
}

/** The first of the greatest (`sign` 1) or least items by what `key` makes of them: all numbers or all texts. */
function extreme(items: readonly Json[], sign: 1 | -1, key: Reference): Json {
  let best: Json = null
  let bestKey: Json = null
  for (const item of items) {
    const itemKey = items.length === 1 ? 0 : key(item)
    if (bestKey !== null) checkComparable(bestKey, itemKey)
    else if (items.length > 1) checkComparable(itemKey, itemKey)
    if (bestKey === null || compare(itemKey, bestKey) * sign > 0) {
      best = item
      bestKey = itemKey
    }
  }
  return best
}

function checkComparable(a: Json, b: Json): void {
  if (typeof a !== typeof b || (typeof a !== 'number' && typeof a !== 'string')) {
    throw new JmesPathFault('what is compared has to be all numbers or all texts')
  }
}

function compare(a: Json, b: Json): number {
  return a === b ? 0 : (a as number) < (b as number) ? -1 : 1
}

function sortBy(items: readonly Json[], key: Reference): Json {
  if (items.length < 2) return [...items]
  const keyed = items.map((item) => ({ item, key: key(item) }))
  for (const one of keyed) checkComparable((keyed[0] as { key: Json }).key, one.key)
  return keyed.sort((a, b) => compare(a.key, b.key)).map(({ item }) => item)
}

function trimmed(given: readonly Given[], left: boolean, right: boolean): Json {
  const cut = given.length > 1 ? str(given[1]) : ''
  const isCut = (char: string | undefined): boolean =>
    char !== undefined && (cut === '' ? /^\p{White_Space}$/u.test(char) : cut.includes(char))
  const chars = [...str(given[0])]
  let [start, end] = [0, chars.length]
  while (left && start < end && isCut(chars[start])) start++
  while (right && end > start && isCut(chars[end - 1])) end--
  return chars.slice(start, end).join('')
}

function replaced(text: string, from: string, to: string, count: number): string {
  let left = count
  const out = text.replaceAll(from, (all) => (left-- > 0 ? to : all))
  if (out.length > lengthMax && out.length > text.length) throw new JmesPathFault('the result is too long')
  return out
}

/** At most `count` cuts; the rest stays whole. */
function splitted(text: string, separator: string, count: number): Json {
  if (text === '') return []
  const parts = separator === '' ? [...text] : text.split(separator)
  if (parts.length <= count + 1) return parts
  return [...parts.slice(0, count), parts.slice(count).join(separator)]
}

function grouped(items: readonly Json[], key: Reference): Json {
  if (items.length === 0) return null
  const groups = new Map<string, Json[]>()
  for (const item of items) {
    const name = key(item)
    if (typeof name !== 'string') throw new JmesPathFault('group_by() needs texts to group by')
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [item])
    else group.push(item)
  }
  return Object.fromEntries(groups)
}

function fromItems(pairs: readonly Json[]): Json {
  return Object.fromEntries(
    pairs.map((pair): [string, Json] => {
      if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string') {
        throw new JmesPathFault('from_items() needs pairs of a text and a value')
      }
      return [pair[0], pair[1] as Json]
    }),
  )
}

function numberOf(value: Json): Json {
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || !/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(value)) return null
  return Number(value)
}

function typeName(value: Json): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

const itself: Reference = (value) => value

const functions: Readonly<Record<string, Definition>> = {
  abs: { takes: ['number'], run: ([a]) => Math.abs(num(a)) },
  avg: { takes: ['numbers'], run: ([a]) => (arr(a).length === 0 ? null : sum(arr(a)) / arr(a).length) },
  ceil: { takes: ['number'], run: ([a]) => Math.ceil(num(a)) },
  contains: {
    takes: ['array|string', 'any'],
    run: ([a, b]) =>
      typeof a === 'string' ? typeof b === 'string' && a.includes(b) : arr(a).some((item) => isEqual(item, b as Json)),
  },
  ends_with: { takes: ['string', 'string'], run: ([a, b]) => str(a).endsWith(str(b)) },
  find_first: { takes: ['string', 'string', 'number', 'number'], optional: 2, run: (given) => find(given, false) },
  find_last: { takes: ['string', 'string', 'number', 'number'], optional: 2, run: (given) => find(given, true) },
  floor: { takes: ['number'], run: ([a]) => Math.floor(num(a)) },
  from_items: { takes: ['array'], run: ([a]) => fromItems(arr(a)) },
  group_by: { takes: ['array', 'expression'], run: ([a, b]) => grouped(arr(a), ref(b)) },
  items: { takes: ['object'], run: ([a]) => Object.entries(obj(a)) },
  join: { takes: ['string', 'strings'], run: ([a, b]) => arr(b).join(str(a)) },
  keys: { takes: ['object'], run: ([a]) => Object.keys(obj(a)) },
  length: {
    takes: ['string|array|object'],
    run: ([a]) => (typeof a === 'string' ? [...a] : Array.isArray(a) ? a : Object.keys(obj(a))).length,
  },
  lower: { takes: ['string'], run: ([a]) => str(a).toLowerCase() },
  map: { takes: ['expression', 'array'], run: ([a, b]) => arr(b).map(ref(a)) },
  max: { takes: ['numbers|strings'], run: ([a]) => extreme(arr(a), 1, itself) },
  max_by: { takes: ['array', 'expression'], run: ([a, b]) => extreme(arr(a), 1, ref(b)) },
  merge: {
    takes: ['object'],
    repeats: true,
    run: (given) => Object.fromEntries(given.flatMap((one) => Object.entries(obj(one)))),
  },
  min: { takes: ['numbers|strings'], run: ([a]) => extreme(arr(a), -1, itself) },
  min_by: { takes: ['array', 'expression'], run: ([a, b]) => extreme(arr(a), -1, ref(b)) },
  not_null: { takes: ['any'], repeats: true, run: (given) => (given.find((value) => value !== null) as Json) ?? null },
  pad_left: { takes: ['string', 'number', 'string'], optional: 1, run: (given) => padding(given) + str(given[0]) },
  pad_right: { takes: ['string', 'number', 'string'], optional: 1, run: (given) => str(given[0]) + padding(given) },
  replace: {
    takes: ['string', 'string', 'string', 'number'],
    optional: 1,
    run: ([a, b, c, n]) => replaced(str(a), str(b), str(c), n === undefined ? Infinity : integer(n, true)),
  },
  reverse: {
    takes: ['array|string'],
    run: ([a]) => (typeof a === 'string' ? [...a].reverse().join('') : [...arr(a)].reverse()),
  },
  sort: { takes: ['strings|numbers'], run: ([a]) => [...arr(a)].sort(compare) },
  sort_by: { takes: ['array', 'expression'], run: ([a, b]) => sortBy(arr(a), ref(b)) },
  split: {
    takes: ['string', 'string', 'number'],
    optional: 1,
    run: ([a, b, n]) => splitted(str(a), str(b), n === undefined ? Infinity : integer(n, true)),
  },
  starts_with: { takes: ['string', 'string'], run: ([a, b]) => str(a).startsWith(str(b)) },
  sum: { takes: ['numbers'], run: ([a]) => sum(arr(a)) },
  to_array: { takes: ['any'], run: ([a]) => (Array.isArray(a) ? a : [a as Json]) },
  to_number: { takes: ['any'], run: ([a]) => numberOf(a as Json) },
  to_string: { takes: ['any'], run: ([a]) => (typeof a === 'string' ? a : goJson(a)) },
  trim: { takes: ['string', 'string'], optional: 1, run: (given) => trimmed(given, true, true) },
  trim_left: { takes: ['string', 'string'], optional: 1, run: (given) => trimmed(given, true, false) },
  trim_right: { takes: ['string', 'string'], optional: 1, run: (given) => trimmed(given, false, true) },
  type: { takes: ['any'], run: ([a]) => typeName(a as Json) },
  upper: { takes: ['string'], run: ([a]) => str(a).toUpperCase() },
  values: { takes: ['object'], run: ([a]) => Object.values(obj(a)) },
  zip: {
    takes: ['array', 'array'],
    repeats: true,
    run: (given) => {
      const lists = given.map(arr)
      const length = Math.min(...lists.map((items) => items.length))
      return Array.from({ length }, (_, i) => lists.map((items) => items[i] as Json))
    },
  },
}

function sum(numbers: readonly Json[]): number {
  let total = 0
  for (const one of numbers) total += one as number
  return total
}
