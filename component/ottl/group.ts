// Groups of statements and conditions as users write them: checked as a whole, compiled, and run under an error mode.
import type { Report } from '#component'
import { SettingsError } from '#component'
import { OttlSyntaxError, parseCondition, parseStatement } from '#component/ottl_syntax'
import type { Scope } from './compile.ts'
import { compileCondition, compileStatement } from './compile.ts'
import type { ContextDefinition, ContextName } from './contexts.ts'
import { contexts } from './contexts.ts'
import type { FunctionDefinition, FunctionTable } from './function.ts'
import { calledNames, inferContext } from './infer.ts'
import { OttlProblem, problemText, unknownText } from './problem.ts'
import type { Recorder } from './sequence.ts'
import { ConditionSequence, StatementSequence } from './sequence.ts'

/** Statements, or conditions, or both, that share a context. */
export interface Group {
  /** As written; '' or undefined: told from the paths' prefixes. */
  readonly context?: string | undefined
  readonly statements?: readonly string[]
  /** Joined with `or`: the statements run where one of them holds. */
  readonly conditions?: readonly string[]
}

/** Where groups stand and what they may use. */
export interface GroupOptions {
  /** Contexts that are allowed here, the lowest first: `contextsOf.traces`. */
  readonly contexts: readonly ContextName[]
  readonly functions: FunctionTable | ((context: ContextName) => FunctionTable)
}

type Path = readonly (string | number)[]

/** Where the parts of a group stand in the settings, for messages. */
export interface GroupPaths {
  readonly context?: Path
  readonly statements?: Path
  readonly conditions?: Path
}

/** What the paths of messages end in, where all parts stand below one place under their own names. */
export function pathsBelow(path: Path): GroupPaths {
  return {
    context: [...path, 'context'],
    statements: [...path, 'statements'],
    conditions: [...path, 'conditions'],
  }
}

function functionsIn(options: GroupOptions, context: ContextName): FunctionTable {
  return typeof options.functions === 'function' ? options.functions(context) : options.functions
}

/** Throws `OttlProblem`. */
function contextOf(group: Group, options: GroupOptions): { context: ContextDefinition; isBare: boolean } {
  const written = group.context ?? ''
  if (written === '') {
    const name = inferContext(group.statements ?? [], group.conditions ?? [], options.contexts, (each) =>
      functionsIn(options, each),
    )
    return { context: contexts[name], isBare: false }
  }
  const name = options.contexts.find(
    (each) => each === written || (each === 'scope' && written === 'instrumentation_scope'),
  )
  if (name !== undefined) return { context: contexts[name], isBare: true }
  if (written.startsWith('profile'))
    throw new OttlProblem('profiles are not supported: there are traces, metrics and logs', 0)
  throw new OttlProblem(
    `${unknownText('context', written, [...options.contexts])}; there are ${options.contexts.join(', ')}`,
    0,
  )
}

/**
 * Report everything that is wrong with a group, with the column inside of each text. For a schema's `check`: nothing is
 * loaded, so what a function with a library says of its arguments is only found by `compileGroup`.
 */
export function checkGroup(group: Group, options: GroupOptions, paths: GroupPaths, report: Report): void {
  const found = attempt(
    () => contextOf(group, options),
    (problem) => {
      const isWritten = (group.context ?? '') !== ''
      const path = isWritten ? paths.context : group.statements?.length ? paths.statements : paths.conditions
      // A text that cannot be read may be the one that names the context.
      if (!reportSyntax(group, paths, report) || isWritten) report(problem.message, path)
    },
  )
  if (found === undefined) return
  const scope: Scope = { ...found, functions: functionsIn(options, found.context.name), loaded: null }
  for (const [kind, compile] of [
    ['statements', compileStatement],
    ['conditions', compileCondition],
  ] as const) {
    for (const [i, text] of (group[kind] ?? []).entries()) {
      attempt<unknown>(
        () => compile(text, scope),
        (problem) => report(problemText(problem.message, text, problem.at), [...(paths[kind] ?? []), i]),
      )
    }
  }
}

/** Without a context only the grammar can be checked. Is something wrong with it? */
function reportSyntax(group: Group, paths: GroupPaths, report: Report): boolean {
  let isWrong = false
  for (const [kind, parse] of [
    ['statements', parseStatement],
    ['conditions', parseCondition],
  ] as const) {
    for (const [i, text] of (group[kind] ?? []).entries()) {
      try {
        parse(text)
      } catch (error) {
        if (!(error instanceof OttlSyntaxError)) throw error
        report(problemText(error.message, text, error.at), [...(paths[kind] ?? []), i])
        isWrong = true
      }
    }
  }
  return isWrong
}

function attempt<T>(run: () => T, failed: (problem: OttlProblem) => void): T | undefined {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof OttlProblem)) throw error
    failed(error)
    return undefined
  }
}

/** Load what the functions need that these texts call. */
export async function loadFunctions(
  functions: FunctionTable,
  names: ReadonlySet<string>,
): Promise<ReadonlyMap<FunctionDefinition, unknown>> {
  const loaded = new Map<FunctionDefinition, unknown>()
  for (const name of names) {
    const definition = functions.get(name)
    if (definition !== undefined && definition.load !== null) loaded.set(definition, await definition.load())
  }
  return loaded
}

/** A compiled group. */
export interface CompiledGroup {
  readonly context: ContextDefinition
  readonly statements: StatementSequence
  /** Undefined: there are none, and the statements always run. */
  readonly conditions: ConditionSequence | undefined
  /** What they were compiled in, for who compiles them once more for another form. */
  readonly scope: Scope
}

/**
 * Compile a group, loading the libraries of the functions that it calls. `recorder` says what becomes of errors, and counts
 * them. Throws `SettingsError` for the first thing that is wrong: `checkGroup` finds the rest.
 *
 *   const recorder = new Recorder(host, 'ignore', 'conditions')
 *   const { conditions } = await compileGroup({ context: 'span', conditions: texts }, options, paths, recorder)
 *   const at = new TransformContext(); at.resource = …; at.scope = …; at.span = span
 *   if (conditions?.matches(at)) …
 */
export async function compileGroup(
  group: Group,
  options: GroupOptions,
  paths: GroupPaths,
  recorder: Recorder,
): Promise<CompiledGroup> {
  checkGroup(group, options, paths, (message, path) => {
    throw new SettingsError(message, path)
  })
  const { context, isBare } = contextOf(group, options)
  const functions = functionsIn(options, context.name)
  const { statements = [], conditions = [] } = group
  const loaded = await loadFunctions(functions, calledNames(statements, conditions))
  const scope: Scope = { context, functions, isBare, loaded }
  const compileAll = <T>(kind: 'statements' | 'conditions', compile: (text: string, scope: Scope) => T): T[] =>
    (group[kind] ?? []).map((text, i) => {
      try {
        return compile(text, scope)
      } catch (error) {
        if (!(error instanceof OttlProblem)) throw error
        throw new SettingsError(problemText(error.message, text, error.at), [...(paths[kind] ?? []), i])
      }
    })
  const tests = compileAll('conditions', compileCondition)
  return {
    context,
    scope,
    statements: new StatementSequence(compileAll('statements', compileStatement), statements, recorder),
    conditions: tests.length === 0 ? undefined : new ConditionSequence(tests, conditions, recorder),
  }
}
