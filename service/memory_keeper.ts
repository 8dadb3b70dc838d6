// Keeps the C library's allocator in step with the load: frugal at rest, quick under load, and trimmed when a load ends.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Clock, Timer } from '#component'

/** What can be done about memory. Every call may do nothing: there are C libraries without it. */
export interface MemoryControl {
  /** Under load, freed buffers are kept to be used again, instead of being given back and asked for one by one. */
  setBusy(busy: boolean): void
  /** Collect garbage, and give back to the system what is free. Takes tens of milliseconds. */
  release(): void
}

export interface MemoryKeeperOptions {
  readonly clock: Clock
  /** CPU time of the process so far, all threads. */
  cpuMs(): number
  rssBytes(): number
  /** Made when it is needed first: a process that is never busy does not load it. */
  control(): Promise<MemoryControl>
}

const sampleMs = 1000
/**
 * A part of one core. A gateway's read buffers of 64 KB and messages cost it a fifth to a third of its CPU while each is mapped
 * and unmapped (bench/ gateway); 50,000 scraped samples a second are at 0.05, and there frugality saves 25 MB.
 */
const busyShare = 0.3
const idleShare = 0.05
/** That many samples in a row: a burst is no load, a pause is no end. */
const busySamples = 2
const idleSamples = 5
/** Less growth than this is not worth a collection. */
const growthBytesMin = 16 * 1024 * 1024
/** A load that comes and goes is not cleaned up after each time. */
const releaseEveryMs = 60_000

/** Watches the process's CPU. */
export class MemoryKeeper {
  readonly #options: MemoryKeeperOptions
  #control: MemoryControl | undefined
  #timer: Timer | undefined
  #atMs: number
  #cpuMs: number
  #busyRow = 0
  #idleRow = 0
  #busy = false
  #restBytes: number
  #releasedMs = -Infinity
  #stopped = false

  constructor(options: MemoryKeeperOptions) {
    this.#options = options
    this.#atMs = options.clock.monotonic()
    this.#cpuMs = options.cpuMs()
    this.#restBytes = Infinity
  }

  /** The start of a process is a load too, and none of this: call once it is over. */
  start(): void {
    this.#restBytes = this.#options.rssBytes()
    this.#next()
  }

  /** Safe twice. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #next(): void {
    if (this.#stopped) return
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#sample()
      this.#next()
    }, sampleMs)
  }

  #sample(): void {
    const nowMs = this.#options.clock.monotonic()
    const cpuMs = this.#options.cpuMs()
    const share = (cpuMs - this.#cpuMs) / Math.max(nowMs - this.#atMs, 1)
    this.#atMs = nowMs
    this.#cpuMs = cpuMs
    this.#busyRow = share >= busyShare ? this.#busyRow + 1 : 0
    this.#idleRow = share <= idleShare ? this.#idleRow + 1 : 0
    if (!this.#busy && this.#busyRow === busySamples) void this.#setBusy(true)
    else if (this.#busy && this.#idleRow >= idleSamples && nowMs - this.#releasedMs >= releaseEveryMs) {
      this.#releasedMs = nowMs
      void this.#setBusy(false)
    }
  }

  async #setBusy(busy: boolean): Promise<void> {
    this.#busy = busy
    this.#control ??= await this.#options.control()
    if (this.#stopped) return
    this.#control.setBusy(busy)
    if (busy || this.#options.rssBytes() < this.#restBytes + growthBytesMin) return
    this.#control.release()
    this.#restBytes = this.#options.rssBytes()
  }
}

// mallopt(3); glibc's malloc.h.
const mTrimThreshold = -1
const mMmapThreshold = -3
/** Blocks from this size on are mapped one by one. At rest: what the launcher sets, see there. */
const restMmapBytes = 32 * 1024
const busyMmapBytes = 1024 * 1024
/** What may lie free at the heap's end before it is given back. */
const restTrimBytes = 128 * 1024
const busyTrimBytes = 4 * 1024 * 1024

/** This process's, by way of `node:ffi` (docs/decisions/ffi.md); without glibc only the garbage is collected. */
export async function memoryControl(): Promise<MemoryControl> {
  const malloc = await loadMalloc()
  let collect: (() => void) | undefined
  return {
    setBusy(busy) {
      malloc?.mallopt(mMmapThreshold, busy ? busyMmapBytes : restMmapBytes)
      malloc?.mallopt(mTrimThreshold, busy ? busyTrimBytes : restTrimBytes)
    },
    release() {
      collect ??= collector()
      collect()
      malloc?.malloc_trim(0n)
    },
  }
}

interface Malloc {
  mallopt(parameter: number, value: number): unknown
  malloc_trim(padBytes: bigint): unknown
}

async function loadMalloc(): Promise<Malloc | undefined> {
  try {
    const { dlopen } = await import('node:ffi')
    return dlopen(null, {
      mallopt: { arguments: ['int32', 'int32'], return: 'int32' },
      malloc_trim: { arguments: ['uint64'], return: 'int32' },
    }).functions
  } catch {
    return undefined // Not glibc, or no `node:ffi`.
  }
}

/** V8's `gc`, without the flag at the start: that would make it a global of the program. */
function collector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}
