// Writes telemetry to a file, or to one for each value of a resource attribute.
import { posix } from 'node:path'
import { type Batch, type Component, HealthState, type Host, type Signal } from '#component'
import { groupsOf, messageOf, type MessageSettings } from './messages.ts'
import { FileWriter, type WriterSettings } from './writer.ts'

export interface FileExporterSettings {
  /** Where grouped: with a `*` for the group. */
  readonly path: string
  readonly messages: MessageSettings
  readonly writer: WriterSettings
  readonly groupBy: { readonly attribute: string; readonly filesMax: number } | undefined
}

export class FileExporter implements Component {
  readonly #host: Host
  readonly #settings: FileExporterSettings
  /** By path, the one used longest ago first. */
  readonly #writers = new Map<string, FileWriter>()
  /** Files that are being closed to make room, with what waits in them. */
  readonly #closing = new Map<FileWriter, Promise<void>>()
  readonly #problems = new Map<string, string>()

  readonly traces = { consume: (batch: Batch) => this.#consume('traces', batch) }
  readonly metrics = { consume: (batch: Batch) => this.#consume('metrics', batch) }
  readonly logs = { consume: (batch: Batch) => this.#consume('logs', batch) }

  constructor(host: Host, settings: FileExporterSettings) {
    this.#host = host
    this.#settings = settings
  }

  start(): void {
    this.#host.counters.observeWaiting(() => {
      let items = 0
      for (const writer of [...this.#writers.values(), ...this.#closing.keys()]) items += writer.waitingItems
      return items
    })
    this.#tellHealth()
  }

  #consume(signal: Signal, batch: Batch): void | Promise<void> {
    const { groupBy, path, messages } = this.#settings
    if (batch.count === 0) return undefined
    if (!groupBy) return this.#writer(path).put(messageOf(signal, batch, messages), batch.count)
    const waits: Promise<void>[] = []
    for (const [segment, group] of groupsOf(signal, batch, groupBy.attribute)) {
      if (segment === undefined) {
        this.#host.counters.drop('no resource attribute for the path', group.count)
        continue
      }
      const wait = this.#writer(groupPath(path, segment)).put(messageOf(signal, group, messages), group.count)
      // A group that cannot be written must not make the others come again.
      if (wait) waits.push(wait.catch(() => this.#host.counters.drop('cannot write', group.count)))
    }
    return waits.length === 0 ? undefined : Promise.all(waits).then(() => {})
  }

  #writer(path: string): FileWriter {
    const { writer: settings, groupBy } = this.#settings
    const known = this.#writers.get(path)
    if (known) {
      this.#writers.delete(path)
      this.#writers.set(path, known)
      return known
    }
    const { clock, log, counters } = this.#host
    const made = new FileWriter(path, settings, clock, log, {
      onWritten: (items) => void (counters.out += items),
      onProblem: (problem) => this.#problem(path, problem),
    })
    this.#writers.set(path, made)
    const [oldest] = this.#writers.values()
    if (groupBy && this.#writers.size > groupBy.filesMax && oldest) {
      this.#writers.delete(oldest.path)
      this.#closing.set(oldest, this.#close(oldest))
    }
    return made
  }

  async #close(writer: FileWriter): Promise<void> {
    const lost = await writer.close()
    this.#closing.delete(writer)
    this.#host.counters.drop('cannot write', lost)
  }

  #problem(path: string, problem: string | undefined): void {
    if (this.#problems.get(path) === problem) return
    if (problem === undefined) this.#problems.delete(path)
    else {
      this.#problems.set(path, problem)
      this.#host.log.error('Cannot write telemetry', { path, err: problem })
    }
    this.#tellHealth()
  }

  #tellHealth(): void {
    const [problem] = this.#problems.values()
    if (problem === undefined) this.#host.setHealth(HealthState.healthy, 'started component')
    else this.#host.setHealth(HealthState.unhealthy, problem)
  }

  async stop(): Promise<void> {
    const writers = [...this.#writers.values()]
    await Promise.all([...this.#closing.values(), ...writers.map((writer) => this.#close(writer))])
    this.#writers.clear()
  }
}

/** The path of a group: nothing in `segment` leads out of the directory in front of the `*`. */
export function groupPath(pattern: string, segment: string): string {
  const at = pattern.indexOf('*')
  const [before, after] = [pattern.slice(0, at), pattern.slice(at + 1)]
  const prefix = posix.normalize(before)
  const full = posix.normalize(prefix + segment.replace(/^\.{1,2}(?=\/)/, '') + after)
  return full.startsWith(prefix) ? full : posix.join(prefix, posix.join('/', segment + after))
}
