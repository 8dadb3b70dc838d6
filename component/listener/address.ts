// Where servers listen: an address and port, or a Unix socket.
import { unlinkSync } from 'node:fs'
import { connect, type Server, type Socket } from 'node:net'

export type ListenAddress =
  /** Host '': all addresses; port 0: any free one. Shared: with other processes that say so, the kernel deals connections out. */
  { readonly host: string; readonly port: number; readonly shared?: boolean } | { readonly path: string }

/** Host and port of `host:port`, `:port`, `[::1]:port`; undefined for what is none. */
export function hostAndPort(endpoint: string): { readonly host: string; readonly port: number } | undefined {
  const found = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(endpoint)
  const port = Number(found?.[3])
  if (!found || port > 65_535) return undefined
  return { host: found[1] ?? found[2] ?? '', port }
}

/** For messages. */
export function addressText(address: ListenAddress): string {
  if ('path' in address) return address.path
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`
}

/**
 * Bind. Rejects with an error that names the address. A Unix socket that a process left behind when it died is removed;
 * one that somebody answers is taken.
 */
export async function listen(server: Server, address: ListenAddress): Promise<void> {
  try {
    await bind(server, address)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if ('path' in address && code === 'EADDRINUSE' && (await isDead(address.path))) {
      unlinkSync(address.path)
      await bind(server, address)
      return
    }
    throw new Error(`Cannot listen on ${addressText(address)}: ${message}`)
  }
}

function bind(server: Server, address: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const done = (): void => {
      server.removeListener('error', reject)
      resolve()
    }
    if ('path' in address) server.listen({ path: address.path }, done)
    else {
      const { host, port, shared } = address
      server.listen({ port, ...(host === '' ? {} : { host }), ...(shared ? { reusePort: true } : {}) }, done)
    }
  })
}

function isDead(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(false)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'))
  })
}

/** The address of a client without its port; IPv4 as such also where the server listens on IPv6. '' for Unix sockets. */
export function peerAddress(socket: Socket): string {
  const address = socket.remoteAddress ?? ''
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
