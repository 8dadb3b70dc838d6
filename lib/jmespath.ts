// JMESPath as its community edition has it: with arithmetic, `let`, the root `$` and slices of texts besides the rest.
// https://jmespath.site/main/; where the text leaves a choice, as github.com/jmespath-community/go-jmespath takes it.
import { isEqual, isFunctionName, JmesPathFault, type Json, type Reference, run } from './jmespath_functions.ts'

export { JmesPathFault, type Json } from './jmespath_functions.ts'

/** Evaluates an expression on a document. Throws `JmesPathFault` where a function is given what it cannot take. */
export type JmesPath = (value: Json) => Json

/** Why a text is no expression, and at which character, counted from 1. */
export class JmesPathError extends Error {
  override readonly name = 'JmesPathError'
}

/** How deep expressions may be nested. */
const depthMax = 200

interface Scope {
  readonly root: Json
  readonly variables: ReadonlyMap<string, Json>
}
type Evaluate = (value: Json, scope: Scope) => Json
/** An argument of a function: a value, or an expression that the function runs itself. */
type Argument = { readonly value: Evaluate } | { readonly reference: Evaluate }

interface Token {
  readonly kind: string
  readonly text: string
  readonly at: number
}

const tokenShape =
  /[ \t\r\n]*(?:(?<name>[A-Za-z_][A-Za-z0-9_]*)|(?<variable>\$[A-Za-z0-9_]*)|(?<quoted>"(?:[^"\\]|\\.)*")|(?<raw>'(?:[^'\\]|\\.)*')|(?<literal>`(?:[^`\\]|\\.)*`)|(?<number>-?\d+)|(?<sign>\[\?|\[\]|\|\||&&|\/\/|[=!<>]=|[\][.*@|<>!(){},:&=+\-/%\u2212\u00d7\u00f7]))/sy

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  const end = text.trimEnd().length
  let at = 0
  while (at < end) {
    tokenShape.lastIndex = at
    const found = tokenShape.exec(text)
    if (found === null) {
      throw new JmesPathError(`unexpected character at ${at + 1}: ${JSON.stringify(text.slice(at, at + 10))}`)
    }
    at = tokenShape.lastIndex
    const [kind = '', part = ''] = Object.entries(found.groups ?? {}).find(([, value]) => value !== undefined) ?? []
    tokens.push({ kind: kind === 'sign' ? (aliases[part] ?? part) : kind, text: part, at: at - part.length })
  }
  return [...tokens, { kind: 'end', text: '', at: text.length }]
}

const aliases: Readonly<Record<string, string>> = { '\u2212': '-', '\u00d7': '×', '\u00f7': '/' }

/** Compile `text`. Throws `JmesPathError`. */
export function compileJmesPath(text: string): JmesPath {
  const evaluate = new Parser(tokensOf(text)).whole()
  const none: ReadonlyMap<string, Json> = new Map()
  return (value) => evaluate(value, { root: value, variables: none })
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
  '+': 6,
  '-': 6,
  '/': 7,
  '//': 7,
  '%': 7,
  '×': 7,
  '[]': 9,
  '*': 20,
  '[?': 21,
  '.': 40,
  '[': 55,
}
const notPower = 45
const starPower = 20
const projectionStop = 10

const itself: Evaluate = (value) => value
const isObject = (value: Json): value is { [key: string]: Json } =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
const field =
  (name: string): Evaluate =>
  (value) =>
    isObject(value) && Object.hasOwn(value, name) ? (value[name] as Json) : null

/** `right` on what `left` gives; null stays null. */
const then =
  (left: Evaluate, right: Evaluate): Evaluate =>
  (value, scope) => {
    const found = left(value, scope)
    return found === null ? null : right(found, scope)
  }

function isTrue(value: Json): boolean {
  if (value === null || value === false || value === '') return false
  if (Array.isArray(value)) return value.length > 0
  return !isObject(value) || Object.keys(value).length > 0
}

class Parser {
  readonly #tokens: readonly Token[]
  #at: number
  #depth: number

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
    this.#at = 0
    this.#depth = 0
  }

  whole(): Evaluate {
    const path = this.#expression(0)
    this.#expect('end')
    return path
  }

  get #next(): Token {
    return this.#tokens[this.#at] as Token
  }

  #kindAfter(ahead: number): string {
    return this.#tokens[this.#at + ahead]?.kind ?? ''
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

  #expression(power: number): Evaluate {
    if (++this.#depth > depthMax) throw new JmesPathError(`nested too deeply at ${this.#next.at + 1}`)
    let left = this.#first()
    while (power < (powers[this.#next.kind] ?? 0)) left = this.#continued(left)
    this.#depth--
    return left
  }

  /** What an expression can begin with. */
  #first(): Evaluate {
    const token = this.#next
    switch (token.kind) {
      case 'name':
      case 'quoted':
        return this.#name()
      case 'variable':
        this.#take()
        return token.text === '$' ? (_, { root }) => root : variable(token.text)
      case 'raw': {
        this.#take()
        const text = token.text.slice(1, -1).replace(/\\([\\'])/g, '$1')
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
        return (value, scope) => !isTrue(inside(value, scope))
      }
      case '+':
      case '-':
        return this.#signed()
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
        return projection(values(itself), this.#projected(starPower))
      case '[]':
      case '[?':
        return this.#continued(itself)
      case '[':
        if (this.#kindAfter(1) === '*' && this.#kindAfter(2) === ']') return this.#continued(itself)
        if (this.#kindAfter(1) === 'number' || this.#kindAfter(1) === ':') return this.#continued(itself)
        this.#take()
        return this.#multiList()
      default:
        return this.#fail()
    }
  }

  #signed(): Evaluate {
    const { kind } = this.#take()
    const inside = this.#expression(powers['+'] as number)
    return (value, scope) => {
      const number = inside(value, scope)
      if (typeof number !== 'number') return null
      return kind === '-' ? -number : number
    }
  }

  /** A field, a call, or `let`. */
  #name(): Evaluate {
    const token = this.#take()
    if (token.kind === 'quoted') {
      const name = quotedName(token)
      if (this.#next.kind === '(') this.#fail()
      return field(name)
    }
    if (token.text === 'let' && this.#next.kind === 'variable') return this.#let()
    return this.#next.kind === '(' ? this.#call(token) : field(token.text)
  }

  #call(name: Token): Evaluate {
    if (!isFunctionName(name.text)) throw new JmesPathError(`unknown function: ${name.text}() at ${name.at + 1}`)
    this.#take()
    const parts: Argument[] = []
    while (this.#next.kind !== ')') {
      if (parts.length > 0) this.#expect(',')
      if (this.#next.kind === '&') {
        this.#take()
        parts.push({ reference: this.#expression(0) })
      } else parts.push({ value: this.#expression(0) })
    }
    this.#take()
    return (value, scope) => {
      const given = parts.map((part): Json | Reference =>
        'value' in part ? part.value(value, scope) : (item) => part.reference(item, scope),
      )
      return run(name.text, given)
    }
  }

  /** `let $a = …, $b = … in …` */
  #let(): Evaluate {
    const bindings: (readonly [name: string, value: Evaluate])[] = []
    do {
      const { text } = this.#expect('variable')
      if (text === '$') throw new JmesPathError(`unexpected "$" at ${this.#next.at + 1}`)
      this.#expect('=')
      bindings.push([text, this.#expression(0)])
    } while (this.#next.kind === ',' && this.#take())
    if (this.#next.text !== 'in') this.#fail()
    this.#take()
    const inside = this.#expression(0)
    return (value, scope) => {
      const variables = new Map(scope.variables)
      for (const [name, bound] of bindings) variables.set(name, bound(value, scope))
      return inside(value, { root: scope.root, variables })
    }
  }

  /** What can follow on `left`. */
  #continued(left: Evaluate): Evaluate {
    const { kind } = this.#take()
    switch (kind) {
      case '.':
        return this.#afterDot(left)
      case '|': {
        const right = this.#expression(powers['|'] as number)
        return (value, scope) => right(left(value, scope), scope)
      }
      case '||': {
        const right = this.#expression(powers['||'] as number)
        return (value, scope) => {
          const found = left(value, scope)
          return isTrue(found) ? found : right(value, scope)
        }
      }
      case '&&': {
        const right = this.#expression(powers['&&'] as number)
        return (value, scope) => {
          const found = left(value, scope)
          return isTrue(found) ? right(value, scope) : found
        }
      }
      case '[]': {
        const flat: Evaluate = (value, scope) => {
          const found = left(value, scope)
          return Array.isArray(found) ? found.flat() : null
        }
        return projection(flat, this.#projected(powers['[]'] as number))
      }
      case '[?': {
        const condition = this.#expression(0)
        this.#expect(']')
        const kept: Evaluate = (value, scope) => {
          const found = left(value, scope)
          return Array.isArray(found) ? found.filter((item) => isTrue(condition(item, scope))) : null
        }
        return projection(kept, this.#projected(powers['[?'] as number))
      }
      case '[':
        return this.#inBrackets(left)
      default: {
        const right = this.#expression(powers[kind] as number)
        return kind in arithmetic ? calculation(kind, left, right) : comparison(kind, left, right)
      }
    }
  }

  #afterDot(left: Evaluate): Evaluate {
    const { kind } = this.#next
    if (kind === '*') {
      this.#take()
      return projection(values(left), this.#projected(starPower))
    }
    if (kind === '[') {
      this.#take()
      return then(left, this.#multiList())
    }
    if (kind === '{') return then(left, this.#multiHash())
    if (kind !== 'name' && kind !== 'quoted') this.#fail()
    return then(left, this.#name())
  }

  /** After `[`: an index, a slice or `*`. */
  #inBrackets(left: Evaluate): Evaluate {
    if (this.#next.kind === '*') {
      this.#take()
      this.#expect(']')
      return projection(left, this.#projected(starPower))
    }
    const { at } = this.#next
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
    if (bounds[2] === 0) throw new JmesPathError(`the step of a slice cannot be 0 at ${at + 1}`)
    if (part > 0) return sliceProjection(then(left, slice(bounds)), this.#projected(starPower))
    const [index] = bounds
    if (index === null || index === undefined) return this.#fail()
    return (value, scope) => {
      const found = left(value, scope)
      return Array.isArray(found) ? (found.at(index) ?? null) : null
    }
  }

  /** What is done with every item of a projection. */
  #projected(power: number): Evaluate {
    const { kind } = this.#next
    if ((powers[kind] ?? 0) < projectionStop) return itself
    if (kind === '[' || kind === '[?') return this.#expression(power)
    if (kind !== '.') this.#fail()
    this.#take()
    if (this.#next.kind === '[') {
      this.#take()
      return this.#multiList()
    }
    if (this.#next.kind === '{') return this.#multiHash()
    if (!['name', 'quoted', '*'].includes(this.#next.kind)) this.#fail()
    return this.#expression(power)
  }

  #multiList(): Evaluate {
    const parts: Evaluate[] = []
    do parts.push(this.#expression(0))
    while (this.#next.kind === ',' && this.#take())
    this.#expect(']')
    return (value, scope) => parts.map((part) => part(value, scope))
  }

  #multiHash(): Evaluate {
    this.#expect('{')
    const parts: (readonly [string, Evaluate])[] = []
    do {
      const key = this.#next
      if (key.kind !== 'name' && key.kind !== 'quoted') this.#fail()
      this.#take()
      this.#expect(':')
      parts.push([key.kind === 'quoted' ? quotedName(key) : key.text, this.#expression(0)])
    } while (this.#next.kind === ',' && this.#take())
    this.#expect('}')
    return (value, scope) => Object.fromEntries(parts.map(([name, part]): [string, Json] => [name, part(value, scope)]))
  }
}

function variable(name: string): Evaluate {
  return (_, { variables }) => {
    const value = variables.get(name)
    if (value === undefined) throw new JmesPathFault(`there is no variable ${name}`)
    return value
  }
}

function literal({ text, at }: Token): Json {
  try {
    return JSON.parse(text.slice(1, -1).replaceAll('\\`', '`')) as Json
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

function values(left: Evaluate): Evaluate {
  return (value, scope) => {
    const found = left(value, scope)
    return isObject(found) ? Object.values(found) : null
  }
}

/** `each` of the items, without nulls; null where there is no list. */
function projection(list: Evaluate, each: Evaluate): Evaluate {
  return (value, scope) => {
    const items = list(value, scope)
    return Array.isArray(items) ? projected(items, each, scope) : null
  }
}

function projected(items: readonly Json[], each: Evaluate, scope: Scope): Json {
  const out: Json[] = []
  for (const item of items) {
    const made = each(item, scope)
    if (made !== null) out.push(made)
  }
  return out
}

/** Slices of texts are texts, with which the rest goes on. */
function sliceProjection(sliced: Evaluate, each: Evaluate): Evaluate {
  return (value, scope) => {
    const items = sliced(value, scope)
    if (typeof items === 'string') return each(items, scope)
    return Array.isArray(items) ? projected(items, each, scope) : null
  }
}

function slice([start, stop, step]: readonly (number | null | undefined)[]): Evaluate {
  const by = step ?? 1
  return (value) => {
    if (!Array.isArray(value) && typeof value !== 'string') return null
    const items: readonly Json[] = typeof value === 'string' ? [...value] : value
    const n = items.length
    const clamp = (x: number): number => {
      const from = x < 0 ? x + n : x
      return by > 0 ? Math.min(Math.max(from, 0), n) : Math.min(Math.max(from, -1), n - 1)
    }
    const first = start === null || start === undefined ? (by > 0 ? 0 : n - 1) : clamp(start)
    const end = stop === null || stop === undefined ? (by > 0 ? n : -1) : clamp(stop)
    const out: Json[] = []
    for (let i = first; by > 0 ? i < end : i > end; i += by) out.push(items[i] as Json)
    return typeof value === 'string' ? out.join('') : out
  }
}

const arithmetic: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '×': (a, b) => a * b,
  '/': (a, b) => a / b,
  '//': (a, b) => Math.floor(a / b),
  '%': (a, b) => a % b,
}

function calculation(operator: string, left: Evaluate, right: Evaluate): Evaluate {
  const calculate = arithmetic[operator] as (a: number, b: number) => number
  return (value, scope) => {
    const [a, b] = [left(value, scope), right(value, scope)]
    return typeof a === 'number' && typeof b === 'number' ? calculate(a, b) : null
  }
}

function comparison(operator: string, left: Evaluate, right: Evaluate): Evaluate {
  return (value, scope) => {
    const [a, b] = [left(value, scope), right(value, scope)]
    if (operator === '==') return isEqual(a, b)
    if (operator === '!=') return !isEqual(a, b)
    if (typeof a !== 'number' || typeof b !== 'number') return null
    if (operator === '<') return a < b
    if (operator === '<=') return a <= b
    return operator === '>' ? a > b : a >= b
  }
}
