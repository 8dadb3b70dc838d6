// Routes, over netlink (rtnetlink(7)).
//
// Where there is no way to netlink (kernel_calls.ts), from /proc/net/route and /proc/net/ipv6_route (net/ipv4/fib_trie.c and
// net/ipv6/route.c of the kernel). These leave out the protocol, the preferred source, the weights of routes with several
// next hops (of which IPv4's file has the first), and, for IPv4, tables other than main and default; the labels `proto`,
// `src` and `weight` are then empty.
import { isMissing, NoDataError } from '../collector.ts'
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'
import type { HostFiles } from '../files.ts'
import { ipv4Text, ipv6Text } from '../ip_text.ts'
import { deviceName, loadKernelCalls } from '../kernel_calls.ts'
import { fieldsOf, hexOf } from '../lines.ts'
import { attributesOf, netlinkDump, netlinkRoute } from '../netlink.ts'

const routeInfo = gauge('node_network_route_info', 'network routing table information', [
  'device',
  'src',
  'dest',
  'gw',
  'priority',
  'proto',
  'weight',
])
const routes = gauge('node_network_routes', 'network routes by interface', ['device'])

/** RTF_* of include/uapi/linux/route.h and ipv6_route.h. */
const flagGateway = 0x2
const flagReject = 0x200
const flagAnycast = 0x100000
const flagLocal = 0x80000000

/** RTM_GETROUTE and RTM_NEWROUTE. */
const typeGet = 26
const typeNew = 24
/** `struct rtmsg`: family, prefix lengths, type of service, table, protocol, scope, type, flags. */
const rtmsgBytes = 12
/** `struct rtnexthop`: length, flags, hops, device. */
const nextHopBytes = 8
/** RTN_UNICAST: to one neighbour, not to this host, to groups, or to nobody. */
const unicast = 1
/** RTA_*. */
const attributes = { destination: 1, device: 4, gateway: 5, priority: 6, source: 7, multipath: 9 } as const
/** RTPROT_* by number. */
const protocols: ReadonlyMap<number, string> = new Map([
  [0, 'unspec'],
  [1, 'redirect'],
  [2, 'kernel'],
  [3, 'boot'],
  [4, 'static'],
  [8, 'gated'],
  [9, 'ra'],
  [10, 'mrt'],
  [11, 'zebra'],
  [12, 'bird'],
  [13, 'dnrouted'],
  [14, 'xorp'],
  [15, 'ntk'],
  [16, 'dhcp'],
  [17, 'mrouted'],
  [42, 'babel'],
  [186, 'bgp'],
  [187, 'isis'],
  [188, 'ospf'],
  [189, 'rip'],
  [192, 'eigrp'],
])

/** One next hop of a route. `device` is a number over netlink, a name in the files. */
export interface Route<Device> {
  readonly device: Device
  readonly destination: string
  readonly gateway: string
  readonly priority: number
  readonly source: string
  readonly protocol: string
  readonly weight: string
}

export const collector: CollectorDefinition = {
  name: 'network_route',
  enabledByDefault: false,
  create: () => ({
    name: 'network_route',
    async collect(sink, files) {
      const counts = new Map<string, number>()
      const seen = new Set<string>()
      for (const route of await readRoutes(files)) {
        const { device, destination, gateway, priority, source, protocol, weight } = route
        counts.set(device, (counts.get(device) ?? 0) + 1)
        // Routes that differ in their table or type of service only would be the same series.
        const values = [device, source, destination, gateway, String(priority), protocol, weight]
        const key = values.join(' ')
        if (seen.has(key)) continue
        seen.add(key)
        sink.sample(routeInfo, 1, ...values)
      }
      for (const [device, count] of counts) sink.sample(routes, count, device)
    },
  }),
}

async function readRoutes(files: HostFiles): Promise<Route<string>[]> {
  try {
    const calls = await loadKernelCalls()
    const names = new Map<number, string>()
    const nameOf = (index: number): string => {
      let name = names.get(index)
      if (name === undefined) names.set(index, (name = deviceName(calls, index)))
      return name
    }
    const found: Route<string>[] = []
    netlinkDump(calls, { protocol: netlinkRoute, type: typeGet, body: Buffer.alloc(rtmsgBytes) }, (type, payload) => {
      if (type !== typeNew) return
      for (const route of readRoute(payload)) found.push({ ...route, device: nameOf(route.device) })
    })
    return found
  } catch (error) {
    if (error instanceof NoDataError) return readRouteFiles(files)
    throw error
  }
}

/** The next hops of a message RTM_NEWROUTE; none for a route that is not to a neighbour. */
export function readRoute(payload: Buffer): Route<number>[] {
  if (payload.length < rtmsgBytes || payload[7] !== unicast) return []
  const found = attributesOf(payload, rtmsgBytes)
  const number = (type: number): number => {
    const value = found.get(type)
    return value && value.length >= 4 ? value.readUInt32LE(0) : 0
  }
  const prefix = payload[1] as number
  const common = {
    destination: prefix === 0 ? 'default' : `${addressText(found.get(attributes.destination))}/${prefix}`,
    priority: number(attributes.priority),
    source: addressText(found.get(attributes.source)),
    protocol: protocols.get(payload[5] as number) ?? 'unknown',
  }
  const hops = found.get(attributes.multipath)
  if (hops === undefined) {
    return [
      { ...common, device: number(attributes.device), gateway: addressText(found.get(attributes.gateway)), weight: '' },
    ]
  }
  const all: Route<number>[] = []
  for (let at = 0; at + nextHopBytes <= hops.length;) {
    const length = hops.readUInt16LE(at)
    if (length < nextHopBytes || at + length > hops.length) break
    const hop = attributesOf(hops.subarray(at, at + length), nextHopBytes)
    all.push({
      ...common,
      device: hops.readInt32LE(at + 4),
      gateway: addressText(hop.get(attributes.gateway)),
      weight: String((hops[at + 3] as number) + 1),
    })
    at += (length + 3) & ~3
  }
  return all
}

/** An address in network order, of either version; '' for none. */
function addressText(bytes: Buffer | undefined): string {
  if (bytes?.length === 4) return ipv4Text(bytes.readUInt32BE(0))
  return bytes?.length === 16 ? colons(bytes.toString('hex')) : ''
}

/** What the files know. Throws the system's error without procfs. */
export function readRouteFiles(files: HostFiles): Route<string>[] {
  return [...readIpv4(files), ...readIpv6(files)].map((route) => ({ ...route, source: '', protocol: '', weight: '' }))
}

type FileRoute = Omit<Route<string>, 'source' | 'protocol' | 'weight'>

/** `Iface Destination Gateway Flags RefCnt Use Metric Mask …`; addresses hexadecimal as they lie in memory. */
function readIpv4(files: HostFiles): FileRoute[] {
  const what = 'net/route'
  const found: FileRoute[] = []
  for (const line of files.readLatin1(files.proc(what)).split('\n').slice(1)) {
    const columns = fieldsOf(line)
    if (columns.length < 8) continue
    const flags = hexOf(columns[3], what)
    if (flags & flagReject) continue
    const prefix = bitCount(hexOf(columns[7], what))
    found.push({
      device: columns[0] as string,
      destination: prefix === 0 ? 'default' : `${addressOf(columns[1], what)}/${prefix}`,
      gateway: flags & flagGateway ? addressOf(columns[2], what) : '',
      priority: Number(columns[6]),
    })
  }
  return found
}

/** Destination and its prefix length, source and its, next hop, metric, references, uses, flags, device; no heading. */
function readIpv6(files: HostFiles): FileRoute[] {
  const what = 'net/ipv6_route'
  let text: string
  try {
    text = files.readLatin1(files.proc(what))
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
  const found: FileRoute[] = []
  for (const line of text.split('\n')) {
    const columns = fieldsOf(line)
    if (columns.length < 10) continue
    const [destination = '', prefixText, , , gateway = '', metric] = columns
    const flags = hexOf(columns[8], what)
    // Only what sends packets to one neighbour: not to this host, to groups, or to nobody.
    if (flags & (flagReject | flagAnycast | flagLocal) || destination.startsWith('ff')) continue
    const prefix = hexOf(prefixText, what)
    found.push({
      device: columns[9] as string,
      destination: prefix === 0 ? 'default' : `${colons(destination)}/${prefix}`,
      gateway: flags & flagGateway ? colons(gateway) : '',
      priority: hexOf(metric, what),
    })
  }
  return found
}

/** The kernel prints the four bytes as one number of its byte order, which is little endian wherever this runs. */
function addressOf(text: string | undefined, what: string): string {
  const number = hexOf(text, what)
  return ipv4Text(((number & 255) << 24) | ((number & 0xff00) << 8) | ((number >>> 8) & 0xff00) | (number >>> 24))
}

function colons(digits: string): string {
  return ipv6Text((digits.match(/.{4}/g) ?? []).join(':'))
}

function bitCount(mask: number): number {
  let count = 0
  for (let rest = mask; rest !== 0; rest = (rest & (rest - 1)) >>> 0) count++
  return count
}
