// otelcol.connector.spanmetrics and the collector's span_metrics: counts and durations of spans as metrics.
import type { ComponentDefinition, Report, SettingsOf, YamlDefinition } from '#component'
import {
  attr,
  block,
  blocks,
  bool,
  customType,
  defineSettings,
  duration,
  int,
  list,
  oneOf,
  otelOutput,
  string,
} from '#component'
import { defaultDurationBuckets, durationBounds } from '#component/aggregation'
import { debugMetricsField } from '#component/debug_metrics'
import { RegexpError } from '#lib/regexp'
import { SpanMetricsConnector, type ConnectorSettings } from './connector.ts'
import { KeyPattern } from './dimensions.ts'

/** A text that may be absent: '' is something else. */
const optionalString = customType<string | undefined>({ ...string, zero: undefined })

const dimension = defineSettings({
  name: attr(string, 'The attribute of the span, or else of its resource.', { default: '' }),
  default: attr(optionalString, 'The value where the attribute is missing; without one, so is the dimension.'),
  glob: attr(string, 'Instead of a name: a pattern (`http.*`) of attributes, each of which becomes a dimension.', {
    default: '',
  }),
})
type WrittenDimension = SettingsOf<typeof dimension>

const explicit = defineSettings({
  buckets: attr(list(duration), 'Upper bounds.', { default: defaultDurationBuckets }),
})
const exponential = defineSettings({
  max_size: attr(int, 'Most buckets of one sign.', { default: 160 }),
})
const histogramFields = {
  disable: attr(bool, 'Make no histogram.', { default: false }),
  unit: attr(oneOf('ms', 's'), 'Milliseconds or seconds.', { default: 'ms' }),
  explicit: block(explicit, 'Buckets with these bounds.'),
  exponential: block(exponential, 'Exponential buckets.'),
} as const
const histogramDimensions = blocks(dimension, 'Further dimensions of durations.')
const exemplars = defineSettings({
  enabled: attr(bool, 'Attach trace and span ids to data points.', { default: false }),
  max_per_data_point: attr(int, 'Most exemplars of one data point.', { default: 5 }),
})
const eventsFields = { enabled: attr(bool, 'Count events of spans.', { default: false }) } as const
const eventDimensions = blocks(dimension, 'Further dimensions of events, of their attributes.')

const sharedFields = {
  exclude_dimensions: attr(list(string), 'Built-in dimensions to leave out.', { default: [] }),
  dimensions_cache_size: attr(
    int,
    'How many combinations of values are found without decoding them again; 0: 65536. It bounds no series: `aggregation_cardinality_limit` does.',
    { default: 0 },
  ),
  resource_metrics_cache_size: attr(int, 'How many resources are kept; the one not seen for longest goes first.', {
    default: 1000,
  }),
  resource_metrics_key_attributes: attr(
    list(string),
    'Resource attributes that tell resources apart; none: all of them.',
    { default: [] },
  ),
  metrics_flush_interval: attr(duration, 'How often metrics are sent.', { default: '1m' }),
  metrics_expiration: attr(duration, 'When a resource without spans is forgotten; 0: never.', { default: '0s' }),
  series_expiration: attr(duration, 'When a series without spans is forgotten; 0: never.', { default: '0s' }),
  metric_timestamp_cache_size: attr(int, 'Of how many series the last time is kept, for deltas.', { default: 1000 }),
  namespace: attr(string, 'What names begin with.', { default: 'traces.span.metrics' }),
  exemplars: block(exemplars, 'Exemplars.', { whenAbsent: 'defaults' }),
  include_instrumentation_scope: attr(list(string), 'Scopes whose name and version become dimensions.', {
    default: [],
  }),
  aggregation_cardinality_limit: attr(
    int,
    'Most series of one metric of one resource; more spans go into one marked `otel.metric.overflow`. 0: no limit.',
    { default: 0 },
  ),
} as const

const alloySettings = defineSettings(
  {
    ...sharedFields,
    aggregation_temporality: attr(oneOf('CUMULATIVE', 'DELTA'), 'Do counts go on, or begin anew?', {
      default: 'CUMULATIVE',
    }),
    include_collector_instance_id: attr(bool, 'Add the dimension `collector.instance.id`, random for each instance.', {
      default: false,
    }),
    dimension: blocks(dimension, 'Dimensions beside the built-in ones.'),
    calls_dimension: blocks(dimension, 'Further dimensions of counts.'),
    histogram: block(defineSettings({ ...histogramFields, dimension: histogramDimensions }), 'Durations.', {
      required: true,
    }),
    events: block(defineSettings({ ...eventsFields, dimension: eventDimensions }), 'Events of spans.', {
      whenAbsent: 'defaults',
    }),
    output: block(otelOutput, 'Where metrics go.', { required: true }),
    ...debugMetricsField,
  },
  {
    check(s, report) {
      if (s.histogram.explicit === undefined && s.histogram.exponential === undefined) {
        report('either exponential or explicit histogram configuration must be specified', ['histogram'])
      }
      if (s.metrics_flush_interval <= 0) {
        report('metrics_flush_interval must be greater than 0', ['metrics_flush_interval'])
      }
      checkShared({ ...s, isDelta: s.aggregation_temporality === 'DELTA' }, report)
      checkDimensions(
        [
          { path: ['dimension'], dimensions: s.dimension },
          { path: ['calls_dimension'], dimensions: s.calls_dimension },
          { path: ['histogram', 'dimension'], dimensions: s.histogram.dimension },
          { path: ['events', 'dimension'], dimensions: s.events.dimension },
        ],
        report,
      )
      if (s.events.enabled && s.events.dimension.length === 0) {
        report('no dimensions configured for events', ['events'])
      }
    },
  },
)

const deltaName = 'AGGREGATION_TEMPORALITY_DELTA'
const yamlSettings = defineSettings(
  {
    ...sharedFields,
    aggregation_temporality: attr(
      string,
      '`AGGREGATION_TEMPORALITY_DELTA`, or anything else for cumulative counts, as in the collector.',
      { default: 'AGGREGATION_TEMPORALITY_CUMULATIVE' },
    ),
    dimensions: blocks(dimension, 'Dimensions beside the built-in ones.'),
    calls_dimensions: blocks(dimension, 'Further dimensions of counts.'),
    histogram: block(defineSettings({ ...histogramFields, dimensions: histogramDimensions }), 'Durations.', {
      whenAbsent: 'defaults',
    }),
    events: block(defineSettings({ ...eventsFields, dimensions: eventDimensions }), 'Events of spans.', {
      whenAbsent: 'defaults',
    }),
    add_resource_attributes: attr(bool, 'Accepted: metrics have the attributes of their resource in any case.', {
      default: false,
    }),
    enable_metrics_sampling_method: attr(
      bool,
      'Add the dimension `sampling.method`: `extrapolated` for spans that stand for several, else `counted`.',
      { default: false },
    ),
  },
  {
    check(s, report) {
      if (s.metrics_flush_interval < 0) {
        report('metrics_flush_interval must not be negative', ['metrics_flush_interval'])
      }
      checkShared({ ...s, isDelta: s.aggregation_temporality === deltaName }, report)
      checkDimensions(
        [
          { path: ['dimensions'], dimensions: s.dimensions },
          { path: ['calls_dimensions'], dimensions: s.calls_dimensions },
          { path: ['histogram', 'dimensions'], dimensions: s.histogram.dimensions },
          { path: ['events', 'dimensions'], dimensions: s.events.dimensions },
        ],
        report,
      )
      if (s.events.enabled && s.events.dimensions.length === 0) {
        report('no dimensions configured for events', ['events'])
      }
    },
  },
)

type Shared = {
  readonly [
    K in
      | 'dimensions_cache_size'
      | 'resource_metrics_cache_size'
      | 'aggregation_cardinality_limit'
      | 'metric_timestamp_cache_size'
      | 'metrics_expiration'
      | 'series_expiration'
  ]: number
} & {
  readonly isDelta: boolean
  readonly exemplars: { readonly enabled: boolean; readonly max_per_data_point: number }
  readonly histogram: { readonly explicit: unknown; readonly exponential: { readonly max_size: number } | undefined }
}

function checkShared(s: Shared, report: Report): void {
  const atLeast = (name: string, least: number, value: number): void => {
    if (value < least) report(`${name} must be at least ${least}: current value is ${value}`, [name])
  }
  atLeast('dimensions_cache_size', 0, s.dimensions_cache_size)
  atLeast('resource_metrics_cache_size', 1, s.resource_metrics_cache_size)
  atLeast('aggregation_cardinality_limit', 0, s.aggregation_cardinality_limit)
  atLeast('metrics_expiration', 0, s.metrics_expiration)
  atLeast('series_expiration', 0, s.series_expiration)
  if (s.exemplars.enabled && s.exemplars.max_per_data_point < 0) {
    report('max_per_data_point must not be negative', ['exemplars', 'max_per_data_point'])
  }
  if (s.isDelta) atLeast('metric_timestamp_cache_size', 1, s.metric_timestamp_cache_size)
  const { explicit: bounds, exponential: sizes } = s.histogram
  if (bounds !== undefined && sizes !== undefined) {
    report('use either explicit or exponential buckets, not both', ['histogram'])
  }
  if (sizes !== undefined && sizes.max_size < 0) {
    report('max_size must be greater than 0', ['histogram', 'exponential', 'max_size'])
  }
}

interface Written {
  readonly path: readonly string[]
  readonly dimensions: readonly WrittenDimension[]
}

const builtIn = ['service.name', 'span.name', 'span.kind', 'status.code']

/** No name may come twice in a list. One that is in the list of all metrics and in another is taken once. */
function checkDimensions(all: readonly Written[], report: Report): void {
  for (const { path, dimensions } of all) {
    const names = new Set(builtIn)
    for (const [i, { name, glob, default: fallback }] of dimensions.entries()) {
      const problem =
        problemOf(name, glob, fallback) ??
        (name !== '' && names.has(name) ? `duplicate dimension name ${name}` : undefined)
      if (problem !== undefined) report(problem, [...path, i])
      if (name !== '') names.add(name)
    }
  }
}

function problemOf(name: string, glob: string, fallback: string | undefined): string | undefined {
  if ((name === '') === (glob === '')) return 'a dimension needs either "name" or "glob"'
  if (glob === '') return undefined
  if (fallback !== undefined) return 'a dimension with "glob" has no "default"'
  try {
    void new KeyPattern(glob)
    return undefined
  } catch (error) {
    if (error instanceof RegexpError) return `"glob" is invalid: ${error.message}`
    throw error
  }
}

/** Where nothing is written. */
const combinationsDefault = 65_536

type SharedSettings = Omit<
  SettingsOf<typeof yamlSettings>,
  'dimensions' | 'calls_dimensions' | 'histogram' | 'events'
> & {
  readonly histogram: Pick<
    SettingsOf<typeof yamlSettings>['histogram'],
    'disable' | 'unit' | 'explicit' | 'exponential'
  >
}

function shared(s: Omit<SharedSettings, 'add_resource_attributes' | 'enable_metrics_sampling_method'>) {
  const { unit, disable, explicit: buckets, exponential: sizes } = s.histogram
  const bounds = durationBounds((buckets ?? defaultBuckets).buckets, unit === 's' ? 1000 : 1)
  return {
    histogram: disable
      ? ({ kind: 'none' } as const)
      : sizes === undefined
        ? ({ kind: 'explicit', bounds } as const)
        : ({ kind: 'exponential', bucketsMax: sizes.max_size === 0 ? 160 : sizes.max_size } as const),
    unit,
    namespace: s.namespace,
    excluded: new Set(s.exclude_dimensions),
    scopes: new Set(s.include_instrumentation_scope),
    seriesMax: s.aggregation_cardinality_limit,
    exemplarsMax: s.exemplars.enabled ? s.exemplars.max_per_data_point : 0,
    resourcesMax: s.resource_metrics_cache_size,
    resourceKeys: s.resource_metrics_key_attributes,
    combinationsMax: s.dimensions_cache_size === 0 ? combinationsDefault : s.dimensions_cache_size,
    timesMax: s.metric_timestamp_cache_size,
    resourceExpirationMs: s.metrics_expiration,
    seriesExpirationMs: s.series_expiration,
    flushIntervalMs: s.metrics_flush_interval,
  }
}

const defaultBuckets = { buckets: [2, 4, 6, 8, 10, 50, 100, 200, 400, 800, 1000, 1400, 2000, 5000, 10_000, 15_000] }

function ofAlloy(s: SettingsOf<typeof alloySettings>): ConnectorSettings {
  const common = shared(s)
  if (!s.include_collector_instance_id) common.excluded.add('collector.instance.id')
  return {
    ...common,
    isDelta: s.aggregation_temporality === 'DELTA',
    dimensions: s.dimension,
    callsDimensions: s.calls_dimension,
    durationDimensions: s.histogram.dimension,
    withEvents: s.events.enabled,
    eventDimensions: s.events.dimension,
    samplingMethod: false,
  }
}

function ofYaml(s: SettingsOf<typeof yamlSettings>): ConnectorSettings {
  return {
    ...shared(s),
    isDelta: s.aggregation_temporality === deltaName,
    dimensions: s.dimensions,
    callsDimensions: s.calls_dimensions,
    durationDimensions: s.histogram.dimensions,
    withEvents: s.events.enabled,
    eventDimensions: s.events.dimensions,
    samplingMethod: s.enable_metrics_sampling_method,
  }
}

const doc = 'Counts spans and measures their durations, by service, name, kind, status and chosen attributes.'

export const otelcolConnectorSpanmetrics: ComponentDefinition<SettingsOf<typeof alloySettings>> = {
  name: 'otelcol.connector.spanmetrics',
  stability: 'generally-available',
  doc,
  consumes: ['traces'],
  input: 'otelcol',
  settings: alloySettings,
  create: (host, s) => new SpanMetricsConnector(host, ofAlloy(s), s.output),
}

export const spanMetricsConnector: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'connector',
  types: ['span_metrics', 'spanmetrics'],
  stability: 'experimental',
  doc,
  signals: ['traces'],
  produces: { traces: ['metrics'] },
  settings: yamlSettings,
  create: (host, s, output) => new SpanMetricsConnector(host, ofYaml(s), output),
}
