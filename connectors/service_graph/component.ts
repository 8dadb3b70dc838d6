// otelcol.connector.servicegraph and the collector's service_graph: who calls whom, how often, how long, with which errors.
import type { ComponentDefinition, Report, SettingsOf, YamlDefinition } from '#component'
import { attr, block, bool, defineSettings, duration, int, list, otelOutput, string } from '#component'
import { defaultDurationBuckets, durationBounds } from '#component/aggregation'
import { debugMetricsField } from '#component/debug_metrics'
import { ServiceGraphConnector, type ServiceGraphSettings } from './connector.ts'

const sharedFields = {
  latency_histogram_buckets: attr(list(duration), 'Upper bounds of durations.', { default: defaultDurationBuckets }),
  exponential_histogram_max_size: attr(
    int,
    'Most exponential buckets of one sign; 0: `latency_histogram_buckets` are used.',
    { default: 0 },
  ),
  dimensions: attr(
    list(string),
    'Attributes of resources or spans that become dimensions, as `client_` and `server_` with the name.',
    { default: [] },
  ),
  store: block(
    defineSettings({
      max_items: attr(int, 'Most requests of which one side is waited for.', { default: 1000 }),
      ttl: attr(duration, 'How long the other side is waited for.', { default: '2s' }),
    }),
    'Spans that wait for their other side.',
    { whenAbsent: 'defaults' },
  ),
  cache_loop: attr(duration, 'How often series without a request for 15 minutes are forgotten.', { default: '1m' }),
  store_expiration_loop: attr(duration, 'How often the store is looked through.', { default: '2s' }),
  virtual_node_peer_attributes: attr(
    list(string),
    'Attributes that name a peer which sends no spans, the best first; none: no such peers are made up.',
    { default: ['peer.service', 'db.name', 'db.system'] },
  ),
  virtual_node_extra_label: attr(bool, 'Add the dimension `virtual_node`: the side that was made up.', {
    default: false,
  }),
  metrics_flush_interval: attr(duration, 'How often metrics are sent; 0: with every batch of traces.', {
    default: '1m',
  }),
  aggregation_cardinality_limit: attr(
    int,
    'How many series are kept; requests of others count in one that is marked `otel.metric.overflow`. 0: no limit.',
    { default: 10_000 },
  ),
  database_name_attributes: attr(list(string), 'Attributes that name a database, the best first.', {
    default: ['db.name'],
  }),
} as const

const alloySettings = defineSettings(
  {
    ...sharedFields,
    database_name_attribute: attr(string, 'Older form of `database_name_attributes`; looked for after those.', {
      default: 'db.name',
    }),
    output: block(otelOutput, 'Where metrics go.', { required: true }),
    ...debugMetricsField,
  },
  {
    check(s, report) {
      checkShared(s, report)
      for (const name of ['cache_loop', 'store_expiration_loop'] as const) {
        if (s[name] <= 0) report(`${name} must be greater than 0`, [name])
      }
    },
  },
)
const yamlSettings = defineSettings(
  {
    ...sharedFields,
    metrics_timestamp_offset: attr(duration, 'Points are dated back by this.', { default: '0s' }),
  },
  { check: checkShared },
)

type Shared = SettingsOf<ReturnType<typeof defineSettings<typeof sharedFields>>>

function checkShared(s: Shared, report: Report): void {
  const { store, exponential_histogram_max_size: sizeMax, aggregation_cardinality_limit: seriesMax } = s
  if (store.max_items <= 0) report('store.max_items must be greater than 0', ['store', 'max_items'])
  if (store.ttl <= 0) report('store.ttl must be greater than 0', ['store', 'ttl'])
  if (seriesMax < 0) {
    report('aggregation_cardinality_limit must not be negative', ['aggregation_cardinality_limit'])
  }
  if (sizeMax < 0) report('exponential_histogram_max_size must not be negative', ['exponential_histogram_max_size'])
}

function shared(s: Shared, databaseAttributes: readonly string[], timestampOffsetMs: number): ServiceGraphSettings {
  return {
    histogram: {
      bounds: durationBounds(s.latency_histogram_buckets, 1000),
      bucketsMax: s.exponential_histogram_max_size,
    },
    seriesMax: s.aggregation_cardinality_limit,
    dimensions: s.dimensions,
    edgesMax: s.store.max_items,
    ttlMs: s.store.ttl,
    // As in the collector, where they are not positive.
    cacheLoopMs: s.cache_loop > 0 ? s.cache_loop : 60_000,
    expirationLoopMs: s.store_expiration_loop > 0 ? s.store_expiration_loop : 2000,
    peerAttributes: s.virtual_node_peer_attributes,
    virtualNodeLabel: s.virtual_node_extra_label,
    databaseAttributes,
    flushIntervalMs: s.metrics_flush_interval,
    timestampOffsetMs,
  }
}

const doc = 'Pairs the spans of requests between services, and makes metrics of the graph that they form.'

export const otelcolConnectorServicegraph: ComponentDefinition<SettingsOf<typeof alloySettings>> = {
  name: 'otelcol.connector.servicegraph',
  stability: 'generally-available',
  doc,
  consumes: ['traces'],
  input: 'otelcol',
  settings: alloySettings,
  create: (host, s) => {
    const older = s.database_name_attribute === 'db.name' ? [] : [s.database_name_attribute]
    const names = [...new Set([...s.database_name_attributes, ...older])]
    return new ServiceGraphConnector(host, shared(s, names, 0), s.output)
  },
}

export const serviceGraphConnector: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'connector',
  types: ['service_graph', 'servicegraph'],
  stability: 'experimental',
  doc,
  signals: ['traces'],
  produces: { traces: ['metrics'] },
  settings: yamlSettings,
  create(host, s, output) {
    const names = s.database_name_attributes.length === 0 ? ['db.name'] : s.database_name_attributes
    return new ServiceGraphConnector(host, shared(s, names, s.metrics_timestamp_offset), output)
  },
}
