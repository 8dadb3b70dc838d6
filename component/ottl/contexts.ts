// OTTL's contexts: which paths and enums each has, and which contexts stand above it.
import type { PathTable } from './paths.ts'
import { cachePaths, otelcolPaths, resourcePaths, scopePaths } from './paths.ts'
import { logPaths } from './paths_logs.ts'
import { dataPointPaths, metricPaths } from './paths_metrics.ts'
import { spanEventPaths, spanPaths } from './paths_traces.ts'

export type ContextName = 'resource' | 'scope' | 'span' | 'spanevent' | 'metric' | 'datapoint' | 'log'

export interface ContextDefinition {
  readonly name: ContextName
  /** By the prefix in front of a path: its own name, and those of the contexts above it. */
  readonly paths: Readonly<Record<string, PathTable>>
  readonly enums: ReadonlyMap<string, bigint>
}

/** A word and the numbers that follow it: `enumeration('STATUS_CODE_', ['UNSET', 'OK', 'ERROR'])`. */
function enumeration(prefix: string, names: readonly string[]): [string, bigint][] {
  return names.map((name, i) => [prefix + name, BigInt(i)])
}

const traceEnums = new Map([
  ...enumeration('SPAN_KIND_', ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER']),
  ...enumeration('STATUS_CODE_', ['UNSET', 'OK', 'ERROR']),
])
const metricEnums = new Map([
  ...enumeration('AGGREGATION_TEMPORALITY_', ['UNSPECIFIED', 'DELTA', 'CUMULATIVE']),
  ...enumeration('METRIC_DATA_TYPE_', ['NONE', 'GAUGE', 'SUM', 'HISTOGRAM', 'EXPONENTIAL_HISTOGRAM', 'SUMMARY']),
])
const dataPointEnums = new Map([...metricEnums, ['FLAG_NONE', 0n], ['FLAG_NO_RECORDED_VALUE', 1n]] as const)
const severities = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap((name) =>
  ['', '2', '3', '4'].map((level) => name + level),
)
const logEnums = new Map(enumeration('SEVERITY_NUMBER_', ['UNSPECIFIED', ...severities]))
const noEnums: ReadonlyMap<string, bigint> = new Map()

const shared = { otelcol: otelcolPaths } as const
const withResource = { ...shared, resource: resourcePaths } as const
/** `instrumentation_scope` is the older name. */
const withScope = { ...withResource, scope: scopePaths, instrumentation_scope: scopePaths } as const

function context(
  name: ContextName,
  own: PathTable,
  above: Readonly<Record<string, PathTable>>,
  enums: ReadonlyMap<string, bigint>,
): ContextDefinition {
  const paths = { ...own, ...cachePaths }
  const alias = name === 'scope' ? { instrumentation_scope: paths } : {}
  return { name, paths: { ...above, [name]: paths, ...alias }, enums }
}

export const contexts: Readonly<Record<ContextName, ContextDefinition>> = {
  resource: context('resource', resourcePaths, shared, noEnums),
  scope: context('scope', scopePaths, withResource, noEnums),
  span: context('span', spanPaths, withScope, traceEnums),
  spanevent: context('spanevent', spanEventPaths, { ...withScope, span: spanPaths }, traceEnums),
  metric: context('metric', metricPaths, withScope, metricEnums),
  datapoint: context('datapoint', dataPointPaths, { ...withScope, metric: metricPaths }, dataPointEnums),
  log: context('log', logPaths, withScope, logEnums),
}

/** The contexts of a signal's statements, from the lowest to the highest: who of several paths' contexts stands first is it. */
export const contextsOf = {
  traces: ['spanevent', 'span', 'scope', 'resource'],
  metrics: ['datapoint', 'metric', 'scope', 'resource'],
  logs: ['log', 'scope', 'resource'],
} as const satisfies Readonly<Record<string, readonly ContextName[]>>
