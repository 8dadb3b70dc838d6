// otelcol.processor.cumulativetodelta and the collector's cumulative_to_delta: cumulative metrics become deltas.
import type {
  Component,
  ComponentDefinition,
  Count,
  DefaultValue,
  Host,
  OtelOutput,
  Settings,
  SettingsOf,
  Timer,
  YamlDefinition,
} from '#component'
import {
  attr,
  block,
  bool,
  defineSettings,
  duration,
  int,
  list,
  oneOf,
  otelOutput,
  outputPorts,
  string,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import { Drops, RestOutlet } from '#component/metric_streams'
import { compileRegexp, RegexpError } from '#lib/regexp'
import type { Metrics } from '#pdata'
import type { Metric } from '#pdata/otlp'
import { ownMetricsTree } from '#pdata/otlp'
import type { ConvertedKind, DropReason } from './deltas.ts'
import { CumulativeToDelta } from './deltas.ts'

const matchFields = {
  match_type: attr(string, '`strict` or `regexp`: how `metrics` are compared with names.', { default: '' }),
  metrics: attr(list(string), 'Names or expressions.', { default: [] }),
  metric_types: attr(list(string), '`sum`, `histogram` or `exponentialhistogram`, in any case.', { default: [] }),
}
const match = defineSettings(matchFields)
const yamlMatch = defineSettings({
  ...matchFields,
  regexp: block(
    defineSettings({
      cacheenabled: attr(bool, 'Accepted; expressions are fast without.', { default: false }),
      cachemaxnumentries: attr(int, 'Accepted.', { default: 0 }),
    }),
    'Accepted: how matches of expressions would be cached.',
  ),
})
type MatchSettings = SettingsOf<typeof match>

function fields(maxStaleness: DefaultValue, matchSchema: Settings<MatchSettings>) {
  return {
    max_staleness: attr(duration, 'How long a stream is remembered after its last point; 0: for ever.', {
      default: maxStaleness,
    }),
    initial_value: attr(
      oneOf('auto', 'keep', 'drop'),
      'The first point of a stream: sent if the stream began after the processor (`auto`), always or never.',
      { default: 'auto' },
    ),
    include: block(matchSchema, 'Convert only these metrics.', { whenAbsent: 'defaults' as const }),
    exclude: block(matchSchema, 'Leave these metrics as they are.', { whenAbsent: 'defaults' as const }),
  }
}

const kindByType: Readonly<Record<string, Metric['data']['kind']>> = {
  sum: 'sum',
  histogram: 'histogram',
  exponentialhistogram: 'exponential_histogram',
}

interface CumulativeToDeltaSettings {
  readonly max_staleness: number
  readonly initial_value: 'auto' | 'keep' | 'drop'
  readonly include: MatchSettings
  readonly exclude: MatchSettings
}

function check(
  settings: CumulativeToDeltaSettings,
  report: (message: string, path?: (string | number)[]) => void,
): void {
  for (const side of ['include', 'exclude'] as const) {
    const { match_type: type, metrics, metric_types: types } = settings[side]
    if (metrics.length > 0 && type === '') report('match_type must be set if metrics are supplied', [side])
    if (type !== '' && metrics.length === 0) report('metrics must be supplied if match_type is set', [side])
    if (type !== '' && type !== 'strict' && type !== 'regexp') {
      report(`match_type must be "strict" or "regexp", got ${JSON.stringify(type)}`, [side, 'match_type'])
    }
    for (const [i, name] of types.entries()) {
      if (kindByType[name.toLowerCase()] === undefined) {
        report(
          `found invalid metric type in ${side}.metric_types: ${name}. Valid values are ${Object.keys(kindByType).join(', ')}`,
          [side, 'metric_types', i],
        )
      }
    }
    if (type !== 'regexp') continue
    for (const [i, pattern] of metrics.entries()) {
      try {
        compileRegexp(pattern)
      } catch (error) {
        if (!(error instanceof RegexpError)) throw error
        report(error.message, [side, 'metrics', i])
      }
    }
  }
}

const alloySettings = defineSettings(
  {
    ...fields('0s', match),
    output: block(otelOutput, 'Where it goes.', { required: true }),
    ...debugMetricsField,
  },
  { check },
)
const yamlSettings = defineSettings(fields('1h', yamlMatch), { check })

export const otelcolProcessorCumulativetodelta: ComponentDefinition<SettingsOf<typeof alloySettings>> = {
  name: 'otelcol.processor.cumulativetodelta',
  stability: 'public-preview',
  doc: 'Turns cumulative sums and histograms into deltas.',
  consumes: ['metrics'],
  input: 'otelcol',
  settings: alloySettings,
  create: (host, settings) => new CumulativeToDeltaProcessor(host, settings, settings.output),
}

export const cumulativeToDeltaProcessor: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'processor',
  types: ['cumulative_to_delta', 'cumulativetodelta'],
  stability: 'public-preview',
  doc: 'Turns cumulative sums and histograms into deltas.',
  signals: ['metrics'],
  settings: yamlSettings,
  create: (host, settings, output) => new CumulativeToDeltaProcessor(host, settings, output),
}

function nameFilter({ match_type: type, metrics }: MatchSettings): ((name: string) => boolean) | undefined {
  if (metrics.length === 0) return undefined
  if (type === 'strict') {
    const names = new Set(metrics)
    return (name) => names.has(name)
  }
  const patterns = metrics.map((pattern) => compileRegexp(pattern))
  return (name) => patterns.some((pattern) => pattern.test(name))
}

function typeFilter({ metric_types: types }: MatchSettings): ((metric: Metric) => boolean) | undefined {
  if (types.length === 0) return undefined
  const kinds = new Set(types.map((name) => kindByType[name.toLowerCase()]))
  return (metric) => kinds.has(metric.data.kind)
}

/** Is a metric to be converted? */
function selection({ include, exclude }: CumulativeToDeltaSettings): (metric: Metric) => boolean {
  const names = nameFilter(include)
  const types = typeFilter(include)
  const notNames = nameFilter(exclude)
  const notTypes = typeFilter(exclude)
  return (metric) =>
    (names?.(metric.name) ?? true) &&
    (types?.(metric) ?? true) &&
    !(notNames?.(metric.name) ?? false) &&
    !(notTypes?.(metric) ?? false)
}

class CumulativeToDeltaProcessor implements Component {
  readonly metrics = { consume: (batch: Metrics): void | Promise<void> => this.#consume(batch) }
  readonly #host: Host
  readonly #maxStaleMs: number
  readonly #engine: CumulativeToDelta
  readonly #outlet: RestOutlet
  readonly #counters: DeltaCounters
  #timer: Timer | undefined

  constructor(host: Host, settings: CumulativeToDeltaSettings, output: OtelOutput) {
    this.#host = host
    this.#maxStaleMs = settings.max_staleness
    this.#engine = new CumulativeToDelta({
      initialValue: settings.initial_value,
      startUnixNano: BigInt(Math.floor(host.clock.now())) * 1_000_000n,
      isConverted: selection(settings),
    })
    this.#counters = new DeltaCounters(host)
    this.#outlet = new RestOutlet(host, host.outlet(outputPorts(output).metrics))
    host.instruments.gauge(
      'otelcol_cumulativetodelta_streams_tracked',
      'Number of metric streams currently tracked in memory for cumulative-to-delta conversion.',
      () => this.#engine.streams,
    )
  }

  start(): void {
    if (this.#maxStaleMs > 0) this.#sweepLater()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #sweepLater(): void {
    this.#timer = this.#host.clock.setTimeout(() => {
      this.#engine.expire(this.#host.clock.monotonic() - this.#maxStaleMs)
      this.#sweepLater()
    }, this.#maxStaleMs)
  }

  #consume(batch: Metrics): void | Promise<void> {
    const tree = ownMetricsTree(batch)
    const drops = new Drops()
    this.#engine.convert(tree, this.#host.clock.monotonic(), drops, this.#counters)
    return this.#outlet.handOn(batch, tree, drops)
  }
}

const convertedHelp = 'Number of datapoints converted from cumulative to delta temporality.'
const droppedHelp = 'Number of datapoints dropped instead of being converted.'

/** Own metrics, found once instead of for each point. */
class DeltaCounters {
  readonly #host: Host
  readonly #converted = new Map<ConvertedKind, Count>()
  readonly #dropped = new Map<string, Count>()

  constructor(host: Host) {
    this.#host = host
  }

  converted(kind: ConvertedKind): void {
    let count = this.#converted.get(kind)
    if (count === undefined) {
      const attributes = { metric_type: kind }
      count = this.#host.instruments.counter('otelcol_cumulativetodelta_datapoints', convertedHelp, attributes)
      this.#converted.set(kind, count)
    }
    count.add(1)
  }

  dropped(kind: ConvertedKind, reason: DropReason): void {
    const key = `${kind} ${reason}`
    let count = this.#dropped.get(key)
    if (count === undefined) {
      const attributes = { metric_type: kind, reason }
      count = this.#host.instruments.counter('otelcol_cumulativetodelta_datapoints_dropped', droppedHelp, attributes)
      this.#dropped.set(key, count)
    }
    count.add(1)
  }
}
