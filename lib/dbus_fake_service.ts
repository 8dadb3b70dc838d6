// For tests: a D-Bus service that answers calls from a table, either joined to a real bus or at the other end of a socket.
import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import {
  DbusMessageType,
  dbusFixedHeaderBytes,
  dbusMessageLength,
  decodeDbusMessage,
  encodeDbusMessage,
} from './dbus_message.ts'
import type { DbusMessage, DbusValue } from './dbus_message.ts'

/** What a call gives: values with their signature, an error's name, or nothing at all (the caller waits in vain). */
export type FakeReply =
  | { readonly signature: string; readonly body: readonly DbusValue[] }
  | { readonly errorName: string }
  | 'silence'

export type FakeHandler = (call: DbusMessage) => FakeReply

/** A service; stopped by `stop`. */
export class FakeDbusService {
  readonly #handler: FakeHandler
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #serial = 0

  constructor(handler: FakeHandler) {
    this.#handler = handler
  }

  /** Listen at `socketPath`, as a bus (answers `Hello`) and as the service in one. */
  async listen(socketPath: string): Promise<void> {
    const server = createServer((socket) => {
      let isBegun = false
      this.#keep(socket, (text) => {
        if (isBegun) return undefined
        if (text.startsWith('\0AUTH EXTERNAL ') && text.endsWith('\r\n'))
          socket.write('OK 0123456789abcdef0123456789abcdef\r\n')
        else if (text.startsWith('BEGIN\r\n')) {
          isBegun = true
          return 'BEGIN\r\n'.length
        } else return 0
        return text.length
      })
    })
    this.#server = server
    await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  }

  /** Join the bus at `socketPath` under `name`; done when the bus says that the name is this service's. */
  async join(socketPath: string, name: string): Promise<void> {
    const socket = connect({ path: socketPath })
    let isBegun = false
    const owned = new Promise<void>((resolve, reject) => {
      this.#onReply = (message) => {
        if (message.type === DbusMessageType.error)
          reject(new Error(`${message.errorName}: ${String(message.body[0])}`))
        // The answer to RequestName; 1 is DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER.
        else if (message.replySerial === 2 && message.body[0] === 1) resolve()
      }
      socket.on('error', reject)
    })
    this.#keep(socket, (text) => {
      if (isBegun) return undefined
      const end = text.indexOf('\r\n')
      if (end < 0) return 0
      isBegun = true
      socket.write('BEGIN\r\n')
      this.#callBus(socket, 'Hello', '', [])
      this.#callBus(socket, 'RequestName', 'su', [name, 4])
      return end + 2
    })
    socket.write(`\0AUTH EXTERNAL ${Buffer.from(String(process.getuid?.() ?? 0)).toString('hex')}\r\n`)
    await owned
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    const server = this.#server
    if (server) await new Promise((resolve) => server.close(resolve))
  }

  #onReply: (message: DbusMessage) => void = () => undefined

  #callBus(socket: Socket, member: string, signature: string, body: readonly DbusValue[]): void {
    const bus = 'org.freedesktop.DBus'
    const type = DbusMessageType.methodCall
    const path = '/org/freedesktop/DBus'
    const serial = ++this.#serial
    socket.write(encodeDbusMessage({ type, serial, path, interface: bus, member, destination: bus, signature, body }))
  }

  /** `handshake` gives how many bytes of text it took (0: wait for more), undefined once messages come. */
  #keep(socket: Socket, handshake: (text: string) => number | undefined): void {
    this.#sockets.add(socket)
    let bytes: Buffer = Buffer.alloc(0)
    socket.on('error', () => undefined)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      for (;;) {
        const taken = handshake(bytes.toString('latin1'))
        if (taken === undefined) break
        if (taken === 0) return
        bytes = bytes.subarray(taken)
      }
      while (bytes.length >= dbusFixedHeaderBytes && bytes.length >= dbusMessageLength(bytes)) {
        const length = dbusMessageLength(bytes)
        this.#answer(socket, decodeDbusMessage(bytes.subarray(0, length)))
        bytes = bytes.subarray(length)
      }
    })
  }

  #answer(socket: Socket, message: DbusMessage): void {
    if (message.replySerial !== undefined) return this.#onReply(message)
    if (message.type !== DbusMessageType.methodCall) return
    const reply: FakeReply = message.member === 'Hello' ? { signature: 's', body: [':1.1'] } : this.#handler(message)
    if (reply === 'silence') return
    const to = message.sender === undefined ? {} : { destination: message.sender }
    const head = { serial: ++this.#serial, replySerial: message.serial, ...to }
    socket.write(
      encodeDbusMessage(
        'errorName' in reply
          ? { ...head, type: DbusMessageType.error, errorName: reply.errorName, signature: 's', body: ['fake'] }
          : { ...head, type: DbusMessageType.methodReturn, signature: reply.signature, body: reply.body },
      ),
    )
  }
}
