// Looks up DNS records, again and again.
import type { Resolver } from 'node:dns/promises'
import { type Component, type Count, type Host, Target } from '#component'
import { Refresher, TargetPublisher } from './publisher.ts'
import type { RecordType } from './record_types.ts'
import type { DnsDiscoverySettings } from './settings.ts'
import { readSearchPath, searchNames, type SearchPath } from './search_path.ts'

/** What tests put in place of this machine's resolver. */
export interface DnsDiscoveryOptions {
  /** `address:port`; absent: those of this machine. */
  readonly servers?: readonly string[]
  readonly searchPath?: SearchPath
}

/** One server is waited for so long, twice. */
const lookupTimeoutMs = 5000

export class DnsDiscovery implements Component<DnsDiscoverySettings> {
  readonly #host: Host
  readonly #options: DnsDiscoveryOptions
  readonly #publisher: TargetPublisher
  readonly #lookups: Count
  readonly #failures: Count
  #settings: DnsDiscoverySettings
  #refresher: Refresher | undefined
  /** By name, so that a name whose lookup fails keeps its targets. */
  #found = new Map<string, readonly Target[]>()

  constructor(host: Host, settings: DnsDiscoverySettings, options: DnsDiscoveryOptions = {}) {
    this.#host = host
    this.#settings = settings
    this.#options = options
    this.#publisher = new TargetPublisher(host)
    this.#lookups = host.instruments.counter('prometheus_sd_dns_lookups_total', 'The number of DNS-SD lookups.')
    this.#failures = host.instruments.counter(
      'prometheus_sd_dns_lookup_failures_total',
      'The number of DNS-SD lookup failures.',
    )
  }

  start(): void {
    const settings = this.#settings
    this.#refresher = new Refresher(this.#host, settings.refresh_interval, (signal) => this.#refresh(settings, signal))
    this.#refresher.start()
  }

  update(settings: DnsDiscoverySettings): void {
    const running = this.#refresher !== undefined
    this.#refresher?.stop()
    this.#settings = settings
    this.#found = new Map()
    if (running) this.start()
  }

  stop(): void {
    this.#refresher?.stop()
    this.#refresher = undefined
    this.#publisher.stop()
  }

  async #refresh(settings: DnsDiscoverySettings, signal: AbortSignal): Promise<void> {
    const { Resolver } = await import('node:dns/promises')
    // A new one each time: the machine's resolvers may have changed.
    const resolver = new Resolver({ timeout: lookupTimeoutMs, tries: 2 })
    if (this.#options.servers) resolver.setServers(this.#options.servers)
    const cancel = (): void => resolver.cancel()
    signal.addEventListener('abort', cancel, { once: true })
    const path = this.#options.searchPath ?? readSearchPath()
    const results = await Promise.allSettled(settings.names.map((name) => this.#lookUp(resolver, path, name, settings)))
    signal.removeEventListener('abort', cancel)
    if (signal.aborted) return
    const found = new Map<string, readonly Target[]>()
    for (const [i, name] of settings.names.entries()) {
      const result = results[i] as PromiseSettledResult<readonly Target[]>
      found.set(name, result.status === 'fulfilled' ? result.value : (this.#found.get(name) ?? []))
    }
    this.#found = found
    this.#publisher.publish([...found.values()].flat())
    const failed = results.find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
  }

  /**
   * The first name along the search path that exists counts, also when it has no record of this type. Where none exists
   * there are no targets; where a server failed nothing is known, and it throws.
   */
  async #lookUp(
    resolver: Resolver,
    path: SearchPath,
    name: string,
    settings: DnsDiscoverySettings,
  ): Promise<readonly Target[]> {
    this.#lookups.add(1)
    let failure: NodeJS.ErrnoException | undefined
    for (const full of searchNames(name, path)) {
      try {
        return targetsOf(
          name,
          await addresses(resolver, full, settings.type.toUpperCase() as RecordType, settings.port),
        )
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        if (code === 'ENODATA') return []
        if (code !== 'ENOTFOUND') failure = error as NodeJS.ErrnoException
      }
    }
    if (!failure) return []
    this.#failures.add(1)
    throw new Error(`Cannot resolve ${JSON.stringify(name)}: ${failure.code ?? failure.message}`)
  }
}

interface Address {
  readonly host: string
  readonly port: number
  readonly label?: string
}

async function addresses(resolver: Resolver, name: string, type: RecordType, port: number): Promise<Address[]> {
  switch (type) {
    case 'A':
      return (await resolver.resolve4(name)).map((host) => ({ host, port }))
    case 'AAAA':
      return (await resolver.resolve6(name)).map((host) => ({ host, port }))
    case 'SRV':
      return (await resolver.resolveSrv(name)).map((r) => ({ host: r.name, port: r.port, label: 'srv' }))
    case 'MX':
      return (await resolver.resolveMx(name)).map((r) => ({ host: r.exchange, port, label: 'mx' }))
    case 'NS':
      return (await resolver.resolveNs(name)).map((host) => ({ host, port, label: 'ns' }))
  }
}

/** Every label is on every target, empty where the type has none, as Prometheus gives them. Sorted: servers shuffle. */
function targetsOf(name: string, found: readonly Address[]): Target[] {
  const targets = found.map(({ host, port, label }) => {
    const address = `${host.includes(':') ? `[${host}]` : host.replace(/\.+$/, '')}:${port}`
    // A record's target is a rooted name: it ends with a dot, which this resolver leaves out.
    const rooted = label === undefined || host.endsWith('.') ? host : `${host}.`
    const of = (kind: string): string => (label === kind ? rooted : '')
    return new Target(
      new Map([
        ['__address__', address],
        ['__meta_dns_name', name],
        ['__meta_dns_srv_record_target', of('srv')],
        ['__meta_dns_srv_record_port', label === 'srv' ? String(port) : ''],
        ['__meta_dns_mx_record_target', of('mx')],
        ['__meta_dns_ns_record_target', of('ns')],
      ]),
    )
  })
  const address = (target: Target): string => target.labels.get('__address__') ?? ''
  return targets.sort((a, b) => (address(a) < address(b) ? -1 : 1))
}
