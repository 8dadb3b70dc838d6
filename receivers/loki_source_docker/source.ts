// The containers of one component, their positions, and changes of them.
import { join } from 'node:path'
import { type Component, type Count, HealthState, type Host, Secret, type Target } from '#component'
import { DockerClient } from '#component/docker'
import { LogDelivery, sourceLabels } from '#component/log_source'
import { Positions } from '#component/tail'
import { labelsFrom, labelsText } from '#pdata'
import type { LokiSourceDockerSettings } from './component.ts'
import { ContainerLog, type Position } from './container.ts'

const idLabel = '__meta_docker_container_id'
const streamLabel = '__meta_docker_container_log_stream'

interface Wanted {
  readonly id: string
  /** The target's labels and the component's, as the positions file has them. */
  readonly text: string
  readonly pairs: readonly (readonly [string, string])[]
}

export class LokiSourceDocker implements Component<LokiSourceDockerSettings> {
  readonly #host: Host
  #settings: LokiSourceDockerSettings
  readonly #delivery: LogDelivery
  readonly #positions: Positions
  #client: DockerClient | undefined
  readonly #logs = new Map<string, ContainerLog>()
  readonly #wanted = new Map<string, Wanted>()
  /** What shall be followed, by container; more than `#wanted` while logs end that are in its way. */
  #desired: ReadonlyMap<string, Wanted> = new Map()
  /** Logs whose last lines are not taken yet. An update does not wait for them. */
  readonly #ending = new Map<string, Promise<void>>()
  readonly #entries: Count
  readonly #errors: Count
  #started = false
  #stopped = false

  constructor(host: Host, settings: LokiSourceDockerSettings) {
    this.#host = host
    this.#settings = settings
    this.#delivery = new LogDelivery(host, settings.forward_to, { readAgain: true })
    this.#positions = new Positions({ path: join(host.dataDir, 'positions.yml'), clock: host.clock, log: host.log })
    const count = (name: string, help: string): Count =>
      host.instruments.counter(`loki_source_docker_target_${name}_total`, help)
    this.#entries = count('entries', 'Total number of successful entries sent to the Docker target')
    this.#errors = count('parsing_errors', 'Total number of parsing errors while receiving Docker messages')
  }

  async start(): Promise<void> {
    await this.#positions.load()
    this.#started = true
    this.#client = this.#makeClient()
    this.#sync()
    this.#reportHealth()
  }

  #makeClient(): DockerClient {
    const { log, clock, globals } = this.#host
    const { host, http_client_config: http, refresh_interval: timeoutMs } = this.#settings
    return new DockerClient(host, { log, clock, userAgent: globals.userAgent, http, timeoutMs })
  }

  /** One log for each container; of targets of the same container one counts, always the same. */
  #sync(): void {
    const wanted = new Map<string, Wanted>()
    const all = this.#settings.targets.map((target) => wantedOf(target, this.#settings.labels))
    all.sort((a, b) => (a.text < b.text ? -1 : 1))
    for (const one of all) if (one.id !== '' && !wanted.has(one.id)) wanted.set(one.id, one)
    this.#desired = wanted
    for (const [id, { text }] of this.#wanted) if (wanted.get(id)?.text !== text) this.#end(id, true)
    for (const one of wanted.values()) {
      if (!this.#logs.has(one.id) && !this.#ending.has(one.id)) this.#follow(one, undefined)
    }
  }

  /** Follow no longer; once its last lines are taken the container is followed anew where it shall be. */
  #end(id: string, forgets: boolean): void {
    const log = this.#logs.get(id)
    const text = this.#wanted.get(id)?.text ?? ''
    this.#logs.delete(id)
    this.#wanted.delete(id)
    if (log === undefined) return
    const ended = log.stop().then(() => {
      this.#ending.delete(id)
      if (forgets) this.#positions.delete(`cursor-${id}`, text)
      const next = this.#desired.get(id)
      if (next !== undefined && !this.#stopped) this.#follow(next, log.position)
      else if (next !== undefined && next.text !== text) this.#keep(next, log.position)
    })
    this.#ending.set(id, ended)
  }

  #follow(wanted: Wanted, reached: Position | undefined): void {
    const { clock, log, counters } = this.#host
    const { id, pairs } = wanted
    if (reached !== undefined) this.#keep(wanted, reached)
    const labels = (stream: string) => sourceLabels([...pairs, [streamLabel, stream]], this.#settings.relabel_rules)
    const container = new ContainerLog({
      id,
      client: this.#client as DockerClient,
      clock,
      log,
      counters,
      delivery: this.#delivery,
      labels: { stdout: labels('stdout'), stderr: labels('stderr') },
      position: this.#positionOf(wanted),
      moved: (position) => this.#keep(wanted, position),
      taken: (lines) => this.#entries.add(lines),
      fault: () => this.#errors.add(1),
      state: () => this.#reportHealth(),
    })
    this.#logs.set(id, container)
    this.#wanted.set(id, wanted)
    container.start()
  }

  /** Alloy reads whole seconds, and passes over what says it exactly. */
  #keep({ id, text }: Wanted, { timestampNs, lines }: Position): void {
    this.#positions.set(`cursor-${id}`, text, String(timestampNs / 1_000_000_000n), `ns:${timestampNs}:${lines}`)
  }

  #positionOf({ id, text }: Wanted): Position {
    const kept = this.#positions.get(`cursor-${id}`, text)
    const exact = /^ns:(\d{1,19}):(\d{1,9})$/.exec(kept?.identity ?? '')
    if (exact) return { timestampNs: BigInt(exact[1] as string), lines: Number(exact[2]) }
    const seconds = /^\d{1,10}$/.test(kept?.offset ?? '') ? BigInt(kept?.offset as string) : 0n
    return { timestampNs: seconds * 1_000_000_000n, lines: 0 }
  }

  #reportHealth(): void {
    if (this.#stopped) return
    const failure = [...this.#logs.values()].find((log) => log.failure !== '')?.failure
    if (failure === undefined) this.#host.setHealth(HealthState.healthy, 'started component')
    else this.#host.setHealth(HealthState.unhealthy, failure)
  }

  /** Containers that are followed already go on being followed, unless the daemon or the rules are others. */
  update(settings: LokiSourceDockerSettings): void {
    const before = this.#settings
    this.#settings = settings
    this.#delivery.forwardTo(settings.forward_to)
    if (!this.#started) return
    if (resetKey(before) !== resetKey(settings)) {
      for (const id of this.#logs.keys()) this.#end(id, false)
      this.#client?.close()
      this.#client = this.#makeClient()
    }
    this.#sync()
    this.#reportHealth()
  }

  async stop(deadlineMs: number): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.#delivery.stopping(deadlineMs)
    await Promise.all([...this.#ending.values(), ...[...this.#logs.values()].map((log) => log.stop())])
    await this.#delivery.stop(deadlineMs)
    this.#client?.close()
    if (this.#started) await this.#positions.stop()
  }

  debug(): unknown {
    return [...this.#logs].map(([id, log]) => ({
      id,
      labels: this.#wanted.get(id)?.text,
      is_running: log.following,
      last_error: log.failure,
      read_offset: String(log.position.timestampNs),
    }))
  }
}

function wantedOf(target: Target, labels: ReadonlyMap<string, string>): Wanted {
  const merged = labelsFrom([...target.labels, ...labels])
  const pairs: [string, string][] = []
  for (let i = 0; i < merged.length; i += 2) pairs.push([merged[i] as string, merged[i + 1] as string])
  return { id: target.labels.get(idLabel) ?? '', text: labelsText(merged), pairs }
}

/** What makes another client or other labels. */
function resetKey(s: LokiSourceDockerSettings): string {
  return JSON.stringify([s.host, s.refresh_interval, s.relabel_rules?.text, revealed(s.http_client_config)])
}

/** With secrets as they are, which JSON would not show. */
function revealed(value: unknown): unknown {
  if (value instanceof Secret) return value.reveal()
  if (Array.isArray(value)) return value.map(revealed)
  if (value instanceof Map) return [...(value as Map<string, unknown>)].map(([name, inner]) => [name, revealed(inner)])
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, revealed(inner)]))
}
