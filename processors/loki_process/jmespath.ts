// JMESPath, as far as settings use it: fields, indexes, slices, projections, filters, multi-selects, pipes, literals.
// https://jmespath.org/specification.html; functions and expression types are refused.

/** What JSON holds. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** Evaluates an expression on a document. */
export type JmesPath = (value: Json) => Json

export class JmesPathError extends Error {
  override readonly name = 'JmesPathError'
}

interface Token {
  readonly kind: string
  readonly text: string
  readonly at: number
}

const tokenShape =
  /\s*(?:(?<name>[A-Za-z_][A-Za-z0-9_]*)|(?<quoted>"(?:[^"\\]|\\.)*")|(?<raw>'(?:[^'\\]|\\.)*')|(?<literal>`(?:[^`\\]|\\.)*`)|(?<number>-?\d+)|(?<sign>\[\?|\[\]|\|\||&&|[=!<>]=|[\][.*@|<>!(){},:&]))/sy

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  const end = text.trimEnd().length
  let at = 0
  while (at < end) {
    tokenShape.lastIndex = at
    const found = tokenShape.exec(text)
    if (found === null)
      throw new JmesPathError(`unexpected character at ${at + 1}: ${JSON.stringify(text.slice(at, at + 10))}`)
    at = tokenShape.lastIndex
    const [kind = '', part = ''] = Object.entries(found.groups ?? {}).find(([, value]) => value !== undefined) ?? []
    tokens.push({ kind: kind === 'sign' ? part : kind, text: part, at: at - part.length })
  }
  return [...tokens, { kind: 'end', text: '', at: text.length }]
}

/** Compile `text`. Throws `JmesPathError`, which says at which character. */
export function compileJmesPath(text: string): JmesPath {
  const parser = new Parser(tokensOf(text))
  return parser.whole()
}

/** How strongly operators bind; from 10 on they go on with a projection. */
const powers: Readonly<Record<string, number>> = {
  '|': 1,
  '||': 2,
  '&&': 3,
  '==': 5,
  '!=': 5,
  '<': 5,
  '<=': 5,
  '>': 5,
  '>=': 5,
  '[]': 9,
  '[?': 21,
  '.': 40,
  '[': 55,
}
const notPower = 45
const projectionStop = 10

const itself: JmesPath = (value) => value
const isObject = (value: Json): value is { [key: string]: Json } =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
const field =
  (name: string): JmesPath =>
  (value) =>
    isObject(value) && Object.hasOwn(value, name) ? (value[name] as Json) : null

function isTrue(value: Json): boolean {
  if (value === null || value === false || value === '') return false
  if (Array.isArray(value)) return value.length > 0
  return !isObject(value) || Object.keys(value).length > 0
}

class Parser {
  readonly #tokens: readonly Token[]
  #at: number

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
    this.#at = 0
  }

  whole(): JmesPath {
    const path = this.#expression(0)
    this.#expect('end')
    return path
  }

  get #next(): Token {
    return this.#tokens[this.#at] as Token
  }

  #take(): Token {
    const token = this.#next
    if (token.kind !== 'end') this.#at++
    return token
  }

  #expect(kind: string): Token {
    if (this.#next.kind !== kind) this.#fail()
    return this.#take()
  }

  #fail(): never {
    const { kind, text, at } = this.#next
    throw new JmesPathError(kind === 'end' ? 'unexpected end' : `unexpected ${JSON.stringify(text)} at ${at + 1}`)
  }

  #expression(power: number): JmesPath {
    let left = this.#first()
    while (power < (powers[this.#next.kind] ?? 0)) left = this.#continued(left)
    return left
  }

  /** What an expression can begin with. */
  #first(): JmesPath {
    const token = this.#next
    switch (token.kind) {
      case 'name':
      case 'quoted':
        return this.#field()
      case 'raw': {
        this.#take()
        const text = token.text.slice(1, -1).replaceAll("\\'", "'").replaceAll('\\\\', '\\')
        return () => text
      }
      case 'literal': {
        this.#take()
        const value = literal(token)
        return () => value
      }
      case '@':
        this.#take()
        return itself
      case '!': {
        this.#take()
        const inside = this.#expression(notPower)
        return (value) => !isTrue(inside(value))
      }
      case '(': {
        this.#take()
        const inside = this.#expression(0)
        this.#expect(')')
        return inside
      }
      case '{':
        return this.#multiHash()
      case '*':
        this.#take()
        return projection(values(itself), this.#projected(20))
      case '[]':
      case '[?':
        return this.#continued(itself)
      case '[':
        if (this.#tokens[this.#at + 1]?.kind === '*' && this.#tokens[this.#at + 2]?.kind === ']')
          return this.#continued(itself)
        if (['number', ':'].includes(this.#tokens[this.#at + 1]?.kind ?? '')) return this.#continued(itself)
        this.#take()
        return this.#multiList()
      default:
        return this.#fail()
    }
  }

  #field(): JmesPath {
    const token = this.#take()
    if (token.kind === 'name' && this.#next.kind === '(') {
      throw new JmesPathError(`functions are not supported yet: ${token.text}() at ${token.at + 1}`)
    }
    return field(token.kind === 'quoted' ? quotedName(token) : token.text)
  }

  /** What can follow on `left`. */
  #continued(left: JmesPath): JmesPath {
    const { kind } = this.#take()
    switch (kind) {
      case '.':
        return this.#afterDot(left)
      case '|': {
        const right = this.#expression(powers['|'] as number)
        return (value) => right(left(value))
      }
      case '||': {
        const right = this.#expression(powers['||'] as number)
        return (value) => {
          const found = left(value)
          return isTrue(found) ? found : right(value)
        }
      }
      case '&&': {
        const right = this.#expression(powers['&&'] as number)
        return (value) => {
          const found = left(value)
          return isTrue(found) ? right(value) : found
        }
      }
      case '[]': {
        const flat: JmesPath = (value) => {
          const found = left(value)
          return Array.isArray(found) ? found.flat() : null
        }
        return projection(flat, this.#projected(powers['[]'] as number))
      }
      case '[?': {
        const condition = this.#expression(0)
        this.#expect(']')
        const kept: JmesPath = (value) => {
          const found = left(value)
          return Array.isArray(found) ? found.filter((item) => isTrue(condition(item))) : null
        }
        return projection(kept, this.#projected(powers['[?'] as number))
      }
      case '[':
        return this.#inBrackets(left)
      default:
        return comparison(kind, left, this.#expression(powers[kind] as number))
    }
  }

  #afterDot(left: JmesPath): JmesPath {
    const { kind } = this.#next
    if (kind === '*') {
      this.#take()
      return projection(values(left), this.#projected(20))
    }
    if (!['name', 'quoted', '[', '{'].includes(kind)) this.#fail()
    let right: JmesPath
    if (kind === '[') {
      this.#take()
      right = this.#multiList()
    } else right = kind === '{' ? this.#multiHash() : this.#field()
    return (value) => right(left(value))
  }

  /** After `[`: an index, a slice or `*`. */
  #inBrackets(left: JmesPath): JmesPath {
    if (this.#next.kind === '*') {
      this.#take()
      this.#expect(']')
      return projection(left, this.#projected(20))
    }
    const bounds: (number | null)[] = [null, null, null]
    let part = 0
    while (this.#next.kind !== ']') {
      if (this.#next.kind === ':' && part < 2) {
        this.#take()
        part++
      } else if (this.#next.kind === 'number' && bounds[part] === null) bounds[part] = Number(this.#take().text)
      else this.#fail()
    }
    this.#take()
    if (part > 0) return projection(slice(left, bounds), this.#projected(20))
    const index = bounds[0]
    if (index === null || index === undefined) return this.#fail()
    return (value) => {
      const found = left(value)
      return Array.isArray(found) ? (found.at(index) ?? null) : null
    }
  }

  /** What is done with every item of a projection. */
  #projected(power: number): JmesPath {
    const { kind } = this.#next
    if ((powers[kind] ?? 0) < projectionStop) return itself
    if (kind === '.') {
      this.#take()
      let right = this.#afterDot(itself)
      while (power < (powers[this.#next.kind] ?? 0)) right = this.#continued(right)
      return right
    }
    let right = this.#continued(itself)
    while (power < (powers[this.#next.kind] ?? 0)) right = this.#continued(right)
    return right
  }

  #multiList(): JmesPath {
    const parts: JmesPath[] = []
    do parts.push(this.#expression(0))
    while (this.#next.kind === ',' && this.#take())
    this.#expect(']')
    return (value) => (value === null ? null : parts.map((part) => part(value)))
  }

  #multiHash(): JmesPath {
    this.#expect('{')
    const parts: [string, JmesPath][] = []
    do {
      const key = this.#take()
      if (key.kind !== 'name' && key.kind !== 'quoted') {
        this.#at--
        this.#fail()
      }
      this.#expect(':')
      parts.push([key.kind === 'quoted' ? quotedName(key) : key.text, this.#expression(0)])
    } while (this.#next.kind === ',' && this.#take())
    this.#expect('}')
    return (value) =>
      value === null ? null : Object.fromEntries(parts.map(([name, part]): [string, Json] => [name, part(value)]))
  }
}

function literal({ text, at }: Token): Json {
  const inside = text.slice(1, -1).replaceAll('\\`', '`').trim()
  try {
    return JSON.parse(inside) as Json
  } catch {
    throw new JmesPathError(`invalid literal ${text} at ${at + 1}`)
  }
}

function quotedName({ text, at }: Token): string {
  try {
    return JSON.parse(text) as string
  } catch {
    throw new JmesPathError(`invalid name ${text} at ${at + 1}`)
  }
}

function values(left: JmesPath): JmesPath {
  return (value) => {
    const found = left(value)
    return isObject(found) ? Object.values(found) : null
  }
}

/** `each` of the items, without nulls; null where there is no list. */
function projection(list: JmesPath, each: JmesPath): JmesPath {
  return (value) => {
    const items = list(value)
    return Array.isArray(items) ? items.map(each).filter((item) => item !== null) : null
  }
}

function slice(left: JmesPath, [start, stop, step]: readonly (number | null | undefined)[]): JmesPath {
  const by = step ?? 1
  if (by === 0) throw new JmesPathError('the step of a slice cannot be 0')
  return (value) => {
    const items = left(value)
    if (!Array.isArray(items)) return null
    const n = items.length
    const clamp = (x: number): number => {
      const from = x < 0 ? x + n : x
      return by > 0 ? Math.min(Math.max(from, 0), n) : Math.min(Math.max(from, -1), n - 1)
    }
    const first = start === null || start === undefined ? (by > 0 ? 0 : n - 1) : clamp(start)
    const end = stop === null || stop === undefined ? (by > 0 ? n : -1) : clamp(stop)
    const out: Json[] = []
    for (let i = first; by > 0 ? i < end : i > end; i += by) out.push(items[i] as Json)
    return out
  }
}

function comparison(operator: string, left: JmesPath, right: JmesPath): JmesPath {
  return (value) => {
    const [a, b] = [left(value), right(value)]
    if (operator === '==') return isEqual(a, b)
    if (operator === '!=') return !isEqual(a, b)
    if (typeof a !== 'number' || typeof b !== 'number') return null
    if (operator === '<') return a < b
    if (operator === '<=') return a <= b
    return operator === '>' ? a > b : a >= b
  }
}

function isEqual(a: Json, b: Json): boolean {
  if (a === b) return true
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((x, i) => isEqual(x, b[i] as Json))
  if (!isObject(a) || !isObject(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key] as Json, b[key] as Json))
  )
}
