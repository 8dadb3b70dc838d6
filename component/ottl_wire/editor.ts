// Runs statements over chunks: only what they change is written anew, the rest is copied as it is.
import type { CompiledStatement, Predicate, Scope } from '#component/ottl'
import { calledNames, compileCondition, compileStatement, OttlProblem, TransformContext } from '#component/ottl'
import type { ClientContext } from '#pdata'
import { WireBuilder, WireCursor } from '#pdata/otlp'
import { Level, WireFacts } from './facts.ts'
import { layouts, levelOf, NotOnWire, wireContext, type WireSignal } from './wire_contexts.ts'

/** A group of statements as it was compiled for the tree. */
export interface WireGroup {
  readonly scope: Scope
  readonly statements: readonly string[]
  /** Joined with `or`; none: always. */
  readonly conditions: readonly string[]
}

/**
 * An editor that does what the group's statements do, or undefined where they need decoded records: other paths, contexts
 * below spans and log records, changes of another level than the group's, functions that look at the record.
 */
export function wireEditor(signal: WireSignal, { scope, statements, conditions }: WireGroup): WireEditor | undefined {
  const level = levelOf(signal, scope.context.name)
  if (level === undefined || (signal === 'metrics' && level === Level.item)) return undefined
  for (const name of calledNames(statements, conditions)) {
    if (scope.functions.get(name)?.readsContext === true) return undefined
  }
  const facts = new WireFacts(layouts[signal])
  try {
    const wire = { ...scope, context: wireContext(signal, scope.context.name, facts, true) }
    const edits = statements.map((text) => compileStatement(text, wire))
    return new WireEditor(
      facts,
      level,
      edits,
      conditions.map((text) => compileCondition(text, wire)),
    )
  } catch (error) {
    if (error instanceof OttlProblem || error instanceof NotOnWire) return undefined
    throw error
  }
}

const Tag = { group: 0x0a, scope: 0x12, item: 0x12 } as const

export class WireEditor {
  /** How often each statement ran in the last `edit`. */
  readonly runs: number[]
  readonly #facts: WireFacts
  readonly #level: Level
  readonly #statements: readonly CompiledStatement[]
  readonly #conditions: readonly Predicate[]
  readonly #at = new TransformContext()
  readonly #builder = new WireBuilder()
  readonly #group = new WireCursor()
  readonly #scope = new WireCursor()
  readonly #item = new WireCursor()
  #isChanged = false

  constructor(
    facts: WireFacts,
    level: Level,
    statements: readonly CompiledStatement[],
    conditions: readonly Predicate[],
  ) {
    this.#facts = facts
    this.#level = level
    this.#statements = statements
    this.#conditions = conditions
    this.runs = statements.map(() => 0)
  }

  /** A chunk in which nothing changed stays itself. Throws `OttlError` of a statement: ask the tree then. */
  edit(chunks: readonly Uint8Array[], client: ClientContext | null): Uint8Array[] {
    this.runs.fill(0)
    this.#at.client = client
    return chunks.map((chunk) => this.#edited(chunk))
  }

  #edited(chunk: Uint8Array): Uint8Array {
    const builder = this.#builder
    const group = this.#group
    this.#facts.chunk(chunk)
    this.#isChanged = false
    builder.discard()
    group.reset(chunk)
    while (group.next()) {
      if (group.tag === Tag.group) this.#editGroup(group)
      else builder.copy(group)
    }
    return this.#isChanged ? builder.take() : chunk
  }

  #editGroup(group: WireCursor): void {
    this.#facts.load(Level.resource, group)
    if (this.#level === Level.resource) return this.#editMessage(Level.resource, group)
    const builder = this.#builder
    const scope = this.#scope
    builder.open(Tag.group)
    scope.enter(group)
    while (scope.next()) {
      if (scope.tag === Tag.scope) this.#editScope(scope)
      else builder.copy(scope)
    }
    builder.close()
  }

  #editScope(scope: WireCursor): void {
    this.#facts.load(Level.scope, scope)
    if (this.#level === Level.scope) return this.#editMessage(Level.scope, scope)
    const builder = this.#builder
    const item = this.#item
    builder.open(Tag.scope)
    item.enter(scope)
    while (item.next()) {
      if (item.tag !== Tag.item) builder.copy(item)
      else {
        this.#facts.load(Level.item, item)
        this.#editMessage(Level.item, item)
      }
    }
    builder.close()
  }

  /** Run the statements for the message whose facts are loaded, and write it. */
  #editMessage(level: Level, message: WireCursor): void {
    const builder = this.#builder
    if (this.#isMet()) this.#run()
    if (!this.#facts.isChanged) {
      builder.copy(message)
      return
    }
    this.#isChanged = true
    builder.open(message.tag)
    this.#facts.rewrite(level, message, builder)
    builder.close()
  }

  #isMet(): boolean {
    const conditions = this.#conditions
    this.#at.cache = null
    if (conditions.length === 0) return true
    for (let i = 0; i < conditions.length; i++) if ((conditions[i] as Predicate)(this.#at)) return true
    return false
  }

  #run(): void {
    const statements = this.#statements
    for (let i = 0; i < statements.length; i++) {
      const { where, edit } = statements[i] as CompiledStatement
      if (where !== undefined && !where(this.#at)) continue
      edit(this.#at)
      this.runs[i] = (this.runs[i] as number) + 1
    }
  }
}
