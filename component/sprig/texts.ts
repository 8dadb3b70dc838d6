// Sprig's functions for texts, paths and regular expressions.
import { posix } from 'node:path'
import {
  bounded,
  fault,
  intOf,
  lengthMax,
  TemplateFault,
  type TemplateFunctions,
  type TemplateValue,
  textOf,
  valueText,
} from '#component/go_template'
import { quote } from '#lib/go_quote'
import { compileRegexp, type Regexp, RegexpError } from '#lib/regexp'
import { withoutOuterSpace } from '#lib/trailing'
import { fixed, isEmpty, open, toTexts } from './define.ts'
import { camelCase, joinedWords, titleCase, wrapped } from './words.ts'

type Value = TemplateValue

function without(text: string, cutset: string, left: boolean, right: boolean): string {
  const characters = [...text]
  let [start, end] = [0, characters.length]
  while (left && start < end && cutset.includes(characters[start] as string)) start++
  while (right && end > start && cutset.includes(characters[end - 1] as string)) end--
  return characters.slice(start, end).join('')
}

function replaced(text: string, from: string, to: string, count: number): string {
  if (count < 0) return bounded(text.replaceAll(from, () => to))
  let done = 0
  return bounded(text.replaceAll(from, (all) => (done++ < count ? to : all)))
}

const withoutPrefix = (text: string, prefix: string): string =>
  text.startsWith(prefix) ? text.slice(prefix.length) : text
const withoutSuffix = (text: string, suffix: string): string =>
  suffix !== '' && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text

function repeated(text: string, count: number): string {
  if (count < 0) return fault('strings: negative Repeat count')
  return text.length * count > lengthMax ? fault('the result is too long') : text.repeat(count)
}

/** Parts of a text by bytes, as Go cuts them. */
function bytes(text: string, start: number, end?: number): string {
  return Buffer.from(text).toString('utf8', start, end)
}

function truncated(count: number, text: string): string {
  const length = Buffer.byteLength(text)
  if (count < 0 && length + count > 0) return bytes(text, length + count)
  return count >= 0 && length > count ? bytes(text, 0, count) : text
}

function substring(start: number, end: number, text: string): string {
  const length = Buffer.byteLength(text)
  if (start < 0) return end < 0 || end > length ? fault('slice bounds out of range') : bytes(text, 0, end)
  if (end < 0 || end > length) return start > length ? fault('slice bounds out of range') : bytes(text, start)
  return start > end ? fault('slice bounds out of range') : bytes(text, start, end)
}

function abbreviated(offset: number, width: number, text: string): string {
  if (text.length <= width) return text
  let from = Math.min(offset, text.length)
  if (text.length - from < width - 3) from = text.length - (width - 3)
  if (from <= 4) return `${text.slice(0, width - 3)}...`
  if (from + width - 3 < text.length) return `...${abbreviated(0, width - 3, text.slice(from))}`
  return `...${text.slice(text.length - (width - 3))}`
}

function splitAll(text: string, separator: string, count = Infinity): string[] {
  if (count === 0) return []
  const parts = separator === '' ? [...text] : text.split(separator)
  if (count < 0 || parts.length <= count) return parts
  return [...parts.slice(0, count - 1), parts.slice(count - 1).join(separator)]
}

function numbered(parts: readonly string[]): Value {
  return new Map(parts.map((part, i) => [`_${i}`, part]))
}

const lastRegexps = new Map<string, Regexp>()
const rememberedMax = 32

/** Patterns are mostly constants: the last ones stay compiled. */
function regexp(pattern: Value): Regexp {
  const text = textOf(pattern)
  const known = lastRegexps.get(text)
  if (known !== undefined) return known
  try {
    const compiled = compileRegexp(text)
    if (lastRegexps.size >= rememberedMax) lastRegexps.clear()
    lastRegexps.set(text, compiled)
    return compiled
  } catch (error) {
    if (error instanceof RegexpError) return fault(error.message)
    throw error
  }
}

function found(pattern: Value, text: Value, count: Value): Value {
  const all = regexp(pattern).execAll(textOf(text))
  const max = intOf(count)
  return (max < 0 ? all : all.slice(0, max)).map(({ groups }) => groups[0] as string)
}

function splitBy(pattern: Value, text: Value, count: Value): Value {
  const [whole, max] = [textOf(text), intOf(count)]
  if (max === 0) return []
  const parts: string[] = []
  let from = 0
  let end = 0
  if (pattern !== '' && whole === '') return ['']
  for (const match of regexp(pattern).execAll(whole)) {
    if (max > 0 && parts.length === max - 1) break
    end = match.index
    if (match.end !== 0) parts.push(whole.slice(from, end))
    from = match.end
  }
  if (end !== whole.length) parts.push(whole.slice(from))
  return parts
}

const quoteMeta = (text: string): string => text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&')

function isMatched(pattern: Value, text: Value): boolean {
  try {
    return regexp(pattern).test(textOf(text))
  } catch (error) {
    if (error instanceof TemplateFault) return false
    throw error
  }
}

const regexFunctions: TemplateFunctions = {
  regexMatch: fixed((pattern, s) => regexp(pattern).test(textOf(s))),
  regexFind: fixed((pattern, s) => regexp(pattern).match(textOf(s))?.[0] ?? ''),
  regexFindAll: fixed(found),
  regexReplaceAll: fixed((pattern, s, by) => bounded(regexp(pattern).replaceAll(textOf(s), textOf(by)))),
  regexReplaceAllLiteral: fixed((pattern, s, by) =>
    bounded(regexp(pattern).replaceAll(textOf(s), textOf(by).replaceAll('$', '$$$$'))),
  ),
  regexSplit: fixed(splitBy),
  regexQuoteMeta: fixed((s) => quoteMeta(textOf(s))),
}

const paths: TemplateFunctions = {
  base: fixed((p) => (textOf(p) === '' ? '.' : posix.basename(textOf(p)) || '/')),
  dir: fixed((p) => posix.normalize(posix.dirname(textOf(p).replace(/([^/])\/+$/, '$1/x')))),
  clean: fixed((p) => cleanPath(textOf(p))),
  ext: fixed((p) => /\.[^./]*$/.exec(textOf(p))?.[0] ?? ''),
  isAbs: fixed((p) => textOf(p).startsWith('/')),
}

function cleanPath(path: string): string {
  const clean = posix.normalize(path)
  return clean.length > 1 ? clean.replace(/\/$/, '') : clean
}

/** What fails with `must` in its name panics without it: the same for a template. */
function withMust(functions: TemplateFunctions): TemplateFunctions {
  const must = Object.entries(functions).map(
    ([name, one]) => [`must${name[0]?.toUpperCase()}${name.slice(1)}`, one] as const,
  )
  return { ...functions, ...Object.fromEntries(must) }
}

export function textFunctions({ random }: { random(): number }): TemplateFunctions {
  return {
    ...plainTextFunctions,
    ...withMust(regexFunctions),
    regexMatch: fixed(isMatched),
    ...paths,
    osBase: paths['base'] as (typeof paths)[string],
    osClean: paths['clean'] as (typeof paths)[string],
    osDir: paths['dir'] as (typeof paths)[string],
    osExt: paths['ext'] as (typeof paths)[string],
    osIsAbs: paths['isAbs'] as (typeof paths)[string],
    shuffle: fixed((s) => {
      const characters = [...textOf(s)]
      for (let i = characters.length - 1; i > 0; i--) {
        const j = Math.floor(random() * (i + 1))
        const other = characters[j] as string
        characters[j] = characters[i] as string
        characters[i] = other
      }
      return characters.join('')
    }),
  }
}

const quoted = (given: readonly Value[], by: (text: string) => string): string =>
  bounded(
    given
      .filter((value) => value !== null)
      .map((value) => by(valueText(value)))
      .join(' '),
  )

const plainTextFunctions: TemplateFunctions = {
  abbrev: fixed((width, s) => (intOf(width) < 4 ? textOf(s) : abbreviated(0, intOf(width), textOf(s)))),
  abbrevboth: fixed((left, right, s) => {
    const [offset, width] = [intOf(left), intOf(right)]
    return width < 4 || (offset > 0 && width < 7) ? textOf(s) : abbreviated(offset, width, textOf(s))
  }),
  camelcase: fixed((s) => camelCase(textOf(s))),
  cat: open((...given) =>
    bounded(
      given
        .filter((value) => value !== null)
        .map(valueText)
        .join(' '),
    ),
  ),
  contains: fixed((part, s) => textOf(s).includes(textOf(part))),
  env: fixed((name) => process.env[textOf(name)] ?? ''),
  expandenv: fixed((s) =>
    textOf(s).replace(/\$(?:\{([^}]*)\}|([A-Za-z_]\w*))/g, (_, braced?: string, bare?: string) => {
      return process.env[braced ?? bare ?? ''] ?? ''
    }),
  ),
  fail: fixed((message) => fault(textOf(message))),
  hasPrefix: fixed((prefix, s) => textOf(s).startsWith(textOf(prefix))),
  hasSuffix: fixed((suffix, s) => textOf(s).endsWith(textOf(suffix))),
  hello: fixed(() => 'Hello!'),
  indent: fixed((count, s) => indented(intOf(count), textOf(s))),
  initials: fixed((s) =>
    textOf(s)
      .split(/\s+/)
      .map((word) => [...word][0] ?? '')
      .join(''),
  ),
  join: fixed((separator, list) => bounded(toTexts(list).join(textOf(separator)))),
  kebabcase: fixed((s) => joinedWords(textOf(s), '-')),
  lower: fixed((s) => textOf(s).toLowerCase()),
  nindent: fixed((count, s) => `\n${indented(intOf(count), textOf(s))}`),
  nospace: fixed((s) => textOf(s).replace(/\p{White_Space}/gu, '')),
  plural: fixed((one, many, count) => (intOf(count) === 1 ? textOf(one) : textOf(many))),
  quote: open((...given) => quoted(given, quote)),
  repeat: fixed((count, s) => repeated(textOf(s), intOf(count))),
  replace: fixed((old, by, s) => replaced(textOf(s), textOf(old), textOf(by), -1)),
  snakecase: fixed((s) => joinedWords(textOf(s), '_')),
  split: fixed((separator, s) => numbered(splitAll(textOf(s), textOf(separator)))),
  splitList: fixed((separator, s) => splitAll(textOf(s), textOf(separator))),
  splitn: fixed((separator, count, s) => numbered(splitAll(textOf(s), textOf(separator), intOf(count)))),
  squote: open((...given) => quoted(given, (text) => `'${text}'`)),
  substr: fixed((start, end, s) => substring(intOf(start), intOf(end), textOf(s))),
  swapcase: fixed((s) =>
    textOf(s).replace(/(^|\s)(\p{Ll})|\p{L}/gu, (all, space?: string, first?: string) => {
      if (first !== undefined) return `${space}${first.toUpperCase()}`
      return all === all.toLowerCase() ? all.toUpperCase() : all.toLowerCase()
    }),
  ),
  title: fixed((s) => titleCase(textOf(s))),
  toString: fixed(valueText),
  toStrings: fixed(toTexts),
  trim: fixed((s) => withoutOuterSpace(textOf(s))),
  trimAll: fixed((cutset, s) => without(textOf(s), textOf(cutset), true, true)),
  trimall: fixed((cutset, s) => without(textOf(s), textOf(cutset), true, true)),
  trimPrefix: fixed((prefix, s) => withoutPrefix(textOf(s), textOf(prefix))),
  trimSuffix: fixed((suffix, s) => withoutSuffix(textOf(s), textOf(suffix))),
  trunc: fixed((count, s) => truncated(intOf(count), textOf(s))),
  untitle: fixed((s) =>
    textOf(s).replace(/(^|\s)(\S)/gu, (_, space: string, first: string) => space + first.toLowerCase()),
  ),
  upper: fixed((s) => textOf(s).toUpperCase()),
  wrap: fixed((width, s) => wrapped(textOf(s), intOf(width), '\n', false)),
  wrapWith: fixed((width, separator, s) => wrapped(textOf(s), intOf(width), textOf(separator) || '\n', true)),
  // Choices.
  default: { min: 1, max: 2, run: ([fallback, given]) => (isEmpty(given) ? (fallback ?? null) : (given as Value)) },
  empty: fixed(isEmpty),
  coalesce: open((...given) => given.find((value) => !isEmpty(value)) ?? null),
  all: open((...given) => given.every((value) => !isEmpty(value))),
  any: open((...given) => given.some((value) => !isEmpty(value))),
  ternary: fixed((yes, no, condition) => {
    if (typeof condition !== 'boolean') return fault('wrong type for value; expected bool')
    return condition ? yes : no
  }),
}

function indented(count: number, text: string): string {
  const pad = repeated(' ', count)
  return bounded(pad + replaced(text, '\n', `\n${pad}`, -1))
}
