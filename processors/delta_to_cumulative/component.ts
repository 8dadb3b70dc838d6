// otelcol.processor.deltatocumulative and the collector's delta_to_cumulative: deltas become cumulative metrics.
import type {
  Component,
  ComponentDefinition,
  Count,
  Host,
  OtelOutput,
  Report,
  SettingsOf,
  Timer,
  YamlDefinition,
} from '#component'
import { attr, block, defineSettings, duration, int, otelOutput, outputPorts } from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import { Drops, RestOutlet } from '#component/metric_streams'
import type { Metrics } from '#pdata'
import { ownMetricsTree } from '#pdata/otlp'
import { DeltaToCumulative, type DropReason } from './sums.ts'

/** How often streams are looked through for those that went stale. */
const sweepMs = 60_000

const fields = {
  max_stale: attr(duration, 'A stream is forgotten when nothing came for this long; 0: never.', { default: '5m' }),
  max_streams: attr(int, 'Streams followed at most; points of further ones are dropped.', {
    default: Number.MAX_SAFE_INTEGER,
  }),
}

interface DeltaToCumulativeSettings {
  readonly max_stale: number
  readonly max_streams: number
}

function check({ max_stale: staleMs, max_streams: streams }: DeltaToCumulativeSettings, report: Report): void {
  if (staleMs < 0) report(`max_stale must be a positive duration (got ${staleMs / 1000}s)`, ['max_stale'])
  if (streams < 0) report(`max_streams must be a positive number (got ${streams})`, ['max_streams'])
}

const alloySettings = defineSettings(
  { ...fields, output: block(otelOutput, 'Where it goes.', { required: true }), ...debugMetricsField },
  { check },
)
const yamlSettings = defineSettings(fields, { check })

export const otelcolProcessorDeltatocumulative: ComponentDefinition<SettingsOf<typeof alloySettings>> = {
  name: 'otelcol.processor.deltatocumulative',
  stability: 'experimental',
  doc: 'Adds up deltas to cumulative sums and histograms.',
  consumes: ['metrics'],
  input: 'otelcol',
  settings: alloySettings,
  create: (host, settings) => new DeltaToCumulativeProcessor(host, settings, settings.output),
}

export const deltaToCumulativeProcessor: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'processor',
  types: ['delta_to_cumulative', 'deltatocumulative'],
  stability: 'experimental',
  doc: 'Adds up deltas to cumulative sums and histograms.',
  signals: ['metrics'],
  settings: yamlSettings,
  create: (host, settings, output) => new DeltaToCumulativeProcessor(host, settings, output),
}

class DeltaToCumulativeProcessor implements Component {
  readonly metrics = { consume: (batch: Metrics): void | Promise<void> => this.#consume(batch) }
  readonly #host: Host
  readonly #settings: DeltaToCumulativeSettings
  readonly #engine: DeltaToCumulative
  readonly #outlet: RestOutlet
  readonly #processed = new Map<DropReason | null, Count>()
  #timer: Timer | undefined

  constructor(host: Host, settings: DeltaToCumulativeSettings, output: OtelOutput) {
    this.#host = host
    this.#settings = settings
    this.#engine = new DeltaToCumulative(settings.max_streams)
    this.#outlet = new RestOutlet(host, host.outlet(outputPorts(output).metrics))
    const { instruments } = host
    instruments.gauge(
      'otelcol_deltatocumulative_streams_tracked',
      'number of streams tracked',
      () => this.#engine.streams,
    )
    instruments.gauge(
      'otelcol_deltatocumulative_streams_limit',
      'upper limit of tracked streams',
      () => settings.max_streams,
    )
    instruments.gauge(
      'otelcol_deltatocumulative_streams_max_stale_seconds',
      'duration after which streams inactive streams are dropped',
      () => settings.max_stale / 1000,
    )
  }

  start(): void {
    if (this.#settings.max_stale > 0) this.#sweepLater()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #sweepLater(): void {
    this.#timer = this.#host.clock.setTimeout(() => {
      this.#engine.expire(this.#host.clock.monotonic() - this.#settings.max_stale)
      this.#sweepLater()
    }, sweepMs)
  }

  #consume(batch: Metrics): void | Promise<void> {
    const tree = ownMetricsTree(batch)
    const drops = new Drops()
    this.#engine.convert(tree, this.#host.clock.monotonic(), drops, (reason) => this.#count(reason))
    return this.#outlet.handOn(batch, tree, drops)
  }

  #count(reason: DropReason | null): void {
    let count = this.#processed.get(reason)
    if (count === undefined) {
      count = this.#host.instruments.counter(
        'otelcol_deltatocumulative_datapoints',
        "total number of datapoints processed. may have 'error' attribute, if processing failed",
        reason === null ? {} : { error: reason },
      )
      this.#processed.set(reason, count)
    }
    count.add(1)
  }
}
