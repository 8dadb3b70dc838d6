// Decides whether telemetry may come in, by the memory in use and the bytes on their way.
import type { Clock, Logger, Timer } from '#component'
import type { Memory } from './memory.ts'

export interface LimiterSettings {
  readonly checkIntervalMs: number
  /** Bytes; 0: by percentage. */
  readonly limitBytes: number
  /** Bytes; 0 with `limitBytes`: a fifth of them. */
  readonly spikeLimitBytes: number
  readonly limitPercentage: number
  /** 0 with `limitPercentage`: a fifth of it. */
  readonly spikeLimitPercentage: number
  /** Garbage is collected at most so often above the soft limit, and above the hard one. */
  readonly gcIntervalSoftMs: number
  readonly gcIntervalHardMs: number
  /** Up to so much longer while collecting does not help; 0: never longer. */
  readonly gcIntervalSoftMsMax: number
  readonly gcIntervalHardMsMax: number
}

const mebibyte = 1 << 20
/** A collection that frees less than this share was in vain. */
const gcShareMin = 0.05

/**
 * Above the soft limit (limit minus spike) everything is refused until a check finds less. Between two checks the bytes that
 * came in and are not done with count on top, before anything is decoded: they may reach the limit itself, not exceed it.
 *
 * Garbage counts as used until it is collected, and a process that refuses everything makes too little of it for V8 to
 * collect. So the limiter collects, as upstream does: once when it begins to refuse, then at the intervals set, which
 * double while it does not help.
 */
export class Limiter {
  readonly softLimitBytes: number
  readonly hardLimitBytes: number
  readonly #settings: LimiterSettings
  readonly #memory: Memory
  readonly #clock: Clock
  readonly #log: Logger
  #timer: Timer | undefined
  #isRefusing = false
  #usedBytes = 0
  #inFlightBytes = 0
  /** Of those, what the last check saw: it is in the used bytes already. */
  #inFlightBytesChecked = 0
  #lastCollectedMs = Number.NEGATIVE_INFINITY
  #softIntervalMs = 0
  #hardIntervalMs = 0

  constructor(settings: LimiterSettings, memory: Memory, clock: Clock, log: Logger) {
    this.#settings = settings
    this.#memory = memory
    this.#clock = clock
    this.#log = log
    const { limitBytes, limitPercentage, spikeLimitBytes, spikeLimitPercentage } = settings
    const total = limitBytes > 0 ? 0 : memory.totalBytes()
    const spikeOfTotal = Math.floor((total * spikeLimitPercentage) / 100)
    const spike = limitBytes > 0 ? spikeLimitBytes : spikeOfTotal
    this.hardLimitBytes = limitBytes > 0 ? limitBytes : Math.floor((total * limitPercentage) / 100)
    this.softLimitBytes = this.hardLimitBytes - (spike > 0 ? spike : Math.floor(this.hardLimitBytes / 5))
  }

  /** Bytes in use at the last check. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  get isRefusing(): boolean {
    return this.#isRefusing
  }

  start(): void {
    this.#log.info('Memory limiter configured', {
      limit_mib: Math.floor(this.hardLimitBytes / mebibyte),
      spike_limit_mib: Math.floor((this.hardLimitBytes - this.softLimitBytes) / mebibyte),
    })
    this.check()
    this.#schedule()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #schedule(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.check()
      this.#schedule()
    }, this.#settings.checkIntervalMs)
  }

  /** May so many bytes come in? Then they are on their way until `leave`. */
  enter(bytes: number): boolean {
    const sinceCheck = Math.max(0, this.#inFlightBytes - this.#inFlightBytesChecked)
    if (this.#isRefusing || this.#usedBytes + sinceCheck + bytes > this.hardLimitBytes) return false
    this.#inFlightBytes += bytes
    return true
  }

  leave(bytes: number): void {
    this.#inFlightBytes -= bytes
  }

  /** Look at the memory. */
  check(): void {
    this.#read()
    if (this.#usedBytes > this.softLimitBytes) this.#collect()
    else {
      this.#softIntervalMs = 0
      this.#hardIntervalMs = 0
    }
    const isRefusing = this.#usedBytes > this.softLimitBytes
    if (isRefusing === this.#isRefusing) return
    this.#isRefusing = isRefusing
    const fields = { cur_mem_mib: Math.floor(this.#usedBytes / mebibyte) }
    if (isRefusing) this.#log.warn('Memory usage is above soft limit. Refusing data.', fields)
    else this.#log.info('Memory usage back within limits. Resuming normal operation.', fields)
  }

  #read(): void {
    this.#usedBytes = this.#memory.usedBytes()
    this.#inFlightBytesChecked = this.#inFlightBytes
  }

  #collect(): void {
    const { gcIntervalSoftMs, gcIntervalHardMs, gcIntervalSoftMsMax, gcIntervalHardMsMax } = this.#settings
    const isHard = this.#usedBytes > this.hardLimitBytes
    const intervalMs = isHard
      ? Math.max(this.#hardIntervalMs, gcIntervalHardMs)
      : Math.max(this.#softIntervalMs, gcIntervalSoftMs)
    if (this.#clock.monotonic() - this.#lastCollectedMs < intervalMs) return
    const before = this.#usedBytes
    this.#memory.collect()
    this.#lastCollectedMs = this.#clock.monotonic()
    this.#read()
    if (this.#usedBytes <= this.softLimitBytes || this.#usedBytes <= before * (1 - gcShareMin)) {
      this.#softIntervalMs = 0
      this.#hardIntervalMs = 0
      return
    }
    this.#softIntervalMs = this.#longer(this.#softIntervalMs, gcIntervalSoftMs, gcIntervalSoftMsMax)
    this.#hardIntervalMs = this.#longer(this.#hardIntervalMs, gcIntervalHardMs, gcIntervalHardMsMax)
  }

  #longer(intervalMs: number, msMin: number, msMax: number): number {
    if (msMax === 0) return msMin
    const floor = Math.max(msMin, this.#settings.checkIntervalMs)
    return Math.min(Math.max(intervalMs, floor) * 2, Math.max(msMax, msMin))
  }
}
