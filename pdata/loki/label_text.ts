// Loki's text form of a label set: `{app="shop", level="info"}`.
import { type Labels, labelsFrom } from '#pdata'

/** More labels than this are refused: Loki takes 15 by default, and a batch is not to grow from a label set. */
const labelsMax = 1024

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

const nameStart = /[\p{L}_]/u
const namePart = /[\p{L}\p{N}_.:/-]/u

/**
 * Reads `{name="value", …}` as Loki does (LogQL's stream selector with `=` only; a trailing comma is allowed). Values are
 * Go strings, in double quotes or backquotes. Throws `LabelTextError` with the place. Of duplicates the last wins.
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
    this.#expect('{')
    while (!this.#take('}')) {
      if (pairs.length > 0) this.#expect(',')
      if (this.#take('}')) break
      if (pairs.length >= labelsMax) this.#fail(`more than ${labelsMax} labels`)
      const name = this.#name()
      this.#expect('=')
      pairs.push([name, this.#value()])
    }
    this.#space()
    if (this.#at < this.#text.length) this.#fail('text after the labels')
    return labelsFrom(pairs)
  }

  #space(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++
  }

  #take(wanted: string): boolean {
    this.#space()
    if (this.#text[this.#at] !== wanted) return false
    this.#at++
    return true
  }

  #expect(wanted: string): void {
    if (!this.#take(wanted)) this.#fail(`"${wanted}" expected`)
  }

  #name(): string {
    this.#space()
    const start = this.#at
    if (this.#text[start] === '"') return this.#quoted()
    while (this.#at < this.#text.length) {
      const letter = String.fromCodePoint(this.#text.codePointAt(this.#at) as number)
      if (!(this.#at === start ? nameStart : namePart).test(letter)) break
      this.#at += letter.length
    }
    if (this.#at === start) this.#fail('the name of a label expected')
    return this.#text.slice(start, this.#at)
  }

  #value(): string {
    this.#space()
    if (this.#text[this.#at] !== '`') return this.#quoted()
    const end = this.#text.indexOf('`', this.#at + 1)
    if (end < 0) this.#fail('a value does not end')
    const value = this.#text.slice(this.#at + 1, end)
    this.#at = end + 1
    return value
  }

  #quoted(): string {
    const start = this.#at
    if (this.#text[start] !== '"') this.#fail('a value in quotes expected')
    let at = start + 1
    while (at < this.#text.length && this.#text[at] !== '"') at += this.#text[at] === '\\' ? 2 : 1
    if (at >= this.#text.length) this.#fail('a value does not end')
    const value = goUnquoted(this.#text.slice(start + 1, at))
    if (value === undefined) this.#fail('a value has an escape that is not known')
    this.#at = at + 1
    return value
  }

  #fail(why: string): never {
    const shown = this.#text.length > 200 ? `${this.#text.slice(0, 200)}…` : this.#text
    throw new LabelTextError(`Cannot read labels: ${why} (at ${this.#at}): current value is ${JSON.stringify(shown)}`)
  }
}

const simpleEscapes: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  t: 9,
  n: 10,
  v: 11,
  f: 12,
  r: 13,
  '"': 34,
  '\\': 92,
}

const escape = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|([\s\S]?))/g

/** What stands in a Go string literal; undefined where an escape is wrong. `\x` and octal escapes are bytes of UTF-8. */
function goUnquoted(text: string): string | undefined {
  if (!text.includes('\\')) return text
  let wrong = false
  const bytes: Uint8Array[] = []
  let end = 0
  for (const match of text.matchAll(escape)) {
    const [whole, x, u, long, octal, simple] = match
    bytes.push(Buffer.from(text.slice(end, match.index)))
    end = match.index + whole.length
    const rune = u ?? long
    if (rune !== undefined) {
      const point = Number.parseInt(rune, 16)
      if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) wrong = true
      else bytes.push(Buffer.from(String.fromCodePoint(point)))
      continue
    }
    const byte =
      x !== undefined
        ? Number.parseInt(x, 16)
        : octal !== undefined
          ? Number.parseInt(octal, 8)
          : simpleEscapes[simple ?? '']
    if (byte === undefined || byte > 255) wrong = true
    else bytes.push(Uint8Array.of(byte))
  }
  if (wrong) return undefined
  bytes.push(Buffer.from(text.slice(end)))
  return Buffer.concat(bytes).toString('utf8')
}
