// Promtail's configuration to Alloy's language: discovery and sources, stages, and writing to Loki.
import type { Settings, VariantsField } from '#component'
import { entryRange, isNull, kindOfNode, type YamlEntry, type YamlMap, type YamlNode } from '../yaml/tree.ts'
import {
  type AlloyBlock,
  attribute,
  block,
  concatenated,
  labelOf,
  listLiteral,
  numbered,
  type Statement,
  stringLiteral,
} from './document.ts'
import { discoveryOf, discoveryRelabel, staticTargets, targetsLiteral } from './prometheus.ts'
import type { Rules, Writer } from './writer.ts'

const rootKeys = [
  'server',
  'client',
  'clients',
  'positions',
  'scrape_configs',
  'target_config',
  'limits_config',
  'options',
  'global',
  'tracing',
  'wal',
]
const defaultPositions = '/var/log/positions.yaml'

/** What all scrape configs share. */
interface Shared {
  /** Expression: a list of receivers. */
  readonly forwardTo: string
  readonly prefix: string
  readonly positions: string
  readonly fileMatch: readonly Statement[]
  readonly fileWatch: readonly Statement[]
  /** Stages before those of every config. */
  readonly limits: readonly AlloyBlock[]
}

/** Convert the map of a whole file. `prefix`: of labels, where a file holds several configurations. */
export async function convertPromtail(writer: Writer, root: YamlMap, prefix = ''): Promise<AlloyBlock[]> {
  writer.unknownKeys(root, rootKeys, 'the configuration')
  checkServer(writer, root)
  const maps = writer.maps(root.entries.get('clients'))
  const single = writer.map(root.entries.get('client'))
  const clients = single?.entries.has('url') ? [...maps, single] : maps
  const label = prefix === '' ? 'default' : prefix
  const limits = writer.map(root.entries.get('limits_config'))
  const writes: AlloyBlock[] = []
  for (const [i, client] of clients.entries()) writes.push(await lokiWrite(writer, client, numbered(label, i), limits))
  const shared: Shared = {
    forwardTo: listLiteral(writes.map((one) => `loki.write.${one.label}.receiver`)),
    prefix,
    positions: positionsFile(writer, root),
    ...(await fileSettings(writer, root)),
    limits: limits ? limitStages(writer, limits) : [],
  }
  const blocks: AlloyBlock[] = []
  for (const job of writer.maps(root.entries.get('scrape_configs'))) {
    blocks.push(...(await new JobConverter(writer, job, shared).convert()))
  }
  if (blocks.some(({ name }) => name === 'loki.source.file' || name === 'loki.source.journal')) {
    const message = `positions are taken over from ${shared.positions} at the first start, and then kept under the storage path`
    writer.report('info', root.entries.get('positions')?.keyRange, message)
  }
  return [...blocks, ...writes]
}

function checkServer(writer: Writer, root: YamlMap): void {
  const wal = writer.map(root.entries.get('wal'))?.entries.get('enabled')
  if (wal && isTrue(wal.value)) writer.lacks(entryRange(wal), '"wal"')
  const stdin = writer.map(root.entries.get('target_config'))?.entries.get('stdin')
  if (stdin && isTrue(stdin.value)) writer.lacks(entryRange(stdin), '"stdin"', 'lines come from files and listeners')
  const tracing = writer.map(root.entries.get('tracing'))?.entries.get('enabled')
  if (tracing && isTrue(tracing.value)) {
    writer.report('warning', entryRange(tracing), 'tracing is not converted: its settings are in the environment')
  }
  const server = root.entries.get('server')
  if (!writer.map(server) || !server) return
  writer.report(
    'warning',
    server.keyRange,
    'the settings of the server are not converted: --server.http.listen-addr is the address of the pages, and their metrics have other names',
  )
}

function isTrue(node: YamlNode): boolean {
  return node.kind === 'scalar' && node.value === true
}

function positionsFile(writer: Writer, root: YamlMap): string {
  const entry = root.entries.get('positions')
  const map = writer.map(entry)
  if (map) writer.unknownKeys(map, ['filename', 'sync_period', 'ignore_invalid_yaml'], 'positions')
  const file = map?.entries.get('filename')?.value
  const path = file?.kind === 'scalar' && !isNull(file) ? file.text : defaultPositions
  return path
}

async function fileSettings(writer: Writer, root: YamlMap): Promise<Pick<Shared, 'fileMatch' | 'fileWatch'>> {
  const schema = await writer.schema('loki.source.file')
  const match = schema?.fields['file_match']
  const watch = schema?.fields['file_watch']
  const target = writer.map(root.entries.get('target_config'))
  const global = writer.map(writer.map(root.entries.get('global'))?.entries.get('file_watch_config'))
  return {
    fileMatch: target && match?.kind === 'block' ? writer.body(match.schema, target, { stdin: null }) : [],
    fileWatch: global && watch?.kind === 'block' ? writer.body(watch.schema, global) : [],
  }
}

const rateKeys = ['readline_rate_enabled', 'readline_rate', 'readline_burst', 'readline_rate_drop']
const limitKeys = [...rateKeys, 'max_streams', 'max_line_size', 'max_line_size_truncate']

function limitStages(writer: Writer, limits: YamlMap): AlloyBlock[] {
  writer.unknownKeys(limits, limitKeys, 'limits_config')
  const stages: AlloyBlock[] = []
  const given = (key: string, type: string, preset: string): string => {
    const entry = limits.entries.get(key)
    return (entry && writer.expression(type, entry.value)) ?? preset
  }
  const enabled = limits.entries.get('readline_rate_enabled')
  if (enabled && isTrue(enabled.value)) {
    const message = 'the limit on lines holds for every scrape config of its own, no longer for all together'
    writer.report('warning', entryRange(enabled), message)
    stages.push(
      block(
        'stage.limit',
        undefined,
        attribute('rate', given('readline_rate', 'float', '10000')),
        attribute('burst', given('readline_burst', 'int', '10000')),
        attribute('drop', given('readline_rate_drop', 'bool', 'true')),
      ),
    )
  }
  const size = given('max_line_size', 'bytes', '"0B"')
  if (!/^"0[A-Za-z]*"$/.test(size)) {
    stages.push(
      given('max_line_size_truncate', 'bool', 'false') === 'true'
        ? block('stage.truncate', undefined, block('rule', undefined, attribute('limit', size)))
        : block('stage.drop', undefined, attribute('longer_than', size)),
    )
  }
  return stages
}

/** `loki.write` for one client: each has labels of its own. */
async function lokiWrite(
  writer: Writer,
  client: YamlMap,
  label: string,
  limits: YamlMap | undefined,
): Promise<AlloyBlock> {
  const schema = await writer.schema('loki.write')
  const endpoint = schema?.fields['endpoint']
  if (endpoint?.kind !== 'blocks') throw new Error('Cannot convert a client: there is no loki.write')
  const backoff = writer.map(client.entries.get('backoff_config'))
  const rules: Rules = {
    batchwait: 'batch_wait',
    batchsize: 'batch_size',
    timeout: 'remote_timeout',
    backoff_config: () =>
      backoff
        ? writer.body(endpoint.schema, backoff, {
            min_period: 'min_backoff_period',
            max_period: 'max_backoff_period',
            max_retries: 'max_backoff_retries',
          })
        : [],
    drop_rate_limited_batches: ({ value }) => (isTrue(value) ? [attribute('retry_on_http_429', 'false')] : []),
    external_labels: null,
    stream_lag_labels: null,
  }
  const labels = client.entries.get('external_labels')
  const external = labels && writer.expression('map(string)', labels.value)
  const streams = limits?.entries.get('max_streams')
  const max = streams && writer.expression('int', streams.value)
  return block(
    'loki.write',
    label,
    block('endpoint', undefined, ...writer.body(endpoint.schema, client, rules)),
    external === undefined ? undefined : attribute('external_labels', external),
    max === undefined || max === '0' ? undefined : attribute('max_streams', max),
  )
}

/** Keys of a scrape config that are handled one by one; others end in `_sd_configs`. */
const jobKeys = [
  'job_name',
  'pipeline_stages',
  'journal',
  'syslog',
  'gelf',
  'loki_push_api',
  'relabel_configs',
  'static_configs',
  'encoding',
  'decompression',
]
/** Sources whose settings are nothing but those of a component. */
const plainSources = [
  { key: 'journal', component: 'loki.source.journal', rules: { json: 'format_as_json' } },
  { key: 'gelf', component: 'loki.source.gelf', rules: {} },
] as const
/** Sources that are there, but not in this build. */
const absentSources = ['cloudflare', 'gcplog', 'windows_events', 'kafka', 'azure_event_hubs', 'heroku_drain']

class JobConverter {
  readonly #writer: Writer
  readonly #job: YamlMap
  readonly #shared: Shared
  readonly #blocks: AlloyBlock[] = []
  #forwardTo = ''
  #label = ''

  constructor(writer: Writer, job: YamlMap, shared: Shared) {
    this.#writer = writer
    this.#job = job
    this.#shared = shared
  }

  async convert(): Promise<AlloyBlock[]> {
    const writer = this.#writer
    const { entries } = this.#job
    const named = entries.get('job_name')?.value
    const own = labelOf(named?.kind === 'scalar' && !isNull(named) ? named.text : '')
    if (own === undefined) {
      writer.report('critical', this.#job.range, 'a scrape config needs a job_name')
      return []
    }
    this.#label = this.#shared.prefix === '' ? own : `${this.#shared.prefix}_${own}`
    this.#checkKeys()
    const targets = await this.#targets()
    this.#forwardTo = await this.#process()
    const relabelled = await this.#relabelled(targets)
    if (targets.length > 0) this.#blocks.push(await this.#files(relabelled?.output ?? concatenated(targets)))
    const rules = relabelled ? [attribute('relabel_rules', relabelled.rules)] : []
    for (const { key, component, rules: names } of plainSources) await this.#source(key, component, names, rules)
    await this.#pushApi(rules)
    await this.#syslog(rules)
    await this.#docker(rules)
    const made = this.#blocks.map(({ name, label }) => `${name}.${label}`).join(', ')
    const where = named?.range ?? this.#job.range
    if (made !== '') writer.report('info', where, `the scrape config "${own}" became ${made}`)
    return this.#blocks
  }

  #checkKeys(): void {
    const keys = [...this.#job.entries.values()]
    for (const entry of keys) {
      if (!absentSources.includes(entry.key) || isNull(entry.value)) continue
      this.#writer.lacks(entryRange(entry), `"${entry.key}"`, 'this build has no such source')
    }
    const discovery = keys.map(({ key }) => key).filter((key) => key.endsWith('_sd_configs'))
    this.#writer.unknownKeys(this.#job, [...jobKeys, ...absentSources, ...discovery], 'scrape_configs')
  }

  async #targets(): Promise<string[]> {
    const entries = new Map(this.#job.entries)
    for (const key of ['docker_sd_configs', 'static_configs']) entries.delete(key)
    const found = await discoveryOf(this.#writer, this.#blocks, { ...this.#job, entries }, this.#label, [])
    const written = staticTargets(this.#writer, this.#job, ['localhost'])
    return written.length === 0 ? found : [...found, targetsLiteral(written)]
  }

  /** `loki.process`, where there are stages. Gives where lines go: the expression of a list. */
  async #process(): Promise<string> {
    const given = this.#job.entries.get('pipeline_stages')
    const schema = await this.#writer.schema('loki.process')
    const field = schema?.fields['stage']
    if (field?.kind !== 'variants') return this.#shared.forwardTo
    const stages = [...this.#shared.limits, ...(given ? convertStages(this.#writer, field, given) : [])]
    if (stages.length === 0) return this.#shared.forwardTo
    this.#blocks.push(block('loki.process', this.#label, attribute('forward_to', this.#shared.forwardTo), ...stages))
    return `[loki.process.${this.#label}.receiver]`
  }

  async #relabelled(targets: readonly string[]): Promise<{ output: string; rules: string } | undefined> {
    const rules = this.#job.entries.get('relabel_configs')
    if (!rules || this.#writer.maps(rules).length === 0) return undefined
    this.#blocks.push(await discoveryRelabel(this.#writer, this.#label, targets, rules))
    const component = `discovery.relabel.${this.#label}`
    return { output: `${component}.output`, rules: `${component}.rules` }
  }

  async #files(targets: string): Promise<AlloyBlock> {
    const writer = this.#writer
    const { fileMatch, fileWatch, positions } = this.#shared
    const schema = await writer.schema('loki.source.file')
    const own = new Map([...this.#job.entries].filter(([key]) => key === 'encoding' || key === 'decompression'))
    return block(
      'loki.source.file',
      this.#label,
      attribute('targets', targets),
      attribute('forward_to', this.#forwardTo),
      ...(schema ? writer.body(schema, { ...this.#job, entries: own }) : []),
      fileWatch.length === 0 ? undefined : block('file_watch', undefined, ...fileWatch),
      block('file_match', undefined, attribute('enabled', 'true'), ...fileMatch),
      attribute('legacy_positions_file', stringLiteral(positions)),
    )
  }

  async #source(key: string, component: string, names: Rules, relabel: readonly Statement[]): Promise<void> {
    const entry = this.#job.entries.get(key)
    if (!entry) return
    const schema = await this.#writer.schema(component)
    if (!schema) return this.#writer.lacks(entryRange(entry), `"${key}"`, `this build has no ${component}`)
    const map = this.#writer.map(entry)
    const forward = attribute('forward_to', this.#forwardTo)
    const body = map ? this.#writer.body(schema, map, names) : []
    const position = key === 'journal' ? [this.#legacyPosition()] : []
    this.#blocks.push(block(component, this.#label, forward, ...relabel, ...body, ...position))
  }

  /** How far the journal was read stands in the positions file under the name of the job. */
  #legacyPosition(): AlloyBlock {
    const name = this.#job.entries.get('job_name')?.value
    const text = name?.kind === 'scalar' ? name.text : ''
    const file = attribute('file', stringLiteral(this.#shared.positions))
    return block('legacy_position', undefined, file, attribute('name', stringLiteral(text)))
  }

  async #syslog(relabel: readonly Statement[]): Promise<void> {
    const entry = this.#job.entries.get('syslog')
    const map = this.#writer.map(entry)
    const field = (await this.#writer.schema('loki.source.syslog'))?.fields['listener']
    if (!map || field?.kind !== 'blocks') return
    const names = { listen_address: 'address', listen_protocol: 'protocol' }
    const listener = block('listener', undefined, ...this.#writer.body(field.schema, map, names))
    const forward = attribute('forward_to', this.#forwardTo)
    this.#blocks.push(block('loki.source.syslog', this.#label, listener, forward, ...relabel))
  }

  async #pushApi(relabel: readonly Statement[]): Promise<void> {
    const entry = this.#job.entries.get('loki_push_api')
    const map = this.#writer.map(entry)
    const schema = await this.#writer.schema('loki.source.api')
    const http = schema?.fields['http']
    if (!map || !schema || http?.kind !== 'block') return
    const server = this.#writer.map(map.entries.get('server'))
    const names: Rules = {
      http_listen_address: 'listen_address',
      http_listen_port: 'listen_port',
      http_server_read_timeout: 'server_read_timeout',
      http_server_write_timeout: 'server_write_timeout',
      http_server_idle_timeout: 'server_idle_timeout',
      grpc_listen_port: null,
      grpc_listen_address: null,
    }
    this.#blocks.push(
      block(
        'loki.source.api',
        this.#label,
        block('http', undefined, ...(server ? this.#writer.body(http.schema, server, names) : [])),
        attribute('forward_to', this.#forwardTo),
        ...relabel,
        ...this.#writer.body(schema, map, { server: null }),
      ),
    )
  }

  /** Docker's containers are found and read by two components for each entry. */
  async #docker(relabel: readonly Statement[]): Promise<void> {
    const discovery = await this.#writer.schema('discovery.docker')
    if (!discovery) return
    for (const [i, one] of this.#writer.maps(this.#job.entries.get('docker_sd_configs')).entries()) {
      const label = numbered(this.#label, i)
      this.#blocks.push(
        block('discovery.docker', label, ...this.#writer.body(discovery, one)),
        block(
          'loki.source.docker',
          label,
          ...this.#writer.body(discovery, { ...one, entries: onlyHost(one) }),
          attribute('targets', `discovery.docker.${label}.targets`),
          attribute('forward_to', this.#forwardTo),
          ...relabel,
        ),
      )
    }
  }
}

function onlyHost(map: YamlMap): Map<string, YamlEntry> {
  return new Map([...map.entries].filter(([key]) => key === 'host'))
}

// ---------------------------------------------------------------------------------------------------------- stages

const stageNames: Readonly<Record<string, string>> = {
  labeldrop: 'label_drop',
  labelallow: 'label_keep',
}
/** Stages whose whole setting is a map or a list. */
const valueStages = ['labels', 'labeldrop', 'labelallow', 'static_labels', 'structured_metadata']

/** The list of stages under `entry`, as `stage.*` blocks. */
function convertStages(writer: Writer, field: VariantsField<unknown>, entry: YamlEntry): AlloyBlock[] {
  return writer.maps(entry).flatMap((stage) => {
    const [one, ...more] = stage.entries.values()
    if (!one || more.length > 0) {
      writer.report('critical', stage.range, `a stage is a map with one key, this one has ${stage.entries.size}`)
      return []
    }
    const name = stageNames[one.key] ?? one.key
    const schema = Object.hasOwn(field.schemas(), name) ? field.schemas()[name] : undefined
    if (!schema) {
      writer.lacks(one.keyRange, `the stage "${one.key}"`)
      return []
    }
    return [block(`stage.${name}`, undefined, ...stageBody(writer, schema, one))]
  })
}

function stageBody(writer: Writer, schema: Settings<object>, entry: YamlEntry): Statement[] {
  if (valueStages.includes(entry.key)) {
    const values = schema.fields['values']
    const expression = values?.kind === 'attribute' ? writer.expression(values.type.name, entry.value) : undefined
    return expression === undefined ? [] : [attribute('values', expression)]
  }
  if (entry.key === 'metrics') return writer.map(entry) ? metrics(writer, schema, entry) : []
  const map = writer.map(entry)
  if (!map) return []
  const rules: Record<string, Rules> = {
    match: {
      stages: (inside) => {
        const field = schema.fields['stage']
        return field?.kind === 'variants' ? convertStages(writer, field, inside) : []
      },
    },
    drop: {
      source: ({ value }) => {
        const expression = writer.expression('list(string)', value) ?? '[]'
        const names: unknown = JSON.parse(expression)
        return [attribute('source', stringLiteral(Array.isArray(names) ? names.join(',') : ''))]
      },
    },
  }
  return writer.body(schema, map, rules[entry.key] ?? {})
}

/** Metrics by name: `type`, and what is said of that type under `config`. */
function metrics(writer: Writer, schema: Settings<object>, entry: YamlEntry): Statement[] {
  const field = schema.fields['metric']
  const all = writer.map(entry)
  if (field?.kind !== 'variants' || !all) return []
  const sorted = [...all.entries.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
  return sorted.flatMap((one) => {
    const map = writer.map(one)
    const type = map?.entries.get('type')?.value
    const kind = type?.kind === 'scalar' ? type.text.toLowerCase() : ''
    const inner = field.schemas()[kind]
    if (!map || !Object.hasOwn(field.schemas(), kind) || !inner) {
      const found = type ? `${kindOfNode(type)} ${JSON.stringify(kind)}` : 'nothing'
      writer.report('critical', one.keyRange, `the type of a metric is counter, gauge or histogram, got ${found}`)
      return []
    }
    const config = writer.map(map.entries.get('config'))
    const entries = new Map([...map.entries, ...(config?.entries ?? [])])
    const body = writer.body(inner, { ...map, entries }, { type: null, config: null })
    return [block(`metric.${kind}`, undefined, attribute('name', stringLiteral(one.key)), ...body)]
  })
}
