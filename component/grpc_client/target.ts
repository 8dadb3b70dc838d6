// Where a target's name leads: addresses, looked up afresh whenever they are asked for.
import { lookup, Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'

/** Something to connect to. */
export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

export interface Target {
  /** For `:authority` and the certificate's name, port included where there is one. */
  readonly authority: string
  /** Where it leads now, in the resolver's order, none twice. Rejects where the name is not known. */
  resolve(): Promise<readonly Address[]>
}

const defaultPort = 443

/**
 * A target as gRPC names it (grpc/doc/naming.md): `host:port`, `dns:[//authority/]host[:port]`, `passthrough:///host:port`,
 * `ipv4:…`, `ipv6:…`, `unix:path`, `unix:///path`, `unix-abstract:name`. `http://` and `https://` in front are left out,
 * as in the collector's settings. Throws where it is none.
 */
export function parseTarget(text: string): Target {
  const bare = text.replace(/^https?:\/\//i, '')
  const unix = /^unix(-abstract)?:(?:\/\/(?=\/))?(.+)$/.exec(bare)
  if (unix) {
    const path = unix[1] ? `\0${unix[2]}` : (unix[2] as string)
    return { authority: 'localhost', resolve: async () => [{ kind: 'unix', path }] }
  }
  const addresses = /^ipv[46]:(.+)$/.exec(bare)
  if (addresses) {
    const list = (addresses[1] as string).split(',').map((one) => tcp(one, text))
    const [first] = list as [ReturnType<typeof tcp>]
    return { authority: shown(first), resolve: async () => list }
  }
  const dns = /^(?:dns|passthrough):(?:\/\/([^/]*)\/)?(.+)$/.exec(bare)
  const server = bare.startsWith('dns:') ? (dns?.[1] ?? '') : ''
  const address = tcp((dns?.[2] ?? bare).replace(/\/$/, ''), text)
  return { authority: shown(address), resolve: () => resolveTcp(address, server) }
}

type Tcp = Extract<Address, { kind: 'tcp' }>

function tcp(text: string, whole: string): Tcp {
  const m = /^(?:\[([^\]]+)\]|([^:/\s]*))(?::(\d+))?$/.exec(text)
  const host = isIP(text) === 6 ? text : (m?.[1] ?? m?.[2])
  const port = m?.[3] === undefined ? defaultPort : Number(m[3])
  if (host === undefined || port > 65_535 || text === '') {
    throw new Error(`Cannot use the endpoint: it should be host:port: current value is ${JSON.stringify(whole)}`)
  }
  return { kind: 'tcp', host: host === '' ? 'localhost' : host, port }
}

function shown({ host, port }: Tcp): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}

async function resolveTcp({ host, port }: Tcp, server: string): Promise<readonly Address[]> {
  if (isIP(host) > 0) return [{ kind: 'tcp', host, port }]
  const found = server === '' ? (await lookup(host, { all: true })).map((a) => a.address) : await ask(host, server)
  return [...new Set(found)].map((address) => ({ kind: 'tcp', host: address, port }))
}

/** Ask a name server of the target's own. */
async function ask(host: string, server: string): Promise<string[]> {
  const resolver = new Resolver()
  resolver.setServers([server])
  const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
  const [first] = answers
  if (found.length === 0) throw first.status === 'rejected' ? first.reason : new Error('the name has no address')
  return found
}

export function addressKey(address: Address): string {
  return address.kind === 'unix' ? `unix:${address.path}` : `${address.host}|${address.port}`
}
