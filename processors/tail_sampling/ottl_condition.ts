// The policy whose conditions are OTTL: it looks at spans and their events as objects, which are made of the bytes for it.
import type { Host, Report } from '#component'
import type { CompiledGroup, ErrorMode, Group, GroupOptions } from '#component/ottl'
import { checkGroup, compileGroup, functionTable, Recorder, TransformContext } from '#component/ottl'
import { converterFunctions, isRootSpan } from '#component/ottl_functions'
import type { Span } from '#pdata/otlp'
import type { TraceView } from './pending.ts'
import { treeOf } from './pending.ts'
import type { Policy } from './policies.ts'
import { Verdict } from './policies.ts'

export interface OttlConfig {
  readonly error_mode: ErrorMode
  readonly span: readonly string[]
  readonly spanevent: readonly string[]
}

const kinds = ['span', 'spanevent'] as const
const functions = functionTable([...converterFunctions.values(), isRootSpan])
const options: GroupOptions = { contexts: ['spanevent', 'span', 'scope', 'resource'], functions }

/** A context that is named may be left out of its own paths: `attributes["k"]`. */
function groupOf(given: OttlConfig, kind: (typeof kinds)[number]): Group {
  return { context: kind, conditions: given[kind] }
}

/** `path` leads to the block. */
export function checkOttl(given: OttlConfig | undefined, path: readonly (string | number)[], report: Report): void {
  if (given === undefined || (given.span.length === 0 && given.spanevent.length === 0)) {
    report('expected at least one OTTL condition to filter on', path)
    return
  }
  for (const kind of kinds) {
    if (given[kind].length > 0) checkGroup(groupOf(given, kind), options, { conditions: [...path, kind] }, report)
  }
}

/** Throws `SettingsError` where a function's library does not take its arguments: the rest was checked. */
export async function compileOttl(given: OttlConfig, policyName: string, host: Host): Promise<Policy> {
  const compiled: (CompiledGroup['conditions'] | undefined)[] = []
  for (const kind of kinds) {
    const recorder = new Recorder(host, given.error_mode, `${policyName}.${kind}`)
    const group = given[kind].length === 0 ? undefined : await compileGroup(groupOf(given, kind), options, {}, recorder)
    compiled.push(group?.conditions)
  }
  return new OttlCondition(compiled[0], compiled[1])
}

type Conditions = CompiledGroup['conditions']

/** Samples a trace in which one of the conditions holds for a span or an event. */
class OttlCondition implements Policy {
  readonly isStateful = false
  readonly #span: Conditions
  readonly #event: Conditions
  readonly #at = new TransformContext()

  constructor(span: Conditions, event: Conditions) {
    this.#span = span
    this.#event = event
  }

  evaluate(trace: TraceView): Verdict {
    const at = this.#at
    for (const group of treeOf(trace).resourceSpans) {
      at.resource = group
      for (const scope of group.scopeSpans) {
        at.scope = scope
        for (const span of scope.spans) if (this.#holdsFor(span)) return Verdict.sampled
      }
    }
    return Verdict.notSampled
  }

  /** Throws with the error mode `propagate`. */
  #holdsFor(span: Span): boolean {
    const at = this.#at
    at.span = span
    at.event = null
    at.cache = null
    if (this.#span?.matches(at)) return true
    if (this.#event === undefined) return false
    for (const [i, event] of span.events.entries()) {
      at.event = event
      at.eventIndex = i
      at.cache = null
      if (this.#event.matches(at)) return true
    }
    return false
  }
}
