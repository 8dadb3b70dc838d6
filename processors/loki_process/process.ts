// Runs batches of lines through the stages and hands on what comes out, at once or when stages let it go.
import { type Component, ConsumeError, type Host, type LogsConsumer, type Timer } from '#component'
import { Backoff } from '#lib/backoff'
import { type Labels, Logs, LogStream } from '#pdata'
import type { LokiProcessSettings } from './component.ts'
import { labelsKey, Line } from './line.ts'
import { Pipeline } from './pipeline.ts'
import type { StageContext } from './stage.ts'
import type { GeoDatabase } from './geoip_stage.ts'
import { makeStage, openDatabases } from './stages.ts'

const retryMsMin = 100
const retryMsMax = 5000
/** Lines joined to others, and those the next consumer refused for good, are counted under these reasons. */
const joinedReason = 'joined'
const refusedReason = 'refused_by_next'

/** Throws `SettingsError` for a database that cannot be read. */
export async function makeLokiProcess(host: Host, settings: LokiProcessSettings): Promise<LokiProcess> {
  return new LokiProcess(host, settings, await openDatabases(settings.stage))
}

class LokiProcess implements Component<LokiProcessSettings>, LogsConsumer {
  readonly logs: LogsConsumer
  readonly #host: Host
  #context: StageContext
  #pipeline: Pipeline
  #next: LogsConsumer
  #written: string
  #timer: Timer | null
  #timerAtMs: number
  /** Lines on their way to the next consumer. */
  #sending: number
  readonly #sends: Set<Promise<void>>
  /** Those who wait until no stage is congested, or for their next try. */
  readonly #waiters: Set<() => void>
  readonly #sleepers: Set<() => void>
  #isStopped: boolean

  constructor(host: Host, settings: LokiProcessSettings, databases: ReadonlyMap<string, GeoDatabase>) {
    this.logs = this
    this.#host = host
    this.#context = contextOf(host, databases)
    this.#pipeline = new Pipeline(settings.stage.map((stage) => makeStage(stage, this.#context)))
    this.#written = writtenAs(settings)
    this.#next = host.outlet(settings.forward_to)
    this.#timer = null
    this.#timerAtMs = Infinity
    this.#sending = 0
    this.#sends = new Set()
    this.#waiters = new Set()
    this.#sleepers = new Set()
    this.#isStopped = false
    host.counters.observeWaiting(() => this.#sending + this.#pipeline.held)
  }

  /** Stages whose settings are as before keep what they hold; else it is handed on first. */
  async update(settings: LokiProcessSettings): Promise<void> {
    const written = writtenAs(settings)
    if (written !== this.#written) {
      this.#context = contextOf(this.#host, await openDatabases(settings.stage))
      const pipeline = new Pipeline(settings.stage.map((stage) => makeStage(stage, this.#context)))
      const rest = this.#pipeline.drain()
      this.#pipeline.stop()
      this.#pipeline = pipeline
      this.#written = written
      void this.#send(rest, null)
      this.#arm()
      this.#release()
    }
    this.#next = this.#host.outlet(settings.forward_to)
  }

  /**
   * What stages made of the batch cannot be given back to the sender (some was dropped, counted or is held), so the batch
   * counts as taken: what the next consumer refuses for now is tried again while the sender waits; what it refuses for
   * good is dropped and counted.
   */
  consume(batch: Logs): void | Promise<void> {
    if (batch.streams === null) {
      throw new ConsumeError('Cannot take OTLP logs: a bridge has to make streams of them', { retryable: false })
    }
    const out = this.#pipeline.process(linesOf(batch.streams))
    this.#arm()
    const done = this.#send(out, batch)
    if (!this.#pipeline.isCongested) return done
    const free = new Promise<void>((resolve) => this.#waiters.add(resolve))
    return done ? done.then(() => free) : free
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#timer?.cancel()
    this.#timer = null
    void this.#send(this.#pipeline.drain(), null)
    this.#pipeline.stop()
    this.#release()
    for (const wake of this.#sleepers) wake()
    await Promise.all(this.#sends)
  }

  debug(): unknown {
    return { held: this.#pipeline.held, sending: this.#sending }
  }

  /** Have what is held looked at when it is due. */
  #arm(): void {
    const atMs = this.#pipeline.deadlineMs()
    if (this.#isStopped || atMs === this.#timerAtMs) return
    this.#timer?.cancel()
    this.#timer = null
    this.#timerAtMs = atMs
    if (atMs === Infinity) return
    const { clock } = this.#host
    this.#timer = clock.setTimeout(() => this.#look(), Math.max(0, atMs - clock.monotonic()))
  }

  #look(): void {
    this.#timer = null
    this.#timerAtMs = Infinity
    void this.#send(this.#pipeline.due(this.#host.clock.monotonic()), null)
    this.#arm()
    if (!this.#pipeline.isCongested) this.#release()
  }

  #release(): void {
    for (const resolve of this.#waiters) resolve()
    this.#waiters.clear()
  }

  #send(lines: readonly Line[], batch: Logs | null): void | Promise<void> {
    if (lines.length === 0) return undefined
    const logs = Logs.fromStreams(streamsOf(lines), batch?.context ?? null)
    this.#sending += logs.count
    const sent = this.#deliver(logs).finally(() => {
      this.#sending -= logs.count
      this.#sends.delete(sent)
    })
    this.#sends.add(sent)
    return sent
  }

  async #deliver(logs: Logs): Promise<void> {
    const { clock, counters, log } = this.#host
    let backoff: Backoff | null = null
    for (;;) {
      try {
        await this.#next.consume(logs)
        return
      } catch (error) {
        if (!(error instanceof ConsumeError && error.retryable) || (this.#isStopped && backoff !== null)) {
          counters.drop(refusedReason, logs.count)
          log.warn('Cannot hand on lines: they are dropped', { lines: logs.count, error: String(error) })
          return
        }
        backoff ??= new Backoff({ minMs: retryMsMin, maxMs: retryMsMax, random: () => clock.random() })
        await this.#sleep(Math.max(error.retryAfterMs ?? 0, backoff.nextMs()))
      }
    }
  }

  #sleep(ms: number): Promise<void> {
    if (this.#isStopped) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel()
        this.#sleepers.delete(wake)
        resolve()
      }
      const timer = this.#host.clock.setTimeout(wake, ms)
      this.#sleepers.add(wake)
    })
  }
}

/** The same text for the same stages. */
function writtenAs({ stage }: LokiProcessSettings): string {
  return JSON.stringify(stage, (_, value: unknown) => (value instanceof Map ? [...value] : value))
}

function contextOf(host: Host, databases: ReadonlyMap<string, GeoDatabase>): StageContext {
  const help = 'A count of all log lines dropped as a result of a pipeline stage'
  return {
    clock: host.clock,
    log: host.log,
    instruments: host.instruments,
    drop(reason) {
      host.counters.drop(reason, 1)
      host.instruments.counter('loki_process_dropped_lines_total', help, { reason }).add(1)
    },
    join: (lines) => host.counters.drop(joinedReason, lines),
    split: (lines) => void (host.counters.in += lines),
    databases,
  }
}

function linesOf(streams: readonly LogStream[]): Line[] {
  const lines: Line[] = []
  for (const { labels, lines: texts, timestampsNs, metadata } of streams) {
    for (let i = 0; i < texts.length; i++) {
      lines.push(new Line(labels, timestampsNs[i] as bigint, texts[i] as string, metadata?.[i] ?? null))
    }
  }
  return lines
}

/** Lines by label set, each in order. */
function streamsOf(lines: readonly Line[]): LogStream[] {
  const groups = new Map<string, Line[]>()
  let last: Labels | null = null
  let group: Line[] = []
  for (const line of lines) {
    // Most lines have the labels of the line before.
    if (line.labels !== last) {
      last = line.labels
      const key = labelsKey(last)
      group = groups.get(key) ?? []
      if (group.length === 0) groups.set(key, group)
    }
    group.push(line)
  }
  return [...groups.values()].map((group) => {
    const hasMetadata = group.some((line) => line.metadata !== null && line.metadata.length > 0)
    return new LogStream(
      (group[0] as Line).labels,
      BigInt64Array.from(group, (line) => line.timestampNs),
      group.map((line) => line.text),
      hasMetadata ? group.map((line) => (line.metadata?.length ? line.metadata : null)) : null,
    )
  })
}
