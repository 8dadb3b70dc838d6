// Turns OTLP metrics into series and gives them to one remote write backend.
import { type Component, ConsumeError, defaultSettings, HealthState, type Host, type Timer } from '#component'
import { handOn, seriesOptions, seriesStaleMs } from '#component/bridge'
import { httpClientSettings } from '#component/http_client'
import { otelHttpClient } from '#component/otel_client'
import { Endpoint, type EndpointOptions, type EndpointSettings, MetadataCollector } from '#component/remote_write'
import { Metrics } from '#pdata'
import { metricsTree } from '#pdata/otlp'
import { OtlpToSeries } from '#pdata/prometheus_otlp'
import type { RemoteWriteExporterSettings } from './component.ts'

/** A sample in a request, with labels, before compression: what turns `max_batch_size_bytes` into samples. */
const sampleBytes = 300
/** Requests that are not full are joined for so long. */
const batchWaitMs = 200
const mebibyte = 1024 * 1024

export class RemoteWriteExporter implements Component<RemoteWriteExporterSettings> {
  readonly #host: Host
  readonly #metadata = new MetadataCollector()
  readonly #endpoint: Endpoint
  #settings: RemoteWriteExporterSettings
  #converter: OtlpToSeries
  #timer: Timer | undefined

  readonly metrics = { consume: (batch: Metrics) => this.#consume(batch) }
  /** Takes series without counting them as out: the endpoint does, when they are delivered. */
  readonly #next = { consume: (batch: Metrics) => this.#put(batch) }

  constructor(host: Host, settings: RemoteWriteExporterSettings) {
    this.#host = host
    this.#settings = settings
    this.#converter = converterFor(settings)
    const onHealth = (problem: string | undefined): void => {
      if (problem === undefined) host.setHealth(HealthState.healthy, 'started component')
      else host.setHealth(HealthState.unhealthy, problem)
    }
    this.#endpoint = new Endpoint(
      host,
      'queue',
      endpointSettingsOf(settings),
      settings.external_labels,
      this.#metadata,
      onHealth,
      optionsOf(settings),
    )
  }

  async start(): Promise<void> {
    this.#host.counters.observeWaiting(() => this.#endpoint.waitingItems)
    await this.#endpoint.start()
    this.#schedule()
  }

  update(settings: RemoteWriteExporterSettings): void {
    this.#settings = settings
    this.#converter = converterFor(settings)
    this.#endpoint.update(endpointSettingsOf(settings), settings.external_labels, optionsOf(settings))
  }

  #schedule(): void {
    this.#timer = this.#host.clock.setTimeout(() => {
      this.#converter.collect(this.#host.clock.now() - seriesStaleMs)
      this.#schedule()
    }, seriesStaleMs)
  }

  #consume(batch: Metrics): void | Promise<void> {
    const nowMs = Math.trunc(this.#host.clock.now())
    const { batch: series, dropped } = this.#converter.convert(metricsTree(batch), nowMs, true)
    return handOn(this.#host.counters, this.#next, batch.count, dropped, Metrics.fromSeries(series))
  }

  #put(batch: Metrics): void | Promise<void> {
    const series = batch.series()
    if (this.#settings.send_metadata) this.#metadata.observe(series.layout)
    const taken = this.#endpoint.put(series)
    return taken?.catch((cause: unknown) => {
      throw new ConsumeError(`Cannot take metrics: ${(cause as Error).message}`, { retryable: true, cause })
    })
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#timer?.cancel()
    await this.#endpoint.stop(deadlineMs)
  }

  debug(): unknown {
    return { series: this.#converter.size, endpoint: this.#endpoint.debug() }
  }
}

function converterFor(s: RemoteWriteExporterSettings): OtlpToSeries {
  return new OtlpToSeries({
    ...seriesOptions(s),
    targetInfo: s.target_info.enabled ? 'identified' : 'none',
    scopeLabels: s.disable_scope_info ? 'none' : 'all',
    metadata: s.send_metadata || s.protobuf_message !== 'prometheus.WriteRequest',
    customBuckets: s.convert_explicit_histograms_to_nhcb,
  })
}

/** The same backend as a `prometheus.remote_write` would write it. */
function endpointSettingsOf(s: RemoteWriteExporterSettings): EndpointSettings {
  const client = otelHttpClient({ ...s, compression: 'none', compression_params: undefined, cookies: undefined })
  const samplesMax = Math.max(1, Math.floor(s.max_batch_size_bytes / sampleBytes))
  return {
    ...defaultSettings(httpClientSettings),
    tls_config: client.tls.settings,
    proxy_url: client.proxyUrl,
    proxy_from_environment: client.proxyUrl === '',
    enable_http2: client.http2,
    url: s.endpoint,
    name: '',
    remote_timeout: client.timeoutMs,
    headers: client.headers,
    protobuf_message: s.protobuf_message,
    send_exemplars: true,
    send_native_histograms: true,
    round_robin_dns: false,
    queue_config: {
      capacity: s.remote_write_queue.queue_size,
      min_shards: 1,
      max_shards: s.remote_write_queue.num_consumers,
      max_samples_per_send: samplesMax,
      batch_send_deadline: batchWaitMs,
      min_backoff: s.retry_on_failure.initial_interval,
      max_backoff: s.retry_on_failure.max_interval,
      retry_on_http_429: true,
      sample_age_limit: 0,
      memory_limit: 16 * mebibyte,
      disk_limit: 2048 * mebibyte,
      spill_after: 5000,
      sync_interval: 1000,
    },
    metadata_config: { send: s.send_metadata, send_interval: 60_000, max_samples_per_send: 2000 },
    write_relabel_config: [],
    sigv4: undefined,
    azuread: undefined,
    google_iam: undefined,
  }
}

function optionsOf(s: RemoteWriteExporterSettings): EndpointOptions {
  const client = otelHttpClient({ ...s, compression: 'none', compression_params: undefined, cookies: undefined })
  const retry = s.retry_on_failure
  const { auth } = client
  return {
    connections: {
      keepAlive: client.keepAlive,
      idleTimeoutMs: client.idleTimeoutMs,
      perHostMax: client.connectionsMax,
    },
    ...(auth === undefined ? {} : { authHeaders: () => auth.headers(null, {}) }),
    queue: {
      backoffMultiplier: retry.multiplier,
      backoffRandomization: retry.randomization_factor,
      // Without tries again, the first failure is the end.
      retryElapsedMaxMs: retry.enabled ? retry.max_elapsed_time : 1,
      ...(s.wal === undefined ? {} : { durability: 'always' as const }),
    },
  }
}
