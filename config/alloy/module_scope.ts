// What names mean inside one body of an Alloy configuration: its components, arguments, variables and declarations.
import type { ComponentDefinition, Value } from '#component'
import { inputExports, Unknown } from '#component'
import type { ExportsView } from '../plan.ts'
import type { Block } from './ast.ts'

/** A `declare` block and where its names are looked up. */
export interface Declaration {
  readonly label: string
  readonly block: Block
  readonly names: Names
  /** Directory of the text that it stands in. */
  readonly modulePath: string
}

/** The declarations and imports that a body can instantiate: its own, then those of the bodies around it. */
export class Names {
  readonly declares = new Map<string, Declaration>()
  /** Import label to the declarations it brought; undefined: the content is not known yet. */
  readonly imports = new Map<string, Names | undefined>()
  readonly #outer: Names | undefined
  constructor(outer?: Names) {
    this.#outer = outer
  }

  /**
   * The declaration that the block name `pipeline` or `lib.tag` refers to. `pending`: an import of that name has no
   * content yet. Undefined: none.
   */
  find(name: readonly string[]): Declaration | 'pending' | undefined {
    const [first = '', ...rest] = name
    if (rest.length === 0) {
      const own = this.declares.get(first)
      if (own) return own
    } else if (this.imports.has(first)) {
      const inside = this.imports.get(first)
      if (!inside) return 'pending'
      const found = inside.find(rest)
      if (found) return found
    }
    return this.#outer?.find(name)
  }

  /** All names, for near misses. */
  all(): string[] {
    const own = [...this.declares.keys()]
    for (const [label, names] of this.imports)
      for (const name of names?.declares.keys() ?? []) own.push(`${label}.${name}`)
    return [...own, ...(this.#outer?.all() ?? [])]
  }
}

/** Evaluates something inside a scope, on demand. */
export type Thunk = (view: ExportsView) => Value

/** What a block id in a scope stands for. */
export type Entry =
  | {
      readonly kind: 'component'
      readonly nodeId: string
      readonly definition: ComponentDefinition
      readonly block: Block
    }
  | { readonly kind: 'custom'; readonly module: ModuleScope | undefined; readonly block: Block }
  | { readonly kind: 'other'; readonly block: Block }

/** A body that is being compiled: the root, an instance of a declaration, or one item of a `foreach`. */
export class ModuleScope {
  /** Empty at the root, else the ids of the instances that lead here, joined by `/`. */
  readonly moduleId: string
  readonly modulePath: string
  readonly names: Names
  /** For a `foreach` template: the scope around it, whose names it sees. */
  readonly around: ModuleScope | undefined
  readonly entries = new Map<string, Entry>()
  /** Values of a module's arguments; undefined at the root, where there are none. */
  arguments: Map<string, Thunk> | undefined
  readonly variables = new Map<string, Value>()
  readonly exports = new Map<string, Thunk>()

  constructor(options: { moduleId: string; modulePath: string; names: Names; around?: ModuleScope }) {
    this.moduleId = options.moduleId
    this.modulePath = options.modulePath
    this.names = options.names
    this.around = options.around
  }

  idOf(localId: string): string {
    return this.moduleId === '' ? localId : `${this.moduleId}/${localId}`
  }

  /** The entry that a chain of names refers to: the shortest prefix that is one. */
  entry(chain: readonly string[]): { readonly entry: Entry; readonly used: number } | undefined {
    let id = ''
    for (let used = 1; used <= chain.length; used++) {
      id = used === 1 ? (chain[0] as string) : `${id}.${chain[used - 1]}`
      const entry = this.entries.get(id)
      if (entry) return { entry, used }
    }
    return this.around?.entry(chain)
  }

  /** Is the first name of a chain known here without being a component? */
  hasVariable(name: string): boolean {
    if (name === 'module_path' || this.variables.has(name)) return true
    if (name === 'argument' && this.arguments !== undefined) return true
    return this.around?.hasVariable(name) ?? false
  }

  /** Resolve a chain of names to a value and the number of names it took; undefined: not known here. */
  resolve(chain: readonly string[], view: ExportsView): { value: Value; used: number } | undefined {
    const found = this.entry(chain)
    if (found) return resolveEntry(found.entry, found.used, chain, view)
    const [first = '', second, third] = chain
    if (this.variables.has(first)) return { value: this.variables.get(first) as Value, used: 1 }
    if (first === 'argument' && this.arguments) {
      const thunk = second === undefined ? undefined : this.arguments.get(second)
      if (thunk && third === 'value') return { value: thunk(view), used: 3 }
      if (second === undefined || !thunk) {
        const all = [...this.arguments].map(([name, t]) => [name, new Map([['value', t(view)]])] as const)
        return { value: new Map<string, Value>(all), used: 1 }
      }
      return { value: new Map([['value', thunk(view)]]), used: 2 }
    }
    if (first === 'module_path' && !this.around) return { value: this.modulePath, used: 1 }
    return this.around?.resolve(chain, view)
  }
}

function resolveEntry(
  entry: Entry,
  used: number,
  chain: readonly string[],
  view: ExportsView,
): { value: Value; used: number } {
  if (entry.kind === 'component') return { value: componentExports(entry.nodeId, entry.definition, view), used }
  if (entry.kind === 'other' || !entry.module) return { value: new Unknown('any'), used }
  const wanted = chain[used]
  const thunk = wanted === undefined ? undefined : entry.module.exports.get(wanted)
  if (thunk) return { value: thunk(view), used: used + 1 }
  if (wanted !== undefined) return { value: new Map<string, Value>(), used }
  return { value: new Map([...entry.module.exports].map(([name, t]) => [name, t(view)] as const)), used }
}

/** A component's exports as an object; those not known yet are `Unknown` of their declared type. */
function componentExports(nodeId: string, definition: ComponentDefinition, view: ExportsView): Value {
  const known = view.exports(nodeId)
  const out = new Map<string, Value>()
  for (const [name, { type }] of Object.entries(definition.exports ?? {})) {
    out.set(name, known ? (known.get(name) ?? null) : new Unknown(type))
  }
  if (definition.consumes && definition.consumes.length > 0) {
    out.set(inputExports[definition.input ?? 'prometheus'].name, view.receiver(nodeId, definition))
  }
  return out
}
