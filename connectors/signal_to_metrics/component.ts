// otelcol.connector.signaltometrics and the collector's signal_to_metrics: metrics of records, by expressions of OTTL.
import type { Component, ComponentDefinition, Host, OtelOutput, Report, SettingsOf, YamlDefinition } from '#component'
import {
  anyValue,
  attr,
  block,
  blocks,
  bool,
  defineSettings,
  float,
  int,
  list,
  oneOf,
  otelOutput,
  string,
} from '#component'
import { randomUuid } from '#component/aggregation'
import { debugMetricsField } from '#component/debug_metrics'
import { anyValueFrom } from '#component/otel_attributes'
import { type ErrorMode, errorModes, Recorder } from '#component/ottl'
import {
  type AttributeRule,
  checkDefinitions,
  compileDefinitions,
  type KeysRule,
  type MeasureSettings,
  type MetricSettings,
  type RecordKind,
  recordMetrics,
} from '#component/signal_metrics'

const attributeFields = {
  optional: attr(bool, 'Take records without it all the same.', { default: false }),
  default_value: attr(anyValue, 'The value of records without it.'),
} as const
const alloyAttribute = defineSettings({ key: attr(string, 'The attribute.', { required: true }), ...attributeFields })
const yamlAttribute = defineSettings({
  key: attr(string, 'The attribute.', { default: '' }),
  keys_expression: attr(string, 'Instead of a key: an expression of OTTL that gives keys, all of them optional.', {
    default: '',
  }),
  ...attributeFields,
})

const value = attr(string, 'An expression of OTTL that gives the number.', { required: true })
const count = attr(string, 'An expression of OTTL that gives how often it counts; empty: once.', { default: '' })
const measureFields = {
  histogram: block(
    defineSettings({
      buckets: attr(list(float), 'Upper bounds.', {
        default: [2, 4, 6, 8, 10, 50, 100, 200, 400, 800, 1000, 1400, 2000, 5000, 10_000, 15_000],
      }),
      count,
      value,
    }),
    'A histogram with these buckets.',
  ),
  exponential_histogram: block(
    defineSettings({ max_size: attr(int, 'Most buckets of one sign.', { default: 160 }), count, value }),
    'A histogram with exponential buckets.',
  ),
  gauge: block(defineSettings({ value }), 'A gauge of the last value.'),
} as const
const namedFields = {
  name: attr(string, 'The name of the metric.', { required: true }),
  description: attr(string, 'The description of the metric.', { default: '' }),
  unit: attr(string, 'The unit of the metric.', { default: '' }),
  conditions: attr(list(string), 'Conditions of OTTL, one of which must hold; none: all records are taken.', {
    default: [],
  }),
} as const
const resourceDoc = 'Attributes of resources that the metrics keep; none are written: all of them.'
const attributesDoc = 'Attributes of records to make data points by.'

const alloyMetric = defineSettings({
  ...namedFields,
  ...measureFields,
  sum: block(defineSettings({ value }), 'A sum.'),
  attributes: blocks(alloyAttribute, attributesDoc),
  include_resource_attributes: blocks(alloyAttribute, resourceDoc),
})
const yamlMetric = defineSettings({
  ...namedFields,
  ...measureFields,
  sum: block(defineSettings({ value, monotonic: attr(bool, 'Does it only grow?', { default: false }) }), 'A sum.'),
  attributes: blocks(yamlAttribute, attributesDoc),
  include_resource_attributes: blocks(yamlAttribute, resourceDoc),
})

const errorMode = attr(
  oneOf(...errorModes),
  'What becomes of errors of conditions and expressions: `propagate` refuses the batch, `ignore` logs them and passes over the record, `silent` only passes over it.',
  { default: 'propagate' },
)
const alloySettings = defineSettings(
  {
    spans: blocks(alloyMetric, 'Metrics of spans.'),
    datapoints: blocks(alloyMetric, 'Metrics of data points.'),
    logs: blocks(alloyMetric, 'Metrics of log records.'),
    error_mode: errorMode,
    output: block(otelOutput, 'Where metrics go.', { required: true }),
    ...debugMetricsField,
  },
  { check: (s, report) => check(ofAlloy(s), report) },
)
const yamlSettings = defineSettings(
  {
    spans: blocks(yamlMetric, 'Metrics of spans.'),
    datapoints: blocks(yamlMetric, 'Metrics of data points.'),
    logs: blocks(yamlMetric, 'Metrics of log records.'),
    error_mode: errorMode,
  },
  { check: (s, report) => check(s, report) },
)

type Metric = SettingsOf<typeof yamlMetric>
type Attribute = SettingsOf<typeof yamlAttribute>
const kinds = { spans: 'span', datapoints: 'datapoint', logs: 'log' } as const satisfies Record<string, RecordKind>
type Kind = keyof typeof kinds
const kindNames = Object.keys(kinds) as Kind[]
type Metrics = Readonly<Record<Kind, readonly Metric[]>>

function ofAlloy(s: Pick<SettingsOf<typeof alloySettings>, Kind>): Metrics {
  const of = (kind: Kind): Metric[] =>
    s[kind].map((metric) => ({
      ...metric,
      sum: metric.sum && { ...metric.sum, monotonic: false },
      attributes: metric.attributes.map((attribute) => ({ ...attribute, keys_expression: '' })),
      include_resource_attributes: metric.include_resource_attributes.map((attribute) => ({
        ...attribute,
        keys_expression: '',
      })),
    }))
  return { spans: of('spans'), datapoints: of('datapoints'), logs: of('logs') }
}

function check(metrics: Metrics, report: Report): void {
  const definitions: MetricSettings[] = []
  for (const kind of kindNames) {
    for (const [i, metric] of metrics[kind].entries()) {
      const path = [kind, i]
      const measures = measuresOf(metric)
      if (measures.length !== 1) report(`exactly one of the metrics must be defined, ${measures.length} found`, path)
      if (metric.exponential_histogram !== undefined && metric.exponential_histogram.max_size < 2) {
        report('max_size must be at least 2', [...path, 'exponential_histogram', 'max_size'])
      }
      checkAttributes(metric.attributes, [...path, 'attributes'], report)
      checkAttributes(metric.include_resource_attributes, [...path, 'include_resource_attributes'], report)
      for (const measure of measures) definitions.push(definitionOf(kind, metric, measure, path))
    }
  }
  if (kindNames.every((kind) => metrics[kind].length === 0)) {
    report('no configuration provided, at least one should be specified')
  }
  checkDefinitions(definitions, report)
}

function checkAttributes(attributes: readonly Attribute[], path: readonly (string | number)[], report: Report): void {
  const keys = new Set<string>()
  for (const [i, { key, keys_expression: expression, optional, default_value: fallback }] of attributes.entries()) {
    const at = [...path, i]
    if ((key === '') === (expression === '')) report('an attribute needs either "key" or "keys_expression"', at)
    if (optional && fallback !== undefined && fallback !== null) {
      report('only one of default_value or optional should be set', at)
    }
    if (key !== '' && keys.has(key)) report(`duplicate key found in attributes config: ${key}`, at)
    keys.add(key)
  }
}

function measuresOf({ sum, gauge, histogram, exponential_histogram: exponential }: Metric): MeasureSettings[] {
  const out: MeasureSettings[] = []
  if (sum) out.push({ kind: 'sum', value: sum.value, isMonotonic: sum.monotonic })
  if (gauge) out.push({ kind: 'gauge', value: gauge.value })
  if (histogram) {
    const bounds = [...new Set(histogram.buckets)].toSorted((a, b) => a - b)
    out.push({ kind: 'histogram', value: histogram.value, count: histogram.count, bounds })
  }
  if (exponential) {
    const bucketsMax = exponential.max_size
    out.push({ kind: 'exponential_histogram', value: exponential.value, count: exponential.count, bucketsMax })
  }
  return out
}

function ruleOf({ key, keys_expression: keysExpression, optional, default_value: fallback }: Attribute) {
  if (keysExpression !== '') return { keysExpression } satisfies KeysRule
  return {
    key,
    fallback: fallback === undefined || fallback === null ? undefined : anyValueFrom(fallback),
    isOptional: optional,
  } satisfies AttributeRule
}

function definitionOf(
  kind: Kind,
  metric: Metric,
  measure: MeasureSettings,
  path: readonly (string | number)[],
): MetricSettings {
  const { name, description, unit, conditions, attributes, include_resource_attributes: kept } = metric
  return {
    record: kinds[kind],
    name,
    description,
    unit,
    conditions,
    attributes: attributes.map(ruleOf),
    // Those that a resource lacks are left out.
    resourceAttributes: kept.length === 0 ? undefined : kept.map(ruleOf).map((rule) => ({ ...rule, isOptional: true })),
    measure,
    path,
  }
}

async function create(host: Host, metrics: Metrics, mode: ErrorMode, output: OtelOutput): Promise<Component> {
  const all = kindNames.flatMap((kind) =>
    metrics[kind].flatMap((metric, i) =>
      measuresOf(metric).map((measure) => definitionOf(kind, metric, measure, [kind, i])),
    ),
  )
  const definitions = await compileDefinitions(host, all, (_, group) => new Recorder(host, mode, group))
  // Two collectors that make metrics of the same records must not write the same series.
  const resourceExtras = [
    { key: 'signal_to_metrics.service.instance.id', value: randomUuid(() => host.clock.random()) },
    { key: 'signal_to_metrics.service.name', value: 'solder' },
  ]
  const scopeName = 'github.com/open-telemetry/opentelemetry-collector-contrib/connector/signaltometricsconnector'
  const common = { scopeName, looksAbove: false, resourceExtras, isDatedByRecords: false }
  return recordMetrics(host, definitions, common, output)
}

const doc = 'Makes metrics of spans, data points and log records, with values given by expressions of OTTL.'

export const otelcolConnectorSignaltometrics: ComponentDefinition<SettingsOf<typeof alloySettings>> = {
  name: 'otelcol.connector.signaltometrics',
  stability: 'experimental',
  doc,
  consumes: ['traces', 'metrics', 'logs'],
  input: 'otelcol',
  settings: alloySettings,
  create: (host, s) => create(host, ofAlloy(s), s.error_mode, s.output),
}

export const signalToMetricsConnector: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'connector',
  types: ['signal_to_metrics', 'signaltometrics'],
  stability: 'experimental',
  doc,
  signals: ['traces', 'metrics', 'logs'],
  produces: { traces: ['metrics'], metrics: ['metrics'], logs: ['metrics'] },
  settings: yamlSettings,
  create: (host, s, output) => create(host, s, s.error_mode, output),
}
