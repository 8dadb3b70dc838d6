// otelcol.processor.transform and the collector's `transform`: changes telemetry by statements of OTTL.
import type { ComponentDefinition, Report, SettingsOf, YamlDefinition } from '#component'
import {
  attr,
  block,
  blocks,
  bool,
  customType,
  defineSettings,
  list,
  oneOf,
  otelOutput,
  string,
  ValueError,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import type { ErrorMode } from '#component/ottl'
import { checkGroup, errorModes, groupList } from '#component/ottl'
import type { TransformGroup, TransformSettings } from './transform.ts'
import { createTransform, groupOptions, groupPaths } from './transform.ts'

const errorModeDoc =
  'What becomes of errors of statements: `ignore` logs them and goes on with the next, `silent` only goes on, `propagate` refuses the batch.'
const errorMode = attr(oneOf(...errorModes), errorModeDoc, { default: 'ignore' })
const ownErrorMode = attr(
  oneOf('', ...errorModes),
  'As `error_mode` of the processor, for this group; empty: as there.',
  {
    default: '',
  },
)

const contexts = ['resource', 'scope', 'span', 'spanevent', 'metric', 'datapoint', 'log']

/** The name of a context, in any letter case. */
const contextName = customType<string>({
  name: 'string',
  zero: '',
  decode(value) {
    const text = string.decode(value).toLowerCase()
    if (!contexts.includes(text)) throw new ValueError(`unknown context ${text}`)
    return text
  },
  accepts: string.accepts,
  json: { enum: contexts },
})

const alloyGroup = defineSettings({
  context: attr(
    contextName,
    'What the statements see: `resource`, `scope`, and the items of the signal and their parts.',
    {
      required: true,
    },
  ),
  statements: attr(list(string), 'Statements of OTTL, run in this order.', { required: true }),
  conditions: attr(list(string), 'The statements run where one of these holds; none: everywhere.', { default: [] }),
  error_mode: ownErrorMode,
})
const bareStatements = (what: string) =>
  attr(list(string), `Statements that change ${what}, each path with its context in front.`, { default: [] })

const alloyFields = {
  trace_statements: blocks(alloyGroup, 'Statements for traces, in contexts down to `span` and `spanevent`.'),
  metric_statements: blocks(alloyGroup, 'Statements for metrics, in contexts down to `metric` and `datapoint`.'),
  log_statements: blocks(alloyGroup, 'Statements for logs, in contexts down to `log`.'),
  statements: block(
    defineSettings({
      trace: bareStatements('traces'),
      metric: bareStatements('metrics'),
      log: bareStatements('logs'),
    }),
    'Statements whose context is told from their paths. They run behind the others.',
    { whenAbsent: 'defaults' },
  ),
  error_mode: errorMode,
} as const

const groupsDoc = (signal: string): string =>
  `Statements for ${signal}: texts, whose context is told from their paths, or groups with \`context\`, \`conditions\`, \`statements\` and \`error_mode\`.`

const yamlFields = {
  error_mode: errorMode,
  trace_statements: attr(groupList('statements'), groupsDoc('traces'), { default: [] }),
  metric_statements: attr(groupList('statements'), groupsDoc('metrics'), { default: [] }),
  log_statements: attr(groupList('statements'), groupsDoc('logs'), { default: [] }),
  flatten_data: attr(bool, 'For logs: give each record a resource and a scope of its own while statements run.', {
    default: false,
  }),
} as const

const signals = { trace: 'traces', metric: 'metrics', log: 'logs' } as const
type Kind = keyof typeof signals

function checkAll(settings: TransformSettings, report: Report): void {
  for (const signal of Object.values(signals)) {
    for (const group of settings.groups[signal]) checkGroup(group, groupOptions(signal), groupPaths(group), report)
  }
}

function modeOf(written: '' | ErrorMode): ErrorMode | undefined {
  return written === '' ? undefined : written
}

type AlloySettings = Omit<SettingsOf<typeof settings>, 'output' | 'debug_metrics'>

function ofAlloy(given: AlloySettings): TransformSettings {
  const groups = (kind: Kind): TransformGroup[] => {
    const named = given[`${kind}_statements`].map((group, i): TransformGroup => ({
      context: group.context,
      statements: group.statements,
      conditions: group.conditions,
      errorMode: modeOf(group.error_mode),
      path: [`${kind}_statements`, i],
    }))
    const statements = given.statements[kind]
    const path = ['statements', kind]
    return statements.length === 0
      ? named
      : [...named, { statements, errorMode: undefined, path, statementsPath: path }]
  }
  return {
    errorMode: given.error_mode,
    groups: { traces: groups('trace'), metrics: groups('metric'), logs: groups('log') },
    flattenLogs: false,
  }
}

function ofYaml(given: SettingsOf<typeof yamlSettings>): TransformSettings {
  const groups = (kind: Kind): TransformGroup[] =>
    given[`${kind}_statements`].map(({ path, textsPath, texts, conditions, ...group }): TransformGroup => ({
      ...group,
      statements: texts,
      conditions,
      path: [`${kind}_statements`, ...path],
      statementsPath: [`${kind}_statements`, ...textsPath],
    }))
  return {
    errorMode: given.error_mode,
    groups: { traces: groups('trace'), metrics: groups('metric'), logs: groups('log') },
    flattenLogs: given.flatten_data,
  }
}

const settings = defineSettings(
  { ...alloyFields, output: block(otelOutput, 'Where it goes.', { required: true }), ...debugMetricsField },
  { check: (given, report) => checkAll(ofAlloy(given), report) },
)
const yamlSettings = defineSettings(yamlFields, { check: (given, report) => checkAll(ofYaml(given), report) })

const doc = 'Changes telemetry by statements of OTTL, the OpenTelemetry Transformation Language.'

export const otelcolProcessorTransform: ComponentDefinition<SettingsOf<typeof settings>> = {
  name: 'otelcol.processor.transform',
  stability: 'generally-available',
  doc,
  consumes: ['traces', 'metrics', 'logs'],
  input: 'otelcol',
  stateless: true,
  settings,
  create: (host, given) => createTransform(host, ofAlloy(given), given.output),
}

export const transformProcessor: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'processor',
  types: ['transform'],
  stability: 'public-preview',
  doc,
  signals: ['traces', 'metrics', 'logs'],
  stateless: true,
  settings: yamlSettings,
  create: (host, given, output) => createTransform(host, ofYaml(given), output),
}
