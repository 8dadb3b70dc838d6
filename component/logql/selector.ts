// The part of LogQL that selects lines: `{app="x", level=~"a|b"} |= "text" !~ "expression"`.
import { unquoted } from '#lib/go_unquote'
import { compileRegexp, RegexpError } from '#lib/regexp'
import { type Labels, labelValue } from '#pdata'

/** What is wrong with a selector, and where. */
export class SelectorError extends Error {
  override readonly name = 'SelectorError'
}

/** Is the line of a stream with these labels selected? */
export type Selector = (labels: Labels, line: string) => boolean

interface Token {
  readonly text: string
  readonly at: number
}

const tokenShape = /\s*(?:(=~|!~|\|=|\|~|!=|[{}=,])|([\p{L}_][\p{L}\p{Nd}_]*)|("(?:[^"\\\n]|\\.)*"|`[^`]*`))/uy

/** Throws `SelectorError`. */
export function compileSelector(text: string): Selector {
  const parser = new Parser(text)
  const matchers = parser.matchers()
  const filters = parser.filters()
  return (labels, line) => {
    for (const { name, matches } of matchers) if (!matches(labelValue(labels, name))) return false
    for (const matches of filters) if (!matches(line)) return false
    return true
  }
}

type Test = (text: string) => boolean

class Parser {
  readonly #text: string
  readonly #tokens: readonly Token[]
  #at: number

  constructor(text: string) {
    this.#text = text
    this.#tokens = tokensOf(text)
    this.#at = 0
  }

  matchers(): { name: string; matches: Test }[] {
    const matchers: { name: string; matches: Test }[] = []
    this.#take(/^\{$/, '`{`')
    do {
      const { text: name } = this.#take(/^[\p{L}_]/u, 'a label name')
      const { text: operator } = this.#take(/^(=|!=|=~|!~)$/, 'one of `=`, `!=`, `=~` and `!~`')
      const value = this.#take(/^["`]/, 'a text in quotes')
      matchers.push({ name, matches: this.#matcher(operator, value) })
    } while (this.#take(/^[,}]$/, '`,` or `}`').text === ',')
    return matchers
  }

  filters(): Test[] {
    const filters: Test[] = []
    while (this.#at < this.#tokens.length) {
      const { text: operator } = this.#take(/^(\|=|\|~|!=|!~)$/, 'one of `|=`, `|~`, `!=` and `!~`')
      filters.push(this.#filter(operator, this.#take(/^["`]/, 'a text in quotes')))
    }
    return filters
  }

  #take(wanted: RegExp, what: string): Token {
    const token = this.#tokens[this.#at]
    if (token === undefined) throw errorAt(this.#text, this.#text.length, `expected ${what}, got the end`)
    if (!wanted.test(token.text)) throw errorAt(this.#text, token.at, `expected ${what}, got \`${token.text}\``)
    this.#at++
    return token
  }

  #matcher(operator: string, token: Token): Test {
    const value = this.#unquoted(token)
    if (operator === '=') return (text) => text === value
    if (operator === '!=') return (text) => text !== value
    const test = this.#regexp(value, token, true)
    return operator === '=~' ? test : (text) => !test(text)
  }

  #filter(operator: string, token: Token): Test {
    const value = this.#unquoted(token)
    if (operator === '|=') return (text) => text.includes(value)
    if (operator === '!=') return (text) => !text.includes(value)
    const test = this.#regexp(value, token, false)
    return operator === '|~' ? test : (text) => !test(text)
  }

  #unquoted({ text, at }: Token): string {
    const value = unquoted(text)
    if (value === undefined) throw errorAt(this.#text, at, `invalid escape in ${text}`)
    return value
  }

  #regexp(pattern: string, { at }: Token, anchored: boolean): Test {
    try {
      const regexp = compileRegexp(pattern, { anchored })
      return (text) => regexp.test(text)
    } catch (error) {
      if (error instanceof RegexpError) throw errorAt(this.#text, at, error.message)
      throw error
    }
  }
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  const end = text.trimEnd().length
  let at = 0
  while (at < end) {
    tokenShape.lastIndex = at
    const found = tokenShape.exec(text)
    if (found === null) {
      const rest = text.slice(at).trimStart()
      throw errorAt(text, text.length - rest.length, `unexpected ${JSON.stringify(rest.slice(0, 10))}`)
    }
    const part = (found[1] ?? found[2] ?? found[3]) as string
    at = tokenShape.lastIndex
    tokens.push({ text: part, at: at - part.length })
  }
  return tokens
}

function errorAt(text: string, at: number, message: string): SelectorError {
  const before = text.slice(0, at).split('\n')
  return new SelectorError(`parse error at line ${before.length}, col ${(before.at(-1) ?? '').length + 1}: ${message}`)
}
