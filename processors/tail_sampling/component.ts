// otelcol.processor.tail_sampling and the collector's tail_sampling: passes on whole traces, chosen by what is in them.
import { totalmem } from 'node:os'
import type { Component, ComponentDefinition, Host, Report, SettingsOf, YamlDefinition } from '#component'
import {
  attr,
  block,
  blocks,
  bool,
  customType,
  defineSettings,
  duration,
  entriesOf,
  int,
  kindOf,
  otelOutput,
  string,
  uint,
  ValueError,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import type { PolicyConfig } from './settings.ts'
import { checkPolicies, namedPolicies, policySettings } from './settings.ts'
import type { TailSamplingSettings } from './tail_sampling.ts'
import { TailSampler } from './tail_sampling.ts'

const fields = {
  decision_wait: attr(duration, 'How long after its first span the decision on a trace is made.', { default: '30s' }),
  decision_wait_after_root_received: attr(
    duration,
    'How long after its root span, where that is sooner; 0: it makes no difference.',
    { default: '0s' },
  ),
  num_traces: attr(uint, 'Traces that are known at a time, those decided on among them.', { default: 50_000 }),
  block_on_overflow: attr(bool, 'Let senders wait for room rather than give up the oldest traces.', { default: false }),
  expected_new_traces_per_sec: attr(uint, 'Accepted; memory is taken as it is needed.', { default: 0 }),
  sample_on_first_match: attr(bool, 'Sample a trace as soon as a policy does, whatever those after it say.', {
    default: false,
  }),
  drop_pending_traces_on_shutdown: attr(bool, 'At the stop, drop what waits rather than decide on it as it is.', {
    default: false,
  }),
  maximum_trace_size_bytes: attr(uint, 'Larger traces are dropped at once; 0: no bound.', { default: 0 }),
  maximum_pending_bytes: attr(
    uint,
    'What the spans that wait may take of the memory; the oldest traces make room. 0: an eighth of what the process may use, 64 MiB to 1 GiB.',
    { default: 0 },
  ),
} as const

const cacheFields = {
  sampled_cache_size: attr(int, 'Sampled traces that are remembered for spans that come late.', { default: 0 }),
  non_sampled_cache_size: attr(int, 'Traces left out that are remembered.', { default: 0 }),
} as const
interface CacheSizes {
  readonly sampled_cache_size: number
  readonly non_sampled_cache_size: number
}

/** Alloy has an object where YAML has a section. */
const decisionCache = customType<CacheSizes>({
  name: 'object',
  zero: { sampled_cache_size: 0, non_sampled_cache_size: 0 },
  decode(value) {
    const entries = entriesOf(value)
    if (entries === undefined) throw new ValueError(`should be object, got ${kindOf(value)}`)
    const sizes = { sampled_cache_size: 0, non_sampled_cache_size: 0 }
    for (const [name, size] of entries) {
      if (!Object.hasOwn(sizes, name)) throw new ValueError(`unrecognized field name ${JSON.stringify(name)}`)
      if (typeof size !== 'bigint' && typeof size !== 'number') {
        throw new ValueError(`should be number, got ${kindOf(size)}`, [name])
      }
      sizes[name as keyof CacheSizes] = Number(size)
    }
    return sizes
  },
  json: { type: 'object', properties: { sampled_cache_size: int.json, non_sampled_cache_size: int.json } },
})

type Written = SettingsOf<ReturnType<typeof defineSettings<typeof fields>>> & { readonly decision_cache: CacheSizes }

function checkCaches({ decision_cache: cache }: { readonly decision_cache: CacheSizes }, report: Report): void {
  for (const name of ['sampled_cache_size', 'non_sampled_cache_size'] as const) {
    if (cache[name] < 0) report(`${name} must not be negative, got ${cache[name]}`, ['decision_cache', name])
  }
}

const cacheDoc = 'Decisions that are remembered beyond num_traces.'
const alloySettings = defineSettings(
  {
    ...fields,
    decision_cache: attr(decisionCache, `${cacheDoc} \`sampled_cache_size\`, \`non_sampled_cache_size\`.`, {
      default: {},
    }),
    policy: blocks(policySettings('alloy'), 'How traces are chosen; one that samples a trace is enough.', {
      required: true,
    }),
    output: block(otelOutput, 'Where sampled traces go.', { required: true }),
    ...debugMetricsField,
  },
  {
    check(given, report) {
      if (given.decision_wait < 1) report('decision_wait must be greater than zero', ['decision_wait'])
      if (given.num_traces < 1) report('num_traces must be greater than zero', ['num_traces'])
      checkCaches(given, report)
      checkPolicies(given.policy, false, 'policy', report)
    },
  },
)

const strategies = ['trace-complete', 'span-ingest']
const yamlSettings = defineSettings(
  {
    ...fields,
    decision_cache: block(defineSettings(cacheFields), cacheDoc, { whenAbsent: 'defaults' }),
    sampling_strategy: attr(
      string,
      '`trace-complete`: decide on whole traces; `span-ingest`: on what each request brings, as soon as it comes.',
      { default: 'trace-complete' },
    ),
    tail_storage: attr(string, 'Not supported: spans wait in memory.', { default: '' }),
    policies: blocks(policySettings('yaml'), 'How traces are chosen; one that samples a trace is enough.'),
  },
  {
    check(given, report) {
      const { sampling_strategy: strategy, tail_storage: storage } = given
      if (!strategies.includes(strategy)) {
        report(`invalid sampling_strategy ${JSON.stringify(strategy)}, expected one of ${strategies.join(', ')}`, [
          'sampling_strategy',
        ])
      }
      if (storage !== '') {
        const message = `tail_storage is not supported: spans wait in memory, bounded by maximum_pending_bytes: current value is ${JSON.stringify(storage)}`
        report(message, ['tail_storage'])
      }
      checkCaches(given, report)
      checkPolicies(given.policies, strategy === 'span-ingest', 'policies', report)
    },
  },
)

async function engineSettings(
  host: Host,
  given: Written,
  policies: readonly PolicyConfig[],
  rest: { readonly name: string; readonly isEarly: boolean },
): Promise<TailSamplingSettings> {
  return {
    decisionWaitMs: given.decision_wait,
    decisionWaitAfterRootMs: given.decision_wait_after_root_received,
    numTraces: Math.max(1, given.num_traces),
    blockOnOverflow: given.block_on_overflow,
    sampleOnFirstMatch: given.sample_on_first_match,
    dropPendingOnShutdown: given.drop_pending_traces_on_shutdown,
    traceBytesMax: given.maximum_trace_size_bytes,
    pendingBytesMax: given.maximum_pending_bytes === 0 ? pendingBytesDefault() : given.maximum_pending_bytes,
    sampledCacheSize: given.decision_cache.sampled_cache_size,
    nonSampledCacheSize: given.decision_cache.non_sampled_cache_size,
    policies: await namedPolicies(policies, host),
    ...rest,
  }
}

/** The control group's bound counts where there is one. */
function pendingBytesDefault(): number {
  const group = process.constrainedMemory()
  const memory = group > 0 ? Math.min(group, totalmem()) : totalmem()
  return Math.min(1 << 30, Math.max(64 << 20, Math.floor(memory / 8)))
}

const doc = 'Waits until traces are complete, and passes on those that one of its policies samples.'

export const otelcolProcessorTailSampling: ComponentDefinition<SettingsOf<typeof alloySettings>> = {
  name: 'otelcol.processor.tail_sampling',
  stability: 'generally-available',
  doc,
  consumes: ['traces'],
  input: 'otelcol',
  settings: alloySettings,
  async create(host, given) {
    const read = (written: typeof given): Promise<TailSamplingSettings> =>
      engineSettings(host, written, written.policy, { name: host.id, isEarly: false })
    const sampler = new TailSampler(host, await read(given), given.output)
    return componentOf(sampler, async (written) => sampler.update(await read(written), written.output))
  },
}

export const tailSamplingProcessor: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'processor',
  types: ['tail_sampling'],
  stability: 'generally-available',
  doc,
  signals: ['traces'],
  settings: yamlSettings,
  async create(host, given, output) {
    const read = (written: typeof given): Promise<TailSamplingSettings> => {
      const isEarly = written.sampling_strategy === 'span-ingest'
      return engineSettings(host, written, written.policies, { name: host.label, isEarly })
    }
    const sampler = new TailSampler(host, await read(given), output)
    return componentOf(sampler, async (written) => sampler.update(await read(written)))
  },
}

function componentOf<S extends object>(sampler: TailSampler, update: (given: S) => Promise<void>): Component<S> {
  return {
    traces: sampler.traces,
    start: () => sampler.start(),
    stop: (deadlineMs) => sampler.stop(deadlineMs),
    debug: () => sampler.debug(),
    update,
  }
}
