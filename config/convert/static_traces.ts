// The traces of Grafana Agent's static mode: written as a collector's configuration, which is converted then.
import { entryRange, isNull, type YamlEntry, type YamlMap, type YamlNode } from '../yaml/tree.ts'
import type { ComponentRegistry } from '../plan.ts'
import { convertCollector, type OwnComponent } from './collector.ts'
import { discoveryOf, discoveryRelabel, staticTargets, targetsLiteral } from './discovery.ts'
import { type AlloyBlock, attribute, block, concatenated, labelOf, stringLiteral } from './document.ts'
import { hasValue, mapOf, textOf, withEntry, without } from './http.ts'
import type { Writer } from './writer.ts'

const instanceKeys = [
  'name',
  'remote_write',
  'receivers',
  'batch',
  'attributes',
  'scrape_configs',
  'prom_sd_operation_type',
  'prom_sd_pod_associations',
  'spanmetrics',
  'automatic_logging',
  'tail_sampling',
  'load_balancing',
  'service_graphs',
  'jaeger_remote_sampling',
]

/** Each config is a collector of its own; its name stands in labels where there are several. */
export async function convertTraces(
  writer: Writer,
  traces: YamlMap | undefined,
  registry: ComponentRegistry,
): Promise<AlloyBlock[]> {
  if (!traces) return []
  writer.unknownKeys(traces, ['configs'], 'traces')
  const configs = writer.maps(traces.entries.get('configs'))
  const out: AlloyBlock[] = []
  for (const config of configs) {
    writer.unknownKeys(config, instanceKeys, 'traces.configs')
    const name = config.entries.get('name')?.value
    if (name?.kind !== 'scalar' || isNull(name)) {
      writer.report('critical', config.range, 'a config needs a name')
      continue
    }
    const prefix = configs.length > 1 ? { prefix: name.text } : {}
    const instance = new TracesInstance(writer, config)
    const root = instance.collector()
    const own = instance.own()
    if (root) out.push(...(await convertCollector(writer, root, registry, { ...prefix, own })))
  }
  return out
}

/** The order of processors; those from the second on stand behind load balancing. */
const processorOrder = ['prom_sd', 'attributes', 'tail_sampling', 'batch']
const behindBalancing = ['tail_sampling', 'batch']

class TracesInstance {
  readonly #writer: Writer
  readonly #config: YamlMap
  readonly #range: YamlMap['range']

  constructor(writer: Writer, config: YamlMap) {
    this.#writer = writer
    this.#config = config
    this.#range = config.range
  }

  #entry(key: string): YamlEntry | undefined {
    const entry = this.#config.entries.get(key)
    return hasValue(entry) ? entry : undefined
  }

  #map(key: string): YamlMap | undefined {
    return this.#writer.map(this.#entry(key))
  }

  #names(ids: readonly string[]): YamlNode {
    return { kind: 'list', items: ids.map((id) => textOf(id, this.#range)), range: this.#range }
  }

  /** Undefined: reported. */
  collector(): YamlMap | undefined {
    const receivers = this.#receivers()
    if (!receivers) return undefined
    const balancing = this.#map('load_balancing')
    const exporters = this.#exporters()
    const processors = this.#processors()
    const connectors: Record<string, YamlNode> = {}
    const extensions = this.#extensions()
    const ends = [...exporters.keys()]
    const extra = this.#automaticLogging(exporters)
    const metrics = this.#spanMetrics(connectors, exporters)
    const before = processorOrder.filter((id) => processors.has(id))
    const pipelines: Record<string, YamlNode> = {}
    const add = (name: string, from: readonly string[], through: readonly string[], to: readonly string[]): void => {
      pipelines[`traces${name}`] = this.#pipeline(from, through, to)
    }
    // Spans are counted and shown once: where they leave.
    const last = [...ends, ...extra, ...(metrics ? ['spanmetrics'] : [])]
    if (metrics) pipelines[balancing ? 'metrics/1' : 'metrics'] = this.#pipeline(['spanmetrics'], [], ['remote_write'])
    if (balancing) {
      const split = before.findIndex((id) => behindBalancing.includes(id))
      const cut = split < 0 ? before.length : split
      exporters.set('loadbalancing', this.#balancer(balancing))
      add('/0', [...receivers.keys()], before.slice(0, cut), ['loadbalancing'])
      receivers.set('otlp/lb', this.#balancedReceiver(balancing))
      add('/1', ['otlp/lb'], before.slice(cut), last)
    } else add('', [...receivers.keys()], before, last)
    const service = { pipelines: mapOf(pipelines, this.#range), extensions: this.#names([...extensions.keys()]) }
    return mapOf(
      {
        extensions: mapOf(Object.fromEntries(extensions), this.#range),
        receivers: mapOf(Object.fromEntries(receivers), this.#range),
        processors: mapOf(Object.fromEntries(processors), this.#range),
        connectors: mapOf(connectors, this.#range),
        exporters: mapOf(Object.fromEntries(exporters), this.#range),
        service: mapOf(service, this.#range),
      },
      this.#range,
    )
  }

  #pipeline(from: readonly string[], through: readonly string[], to: readonly string[]): YamlMap {
    const parts = { receivers: this.#names(from), processors: this.#names(through), exporters: this.#names(to) }
    return mapOf(parts, this.#range)
  }

  /** The Agent keeps who sent something in what its OTLP receivers hand on. */
  #receivers(): Map<string, YamlNode> | undefined {
    const given = this.#map('receivers')
    if (!given || given.entries.size === 0) {
      this.#writer.report('critical', this.#range, 'a config of traces needs a receiver')
      return undefined
    }
    const out = new Map<string, YamlNode>()
    for (const { key, value } of given.entries.values()) {
      out.set(key, key.split('/')[0] === 'otlp' && value.kind === 'map' ? this.#withMetadata(value) : value)
    }
    return out
  }

  #withMetadata(receiver: YamlMap): YamlMap {
    const protocols = receiver.entries.get('protocols')?.value
    if (protocols?.kind !== 'map') return receiver
    const yes = { kind: 'scalar', value: true, text: 'true', range: receiver.range } as const
    const with_ = [...protocols.entries.values()].reduce((all, { key, value }) => {
      const section = value.kind === 'map' ? value : mapOf({}, value.range)
      if (value.kind !== 'map' && !isNull(value)) return all
      return section.entries.has('include_metadata')
        ? all
        : withEntry(all, key, withEntry(section, 'include_metadata', yes))
    }, protocols)
    return withEntry(receiver, 'protocols', with_)
  }

  #processors(): Map<string, YamlNode> {
    const out = new Map<string, YamlNode>()
    const jobs = this.#entry('scrape_configs')
    if (jobs) out.set('prom_sd', mapOf({ jobs: jobs.value }, jobs.keyRange))
    for (const key of ['attributes', 'batch']) {
      const entry = this.#entry(key)
      if (entry) out.set(key, entry.value)
    }
    const sampling = this.#map('tail_sampling')
    if (sampling) out.set('tail_sampling', this.#tailSampling(sampling))
    const graphs = this.#map('service_graphs')
    const enabled = graphs?.entries.get('enabled')?.value
    if (graphs && enabled?.kind === 'scalar' && enabled.value === true) {
      const why = 'its metrics stood on a page of the Agent: otelcol.connector.servicegraph sends them on'
      this.#writer.lacks(this.#entry('service_graphs')?.keyRange ?? graphs.range, '"service_graphs"', why)
    }
    return out
  }

  #tailSampling(map: YamlMap): YamlMap {
    const waits = map.entries.has('decision_wait')
    const policies = this.#writer.maps(map.entries.get('policies')).map((policy, i) => {
      const type = policy.entries.get('type')?.value
      const text = type?.kind === 'scalar' ? type.text : ''
      return hasValue(policy.entries.get('name'))
        ? policy
        : withEntry(policy, 'name', textOf(`${text}/${i}`, policy.range))
    })
    const known = withEntry(map, 'policies', { kind: 'list', items: policies, range: map.range })
    return waits ? known : withEntry(known, 'decision_wait', textOf('5s', map.range))
  }

  // ------------------------------------------------------------------------------------------------------ exporters

  #exporters(): Map<string, YamlNode> {
    const out = new Map<string, YamlNode>()
    for (const [i, write] of this.#writer.maps(this.#entry('remote_write')).entries()) {
      const text = (key: string): string => {
        const node = write.entries.get(key)?.value
        return node?.kind === 'scalar' && !isNull(node) ? node.text : ''
      }
      if (text('format') === 'jaeger') {
        this.#writer.lacks(write.range, 'a remote_write in the format of Jaeger', 'send OTLP instead')
        continue
      }
      const id = `${text('protocol') === 'http' ? 'otlphttp' : 'otlp'}/${i}`
      out.set(id, this.#exporter(write, `${id.replace('/', '')}`))
    }
    return out
  }

  #exporter(write: YamlMap, authenticator: string): YamlMap {
    const known = ['protocol', 'format', 'insecure', 'insecure_skip_verify', 'tls_config', 'basic_auth', 'oauth2']
    let out = this.#withRetry(without(write, known))
    const tls = this.#tls(write)
    if (tls) out = withEntry(out, 'tls', tls)
    if (hasValue(write.entries.get('oauth2'))) {
      out = withEntry(out, 'auth', mapOf({ authenticator: `oauth2client/${authenticator}` }, write.range))
    }
    return this.#withBasicAuth(out, write)
  }

  /** After a minute nothing is tried again, unless it is said otherwise. */
  #withRetry(map: YamlMap): YamlMap {
    const given = map.entries.get('retry_on_failure')?.value
    const retry = given?.kind === 'map' ? given : mapOf({}, map.range)
    if (retry.entries.has('max_elapsed_time')) return map
    return withEntry(map, 'retry_on_failure', withEntry(retry, 'max_elapsed_time', textOf('60s', map.range)))
  }

  #tls(write: YamlMap): YamlMap | undefined {
    const insecure = write.entries.get('insecure')?.value
    if (insecure?.kind === 'scalar' && insecure.value === true) return mapOf({ insecure }, write.range)
    const config = this.#writer.map(write.entries.get('tls_config'))
    const keys = ['ca_file', 'cert_file', 'key_file', 'insecure_skip_verify']
    const from = config ?? write
    const entries = [...from.entries].filter(
      ([key, one]) => (config ? keys : ['insecure_skip_verify']).includes(key) && hasValue(one),
    )
    return entries.length === 0 ? undefined : { ...from, entries: new Map(entries) }
  }

  /** User and password as a header: a password in a file cannot be read from there. */
  #withBasicAuth(map: YamlMap, write: YamlMap): YamlMap {
    const basic = this.#writer.map(write.entries.get('basic_auth'))
    if (!basic) return map
    const file = basic.entries.get('password_file')
    if (hasValue(file)) {
      this.#writer.lacks(entryRange(file), '"password_file"', 'see otelcol.auth.basic and local.file')
      return map
    }
    const [user, password] = ['username', 'password'].map((key) => {
      const node = basic.entries.get(key)?.value
      return node?.kind === 'scalar' && !isNull(node) ? node.text : ''
    })
    const value = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    const given = map.entries.get('headers')?.value
    const headers = given?.kind === 'map' ? given : mapOf({}, basic.range)
    return withEntry(map, 'headers', withEntry(headers, 'authorization', textOf(value, basic.range)))
  }

  #balancer(map: YamlMap): YamlMap {
    this.#writer.unknownKeys(map, ['exporter', 'resolver', 'receiver_port', 'routing_key'], 'load_balancing')
    const exporter = this.#writer.map(map.entries.get('exporter')) ?? mapOf({}, map.range)
    const compressed = exporter.entries.has('compression')
      ? exporter
      : withEntry(exporter, 'compression', textOf('none', map.range))
    const resolver = this.#writer.map(map.entries.get('resolver')) ?? mapOf({}, map.range)
    const key = map.entries.get('routing_key')
    const kubernetes = resolver.entries.get('kubernetes')
    const renamed = kubernetes ? withEntry(without(resolver, ['kubernetes']), 'k8s', kubernetes.value) : resolver
    return mapOf(
      {
        protocol: mapOf({ otlp: this.#exporter(compressed, '') }, map.range),
        resolver: renamed,
        sending_queue: mapOf({}, map.range),
        ...(hasValue(key) ? { routing_key: key.value } : {}),
      },
      map.range,
    )
  }

  #balancedReceiver(map: YamlMap): YamlMap {
    const port = map.entries.get('receiver_port')?.value
    const text = port?.kind === 'scalar' && !isNull(port) ? port.text : '4318'
    const endpoint = mapOf({ endpoint: `0.0.0.0:${text}` }, map.range)
    return mapOf({ protocols: mapOf({ grpc: endpoint }, map.range) }, map.range)
  }

  // --------------------------------------------------------------------------------------------- other than exporters

  #extensions(): Map<string, YamlNode> {
    const out = new Map<string, YamlNode>()
    for (const [i, write] of this.#writer.maps(this.#entry('remote_write')).entries()) {
      const oauth2 = this.#writer.map(write.entries.get('oauth2'))
      const protocol = write.entries.get('protocol')?.value
      const isHttp = protocol?.kind === 'scalar' && protocol.text === 'http'
      if (oauth2) out.set(`oauth2client/${isHttp ? 'otlphttp' : 'otlp'}${i}`, oauth2)
    }
    for (const [i, sampling] of this.#writer.maps(this.#entry('jaeger_remote_sampling')).entries()) {
      out.set(`jaegerremotesampling/${i}`, sampling)
    }
    return out
  }

  /** Lines about spans have no counterpart: what comes nearest shows whole spans. Gives ids of exporters. */
  #automaticLogging(exporters: Map<string, YamlNode>): string[] {
    const entry = this.#entry('automatic_logging')
    const map = this.#writer.map(entry)
    if (!entry || !map) return []
    const backend = map.entries.get('backend')?.value
    const isShown = backend?.kind === 'scalar' && backend.text === 'stdout'
    const message =
      'lines about spans are not converted: otelcol.exporter.debug shows spans, otelcol.connector.spanlogs makes lines'
    this.#writer.report(isShown ? 'warning' : 'error', entry.keyRange, message)
    exporters.set('debug', mapOf({}, entry.keyRange))
    return ['debug']
  }

  /** Gives whether there are metrics of spans. */
  #spanMetrics(connectors: Record<string, YamlNode>, exporters: Map<string, YamlNode>): boolean {
    const entry = this.#entry('spanmetrics')
    const map = this.#writer.map(entry)
    if (!entry || !map) return false
    const endpoint = map.entries.get('handler_endpoint')
    if (hasValue(endpoint)) {
      this.#writer.lacks(entryRange(endpoint), '"handler_endpoint"', 'metrics_instance can be converted')
      return false
    }
    const instance = map.entries.get('metrics_instance')
    if (!hasValue(instance)) {
      this.#writer.report('critical', entry.keyRange, 'spanmetrics needs a metrics_instance or a handler_endpoint')
      return false
    }
    const labels = map.entries.get('const_labels')
    exporters.set(
      'remote_write',
      mapOf({ instance: instance.value, ...(hasValue(labels) ? { labels: labels.value } : {}) }, entry.keyRange),
    )
    const buckets = map.entries.get('latency_histogram_buckets')
    const own = without(map, ['handler_endpoint', 'metrics_instance', 'const_labels', 'latency_histogram_buckets'])
    const explicit = mapOf(hasValue(buckets) ? { buckets: buckets.value } : {}, map.range)
    connectors['spanmetrics'] = hasValue(buckets) ? withEntry(own, 'histogram', mapOf({ explicit }, map.range)) : own
    return true
  }

  /** What only the Agent has: the way to `prometheus.remote_write`, and targets of Prometheus's discovery as attributes. */
  own(): ReadonlyMap<string, OwnComponent> {
    const writer = this.#writer
    const text = (key: string): string | undefined => {
      const node = this.#entry(key)?.value
      return node?.kind === 'scalar' ? node.text : undefined
    }
    const associations = this.#entry('prom_sd_pod_associations')
    const operation = text('prom_sd_operation_type')
    return new Map<string, OwnComponent>([
      [
        'exporter/remote_write',
        {
          name: 'otelcol.exporter.prometheus',
          blocks: (label, map) => Promise.resolve(toRemoteWrite(writer, label, map)),
        },
      ],
      [
        'processor/prom_sd',
        {
          name: 'otelcol.processor.discovery',
          blocks: async (label, map, outputs) => {
            const found = await discoveredTargets(writer, map, label)
            const pods = associations && writer.expression('list(string)', associations.value)
            const body = [
              attribute('targets', concatenated(found.targets)),
              operation === undefined || operation === 'upsert'
                ? undefined
                : attribute('operation_type', stringLiteral(operation)),
              pods === undefined ? undefined : attribute('pod_associations', pods),
              block('output', undefined, ...outputs),
            ]
            return [...found.blocks, block('otelcol.processor.discovery', label, ...body)]
          },
        },
      ],
    ])
  }
}

function toRemoteWrite(writer: Writer, label: string, map: YamlMap): AlloyBlock[] {
  const instance = map.entries.get('instance')?.value
  const name = instance?.kind === 'scalar' ? instance.text : ''
  const labels = [...(writer.map(map.entries.get('labels'))?.entries.values() ?? [])]
  const rules = labels
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ key, value }) =>
      block(
        'rule',
        undefined,
        attribute('target_label', stringLiteral(key)),
        attribute('replacement', writer.expression('string', value) ?? '""'),
      ),
    )
  const receiver = `[prometheus.remote_write.${labelOf(`metrics_${name}`) ?? 'metrics'}.receiver]`
  const forward = attribute('forward_to', rules.length === 0 ? receiver : `[prometheus.relabel.${label}.receiver]`)
  const relabel = block('prometheus.relabel', label, attribute('forward_to', receiver), ...rules)
  return [...(rules.length === 0 ? [] : [relabel]), block('otelcol.exporter.prometheus', label, forward)]
}

async function discoveredTargets(
  writer: Writer,
  map: YamlMap,
  prefix: string,
): Promise<{ blocks: AlloyBlock[]; targets: string[] }> {
  const blocks: AlloyBlock[] = []
  const targets: string[] = []
  for (const job of writer.maps(map.entries.get('jobs'))) {
    const name = job.entries.get('job_name')?.value
    const label = labelOf(`${prefix}_${name?.kind === 'scalar' ? name.text : ''}`) ?? prefix
    const found = await discoveryOf(writer, job, { into: blocks, label })
    const written = staticTargets(writer, job, [])
    const all = written.length === 0 ? found : [...found, targetsLiteral(written)]
    const rules = job.entries.get('relabel_configs')
    if (hasValue(rules) && writer.maps(rules).length > 0) {
      blocks.push(await discoveryRelabel(writer, label, all, rules))
      targets.push(`discovery.relabel.${label}.output`)
    } else targets.push(...all)
  }
  return { blocks, targets }
}
