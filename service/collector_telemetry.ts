// Brings `service.telemetry` of the collector's YAML to bear: own metrics for those who ask and to where they are sent, and log lines.
import { closeSync, openSync, writeSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type Clock,
  entriesOf,
  type Host,
  type Logger,
  MetricFamily,
  type MetricSink,
  type Timer,
  type Value,
} from '#component'
import { HttpServer } from '#component/http_server'
import { TextSink, textContentType } from '#component/scrape'
import type { TelemetrySettings } from '#config'
import { Sampler } from '#lib/sampler'
import { LineLoggerProvider } from './logging.ts'
import { type MetricLevel, shownAtLevel } from './metric_levels.ts'
import { registerCollectorMetrics } from './process_metrics.ts'
import type { OwnTelemetry } from './telemetry.ts'

type Reader = TelemetrySettings['metrics']['readers'][number]
type PrometheusSettings = NonNullable<Reader['pull']>['exporter']['prometheus']
type Periodic = NonNullable<Reader['periodic']>

export interface CollectorTelemetryOptions {
  readonly telemetry: OwnTelemetry
  readonly clock: Clock
  readonly log: Logger
  readonly version: string
  /** `service.instance.id`, unless the configuration gives one. */
  readonly instanceId: string
  readonly userAgent: string
}

/** Of scrapers of one process: far more than there are. */
const connectionsMax = 64
const requestTimeoutMs = 30_000
const idleTimeoutMs = 120_000

const defaultPrometheus: PrometheusSettings = {
  host: 'localhost',
  port: 8888,
  without_scope_info: true,
  without_type_suffix: true,
  without_units: true,
  with_resource_constant_labels: undefined,
}

interface Running {
  stop(): Promise<void>
}

/** The readers of own metrics. They change with the configuration; one that cannot run is logged, and the rest goes on. */
export class CollectorTelemetry {
  readonly #options: CollectorTelemetryOptions
  #running: Running[] = []
  #current = ''
  #turn: Promise<void> = Promise.resolve()

  constructor(options: CollectorTelemetryOptions) {
    this.#options = options
    registerCollectorMetrics(options.telemetry.instruments({}))
  }

  /** Fulfilled when the readers of `settings` run. Nothing happens where they are those that run already. */
  apply(settings: TelemetrySettings): Promise<void> {
    this.#turn = this.#turn.then(() => this.#apply(settings))
    return this.#turn
  }

  stop(): Promise<void> {
    this.#turn = this.#turn.then(() => this.#stopAll())
    return this.#turn
  }

  async #apply(settings: TelemetrySettings): Promise<void> {
    const { metrics } = settings
    const { level } = metrics
    const resource = resourceOf(settings, this.#options.version, this.#options.instanceId)
    const key = JSON.stringify([metrics, [...resource]], (_, v: unknown) => shownValue(v))
    if (key === this.#current) return
    await this.#stopAll()
    this.#current = key
    if (level === 'none') return
    if (metrics.readers.length === 0) await this.#pull(level, defaultPrometheus, resource)
    for (const { pull, periodic } of metrics.readers) {
      if (pull) await this.#pull(level, pull.exporter.prometheus, resource)
      if (periodic) await this.#periodic(level, periodic, resource)
    }
  }

  async #stopAll(): Promise<void> {
    this.#current = ''
    const running = this.#running
    this.#running = []
    await Promise.all(running.map((one) => one.stop()))
  }

  async #pull(level: MetricLevel, settings: PrometheusSettings, resource: ReadonlyMap<string, string>): Promise<void> {
    const { clock, log, telemetry } = this.#options
    const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const path = (request.url ?? '').split('?')[0]
      if (path !== '/metrics') {
        response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('404 page not found\n')
        return
      }
      const sink = new TextSink()
      await telemetry.collect(new CollectorSink(sink, level, settings, resource))
      const names = [...resource.keys()]
      const info = new MetricFamily('target_info', 'gauge', 'Target metadata', names.map(labelName))
      sink.sample(info, 1, ...resource.values())
      response.writeHead(200, { 'content-type': textContentType }).end(sink.text())
    }
    const server = new HttpServer(
      {
        // Go's listeners take the IPv4 address of the name.
        host: settings.host === 'localhost' ? '127.0.0.1' : settings.host,
        port: settings.port,
        connectionsMax,
        readTimeoutMs: requestTimeoutMs,
        writeTimeoutMs: requestTimeoutMs,
        idleTimeoutMs,
        tls: undefined,
      },
      { clock, log, handle },
    )
    try {
      await server.start()
    } catch (error) {
      log.error('Cannot serve own metrics', { err: (error as Error).message })
      return
    }
    log.info('Serving own metrics', { address: `${settings.host}:${server.port}` })
    this.#running.push({ stop: () => server.stop(0) })
  }

  async #periodic(level: MetricLevel, settings: Periodic, resource: ReadonlyMap<string, string>): Promise<void> {
    const { clock, log, telemetry, userAgent } = this.#options
    const { OwnMetricsSender } = await import('./own_metrics_sender.ts')
    const sender = new OwnMetricsSender(settings, { clock, log, userAgent, level, resource, telemetry })
    let timer: Timer | undefined
    let sending: Promise<void> = Promise.resolve()
    let stopped = false
    const next = (): void => {
      timer = clock.setTimeout(() => {
        sending = sender.send().then(() => {
          if (!stopped) next()
        })
      }, settings.interval)
    }
    next()
    this.#running.push({
      async stop() {
        stopped = true
        timer?.cancel()
        await sending
        await sender.send() // what was counted since, as SDKs do at their end
        sender.close()
      },
    })
  }
}

function shownValue(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  return value instanceof Map ? [...value] : value
}

/** Attributes of the process as its metrics carry them. A null takes away one that is there by itself. */
export function resourceOf(settings: TelemetrySettings, version: string, instanceId: string): Map<string, string> {
  const resource = new Map([
    ['service.instance.id', instanceId],
    ['service.name', 'solder'],
    ['service.version', version],
  ])
  for (const [name, value] of settings.resource) {
    if (name === 'attributes' && Array.isArray(value)) {
      for (const item of value as readonly Value[]) {
        const entries = entriesOf(item)
        const key = entries?.get('name')
        if (typeof key === 'string') setAttribute(resource, key, entries?.get('value') ?? null)
      }
    } else if (!declarativeKeys.has(name)) setAttribute(resource, name, value)
  }
  return resource
}

/** Keys of the declarative form that are no attributes. */
const declarativeKeys = new Set(['attributes', 'attributes_list', 'schema_url', 'detectors', 'detection/development'])

function setAttribute(resource: Map<string, string>, name: string, value: Value): void {
  if (value === null) resource.delete(name)
  else if (typeof value !== 'object') resource.set(name, String(value))
}

function labelName(attribute: string): string {
  return attribute.replace(/[^a-zA-Z0-9_]/g, '_').replace(/^(?=\d)/, '_')
}

/** Hands on the collector's series, without the suffixes that the reader leaves out. */
class CollectorSink implements MetricSink {
  readonly #to: MetricSink
  readonly #level: MetricLevel
  readonly #settings: PrometheusSettings
  readonly #families = new Map<MetricFamily, MetricFamily | undefined>()
  /** Labels of every series, and their values. */
  readonly #names: readonly string[]
  readonly #values: readonly string[]

  constructor(to: MetricSink, level: MetricLevel, settings: PrometheusSettings, resource: ReadonlyMap<string, string>) {
    const constant = [...resource].filter(constantLabels(settings.with_resource_constant_labels))
    const labels = constant.map(([name, value]) => [labelName(name), value] as const)
    if (!settings.without_scope_info) labels.push(['otel_scope_name', ownScope])
    this.#names = labels.map(([name]) => name)
    this.#values = labels.map(([, value]) => value)
    this.#to = to
    this.#level = level
    this.#settings = settings
  }

  #family(family: MetricFamily): MetricFamily | undefined {
    if (this.#families.has(family)) return this.#families.get(family)
    let shown: MetricFamily | undefined
    if (shownAtLevel(this.#level, family.name)) {
      const name = shownName(family, this.#settings)
      shown = new MetricFamily(name, family.type, family.help, [...family.labelNames, ...this.#names])
    }
    this.#families.set(family, shown)
    return shown
  }

  sample(family: MetricFamily, value: number, ...labelValues: string[]): void {
    const shown = this.#family(family)
    if (shown) this.#to.sample(shown, value, ...labelValues, ...this.#values)
  }

  histogram(
    family: MetricFamily,
    count: number,
    sum: number,
    bounds: readonly number[],
    cumulativeCounts: readonly number[],
    ...labelValues: string[]
  ): void {
    const shown = this.#family(family)
    if (shown) this.#to.histogram(shown, count, sum, bounds, cumulativeCounts, ...labelValues, ...this.#values)
  }

  /** Own metrics have none of these. */
  summary(): void {}
  nativeHistogram(): void {}
}

/** The scope that own instruments are made under. */
const ownScope = 'solder'

/** `{ included, excluded }`: lists of names with `*` and `?`. Absent: no attribute; without `included`: all but the excluded. */
function constantLabels(given: Value | undefined): (entry: readonly [string, string]) => boolean {
  const entries = entriesOf(given ?? null)
  if (!entries) return () => false
  const patterns = (key: string): readonly string[] | undefined => {
    const value = entries.get(key)
    return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : undefined
  }
  const [included, excluded] = [patterns('included') ?? ['*'], patterns('excluded') ?? []]
  return ([name]) => included.some((one) => globMatches(one, name)) && !excluded.some((one) => globMatches(one, name))
}

/** `*` is any number of characters, `?` is one. Linear in both for a pattern with one `*`; names here are short. */
function globMatches(pattern: string, name: string): boolean {
  const [head = '', ...rest] = pattern
  if (head === '') return name === ''
  const tail = rest.join('')
  if (head === '*') {
    for (let at = 0; at <= name.length; at++) if (globMatches(tail, name.slice(at))) return true
    return false
  }
  return name !== '' && (head === '?' || head === name[0]) && globMatches(tail, name.slice(1))
}

/** Units that are added to a name, which without them is the same instrument's: `otelcol_process_uptime_seconds`. */
const addedUnits = new Map([
  ['otelcol_process_uptime_seconds', 'otelcol_process_uptime'],
  ['otelcol_process_memory_rss_bytes', 'otelcol_process_memory_rss'],
])

function shownName(family: MetricFamily, settings: PrometheusSettings): string {
  const total = family.type === 'counter' && family.name.endsWith('_total') ? '_total' : ''
  const bare = family.name.slice(0, family.name.length - total.length)
  const name = settings.without_units ? (addedUnits.get(bare) ?? bare) : bare
  return settings.without_type_suffix ? name : `${name}${total}`
}

// ---------------------------------------------------------------------------------------------------------- logs

/** Where log lines go: what `output_paths` of a configuration say. Files are opened anew with every change. */
export class LogOutput {
  #paths: readonly string[] = ['stderr']
  #files: number[] = []
  #std: ((line: string) => void)[] = [(line) => void process.stderr.write(line)]

  /** Throws when a file cannot be opened, and changes nothing. */
  check(paths: readonly string[]): void {
    for (const file of openAll(paths).files) closeSync(file)
  }

  /** Throws when a file cannot be opened; lines go on to where they went then. */
  configure(paths: readonly string[]): void {
    if (paths.join('\0') === this.#paths.join('\0')) return
    const { files, std } = openAll(paths)
    this.close()
    this.#paths = [...paths]
    this.#files = files
    this.#std = std
  }

  write(line: string): void {
    for (const write of this.#std) write(line)
    for (const file of this.#files) {
      try {
        writeSync(file, line)
      } catch {
        // A full disk must not end the process: the line is lost.
      }
    }
  }

  close(): void {
    for (const file of this.#files) closeSync(file)
    this.#files = []
  }
}

function openAll(paths: readonly string[]): { files: number[]; std: ((line: string) => void)[] } {
  const files: number[] = []
  const std: ((line: string) => void)[] = []
  try {
    for (const path of paths) {
      if (path === 'stderr') std.push((line) => void process.stderr.write(line))
      else if (path === 'stdout') std.push((line) => void process.stdout.write(line))
      else files.push(openSync(path.replace(/^file:(?:\/\/)?/, ''), 'a'))
    }
  } catch (error) {
    for (const file of files) closeSync(file)
    throw new Error(`Cannot open the log file: ${(error as Error).message}`, { cause: error })
  }
  return { files, std }
}

export interface LoggingContext {
  readonly resource: ReadonlyMap<string, string>
  readonly clock: Clock
  /** Fields that every line carries besides those of the configuration. */
  readonly more: Readonly<Record<string, unknown>>
}

/**
 * Bring `service.telemetry.logs` to bear: lines carry the process's `resource`, and those that repeat are thinned out. Throws
 * when a file cannot be opened.
 */
export function collectorLogging(
  provider: LineLoggerProvider,
  output: LogOutput,
  settings: TelemetrySettings,
  { resource, clock, more }: LoggingContext,
): void {
  const { level, encoding, initial_fields, output_paths, sampling, disable_zap_resource } = settings.logs
  output.configure(output_paths)
  const given = [...initial_fields].map(([name, value]) => [name, shownField(value)])
  const fields = Object.fromEntries(
    disable_zap_resource ? given : [['resource', Object.fromEntries(resource)], ...given],
  )
  const { tick: tickMs, initial, thereafter } = sampling
  const sampler = sampling.enabled ? new Sampler({ tickMs, initial, thereafter }, clock) : undefined
  provider.configure({ level, format: encoding, fields: { ...fields, ...more }, sampler })
}

function shownField(value: Value): unknown {
  if (typeof value === 'bigint') return value.toString()
  return typeof value === 'object' ? JSON.stringify(value, (_, v: unknown) => shownValue(v)) : value
}

/** Processors that upstream counts no items of: they hold them back, and hand on others. */
const uncounted = new Set(['processor/batch', 'processor/tail_sampling'])

/** What every processor of a pipeline counts: the items it got and those it handed on. */
export function observeProcessor({ id, componentName, counters, instruments }: Host): void {
  const signal = /@(traces|metrics|logs)(?:\/|$)/.exec(id)?.[1]
  if (!componentName.startsWith('processor/') || uncounted.has(componentName) || signal === undefined) return
  const attributes = { otel_signal: signal }
  instruments.observedCounter(
    'otelcol_processor_incoming_items_total',
    'Number of items passed to the processor.',
    () => counters.in,
    attributes,
  )
  instruments.observedCounter(
    'otelcol_processor_outgoing_items_total',
    'Number of items emitted from the processor.',
    () => counters.out,
    attributes,
  )
}
