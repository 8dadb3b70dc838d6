// Routes: /proc/net/route and /proc/net/ipv6_route (net/ipv4/fib_trie.c and net/ipv6/route.c of the kernel).
//
// Others read them over netlink, which Node has not. The files leave out the protocol, the preferred source, the weights of
// routes with several next hops (of which IPv4's file has the first), and, for IPv4, tables other than main and default;
// the labels `proto`, `src` and `weight` are empty.
import { isMissing } from '../collector.ts'
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'
import type { HostFiles } from '../files.ts'
import { ipv4Text, ipv6Text } from '../ip_text.ts'
import { fieldsOf, hexOf } from '../lines.ts'

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

interface Route {
  readonly device: string
  readonly destination: string
  readonly gateway: string
  readonly priority: number
}

export const collector: CollectorDefinition = {
  name: 'network_route',
  enabledByDefault: false,
  create: () => ({
    name: 'network_route',
    collect(sink, files) {
      const counts = new Map<string, number>()
      const seen = new Set<string>()
      for (const { device, destination, gateway, priority } of [...readIpv4(files), ...readIpv6(files)]) {
        counts.set(device, (counts.get(device) ?? 0) + 1)
        // Routes that only differ in what the files leave out would be the same series.
        const key = `${device} ${destination} ${gateway} ${priority}`
        if (seen.has(key)) continue
        seen.add(key)
        sink.sample(routeInfo, 1, device, '', destination, gateway, String(priority), '', '')
      }
      for (const [device, count] of counts) sink.sample(routes, count, device)
    },
  }),
}

/** `Iface Destination Gateway Flags RefCnt Use Metric Mask …`; addresses hexadecimal as they lie in memory. */
function readIpv4(files: HostFiles): Route[] {
  const what = 'net/route'
  const found: Route[] = []
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
function readIpv6(files: HostFiles): Route[] {
  const what = 'net/ipv6_route'
  let text: string
  try {
    text = files.readLatin1(files.proc(what))
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
  const found: Route[] = []
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
