// The service: loads a configuration, runs its graph, reloads and stops it.
import { createHash } from 'node:crypto'
import type { Clock, Host, HostGlobals, Instruments, Logger, LogsPort, Stability } from '#component'
import { HealthState } from '#component'
import type { CompileOptions, ComponentRegistry, Diagnostic, ExportsView, Plan, ProcessSettings } from '#config'
import { compileAlloy, hasErrors, ImportStore } from '#config'
import { Graph } from './graph.ts'
import { LogForwarder } from './log_forwarder.ts'
import type { LineLoggerProvider, LogLevel } from './logging.ts'
import { loggerFor } from './logging.ts'
import { registerProcessMetrics } from './process_metrics.ts'
import { OwnTelemetry } from './telemetry.ts'
import { noState, type WorkerState } from './worker_messages.ts'

export interface ConfigurationText {
  readonly sources: readonly { readonly name: string; readonly text: Uint8Array | string }[]
  readonly directory: string
}

export interface ServiceOptions {
  readonly registry: ComponentRegistry
  readonly stability: Stability
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly globals: HostGlobals
  readonly clock: Clock
  readonly logging: LineLoggerProvider
  /** Read the configuration: at the start and at every reload. Throws when it cannot be read. */
  readConfiguration(): ConfigurationText | Promise<ConfigurationText>
  /** The language of the configuration; absent: Alloy's. */
  compile?(text: ConfigurationText, view: ExportsView, options: CompileOptions): Promise<Plan>
  /** What a node's own series and log lines carry; absent: Alloy's `component_path` and `component_id`. */
  nodeAttributes?(id: string): { readonly metrics: Attributes; readonly logs: Attributes }
  /** Called with every node that is made: what else there is to tell of it. */
  observeNode?(node: Host): void
  /** What of the plan runs here; absent: all. */
  select?(plan: Plan): Plan
  /**
   * Asked before a configuration that was read is taken over, when everything of it is ready here: with an error in the answer
   * it is not taken over. `taken` says how it ended, also where this was not asked.
   */
  agree?(text: ConfigurationText, plan: Plan): Promise<readonly Diagnostic[]>
  taken?(ok: boolean): void | Promise<void>
}

type Attributes = Readonly<Record<string, string>>

export interface LoadResult {
  readonly ok: boolean
  readonly diagnostics: readonly Diagnostic[]
  readonly sources: ReadonlyMap<string, string>
}

/** Imports and foreach over exports can bring in more of the same: more rounds than this is a loop. */
const structureRoundsMax = 10

export class Service {
  readonly telemetry: OwnTelemetry
  readonly graph: Graph
  readonly globals: HostGlobals
  readonly log: Logger
  readonly #options: ServiceOptions
  readonly #imports: ImportStore
  readonly #instruments: Instruments
  #plan: Plan | undefined
  #text: ConfigurationText | undefined
  #ready = false
  #loading: Promise<unknown> = Promise.resolve()
  #onSettings: (settings: ProcessSettings) => void = () => {}
  #checkSettings: (settings: ProcessSettings) => void = () => {}
  // What the load metrics show.
  #loadSuccessful = 0
  #loadTimeMs = 0
  #loadFailures = 0
  #hash = ''
  #workers: () => Promise<WorkerState> = () => Promise.resolve(noState)

  constructor(options: ServiceOptions) {
    this.#options = options
    this.globals = options.globals
    this.log = loggerFor(options.logging, {})
    this.telemetry = new OwnTelemetry(options.clock)
    this.#imports = new ImportStore({
      clock: options.clock,
      log: this.log,
      userAgent: options.globals.userAgent,
      storagePath: options.globals.storagePath,
    })
    this.graph = new Graph({
      clock: options.clock,
      globals: options.globals,
      logger: (id) => loggerFor(options.logging, options.nodeAttributes?.(id).logs ?? attributesOf(id)),
      instruments: (id) => this.telemetry.instruments(options.nodeAttributes?.(id).metrics ?? attributesOf(id)),
      structureChanged: () => this.#structureChanged(),
      observe: (node) => options.observeNode?.(node),
      ownMetrics: this.telemetry,
    })
    this.#instruments = this.telemetry.instruments({})
    this.#registerMetrics()
  }

  /** Workers run parts of this too: their counters are added wherever somebody looks. */
  includeWorkers(read: () => Promise<WorkerState>): void {
    this.#workers = read
    this.telemetry.include(async () => (await read()).series)
  }

  /** What the workers have counted. */
  workers(): Promise<WorkerState> {
    return this.#workers()
  }

  /** True from the first load without errors on, until the stop begins. */
  get ready(): boolean {
    return this.#ready
  }

  /** What was taken over last. */
  get text(): ConfigurationText | undefined {
    return this.#text
  }

  get plan(): Plan | undefined {
    return this.#plan
  }

  /**
   * Where process settings (`logging`, `http`, …) go after every successful load. `check` sees them before anything is
   * changed: where it throws (a certificate cannot be read), the load fails with its message.
   */
  onSettings(listen: (settings: ProcessSettings) => void, check: (settings: ProcessSettings) => void = () => {}): void {
    this.#onSettings = listen
    this.#checkSettings = check
  }

  /** Load the configuration for the first time. With errors nothing is started. */
  start(): Promise<LoadResult> {
    return this.#inTurn(async () => {
      const text = await this.#read()
      if ('ok' in text) return text
      const result = await this.#load(text)
      if (result.ok) {
        this.#ready = true
        this.#imports.start(() => this.#structureChanged())
      }
      return result
    })
  }

  /** Read the configuration again and change over to it, whole or not at all. */
  reload(): Promise<LoadResult> {
    return this.#inTurn(async () => {
      const text = await this.#read()
      const result = 'ok' in text ? text : await this.#load(text)
      if (result.ok) this.log.info('Reloaded the configuration')
      else
        this.log.error('Cannot reload the configuration; the old one goes on', {
          problems: result.diagnostics.length,
          err: result.diagnostics.find((one) => one.severity === 'error')?.message,
        })
      return result
    })
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const next = this.#loading.then(run, run)
    this.#loading = next.catch(() => {})
    return next
  }

  /** The configuration as it is now; where it cannot be read: the failed load that this is. */
  async #read(): Promise<ConfigurationText | LoadResult> {
    try {
      return await this.#options.readConfiguration()
    } catch (error) {
      this.#failed()
      return { ok: false, diagnostics: [diagnosticWithoutPlace((error as Error).message)], sources: new Map() }
    }
  }

  async #load(text: ConfigurationText): Promise<LoadResult> {
    const { agree, taken } = this.#options
    const result = await this.#compileAndApply(text, agree && ((plan) => agree(text, plan)))
    await taken?.(result.ok)
    if (!result.ok) {
      this.#failed()
      return result
    }
    this.#text = text
    this.#loadSuccessful = 1
    this.#loadTimeMs = this.#options.clock.now()
    this.#hash = hashOf(text)
    return result
  }

  #failed(): void {
    this.#loadSuccessful = 0
    this.#loadFailures++
  }

  async #compileAndApply(
    text: ConfigurationText,
    agree?: (plan: Plan) => Promise<readonly Diagnostic[]>,
  ): Promise<LoadResult> {
    let result: LoadResult | undefined
    for (let round = 0; round < structureRoundsMax; round++) {
      const whole = await this.#compile(text)
      const plan = this.#options.select?.(whole) ?? whole
      if (hasErrors(plan.diagnostics))
        return result ?? { ok: false, diagnostics: plan.diagnostics, sources: plan.sources }
      const refused = this.#refusedSettings(plan)
      if (refused) return result ?? { ok: false, diagnostics: [...plan.diagnostics, refused], sources: plan.sources }
      const found = await this.graph.apply(plan, round === 0 && agree ? () => agree(whole) : undefined)
      const diagnostics = [...plan.diagnostics, ...found]
      if (hasErrors(found)) return result ?? { ok: false, diagnostics, sources: plan.sources }
      const before = this.#plan
      this.#plan = plan
      this.#onSettings(plan.process)
      result = { ok: true, diagnostics, sources: plan.sources }
      // What was not known when the plan was made may be known now that its nodes run.
      if (plan.structuralReads.size === 0 || (round > 0 && sameNodes(before, plan))) break
    }
    return result as LoadResult
  }

  #refusedSettings(plan: Plan): Diagnostic | undefined {
    try {
      this.#checkSettings(plan.process)
      return undefined
    } catch (error) {
      return diagnosticWithoutPlace((error as Error).message)
    }
  }

  #compile(text: ConfigurationText): Promise<Plan> {
    const { registry, stability, environment, globals } = this.#options
    const { hostname, version } = globals
    const options = { registry, stability, environment, hostname, version }
    if (this.#options.compile) return this.#options.compile(text, this.graph.view, options)
    return compileAlloy(text.sources, text.directory, this.graph.view, this.#imports, options)
  }

  /** The same text gives another graph now: imports or collections of foreach changed. */
  #structureChanged(): void {
    void this.#inTurn(async () => {
      if (!this.#text || !this.#ready) return
      const result = await this.#compileAndApply(this.#text)
      if (result.ok) return
      const first = result.diagnostics[0]
      this.log.error('Cannot take over changed modules or collections; the old ones go on', { err: first?.message })
    })
  }

  /** Stop everything within `deadlineMs`: producers first, queues to disk. */
  async stop(deadlineMs: number): Promise<void> {
    this.#ready = false
    this.#imports.stop()
    await this.graph.stop(deadlineMs)
  }

  #registerMetrics(): void {
    const m = this.#instruments
    const hash = (): string => this.#hash
    for (const state of Object.values(HealthState)) {
      m.gauge(
        'alloy_component_controller_running_components',
        'Total number of running components.',
        // A state in which no component is has no series, as in Alloy.
        () => [...this.graph.nodes.values()].filter((node) => node.health.state === state).length || undefined,
        { health_type: state, controller_id: '', controller_path: '/' },
      )
    }
    m.gauge('alloy_config_last_load_successful', 'Config loaded successfully.', () => this.#loadSuccessful)
    m.gauge(
      'alloy_config_last_load_success_timestamp_seconds',
      'Timestamp of the last successful configuration load.',
      () => this.#loadTimeMs / 1000,
    )
    m.observedCounter('alloy_config_load_failures_total', 'Configuration load failures.', () => this.#loadFailures)
    this.telemetry.add({
      kind: 'gauge',
      name: 'alloy_config_hash',
      help: 'Hash of the currently active config file.',
      get attributes() {
        return { sha256: hash(), cluster_name: '' }
      },
      read: () => 1,
      distribution: undefined,
    })
    registerProcessMetrics(m, this.globals.version)
  }
}

/** The labels of a node's own series and log lines. */
function attributesOf(id: string): Record<string, string> {
  const cut = id.lastIndexOf('/')
  return { component_path: `/${cut < 0 ? '' : id.slice(0, cut)}`, component_id: id.slice(cut + 1) }
}

function sameNodes(a: Plan | undefined, b: Plan): boolean {
  return a !== undefined && a.nodes.size === b.nodes.size && [...a.nodes.keys()].every((id) => b.nodes.has(id))
}

function hashOf(text: ConfigurationText): string {
  const hash = createHash('sha256')
  for (const source of text.sources) hash.update(source.text)
  return hash.digest('hex')
}

export function diagnosticWithoutPlace(message: string): Diagnostic {
  const nowhere = { file: '', offset: 0, line: 0, column: 0 }
  return { severity: 'error', range: { start: nowhere, end: nowhere }, message }
}

/** Brings the `logging` block of Alloy's language to bear. */
export class AlloyLogging {
  readonly #provider: LineLoggerProvider
  readonly #service: Service
  readonly #forwarder: LogForwarder

  constructor(provider: LineLoggerProvider, service: Service, clock: Clock) {
    this.#provider = provider
    this.#service = service
    this.#forwarder = new LogForwarder({ clock, instruments: service.telemetry.instruments({}) })
  }

  apply(settings: ProcessSettings): void {
    const logging = settings.get('logging') as LoggingBlock | undefined
    this.#forwarder.configure(logging?.write_to ?? [], this.#service.plan)
    this.#provider.configure({
      level: logging?.level ?? 'info',
      format: logging?.format ?? 'logfmt',
      forward: (line, attributes) => this.#forwarder.push(line, nodeIdOf(attributes)),
    })
  }

  /** Before the receivers stop. */
  stop(): Promise<void> {
    return this.#forwarder.stop()
  }
}

interface LoggingBlock {
  readonly level: LogLevel
  readonly format: 'logfmt' | 'json'
  readonly write_to: readonly LogsPort[]
}

/** The other way round from `attributesOf`. */
function nodeIdOf({ component_path: path, component_id: id }: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof path !== 'string' || typeof id !== 'string') return undefined
  return path === '/' ? id : `${path.slice(1)}/${id}`
}
