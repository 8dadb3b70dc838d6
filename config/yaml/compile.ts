// Compiles the collector's YAML to a plan: texts merged and expanded, components decoded, pipelines connected.
import {
  Capsule,
  type OtelConsumer,
  type OtelOutput,
  type PipelineStart,
  type Signal,
  Unknown,
  type Value,
} from '#component'
import type { Range } from '../alloy/ast.ts'
import { topologicalOrder } from '../alloy/order.ts'
import type { Diagnostic } from '../diagnostics.ts'
import type { CompileOptions, Evaluation, ExportsView, Plan, PlanNode } from '../plan.ts'
import { type BodyContext, decodeMap } from './body.ts'
import { componentDefinition, withOutput } from './definitions.ts'
import { Expander } from './expand.ts'
import { mergeMaps, unfoldKeys } from './merge.ts'
import { parseYaml } from './parser.ts'
import { type Configured, errorAt, meant, readSections, type Sections } from './sections.ts'
import { telemetrySettings } from './telemetry.ts'
import { kindOfNode, isNull, type YamlMap } from './tree.ts'
import { nodeIdOf, wire, type Wired } from './wiring.ts'

export interface YamlSource {
  readonly name: string
  readonly text: Uint8Array | string
}

const signals: readonly Signal[] = ['metrics', 'logs', 'traces']
const handlerType = 'otelcol.Handler'

/** A configuration with everything put in its place, as `print-config` shows it. */
export interface ResolvedYaml {
  /** Undefined where a text is not YAML, or no map. */
  readonly root: YamlMap | undefined
  readonly diagnostics: readonly Diagnostic[]
  readonly sources: ReadonlyMap<string, string>
}

/** Merge the texts, the later ones over the earlier ones, and put values in the place of references. */
export async function resolveYaml(
  sources: readonly YamlSource[],
  environment: CompileOptions['environment'],
): Promise<ResolvedYaml> {
  const diagnostics: Diagnostic[] = []
  const texts = new Map<string, string>()
  const start = { file: sources[0]?.name ?? '', offset: 0, line: 1, column: 1 }
  let root: YamlMap = { kind: 'map', entries: new Map(), range: { start, end: start } }
  let readable = true
  for (const source of sources) {
    const text = typeof source.text === 'string' ? source.text : Buffer.from(source.text).toString()
    texts.set(source.name, text)
    const parsed = parseYaml(source.name, text)
    diagnostics.push(...parsed.diagnostics)
    if (parsed.root && isNull(parsed.root)) continue
    if (parsed.root?.kind === 'map') root = mergeMaps(root, unfoldKeys(parsed.root))
    else readable = false
    if (parsed.root && parsed.root.kind !== 'map') {
      diagnostics.push(errorAt(parsed.root.range, `a configuration should be a map, got ${kindOfNode(parsed.root)}`))
    }
  }
  if (!readable) return { root: undefined, diagnostics, sources: texts }
  const expander = new Expander(
    environment,
    (diagnostic) => void diagnostics.push(diagnostic),
    (name, text) => void texts.set(name, text),
  )
  const expanded = await expander.expand(root)
  return { root: expanded as YamlMap, diagnostics, sources: texts }
}

/**
 * Compile a configuration of the collector. Never throws for a bad one: the plan's diagnostics say what is wrong.
 * `plan.process` holds `telemetry` (`TelemetrySettings`).
 */
export async function compileYaml(
  sources: readonly YamlSource[],
  view: ExportsView,
  options: CompileOptions,
): Promise<Plan> {
  const resolved = await resolveYaml(sources, options.environment)
  const compiler = new YamlCompiler(view)
  compiler.diagnostics.push(...resolved.diagnostics)
  const plan = resolved.root ? await compiler.compile(resolved.root, options) : emptyPlan
  return {
    ...plan,
    diagnostics: inOrder(unique(compiler.diagnostics), [...resolved.sources.keys()]),
    sources: resolved.sources,
  }
}

const emptyPlan = {
  nodes: new Map<string, PlanNode>(),
  process: new Map<string, object>(),
  structuralReads: new Set<string>(),
}

class YamlCompiler {
  readonly diagnostics: Diagnostic[] = []
  readonly #view: ExportsView

  constructor(view: ExportsView) {
    this.#view = view
  }

  readonly #report = (range: Range, message: string, hint?: string): void => {
    this.diagnostics.push(errorAt(range, message, hint))
  }

  async compile(root: YamlMap, options: CompileOptions): Promise<Omit<Plan, 'diagnostics' | 'sources'>> {
    const { range } = root
    if (root.entries.size === 0) {
      this.#report({ start: range.start, end: range.start }, 'the configuration is empty')
      return emptyPlan
    }
    const sections = await readSections(root, options.registry, this.#report)
    const wired = wire(sections, this.#report)
    this.#warnOfUnused(sections, wired)
    this.#check(sections, wired)
    const process = new Map<string, object>()
    const telemetry = this.#telemetry(sections, root)
    if (telemetry) process.set('telemetry', telemetry)
    return { nodes: this.#nodes(sections, wired), process, structuralReads: new Set() }
  }

  #telemetry(sections: Sections, root: YamlMap): object | undefined {
    const { telemetry } = sections
    const none = { kind: 'scalar', value: null, text: '', range: root.range } as const
    const context: BodyContext = {
      handler: () => undefined,
      pipeline: () => undefined,
      report: (diagnostic) => this.diagnostics.push(diagnostic),
    }
    const range = telemetry?.range ?? root.range
    const { settings } = decodeMap(telemetrySettings, telemetry?.body ?? none, range, context)
    if (!settings || !telemetry) return settings
    const warn = (what: string): void => {
      this.diagnostics.push({ severity: 'warning', range, message: `service.telemetry: ${what}` })
    }
    if (settings.traces.processors.length > 0) warn('spans of the collector itself are not sent: there are none')
    if (settings.logs.processors.length > 0) warn('log lines are not sent over OTLP')
    if (settings.metrics.views.length > 0) warn('views have no effect')
    return settings
  }

  #warnOfUnused(sections: Sections, wired: ReadonlyMap<string, Wired>): void {
    const used = new Set([...wired.values()].map((node) => node.configured))
    for (const configured of everything(sections)) {
      if (used.has(configured) || !configured.definition) continue
      const { kind, id, keyRange } = configured
      const where = kind === 'extension' ? 'service.extensions does not name it' : 'no pipeline names it'
      this.diagnostics.push({
        severity: 'warning',
        range: keyRange,
        message: `${kind} "${id}" is not used and does not run: ${where}`,
      })
    }
  }

  /** Every component's settings, as far as they can be known without running anything; those of unused ones too. */
  #check(sections: Sections, wired: ReadonlyMap<string, Wired>): void {
    const used = new Set([...wired.values()].map((node) => node.configured))
    const blind: ExportsView = { ...this.#view, exports: () => undefined }
    for (const configured of everything(sections)) {
      const { definition, body, range } = configured
      if (!definition) continue
      const context = new NodeContext(configured, sections, wired, blind, { runs: used.has(configured), blind: true })
      decodeMap(definition.settings, body, range, context)
      this.diagnostics.push(...context.diagnostics)
    }
  }

  #nodes(sections: Sections, wired: ReadonlyMap<string, Wired>): Map<string, PlanNode> {
    const nodes = new Map<string, PlanNode>()
    const extensions = [...wired.values()].filter((node) => node.configured.kind === 'extension')
    const definitions = new Map(
      [...wired.values()].flatMap((node) => {
        const yaml = node.configured.definition
        return yaml ? [[node.nodeId, componentDefinition(yaml, node)] as const] : []
      }),
    )
    for (const node of wired.values()) {
      const planned = this.#node(node, sections, wired, definitions)
      if (!planned) continue
      // Extensions start before everything else, and stop after it.
      const before = node.configured.kind === 'extension' ? [] : extensions.map((extension) => extension.nodeId)
      nodes.set(node.nodeId, { ...planned, dependsOn: new Set([...planned.dependsOn, ...before]) })
    }
    const first = extensions.map((extension) => extension.nodeId)
    const order = topologicalOrder([...first, ...nodes.keys()], (id) => nodes.get(id)?.dependsOn ?? [])
    return new Map(order.flatMap((id) => (nodes.has(id) ? [[id, nodes.get(id) as PlanNode] as const] : [])))
  }

  #node(
    node: Wired,
    sections: Sections,
    wired: ReadonlyMap<string, Wired>,
    definitions: ReadonlyMap<string, PlanNode['definition']>,
  ): PlanNode | undefined {
    const { configured, nodeId, output } = node
    const yaml = configured.definition
    const definition = definitions.get(nodeId)
    if (!yaml || !definition) return undefined
    const nothing: ExportsView = { exports: () => undefined, receiver: (...args) => this.#view.receiver(...args) }
    const evaluate = (view: ExportsView): Evaluation => {
      const context = new NodeContext(configured, sections, wired, view, { runs: true, blind: view === nothing })
      const { settings, value } = decodeMap(yaml.settings, configured.body, configured.range, context)
      const consumers = consumersOf(output, view, definitions)
      const pipelines = pipelinesOf(node, view, definitions)
      for (const signal of signals) for (const id of output[signal]) context.reads.add(id)
      const { diagnostics, reads } = context
      const whole: Value = [value, signals.map((signal) => consumers[signal])]
      const given = settings && withOutput(settings, { ...decodedOutput(consumers), pipelines })
      return { settings: given, value: whole, diagnostics, reads }
    }
    return {
      id: nodeId,
      moduleId: '',
      localId: nodeId,
      label: configured.name,
      definition,
      range: configured.keyRange,
      dependsOn: evaluate(nothing).reads,
      evaluate,
    }
  }
}

type Consumers = Readonly<Record<Signal, readonly Value[]>>

function consumersOf(
  output: Wired['output'],
  view: ExportsView,
  definitions: ReadonlyMap<string, PlanNode['definition']>,
): Consumers {
  const of = (signal: Signal): Value[] => {
    return output[signal].flatMap((id) => {
      const definition = definitions.get(id)
      return definition ? [view.receiver(id, definition)] : []
    })
  }
  return { metrics: of('metrics'), logs: of('logs'), traces: of('traces') }
}

/** What begins with a connector. */
function pipelinesOf(
  { begins }: Wired,
  view: ExportsView,
  definitions: ReadonlyMap<string, PlanNode['definition']>,
): PipelineStart[] {
  return [...begins].map(([id, { signal, nodeIds }]) => ({
    id,
    signal,
    consumers: nodeIds.flatMap((nodeId) => {
      const definition = definitions.get(nodeId)
      const value = definition && view.receiver(nodeId, definition)
      return value instanceof Capsule ? [value.value as OtelConsumer] : []
    }),
  }))
}

function decodedOutput(consumers: Consumers): OtelOutput {
  const of = (signal: Signal): OtelConsumer[] => {
    return consumers[signal].flatMap((value) => (value instanceof Capsule ? [value.value as OtelConsumer] : []))
  }
  return { metrics: of('metrics'), logs: of('logs'), traces: of('traces') }
}

/** Resolves the ids of extensions and pipelines in one component's settings. */
class NodeContext implements BodyContext {
  readonly diagnostics: Diagnostic[] = []
  readonly reads = new Set<string>()
  readonly #configured: Configured
  readonly #sections: Sections
  readonly #wired: ReadonlyMap<string, Wired>
  readonly #view: ExportsView
  readonly #runs: boolean
  readonly #blind: boolean

  /**
   * `runs`: the component is used; what one that is not refers to need not run either. `blind`: nothing exists yet, so
   * nothing can be said of exports.
   */
  constructor(
    configured: Configured,
    sections: Sections,
    wired: ReadonlyMap<string, Wired>,
    view: ExportsView,
    { runs, blind }: { runs: boolean; blind: boolean },
  ) {
    this.#configured = configured
    this.#sections = sections
    this.#wired = wired
    this.#view = view
    this.#runs = runs
    this.#blind = blind
  }

  report(diagnostic: Diagnostic): void {
    this.diagnostics.push(diagnostic)
  }

  handler(id: string, range: Range): Value | undefined {
    const extension = this.#sections.extension.get(id.trim())
    if (!extension) {
      const hint = meant(id, this.#sections.extension.keys())
      this.report(errorAt(range, `there is no extension "${id}"`, hint))
      return undefined
    }
    const nodeId = nodeIdOf(extension)
    if (!this.#wired.has(nodeId)) {
      if (!this.#runs) return new Unknown(handlerType)
      this.report(errorAt(range, `extension "${id}" does not run: service.extensions does not name it`))
      return undefined
    }
    this.reads.add(nodeId)
    const exports = this.#view.exports(nodeId)
    if (!exports && this.#blind) return new Unknown(handlerType)
    // Extensions are made before what refers to them, and export what they have when they are made.
    const handler = exports?.get('handler')
    if (handler !== undefined) return handler
    this.report(errorAt(range, `extension "${id}" is not one that others can refer to`))
    return undefined
  }

  pipeline(id: string, range: Range): Value | undefined {
    const given = id.trim()
    const begins = this.#wired.get(nodeIdOf(this.#configured))?.begins ?? new Map<string, never>()
    const found = begins.get(given)
    // While a configuration is only checked a pipeline is known by its id alone.
    const known = (signal: string, consumers: readonly Value[]): Value =>
      new Map<string, Value>([
        ['id', given],
        ['signal', signal],
        ['consumers', consumers],
      ])
    if (!found) {
      if (!this.#runs) return known(given.split('/')[0] ?? '', [])
      const exists = this.#sections.pipelines.some((pipeline) => pipeline.id === given)
      const why = exists ? `it does not begin with connector "${this.#configured.id}"` : 'there is no such pipeline'
      this.report(errorAt(range, `cannot send to pipeline "${given}": ${why}`, meant(given, begins.keys())))
      return undefined
    }
    if (this.#blind) return known(found.signal, [])
    const consumers = found.nodeIds.flatMap((nodeId) => {
      const first = this.#wired.get(nodeId)
      const yaml = first?.configured.definition
      return first && yaml ? [this.#view.receiver(nodeId, componentDefinition(yaml, first))] : []
    })
    return known(found.signal, consumers)
  }
}

function everything(sections: Sections): Configured[] {
  const { receiver, processor, exporter, connector, extension } = sections
  return [receiver, processor, exporter, connector, extension].flatMap((section) => [...section.values()])
}

function unique(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const seen = new Map<string, Diagnostic>()
  for (const diagnostic of diagnostics) {
    const { file, offset } = diagnostic.range.start
    const key = `${file}\0${offset}\0${diagnostic.message}`
    if (!seen.has(key)) seen.set(key, diagnostic)
  }
  return [...seen.values()]
}

/** As one reads the files: one after the other, from top to bottom. */
function inOrder(diagnostics: readonly Diagnostic[], files: readonly string[]): Diagnostic[] {
  const rank = new Map(files.map((file, index) => [file, index]))
  const rankOf = ({ range }: Diagnostic): number => rank.get(range.start.file) ?? files.length
  return diagnostics.toSorted((a, b) => rankOf(a) - rankOf(b) || a.range.start.offset - b.range.start.offset)
}
