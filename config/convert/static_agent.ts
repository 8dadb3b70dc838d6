// Grafana Agent's static mode to Alloy's language: metrics, logs, and the integrations that this build has.
import type { Settings } from '#component'
import { entryRange, isNull, type YamlEntry, type YamlMap } from '../yaml/tree.ts'
import { type AlloyBlock, attribute, block, labelOf, type Statement, stringLiteral } from './document.ts'
import { without } from './http.ts'
import { checkGlobal, convertJob, PrometheusBlocks, remoteWrite } from './prometheus.ts'
import { convertPromtail } from './promtail.ts'
import type { Writer } from './writer.ts'

const rootKeys = [
  'server',
  'metrics',
  'logs',
  'traces',
  'integrations',
  'prometheus',
  'loki',
  'tempo',
  'agent_management',
]
const metricsKeys = ['global', 'configs', 'wal_directory']
const instanceKeys = [
  'name',
  'scrape_configs',
  'remote_write',
  'host_filter',
  'host_filter_relabel_configs',
  'remote_flush_deadline',
  'wal_truncate_frequency',
  'min_wal_time',
  'max_wal_time',
  'write_stale_on_shutdown',
]

/** Convert the map of a whole file. */
export async function convertStatic(writer: Writer, root: YamlMap): Promise<AlloyBlock[]> {
  writer.unknownKeys(root, rootKeys, 'the configuration')
  for (const key of ['traces', 'tempo', 'prometheus', 'loki', 'agent_management']) {
    const entry = root.entries.get(key)
    if (entry && !isNull(entry.value)) writer.lacks(entryRange(entry), `"${key}"`, 'it is not converted')
  }
  writer.report('warning', undefined, "the agent's command line is not converted: see solder run --help")
  const metrics = writer.map(root.entries.get('metrics'))
  const global = writer.map(metrics?.entries.get('global'))
  const blocks = [
    ...(metrics ? await convertMetrics(writer, metrics, global) : []),
    ...(await convertLogs(writer, writer.map(root.entries.get('logs')))),
    ...(await convertIntegrations(writer, writer.map(root.entries.get('integrations')), global)),
  ]
  return [...server(writer, writer.map(root.entries.get('server'))), ...blocks]
}

/** `logging`, for what the server section says of log lines. */
function server(writer: Writer, map: YamlMap | undefined): AlloyBlock[] {
  const body: Statement[] = []
  for (const { key, keyRange, value } of map?.entries.values() ?? []) {
    const text = value.kind === 'scalar' ? value.text : ''
    if (key === 'log_level') {
      if (text !== 'info') body.push(attribute('level', stringLiteral(text)))
    } else if (key === 'log_format') {
      if (text !== 'logfmt') body.push(attribute('format', stringLiteral(text)))
    } else writer.lacks(keyRange, `server.${key}`)
  }
  return body.length === 0 ? [] : [block('logging', undefined, ...body)]
}

async function convertMetrics(writer: Writer, metrics: YamlMap, global: YamlMap | undefined): Promise<AlloyBlock[]> {
  for (const entry of metrics.entries.values()) {
    if (!metricsKeys.includes(entry.key)) writer.lacks(entry.keyRange, `metrics.${entry.key}`)
    if (entry.key === 'wal_directory') {
      writer.report(
        'warning',
        entry.keyRange,
        'the wal_directory is not converted: --storage.path says where state is kept',
      )
    }
  }
  if (global) checkGlobal(writer, without(global, ['remote_write']))
  const out: AlloyBlock[] = []
  for (const instance of writer.maps(metrics.entries.get('configs'))) {
    writer.unknownKeys(instance, instanceKeys, 'metrics.configs')
    const prefix = labelFor('metrics', writer, instance)
    const filter = instance.entries.get('host_filter')?.value
    if (filter?.kind === 'scalar' && filter.value === true) writer.lacks(filter.range, '"host_filter"')
    const blocks = new PrometheusBlocks()
    const endpoints = instance.entries.get('remote_write') ?? global?.entries.get('remote_write')
    const forwardTo = await remoteWrite(writer, blocks, prefix, endpoints, global)
    for (const job of writer.maps(instance.entries.get('scrape_configs'))) {
      await convertJob(writer, blocks, job, { global, forwardTo, prefix, extraTargets: [] })
    }
    out.push(...blocks.inOrder())
  }
  return out
}

function nameOf(writer: Writer, map: YamlMap): string {
  const name = map.entries.get('name')?.value
  if (name?.kind === 'scalar' && !isNull(name)) return name.text
  writer.report('critical', map.range, 'a config needs a name')
  return 'unnamed'
}

function labelFor(kind: string, writer: Writer, map: YamlMap): string {
  return labelOf(`${kind}_${nameOf(writer, map)}`) ?? kind
}

/** Each config is a Promtail of its own. */
async function convertLogs(writer: Writer, logs: YamlMap | undefined): Promise<AlloyBlock[]> {
  if (!logs) return []
  writer.unknownKeys(logs, ['positions_directory', 'global', 'configs'], 'logs')
  const global = writer.map(logs.entries.get('global'))
  const directory = logs.entries.get('positions_directory')?.value
  const out: AlloyBlock[] = []
  for (const config of writer.maps(logs.entries.get('configs'))) {
    const entries = new Map(without(config, ['name']).entries)
    const clients = global?.entries.get('clients')
    if (clients && !entries.has('clients')) entries.set('clients', clients)
    if (global?.entries.has('file_watch_config')) entries.set('global', logs.entries.get('global') as YamlEntry)
    if (directory?.kind === 'scalar' && !entries.has('positions')) {
      const path = `${directory.text.replace(/\/$/, '')}/${nameOf(writer, config)}.yml`
      entries.set('positions', mapEntry('positions', 'filename', path, directory.range))
    }
    out.push(...(await convertPromtail(writer, { ...config, entries }, labelFor('logs', writer, config))))
  }
  return out
}

function mapEntry(key: string, inner: string, text: string, range: YamlMap['range']): YamlEntry {
  const value = { kind: 'scalar', value: text, text, range } as const
  const entries = new Map([[inner, { key: inner, keyRange: range, value }]])
  return { key, keyRange: range, value: { kind: 'map', entries, range } }
}

// ---------------------------------------------------------------------------------------------------- integrations

const managerKeys = [
  'scrape_integrations',
  'prometheus_remote_write',
  'labels',
  'integration_restart_backoff',
  'http_tls_config',
  'replace_instance_label',
  'use_hostname_label',
]
/** What every integration may say, in front of its own settings. */
const commonKeys = [
  'enabled',
  'instance',
  'scrape_integration',
  'scrape_interval',
  'scrape_timeout',
  'relabel_configs',
  'metric_relabel_configs',
  'wal_truncate_frequency',
  'use_hostname_label',
]
const exporters: Readonly<Record<string, string>> = {
  node_exporter: 'prometheus.exporter.unix',
  agent: 'prometheus.exporter.self',
}

async function convertIntegrations(
  writer: Writer,
  map: YamlMap | undefined,
  global: YamlMap | undefined,
): Promise<AlloyBlock[]> {
  if (!map) return []
  const enabled = [...map.entries.values()].filter(
    (entry) => !managerKeys.includes(entry.key) && isEnabled(writer, entry),
  )
  for (const key of ['labels', 'http_tls_config']) {
    const entry = map.entries.get(key)
    if (entry && !isNull(entry.value)) writer.lacks(entryRange(entry), `integrations.${key}`)
  }
  if (enabled.length === 0) return []
  const written = new PrometheusBlocks()
  const endpoints = map.entries.get('prometheus_remote_write') ?? global?.entries.get('remote_write')
  const forwardTo = await remoteWrite(writer, written, 'integrations', endpoints, global)
  if (forwardTo === '[]') writer.lacks(enabled[0]?.keyRange ?? map.range, 'an integration without a remote_write')
  const out: AlloyBlock[] = []
  for (const entry of enabled) out.push(...(await integration(writer, entry, global, forwardTo)))
  return [...out, ...written.inOrder()]
}

function isEnabled(writer: Writer, entry: YamlEntry): boolean {
  const given = writer.map(entry)?.entries.get('enabled')?.value
  return given?.kind === 'scalar' && given.value === true
}

async function integration(
  writer: Writer,
  entry: YamlEntry,
  global: YamlMap | undefined,
  forwardTo: string,
): Promise<AlloyBlock[]> {
  const map = writer.map(entry)
  const component = Object.hasOwn(exporters, entry.key) ? exporters[entry.key] : undefined
  const schema = component === undefined ? undefined : await writer.schema(component)
  if (!map || component === undefined || !schema) {
    writer.lacks(entry.keyRange, `the integration "${entry.key}"`, 'this build has no exporter for it')
    return []
  }
  const scraped = map.entries.get('scrape_integration')?.value
  if (scraped?.kind === 'scalar' && scraped.value === false) {
    writer.lacks(scraped.range, `the integration "${entry.key}"`, 'it is not scraped')
    return []
  }
  const label = `integrations_${entry.key}`
  const own = without(map, commonKeys)
  const exporter = block(component, label, ...unixBody(writer, schema, own))
  const blocks = new PrometheusBlocks()
  const targets = [`${component}.${label}.targets`]
  const range = entry.keyRange
  const kept = ['scrape_interval', 'scrape_timeout', 'metric_relabel_configs']
  const entries = new Map([...map.entries].filter(([key]) => kept.includes(key)))
  const job = `integrations/${entry.key}`
  entries.set('job_name', { key: 'job_name', keyRange: range, value: { kind: 'scalar', value: job, text: job, range } })
  entries.set('relabel_configs', relabelling(map, job, range))
  await convertJob(writer, blocks, { ...map, entries }, { global, forwardTo, prefix: '', extraTargets: targets })
  return [exporter, ...blocks.inOrder()]
}

/** The integration's own rules, then those that set the instance and the job. */
function relabelling(map: YamlMap, job: string, range: YamlMap['range']): YamlEntry {
  const given = map.entries.get('relabel_configs')
  const rules = given?.value.kind === 'list' ? [...given.value.items] : []
  const setLabel = (label: string, text: string): YamlMap => {
    const entries = [['target_label', label] as const, ['replacement', text] as const].map(([key, value]) => {
      return [key, { key, keyRange: range, value: { kind: 'scalar', value, text: value, range } as const }] as const
    })
    return { kind: 'map', entries: new Map<string, YamlEntry>(entries), range }
  }
  const instance = map.entries.get('instance')?.value
  if (instance?.kind === 'scalar') rules.push(setLabel('instance', instance.text))
  const setsJob = rules.some((rule) => {
    const target = rule.kind === 'map' ? rule.entries.get('target_label')?.value : undefined
    return target?.kind === 'scalar' && target.text === 'job'
  })
  if (!setsJob) rules.push(setLabel('job', job))
  return { key: 'relabel_configs', keyRange: range, value: { kind: 'list', items: rules, range } }
}

/** Settings of node_exporter whose name is not that of block and setting with an underscore between them. */
const unixNames: Readonly<Record<string, readonly [string, string]>> = {
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

/** The settings of collectors stand in blocks of theirs: `filesystem_mount_timeout` is `mount_timeout` of `filesystem`. */
function unixBody(writer: Writer, schema: Settings<object>, map: YamlMap): Statement[] {
  const sections = new Map<string, Statement[]>()
  const plain = new Map<string, YamlEntry>()
  for (const entry of map.entries.values()) {
    const place = unixPlace(schema, entry.key)
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
  const blocks = [...sections].filter(([, body]) => body.length > 0)
  return [
    ...writer.body(schema, { ...map, entries: plain }),
    ...blocks.map(([name, body]) => block(name, undefined, ...body)),
  ]
}

function unixPlace(schema: Settings<object>, key: string): readonly [string, string] | undefined {
  if (Object.hasOwn(schema.fields, key)) return undefined
  const known = unixNames[key]
  if (known) return known
  const at = key.indexOf('_')
  return at < 0 ? undefined : [key.slice(0, at), key.slice(at + 1)]
}
