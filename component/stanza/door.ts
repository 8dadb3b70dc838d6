// The door of the collector's operators: entries, and pipelines that work on them.
export { Entry, logsOf } from './entry.ts'
export type { EntryMap } from './entry.ts'
export { checkOperators, flushIntervalMs, Pipeline } from './pipeline.ts'
export type { OperatorSettings, PipelineOutput } from './pipeline.ts'
export { size } from './size.ts'
