// Takes events of Fluentd and Fluent Bit over TCP or a Unix socket, and acknowledges what the next components took.
import type { Socket } from 'node:net'
import { type Component, type Count, HealthState, type Host, type LogsPort } from '#component'
import { hostAndPort, type ListenAddress, RetriedBind } from '#component/listener'
import { LogDelivery } from '#component/log_source'
import { type StreamHandler, TcpServer, UdpServer } from '#component/socket_server'
import { MsgpackFrames, msgpackTextMap } from '#lib/msgpack'
import { Logs } from '#pdata'
import { emptyResource, emptyScope, type LogRecord } from '#pdata/otlp'
import { type FluentMessage, isBadMessage, readMessage } from './events.ts'

/** Datagrams that ask for a sign of life are small and few. */
const heartbeatBytesMax = 64 * 1024

/** Where an endpoint is; undefined for what is none. */
export function fluentAddress(endpoint: string): ListenAddress | undefined {
  if (endpoint.startsWith('/') || endpoint.startsWith('unix://')) return { path: endpoint.replace(/^unix:\/\//, '') }
  const found = hostAndPort(endpoint)
  return found && { host: found.host === 'localhost' ? '127.0.0.1' : found.host, port: found.port }
}

export interface FluentSettings {
  readonly endpoint: string
  readonly max_connections: number
  readonly max_message_size: number
}

export class FluentForward implements Component<never> {
  readonly #host: Host
  readonly #messageBytesMax: number
  readonly #delivery: LogDelivery
  readonly #server: RetriedBind<TcpServer>
  readonly #heartbeat: RetriedBind<UdpServer> | undefined
  readonly #failures = { server: '', heartbeat: '' }
  readonly #opened: Count
  readonly #closed: Count
  readonly #events: Count
  readonly #faults: Count
  readonly #records: Count
  readonly #accepted: Count
  readonly #refused: Count

  /** `receiver`: what the receiver is called in its own metrics. */
  constructor(host: Host, settings: FluentSettings, receiver: string, ports: readonly LogsPort[]) {
    this.#host = host
    this.#messageBytesMax = settings.max_message_size
    this.#delivery = new LogDelivery(host, ports)
    const { instruments } = host
    const count = (name: string, help: string): Count => instruments.counter(`otelcol_fluent_${name}_total`, help)
    this.#opened = count('opened_connections', 'Number of connections opened to the fluentforward receiver')
    this.#closed = count('closed_connections', 'Number of connections closed to the fluentforward receiver')
    this.#events = count('events_parsed', 'Number of Fluent events parsed successfully')
    this.#faults = count('parse_failures', 'Number of times Fluent messages failed to be decoded')
    this.#records = count('records_generated', 'Number of log records generated from Fluent forward input')
    const taken = (name: string, help: string): Count =>
      instruments.counter(`otelcol_receiver_${name}_log_records_total`, help, { receiver, transport: 'http' })
    this.#accepted = taken('accepted', 'Number of log_records successfully pushed into the pipeline.')
    this.#refused = taken('refused', 'Number of log_records that could not be pushed into the pipeline.')
    // Checked with the settings.
    const address = fluentAddress(settings.endpoint) ?? { host: '', port: 0 }
    const { clock, log } = host
    const options = { clock, log, accept: (_: string, socket: Socket) => this.#accept(socket) }
    const tried = (failure: string): void => this.#tried('server', failure)
    this.#server = new RetriedBind(
      { clock, log, tried },
      () =>
        new TcpServer({ address, connectionsMax: settings.max_connections, idleTimeoutMs: 0, tls: undefined }, options),
    )
    if (!('path' in address)) this.#heartbeat = this.#makeHeartbeat(address)
  }

  #makeHeartbeat(address: { readonly host: string; readonly port: number }): RetriedBind<UdpServer> {
    const { clock, log } = this.#host
    const make = (): UdpServer => {
      const server: UdpServer = new UdpServer(
        { address, queueBytesMax: heartbeatBytesMax },
        {
          clock,
          log,
          datagrams: (batch) => {
            for (const one of batch) if (one.bytes.length > 0) server.answer(one, one.bytes.subarray(0, 1))
          },
          dropped: () => {},
        },
      )
      return server
    }
    return new RetriedBind({ clock, log, tried: (failure) => this.#tried('heartbeat', failure) }, make)
  }

  #tried(which: 'server' | 'heartbeat', failure: string): void {
    this.#failures[which] = failure
    const problem = this.#failures.server || this.#failures.heartbeat
    if (problem === '') this.#host.setHealth(HealthState.healthy, 'started component')
    else this.#host.setHealth(HealthState.unhealthy, problem)
  }

  async start(): Promise<void> {
    await Promise.all([this.#server.start(), this.#heartbeat?.start()])
  }

  /** The ports that are listened on; 0: none. */
  get ports(): { readonly tcp: number; readonly udp: number } {
    return { tcp: this.#server.bound?.port ?? 0, udp: this.#heartbeat?.bound?.port ?? 0 }
  }

  #accept(socket: Socket): StreamHandler {
    const frames = new MsgpackFrames(this.#messageBytesMax)
    this.#opened.add(1)
    return {
      data: async (chunk) => {
        const more = await this.#take(frames.push(chunk), socket)
        return frames.fault && more ? this.#bad(frames.fault) : more
      },
      end: () => this.#closed.add(1),
    }
  }

  /** Nothing that comes behind it can be read. */
  #bad(error: Error): false {
    this.#faults.add(1)
    this.#host.log.debug('A connection sent what is no message; it is closed', { err: error.message })
    return false
  }

  /** True: all that was asked for is acknowledged, and more may come. */
  async #take(messages: readonly Buffer[], socket: Socket): Promise<boolean> {
    if (messages.length === 0) return true
    const read: FluentMessage[] = []
    let bad: Error | undefined
    for (const bytes of messages) {
      try {
        read.push(await readMessage(bytes, this.#messageBytesMax))
      } catch (error) {
        if (!isBadMessage(error)) throw error
        bad = error as Error
        break
      }
    }
    this.#events.add(read.length)
    const records = read.flatMap((message) => message.records)
    this.#records.add(records.length)
    const taken = await this.#delivery.handOnLogs(() => logsOf(records), records.length)
    ;(taken ? this.#accepted : this.#refused).add(records.length)
    if (taken) for (const { chunk } of read) if (chunk !== '') socket.write(msgpackTextMap({ ack: chunk }))
    if (bad) return this.#bad(bad)
    // Not acknowledged, a client sends it again, on another connection.
    return taken || read.every(({ chunk }) => chunk === '')
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#delivery.stopping(deadlineMs)
    await Promise.all([this.#server.stop(deadlineMs), this.#heartbeat?.stop(deadlineMs)])
    await this.#delivery.stop(deadlineMs)
  }

  debug(): unknown {
    return { ...this.ports, connections: this.#server.bound?.connections ?? 0 }
  }
}

/** Shared with the next try: whoever changes the batch changes a copy. */
function logsOf(logRecords: LogRecord[]): Logs {
  const scopeLogs = [{ scope: emptyScope(), logRecords, schemaUrl: '', unknown: null }]
  const logs = Logs.fromTree({ resourceLogs: [{ resource: emptyResource(), scopeLogs, schemaUrl: '', unknown: null }] })
  logs.shared = true
  return logs
}
