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
import { formatGoFloat } from '#pdata/exposition'
import type { AnyValue } from '#pdata/otlp'

const metric = defineSettings({
  source_attribute: attr(
    string,
    'The attribute with the number, or with a text that says one; records without it add 0.',
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
  metrics: 'metric',
  datapoints: 'datapoint',
  logs: 'log',
} as const satisfies Record<string, RecordKind>
type Kind = keyof typeof kinds

const metrics = (what: string) => attr(namedBodies(metric), `Sums over ${what}, by the metric's name.`, { default: {} })
const settings = defineSettings(
  {
    spans: metrics('spans'),
    spanevents: metrics('span events'),
    metrics: metrics('metrics, which have no attributes: always 0'),
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

/** Only texts and numbers can be one, and nothing that is empty or 0, as in the collector. */
function fallbackOf(written: Value | undefined) {
  if (written === undefined || written === null) return undefined
  const value = anyValueFrom(written)
  const isOne = typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint'
  return isOne && value ? value : undefined
}

/** Points have texts, as the collector writes them: of a value that is no text or number, or is empty or 0, there is none. */
function shownAs(value: AnyValue): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value
  if (typeof value === 'bigint') return value === 0n ? undefined : String(value)
  if (typeof value !== 'number' || value === 0) return undefined
  const magnitude = Math.abs(value)
  return magnitude >= 1e-4 && magnitude < 1e21 ? String(value) : formatGoFloat(value)
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
    const common = { scopeName: '', looksAbove: false, resourceExtras: [], isDatedByRecords: false, shownAs }
    return recordMetrics(host, definitions, common, output)
  },
}
