// Targets of one job: those written down and those that discoveries find.
import {
  type Clock,
  type Component,
  type Consumer,
  type Batch,
  HealthState,
  type Host,
  type HostGlobals,
  type Instruments,
  type Logger,
  type MetricSource,
  type NodeCounters,
  type Port,
  type Target,
  type Value,
} from '#component'
import { DnsDiscovery, FileDiscovery, HttpDiscovery } from '#component/discovery'
import type { ScrapeJobSettings } from './settings.ts'

/** A discovery's view of the host: what it finds goes to `onTargets`, how it does to `onHealth`. */
class DiscoveryHost implements Host {
  readonly id: string
  readonly componentName: string
  readonly label: string
  readonly log: Logger
  readonly clock: Clock
  readonly counters: NodeCounters
  readonly instruments: Instruments
  readonly globals: HostGlobals
  readonly dataDir: string
  readonly #host: Host
  readonly #onTargets: (targets: readonly Target[]) => void
  readonly #onHealth: (problem: string | undefined) => void

  constructor(
    host: Host,
    onTargets: (targets: readonly Target[]) => void,
    onHealth: (problem: string | undefined) => void,
  ) {
    this.id = host.id
    this.componentName = host.componentName
    this.label = host.label
    this.log = host.log
    this.clock = host.clock
    this.counters = host.counters
    this.instruments = host.instruments
    this.globals = host.globals
    this.dataDir = host.dataDir
    this.#host = host
    this.#onTargets = onTargets
    this.#onHealth = onHealth
  }

  setExports(exports: Readonly<Record<string, Value>>): void {
    this.#onTargets((exports['targets'] ?? []) as readonly Target[])
  }

  setHealth(state: HealthState, message: string): void {
    this.#onHealth(state === HealthState.unhealthy ? message : undefined)
  }

  outlet<B extends Batch>(ports: readonly Port<B>[]): Consumer<B> {
    return this.#host.outlet(ports)
  }

  internalSource(address: string, path: string): MetricSource | undefined {
    return this.#host.internalSource(address, path)
  }
}

/** Finds the targets of a job; `changed` is called whenever there may be others. */
export class Discovered {
  readonly #written: readonly ReadonlyMap<string, string>[]
  readonly #found: (readonly Target[])[] = []
  readonly #problems = new Map<number, string>()
  readonly #components: Component[] = []
  readonly #firstReads: Promise<void>[] = []

  constructor(host: Host, job: ScrapeJobSettings, changed: () => void) {
    this.#written = job.static_configs.flatMap(({ targets, labels }) =>
      targets.map((address) => new Map([...labels, ['__address__', address]])),
    )
    const hostFor = (): Host => {
      const i = this.#found.push([]) - 1
      return new DiscoveryHost(
        host,
        (targets) => {
          this.#found[i] = targets
          changed()
        },
        (problem) => {
          if (problem === undefined) this.#problems.delete(i)
          else this.#problems.set(i, problem)
          changed()
        },
      )
    }
    for (const settings of job.file_sd_configs) {
      const discovery = new FileDiscovery(hostFor())
      this.#firstReads.push(discovery.firstRead(settings))
      this.#components.push(discovery)
    }
    for (const settings of job.http_sd_configs) this.#components.push(new HttpDiscovery(hostFor(), settings))
    for (const settings of job.dns_sd_configs) this.#components.push(new DnsDiscovery(hostFor(), settings))
  }

  get targets(): readonly ReadonlyMap<string, string>[] {
    return [...this.#written, ...this.#found.flat().map(({ labels }) => labels)]
  }

  get problems(): readonly string[] {
    return [...this.#problems.values()]
  }

  async start(): Promise<void> {
    await Promise.all(this.#firstReads)
    for (const component of this.#components) await component.start?.()
  }

  async stop(): Promise<void> {
    for (const component of this.#components) await component.stop(0)
  }
}
