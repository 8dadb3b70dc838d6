// Asks a Docker daemon for its containers and networks, and makes targets of them.
import { type Component, type Host, Target } from '#component'
import { Refresher, TargetPublisher } from '#component/discovery'
import { type ContainerSummary, DockerClient, type NetworkSummary } from '#component/docker'
import type { DockerDiscoverySettings } from './component.ts'

const prefix = '__meta_docker_'

export class DockerDiscovery implements Component<DockerDiscoverySettings> {
  readonly #host: Host
  readonly #publisher: TargetPublisher
  #settings: DockerDiscoverySettings
  #client: DockerClient | undefined
  #refresher: Refresher | undefined

  constructor(host: Host, settings: DockerDiscoverySettings) {
    this.#host = host
    this.#settings = settings
    this.#publisher = new TargetPublisher(host)
  }

  start(): void {
    const { log, clock, globals } = this.#host
    const settings = this.#settings
    const options = { log, clock, userAgent: globals.userAgent, http: settings, timeoutMs: settings.refresh_interval }
    const client = new DockerClient(settings.host, options)
    this.#client = client
    this.#refresher = new Refresher(this.#host, settings.refresh_interval, async (signal) => {
      const [containers, networks] = await Promise.all([
        client.containers(filtersOf(settings), signal),
        client.networks(signal),
      ])
      if (!signal.aborted) this.#publisher.publish(dockerTargets(containers, networks, settings))
    })
    this.#refresher.start()
  }

  /** The targets there are stay until the daemon has answered. */
  update(settings: DockerDiscoverySettings): void {
    this.#settings = settings
    if (!this.#refresher) return
    this.#end()
    this.start()
  }

  stop(): void {
    this.#end()
    this.#publisher.stop()
  }

  #end(): void {
    this.#refresher?.stop()
    this.#refresher = undefined
    this.#client?.close()
    this.#client = undefined
  }
}

function filtersOf({ filter }: DockerDiscoverySettings): Map<string, string[]> {
  const filters = new Map<string, string[]>()
  for (const { name, values } of filter) filters.set(name, [...(filters.get(name) ?? []), ...values])
  return filters
}

/** Characters that a label's name cannot have become underscores. */
function labelName(text: string): string {
  return text.replace(/[^a-zA-Z0-9_]/g, '_')
}

type Networks = Readonly<Record<string, { readonly NetworkID?: string; readonly IPAddress?: string } | null>>

/** A target for each TCP port in each network of a container; one for a container without ports. */
export function dockerTargets(
  containers: readonly ContainerSummary[],
  networks: readonly NetworkSummary[],
  settings: Pick<DockerDiscoverySettings, 'port' | 'host_networking_host' | 'match_first_network'>,
): Target[] {
  const byId = new Map(containers.map((container) => [container.Id ?? '', container]))
  const networkLabels = new Map(networks.map((network) => [network.Id ?? '', labelsOfNetwork(network)]))
  const targets: Target[] = []
  for (const container of containers) {
    const name = container.Names?.[0]
    if (name === undefined) continue
    const own = labelsOfContainer(container, name)
    const joined = Object.entries(networksOf(container, byId)).filter(([, network]) => network !== null)
    joined.sort(([a], [b]) => (a < b ? -1 : 1))
    for (const [, network] of settings.match_first_network ? joined.slice(0, 1) : joined) {
      const ip = network?.IPAddress ?? ''
      const labels: Pair[] = [
        ...own,
        ...(networkLabels.get(network?.NetworkID ?? '') ?? []),
        [`${prefix}network_ip`, ip],
      ]
      targets.push(...targetsIn(container, ip, labels, settings))
    }
  }
  return targets
}

type Pair = readonly [string, string]

function targetsIn(
  container: ContainerSummary,
  ip: string,
  labels: readonly Pair[],
  settings: Pick<DockerDiscoverySettings, 'port' | 'host_networking_host'>,
): Target[] {
  const ports = (container.Ports ?? []).filter(({ Type }) => Type === 'tcp')
  if (ports.length === 0) {
    const onHost = container.HostConfig?.NetworkMode === 'host'
    const address = onHost ? settings.host_networking_host : hostPort(ip, settings.port)
    return [new Target(new Map([...labels, ['__address__', address]]))]
  }
  return ports.map((port) => {
    const pairs: Pair[] = [...labels, [`${prefix}port_private`, String(port.PrivatePort ?? 0)]]
    if ((port.PublicPort ?? 0) > 0) {
      pairs.push([`${prefix}port_public`, String(port.PublicPort)], [`${prefix}port_public_ip`, port.IP ?? ''])
    }
    return new Target(new Map([...pairs, ['__address__', hostPort(ip, port.PrivatePort ?? 0)]]))
  })
}

function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** A container that shares another one's network has that one's. */
function networksOf(container: ContainerSummary, byId: ReadonlyMap<string, ContainerSummary>): Networks {
  let at = container
  // Each shares with one other: more steps than containers would be a circle.
  for (let steps = 0; steps <= byId.size; steps++) {
    const networks = at.NetworkSettings?.Networks ?? {}
    if (Object.keys(networks).length > 0) return networks
    const shared = /^container:(.+)$/.exec(at.HostConfig?.NetworkMode ?? '')?.[1]
    const next = shared === undefined ? undefined : byId.get(shared)
    if (next === undefined) return {}
    at = next
  }
  return {}
}

function labelsOfContainer({ Id, Labels, HostConfig }: ContainerSummary, name: string): Pair[] {
  const pairs: Pair[] = [
    [`${prefix}container_id`, Id ?? ''],
    [`${prefix}container_name`, name],
    [`${prefix}container_network_mode`, HostConfig?.NetworkMode ?? ''],
  ]
  for (const [label, value] of Object.entries(Labels ?? {})) {
    pairs.push([`${prefix}container_label_${labelName(label)}`, value])
  }
  return pairs
}

function labelsOfNetwork({ Id, Name, Scope, Internal, Ingress, Labels }: NetworkSummary): Pair[] {
  const pairs: Pair[] = [
    [`${prefix}network_id`, Id ?? ''],
    [`${prefix}network_name`, Name ?? ''],
    [`${prefix}network_scope`, Scope ?? ''],
    [`${prefix}network_internal`, String(Internal ?? false)],
    [`${prefix}network_ingress`, String(Ingress ?? false)],
  ]
  for (const [label, value] of Object.entries(Labels ?? {}))
    pairs.push([`${prefix}network_label_${labelName(label)}`, value])
  return pairs
}
