// One backend of a `prometheus.remote_write`: encodes, queues and sends.
import { join } from 'node:path'
import type { Host, Timer } from '#component'
import {
  bodyText,
  createHttpClient,
  type HttpClient,
  type HttpClientOptions,
  retryAfterMs,
  shownUrl,
} from '#component/http_client'
import { relabel, RelabelRule } from '#component/relabel'
import { type QueuePart, SendingQueue, type SendingQueueSettings, type SendOutcome } from '#component/sending_queue'
import { fnv1a, fnv1aUnit } from '#lib/fnv'
import { type Labels, labelValue, type Metadata, type Series, type SeriesBatch } from '#pdata'
import {
  decodeLimitsDefault,
  decodeWriteRequest,
  encodeMetadataV1,
  mergeV1,
  RemoteWriteEncoder,
  SeriesInterner,
} from '#pdata/remote_write'
import { EndpointMetrics } from './endpoint_metrics.ts'
import type { MetadataCollector } from './metadata.ts'
import { StopMarker } from './stop_marker.ts'
import { type EndpointSettings, Message } from './settings.ts'

/** Series of one `job` and `instance` are sent in order, one request after the other; there are this many such groups. */
const lanes = 64
/** Metadata is sent this soon after the start, so that nobody waits a whole interval for the types. */
const firstMetadataMs = 5000
/** The rate of samples is known well enough after this long to estimate what a crash before the start has cost. */
const estimateAfterMs = 60_000

/** What a part's bytes are. */
const Kind = { v1: 1, v2: 2 } as const

/** A part that remembers the newest timestamp in it, as long as it stays in memory. */
interface WritePart extends QueuePart {
  readonly maxTimestampMs?: number
}

/** What an exporter may add to the settings of an endpoint. */
export interface EndpointOptions {
  readonly connections?: HttpClientOptions['connections']
  /** Headers that authenticate a request, asked for each. */
  readonly authHeaders?: () => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>
  /** In place of what the settings say. */
  readonly queue?: Partial<SendingQueueSettings>
}

export class Endpoint {
  readonly #host: Host
  readonly #identity: string
  /** Of version 1, sent apart; absent: it is not sent. */
  readonly #metadata: MetadataCollector | undefined
  readonly #queue: SendingQueue
  readonly #metrics: EndpointMetrics
  #settings: EndpointSettings
  #options: EndpointOptions
  #externalLabels: ReadonlyMap<string, string>
  #encoder: RemoteWriteEncoder
  #client: HttpClient
  /** The backend refused version 2 with 415: it gets version 1 until the settings change. */
  #fellBack = false
  #metadataTimer: Timer | undefined
  readonly #marker: StopMarker
  #estimateTimer: Timer | undefined
  #metadataAborter = new AbortController()
  #lastError: string | undefined
  #lastSentMs: number | undefined
  #stopped = false

  constructor(
    host: Host,
    identity: string,
    settings: EndpointSettings,
    externalLabels: ReadonlyMap<string, string>,
    metadata: MetadataCollector | undefined,
    onHealth: (problem: string | undefined) => void,
    options: EndpointOptions = {},
  ) {
    this.#host = host
    this.#identity = identity
    this.#settings = settings
    this.#options = options
    this.#metadata = metadata
    this.#externalLabels = externalLabels
    this.#encoder = this.#newEncoder()
    this.#client = this.#newClient()
    this.#marker = new StopMarker(join(host.dataDir, identity))
    this.#queue = new SendingQueue(
      this.#queueSettings(),
      {
        send: (parts, signal) => this.#send(parts, signal),
        onSent: (parts, durationMs) => this.#sent(parts, durationMs),
        onDropped: (reason, items, message) => this.#dropped(reason, items, message),
        onRetry: (items) => this.#metrics.samplesRetried.add(items),
        onRecovered: (items) => void (host.counters.in += items),
        onHealth: (problem) => {
          this.#lastError = problem
          onHealth(problem === undefined ? undefined : `${this.#url}: ${problem}`)
        },
      },
      { directory: join(host.dataDir, identity), clock: host.clock, log: host.log },
    )
    this.#metrics = new EndpointMetrics(host.instruments, identity, settings, this.#queue)
  }

  get #protocol(): 'v1' | 'v2' {
    return this.#settings.protobuf_message === Message.v2 && !this.#fellBack ? 'v2' : 'v1'
  }

  get #url(): string {
    return shownUrl(this.#settings.url)
  }

  #newClient(): HttpClient {
    const { globals, log, clock } = this.#host
    const { connections } = this.#options
    return createHttpClient(this.#settings, {
      userAgent: globals.userAgent,
      log,
      clock,
      ...(connections ? { connections } : {}),
    })
  }

  #queueSettings(): SendingQueueSettings {
    return { ...queueSettings(this.#settings, this.#host.globals.durability), ...this.#options.queue }
  }

  #newEncoder(): RemoteWriteEncoder {
    const s = this.#settings
    const mapLabels = labelsMapper(
      this.#externalLabels,
      s.write_relabel_config.map((rule) => new RelabelRule(rule)),
    )
    return new RemoteWriteEncoder({
      protocol: this.#protocol,
      ...(mapLabels ? { mapLabels } : {}),
      sendExemplars: s.send_exemplars,
      sendNativeHistograms: s.send_native_histograms,
      samplesMax: s.queue_config.max_samples_per_send,
      laneOf,
      lanes,
    })
  }

  get waitingItems(): number {
    return this.#queue.waitingItems
  }

  /** The newest timestamp that came in, in milliseconds; 0 before the first. */
  get highestTimestampMs(): number {
    return this.#metrics.highestQueuedMs
  }

  async start(): Promise<void> {
    const wasCutShort = this.#host.globals.durability === 'spill' && (await this.#marker.begin())
    if (wasCutShort) this.#estimateLoss()
    await this.#queue.start()
    this.#scheduleMetadata(Math.min(firstMetadataMs, this.#settings.metadata_config.send_interval))
  }

  update(settings: EndpointSettings, externalLabels: ReadonlyMap<string, string>, options: EndpointOptions = {}): void {
    const client = this.#client
    this.#settings = settings
    this.#options = options
    this.#externalLabels = externalLabels
    this.#fellBack = false
    this.#client = this.#newClient()
    client.close()
    this.#encoder = this.#newEncoder()
    this.#queue.update(this.#queueSettings())
    this.#metrics.settings = settings
    this.#scheduleMetadata(settings.metadata_config.send_interval)
  }

  /** Encode and queue. The promise: see `SendingQueue.put`. */
  put(batch: SeriesBatch): void | Promise<void> {
    const { requests, dropped, unsupported } = this.#encoder.encode(batch)
    const { counters } = this.#host
    const metrics = this.#metrics
    if (dropped > 0) {
      counters.drop('write_relabel_config', dropped)
      metrics.droppedBy('dropped_series').add(dropped)
    }
    if (unsupported > 0) counters.drop('native histograms are not sent', unsupported)
    if (requests.length === 0) return undefined
    const kind = this.#protocol === 'v2' ? Kind.v2 : Kind.v1
    const createdMs = this.#host.clock.now()
    const parts: WritePart[] = []
    let items = 0
    for (const request of requests) {
      const partItems = request.samples + request.histograms
      items += partItems
      parts.push({
        kind,
        bytes: request.bytes,
        items: partItems,
        extra: packCounts(request.histograms, request.exemplars),
        mergeable: kind === Kind.v1,
        lane: request.lane,
        createdMs,
        maxTimestampMs: request.maxTimestampMs,
      })
      metrics.highestQueuedMs = Math.max(metrics.highestQueuedMs, request.maxTimestampMs)
    }
    metrics.samplesIn.add(items)
    return this.#queue.put(parts)
  }

  /** What was in memory only when the process before this one died is gone: say so, and about how much it was. */
  #estimateLoss(): void {
    const { clock, log } = this.#host
    const q = this.#settings.queue_config
    const seconds = (q.batch_send_deadline + q.spill_after + q.sync_interval) / 1000
    const fields = { url: this.#url, seconds_at_most: seconds }
    log.warn('The process before this one did not stop in order: samples it had not sent yet are lost', fields)
    const before = this.#metrics.samplesIn.value
    this.#estimateTimer = clock.setTimeout(() => {
      const perSecond = (this.#metrics.samplesIn.value - before) / (estimateAfterMs / 1000)
      const samples = Math.ceil(perSecond * seconds)
      this.#metrics.lostEstimate = samples
      log.warn('Estimated what the end of the process before this one has cost', {
        ...fields,
        samples_at_most: samples,
      })
    }, estimateAfterMs)
  }

  // ------------------------------------------------------------------------------------------- sending

  async #send(parts: readonly QueuePart[], signal: AbortSignal): Promise<SendOutcome> {
    const [first] = parts
    if (!first) return { kind: 'sent' }
    if (first.kind !== Kind.v1 && first.kind !== Kind.v2) {
      return { kind: 'rejected', reason: 'unreadable', message: `a part of an unknown kind ${first.kind}` }
    }
    if (first.kind === Kind.v2 && this.#fellBack) return this.#sendAsV1(first, signal)
    const body = parts.length === 1 ? first.bytes : mergeV1(parts.map((part) => part.bytes))
    return this.#post(body, first.kind === Kind.v2 ? Message.v2 : Message.v1, signal)
  }

  async #sendAsV1(part: QueuePart, signal: AbortSignal): Promise<SendOutcome> {
    let bodies: Uint8Array[]
    try {
      bodies = toV1(part.bytes, this.#settings)
    } catch (error) {
      return { kind: 'rejected', reason: 'unreadable', message: (error as Error).message }
    }
    return this.#post(mergeV1(bodies), Message.v1, signal)
  }

  async #post(body: Uint8Array, message: Message, signal: AbortSignal): Promise<SendOutcome> {
    const s = this.#settings
    try {
      const response = await this.#client.request({
        method: 'POST',
        url: s.url.href,
        headers: {
          ...Object.fromEntries(s.headers),
          ...(await this.#options.authHeaders?.()),
          ...protocolHeaders(message),
        },
        body,
        timeoutMs: s.remote_timeout,
        signal,
      })
      const { status } = response
      if (status >= 200 && status < 300) {
        void response.discard()
        this.#metrics.bytes.add(body.length)
        return { kind: 'sent' }
      }
      const text = await bodyText(response)
      const said = `the backend answered ${status}${text === '' ? '' : `: ${text}`}`
      if (status === 415 && message === Message.v2) return this.#fallBack(said)
      if (status >= 500 || (status === 429 && s.queue_config.retry_on_http_429)) {
        const waitMs = retryAfterMs(response.headers['retry-after'], this.#host.clock.now())
        return { kind: 'retry', message: said, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) }
      }
      return { kind: 'rejected', reason: `refused with ${status}`, message: said }
    } catch (error) {
      return { kind: 'retry', message: (error as Error).message }
    }
  }

  #fallBack(said: string): SendOutcome {
    if (!this.#fellBack) {
      this.#fellBack = true
      this.#host.log.warn('The backend does not take remote write 2.0: sending 1.0 from now on', {
        url: this.#url,
        err: said,
      })
      this.#encoder = this.#newEncoder()
    }
    return { kind: 'retry', message: said, retryAfterMs: 0 }
  }

  #sent(parts: readonly WritePart[], durationMs: number): void {
    const metrics = this.#metrics
    let items = 0
    for (const part of parts) {
      items += part.items
      const { histograms, exemplars } = unpackCounts(part.extra)
      metrics.samplesSent.add(part.items - histograms)
      metrics.histogramsSent.add(histograms)
      metrics.exemplarsSent.add(exemplars)
      metrics.highestSentMs = Math.max(metrics.highestSentMs, part.maxTimestampMs ?? part.createdMs)
    }
    metrics.batchDuration.observe(durationMs / 1000)
    this.#lastSentMs = this.#host.clock.now()
    this.#host.counters.out += items
  }

  #dropped(reason: string, items: number, message: string): void {
    this.#host.counters.drop(reason, items)
    if (reason === 'too old') this.#metrics.droppedBy('too_old').add(items)
    else this.#metrics.samplesFailed.add(items)
    this.#host.log.error('Samples were dropped', { url: this.#url, reason, count: items, err: message })
  }

  // ------------------------------------------------------------------------------------------ metadata

  #scheduleMetadata(ms: number): void {
    this.#metadataTimer?.cancel()
    if (this.#stopped || !this.#metadata || !this.#settings.metadata_config.send) return
    this.#metadataTimer = this.#host.clock.setTimeout(() => {
      void this.#sendMetadata().finally(() => this.#scheduleMetadata(this.#settings.metadata_config.send_interval))
    }, ms)
  }

  /** Version 2 carries metadata with the series. What fails is sent again with the next round. */
  async #sendMetadata(): Promise<void> {
    const { send_interval: intervalMs, max_samples_per_send: max } = this.#settings.metadata_config
    if (this.#settings.protobuf_message === Message.v2 && !this.#fellBack) return
    const all: Metadata[] = (this.#metadata as MetadataCollector).current(this.#host.clock.now(), intervalMs)
    for (let at = 0; at < all.length; at += max) {
      const some = all.slice(at, at + max)
      const outcome = await this.#post(encodeMetadataV1(some), Message.v1, this.#metadataAborter.signal)
      if (this.#stopped) return
      if (outcome.kind === 'sent') this.#metrics.metadataSent.add(some.length)
      else {
        this.#metrics.metadataFailed.add(some.length)
        this.#host.log.debug('Metadata could not be sent', { url: this.#url, err: outcome.message })
        return
      }
    }
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#stopped = true
    this.#metadataTimer?.cancel()
    this.#metadataAborter.abort()
    this.#estimateTimer?.cancel()
    await this.#queue.stop(deadlineMs)
    await this.#marker.end()
    this.#client.close()
  }

  debug(): unknown {
    const queue = this.#queue
    return {
      name: this.#identity,
      url: this.#url,
      protocol: this.#protocol,
      waiting_items: queue.waitingItems,
      waiting_bytes: queue.waitingBytes,
      on_disk: queue.isOnDisk,
      bytes_written_to_disk: queue.bytesWrittenToDisk,
      shards: queue.lanes,
      last_sent: this.#lastSentMs === undefined ? null : new Date(this.#lastSentMs).toISOString(),
      last_error: this.#lastError ?? null,
    }
  }
}

function queueSettings(settings: EndpointSettings, durability: 'spill' | 'always'): SendingQueueSettings {
  const q = settings.queue_config
  return {
    lanesMin: q.min_shards,
    lanesMax: q.max_shards,
    itemsPerRequestMax: q.max_samples_per_send,
    batchWaitMs: q.batch_send_deadline,
    memoryBytesMax: q.memory_limit,
    diskBytesMax: q.disk_limit,
    ageMaxMs: q.sample_age_limit,
    spillAfterMs: q.spill_after,
    syncEveryMs: q.sync_interval,
    backoffMinMs: q.min_backoff,
    backoffMaxMs: q.max_backoff,
    durability,
  }
}

/** External labels, where the series has none of the name, then the rules. Null: dropped. Undefined: nothing changes. */
function labelsMapper(
  externalLabels: ReadonlyMap<string, string>,
  rules: readonly RelabelRule[],
): ((series: Series) => Labels | null) | undefined {
  const external = [...externalLabels].filter(([, value]) => value !== '').sort(([a], [b]) => (a < b ? -1 : 1))
  if (external.length === 0 && rules.length === 0) return undefined
  return ({ labels }) => {
    const all = external.length === 0 ? labels : withExternal(labels, external)
    const mapped = rules.length === 0 ? all : relabel(all, rules)
    return mapped === null || mapped.length === 0 ? null : mapped
  }
}

function withExternal(labels: Labels, external: readonly (readonly [string, string])[]): Labels {
  const out: string[] = []
  let e = 0
  for (let i = 0; i < labels.length; i += 2) {
    const name = labels[i] as string
    while (e < external.length && (external[e] as readonly [string, string])[0] < name) {
      out.push(...(external[e++] as readonly [string, string]))
    }
    if (e < external.length && (external[e] as readonly [string, string])[0] === name) e++
    out.push(name, labels[i + 1] as string)
  }
  while (e < external.length) out.push(...(external[e++] as readonly [string, string]))
  return out
}

/**
 * FNV-1a over `job` and `instance`: one target's series stay together, and in order. Series of one target come in a row,
 * so the last answer is mostly the next one too.
 */
function laneOf(labels: Labels): number {
  const job = labelValue(labels, 'job')
  const instance = labelValue(labels, 'instance')
  if (job === lastLane.job && instance === lastLane.instance) return lastLane.lane
  const hash = fnv1aUnit(fnv1a(instance, fnv1aUnit(fnv1a(job), 0xff)), 0xff)
  lastLane = { job, instance, lane: (hash >>> 0) % lanes }
  return lastLane.lane
}

let lastLane = { job: '\0', instance: '', lane: 0 }

const countMax = 0xffff

function packCounts(histograms: number, exemplars: number): number {
  return Math.min(histograms, countMax) * 0x10000 + Math.min(exemplars, countMax)
}

function unpackCounts(extra: number): { histograms: number; exemplars: number } {
  return { histograms: Math.floor(extra / 0x10000), exemplars: extra & countMax }
}

function protocolHeaders(message: Message): Record<string, string> {
  return {
    'Content-Encoding': 'snappy',
    'Content-Type': message === Message.v2 ? `application/x-protobuf;proto=${Message.v2}` : 'application/x-protobuf',
    'X-Prometheus-Remote-Write-Version': message === Message.v2 ? '2.0.0' : '0.1.0',
  }
}

/** A version 2 request that waited when the backend turned out to take version 1 only. */
function toV1(bytes: Uint8Array, settings: EndpointSettings): Uint8Array[] {
  const { batch: batches } = decodeWriteRequest(
    bytes,
    'v2',
    decodeLimitsDefault,
    new SeriesInterner({ bytesMax: 1 << 20 }),
  )
  const encoder = new RemoteWriteEncoder({
    protocol: 'v1',
    sendExemplars: settings.send_exemplars,
    sendNativeHistograms: settings.send_native_histograms,
    samplesMax: settings.queue_config.max_samples_per_send,
    lanes: 1,
  })
  return batches.flatMap((batch) => encoder.encode(batch).requests.map((request) => request.bytes))
}
