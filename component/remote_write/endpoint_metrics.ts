// An endpoint's own metrics, under the names of Prometheus's remote storage.
import { Count, Distribution, type Instruments } from '#component'
import { shownUrl } from '#component/http_client'
import type { SendingQueue } from '#component/sending_queue'
import type { EndpointSettings } from './settings.ts'

/** Prometheus's default buckets, and its further ones for slow backends, in seconds. */
const durationBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300]

export class EndpointMetrics {
  settings: EndpointSettings
  readonly samplesIn: Count
  readonly samplesSent: Count
  readonly samplesFailed: Count
  readonly samplesRetried: Count
  readonly histogramsSent: Count
  readonly exemplarsSent: Count
  readonly metadataSent: Count
  readonly metadataFailed: Count
  readonly bytes: Count
  readonly batchDuration: Distribution
  /** Samples that the process before this one lost, at most; 0 while not known or none. */
  lostEstimate = 0
  highestQueuedMs = 0
  highestSentMs = 0
  readonly #instruments: Instruments
  readonly #attributes: Readonly<Record<string, string>>

  constructor(instruments: Instruments, name: string, settings: EndpointSettings, queue: SendingQueue) {
    const attributes = { remote_name: name, url: shownUrl(settings.url) }
    const counter = (suffix: string, help: string): Count =>
      instruments.counter(`prometheus_remote_storage_${suffix}`, help, attributes)
    const gauge = (suffix: string, help: string, read: () => number): void =>
      instruments.gauge(`prometheus_remote_storage_${suffix}`, help, read, attributes)
    this.settings = settings
    this.#instruments = instruments
    this.#attributes = attributes
    this.samplesIn = counter('samples_in_total', 'Samples that came in for this endpoint.')
    this.samplesSent = counter('samples_total', 'Samples sent to the backend.')
    this.samplesFailed = counter(
      'samples_failed_total',
      'Samples that the backend refused for good, or that were lost.',
    )
    this.samplesRetried = counter('samples_retried_total', 'Samples whose sending failed and was tried again.')
    this.histogramsSent = counter('histograms_total', 'Native histograms sent to the backend.')
    this.exemplarsSent = counter('exemplars_total', 'Exemplars sent to the backend.')
    this.metadataSent = counter('metadata_total', 'Metadata entries sent to the backend.')
    this.metadataFailed = counter('metadata_failed_total', 'Metadata entries that could not be sent.')
    this.bytes = counter('bytes_total', 'Compressed bytes sent to the backend.')
    this.batchDuration = instruments.histogram(
      'prometheus_remote_storage_sent_batch_duration_seconds',
      'Duration of requests that the backend took.',
      durationBounds,
      attributes,
    )
    gauge('samples_pending', 'Samples that wait in the queue.', () => queue.waitingItems)
    gauge('shards', 'Requests that may be under way at once.', () => queue.lanes)
    gauge('shards_desired', 'Requests that should be under way at once.', () => queue.lanes)
    gauge('shards_min', 'The least number of shards.', () => this.settings.queue_config.min_shards)
    gauge('shards_max', 'The greatest number of shards.', () => this.settings.queue_config.max_shards)
    gauge('shard_capacity', 'Samples that wait in memory for each shard.', () => this.settings.queue_config.capacity)
    gauge('max_samples_per_send', 'Samples in one request.', () => this.settings.queue_config.max_samples_per_send)
    gauge('queue_highest_timestamp_seconds', 'The newest timestamp queued.', () => this.highestQueuedMs / 1000)
    gauge('queue_highest_sent_timestamp_seconds', 'The newest timestamp sent.', () => this.highestSentMs / 1000)
    gauge(
      'samples_lost_at_last_stop',
      'Samples lost when the process before this one died, estimated.',
      () => this.lostEstimate,
    )
    gauge('queue_on_disk', 'Does the queue go through the disk now?', () => Number(queue.isOnDisk))
    gauge('queue_bytes', 'Bytes that wait in the queue, in memory and on disk.', () => queue.waitingBytes)
    instruments.observedCounter(
      'prometheus_remote_storage_queue_disk_written_bytes_total',
      'Bytes the queue wrote to disk.',
      () => queue.bytesWrittenToDisk,
      attributes,
    )
    instruments.observedCounter(
      'prometheus_remote_storage_queue_damaged_segments_total',
      'Damaged segments of the queue on disk, or ends of segments, that were set aside.',
      () => queue.damages,
      attributes,
    )
  }

  droppedBy(reason: string): Count {
    return this.#instruments.counter(
      'prometheus_remote_storage_samples_dropped_total',
      'Samples dropped before sending, by relabelling or because they were too old.',
      { ...this.#attributes, reason },
    )
  }
}
