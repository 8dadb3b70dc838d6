// The span metrics connector: takes traces, sends metrics in regular intervals.
import { type Component, type Host, type OtelOutput, outputPorts } from '#component'
import { MetricsEmitter, randomUuid } from '#component/aggregation'
import type { Traces } from '#pdata'
import { tracesWire } from '#pdata/otlp'
import { SpanAggregator, type SpanMetricsSettings } from './aggregate.ts'

export interface ConnectorSettings extends Omit<SpanMetricsSettings, 'instanceId' | 'random'> {
  readonly flushIntervalMs: number
}

/** A span counts as out once it is aggregated. Spans of resources without a `service.name` are dropped. */
export class SpanMetricsConnector implements Component {
  readonly traces = { consume: (batch: Traces): void => this.#consume(batch) }
  readonly #host: Host
  readonly #aggregator: SpanAggregator
  readonly #emitter: MetricsEmitter

  constructor(host: Host, settings: ConnectorSettings, output: OtelOutput) {
    this.#host = host
    const random = (): number => host.clock.random()
    const aggregator = new SpanAggregator({ ...settings, instanceId: randomUuid(random), random })
    this.#aggregator = aggregator
    const next = host.outlet(outputPorts(output).metrics)
    this.#emitter = new MetricsEmitter(host, next, settings.flushIntervalMs, () => aggregator.flush(host.clock.now()))
    const { instruments } = host
    instruments.gauge('otelcol_connector_spanmetrics_series', 'Series kept.', () => aggregator.seriesCount)
    instruments.observedCounter(
      'otelcol_connector_spanmetrics_overflow_spans',
      'Spans counted in the series for what is over the limit.',
      () => aggregator.overflowed,
    )
    instruments.observedCounter(
      'otelcol_connector_spanmetrics_lost_resources',
      'Resources pushed out by others before their last values were sent.',
      () => aggregator.lostResources,
    )
  }

  start(): void {
    this.#emitter.start()
  }

  async stop(): Promise<void> {
    // Of what came since the last sending the first batch has only the zero at the beginning.
    await this.#emitter.stop(() => this.#aggregator.hasZeroOnly)
  }

  #consume(batch: Traces): void {
    const { counters, clock } = this.#host
    const spans = this.#aggregator.add(tracesWire(batch), clock.now())
    const { unnamed } = this.#aggregator
    counters.out += spans - unnamed
    counters.drop('no service name', unnamed)
  }

  debug(): unknown {
    const { seriesCount, resourceCount, overflowed, lostResources } = this.#aggregator
    return { resources: resourceCount, series: seriesCount, overflowed, lostResources }
  }
}
