// The NFS client: /proc/net/rpc/nfs (nfsstat(8)).
import type { CollectorDefinition } from '../collector.ts'
import { counter } from '../families.ts'
import { readRpcStatistics, version2, version3, version4Client } from '../nfs_procedures.ts'

const packets = counter('node_nfs_packets_total', 'Total NFSd network packets (sent+received) by protocol type.', [
  'protocol',
])
const connections = counter('node_nfs_connections_total', 'Total number of NFSd TCP connections.')
const rpcs = counter('node_nfs_rpcs_total', 'Total number of RPCs performed.')
const retransmissions = counter('node_nfs_rpc_retransmissions_total', 'Number of RPC transmissions performed.')
const refreshes = counter(
  'node_nfs_rpc_authentication_refreshes_total',
  'Number of RPC authentication refreshes performed.',
)
const requests = counter('node_nfs_requests_total', 'Number of NFS procedures invoked.', ['proto', 'method'])
const procedures = [
  ['2', 'proc2', version2],
  ['3', 'proc3', version3],
  ['4', 'proc4', version4Client],
] as const

export const collector: CollectorDefinition = {
  name: 'nfs',
  enabledByDefault: true,
  create: () => ({
    name: 'nfs',
    collect(sink, files) {
      const lines = readRpcStatistics(files, 'nfs')
      // `net packets udp tcp connections`
      const [, udp = 0, tcp = 0, connected = 0] = lines.get('net') ?? []
      sink.sample(packets, udp, 'udp')
      sink.sample(packets, tcp, 'tcp')
      sink.sample(connections, connected)
      const [calls = 0, resent = 0, refreshed = 0] = lines.get('rpc') ?? []
      sink.sample(rpcs, calls)
      sink.sample(retransmissions, resent)
      sink.sample(refreshes, refreshed)
      for (const [version, word, names] of procedures) {
        // How many follow, then they; older kernels have fewer, and what they have not never was called.
        const counts = lines.get(word) ?? []
        for (const [i, method] of names.entries()) sink.sample(requests, counts[i + 1] ?? 0, version, method)
      }
    },
  }),
}
