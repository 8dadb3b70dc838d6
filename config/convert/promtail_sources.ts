// One scrape config of Promtail's: its discovery and sources, relabelling and stages, as the components of Alloy's language.
import type { Settings } from '#component'
import { entryRange, isNull, type YamlEntry, type YamlMap } from '../yaml/tree.ts'
import { discoveryOf, discoveryRelabel, rulesOf, staticTargets, targetsLiteral } from './discovery.ts'
import {
  type AlloyBlock,
  attribute,
  block,
  concatenated,
  labelOf,
  numbered,
  type Statement,
  stringLiteral,
} from './document.ts'
import { clientRules, hasValue, mapOf, readClient, serverStatements, withEntry, without } from './http.ts'
import { convertStages } from './promtail_stages.ts'
import type { Rules, Writer } from './writer.ts'

/** What all scrape configs share. */
export interface Shared {
  /** Expression: a list of receivers. */
  readonly forwardTo: string
  readonly prefix: string
  readonly positions: string
  /** Does the source say itself where positions are? */
  readonly positionsGiven: boolean
  readonly fileMatch: readonly Statement[]
  readonly fileWatch: readonly Statement[]
  /** Stages before those of every config. */
  readonly limits: readonly AlloyBlock[]
}

/** Keys of a scrape config that are handled one by one; others end in `_sd_configs`. */
const jobKeys = [
  'job_name',
  'pipeline_stages',
  'relabel_configs',
  'static_configs',
  'encoding',
  'decompression',
  'cloudflare',
  'journal',
  'loki_push_api',
  'syslog',
  'gcplog',
  'windows_events',
  'kafka',
  'azure_event_hubs',
  'gelf',
  'heroku_drain',
]
/** The order in which Alloy's own conversion writes discovery. */
const discoveryOrder = [
  'azure',
  'consul',
  'digitalocean',
  'dockerswarm',
  'dns',
  'ec2',
  'file',
  'gce',
  'kubernetes',
  'marathon',
  'nerve',
  'openstack',
  'serverset',
  'triton',
]

/** Promtail reads the pods of its own node only. */
const ownNode = block(
  'selectors',
  undefined,
  attribute('role', '"pod"'),
  attribute('field', '"spec.nodeName=" + coalesce(sys.env("HOSTNAME"), constants.hostname)'),
)

export class JobConverter {
  readonly #writer: Writer
  readonly #job: YamlMap
  readonly #shared: Shared
  readonly #blocks: AlloyBlock[] = []
  #label = ''
  /** Expressions of lists of targets. */
  readonly #targets: string[] = []
  // Components that several sources share are made for the first of them.
  #receivers: string | undefined
  #relabelled: string | undefined
  #relabelReceivers: string | undefined

  constructor(writer: Writer, job: YamlMap, shared: Shared) {
    this.#writer = writer
    this.#job = job
    this.#shared = shared
  }

  async convert(): Promise<AlloyBlock[]> {
    const writer = this.#writer
    const named = this.#job.entries.get('job_name')?.value
    const own = labelOf(named?.kind === 'scalar' && !isNull(named) ? named.text : '')
    if (own === undefined) {
      writer.report('critical', this.#job.range, 'a scrape config needs a job_name')
      return []
    }
    this.#label = this.#shared.prefix === '' ? own : `${this.#shared.prefix}_${own}`
    const discovery = [...this.#job.entries.keys()].filter((key) => key.endsWith('_sd_configs'))
    writer.unknownKeys(this.#job, [...jobKeys, ...discovery], 'scrape_configs')
    await this.#discovery()
    if (this.#targets.length > 0) await this.#files()
    await this.#cloudflare()
    await this.#journal()
    await this.#pushApi()
    await this.#syslog()
    await this.#gcplog()
    await this.#windowsEvents()
    await this.#kafka()
    await this.#eventHubs()
    await this.#gelf()
    await this.#heroku()
    await this.#docker()
    await this.#unusedStages()
    const made = this.#blocks.map(({ name, label }) => `${name}.${label}`).join(', ')
    const where = named?.range ?? this.#job.range
    if (made !== '') writer.report('info', where, `the scrape config "${own}" became ${made}`)
    return this.#blocks
  }

  async #discovery(): Promise<void> {
    const writer = this.#writer
    const consulAgents = 'consulagent_sd_configs'
    const options = { into: this.#blocks, label: this.#label, order: discoveryOrder }
    const others = without(this.#job, ['docker_sd_configs', consulAgents])
    const extra = (kind: string, { entries }: YamlMap): Statement[] => {
      const role = entries.get('role')?.value
      return kind === 'kubernetes' && role?.kind === 'scalar' && role.text === 'pod' ? [ownNode] : []
    }
    this.#targets.push(...(await discoveryOf(writer, others, { ...options, extra })))
    const written = staticTargets(writer, this.#job, ['localhost'])
    if (written.length > 0) this.#targets.push(targetsLiteral(written))
    const agents = this.#job.entries.get(consulAgents)
    if (agents) {
      const only = { ...this.#job, entries: new Map([[consulAgents, agents]]) }
      this.#targets.push(...(await discoveryOf(writer, only, options)))
    }
  }

  /** Where lines go: the expression of a list, of `loki.process` where there are stages. */
  async #forwardTo(): Promise<string> {
    this.#receivers ??= await this.#process()
    return this.#receivers
  }

  async #process(): Promise<string> {
    const given = this.#job.entries.get('pipeline_stages')
    const schema = await this.#writer.schema('loki.process')
    const field = schema?.fields['stage']
    if (field?.kind !== 'variants') return this.#shared.forwardTo
    const isGiven = given !== undefined && this.#writer.maps(given).length > 0
    if (!isGiven && this.#shared.limits.length === 0) return this.#shared.forwardTo
    const stages = [...this.#shared.limits, ...(given ? convertStages(this.#writer, field, given) : [])]
    this.#blocks.push(block('loki.process', this.#label, attribute('forward_to', this.#shared.forwardTo), ...stages))
    return `[loki.process.${this.#label}.receiver]`
  }

  /** Mistakes in the stages of a config without any source. */
  async #unusedStages(): Promise<void> {
    const given = this.#job.entries.get('pipeline_stages')
    const field = (await this.#writer.schema('loki.process'))?.fields['stage']
    if (given && field?.kind === 'variants' && this.#receivers === undefined) convertStages(this.#writer, field, given)
  }

  #relabelConfigs(): YamlEntry | undefined {
    const rules = this.#job.entries.get('relabel_configs')
    return rules && this.#writer.maps(rules).length > 0 ? rules : undefined
  }

  /** The component that relabels targets, and gives its rules to sources; undefined: nothing is relabelled. */
  async #relabel(): Promise<string | undefined> {
    const rules = this.#relabelConfigs()
    if (!rules || this.#relabelled !== undefined) return this.#relabelled
    this.#relabelled = `discovery.relabel.${this.#label}`
    this.#blocks.push(await discoveryRelabel(this.#writer, this.#label, this.#targets, rules))
    return this.#relabelled
  }

  /** `forward_to` and `relabel_rules` of a source that relabels by itself. */
  async #connections(): Promise<Statement[]> {
    const forward = attribute('forward_to', await this.#forwardTo())
    const component = await this.#relabel()
    return [forward, attribute('relabel_rules', component === undefined ? 'null' : `${component}.rules`)]
  }

  /** `forward_to` of a source that does not. */
  async #connection(): Promise<Statement> {
    const rules = this.#relabelConfigs()
    const forwardTo = await this.#forwardTo()
    if (!rules) return attribute('forward_to', forwardTo)
    if (this.#relabelReceivers === undefined) {
      const body = await rulesOf(this.#writer, 'loki.relabel', rules)
      this.#blocks.push(block('loki.relabel', this.#label, attribute('forward_to', forwardTo), ...body))
      this.#relabelReceivers = `[loki.relabel.${this.#label}.receiver]`
    }
    return attribute('forward_to', this.#relabelReceivers)
  }

  async #files(): Promise<void> {
    const writer = this.#writer
    const { fileMatch, fileWatch, positions } = this.#shared
    const schema = await writer.schema('loki.source.file')
    const own = new Map([...this.#job.entries].filter(([key]) => key === 'encoding' || key === 'decompression'))
    const forward = attribute('forward_to', await this.#forwardTo())
    const component = await this.#relabel()
    const targets = component === undefined ? concatenated(this.#targets) : `${component}.output`
    this.#blocks.push(
      block(
        'loki.source.file',
        this.#label,
        attribute('targets', targets),
        forward,
        ...(schema ? writer.body(schema, { ...this.#job, entries: own }) : []),
        fileWatch.length === 0 ? undefined : block('file_watch', undefined, ...fileWatch),
        block('file_match', undefined, attribute('enabled', 'true'), ...fileMatch),
        attribute('legacy_positions_file', stringLiteral(positions)),
      ),
    )
  }

  /** The map under a key, and the schema of a source's component. */
  async #given(key: string, component: string): Promise<{ map: YamlMap; schema: Settings<object> } | undefined> {
    const entry = this.#job.entries.get(key)
    if (!hasValue(entry)) return undefined
    const map = this.#writer.map(entry)
    const schema = await this.#writer.schema(component, entry.keyRange)
    if (!schema) this.#writer.lacks(entryRange(entry), `"${key}"`, `there is no ${component}`)
    return map && schema && { map, schema }
  }

  async #kafka(): Promise<void> {
    const given = await this.#given('kafka', 'loki.source.kafka')
    if (!given) return
    const body = this.#writer.body(given.schema, saslTls(given.map), clientRules)
    this.#blocks.push(block('loki.source.kafka', this.#label, ...(await this.#connections()), ...withLabels(body)))
  }

  async #cloudflare(): Promise<void> {
    const given = await this.#given('cloudflare', 'loki.source.cloudflare')
    if (!given) return
    const body = this.#writer.body(given.schema, given.map)
    this.#blocks.push(block('loki.source.cloudflare', this.#label, ...withLabels(body), await this.#connection()))
  }

  async #windowsEvents(): Promise<void> {
    const given = await this.#given('windows_events', 'loki.source.windowsevent')
    if (!given) return
    const body = this.#writer.body(given.schema, given.map, { bookmark_path: 'legacy_bookmark_path' })
    this.#blocks.push(block('loki.source.windowsevent', this.#label, ...withLabels(body), await this.#connection()))
  }

  async #journal(): Promise<void> {
    const given = await this.#given('journal', 'loki.source.journal')
    if (!given) return
    const body = this.#writer.body(given.schema, given.map, { json: 'format_as_json' })
    const position = this.#shared.positionsGiven ? [this.#legacyPosition()] : []
    const connections = await this.#connections()
    this.#blocks.push(block('loki.source.journal', this.#label, ...connections, ...withLabels(body), ...position))
  }

  /** How far the journal was read stands in the positions file under the name of the job. */
  #legacyPosition(): AlloyBlock {
    const name = this.#job.entries.get('job_name')?.value
    const text = name?.kind === 'scalar' ? name.text : ''
    const file = attribute('file', stringLiteral(this.#shared.positions))
    return block('legacy_position', undefined, file, attribute('name', stringLiteral(text)))
  }

  async #syslog(): Promise<void> {
    const given = await this.#given('syslog', 'loki.source.syslog')
    const field = given?.schema.fields['listener']
    if (!given || field?.kind !== 'blocks') return
    const names: Rules = { listen_address: 'address', listen_protocol: 'protocol' }
    const format = given.map.entries.get('syslog_format')?.value
    if (format?.kind === 'scalar' && !isNull(format) && !['rfc3164', 'rfc5424', 'raw'].includes(format.text)) {
      const known = 'it is one of rfc3164, rfc5424, raw'
      this.#writer.report('critical', format.range, `unknown syslog format ${JSON.stringify(format.text)}: ${known}`)
      return
    }
    const body = withLabels(this.#writer.body(field.schema, given.map, { ...clientRules, ...names }))
    // As Alloy's own conversion leaves what Promtail does not have.
    const zeros = ['max_message_length', 'udp_queue_size', 'udp_host_cache_size']
    const unsaid = zeros.filter((name) => !body.some((one) => one.name === name)).map((name) => attribute(name, '0'))
    const listener = block('listener', undefined, ...body, ...unsaid)
    this.#blocks.push(block('loki.source.syslog', this.#label, ...(await this.#connections()), listener))
  }

  async #pushApi(): Promise<void> {
    const given = await this.#given('loki_push_api', 'loki.source.api')
    if (!given) return
    const writer = this.#writer
    const server = serverStatements(writer, given.schema, writer.map(given.map.entries.get('server')))
    const body = writer.body(given.schema, given.map, { server: null, max_send_msg_size: 'max_send_message_size' })
    const size = body.some(({ name }) => name === 'max_send_message_size')
    this.#blocks.push(
      block(
        'loki.source.api',
        this.#label,
        ...server,
        ...(await this.#connections()),
        ...withLabels(body),
        size ? undefined : attribute('max_send_message_size', '"0B"'),
      ),
    )
  }

  async #heroku(): Promise<void> {
    const given = await this.#given('heroku_drain', 'loki.source.heroku')
    if (!given) return
    const writer = this.#writer
    const server = serverStatements(writer, given.schema, writer.map(given.map.entries.get('server')))
    const body = withLabels(writer.body(given.schema, given.map, { server: null }))
    this.#blocks.push(block('loki.source.heroku', this.#label, ...server, ...body, ...(await this.#connections())))
  }

  async #gcplog(): Promise<void> {
    const given = await this.#given('gcplog', 'loki.source.gcplog')
    if (!given) return
    const writer = this.#writer
    const typed = given.map.entries.get('subscription_type')
    const type = typed?.value.kind === 'scalar' && !isNull(typed.value) ? typed.value.text : 'pull'
    const field = given.schema.fields[type]
    if (typed && (field?.kind !== 'block' || !['pull', 'push'].includes(type))) {
      writer.report('error', entryRange(typed), `subscription_type is pull or push: current value is ${type}`)
      return
    }
    if (field?.kind !== 'block') return
    const { map } = given
    const isPush = type === 'push'
    const server = isPush ? serverStatements(writer, field.schema, writer.map(map.entries.get('server'))) : []
    const rules: Rules = { subscription_type: null, server: null, ...(isPush ? {} : { push_timeout: null }) }
    const own = isPush ? without(map, ['project_id', 'subscription']) : map
    const body = block(type, undefined, ...server, ...withLabels(writer.body(field.schema, own, rules)))
    this.#blocks.push(block('loki.source.gcplog', this.#label, body, ...(await this.#connections())))
  }

  async #eventHubs(): Promise<void> {
    const key = 'azure_event_hubs'
    const given = await this.#given(key, 'loki.source.azure_event_hubs')
    if (!given) return
    const connection = given.map.entries.get('connection_string')?.value
    const authentication = mapOf(
      { mechanism: 'connection_string', ...(connection ? { connection_string: connection } : {}) },
      given.map.range,
    )
    const map = withEntry(without(given.map, ['connection_string']), 'authentication', authentication)
    const body = withLabels(this.#writer.body(given.schema, map))
    this.#blocks.push(block(`loki.source.${key}`, this.#label, ...body, ...(await this.#connections())))
  }

  async #gelf(): Promise<void> {
    const given = await this.#given('gelf', 'loki.source.gelf')
    if (!given) return
    const labels = given.map.entries.get('labels')
    if (hasValue(labels)) {
      this.#writer.report('warning', labels.keyRange, '"labels" is left out: loki.source.gelf has no labels of its own')
    }
    const body = this.#writer.body(given.schema, given.map, { labels: null })
    this.#blocks.push(block('loki.source.gelf', this.#label, ...body, ...(await this.#connections())))
  }

  /** Docker's containers are found and read by two components for each entry. */
  async #docker(): Promise<void> {
    const writer = this.#writer
    const discovery = await writer.schema('discovery.docker')
    const source = await writer.schema('loki.source.docker')
    if (!discovery || !source) return
    for (const [i, one] of writer.maps(this.#job.entries.get('docker_sd_configs')).entries()) {
      const label = numbered(this.#label, i)
      const map = readClient(one)
      this.#blocks.push(block('discovery.docker', label, ...writer.body(discovery, map, clientRules)))
      this.#blocks.push(
        block(
          'loki.source.docker',
          label,
          attribute('targets', `discovery.docker.${label}.targets`),
          ...(await this.#connections()),
          ...this.#dockerBody(source, map),
        ),
      )
    }
  }

  /** What a client says stands in a block of its own. */
  #dockerBody(schema: Settings<object>, map: YamlMap): Statement[] {
    const field = schema.fields['http_client_config']
    const own = ['host', 'refresh_interval']
    const notClients = [...own, 'port', 'filters', 'host_networking_host', 'match_first_network']
    const pick = (keep: (key: string) => boolean): YamlMap => {
      return { ...map, entries: new Map([...map.entries].filter(([key]) => keep(key))) }
    }
    const body = this.#writer.body(
      schema,
      pick((key) => own.includes(key)),
    )
    if (field?.kind !== 'block') return body
    const client = this.#writer.body(
      field.schema,
      pick((key) => !notClients.includes(key)),
      clientRules,
    )
    return client.length === 0 ? body : [...body, block('http_client_config', undefined, ...client)]
  }
}

/** `labels` is written even where it is empty, as in Alloy's own conversion. */
function withLabels(body: readonly Statement[]): Statement[] {
  return body.some(({ name }) => name === 'labels') ? [...body] : [...body, attribute('labels', '{}')]
}

const saslKeys = ['mechanism', 'user', 'password', 'use_tls', 'oauth_config']

/** Promtail has the settings of TLS among those of SASL, Alloy in a block of their own. */
function saslTls(map: YamlMap): YamlMap {
  const authentication = map.entries.get('authentication')?.value
  const sasl = authentication?.kind === 'map' ? authentication.entries.get('sasl_config')?.value : undefined
  if (authentication?.kind !== 'map' || sasl?.kind !== 'map') return map
  const tls = [...sasl.entries].filter(([key]) => !saslKeys.includes(key))
  if (tls.length === 0) return map
  const own = { ...sasl, entries: new Map([...sasl.entries].filter(([key]) => saslKeys.includes(key))) }
  const whole = withEntry(own, 'tls_config', { ...sasl, entries: new Map(tls) })
  return withEntry(map, 'authentication', withEntry(authentication, 'sasl_config', whole))
}
