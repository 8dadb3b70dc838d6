// What a route matches: a condition or a statement of OTTL, or a comparison with what a client sent along.
import { type Host, type Report, SettingsError, type Signal } from '#component'
import type { ContextDefinition, ContextName, ErrorMode, FunctionTable, TransformContext } from '#component/ottl'
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
import { allFunctions, converterFunctions, isRootSpan } from '#component/ottl_functions'
import { type WireSieve, wireSieve } from '#component/ottl_wire'
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
const spanFunctions: FunctionTable = functionTable([...functions.values(), isRootSpan])

function functionsOf(context: ContextName): FunctionTable {
  return context === 'span' ? spanFunctions : functions
}

/** Ready to run. What a client says is asked once per batch, else at each record of the context. */
export type CompiledRule = {
  /** Two rules with the same one do the same. */
  readonly key: string
} & (
  | { readonly kind: 'client'; matches(at: TransformContext): boolean }
  | {
      readonly kind: 'records'
      readonly context: ContextName
      matches(at: TransformContext): boolean
      /** Drops what matches. Undefined: the rule needs decoded records, or changes them. */
      readonly wire: WireSieve | undefined
    }
)

/** What there is where no record is looked at. */
const clientContext: ContextDefinition = { ...contexts.resource, paths: onlyClient(contexts.resource.paths) }

function onlyClient({ otelcol = {} }: ContextDefinition['paths']): ContextDefinition['paths'] {
  return { otelcol, resource: otelcol }
}

/** Throws `OttlProblem`. `isClient`: it is asked once per batch. */
function scopeOf(rule: Rule): { scope: Scope; isClient: boolean } {
  const { signal, context, condition, statement } = rule
  const names: readonly ContextName[] = contextNames[signal]
  const make = (name: ContextName, isBare: boolean) => ({
    scope: { context: contexts[name], functions: functionsOf(name), isBare, loaded: null },
    isClient: false,
  })
  const client = { context: clientContext, functions, isBare: context !== '', loaded: null }
  if (context === 'otelcol') return { scope: client, isClient: true }
  if (context !== '') {
    const name = names.find((each) => each === context)
    if (name !== undefined) return make(name, true)
    throw new OttlProblem(
      `there is no context ${JSON.stringify(context)} here: there are ${names.join(', ')}, otelcol, request`,
      0,
    )
  }
  if (asksClientOnly(rule, client)) return { scope: client, isClient: true }
  const [statements, conditions] = [statement === '' ? [] : [statement], condition === '' ? [] : [condition]]
  try {
    return make(inferContext(statements, conditions, names, functionsOf), false)
  } catch (error) {
    // Paths without a context in front are of the resource.
    if (error instanceof OttlProblem) return make('resource', true)
    throw error
  }
}

function asksClientOnly({ condition, statement }: Rule, scope: Scope): boolean {
  if (!`${condition}${statement}`.includes('otelcol.')) return false
  try {
    if (condition === '') compileStatement(statement, scope)
    else compileCondition(condition, scope)
    return true
  } catch (error) {
    if (error instanceof OttlProblem) return false
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
    const { scope } = scopeOf(rule)
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
    host.log.warn('The context "request" of routes is deprecated: use otelcol.client.metadata', { condition })
    const test = requestTest(condition)
    if (test === undefined) throw new SettingsError(requestForm, path)
    return { kind: 'client', key: `request ${condition}`, matches: (at) => test(at.client) }
  }
  const text = condition === '' ? statement : condition
  const recorder = new Recorder(host, mode, path.join('.'))
  recorder.watch(text)
  try {
    const called = condition === '' ? calledNames([statement], []) : calledNames([], [condition])
    const { scope: bare, isClient } = scopeOf(rule)
    const scope = { ...bare, loaded: await loadFunctions(bare.functions, called) }
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
    const key = `${isClient ? 'otelcol' : scope.context.name} ${condition === '' ? statement : `route() where ${condition}`}`
    if (isClient) return { kind: 'client', key, matches }
    return { kind: 'records', key, context: scope.context.name, matches, wire: wireOf(rule, scope) }
  } catch (error) {
    if (error instanceof OttlProblem) throw new SettingsError(problemText(error.message, text, error.at), path)
    throw error
  }
}

function wireOf({ signal, condition, statement }: Rule, scope: Scope): WireSieve | undefined {
  if (condition !== '') return wireSieve(signal, [{ scope, conditions: [condition] }])
  const found = /^\s*route\(\)(?:\s+where\s+(.*))?$/s.exec(statement)
  return found === null ? undefined : wireSieve(signal, [{ scope, conditions: [found[1] ?? 'true'] }])
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
