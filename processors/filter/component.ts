// otelcol.processor.filter and the collector's `filter`: drops telemetry for which conditions of OTTL hold.
import type { ComponentDefinition, Report, SettingsOf, YamlDefinition } from '#component'
import {
  anyValue,
  attr,
  block,
  blocks,
  defineSettings,
  list,
  oneOf,
  otelOutput,
  SettingsError,
  string,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import type { WrittenGroup } from '#component/ottl'
import { checkGroup, errorModes, groupList } from '#component/ottl'
import type { FilterGroup, FilterSettings, FilterSignal, Rule } from './filter.ts'
import { createFilter, groupOptions, groupPaths } from './filter.ts'
import {
  logMatchFields,
  expressionProblems,
  logRules,
  metricMatchFields,
  metricRules,
  spanMatchFields,
  spanRules,
} from './include_exclude.ts'

const errorMode = attr(
  oneOf(...errorModes),
  'What becomes of errors of conditions: `ignore` logs them and takes them for false, `silent` only does that, `propagate` refuses the batch.',
  { default: 'ignore' },
)
const conditionsOf = (what: string) =>
  attr(list(string), `${what} for which one of these conditions of OTTL holds are dropped.`, { default: [] })

const traceFields = { span: conditionsOf('Spans'), spanevent: conditionsOf('Span events') } as const
const metricFields = {
  metric: conditionsOf('Metrics'),
  datapoint: conditionsOf('Data points, and metrics that have none left,'),
} as const
const logFields = { log_record: conditionsOf('Log records') } as const
const resourceField = { resource: conditionsOf('Resources with all that is in them') } as const

const alloyGroup = defineSettings({
  context: attr(string, 'What the conditions see; empty: told from their paths.', { default: '' }),
  conditions: attr(list(string), 'What one of these holds for is dropped.', { required: true }),
})
const alloyGroups = (signal: string) => blocks(alloyGroup, `Conditions for ${signal}, run in this order.`)
const yamlGroups = (signal: string) =>
  attr(
    groupList('conditions'),
    `Conditions for ${signal}: texts, whose context is told from their paths, or groups with \`context\`, \`conditions\` and \`error_mode\`.`,
    { default: [] },
  )

const signals = { trace: 'traces', metric: 'metrics', log: 'logs' } as const
type Kind = keyof typeof signals
const kinds = ['trace', 'metric', 'log'] as const

/** The context of the conditions under each name. */
const contextOfField = {
  resource: 'resource',
  span: 'span',
  spanevent: 'spanevent',
  metric: 'metric',
  datapoint: 'datapoint',
  log_record: 'log',
} as const
type ConditionField = keyof typeof contextOfField

/** Conditions under `traces`, `metrics` or `logs`. */
function namedGroups(
  signal: FilterSignal,
  given: Partial<Readonly<Record<ConditionField, readonly string[]>>>,
): FilterGroup[] {
  const groups: FilterGroup[] = []
  for (const [field, context] of Object.entries(contextOfField)) {
    const conditions = given[field as ConditionField] ?? []
    if (conditions.length === 0) continue
    const path = [signal, field]
    groups.push({ context, conditions, errorMode: undefined, conditionsPath: path, contextPath: path })
  }
  return groups
}

function checkAll(given: FilterSettings, report: Report): void {
  for (const signal of Object.values(signals)) {
    for (const group of given.groups[signal]) checkGroup(group, groupOptions(signal), groupPaths(group), report)
  }
}

// ----------------------------------------------------------------------------------------------------- Alloy's face

const alloySettings = defineSettings(
  {
    error_mode: errorMode,
    traces: block(defineSettings(traceFields), 'Conditions for traces.', { whenAbsent: 'defaults' }),
    metrics: block(defineSettings(metricFields), 'Conditions for metrics.', { whenAbsent: 'defaults' }),
    logs: block(defineSettings(logFields), 'Conditions for logs.', { whenAbsent: 'defaults' }),
    trace_conditions: alloyGroups('traces'),
    metric_conditions: alloyGroups('metrics'),
    log_conditions: alloyGroups('logs'),
    output: block(otelOutput, 'Where it goes.', { required: true }),
    ...debugMetricsField,
  },
  {
    check(given, report) {
      for (const kind of kinds) {
        const signal = signals[kind]
        if (given[`${kind}_conditions`].length > 0 && namedGroups(signal, given[signal]).length > 0) {
          report(`"${kind}_conditions" cannot be used together with "${signal}"`, [`${kind}_conditions`])
        }
      }
      checkAll(ofAlloy(given), report)
    },
  },
)
type AlloySettings = SettingsOf<typeof alloySettings>

function ofAlloy(given: Omit<AlloySettings, 'output' | 'debug_metrics'>): FilterSettings {
  const groups = (kind: Kind): FilterGroup[] => [
    ...namedGroups(signals[kind], given[signals[kind]]),
    ...given[`${kind}_conditions`].map(({ context, conditions }, i): FilterGroup => {
      const path = [`${kind}_conditions`, i]
      return {
        context,
        conditions,
        errorMode: undefined,
        conditionsPath: [...path, 'conditions'],
        contextPath: [...path, 'context'],
      }
    }),
  ]
  return {
    errorMode: given.error_mode,
    groups: { traces: groups('trace'), metrics: groups('metric'), logs: groups('log') },
    rules: { traces: [], metrics: [], logs: [] },
  }
}

// ------------------------------------------------------------------------------------------------------ YAML's face

const noProfiles = 'Not supported: there are traces, metrics and logs.'

const yamlSettings = defineSettings(
  {
    error_mode: errorMode,
    traces: block(defineSettings({ ...resourceField, ...traceFields }), 'Conditions for traces.', {
      whenAbsent: 'defaults',
    }),
    metrics: block(
      defineSettings({ ...resourceField, ...metricFields, ...metricMatchFields }),
      'Conditions for metrics, or the older include and exclude.',
      { whenAbsent: 'defaults' },
    ),
    logs: block(
      defineSettings({ ...resourceField, ...logFields, ...logMatchFields }),
      'Conditions for logs, or the older include and exclude.',
      { whenAbsent: 'defaults' },
    ),
    spans: block(defineSettings(spanMatchFields), 'The older include and exclude for spans.', {
      whenAbsent: 'defaults',
    }),
    profiles: attr(anyValue, noProfiles),
    trace_conditions: yamlGroups('traces'),
    metric_conditions: yamlGroups('metrics'),
    log_conditions: yamlGroups('logs'),
    profile_conditions: attr(anyValue, noProfiles),
  },
  {
    check(given, report) {
      for (const name of ['profiles', 'profile_conditions'] as const) {
        if (given[name] !== undefined && given[name] !== null) report(`"${name}": profiles are not supported`, [name])
      }
      for (const kind of kinds) checkForms(given, kind, report)
      const settings = ofYaml(given, (error, path) => report(error.message, [...path, ...error.path]))
      checkAll(settings, report)
    },
  },
)
type YamlSettings = SettingsOf<typeof yamlSettings>

/** Where the older settings of a signal stand. */
const olderPath = { trace: ['spans'], metric: ['metrics'], log: ['logs'] } as const

/** One way of writing conditions for a signal. */
function checkForms(given: YamlSettings, kind: Kind, report: Report): void {
  const signal = signals[kind]
  const hasNamed = namedGroups(signal, given[signal]).length > 0
  const { include, exclude } = kind === 'trace' ? given.spans : given[signals[kind]]
  const hasOlder = include !== undefined || exclude !== undefined
  if (given[`${kind}_conditions`].length > 0 && (hasNamed || hasOlder)) {
    report(`"${kind}_conditions" cannot be used together with other conditions for ${signal}`, [`${kind}_conditions`])
  } else if (hasNamed && hasOlder) {
    report(`"include" and "exclude" cannot be used together with other conditions for ${signal}`, olderPath[kind])
  }
}

/** `failed`: what is wrong with includes and excludes, and where. */
function ofYaml(given: YamlSettings, failed: (error: SettingsError, path: readonly string[]) => void): FilterSettings {
  const groups = (kind: Kind): FilterGroup[] => [
    ...namedGroups(signals[kind], given[signals[kind]]),
    ...given[`${kind}_conditions`].map((group) => writtenGroup(group, `${kind}_conditions`)),
  ]
  const rules = (kind: Kind, make: () => Rule[]): Rule[] => {
    try {
      return make()
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error
      failed(error, olderPath[kind])
      return []
    }
  }
  const problems = expressionProblems(given.metrics)
  for (const problem of problems) failed(problem, olderPath.metric)
  return {
    errorMode: given.error_mode,
    groups: { traces: groups('trace'), metrics: groups('metric'), logs: groups('log') },
    rules: {
      traces: rules('trace', () => spanRules(given.spans)),
      metrics: problems.length > 0 ? [] : rules('metric', () => metricRules(given.metrics)),
      logs: rules('log', () => logRules(given.logs)),
    },
  }
}

function writtenGroup({ context, errorMode, texts, path, textsPath }: WrittenGroup, field: string): FilterGroup {
  return {
    context,
    errorMode,
    conditions: texts,
    conditionsPath: [field, ...textsPath],
    contextPath: [field, ...path, 'context'],
  }
}

const doc = 'Drops telemetry for which conditions of OTTL, the OpenTelemetry Transformation Language, hold.'

export const otelcolProcessorFilter: ComponentDefinition<AlloySettings> = {
  name: 'otelcol.processor.filter',
  stability: 'generally-available',
  doc,
  consumes: ['traces', 'metrics', 'logs'],
  input: 'otelcol',
  stateless: true,
  settings: alloySettings,
  create: (host, given) => createFilter(host, ofAlloy(given), given.output),
}

export const filterProcessor: YamlDefinition<YamlSettings> = {
  kind: 'processor',
  types: ['filter'],
  stability: 'experimental',
  doc,
  signals: ['traces', 'metrics', 'logs'],
  stateless: true,
  settings: yamlSettings,
  create(host, given, output) {
    const settings = ofYaml(given, (error, path) => {
      throw new SettingsError(error.message, [...path, ...error.path])
    })
    return createFilter(host, settings, output)
  },
}
