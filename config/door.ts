// The door of config: configuration texts to plans.
export { compileAlloy } from './alloy/compile.ts'
export type { AlloySource } from './alloy/compile.ts'
export { parseFile } from './alloy/parser.ts'
export { printFile } from './alloy/printer.ts'
export { ImportStore } from './alloy/imports.ts'
export { readConfiguration } from './alloy/sources.ts'
export { renderDiagnostics } from './diagnostics.ts'
export type { Diagnostic } from './diagnostics.ts'
export { hasErrors } from './plan.ts'
export type {
  CompileOptions,
  ComponentRegistry,
  Evaluation,
  ExportsView,
  Plan,
  PlanNode,
  ProcessSettings,
} from './plan.ts'
export { httpBlock } from './alloy/http_block.ts'
export type { HttpBlock } from './alloy/http_block.ts'
export { compileYaml, resolveYaml } from './yaml/compile.ts'
export type { ResolvedYaml, YamlSource } from './yaml/compile.ts'
export { redactedYaml } from './yaml/print.ts'
export { readYamlConfiguration } from './yaml/sources.ts'
export type { TelemetrySettings } from './yaml/telemetry.ts'
export { conversionReport, convertConfiguration, SourceFormat, withAbsentComponents } from './convert/convert.ts'
export type { Conversion } from './convert/convert.ts'
export type { ConversionDiagnostic } from './convert/writer.ts'
