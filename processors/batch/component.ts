// otelcol.processor.batch and the collector's `batch`: gathers telemetry into larger batches.
import type { ComponentDefinition, SettingsOf, YamlDefinition } from '#component'
import { attr, block, defineSettings, duration, list, otelOutput, string, uint } from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import type { Report } from '#component'
import type { BatchSettings } from './batch.ts'
import { BatchProcessor } from './batch.ts'

const shared = {
  timeout: attr(duration, 'How long items wait at most; 0: they are sent on at once.', { default: '200ms' }),
  metadata_keys: attr(list(string), 'Client metadata whose values keep batches apart.', { default: [] }),
  metadata_cardinality_limit: attr(uint, 'How many combinations of their values there may be; 0: any number.', {
    default: 1000,
  }),
} as const
const sizeDoc = 'Items that are sent without waiting any longer; 0: every batch at once.'
const maxDoc = 'Larger batches are split; 0: never.'

interface Written {
  readonly timeout: number
  readonly send_batch_size: number
  readonly send_batch_max_size: number
  readonly metadata_keys: readonly string[]
  readonly metadata_cardinality_limit: number
}

function check(settings: Written, report: Report): void {
  const { send_batch_size: size, send_batch_max_size: sizeMax, metadata_keys: keys, timeout: timeoutMs } = settings
  if (sizeMax > 0 && sizeMax < size) {
    report('send_batch_max_size must be greater or equal to send_batch_size when not 0', ['send_batch_max_size'])
  }
  if (timeoutMs < 0) report('timeout must be greater or equal to 0', ['timeout'])
  const lower = keys.map((key) => key.toLowerCase())
  const twice = lower.findIndex((key, i) => lower.indexOf(key) < i)
  if (twice >= 0) {
    const message = `metadata_keys has ${JSON.stringify(lower[twice])} twice (keys are compared without case)`
    report(message, ['metadata_keys', twice])
  }
}

const settings = defineSettings(
  {
    ...shared,
    send_batch_size: attr(uint, sizeDoc, { default: 2000 }),
    send_batch_max_size: attr(uint, maxDoc, { default: 3000 }),
    output: block(otelOutput, 'Where it goes.', { required: true }),
    ...debugMetricsField,
  },
  { check },
)

const yamlSettings = defineSettings(
  {
    ...shared,
    send_batch_size: attr(uint, sizeDoc, { default: 8192 }),
    send_batch_max_size: attr(uint, maxDoc, { default: 0 }),
  },
  { check },
)

function engineSettings(written: Written): BatchSettings {
  return {
    timeoutMs: written.timeout,
    sendBatchSize: written.send_batch_size,
    sendBatchMaxSize: written.send_batch_max_size,
    metadataKeys: written.metadata_keys.map((key) => key.toLowerCase()).sort(),
    metadataCardinalityLimit: written.metadata_cardinality_limit,
  }
}

const doc = 'Gathers telemetry and sends it on in larger batches.'

export const otelcolProcessorBatch: ComponentDefinition<SettingsOf<typeof settings>> = {
  name: 'otelcol.processor.batch',
  stability: 'generally-available',
  doc,
  consumes: ['traces', 'logs', 'metrics'],
  input: 'otelcol',
  stateless: true,
  settings,
  create: (host, given) => new BatchProcessor(host, engineSettings(given), given.output),
}

export const batchProcessor: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'processor',
  types: ['batch'],
  stability: 'generally-available',
  doc,
  signals: ['traces', 'logs', 'metrics'],
  stateless: true,
  settings: yamlSettings,
  create: (host, given, output) => new BatchProcessor(host, engineSettings(given), output),
}
