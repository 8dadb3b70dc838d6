// Which proxy a request goes through, and tunnels through it.
import { BlockList, isIP, type Socket } from 'node:net'
import { request as httpRequest } from 'node:http'
import { RequestError, reasonOf } from './errors.ts'
import { proxyProtocols, type ProxySettings } from './settings.ts'

/** The proxy for a request to `url`, or undefined: straight. */
export type ProxyChoice = (url: URL) => URL | undefined

/**
 * As Go's clients choose: an explicit proxy without `no_proxy` takes everything; with `no_proxy`, and from the
 * environment, this machine itself is always reached straight.
 */
export function proxyChoice(
  settings: ProxySettings,
  environment: Readonly<Record<string, string | undefined>>,
): ProxyChoice {
  if (settings.proxy_from_environment) {
    const variable = (name: string): string => environment[name] || environment[name.toLowerCase()] || ''
    const http = proxyUrl(variable('HTTP_PROXY'))
    const https = proxyUrl(variable('HTTPS_PROXY'))
    const straight = noProxy(variable('NO_PROXY'))
    return (url) => (straight(url) ? undefined : url.protocol === 'https:' ? https : http)
  }
  const proxy = proxyUrl(settings.proxy_url)
  if (proxy === undefined) return () => undefined
  if (settings.no_proxy === '') return () => proxy
  const straight = noProxy(settings.no_proxy)
  return (url) => (straight(url) ? undefined : proxy)
}

/** The environment may name a proxy without a scheme: `proxy:3128`. */
function proxyUrl(text: string): URL | undefined {
  if (text === '') return undefined
  const url = URL.parse(text)
  if (url && proxyProtocols.includes(url.protocol)) return url
  return URL.parse(`http://${text}`) ?? undefined
}

/** Reads a `NO_PROXY` list (golang.org/x/net/http/httpproxy): `*`, CIDR, address, `.domain`, `domain`, each with `:port` or not. */
function noProxy(text: string): (url: URL) => boolean {
  const networks = new BlockList()
  const hosts: { host: string; port: string; whole: boolean }[] = []
  let all = false
  for (const word of text.toLowerCase().split(',')) {
    const item = word.trim()
    if (item === '') continue
    if (item === '*') all = true
    else if (!addNetwork(networks, item)) hosts.push(hostPattern(item))
  }
  return (url) => {
    const host = bareHost(url)
    const port = portOf(url)
    const family = isIP(host)
    if (all || host === 'localhost' || (family > 0 && isLoopback(host, family))) return true
    if (family > 0 && networks.check(host, family === 6 ? 'ipv6' : 'ipv4')) return true
    return hosts.some((p) => {
      if (p.port !== '' && p.port !== port) return false
      return (p.whole && host === p.host) || (family === 0 && host.endsWith(`.${p.host}`))
    })
  }
}

function addNetwork(networks: BlockList, item: string): boolean {
  const [address, bits] = item.split('/') as [string, string?]
  const family = isIP(address)
  if (bits === undefined || family === 0) return false
  try {
    networks.addSubnet(address, Number(bits), family === 6 ? 'ipv6' : 'ipv4')
    return true
  } catch {
    return false
  }
}

function hostPattern(item: string): { host: string; port: string; whole: boolean } {
  const m = isIP(item) > 0 ? null : /^\[?(.*?)\]?:(\d+)$/.exec(item)
  const host = (m?.[1] ?? item).replace(/^\*\./, '.').replace(/^\[(.*)\]$/, '$1')
  const dotted = host.startsWith('.')
  return { host: dotted ? host.slice(1) : host, port: m?.[2] ?? '', whole: !dotted }
}

function isLoopback(host: string, family: number): boolean {
  return family === 6 ? host === '::1' || host.startsWith('::ffff:7f') : host.startsWith('127.')
}

/** The host of a URL without the brackets of IPv6 addresses. */
export function bareHost(url: URL): string {
  return url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
}

export function portOf(url: URL): string {
  return url.port || (url.protocol === 'https:' ? '443' : isSocks(url) ? '1080' : '80')
}

export function isSocks(proxy: URL): boolean {
  return proxy.protocol.startsWith('socks5')
}

/** User and password of a URL as a `Basic` credential, or undefined. */
export function userInfo(url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined
  return basic(unescaped(url.username), unescaped(url.password))
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

export function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The headers that a proxy gets with a request. */
export function proxyHeaders(proxy: URL, settings: ProxySettings, connect: boolean): Record<string, string[]> {
  const headers: Record<string, string[]> = {}
  const authorization = userInfo(proxy)
  if (authorization !== undefined) headers['proxy-authorization'] = [authorization]
  if (!connect) return headers
  for (const [name, values] of settings.proxy_connect_header) {
    headers[name.toLowerCase()] = values.map((value) => value.reveal())
  }
  return headers
}

/** Ask the proxy at the other end of `socket` for a tunnel to `authority` (`host:port`). Fulfilled with the same socket. */
export function openTunnel(socket: Socket, authority: string, headers: Record<string, string[]>): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      socket.destroy()
      reject(new RequestError(`the proxy gives no tunnel: ${reasonOf(error)}`, 'failed', error))
    }
    const request = httpRequest({
      method: 'CONNECT',
      path: authority,
      headers: { ...headers, host: authority },
      createConnection: () => socket,
    })
    request.on('error', fail)
    request.on('response', (response) => fail(new Error(`it answered ${response.statusCode}`)))
    request.on('connect', (response, _, head) => {
      if (response.statusCode !== 200) fail(new Error(`it answered ${response.statusCode}`))
      else if (head.length > 0) fail(new Error('it spoke before the server was asked'))
      else resolve(socket)
    })
    request.end()
  })
}
