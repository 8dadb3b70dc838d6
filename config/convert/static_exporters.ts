// The exporters of Grafana Agent's integrations as those of Alloy: what they are called, and where their settings differ.
import { createRequire } from 'node:module'
import type { Settings } from '#component'
import type * as Yaml from 'yaml'
import { isNull, type YamlEntry, type YamlMap, type YamlNode } from '../yaml/tree.ts'
import {
  type AlloyBlock,
  attribute,
  block,
  labelOf,
  listLiteral,
  objectLiteral,
  type Statement,
  stringLiteral,
} from './document.ts'
import { hasValue } from './http.ts'
import type { Rule, Rules, Writer } from './writer.ts'

const require = createRequire(import.meta.url)

export interface Integration {
  /** Its key in the first version of integrations. */
  readonly first: string
  /** In the second (`integrations-next`): lists end in `_configs`. */
  readonly second: string
  /** Settings that stand in blocks, or that have another name: `block`, `setting`. */
  readonly places?: Readonly<Record<string, readonly [string, string]>>
  readonly rules?: (writer: Writer, schema: Settings<object>) => Rules
  /** What the Agent has where nobody says it, and Alloy has otherwise. */
  readonly unsaid?: Readonly<Record<string, string>>
  /** Statements beside those of the settings. */
  readonly extra?: readonly Statement[]
  /** Blocks whose name begins each of their settings: `filesystem_mount_timeout`. */
  readonly prefixed?: boolean
}

/** Settings of node_exporter whose name is not that of block and setting with an underscore between them. */
const unixPlaces: Readonly<Record<string, readonly [string, string]>> = {
  enable_bcache_priority_stats: ['bcache', 'priority_stats'],
  enable_cpu_guest_seconds_metric: ['cpu', 'guest'],
  enable_cpu_info_metric: ['cpu', 'info'],
  systemd_enable_restarts_metrics: ['systemd', 'enable_restarts'],
  systemd_enable_start_time_metrics: ['systemd', 'start_time'],
  systemd_enable_task_metrics: ['systemd', 'task_metrics'],
  diskstats_device_exclude: ['disk', 'device_exclude'],
  diskstats_device_include: ['disk', 'device_include'],
  diskstats_ignored_devices: ['disk', 'device_exclude'],
  netdev_device_whitelist: ['netdev', 'device_include'],
  netdev_device_blacklist: ['netdev', 'device_exclude'],
  systemd_unit_whitelist: ['systemd', 'unit_include'],
  systemd_unit_blacklist: ['systemd', 'unit_exclude'],
  filesystem_ignored_mount_points: ['filesystem', 'mount_points_exclude'],
  filesystem_ignored_fs_types: ['filesystem', 'fs_types_exclude'],
}

const mysqlPlaces: Readonly<Record<string, readonly [string, string]>> = {
  info_schema_processlist_min_time: ['info_schema.processlist', 'min_time'],
  info_schema_processlist_processes_by_user: ['info_schema.processlist', 'processes_by_user'],
  info_schema_processlist_processes_by_host: ['info_schema.processlist', 'processes_by_host'],
  info_schema_tables_databases: ['info_schema.tables', 'databases'],
  perf_schema_eventsstatements_limit: ['perf_schema.eventsstatements', 'limit'],
  perf_schema_eventsstatements_time_limit: ['perf_schema.eventsstatements', 'time_limit'],
  perf_schema_eventsstatements_digtext_text_limit: ['perf_schema.eventsstatements', 'text_limit'],
  perf_schema_eventsstatements_exclude_schemas: ['perf_schema.eventsstatements', 'exclude_schemas'],
  perf_schema_file_instances_filter: ['perf_schema.file_instances', 'filter'],
  perf_schema_file_instances_remove_prefix: ['perf_schema.file_instances', 'remove_prefix'],
  perf_schema_memory_events_remove_prefix: ['perf_schema.memory_events', 'remove_prefix'],
  heartbeat_database: ['heartbeat', 'database'],
  heartbeat_table: ['heartbeat', 'table'],
  heartbeat_utc: ['heartbeat', 'utc'],
  mysql_user_privileges: ['mysql.user', 'privileges'],
}

const commaLists = [
  'check_keys',
  'check_key_groups',
  'check_single_keys',
  'check_streams',
  'check_single_streams',
  'count_keys',
]

/** By what stands behind `prometheus.exporter.`, in the order in which Alloy's own conversion writes them. */
export const exporters: Readonly<Record<string, Integration>> = {
  self: { first: 'agent', second: 'agent' },
  apache: { first: 'apache_http', second: 'apache_http_configs' },
  blackbox: {
    first: 'blackbox',
    second: 'blackbox',
    rules: (writer) => ({
      blackbox_targets: (entry) => targets(writer, entry, ['name', 'address', 'module']),
      blackbox_config: ({ value }) => [attribute('config', stringLiteral(yamlText(value)))],
    }),
    unsaid: { probe_timeout_offset: '"0s"' },
  },
  snmp: {
    first: 'snmp',
    second: 'snmp',
    rules: (writer, schema) => ({
      snmp_targets: (entry) => {
        return targets(writer, entry, ['name', 'address', 'module', 'auth', 'walk_params', 'snmp_context'])
      },
      snmp_config: '! write it into the file that config_file names',
      walk_params: (entry) => named(writer, schema, 'walk_param', entry),
    }),
  },
  azure: { first: 'azure_exporter', second: 'azure_configs' },
  cadvisor: {
    first: 'cadvisor',
    second: 'cadvisor',
    rules: () => ({ docker: 'docker_host', containerd: 'containerd_host', docker_tls: 'use_docker_tls' }),
  },
  cloudwatch: {
    first: 'cloudwatch_exporter',
    second: 'cloudwatch_configs',
    rules: (writer, schema) => ({
      aws_sdk_version_v2: null,
      discovery: (entry) => cloudwatchDiscovery(writer, schema, entry),
      static: (entry) => writer.maps(entry).map((job) => cloudwatchJob(writer, schema, 'static', job)),
    }),
    unsaid: { fips_disabled: 'false' },
    extra: [block('decoupled_scraping', undefined)],
  },
  consul: { first: 'consul_exporter', second: 'consul_configs' },
  dnsmasq: {
    first: 'dnsmasq_exporter',
    second: 'dnsmasq_configs',
    rules: () => ({ dnsmasq_address: 'address', leases_path: 'leases_file' }),
  },
  elasticsearch: { first: 'elasticsearch_exporter', second: 'elasticsearch_configs' },
  github: { first: 'github_exporter', second: 'github_configs' },
  kafka: { first: 'kafka_exporter', second: 'kafka_configs' },
  memcached: {
    first: 'memcached_exporter',
    second: 'memcached_configs',
    rules: () => ({ memcached_address: 'address' }),
  },
  mysql: { first: 'mysqld_exporter', second: 'mysql_configs', places: mysqlPlaces },
  unix: { first: 'node_exporter', second: 'node_exporter', places: unixPlaces, prefixed: true },
  oracledb: {
    first: 'oracledb',
    second: 'oracledb_configs',
    rules: () => ({ max_idle_connections: 'max_idle_conns', max_open_connections: 'max_open_conns' }),
  },
  postgres: {
    first: 'postgres_exporter',
    second: 'postgres_configs',
    places: {
      autodiscover_databases: ['autodiscovery', 'enabled'],
      include_databases: ['autodiscovery', 'database_allowlist'],
      exclude_databases: ['autodiscovery', 'database_denylist'],
    },
    rules: () => ({ query_path: 'custom_queries_config_path' }),
  },
  process: {
    first: 'process_exporter',
    second: 'process',
    rules: () => ({ process_names: 'matcher' }),
  },
  redis: {
    first: 'redis_exporter',
    second: 'redis_configs',
    rules: () => Object.fromEntries(commaLists.map((key) => [key, splitAtCommas])),
  },
  snowflake: { first: 'snowflake', second: 'snowflake_configs' },
  squid: { first: 'squid', second: 'squid_configs' },
  statsd: {
    first: 'statsd_exporter',
    second: 'statsd',
    rules: () => ({ mapping_config: '! write it into the file that mapping_config_path names' }),
  },
  windows: {
    first: 'windows_exporter',
    second: 'windows',
    rules: () => ({
      '*enabled_collectors': splitAtCommas,
      '*enabled_list': splitAtCommas,
      '*enabled_classes': splitAtCommas,
      '*sources_enabled': splitAtCommas,
      enabled_collectors: splitAtCommas,
    }),
  },
  gcp: { first: 'gcp_exporter', second: 'gcp_configs' },
  mssql: { first: 'mssql', second: 'mssql_configs' },
  mongodb: {
    first: 'mongodb_exporter',
    second: 'mongodb_configs',
    unsaid: { direct_connect: 'true', discovering_mode: 'true' },
  },
}

/** The body of the exporter's block. */
export function exporterBody(
  writer: Writer,
  schema: Settings<object>,
  map: YamlMap,
  integration: Integration,
): Statement[] {
  const sections = new Map<string, Statement[]>()
  const plain = new Map<string, YamlEntry>()
  for (const entry of map.entries.values()) {
    const place = placeOf(schema, entry.key, integration)
    const section = place ? schema.fields[place[0]] : undefined
    const field = place && section?.kind === 'block' ? section.schema.fields[place[1]] : undefined
    if (!place || field?.kind !== 'attribute') {
      plain.set(entry.key, entry)
      continue
    }
    const statement = writer.attributeOf(place[1], field, entry.value)
    const known = sections.get(place[0]) ?? []
    sections.set(place[0], statement ? [...known, statement] : known)
  }
  const rules = integration.rules?.(writer, schema) ?? {}
  const body = writer.body(schema, { ...map, entries: plain }, rules)
  const unsaid = Object.entries(integration.unsaid ?? {}).filter(([name]) => !map.entries.has(name))
  return [
    ...body,
    ...unsaid.map(([name, expression]) => attribute(name, expression)),
    ...[...sections]
      .filter(([, inside]) => inside.length > 0)
      .map(([name, inside]) => block(name, undefined, ...inside)),
    ...(integration.extra ?? []),
  ]
}

function placeOf(
  schema: Settings<object>,
  key: string,
  { places, prefixed }: Integration,
): readonly [string, string] | undefined {
  if (places && Object.hasOwn(places, key)) return places[key]
  if (!prefixed || Object.hasOwn(schema.fields, key)) return undefined
  const at = key.indexOf('_')
  return at < 0 ? undefined : [key.slice(0, at), key.slice(at + 1)]
}

const splitAtCommas: Rule = ({ key, value }) => {
  const text = value.kind === 'scalar' && !isNull(value) ? value.text : ''
  return text === '' ? [] : [attribute(key, listLiteral(text.split(',').map((one) => stringLiteral(one.trim()))))]
}

/** Targets as maps of texts: those of `keys` are always there. */
function targets(writer: Writer, entry: YamlEntry, keys: readonly string[]): Statement[] {
  const all = writer.maps(entry).map((map) => {
    const labels = writer.map(map.entries.get('labels'))?.entries ?? new Map<string, YamlEntry>()
    const texts = keys.map((key): [string, string] => [key, textIn(map.entries.get(key))])
    return objectLiteral([...texts, ...[...labels].map(([key, one]): [string, string] => [key, textIn(one)])])
  })
  return [attribute('targets', listLiteral(all))]
}

function textIn(entry: YamlEntry | undefined): string {
  return stringLiteral(entry?.value.kind === 'scalar' && !isNull(entry.value) ? entry.value.text : '')
}

/** A map of maps as blocks whose labels are the keys. */
function named(writer: Writer, schema: Settings<object>, name: string, entry: YamlEntry): AlloyBlock[] {
  const field = schema.fields[name]
  if (field?.kind !== 'blocks') return []
  return [...(writer.map(entry)?.entries.values() ?? [])].map((one) => {
    const inside = writer.map(one)
    return block(name, labelOf(one.key) ?? '_', ...(inside ? writer.body(field.schema, inside) : []))
  })
}

// ------------------------------------------------------------------------------------------------------ CloudWatch

function cloudwatchDiscovery(writer: Writer, schema: Settings<object>, entry: YamlEntry): Statement[] {
  const map = writer.map(entry)
  if (!map) return []
  writer.unknownKeys(map, ['exported_tags', 'jobs'], 'discovery')
  const tags = map.entries.get('exported_tags')
  const exported = tags && writer.expression('map(list(string))', tags.value)
  const jobs = writer.maps(map.entries.get('jobs'))
  return [
    ...(exported === undefined ? [] : [attribute('discovery_exported_tags', exported)]),
    ...jobs.map((job) => cloudwatchJob(writer, schema, 'discovery', job)),
  ]
}

function cloudwatchJob(
  writer: Writer,
  schema: Settings<object>,
  name: 'discovery' | 'static',
  job: YamlMap,
): AlloyBlock {
  const field = schema.fields[name]
  const settings = field?.kind === 'blocks' ? field.schema : schema
  const pairs =
    (target: string, key: string): Rule =>
    (entry) => [attribute(target, pairsOf(writer, entry, key))]
  const nilToZero: Rule = ({ value }) => {
    const expression = writer.expression('bool', value)
    return expression === undefined ? [] : [attribute('nil_to_zero', expression)]
  }
  const rules: Rules = {
    name: null,
    roles: 'role',
    metrics: 'metric',
    custom_tags: pairs('custom_tags', 'key'),
    search_tags: pairs('search_tags', 'key'),
    dimensions: pairs('dimensions', 'name'),
    nil_to_zero: nilToZero,
    '*nil_to_zero': nilToZero,
  }
  const body = writer.body(settings, job, rules)
  const maps = name === 'discovery' ? ['custom_tags', 'search_tags'] : ['custom_tags', 'dimensions']
  const empty = maps.filter((one) => !job.entries.has(one)).map((one) => attribute(one, '{}'))
  const label = job.entries.get('name')
  const text = label?.value.kind === 'scalar' ? label.value.text : ''
  return block(name, name === 'static' ? (labelOf(text) ?? '_') : undefined, ...body, ...empty)
}

/** `[{key: a, value: b}]` as an object. */
function pairsOf(writer: Writer, entry: YamlEntry, key: string): string {
  return objectLiteral(
    writer.maps(entry).flatMap((map): [string, string][] => {
      const name = map.entries.get(key)
      return hasValue(name) && name.value.kind === 'scalar' ? [[name.value.text, textIn(map.entries.get('value'))]] : []
    }),
  )
}

type Plain = null | boolean | number | bigint | string | readonly Plain[] | { readonly [key: string]: Plain }

function plain(node: YamlNode): Plain {
  if (node.kind === 'list') return node.items.map(plain)
  if (node.kind === 'map') return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, plain(value)]))
  return node.value
}

/** A node as a text of its own. */
function yamlText(node: YamlNode): string {
  const yaml = require('yaml') as typeof Yaml
  return yaml.stringify(plain(node), { lineWidth: 0, singleQuote: true, indentSeq: false })
}
