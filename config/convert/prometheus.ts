// Prometheus's configuration to Alloy's language: discovery, scraping, relabelling and remote write.
import { parsePrometheusDuration } from '#component/scrape'
import type { YamlEntry, YamlMap } from '../yaml/tree.ts'
import { entryRange, isNull } from '../yaml/tree.ts'
import { discoveryOf, discoveryRelabel, rulesOf, staticTargets } from './discovery.ts'
import {
  type AlloyBlock,
  attribute,
  block,
  concatenated,
  labelOf,
  objectLiteral,
  sizeText,
  type Statement,
  stringLiteral,
} from './document.ts'
import { clientRules, readClient, withEmpty } from './http.ts'
import type { Rule, Rules, Writer } from './writer.ts'

/** What jobs take from the global section where they do not say it themselves. */
const inherited = [
  'scrape_interval',
  'scrape_timeout',
  'scrape_protocols',
  'scrape_failure_log_file',
  'body_size_limit',
  'sample_limit',
  'target_limit',
  'label_limit',
  'label_name_length_limit',
  'label_value_length_limit',
  'keep_dropped_targets',
  'always_scrape_classic_histograms',
  'convert_classic_histograms_to_nhcb',
] as const
const globalKeys = [
  ...inherited,
  'external_labels',
  'evaluation_interval',
  'rule_query_offset',
  'query_log_file',
  'runtime',
  'metric_name_validation_scheme',
  'metric_name_escaping_scheme',
  'scrape_native_histograms',
  'extra_scrape_metrics',
]
/** Parts of the server that an agent does not have. */
const serverKeys = [
  'alerting',
  'rule_files',
  'remote_read',
  'storage',
  'tracing',
  'otlp',
  'scrape_config_files',
  'runtime',
]
const rootKeys = ['global', 'scrape_configs', 'remote_write', ...serverKeys]

/** The blocks in the order in which Alloy's own conversion writes them: discovery, relabelling, scraping, sending. */
export class PrometheusBlocks {
  readonly discovery: AlloyBlock[] = []
  readonly discoveryRelabel: AlloyBlock[] = []
  readonly scrape: AlloyBlock[] = []
  readonly relabel: AlloyBlock[] = []
  readonly remoteWrite: AlloyBlock[] = []

  inOrder(): AlloyBlock[] {
    return [...this.discovery, ...this.discoveryRelabel, ...this.scrape, ...this.relabel, ...this.remoteWrite]
  }
}

/** Convert the map of a whole file. What is wrong, and what has no counterpart, is reported to `writer`. */
export async function convertPrometheus(writer: Writer, root: YamlMap): Promise<AlloyBlock[]> {
  writer.unknownKeys(root, rootKeys, 'the configuration')
  for (const key of serverKeys) {
    const entry = root.entries.get(key)
    if (entry && !isEmpty(entry)) writer.lacks(entryRange(entry), `"${key}"`, 'only a Prometheus server has it')
  }
  const global = writer.map(root.entries.get('global'))
  if (global) checkGlobal(writer, global)
  const blocks = new PrometheusBlocks()
  const forwardTo = await remoteWrite(writer, blocks, 'default', root.entries.get('remote_write'), global)
  for (const job of writer.maps(root.entries.get('scrape_configs'))) {
    await convertJob(writer, blocks, job, { global, forwardTo, prefix: '', extraTargets: [] })
  }
  return blocks.inOrder()
}

function isEmpty({ value }: YamlEntry): boolean {
  if (isNull(value)) return true
  return value.kind === 'list' ? value.items.length === 0 : value.kind === 'map' && value.entries.size === 0
}

export function checkGlobal(writer: Writer, global: YamlMap): void {
  writer.unknownKeys(global, globalKeys, 'global')
  for (const key of ['evaluation_interval', 'rule_query_offset', 'query_log_file', 'runtime']) {
    const entry = global.entries.get(key)
    if (entry && !isEmpty(entry)) writer.lacks(entryRange(entry), `"${key}"`, 'only a Prometheus server has it')
  }
}

/** `prometheus.remote_write` for the endpoints of `entry`. Gives the expression of the receivers: a list, empty without any. */
export async function remoteWrite(
  writer: Writer,
  blocks: PrometheusBlocks,
  label: string,
  entry: YamlEntry | undefined,
  global: YamlMap | undefined,
): Promise<string> {
  const endpoints = writer.maps(entry)
  const schema = await writer.schema('prometheus.remote_write')
  const endpoint = schema?.fields['endpoint']
  if (!entry || endpoints.length === 0 || endpoint?.kind !== 'blocks') return '[]'
  const labels = global?.entries.get('external_labels')
  const external = labels && !isNull(labels.value) ? writer.expression('map(string)', labels.value) : undefined
  blocks.remoteWrite.push(
    block(
      'prometheus.remote_write',
      label,
      external === undefined ? undefined : attribute('external_labels', external),
      ...endpoints.map((one) =>
        block(
          'endpoint',
          undefined,
          ...writer.body(endpoint.schema, withEmpty(readClient(one), endpointSections), clientRules),
        ),
      ),
    ),
  )
  writer.report('info', entry.keyRange, `${endpoints.length} of remote_write became prometheus.remote_write.${label}`)
  return `[prometheus.remote_write.${label}.receiver]`
}

/** Sections of an endpoint that Alloy's own conversion always writes. */
const endpointSections = ['queue_config', 'metadata_config']

interface JobContext {
  readonly global: YamlMap | undefined
  /** The expression of a list of receivers. */
  readonly forwardTo: string
  readonly prefix: string
  /** Expressions of lists of targets beside those of the job. */
  readonly extraTargets: readonly string[]
}

/** One entry of `scrape_configs`. */
export async function convertJob(
  writer: Writer,
  blocks: PrometheusBlocks,
  job: YamlMap,
  context: JobContext,
): Promise<void> {
  const named = job.entries.get('job_name')
  const name = named?.value.kind === 'scalar' && !isNull(named.value) ? named.value.text : ''
  const own = labelOf(name)
  const schema = await writer.schema('prometheus.scrape')
  if (own === undefined || !schema) {
    writer.report('critical', job.range, 'a scrape config needs a job_name')
    return
  }
  const label = context.prefix === '' ? own : `${context.prefix}_${own}`
  const made: string[] = []
  let targets = [
    ...(await discoveryOf(writer, job, { into: blocks.discovery, label, made })),
    ...staticTargets(writer, job, []).map((labels) => `[${objectLiteral(labels)}]`),
    ...context.extraTargets,
  ]
  const rules = job.entries.get('relabel_configs')
  if (rules && !isEmpty(rules)) {
    blocks.discoveryRelabel.push(await discoveryRelabel(writer, label, targets, rules))
    targets = [`discovery.relabel.${label}.output`]
    made.push(`discovery.relabel.${label}`)
  }
  made.push(`prometheus.scrape.${label}`)
  let { forwardTo } = context
  const metricRules = job.entries.get('metric_relabel_configs')
  if (metricRules && !isEmpty(metricRules)) {
    const forward = attribute('forward_to', forwardTo)
    blocks.relabel.push(
      block('prometheus.relabel', label, forward, ...(await rulesOf(writer, 'prometheus.relabel', metricRules))),
    )
    forwardTo = `[prometheus.relabel.${label}.receiver]`
    made.push(`prometheus.relabel.${label}`)
  }
  const body = writer.body(schema, readClient(withGlobal(job, context.global)), jobRules(job))
  blocks.scrape.push(
    block(
      'prometheus.scrape',
      label,
      attribute('targets', concatenated(targets)),
      attribute('forward_to', forwardTo),
      ...body,
    ),
  )
  const where = named ? named.value.range : job.range
  writer.report('info', where, `the scrape config "${name}" became ${made.join(', ')}`)
}

/** What is said of the job itself, and then of all. */
function withGlobal(job: YamlMap, global: YamlMap | undefined): YamlMap {
  const entries = new Map(job.entries)
  for (const key of inherited) {
    const given = global?.entries.get(key)
    if (given && !entries.has(key)) entries.set(key, given)
  }
  // A timeout that nobody gave for this job is never longer than its interval.
  const interval = entries.get('scrape_interval')
  if (interval && !job.entries.has('scrape_timeout')) {
    const timeoutMs = durationOf(entries.get('scrape_timeout')) ?? defaultTimeoutMs
    if ((durationOf(interval) ?? defaultTimeoutMs) < timeoutMs)
      entries.set('scrape_timeout', { ...interval, key: 'scrape_timeout' })
  }
  return { ...job, entries }
}

const defaultTimeoutMs = 10_000

function durationOf(entry: YamlEntry | undefined): number | undefined {
  return entry?.value.kind === 'scalar' ? parsePrometheusDuration(entry.value.text) : undefined
}

/** `10MB`: of 1024 each, as Alloy has it. */
function bodySizeLimit(entry: YamlEntry): Statement[] {
  const match = entry.value.kind === 'scalar' ? /^(\d+)(B|[KMGTPE]B)$/.exec(entry.value.text) : null
  const text = entry.value.kind === 'scalar' ? entry.value.text : ''
  const bytes = match ? Number(match[1]) * 1024 ** 'BKMGTPE'.indexOf((match[2] as string).charAt(0)) : Number(text)
  return bytes > 0 ? [attribute('body_size_limit', stringLiteral(sizeText(bytes)))] : []
}

function jobRules(job: YamlMap): Rules {
  const rules: Record<string, Rule> = {
    body_size_limit: bodySizeLimit,
    always_scrape_classic_histograms: 'scrape_classic_histograms',
    relabel_configs: null,
    metric_relabel_configs: null,
    // Names are taken as Alloy takes them whatever a server is told.
    metric_name_validation_scheme: null,
    metric_name_escaping_scheme: null,
    keep_dropped_targets: '! dropped targets are not kept',
  }
  for (const key of job.entries.keys()) {
    if (key === 'static_configs' || key.endsWith('_sd_configs')) rules[key] = null
  }
  return { ...rules, ...clientRules, max_version: null }
}
