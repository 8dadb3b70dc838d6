// otelcol.processor.probabilistic_sampler and the collector's `probabilistic_sampler`: passes on a share of telemetry.
import type { ComponentDefinition, Report, SettingsOf, YamlDefinition } from '#component'
import { attr, block, bool, defineSettings, float, int, otelOutput, string, uint } from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import type { SamplerSettings } from './decision.ts'
import { probabilityMin } from './probability.ts'
import { ProbabilisticSampler } from './probabilistic_sampler.ts'

const fields = {
  mode: attr(string, '`hash_seed`, `proportional` or `equalizing`; "": `hash_seed`.', { default: '' }),
  sampling_percentage: attr(float, 'The share that is passed on; 100 and more: everything.', { default: 0 }),
  hash_seed: attr(uint, 'The seed of `hash_seed`: collectors in a row should have different ones.', { default: 0 }),
  fail_closed: attr(bool, 'Is what cannot be decided left out?', { default: true }),
  sampling_precision: attr(int, 'Hexadecimal digits of thresholds, 1 to 14.', { default: 4 }),
  attribute_source: attr(string, 'Log records: `traceID`, or `record` to decide by `from_attribute`.', {
    default: 'traceID',
  }),
  from_attribute: attr(string, 'Log records: the attribute that decides where there is no trace id.', { default: '' }),
  sampling_priority: attr(string, 'Log records: the attribute whose value is a percentage of its own.', {
    default: '',
  }),
} as const

type Written = SettingsOf<ReturnType<typeof defineSettings<typeof fields>>>

const modes = ['', 'hash_seed', 'equalizing', 'proportional']

function check(given: Written, report: Report): void {
  const { mode, sampling_percentage: percentage, sampling_precision: precision, attribute_source: source } = given
  if (!modes.includes(mode)) report(`unsupported sampler mode ${JSON.stringify(mode)}`, ['mode'])
  if (!Number.isFinite(percentage)) report(`sampling rate is invalid: ${percentage}%`, ['sampling_percentage'])
  else if (percentage < 0) report(`sampling rate is negative: ${percentage}%`, ['sampling_percentage'])
  else if (percentage > 0 && percentage / 100 < probabilityMin) {
    report(`sampling rate is too small: ${percentage}%`, ['sampling_percentage'])
  }
  if (given.hash_seed >= 2 ** 32) report(`hash_seed must be below 2^32, got ${given.hash_seed}`, ['hash_seed'])
  if (source !== 'traceID' && source !== 'record') {
    report(`invalid attribute source: ${source}. Expected: traceID or record`, ['attribute_source'])
  }
  if (precision < 1) report(`invalid sampling precision: ${precision}`, ['sampling_precision'])
  else if (precision > 14) {
    report(`sampling precision is too great, should be <= 14: ${precision}`, ['sampling_precision'])
  }
}

const settings = defineSettings(
  { ...fields, output: block(otelOutput, 'Where it goes.', { required: true }), ...debugMetricsField },
  { check },
)
const yamlSettings = defineSettings(fields, { check })

function engineSettings(given: Written): SamplerSettings {
  return {
    mode: given.mode as SamplerSettings['mode'],
    percentage: given.sampling_percentage,
    hashSeed: given.hash_seed,
    failClosed: given.fail_closed,
    precision: given.sampling_precision,
    attributeSource: given.attribute_source as SamplerSettings['attributeSource'],
    fromAttribute: given.from_attribute,
    samplingPriority: given.sampling_priority,
  }
}

const doc = 'Passes on a share of spans and log records, chosen by trace id or by an attribute.'

export const otelcolProcessorProbabilisticSampler: ComponentDefinition<SettingsOf<typeof settings>> = {
  name: 'otelcol.processor.probabilistic_sampler',
  stability: 'generally-available',
  doc,
  consumes: ['traces', 'logs'],
  input: 'otelcol',
  stateless: true,
  settings,
  create: (host, given) => new ProbabilisticSampler(host, engineSettings(given), given.output),
}

export const probabilisticSamplerProcessor: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'processor',
  types: ['probabilistic_sampler'],
  stability: 'generally-available',
  doc,
  signals: ['traces', 'logs'],
  stateless: true,
  settings: yamlSettings,
  create: (host, given, output) => new ProbabilisticSampler(host, engineSettings(given), output),
}
