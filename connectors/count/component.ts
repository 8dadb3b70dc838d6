// otelcol.connector.count and the collector's count: how many records of which kind.
import type {
  Component,
  ComponentDefinition,
  Host,
  OtelOutput,
  Report,
  SettingsOf,
  Value,
  YamlDefinition,
} from '#component'
import { anyValue, attr, block, blocks, defineSettings, list, otelOutput, string } from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import { anyValueFrom } from '#component/otel_attributes'
import { Recorder } from '#component/ottl'
import {
  checkDefinitions,
  compileDefinitions,
  type MetricSettings,
  namedBodies,
  type RecordKind,
  recordMetrics,
} from '#component/signal_metrics'

const attributeFields = {
  key: attr(
    string,
    'The attribute: records are counted by its values. It is looked for in the record, the scope and the resource.',
    {
      required: true,
    },
  ),
  default_value: attr(anyValue, 'The value of records without it; without one they are not counted.'),
} as const
const metricFields = {
  description: attr(string, 'The description of the metric.', { default: '' }),
  conditions: attr(list(string), 'Conditions of OTTL, one of which must hold; none: all records are counted.', {
    default: [],
  }),
  attributes: blocks(defineSettings(attributeFields), 'Attributes to count by.'),
} as const
const yamlMetric = defineSettings(metricFields)
const alloyMetric = defineSettings({
  name: attr(string, 'The name of the metric; empty: that of the kind.', { default: '' }),
  ...metricFields,
})
type Written = SettingsOf<typeof yamlMetric>

const kinds = {
  spans: { record: 'span', name: 'trace.span.count', what: 'spans' },
  spanevents: { record: 'spanevent', name: 'trace.span.event.count', what: 'span events' },
  metrics: { record: 'metric', name: 'metric.count', what: 'metrics' },
  datapoints: { record: 'datapoint', name: 'metric.datapoint.count', what: 'data points' },
  logs: { record: 'log', name: 'log.record.count', what: 'log records' },
} as const satisfies Readonly<Record<string, { record: RecordKind; name: string; what: string }>>
type Kind = keyof typeof kinds
const kindNames = Object.keys(kinds) as Kind[]

interface Named {
  readonly name: string
  readonly settings: Written
  readonly path: readonly (string | number)[]
}

const docOf = (kind: Kind): string =>
  `Metrics that count ${kinds[kind].what}; none are written: \`${kinds[kind].name}\`.`

const alloySettings = defineSettings(
  {
    spans: blocks(alloyMetric, docOf('spans')),
    spanevents: blocks(alloyMetric, docOf('spanevents')),
    metrics: blocks(alloyMetric, docOf('metrics')),
    datapoints: blocks(alloyMetric, docOf('datapoints')),
    logs: blocks(alloyMetric, docOf('logs')),
    output: block(otelOutput, 'Where metrics go.', { required: true }),
    ...debugMetricsField,
  },
  { check: (s, report) => check(ofAlloy(s), report) },
)
const yamlMetrics = (kind: Kind) => attr(namedBodies(yamlMetric), docOf(kind))
const yamlSettings = defineSettings(
  {
    spans: yamlMetrics('spans'),
    spanevents: yamlMetrics('spanevents'),
    metrics: yamlMetrics('metrics'),
    datapoints: yamlMetrics('datapoints'),
    logs: yamlMetrics('logs'),
  },
  { check: (s, report) => check(ofYaml(s), report) },
)

type AlloyMetrics = Pick<SettingsOf<typeof alloySettings>, Kind>

function ofAlloy(s: AlloyMetrics): MetricSettings[] {
  return kindNames.flatMap((kind) =>
    definitionsOf(
      kind,
      s[kind].length === 0
        ? undefined
        : s[kind].map(({ name, ...settings }, i) => ({ name, settings, path: [kind, i] })),
    ),
  )
}

function ofYaml(s: SettingsOf<typeof yamlSettings>): MetricSettings[] {
  return kindNames.flatMap((kind) =>
    definitionsOf(
      kind,
      s[kind]?.map(({ name, settings }) => ({ name, settings, path: [kind, name] })),
    ),
  )
}

/** `written`: undefined where nothing is, not even that there is nothing. */
function definitionsOf(kind: Kind, written: readonly Named[] | undefined): MetricSettings[] {
  const { record, name: defaultName, what } = kinds[kind]
  const none: Written = { description: `The number of ${what} observed.`, conditions: [], attributes: [] }
  const all = written ?? [{ name: '', settings: none, path: [kind] }]
  return all.map(({ name, settings, path }) => ({
    record,
    name: name === '' ? defaultName : name,
    description: settings.description,
    unit: '',
    conditions: settings.conditions,
    attributes: settings.attributes.map(({ key, default_value: value }) => ({
      key,
      fallback: fallbackOf(value),
      isOptional: false,
    })),
    resourceAttributes: undefined,
    measure: { kind: 'count' },
    path,
  }))
}

/** An empty text is none, as in the collector. */
function fallbackOf(value: Value | undefined) {
  return value === undefined || value === null || value === '' ? undefined : anyValueFrom(value)
}

function check(all: readonly MetricSettings[], report: Report): void {
  for (const { record, attributes, path } of all) {
    if (record === 'metric' && attributes.length > 0) {
      report('metrics have no attributes to count by', [...path, 'attributes'])
    }
  }
  checkDefinitions(all, report)
}

async function create(host: Host, all: readonly MetricSettings[], output: OtelOutput): Promise<Component> {
  const definitions = await compileDefinitions(host, all, (_, group) => new Recorder(host, 'propagate', group))
  const scopeName = 'github.com/open-telemetry/opentelemetry-collector-contrib/connector/countconnector'
  const common = { scopeName, looksAbove: true, resourceExtras: [], isDatedByRecords: true }
  return recordMetrics(host, definitions, common, output)
}

const doc = 'Counts spans, span events, metrics, data points and log records.'

export const otelcolConnectorCount: ComponentDefinition<SettingsOf<typeof alloySettings>> = {
  name: 'otelcol.connector.count',
  stability: 'experimental',
  doc,
  consumes: ['traces', 'metrics', 'logs'],
  input: 'otelcol',
  settings: alloySettings,
  create: (host, s) => create(host, ofAlloy(s), s.output),
}

export const countConnector: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'connector',
  types: ['count'],
  stability: 'experimental',
  doc,
  signals: ['traces', 'metrics', 'logs'],
  produces: { traces: ['metrics'], metrics: ['metrics'], logs: ['metrics'] },
  settings: yamlSettings,
  create: (host, s, output) => create(host, ofYaml(s), output),
}
