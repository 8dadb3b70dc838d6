// The door of the component contract. Host services have doors of their own (`#component/relabel`, `#component/scrape`, …).
export { Count, Distribution, HealthState, SettingsError, Stability } from './contract.ts'
export type {
  Clock,
  Component,
  ComponentDefinition,
  Host,
  HostGlobals,
  Instruments,
  Logger,
  Timer,
} from './contract.ts'
export { ConsumeError, NodeCounters } from './consumer.ts'
export type { Consumer, MetricsConsumer, MetricsPort, Port, Signal } from './consumer.ts'
export { MetricFamily } from './metric_source.ts'
export type { MetricSink, MetricSource } from './metric_source.ts'
export {
  anyValue,
  attr,
  block,
  blocks,
  bool,
  byteSize,
  capsule,
  customType,
  decodeBody,
  defaultAsValue,
  defaultSettings,
  defineSettings,
  duration,
  float,
  int,
  list,
  map,
  metricsReceiver,
  oneOf,
  optionalSecret,
  parseGoDuration,
  secret,
  string,
  target,
  uint,
} from './schema.ts'
export type {
  AttributeField,
  AttributeInput,
  BlockField,
  BlockInput,
  BlocksField,
  BodyInput,
  DefaultValue,
  Field,
  Fields,
  Issue,
  Report,
  Settings,
  SettingsOf,
  Type,
} from './schema.ts'
export {
  Capsule,
  entriesOf,
  FunctionValue,
  isObjectValue,
  kindOf,
  OptionalSecret,
  Secret,
  Target,
  Unknown,
  ValueError,
  valuesEqual,
} from './values.ts'
export type { ObjectValue, Value } from './values.ts'
