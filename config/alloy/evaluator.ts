// Evaluates expressions: names through a scope, then the standard library; every error with its place in the source.
import {
  entriesOf,
  FunctionValue,
  kindOf,
  OptionalSecret,
  Secret,
  Unknown,
  type Value,
  ValueError,
  valuesEqual,
} from '#component'
import type { BinaryExpression, CallExpression, Expression, IndexExpression, Range, UnaryExpression } from './ast.ts'
import { textFromLiteral } from './literals.ts'
import {
  arithmetic,
  type ArithmeticOperator,
  indexFromNumber,
  inOrder,
  negated,
  numberFromLiteral,
  numbersEqual,
  type NumberValue,
  type OrderOperator,
} from './numbers.ts'
import { printExpression } from './printer.ts'
import type { StandardLibrary } from './stdlib.ts'
import { checkedLength } from './text_functions.ts'
import { elementType, type Kind, kindOfType } from './unknowns.ts'

/** UTF-16 units of an expression that messages show. */
const excerptLengthMax = 120

/** What names mean where an expression stands. */
export interface Scope {
  readonly library: StandardLibrary
  /**
   * The value that the first names of a chain stand for, and how many names that takes: the shortest prefix that is known
   * (`prometheus.scrape.x` of `prometheus.scrape.x.output`). Undefined: the chain is not known here.
   */
  resolve(chain: readonly string[]): { readonly value: Value; readonly used: number } | undefined
}

/** Why an expression has no value, and which part of it is at fault. */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError'
  readonly range: Range
  constructor(range: Range, message: string) {
    super(message)
    this.range = range
  }
}

/**
 * The value of `expression`. Where something in it is not known yet, the value is `Unknown` (or holds it), with the type
 * that can be told; what is wrong whatever the value turns out to be is an error already. Throws `EvaluationError`.
 */
export function evaluate(expression: Expression, scope: Scope): Value {
  switch (expression.kind) {
    case 'literal':
      return literalValue(expression)
    case 'paren':
      return evaluate(expression.inner, scope)
    case 'array':
      return expression.elements.map((element) => evaluate(element, scope))
    case 'object':
      return new Map(expression.fields.map((field) => [field.key, evaluate(field.value, scope)] as const))
    case 'identifier':
    case 'access':
      return chainValue(expression, scope)
    case 'index':
      return indexValue(expression, scope)
    case 'call':
      return callValue(expression, scope)
    case 'unary':
      return unaryValue(expression, scope)
    case 'binary':
      return binaryValue(expression, scope)
  }
}

// ------------------------------------------------------------------------------------------------------ references

/** A name with the fields read from it: `a.b.c`. `rest`: the accesses by their order of evaluation. */
interface Chain {
  readonly names: readonly string[]
  readonly range: Range
}

/** Every chain of names in an expression, in the order written: what it may refer to. */
export function references(expression: Expression): { chain: string[]; range: Range }[] {
  const found: { chain: string[]; range: Range }[] = []
  const visit = (node: Expression): void => {
    const chain = chainOf(node)
    if (chain) {
      found.push({ chain: [...chain.names], range: chain.range })
      return
    }
    switch (node.kind) {
      case 'array':
        return node.elements.forEach(visit)
      case 'object':
        return node.fields.forEach((field) => visit(field.value))
      case 'paren':
        return visit(node.inner)
      case 'access':
        return visit(node.value)
      case 'index':
        visit(node.value)
        return visit(node.index)
      case 'call':
        visit(node.callee)
        return node.args.forEach(visit)
      case 'unary':
        return visit(node.operand)
      case 'binary':
        visit(node.left)
        return visit(node.right)
      case 'literal':
      case 'identifier':
    }
  }
  visit(expression)
  return found
}

/** The names of an expression that is nothing but names and accesses. */
function chainOf(expression: Expression): Chain | undefined {
  const names: string[] = []
  let node = expression
  while (node.kind === 'access') {
    names.push(node.name.name)
    node = node.value
  }
  if (node.kind !== 'identifier') return undefined
  names.push(node.name)
  return { names: names.reverse(), range: expression.range }
}

function chainValue(expression: Expression & { kind: 'identifier' | 'access' }, scope: Scope): Value {
  // From the outermost access inwards, to where the names begin.
  const accesses: (Expression & { kind: 'access' })[] = []
  let base: Expression = expression
  while (base.kind === 'access') {
    accesses.push(base)
    base = base.value
  }
  accesses.reverse()
  if (base.kind !== 'identifier') return fieldsOf(evaluate(base, scope), base, accesses)
  const names = [base.name, ...accesses.map((access) => access.name.name)]
  const resolved = scope.resolve(names)
  if (!resolved) {
    const standard = scope.library.get(base.name)
    if (standard !== undefined) return fieldsOf(standard, base, accesses)
    throw new EvaluationError(expression.range, `component "${names.join('.')}" does not exist or is out of scope`)
  }
  const rest = accesses.slice(resolved.used - 1)
  return fieldsOf(resolved.value, rest[0]?.value ?? expression, rest)
}

function fieldsOf(value: Value, source: Expression, accesses: readonly (Expression & { kind: 'access' })[]): Value {
  let here = value
  let from = source
  for (const access of accesses) {
    here = fieldOf(here, from, access)
    from = access
  }
  return here
}

function fieldOf(value: Value, source: Expression, access: Expression & { kind: 'access' }): Value {
  const { name, range } = access.name
  const entries = entriesOf(value)
  if (entries) {
    const field = entries.get(name)
    if (field !== undefined) return field
    throw new EvaluationError(range, `field "${name}" does not exist`)
  }
  const kind = kindOfValue(value)
  if (value instanceof Unknown && (kind === 'any' || kind === 'object')) return new Unknown(elementType(value.type))
  if (kind === 'capsule' || kind === 'secret') {
    throw failure(source, `expected object or array or a capsule convertible to an object, got ${kindOf(value)}`)
  }
  throw failure(source, `cannot access field "${name}" on value of type ${kindOf(value)}`)
}

// --------------------------------------------------------------------------------------------------- literals, index

function literalValue(expression: Expression & { kind: 'literal' }): Value {
  const { type, text } = expression
  switch (type) {
    case 'null':
      return null
    case 'bool':
      return text === 'true'
    case 'string':
      return textFromLiteral(text)
    case 'number':
    case 'float':
      return attempt(expression, () => numberFromLiteral(text, type === 'float'))
  }
}

function indexValue(expression: IndexExpression, scope: Scope): Value {
  const value = evaluate(expression.value, scope)
  const index = evaluate(expression.index, scope)
  const kind = kindOfValue(value)
  switch (kind) {
    case 'array':
      expectKind(index, expression.index, 'number')
      if (value instanceof Unknown || index instanceof Unknown) return unknownElement(value)
      return elementAt(value as readonly Value[] | Uint8Array, index as NumberValue, expression.index)
    case 'object':
      expectKind(index, expression.index, 'string')
      if (value instanceof Unknown || index instanceof Unknown) return unknownElement(value)
      // Other than with a dot, what is not there is null.
      return entriesOf(value)?.get(index as string) ?? null
    case 'any':
      return new Unknown('any')
    case 'capsule':
    case 'secret':
      throw failure(
        expression.value,
        `expected object or array or a capsule convertible to an object, got ${kindOf(value)}`,
      )
    default:
      throw failure(expression.value, `expected object or array, got ${kindOf(value)}`)
  }
}

function unknownElement(value: Value): Unknown {
  return new Unknown(value instanceof Unknown ? elementType(value.type) : 'any')
}

function elementAt(list: readonly Value[] | Uint8Array, number: NumberValue, source: Expression): Value {
  const index = indexFromNumber(number)
  if (index < 0n || index >= BigInt(list.length)) {
    throw failure(source, `index ${index} is out of range of array with length ${list.length}`)
  }
  const element = list[Number(index)] as Value
  return list instanceof Uint8Array ? BigInt(element as number) : element
}

// ----------------------------------------------------------------------------------------------------------- calls

function callValue(expression: CallExpression, scope: Scope): Value {
  const callee = evaluate(expression.callee, scope)
  const isFunction = callee instanceof FunctionValue
  if (!isFunction && kindOfValue(callee) !== 'any') {
    throw failure(expression.callee, `should be function, got ${kindOf(callee)}`)
  }
  const args = expression.args.map((arg) => evaluate(arg, scope))
  if (!isFunction) return new Unknown('any')
  try {
    return callee.call(args)
  } catch (error) {
    if (!(error instanceof ValueError)) throw error
    const [index, ...path] = error.path
    const arg = typeof index === 'number' ? expression.args[index] : undefined
    if (!arg) throw failure(expression.callee, error.message)
    const { node, rest } = locate(arg, path)
    throw failure(node, error.message, rest)
  }
}

/** The sub-expression that a path into a value leads to as far as it is written out, and what remains of the path. */
function locate(
  expression: Expression,
  path: readonly (string | number)[],
): { node: Expression; rest: (string | number)[] } {
  const [step, ...rest] = path
  const bare = unwrapped(expression)
  let next: Expression | undefined
  if (bare.kind === 'array' && typeof step === 'number') next = bare.elements[step]
  else if (bare.kind === 'object' && typeof step === 'string') next = bare.fields.findLast((f) => f.key === step)?.value
  return next ? locate(next, rest) : { node: expression, rest: [...path] }
}

function unwrapped(expression: Expression): Expression {
  return expression.kind === 'paren' ? unwrapped(expression.inner) : expression
}

// ------------------------------------------------------------------------------------------------------- operators

function unaryValue(expression: UnaryExpression, scope: Scope): Value {
  const value = evaluate(expression.operand, scope)
  const wanted = expression.operator === '!' ? 'bool' : 'number'
  expectKind(value, expression.operand, wanted)
  if (value instanceof Unknown) return new Unknown(wanted)
  return expression.operator === '!' ? !(value as boolean) : negated(value as NumberValue)
}

const numbers: readonly Kind[] = ['number']
/** What each operator takes. `==` and `!=` take anything. */
const operandKinds = {
  '||': ['bool'],
  '&&': ['bool'],
  '+': ['number', 'string', 'capsule'],
  '-': numbers,
  '*': numbers,
  '/': numbers,
  '%': numbers,
  '^': numbers,
  '<': ['number', 'string'],
  '>': ['number', 'string'],
  '<=': ['number', 'string'],
  '>=': ['number', 'string'],
} as const satisfies Record<string, readonly Kind[]>

function binaryValue(expression: BinaryExpression, scope: Scope): Value {
  const { operator } = expression
  // Both sides, always: there is no short circuit. What is wrong with one of them is marked as the whole, as Alloy does it.
  const leftValue = evaluate(expression.left, scope)
  const rightValue = evaluate(expression.right, scope)
  const [left, right] = unwrapSecrets(leftValue, rightValue)
  if (operator === '==' || operator === '!=') {
    if (!isComparable(left) || !isComparable(right)) return new Unknown('bool')
    return equal(left, right) === (operator === '==')
  }
  const accepted: readonly Kind[] = operandKinds[operator]
  const [leftKind, rightKind] = [operandKind(left), operandKind(right)]
  for (const [kind, value, source] of [
    [leftKind, leftValue, expression.left],
    [rightKind, rightValue, expression.right],
  ] as const) {
    if (kind !== 'any' && !accepted.includes(kind)) {
      const wanted = `should be one of [${accepted.join(' ')}] for binop ${operator}`
      throw failure(source, `${wanted}, got ${kindOf(value)}`, [], expression)
    }
  }
  if (left instanceof Unknown || right instanceof Unknown) return unknownResult(expression, left, right, rightValue)
  if (leftKind !== rightKind)
    throw failure(expression.right, `should be ${leftKind}, got ${kindOf(rightValue)}`, [], expression)
  return attempt(expression, () => computed(operator, left, right), [expression.left, expression.right], expression)
}

function computed(operator: keyof typeof operandKinds, left: Value, right: Value): Value {
  switch (operator) {
    case '||':
      return left === true || right === true
    case '&&':
      return left === true && right === true
    case '<':
    case '>':
    case '<=':
    case '>=':
      return typeof left === 'string'
        ? textsInOrder(operator, left, right as string)
        : inOrder(operator, left as NumberValue, right as NumberValue)
    default:
      if (operator === '+' && typeof left !== 'number' && typeof left !== 'bigint') return joined(left, right)
      return arithmetic(operator satisfies ArithmeticOperator, left as NumberValue, right as NumberValue)
  }
}

/** Texts and secrets: what a secret is part of stays one. */
function joined(left: Value, right: Value): Value {
  if (typeof left === 'string' && typeof right === 'string') {
    checkedLength(left.length + right.length)
    return left + right
  }
  if (left instanceof Secret && right instanceof Secret) return new Secret(left.reveal() + right.reveal())
  if (left instanceof OptionalSecret && right instanceof OptionalSecret) {
    return new OptionalSecret(left.reveal() + right.reveal(), left.isSecret || right.isSecret)
  }
  throw new ValueError(`could not perform binop + for types ${kindOf(left)} and ${kindOf(right)}`, [0])
}

/** Bytes of UTF-8 decide. */
function textsInOrder(operator: OrderOperator, left: string, right: string): boolean {
  const order = Buffer.compare(Buffer.from(left), Buffer.from(right))
  return inOrder(operator, order, 0)
}

/** Secrets and strings meet as the more secret of the two (syntax/internal/transform/binary.go). */
function unwrapSecrets(left: Value, right: Value): [Value, Value] {
  if (left instanceof OptionalSecret) {
    if (right instanceof Secret) return [new Secret(left.reveal()), right]
    if (typeof right === 'string') {
      return left.isSecret ? [left, new OptionalSecret(right, true)] : [left.reveal(), right]
    }
  } else if (left instanceof Secret) {
    if (right instanceof OptionalSecret) return [left, new Secret(right.reveal())]
    if (typeof right === 'string') return [left, new Secret(right)]
  } else if (typeof left === 'string') {
    if (right instanceof Secret) return [new Secret(left), right]
    if (right instanceof OptionalSecret) {
      return right.isSecret ? [new OptionalSecret(left, true), right] : [left, right.reveal()]
    }
  }
  return [left, right]
}

function equal(left: Value, right: Value): boolean {
  const isNumber = (value: Value): value is NumberValue => typeof value === 'bigint' || typeof value === 'number'
  return isNumber(left) && isNumber(right) ? numbersEqual(left, right) : valuesEqual(left, right)
}

/** False where something in it is not known yet: whether it equals anything is not known either. */
function isComparable(value: Value): boolean {
  if (value instanceof Unknown) return false
  if (Array.isArray(value)) return value.every((item: Value) => isComparable(item))
  return value instanceof Map ? [...value.values()].every((item: Value) => isComparable(item)) : true
}

/** The type of an operation of which a side is not known. Kinds that can never go together are an error. */
function unknownResult(expression: BinaryExpression, left: Value, right: Value, rightValue: Value): Unknown {
  const kinds = [kindOfValue(left), kindOfValue(right)] as const
  const [a, b] = kinds
  const isText = (kind: Kind): boolean => kind === 'string' || kind === 'secret'
  const differ = a !== 'any' && b !== 'any' && a !== b && !(isText(a) && isText(b))
  if (differ)
    throw failure(expression.right, `should be ${operandKind(left)}, got ${kindOf(rightValue)}`, [], expression)
  switch (expression.operator) {
    case '+':
      if (a === 'any' || b === 'any') return new Unknown('any')
      return new Unknown(kinds.includes('secret') ? 'secret' : a === 'number' ? 'number' : 'string')
    case '-':
    case '*':
    case '/':
    case '%':
    case '^':
      return new Unknown('number')
    default:
      return new Unknown('bool')
  }
}

/** As the operators' error messages name kinds: secrets are capsules. */
function operandKind(value: Value): Kind {
  const kind = kindOfValue(value)
  return kind === 'secret' ? 'capsule' : kind
}

function kindOfValue(value: Value): Kind {
  if (value instanceof Unknown) return kindOfType(value.type)
  if (value instanceof Secret || value instanceof OptionalSecret) return 'secret'
  const kind = kindOf(value)
  return kind.startsWith('capsule(') ? 'capsule' : (kind as Kind)
}

// ---------------------------------------------------------------------------------------------------------- errors

function expectKind(value: Value, source: Expression, wanted: Kind): void {
  const kind = kindOfValue(value)
  if (kind !== wanted && !(value instanceof Unknown && kind === 'any')) {
    throw failure(source, `should be ${wanted}, got ${kindOf(value)}`)
  }
}

/** A `ValueError` becomes one of `parts` at fault, by the number that its path begins with; else of the whole. */
function attempt<T>(source: Expression, run: () => T, parts: readonly Expression[] = [], place?: Expression): T {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof ValueError)) throw error
    const [index] = error.path
    throw failure((typeof index === 'number' ? parts[index] : undefined) ?? source, error.message, [], place)
  }
}

/** The message says first which expression it is about, as far as it is short; `place` is what is marked. */
function failure(
  source: Expression,
  message: string,
  path: readonly (string | number)[] = [],
  place = source,
): EvaluationError {
  const steps = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')
  return new EvaluationError(place.range, `${excerpt(source)}${steps} ${message}`)
}

function excerpt(expression: Expression): string {
  const { start, end } = expression.range
  // Laying out a long text only to cut it off again would cost more than the evaluation.
  if (end.offset - start.offset > excerptLengthMax * 8) return 'expression'
  const text = printExpression(expression).replace(/\s*\n\s*/g, ' ')
  return text.length <= excerptLengthMax ? text : `${text.slice(0, excerptLengthMax)}…`
}
