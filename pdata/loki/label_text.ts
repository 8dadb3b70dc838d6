// Loki's text form of a label set: `{app="shop", level="info"}`.
import { unquoted } from '#lib/go_unquote'
import { type Labels, labelsFrom } from '#pdata'

/** More labels than this are refused: Loki takes 15 by default, and a batch is not to grow from a label set. */
export const labelsMax = 1024

/** Labels whose names begin with `__` are for the way and are left out. */
export function labelText(labels: Labels): string {
  let text = '{'
  for (let i = 0; i < labels.length; i += 2) {
    const name = labels[i] as string
    if (name.startsWith('__')) continue
    if (text.length > 1) text += ', '
    // JSON's escapes are among those that Go unquotes; a lone surrogate is not.
    text += `${name}=${JSON.stringify((labels[i + 1] as string).toWellFormed())}`
  }
  return `${text}}`
}

export class LabelTextError extends Error {
  override readonly name = 'LabelTextError'
}

const white = /[ \t\r\n]*(?:#[^\n]*[ \t\r\n]*)*/y
const metricName = /[a-zA-Z_:][a-zA-Z0-9_:]*/y
const labelName = /[a-zA-Z_][a-zA-Z0-9_]*/y
const literal = /"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*'|`[^`]*`/y

/**
 * Reads `{name="value", …}` as Alloy does, which takes it for one of Prometheus's series: letters of names are ASCII's, any
 * other name stands in quotes; a metric's name may stand before or, in quotes, among the labels; a comma may be the last.
 * Literals are Go's, in double or single quotes or backquotes. Throws `LabelTextError` with the place. Of duplicates the
 * last wins.
 */
export function parseLabelText(text: string): Labels {
  return new LabelTextParser(text).parse()
}

class LabelTextParser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  parse(): Labels {
    const pairs: [string, string][] = []
    const before = this.#match(metricName)
    if (before !== '') pairs.push(['__name__', before])
    if (before === '' || this.#text[this.#at] === '{') this.#braces(pairs)
    if (this.#at < this.#text.length) this.#fail('text after the labels')
    return labelsFrom(pairs)
  }

  #braces(pairs: [string, string][]): void {
    const named = pairs.length
    this.#expect('{')
    while (!this.#take('}')) {
      if (pairs.length >= labelsMax) this.#fail(`more than ${labelsMax} labels`)
      const quoted = this.#literal()
      const name = quoted ?? this.#match(labelName)
      if (quoted === undefined && name === '') this.#fail('the name of a label expected')
      if (this.#take('=')) {
        const value = this.#literal()
        if (value === undefined) this.#fail('a value in quotes expected')
        pairs.push([name, value])
      } else if (quoted === undefined) this.#fail('"=" expected')
      else if (named > 0 || pairs.some(([other]) => other === '__name__')) this.#fail('a second name of the metric')
      else pairs.push(['__name__', quoted])
      if (this.#take('}')) return
      this.#expect(',')
    }
  }

  /** What `pattern` finds here, and goes on behind it and white space; '' when nothing. */
  #match(pattern: RegExp): string {
    this.#skip(white)
    const start = this.#at
    const end = this.#skip(pattern)
    this.#skip(white)
    return this.#text.slice(start, end)
  }

  #skip(pattern: RegExp): number {
    pattern.lastIndex = this.#at
    if (pattern.test(this.#text)) this.#at = pattern.lastIndex
    return this.#at
  }

  #take(wanted: string): boolean {
    if (this.#text[this.#at] !== wanted) return false
    this.#at++
    this.#skip(white)
    return true
  }

  #expect(wanted: string): void {
    if (!this.#take(wanted)) this.#fail(`"${wanted}" expected`)
  }

  #literal(): string | undefined {
    const written = this.#match(literal)
    if (written === '') return undefined
    const value = unquoted(written)
    if (value === undefined) this.#fail('an escape that is not known')
    return value
  }

  #fail(why: string): never {
    const shown = this.#text.length > 200 ? `${this.#text.slice(0, 200)}…` : this.#text
    throw new LabelTextError(`Cannot read labels: ${why} (at ${this.#at}): current value is ${JSON.stringify(shown)}`)
  }
}
