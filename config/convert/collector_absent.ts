// Components of the collector's that only Alloy has: how their settings there differ, and what the collector leaves unsaid.
import type { Settings } from '#component'
import { isNull, type YamlEntry, type YamlMap, type YamlNode } from '../yaml/tree.ts'
import type { Reading } from './collector_rules.ts'
import { attribute, block, listLiteral, type Statement, stringLiteral } from './document.ts'
import { hasValue, mapOf, textOf, withEntry, without } from './http.ts'
import type { Rule, Writer } from './writer.ts'

export interface AbsentContext {
  readonly writer: Writer
  readonly schema: Settings<object>
}

/** Text or nested texts by key: what the collector has where the source says nothing. */
interface Unsaid {
  readonly [key: string]: string | number | boolean | Unsaid
}

/** Alloy has limits of time for its HTTP servers where the collector has none. */
const noLimits = { idle_timeout: '0s', write_timeout: '0s', read_header_timeout: '0s' } as const

/** The map with everything that it lacks of `unsaid`; sections of it are made. */
function completed(map: YamlMap, unsaid: Unsaid): YamlMap {
  return Object.entries(unsaid).reduce((all, [key, preset]) => {
    const given = all.entries.get(key)
    if (typeof preset === 'object') {
      const section = given?.value.kind === 'map' ? given.value : mapOf({}, map.range)
      return given && given.value.kind !== 'map' && !isNull(given.value)
        ? all
        : withEntry(all, key, completed(section, preset))
    }
    return hasValue(given) ? all : withEntry(all, key, scalar(preset, map.range))
  }, map)
}

/** The same, for those of its sections that the map has. */
function completedWhereGiven(map: YamlMap, unsaid: Readonly<Record<string, Unsaid>>): YamlMap {
  const given = Object.entries(unsaid).filter(([key]) => map.entries.has(key))
  return completed(map, Object.fromEntries(given))
}

function scalar(value: string | number | boolean, range: YamlMap['range']): YamlNode {
  if (typeof value === 'string') return textOf(value, range)
  if (typeof value === 'boolean') return { kind: 'scalar', value, text: String(value), range }
  return { kind: 'scalar', value: BigInt(value), text: String(value), range }
}

/** Everything of a section stands in the component's own block. */
function lifted(map: YamlMap, key: string): YamlMap {
  const section = map.entries.get(key)?.value
  if (section?.kind !== 'map') return map
  return { ...map, entries: new Map([...without(map, [key]).entries, ...section.entries]) }
}

/** The keys of a map go into a section of it. */
function gathered(map: YamlMap, key: string, names: readonly string[]): YamlMap {
  const inside = [...map.entries].filter(([name]) => names.includes(name))
  if (inside.length === 0) return map
  const given = map.entries.get(key)?.value
  const entries = new Map([...(given?.kind === 'map' ? given.entries : []), ...inside])
  return withEntry(without(map, names), key, { kind: 'map', entries, range: map.range })
}

/** The same with a key of another name. */
function renamed(map: YamlMap, from: string, to: string): YamlMap {
  const entry = map.entries.get(from)
  return entry ? withEntry(without(map, [from]), to, entry.value) : map
}

const oneReceiver: Readonly<Record<string, Unsaid>> = {
  grpc: { endpoint: 'localhost:14250' },
  thrift_http: { endpoint: 'localhost:14268', ...noLimits },
  thrift_binary: { endpoint: 'localhost:6832', max_packet_size: 65_000 },
  thrift_compact: { endpoint: 'localhost:6831', max_packet_size: 65_000 },
}

export const absentReadings: Readonly<Record<string, (context: AbsentContext) => Reading>> = {
  'exporter/datadog': ({ writer }) => ({
    prepare: datadog,
    rules: {
      '*key': 'api_key',
      '*endpoint': written(writer),
      '*compute_stats_by_span_kind': written(writer, 'bool'),
      '*peer_tags_aggregation': written(writer, 'bool'),
    },
  }),
  'exporter/kafka': ({ writer }) => ({
    prepare: (map) =>
      completed(authenticated(map), {
        logs: { topic: 'otlp_logs', encoding: 'otlp_proto' },
        metrics: { topic: 'otlp_metrics', encoding: 'otlp_proto' },
        traces: { topic: 'otlp_spans', encoding: 'otlp_proto' },
      }),
    // Written even where they are Alloy's default.
    rules: { '*topic': written(writer), '*encoding': written(writer), '*plain_text': 'plaintext' },
  }),
  'exporter/googlecloud': () => ({ rules: { '*experimental_wal_config': 'experimental_wal' } }),
  'exporter/googlecloudpubsub': ({ writer }) => ({
    prepare: (map) => completedWhereGiven(map, { retry_on_failure: { randomization_factor: 0 } }),
    rules: { '*randomization_factor': written(writer, 'float') },
  }),
  'exporter/splunk_hec': () => ({ prepare: splunk }),
  'extension/jaegerremotesampling': () => ({ prepare: remoteSampling }),
  'processor/k8sattributes': ({ writer }) => ({
    prepare: (map) => completed(map, { auth_type: 'serviceAccount' }),
    rules: { auth_type: written(writer) },
    extra: (_, map) => (map.entries.has('extract') ? [] : [block('extract', undefined, k8sMetadata)]),
  }),
  'receiver/awscloudwatch': ({ writer, schema }) => ({
    rules: { '*named': (entry) => logGroups(writer, schema, entry) },
  }),
  'receiver/cloudflare': () => ({ prepare: (map) => lifted(map, 'logs') }),
  'receiver/datadog': () => ({
    prepare: (map) => completed(map, { ...noLimits, read_timeout: '0s', idle_series_cleanup_interval: '0s' }),
  }),
  'receiver/faro': () => ({ prepare: (map) => completed(map, noLimits) }),
  'receiver/influxdb': () => ({ prepare: (map) => completed(map, noLimits) }),
  'receiver/jaeger': () => ({
    prepare: (map) => {
      const protocols = map.entries.get('protocols')?.value
      return protocols?.kind === 'map' ? withEntry(map, 'protocols', completedWhereGiven(protocols, oneReceiver)) : map
    },
  }),
  'receiver/kafka': () => ({
    prepare: (map) => {
      const strategy = ['group_rebalance_strategy', 'group_rebalance_strategies'].some((key) => map.entries.has(key))
      const known = authenticated(map)
      return strategy ? known : completed(known, { group_rebalance_strategy: 'cooperative-sticky' })
    },
    rules: { '*plain_text': 'plaintext' },
  }),
  'receiver/solace': ({ writer }) => ({ rules: { broker: (entry) => firstOfList(writer, entry) } }),
  'receiver/splunk_hec': () => ({
    prepare: (map) => completed(map, { ...noLimits, write_timeout: '20s', read_header_timeout: '20s' }),
  }),
  'receiver/vcenter': ({ writer }) => ({
    prepare: (map) => completed(map, { max_query_metrics: 0 }),
    rules: { max_query_metrics: written(writer, 'int') },
  }),
}

function remoteSampling(map: YamlMap): YamlMap {
  const source = map.entries.get('source')?.value
  const shaped =
    source?.kind === 'map'
      ? withEntry(map, 'source', completedWhereGiven(source, { remote: { compression: '', write_buffer_size: 0 } }))
      : map
  return completed(shaped, { grpc: { endpoint: 'localhost:14250' }, http: { endpoint: 'localhost:5778', ...noLimits } })
}

/** A rule that writes a setting whatever it is. */
function written(writer: Writer, type = 'string'): Rule {
  return ({ key, value }) => {
    const expression = writer.expression(type, value)
    return expression === undefined ? [] : [attribute(key, expression)]
  }
}

/** The collector's attributes of pods where nobody chooses. */
const k8sMetadata = attribute(
  'metadata',
  listLiteral(
    [
      'container.image.name',
      'container.image.tag',
      'k8s.deployment.name',
      'k8s.namespace.name',
      'k8s.node.name',
      'k8s.pod.name',
      'k8s.pod.start_time',
      'k8s.pod.uid',
    ].map(stringLiteral),
  ),
)

function authenticated(map: YamlMap): YamlMap {
  return renamed(map, 'auth', 'authentication')
}

function firstOfList(writer: Writer, { key, value }: YamlEntry): Statement[] {
  const node = value.kind === 'list' ? value.items[0] : value
  const expression = node && writer.expression('string', node)
  return expression === undefined ? [] : [attribute(key, expression)]
}

/** Groups of CloudWatch's logs by their names. */
function logGroups(writer: Writer, schema: Settings<object>, entry: YamlEntry): Statement[] {
  const path = ['logs', 'groups', 'named']
  let inner: Settings<object> = schema
  for (const name of path) {
    const field = inner.fields[name]
    if (!field || !('schema' in field)) return []
    inner = field.schema
  }
  return [...(writer.map(entry)?.entries.values() ?? [])].map((one) => {
    const map = writer.map(one)
    const name = attribute('group_name', stringLiteral(one.key))
    return block('named', undefined, name, ...(map ? writer.body(inner, map) : []))
  })
}

const clientKeys = [
  'endpoint',
  'timeout',
  'read_buffer_size',
  'write_buffer_size',
  'max_idle_conns',
  'max_idle_conns_per_host',
  'max_conns_per_host',
  'idle_conn_timeout',
  'disable_keep_alives',
  'tls',
]

/** The endpoints are those of the site. */
function datadog(map: YamlMap): YamlMap {
  const api = map.entries.get('api')?.value
  const given = api?.kind === 'map' ? api.entries.get('site')?.value : undefined
  const site = given?.kind === 'scalar' && !isNull(given) ? given.text : 'datadoghq.com'
  const metrics = map.entries.get('metrics')?.value
  const own = ['resource_attributes_as_tags', 'instrumentation_scope_metadata_as_tags']
  const shaped = metrics?.kind === 'map' ? withEntry(map, 'metrics', gathered(metrics, 'exporter', own)) : map
  const client = gathered(shaped, 'client', clientKeys)
  return completedWhereGiven(client, {
    traces: { endpoint: `https://trace.agent.${site}`, compute_stats_by_span_kind: true, peer_tags_aggregation: true },
    metrics: { endpoint: `https://api.${site}` },
    logs: { endpoint: `https://http-intake.logs.${site}` },
  })
}

/** What is not of the HTTP client, its queue or the names of attributes is of Splunk; of TLS Alloy has one setting. */
function splunk(map: YamlMap): YamlMap {
  const others = [...clientKeys, 'sending_queue', 'retry_on_failure', 'otel_attrs_to_hec_metadata', 'debug_metrics']
  const own = [...map.entries.keys()].filter((key) => !others.includes(key))
  const shaped = gathered(gathered(lifted(map, 'tls'), 'splunk', own), 'client', [...clientKeys, ...tlsKeys])
  return completed(shaped, {
    client: { timeout: '10s', max_idle_conns_per_host: 100, idle_conn_timeout: '10s' },
    splunk: {
      otel_to_hec_fields: { severity_text: 'otel.log.severity.text', severity_number: 'otel.log.severity.number' },
    },
  })
}

const tlsKeys = ['ca_file', 'cert_file', 'key_file', 'insecure_skip_verify', 'insecure', 'server_name_override']
