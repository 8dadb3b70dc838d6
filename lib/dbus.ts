// A client of D-Bus over a unix socket: connect, call methods, read properties, close.
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { systemClock } from './clock.ts'
import type { Clock, Timer } from './clock.ts'
import {
  DbusFormatError,
  DbusMessageType,
  DbusVariant,
  dbusFixedHeaderBytes,
  dbusMessageLength,
  decodeDbusMessage,
  encodeDbusMessage,
} from './dbus_message.ts'
import type { DbusMessage, DbusValue } from './dbus_message.ts'

export { DbusFormatError, DbusVariant }
export type { DbusValue }

export interface DbusOptions {
  /** Of the socket; a first byte of 0 for Linux' abstract names. */
  readonly socketPath: string
  /** Is a bus at the other end, which wants `Hello` first, or the service itself (systemd's private socket)? */
  readonly bus: boolean
  /** For connecting and for each call. Default 10 s. */
  readonly timeoutMs?: number
  /** A longer message ends the connection. Default 16 MiB: a list of 40 000 units. */
  readonly messageBytesMax?: number
  /** Ends the connection. */
  readonly signal?: AbortSignal
  readonly clock?: Clock
}

const timeoutMsDefault = 10_000
const messageBytesMaxDefault = 16 << 20
const handshakeBytesMax = 16_384

/** The other end said no, or cannot be talked to. */
export class DbusError extends Error {
  override readonly name = 'DbusError'
  /** `org.freedesktop.DBus.Error.UnknownProperty`; '' for errors of this end (closed, timed out). */
  readonly errorName: string
  constructor(message: string, errorName = '') {
    super(message)
    this.errorName = errorName
  }
}

interface PendingCall {
  resolve(body: readonly DbusValue[]): void
  reject(error: Error): void
  timer: Timer
}

/** Connect and authenticate as the process' user. Throws `DbusError`. The caller closes it. */
export async function connectDbus(options: DbusOptions): Promise<DbusConnection> {
  const connection = new DbusConnection(options)
  try {
    await connection.open()
    return connection
  } catch (error) {
    connection.close()
    throw error
  }
}

/** The system bus' socket: from `DBUS_SYSTEM_BUS_ADDRESS` (`unix:path=…`, `unix:abstract=…`), else where it always is. */
export function systemBusSocket(address: string | undefined): string {
  for (const one of (address ?? '').split(';')) {
    if (!one.startsWith('unix:')) continue
    for (const pair of one.slice(5).split(',')) {
      const [key, value] = pair.split('=', 2)
      if (value === undefined || value === '') continue
      if (key === 'path') return unescapeAddress(value)
      if (key === 'abstract') return `\0${unescapeAddress(value)}`
    }
  }
  return '/run/dbus/system_bus_socket'
}

function unescapeAddress(value: string): string {
  return value.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** A connection. Calls may overlap; after an error of the connection, or `close`, every call fails. */
export class DbusConnection {
  readonly #timeoutMs: number
  readonly #messageBytesMax: number
  readonly #bus: boolean
  readonly #clock: Clock
  readonly #socketPath: string
  readonly #signal: AbortSignal | undefined
  readonly #calls = new Map<number, PendingCall>()
  #socket: Socket | undefined
  #serial = 0
  /** Came in and is not a whole message yet. */
  #chunks: Buffer[] = []
  #bytes = 0
  #wanted = dbusFixedHeaderBytes
  #failure: Error | undefined
  #onHandshake: ((chunk: Buffer) => void) | undefined
  #onFailure: ((error: Error) => void) | undefined
  readonly #abort = (): void => this.#fail(new DbusError('Cannot go on with D-Bus: aborted'))

  constructor(options: DbusOptions) {
    this.#socketPath = options.socketPath
    this.#bus = options.bus
    this.#timeoutMs = options.timeoutMs ?? timeoutMsDefault
    this.#messageBytesMax = options.messageBytesMax ?? messageBytesMaxDefault
    this.#signal = options.signal
    this.#clock = options.clock ?? systemClock
  }

  /** Done by `connectDbus`. */
  async open(): Promise<void> {
    if (this.#signal?.aborted === true) throw new DbusError('Cannot connect to D-Bus: aborted')
    this.#signal?.addEventListener('abort', this.#abort, { once: true })
    const timer = this.#clock.setTimeout(
      () => this.#fail(new DbusError(`Cannot connect to D-Bus: no answer within ${this.#timeoutMs} ms`)),
      this.#timeoutMs,
    )
    try {
      await this.#authenticate()
    } finally {
      timer.cancel()
    }
    if (this.#bus) await this.call('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus', 'Hello')
  }

  #authenticate(): Promise<void> {
    return new Promise((resolve, reject) => {
      let text = ''
      this.#onFailure = reject
      this.#onHandshake = (chunk) => {
        text += chunk.toString('latin1')
        const end = text.indexOf('\r\n')
        if (end < 0) {
          if (text.length > handshakeBytesMax)
            this.#fail(new DbusError('Cannot connect to D-Bus: endless answer to AUTH'))
          return
        }
        if (!text.startsWith('OK ')) {
          this.#fail(
            new DbusError(`Cannot connect to D-Bus: refused: current value is ${JSON.stringify(text.slice(0, end))}`),
          )
          return
        }
        this.#onHandshake = undefined
        this.#onFailure = undefined
        this.#socket?.write('BEGIN\r\n')
        const rest = Buffer.from(text.slice(end + 2), 'latin1')
        if (rest.length > 0) this.#receive(rest)
        resolve()
      }
      const socket = connect({ path: this.#socketPath })
      this.#socket = socket
      socket.on('connect', () => {
        // The spec's EXTERNAL mechanism: the user's number, its ASCII digits in hexadecimal. The 0 goes with the credentials.
        socket.write(`\0AUTH EXTERNAL ${Buffer.from(String(process.getuid?.() ?? 0)).toString('hex')}\r\n`)
      })
      socket.on('data', (chunk: Buffer) => {
        if (this.#onHandshake === undefined) this.#receive(chunk)
        else this.#onHandshake(chunk)
      })
      socket.on('error', (error) => this.#fail(new DbusError(`Cannot talk to D-Bus: ${error.message}`)))
      socket.on('close', () => this.#fail(new DbusError('Cannot talk to D-Bus: the other end closed the connection')))
    })
  }

  /**
   * Call a method; gives the reply's values. `signature` is that of `args`. Throws `DbusError` (with the error's name when
   * the other end sent one), or `DbusFormatError` when `args` do not fit.
   */
  call(
    destination: string,
    path: string,
    interfaceName: string,
    member: string,
    signature = '',
    args: readonly DbusValue[] = [],
  ): Promise<readonly DbusValue[]> {
    const socket = this.#socket
    if (this.#failure !== undefined || socket === undefined) {
      return Promise.reject(this.#failure ?? new DbusError('Cannot call over D-Bus: not connected'))
    }
    this.#serial = this.#serial === 0xffffffff ? 1 : this.#serial + 1
    const serial = this.#serial
    return new Promise((resolve, reject) => {
      const type = DbusMessageType.methodCall
      // systemd's private socket has no names to send to.
      const to = this.#bus ? { destination } : {}
      const bytes = encodeDbusMessage({
        type,
        serial,
        path,
        interface: interfaceName,
        member,
        signature,
        body: args,
        ...to,
      })
      const timer = this.#clock.setTimeout(() => {
        this.#calls.delete(serial)
        reject(new DbusError(`Cannot call ${interfaceName}.${member}: no answer within ${this.#timeoutMs} ms`))
      }, this.#timeoutMs)
      this.#calls.set(serial, { resolve, reject, timer })
      socket.write(bytes)
    })
  }

  /** A property's value, taken out of its variant. Throws as `call`. */
  async property(destination: string, path: string, interfaceName: string, property: string): Promise<DbusValue> {
    const reply = await this.call(destination, path, 'org.freedesktop.DBus.Properties', 'Get', 'ss', [
      interfaceName,
      property,
    ])
    const variant = reply[0]
    if (!(variant instanceof DbusVariant))
      throw new DbusError(`Cannot read ${interfaceName}.${property}: no variant came`)
    return variant.value
  }

  /** Close the socket; calls that wait fail. Safe twice. */
  close(): void {
    this.#fail(new DbusError('Cannot call over D-Bus: closed'))
  }

  #receive(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    try {
      while (this.#failure === undefined && this.#bytes >= this.#wanted) this.#takeMessage()
    } catch (error) {
      this.#fail(error instanceof Error ? error : new DbusError(String(error)))
    }
  }

  #takeMessage(): void {
    const all = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks, this.#bytes)
    const length = dbusMessageLength(all)
    if (length > this.#messageBytesMax) {
      throw new DbusError(
        `Cannot read from D-Bus: message over ${this.#messageBytesMax} bytes: current value is ${length}`,
      )
    }
    const whole = all.length >= length
    const rest = whole ? all.subarray(length) : all
    this.#chunks = rest.length > 0 ? [rest] : []
    this.#bytes = rest.length
    this.#wanted = whole ? dbusFixedHeaderBytes : length
    if (whole) this.#dispatch(decodeDbusMessage(all.subarray(0, length)))
  }

  #dispatch(message: DbusMessage): void {
    // Signals and calls to this end are nobody's business here.
    if (message.replySerial === undefined) return
    const call = this.#calls.get(message.replySerial)
    if (call === undefined) return
    this.#calls.delete(message.replySerial)
    call.timer.cancel()
    if (message.type === DbusMessageType.methodReturn) return call.resolve(message.body)
    const text = typeof message.body[0] === 'string' ? message.body[0] : 'no text'
    call.reject(new DbusError(`${message.errorName ?? 'error'}: ${text}`, message.errorName ?? ''))
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#signal?.removeEventListener('abort', this.#abort)
    this.#chunks = []
    this.#bytes = 0
    this.#socket?.destroy()
    this.#onHandshake = undefined
    this.#onFailure?.(error)
    this.#onFailure = undefined
    for (const call of this.#calls.values()) {
      call.timer.cancel()
      call.reject(error)
    }
    this.#calls.clear()
  }
}
