// The settings that every exporter of the collector's configurations has: retries and the sending queue.
import { attr, block, bool, defineSettings, duration, float, int, list, oneOf, type Report, string } from '#component'
import { type OtelExtension, otelHandler } from '#component/otel_extension'

const retryFields = {
  enabled: attr(bool, 'Try again what failed and may succeed later.', { default: true }),
  initial_interval: attr(duration, 'How long the first wait is.', { default: '5s' }),
  max_elapsed_time: attr(duration, 'A request that has been tried this long is dropped; 0: never.', { default: '5m' }),
  max_interval: attr(duration, 'Waits grow no longer than this.', { default: '30s' }),
  multiplier: attr(float, 'What a wait grows by.', { default: 1.5 }),
  randomization_factor: attr(float, 'How far a wait is moved by chance, as a part of it.', { default: 0.5 }),
}

interface RetryWritten {
  readonly enabled: boolean
  readonly initial_interval: number
  readonly max_elapsed_time: number
  readonly max_interval: number
  readonly multiplier: number
  readonly randomization_factor: number
}

/** `retry_on_failure` in Alloy. */
export const alloyRetry = defineSettings(retryFields, {
  check: (s, report) => {
    if (s.multiplier <= 1) report('multiplier must be greater than 1.0', ['multiplier'])
    if (s.randomization_factor < 0) {
      report('randomization_factor must be greater or equal to 0', ['randomization_factor'])
    }
  },
})

/** `retry_on_failure` in YAML. */
export const yamlRetry = defineSettings(retryFields, {
  check: (s, report) => {
    if (!s.enabled) return
    if (s.initial_interval < 0) report("'initial_interval' must be non-negative", ['initial_interval'])
    if (s.randomization_factor < 0 || s.randomization_factor > 1) {
      report("'randomization_factor' must be within [0, 1]", ['randomization_factor'])
    }
    if (s.multiplier < 0) report("'multiplier' must be non-negative", ['multiplier'])
    if (s.max_interval < 0) report("'max_interval' must be non-negative", ['max_interval'])
    if (s.max_elapsed_time < 0) report("'max_elapsed_time' must be non-negative", ['max_elapsed_time'])
    if (s.max_elapsed_time <= 0) return
    if (s.max_elapsed_time < s.initial_interval) {
      report("'max_elapsed_time' must not be less than 'initial_interval'", ['max_elapsed_time'])
    }
    if (s.max_elapsed_time < s.max_interval) {
      report("'max_elapsed_time' must not be less than 'max_interval'", ['max_elapsed_time'])
    }
  },
})

const sizers = oneOf('requests', 'items', 'bytes')
const batchSizers = oneOf('items', 'bytes')
export type QueueSizer = 'requests' | 'items' | 'bytes'

const alloyBatch = defineSettings(
  {
    flush_timeout: attr(duration, 'A batch that is not full is sent after this long.', { default: '200ms' }),
    min_size: attr(int, 'A batch is sent once it is this large.', { default: 2000 }),
    max_size: attr(int, 'Larger batches are split; 0: never.', { default: 3000 }),
    sizer: attr(batchSizers, 'What sizes count: items or bytes.', { default: 'items' }),
  },
  { check: checkBatch },
)

const partition = defineSettings({
  metadata_keys: attr(
    list(string),
    "Batches of requests that differ in these keys of the clients' metadata stay apart.",
    {
      default: [],
    },
  ),
})

const yamlBatch = defineSettings(
  {
    flush_timeout: attr(duration, 'A batch that is not full is sent after this long.', { default: '200ms' }),
    min_size: attr(int, 'A batch is sent once it is this large.', { default: 8192 }),
    max_size: attr(int, 'Larger batches are split; 0: never.', { default: 0 }),
    sizer: attr(batchSizers, 'What sizes count: items or bytes.', { default: 'items' }),
    partition: block(partition, 'What keeps batches apart.', { whenAbsent: 'defaults' }),
  },
  { check: checkBatch },
)

interface BatchWritten {
  readonly flush_timeout: number
  readonly min_size: number
  readonly max_size: number
  readonly sizer: 'items' | 'bytes'
  readonly partition?: { readonly metadata_keys: readonly string[] }
}

function checkBatch(s: BatchWritten, report: Report): void {
  if (s.flush_timeout <= 0) report('`flush_timeout` must be positive', ['flush_timeout'])
  if (s.min_size < 0) report('`min_size` must be non-negative', ['min_size'])
  if (s.max_size < 0) report('`max_size` must be non-negative', ['max_size'])
  if (s.max_size > 0 && s.max_size < s.min_size)
    report('`max_size` must be greater or equal to `min_size`', ['max_size'])
}

const queueFields = {
  block_on_overflow: attr(bool, 'Make senders wait while the queue is full, in place of refusing.', { default: false }),
  enabled: attr(bool, 'Queue; otherwise senders wait until their telemetry is delivered.', { default: true }),
  num_consumers: attr(int, 'Requests under way at once.', { default: 10 }),
  queue_size: attr(int, 'What may wait for each signal, counted by `sizer`.', { default: 1000 }),
  sizer: attr(sizers, 'What `queue_size` counts: requests, items or bytes.', { default: 'requests' }),
  wait_for_result: attr(bool, 'Make senders wait until their telemetry is delivered or dropped.', { default: false }),
  storage: attr(otelHandler, 'Keep the queue on disk here: what was taken survives everything.'),
}

interface QueueWritten {
  readonly block_on_overflow: boolean
  readonly enabled: boolean
  readonly num_consumers: number
  readonly queue_size: number
  readonly sizer: QueueSizer
  readonly wait_for_result: boolean
  readonly storage: OtelExtension | undefined
  readonly batch: BatchWritten | undefined
}

function checkQueue(s: QueueWritten, report: Report): void {
  if (!s.enabled) return
  if (s.queue_size <= 0) report('queue_size must be greater than zero', ['queue_size'])
  if (s.num_consumers <= 0) report('`num_consumers` must be positive', ['num_consumers'])
  if (s.storage && !s.storage.storage) report('Cannot keep the queue there: the extension stores nothing', ['storage'])
  if (s.storage && s.wait_for_result) {
    report('`wait_for_result` is not supported with a persistent queue configured with `storage`', ['wait_for_result'])
  }
  if (s.batch && s.batch.sizer === s.sizer && s.batch.min_size > s.queue_size) {
    report('`min_size` must be less than or equal to `queue_size`', ['batch', 'min_size'])
  }
}

/** `sending_queue` in Alloy. */
export const alloyQueue = defineSettings(
  { ...queueFields, batch: block(alloyBatch, 'Join what is sent to larger requests.') },
  { check: checkQueue },
)

/** `sending_queue` in YAML. */
export const yamlQueue = defineSettings(
  { ...queueFields, batch: block(yamlBatch, 'Join what is sent to larger requests.') },
  { check: checkQueue },
)

/** Fields of Alloy's exporters that have a queue. */
export const alloyExporterFields = {
  retry_on_failure: block(alloyRetry, 'Trying again.', { whenAbsent: 'defaults' }),
  sending_queue: block(alloyQueue, 'What waits to be sent.', { whenAbsent: 'defaults' }),
}

/** Fields of YAML's exporters that have a queue. */
export const yamlExporterFields = {
  retry_on_failure: block(yamlRetry, 'Trying again.', { whenAbsent: 'defaults' }),
  sending_queue: block(yamlQueue, 'What waits to be sent.', { whenAbsent: 'defaults' }),
}

export interface OtelRetrySettings {
  readonly enabled: boolean
  readonly initialMs: number
  readonly maxMs: number
  readonly multiplier: number
  readonly randomization: number
  /** 0: never. */
  readonly elapsedMaxMs: number
}

export interface OtelQueueSettings {
  readonly consumers: number
  readonly sizeMax: number
  readonly sizer: QueueSizer
  readonly blockOnOverflow: boolean
  readonly waitForResult: boolean
  readonly storage: OtelExtension | undefined
  readonly batch:
    | {
        readonly flushMs: number
        readonly sizeMin: number
        /** 0: not split. */
        readonly sizeMax: number
        readonly sizer: 'items' | 'bytes'
        /** In lower case. */
        readonly metadataKeys: readonly string[]
      }
    | undefined
}

export interface OtelExporterSettings {
  readonly retry: OtelRetrySettings
  /** Absent: senders wait until their telemetry is delivered. */
  readonly queue: OtelQueueSettings | undefined
}

/** Decoded `alloyExporterFields` or `yamlExporterFields`. */
export function otelExporterSettings(s: {
  readonly retry_on_failure: RetryWritten
  readonly sending_queue: QueueWritten
}): OtelExporterSettings {
  const { retry_on_failure: r, sending_queue: q } = s
  return {
    retry: {
      enabled: r.enabled,
      initialMs: r.initial_interval,
      maxMs: r.max_interval,
      multiplier: r.multiplier,
      randomization: r.randomization_factor,
      elapsedMaxMs: r.max_elapsed_time,
    },
    queue: q.enabled
      ? {
          consumers: q.num_consumers,
          sizeMax: q.queue_size,
          sizer: q.sizer,
          blockOnOverflow: q.block_on_overflow,
          waitForResult: q.wait_for_result,
          storage: q.storage,
          batch: q.batch && {
            flushMs: q.batch.flush_timeout,
            sizeMin: q.batch.min_size,
            sizeMax: q.batch.max_size,
            sizer: q.batch.sizer,
            metadataKeys: (q.batch.partition?.metadata_keys ?? []).map((key) => key.toLowerCase()),
          },
        }
      : undefined,
  }
}
