// Compiles syntax trees into closures over the tree form of OTLP.
import type { Call, Condition, Expression, Lambda, MathOperator, Path, Statement } from '#component/ottl_syntax'
import { OttlSyntaxError, parseCondition, parseStatement, parseValue } from '#component/ottl_syntax'
import { nearMiss } from '#lib/near_miss'
import type { AnyValue } from '#pdata/otlp'
import { KeyValueList } from '#pdata/otlp'
import type { Key } from './access.ts'
import { resultIn, storable } from './access.ts'
import { bindArguments } from './arguments.ts'
import type { ContextDefinition } from './contexts.ts'
import type { FunctionDefinition, FunctionTable, Getter, GetSetter, LambdaFunction } from './function.ts'
import { literalGetter, literalOf } from './function.ts'
import { compareValues, computeValues, negated } from './operators.ts'
import type { PathDefinition } from './paths.ts'
import { OttlProblem, unknownText } from './problem.ts'
import type { TransformContext } from './transform_context.ts'
import type { OttlValue } from './value.ts'
import { OttlError, typeName } from './value.ts'

export type Predicate = (context: TransformContext) => boolean

export interface CompiledStatement {
  /** Undefined: always. */
  readonly where: Predicate | undefined
  readonly edit: Getter
}

/** What statements are compiled in. */
export interface Scope {
  readonly context: ContextDefinition
  readonly functions: FunctionTable
  /** May the context be left out of its own paths (`name` for `span.name`)? With a context that was named, not inferred. */
  readonly isBare: boolean
  /**
   * What the functions' libraries gave, by function: see `loadFunctions`. Null: only checking, functions that need a
   * library are not made.
   */
  readonly loaded: ReadonlyMap<FunctionDefinition, unknown> | null
}

/** Throws `OttlProblem`. */
export function compileStatement(text: string, scope: Scope): CompiledStatement {
  return readSyntax(
    () => parseStatement(text),
    (tree) => new Compiler(scope).statement(tree),
  )
}

/** Throws `OttlProblem`. */
export function compileCondition(text: string, scope: Scope): Predicate {
  return readSyntax(
    () => parseCondition(text),
    (tree) => new Compiler(scope).condition(tree),
  )
}

/** A value expression: `Concat([span.name, "x"], "-")`. Throws `OttlProblem`. */
export function compileValue(text: string, scope: Scope): Getter {
  return readSyntax(
    () => parseValue(text),
    (tree) => new Compiler(scope).value(tree),
  )
}

function readSyntax<T, R>(parse: () => T, compile: (tree: T) => R): R {
  try {
    return compile(parse())
  } catch (error) {
    if (error instanceof OttlSyntaxError) throw new OttlProblem(error.message, error.at)
    throw error
  }
}

/** A path after its context was told from its fields. */
interface Resolved {
  readonly prefix: string
  /** The fields, with dots between them. */
  readonly name: string
  readonly definition: PathDefinition
  readonly keys: readonly Expression[]
}

/** A lambda's parameter: what it was called with last. No lambda can call itself, so one place is enough. */
class Local {
  readonly name: string
  value: OttlValue = null
  constructor(name: string) {
    this.name = name
  }
}

export class Compiler {
  readonly scope: Scope
  /** Parameters of the lambdas around, the innermost last. */
  readonly #locals: Local[] = []

  constructor(scope: Scope) {
    this.scope = scope
  }

  statement({ editor, where }: Statement): CompiledStatement {
    const edit = this.#closure(editor, 'editor')
    return { edit, where: where === null ? undefined : this.condition(where) }
  }

  // ------------------------------------------------------------------------------------------------------ conditions

  condition(condition: Condition): Predicate {
    switch (condition.kind) {
      case 'constant':
        return condition.value ? () => true : () => false
      case 'not': {
        const of = this.condition(condition.of)
        return (context) => !of(context)
      }
      case 'and':
        return joined(
          condition.parts.map((part) => this.condition(part)),
          all,
        )
      case 'or':
        return joined(
          condition.parts.map((part) => this.condition(part)),
          any,
        )
      case 'converter':
        return isTrue(this.#converter(condition.call), condition.call)
      case 'compare':
        return this.#comparison(condition)
    }
  }

  #comparison({ operator, left, right }: Condition & { kind: 'compare' }): Predicate {
    const b = this.value(right)
    const literal = literalOf(b)?.value
    if (left.kind === 'path' && (operator === '==' || operator === '!=')) {
      const path = this.path(left)
      const short = literal === null ? path.isNil : typeof literal === 'string' ? path.isText?.(literal) : undefined
      if (short !== undefined) return operator === '==' ? short : (context) => !short(context)
    }
    const a = this.value(left)
    // The commonest ones, without the tables: an attribute and a string, or whether there is one.
    if (typeof literal === 'string' || literal === null) {
      if (operator === '==') return (context) => a(context) === literal
      if (operator === '!=') return (context) => a(context) !== literal
    }
    return (context) => compareValues(a(context), operator, b(context))
  }

  // ---------------------------------------------------------------------------------------------------------- values

  value(expression: Expression): Getter {
    switch (expression.kind) {
      case 'lambda':
        throw new OttlProblem('a lambda does not belong here: this takes a value', expression.at)
      case 'literal':
        return literalGetter<OttlValue>(expression.value)
      case 'path':
        return this.path(expression).get
      case 'call':
        return this.#converter(expression)
      case 'word':
        return literalGetter<OttlValue>(this.enumValue(expression.name, expression.at))
      case 'list':
        return this.#list(expression.items)
      case 'map':
        return this.#map(expression.entries, expression.at)
      case 'negation': {
        const of = this.value(expression.of)
        const negate = located((context) => negated(of(context)), expression.at)
        return literalOf(of) === undefined ? negate : this.constant(negate, expression.at)
      }
      case 'math':
        return this.#math(expression.operator, this.value(expression.left), this.value(expression.right), expression.at)
    }
  }

  enumValue(name: string, at: number): bigint {
    const { enums, name: contextName } = this.scope.context
    const value = enums.get(name)
    if (value !== undefined) return value
    throw new OttlProblem(`${unknownText('enum', name, [...enums.keys()])} (context ${contextName})`, at)
  }

  #math(operator: MathOperator, left: Getter, right: Getter, at: number): Getter {
    const compute = located((context) => computeValues(left(context), operator, right(context)), at)
    if (literalOf(left) === undefined || literalOf(right) === undefined) return compute
    return this.constant(compute, at)
  }

  /** `get` needs no record: what it gives once is what it always gives. */
  constant(get: Getter, at: number): Getter {
    try {
      return literalGetter(get(noContext))
    } catch (error) {
      if (error instanceof OttlError) throw new OttlProblem(error.message, at)
      throw error
    }
  }

  #list(items: readonly Expression[]): Getter {
    const getters = items.map((item) => this.value(item))
    const make: Getter = (context) => {
      const out: OttlValue[] = []
      for (const get of getters) out.push(get(context))
      return out as AnyValue[]
    }
    return getters.every((get) => literalOf(get) !== undefined) ? literalGetter(make(noContext)) : make
  }

  #map(entries: readonly { key: string; value: Expression }[], at: number): Getter {
    const keys = entries.map(({ key }) => key)
    const getters = entries.map(({ value }) => this.value(value))
    const make: Getter = (context) =>
      new KeyValueList(getters.map((get, i) => ({ key: keys[i] as string, value: storable(get(context)) })))
    return getters.every((get) => literalOf(get) !== undefined) ? this.constant(make, at) : make
  }

  // ----------------------------------------------------------------------------------------------------------- paths

  /** `isTarget`: to be written. */
  path(path: Path, isTarget = false): GetSetter {
    const local = this.#local(path)
    if (local !== undefined) return this.#localPath(path, local, isTarget)
    const { prefix, name, definition, keys } = this.#resolve(path)
    const text = `${prefix}.${name}`
    const { at } = path
    if (isTarget && definition.isReadOnly) throw new OttlProblem(`${text} cannot be set`, at)
    if (keys.length > 0 && definition.keys === 'none') throw new OttlProblem(`${text} cannot be indexed`, at)
    if (keys.length > 1 && definition.keys === 'one') throw new OttlProblem(`${text} takes one key`, at)
    return definition.bind(keys.map((key) => this.key(key)))
  }

  /** A lambda's parameter goes before paths and contexts of that name. */
  #local({ segments }: Path): Local | undefined {
    const name = segments[0]?.name
    return this.#locals.findLast((each) => each.name === name)
  }

  #localPath({ segments, at }: Path, local: Local, isTarget: boolean): GetSetter {
    const [first, second] = segments
    const { name } = local
    if (second !== undefined) {
      const hint = `${name}["${second.name}"]`
      throw new OttlProblem(`the parameter "${name}" has no fields, did you mean ${hint}?`, second.at)
    }
    const set = (): void => {
      throw new OttlError(`the parameter "${name}" cannot be set`)
    }
    if (isTarget) throw new OttlProblem(`the parameter "${name}" cannot be set`, at)
    const keys = (first?.keys ?? []).map((key) => this.key(key))
    if (keys.length === 0) return { get: () => local.value, set }
    return { get: located((context) => resultIn(local.value, keys, context), at), set }
  }

  /** What else a path's name could be inside of a lambda. */
  #nearLocal(name: string): string | undefined {
    if (this.#locals.length === 0) return undefined
    const names = this.#locals.map((each) => each.name)
    const near = nearMiss(name, names)
    return near === undefined ? undefined : `, did you mean the lambda's parameter ${JSON.stringify(near)}?`
  }

  key(expression: Expression): Key {
    const get = this.value(expression)
    const literal = literalOf(get)?.value
    return { get, literal: typeof literal === 'string' || typeof literal === 'bigint' ? literal : null }
  }

  #resolve(path: Path): Resolved {
    const { context, isBare } = this.scope
    const [first, ...rest] = path.segments
    const prefix = first?.name ?? ''
    const isPrefixed = rest.length > 0 && first?.keys.length === 0 && Object.hasOwn(context.paths, prefix)
    if (!isPrefixed && !isBare) throw this.#unprefixed(path)
    const segments = isPrefixed ? rest : path.segments
    for (const { name, keys, at } of segments.slice(0, -1)) {
      if (keys.length > 0) throw new OttlProblem(`${name} cannot be indexed before ".${segments.at(-1)?.name}"`, at)
    }
    const owner = isPrefixed ? prefix : context.name
    const name = segments.map((segment) => segment.name).join('.')
    const table = context.paths[owner] ?? {}
    const definition = Object.hasOwn(table, name) ? table[name] : undefined
    if (definition === undefined) throw this.#unknownPath(path, owner, name)
    return { prefix: owner, name, definition, keys: segments.at(-1)?.keys ?? [] }
  }

  #unprefixed({ segments, at }: Path): OttlProblem {
    const { context } = this.scope
    const written = segments.map(({ name }) => name).join('.')
    const [first] = segments
    const near = segments.length === 1 ? this.#nearLocal(written) : undefined
    if (near !== undefined) return new OttlProblem(`${unknownText('parameter', written, [])}${near}`, at)
    const owner = [context.name, ...Object.keys(context.paths)].find((prefix) =>
      Object.hasOwn(context.paths[prefix] ?? {}, written),
    )
    if (segments.length === 1 || owner !== undefined) {
      const hint = owner === undefined ? '' : `, did you mean "${owner}.${written}"?`
      return new OttlProblem(`the path "${written}" lacks its context${hint}`, at)
    }
    const message = `${unknownText('context', first?.name ?? '', Object.keys(context.paths))} (inside of ${context.name})`
    return new OttlProblem(message, at)
  }

  #unknownPath({ at }: Path, owner: string, name: string): OttlProblem {
    const { context, isBare } = this.scope
    if (name === 'cache' && owner !== context.name) {
      return new OttlProblem(
        `the cache of ${owner} cannot be reached from ${context.name}, use "${context.name}.cache"`,
        at,
      )
    }
    const known = Object.entries(context.paths).flatMap(([prefix, table]) =>
      Object.keys(table).map((each) => `${prefix}.${each}`),
    )
    if (isBare && owner === context.name) {
      const bare = [
        ...Object.keys(context.paths[owner] ?? {}),
        ...known.filter((each) => !each.startsWith(`${owner}.`)),
      ]
      const near = this.#nearLocal(name) ?? ''
      return new OttlProblem(
        `${unknownText('path', name, near === '' ? bare : [])}${near} (context ${context.name})`,
        at,
      )
    }
    return new OttlProblem(`${unknownText('path', `${owner}.${name}`, known)} (context ${context.name})`, at)
  }

  // --------------------------------------------------------------------------------------------------------- lambdas

  lambda({ parameters, body }: Lambda): LambdaFunction {
    const outside = this.#locals.length
    const own = parameters.map(({ name }) => new Local(name))
    const [first = unread, second = unread, third = unread] = own
    this.#locals.push(...own.filter(({ name }) => name !== '_'))
    const run = this.#body(body)
    this.#locals.length = outside
    return (context, a = null, b = null, c = null) => {
      first.value = a
      second.value = b
      third.value = c
      return run(context)
    }
  }

  #body(body: Expression | Condition): Getter {
    switch (body.kind) {
      case 'compare':
      case 'not':
      case 'and':
      case 'or':
      case 'constant':
      case 'converter':
        return this.condition(body)
      default:
        return this.value(body)
    }
  }

  // ------------------------------------------------------------------------------------------------------- functions

  #converter(call: Call): Getter {
    const closure = this.#closure(call, 'converter')
    if (call.keys.length === 0) return closure
    const keys = call.keys.map((key) => this.key(key))
    return located((context) => resultIn(closure(context), keys, context), call.at)
  }

  /** The function of that name and kind. Throws `OttlProblem`. */
  function(name: string, kind: FunctionDefinition['kind'], at: number): FunctionDefinition {
    const { functions, context } = this.scope
    const definition = functions.get(name)
    if (definition?.kind === kind) return definition
    const names = [...functions.values()].filter((each) => each.kind === kind).map((each) => each.name)
    throw new OttlProblem(`${unknownText('function', name, names)} (context ${context.name})`, at)
  }

  #closure(call: Call, kind: FunctionDefinition['kind']): Getter {
    const definition = this.function(call.name, kind, call.at)
    const given = bindArguments(this, definition, call)
    return located(this.create(definition, given, call.at), call.at)
  }

  create(definition: FunctionDefinition, given: Readonly<Record<string, unknown>>, at: number): Getter {
    const { loaded } = this.scope
    if (definition.load !== null && loaded === null) return () => null
    try {
      return definition.create(given, loaded?.get(definition))
    } catch (error) {
      if (error instanceof OttlError) throw new OttlProblem(error.message, at)
      throw error
    }
  }
}

/** Stands for parameters that a lambda does not have. */
const unread = new Local('_')

/** For what reads no record. */
const noContext = null as unknown as TransformContext

/** Tell where in the statement an error came from: the innermost call counts. */
function located(get: Getter, at: number): Getter {
  return (context) => {
    try {
      return get(context)
    } catch (error) {
      if (error instanceof OttlError && error.at < 0) error.at = at
      throw error
    }
  }
}

function isTrue(get: Getter, call: Call): Predicate {
  return (context) => {
    const value = get(context)
    if (typeof value === 'boolean') return value
    const error = new OttlError(`${call.name} must give a boolean here, got ${typeName(value)}`)
    error.at = call.at
    throw error
  }
}

function joined(parts: readonly Predicate[], many: (parts: readonly Predicate[]) => Predicate): Predicate {
  const [a, b] = parts
  if (a !== undefined && b !== undefined && parts.length === 2) {
    return many === all ? (context) => a(context) && b(context) : (context) => a(context) || b(context)
  }
  return many(parts)
}

function all(parts: readonly Predicate[]): Predicate {
  return (context) => {
    for (let i = 0; i < parts.length; i++) if (!(parts[i] as Predicate)(context)) return false
    return true
  }
}

function any(parts: readonly Predicate[]): Predicate {
  return (context) => {
    for (let i = 0; i < parts.length; i++) if ((parts[i] as Predicate)(context)) return true
    return false
  }
}
