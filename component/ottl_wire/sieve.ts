// Takes records out of chunks by conditions, or chunks apart, without decoding what is kept or dropped.
import type { Predicate, Scope } from '#component/ottl'
import { calledNames, compileCondition, OttlProblem, TransformContext } from '#component/ottl'
import { countWire, WireBuilder, WireCursor } from '#pdata/otlp'
import { Level, WireFacts } from './facts.ts'
import { layouts, levelOf, NotOnWire, wireContext, type WireSignal } from './wire_contexts.ts'

/** Conditions joined with `or` that drop the records of their context, as they were compiled for the tree. */
export interface WireRule {
  readonly scope: Scope
  readonly conditions: readonly string[]
}

/**
 * A sieve that drops what the rules drop, or undefined where one of them needs decoded records (other paths, contexts
 * below spans and records, functions that look at the record). Rules must come from the highest level to the lowest.
 */
export function wireSieve(signal: WireSignal, rules: readonly WireRule[]): WireSieve | undefined {
  const facts = new WireFacts(layouts[signal])
  const tests: Predicate[][] = [[], [], []]
  let last: Level = Level.resource
  try {
    for (const { scope, conditions } of rules) {
      const level = levelOf(signal, scope.context.name)
      if (level === undefined || level < last) return undefined
      last = level
      for (const name of calledNames([], conditions)) {
        const definition = scope.functions.get(name)
        if (definition?.readsContext === true) return undefined
      }
      const wire = { ...scope, context: wireContext(signal, scope.context.name, facts) }
      for (const text of conditions) tests[level]?.push(compileCondition(text, wire))
    }
  } catch (error) {
    if (error instanceof OttlProblem || error instanceof NotOnWire) return undefined
    throw error
  }
  return new WireSieve(signal, facts, tests)
}

/** No record: conditions over bytes read their facts. */
const noRecord = new TransformContext()

const Tag = { group: 0x0a, scope: 0x12, item: 0x12 } as const
/** A metric's gauge, sum, histogram, exponential histogram and summary: what holds its data points. */
const pointLevels = [[0x2a, 0x3a, 0x4a, 0x52, 0x5a], [0x0a]] as const

export interface Sifted {
  readonly chunks: readonly Uint8Array[]
  /** Items kept: spans, log records, data points. */
  readonly count: number
}

export class WireSieve {
  readonly #facts: WireFacts
  readonly #tests: readonly (readonly Predicate[])[]
  readonly #countsPoints: boolean
  /** Items ask for nothing of their own: one answer for a whole scope. */
  readonly #isByScope: boolean
  readonly #builder = new WireBuilder()
  readonly #group = new WireCursor()
  readonly #scope = new WireCursor()
  readonly #item = new WireCursor()
  /** Of the chunk at hand, for each item in turn: is it kept? */
  #kept = new Uint8Array(64)
  #items = 0
  #keptItems = 0
  #count = 0
  /** As `#count`, of what is dropped; only where somebody wants it. */
  #droppedCount = 0
  #countsDropped = false

  constructor(signal: WireSignal, facts: WireFacts, tests: readonly (readonly Predicate[])[]) {
    this.#facts = facts
    this.#tests = tests
    this.#countsPoints = signal === 'metrics'
    this.#isByScope = !facts.asks(Level.item)
  }

  /** Chunks of what is kept; a chunk that loses nothing stays itself. Throws `OttlError` of a condition: ask the tree then. */
  sift(chunks: readonly Uint8Array[]): Sifted {
    const out: Uint8Array[] = []
    this.#countsDropped = false
    this.#count = 0
    for (const chunk of chunks) {
      this.#items = 0
      this.#keptItems = 0
      this.#decide(chunk)
      if (this.#keptItems === this.#items) out.push(chunk)
      else if (this.#keptItems > 0) out.push(this.#rebuilt(chunk))
    }
    return { chunks: out, count: this.#count }
  }

  /** Both what is kept and what is dropped; each condition is asked once. Throws as `sift`. */
  split(chunks: readonly Uint8Array[]): { kept: Sifted; dropped: Sifted } {
    const kept: Uint8Array[] = []
    const dropped: Uint8Array[] = []
    this.#count = 0
    this.#droppedCount = 0
    this.#countsDropped = true
    for (const chunk of chunks) {
      this.#items = 0
      this.#keptItems = 0
      this.#decide(chunk)
      if (this.#keptItems === this.#items) kept.push(chunk)
      else if (this.#keptItems === 0) dropped.push(chunk)
      else {
        kept.push(this.#rebuilt(chunk))
        for (let i = 0; i < this.#items; i++) this.#kept[i] = 1 - (this.#kept[i] as number)
        dropped.push(this.#rebuilt(chunk))
      }
    }
    return { kept: { chunks: kept, count: this.#count }, dropped: { chunks: dropped, count: this.#droppedCount } }
  }

  #drops(level: Level): boolean {
    const tests = this.#tests[level] as readonly Predicate[]
    for (let i = 0; i < tests.length; i++) if ((tests[i] as Predicate)(noRecord)) return true
    return false
  }

  // -------------------------------------------------------------------------------------------------------- deciding

  #decide(chunk: Uint8Array): void {
    this.#facts.chunk(chunk)
    const group = this.#group
    group.reset(chunk)
    while (group.next()) {
      if (group.tag !== Tag.group) continue
      this.#facts.load(Level.resource, group)
      const isDropped = this.#drops(Level.resource)
      const scope = this.#scope
      scope.enter(group)
      while (scope.next()) if (scope.tag === Tag.scope) this.#decideScope(scope, isDropped)
    }
  }

  #decideScope(scope: WireCursor, isGroupDropped: boolean): void {
    const facts = this.#facts
    let isDropped = isGroupDropped
    if (!isDropped) {
      facts.load(Level.scope, scope)
      isDropped = this.#drops(Level.scope)
    }
    const isByScope = this.#isByScope
    if (!isDropped && isByScope) isDropped = this.#drops(Level.item)
    const item = this.#item
    item.enter(scope)
    while (item.next()) {
      if (item.tag !== Tag.item) continue
      let isKept = !isDropped
      if (isKept && !isByScope) {
        facts.load(Level.item, item)
        isKept = !this.#drops(Level.item)
      }
      this.#note(item, isKept)
    }
  }

  #note(item: WireCursor, isKept: boolean): void {
    if (this.#items === this.#kept.length) {
      const larger = new Uint8Array(this.#kept.length * 2)
      larger.set(this.#kept)
      this.#kept = larger
    }
    this.#kept[this.#items++] = isKept ? 1 : 0
    if (isKept) {
      this.#keptItems++
      this.#count += this.#itemsIn(item)
    } else if (this.#countsDropped) this.#droppedCount += this.#itemsIn(item)
  }

  #itemsIn(item: WireCursor): number {
    return this.#countsPoints ? countWire(item.bytes, pointLevels, 0, item.start, item.end) : 1
  }

  // ------------------------------------------------------------------------------------------------------ rebuilding

  #rebuilt(chunk: Uint8Array): Uint8Array {
    const builder = this.#builder
    const group = this.#group
    let at = 0
    group.reset(chunk)
    while (group.next()) {
      if (group.tag !== Tag.group) {
        builder.copy(group)
        continue
      }
      const [items, kept] = this.#countKept(group, at)
      if (kept === items && items > 0) builder.copy(group)
      else if (kept > 0) this.#rebuildGroup(group, at)
      at += items
    }
    return builder.take()
  }

  /** Items of a group, and how many of them are kept; `at`: the number of its first. */
  #countKept(group: WireCursor, at: number): [items: number, kept: number] {
    const items = countWire(group.bytes, [[Tag.scope], [Tag.item]], 0, group.start, group.end)
    return [items, this.#keptOf(at, at + items)]
  }

  #keptOf(from: number, to: number): number {
    let kept = 0
    for (let i = from; i < to; i++) kept += this.#kept[i] as number
    return kept
  }

  #rebuildGroup(group: WireCursor, from: number): void {
    const builder = this.#builder
    const scope = this.#scope
    let at = from
    builder.open(Tag.group)
    scope.enter(group)
    while (scope.next()) {
      if (scope.tag !== Tag.scope) {
        builder.copy(scope)
        continue
      }
      const items = countWire(scope.bytes, [[Tag.item]], 0, scope.start, scope.end)
      const kept = this.#keptOf(at, at + items)
      if (kept === items && items > 0) builder.copy(scope)
      else if (kept > 0) this.#rebuildScope(scope, at)
      at += items
    }
    builder.close()
  }

  #rebuildScope(scope: WireCursor, from: number): void {
    const builder = this.#builder
    const item = this.#item
    let at = from
    builder.open(Tag.scope)
    item.enter(scope)
    while (item.next()) {
      if (item.tag !== Tag.item || this.#kept[at++] === 1) builder.copy(item)
    }
    builder.close()
  }
}
