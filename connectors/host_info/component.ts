// otelcol.connector.host_info and the collector's grafanacloud: a metric that says which hosts sent spans.
import {
  attr,
  block,
  type Component,
  type ComponentDefinition,
  defineSettings,
  duration,
  type Host,
  list,
  type OtelOutput,
  otelOutput,
  outputPorts,
  type Report,
  type SettingsOf,
  string,
  type YamlDefinition,
} from '#component'
import { madeMetric, madeResource, MetricsEmitter, nanosOf } from '#component/aggregation'
import { debugMetricsField } from '#component/debug_metrics'
import type { Traces } from '#pdata'
import { type MetricsTree, tracesWire, WireCursor, WireValues } from '#pdata/otlp'

const fields = {
  host_identifiers: attr(list(string), 'Attributes of resources that identify a host.', { default: ['host.id'] }),
  metrics_flush_interval: attr(duration, 'How often the hosts seen since the last time are sent.', { default: '1m' }),
} as const

interface HostInfoSettings {
  readonly host_identifiers: readonly string[]
  readonly metrics_flush_interval: number
}

function check(s: HostInfoSettings, report: Report): void {
  if (s.host_identifiers.length === 0) report('host_identifiers must not be empty', ['host_identifiers'])
  if (s.metrics_flush_interval <= 0) {
    report('metrics_flush_interval must be greater than 0', ['metrics_flush_interval'])
  }
}

const alloySettings = defineSettings(
  { ...fields, output: block(otelOutput, 'Where metrics go.', { required: true }), ...debugMetricsField },
  { check },
)
const yamlSettings = defineSettings(fields, {
  check(s, report) {
    check(s, report)
    if (s.metrics_flush_interval > 300_000 || (s.metrics_flush_interval < 15_000 && s.metrics_flush_interval > 0)) {
      report('metrics_flush_interval must be from 15s to 5m', ['metrics_flush_interval'])
    }
  },
})

const doc = 'Makes the metric `traces_host_info` of the hosts that sent spans.'

export const otelcolConnectorHostInfo: ComponentDefinition<SettingsOf<typeof alloySettings>> = {
  name: 'otelcol.connector.host_info',
  stability: 'generally-available',
  doc,
  consumes: ['traces'],
  input: 'otelcol',
  settings: alloySettings,
  create: (host, s) => new HostInfoConnector(host, s, s.output),
}

export const grafanacloudConnector: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'connector',
  types: ['grafanacloud'],
  stability: 'experimental',
  doc,
  signals: ['traces'],
  produces: { traces: ['metrics'] },
  settings: yamlSettings,
  create: (host, s, output) => new HostInfoConnector(host, s, output),
}

/** Hosts of one interval: more are not sent, and counted. */
const hostsMax = 100_000

/** Every span counts as out once its resource was looked at. */
class HostInfoConnector implements Component {
  readonly traces = { consume: (batch: Traces): void => this.#consume(batch) }
  readonly #host: Host
  readonly #identifiers: ReadonlySet<string>
  readonly #emitter: MetricsEmitter
  #hosts = new Set<string>()
  #tooMany = 0

  constructor(host: Host, s: HostInfoSettings, output: OtelOutput) {
    this.#host = host
    this.#identifiers = new Set(s.host_identifiers)
    const next = host.outlet(outputPorts(output).metrics)
    this.#emitter = new MetricsEmitter(host, next, s.metrics_flush_interval, () => this.#collect())
  }

  start(): void {
    this.#emitter.start()
  }

  stop(): Promise<void> {
    return this.#emitter.stop()
  }

  #consume(batch: Traces): void {
    const group = new WireCursor()
    const inside = new WireCursor()
    for (const chunk of tracesWire(batch)) {
      const values = new WireValues(chunk)
      group.reset(chunk)
      while (group.next()) {
        if (group.tag !== 0x0a) continue
        inside.enter(group)
        // Without a scope there is no span that the host could have sent.
        if (!inside.seek(0x12)) continue
        inside.enter(group)
        if (!inside.seek(0x0a)) continue
        for (const { key, value } of values.resource(inside.start, inside.end).attributes) {
          if (this.#identifiers.has(key) && typeof value === 'string') this.#add(value)
        }
      }
    }
    this.#host.counters.out += batch.count
  }

  #add(id: string): void {
    if (this.#hosts.size < hostsMax || this.#hosts.has(id)) this.#hosts.add(id)
    else this.#tooMany++
  }

  #collect(): MetricsTree {
    if (this.#hosts.size === 0) return { resourceMetrics: [] }
    const time = nanosOf(this.#host.clock.now())
    const points = [...this.#hosts].map((id) => ({
      attributes: [{ key: 'grafana.host.id', value: id }],
      startTimeUnixNano: time,
      timeUnixNano: time,
      value: 1n,
      exemplars: [],
      flags: 0,
      unknown: null,
    }))
    this.#hosts = new Set()
    if (this.#tooMany > 0) this.#host.log.warn('Left out hosts: there are too many', { left_out: this.#tooMany })
    this.#tooMany = 0
    const metric = madeMetric('traces_host_info', { kind: 'gauge', points, unknown: null })
    return { resourceMetrics: [madeResource([], 'hostinfoconnector', [metric])] }
  }

  debug(): unknown {
    return { hosts: this.#hosts.size }
  }
}
