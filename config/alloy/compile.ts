// Compiles Alloy configurations to a plan: names resolved, modules and foreach expanded, every setting checked.
import type { ComponentDefinition, Settings, SettingsOf, Stability, Value } from '#component'
import { OptionalSecret, Unknown } from '#component'
import { nearMiss } from '#lib/near_miss'
import type { Diagnostic } from '../diagnostics.ts'
import { type CompileOptions, type ExportsView, hasErrors, type Plan, type PlanNode } from '../plan.ts'
import type { Attribute, Block, Body, Range } from './ast.ts'
import { decodeBlock } from './body.ts'
import {
  argumentBlock,
  exportBlock,
  foreachBlock,
  importBlocks,
  type ImportKind,
  processBlocks,
} from './config_blocks.ts'
import { evaluate, references, type Scope } from './evaluator.ts'
import { foreachItemId } from './foreach.ts'
import type { ImportStore, ModuleText } from './imports.ts'
import { ModuleScope, Names } from './module_scope.ts'
import { parseFile } from './parser.ts'
import { isStandardName, nameForDeprecated, standardLibrary, type StandardLibrary } from './stdlib.ts'
import { topologicalOrder, cyclesOf } from './order.ts'

/** Modules inside modules: more than this is a declaration that instantiates itself. */
const moduleDepthMax = 32
/** Instances of modules, items of foreach and components of one configuration: modules in modules multiply. */
const instancesMax = 100_000

export interface AlloySource {
  readonly name: string
  readonly text: Uint8Array | string
}

/**
 * Compile the files of one configuration (several: a directory, merged as one body).
 * `view` gives the exports that are known already: they decide `foreach` collections and contents of imports.
 * Never throws for a bad configuration: the plan's diagnostics say what is wrong.
 */
export async function compileAlloy(
  sources: readonly AlloySource[],
  directory: string,
  view: ExportsView,
  imports: ImportStore,
  options: CompileOptions,
): Promise<Plan> {
  const compiler = new Compiler(view, imports, options)
  imports.beginUse()
  const body = sources.flatMap((source) => compiler.parse(source.name, source.text))
  const root = new ModuleScope({ moduleId: '', modulePath: directory, names: new Names() })
  if (!hasErrors(compiler.diagnostics)) await compiler.compileBody(root, body, 'root', 0)
  imports.endUse()
  return compiler.finish()
}

type BodyKind = 'root' | 'module' | 'template'

interface Leaf {
  readonly id: string
  readonly scope: ModuleScope
  readonly localId: string
  readonly definition: ComponentDefinition
  readonly block: Block
}

/** The blocks of one body, sorted by what they are. */
interface SortedBody {
  readonly declares: Block[]
  readonly imports: Block[]
  readonly process: Block[]
  readonly foreachs: Block[]
  readonly components: Block[]
  /** Not allowed as they stand, which was reported: only looked at for what else is wrong in them. */
  readonly aside: Block[]
  /** Those that count for references and cycles, by id. */
  readonly ids: Map<string, Block>
}

class Compiler {
  readonly diagnostics: Diagnostic[] = []
  readonly #sources = new Map<string, string>()
  /** Names of the texts that are secrets: what is wrong in them is not quoted. */
  readonly #hidden = new Set<string>()
  readonly #leaves: Leaf[] = []
  readonly #process = new Map<string, object>()
  readonly #structuralReads = new Set<string>()
  readonly #view: ExportsView
  readonly #imports: ImportStore
  readonly #options: CompileOptions
  readonly #library: StandardLibrary
  /** Declarations whose bodies were checked for themselves; shared with the trials. */
  #checked = new Set<Block>()
  #cyclic = false
  /** Found to be without end, or too large: nothing more is instantiated. */
  #stopped = false
  #instances = 0

  constructor(view: ExportsView, imports: ImportStore, options: CompileOptions) {
    this.#view = view
    this.#imports = imports
    this.#options = options
    this.#library = standardLibrary({
      hostname: options.hostname,
      version: options.version,
      environment: options.environment,
      stability: options.stability,
    })
  }

  readonly #report = (diagnostic: Diagnostic): void => {
    this.diagnostics.push(this.#concealed(diagnostic))
  }

  #concealed(diagnostic: Diagnostic): Diagnostic {
    const { severity, range } = diagnostic
    if (!this.#hidden.has(range.start.file)) return diagnostic
    return { severity, range, message: 'there is an error in a text that is a secret' }
  }

  #error(range: Range, message: string, hint?: string): void {
    this.#report({ severity: 'error', range, message, ...(hint === undefined ? {} : { hint }) })
  }

  #warn(range: Range, message: string): void {
    this.#report({ severity: 'warning', range, message })
  }

  readonly #source = (file: string): string => this.#sources.get(file) ?? ''

  /** `hidden`: the text is a secret. */
  parse(name: string, text: Uint8Array | string, hidden = false): Body {
    if (hidden) this.#hidden.add(name)
    const { file, diagnostics } = parseFile(name, text)
    diagnostics.forEach(this.#report)
    const source = typeof text === 'string' ? text : Buffer.from(text).toString()
    this.#sources.set(name, hidden ? '' : source)
    return file.body
  }

  // -------------------------------------------------------------------------------------------- bodies

  async compileBody(scope: ModuleScope, body: Body, kind: BodyKind, depth: number): Promise<void> {
    const sorted = this.#sort(body, kind)
    for (const block of sorted.declares) this.#declare(block, scope.names, scope.modulePath)
    const custom: Block[] = []
    for (const block of sorted.components)
      if (!(await this.#addComponent(block, scope, sorted.aside))) custom.push(block)
    for (const block of sorted.foreachs) scope.entries.set(idOf(block), { kind: 'other', block })
    for (const block of sorted.imports) await this.#import(block, scope.names, scope.modulePath, scope, depth)
    const modules: { block: Block; id: string }[] = []
    for (const block of custom) if (this.#isCustom(block, scope, sorted.aside)) modules.push({ block, id: idOf(block) })
    this.#checkReferences(scope, sorted)
    if (this.#stopped) return
    for (const { block, id } of modules) await this.#instantiate(block, id, scope, depth)
    for (const block of sorted.process) this.#setUp(block, scope)
    for (const block of sorted.aside) await this.#checkAside(block, scope, depth)
    if (this.#cyclic || this.#stopped) return
    if (this.#options.thorough === true)
      for (const block of sorted.declares) await this.#checkDeclaration(block, scope, depth)
    for (const block of sorted.foreachs) await this.#expand(block, scope, depth)
  }

  #sort(body: Body, kind: BodyKind): SortedBody {
    const sorted: SortedBody = {
      declares: [],
      imports: [],
      process: [],
      foreachs: [],
      components: [],
      aside: [],
      ids: new Map(),
    }
    for (const statement of body) {
      if (statement.kind === 'attribute') {
        this.#error(statement.range, `unrecognized attribute ${statement.name.name}`)
        continue
      }
      const name = statement.name.join('.')
      const id = idOf(statement)
      const before = sorted.ids.get(id)
      if (before) {
        const at = before.range.start
        this.#error(statement.range, `block ${id} already declared at ${at.file}:${at.line}:${at.column}`)
        sorted.aside.push(statement)
        continue
      }
      sorted.ids.set(id, statement)
      this.#sortInto(sorted, statement, name, kind)
    }
    return sorted
  }

  #sortInto(sorted: SortedBody, block: Block, name: string, kind: BodyKind): void {
    const refuse = (range: Range, message: string): void => {
      this.#error(range, message)
      sorted.aside.push(block)
    }
    if (Object.hasOwn(processBlocks, name)) {
      if (kind !== 'root') refuse(block.nameRange, `${name} block is only allowed at the root of a configuration`)
      else if (block.label !== '') this.#error(block.nameRange, `block "${name}" must not have a label`)
      else sorted.process.push(block)
    } else if (name === 'argument' || name === 'export') {
      if (kind !== 'module') refuse(block.nameRange, `${name} blocks are only allowed inside a module`)
      else if (block.label === '') refuse(block.range, `block "${name}" must have a label`)
    } else if (name === 'declare' || name === 'foreach' || Object.hasOwn(importBlocks, name)) {
      if (block.label === '') refuse(block.range, `block "${name}" must have a label`)
      else if (name === 'declare') sorted.declares.push(block)
      else if (name === 'foreach') sorted.foreachs.push(block)
      else sorted.imports.push(block)
    } else {
      sorted.components.push(block)
    }
  }

  #declare(block: Block, names: Names, modulePath: string): void {
    if (block.label === 'declare') {
      this.#error(block.labelRange ?? block.range, "'declare' is not a valid label for a declare block")
      return
    }
    names.declares.set(block.label, { label: block.label, block, names, modulePath })
  }

  /** Settings of the process: `logging { … }` and its like. */
  #setUp(block: Block, scope: ModuleScope): void {
    const name = block.name.join('.')
    const reads = new Set<string>()
    const schema = processBlocks[name]
    if (!schema) return
    const { settings } = this.#decode(schema, block, block.body, scope, tracking(this.#view, reads))
    for (const id of reads) this.#structuralReads.add(id)
    if (settings) this.#process.set(name, settings)
  }

  // ---------------------------------------------------------------------------------------- components

  /** False: not a built-in component. */
  async #addComponent(block: Block, scope: ModuleScope, aside: Block[]): Promise<boolean> {
    const name = block.name.join('.')
    if (scope.names.find(block.name)) return false
    const definition = await this.#options.registry.load(name)
    if (!definition) return false
    if (block.label === '' && !definition.singleton) {
      this.#error(block.range, `component "${name}" must have a label`)
      aside.push(block)
      return true
    }
    if (!this.#allowed(definition.stability, `component "${name}"`, block.nameRange)) return true
    if (!this.#mayAdd(block)) return true
    const localId = idOf(block)
    const id = scope.idOf(localId)
    scope.entries.set(localId, { kind: 'component', nodeId: id, definition, block })
    this.#leaves.push({ id, scope, localId, definition, block })
    return true
  }

  /** Count one instance more; false: there are too many. */
  #mayAdd(block: Block): boolean {
    if (this.#stopped) return false
    if (++this.#instances <= instancesMax) return true
    this.#stopped = true
    this.#error(block.nameRange, `more than ${instancesMax} instances of modules, foreach templates and components`)
    return false
  }

  #allowed(stability: Stability, what: string, range: Range): boolean {
    if (stabilityRank[stability] >= stabilityRank[this.#options.stability]) return true
    this.#error(
      range,
      `${what} is at stability level "${stability}", which is below the minimum allowed stability level ` +
        `"${this.#options.stability}"`,
      `use --stability.level command-line flag to enable "${stability}" features`,
    )
    return false
  }

  #isCustom(block: Block, scope: ModuleScope, aside: Block[]): boolean {
    const name = block.name.join('.')
    const found = scope.names.find(block.name)
    if (found === undefined) {
      const near = nearMiss(name, [...this.#options.registry.names(), ...scope.names.all()])
      const hint = near === undefined ? undefined : `did you mean ${near}?`
      this.#error(block.nameRange, `cannot find the definition of component name "${name}"`, hint)
      return false
    }
    if (block.label === '') {
      this.#error(block.range, `component "${name}" must have a label`)
      aside.push(block)
      return false
    }
    scope.entries.set(idOf(block), { kind: 'custom', module: undefined, block })
    return found !== 'pending'
  }

  async #instantiate(block: Block, id: string, scope: ModuleScope, depth: number): Promise<void> {
    const declaration = scope.names.find(block.name)
    if (declaration === undefined || declaration === 'pending' || !this.#mayAdd(block)) return
    if (depth >= moduleDepthMax) {
      this.#stopped = true
      this.#error(
        block.nameRange,
        `modules are nested deeper than ${moduleDepthMax}: does "${declaration.label}" contain itself?`,
      )
      return
    }
    const inner = new ModuleScope({
      moduleId: scope.idOf(id),
      modulePath: declaration.modulePath,
      names: new Names(declaration.names),
    })
    scope.entries.set(id, { kind: 'custom', module: inner, block })
    this.#bindArguments(declaration.block.body, inner, block, scope)
    this.#bindExports(declaration.block.body, inner)
    await this.compileBody(inner, declaration.block.body, 'module', depth + 1)
  }

  #bindArguments(body: Body, inner: ModuleScope, block: Block, outer: ModuleScope): void {
    const declared = new Map<string, Block>()
    for (const statement of body) {
      if (statement.kind !== 'block' || statement.label === '') continue
      if (statement.name.join('.') === 'argument') declared.set(statement.label, statement)
    }
    const given = new Map<string, Attribute>()
    for (const statement of block.body) {
      if (statement.kind === 'block')
        this.#error(statement.range, `unrecognized block name "${statement.name.join('.')}"`)
      else if (!declared.has(statement.name.name)) this.#unknownArgument(statement, declared)
      else if (given.has(statement.name.name)) {
        this.#error(statement.range, `attribute "${statement.name.name}" may only be provided once`)
      } else given.set(statement.name.name, statement)
    }
    inner.arguments = new Map()
    for (const [label, argument] of declared) {
      const attribute = given.get(label)
      if (attribute) {
        inner.arguments.set(label, (view) => evaluate(attribute.value, this.#scope(outer, view)))
        continue
      }
      const { settings } = this.#decode(argumentBlock, argument, argument.body, inner, blind(this.#view))
      const fallback = attributeOf(argument, 'default')
      if (settings && !settings.optional) {
        this.#error(block.range, `missing required argument "${label}" to module`)
      }
      inner.arguments.set(label, (view) => (fallback ? evaluate(fallback.value, this.#scope(inner, view)) : null))
    }
  }

  #unknownArgument(attribute: Attribute, declared: ReadonlyMap<string, Block>): void {
    const name = attribute.name.name
    const near = nearMiss(name, [...declared.keys()])
    const hint = near === undefined ? undefined : `did you mean ${near}?`
    this.#error(attribute.range, `Provided argument "${name}" is not defined in the module`, hint)
  }

  #bindExports(body: Body, inner: ModuleScope): void {
    for (const statement of body) {
      if (statement.kind !== 'block' || statement.name.join('.') !== 'export') continue
      const value = attributeOf(statement, 'value')
      if (value) inner.exports.set(statement.label, (view) => evaluate(value.value, this.#scope(inner, view)))
      else this.#decode(exportBlock, statement, statement.body, inner, blind(this.#view))
    }
  }

  // ------------------------------------------------------------------------------------------- foreach

  async #expand(block: Block, scope: ModuleScope, depth: number): Promise<void> {
    if (!this.#allowed('experimental', 'block "foreach"', block.nameRange)) return
    const templates = block.body.filter((s): s is Block => s.kind === 'block' && isTemplate(s))
    const template = templates[0]
    if (!template) this.#error(block.range, 'missing required block "template"')
    if (templates[1]) this.#error(templates[1].range, 'block "template" may only be specified once')
    const reads = new Set<string>()
    const rest = block.body.filter((s) => s.kind !== 'block' || !isTemplate(s))
    const { settings } = this.#decode(foreachBlock, block, rest, scope, tracking(this.#view, reads))
    for (const id of reads) this.#structuralReads.add(id)
    if (!template) return
    const items = settings?.collection ?? []
    if (!settings || items.length === 0) {
      await this.#checkTemplate(block, template, settings?.var ?? variableName(rest), scope, depth)
      return
    }
    const seen = new Map<string, number>()
    for (const item of items) {
      if (!this.#mayAdd(block)) return
      const itemId = foreachItemId(item, settings.id, settings.hash_string_id)
      const count = (seen.get(itemId) ?? 0) + 1
      seen.set(itemId, count)
      const inner = templateScope(scope, `${idOf(block)}/foreach_${itemId}_${count}`)
      inner.variables.set(settings.var, item)
      await this.compileBody(inner, template.body, 'template', depth + 1)
    }
  }

  /** No item (yet): the template is compiled for what is wrong in it, and thrown away. */
  async #checkTemplate(block: Block, template: Block, name: string, scope: ModuleScope, depth: number): Promise<void> {
    const inner = templateScope(scope, `${idOf(block)}/foreach_item_1`)
    if (name !== '') inner.variables.set(name, new Unknown('any'))
    await this.#tryBody(inner, template.body, 'template', depth)
  }

  /** Compiles a body for what is wrong in it, and throws the result away. */
  async #tryBody(inner: ModuleScope, body: Body, kind: BodyKind, depth: number): Promise<void> {
    const trial = new Compiler(blind(this.#view), this.#imports, this.#options)
    trial.#instances = this.#instances
    trial.#checked = this.#checked
    for (const name of this.#hidden) trial.#hidden.add(name)
    for (const [file, text] of this.#sources) trial.#sources.set(file, text)
    await trial.compileBody(inner, body, kind, depth + 1)
    this.diagnostics.push(...trial.finish().diagnostics)
    if (trial.#stopped) this.#stopped = true
  }

  // ------------------------------------------------------------------------------ what takes no part in the graph

  /** A declaration for itself, with arguments that can be anything: it may be instantiated by nobody. */
  async #checkDeclaration(block: Block, scope: ModuleScope, depth: number): Promise<void> {
    if (this.#checked.has(block)) return
    this.#checked.add(block)
    const { names, modulePath } = scope
    const inner = new ModuleScope({ moduleId: scope.idOf(idOf(block)), modulePath, names: new Names(names) })
    inner.arguments = new Map()
    for (const statement of block.body) {
      if (statement.kind !== 'block' || statement.name.join('.') !== 'argument') continue
      this.#decode(argumentBlock, statement, statement.body, inner, blind(this.#view))
      inner.arguments.set(statement.label, () => new Unknown('any'))
    }
    for (const statement of block.body) {
      // The value is evaluated together with the body, when what it refers to is known.
      if (statement.kind !== 'block' || statement.name.join('.') !== 'export') continue
      const value = attributeOf(statement, 'value')
      const unknown = { library: this.#library, resolve: () => ({ value: new Unknown('any'), used: 1 }) }
      decodeBlock(exportBlock, statement, statement.body, unknown, this.#source, this.#report)
      if (value) inner.exports.set(statement.label, (view) => evaluate(value.value, this.#scope(inner, view)))
    }
    await this.#tryBody(inner, block.body, 'module', depth)
  }

  /** A block that is not allowed as it stands: whatever else is wrong in it is told at once. */
  async #checkAside(block: Block, scope: ModuleScope, depth: number): Promise<void> {
    const name = block.name.join('.')
    if (name === 'declare') return this.#checkDeclaration(block, scope, depth)
    if (name === 'foreach') return this.#expand(block, scope, depth)
    this.#referencesOf(block.body, scope, false, new Set())
    const schema = asideSchemas[name] ?? (await this.#options.registry.load(name))?.settings
    if (schema) this.#decode(schema, block, block.body, scope, blind(this.#view))
  }

  // ------------------------------------------------------------------------------------------- imports

  async #import(block: Block, names: Names, modulePath: string, scope: ModuleScope, depth: number): Promise<void> {
    const kind = block.name.join('.') as ImportKind
    const reads = new Set<string>()
    const schema = importBlocks[kind] as Settings<SettingsOf<(typeof importBlocks)[ImportKind]>>
    const { settings } = this.#decode(schema, block, block.body, scope, tracking(this.#view, reads))
    for (const id of reads) this.#structuralReads.add(id)
    names.imports.set(block.label, undefined)
    if (!settings) return
    if (this.#stopped) return
    if (depth >= moduleDepthMax) {
      this.#stopped = true
      this.#error(block.nameRange, `imports are nested deeper than ${moduleDepthMax}: does a file import itself?`)
      return
    }
    let text: ModuleText
    const content = 'content' in settings && settings.content instanceof OptionalSecret ? settings.content : undefined
    const hidden = content?.isSecret === true
    try {
      text = content
        ? { files: [{ name: scope.idOf(idOf(block)), text: content.reveal() }], directory: modulePath }
        : await this.#imports.read(kind, settings, modulePath)
    } catch (error) {
      const message = `Cannot import: ${(error as Error).message}`
      // Where a configuration is only checked, its files and its network may be those of another machine.
      if (this.#options.thorough === true) this.#warn(block.range, `${message}: what it declares is not checked`)
      else this.#error(block.range, message)
      return
    }
    const inside = new Names()
    names.imports.set(block.label, inside)
    for (const file of text.files) {
      for (const statement of this.parse(file.name, file.text, hidden)) {
        await this.#importStatement(statement, inside, kind, text.directory, depth)
      }
    }
  }

  async #importStatement(
    statement: Attribute | Block,
    names: Names,
    from: ImportKind,
    directory: string,
    depth: number,
  ): Promise<void> {
    if (statement.kind === 'block') {
      const name = statement.name.join('.')
      if (name === 'declare') {
        // Of several the first counts, as in Alloy, which only logs the others.
        if (!names.declares.has(statement.label)) this.#declare(statement, names, directory)
        else this.#warn(statement.range, 'declare block redefined')
        return
      }
      if (Object.hasOwn(importBlocks, name)) {
        if (names.imports.has(statement.label)) {
          this.#error(statement.range, `import block redefined ${statement.label}`)
          return
        }
        if (from === 'import.http' && name === 'import.file') {
          this.#error(statement.range, 'an import.file block in a module from import.http is not supported')
          return
        }
        const scope = new ModuleScope({ moduleId: '', modulePath: directory, names })
        await this.#import(statement, names, directory, scope, depth + 1)
        return
      }
    }
    this.#error(statement.range, 'only declare and import blocks are allowed in a module')
  }

  // ---------------------------------------------------------------------------------------- references

  #checkReferences(scope: ModuleScope, sorted: SortedBody): void {
    const edges = new Map<string, Set<string>>()
    for (const [id, block] of sorted.ids) {
      const name = block.name.join('.')
      if (name === 'argument') continue
      const to = new Set<string>()
      edges.set(id, to)
      if (name === 'declare') instantiatedIn(block.body, scope.names, to)
      else if (name !== 'foreach') this.#referencesOf(block.body, scope, false, to)
      else {
        // Names in the template may be those of the template.
        for (const statement of block.body) {
          this.#referencesOf([statement], scope, statement.kind === 'block' && isTemplate(statement), to)
        }
      }
    }
    for (const cycle of cyclesOf(edges)) {
      this.#cyclic = true
      // A declaration that leads to itself has no end.
      if (cycle.some((id) => sorted.ids.get(id)?.name[0] === 'declare')) this.#stopped = true
      const message = cycle.length === 1 ? `self reference: ${cycle[0]}` : `cycle: ${cycle.join(', ')}`
      for (const id of cycle) {
        const block = sorted.ids.get(id)
        if (block) this.#error(block.range, message)
      }
    }
  }

  #referencesOf(body: Body, scope: ModuleScope, lenient: boolean, to: Set<string>): void {
    for (const statement of body) {
      if (statement.kind === 'block') {
        this.#referencesOf(statement.body, scope, lenient, to)
        continue
      }
      for (const { chain, range } of references(statement.value)) {
        const [first = ''] = chain
        const found = scope.entry(chain)
        if (found) {
          const id = idOf(found.entry.block)
          if (scope.entries.get(id) === found.entry) to.add(id)
          if (isStandardName(first))
            this.#warn(headOf(range, first), 'a component is shadowing an existing stdlib name')
        } else if (lenient || scope.hasVariable(first)) {
          continue
        } else if (!isStandardName(first)) {
          const near = nearMiss(chain.slice(0, 3).join('.'), [...scope.entries.keys()])
          const hint = near === undefined ? undefined : `did you mean ${near}?`
          this.#error(range, `component "${chain.join('.')}" does not exist or is out of scope`, hint)
        } else {
          const now = nameForDeprecated(first)
          if (now !== undefined) this.#warn(range, `this stdlib function is deprecated; its name is ${now} now`)
        }
      }
    }
  }

  // ---------------------------------------------------------------------------------------- evaluation

  #scope(scope: ModuleScope, view: ExportsView): Scope {
    return { library: this.#library, resolve: (chain) => scope.resolve(chain, view) }
  }

  #decode<S extends object>(
    schema: Settings<S>,
    block: Block,
    body: Body,
    scope: ModuleScope,
    view: ExportsView,
    report = this.#report,
  ): { settings: S | undefined; value: Value } {
    return decodeBlock(schema, block, body, this.#scope(scope, view), this.#source, report)
  }

  /** Check every component's settings as far as they are known, and put the nodes in order. */
  finish(): Plan {
    const nodes = new Map<string, PlanNode>()
    if (!this.#cyclic) for (const leaf of this.#leaves) nodes.set(leaf.id, this.#node(leaf))
    const order = topologicalOrder([...nodes.keys()], (id) => nodes.get(id)?.dependsOn ?? [])
    return {
      nodes: new Map(order.map((id) => [id, nodes.get(id) as PlanNode])),
      process: this.#process,
      structuralReads: this.#structuralReads,
      diagnostics: inOrder(unique(this.diagnostics), [...this.#sources.keys()]),
      sources: this.#sources,
    }
  }

  #node(leaf: Leaf): PlanNode {
    const evaluateIn = (view: ExportsView) => {
      const diagnostics: Diagnostic[] = []
      const reads = new Set<string>()
      const report = (d: Diagnostic): void => void diagnostics.push(this.#concealed(d))
      const { definition, block, scope } = leaf
      const { settings, value } = this.#decode(
        definition.settings,
        block,
        block.body,
        scope,
        tracking(view, reads),
        report,
      )
      return { settings, value, diagnostics, reads }
    }
    const checked = evaluateIn(blind(this.#view))
    this.diagnostics.push(...checked.diagnostics)
    return {
      id: leaf.id,
      moduleId: leaf.scope.moduleId,
      localId: leaf.localId,
      label: leaf.block.label,
      definition: leaf.definition,
      range: leaf.block.range,
      dependsOn: checked.reads,
      evaluate: evaluateIn,
    }
  }
}

const stabilityRank: Readonly<Record<Stability, number>> = {
  experimental: 0,
  'public-preview': 1,
  'generally-available': 2,
}

/** Schemas of the blocks that are no components. */
const asideSchemas: Readonly<Record<string, Settings<object>>> = {
  ...processBlocks,
  ...(importBlocks as Readonly<Record<string, Settings<object>>>),
  argument: argumentBlock as Settings<object>,
  export: exportBlock as Settings<object>,
}

function isTemplate(block: Block): boolean {
  return block.name.join('.') === 'template'
}

/** The range of the first name of a chain that begins where `range` does. */
function headOf({ start }: Range, name: string): Range {
  const more = Buffer.byteLength(name) - 1
  return { start, end: { ...start, offset: start.offset + more, column: start.column + more } }
}

function idOf(block: Block): string {
  return block.label === '' ? block.name.join('.') : `${block.name.join('.')}.${block.label}`
}

/** The ids of the declarations of `names` itself that a declaration's body instantiates, in nested ones too. */
function instantiatedIn(body: Body, names: Names, to: Set<string>, shadowed: ReadonlySet<string> = new Set()): void {
  const blocks = body.filter((s) => s.kind === 'block')
  const own = new Set([...shadowed, ...blocks.filter((b) => b.name[0] === 'declare').map((b) => b.label)])
  for (const block of blocks) {
    const [name = '', ...more] = block.name
    if (name === 'declare' || name === 'foreach' || name === 'template') instantiatedIn(block.body, names, to, own)
    else if (more.length === 0 && !own.has(name) && names.declares.has(name)) to.add(`declare.${name}`)
  }
}

function attributeOf(block: Block, name: string): Attribute | undefined {
  return block.body.find((s): s is Attribute => s.kind === 'attribute' && s.name.name === name)
}

function templateScope(around: ModuleScope, id: string): ModuleScope {
  return new ModuleScope({
    moduleId: around.idOf(id),
    modulePath: around.modulePath,
    names: new Names(around.names),
    around,
  })
}

/** The name that `var` gives where the block did not decode: good enough to check the template with. */
function variableName(body: Body): string {
  const value = body.find((s): s is Attribute => s.kind === 'attribute' && s.name.name === 'var')?.value
  return value?.kind === 'literal' ? value.text.slice(1, -1) : ''
}

/** A view in which no exports are known: what can be checked without running anything. */
function blind(view: ExportsView): ExportsView {
  return { exports: () => undefined, receiver: (id, definition) => view.receiver(id, definition) }
}

function tracking(view: ExportsView, reads: Set<string>): ExportsView {
  return {
    exports(id) {
      reads.add(id)
      return view.exports(id)
    },
    receiver(id, definition) {
      reads.add(id)
      return view.receiver(id, definition)
    },
  }
}

/** The same problem found in several instances of a module is shown once. */
function unique(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const seen = new Map<string, Diagnostic>()
  for (const d of diagnostics) {
    const { file, offset } = d.range.start
    const key = `${file}\0${offset}\0${d.message}`
    if (!seen.has(key)) seen.set(key, d)
  }
  return [...seen.values()]
}

/** As one reads the files: one after the other, from top to bottom. */
function inOrder(diagnostics: readonly Diagnostic[], files: readonly string[]): Diagnostic[] {
  const rank = new Map(files.map((file, index) => [file, index]))
  const rankOf = ({ range }: Diagnostic): number => rank.get(range.start.file) ?? files.length
  return diagnostics.toSorted((a, b) => rankOf(a) - rankOf(b) || a.range.start.offset - b.range.start.offset)
}
