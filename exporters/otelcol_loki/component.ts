// otelcol.exporter.loki: hands OTLP logs on as Loki's streams.
import {
  attr,
  type Component,
  type ComponentDefinition,
  type Consumer,
  type Count,
  defineSettings,
  type Host,
  list,
  logsReceiver,
  type SettingsOf,
} from '#component'
import { handOn } from '#component/bridge'
import { debugMetricsField } from '#component/debug_metrics'
import { Logs } from '#pdata'
import { streamsFromOtlp } from '#pdata/loki_otlp'
import { logsTree } from '#pdata/otlp'

const settings = defineSettings({
  forward_to: attr(list(logsReceiver), 'Where the lines go.', { required: true }),
  ...debugMetricsField,
})
type ExporterSettings = SettingsOf<typeof settings>

export const otelcolExporterLoki: ComponentDefinition<ExporterSettings> = {
  name: 'otelcol.exporter.loki',
  stability: 'generally-available',
  doc: 'Turns OTLP logs into lines with labels and hands them to Loki components.',
  consumes: ['logs'],
  input: 'otelcol',
  settings,
  create: (host, decoded) => new LokiBridge(host, decoded),
}

class LokiBridge implements Component<ExporterSettings> {
  readonly #host: Host
  #next: Consumer<Logs>
  readonly #total: Count
  readonly #failed: Count
  readonly #processed: Count

  readonly logs = { consume: (batch: Logs) => this.#consume(batch) }

  constructor(host: Host, decoded: ExporterSettings) {
    this.#host = host
    this.#next = host.outlet(decoded.forward_to)
    const counter = (name: string, help: string): Count =>
      host.instruments.counter(`otelcol_exporter_loki_entries_${name}`, help)
    this.#total = counter('total', 'Log records that came in.')
    this.#failed = counter('failed', 'Log records that could not be converted.')
    this.#processed = counter('processed', 'Log records that were converted.')
  }

  update(decoded: ExporterSettings): void {
    this.#next = this.#host.outlet(decoded.forward_to)
  }

  #consume(batch: Logs): void | Promise<void> {
    const nowNs = BigInt(Math.trunc(this.#host.clock.now())) * 1_000_000n
    const { streams, dropped } = streamsFromOtlp(logsTree(batch), nowNs)
    const made = Logs.fromStreams(streams, batch.context)
    this.#total.add(batch.count)
    this.#processed.add(made.count)
    this.#failed.add(batch.count - made.count)
    return handOn(this.#host.counters, this.#next, batch.count, dropped, made)
  }

  stop(): void {}
}
