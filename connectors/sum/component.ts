// The collector's sum connector: adds up numbers that attributes hold.
import type { SettingsOf, Value, YamlDefinition } from '#component'
import { anyValue, attr, blocks, defineSettings, list, string } from '#component'
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

const metric = defineSettings({
  source_attribute: attr(
    string,
    'The attribute with the number, or with a text that says one; records without it add nothing.',
    {
      required: true,
    },
  ),
  description: attr(string, 'The description of the metric.', { default: '' }),
  conditions: attr(list(string), 'Conditions of OTTL, one of which must hold; none: all records are added.', {
    default: [],
  }),
  attributes: blocks(
    defineSettings({
      key: attr(string, 'The attribute: there is a sum for each of its values.', { required: true }),
      default_value: attr(anyValue, 'The value of records without it; without one they add nothing.'),
    }),
    'Attributes to add up by.',
  ),
})

const kinds = {
  spans: 'span',
  spanevents: 'spanevent',
  datapoints: 'datapoint',
  logs: 'log',
} as const satisfies Record<string, RecordKind>
type Kind = keyof typeof kinds

const metrics = (what: string) => attr(namedBodies(metric), `Sums over ${what}, by the metric's name.`, { default: {} })
const settings = defineSettings(
  {
    spans: metrics('spans'),
    spanevents: metrics('span events'),
    datapoints: metrics('data points'),
    logs: metrics('log records'),
  },
  { check: (s, report) => checkDefinitions(definitionsOf(s), report) },
)

function definitionsOf(s: SettingsOf<typeof settings>): MetricSettings[] {
  return (Object.keys(kinds) as Kind[]).flatMap((kind) =>
    s[kind].map(({ name, settings: written }) => ({
      record: kinds[kind],
      name,
      description: written.description,
      unit: '',
      conditions: written.conditions,
      attributes: written.attributes.map(({ key, default_value: value }) => ({
        key,
        fallback: fallbackOf(value),
        isOptional: false,
      })),
      resourceAttributes: undefined,
      measure: { kind: 'attribute', key: written.source_attribute },
      path: [kind, name],
    })),
  )
}

/** An empty text is none, as in the collector. */
function fallbackOf(value: Value | undefined) {
  return value === undefined || value === null || value === '' ? undefined : anyValueFrom(value)
}

export const sumConnector: YamlDefinition<SettingsOf<typeof settings>> = {
  kind: 'connector',
  types: ['sum'],
  stability: 'experimental',
  doc: 'Adds up the numbers in attributes of spans, span events, data points and log records.',
  signals: ['traces', 'metrics', 'logs'],
  produces: { traces: ['metrics'], metrics: ['metrics'], logs: ['metrics'] },
  settings,
  async create(host, s, output) {
    const all = definitionsOf(s)
    const definitions = await compileDefinitions(host, all, (_, group) => new Recorder(host, 'propagate', group))
    const common = { scopeName: 'otelcol/sumconnector', looksAbove: false, resourceExtras: [], isDatedByRecords: false }
    return recordMetrics(host, definitions, common, output)
  },
}
