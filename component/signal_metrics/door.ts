// The door of what connectors share that make metrics of each batch by conditions and expressions of OTTL.
export { recordMetrics } from './connector.ts'
export { checkDefinitions, compileDefinitions } from './definition.ts'
export type {
  AttributeRule,
  KeysRule,
  MeasureSettings,
  MetricDefinition,
  MetricSettings,
  RecordKind,
  RecordMetrics,
} from './definition.ts'
export { namedBodies } from './named_bodies.ts'
