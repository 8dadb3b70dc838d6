// What a configuration compiles to, whichever language it was written in: nodes with settings that can be evaluated.
import type { ComponentDefinition, Stability, Value, YamlDefinition, YamlKind } from '#component'
import type { Range } from './alloy/ast.ts'
import type { Diagnostic } from './diagnostics.ts'

/** How the nodes see each other while their settings are evaluated. */
export interface ExportsView {
  /** The exports of a node, by name; undefined: not known (it does not run, or the configuration is only checked). */
  exports(nodeId: string): ReadonlyMap<string, Value> | undefined
  /** The value that refers to a node's ports (`inputExports`): the same for the same id as long as the process lives. */
  receiver(nodeId: string, definition: ComponentDefinition): Value
}

export interface Evaluation {
  /** Undefined where there are errors, or where something is not known yet. */
  readonly settings: object | undefined
  /** The evaluated body as one value: two evaluations with equal values need no update. */
  readonly value: Value
  readonly diagnostics: readonly Diagnostic[]
  /** The nodes whose exports were read. */
  readonly reads: ReadonlySet<string>
}

/** One component of the graph. */
export interface PlanNode {
  /** `prometheus.scrape.x`; inside a module `<module id>/prometheus.scrape.x`. */
  readonly id: string
  /** Empty at the root. */
  readonly moduleId: string
  readonly localId: string
  readonly label: string
  readonly definition: ComponentDefinition
  readonly range: Range
  /** The nodes that its settings refer to, exports and receivers alike. */
  readonly dependsOn: ReadonlySet<string>
  evaluate(view: ExportsView): Evaluation
}

/** The settings of the process itself, as the configuration gives them (`logging`, `http`, …), by block name. */
export type ProcessSettings = ReadonlyMap<string, object>

export interface Plan {
  /** In an order in which every node comes after those it depends on. */
  readonly nodes: ReadonlyMap<string, PlanNode>
  readonly process: ProcessSettings
  /** Nodes whose exports decide which nodes there are (collections of `foreach`, contents of imports): compile again when they change. */
  readonly structuralReads: ReadonlySet<string>
  readonly diagnostics: readonly Diagnostic[]
  /** The texts behind the diagnostics' ranges, by file name. */
  readonly sources: ReadonlyMap<string, string>
}

/** The components that a configuration may name. Loading one brings in its code. */
export interface ComponentRegistry {
  names(): readonly string[]
  /** Undefined: no such component. */
  load(name: string): Promise<ComponentDefinition | undefined>
  /** The faces of the collector's YAML: `receiver/otlp`, older names of types included. */
  yamlNames(): readonly string[]
  loadYaml(kind: YamlKind, type: string): Promise<YamlDefinition | undefined>
}

export interface CompileOptions {
  readonly registry: ComponentRegistry
  readonly stability: Stability
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly hostname: string
  readonly version: string
  /** Look into declarations that nothing instantiates, too. A run leaves them alone, as Alloy does. */
  readonly thorough?: boolean
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((d) => d.severity === 'error')
}
