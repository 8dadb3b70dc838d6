// For this folder's tests: a receiver with consumers that keep what they get, or fail as told.
import type { TestContext } from 'node:test'
import { type Batch, Capsule, type Port, type Signal } from '#component'
import { decoded, TestHost, type Written } from '#component/test_host'
import type { Logs, Metrics, Traces } from '#pdata'
import { otelcolReceiverOtlp } from './component.ts'
import { OtlpReceiver } from './receiver.ts'

export class Receiving {
  readonly host: TestHost
  readonly receiver: OtlpReceiver
  readonly traces: Traces[] = []
  readonly logs: Logs[] = []
  readonly metrics: Metrics[] = []
  /** What the consumers do before they keep a batch. */
  before: () => void | Promise<void> = () => {}

  constructor(written: Written, signals: readonly Signal[], host: TestHost) {
    this.host = host
    const port = <B extends Batch>(signal: Signal, kept: B[]): Port<B> => ({
      nodeId: 'sink',
      signal,
      consume: async (batch) => {
        await this.before()
        kept.push(batch)
      },
    })
    const sink = new Capsule('otelcol.Consumer', {
      nodeId: 'sink',
      traces: port('traces', this.traces),
      logs: port('logs', this.logs),
      metrics: port('metrics', this.metrics),
    })
    const output = Object.fromEntries(signals.map((signal) => [signal, [sink]]))
    const settings = decoded(otelcolReceiverOtlp.settings, { ...written, output })
    const made = otelcolReceiverOtlp.create(host, settings)
    if (!(made instanceof OtlpReceiver)) throw new Error('no receiver was made')
    this.receiver = made
  }

  get grpc(): string {
    return `127.0.0.1:${this.receiver.ports.grpc}`
  }

  get http(): string {
    return `http://127.0.0.1:${this.receiver.ports.http}`
  }
}

const everySignal: readonly Signal[] = ['traces', 'logs', 'metrics']

/** A started receiver, with both protocols on free ports unless something else is written. */
export async function receive(
  t: TestContext,
  {
    grpc = {},
    http = {},
    signals = everySignal,
    host = new TestHost(),
  }: { grpc?: Written; http?: Written; signals?: readonly Signal[]; host?: TestHost } = {},
): Promise<Receiving> {
  const written = { grpc: { endpoint: '127.0.0.1:0', ...grpc }, http: { endpoint: '127.0.0.1:0', ...http } }
  const receiving = new Receiving(written, signals, host)
  await receiving.receiver.start()
  t.after(() => receiving.receiver.stop(0))
  return receiving
}
