// Telling the context of statements from their paths, functions and enums.
import type { Call, Condition, Expression } from '#component/ottl_syntax'
import { OttlSyntaxError, parseCondition, parseStatement, parseValue } from '#component/ottl_syntax'
import type { ContextName } from './contexts.ts'
import { contexts } from './contexts.ts'
import type { FunctionTable } from './function.ts'
import { OttlProblem, unknownText } from './problem.ts'

/** What statements name. */
class Hints {
  readonly prefixes = new Map<string, number>()
  readonly functions = new Set<string>()
  readonly enums = new Set<string>()
  /** Enums and functions given by name. */
  readonly words = new Set<string>()
  /** Parameters of the lambdas around: no paths. */
  readonly #locals: string[] = []

  call(call: Call): void {
    this.functions.add(call.name)
    for (const { value } of call.arguments) this.value(value)
    for (const key of call.keys) this.value(key)
  }

  condition(condition: Condition): void {
    switch (condition.kind) {
      case 'compare':
        this.value(condition.left)
        this.value(condition.right)
        break
      case 'not':
        this.condition(condition.of)
        break
      case 'and':
      case 'or':
        for (const part of condition.parts) this.condition(part)
        break
      case 'converter':
        this.call(condition.call)
        break
      case 'constant':
        break
    }
  }

  value(expression: Expression): void {
    switch (expression.kind) {
      case 'path': {
        const [first, second] = expression.segments
        if (second !== undefined && first?.keys.length === 0 && !this.#locals.includes(first.name)) {
          this.prefixes.set(first.name, expression.at)
        }
        for (const { keys } of expression.segments) for (const key of keys) this.value(key)
        break
      }
      case 'call':
        this.call(expression)
        break
      case 'word':
        this.words.add(expression.name)
        // As an argument it may be a function's name: whoever compiles it will tell.
        if (expression.name.includes('_')) this.enums.add(expression.name)
        break
      case 'list':
        for (const item of expression.items) this.value(item)
        break
      case 'map':
        for (const { value } of expression.entries) this.value(value)
        break
      case 'math':
        this.value(expression.left)
        this.value(expression.right)
        break
      case 'negation':
        this.value(expression.of)
        break
      case 'lambda': {
        const outside = this.#locals.length
        for (const { name } of expression.parameters) this.#locals.push(name)
        this.#either(expression.body)
        this.#locals.length = outside
        break
      }
      case 'literal':
        break
    }
  }

  #either(body: Expression | Condition): void {
    switch (body.kind) {
      case 'compare':
      case 'not':
      case 'and':
      case 'or':
      case 'converter':
      case 'constant':
        this.condition(body)
        break
      default:
        this.value(body)
    }
  }
}

/**
 * The context of statements and conditions that stand together: the lowest one that a path names, or, where it lacks one of
 * their functions or enums, the first below that has them all. `candidates` are the signal's contexts, the lowest first.
 * Where no path names a context, it must be the only one with these functions. Texts that do not parse are left out: whoever
 * compiles them reports that. Throws `OttlProblem` (without a place: `at` is 0).
 */
export function inferContext(
  statements: readonly string[],
  conditions: readonly string[],
  candidates: readonly ContextName[],
  functionsOf: (context: ContextName) => FunctionTable,
): ContextName {
  const hints = hintsOf(statements, conditions)
  const named = candidates.findIndex(
    (name) => hints.prefixes.has(name) || (name === 'scope' && hints.prefixes.has('instrumentation_scope')),
  )
  const has = (name: ContextName): boolean => hasAll(name, hints, functionsOf(name))
  if (named >= 0) {
    const context = candidates[named] as ContextName
    if (has(context)) return context
    // Lower ones reach the same paths.
    return candidates.slice(0, named).findLast(has) ?? context
  }
  for (const prefix of hints.prefixes.keys()) {
    if (prefix === 'otelcol') continue
    if (prefix.startsWith('profile'))
      throw new OttlProblem('profiles are not supported: there are traces, metrics and logs', 0)
    throw new OttlProblem(`${unknownText('context', prefix, [...candidates])}; there are ${candidates.join(', ')}`, 0)
  }
  const able = candidates.filter(has)
  if (able.length === 1) return able[0] as ContextName
  throw new OttlProblem(
    `no path names its context: put one of ${candidates.join(', ')} in front of a path, as in "${candidates[0]}.attributes"`,
    0,
  )
}

function hintsOf(statements: readonly string[], conditions: readonly string[], values: readonly string[] = []): Hints {
  const hints = new Hints()
  for (const text of statements) {
    quietly(() => {
      const { editor, where } = parseStatement(text)
      hints.call(editor)
      if (where !== null) hints.condition(where)
    })
  }
  for (const text of conditions) quietly(() => hints.condition(parseCondition(text)))
  for (const text of values) quietly(() => hints.value(parseValue(text)))
  return hints
}

/** Names of functions that may be called. Texts that do not parse are left out. */
export function calledNames(
  statements: readonly string[],
  conditions: readonly string[],
  values: readonly string[] = [],
): ReadonlySet<string> {
  const { functions, words } = hintsOf(statements, conditions, values)
  return new Set([...functions, ...words])
}

function quietly(read: () => void): void {
  try {
    read()
  } catch (error) {
    if (!(error instanceof OttlSyntaxError)) throw error
  }
}

function hasAll(name: ContextName, hints: Hints, functions: FunctionTable): boolean {
  const { enums } = contexts[name]
  for (const each of hints.functions) if (!functions.has(each)) return false
  for (const each of hints.enums) if (!enums.has(each)) return false
  return true
}
