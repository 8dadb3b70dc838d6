// Templates in the language of Go's text/template, compiled to functions. https://pkg.go.dev/text/template
import { builtins } from './builtins.ts'
import { type Argument as AnyArgument, operandOf } from './operand.ts'
import { errorAt, type Piece, piecesOf, TemplateError, type Token } from './scan.ts'
import { bounded, fault, isList, isMap, isTrue, lengthMax, shown, sortedKeys, TemplateFault } from './values.ts'
import { TemplateObject, type TemplateValue, typeName } from './values.ts'

/** A function that templates can call: how many arguments it takes, and what it does with them. */
export interface TemplateFunction {
  readonly min: number
  /** Infinity: any number. */
  readonly max: number
  readonly run: (given: readonly TemplateValue[]) => TemplateValue
}
export type TemplateFunctions = Readonly<Record<string, TemplateFunction>>

/** The text for `data`. Throws `TemplateFault` where the template cannot be carried out on it. */
export type Template = (data: ReadonlyMap<string, TemplateValue>) => string

/** How deep blocks, parentheses and, when carried out, templates inside templates may be nested. */
const depthMax = 200
/** Rounds that all `range`s of a template may make for one text. */
const roundsMax = 1_000_000

/** One execution of a template, or of one that it calls. */
interface Frame {
  readonly out: string[]
  readonly run: { length: number; rounds: number; depth: number }
  readonly variables: TemplateValue[]
}
type Evaluate = (dot: TemplateValue, frame: Frame) => TemplateValue
type Argument = AnyArgument<Evaluate>
/** Writes; says how it ended. */
type Write = (dot: TemplateValue, frame: Frame) => Outcome
type Outcome = 0 | typeof broken | typeof continued
const broken = 1
const continued = 2

interface Definition {
  write: Write
  variables: number
}

/** Compile `text`. Throws `TemplateError`, which says where. `functions` are there besides Go's own, and go before them. */
export function compileTemplate(text: string, functions: TemplateFunctions = {}): Template {
  const parser = new Parser(text, piecesOf(text), functions)
  const main = parser.whole()
  return (data) => {
    const out: string[] = []
    const frame = { out, run: { length: 0, rounds: 0, depth: 0 }, variables: [data, ...spare(main.variables)] }
    main.write(data, frame)
    return out.length === 1 ? (out[0] as string) : out.join('')
  }
}

function spare(count: number): TemplateValue[] {
  return count > 1 ? Array.from({ length: count - 1 }, () => null) : []
}

function put(text: string, { out, run }: Frame): void {
  run.length += text.length
  if (run.length > lengthMax) fault('the result is too long')
  if (text !== '') out.push(text)
}

const nothing: Write = () => 0
const endWords = new Set(['end', 'else'])

class Parser {
  readonly #text: string
  readonly #pieces: readonly Piece[]
  readonly #functions: TemplateFunctions
  readonly #definitions: Map<string, Definition>
  /** Calls of templates by name, checked at the end: they may be defined later. */
  readonly #calls: { readonly name: string; readonly at: number }[]
  #piece: number
  #tokens: readonly Token[]
  #token: number
  #actionEnd: number
  #depth: number
  #rangeDepth: number
  /** Names in scope, with the places of their values. */
  #scope: { readonly name: string; readonly slot: number }[]
  #slots: number

  constructor(text: string, pieces: readonly Piece[], functions: TemplateFunctions) {
    this.#text = text
    this.#pieces = pieces
    this.#functions = functions
    this.#definitions = new Map()
    this.#calls = []
    this.#piece = 0
    this.#tokens = []
    this.#token = 0
    this.#actionEnd = 0
    this.#depth = 0
    this.#rangeDepth = 0
    this.#scope = [{ name: '$', slot: 0 }]
    this.#slots = 1
  }

  whole(): Definition {
    const { write, end } = this.#list()
    if (end !== '') this.#fail(`unexpected {{${end}}}`, this.#tokens[0]?.at)
    for (const { name, at } of this.#calls) {
      if (!this.#definitions.has(name)) throw errorAt(this.#text, at, `template ${JSON.stringify(name)} not defined`)
    }
    return { write, variables: this.#slots }
  }

  // ------------------------------------------------------------------------------------------------ actions

  /** Up to `end` or `else`, whose action stays the current one. */
  #list(): { write: Write; end: string } {
    this.#deeper()
    const writes: Write[] = []
    let end = ''
    while (this.#piece < this.#pieces.length && end === '') {
      const piece = this.#pieces[this.#piece++] as Piece
      if (piece.kind === 'text') {
        const { text } = piece
        writes.push((_, frame) => {
          put(text, frame)
          return 0
        })
        continue
      }
      this.#tokens = piece.tokens
      this.#token = 0
      this.#actionEnd = piece.end
      const [first] = piece.tokens
      if (first === undefined) this.#fail('missing value for command')
      if (first?.kind === 'word' && endWords.has(first.text)) {
        this.#token = 1
        end = first.text
      } else {
        const write = this.#action(first as Token)
        if (write !== nothing) writes.push(write)
      }
    }
    this.#depth--
    return { write: sequence(writes), end }
  }

  #action(first: Token): Write {
    const word = first.kind === 'word' ? first.text : ''
    this.#token = 1
    switch (word) {
      case 'if':
      case 'with':
        return this.#branch(word)
      case 'range':
        return this.#range()
      case 'define':
        return this.#define(first)
      case 'block':
        return this.#blockAction()
      case 'template':
        return this.#templateAction()
      case 'break':
      case 'continue': {
        this.#done()
        if (this.#rangeDepth === 0) this.#fail(`{{${word}}} outside {{range}}`, first.at)
        const outcome = word === 'break' ? broken : continued
        return () => outcome
      }
      default:
        this.#token = 0
        return this.#output()
    }
  }

  #output(): Write {
    const { evaluate, declared } = this.#pipeline('command', 1)
    this.#done()
    if (declared.length > 0) {
      const [{ slot }] = declared as [{ slot: number }]
      return (dot, frame) => {
        frame.variables[slot] = evaluate(dot, frame)
        return 0
      }
    }
    return (dot, frame) => {
      put(shown(evaluate(dot, frame)), frame)
      return 0
    }
  }

  #branch(word: 'if' | 'with'): Write {
    const scoped = this.#scope.length
    const { evaluate, declared } = this.#pipeline(word, 1)
    this.#done()
    const body = this.#list()
    const otherwise = this.#otherwise(body.end, word, word)
    this.#scope.length = scoped
    const slot = declared[0]?.slot
    const isWith = word === 'with'
    return (dot, frame) => {
      const value = evaluate(dot, frame)
      if (slot !== undefined) frame.variables[slot] = value
      if (!isTrue(value)) return otherwise(dot, frame)
      return body.write(isWith ? value : dot, frame)
    }
  }

  /** After the list of a block, up to its `end`. `chain` may follow on `else`. */
  #otherwise(end: string, word: string, chain: string): Write {
    if (end === '') this.#fail(`{{${word}}} without {{end}}`, this.#text.length)
    if (end === 'end') {
      this.#done()
      return nothing
    }
    const next = this.#tokens[this.#token]
    if (next?.kind === 'word' && next.text === chain && chain !== 'range') {
      this.#token++
      return this.#branch(chain as 'if' | 'with')
    }
    this.#done()
    const rest = this.#list()
    if (rest.end === 'else') this.#fail('unexpected {{else}}', this.#tokens[0]?.at)
    if (rest.end === '') this.#fail(`{{${word}}} without {{end}}`, this.#text.length)
    this.#done()
    return rest.write
  }

  #range(): Write {
    const scoped = this.#scope.length
    const { evaluate, declared } = this.#pipeline('range', 2)
    this.#done()
    this.#rangeDepth++
    const body = this.#list()
    this.#rangeDepth--
    const otherwise = this.#otherwise(body.end, 'range', 'range')
    this.#scope.length = scoped
    const [indexSlot, valueSlot] =
      declared.length > 1 ? declared.map(({ slot }) => slot) : [undefined, declared[0]?.slot]
    return (dot, frame) => {
      const over = evaluate(dot, frame)
      if (indexSlot !== undefined && typeof over === 'bigint') {
        fault(`can't use ${over} to iterate over more than one variable`)
      }
      let rounds = 0
      for (const [index, item] of itemsOf(over)) {
        rounds++
        if (++frame.run.rounds > roundsMax) fault('range goes on for too long')
        if (indexSlot !== undefined) frame.variables[indexSlot] = index
        if (valueSlot !== undefined) frame.variables[valueSlot] = item
        if (body.write(item, frame) === broken) break
      }
      return rounds === 0 ? otherwise(dot, frame) : 0
    }
  }

  /** A template of its own, with its own variables. */
  #definition(word: string, name: Token): string {
    const outer = { scope: this.#scope, slots: this.#slots, rangeDepth: this.#rangeDepth }
    this.#scope = [{ name: '$', slot: 0 }]
    this.#slots = 1
    this.#rangeDepth = 0
    const { write, end } = this.#list()
    if (end !== 'end') this.#fail(end === '' ? `{{${word}}} without {{end}}` : 'unexpected {{else}}', name.at)
    this.#done()
    const title = this.#literal(name)
    if (this.#definitions.has(title)) this.#fail(`multiple definition of template ${JSON.stringify(title)}`, name.at)
    this.#definitions.set(title, { write, variables: this.#slots })
    this.#scope = outer.scope
    this.#slots = outer.slots
    this.#rangeDepth = outer.rangeDepth
    return title
  }

  #define(first: Token): Write {
    if (this.#depth > 1) this.#fail('unexpected {{define}}', first.at)
    const name = this.#name('define')
    this.#done()
    this.#definition('define', name)
    return nothing
  }

  #blockAction(): Write {
    const name = this.#name('block')
    const { evaluate } = this.#pipeline('block', 0)
    this.#done()
    return this.#called(this.#definition('block', name), evaluate)
  }

  #templateAction(): Write {
    const name = this.#name('template')
    const hasDot = this.#token < this.#tokens.length
    const { evaluate } = hasDot ? this.#pipeline('template', 0) : { evaluate: () => null }
    this.#done()
    const title = this.#literal(name)
    this.#calls.push({ name: title, at: name.at })
    return this.#called(title, evaluate)
  }

  #called(name: string, evaluate: Evaluate): Write {
    const definitions = this.#definitions
    return (dot, { out, run, ...frame }) => {
      const { write, variables } = definitions.get(name) as Definition
      const inner = evaluate(dot, { out, run, ...frame })
      if (++run.depth > depthMax) fault('templates call each other too deeply')
      write(inner, { out, run, variables: [inner, ...spare(variables)] })
      run.depth--
      return 0
    }
  }

  #name(word: string): Token {
    const name = this.#tokens[this.#token]
    if (name?.kind !== 'text') this.#fail(`unexpected ${name?.text ?? '"}}"'} in ${word} clause`, name?.at)
    this.#token++
    return name as Token
  }

  // ---------------------------------------------------------------------------------------------- pipelines

  /** A pipeline with the variables that it sets, at most `declarationsMax`. */
  #pipeline(context: string, declarationsMax: number): { evaluate: Evaluate; declared: { slot: number }[] } {
    const declared = this.#declarations(context, declarationsMax)
    const evaluate = this.#commands(context)
    // In scope only from here on: a variable is not seen by what it is set to.
    for (const one of declared) if (one.isNew) this.#scope.push(one)
    return { evaluate, declared }
  }

  #declarations(context: string, max: number): { name: string; slot: number; isNew: boolean }[] {
    const names: Token[] = []
    let next = this.#token
    for (;;) {
      const [name, sign] = [this.#tokens[next], this.#tokens[next + 1]]
      if (name?.kind !== 'variable') break
      if (sign?.kind === 'sign' && (sign.text === ':=' || sign.text === '=')) {
        names.push(name)
        if (names.length > max) this.#fail(`too many declarations in ${context}`, name.at)
        this.#token = next + 2
        return names.map((token) => this.#declared(token, sign.text === ':='))
      }
      if (sign?.kind !== 'sign' || sign.text !== ',') break
      names.push(name)
      if (names.length >= max) this.#fail(`too many declarations in ${context}`, name.at)
      next += 2
    }
    if (names.length === 0) return []
    // `range $i, $x` without a sign: Go takes the variables and then misses the value.
    return this.#fail('range can only initialize variables', names[0]?.at)
  }

  #declared(token: Token, isNew: boolean): { name: string; slot: number; isNew: boolean } {
    if (isNew) return { name: token.text, slot: this.#slots++, isNew }
    return { name: token.text, slot: this.#slotOf(token), isNew }
  }

  #slotOf(token: Token): number {
    const found = this.#scope.findLast(({ name }) => name === token.text)
    if (found === undefined) this.#fail(`undefined variable ${JSON.stringify(token.text)}`, token.at)
    return (found as { slot: number }).slot
  }

  #commands(context: string): Evaluate {
    let value = this.#command(context, undefined)
    while (this.#isSign('|')) {
      this.#token++
      // Go lets a pipe be followed by nothing.
      if (this.#token === this.#tokens.length || this.#isSign(')')) return value
      value = this.#command(context, value)
    }
    return value
  }

  /** An operand, or a function or method with its arguments; what is piped in comes last. */
  #command(context: string, piped: Evaluate | undefined): Evaluate {
    const first = this.#tokens[this.#token]
    if (first === undefined || this.#isSign('|') || this.#isSign(')')) {
      this.#fail(piped === undefined ? `missing value for ${context}` : 'missing value for command', first?.at)
    }
    const head = this.#operand()
    const rest: Argument[] = []
    while (this.#token < this.#tokens.length && !this.#isSign('|') && !this.#isSign(')')) {
      const next = this.#tokens[this.#token] as Token
      if (!next.spaced) this.#fail(`unexpected ${JSON.stringify(written(next))} in operand`, next.at)
      rest.push(this.#operand())
    }
    const given = rest.map((argument) => this.#asValue(argument))
    if (piped !== undefined) given.push(piped)
    return this.#applied(head, given, piped !== undefined)
  }

  #applied(head: Argument, given: readonly Evaluate[], isPiped: boolean): Evaluate {
    const { at } = head
    if (head.kind === 'function') return this.#callOf(head.name, given, at)
    if (head.kind === 'member') return memberOf(this.#asValue(head.of), head.names, given)
    if (isPiped && head.kind === 'constant') this.#fail('non executable command in pipeline stage', at)
    if (given.length > 0 && head.kind !== 'dot') this.#fail(`can't give argument to non-function ${head.text}`, at)
    if (head.kind === 'constant' && head.value === null) this.#fail('nil is not a command', at)
    if (given.length > 0) this.#fail("can't give argument to non-function .", at)
    return this.#asValue(head)
  }

  #asValue(argument: Argument): Evaluate {
    switch (argument.kind) {
      case 'constant': {
        const { value } = argument
        return () => value
      }
      case 'dot':
        return (dot) => dot
      case 'variable': {
        const { slot } = argument
        return (_, { variables }) => variables[slot] as TemplateValue
      }
      case 'pipeline':
        return argument.evaluate
      case 'member':
        return memberOf(this.#asValue(argument.of), argument.names, [])
      default:
        return this.#callOf(argument.name, [], argument.at)
    }
  }

  #callOf(name: string, given: readonly Evaluate[], at: number): Evaluate {
    if (name === 'and' || name === 'or') {
      if (given.length === 0) this.#fail(`wrong number of args for ${name}: want at least 1 got 0`, at)
      return shortCircuit(name, given)
    }
    const known = Object.hasOwn(this.#functions, name)
      ? this.#functions[name]
      : Object.hasOwn(builtins, name)
        ? builtins[name]
        : undefined
    if (known === undefined) return this.#fail(`function ${JSON.stringify(name)} not defined`, at)
    const { min, max, run } = known
    if (given.length < min || given.length > max) {
      const want = max === Infinity ? `at least ${min}` : min === max ? min : `${min} to ${max}`
      this.#fail(`wrong number of args for ${name}: want ${want} got ${given.length}`, at)
    }
    if (given.length === 1) {
      const [only] = given as [Evaluate]
      return (dot, frame) => run([only(dot, frame)])
    }
    return (dot, frame) => run(given.map((value) => value(dot, frame)))
  }

  #operand(): Argument {
    const token = this.#tokens[this.#token] as Token
    let operand: Argument
    if (this.#isSign('(')) {
      this.#token++
      this.#deeper()
      const { evaluate } = this.#pipeline('parenthesized pipeline', 0)
      if (!this.#isSign(')')) this.#fail('unclosed left paren', token.at)
      this.#token++
      this.#depth--
      operand = { kind: 'pipeline', evaluate, at: token.at, text: '(…)' }
    } else {
      const read = operandOf(token, (one) => this.#slotOf(one))
      if (read === undefined) return this.#fail(`unexpected ${JSON.stringify(written(token))} in operand`, token.at)
      if (read instanceof TemplateError) throw errorAt(this.#text, token.at, read.message)
      this.#token++
      operand = read
    }
    const names: string[] = []
    for (;;) {
      const field = this.#tokens[this.#token]
      if (field?.kind !== 'field' || field.spaced) break
      if (operand.kind === 'constant' || (operand.kind === 'dot' && token.text === '.')) {
        this.#fail(`unexpected . after term ${JSON.stringify(written(token))}`, field.at)
      }
      names.push(field.text)
      this.#token++
    }
    return names.length === 0 ? operand : { kind: 'member', of: operand, names, at: token.at, text: written(token) }
  }

  #literal(token: Token): string {
    const read = operandOf(token, () => 0)
    if (read instanceof TemplateError) throw errorAt(this.#text, token.at, read.message)
    return read?.kind === 'constant' ? String(read.value) : ''
  }

  #isSign(text: string): boolean {
    const token = this.#tokens[this.#token]
    return token?.kind === 'sign' && token.text === text
  }

  #deeper(): void {
    if (++this.#depth > depthMax) this.#fail('nested too deeply', this.#tokens[this.#token]?.at)
  }

  #done(): void {
    const left = this.#tokens[this.#token]
    if (left !== undefined) this.#fail(`unexpected ${JSON.stringify(written(left))} in an action`, left.at)
  }

  #fail(message: string, at: number = this.#actionEnd): never {
    throw errorAt(this.#text, at, message)
  }
}

function written({ kind, text }: Token): string {
  return kind === 'field' ? `.${text}` : text
}

function sequence(writes: readonly Write[]): Write {
  if (writes.length === 1) return writes[0] as Write
  return (dot, frame) => {
    for (const write of writes) {
      const outcome = write(dot, frame)
      if (outcome !== 0) return outcome
    }
    return 0
  }
}

function* itemsOf(value: TemplateValue): Generator<readonly [index: TemplateValue, item: TemplateValue]> {
  if (value === null) return
  if (isList(value)) {
    for (const [i, item] of value.entries()) yield [BigInt(i), item]
  } else if (isMap(value)) {
    for (const key of sortedKeys(value)) yield [key, value.get(key) ?? null]
  } else if (typeof value === 'bigint') {
    for (let i = 0n; i < value; i++) yield [null, i]
  } else fault(`range can't iterate over ${bounded(shown(value))}`)
}

/** `and` and `or` look at no more than they need. */
function shortCircuit(name: 'and' | 'or', given: readonly Evaluate[]): Evaluate {
  return (dot, frame) => {
    let value: TemplateValue = null
    for (const one of given) {
      value = one(dot, frame)
      if (isTrue(value) === (name === 'or')) break
    }
    return value
  }
}

/** Fields of maps, one after another; methods of what has them. The last one may have arguments. */
function memberOf(of: Evaluate, names: readonly string[], given: readonly Evaluate[]): Evaluate {
  if (names.length === 1 && given.length === 0) {
    const [name] = names as [string]
    return (dot, frame) => member(of(dot, frame), name, [])
  }
  return (dot, frame) => {
    let value = of(dot, frame)
    for (const [i, name] of names.entries()) {
      const isLast = i === names.length - 1
      value = member(value, name, isLast ? given.map((one) => one(dot, frame)) : [])
    }
    return value
  }
}

function member(value: TemplateValue, name: string, given: readonly TemplateValue[]): TemplateValue {
  if (isMap(value)) {
    if (given.length > 0) fault(`${name} is not a method but has arguments`)
    return value.get(name) ?? null
  }
  if (value === null) return null
  const found = value instanceof TemplateObject ? value.member(name, given) : undefined
  if (found === undefined) throw new TemplateFault(`can't evaluate field ${name} in type ${typeName(value)}`)
  return found
}
