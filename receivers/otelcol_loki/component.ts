// otelcol.receiver.loki: hands Loki's streams on as OTLP logs.
import {
  block,
  type Component,
  type ComponentDefinition,
  ConsumeError,
  type Consumer,
  defineSettings,
  type Host,
  otelOutput,
  outputPorts,
  type SettingsOf,
} from '#component'
import { handOn } from '#component/bridge'
import { debugMetricsField } from '#component/debug_metrics'
import { Logs } from '#pdata'
import { otlpFromStreams } from '#pdata/loki_otlp'

const settings = defineSettings({
  output: block(otelOutput, 'Where the logs go.', { required: true }),
  ...debugMetricsField,
})
type ReceiverSettings = SettingsOf<typeof settings>

export const otelcolReceiverLoki: ComponentDefinition<ReceiverSettings> = {
  name: 'otelcol.receiver.loki',
  stability: 'generally-available',
  doc: 'Turns lines of Loki components into OTLP logs and hands them to otelcol components.',
  consumes: ['logs'],
  input: 'loki',
  settings,
  create: (host, decoded) => new StreamsBridge(host, decoded),
}

const noneDropped: ReadonlyMap<string, number> = new Map()

class StreamsBridge implements Component<ReceiverSettings> {
  readonly #host: Host
  #next: Consumer<Logs>

  readonly logs = { consume: (batch: Logs) => this.#consume(batch) }

  constructor(host: Host, decoded: ReceiverSettings) {
    this.#host = host
    this.#next = host.outlet(outputPorts(decoded.output).logs)
  }

  update(decoded: ReceiverSettings): void {
    this.#next = this.#host.outlet(outputPorts(decoded.output).logs)
  }

  #consume(batch: Logs): void | Promise<void> {
    const { streams, context, count } = batch
    if (streams === null) throw new ConsumeError('Cannot take OTLP logs here: streams are wanted', { retryable: false })
    const nowNs = BigInt(Math.trunc(this.#host.clock.now())) * 1_000_000n
    const made = Logs.fromTree(otlpFromStreams(streams, nowNs), context)
    return handOn(this.#host.counters, this.#next, count, noneDropped, made)
  }

  stop(): void {}
}
