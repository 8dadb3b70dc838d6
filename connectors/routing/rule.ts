// What a route matches: a condition or a statement of OTTL, or a comparison with what a client sent along.
import { type Host, type Report, SettingsError, type Signal } from '#component'
import type { ContextName, ErrorMode, FunctionTable, TransformContext } from '#component/ottl'
import {
  calledNames,
  compileCondition,
  compileStatement,
  contexts,
  defineEditor,
  functionTable,
  inferContext,
  loadFunctions,
  OttlError,
  OttlProblem,
  problemText,
  Recorder,
  type Scope,
} from '#component/ottl'
import { allFunctions, converterFunctions } from '#component/ottl_functions'
import type { ClientContext } from '#pdata'

export interface Rule {
  readonly signal: Signal
  /** As written: see `contextOf`. */
  readonly context: string
  /** One of both is written. */
  readonly condition: string
  readonly statement: string
}

/** The contexts of each signal, the lowest first. */
const contextNames = {
  traces: ['span', 'resource'],
  metrics: ['datapoint', 'metric', 'resource'],
  logs: ['log', 'resource'],
} as const satisfies Readonly<Record<Signal, readonly ContextName[]>>

/** `route()`: does nothing; its condition is what counts. */
const route = defineEditor({ name: 'route', parameters: {}, create: () => () => null })
const editors = ['delete_key', 'delete_matching_keys'].flatMap((name) => allFunctions.get(name) ?? [])
const functions: FunctionTable = functionTable([...converterFunctions.values(), route, ...editors])

/** Ready to run. For `request` it is asked once per batch, else at each record of its context. */
export type CompiledRule =
  | { readonly kind: 'request'; matches(client: ClientContext | null): boolean }
  | { readonly kind: 'records'; readonly context: ContextName; matches(at: TransformContext): boolean }

/** Throws `OttlProblem`. */
function scopeOf({ signal, context, condition, statement }: Rule): Scope {
  const names: readonly ContextName[] = contextNames[signal]
  const make = (name: ContextName, isBare: boolean): Scope => ({
    context: contexts[name],
    functions,
    isBare,
    loaded: null,
  })
  if (context !== '') {
    const name = names.find((each) => each === context)
    if (name !== undefined) return make(name, true)
    throw new OttlProblem(
      `there is no context ${JSON.stringify(context)} here: there are ${names.join(', ')}, request`,
      0,
    )
  }
  const [statements, conditions] = [statement === '' ? [] : [statement], condition === '' ? [] : [condition]]
  try {
    return make(
      inferContext(statements, conditions, names, () => functions),
      false,
    )
  } catch (error) {
    // Paths without a context in front are of the resource.
    if (error instanceof OttlProblem) return make('resource', true)
    throw error
  }
}

export function checkRule(rule: Rule, path: readonly (string | number)[], report: Report): void {
  const { condition, statement, context } = rule
  if ((condition === '') === (statement === '')) {
    const message =
      condition === ''
        ? 'invalid route: no condition or statement provided'
        : 'invalid route: both condition and statement provided'
    return report(message, path)
  }
  if (context === 'request') {
    if (condition === '') report('"request" context requires a "condition"', path)
    else if (requestTest(condition) === undefined) report(requestForm, [...path, 'condition'])
    return
  }
  try {
    const scope = scopeOf(rule)
    if (condition === '') compileStatement(statement, scope)
    else compileCondition(condition, scope)
  } catch (error) {
    if (!(error instanceof OttlProblem)) throw error
    const text = condition === '' ? statement : condition
    report(problemText(error.message, text, error.at), [...path, condition === '' ? 'statement' : 'condition'])
  }
}

/** Throws `SettingsError`: `checkRule` finds nearly all of that before. */
export async function compileRule(
  host: Host,
  rule: Rule,
  mode: ErrorMode,
  path: readonly (string | number)[],
): Promise<CompiledRule> {
  const { condition, statement, context } = rule
  if (context === 'request') {
    const test = requestTest(condition)
    if (test === undefined) throw new SettingsError(requestForm, path)
    return { kind: 'request', matches: test }
  }
  const text = condition === '' ? statement : condition
  const recorder = new Recorder(host, mode, path.join('.'))
  recorder.watch(text)
  try {
    const called = condition === '' ? calledNames([statement], []) : calledNames([], [condition])
    const scope = { ...scopeOf(rule), loaded: await loadFunctions(functions, called) }
    const run = condition === '' ? runnerOf(statement, scope) : compileCondition(condition, scope)
    const matches = (at: TransformContext): boolean => {
      try {
        return run(at)
      } catch (error) {
        if (!(error instanceof OttlError)) throw error
        recorder.failed(text, error, at)
        return false
      }
    }
    return { kind: 'records', context: scope.context.name, matches }
  } catch (error) {
    if (error instanceof OttlProblem) throw new SettingsError(problemText(error.message, text, error.at), path)
    throw error
  }
}

/** A statement changes what its condition lets through. */
function runnerOf(statement: string, scope: Scope): (at: TransformContext) => boolean {
  const { where, edit } = compileStatement(statement, scope)
  return (at) => {
    if (where !== undefined && !where(at)) return false
    edit(at)
    return true
  }
}

const requestForm =
  'a condition of "request" must have the form request["name"] == "value" or request["name"] != "value"'

/** Does one of the values of the name compare so? Undefined: the text has not the form. */
function requestTest(condition: string): ((client: ClientContext | null) => boolean) | undefined {
  const found = /^\s*request\[\s*"([^"]*)"\s*\]\s*(==|!=)\s*"([^"]*)"\s*$/.exec(condition)
  if (found === null) return undefined
  const [, name = '', operator, value] = found
  const isEqual = operator === '=='
  return (client) => client?.metadata.get(name.toLowerCase())?.some((each) => (each === value) === isEqual) ?? false
}
