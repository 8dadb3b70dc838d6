// Sprig's functions for lists, maps, JSON, URLs, types and versions.
import {
  fault,
  intOf,
  isEqual,
  isList,
  isMap,
  lengthMax,
  listOf,
  mapOf,
  type TemplateFunction,
  type TemplateFunctions,
  TemplateObject,
  type TemplateValue,
  textOf,
  typeName,
  valueText,
} from '#component/go_template'
import { goJson } from '#lib/go_json'
import { fixed, isEmpty, open, toInt, toTexts } from './define.ts'
import { matchesConstraint, Version } from './versions.ts'

type Value = TemplateValue
/** Functions that change maps change them in place, as in Go. */
const changed = (value: Value): Map<string, Value> => mapOf(value) as Map<string, Value>

/** Items that a list made by a function may have. */
const itemsMax = 1_000_000

function chunks(size: number, list: readonly Value[]): Value {
  if (size < 1) return fault('the size of chunks has to be at least 1')
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size))
}

function unique(list: readonly Value[]): Value {
  const seen = new Set<Value>()
  const out: Value[] = []
  for (const item of list) {
    const isSimple = typeof item !== 'object'
    if (isSimple ? seen.has(item) : out.some((other) => isEqual(item, other))) continue
    if (isSimple) seen.add(item)
    out.push(item)
  }
  return out
}

function part(list: Value, [from, to]: readonly Value[]): Value {
  const items = listOf(list)
  if (items.length === 0) return null
  const start = from === undefined ? 0 : Number(toInt(from))
  const end = to === undefined ? items.length : Number(toInt(to))
  return start < 0 || end > items.length || start > end ? fault('slice bounds out of range') : items.slice(start, end)
}

function concatenated(lists: readonly Value[]): Value {
  const out = lists.flatMap((list) => listOf(list))
  return out.length > itemsMax ? fault('the list is too long') : out
}

function dictionary(given: readonly Value[]): Value {
  const map = new Map<string, Value>()
  for (let i = 0; i < given.length; i += 2)
    map.set(valueText(given[i] as Value), given[i + 1] ?? (i + 1 < given.length ? null : ''))
  return map
}

/** What is there and not empty stays, unless it is overwritten; maps inside are merged too. */
function merge(into: Map<string, Value>, from: ReadonlyMap<string, Value>, overwrites: boolean): Map<string, Value> {
  for (const [key, value] of from) {
    const before = into.get(key)
    if (isMap(before) && isMap(value)) merge(before as Map<string, Value>, value, overwrites)
    else if (overwrites ? !isEmpty(value) || !into.has(key) : isEmpty(before)) into.set(key, value)
  }
  return into
}

const merging = (overwrites: boolean): TemplateFunction =>
  open((into, ...from) => {
    for (const one of from) merge(changed(into), mapOf(one), overwrites)
    return into
  })

function copied(value: Value): Value {
  if (isList(value)) return value.map(copied)
  return isMap(value) ? new Map([...value].map(([key, item]) => [key, copied(item)])) : value
}

function dug(given: readonly Value[]): Value {
  const keys = given.slice(0, -2).map(textOf)
  let value = given.at(-1) as Value
  for (const key of keys) {
    const map = mapOf(value)
    if (!map.has(key)) return given.at(-2) as Value
    value = map.get(key) ?? null
  }
  return value
}

function fromJson(text: string): Value | undefined {
  try {
    return valueOf(JSON.parse(text))
  } catch {
    return undefined
  }
}

function valueOf(json: unknown): Value {
  if (Array.isArray(json)) return json.map(valueOf)
  if (json === null || typeof json !== 'object') return json as Value
  return new Map(Object.entries(json).map(([key, item]) => [key, valueOf(item)]))
}

function written(value: Value, options?: Parameters<typeof goJson>[1]): string {
  const text = goJson(jsonOf(value), options)
  return text.length > lengthMax ? fault('the result is too long') : text
}

function jsonOf(value: Value): unknown {
  if (isList(value)) return value.map(jsonOf)
  if (isMap(value)) return new Map([...value].map(([key, item]) => [key, jsonOf(item)]))
  return value instanceof TemplateObject ? value.toString() : value
}

const kinds: Readonly<Record<string, string>> = { bigint: 'int', number: 'float64', string: 'string', boolean: 'bool' }

function kindName(value: Value): string {
  if (value === null) return 'invalid'
  if (isList(value)) return 'slice'
  if (isMap(value)) return 'map'
  return kinds[typeof value] ?? (value instanceof Version ? 'ptr' : 'struct')
}

/** The parts as Go's net/url names them. */
function parsedUrl(text: string): Value {
  const found = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(text)
  if (found === null) return fault('unable to parse url')
  const [, scheme = '', authority, path = '', query = '', fragment = ''] = found
  const at = authority?.lastIndexOf('@') ?? -1
  const host = authority?.slice(at + 1) ?? ''
  const isOpaque = scheme !== '' && authority === undefined && !path.startsWith('/')
  return new Map<string, Value>([
    ['scheme', scheme.toLowerCase()],
    ['host', host],
    ['hostname', /^\[(.*)\](?::\d*)?$/.exec(host)?.[1] ?? host.replace(/:\d*$/, '')],
    ['path', isOpaque ? '' : unescaped(path)],
    ['query', query],
    ['opaque', isOpaque ? path : ''],
    ['fragment', unescaped(fragment)],
    ['userinfo', at < 0 ? '' : (authority?.slice(0, at) ?? '')],
  ])
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return fault('unable to parse url: invalid URL escape')
  }
}

function joinedUrl(parts: ReadonlyMap<string, Value>): string {
  const of = (name: string): string => textOf(parts.get(name) ?? '')
  const [scheme, host, userinfo, path] = [of('scheme'), of('host'), of('userinfo'), of('path')]
  let out = scheme === '' ? '' : `${scheme}:`
  if (of('opaque') !== '') out += of('opaque')
  else {
    if (host !== '' || userinfo !== '' || (scheme !== '' && path.startsWith('//'))) {
      out += `//${userinfo === '' ? '' : `${userinfo}@`}${host}`
    }
    if (path !== '' && !path.startsWith('/') && host !== '') out += '/'
    out += encodeURI(path).replaceAll('?', '%3F').replaceAll('#', '%23')
  }
  if (of('query') !== '') out += `?${of('query')}`
  return of('fragment') === '' ? out : `${out}#${encodeURI(of('fragment'))}`
}

const lists: TemplateFunctions = {
  append: fixed((list, value) => concatenated([list, [value]])),
  chunk: fixed((size, list) => chunks(intOf(size), listOf(list))),
  compact: fixed((list) => listOf(list).filter((item) => !isEmpty(item))),
  first: fixed((list) => listOf(list)[0] ?? null),
  has: fixed((item, list) => (list === null ? false : listOf(list).some((other) => isEqual(item, other)))),
  initial: fixed((list) => listOf(list).slice(0, -1)),
  last: fixed((list) => listOf(list).at(-1) ?? null),
  prepend: fixed((list, value) => concatenated([[value], list])),
  push: fixed((list, value) => concatenated([list, [value]])),
  rest: fixed((list) => listOf(list).slice(1)),
  reverse: fixed((list) => [...listOf(list)].reverse()),
  slice: open((list, ...bounds) => part(list, bounds)),
  uniq: fixed((list) => unique(listOf(list))),
  without: open((list, ...out) => listOf(list).filter((item) => !out.some((other) => isEqual(item, other)))),
}

const json: TemplateFunctions = {
  toJson: fixed((value) => written(value)),
  toPrettyJson: fixed((value) => written(value, { indent: '  ' })),
  toRawJson: fixed((value) => written(value, { escapesHtml: false })),
}

function must(functions: TemplateFunctions): TemplateFunctions {
  return Object.fromEntries(
    Object.entries(functions).map(([name, one]) => [`must${name[0]?.toUpperCase()}${name.slice(1)}`, one]),
  )
}

export const dataFunctions: TemplateFunctions = {
  ...lists,
  ...must(lists),
  ...json,
  ...must(json),
  concat: open((...given) => concatenated(given)),
  list: open((...given) => given),
  tuple: open((...given) => given),
  sortAlpha: fixed((list) => toTexts(list).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))),
  fromJson: fixed((text) => fromJson(textOf(text)) ?? null),
  mustFromJson: fixed((text) => {
    const value = fromJson(textOf(text))
    return value === undefined ? fault('invalid JSON') : value
  }),
  // Maps.
  dict: open((...given) => dictionary(given)),
  get: fixed((map, key) => mapOf(map).get(textOf(key)) ?? ''),
  set: fixed((map, key, value) => changed(map).set(textOf(key), value)),
  unset: fixed((map, key) => {
    changed(map).delete(textOf(key))
    return map
  }),
  hasKey: fixed((map, key) => mapOf(map).has(textOf(key))),
  keys: open((...maps) => maps.flatMap((map) => [...mapOf(map).keys()])),
  values: fixed((map) => [...mapOf(map).values()]),
  pluck: open((key, ...maps) =>
    maps.filter((map) => mapOf(map).has(textOf(key))).map((map) => mapOf(map).get(textOf(key)) ?? null),
  ),
  pick: open((map, ...keys) => new Map([...mapOf(map)].filter(([key]) => keys.includes(key)))),
  omit: open((map, ...keys) => new Map([...mapOf(map)].filter(([key]) => !keys.includes(key)))),
  merge: merging(false),
  mustMerge: merging(false),
  mergeOverwrite: merging(true),
  mustMergeOverwrite: merging(true),
  deepCopy: fixed(copied),
  mustDeepCopy: fixed(copied),
  dig: { min: 3, max: Infinity, run: dug },
  // Types.
  typeOf: fixed(typeName),
  typeIs: fixed((name, value) => name === typeName(value)),
  typeIsLike: fixed((name, value) => name === typeName(value) || `*${textOf(name)}` === typeName(value)),
  kindOf: fixed(kindName),
  kindIs: fixed((name, value) => name === kindName(value)),
  deepEqual: fixed(isEqual),
  urlParse: fixed((text) => parsedUrl(textOf(text))),
  urlJoin: fixed((parts) => joinedUrl(mapOf(parts))),
  semver: fixed((text) => Version.parse(textOf(text))),
  semverCompare: fixed((constraint, version) => matchesConstraint(textOf(constraint), Version.parse(textOf(version)))),
}
