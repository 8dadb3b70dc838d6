// otelcol.processor.memory_limiter and the collector's `memory_limiter`: refuses telemetry when memory is short.
import type { ComponentDefinition, SettingsOf, YamlDefinition } from '#component'
import { attr, block, byteSize, defineSettings, duration, otelOutput, uint } from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import { processMemory } from './memory.ts'
import { MemoryLimiter } from './memory_limiter.ts'

const intervalDoc = 'How often the memory in use is looked at.'
const percentageDoc =
  'The limit in percent of the memory that there is for the process, that of its control group included.'
const spikeDoc = 'Below the limit by this everything is refused; 0: a fifth of the limit.'

const settings = defineSettings(
  {
    check_interval: attr(duration, intervalDoc, { required: true }),
    limit: attr(byteSize, 'The limit, as in "512MiB"; 0: by `limit_percentage`.', { default: '0' }),
    spike_limit: attr(byteSize, spikeDoc, { default: '0' }),
    limit_percentage: attr(uint, percentageDoc, { default: 0 }),
    spike_limit_percentage: attr(uint, spikeDoc, { default: 0 }),
    output: block(otelOutput, 'Where it goes.', { required: true }),
    ...debugMetricsField,
  },
  {
    check(given, report) {
      const { limit, spike_limit: spike, limit_percentage: percentage, spike_limit_percentage: spikePercentage } = given
      if (given.check_interval <= 0) report('check_interval must be greater than zero', ['check_interval'])
      else if (limit > 0 && percentage > 0)
        report('either limit or limit_percentage must be set, but not both', ['limit'])
      else if (limit > 0) {
        if (spike >= limit) report('spike_limit must be less than limit', ['spike_limit'])
      } else if (percentage === 0) report('either limit or limit_percentage must be set to greater than zero')
      else if (percentage > 100 || spikePercentage === 0 || spikePercentage > 100) {
        report(
          'limit_percentage and spike_limit_percentage must be greater than 0 and and less or equal than 100',
          percentage > 100 ? ['limit_percentage'] : [],
        )
      } else if (spikePercentage >= percentage) {
        report('spike_limit_percentage must be less than limit_percentage', ['spike_limit_percentage'])
      }
    },
  },
)

const yamlSettings = defineSettings(
  {
    check_interval: attr(duration, intervalDoc, { default: '0s' }),
    limit_mib: attr(uint, 'The limit in mebibytes; 0: by `limit_percentage`.', { default: 0 }),
    spike_limit_mib: attr(uint, spikeDoc, { default: 0 }),
    limit_percentage: attr(uint, percentageDoc, { default: 0 }),
    spike_limit_percentage: attr(uint, spikeDoc, { default: 0 }),
    min_gc_interval_when_soft_limited: attr(
      duration,
      'Above the soft limit, garbage is collected at most this often.',
      { default: '10s' },
    ),
    min_gc_interval_when_hard_limited: attr(duration, 'Above the limit, garbage is collected at most this often.', {
      default: '0s',
    }),
    max_gc_interval_when_soft_limited: attr(duration, 'Up to this, intervals double while collecting does not help.', {
      default: '30s',
    }),
    max_gc_interval_when_hard_limited: attr(duration, 'Up to this, intervals double while collecting does not help.', {
      default: '30s',
    }),
  },
  { check: (given, report) => checkYaml(given, report) },
)
type YamlSettings = SettingsOf<typeof yamlSettings>

function checkYaml(given: YamlSettings, report: (message: string, path?: readonly string[]) => void): void {
  const { limit_mib: limit, limit_percentage: percentage } = given
  const softMin = given.min_gc_interval_when_soft_limited
  const hardMin = given.min_gc_interval_when_hard_limited
  const softMax = given.max_gc_interval_when_soft_limited
  const hardMax = given.max_gc_interval_when_hard_limited
  if (given.check_interval <= 0) report("'check_interval' must be greater than zero", ['check_interval'])
  if (softMin < hardMin) {
    report("'min_gc_interval_when_soft_limited' should be larger than 'min_gc_interval_when_hard_limited'")
  }
  if (softMax < 0) report("'max_gc_interval_when_soft_limited' must be non-negative")
  if (hardMax < 0) report("'max_gc_interval_when_hard_limited' must be non-negative")
  if (softMax > 0 && softMax < softMin) {
    report("'max_gc_interval_when_soft_limited' must not be below 'min_gc_interval_when_soft_limited' unless it is 0")
  }
  if (hardMax > 0 && hardMax < hardMin) {
    report("'max_gc_interval_when_hard_limited' must not be below 'min_gc_interval_when_hard_limited' unless it is 0")
  }
  if (softMax > 0 && hardMax > 0 && softMax < hardMax) {
    report("'max_gc_interval_when_soft_limited' must not be below 'max_gc_interval_when_hard_limited' unless one is 0")
  }
  if (limit === 0 && percentage === 0) report("'limit_mib' or 'limit_percentage' must be greater than zero")
  if (percentage > 100 || given.spike_limit_percentage > 100) {
    report(
      "'limit_percentage' and 'spike_limit_percentage' must be greater than zero and less than or equal to hundred",
    )
  }
  if (limit > 0 && limit <= given.spike_limit_mib) {
    report("'spike_limit_mib' must be smaller than 'limit_mib'", ['spike_limit_mib'])
  }
  if (percentage > 0 && percentage <= given.spike_limit_percentage) {
    report("'spike_limit_percentage' must be smaller than 'limit_percentage'", ['spike_limit_percentage'])
  }
}

const doc = 'Refuses telemetry, to be sent again, while the process is short of memory.'
const mebibyte = 1 << 20

export const otelcolProcessorMemoryLimiter: ComponentDefinition<SettingsOf<typeof settings>> = {
  name: 'otelcol.processor.memory_limiter',
  stability: 'generally-available',
  doc,
  consumes: ['traces', 'logs', 'metrics'],
  input: 'otelcol',
  stateless: true,
  settings,
  create(host, given) {
    const limits = {
      checkIntervalMs: given.check_interval,
      limitBytes: given.limit,
      spikeLimitBytes: given.spike_limit,
      limitPercentage: given.limit_percentage,
      spikeLimitPercentage: given.spike_limit_percentage,
      // Alloy has no settings for these, and collects at every check above a limit. Here too, as long as it helps.
      gcIntervalSoftMs: 0,
      gcIntervalHardMs: 0,
      gcIntervalSoftMsMax: 30_000,
      gcIntervalHardMsMax: 30_000,
    }
    return new MemoryLimiter(host, limits, processMemory, given.output)
  },
}

export const memoryLimiterProcessor: YamlDefinition<YamlSettings> = {
  kind: 'processor',
  types: ['memory_limiter'],
  stability: 'generally-available',
  doc,
  signals: ['traces', 'logs', 'metrics'],
  stateless: true,
  settings: yamlSettings,
  create(host, given, output) {
    const limits = {
      checkIntervalMs: given.check_interval,
      limitBytes: given.limit_mib * mebibyte,
      spikeLimitBytes: given.spike_limit_mib * mebibyte,
      limitPercentage: given.limit_percentage,
      spikeLimitPercentage: given.spike_limit_percentage,
      gcIntervalSoftMs: given.min_gc_interval_when_soft_limited,
      gcIntervalHardMs: given.min_gc_interval_when_hard_limited,
      gcIntervalSoftMsMax: given.max_gc_interval_when_soft_limited,
      gcIntervalHardMsMax: given.max_gc_interval_when_hard_limited,
    }
    return new MemoryLimiter(host, limits, processMemory, output)
  },
}
