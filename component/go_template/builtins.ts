// The functions that text/template brings itself; `and` and `or`, which look at no more than they need, are in template.ts.
import { isPrintable } from '#lib/go_quote'
import {
  fault,
  formatted,
  intOf,
  isList,
  isMap,
  isTrue,
  shown,
  type TemplateValue,
  textOf,
  typeName,
} from './values.ts'
import type { TemplateFunctions } from './template.ts'

type Value = TemplateValue

/** Go's kinds of what can be compared by order. */
function kindOf(value: Value): string {
  return typeof value === 'object' ? 'other' : typeof value
}

function isSame(a: Value, b: Value): boolean {
  if (a === null || b === null) return a === b
  if (kindOf(a) !== kindOf(b)) {
    return fault(`incompatible types for comparison: ${typeName(a)} and ${typeName(b)}`)
  }
  if (isList(a) || isMap(a)) return fault(`non-comparable type ${typeName(a)}`)
  return a === b
}

function isLess(a: Value, b: Value): boolean {
  if (a === null || b === null || kindOf(a) === 'other' || kindOf(b) === 'other' || typeof a === 'boolean') {
    return fault('invalid type for comparison')
  }
  if (kindOf(a) !== kindOf(b)) return fault(`incompatible types for comparison: ${typeName(a)} and ${typeName(b)}`)
  return (a as number) < (b as number)
}

/** As fmt.Sprint puts values side by side: a space between two that are no texts. */
function printed(given: readonly Value[], isLine: boolean): string {
  let out = ''
  for (const [i, value] of given.entries()) {
    const before = given[i - 1]
    if (i > 0 && (isLine || (typeof value !== 'string' && typeof before !== 'string'))) out += ' '
    out += value === null ? '<nil>' : shown(value)
  }
  return isLine ? `${out}\n` : out
}

/** What html, js and urlquery work on: a text alone as it is. */
function joined(given: readonly Value[]): string {
  const [only] = given
  return given.length === 1 && typeof only === 'string' ? only : printed(given, false)
}

const htmlSigns: Readonly<Record<string, string>> = {
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '\0': '\ufffd',
}

function jsEscaped(char: string): string {
  if (char === '\\' || char === "'" || char === '"') return `\\${char}`
  const code = (char.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')
  return char > '\x7f' && isPrintable(char) ? char : `\\u${code}`
}

function queryEscaped(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}

function indexed(from: Value, keys: readonly Value[]): Value {
  let item = from
  for (const key of keys) {
    if (item === null) return fault('index of untyped nil')
    if (isMap(item)) item = item.get(textOf(key)) ?? null
    else if (isList(item) || typeof item === 'string') {
      const at = typeof key === 'bigint' ? intOf(key) : fault(`cannot index slice/array with type ${typeName(key)}`)
      const items: readonly Value[] = isList(item) ? item : [...Buffer.from(item as string)].map(BigInt)
      if (at < 0 || at >= items.length) return fault(`index out of range: ${at}`)
      item = items[at] as Value
    } else return fault(`can't index item of type ${typeName(item)}`)
  }
  return item
}

function sliced(from: Value, bounds: readonly Value[]): Value {
  const isText = typeof from === 'string'
  const items = isText ? Buffer.from(from) : isList(from) ? from : fault(`can't slice item of type ${typeName(from)}`)
  const [start = 0, end = items.length] = bounds.map(intOf)
  if (start < 0 || end > items.length || start > end) return fault(`invalid slice index: ${start} > ${end}`)
  return isText ? (items as Buffer).toString('utf8', start, end) : (items as readonly Value[]).slice(start, end)
}

function lengthOf(value: Value): bigint {
  if (typeof value === 'string') return BigInt(Buffer.byteLength(value))
  if (isList(value)) return BigInt(value.length)
  return isMap(value) ? BigInt(value.size) : fault(`len of type ${typeName(value)}`)
}

const any = (run: (given: readonly Value[]) => Value, min = 0): TemplateFunctions[string] => ({
  min,
  max: Infinity,
  run,
})
const two = (run: (a: Value, b: Value) => Value): TemplateFunctions[string] => ({
  min: 2,
  max: 2,
  run: ([a, b]) => run(a as Value, b as Value),
})
const one = (run: (a: Value) => Value): TemplateFunctions[string] => ({ min: 1, max: 1, run: ([a]) => run(a as Value) })

export const builtins: TemplateFunctions = {
  call: any(() => fault('call of what is no function'), 1),
  eq: any(([first, ...others]) => {
    // All are looked at up to the first that is the same: one that cannot be compared is a fault before it.
    for (const other of others) if (isSame(first as Value, other)) return true
    return false
  }, 2),
  ge: two((a, b) => !isLess(a, b)),
  gt: two((a, b) => !isLess(a, b) && !isSame(a, b)),
  html: any((given) => joined(given).replace(/["'&<>\0]/g, (char) => htmlSigns[char] as string)),
  index: any(([from, ...keys]) => indexed(from as Value, keys), 1),
  js: any((given) => joined(given).replace(/[\\'"<>&=\p{Cc}]|[^\p{ASCII}]/gu, jsEscaped)),
  le: two((a, b) => isLess(a, b) || isSame(a, b)),
  len: one(lengthOf),
  lt: two(isLess),
  ne: two((a, b) => !isSame(a, b)),
  not: one((a) => !isTrue(a)),
  print: any((given) => printed(given, false)),
  printf: any(([format, ...given]) => formatted(textOf(format), given), 1),
  println: any((given) => printed(given, true)),
  slice: any(([from, ...bounds]) => sliced(from as Value, bounds), 1),
  urlquery: any((given) => queryEscaped(joined(given))),
}
