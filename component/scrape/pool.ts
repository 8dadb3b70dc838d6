// The targets of one scrape component: a loop for each, kept as long as the target stays.
import { appendFile } from 'node:fs/promises'
import type { Host, MetricsConsumer, Timer } from '#component'
import type { HttpClient, HttpClientSettings } from '#component/http_client'
import { createHttpClient } from '#component/http_client'
import type { ScrapeConfig } from './config.ts'
import { ScrapeInstruments } from './instruments.ts'
import type { LoopContext } from './loop.ts'
import { ScrapeLoop } from './loop.ts'
import type { ScrapeTarget } from './target.ts'
import { scrapeTarget } from './target.ts'

export interface PoolSettings {
  readonly config: ScrapeConfig
  readonly http: HttpClientSettings
  readonly outlet: MetricsConsumer
}

/** How a target does, for people to look at. */
export interface ScrapeTargetState {
  readonly job: string
  readonly url: string
  readonly health: 'unknown' | 'up' | 'down'
  readonly labels: Readonly<Record<string, string>>
  readonly last_error: string
  /** RFC 3339; year 1 where there was none yet. */
  readonly last_scrape: string
  /** As Go writes durations. */
  readonly last_scrape_duration: string
}

/** Runs from `start` to `stop`; `sync` and `update` may come before. */
export class ScrapePool {
  readonly #host: Host
  readonly #instruments: ScrapeInstruments
  readonly #loops = new Map<string, ScrapeLoop>()
  readonly #retiring = new Map<string, ScrapeLoop>()
  #settings: PoolSettings
  #client: HttpClient
  #context: LoopContext
  #forcedError: Error | null = null
  #discovered: readonly ReadonlyMap<string, string>[] = []
  /** Former clients, with the timers that close them. */
  readonly #closing = new Map<HttpClient, Timer>()
  #started = false
  #stopped = false
  /** The last line for the failure log; lines are written one after the other. */
  #logging: Promise<void> = Promise.resolve()

  constructor(host: Host, settings: PoolSettings) {
    this.#host = host
    this.#settings = settings
    this.#instruments = new ScrapeInstruments(host.instruments, settings.config.jobName)
    const job = { scrape_job: settings.config.jobName }
    const targets = 'Current number of targets in this scrape pool.'
    host.instruments.gauge('prometheus_target_scrape_pool_targets', targets, () => this.#loops.size, job)
    const limit = 'Maximum number of targets allowed in this scrape pool.'
    const targetLimit = (): number => this.#settings.config.targetLimit
    host.instruments.gauge('prometheus_target_scrape_pool_target_limit', limit, targetLimit, job)
    this.#client = this.#makeClient()
    this.#context = this.#makeContext()
  }

  #makeClient(): HttpClient {
    const { globals, log, clock } = this.#host
    return createHttpClient(this.#settings.http, { userAgent: globals.userAgent, log, clock })
  }

  #makeContext(): LoopContext {
    const host = this.#host
    return {
      config: this.#settings.config,
      clock: host.clock,
      log: host.log,
      counters: host.counters,
      instruments: this.#instruments,
      outlet: this.#settings.outlet,
      client: this.#client,
      forcedError: this.#forcedError,
      source: (address, path) => host.internalSource(address, path),
      failed: (target, error) => this.#logFailure(target, error),
    }
  }

  start(): void {
    if (this.#started || this.#stopped) return
    this.#started = true
    for (const loop of this.#loops.values()) loop.start()
  }

  /** The targets, in the order discovered; those that cannot be are logged and left out. Loops of the others go on. */
  sync(discovered: readonly ReadonlyMap<string, string>[]): void {
    if (this.#stopped) return
    const { clock, log } = this.#host
    const startMs = clock.monotonic()
    this.#discovered = discovered
    const wanted = new Map<string, ScrapeTarget>()
    for (const [i, labels] of discovered.entries()) {
      try {
        const target = scrapeTarget(labels, this.#settings.config)
        wanted.set(target.key, target)
      } catch (error) {
        this.#instruments.syncsFailed.add(1)
        log.error('creating target failed', { instance: i, err: error instanceof Error ? error.message : error })
      }
    }
    for (const [key, loop] of this.#loops) if (!wanted.has(key)) this.#retire(key, loop)
    for (const [key, target] of wanted) if (!this.#loops.has(key)) this.#add(key, target)
    this.#checkTargetLimit()
    this.#findSuccessors()
    this.#instruments.syncs.add(1)
    this.#instruments.syncSeconds.observe((clock.monotonic() - startMs) / 1000)
  }

  #retire(key: string, loop: ScrapeLoop): void {
    this.#loops.delete(key)
    if (!this.#started) return
    this.#retiring.set(key, loop)
    loop.retire(() => this.#retiring.delete(key))
  }

  #add(key: string, target: ScrapeTarget): void {
    const back = this.#retiring.get(key)
    if (back) {
      this.#retiring.delete(key)
      this.#loops.set(key, back)
      back.revive()
      return
    }
    const loop = new ScrapeLoop(target, () => this.#context)
    this.#loops.set(key, loop)
    if (this.#started) loop.start()
  }

  /** A target that came back with another interval, say, writes the series that its former loop would mark stale. */
  #findSuccessors(): void {
    if (this.#retiring.size === 0) return
    const identity = (loop: ScrapeLoop): string => JSON.stringify(loop.target.labels)
    const active = new Map([...this.#loops.values()].map((loop) => [identity(loop), loop]))
    for (const loop of this.#retiring.values()) loop.successor = active.get(identity(loop))
  }

  #checkTargetLimit(): void {
    const limit = this.#settings.config.targetLimit
    const { size } = this.#loops
    const exceeded = limit > 0 && size > limit
    if (exceeded) this.#instruments.exceededTargetLimit.add(1)
    this.#forcedError = exceeded
      ? new Error(`target_limit exceeded (number of targets: ${size}, limit: ${limit})`)
      : null
    this.#context = this.#makeContext()
  }

  /** Other settings, kept connections only where `http` is the same object. Targets whose URL and labels stay keep their loops. */
  update(settings: PoolSettings, discovered: readonly ReadonlyMap<string, string>[] = this.#discovered): void {
    const before = this.#settings
    this.#settings = settings
    if (settings.http !== before.http) {
      const old = this.#client
      this.#client = this.#makeClient()
      // Scrapes under way end within their time limit; then nothing holds the connections.
      const close = (): void => {
        this.#closing.delete(old)
        old.close()
      }
      this.#closing.set(old, this.#host.clock.setTimeout(close, before.config.timeoutMs))
    }
    if (settings.config !== before.config) this.#instruments.reloads.add(1)
    this.#context = this.#makeContext()
    this.sync(discovered)
  }

  get targets(): number {
    return this.#loops.size
  }

  states(): ScrapeTargetState[] {
    const job = this.#settings.config.jobName
    return [...this.#loops.values()].map((loop) => {
      const { status, target } = loop
      const labels: Record<string, string> = {}
      for (let i = 0; i < target.labels.length; i += 2)
        labels[target.labels[i] as string] = target.labels[i + 1] as string
      return {
        job,
        url: target.url,
        health: status.health,
        labels,
        last_error: status.lastError,
        last_scrape: status.lastScrapeMs === 0 ? '0001-01-01T00:00:00Z' : new Date(status.lastScrapeMs).toISOString(),
        last_scrape_duration: goDuration(status.lastDurationMs),
      }
    })
  }

  #logFailure(target: ScrapeTarget, error: Error): void {
    const { failureLogFile, jobName } = this.#settings.config
    if (failureLogFile === '') return
    const time = new Date(this.#host.clock.now()).toISOString()
    const line = { time, level: 'ERROR', msg: error.message, job_name: jobName, target: target.url }
    this.#logging = this.#logging.then(async () => {
      try {
        await appendFile(failureLogFile, `${JSON.stringify(line)}\n`)
      } catch (failure) {
        this.#host.log.warn('cannot write the scrape failure log', { path: failureLogFile, err: failure })
      }
    })
  }

  /** No series is marked stale: a process that stops is expected back. Safe twice and without `start`. */
  async stop(): Promise<void> {
    this.#stopped = true
    const all = [...this.#loops.values(), ...this.#retiring.values()]
    this.#loops.clear()
    this.#retiring.clear()
    await Promise.all(all.map((loop) => loop.stop()))
    this.#client.close()
    for (const [client, timer] of this.#closing) {
      timer.cancel()
      client.close()
    }
    this.#closing.clear()
    await this.#logging
  }
}

/** Go's way of writing a duration: `1.5s`, `12.345ms`, `0s`. */
function goDuration(ms: number): string {
  if (ms <= 0) return '0s'
  const round = (x: number): string => String(Math.round(x * 1e6) / 1e6)
  if (ms < 1) return `${round(ms * 1000)}µs`
  if (ms < 1000) return `${round(ms)}ms`
  if (ms < 60_000) return `${round(ms / 1000)}s`
  return `${Math.floor(ms / 60_000)}m${round((ms % 60_000) / 1000)}s`
}
