// otelcol.receiver.prometheus: hands Prometheus series on as OTLP metrics.
import {
  block,
  type Component,
  type ComponentDefinition,
  type Consumer,
  defineSettings,
  type Host,
  otelOutput,
  outputPorts,
  type SettingsOf,
} from '#component'
import { handOn } from '#component/bridge'
import { debugMetricsField } from '#component/debug_metrics'
import { Metrics } from '#pdata'
import { SeriesToOtlp } from '#pdata/prometheus_otlp'

const settings = defineSettings({
  output: block(otelOutput, 'Where the metrics go.', { required: true }),
  ...debugMetricsField,
})
type ReceiverSettings = SettingsOf<typeof settings>

export const otelcolReceiverPrometheus: ComponentDefinition<ReceiverSettings> = {
  name: 'otelcol.receiver.prometheus',
  stability: 'generally-available',
  doc: 'Turns Prometheus series into OTLP metrics and hands them to otelcol components.',
  consumes: ['metrics'],
  settings,
  create: (host, decoded) => new SeriesBridge(host, decoded),
}

/** The scope under which the collector's own receiver gives the metrics that it scrapes. */
const scopeName = 'github.com/open-telemetry/opentelemetry-collector-contrib/receiver/prometheusreceiver'

class SeriesBridge implements Component<ReceiverSettings> {
  readonly #host: Host
  readonly #converter: SeriesToOtlp
  #next: Consumer<Metrics>

  readonly metrics = { consume: (batch: Metrics) => this.#consume(batch) }

  constructor(host: Host, decoded: ReceiverSettings) {
    this.#host = host
    this.#converter = new SeriesToOtlp({
      scopeName,
      scopeVersion: host.globals.version,
      legacyAttributes: true,
    })
    this.#next = host.outlet(outputPorts(decoded.output).metrics)
  }

  update(decoded: ReceiverSettings): void {
    this.#next = this.#host.outlet(outputPorts(decoded.output).metrics)
  }

  #consume(batch: Metrics): void | Promise<void> {
    const { tree, dropped } = this.#converter.convert(batch.series())
    return handOn(this.#host.counters, this.#next, batch.count, dropped, Metrics.fromTree(tree))
  }

  stop(): void {}
}
