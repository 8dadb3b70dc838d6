// The parser of OTTL: statements, conditions and value expressions.
import type { Token } from './token.ts'
import { OttlSyntaxError, tokens } from './token.ts'
import type {
  Argument,
  Call,
  CompareOperator,
  Condition,
  Expression,
  Lambda,
  LambdaParameter,
  MathOperator,
  PathSegment,
  Statement,
} from './tree.ts'

/** `set(span.name, "x") where span.kind == 2`. Throws `OttlSyntaxError`. */
export function parseStatement(text: string): Statement {
  const parser = new Parser(text)
  const editor = parser.editor()
  const where = parser.takeName('where') ? parser.condition() : null
  parser.end()
  return { editor, where }
}

/** A condition as in `where`, alone. Throws `OttlSyntaxError`. */
export function parseCondition(text: string): Condition {
  const parser = new Parser(text)
  const condition = parser.condition()
  parser.end()
  return condition
}

/** A value alone: `Concat([span.name, "x"], "-")`. Throws `OttlSyntaxError`. */
export function parseValue(text: string): Expression {
  const parser = new Parser(text)
  const value = parser.value()
  parser.end()
  return value
}

const depthMax = 100
const int64Max = 2n ** 63n - 1n
const compareOperators: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>='])
const reserved: ReadonlySet<string> = new Set(['where', 'and', 'or', 'not', 'true', 'false', 'nil'])
const isSmall = (name: string): boolean => /^[a-z]/.test(name)
const isPathName = (name: string): boolean => /^[a-z][a-z0-9_]*$/.test(name)

class Parser {
  readonly #tokens: readonly Token[]
  #next = 0
  #depth = 0
  /** Opening parentheses that were tried as arithmetic and hold a condition: keeps deep nesting linear. */
  readonly #conditionsAt = new Set<number>()
  /** Bodies of lambdas that were read: whether they are conditions. Keeps lambdas inside of lambdas from doubling the work. */
  readonly #bodiesAt = new Map<number, boolean>()

  constructor(text: string) {
    this.#tokens = tokens(text)
  }

  get #token(): Token {
    return this.#tokens[this.#next] as Token
  }

  #is(text: string): boolean {
    const { kind } = this.#token
    return this.#token.text === text && (kind === 'punctuation' || kind === 'name')
  }

  #take(text: string): boolean {
    if (!this.#is(text)) return false
    this.#next++
    return true
  }

  #expect(text: string, where: string): void {
    if (!this.#take(text)) throw this.#unexpected(`"${text}" ${where}`)
  }

  #unexpected(wanted: string): OttlSyntaxError {
    const { kind, text, at } = this.#token
    const found = kind === 'end' ? 'the end' : kind === 'string' ? JSON.stringify(text) : `"${text}"`
    return new OttlSyntaxError(`expected ${wanted}, found ${found}`, at)
  }

  takeName(name: string): boolean {
    return this.#token.kind === 'name' && this.#take(name)
  }

  end(): void {
    if (this.#token.kind !== 'end') throw this.#unexpected('the end, "where", or an operator')
  }

  #nested<T>(parse: () => T): T {
    if (++this.#depth > depthMax) throw new OttlSyntaxError(`nested more than ${depthMax} deep`, this.#token.at)
    const result = parse()
    this.#depth--
    return result
  }

  // ------------------------------------------------------------------------------------------------------ statements

  editor(): Call {
    const { kind, text, at } = this.#token
    if (kind !== 'name' || reserved.has(text)) throw this.#unexpected("an editor's name")
    if (!isSmall(text))
      throw new OttlSyntaxError(`editor names must start with a lowercase letter but got "${text}"`, at)
    const call = this.#call()
    if (call.keys.length > 0) throw new OttlSyntaxError(`only paths and converters may be indexed, not editors`, at)
    return call
  }

  #call(): Call {
    const { text: name, at } = this.#token
    this.#next++
    this.#expect('(', `behind ${name}`)
    const given = this.#nested(() => this.#arguments())
    return { kind: 'call', name, arguments: given, keys: this.#keys(), at }
  }

  #arguments(): Argument[] {
    const given: Argument[] = []
    if (this.#take(')')) return given
    do given.push(this.#argument())
    while (this.#take(','))
    this.#expect(')', 'or "," behind an argument')
    return given
  }

  #argument(): Argument {
    const { kind, text, at } = this.#token
    const isNamed = kind === 'name' && isSmall(text) && this.#tokens[this.#next + 1]?.text === '='
    if (isNamed) this.#next += 2
    return { name: isNamed ? text : '', value: this.#isLambda() ? this.#lambda() : this.value(true), at }
  }

  // ------------------------------------------------------------------------------------------------------ conditions

  condition(): Condition {
    return this.#nested(() => this.#joined('or', () => this.#joined('and', () => this.#boolean())))
  }

  #joined(word: 'and' | 'or', part: () => Condition): Condition {
    const first = part()
    if (!(this.#token.kind === 'name' && this.#is(word))) return first
    const parts = [first]
    while (this.takeName(word)) parts.push(part())
    return { kind: word, parts, at: first.at }
  }

  #boolean(): Condition {
    const { at } = this.#token
    if (this.takeName('not')) return { kind: 'not', of: this.#nested(() => this.#boolean()), at }
    if (this.#is('(')) return this.#parenthesized()
    const left = this.value()
    if (compareOperators.has(this.#token.text)) return this.#comparison(left)
    if (left.kind === 'call') return { kind: 'converter', call: left, at }
    if (left.kind === 'literal' && typeof left.value === 'boolean') return { kind: 'constant', value: left.value, at }
    throw this.#unexpected('a comparison (==, !=, <, <=, >, >=)')
  }

  /** `(1 + 2) * 3 > x` or `(a == b or c)`. */
  #parenthesized(): Condition {
    this.#refuseLambda()
    const start = this.#next
    const depth = this.#depth
    let problem: OttlSyntaxError | undefined
    if (!this.#conditionsAt.has(start)) {
      try {
        const left = this.value()
        if (compareOperators.has(this.#token.text)) return this.#comparison(left)
        if (left.kind === 'call') return { kind: 'converter', call: left, at: left.at }
      } catch (error) {
        if (!(error instanceof OttlSyntaxError)) throw error
        problem = error
      }
      this.#conditionsAt.add(start)
    }
    this.#next = start
    this.#depth = depth
    try {
      this.#expect('(', '')
      const inside = this.condition()
      this.#expect(')', 'behind a condition')
      return inside
    } catch (error) {
      // What got farther was on the right way.
      if (problem !== undefined && error instanceof OttlSyntaxError && problem.at > error.at) throw problem
      throw error
    }
  }

  #comparison(left: Expression): Condition {
    const { text, at } = this.#token
    this.#next++
    return { kind: 'compare', operator: text as CompareOperator, left, right: this.value(), at }
  }

  // --------------------------------------------------------------------------------------------------------- lambdas

  /** Does `(`, names with commas between them, `)` and `=>` follow? */
  #isLambda(): boolean {
    if (!this.#is('(')) return false
    let i = this.#next + 1
    while (this.#tokens[i]?.kind === 'name') {
      i++
      if (this.#tokens[i]?.text !== ',') break
      i++
    }
    return this.#tokens[i]?.text === ')' && this.#tokens[i + 1]?.text === '=>'
  }

  #refuseLambda(): void {
    if (this.#isLambda()) throw new OttlSyntaxError('a lambda can only be the argument of a function', this.#token.at)
  }

  #lambda(): Lambda {
    const { at } = this.#token
    this.#expect('(', 'before the parameters')
    const parameters: LambdaParameter[] = []
    if (!this.#take(')')) {
      do parameters.push(this.#parameter(parameters))
      while (this.#take(','))
      this.#expect(')', 'or "," behind a parameter')
    }
    this.#expect('=>', 'behind the parameters')
    return { kind: 'lambda', parameters, body: this.#nested(() => this.#body()), at }
  }

  #parameter(before: readonly LambdaParameter[]): LambdaParameter {
    const { kind, text: name, at } = this.#token
    if (kind !== 'name' || reserved.has(name) || (name !== '_' && !isPathName(name))) {
      throw this.#unexpected("a parameter's name in small letters, or _")
    }
    if (name !== '_' && before.some((each) => each.name === name)) {
      throw new OttlSyntaxError(`the parameter "${name}" is there twice`, at)
    }
    this.#next++
    return { name, at }
  }

  /** A value, or a condition: the operators tell, which may stand behind what would be a value alone. */
  #body(): Expression | Condition {
    const start = this.#next
    const depth = this.#depth
    if (this.#isLambda()) throw new OttlSyntaxError("a lambda's body cannot be a lambda", this.#token.at)
    let problem: OttlSyntaxError | undefined
    if (this.#bodiesAt.get(start) !== true) {
      try {
        const value = this.value()
        if (!this.#isConditionOperator()) {
          this.#bodiesAt.set(start, false)
          return value
        }
      } catch (error) {
        if (!(error instanceof OttlSyntaxError)) throw error
        problem = error
      }
      this.#bodiesAt.set(start, true)
    }
    this.#next = start
    this.#depth = depth
    try {
      return this.condition()
    } catch (error) {
      // What got farther was on the right way.
      if (problem !== undefined && error instanceof OttlSyntaxError && problem.at >= error.at) throw problem
      throw error
    }
  }

  #isConditionOperator(): boolean {
    const { kind, text } = this.#token
    if (kind === 'name') return text === 'and' || text === 'or'
    return kind === 'punctuation' && compareOperators.has(text)
  }

  // ---------------------------------------------------------------------------------------------------------- values

  /** `asArgument`: a function's bare name will do. */
  value(asArgument = false): Expression {
    return this.#nested(() => this.#sum(asArgument))
  }

  #sum(asArgument: boolean): Expression {
    let left = this.#product(asArgument)
    while (this.#is('+') || this.#is('-')) left = this.#math(left, () => this.#product(false))
    return left
  }

  #product(asArgument: boolean): Expression {
    let left = this.#operand(asArgument)
    while (this.#is('*') || this.#is('/')) left = this.#math(left, () => this.#operand(false))
    return left
  }

  #math(left: Expression, operand: () => Expression): Expression {
    const { text, at } = this.#token
    this.#computable(left)
    this.#next++
    const right = operand()
    this.#computable(right)
    return { kind: 'math', operator: text as MathOperator, left, right, at }
  }

  #computable(expression: Expression): void {
    const { kind } = expression
    if (kind === 'path' || kind === 'call' || kind === 'math' || kind === 'negation') return
    if (kind === 'literal' && (typeof expression.value === 'bigint' || typeof expression.value === 'number')) return
    throw new OttlSyntaxError('only numbers, paths and converters can be computed with', expression.at)
  }

  #operand(asArgument: boolean): Expression {
    const { kind, text, at } = this.#token
    switch (kind) {
      case 'string':
        this.#next++
        return { kind: 'literal', value: text, at }
      case 'bytes':
        this.#next++
        if (text.length % 2 === 1) throw new OttlSyntaxError('a byte literal needs two digits for each byte', at)
        return { kind: 'literal', value: Uint8Array.from(Buffer.from(text.slice(2), 'hex')), at }
      case 'int':
      case 'float':
        return this.#number('')
      case 'name':
        return this.#named(asArgument)
      default:
    }
    if (kind === 'punctuation' && (text === '-' || text === '+')) return this.#signed(text)
    if (kind === 'punctuation' && text === '[') return this.#list()
    if (kind === 'punctuation' && text === '{') return this.#map()
    if (kind === 'punctuation' && text === '(') {
      this.#refuseLambda()
      this.#next++
      const inside = this.value()
      this.#expect(')', 'behind a value')
      this.#computable(inside)
      return inside
    }
    throw this.#unexpected('a value')
  }

  /** A number, path, converter or parentheses with a sign in front; one sign only. */
  #signed(sign: '+' | '-'): Expression {
    const { at } = this.#token
    this.#next++
    const { kind, text } = this.#token
    if (kind === 'int' || kind === 'float') return this.#number(sign, at)
    const isOperand = kind === 'name' || (kind === 'punctuation' && text === '(')
    if (!isOperand) throw this.#unexpected('a number, path, converter or parentheses behind the sign')
    const of = this.#nested(() => this.#operand(false))
    this.#computable(of)
    return sign === '+' ? of : { kind: 'negation', of, at }
  }

  #number(sign: '' | '+' | '-', at = this.#token.at): Expression {
    const { kind, text } = this.#token
    this.#next++
    if (kind === 'float') return { kind: 'literal', value: Number(sign + text), at }
    const value = sign === '-' ? -BigInt(text) : BigInt(text)
    if (value > int64Max || value < -int64Max - 1n) throw new OttlSyntaxError(`${sign}${text} is no 64-bit integer`, at)
    return { kind: 'literal', value, at }
  }

  #named(asArgument: boolean): Expression {
    const { text, at } = this.#token
    const isCall = this.#tokens[this.#next + 1]?.text === '(' && this.#tokens[this.#next + 1]?.kind === 'punctuation'
    if (isCall && !reserved.has(text)) {
      if (isSmall(text))
        throw new OttlSyntaxError(`converter names must start with an uppercase letter but got "${text}"`, at)
      return this.#call()
    }
    if (text === 'true' || text === 'false' || text === 'nil') {
      this.#next++
      return { kind: 'literal', value: text === 'nil' ? null : text === 'true', at }
    }
    if (reserved.has(text)) throw this.#unexpected('a value')
    if (text === '_') throw new OttlSyntaxError('_ is a parameter that cannot be read', at)
    if (isSmall(text)) return this.#path()
    if (!asArgument && /[a-z]/.test(text))
      throw new OttlSyntaxError(`the converter "${text}" needs arguments in parentheses`, at)
    this.#next++
    return { kind: 'word', name: text, at }
  }

  #path(): Expression {
    const { at } = this.#token
    const segments: PathSegment[] = []
    do {
      const { kind, text, at: segmentAt } = this.#token
      if (kind !== 'name' || !isPathName(text)) throw this.#unexpected("a path's segment")
      this.#next++
      segments.push({ name: text, keys: this.#keys(), at: segmentAt })
    } while (this.#take('.'))
    return { kind: 'path', segments, at }
  }

  #keys(): Expression[] {
    const keys: Expression[] = []
    while (this.#take('[')) {
      const { at } = this.#token
      const key = this.value()
      if (key.kind === 'literal' && typeof key.value !== 'string' && typeof key.value !== 'bigint') {
        throw new OttlSyntaxError('a key is a string, an int, a path, a converter, or arithmetic', at)
      }
      if (key.kind === 'list' || key.kind === 'map' || key.kind === 'word') {
        throw new OttlSyntaxError('a key is a string, an int, a path, a converter, or arithmetic', at)
      }
      this.#expect(']', 'behind a key')
      keys.push(key)
    }
    return keys
  }

  /** The commas between the first items may be left out, as upstream's grammar has it: `["a" "b", "c"]`. */
  #list(): Expression {
    const { at } = this.#token
    this.#next++
    const items: Expression[] = []
    while (!this.#is(']') && !this.#is(',')) items.push(this.value())
    while (this.#take(',')) items.push(this.value())
    this.#expect(']', 'or "," behind an item')
    return { kind: 'list', items, at }
  }

  /** The commas between entries may be left out. */
  #map(): Expression {
    const { at } = this.#token
    this.#next++
    const entries: { key: string; value: Expression }[] = []
    while (!this.#take('}')) {
      const { kind, text } = this.#token
      if (kind !== 'string') throw this.#unexpected('a key in quotes, or "}"')
      this.#next++
      this.#expect(':', 'behind a key')
      entries.push({ key: text, value: this.value() })
      this.#take(',')
    }
    return { kind: 'map', entries, at }
  }
}
