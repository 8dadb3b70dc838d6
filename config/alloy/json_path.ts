// JSONPath in the dialect of ojg's `jp`: what `json_path` selects from a JSON text.
import { isObjectValue, type ObjectValue, type Value, ValueError } from '#component'
import { compileRegexp, type Regexp, RegexpError } from '#lib/regexp'

/** Steps that one selection may take: `..` after `..` multiplies. */
export const pathStepsMax = 1_000_000
/** Brackets and operators inside each other in a filter. */
export const filterDepthMax = 100

type Fragment =
  | { readonly kind: 'root' | 'at' | 'wildcard' | 'descent' }
  | { readonly kind: 'child'; readonly name: string }
  | { readonly kind: 'nth'; readonly index: number }
  | { readonly kind: 'union'; readonly members: readonly (string | number)[] }
  | { readonly kind: 'slice'; readonly start: number; readonly end: number; readonly step: number }
  | { readonly kind: 'filter'; readonly equation: Equation }

type Path = readonly Fragment[]

const comparisons = ['==', '!=', '<=', '>=', '<', '>', '=~', '~=', 'in', 'empty', 'has', 'exists'] as const
const binaryOperators = [...comparisons, '||', '&&', '+', '-', '*', '/'] as const
type BinaryOperator = (typeof binaryOperators)[number]
const functionNames = ['length', 'count', 'match', 'search'] as const
type FunctionName = (typeof functionNames)[number]

type Equation =
  | { readonly kind: 'constant'; readonly value: Operand }
  | { readonly kind: 'regexp'; readonly regexp: Regexp }
  | { readonly kind: 'path'; readonly path: Path }
  | { readonly kind: 'list'; readonly items: readonly Operand[] }
  | { readonly kind: 'not' | 'group'; readonly inner: Equation }
  | { readonly kind: 'call'; readonly name: FunctionName; readonly args: readonly Equation[] }
  | { readonly kind: 'binary'; readonly operator: BinaryOperator; readonly left: Equation; readonly right: Equation }

/** The value of a path that leads nowhere. */
const nothing = Symbol('nothing')
type Operand = Value | typeof nothing

/**
 * What `path` selects in `data`, in the order of the text (of maps too, where ojg has none). Throws `ValueError` where the
 * path cannot be read, or takes too many steps.
 */
export function selectJson(data: Value, path: string): Value[] {
  const parser = new PathParser(path)
  const fragments = parser.whole()
  return new Selection(data).select(fragments, data)
}

// --------------------------------------------------------------------------------------------------------- parsing

const nameChar = /[#%0-9:;?A-Z^_a-z{|}~\u0080-\uffff]/
const escapes: Readonly<Record<string, string>> = {
  b: '\b',
  t: '\t',
  n: '\n',
  f: '\f',
  r: '\r',
  '"': '"',
  "'": "'",
  '\\': '\\',
}
/** The end of a slice without one (jp/get.go). */
const sliceEndMax = 2147483647

function precedenceOf(operator: BinaryOperator): number {
  if (operator === '*' || operator === '/') return 4
  if (operator === '+' || operator === '-') return 3
  return operator === '&&' || operator === '||' ? 1 : 2
}

class PathParser {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  whole(): Path {
    const path = this.#path()
    if (this.#at < this.#text.length) this.#fail('parse error')
    return path
  }

  #fail(message: string): never {
    throw new ValueError(`${message} at ${this.#at + 1} in ${this.#text}`)
  }

  #peek(): string {
    return this.#text[this.#at] ?? ''
  }

  #peekAfterSpace(): string {
    while (this.#peek() === ' ') this.#at++
    return this.#peek()
  }

  #take(char: string, message: string): void {
    if (this.#peekAfterSpace() !== char) this.#fail(message)
    this.#at++
  }

  #path(): Path {
    const path: Fragment[] = []
    for (;;) {
      const fragment = this.#fragment(path.length === 0, path.at(-1)?.kind === 'descent')
      if (!fragment) return path
      path.push(fragment)
    }
  }

  #fragment(first: boolean, afterDescent: boolean): Fragment | undefined {
    const char = this.#peek()
    if ((char === '$' || char === '@') && first) {
      this.#at++
      return { kind: char === '$' ? 'root' : 'at' }
    }
    if (char === '.') {
      this.#at++
      return this.#afterDot()
    }
    if (char === '*') {
      this.#at++
      return { kind: 'wildcard' }
    }
    if (char === '[') {
      this.#at++
      return this.#afterBracket()
    }
    if (nameChar.test(char) && (first || afterDescent)) return { kind: 'child', name: this.#name() }
    return undefined
  }

  #afterDot(): Fragment {
    const char = this.#peek()
    if (char === '') this.#fail('not terminated')
    if (char === '*' || char === '.') {
      this.#at++
      return { kind: char === '*' ? 'wildcard' : 'descent' }
    }
    if (!nameChar.test(char)) this.#fail(`an expression fragment can not start with a '${char}'`)
    return { kind: 'child', name: this.#name() }
  }

  #name(): string {
    const start = this.#at
    while (nameChar.test(this.#peek())) this.#at++
    return this.#text.slice(start, this.#at)
  }

  #afterBracket(): Fragment {
    const char = this.#peekAfterSpace()
    switch (char) {
      case '':
        return this.#fail('not terminated')
      case '*':
        this.#at++
        this.#take(']', 'not terminated')
        return { kind: 'wildcard' }
      case '?':
        this.#at++
        return this.#filter()
      case ':':
        return this.#slice(0)
      case '(':
        return this.#fail('procedures are not supported')
      default:
        return this.#members()
    }
  }

  #members(): Fragment {
    const members: (string | number)[] = []
    for (;;) {
      const char = this.#peekAfterSpace()
      if (char === '"' || char === "'") members.push(this.#string())
      else if (/[-0-9]/.test(char)) members.push(this.#integer())
      else this.#fail(members.length === 0 ? 'parse error' : 'invalid union syntax')
      const next = this.#peekAfterSpace()
      if (next === ':' && members.length === 1 && typeof members[0] === 'number') return this.#slice(members[0])
      if (next !== ',' && next !== ']') this.#fail('invalid bracket fragment')
      this.#at++
      if (next === ']') break
    }
    const [only] = members
    if (members.length > 1 || only === undefined) return { kind: 'union', members }
    return typeof only === 'string' ? { kind: 'child', name: only } : { kind: 'nth', index: only }
  }

  #slice(start: number): Fragment {
    const bounds: number[] = []
    while (this.#peekAfterSpace() === ':' && bounds.length < 2) {
      this.#at++
      const next = this.#peekAfterSpace()
      bounds.push(next === ':' || next === ']' ? (bounds.length === 0 ? sliceEndMax : 1) : this.#integer())
    }
    this.#take(']', 'invalid slice syntax')
    return { kind: 'slice', start, end: bounds[0] ?? sliceEndMax, step: bounds[1] ?? 1 }
  }

  #integer(): number {
    const match = /^-?\d+/.exec(this.#text.slice(this.#at, this.#at + 20))
    if (!match) this.#fail('expected a number')
    this.#at += match[0].length
    return Number(match[0])
  }

  #string(): string {
    const quote = this.#peek()
    this.#at++
    let out = ''
    for (;;) {
      const char = this.#peek()
      if (char === '') this.#fail('not terminated')
      this.#at++
      if (char === quote) return out
      out += char === '\\' ? this.#escape() : char
    }
  }

  #escape(): string {
    const match = /^(?:x([0-9a-fA-F]{2})|[uU]([0-9a-fA-F]{4})|([btnfr"'\\]))/.exec(
      this.#text.slice(this.#at, this.#at + 5),
    )
    if (!match) this.#fail('invalid escape')
    this.#at += match[0].length
    const [, hex, unicode, letter] = match
    return letter === undefined
      ? String.fromCharCode(Number.parseInt(hex ?? unicode ?? '', 16))
      : (escapes[letter] as string)
  }

  // ------------------------------------------------------------------------------------------- filters

  #filter(): Fragment {
    const equation = this.#equation(0)
    this.#take(']', 'not terminated')
    // Brackets around the whole mean nothing; inside they turn a path into its value.
    let bare = equation
    while (bare.kind === 'group') bare = bare.inner
    return { kind: 'filter', equation: bare }
  }

  #equation(precedenceMin: number): Equation {
    if (++this.#depth > filterDepthMax) this.#fail('filter nested too deep')
    let left = this.#operand()
    for (;;) {
      const char = this.#peekAfterSpace()
      if (char === '' || char === ',' || char === ')' || char === ']') break
      const operator = binaryOperators.find((o) => this.#text.startsWith(o, this.#at))
      if (!operator) this.#fail('not a valid operation')
      const precedence = precedenceOf(operator)
      if (precedence < precedenceMin) break
      this.#at += operator.length
      left = { kind: 'binary', operator, left, right: this.#equation(precedence + 1) }
    }
    this.#depth--
    return left
  }

  #operand(): Equation {
    const char = this.#peekAfterSpace()
    switch (char) {
      case '!':
        // Applies to all that follows, as in ojg.
        this.#at++
        return { kind: 'not', inner: this.#equation(0) }
      case '"':
      case "'":
        return { kind: 'constant', value: this.#string() }
      case '@':
      case '$':
        return { kind: 'path', path: this.#path() }
      case '(': {
        this.#at++
        const inner = this.#equation(0)
        this.#take(')', 'not terminated')
        return { kind: 'group', inner }
      }
      case '[':
        return this.#list()
      case '/':
        return this.#regexp()
      default:
        return /[-0-9]/.test(char) ? { kind: 'constant', value: this.#number() } : this.#word()
    }
  }

  #number(): Value {
    const match = /^-?\d*(\.\d*)?([eE][-+]?\d*)?/.exec(this.#text.slice(this.#at, this.#at + 400))
    const text = match?.[0] ?? ''
    this.#at += text.length
    if (match?.[1] === undefined && match?.[2] === undefined && /^-?\d+$/.test(text)) {
      const integer = BigInt(text)
      if (BigInt.asIntN(64, integer) === integer) return integer
    }
    const float = Number(text)
    if (!Number.isFinite(float)) this.#fail('expected a number')
    return float
  }

  #list(): Equation {
    const items: Operand[] = []
    this.#at++
    for (;;) {
      const item = this.#equation(0)
      if (item.kind === 'constant') items.push(item.value)
      const next = this.#peekAfterSpace()
      if (next !== ',' && next !== ']') this.#fail('expected a comma or an array close')
      this.#at++
      if (next === ']') return { kind: 'list', items }
    }
  }

  #regexp(): Equation {
    const match = /^\/((?:[^/\\]|\\.)*)\//s.exec(this.#text.slice(this.#at))
    if (!match) this.#fail('not terminated')
    this.#at += match[0].length
    const regexp = compiled(match[1] as string)
    return regexp ? { kind: 'regexp', regexp } : this.#fail('error parsing regexp')
  }

  #word(): Equation {
    const match = /^(?:Nothing|[a-z]+)/.exec(this.#text.slice(this.#at, this.#at + 20))
    const word = match?.[0] ?? ''
    const name = functionNames.find((f) => f === word)
    const constants: Readonly<Record<string, Operand>> = { true: true, false: false, null: null, Nothing: nothing }
    if (name === undefined) {
      if (!Object.hasOwn(constants, word)) this.#fail(`'${word}' is not a value or function`)
      this.#at += word.length
      return { kind: 'constant', value: constants[word] as Operand }
    }
    this.#at += word.length
    if (this.#peek() !== '(') this.#fail(`expected a ${name} function`)
    this.#at++
    const args = [this.#equation(0)]
    if (this.#peekAfterSpace() === ',') {
      this.#at++
      args.push(this.#equation(0))
    }
    this.#take(')', 'not terminated')
    return { kind: 'call', name, args }
  }
}

function compiled(pattern: string): Regexp | undefined {
  try {
    return compileRegexp(pattern)
  } catch (error) {
    if (error instanceof RegexpError) return undefined
    throw error
  }
}

// ------------------------------------------------------------------------------------------------------- selecting

type Container = readonly Value[] | ObjectValue

function containerOf(value: Value): Container | undefined {
  return Array.isArray(value) || isObjectValue(value) ? (value as Container) : undefined
}

function membersOf(container: Container): Iterable<Value> {
  return container.values()
}

/** An operand while a filter is evaluated. `found`: it came from a path, which makes it true wherever truth is asked for. */
interface Evaluated {
  readonly value: Operand
  readonly found: boolean
}

class Selection {
  readonly #root: Value
  #steps = 0

  constructor(root: Value) {
    this.#root = root
  }

  select(path: Path, data: Value): Value[] {
    const out: Value[] = []
    if (path.length > 0) this.#walk(path, 0, data, out)
    return out
  }

  #walk(path: Path, at: number, here: Value, out: Value[]): void {
    if (++this.#steps > pathStepsMax) throw new ValueError(`takes more than ${pathStepsMax} steps`)
    const fragment = path[at] as Fragment
    const last = at === path.length - 1
    if (fragment.kind === 'descent') {
      this.#descend(path, at, here, out)
      return
    }
    for (const value of this.#matches(fragment, here)) {
      if (last) {
        if (++this.#steps > pathStepsMax) throw new ValueError(`takes more than ${pathStepsMax} steps`)
        out.push(value)
      } else if (containerOf(value)) this.#walk(path, at + 1, value, out)
    }
  }

  /**
   * Whatever lies deeper comes first. At the end of a path: the members of every container, then the one that it began at.
   */
  #descend(path: Path, at: number, here: Value, out: Value[], top = true): void {
    if (++this.#steps > pathStepsMax) throw new ValueError(`takes more than ${pathStepsMax} steps`)
    const container = containerOf(here)
    if (!container) return
    const last = at === path.length - 1
    if (last) out.push(...membersOf(container))
    for (const value of membersOf(container)) if (containerOf(value)) this.#descend(path, at, value, out, false)
    if (!last) this.#walk(path, at + 1, here, out)
    else if (top) out.push(here)
  }

  #matches(fragment: Fragment, here: Value): Iterable<Value> {
    const container = containerOf(here)
    switch (fragment.kind) {
      case 'root':
        return [this.#root]
      case 'at':
        return [here]
      case 'wildcard':
        return container ? membersOf(container) : []
      case 'child':
        return memberOf(container, fragment.name)
      case 'nth':
        return memberOf(container, fragment.index)
      case 'union':
        return fragment.members.flatMap((member) => memberOf(container, member))
      case 'slice':
        return Array.isArray(container) ? sliceOf(container, fragment) : []
      case 'filter':
        return container ? [...membersOf(container)].filter((value) => this.#passes(fragment.equation, value)) : []
      default:
        throw new Error('unreachable: a descent is no single step')
    }
  }

  #passes(equation: Equation, here: Value): boolean {
    const choices = new Map<Equation, Value[]>()
    this.#findPaths(equation, here, choices)
    // Paths with several values: the filter passes if it does for any combination of them.
    let combinations = 1
    for (const values of choices.values()) combinations *= Math.max(1, values.length)
    for (let n = 0; n < Math.min(combinations, pathStepsMax); n++) {
      if (++this.#steps > pathStepsMax) throw new ValueError(`takes more than ${pathStepsMax} steps`)
      let rest = n
      const chosen = new Map<Equation, Evaluated>()
      for (const [path, values] of choices) {
        if (values.length === 0) chosen.set(path, { value: nothing, found: false })
        else chosen.set(path, { value: values[rest % values.length] as Value, found: true })
        rest = Math.floor(rest / Math.max(1, values.length))
      }
      if (isTrue(this.#evaluate(equation, here, chosen))) return true
    }
    return false
  }

  #findPaths(equation: Equation, here: Value, into: Map<Equation, Value[]>): void {
    switch (equation.kind) {
      case 'path':
        into.set(equation, this.#pathValues(equation.path, here))
        return
      case 'not':
      case 'group':
        this.#findPaths(equation.inner, here, into)
        return
      case 'call':
        if (equation.name !== 'count') for (const arg of equation.args) this.#findPaths(arg, here, into)
        return
      case 'binary':
        this.#findPaths(equation.left, here, into)
        this.#findPaths(equation.right, here, into)
        return
      case 'constant':
      case 'list':
      case 'regexp':
    }
  }

  #pathValues(path: Path, here: Value): Value[] {
    const out: Value[] = []
    this.#walk(path, 0, path[0]?.kind === 'root' ? this.#root : here, out)
    return out
  }

  #evaluate(equation: Equation, here: Value, chosen: ReadonlyMap<Equation, Evaluated>): Evaluated {
    const plain = (value: Operand): Evaluated => ({ value, found: false })
    switch (equation.kind) {
      case 'constant':
        return plain(equation.value)
      case 'list':
        return plain(equation.items.map((item) => (item === nothing ? null : item)))
      case 'regexp':
        return plain(nothing)
      case 'path':
        return chosen.get(equation) ?? plain(nothing)
      case 'group':
        return plain(this.#evaluate(equation.inner, here, chosen).value)
      case 'not':
        return plain(!isTrue(this.#evaluate(equation.inner, here, chosen)))
      case 'call': {
        const [first, second] = equation.args
        if (equation.name === 'count')
          return plain(first?.kind === 'path' ? BigInt(this.#pathValues(first.path, here).length) : nothing)
        const left = first ? this.#evaluate(first, here, chosen).value : nothing
        return plain(callFunction(equation.name, left, second ? this.#evaluate(second, here, chosen).value : nothing))
      }
      case 'binary': {
        const left = this.#evaluate(equation.left, here, chosen)
        if (equation.right.kind === 'regexp') {
          const matches = equation.operator === '=~' || equation.operator === '~='
          return plain(matches && typeof left.value === 'string' && equation.right.regexp.test(left.value))
        }
        return plain(combine(equation.operator, left, this.#evaluate(equation.right, here, chosen)))
      }
    }
  }
}

function isTrue({ value, found }: Evaluated): boolean {
  return found || value === true
}

function memberOf(container: Container | undefined, key: string | number): Value[] {
  if (!container) return []
  if (typeof key === 'string') {
    return isObjectValue(container as Value) && (container as ObjectValue).has(key)
      ? [(container as ObjectValue).get(key) as Value]
      : []
  }
  if (!Array.isArray(container)) return []
  const index = key < 0 ? container.length + key : key
  return index >= 0 && index < container.length ? [container[index] as Value] : []
}

function sliceOf(list: readonly Value[], slice: { start: number; end: number; step: number }): Value[] {
  const out: Value[] = []
  const { step } = slice
  if (step === 0) return out
  const start = slice.start < 0 ? Math.max(0, list.length + slice.start) : slice.start
  const end = slice.end < 0 ? list.length + slice.end : Math.min(slice.end, list.length)
  if (start >= list.length) return out
  if (step > 0) for (let i = start; i < end; i += step) out.push(list[i] as Value)
  else for (let i = start; i > Math.max(end, -1); i += step) out.push(list[i] as Value)
  return out
}

function callFunction(name: Exclude<FunctionName, 'count'>, left: Operand, right: Operand): Operand {
  if (name === 'length') {
    if (typeof left === 'string') return BigInt(Buffer.byteLength(left))
    const container = left === nothing ? undefined : containerOf(left)
    if (!container) return nothing
    return BigInt(Array.isArray(container) ? container.length : (container as ObjectValue).size)
  }
  if (typeof left !== 'string' || typeof right !== 'string' || right === '') return nothing
  const whole = name === 'match'
  const pattern = whole ? `${right.startsWith('^') ? '' : '^'}${right}${right.endsWith('$') ? '' : '$'}` : right
  return compiled(pattern)?.test(left) ?? nothing
}

function combine(operator: BinaryOperator, left: Evaluated, right: Evaluated): Operand {
  const a = left.value
  const b = right.value
  switch (operator) {
    case '||':
      return isTrue(left) || isTrue(right)
    case '&&':
      return isTrue(left) && isTrue(right)
    case '==':
      return same(a, b)
    case '!=':
      return !same(a, b)
    case '<':
    case '>':
    case '<=':
    case '>=':
      return ordered(operator, a, b)
    case 'in':
      return Array.isArray(b) && b.some((item: Value) => a === item)
    case 'empty':
      return typeof b === 'boolean' && sizeOf(a) !== undefined && b === (sizeOf(a) === 0)
    case 'has':
    case 'exists':
      return typeof b === 'boolean' && b === (a !== nothing)
    case '=~':
    case '~=':
      return typeof a === 'string' && typeof b === 'string' && (compiled(b)?.test(a) ?? false)
    case '+':
    case '-':
    case '*':
    case '/':
      return calculate(operator, a, b)
  }
}

const isNumber = (value: Operand): value is bigint | number => typeof value === 'bigint' || typeof value === 'number'

/** Lists and maps are never the same. */
function same(a: Operand, b: Operand): boolean {
  if (isNumber(a) && isNumber(b)) return typeof a === typeof b ? a === b : Number(a) === Number(b)
  return a === b && (a === null || typeof a !== 'object')
}

function sizeOf(value: Operand): number | undefined {
  if (typeof value === 'string') return value.length
  const container = value === nothing ? undefined : containerOf(value)
  if (!container) return undefined
  return Array.isArray(container) ? container.length : (container as ObjectValue).size
}

function ordered(operator: '<' | '>' | '<=' | '>=', a: Operand, b: Operand): boolean {
  let order: number
  if (isNumber(a) && isNumber(b)) {
    if (Number.isNaN(a) || Number.isNaN(b)) return false
    order = a < b ? -1 : a > b ? 1 : 0
  } else if (typeof a === 'string' && typeof b === 'string') order = Buffer.compare(Buffer.from(a), Buffer.from(b))
  else return false
  if (operator === '<') return order < 0
  if (operator === '>') return order > 0
  return operator === '<=' ? order <= 0 : order >= 0
}

function calculate(operator: '+' | '-' | '*' | '/', a: Operand, b: Operand): Operand {
  if (operator === '+' && typeof a === 'string' && typeof b === 'string') return a + b
  if (!isNumber(a) || !isNumber(b)) return nothing
  if (operator === '/' && Number(b) === 0) return nothing
  if (typeof a === 'bigint' && typeof b === 'bigint') {
    const exact = operator === '+' ? a + b : operator === '-' ? a - b : operator === '*' ? a * b : a / b
    return BigInt.asIntN(64, exact)
  }
  const [x, y] = [Number(a), Number(b)]
  return operator === '+' ? x + y : operator === '-' ? x - y : operator === '*' ? x * y : x / y
}
