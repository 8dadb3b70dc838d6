// otelcol.processor.interval and the collector's interval: the newest point of each stream, once per interval.
import type {
  Component,
  ComponentDefinition,
  Consumer,
  Host,
  OtelOutput,
  Report,
  SettingsOf,
  Timer,
  YamlDefinition,
} from '#component'
import { attr, block, bool, defineSettings, duration, otelOutput, outputPorts } from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import { Metrics } from '#pdata'
import { ownMetricsTree } from '#pdata/otlp'
import { type PassThrough, Window } from './window.ts'

const passThrough = defineSettings({
  gauge: attr(bool, 'Send gauges on at once.', { default: false }),
  summary: attr(bool, 'Send summaries on at once.', { default: false }),
})
const interval = attr(duration, 'How often what was gathered is sent.', { default: '1m' })
const passThroughDoc = 'What is not gathered.'

function checkInterval({ interval: ms }: { interval: number }, report: Report): void {
  if (ms <= 0) report('interval must be greater than 0', ['interval'])
}

const alloySettings = defineSettings(
  {
    interval,
    passthrough: block(passThrough, passThroughDoc, { whenAbsent: 'defaults' }),
    output: block(otelOutput, 'Where it goes.', { required: true }),
    ...debugMetricsField,
  },
  { check: checkInterval },
)
const yamlSettings = defineSettings(
  { interval, pass_through: block(passThrough, passThroughDoc, { whenAbsent: 'defaults' }) },
  { check: checkInterval },
)

export const otelcolProcessorInterval: ComponentDefinition<SettingsOf<typeof alloySettings>> = {
  name: 'otelcol.processor.interval',
  stability: 'experimental',
  doc: 'Gathers metrics and sends the newest value of each stream once per interval.',
  consumes: ['metrics'],
  input: 'otelcol',
  settings: alloySettings,
  create: (host, settings) => new IntervalProcessor(host, settings.interval, settings.passthrough, settings.output),
}

export const intervalProcessor: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'processor',
  types: ['interval'],
  stability: 'experimental',
  doc: 'Gathers metrics and sends the newest value of each stream once per interval.',
  signals: ['metrics'],
  settings: yamlSettings,
  create: (host, settings, output) => new IntervalProcessor(host, settings.interval, settings.pass_through, output),
}

/**
 * What is gathered waits here; points that newer ones replace are dropped as `aggregated`. Deltas go on at once.
 * What cannot be sent when the interval ends is dropped as `send failed`: it is never sent twice.
 */
class IntervalProcessor implements Component {
  readonly metrics = { consume: (batch: Metrics): void | Promise<void> => this.#consume(batch) }
  readonly #host: Host
  readonly #intervalMs: number
  readonly #window: Window
  readonly #next: Consumer<Metrics>
  #timer: Timer | undefined
  #sending: Promise<void> = Promise.resolve()
  #taken = 0

  constructor(host: Host, intervalMs: number, pass: PassThrough, output: OtelOutput) {
    this.#host = host
    this.#intervalMs = intervalMs
    this.#window = new Window(pass)
    this.#next = host.outlet(outputPorts(output).metrics)
    host.counters.observeWaiting(() => this.#window.held + this.#taken)
  }

  start(): void {
    this.#flushLater()
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#flush()
    await this.#sending
  }

  #flushLater(): void {
    this.#timer = this.#host.clock.setTimeout(() => {
      this.#flush()
      this.#flushLater()
    }, this.#intervalMs)
  }

  #consume(batch: Metrics): void | Promise<void> {
    const tree = ownMetricsTree(batch)
    const { taken, absorbed } = this.#window.take(tree)
    this.#host.counters.drop('aggregated', absorbed)
    if (tree.resourceMetrics.length === 0) return undefined
    const rest = Metrics.fromTree(tree, batch.context)
    if (taken === 0) return this.#next.consume(rest)
    return this.#passOn(rest)
  }

  /**
   * The rest of a batch of which a part was taken in: a refusal of the whole would count that part twice, so the rest alone
   * is dropped when it is refused.
   */
  async #passOn(rest: Metrics): Promise<void> {
    try {
      await this.#next.consume(rest)
    } catch (error) {
      this.#failed(error, rest.count)
    }
  }

  #flush(): void {
    if (this.#window.held === 0) return
    this.#sending = this.#sendAfter(this.#sending, Metrics.fromTree(this.#window.flush()))
  }

  /** Two intervals never overlap downstream: an earlier one goes first. */
  async #sendAfter(earlier: Promise<void>, batch: Metrics): Promise<void> {
    this.#taken += batch.count
    await earlier
    this.#taken -= batch.count
    await this.#passOn(batch)
  }

  #failed(error: unknown, items: number): void {
    this.#host.counters.drop('send failed', items)
    this.#host.log.error('Cannot send gathered metrics', { error: String(error), dropped: items })
  }
}
