// otelcol.processor.metric_start_time and the collector's metric_start_time: cumulative points get start times.
import type {
  Component,
  ComponentDefinition,
  Host,
  OtelOutput,
  Report,
  SettingsOf,
  Timer,
  YamlDefinition,
} from '#component'
import { attr, block, defineSettings, duration, otelOutput, outputPorts, string } from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import { Drops, RestOutlet } from '#component/metric_streams'
import { compileRegexp, RegexpError } from '#lib/regexp'
import type { Metrics } from '#pdata'
import { ownMetricsTree } from '#pdata/otlp'
import { StartTimes, startTimeOf, type Strategy } from './start_times.ts'

const strategies: readonly string[] = ['true_reset_point', 'subtract_initial_point', 'start_time_metric']
const startTimeMetric = 'process_start_time_seconds'

const fields = {
  strategy: attr(string, '`true_reset_point`, `subtract_initial_point` or `start_time_metric`.', {
    default: 'true_reset_point',
  }),
  gc_interval: attr(duration, 'A stream is forgotten when nothing came for between one and two of these.', {
    default: '10m',
  }),
  start_time_metric_regex: attr(string, 'Names of metrics that tell the start time; only for `start_time_metric`.', {
    default: '',
  }),
}

interface MetricStartTimeSettings {
  readonly strategy: string
  readonly gc_interval: number
  readonly start_time_metric_regex: string
}

function check(settings: MetricStartTimeSettings, report: Report): void {
  const { strategy, gc_interval: gcMs, start_time_metric_regex: pattern } = settings
  if (!strategies.includes(strategy)) report(`${JSON.stringify(strategy)} is not a valid strategy`, ['strategy'])
  if (gcMs <= 0) report('gc_interval must be positive', ['gc_interval'])
  if (pattern === '') return
  try {
    compileRegexp(pattern)
  } catch (error) {
    if (!(error instanceof RegexpError)) throw error
    report(error.message, ['start_time_metric_regex'])
  }
  if (strategy !== 'start_time_metric') {
    report('start_time_metric_regex can only be used with the start_time_metric strategy', ['start_time_metric_regex'])
  }
}

const alloySettings = defineSettings(
  { ...fields, output: block(otelOutput, 'Where it goes.', { required: true }), ...debugMetricsField },
  { check },
)
const yamlSettings = defineSettings(fields, { check })

export const otelcolProcessorMetricStartTime: ComponentDefinition<SettingsOf<typeof alloySettings>> = {
  name: 'otelcol.processor.metric_start_time',
  stability: 'generally-available',
  doc: 'Gives cumulative metrics the start times that they lack.',
  consumes: ['metrics'],
  input: 'otelcol',
  settings: alloySettings,
  create: (host, settings) => new MetricStartTimeProcessor(host, settings, settings.output),
}

export const metricStartTimeProcessor: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'processor',
  types: ['metric_start_time', 'metricstarttime'],
  stability: 'public-preview',
  doc: 'Gives cumulative metrics the start times that they lack.',
  signals: ['metrics'],
  settings: yamlSettings,
  create: (host, settings, output) => new MetricStartTimeProcessor(host, settings, output),
}

class MetricStartTimeProcessor implements Component {
  readonly metrics = { consume: (batch: Metrics): void | Promise<void> => this.#consume(batch) }
  readonly #host: Host
  readonly #gcMs: number
  readonly #engine: StartTimes
  readonly #outlet: RestOutlet
  readonly #isStartTime: ((name: string) => boolean) | null
  /** Stands in where no metric tells the start: the processor's own, in whole seconds. */
  readonly #fallbackNano: bigint
  #timer: Timer | undefined

  constructor(host: Host, settings: MetricStartTimeSettings, output: OtelOutput) {
    this.#host = host
    this.#gcMs = settings.gc_interval
    this.#engine = new StartTimes(settings.strategy as Strategy)
    this.#outlet = new RestOutlet(host, host.outlet(outputPorts(output).metrics))
    this.#fallbackNano = BigInt(Math.floor(host.clock.now() / 1000)) * 1_000_000_000n
    if (settings.strategy !== 'start_time_metric') this.#isStartTime = null
    else if (settings.start_time_metric_regex === '') this.#isStartTime = (name) => name === startTimeMetric
    else {
      const pattern = compileRegexp(settings.start_time_metric_regex)
      this.#isStartTime = (name) => pattern.test(name)
    }
  }

  start(): void {
    this.#timer = this.#host.clock.setTimeout(() => {
      this.#engine.expire(this.#host.clock.monotonic() - this.#gcMs)
      this.start()
    }, this.#gcMs)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #consume(batch: Metrics): void | Promise<void> {
    const tree = ownMetricsTree(batch)
    const drops = new Drops()
    const start = this.#isStartTime === null ? undefined : startTimeOf(tree, this.#isStartTime)
    this.#engine.adjust(tree, this.#host.clock.monotonic(), start ?? this.#fallbackNano, drops)
    return this.#outlet.handOn(batch, tree, drops)
  }
}
