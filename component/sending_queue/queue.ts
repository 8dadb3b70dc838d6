// The sending queue of every exporter: parts wait in memory, are joined to requests, sent with retries, and move to disk
// when the backend stays away, when memory is short, and at the stop.
import type { Clock, Logger, Timer } from '#component'
import { type LogPosition, SegmentLog } from '#lib/segment_log'
import { anyLane, decodePart, encodePart, partBytes, type QueuePart } from './part.ts'

export type SendOutcome =
  | { readonly kind: 'sent' }
  /** Try again later: the backend is away, overloaded, or asks to wait. */
  | { readonly kind: 'retry'; readonly message: string; readonly retryAfterMs?: number }
  /** The backend will never take it. */
  | { readonly kind: 'rejected'; readonly reason: string; readonly message: string }

export interface SendingQueueSettings {
  /** Requests under way at once: begins with the least, grows under load. */
  readonly lanesMin: number
  readonly lanesMax: number
  readonly itemsPerRequestMax: number
  /** A request that is not full is sent when its oldest part has waited this long. */
  readonly batchWaitMs: number
  readonly memoryBytesMax: number
  readonly diskBytesMax: number
  /** Older parts are dropped; 0: never. */
  readonly ageMaxMs: number
  /** A backend that has been failing this long counts as away: what waits goes to disk. */
  readonly spillAfterMs: number
  /** At most this much is in memory only, in time, while the backend is away. */
  readonly syncEveryMs: number
  readonly backoffMinMs: number
  readonly backoffMaxMs: number
  /** What the wait grows by from one attempt to the next; default 2. */
  readonly backoffMultiplier?: number
  /** How far a wait is moved by chance, in both directions, as a part of it. Absent: it is shortened by up to a half. */
  readonly backoffRandomization?: number
  /** A request that has been tried for this long is dropped; 0 or absent: never. */
  readonly retryElapsedMaxMs?: number
  /** A request is sent once it has so many items; absent: `itemsPerRequestMax`. */
  readonly itemsPerRequestMin?: number
  /** What the two bounds of a request count; default items. */
  readonly requestSizer?: 'items' | 'bytes'
  /** `always`: a part counts as taken only when it is on disk and synced. */
  readonly durability: 'spill' | 'always'
}

export interface SendingQueueHandlers {
  /** Send one request made of parts of the same kind. Must end soon after `signal` is aborted. */
  send(parts: readonly QueuePart[], signal: AbortSignal): Promise<SendOutcome>
  onSent(parts: readonly QueuePart[], durationMs: number): void
  /** `parts`: the request that was given up, the same list that `send` got; absent where it was none. */
  onDropped(reason: string, items: number, message: string, parts?: readonly QueuePart[]): void
  onRetry?(items: number, message: string): void
  /** A part that a process before this one left on disk is taken up. */
  onRecovered?(items: number): void
  /** Everything goes well again (undefined), or what is wrong: the disk, no answer, or a refusal of the last request. */
  onHealth(problem: string | undefined): void
}

export interface SendingQueueContext {
  readonly directory: string
  readonly clock: Clock
  readonly log: Logger
}

/** A part in the queue. */
interface Entry {
  readonly part: QueuePart
  /** Where it ends on disk; undefined: it is in memory only. */
  end: LogPosition | undefined
  done: boolean
  /** Its place on disk was given up, to keep within the bound, while it was under way. */
  gone: boolean
}

interface Lane {
  readonly waiting: Entry[]
  /** Of what waits, in what requests are bounded by: items or bytes. */
  size: number
  inFlight: readonly Entry[]
  timer: Timer | undefined
  /** The oldest part has waited for as long as it may. */
  due: boolean
  busy: boolean
  sentSince: number
}

const segmentBytesMax = 4 * 1024 * 1024
const partBytesMax = 64 * 1024 * 1024
/** Read ahead from disk up to this many bytes. */
const readAheadBytesMax = 1024 * 1024
/** How often the number of lanes is thought over. */
const lanesCheckMs = 5000

export class SendingQueue {
  #settings: SendingQueueSettings
  readonly #handlers: SendingQueueHandlers
  readonly #context: SendingQueueContext
  #lanes: Lane[] = []
  /** Entries in memory (waiting in lanes or in flight), in bytes and items. */
  #memoryBytes = 0
  #memoryItems = 0
  #memoryParts = 0
  /** Parts on their way to disk. */
  #toLog: { part: QueuePart; taken: (() => void) | undefined; failed: ((error: Error) => void) | undefined }[] = []
  #toLogBytes = 0
  #toLogItems = 0
  #log: SegmentLog | undefined
  /** Items on disk that this process put there and has not read back. */
  #logItems = 0
  #logParts = 0
  /** The first segment that this process wrote: older ones were left by a process before it. */
  #ownFrom: number | undefined
  /** Entries read from disk, in order; committed from the front. */
  readonly #outstanding: Entry[] = []
  #onDisk = false
  #writing = false
  #reading = false
  /** With `always`: done when what was delivered is written down. */
  #committed: Promise<void> | undefined
  /** From an append until its records are accounted for: nothing may be read meanwhile, or it would be taken twice. */
  #appending = false
  #lastSyncMs = 0
  #failingSinceMs: number | undefined
  #stopping = false
  #aborter = new AbortController()
  #lanesTimer: Timer | undefined
  #syncTimer: Timer | undefined
  #retryTimer: Timer | undefined
  #relaning = 0
  readonly #idle: (() => void)[] = []
  /** Callers of `put` that wait until the disk has caught up. */
  readonly #roomWanted: (() => void)[] = []
  #diskProblem: string | undefined
  #damages = 0
  #sendProblem: string | undefined

  constructor(settings: SendingQueueSettings, handlers: SendingQueueHandlers, context: SendingQueueContext) {
    this.#settings = settings
    this.#handlers = handlers
    this.#context = context
    this.#lanes = Array.from({ length: Math.max(1, settings.lanesMin) }, newLane)
  }

  /** Take up what a process before this one left on disk. Never rejects: without a disk the queue works in memory. */
  async start(): Promise<void> {
    this.#lanesTimer = this.#context.clock.setTimeout(() => this.#checkLanes(), lanesCheckMs)
    // What comes meanwhile waits behind what was left, and nobody else opens the log.
    this.#onDisk = true
    this.#writing = true
    const always = this.#settings.durability === 'always'
    const left = always || (await SegmentLog.exists(this.#context.directory))
    this.#onDisk = left && (await this.#openLog())
    this.#writing = false
    if (this.#onDisk || always) this.#write()
    else this.#backToMemory()
  }

  update(settings: SendingQueueSettings): void {
    this.#settings = settings
    for (const lane of this.#lanes) {
      lane.size = 0
      for (const { part } of lane.waiting) lane.size += this.#sizeOf(part)
      this.#pump(lane)
    }
  }

  /** Items that wait here, on disk and in memory, in flight included. */
  get waitingItems(): number {
    return this.#memoryItems + this.#toLogItems + this.#logItems
  }
  /** As `waitingItems`, in parts. */
  get waitingParts(): number {
    return this.#memoryParts + this.#toLog.length + this.#logParts
  }
  get lanes(): number {
    return this.#lanes.length
  }
  get waitingBytes(): number {
    return this.#memoryBytes + this.#toLogBytes + (this.#log?.bytes ?? 0)
  }
  get bytesWrittenToDisk(): number {
    return this.#log?.bytesWritten ?? 0
  }
  /** Damaged segments, or rests of segments, found and set aside. */
  get damages(): number {
    return this.#damages
  }
  get isOnDisk(): boolean {
    return this.#onDisk
  }

  /**
   * Take parts, in order. With `spill` they are taken at once; with `always` when the promise is kept: rejected, nothing of
   * them was taken.
   */
  put(parts: readonly QueuePart[]): void | Promise<void> {
    if (this.#settings.durability === 'always') return this.#putOnDisk(parts)
    for (const part of parts) {
      if (this.#onDisk || this.#stopping) this.#enqueueForLog(part, undefined, undefined)
      else this.#intoLane({ part, end: undefined, done: false, gone: false })
    }
    if (this.#onDisk) this.#write()
    else if (this.#memoryBytes > this.#settings.memoryBytesMax) this.#spill('memory is short')
    return this.#room()
  }

  /** A promise to wait for where the disk takes less than comes in. A disk that takes nothing makes nobody wait. */
  #room(): void | Promise<void> {
    if (this.#toLogBytes <= this.#settings.memoryBytesMax || this.#stopping) return undefined
    if (this.#diskProblem === undefined) return new Promise((resolve) => this.#roomWanted.push(resolve))
    this.#dropWithoutDisk()
    return undefined
  }

  #dropWithoutDisk(): void {
    while (this.#toLogBytes + this.#memoryBytes > this.#settings.memoryBytesMax && this.#toLog.length > 0) {
      const oldest = this.#toLog.shift() as { part: QueuePart }
      this.#toLogBytes -= partBytes(oldest.part)
      this.#toLogItems -= oldest.part.items
      oldest.part.settled?.('neither memory nor disk can take more')
      this.#handlers.onDropped('queue full', oldest.part.items, 'neither memory nor disk can take more')
    }
  }

  #wakeWaiters(): void {
    for (const wake of this.#roomWanted.splice(0)) wake()
  }

  #putOnDisk(parts: readonly QueuePart[]): Promise<void> {
    const last = parts.length - 1
    return new Promise((resolve, reject) => {
      if (last < 0) resolve()
      parts.forEach((part, i) =>
        this.#enqueueForLog(part, i === last ? resolve : undefined, i === last ? reject : undefined),
      )
      this.#write()
    })
  }

  #enqueueForLog(part: QueuePart, taken: (() => void) | undefined, failed: ((error: Error) => void) | undefined): void {
    this.#toLog.push({ part, taken, failed })
    this.#toLogBytes += partBytes(part)
    this.#toLogItems += part.items
  }

  // -------------------------------------------------------------------------------------------- lanes

  #intoLane(entry: Entry): void {
    const lane = this.#laneFor(entry.part)
    lane.waiting.push(entry)
    lane.size += this.#sizeOf(entry.part)
    this.#memoryBytes += partBytes(entry.part)
    this.#memoryItems += entry.part.items
    this.#memoryParts++
    this.#pump(lane)
  }

  #sizeOf(part: QueuePart): number {
    return this.#settings.requestSizer === 'bytes' ? partBytes(part) : part.items
  }

  /**
   * The part's lane; where any will do: one that is filling a request that this part may join, else an idle one, else the
   * one with the least to do.
   */
  #laneFor(part: QueuePart): Lane {
    if (part.lane !== anyLane) return this.#lanes[part.lane % this.#lanes.length] as Lane
    let best = this.#lanes[0] as Lane
    let bestRank = Infinity
    for (const lane of this.#lanes) {
      const filling = !lane.busy && lane.waiting.length > 0
      if (filling && part.mergeable && lane.waiting.at(-1)?.part.kind === part.kind) return lane
      const rank = (lane.busy ? 1 : 0) + lane.waiting.length * 2
      if (rank >= bestRank) continue
      best = lane
      bestRank = rank
    }
    return best
  }

  /** A lane with nothing to do takes what waits behind a request under way in another, where any lane will do. */
  #takeOver(lane: Lane): void {
    if (lane.waiting.length > 0 || this.#aborter.signal.aborted || this.#relaning > 0) return
    for (const other of this.#lanes) {
      if (!other.busy || other.waiting.length === 0) continue
      let count = 0
      while (other.waiting[count]?.part.lane === anyLane) count++
      for (const entry of other.waiting.splice(0, count)) {
        other.size -= this.#sizeOf(entry.part)
        lane.size += this.#sizeOf(entry.part)
        lane.waiting.push(entry)
      }
      if (count > 0) return
    }
  }

  /** Send when a request is due, else come back when it is. */
  #pump(lane: Lane): void {
    if (lane.busy || this.#relaning > 0 || lane.waiting.length === 0 || this.#aborter.signal.aborted) return
    const { itemsPerRequestMax, itemsPerRequestMin, batchWaitMs } = this.#settings
    const oldest = lane.waiting[0] as Entry
    const waitMs = oldest.part.createdMs + batchWaitMs - this.#context.clock.now()
    const full = lane.size >= (itemsPerRequestMin ?? itemsPerRequestMax) || !oldest.part.mergeable
    if (full || waitMs <= 0 || lane.due || this.#stopping) {
      lane.timer?.cancel()
      lane.timer = undefined
      lane.due = false
      lane.busy = true
      void this.#send(lane).finally(() => {
        lane.busy = false
        this.#takeOver(lane)
        this.#settle()
        this.#pump(lane)
      })
    } else {
      lane.timer ??= this.#context.clock.setTimeout(
        () => {
          lane.timer = undefined
          lane.due = true
          this.#pump(lane)
          // A wall clock that was set back makes nobody wait longer.
        },
        Math.min(waitMs, batchWaitMs),
      )
    }
  }

  /** The parts of the next request: the first one, and those of its kind that follow it and fit. */
  #takeRequest(lane: Lane): Entry[] {
    const first = lane.waiting[0] as Entry
    let count = 1
    let size = this.#sizeOf(first.part)
    while (first.part.mergeable && count < lane.waiting.length) {
      const { part } = lane.waiting[count] as Entry
      if (part.kind !== first.part.kind || !part.mergeable) break
      if (size + this.#sizeOf(part) > this.#settings.itemsPerRequestMax) break
      size += this.#sizeOf(part)
      count++
    }
    lane.size -= size
    return lane.waiting.splice(0, count)
  }

  async #send(lane: Lane): Promise<void> {
    const entries = this.#takeRequest(lane)
    lane.inFlight = entries
    const parts = entries.map((entry) => entry.part)
    const { clock } = this.#context
    const firstMs = clock.monotonic()
    let backoffMs = this.#settings.backoffMinMs
    for (;;) {
      if (this.#tooOld(parts)) {
        this.#finish(lane, entries, parts, 'too old', 'not delivered in time')
        return
      }
      const begin = clock.monotonic()
      const outcome = await this.#attempt(parts)
      if (outcome.kind !== 'retry') {
        this.#failingSinceMs = undefined
        // What is refused is gone: that stays said until the backend takes something again.
        this.#setSendProblem(outcome.kind === 'rejected' ? outcome.message : undefined)
        lane.sentSince++
        if (outcome.kind === 'sent') {
          this.#handlers.onSent(parts, clock.monotonic() - begin)
          this.#finish(lane, entries, parts, undefined, '')
        } else this.#finish(lane, entries, parts, outcome.reason, outcome.message)
        await this.#committed
        return
      }
      if (this.#aborter.signal.aborted) break
      this.#failed(outcome.message, parts)
      const waitMs = Math.max(this.#jittered(backoffMs), outcome.retryAfterMs ?? 0)
      if (this.#triedEnough(clock.monotonic() + waitMs - firstMs)) {
        this.#finish(lane, entries, parts, 'retries exhausted', outcome.message)
        return
      }
      backoffMs = Math.min(backoffMs * (this.#settings.backoffMultiplier ?? 2), this.#settings.backoffMaxMs)
      await this.#sleep(waitMs)
      if (this.#aborter.signal.aborted) break
    }
    // The stop cut the attempt short: the parts go back to where they were, for the disk.
    lane.inFlight = []
    lane.waiting.unshift(...entries)
    for (const part of parts) lane.size += this.#sizeOf(part)
  }

  async #attempt(parts: readonly QueuePart[]): Promise<SendOutcome> {
    try {
      return await this.#handlers.send(parts, this.#aborter.signal)
    } catch (error) {
      return { kind: 'retry', message: (error as Error).message }
    }
  }

  #failed(message: string, parts: readonly QueuePart[]): void {
    const nowMs = this.#context.clock.monotonic()
    this.#failingSinceMs ??= nowMs
    this.#setSendProblem(message)
    this.#handlers.onRetry?.(itemsOf(parts), message)
    if (!this.#onDisk && nowMs - this.#failingSinceMs >= this.#settings.spillAfterMs) this.#spill('the backend is away')
  }

  #jittered(backoffMs: number): number {
    const by = this.#settings.backoffRandomization
    const random = this.#context.clock.random()
    return by === undefined ? backoffMs * (0.5 + random / 2) : backoffMs * (1 - by + 2 * by * random)
  }

  /** Would the next attempt begin later than a request may be tried? */
  #triedEnough(elapsedMs: number): boolean {
    const { retryElapsedMaxMs = 0 } = this.#settings
    return retryElapsedMaxMs > 0 && elapsedMs > retryElapsedMaxMs
  }

  #tooOld(parts: readonly QueuePart[]): boolean {
    const { ageMaxMs } = this.#settings
    const newestMs = parts.at(-1)?.createdMs ?? 0
    return ageMaxMs > 0 && this.#context.clock.now() - newestMs > ageMaxMs
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.#aborter
      if (signal.aborted) return resolve()
      const end = (): void => {
        timer.cancel()
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = this.#context.clock.setTimeout(end, ms)
      signal.addEventListener('abort', end)
      return undefined
    })
  }

  /** Entries are delivered, or dropped under a reason. */
  #finish(
    lane: Lane,
    entries: readonly Entry[],
    parts: readonly QueuePart[],
    reason: string | undefined,
    message: string,
  ): void {
    lane.inFlight = []
    let items = 0
    for (const entry of entries) {
      items += entry.part.items
      this.#memoryBytes -= partBytes(entry.part)
      entry.done = true
      entry.part.settled?.(reason === undefined ? undefined : message)
    }
    this.#memoryItems -= items
    this.#memoryParts -= entries.length
    if (reason !== undefined) this.#handlers.onDropped(reason, items, message, parts)
    this.#commit()
    this.#read()
  }

  // -------------------------------------------------------------------------------- how many lanes

  #checkLanes(): void {
    if (this.#stopping) return
    this.#lanesTimer = this.#context.clock.setTimeout(() => this.#checkLanes(), lanesCheckMs)
    const { lanesMin, lanesMax, itemsPerRequestMax } = this.#settings
    const behind = this.#lanes.some((lane) => lane.size >= 2 * itemsPerRequestMax)
    const busiest = Math.max(...this.#lanes.map((lane) => lane.sentSince))
    const wanted =
      behind && this.#failingSinceMs === undefined
        ? this.#lanes.length * 2
        : busiest <= 1 && !behind
          ? Math.ceil(this.#lanes.length / 2)
          : this.#lanes.length
    for (const lane of this.#lanes) lane.sentSince = 0
    const lanes = Math.min(Math.max(wanted, lanesMin, 1), Math.max(lanesMax, 1))
    if (lanes !== this.#lanes.length) this.#relaning = lanes
    this.#settle()
  }

  /** Once nothing is in flight: share the waiting parts out over the new lanes, so that no series overtakes itself. */
  #settle(): void {
    if (this.#lanes.some((lane) => lane.busy)) return
    if (this.#relaning > 0) {
      const waiting = this.#lanes.flatMap((lane) => lane.waiting).sort((a, b) => a.part.createdMs - b.part.createdMs)
      for (const lane of this.#lanes) {
        lane.timer?.cancel()
        lane.waiting.length = 0
      }
      this.#lanes = Array.from({ length: this.#relaning }, newLane)
      this.#relaning = 0
      for (const entry of waiting) {
        const lane = this.#laneFor(entry.part)
        lane.waiting.push(entry)
        lane.size += this.#sizeOf(entry.part)
      }
      for (const lane of this.#lanes) this.#pump(lane)
    }
    for (const wake of this.#idle.splice(0)) wake()
  }

  // --------------------------------------------------------------------------------------------- disk

  async #openLog(): Promise<boolean> {
    if (this.#log) return true
    try {
      this.#log = await SegmentLog.open({
        directory: this.#context.directory,
        segmentBytesMax,
        recordBytesMax: partBytesMax,
        onDamage: (message) => {
          this.#damages++
          this.#context.log.warn('Found damage in a queue on disk', { err: message })
        },
      })
      this.#setDiskProblem(undefined)
      return true
    } catch (error) {
      this.#setDiskProblem(`Cannot keep the queue in ${this.#context.directory}: ${(error as Error).message}`)
      return false
    }
  }

  #setDiskProblem(problem: string | undefined): void {
    if (problem === this.#diskProblem) return
    this.#diskProblem = problem
    if (problem !== undefined) this.#context.log.error('The queue cannot use the disk', { err: problem })
    this.#tellHealth()
  }

  #setSendProblem(problem: string | undefined): void {
    if (problem === this.#sendProblem) return
    this.#sendProblem = problem
    this.#tellHealth()
  }

  #tellHealth(): void {
    this.#handlers.onHealth(this.#diskProblem ?? this.#sendProblem)
  }

  /** From now on parts go through the disk; what waits in memory goes there first, in its order. */
  #spill(why: string): void {
    if (this.#onDisk) return
    this.#onDisk = true
    this.#context.log.info('The queue moves to disk', { why, items: this.#memoryItems, bytes: this.#memoryBytes })
    this.#write()
  }

  /** Write whatever is on its way to disk: one write under way at a time, each takes all there is (group commit). */
  #write(): void {
    if (this.#writing) return
    this.#writing = true
    void (async () => {
      try {
        while (this.#onDisk || this.#toLog.length > 0 || this.#settings.durability === 'always') {
          const moved = await this.#moveMemoryToLog()
          if (this.#toLog.length === 0) break
          if (!(await this.#writeOnce())) break
          if (!moved && this.#toLog.length === 0) break
        }
      } finally {
        this.#writing = false
      }
      this.#read()
    })()
  }

  /** Give what waits in lanes without a place on disk one. In flight first: it is older than all that waits. */
  async #moveMemoryToLog(): Promise<boolean> {
    const inFlight = this.#lanes.flatMap((lane) => lane.inFlight).filter((e) => !e.end && !e.done && !e.gone)
    const waiting = this.#lanes
      .flatMap((lane) => lane.waiting)
      .filter((e) => !e.end && !e.gone)
      .sort((a, b) => a.part.createdMs - b.part.createdMs)
    const entries = [...inFlight, ...waiting]
    if (entries.length === 0 || this.#settings.durability === 'always') return false
    if (!(await this.#openLog()) || !this.#log) return false
    // These are not read back: what lies before them unread would be passed over with them.
    if (!this.#log.drained && !this.#stopping) return false
    this.#appending = true
    try {
      const ends = await this.#log.append(entries.map((entry) => encodePart(entry.part)))
      await this.#log.sync()
      entries.forEach((entry, i) => {
        entry.end = ends[i]
      })
      const last = ends.at(-1)
      if (last) {
        this.#ownFrom ??= last.segment
        this.#log.skipTo(last)
      }
      this.#outstanding.push(...entries)
      this.#commit()
      this.#setDiskProblem(undefined)
      return true
    } catch (error) {
      this.#setDiskProblem(`Cannot write the queue to ${this.#context.directory}: ${(error as Error).message}`)
      return false
    } finally {
      this.#appending = false
    }
  }

  /** False: the disk cannot take it now. */
  async #writeOnce(): Promise<boolean> {
    if (!(await this.#openLog()) || !this.#log) return this.#cannotWrite()
    const batch = this.#toLog
    this.#toLog = []
    const items = itemsOf(batch.map((b) => b.part))
    const bytes = batch.reduce((sum, b) => sum + partBytes(b.part), 0)
    const drainedBefore = this.#log.drained && !this.#reading
    this.#appending = true
    try {
      const ends = await this.#log.append(batch.map((b) => encodePart(b.part)))
      this.#ownFrom ??= ends[0]?.segment
      await this.#syncIfDue()
      this.#toLogBytes -= bytes
      this.#toLogItems -= items
      this.#setDiskProblem(undefined)
      if (drainedBefore && this.#memoryBytes < readAheadBytesMax) this.#passOn(batch, ends)
      else {
        this.#logItems += items
        this.#logParts += batch.length
        for (const { part } of batch) part.settled?.(undefined)
      }
      this.#appending = false
      for (const { taken } of batch) taken?.()
      this.#wakeWaiters()
      await this.#keepWithinBound()
      return true
    } catch (error) {
      this.#setDiskProblem(`Cannot write the queue to ${this.#context.directory}: ${(error as Error).message}`)
      this.#toLog = [...batch, ...this.#toLog]
      this.#appending = false
      return this.#cannotWrite()
    }
  }

  /** What was just written need not be read back while the lanes can take it. */
  #passOn(batch: readonly { part: QueuePart }[], ends: readonly LogPosition[]): void {
    const last = ends.at(-1)
    if (last) this.#log?.skipTo(last)
    batch.forEach(({ part }, i) => {
      const entry: Entry = { part, end: ends[i], done: false, gone: false }
      this.#outstanding.push(entry)
      this.#intoLane(entry)
    })
  }

  #cannotWrite(): false {
    const refused = this.#toLog.filter((b) => b.failed)
    if (refused.length === 0) {
      this.#retryTimer?.cancel()
      if (!this.#stopping) {
        this.#retryTimer = this.#context.clock.setTimeout(() => this.#write(), this.#settings.syncEveryMs)
        this.#passByDisk()
        this.#dropWithoutDisk()
      }
      this.#wakeWaiters()
      return false
    }
    const batch = this.#toLog
    this.#toLog = []
    for (const { part, failed } of batch) {
      this.#toLogBytes -= partBytes(part)
      this.#toLogItems -= part.items
      failed?.(new Error(this.#diskProblem ?? 'the disk cannot take it'))
    }
    return false
  }

  /** The disk takes nothing: once all that lies there has been read, parts go to the lanes without it. */
  #passByDisk(): void {
    if (this.#log && !this.#log.drained) return
    while (this.#toLog.length > 0 && this.#memoryBytes < this.#settings.memoryBytesMax) {
      const { part } = this.#toLog.shift() as { part: QueuePart }
      this.#toLogBytes -= partBytes(part)
      this.#toLogItems -= part.items
      this.#intoLane({ part, end: undefined, done: false, gone: false })
    }
  }

  async #syncIfDue(): Promise<void> {
    const nowMs = this.#context.clock.monotonic()
    if (this.#settings.durability === 'always') await this.#log?.sync()
    else if (nowMs - this.#lastSyncMs >= this.#settings.syncEveryMs) {
      this.#lastSyncMs = nowMs
      await this.#log?.sync()
      await this.#log?.saveHead()
    } else {
      this.#syncTimer ??= this.#context.clock.setTimeout(() => {
        this.#syncTimer = undefined
        this.#log?.sync().catch((error: Error) => this.#setDiskProblem(error.message))
      }, this.#settings.syncEveryMs)
    }
  }

  async #keepWithinBound(): Promise<void> {
    while (this.#log && this.#log.bytes > this.#settings.diskBytesMax) {
      const { payloads, bytes, segment } = await this.#log.dropOldest()
      if (bytes === 0) return
      let unread = 0
      let unreadParts = payloads.length
      for (const payload of payloads) unread += decodePart(payload)?.items ?? 0
      const read = this.#outstanding.filter((entry) => entry.end?.segment === segment)
      for (const { part } of read) unread -= part.items
      unreadParts -= read.length
      if (this.#isRecovered(segment)) this.#handlers.onRecovered?.(unread)
      else {
        this.#logItems -= unread
        this.#logParts -= unreadParts
      }
      const items = unread + this.#forgetSegment(read)
      this.#handlers.onDropped(
        'queue full',
        items,
        `the queue on disk is bounded to ${this.#settings.diskBytesMax} bytes`,
      )
    }
  }

  /** Let go of parts whose place on disk is gone, but for those under way; the number of items. */
  #forgetSegment(read: readonly Entry[]): number {
    const gone = new Set(read)
    let items = 0
    for (const lane of this.#lanes) {
      for (const entry of lane.waiting) {
        if (!gone.has(entry)) continue
        items += entry.part.items
        lane.size -= this.#sizeOf(entry.part)
        this.#memoryBytes -= partBytes(entry.part)
        this.#memoryItems -= entry.part.items
        this.#memoryParts--
        entry.part.settled?.('the queue on disk is full')
      }
      lane.waiting.splice(0, lane.waiting.length, ...lane.waiting.filter((entry) => !gone.has(entry)))
    }
    for (const entry of read) {
      entry.end = undefined
      entry.gone = true
    }
    const kept = this.#outstanding.filter((entry) => !gone.has(entry))
    this.#outstanding.splice(0, this.#outstanding.length, ...kept)
    return items
  }

  /** Feed the lanes from disk; when the disk is read empty, go back to memory. */
  #read(): void {
    if (this.#reading || this.#appending || !this.#onDisk || this.#stopping) return
    if (this.#diskProblem !== undefined) this.#passByDisk()
    if (!this.#log) return this.#backToMemory()
    this.#reading = true
    void (async () => {
      try {
        while (this.#log && !this.#stopping && !this.#appending && this.#memoryBytes < readAheadBytesMax) {
          const record = await this.#log.read()
          if (!record) break
          const part = decodePart(record.payload)
          if (!part) continue
          if (this.#isRecovered(record.end.segment)) this.#handlers.onRecovered?.(part.items)
          else {
            this.#logItems -= part.items
            this.#logParts--
          }
          const entry: Entry = { part, end: record.end, done: false, gone: false }
          this.#outstanding.push(entry)
          this.#intoLane(entry)
        }
      } finally {
        this.#reading = false
      }
      this.#backToMemory()
    })()
  }

  #isRecovered(segment: number): boolean {
    return this.#ownFrom === undefined || segment < this.#ownFrom
  }

  #backToMemory(): void {
    if (this.#log?.drained === false || this.#writing || this.#settings.durability === 'always' || this.#stopping)
      return
    if (this.#failingSinceMs !== undefined || this.#memoryBytes > this.#settings.memoryBytesMax) return
    this.#onDisk = false
    this.#retryTimer?.cancel()
    const rest = this.#toLog
    this.#toLog = []
    this.#toLogBytes = 0
    this.#toLogItems = 0
    for (const { part } of rest) this.#intoLane({ part, end: undefined, done: false, gone: false })
    this.#wakeWaiters()
  }

  #commit(): void {
    let last: LogPosition | undefined
    while (this.#outstanding[0]?.done) last = this.#outstanding.shift()?.end ?? last
    if (!last || !this.#log) return
    this.#log.commit(last).catch((error: Error) => this.#setDiskProblem(error.message))
    if (this.#settings.durability !== 'always') return
    // What was delivered is written down before the lane sends more: a process that is killed sends one request again.
    this.#committed = this.#log.saveHead().catch((error: Error) => this.#setDiskProblem(error.message))
  }

  // --------------------------------------------------------------------------------------------- stop

  /**
   * Stop: send what waits while the backend takes it, put the rest on disk, all within `deadlineMs`. Parts put meanwhile
   * go to disk too.
   */
  async stop(deadlineMs: number): Promise<void> {
    if (this.#stopping) return
    this.#stopping = true
    this.#lanesTimer?.cancel()
    const { clock } = this.#context
    // A third of the time is kept for the disk.
    const sendUntilMs = clock.monotonic() + (deadlineMs * 2) / 3
    for (const lane of this.#lanes) this.#pump(lane)
    while (this.#failingSinceMs === undefined && this.#busyOrWaiting() && clock.monotonic() < sendUntilMs) {
      await new Promise<void>((resolve) => {
        const timer = clock.setTimeout(resolve, sendUntilMs - clock.monotonic())
        this.#idle.push(() => {
          timer.cancel()
          resolve()
        })
        this.#settle()
      })
    }
    this.#aborter.abort()
    while (this.#lanes.some((lane) => lane.busy)) {
      await new Promise<void>((resolve) => this.#idle.push(resolve))
    }
    for (const lane of this.#lanes) lane.timer?.cancel()
    this.#syncTimer?.cancel()
    this.#retryTimer?.cancel()
    this.#wakeWaiters()
    await this.#storeRest()
  }

  #busyOrWaiting(): boolean {
    return this.#lanes.some((lane) => lane.busy || lane.waiting.length > 0)
  }

  async #storeRest(): Promise<void> {
    while (this.#writing || this.#reading) await new Promise((resolve) => setImmediate(resolve))
    await this.#moveMemoryToLog()
    if (this.#toLog.length > 0) await this.#writeOnce()
    const lost = this.#lanes.flatMap((lane) => lane.waiting).filter((entry) => !entry.end)
    const items = itemsOf([...lost.map((entry) => entry.part), ...this.#toLog.map((b) => b.part)])
    for (const { part } of [...lost, ...this.#toLog]) part.settled?.('stopped before it could be sent')
    if (items > 0) this.#handlers.onDropped('stopped', items, this.#diskProblem ?? 'stopped before it could be sent')
    await this.#log?.close().catch((error: Error) => this.#setDiskProblem(error.message))
  }
}

function newLane(): Lane {
  return { waiting: [], size: 0, inFlight: [], timer: undefined, due: false, busy: false, sentSince: 0 }
}

function itemsOf(parts: readonly QueuePart[]): number {
  let items = 0
  for (const part of parts) items += part.items
  return items
}
