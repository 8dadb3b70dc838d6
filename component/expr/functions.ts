// The functions of expressions that take values.
import { ExprError, ExprTime, type ExprValue, compare, equal, isMap, isNumber, textOf, typeName } from './value.ts'

export interface ExprFunction {
  readonly min: number
  readonly max: number
  readonly call: (args: readonly ExprValue[]) => ExprValue
}

const fn = (min: number, max: number, call: (args: readonly ExprValue[]) => ExprValue): ExprFunction => ({
  min,
  max,
  call,
})

function wrong(name: string, value: ExprValue | undefined): ExprError {
  return new ExprError(`invalid argument for ${name} (type ${typeName(value ?? null)})`)
}

function text(name: string, value: ExprValue | undefined): string {
  if (typeof value === 'string') return value
  throw wrong(name, value)
}

function whole(name: string, value: ExprValue | undefined): number {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'number' && Number.isInteger(value)) return value
  throw wrong(name, value)
}

function numeric(name: string, value: ExprValue | undefined): number | bigint {
  if (value !== undefined && isNumber(value)) return value
  throw wrong(name, value)
}

function array(name: string, value: ExprValue | undefined): ExprValue[] {
  if (Array.isArray(value)) return value
  throw wrong(name, value)
}

function map(name: string, value: ExprValue | undefined): { [key: string]: ExprValue } {
  if (value !== undefined && isMap(value)) return value
  throw wrong(name, value)
}

/** Longer texts are refused: `repeat` is not to fill the memory. */
const repeatMax = 1_000_000

const ofText: Readonly<Record<string, ExprFunction>> = {
  trim: fn(1, 2, ([a, chars]) => trimmed(text('trim', a), chars)),
  trimPrefix: fn(1, 2, ([a, b]) => {
    const [value, prefix] = [text('trimPrefix', a), text('trimPrefix', b ?? ' ')]
    return value.startsWith(prefix) ? value.slice(prefix.length) : value
  }),
  trimSuffix: fn(1, 2, ([a, b]) => {
    const [value, suffix] = [text('trimSuffix', a), text('trimSuffix', b ?? ' ')]
    return suffix !== '' && value.endsWith(suffix) ? value.slice(0, -suffix.length) : value
  }),
  upper: fn(1, 1, ([a]) => text('upper', a).toUpperCase()),
  lower: fn(1, 1, ([a]) => text('lower', a).toLowerCase()),
  split: fn(2, 3, ([a, b, n]) => split(text('split', a), text('split', b), n, false)),
  splitAfter: fn(2, 3, ([a, b, n]) => split(text('splitAfter', a), text('splitAfter', b), n, true)),
  replace: fn(3, 4, ([a, b, c, n]) => {
    const [value, from, to] = [text('replace', a), text('replace', b), text('replace', c)]
    const most = n === undefined ? -1 : whole('replace', n)
    if (most < 0) return value.replaceAll(from, () => to)
    let out = value
    for (let i = 0, at = 0; i < most; i++) {
      const found = out.indexOf(from, at)
      if (found < 0) break
      out = out.slice(0, found) + to + out.slice(found + from.length)
      at = found + to.length
    }
    return out
  }),
  repeat: fn(2, 2, ([a, n]) => {
    const [value, times] = [text('repeat', a), whole('repeat', n)]
    if (times < 0 || value.length * times > repeatMax) throw new ExprError(`cannot repeat ${times} times`)
    return value.repeat(times)
  }),
  join: fn(1, 2, ([a, b]) =>
    array('join', a)
      .map((item) => text('join', item))
      .join(text('join', b ?? '')),
  ),
  indexOf: fn(2, 2, ([a, b]) => BigInt(text('indexOf', a).indexOf(text('indexOf', b)))),
  lastIndexOf: fn(2, 2, ([a, b]) => BigInt(text('lastIndexOf', a).lastIndexOf(text('lastIndexOf', b)))),
  hasPrefix: fn(2, 2, ([a, b]) => text('hasPrefix', a).startsWith(text('hasPrefix', b))),
  hasSuffix: fn(2, 2, ([a, b]) => text('hasSuffix', a).endsWith(text('hasSuffix', b))),
  toJSON: fn(1, 1, ([a]) => JSON.stringify(plain(a ?? null), null, 2)),
  fromJSON: fn(1, 1, ([a]) => {
    try {
      return JSON.parse(text('fromJSON', a)) as ExprValue
    } catch (error) {
      if (error instanceof SyntaxError) throw new ExprError(error.message)
      throw error
    }
  }),
  toBase64: fn(1, 1, ([a]) => Buffer.from(text('toBase64', a)).toString('base64')),
  fromBase64: fn(1, 1, ([a]) => Buffer.from(text('fromBase64', a), 'base64').toString()),
  env: fn(1, 1, ([a]) => process.env[text('env', a)] ?? ''),
}

function trimmed(value: string, chars: ExprValue | undefined): string {
  if (chars === undefined) return value.trim()
  const set = new Set(text('trim', chars))
  const points = [...value]
  let [start, end] = [0, points.length]
  while (start < end && set.has(points[start] as string)) start++
  while (end > start && set.has(points[end - 1] as string)) end--
  return points.slice(start, end).join('')
}

function split(value: string, by: string, most: ExprValue | undefined, isAfter: boolean): string[] {
  const pieces = value.split(by)
  const limit = most === undefined ? -1 : whole('split', most)
  if (limit === 0) return []
  if (limit > 0 && pieces.length > limit) pieces.push(pieces.splice(limit - 1).join(by))
  return isAfter ? pieces.map((piece, i) => (i < pieces.length - 1 ? piece + by : piece)) : pieces
}

/** For JSON: integers as numbers, times as text. */
function plain(value: ExprValue): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (value instanceof ExprTime) return textOf(value)
  if (Array.isArray(value)) return value.map(plain)
  if (isMap(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
  return value
}

const ofNumbers: Readonly<Record<string, ExprFunction>> = {
  int: fn(1, 1, ([a]) => {
    if (typeof a === 'bigint') return a
    if (typeof a === 'number' && Number.isFinite(a)) return BigInt.asIntN(64, BigInt(Math.trunc(a)))
    if (typeof a === 'string' && /^[+-]?\d+$/.test(a)) return BigInt.asIntN(64, BigInt(a.replace('+', '')))
    throw typeof a === 'string' ? new ExprError(`invalid operation: int(${a})`) : wrong('int', a)
  }),
  float: fn(1, 1, ([a]) => {
    if (a !== undefined && isNumber(a)) return Number(a)
    const value = typeof a === 'string' && a.trim() === a && a !== '' ? Number(a) : Number.NaN
    if (Number.isNaN(value))
      throw typeof a === 'string' ? new ExprError(`invalid operation: float(${a})`) : wrong('float', a)
    return value
  }),
  string: fn(1, 1, ([a]) => textOf(a ?? null)),
  abs: fn(1, 1, ([a]) => {
    const value = numeric('abs', a)
    return value < 0 ? -value : value
  }),
  ceil: fn(1, 1, ([a]) => Math.ceil(Number(numeric('ceil', a)))),
  floor: fn(1, 1, ([a]) => Math.floor(Number(numeric('floor', a)))),
  round: fn(1, 1, ([a]) => {
    const value = Number(numeric('round', a))
    return Math.sign(value) * Math.round(Math.abs(value))
  }),
  min: fn(1, Infinity, (args) => extreme('min', args, -1)),
  max: fn(1, Infinity, (args) => extreme('max', args, 1)),
  mean: fn(1, Infinity, (args) => {
    const all = spread('mean', args)
    return all.length === 0 ? 0 : all.reduce((sum: number, value) => sum + Number(value), 0) / all.length
  }),
  median: fn(1, Infinity, (args) => {
    const all = spread('median', args)
      .map(Number)
      .sort((a, b) => a - b)
    const middle = all.length >> 1
    if (all.length === 0) return 0
    return all.length % 2 === 1 ? (all[middle] as number) : ((all[middle - 1] as number) + (all[middle] as number)) / 2
  }),
}

/** Numbers given one by one, in arrays, or both. */
function spread(name: string, args: readonly ExprValue[]): (number | bigint)[] {
  return args.flatMap((arg) => (Array.isArray(arg) ? arg.map((item) => numeric(name, item)) : [numeric(name, arg)]))
}

function extreme(name: string, args: readonly ExprValue[], sign: number): ExprValue {
  const all = spread(name, args)
  return all.reduce<ExprValue>(
    (best, value) => (best === null || sign * compare(value, best, '<') > 0 ? value : best),
    null,
  )
}

const ofCollections: Readonly<Record<string, ExprFunction>> = {
  len: fn(1, 1, ([a]) => {
    if (typeof a === 'string') return BigInt([...a].length)
    if (Array.isArray(a) || a instanceof Uint8Array) return BigInt(a.length)
    if (a !== undefined && isMap(a)) return BigInt(Object.keys(a).length)
    throw wrong('len', a)
  }),
  type: fn(1, 1, ([a]) => typeName(a ?? null)),
  first: fn(1, 1, ([a]) => array('first', a)[0] ?? null),
  last: fn(1, 1, ([a]) => array('last', a).at(-1) ?? null),
  get: fn(2, 2, ([a, b]) => {
    if (Array.isArray(a)) return a.at(whole('get', b)) ?? null
    const object = a === undefined || !isMap(a) ? {} : a
    return typeof b === 'string' && Object.hasOwn(object, b) ? (object[b] as ExprValue) : null
  }),
  take: fn(2, 2, ([a, n]) => array('take', a).slice(0, Math.max(whole('take', n), 0))),
  keys: fn(1, 1, ([a]) => Object.keys(map('keys', a))),
  values: fn(1, 1, ([a]) => Object.values(map('values', a))),
  toPairs: fn(1, 1, ([a]) => Object.entries(map('toPairs', a)).map(([key, value]) => [key, value])),
  fromPairs: fn(1, 1, ([a]) => {
    const out = Object.create(null) as { [key: string]: ExprValue }
    for (const pair of array('fromPairs', a)) {
      const [key, value] = array('fromPairs', pair)
      out[text('fromPairs', key)] = value ?? null
    }
    return out
  }),
  reverse: fn(1, 1, ([a]) => array('reverse', a).toReversed()),
  uniq: fn(1, 1, ([a]) => {
    const out: ExprValue[] = []
    for (const item of array('uniq', a)) if (!out.some((other) => equal(item, other))) out.push(item)
    return out
  }),
  concat: fn(1, Infinity, (args) => args.flatMap((arg) => array('concat', arg))),
  flatten: fn(1, 1, ([a]) => flatten(array('flatten', a))),
  sort: fn(1, 2, ([a, order]) => {
    if (order !== undefined && order !== 'asc' && order !== 'desc') throw wrong('sort', order)
    const sign = order === 'desc' ? -1 : 1
    return array('sort', a).toSorted((x, y) => sign * compare(x, y, '<'))
  }),
}

function flatten(items: readonly ExprValue[]): ExprValue[] {
  return items.flatMap((item) => (Array.isArray(item) ? flatten(item) : [item]))
}

export const functions: Readonly<Record<string, ExprFunction>> = { ...ofText, ...ofNumbers, ...ofCollections }
