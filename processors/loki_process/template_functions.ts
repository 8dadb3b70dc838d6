// The functions that templates can call: those of Go's text/template, Alloy's, and Sprig's for texts and numbers.
import { createHash } from 'node:crypto'
import { compileRegexp, RegexpError } from '#lib/regexp'

/** Null is what a field that there is not gives. */
export type TemplateValue = string | number | boolean | null | readonly TemplateValue[]

/** Why a template cannot be carried out on some data. */
export class TemplateFault extends Error {
  override readonly name = 'TemplateFault'
}

/** As Go prints values. */
export function shown(value: TemplateValue): string {
  if (value === null) return '<no value>'
  return Array.isArray(value) ? `[${value.map(shown).join(' ')}]` : String(value)
}

export function isTrue(value: TemplateValue): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value)
}

function text(value: TemplateValue | undefined): string {
  if (typeof value !== 'string') throw new TemplateFault(`expected string, got ${typeof value}`)
  return value
}

function number(value: TemplateValue | undefined): number {
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  // Sprig's numbers of texts: 0 for what is none.
  const parsed = typeof value === 'string' ? Number(value) : Number.NaN
  return Number.isFinite(parsed) && value !== '' ? parsed : 0
}

const whole = (value: TemplateValue | undefined): number => Math.trunc(number(value))

/** Results longer than this are refused: `repeat` must not fill the memory. */
const lengthMax = 1 << 20

function bounded(result: string): string {
  if (result.length > lengthMax) throw new TemplateFault('the result is too long')
  return result
}

function trimCharacters(from: string, cutset: string, left: boolean, right: boolean): string {
  const characters = [...from]
  let [start, end] = [0, characters.length]
  while (left && start < end && cutset.includes(characters[start] as string)) start++
  while (right && end > start && cutset.includes(characters[end - 1] as string)) end--
  return characters.slice(start, end).join('')
}

function replaceUpTo(from: string, old: string, by: string, count: number): string {
  if (count < 0) return bounded(from.replaceAll(old, () => by))
  let done = 0
  return bounded(from.replaceAll(old, (all) => (done++ < count ? by : all)))
}

function expression(pattern: TemplateValue): ReturnType<typeof compileRegexp> {
  try {
    return compileRegexp(text(pattern))
  } catch (error) {
    if (error instanceof RegexpError) throw new TemplateFault(error.message)
    throw error
  }
}

const hashed = (algorithm: string, value: string): string => createHash(algorithm).update(value).digest('hex')
const compare = (a: TemplateValue, b: TemplateValue): number => {
  if (typeof a !== typeof b || (typeof a !== 'string' && typeof a !== 'number')) {
    throw new TemplateFault('incompatible types for comparison')
  }
  return a === b ? 0 : (a as string) < (b as string) ? -1 : 1
}

function equal(a: TemplateValue, b: TemplateValue): boolean {
  if (a !== null && b !== null && typeof a !== typeof b) throw new TemplateFault('incompatible types for comparison')
  return a === b
}

/** `%s`, `%v`, `%d`, `%q` and `%%`. */
function formatted(format: TemplateValue, values: readonly TemplateValue[]): string {
  let next = 0
  const result = text(format).replace(/%([%a-zA-Z])/g, (_, verb: string) => {
    if (verb === '%') return '%'
    const value = values[next++]
    if (value === undefined) return `%!${verb}(MISSING)`
    if (verb === 'q') return JSON.stringify(shown(value))
    if (verb === 'd' && typeof value !== 'number') return `%!d(string=${shown(value)})`
    if (!'svd'.includes(verb)) throw new TemplateFault(`%${verb} is not supported`)
    return shown(value)
  })
  return bounded(result)
}

type V = TemplateValue
type TemplateFunction = (...values: V[]) => V

/** The number of named parameters is how many arguments there must be. */
export const templateFunctions: Readonly<Record<string, TemplateFunction>> = {
  // Go's.
  eq: (a: V, b: V, ...more: V[]) => [b, ...more].some((other) => equal(a, other)),
  ne: (a: V, b: V) => !equal(a, b),
  lt: (a: V, b: V) => compare(a, b) < 0,
  le: (a: V, b: V) => compare(a, b) <= 0,
  gt: (a: V, b: V) => compare(a, b) > 0,
  ge: (a: V, b: V) => compare(a, b) >= 0,
  and: (a: V, ...more: V[]) => more.reduce<V>((left, right) => (isTrue(left) ? right : left), a),
  or: (a: V, ...more: V[]) => more.reduce<V>((left, right) => (isTrue(left) ? left : right), a),
  not: (a: V) => !isTrue(a),
  len: (a: V) => (Array.isArray(a) ? a.length : Buffer.byteLength(text(a))),
  print: (...values: V[]) => bounded(values.map(shown).join('')),
  printf: (format: V, ...values: V[]) => formatted(format, values),
  // Alloy's.
  ToLower: (s: V) => text(s).toLowerCase(),
  ToUpper: (s: V) => text(s).toUpperCase(),
  Replace: (s: V, old: V, by: V, count: V) => replaceUpTo(text(s), text(old), text(by), whole(count)),
  Trim: (s: V, cutset: V) => trimCharacters(text(s), text(cutset), true, true),
  TrimLeft: (s: V, cutset: V) => trimCharacters(text(s), text(cutset), true, false),
  TrimRight: (s: V, cutset: V) => trimCharacters(text(s), text(cutset), false, true),
  TrimPrefix: (s: V, prefix: V) => (text(s).startsWith(text(prefix)) ? text(s).slice(text(prefix).length) : s),
  TrimSuffix: (s: V, suffix: V) => withoutSuffix(text(s), text(suffix)),
  TrimSpace: (s: V) => text(s).trim(),
  Hash: (salt: V, s: V) => hashed('sha3-256', text(salt) + text(s)),
  Sha2Hash: (salt: V, s: V) => hashed('sha256', text(salt) + text(s)),
  regexReplaceAll: (pattern: V, s: V, by: V) => bounded(expression(pattern).replaceAll(text(s), text(by))),
  regexReplaceAllLiteral: (pattern: V, s: V, by: V) =>
    bounded(expression(pattern).replaceAll(text(s), text(by).replaceAll('$', '$$$$'))),
  // Sprig's.
  regexMatch: (pattern: V, s: V) => expression(pattern).test(text(s)),
  regexFind: (pattern: V, s: V) => expression(pattern).match(text(s))?.[0] ?? '',
  lower: (s: V) => text(s).toLowerCase(),
  upper: (s: V) => text(s).toUpperCase(),
  trim: (s: V) => text(s).trim(),
  trimAll: (cutset: V, s: V) => trimCharacters(text(s), text(cutset), true, true),
  trimPrefix: (prefix: V, s: V) => (text(s).startsWith(text(prefix)) ? text(s).slice(text(prefix).length) : s),
  trimSuffix: (suffix: V, s: V) => withoutSuffix(text(s), text(suffix)),
  nospace: (s: V) => text(s).replace(/\s/g, ''),
  replace: (old: V, by: V, s: V) => replaceUpTo(text(s), text(old), text(by), -1),
  contains: (part: V, s: V) => text(s).includes(text(part)),
  hasPrefix: (prefix: V, s: V) => text(s).startsWith(text(prefix)),
  hasSuffix: (suffix: V, s: V) => text(s).endsWith(text(suffix)),
  quote: (...values: V[]) =>
    bounded(
      values
        .filter((v) => v !== null)
        .map((v) => JSON.stringify(shown(v)))
        .join(' '),
    ),
  squote: (...values: V[]) =>
    bounded(
      values
        .filter((v) => v !== null)
        .map((v) => `'${shown(v)}'`)
        .join(' '),
    ),
  default: (fallback: V, given: V) => (isTrue(given) ? given : fallback),
  coalesce: (...values: V[]) => values.find(isTrue) ?? null,
  ternary: (yes: V, no: V, condition: V) => (condition === true ? yes : no),
  empty: (value: V) => !isTrue(value),
  toString: (value: V) => shown(value),
  splitList: (separator: V, s: V) => text(s).split(text(separator)),
  join: (separator: V, list: V) => (Array.isArray(list) ? bounded(list.map(shown).join(text(separator))) : shown(list)),
  first: (list: V) => (Array.isArray(list) ? (list[0] ?? null) : fault('first of what is no list')),
  last: (list: V) => (Array.isArray(list) ? (list.at(-1) ?? null) : fault('last of what is no list')),
  b64enc: (s: V) => Buffer.from(text(s)).toString('base64'),
  sha256sum: (s: V) => hashed('sha256', text(s)),
  sha1sum: (s: V) => hashed('sha1', text(s)),
  atoi: (s: V) => whole(text(s)),
  int: (value: V) => whole(value),
  int64: (value: V) => whole(value),
  float64: (value: V) => number(value),
  add: (...values: V[]) => values.reduce<number>((sum, value) => sum + whole(value), 0),
  sub: (a: V, b: V) => whole(a) - whole(b),
  mul: (a: V, ...more: V[]) => more.reduce<number>((product, value) => product * whole(value), whole(a)),
  div: (a: V, b: V) => (whole(b) === 0 ? fault('division by zero') : Math.trunc(whole(a) / whole(b))),
  mod: (a: V, b: V) => (whole(b) === 0 ? fault('division by zero') : whole(a) % whole(b)),
}

function withoutSuffix(from: string, suffix: string): string {
  return suffix !== '' && from.endsWith(suffix) ? from.slice(0, -suffix.length) : from
}

function fault(message: string): never {
  throw new TemplateFault(message)
}
