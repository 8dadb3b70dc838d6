// Tunnels through SOCKS 5 proxies (RFC 1928, RFC 1929).
import { isIP, type Socket } from 'node:net'
import { RequestError } from './errors.ts'

const versionByte = 5
const methodNone = 0
const methodPassword = 2
const commandConnect = 1
const addressName = 3

/** RFC 1928, 6. */
const replies: readonly string[] = [
  'succeeded',
  'general failure',
  'not allowed by its rules',
  'network unreachable',
  'host unreachable',
  'connection refused',
  'time to live expired',
  'command not supported',
  'address type not supported',
]

export interface SocksTarget {
  /** Looked up by the proxy. */
  readonly host: string
  readonly port: number
  /** Empty: none. */
  readonly user: string
  readonly password: string
}

/** Ask the proxy at the other end of `socket` for a tunnel. Fulfilled with the same socket; rejects with `RequestError`. */
export async function openSocksTunnel(socket: Socket, target: SocksTarget): Promise<Socket> {
  const reader = new SocketReader(socket)
  try {
    const withPassword = target.user !== ''
    socket.write(
      Buffer.from(withPassword ? [versionByte, 2, methodNone, methodPassword] : [versionByte, 1, methodNone]),
    )
    const [version, method] = await reader.read(2)
    if (version !== versionByte) throw refusal('it does not speak SOCKS 5')
    if (method === methodPassword && withPassword) await authenticate(socket, reader, target)
    else if (method !== methodNone) throw refusal('it wants another authentication')
    socket.write(connectRequest(target))
    const head = await reader.read(5)
    if (head[1] !== 0) throw refusal(replies[head[1] as number] ?? `it answered ${head[1]}`)
    // The address that the proxy connects from is of no use: its length depends on its type.
    const kind = head[3] as number
    await reader.read((kind === 1 ? 4 : kind === 4 ? 16 : 1 + (head[4] as number)) - 1 + 2)
    reader.release()
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

function refusal(why: string): RequestError {
  return new RequestError(`the proxy gives no tunnel: ${why}`, 'failed')
}

async function authenticate(socket: Socket, reader: SocketReader, { user, password }: SocksTarget): Promise<void> {
  const [u, p] = [Buffer.from(user), Buffer.from(password)]
  if (u.length > 255 || p.length > 255) throw refusal('user or password is longer than 255 bytes')
  socket.write(Buffer.concat([Buffer.of(1, u.length), u, Buffer.of(p.length), p]))
  const [, status] = await reader.read(2)
  if (status !== 0) throw refusal('it refuses user and password')
}

function connectRequest({ host, port }: SocksTarget): Buffer {
  const portBytes = Buffer.of(port >> 8, port & 0xff)
  const head = Buffer.of(versionByte, commandConnect, 0)
  if (isIP(host) === 4) return Buffer.concat([head, Buffer.of(1, ...host.split('.').map(Number)), portBytes])
  // Proxies take the text of an IPv6 address as a name, too.
  const name = Buffer.from(host)
  if (name.length > 255) throw refusal('the host is longer than 255 bytes')
  return Buffer.concat([head, Buffer.of(addressName, name.length), name, portBytes])
}

/** Reads so and so many bytes from a socket, and leaves what comes after them. */
class SocketReader {
  readonly #socket: Socket
  #failure: Error | undefined
  #wake: () => void = () => {}
  readonly #onEnd = (): void => {
    this.#failure ??= refusal('it closed the connection')
    this.#wake()
  }
  readonly #onReadable = (): void => this.#wake()

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('readable', this.#onReadable).on('end', this.#onEnd).on('close', this.#onEnd)
  }

  async read(length: number): Promise<Buffer> {
    for (;;) {
      const bytes = this.#socket.read(length) as Buffer | null
      if (bytes !== null && bytes.length === length) return bytes
      if (this.#failure) throw this.#failure
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  release(): void {
    this.#socket.off('readable', this.#onReadable).off('end', this.#onEnd).off('close', this.#onEnd)
    this.#socket.pause()
  }
}
