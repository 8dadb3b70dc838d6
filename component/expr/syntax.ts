// Tokens of expressions into a tree.
import { place, type Token, tokenize } from './lexer.ts'
import { ExprError } from './value.ts'

export type Node =
  | { readonly kind: 'constant'; readonly value: null | boolean | string | bigint | number; readonly at: number }
  | { readonly kind: 'name'; readonly name: string; readonly at: number }
  /** `#` in a predicate; `#index`, `#acc`. */
  | { readonly kind: 'pointer'; readonly name: string; readonly at: number }
  | { readonly kind: 'unary'; readonly operator: string; readonly operand: Node; readonly at: number }
  | {
      readonly kind: 'binary'
      readonly operator: string
      readonly left: Node
      readonly right: Node
      readonly at: number
    }
  | { readonly kind: 'condition'; readonly test: Node; readonly yes: Node; readonly no: Node; readonly at: number }
  /** `optional`: nothing of the chain is looked at where the object is nil. */
  | {
      readonly kind: 'member'
      readonly object: Node
      readonly key: Node
      readonly optional: boolean
      readonly at: number
    }
  | {
      readonly kind: 'slice'
      readonly object: Node
      readonly from: Node | null
      readonly to: Node | null
      readonly at: number
    }
  /** Where an optional member of the chain inside ends early. */
  | { readonly kind: 'chain'; readonly inside: Node; readonly at: number }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Node[]; readonly at: number }
  | {
      readonly kind: 'method'
      readonly object: Node
      readonly name: string
      readonly args: readonly Node[]
      readonly at: number
    }
  | { readonly kind: 'predicate'; readonly body: Node; readonly at: number }
  | { readonly kind: 'array'; readonly items: readonly Node[]; readonly at: number }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [Node, Node])[]; readonly at: number }
  | { readonly kind: 'let'; readonly name: string; readonly value: Node; readonly body: Node; readonly at: number }

/** Functions whose last argument is evaluated for each item. */
export const predicateFunctions: ReadonlySet<string> = new Set([
  'all',
  'none',
  'any',
  'one',
  'filter',
  'map',
  'count',
  'sum',
  'find',
  'findIndex',
  'findLast',
  'findLastIndex',
  'groupBy',
  'sortBy',
  'reduce',
])

interface Binary {
  readonly precedence: number
  readonly right?: boolean
}

/** As the language's documentation orders them. */
const binaries: Readonly<Record<string, Binary>> = {
  '|': { precedence: 0 },
  or: { precedence: 10 },
  '||': { precedence: 10 },
  and: { precedence: 15 },
  '&&': { precedence: 15 },
  '==': { precedence: 20 },
  '!=': { precedence: 20 },
  '<': { precedence: 20 },
  '>': { precedence: 20 },
  '<=': { precedence: 20 },
  '>=': { precedence: 20 },
  in: { precedence: 20 },
  matches: { precedence: 20 },
  contains: { precedence: 20 },
  startsWith: { precedence: 20 },
  endsWith: { precedence: 20 },
  '..': { precedence: 25 },
  '+': { precedence: 30 },
  '-': { precedence: 30 },
  '*': { precedence: 60 },
  '/': { precedence: 60 },
  '%': { precedence: 60 },
  '**': { precedence: 100, right: true },
  '^': { precedence: 100, right: true },
  '??': { precedence: 500 },
}
const unaries: Readonly<Record<string, number>> = { not: 50, '!': 50, '-': 90, '+': 90 }
const negatable = new Set(['in', 'matches', 'contains', 'startsWith', 'endsWith'])
/** Deeper nesting is refused, so that no text can exhaust the stack. */
const depthMax = 100

/** Throws `ExprError` with the place. */
export function parseExpression(text: string): Node {
  return new Parser(text).whole()
}

class Parser {
  readonly #text: string
  readonly #tokens: readonly Token[]
  #index = 0
  #depth = 0
  #predicates = 0

  constructor(text: string) {
    this.#text = text
    this.#tokens = tokenize(text)
  }

  whole(): Node {
    const node = this.#sequence()
    if (this.#token.kind !== 'end') throw this.#unexpected()
    return node
  }

  get #token(): Token {
    return this.#tokens[this.#index] as Token
  }

  #fail(message: string, at = this.#token.at): ExprError {
    return new ExprError(message + place(this.#text, at))
  }

  #unexpected(): ExprError {
    const { kind, text } = this.#token
    return this.#fail(kind === 'end' ? 'unexpected end of the expression' : `unexpected token ${JSON.stringify(text)}`)
  }

  #is(text: string): boolean {
    const token = this.#token
    return token.text === text && (token.kind === 'operator' || token.kind === 'name')
  }

  #take(text: string): boolean {
    if (!this.#is(text)) return false
    this.#index++
    return true
  }

  #expect(text: string): void {
    if (!this.#take(text)) throw this.#unexpected()
  }

  /** `let x = 1; x + 1`. */
  #sequence(): Node {
    const { at } = this.#token
    if (!this.#is('let')) return this.#expression(0)
    this.#index++
    const name = this.#token
    if (name.kind !== 'name') throw this.#unexpected()
    this.#index++
    this.#expect('=')
    const value = this.#expression(0)
    this.#expect(';')
    return this.#nested(() => ({ kind: 'let', name: name.text, value, body: this.#sequence(), at }))
  }

  #nested(parse: () => Node): Node {
    if (++this.#depth > depthMax) throw this.#fail('the expression is nested too deeply')
    const node = parse()
    this.#depth--
    return node
  }

  #expression(precedence: number): Node {
    return this.#nested(() => this.#binary(precedence))
  }

  #binary(precedence: number): Node {
    let left = this.#unary()
    for (;;) {
      const token = this.#token
      let operator = token.text
      if (token.kind !== 'operator' && token.kind !== 'name') break
      let isNegated = false
      const next = this.#tokens[this.#index + 1]
      if (operator === 'not' && token.kind === 'name' && next !== undefined && negatable.has(next.text)) {
        isNegated = true
        operator = next.text
      }
      const found = Object.hasOwn(binaries, operator) ? binaries[operator] : undefined
      if (found === undefined || found.precedence < precedence) break
      this.#index += isNegated ? 2 : 1
      if (operator === '|') {
        left = this.#pipe(left)
        continue
      }
      const right = this.#expression(found.right === true ? found.precedence : found.precedence + 1)
      left = { kind: 'binary', operator, left, right, at: token.at }
      if (isNegated) left = { kind: 'unary', operator: 'not', operand: left, at: token.at }
    }
    return precedence === 0 ? this.#ternary(left) : left
  }

  #ternary(test: Node): Node {
    const { at } = this.#token
    if (!this.#take('?')) return test
    if (this.#take(':')) return { kind: 'condition', test, yes: test, no: this.#expression(0), at }
    const yes = this.#expression(0)
    this.#expect(':')
    return { kind: 'condition', test, yes, no: this.#expression(0), at }
  }

  /** `x | f(y)` is `f(x, y)`. */
  #pipe(first: Node): Node {
    const name = this.#token
    if (name.kind !== 'name') throw this.#unexpected()
    this.#index++
    return this.#postfix(this.#call(name, [first]))
  }

  #unary(): Node {
    const token = this.#token
    const precedence = token.kind === 'string' ? undefined : unaries[token.text]
    if (precedence === undefined || !Object.hasOwn(unaries, token.text)) return this.#postfix(this.#primary())
    this.#index++
    const operand = this.#expression(precedence)
    return { kind: 'unary', operator: token.text === '!' ? 'not' : token.text, operand, at: token.at }
  }

  #primary(): Node {
    const token = this.#token
    const { at, text } = token
    this.#index++
    switch (token.kind) {
      case 'int': {
        const value = BigInt(text)
        if (value > 0x7fffffffffffffffn) throw this.#fail(`integer literal is too large: ${text}`, at)
        return { kind: 'constant', value, at }
      }
      case 'float':
        return { kind: 'constant', value: Number(text), at }
      case 'string':
        return { kind: 'constant', value: text, at }
      case 'name':
        return this.#word(token)
      case 'operator':
        if (text === '(') {
          const inside = this.#nested(() => this.#sequence())
          this.#expect(')')
          return inside
        }
        if (text === '[') return { kind: 'array', items: this.#list(']'), at }
        if (text === '{') return this.#map(at)
        if (this.#predicates > 0 && text === '#') return this.#pointer(at)
        if (this.#predicates > 0 && text === '.') {
          const key = this.#token
          if (key.kind !== 'name') throw this.#unexpected()
          this.#index++
          return this.#memberOf({ kind: 'pointer', name: '', at }, key.text, false, at)
        }
        break
      case 'end':
    }
    this.#index--
    throw this.#unexpected()
  }

  #memberOf(object: Node, key: string, optional: boolean, at: number): Node {
    return { kind: 'member', object, key: { kind: 'constant', value: key, at }, optional, at }
  }

  #pointer(at: number): Node {
    const token = this.#token
    const isNamed = token.kind === 'name' && (token.text === 'index' || token.text === 'acc') && token.at === at + 1
    if (isNamed) this.#index++
    return { kind: 'pointer', name: isNamed ? token.text : '', at }
  }

  #word(token: Token): Node {
    const { text, at } = token
    if (this.#is('(')) return this.#call(token, [])
    if (text === 'true' || text === 'false') return { kind: 'constant', value: text === 'true', at }
    if (text === 'nil') return { kind: 'constant', value: null, at }
    return { kind: 'name', name: text, at }
  }

  #call({ text: name, at }: Token, first: readonly Node[]): Node {
    this.#expect('(')
    if (!predicateFunctions.has(name)) return { kind: 'call', name, args: [...first, ...this.#list(')')], at }
    const args = [...first]
    while (!this.#is(')')) {
      args.push(args.length === 1 ? this.#predicate() : this.#expression(0))
      if (!this.#take(',')) break
    }
    this.#expect(')')
    return { kind: 'call', name, args, at }
  }

  /** `{ # > 1 }`, or without the braces. */
  #predicate(): Node {
    const { at } = this.#token
    const isBraced = this.#take('{')
    this.#predicates++
    const body = this.#nested(() => this.#sequence())
    this.#predicates--
    if (isBraced) this.#expect('}')
    return { kind: 'predicate', body, at }
  }

  #list(end: string): Node[] {
    const items: Node[] = []
    while (!this.#is(end)) {
      items.push(this.#expression(0))
      if (!this.#take(',')) break
    }
    this.#expect(end)
    return items
  }

  #map(at: number): Node {
    const entries: (readonly [Node, Node])[] = []
    while (!this.#is('}')) {
      const key = this.#token
      let node: Node
      if (key.kind === 'string' || key.kind === 'name' || key.kind === 'int') {
        node = { kind: 'constant', value: key.text, at: key.at }
        this.#index++
      } else {
        this.#expect('(')
        node = this.#expression(0)
        this.#expect(')')
      }
      this.#expect(':')
      entries.push([node, this.#expression(0)])
      if (!this.#take(',')) break
    }
    this.#expect('}')
    return { kind: 'map', entries, at }
  }

  #postfix(start: Node): Node {
    let node = start
    let isChain = false
    for (let links = 0; ; links++) {
      if (links > depthMax) throw this.#fail('the expression is nested too deeply')
      const { at, kind } = this.#token
      if (kind !== 'operator') break
      if (this.#is('.') || this.#is('?.')) {
        const optional = this.#is('?.')
        isChain ||= optional
        this.#index++
        node = optional && this.#is('[') ? this.#bracket(node, true) : this.#named(node, optional, at)
      } else if (this.#is('[')) node = this.#bracket(node, false)
      else break
    }
    return isChain ? { kind: 'chain', inside: node, at: start.at } : node
  }

  #named(object: Node, optional: boolean, at: number): Node {
    const key = this.#token
    if (key.kind !== 'name') throw this.#unexpected()
    this.#index++
    if (!this.#is('(')) return this.#memberOf(object, key.text, optional, at)
    this.#index++
    return { kind: 'method', object, name: key.text, args: this.#list(')'), at: key.at }
  }

  #bracket(object: Node, optional: boolean): Node {
    const { at } = this.#token
    this.#expect('[')
    if (this.#take(':')) {
      const to = this.#is(']') ? null : this.#expression(0)
      this.#expect(']')
      return { kind: 'slice', object, from: null, to, at }
    }
    const key = this.#expression(0)
    if (this.#take(':')) {
      const to = this.#is(']') ? null : this.#expression(0)
      this.#expect(']')
      return { kind: 'slice', object, from: key, to, at }
    }
    this.#expect(']')
    return { kind: 'member', object, key, optional, at }
  }
}
