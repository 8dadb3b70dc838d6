// IP Virtual Server: /proc/net/ip_vs_stats and /proc/net/ip_vs (net/netfilter/ipvs/ip_vs_ctl.c of the kernel).
import { SettingsError } from '#component'
import type { MetricSink } from '#component'
import { isMissing, NoDataError } from '../collector.ts'
import type { CollectorDefinition } from '../collector.ts'
import { counter, gauge } from '../families.ts'
import type { HostFiles } from '../files.ts'
import { ipv4Text, ipv6Text } from '../ip_text.ts'
import { fieldsOf, hexOf, numberOf } from '../lines.ts'

/** In the order of the columns of ip_vs_stats. */
const totals = [
  counter('node_ipvs_connections_total', 'The total number of connections made.'),
  counter('node_ipvs_incoming_packets_total', 'The total number of incoming packets.'),
  counter('node_ipvs_outgoing_packets_total', 'The total number of outgoing packets.'),
  counter('node_ipvs_incoming_bytes_total', 'The total amount of incoming data.'),
  counter('node_ipvs_outgoing_bytes_total', 'The total amount of outgoing data.'),
]
const labelNames = ['local_address', 'local_port', 'remote_address', 'remote_port', 'proto', 'local_mark'] as const
type LabelName = (typeof labelNames)[number]

interface Backend {
  readonly labels: Readonly<Record<LabelName, string>>
  readonly weight: number
  readonly active: number
  readonly inactive: number
}

export const collector: CollectorDefinition = {
  name: 'ipvs',
  enabledByDefault: true,
  create(settings) {
    const asked = settings.ipvs.backend_labels
    for (const [i, label] of asked.entries()) {
      if (!(labelNames as readonly string[]).includes(label)) {
        throw new SettingsError(`unknown IPVS backend label: current value is ${JSON.stringify(label)}`, [
          'ipvs',
          'backend_labels',
          i,
        ])
      }
    }
    // None given is all of them.
    const labels = asked.length === 0 ? labelNames : labelNames.filter((name) => asked.includes(name))
    const family = (name: string, what: string) =>
      gauge(`node_ipvs_backend_${name}`, `The current ${what} by local and remote address.`, labels)
    const active = family('connections_active', 'active connections')
    const inactive = family('connections_inactive', 'inactive connections')
    const weight = family('weight', 'backend weight')
    return {
      name: 'ipvs',
      collect(sink, files) {
        giveTotals(sink, files)
        const sums = new Map<string, { values: string[]; active: number; inactive: number; weight: number }>()
        for (const backend of readBackends(files)) {
          const values = labels.map((name) => backend.labels[name])
          const key = values.join('\0')
          let sum = sums.get(key)
          if (sum === undefined) {
            sum = { values, active: 0, inactive: 0, weight: 0 }
            sums.set(key, sum)
          }
          sum.active += backend.active
          sum.inactive += backend.inactive
          sum.weight += backend.weight
        }
        for (const sum of sums.values()) {
          sink.sample(active, sum.active, ...sum.values)
          sink.sample(inactive, sum.inactive, ...sum.values)
          sink.sample(weight, sum.weight, ...sum.values)
        }
      },
    }
  },
}

function giveTotals(sink: MetricSink, files: HostFiles): void {
  let text: string
  try {
    text = files.readLatin1(files.proc('net/ip_vs_stats'))
  } catch (error) {
    if (isMissing(error)) throw new NoDataError()
    throw error
  }
  // Two lines of headings.
  const values = fieldsOf(text.split('\n')[2] ?? '')
  if (values.length !== totals.length)
    throw new Error('Cannot read net/ip_vs_stats: its third line has not five numbers')
  for (const [i, family] of totals.entries()) sink.sample(family, hexOf(values[i], 'net/ip_vs_stats'))
}

/** A line `TCP C0A80016:0CEA wlc` or `FWM 10001000 wlc`, then its backends: `-> C0A85216:0CEA Tunnel 100 248 2`. */
function readBackends(files: HostFiles): Backend[] {
  const what = 'net/ip_vs'
  const backends: Backend[] = []
  let service = { local_address: '', local_port: '0', proto: '', local_mark: '' }
  for (const line of files.readLatin1(files.proc(what)).split('\n')) {
    const fields = fieldsOf(line)
    const [first, second = ''] = fields
    if (first === 'TCP' || first === 'UDP') {
      const [address, port] = addressOf(second)
      service = { local_address: address, local_port: port, proto: first, local_mark: '' }
    } else if (first === 'FWM') {
      service = { local_address: '', local_port: '0', proto: first, local_mark: second }
    } else if (first === '->' && fields.length >= 6 && second !== 'RemoteAddress:Port') {
      const [address, port] = addressOf(second)
      backends.push({
        labels: { ...service, remote_address: address, remote_port: port },
        weight: numberOf(fields[3], what),
        active: numberOf(fields[4], what),
        inactive: numberOf(fields[5], what),
      })
    }
  }
  return backends
}

/** `C0A80016:0CEA`, in network order, or `[2620:0000:…:0004]:0CEA`: address and port. */
function addressOf(text: string): [string, string] {
  const port = String(hexOf(text.slice(-4), 'net/ip_vs'))
  if (text.length === 13) {
    return [ipv4Text(hexOf(text.slice(0, 8), 'net/ip_vs')), port]
  }
  if (text.length !== 46) throw new Error(`Cannot read net/ip_vs: no address: current value is ${JSON.stringify(text)}`)
  return [ipv6Text(text.slice(1, 40)), port]
}
