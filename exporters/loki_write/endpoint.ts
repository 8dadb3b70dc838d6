// One backend of a `loki.write`: gathers lines into requests, queues and sends them.
import { join } from 'node:path'
import type { Host, Timer } from '#component'
import { bodyText, createHttpClient, type HttpClient, retryAfterMs, shownUrl } from '#component/http_client'
import { type QueuePart, SendingQueue, type SendingQueueSettings, type SendOutcome } from '#component/sending_queue'
import { fnv1a } from '#lib/fnv'
import { type Labels, labelValue, LogStream } from '#pdata'
import { encodePush, labelText } from '#pdata/loki'
import { entryBytes, PendingBatch, Route } from './batch.ts'
import { DropReason, EndpointMetrics } from './endpoint_metrics.ts'
import { kindOf, mergePushes, packRequest, unpackRequest } from './part.ts'
import { type Refusal, refusalsIn } from './refusal.ts'
import type { EndpointSettings, LokiWriteSettings } from './settings.ts'

const tenantLabel = '__tenant_id__'
/** Compressed parts are joined up to this fraction of `batch_size`: lines shrink to about a fourth and less. */
const compressedFraction = 4

/** A refusal is read so far, for it lists lines, and shown so far. */
const refusalBytesMax = 64 * 1024
const refusalShownMax = 512

/** Lines and their bytes by tenant. */
type Limited = Map<string, { items: number; bytes: number }>

/** How often the backend answered a part with an error. Only the first of a request is counted. */
type Tries = WeakMap<QueuePart, number>

export class Endpoint {
  readonly #host: Host
  readonly #identity: string
  readonly #queue: SendingQueue
  #metrics: EndpointMetrics
  #settings: EndpointSettings
  #all: LokiWriteSettings
  #client: HttpClient
  /** Requests that fill up, by tenant and lane. */
  readonly #pending = new Map<string, PendingBatch>()
  #pendingEntries = 0
  /** Lines of streams that are too many for a request, by tenant, of the batch that is being taken. */
  #limited: Limited = new Map()
  /** Of batches that are not on disk yet. */
  #limitedWaiting = 0
  #timer: Timer | undefined
  /** What label sets become here; forgotten with them, and when the settings change. */
  #routes = new WeakMap<Labels, Route>()
  readonly #tries: Tries = new WeakMap()
  /** Lines that the backend refused of the request that begins with a part. */
  readonly #refusedOf = new WeakMap<QueuePart, number>()
  #lastError: string | undefined
  #lastSentMs: number | undefined

  constructor(
    host: Host,
    identity: string,
    settings: EndpointSettings,
    all: LokiWriteSettings,
    onHealth: (problem: string | undefined) => void,
  ) {
    this.#host = host
    this.#identity = identity
    this.#settings = settings
    this.#all = all
    this.#client = this.#newClient()
    this.#metrics = new EndpointMetrics(host.instruments, settings.url.host)
    this.#queue = new SendingQueue(
      this.#queueSettings(),
      {
        send: (parts, signal) => this.#send(parts, signal),
        onSent: (parts) => this.#sent(parts),
        onDropped: (reason, items, message) => this.#dropped(reason, items, message),
        onRecovered: (items) => void (host.counters.in += items),
        onHealth: (problem) => {
          this.#lastError = problem
          onHealth(problem === undefined ? undefined : `${this.#url}: ${problem}`)
        },
      },
      { directory: join(host.dataDir, identity), clock: host.clock, log: host.log },
    )
  }

  get #url(): string {
    return shownUrl(this.#settings.url)
  }

  get #isDurable(): boolean {
    return this.#all.wal.enabled || this.#host.globals.durability === 'always'
  }

  get waitingItems(): number {
    return this.#queue.waitingItems + this.#pendingEntries + this.#limitedWaiting
  }

  #newClient(): HttpClient {
    const { globals, log, clock } = this.#host
    return createHttpClient(this.#settings, { userAgent: globals.userAgent, log, clock })
  }

  #queueSettings(): SendingQueueSettings {
    const s = this.#settings
    const q = s.queue_config
    const lanes = Math.max(1, q.min_shards)
    return {
      lanesMin: lanes,
      lanesMax: lanes,
      // Requests come to the queue ready made, unless each batch must be on disk before it counts as taken.
      requestSizer: 'bytes',
      itemsPerRequestMax: Math.max(1, Math.floor(s.batch_size / compressedFraction)),
      batchWaitMs: s.batch_wait,
      memoryBytesMax: q.capacity,
      diskBytesMax: q.disk_limit,
      ageMaxMs: 0,
      spillAfterMs: q.spill_after,
      syncEveryMs: q.sync_interval,
      backoffMinMs: s.min_backoff_period,
      backoffMaxMs: s.max_backoff_period,
      durability: this.#isDurable ? 'always' : 'spill',
    }
  }

  start(): Promise<void> {
    return this.#queue.start()
  }

  update(settings: EndpointSettings, all: LokiWriteSettings): void {
    void this.#flushAll().catch(() => {})
    const client = this.#client
    this.#settings = settings
    this.#all = all
    this.#routes = new WeakMap()
    this.#client = this.#newClient()
    client.close()
    this.#metrics = new EndpointMetrics(this.#host.instruments, settings.url.host)
    this.#queue.update(this.#queueSettings())
  }

  // ----------------------------------------------------------------------------------------- gathering

  /** Take the lines. The promise: see `SendingQueue.put`. */
  put(streams: readonly LogStream[]): void | Promise<void> {
    const ready: QueuePart[] = []
    for (const stream of streams) {
      if (stream.lines.length === 0) continue
      const route = this.#routeOf(stream.labels)
      for (let i = 0; i < stream.lines.length; i++) this.#add(route, stream, i, ready)
    }
    if (this.#isDurable) this.#takeAll(ready)
    else if (this.#pending.size > 0) this.#schedule()
    const taken = ready.length === 0 ? undefined : this.#queue.put(ready)
    if (this.#limited.size === 0) return taken
    const limited = this.#limited
    this.#limited = new Map()
    if (taken && this.#isDurable) return this.#dropOnceTaken(taken, limited)
    this.#dropLimited(limited)
    return taken
  }

  /** What is not taken is refused as a whole, and comes again: what it has too much of is not dropped then. */
  async #dropOnceTaken(taken: Promise<void>, limited: Limited): Promise<void> {
    let items = 0
    for (const one of limited.values()) items += one.items
    this.#limitedWaiting += items
    try {
      await taken
      this.#dropLimited(limited)
    } finally {
      this.#limitedWaiting -= items
    }
  }

  #dropLimited(limited: Limited): void {
    for (const [tenant, { items, bytes }] of limited) {
      this.#host.counters.drop(DropReason.streamLimited, items)
      this.#metrics.dropped(tenant, DropReason.streamLimited, items, bytes)
    }
  }

  #routeOf(labels: Labels): Route {
    const known = this.#routes.get(labels)
    if (known !== undefined) return known
    const merged = new Map(this.#all.external_labels)
    for (let i = 0; i < labels.length; i += 2) merged.set(labels[i]!, labels[i + 1]!)
    // Labels without a value are sent as they are, as Alloy sends them: to Loki they are none.
    const all = [...merged.keys()].sort((a, b) => (a < b ? -1 : 1)).flatMap((name) => [name, merged.get(name)!])
    const tenant = labelValue(all, tenantLabel) || this.#settings.tenant_id
    const key = labelText(all)
    const lane = (fnv1a(key) >>> 0) % Math.max(1, this.#settings.queue_config.min_shards)
    const route = new Route(all, key, tenant, lane)
    this.#routes.set(labels, route)
    return route
  }

  /** Put a line into its request; a request that it no longer fits into goes to `ready`. */
  #add(route: Route, stream: LogStream, i: number, ready: QueuePart[]): void {
    const { max_streams: streamsMax } = this.#all
    const bytes = entryBytes(stream, i)
    let batch = this.#pending.get(route.batchKey)
    if (batch !== undefined && batch.bytes + bytes > this.#settings.batch_size) {
      ready.push(this.#take(route.batchKey, batch))
      batch = undefined
    }
    if (batch === undefined) {
      batch = new PendingBatch(route, this.#host.clock.now())
      this.#pending.set(route.batchKey, batch)
    } else if (streamsMax > 0 && batch.streamCount >= streamsMax && !batch.hasStream(route.key)) {
      const limited = this.#limited.get(route.tenant)
      if (limited === undefined) this.#limited.set(route.tenant, { items: 1, bytes })
      else {
        limited.items++
        limited.bytes += bytes
      }
      return
    }
    batch.add(route, stream, i, bytes)
    this.#pendingEntries++
  }

  /** The request as the queue takes it. */
  #take(key: string, batch: PendingBatch): QueuePart {
    this.#pending.delete(key)
    this.#pendingEntries -= batch.entries
    return {
      kind: kindOf(batch.tenant),
      bytes: packRequest(batch.tenant, encodePush(batch.streams())),
      items: batch.entries,
      extra: Math.min(batch.bytes, 0xffffffff),
      mergeable: this.#isDurable,
      lane: batch.lane,
      createdMs: batch.createdMs,
    }
  }

  #takeAll(ready: QueuePart[]): void {
    for (const [key, batch] of this.#pending) ready.push(this.#take(key, batch))
  }

  /** What has waited long enough, and what was begun before the clock was set back: nobody knows how long that has. */
  #takeDue(ready: QueuePart[]): void {
    const nowMs = this.#host.clock.now()
    for (const [key, batch] of this.#pending) {
      const waitedMs = nowMs - batch.createdMs
      if (waitedMs >= this.#settings.batch_wait || waitedMs < 0) ready.push(this.#take(key, batch))
    }
  }

  async #flushAll(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    const ready: QueuePart[] = []
    this.#takeAll(ready)
    await this.#queue.put(ready)
  }

  /** One timer for all: the oldest request says when. */
  #schedule(): void {
    if (this.#timer !== undefined) return
    let oldestMs = Infinity
    for (const { createdMs } of this.#pending.values()) oldestMs = Math.min(oldestMs, createdMs)
    if (oldestMs === Infinity) return
    const { clock } = this.#host
    const { batch_wait: waitMsMax } = this.#settings
    const waitMs = Math.min(Math.max(0, oldestMs + waitMsMax - clock.now()), waitMsMax)
    this.#timer = clock.setTimeout(() => {
      this.#timer = undefined
      const ready: QueuePart[] = []
      this.#takeDue(ready)
      // Nobody waits here: while the disk is behind, the next `put` is told to.
      void this.#queue.put(ready)
      this.#schedule()
    }, waitMs)
  }

  // ------------------------------------------------------------------------------------------- sending

  async #send(parts: readonly QueuePart[], signal: AbortSignal): Promise<SendOutcome> {
    const pushes = new Map<string, Uint8Array[]>()
    for (const { bytes } of parts) {
      const request = unpackRequest(bytes)
      if (request === undefined) {
        return { kind: 'rejected', reason: DropReason.ingesterError, message: 'a part that is no request' }
      }
      const others = pushes.get(request.tenant)
      if (others === undefined) pushes.set(request.tenant, [request.push])
      else others.push(request.push)
    }
    // More than one tenant only where their kinds are the same by chance: what Loki has twice it knows as the same line.
    let outcome: SendOutcome = { kind: 'sent' }
    for (const [tenant, blocks] of pushes) {
      outcome = await this.#post(tenant, mergePushes(blocks), parts, signal)
      if (outcome.kind !== 'sent') break
    }
    return outcome
  }

  async #post(
    tenant: string,
    body: Uint8Array,
    parts: readonly QueuePart[],
    signal: AbortSignal,
  ): Promise<SendOutcome> {
    const s = this.#settings
    const { clock } = this.#host
    const metrics = this.#metrics
    // eslint-disable-next-line no-control-regex
    if (/[\u0000-\u001f\u007f]/.test(tenant)) {
      const { items, bytes } = sumOf(parts)
      metrics.dropped(tenant, DropReason.ingesterError, items, bytes)
      const message = `Cannot send as a tenant: no header can hold it: current value is ${JSON.stringify(tenant)}`
      return { kind: 'rejected', reason: DropReason.ingesterError, message }
    }
    metrics.of(tenant).requestSize.observe(body.length)
    const begin = clock.monotonic()
    let status = -1
    try {
      const response = await this.#client.request({
        method: 'POST',
        url: s.url.href,
        headers: requestHeaders(s.headers, tenant),
        body,
        timeoutMs: s.remote_timeout,
        signal,
      })
      status = response.status
      if (status >= 200 && status < 300) {
        void response.discard()
        metrics.of(tenant).sentBytes.add(body.length)
        return { kind: 'sent' }
      }
      const whole = await bodyText(response, refusalBytesMax)
      const text = whole.slice(0, refusalShownMax)
      if (status === 400) {
        const partly = this.#takenPartly(refusalsIn(whole), text, tenant, parts)
        if (partly) return partly
      }
      const said = `the backend answered ${status}${text === '' ? '' : `: ${text}`}`
      return this.#refused(status, said, tenant, parts, retryAfterMs(response.headers['retry-after'], clock.now()))
    } catch (error) {
      if (!signal.aborted) metrics.of(tenant).retries.add(1)
      return { kind: 'retry', message: (error as Error).message }
    } finally {
      metrics.requestDuration(status, tenant).observe((clock.monotonic() - begin) / 1000)
    }
  }

  /** Loki takes of a request what it can and says what it refused: that is dropped under its reasons, the rest is sent. */
  #takenPartly(
    refusals: readonly Refusal[] | undefined,
    text: string,
    tenant: string,
    parts: readonly QueuePart[],
  ): SendOutcome | undefined {
    const { items, bytes } = sumOf(parts)
    const lines = refusals?.reduce((sum, refusal) => sum + refusal.lines, 0) ?? 0
    if (refusals === undefined || lines > items) return undefined
    for (const refusal of refusals) {
      this.#host.counters.drop(refusal.reason, refusal.lines)
      this.#metrics.refused(tenant, refusal.reason, refusal.lines)
    }
    this.#metrics.dropped(tenant, DropReason.ingesterError, lines, Math.round((bytes * lines) / items))
    this.#host.log.warn('The backend refused lines of a request', { url: this.#url, count: lines, err: text })
    this.#refusedOf.set(parts[0] as QueuePart, lines)
    return { kind: 'sent' }
  }

  /** 429 and 5xx are tried again, so often; all else is final. */
  #refused(
    status: number,
    said: string,
    tenant: string,
    parts: readonly QueuePart[],
    waitMs: number | undefined,
  ): SendOutcome {
    const { retry_on_http_429: retries429, max_backoff_retries: triesMax } = this.#settings
    const reason = status === 429 ? DropReason.rateLimited : DropReason.ingesterError
    const first = parts[0] as QueuePart
    const tries = (this.#tries.get(first) ?? 0) + 1
    const isFinal = status === 429 ? !retries429 : status < 500
    if (isFinal || (triesMax > 0 && tries >= triesMax)) {
      const { items, bytes } = sumOf(parts)
      this.#metrics.dropped(tenant, reason, items, bytes)
      return { kind: 'rejected', reason, message: said }
    }
    this.#tries.set(first, tries)
    this.#metrics.of(tenant).retries.add(1)
    return { kind: 'retry', message: said, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) }
  }

  #sent(parts: readonly QueuePart[]): void {
    const nowMs = this.#host.clock.now()
    let refused = this.#refusedOf.get(parts[0] as QueuePart) ?? 0
    for (const part of parts) {
      const metrics = this.#metrics.of(unpackRequest(part.bytes)?.tenant ?? '')
      const taken = Math.max(0, part.items - refused)
      refused -= part.items - taken
      metrics.sentEntries.add(taken)
      metrics.latency.observe(Math.max(0, nowMs - part.createdMs) / 1000)
      this.#host.counters.out += taken
    }
    this.#lastSentMs = nowMs
  }

  #dropped(reason: string, items: number, message: string): void {
    const known = Object.values(DropReason).find((one) => one === reason)
    // The queue's own reasons: it is full, or was stopped without a disk.
    if (known === undefined) this.#metrics.dropped('', DropReason.queueIsFull, items, 0)
    this.#host.counters.drop(known ?? DropReason.queueIsFull, items)
    this.#host.log.error('Lines were dropped', { url: this.#url, reason, count: items, err: message })
  }

  async stop(deadlineMs: number): Promise<void> {
    const drainMs = this.#isDurable ? this.#all.wal.drain_timeout : this.#settings.queue_config.drain_timeout
    await this.#flushAll().catch(() => {})
    await this.#queue.stop(Math.min(deadlineMs, drainMs))
    this.#client.close()
  }

  debug(): unknown {
    const queue = this.#queue
    return {
      name: this.#identity,
      url: this.#url,
      waiting_items: this.waitingItems,
      waiting_bytes: queue.waitingBytes,
      on_disk: queue.isOnDisk,
      bytes_written_to_disk: queue.bytesWrittenToDisk,
      shards: queue.lanes,
      last_sent: this.#lastSentMs === undefined ? null : new Date(this.#lastSentMs).toISOString(),
      last_error: this.#lastError ?? null,
    }
  }
}

function sumOf(parts: readonly QueuePart[]): { items: number; bytes: number } {
  let items = 0
  let bytes = 0
  for (const part of parts) {
    items += part.items
    bytes += part.bytes.length
  }
  return { items, bytes }
}

/** The user's headers do not replace those of the protocol. */
function requestHeaders(own: ReadonlyMap<string, string>, tenant: string): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': 'application/x-protobuf',
    'content-encoding': 'snappy',
  }
  // Node writes headers in Latin-1: this way the bytes are those of UTF-8.
  if (tenant !== '') headers['x-scope-orgid'] = Buffer.from(tenant).toString('latin1')
  for (const [name, value] of own) headers[name.toLowerCase()] ??= value
  return headers
}
