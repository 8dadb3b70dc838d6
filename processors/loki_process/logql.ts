// The part of LogQL that selects lines: `{app="x", level=~"a|b"} |= "text" !~ "expression"`.
import { compileRegexp, RegexpError } from '#lib/regexp'
import { labelValue } from '#pdata'
import type { Line } from './line.ts'

/** What is wrong with a selector. */
export class SelectorError extends Error {
  override readonly name = 'SelectorError'
}

type Test = (line: Line) => boolean

const token = /\s*(?:(=~|!~|\|=|\|~|!=|[{}=,])|([a-zA-Z_][a-zA-Z0-9_]*)|("(?:[^"\\\n]|\\.)*"|`[^`]*`))/y

/** Reads a selector. Throws `SelectorError`. The result says whether a line is selected. */
export function compileSelector(text: string): Test {
  const tokens = tokensOf(text)
  let at = 0
  const fail = (wanted: string): never => {
    throw new SelectorError(`expected ${wanted}, got ${tokens[at] === undefined ? 'the end' : `\`${tokens[at]}\``}`)
  }
  const take = (wanted: RegExp, what: string): string => {
    const found = tokens[at]
    if (found === undefined || !wanted.test(found)) return fail(what)
    at++
    return found
  }
  const tests: Test[] = []
  take(/^\{$/, '`{`')
  for (;;) {
    const name = take(/^[a-zA-Z_]/, 'a label name')
    const operator = take(/^(=|!=|=~|!~)$/, 'one of `=`, `!=`, `=~` and `!~`')
    const value = unquote(take(/^["`]/, 'a text in quotes'))
    const matches = matcher(operator, value)
    tests.push((line) => matches(labelValue(line.labels, name)))
    if (take(/^[,}]$/, '`,` or `}`') === '}') break
  }
  while (at < tokens.length) {
    const operator = take(/^(\|=|\|~|!=|!~)$/, 'one of `|=`, `|~`, `!=` and `!~`')
    const matches = lineFilter(operator, unquote(take(/^["`]/, 'a text in quotes')))
    tests.push((line) => matches(line.text))
  }
  return (line) => tests.every((test) => test(line))
}

function tokensOf(text: string): string[] {
  const tokens: string[] = []
  token.lastIndex = 0
  const end = text.trimEnd().length
  let at = 0
  while (at < end) {
    token.lastIndex = at
    const found = token.exec(text)
    if (found === null) throw new SelectorError(`unexpected ${JSON.stringify(text.slice(at, at + 10).trim())}`)
    tokens.push((found[1] ?? found[2] ?? found[3]) as string)
    at = token.lastIndex
  }
  return tokens
}

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
}

/** The text of a literal as Go writes them. Throws `SelectorError` for escapes that there are not. */
export function unquote(literal: string): string {
  const inside = literal.slice(1, -1)
  if (literal.startsWith('`')) return inside.replaceAll('\r', '')
  return inside.replace(
    /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([0-7]{3})|(.))/gs,
    (all, u?: string, long?: string, hex?: string, octal?: string, one?: string) => {
      const code = u ?? long ?? hex
      if (code !== undefined && Number.parseInt(code, 16) <= 0x10ffff)
        return String.fromCodePoint(Number.parseInt(code, 16))
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8))
      const known = one === undefined ? undefined : escapes[one]
      if (known === undefined) throw new SelectorError(`invalid escape ${all}`)
      return known
    },
  )
}

function compile(pattern: string, anchored: boolean): (text: string) => boolean {
  try {
    const regexp = compileRegexp(pattern, { anchored })
    return (text) => regexp.test(text)
  } catch (error) {
    if (error instanceof RegexpError) throw new SelectorError(error.message)
    throw error
  }
}

function matcher(operator: string, value: string): (text: string) => boolean {
  if (operator === '=') return (text) => text === value
  if (operator === '!=') return (text) => text !== value
  const test = compile(value, true)
  return operator === '=~' ? test : (text) => !test(text)
}

function lineFilter(operator: string, value: string): (text: string) => boolean {
  if (operator === '|=') return (text) => text.includes(value)
  if (operator === '!=') return (text) => !text.includes(value)
  const test = compile(value, false)
  return operator === '|~' ? test : (text) => !test(text)
}
