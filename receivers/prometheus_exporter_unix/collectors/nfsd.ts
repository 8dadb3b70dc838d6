// The NFS server: /proc/net/rpc/nfsd (nfsstat(8), fs/nfsd/stats.c of the kernel).
import type { CollectorDefinition } from '../collector.ts'
import { counter, gauge } from '../families.ts'
import { readRpcStatistics, version2, version3, version4Operations } from '../nfs_procedures.ts'

const requests = counter('node_nfsd_requests_total', 'Total number NFSd Requests by method and protocol.', [
  'proto',
  'method',
])
const packets = counter('node_nfsd_packets_total', 'Total NFSd network packets (sent+received) by protocol type.', [
  'proto',
])
const rpcErrors = counter('node_nfsd_rpc_errors_total', 'Total number of NFSd RPC errors by error type.', ['error'])

/** First word of the line, position after it, family. */
const values = [
  [
    'rc',
    0,
    counter('node_nfsd_reply_cache_hits_total', 'Total number of NFSd Reply Cache hits (client lost server response).'),
  ],
  [
    'rc',
    1,
    counter(
      'node_nfsd_reply_cache_misses_total',
      'Total number of NFSd Reply Cache an operation that requires caching (idempotent).',
    ),
  ],
  [
    'rc',
    2,
    counter(
      'node_nfsd_reply_cache_nocache_total',
      'Total number of NFSd Reply Cache non-idempotent operations (rename/delete/…).',
    ),
  ],
  ['fh', 0, counter('node_nfsd_file_handles_stale_total', 'Total number of NFSd stale file handles')],
  ['io', 0, counter('node_nfsd_disk_bytes_read_total', 'Total NFSd bytes read.')],
  ['io', 1, counter('node_nfsd_disk_bytes_written_total', 'Total NFSd bytes written.')],
  ['th', 0, gauge('node_nfsd_server_threads', 'Total number of NFSd kernel threads that are running.')],
  ['ra', 0, gauge('node_nfsd_read_ahead_cache_size_blocks', 'How large the read ahead cache is in blocks.')],
  ['ra', 11, counter('node_nfsd_read_ahead_cache_not_found_total', 'Total number of NFSd read ahead cache not found.')],
  ['net', 3, counter('node_nfsd_connections_total', 'Total number of NFSd TCP connections.')],
  ['rpc', 0, counter('node_nfsd_server_rpcs_total', 'Total number of NFSd RPCs.')],
] as const

/** Version, first word of the line, position of the first name after it, names. Null procedures are not shown. */
const procedures = [
  ['2', 'proc2', 2, version2.slice(1)],
  ['3', 'proc3', 2, version3.slice(1)],
  ['4', 'proc4ops', 4, version4Operations],
] as const

export const collector: CollectorDefinition = {
  name: 'nfsd',
  enabledByDefault: true,
  create: () => ({
    name: 'nfsd',
    collect(sink, files) {
      const lines = readRpcStatistics(files, 'nfsd')
      const at = (word: string, position: number): number => lines.get(word)?.[position] ?? 0
      for (const [word, position, family] of values) sink.sample(family, at(word, position))
      sink.sample(packets, at('net', 1), 'udp')
      sink.sample(packets, at('net', 2), 'tcp')
      sink.sample(rpcErrors, at('rpc', 2), 'fmt')
      sink.sample(rpcErrors, at('rpc', 3), 'auth')
      sink.sample(rpcErrors, at('rpc', 4), 'cInt')
      for (const [version, word, first, names] of procedures) {
        for (const [i, method] of names.entries()) {
          if (method !== '') sink.sample(requests, at(word, first + i), version, method)
        }
      }
      sink.sample(requests, at('wdeleg_getattr', 0), '4', 'WdelegGetattr')
    },
  }),
}
