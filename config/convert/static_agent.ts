// Grafana Agent's static mode to Alloy's language: metrics, logs, the server's settings, integrations and traces.
import { entryRange, isNull, type YamlMap } from '../yaml/tree.ts'
import type { ComponentRegistry } from '../plan.ts'
import { type AlloyBlock, attribute, block, labelOf, type Statement, stringLiteral } from './document.ts'
import { endpointName } from './endpoint_name.ts'
import { hasValue, mapOf, textOf, withEntry, without } from './http.ts'
import { checkGlobal, convertJob, PrometheusBlocks, remoteWrite } from './prometheus.ts'
import { convertPromtail } from './promtail.ts'
import { convertIntegrations } from './static_integrations.ts'
import { convertTraces } from './static_traces.ts'
import type { Writer } from './writer.ts'

const rootKeys = ['server', 'metrics', 'logs', 'traces', 'integrations', 'agent_management']
/** The names of sections in old versions, which the Agent reads no longer. */
const oldKeys = ['prometheus', 'loki', 'tempo']
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

export interface StaticOptions {
  /** `-enable-features=integrations-next`: the second way to write integrations. */
  readonly integrationsNext: boolean
}

/** Convert the map of a whole file. */
export async function convertStatic(
  writer: Writer,
  root: YamlMap,
  registry: ComponentRegistry,
  options: StaticOptions,
): Promise<AlloyBlock[]> {
  writer.unknownKeys(root, [...rootKeys, ...oldKeys], 'the configuration')
  for (const key of [...oldKeys, 'agent_management']) {
    const entry = root.entries.get(key)
    if (hasValue(entry)) writer.lacks(entryRange(entry), `"${key}"`, 'it is not converted')
  }
  writer.report('warning', undefined, "the agent's command line is not converted: see solder run --help")
  const metrics = writer.map(root.entries.get('metrics'))
  const global = writer.map(metrics?.entries.get('global'))
  const integrations = writer.map(root.entries.get('integrations'))
  const instances = writer.maps(metrics?.entries.get('configs')).map((one) => {
    const name = one.entries.get('name')?.value
    return name?.kind === 'scalar' ? name.text : ''
  })
  return [
    ...(metrics ? await convertMetrics(writer, metrics, global) : []),
    ...(await convertLogs(writer, writer.map(root.entries.get('logs')))),
    ...server(writer, writer.map(root.entries.get('server'))),
    ...(integrations ? await convertIntegrations(writer, integrations, { ...options, global, instances }) : []),
    ...(await convertTraces(writer, writer.map(root.entries.get('traces')), registry)),
  ]
}

/** `logging` and `http`, for what the server section says of log lines and TLS. */
function server(writer: Writer, map: YamlMap | undefined): AlloyBlock[] {
  const body: Statement[] = []
  const blocks: AlloyBlock[] = []
  for (const entry of map?.entries.values() ?? []) {
    const { key, keyRange, value } = entry
    const text = value.kind === 'scalar' ? value.text : ''
    if (key === 'log_level') {
      if (text !== 'info') body.push(attribute('level', stringLiteral(text)))
    } else if (key === 'log_format') {
      if (text !== 'logfmt') body.push(attribute('format', stringLiteral(text)))
    } else if (key === 'http_tls_config') {
      const tls = writer.map(entry)
      if (tls) blocks.push(...serverTls(writer, tls))
    } else if (key === 'grpc_tls_config') writer.lacks(keyRange, '"grpc_tls_config"', 'there is no gRPC server')
    else writer.lacks(keyRange, `server.${key}`)
  }
  return [...(body.length === 0 ? [] : [block('logging', undefined, ...body)]), ...blocks]
}

/** The settings of the server's TLS, in Alloy's order, by the type of their values. */
const tlsSettings: Readonly<Record<string, string>> = {
  cert_file: 'string',
  key_file: 'string',
  client_ca_file: 'string',
  client_auth_type: 'string',
  cipher_suites: 'list(string)',
  curve_preferences: 'list(string)',
  min_version: 'string',
  max_version: 'string',
}

function serverTls(writer: Writer, map: YamlMap): AlloyBlock[] {
  const known = Object.keys(tlsSettings)
  for (const { key, keyRange, value } of map.entries.values()) {
    if (!known.includes(key) && key !== 'windows_certificate_filter' && !isNull(value))
      writer.lacks(keyRange, `"${key}"`)
  }
  const body = known.flatMap((key): Statement[] => {
    const entry = map.entries.get(key)
    const expression = entry && writer.expression(tlsSettings[key] as string, entry.value)
    return expression === undefined ? [] : [attribute(key, expression)]
  })
  const filter = writer.map(map.entries.get('windows_certificate_filter'))
  const whole = filter ? [...body, windowsFilter(writer, filter)] : body
  return whole.length === 0 ? [] : [block('http', undefined, block('tls', undefined, ...whole))]
}

/** Which certificates of Windows's store the server uses and trusts. */
function windowsFilter(writer: Writer, map: YamlMap): AlloyBlock {
  const part = (name: string, settings: Readonly<Record<string, string>>, always?: Statement): AlloyBlock[] => {
    const inside = writer.map(map.entries.get(name))
    if (!inside) return []
    writer.unknownKeys(inside, Object.keys(settings), name)
    const body = Object.entries(settings).flatMap(([key, type]): Statement[] => {
      const entry = inside.entries.get(key)
      const expression = entry && writer.expression(type, entry.value)
      return expression === undefined ? [] : [attribute(key, expression)]
    })
    return [block(name, undefined, ...body, inside.entries.has('refresh_interval') ? undefined : always)]
  }
  const names = { issuer_common_names: 'list(string)', template_id: 'string' }
  const store = { store: 'string', system_store: 'string', ...names, refresh_interval: 'duration' }
  return block(
    'windows_certificate_filter',
    undefined,
    ...part('server', store, attribute('refresh_interval', '"0s"')),
    ...part('client', { issuer_common_names: 'list(string)', subject_regex: 'string', template_id: 'string' }),
  )
}

async function convertMetrics(writer: Writer, metrics: YamlMap, global: YamlMap | undefined): Promise<AlloyBlock[]> {
  for (const entry of metrics.entries.values()) {
    if (!metricsKeys.includes(entry.key) && !isNull(entry.value)) writer.lacks(entry.keyRange, `metrics.${entry.key}`)
    if (entry.key === 'wal_directory') {
      const message = 'the wal_directory is not converted: --storage.path says where state is kept'
      writer.report('warning', entry.keyRange, message)
    }
  }
  if (global) checkGlobal(writer, without(global, ['remote_write']))
  const out: AlloyBlock[] = []
  for (const instance of writer.maps(metrics.entries.get('configs'))) {
    writer.unknownKeys(instance, instanceKeys, 'metrics.configs')
    const name = nameOf(writer, instance)
    const prefix = labelOf(`metrics_${name}`) ?? 'metrics'
    const filter = instance.entries.get('host_filter')?.value
    if (filter?.kind === 'scalar' && filter.value === true) writer.lacks(filter.range, '"host_filter"')
    const blocks = new PrometheusBlocks()
    const own = instance.entries.get('remote_write')
    const given = own && writer.maps(own).length > 0 ? own : global?.entries.get('remote_write')
    // The Agent names endpoints that have no name.
    const named = writer.maps(given).map((one) => {
      return hasValue(one.entries.get('name'))
        ? one
        : withEntry(one, 'name', textOf(endpointName(name, one), one.range))
    })
    const endpoints = given && { ...given, value: { kind: 'list', items: named, range: given.value.range } as const }
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

/** Each config is a Promtail of its own. */
async function convertLogs(writer: Writer, logs: YamlMap | undefined): Promise<AlloyBlock[]> {
  if (!logs) return []
  writer.unknownKeys(logs, ['positions_directory', 'global', 'configs'], 'logs')
  const global = writer.map(logs.entries.get('global'))
  const directory = logs.entries.get('positions_directory')?.value
  const clients = global?.entries.get('clients')
  const out: AlloyBlock[] = []
  for (const config of writer.maps(logs.entries.get('configs'))) {
    const name = nameOf(writer, config)
    let map = without(config, ['name'])
    if (clients && !map.entries.has('clients')) map = withEntry(map, 'clients', clients.value)
    const watch = global?.entries.get('file_watch_config')
    if (watch) map = withEntry(map, 'global', mapOf({ file_watch_config: watch.value }, watch.keyRange))
    if (directory?.kind === 'scalar' && !map.entries.has('positions')) {
      const filename = `${directory.text.replace(/\/$/, '')}/${name}.yml`
      map = withEntry(map, 'positions', mapOf({ filename }, directory.range))
    }
    // The Agent's own metrics are spoken of once, for all of it.
    const quiet = { kind: 'scalar', value: false, text: 'false', range: config.range } as const
    map = withEntry(map, 'server', mapOf({ register_instrumentation: quiet }, config.range))
    out.push(...(await convertPromtail(writer, map, labelOf(`logs_${name}`) ?? 'logs')))
  }
  return out
}
