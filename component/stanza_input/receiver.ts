// A receiver that has listeners, and operators behind them.
import type { Component, Host, LogsPort } from '#component'
import { Delivery, EntryMaker, type OperatorSettings, type StanzaSettings } from '#component/stanza'
import { SocketInput, type SocketInputOptions } from './input.ts'
import type { TcpInputSettings, UdpInputSettings } from './settings.ts'

export interface SocketReceiverSettings extends Pick<StanzaSettings, 'attributes' | 'resource' | 'retry_on_failure'> {
  readonly operators: readonly OperatorSettings[]
  readonly tcp?: TcpInputSettings | undefined
  readonly udp?: UdpInputSettings | undefined
  readonly framing?: Pick<SocketInputOptions, 'hasLengths' | 'trailer'>
}

export class SocketReceiver implements Component<never> {
  readonly #delivery: Delivery
  readonly #inputs: readonly SocketInput[]
  #stopped = false

  constructor(host: Host, settings: SocketReceiverSettings, ports: readonly LogsPort[]) {
    const { operators, retry_on_failure: retry, tcp, udp, framing } = settings
    this.#delivery = new Delivery(host, { operators, retry, comesAgain: false }, ports)
    host.counters.observeWaiting(() => this.#delivery.waiting)
    const options = { host, delivery: this.#delivery, maker: new EntryMaker(settings), ...framing }
    this.#inputs = [...(tcp ? [SocketInput.tcp(tcp, options)] : []), ...(udp ? [SocketInput.udp(udp, options)] : [])]
  }

  /** Ports that are listened on; 0: not yet. */
  get ports(): readonly number[] {
    return this.#inputs.map(({ port }) => port)
  }

  async start(): Promise<void> {
    for (const input of this.#inputs) await input.start()
  }

  async stop(deadlineMs: number): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.#delivery.stopping(deadlineMs)
    await Promise.all(this.#inputs.map((input) => input.stop(deadlineMs)))
    await this.#delivery.stop()
  }

  debug(): unknown {
    return this.#inputs.map((input) => input.debug())
  }
}
