// Trees of expressions into closures.
import { compileRegexp, type Regexp, RegexpError } from '#lib/regexp'
import { nearMiss } from '#lib/near_miss'
import { functions } from './functions.ts'
import { place } from './lexer.ts'
import { callMethod } from './methods.ts'
import { compilePredicateCall } from './predicates.ts'
import { type Node, parseExpression, predicateFunctions } from './syntax.ts'
import { arithmetic, compare, equal, ExprError, type ExprValue, invalid, isMap, typeName } from './value.ts'

/** The names that an expression may use, each read from a subject. Other names are nil, as in the collector. */
export type ExprVariables<S> = Readonly<Record<string, (subject: S) => ExprValue>>

/**
 * Functions of the place where an expression stands, beside the language's: each takes one text. Where there are some, a
 * name that is neither a variable nor given by `let` is an error too.
 */
export type ExprCalls<S> = Readonly<Record<string, (subject: S, text: string) => ExprValue>>

/** Runs an expression on a subject. Throws `ExprError`. */
export type Compiled<S> = (subject: S) => ExprValue

/** What a closure sees. */
export interface Scope<S> {
  subject: S
  /** Of the predicate that runs: its item, index and accumulator. */
  item: ExprValue
  index: number
  acc: ExprValue
  readonly locals: Map<string, ExprValue>
}

export type Run<S> = (scope: Scope<S>) => ExprValue

export interface Compiler<S> {
  readonly text: string
  readonly variables: ExprVariables<S>
  /** Null: there are none, and any name may be used. */
  readonly calls: ExprCalls<S> | null
  /** Names that `let` gave. */
  readonly given: Set<string>
  compile(node: Node): Run<S>
  fail(message: string, at: number): ExprError
}

/**
 * Compile an expression. Throws `ExprError` with the place for bad syntax, functions that there are not, regular
 * expressions that are none, and operands that can never fit.
 */
export function compileExpression<S>(text: string, variables: ExprVariables<S>): Compiled<S> {
  return entry(compileNode(parseExpression(text), text, variables, null))
}

/** As `compileExpression`, for one that gives a bool; another value is an error, found here where it is known. */
export function compileCondition<S>(
  text: string,
  variables: ExprVariables<S>,
  calls: ExprCalls<S> | null = null,
): (subject: S) => boolean {
  const node = parseExpression(text)
  const type = staticType(node)
  if (type !== undefined && type !== 'bool') throw new ExprError(`expected bool, but got ${type}`)
  const run = entry(compileNode(node, text, variables, calls))
  return (subject) => {
    const value = run(subject)
    if (typeof value !== 'boolean') throw new ExprError(`expected bool, but got ${typeName(value)}`)
    return value
  }
}

function entry<S>(run: Run<S>): Compiled<S> {
  // One scope is used again and again: expressions do not run within one another.
  const scope: Scope<S | undefined> = { subject: undefined, item: null, index: 0, acc: null, locals: new Map() }
  return (subject) => {
    scope.subject = subject
    return run(scope as Scope<S>)
  }
}

function compileNode<S>(node: Node, text: string, variables: ExprVariables<S>, calls: ExprCalls<S> | null): Run<S> {
  const compiler: Compiler<S> = {
    text,
    variables,
    calls,
    given: new Set(),
    compile: (inner) => compile(inner, compiler),
    fail: (message, at) => new ExprError(message + place(text, at)),
  }
  return compiler.compile(node)
}

/** What a node gives whatever the subject; undefined: it depends. */
function staticType(node: Node): string | undefined {
  switch (node.kind) {
    case 'constant':
      return typeName(node.value)
    case 'array':
    case 'map':
      return node.kind
    case 'unary':
      return node.operator === 'not' ? 'bool' : undefined
    case 'binary':
      if (node.operator === '/' || node.operator === '**' || node.operator === '^') return 'float'
      return booleanOperators.has(node.operator) ? 'bool' : undefined
    default:
      return undefined
  }
}

const booleanOperators = new Set([
  'and',
  'or',
  '&&',
  '||',
  '==',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  'in',
  'matches',
  'contains',
  'startsWith',
  'endsWith',
])

function compile<S>(node: Node, compiler: Compiler<S>): Run<S> {
  switch (node.kind) {
    case 'constant': {
      const { value } = node
      return () => value
    }
    case 'name':
      return compileName(node, compiler)
    case 'pointer':
      if (node.name === 'index') return (scope) => BigInt(scope.index)
      return node.name === 'acc' ? (scope) => scope.acc : (scope) => scope.item
    case 'unary':
      return compileUnary(node, compiler)
    case 'binary':
      return compileBinary(node, compiler)
    case 'condition': {
      const test = compileBool(node.test, '?:', compiler)
      const [yes, no] = [compiler.compile(node.yes), compiler.compile(node.no)]
      return (scope) => (test(scope) ? yes(scope) : no(scope))
    }
    case 'member':
      return compileMember(node, compiler)
    case 'slice':
      return compileSlice(node, compiler)
    case 'chain': {
      const inside = compiler.compile(node.inside)
      return (scope) => {
        const value = inside(scope)
        return value === chainEnd ? null : value
      }
    }
    case 'call':
      return compileCall(node, compiler)
    case 'method': {
      const { name } = node
      const object = compiler.compile(node.object)
      const args = node.args.map((arg) => compiler.compile(arg))
      return (scope) =>
        callMethod(
          object(scope),
          name,
          args.map((arg) => arg(scope)),
        )
    }
    case 'predicate':
      throw compiler.fail('a predicate can only be an argument', node.at)
    case 'array': {
      const items = node.items.map((item) => compiler.compile(item))
      return (scope) => items.map((item) => item(scope))
    }
    case 'map':
      return compileMap(node, compiler)
    case 'let': {
      const { name } = node
      const value = compiler.compile(node.value)
      compiler.given.add(name)
      const body = compiler.compile(node.body)
      return (scope) => {
        scope.locals.set(name, value(scope))
        return body(scope)
      }
    }
  }
}

function compileName<S>({ name, at }: Node & { kind: 'name' }, compiler: Compiler<S>): Run<S> {
  const { variables, calls, given } = compiler
  const read = Object.hasOwn(variables, name) ? variables[name] : undefined
  if (read === undefined && calls !== null && !given.has(name)) {
    const near = nearMiss(name, [...Object.keys(variables), ...given])
    throw compiler.fail(`unknown name ${name}${near === undefined ? '' : `; did you mean ${near}?`}`, at)
  }
  return read === undefined
    ? ({ locals }) => locals.get(name) ?? null
    : (scope) =>
        scope.locals.size > 0 && scope.locals.has(name) ? (scope.locals.get(name) ?? null) : read(scope.subject)
}

function compileBool<S>(node: Node, operator: string, compiler: Compiler<S>): (scope: Scope<S>) => boolean {
  const type = staticType(node)
  if (type !== undefined && type !== 'bool') throw compiler.fail(`invalid operation: ${operator} on ${type}`, node.at)
  const run = compiler.compile(node)
  return (scope) => {
    const value = run(scope)
    if (typeof value !== 'boolean') throw new ExprError(`invalid operation: ${operator} on ${typeName(value)}`)
    return value
  }
}

function compileUnary<S>({ operator, operand }: Node & { kind: 'unary' }, compiler: Compiler<S>): Run<S> {
  if (operator === 'not') {
    const test = compileBool(operand, 'not', compiler)
    return (scope) => !test(scope)
  }
  const run = compiler.compile(operand)
  return (scope) => {
    const value = run(scope)
    if (typeof value !== 'number' && typeof value !== 'bigint') {
      throw new ExprError(`invalid operation: ${operator} ${typeName(value)}`)
    }
    return operator === '-' ? -value : value
  }
}

function compileBinary<S>(node: Node & { kind: 'binary' }, compiler: Compiler<S>): Run<S> {
  const { operator } = node
  if (operator === 'and' || operator === '&&') {
    const [left, right] = [compileBool(node.left, operator, compiler), compileBool(node.right, operator, compiler)]
    return (scope) => left(scope) && right(scope)
  }
  if (operator === 'or' || operator === '||') {
    const [left, right] = [compileBool(node.left, operator, compiler), compileBool(node.right, operator, compiler)]
    return (scope) => left(scope) || right(scope)
  }
  if (operator === 'matches') return compileMatches(node, compiler)
  const [left, right] = [compiler.compile(node.left), compiler.compile(node.right)]
  switch (operator) {
    case '??':
      return (scope) => {
        const value = left(scope)
        return value === null || value === chainEnd ? right(scope) : value
      }
    case '==':
      return (scope) => equal(left(scope), right(scope))
    case '!=':
      return (scope) => !equal(left(scope), right(scope))
    case '<':
      return (scope) => compare(left(scope), right(scope), '<') < 0
    case '<=':
      return (scope) => compare(left(scope), right(scope), '<=') <= 0
    case '>':
      return (scope) => compare(left(scope), right(scope), '>') > 0
    case '>=':
      return (scope) => compare(left(scope), right(scope), '>=') >= 0
    case 'in':
      return (scope) => isIn(left(scope), right(scope))
    case 'contains':
    case 'startsWith':
    case 'endsWith':
      return (scope) => textTest(operator, left(scope), right(scope))
    case '..':
      return (scope) => range(left(scope), right(scope))
    case '^':
      return (scope) => arithmetic('**', left(scope), right(scope))
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
    case '**':
      return (scope) => arithmetic(operator, left(scope), right(scope))
    default:
      throw compiler.fail(`unknown operator ${operator}`, node.at)
  }
}

function compileMatches<S>({ left, right, at }: Node & { kind: 'binary' }, compiler: Compiler<S>): Run<S> {
  const text = compiler.compile(left)
  if (right.kind === 'constant') {
    if (typeof right.value !== 'string') throw compiler.fail(`invalid operation: matches ${typeName(right.value)}`, at)
    const regexp = regexpOf(right.value, (message) => compiler.fail(message, right.at))
    return (scope) => {
      const value = text(scope)
      if (value === null) return false
      if (typeof value !== 'string') throw invalid('matches', value, right.value)
      return regexp.test(value)
    }
  }
  const pattern = compiler.compile(right)
  return (scope) => {
    const [value, source] = [text(scope), pattern(scope)]
    if (value === null || source === null) return false
    if (typeof value !== 'string' || typeof source !== 'string') throw invalid('matches', value, source)
    return regexpOf(source, (message) => new ExprError(message)).test(value)
  }
}

function regexpOf(pattern: string, fail: (message: string) => ExprError): Regexp {
  try {
    return compileRegexp(pattern)
  } catch (error) {
    if (error instanceof RegexpError) throw fail(error.message)
    throw error
  }
}

function isIn(item: ExprValue, container: ExprValue): boolean {
  if (container === null) return false
  if (Array.isArray(container)) return container.some((other) => equal(item, other))
  if (isMap(container)) {
    if (typeof item !== 'string') throw invalid('in', item, container)
    return Object.hasOwn(container, item)
  }
  throw invalid('in', item, container)
}

function textTest(operator: 'contains' | 'startsWith' | 'endsWith', text: ExprValue, part: ExprValue): boolean {
  if (text === null || part === null) return false
  if (typeof text !== 'string' || typeof part !== 'string') throw invalid(operator, text, part)
  if (operator === 'contains') return text.includes(part)
  return operator === 'startsWith' ? text.startsWith(part) : text.endsWith(part)
}

/** Longer ranges are refused, as the language does it. */
const rangeMax = 1_000_000

function range(from: ExprValue, to: ExprValue): ExprValue {
  if (typeof from !== 'bigint' || typeof to !== 'bigint') throw invalid('..', from, to)
  const length = Number(to - from) + 1
  if (length > rangeMax) throw new ExprError(`a range may have ${rangeMax} items: current value is ${length}`)
  return Array.from({ length: Math.max(length, 0) }, (_, i) => from + BigInt(i))
}

/** A chain with `?.` met nil: the rest of it is not looked at. Never leaves this file. */
const chainEnd: ExprValue = ['end of an optional chain']

function compileMember<S>({ object, key, optional }: Node & { kind: 'member' }, compiler: Compiler<S>): Run<S> {
  const run = compiler.compile(object)
  if (key.kind === 'constant' && typeof key.value === 'string') {
    const name = key.value
    return (scope) => {
      const value = run(scope)
      if (value === chainEnd || (optional && value === null)) return chainEnd
      return member(value, name)
    }
  }
  const keyOf = compiler.compile(key)
  return (scope) => {
    const value = run(scope)
    if (value === chainEnd || (optional && value === null)) return chainEnd
    return member(value, keyOf(scope))
  }
}

function member(object: ExprValue, key: ExprValue): ExprValue {
  if (typeof key === 'string' && isMap(object)) {
    return Object.hasOwn(object, key) ? (object[key] as ExprValue) : null
  }
  if (typeof key === 'bigint' || (typeof key === 'number' && Number.isInteger(key))) {
    if (Array.isArray(object) || object instanceof Uint8Array || typeof object === 'string') {
      const index = Number(key) < 0 ? object.length + Number(key) : Number(key)
      const item = object[index]
      if (item === undefined) throw new ExprError(`index out of range: ${key} (array length is ${object.length})`)
      return typeof item === 'number' && object instanceof Uint8Array ? BigInt(item) : item
    }
  }
  throw new ExprError(`cannot fetch ${String(key)} from ${typeName(object)}`)
}

function compileSlice<S>({ object, from, to }: Node & { kind: 'slice' }, compiler: Compiler<S>): Run<S> {
  const run = compiler.compile(object)
  const start = from === null ? undefined : compiler.compile(from)
  const end = to === null ? undefined : compiler.compile(to)
  const bound = (value: ExprValue): number => {
    if (typeof value !== 'bigint') throw new ExprError(`cannot slice by ${typeName(value)}`)
    return Number(value)
  }
  return (scope) => {
    const value = run(scope)
    if (value === chainEnd) return chainEnd
    if (typeof value !== 'string' && !Array.isArray(value)) throw new ExprError(`cannot slice ${typeName(value)}`)
    return value.slice(start === undefined ? 0 : bound(start(scope)), end === undefined ? undefined : bound(end(scope)))
  }
}

function compileMap<S>({ entries }: Node & { kind: 'map' }, compiler: Compiler<S>): Run<S> {
  const pairs = entries.map(([key, value]) => [compiler.compile(key), compiler.compile(value)] as const)
  return (scope) => {
    const out = Object.create(null) as { [key: string]: ExprValue }
    for (const [key, value] of pairs) {
      const name = key(scope)
      if (typeof name !== 'string') throw new ExprError(`the key of a map should be string, got ${typeName(name)}`)
      out[name] = value(scope)
    }
    return out
  }
}

function compileCall<S>(node: Node & { kind: 'call' }, compiler: Compiler<S>): Run<S> {
  const { name, at } = node
  if (predicateFunctions.has(name)) return compilePredicateCall(node, compiler)
  const { calls } = compiler
  if (calls !== null && Object.hasOwn(calls, name)) return compileOwnCall(node, calls[name] as OwnCall<S>, compiler)
  const found = Object.hasOwn(functions, name) ? functions[name] : undefined
  if (found === undefined) {
    const near = nearMiss(name, [...Object.keys(functions), ...predicateFunctions, ...Object.keys(calls ?? {})])
    const hint = near === undefined ? '' : `; did you mean ${near}?`
    throw compiler.fail(`unknown function ${name}${hint}`, at)
  }
  const { min, max, call } = found
  if (node.args.length < min || node.args.length > max) {
    const takes = min === max ? `${min}` : max === Infinity ? `${min} or more` : `${min} to ${max}`
    throw compiler.fail(`${name} takes ${takes} argument(s): there are ${node.args.length}`, at)
  }
  const args = node.args.map((arg) => compiler.compile(arg))
  const [first, second] = args
  if (args.length === 1 && first !== undefined) return (scope) => call([first(scope)])
  if (args.length === 2 && first !== undefined && second !== undefined) {
    return (scope) => call([first(scope), second(scope)])
  }
  return (scope) => call(args.map((arg) => arg(scope)))
}

type OwnCall<S> = ExprCalls<S>[string]

function compileOwnCall<S>(
  { name, args, at }: Node & { kind: 'call' },
  call: OwnCall<S>,
  compiler: Compiler<S>,
): Run<S> {
  const [arg] = args
  if (arg === undefined || args.length > 1) {
    throw compiler.fail(`${name} takes 1 argument(s): there are ${args.length}`, at)
  }
  if (arg.kind === 'constant' && typeof arg.value !== 'string') {
    throw compiler.fail(`${name} takes a string, got ${typeName(arg.value)}`, arg.at)
  }
  const text = compiler.compile(arg)
  return (scope) => {
    const value = text(scope)
    if (typeof value !== 'string') throw new ExprError(`${name} takes a string, got ${typeName(value)}`)
    return call(scope.subject, value)
  }
}
