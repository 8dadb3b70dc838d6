// The integrations of Grafana Agent's static mode: an exporter, the relabelling of its targets, and a scrape for each.
import type { Settings } from '#component'
import { entryRange, isNull, type YamlEntry, type YamlMap, type YamlNode } from '../yaml/tree.ts'
import { type AlloyBlock, attribute, block, labelOf, type Statement, stringLiteral } from './document.ts'
import { hasValue, mapOf, textOf, withEntry, without } from './http.ts'
import { exporterBody, exporters, type Integration } from './static_exporters.ts'
import { convertJob, PrometheusBlocks, remoteWrite } from './prometheus.ts'
import type { Writer } from './writer.ts'

export interface IntegrationsContext {
  readonly integrationsNext: boolean
  /** `metrics.global`. */
  readonly global: YamlMap | undefined
  /** The names of `metrics.configs`. */
  readonly instances: readonly string[]
}

export function convertIntegrations(writer: Writer, map: YamlMap, context: IntegrationsContext): Promise<AlloyBlock[]> {
  return context.integrationsNext ? secondVersion(writer, map, context) : firstVersion(writer, map, context)
}

// --------------------------------------------------------------------------------------------------- first version

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

async function firstVersion(writer: Writer, map: YamlMap, context: IntegrationsContext): Promise<AlloyBlock[]> {
  const { global } = context
  const known = Object.values(exporters).map(({ first }) => first)
  const given = [...map.entries.values()].filter(({ key }) => !managerKeys.includes(key))
  for (const { key, keyRange } of given) {
    if (!known.includes(key)) writer.lacks(keyRange, `the integration "${key}"`)
  }
  const labels = map.entries.get('labels')
  if (hasValue(labels)) writer.lacks(entryRange(labels), 'integrations.labels')
  const written = new PrometheusBlocks()
  const endpoints = map.entries.get('prometheus_remote_write') ?? global?.entries.get('remote_write')
  const out: AlloyBlock[] = []
  let forwardTo: string | undefined
  for (const [component, integration] of Object.entries(exporters)) {
    const entry = map.entries.get(integration.first)
    const body = entry && isRun(writer, entry, map) ? writer.map(entry) : undefined
    if (!entry || !body) continue
    const isFirst = forwardTo === undefined
    forwardTo ??= await remoteWrite(writer, written, 'integrations', endpoints, global)
    if (isFirst && forwardTo === '[]') writer.report('critical', entry.keyRange, 'an integration needs a remote_write')
    const label = labelOf(`integrations_${integration.first}`) ?? 'integrations'
    const exporter = await exporterBlock(writer, `prometheus.exporter.${component}`, label, integration, {
      ...entry,
      value: without(body, commonKeys),
    })
    const job = `integrations/${integration.first}`
    const own = keep(body, ['scrape_interval', 'scrape_timeout', 'relabel_configs', 'metric_relabel_configs'])
    const instance = textUnder(body, 'instance')
    const tls = map.entries.get('http_tls_config')
    const scraped = hasValue(tls) ? withEntry(own, 'tls_config', tls.value) : own
    const rules = instance === undefined ? [] : [setLabel('instance', instance, entry.keyRange)]
    const scrape = new PrometheusBlocks()
    const targets = [`prometheus.exporter.${component}.${label}.targets`]
    const whole = scrapeConfig(scraped, job, job, rules, entry.keyRange)
    await convertJob(writer, scrape, whole, { global, forwardTo, prefix: '', extraTargets: targets })
    out.push(...exporter, ...scrape.inOrder(), ...(isFirst ? written.inOrder() : []))
  }
  return out
}

/** Is it enabled, and scraped? What is not is reported. */
function isRun(writer: Writer, entry: YamlEntry, manager: YamlMap): boolean {
  const map = writer.map(entry)
  if (!map) return false
  if (!isTrue(map.entries.get('enabled')?.value)) {
    writer.report('warning', entry.keyRange, `the integration "${entry.key}" is not enabled, and left out`)
    return false
  }
  const scraped = map.entries.get('scrape_integration') ?? manager.entries.get('scrape_integrations')
  if (!scraped || isTrue(scraped.value)) return true
  writer.report(
    'critical',
    entryRange(scraped),
    `the integration "${entry.key}" is not scraped: it cannot be converted`,
  )
  return false
}

function isTrue(node: YamlNode | undefined): boolean {
  return node?.kind === 'scalar' && node.value === true
}

function keep(map: YamlMap, keys: readonly string[]): YamlMap {
  return { ...map, entries: new Map([...map.entries].filter(([key]) => keys.includes(key))) }
}

function textUnder(map: YamlMap | undefined, key: string): string | undefined {
  const node = map?.entries.get(key)?.value
  return node?.kind === 'scalar' && !isNull(node) ? node.text : undefined
}

function setLabel(label: string, text: string, range: YamlMap['range'], source?: string): YamlMap {
  const from: YamlNode | undefined = source === undefined ? undefined : list([textOf(source, range)], range)
  return mapOf({ ...(from ? { source_labels: from } : {}), target_label: label, replacement: text }, range)
}

function list(items: readonly YamlNode[], range: YamlMap['range']): YamlNode {
  return { kind: 'list', items, range }
}

/** A scrape config: the integration's own rules, `rules`, and the job where nobody sets it. */
function scrapeConfig(
  map: YamlMap,
  jobName: string,
  job: string,
  rules: readonly YamlMap[],
  range: YamlMap['range'],
): YamlMap {
  const given = map.entries.get('relabel_configs')?.value
  const own = given?.kind === 'list' ? given.items : []
  const setsJob = own.some((rule) => rule.kind === 'map' && textUnder(rule, 'target_label') === 'job')
  const all = [...own, ...rules, ...(setsJob ? [] : [setLabel('job', job, range)])]
  return withEntry(withEntry(map, 'job_name', textOf(jobName, range)), 'relabel_configs', list(all, range))
}

async function exporterBlock(
  writer: Writer,
  component: string,
  label: string,
  integration: Integration,
  entry: YamlEntry,
): Promise<AlloyBlock[]> {
  const schema = await writer.schema(component, entry.keyRange)
  const map = writer.map(entry)
  if (!schema || !map) {
    writer.lacks(entry.keyRange, `the integration "${entry.key}"`)
    return []
  }
  return [block(component, label, ...exporterBody(writer, schema, map, integration))]
}

// -------------------------------------------------------------------------------------------------- second version

const secondCommon = ['autoscrape', 'instance', 'extra_labels']
const secondOwn = ['metrics', 'app_agent_receiver_configs', 'eventhandler']

async function secondVersion(writer: Writer, map: YamlMap, context: IntegrationsContext): Promise<AlloyBlock[]> {
  const keys = Object.values(exporters).map(({ second }) => second)
  for (const { key, keyRange } of map.entries.values()) {
    if (!keys.includes(key) && !secondOwn.includes(key)) writer.lacks(keyRange, `the integration "${key}"`)
  }
  const out = [...(await appAgent(writer, map)), ...(await eventHandler(writer, map))]
  for (const [component, integration] of sortedForSecond()) {
    const entry = map.entries.get(integration.second)
    if (!entry) continue
    for (const one of maps(writer, entry)) {
      out.push(...(await metricsIntegration(writer, component, integration, { ...entry, value: one }, map, context)))
    }
  }
  return out
}

/** Those with settings of their own in the second version stand behind the others. */
function sortedForSecond(): [string, Integration][] {
  const last = ['self', 'apache', 'blackbox', 'snmp', 'gcp', 'mssql', 'mongodb']
  return Object.entries(exporters).toSorted(([a], [b]) => last.indexOf(a) - last.indexOf(b))
}

/** A single integration is a map, several are a list. */
function maps(writer: Writer, entry: YamlEntry): readonly YamlMap[] {
  if (entry.key.endsWith('_configs')) return writer.maps(entry)
  return [writer.map(entry) ?? mapOf({}, entry.keyRange)]
}

async function metricsIntegration(
  writer: Writer,
  component: string,
  integration: Integration,
  entry: YamlEntry,
  all: YamlMap,
  { global, instances }: IntegrationsContext,
): Promise<AlloyBlock[]> {
  const map = writer.map(entry)
  if (!map) return []
  const range = entry.keyRange
  const instance = textUnder(map, 'instance')
  const name = integration.second.replace(/_configs$/, '')
  const label = labelOf(`integrations_${instance ?? integration.first}`) ?? 'integrations'
  const own = { ...entry, value: without(map, secondCommon) }
  const exporter = await exporterBlock(writer, `prometheus.exporter.${component}`, label, integration, own)
  const preset = writer.map(writer.map(all.entries.get('metrics'))?.entries.get('autoscrape'))
  const autoscrape = writer.map(map.entries.get('autoscrape'))
  const metrics = textUnder(autoscrape, 'metrics_instance') ?? textUnder(preset, 'metrics_instance') ?? 'default'
  if (!instances.includes(metrics)) {
    writer.report(
      'critical',
      range,
      `the integration "${name}" wants the metrics config "${metrics}", which is not there`,
    )
  }
  const scraped = [...(preset?.entries ?? []), ...(autoscrape?.entries ?? [])]
  const settings = keep({ ...map, entries: new Map(scraped) }, [
    'scrape_interval',
    'scrape_timeout',
    'relabel_configs',
    'metric_relabel_configs',
  ])
  const labels = extraLabels(writer, map).map(([key, text]) => setLabel(key, text, range, '__address__'))
  const rules = instance === undefined ? labels : [...labels, setLabel('instance', instance, range)]
  const forwardTo = `[prometheus.remote_write.${labelOf(`metrics_${metrics}`) ?? metrics}.receiver]`
  const blocks = new PrometheusBlocks()
  const job = scrapeConfig(settings, `integrations/${instance ?? name}`, `integrations/${name}`, rules, range)
  const targets = [`prometheus.exporter.${component}.${label}.targets`]
  await convertJob(writer, blocks, job, { global, forwardTo, prefix: '', extraTargets: targets })
  return [...exporter, ...blocks.inOrder()]
}

/** By their names. */
function extraLabels(writer: Writer, map: YamlMap): [string, string][] {
  const labels = writer.map(map.entries.get('extra_labels'))
  return [...(labels?.entries.values() ?? [])]
    .map(({ key, value }): [string, string] => [key, value.kind === 'scalar' ? value.text : ''])
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

function logsReceiver(map: YamlMap): string {
  const instance = textUnder(map, 'logs_instance')
  return instance === undefined ? '[]' : `[loki.write.${labelOf(`logs_${instance}`) ?? instance}.receiver]`
}

// What the Agent has where nobody says it, and Alloy has otherwise.
const appAgentLimits = { rate: '100', burst_size: '50' }

/** Telemetry from browsers. */
async function appAgent(writer: Writer, all: YamlMap): Promise<AlloyBlock[]> {
  const entry = all.entries.get('app_agent_receiver_configs')
  if (!entry) return []
  const schema = await writer.schema('faro.receiver', entry.keyRange)
  if (!schema) return []
  return writer.maps(entry).map((map) => {
    const traces = map.entries.get('traces_instance')
    if (hasValue(traces)) writer.lacks(entryRange(traces), '"traces_instance"')
    const server = writer.map(map.entries.get('server'))
    const label = labelOf('integrations_app_agent_receiver')
    const labels = map.entries.get('logs_labels')
    return block(
      'faro.receiver',
      label,
      attribute('extra_log_labels', (labels && writer.expression('map(string)', labels.value)) ?? '{}'),
      attribute('log_format', '""'),
      block('server', undefined, ...appAgentServer(writer, schema, server)),
      block('sourcemaps', undefined, ...sourcemaps(writer, schema, writer.map(map.entries.get('sourcemaps')))),
      block('output', undefined, attribute('logs', logsReceiver(map)), attribute('traces', '[]')),
    )
  })
}

function schemaUnder(schema: Settings<object>, name: string): Settings<object> {
  const field = schema.fields[name]
  return field && 'schema' in field ? field.schema : schema
}

function appAgentServer(writer: Writer, schema: Settings<object>, map: YamlMap | undefined): Statement[] {
  const settings = schemaUnder(schema, 'server')
  const limits = writer.map(map?.entries.get('rate_limiting'))
  const body = map
    ? writer.body(settings, map, { host: 'listen_address', port: 'listen_port', rate_limiting: null })
    : []
  const given = limits
    ? writer.body(schemaUnder(settings, 'rate_limiting'), limits, { rps: 'rate', burstiness: 'burst_size' })
    : []
  const lacking = Object.entries(appAgentLimits).filter(([name]) => !given.some((one) => one.name === name))
  const whole = [...given, ...lacking.map(([name, text]) => attribute(name, text))]
  // The Agent's five million bytes.
  const size = body.some(({ name }) => name === 'max_allowed_payload_size')
  return [
    ...body,
    ...(size ? [] : [attribute('max_allowed_payload_size', '"4MiB786KiB832B"')]),
    block('rate_limiting', undefined, ...whole),
  ]
}

function sourcemaps(writer: Writer, schema: Settings<object>, map: YamlMap | undefined): Statement[] {
  if (!map) return [attribute('download', 'false')]
  const body = writer.body(schemaUnder(schema, 'sourcemaps'), map, {
    filesystem: 'location',
    download_origins: 'download_from_origins',
  })
  return map.entries.has('download') ? body : [attribute('download', 'false'), ...body]
}

/** Events of a Kubernetes cluster as log lines. */
async function eventHandler(writer: Writer, all: YamlMap): Promise<AlloyBlock[]> {
  const entry = all.entries.get('eventhandler')
  const map = writer.map(entry)
  if (!entry || !map) return []
  await writer.schema('loki.source.kubernetes_events', entry.keyRange)
  for (const key of ['send_timeout', 'informer_resync', 'flush_interval']) {
    const given = map.entries.get(key)
    if (hasValue(given)) writer.lacks(entryRange(given), `"${key}"`)
  }
  const cache = map.entries.get('cache_path')
  if (hasValue(cache) && textUnder(map, 'cache_path') !== './.eventcache/eventhandler.cache') {
    writer.report(
      'warning',
      entryRange(cache),
      '"cache_path" is not converted: --storage.path says where state is kept',
    )
  }
  const label = labelOf('integrations_eventhandler')
  const labels = extraLabels(writer, map)
  const rules = labels.map(([key, text]) =>
    block(
      'rule',
      undefined,
      attribute('source_labels', '["__address__"]'),
      attribute('target_label', stringLiteral(key)),
      attribute('replacement', stringLiteral(text)),
    ),
  )
  const forward = attribute('forward_to', logsReceiver(map))
  const relabel = labels.length === 0 ? [] : [block('loki.relabel', label, forward, ...rules)]
  const namespace = textUnder(map, 'namespace')
  const format = textUnder(map, 'log_format') ?? 'logfmt'
  const config = textUnder(map, 'kubeconfig_path')
  return [
    ...relabel,
    block(
      'loki.source.kubernetes_events',
      label,
      labels.length === 0 ? forward : attribute('forward_to', `[loki.relabel.${label}.receiver]`),
      namespace === undefined || namespace === ''
        ? undefined
        : attribute('namespaces', `[${stringLiteral(namespace)}]`),
      format === 'logfmt' ? undefined : attribute('log_format', stringLiteral(format)),
      config === undefined
        ? undefined
        : block('client', undefined, attribute('kubeconfig_file', stringLiteral(config))),
    ),
  ]
}
