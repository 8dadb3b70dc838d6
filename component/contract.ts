// The contract between a component and the service that runs it.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type {
  Batch,
  Consumer,
  LogsConsumer,
  LogsPort,
  MetricsConsumer,
  MetricsPort,
  NodeCounters,
  OtelConsumer,
  Port,
  Signal,
  TracesConsumer,
  TracesPort,
} from './consumer.ts'
import type { MetricSource } from './metric_source.ts'
import type { Settings } from './schema.ts'
import type { Value } from './values.ts'

export const Stability = {
  experimental: 'experimental',
  'public-preview': 'public-preview',
  'generally-available': 'generally-available',
} as const
export type Stability = (typeof Stability)[keyof typeof Stability]

/** A component: a value. Registered by one line in `distro/components.ts`. */
export interface ComponentDefinition<S extends object = object> {
  /** What users write in Alloy's language: `prometheus.scrape`. */
  readonly name: string
  readonly stability: Stability
  /** One sentence for the reference page. */
  readonly doc: string
  /** The signals that it takes; none: nobody can send to it. */
  readonly consumes?: readonly Signal[]
  /** How others refer to it: see `inputExports`. Absent: `prometheus`. */
  readonly input?: InputKind
  /** Its other exports: name to the name of the type (`list(target)`, `string`, `RelabelRules`), with documentation. */
  readonly exports?: Readonly<Record<string, { readonly type: string; readonly doc: string }>>
  readonly settings: Settings<S>
  /** One instance only in the whole process, without a label. */
  readonly singleton?: boolean
  /**
   * Several processes may each have an instance and share the traffic between them (`--workers`): what becomes of a batch does
   * not depend on batches that went elsewhere. A receiver that says so listens as `host.globals.workers` asks it to.
   */
  readonly stateless?: boolean
  /**
   * Make an instance: no socket, no timer, no file written, nothing that must be undone, since a reload that fails
   * elsewhere throws it away. It may read (a file's content) and should set its exports before it returns, so that
   * the nodes that refer to them can be evaluated. Throws `SettingsError` for settings that only now prove wrong.
   */
  create(host: Host, settings: S): Component<S> | Promise<Component<S>>
}

/**
 * The face that the collector's YAML shows: registered in the manifest under `kind/type`. Settings are declared as users
 * write them in YAML (a `block` is a map under its key, `blocks` a list of maps); where they are shaped as in Alloy, the
 * same fields are spread in, with YAML's defaults.
 */
export interface YamlDefinition<S extends object = object> {
  readonly kind: YamlKind
  /** The type as it is called now, then its older names: `otlp_http`, `otlphttp`. */
  readonly types: readonly [string, ...string[]]
  readonly stability: Stability
  readonly doc: string
  /** The signals of the pipelines it may stand in; none for extensions. For connectors: those it takes. */
  readonly signals: readonly Signal[]
  /** Connectors: the signals that it gives for one it takes. */
  readonly produces?: Readonly<Partial<Record<Signal, readonly Signal[]>>>
  /** As `ComponentDefinition.stateless`. */
  readonly stateless?: boolean
  readonly settings: Settings<S>
  /**
   * As `ComponentDefinition.create`. `output` holds what the pipelines say: where each signal goes. A receiver, exporter,
   * connector or extension is made once and stands in every pipeline that names it; a processor is made for each pipeline.
   */
  create(host: Host, settings: S, output: OtelOutput): Component<S> | Promise<Component<S>>
}

export const YamlKind = {
  receiver: 'receiver',
  processor: 'processor',
  exporter: 'exporter',
  connector: 'connector',
  extension: 'extension',
} as const
export type YamlKind = (typeof YamlKind)[keyof typeof YamlKind]

/** Decoded `otelOutput`: where a component sends each signal. */
export interface OtelOutput {
  readonly metrics: readonly OtelConsumer[]
  readonly logs: readonly OtelConsumer[]
  readonly traces: readonly OtelConsumer[]
  /** Connectors of the collector's YAML: the same by pipeline, in the order written. */
  readonly pipelines?: readonly PipelineStart[]
}

/** A pipeline of the collector's YAML as a connector that it begins with sees it: what `otelPipeline` settings decode to. */
export interface PipelineStart {
  /** `traces/backend`. */
  readonly id: string
  readonly signal: Signal
  readonly consumers: readonly OtelConsumer[]
}

/** The ports for each signal behind an output. Consumers that do not take the signal are left out. */
export function outputPorts(output: OtelOutput): {
  readonly metrics: readonly MetricsPort[]
  readonly logs: readonly LogsPort[]
  readonly traces: readonly TracesPort[]
} {
  return {
    metrics: output.metrics.flatMap((consumer) => consumer.metrics ?? []),
    logs: output.logs.flatMap((consumer) => consumer.logs ?? []),
    traces: output.traces.flatMap((consumer) => consumer.traces ?? []),
  }
}

/** The ports at the beginning of a pipeline: those of its signal. */
export function pipelinePorts({ signal, consumers }: PipelineStart): ReturnType<typeof outputPorts> {
  return outputPorts({ metrics: [], logs: [], traces: [], [signal]: consumers })
}

/**
 * How a node that consumes is referred to: by the export `receiver` of type `MetricsReceiver` or `LogsReceiver`, whose
 * value is a `Port`, or by the export `input` of type `otelcol.Consumer`, whose value is an `OtelConsumer`.
 */
export const inputExports = {
  prometheus: { name: 'receiver', type: 'MetricsReceiver' },
  loki: { name: 'receiver', type: 'LogsReceiver' },
  otelcol: { name: 'input', type: 'otelcol.Consumer' },
} as const
export type InputKind = keyof typeof inputExports

/** An instance. Calls never overlap: create, start, (update | consume)*, stop. */
export interface Component<S extends object = object> {
  /** Where metrics come in, for a component whose definition says that it consumes them. */
  readonly metrics?: MetricsConsumer
  readonly logs?: LogsConsumer
  readonly traces?: TracesConsumer
  /** Bind sockets, start timers. A failure makes the node unhealthy and is tried again by nobody: retry inside. */
  start?(): void | Promise<void>
  /**
   * Take new settings in place, keeping state and connections. Absent: the service makes a new instance, stops this one
   * and starts that. Throws when it cannot, and then goes on with the old settings.
   */
  update?(settings: S): void | Promise<void>
  /**
   * Stop: no new work, hand on what is inside, flush queues (to disk where they cannot be delivered), release everything.
   * Done when the promise is; must be done within `deadlineMs`. Safe twice and without `start`.
   */
  stop(deadlineMs: number): void | Promise<void>
  /** Requests to `/api/v0/component/<id>/<path>`; `path` begins with `/`. */
  http?(request: IncomingMessage, response: ServerResponse, path: string): void | Promise<void>
  /** Pages that this node serves on the admin server, by path (`/live/metrics`). */
  readonly pages?: ReadonlyMap<string, (request: IncomingMessage, response: ServerResponse) => void | Promise<void>>
  /** What a scrape of this node's in-process target reads (`<memory-addr>/api/v0/component/<id>/metrics`). */
  readonly source?: MetricSource
  /** State for people to look at (targets with their last error, queue depths), JSON, no secrets. */
  debug?(): unknown
}

/** Settings that are well-formed one by one but cannot work. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
  /** Leads to the setting at fault: `['endpoint', 0, 'url']`. */
  readonly path: readonly (string | number)[]
  constructor(message: string, path: readonly (string | number)[] = []) {
    super(message)
    this.path = path
  }
}

export const HealthState = { unknown: 'unknown', healthy: 'healthy', unhealthy: 'unhealthy', exited: 'exited' } as const
export type HealthState = (typeof HealthState)[keyof typeof HealthState]

/** Log lines are constant sentences with fields; nothing is logged per item. Secrets print as `(secret)`. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void
  error(message: string, fields?: Readonly<Record<string, unknown>>): void
}

/** A counter of one node's own telemetry: adding is an addition, the instruments read it when asked. */
export class Count {
  value = 0
  add(n: number): void {
    this.value += n
  }
}

/** A histogram of one node's own telemetry, over fixed upper bounds. */
export class Distribution {
  readonly bounds: readonly number[]
  /** Per bound, not cumulative; one more at the end for what is above them all. */
  readonly counts: number[]
  sum = 0
  count = 0
  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0)
  }
  observe(value: number): void {
    let i = 0
    while (i < this.bounds.length && value > (this.bounds[i] as number)) i++
    ;(this.counts[i] as number)++
    this.sum += value
    this.count++
  }
}

/** A node's own metrics. The same name and attributes give the same object again. They end with the node. */
export interface Instruments {
  counter(name: string, help: string, attributes?: Readonly<Record<string, string>>): Count
  /** `read` gives the current value, or undefined: nothing to show. */
  gauge(name: string, help: string, read: () => number | undefined, attributes?: Readonly<Record<string, string>>): void
  /** A counter whose value somebody else keeps. */
  observedCounter(name: string, help: string, read: () => number, attributes?: Readonly<Record<string, string>>): void
  histogram(
    name: string,
    help: string,
    bounds: readonly number[],
    attributes?: Readonly<Record<string, string>>,
  ): Distribution
  /** Let go of one of them before the node ends: what it is of is no more (a file, a target). */
  forget?(name: string, attributes?: Readonly<Record<string, string>>): void
}

/** Time, injected so that tests need not wait. */
export interface Clock {
  /** Milliseconds since the epoch, fractions included. */
  now(): number
  /** Monotonic milliseconds. */
  monotonic(): number
  setTimeout(run: () => void, ms: number): Timer
  /** A number in [0, 1). */
  random(): number
}

export interface Timer {
  cancel(): void
}

/** What is the same for every node of the process. */
export interface HostGlobals {
  readonly hostname: string
  readonly version: string
  /** `--server.http.listen-addr`, as given. */
  readonly listenAddress: string
  /** `--server.http.memory-addr`: the address under which in-process targets are found (`alloy.internal:12345`). */
  readonly memoryAddress: string
  /** `--storage.path`. */
  readonly storagePath: string
  /** `--storage.durability`. */
  readonly durability: 'spill' | 'always'
  /** The `User-Agent` of requests this process makes. */
  readonly userAgent: string
  /**
   * `--workers`: stateless receivers listen on ports that several processes share. `index`: which of them this is; 0 is the
   * main one, which alone serves what cannot be shared. Absent: there is one process.
   */
  readonly workers?: { readonly index: number }
}

/** What the service gives a component. */
export interface Host {
  /** `prometheus.scrape.default`, behind `<module id>/` inside a module. */
  readonly id: string
  /** `prometheus.scrape`. */
  readonly componentName: string
  readonly label: string
  readonly log: Logger
  readonly clock: Clock
  readonly counters: NodeCounters
  readonly instruments: Instruments
  readonly globals: HostGlobals
  /** This node's directory under the storage path; not made until the component makes it. */
  readonly dataDir: string
  /** Set the exports, whole. Compared by value: nothing happens where they are the same. */
  setExports(exports: Readonly<Record<string, Value>>): void
  /** The component's own health; the service adds evaluation's. Calling again with the same state is cheap. */
  setHealth(state: HealthState, message: string): void
  /** One consumer for all of `ports`; counts `out` once per item. Ask again after an update. */
  outlet<B extends Batch>(ports: readonly Port<B>[]): Consumer<B>
  /**
   * The source behind an in-process target, if `address` is the memory address and `path` is a node's; else undefined.
   * `path` is a URL path: `/api/v0/component/<id>/metrics`, or `/metrics` for the process's own.
   */
  internalSource(address: string, path: string): MetricSource | undefined
}
