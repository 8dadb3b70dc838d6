// Reads JSON texts into configuration values; what is wrong is told without showing the text, which may hold a secret.
import { entriesOf, kindOf, OptionalSecret, Secret, type Value, ValueError } from '#component'

/** Arrays and objects inside each other: whoever walks a value may recurse. */
export const jsonDepthMax = 500

/** `floats`: every number is a float (Go's encoding/json); `integers`: what is written as an integer is one. */
export type JsonNumbers = 'floats' | 'integers'

/** Throws `ValueError` for anything but one JSON value. Of equal keys the last wins; lone surrogates become U+FFFD. */
export function valueFromJson(text: string, numbers: JsonNumbers): Value {
  const reader = new Reader(text, numbers)
  const value = reader.value(0)
  reader.end()
  return value
}

// oxlint-disable-next-line no-control-regex -- JSON names them
const stringToken = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y
const numberToken = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
const space = /[ \t\r\n]*/y
const words: readonly (readonly [string, boolean | null])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
]

class Reader {
  readonly #text: string
  readonly #numbers: JsonNumbers
  #at = 0

  constructor(text: string, numbers: JsonNumbers) {
    this.#text = text
    this.#numbers = numbers
  }

  value(depth: number): Value {
    if (depth > jsonDepthMax) throw new ValueError(`is JSON nested deeper than ${jsonDepthMax} levels`)
    switch (this.#peek()) {
      case '"':
        return this.#string()
      case '[':
        return this.#array(depth)
      case '{':
        return this.#object(depth)
      default:
        return this.#wordOrNumber()
    }
  }

  end(): void {
    if (this.#peek() !== '') this.#fail()
  }

  #fail(): never {
    if (this.#at >= this.#text.length) throw new ValueError('unexpected end of JSON input')
    throw new ValueError(`is not valid JSON at character ${this.#at + 1}`)
  }

  /** The next character that is no white space; empty at the end. */
  #peek(): string {
    space.lastIndex = this.#at
    space.test(this.#text)
    this.#at = space.lastIndex
    return this.#text[this.#at] ?? ''
  }

  #take(pattern: RegExp): RegExpExecArray {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (!match) this.#fail()
    this.#at = pattern.lastIndex
    return match
  }

  #string(): string {
    const [token] = this.#take(stringToken)
    return (token.includes('\\') ? (JSON.parse(token) as string) : token.slice(1, -1)).toWellFormed()
  }

  #array(depth: number): Value {
    const items: Value[] = []
    this.#at++
    if (this.#peek() === ']') {
      this.#at++
      return items
    }
    for (;;) {
      items.push(this.value(depth + 1))
      const next = this.#peek()
      if (next !== ',' && next !== ']') this.#fail()
      this.#at++
      if (next === ']') return items
    }
  }

  #object(depth: number): Value {
    const entries = new Map<string, Value>()
    this.#at++
    if (this.#peek() === '}') {
      this.#at++
      return entries
    }
    for (;;) {
      if (this.#peek() !== '"') this.#fail()
      const key = this.#string()
      if (this.#peek() !== ':') this.#fail()
      this.#at++
      entries.set(key, this.value(depth + 1))
      const next = this.#peek()
      if (next !== ',' && next !== '}') this.#fail()
      this.#at++
      if (next === '}') return entries
    }
  }

  #wordOrNumber(): Value {
    for (const [word, value] of words) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length
        return value
      }
    }
    const start = this.#at
    const [token, fraction, exponent] = this.#take(numberToken)
    if (this.#numbers === 'integers' && fraction === undefined && exponent === undefined) return integer(token)
    const float = Number(token)
    if (Number.isFinite(float)) return float
    this.#at = start
    throw new ValueError(`holds a number out of range at character ${start + 1}`)
  }
}

/** Integers that do not fit stay texts, as in ojg. */
function integer(token: string): Value {
  const value = BigInt(token)
  return BigInt.asIntN(64, value) === value ? value : token
}

/**
 * A value as JSON, as Go's encoding/json writes it: keys sorted, `<`, `>` and `&` escaped. Throws `ValueError` for floats
 * that JSON has no text for and for what is no data. Secrets are written out: what comes back is for the caller to hide.
 */
export function jsonFromValue(value: Value): string {
  return write(value).replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function write(value: Value): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new ValueError('holds a number that JSON has no text for')
    return Object.is(value, -0) ? '-0' : String(value)
  }
  if (typeof value === 'string') return JSON.stringify(value.toWellFormed())
  if (Array.isArray(value) || value instanceof Uint8Array) {
    return `[${Array.from(value as readonly Value[] | Uint8Array, (item) => write(item as Value)).join(',')}]`
  }
  const entries = entriesOf(value)
  if (entries) {
    const keys = [...entries.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    return `{${keys.map((key) => `${JSON.stringify(key.toWellFormed())}:${write(entries.get(key) as Value)}`).join(',')}}`
  }
  if (value instanceof Secret) return JSON.stringify(value.reveal())
  // The fields of the type behind it, as in Alloy.
  if (value instanceof OptionalSecret) return `{"IsSecret":${value.isSecret},"Value":${JSON.stringify(value.reveal())}}`
  throw new ValueError(`holds a value that JSON has no text for: ${kindOf(value)}`)
}
