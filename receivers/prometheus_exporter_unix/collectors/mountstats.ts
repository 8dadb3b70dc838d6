// NFS mounts: /proc/self/mountstats (fs/nfs/super.c and net/sunrpc of the kernel), addresses from /proc/self/mountinfo.
import type { MetricSink } from '#component'
import type { CollectorDefinition } from '../collector.ts'
import { counter, gauge } from '../families.ts'
import type { HostFiles } from '../files.ts'
import { fieldsOf, linesOf } from '../lines.ts'

const mount = ['export', 'protocol', 'mountaddr']
const operation = [...mount, 'operation']
const age = counter('node_mountstats_nfs_age_seconds_total', 'The age of the NFS mount in seconds.', mount)

/** In the order of the numbers of the line `bytes:`. */
const bytes = [
  counter('node_mountstats_nfs_read_bytes_total', 'Number of bytes read using the read() syscall.', mount),
  counter('node_mountstats_nfs_write_bytes_total', 'Number of bytes written using the write() syscall.', mount),
  counter(
    'node_mountstats_nfs_direct_read_bytes_total',
    'Number of bytes read using the read() syscall in O_DIRECT mode.',
    mount,
  ),
  counter(
    'node_mountstats_nfs_direct_write_bytes_total',
    'Number of bytes written using the write() syscall in O_DIRECT mode.',
    mount,
  ),
  counter('node_mountstats_nfs_total_read_bytes_total', 'Number of bytes read from the NFS server, in total.', mount),
  counter('node_mountstats_nfs_total_write_bytes_total', 'Number of bytes written to the NFS server, in total.', mount),
  counter('node_mountstats_nfs_read_pages_total', "Number of pages read directly via mmap()'d files.", mount),
  counter('node_mountstats_nfs_write_pages_total', "Number of pages written directly via mmap()'d files.", mount),
]

/** In the order of the numbers of the line `events:`; null: not shown. */
const events = [
  counter(
    'node_mountstats_nfs_event_inode_revalidate_total',
    'Number of times cached inode attributes are re-validated from the server.',
    mount,
  ),
  counter(
    'node_mountstats_nfs_event_dnode_revalidate_total',
    'Number of times cached dentry nodes are re-validated from the server.',
    mount,
  ),
  counter('node_mountstats_nfs_event_data_invalidate_total', 'Number of times an inode cache is cleared.', mount),
  counter(
    'node_mountstats_nfs_event_attribute_invalidate_total',
    'Number of times cached inode attributes are invalidated.',
    mount,
  ),
  counter(
    'node_mountstats_nfs_event_vfs_open_total',
    'Number of times cached inode attributes are invalidated.',
    mount,
  ),
  counter('node_mountstats_nfs_event_vfs_lookup_total', 'Number of times a directory lookup has occurred.', mount),
  counter('node_mountstats_nfs_event_vfs_access_total', 'Number of times permissions have been checked.', mount),
  counter(
    'node_mountstats_nfs_event_vfs_update_page_total',
    'Number of updates (and potential writes) to pages.',
    mount,
  ),
  counter('node_mountstats_nfs_event_vfs_read_page_total', "Number of pages read directly via mmap()'d files.", mount),
  counter('node_mountstats_nfs_event_vfs_read_pages_total', 'Number of times a group of pages have been read.', mount),
  counter(
    'node_mountstats_nfs_event_vfs_write_page_total',
    "Number of pages written directly via mmap()'d files.",
    mount,
  ),
  counter(
    'node_mountstats_nfs_event_vfs_write_pages_total',
    'Number of times a group of pages have been written.',
    mount,
  ),
  counter(
    'node_mountstats_nfs_event_vfs_getdents_total',
    'Number of times directory entries have been read with getdents().',
    mount,
  ),
  counter(
    'node_mountstats_nfs_event_vfs_setattr_total',
    'Number of times directory entries have been read with getdents().',
    mount,
  ),
  counter(
    'node_mountstats_nfs_event_vfs_flush_total',
    'Number of pending writes that have been forcefully flushed to the server.',
    mount,
  ),
  counter(
    'node_mountstats_nfs_event_vfs_fsync_total',
    'Number of times fsync() has been called on directories and files.',
    mount,
  ),
  counter('node_mountstats_nfs_event_vfs_lock_total', 'Number of times locking has been attempted on a file.', mount),
  counter(
    'node_mountstats_nfs_event_vfs_file_release_total',
    'Number of times files have been closed and released.',
    mount,
  ),
  null,
  counter('node_mountstats_nfs_event_truncation_total', 'Number of times files have been truncated.', mount),
  counter(
    'node_mountstats_nfs_event_write_extension_total',
    'Number of times a file has been grown due to writes beyond its existing end.',
    mount,
  ),
  counter(
    'node_mountstats_nfs_event_silly_rename_total',
    'Number of times a file was removed while still open by another process.',
    mount,
  ),
  counter(
    'node_mountstats_nfs_event_short_read_total',
    'Number of times the NFS server gave less data than expected while reading.',
    mount,
  ),
  counter(
    'node_mountstats_nfs_event_short_write_total',
    'Number of times the NFS server wrote less data than expected while writing.',
    mount,
  ),
  counter(
    'node_mountstats_nfs_event_jukebox_delay_total',
    'Number of times the NFS server indicated EJUKEBOX; retrieving data from offline storage.',
    mount,
  ),
  counter('node_mountstats_nfs_event_pnfs_read_total', 'Number of NFS v4.1+ pNFS reads.', mount),
  counter('node_mountstats_nfs_event_pnfs_write_total', 'Number of NFS v4.1+ pNFS writes.', mount),
]

/** Position after `xprt: tcp`, family. */
const transport = [
  [
    1,
    counter(
      'node_mountstats_nfs_transport_bind_total',
      'Number of times the client has had to establish a connection from scratch to the NFS server.',
      mount,
    ),
  ],
  [
    2,
    counter(
      'node_mountstats_nfs_transport_connect_total',
      'Number of times the client has made a TCP connection to the NFS server.',
      mount,
    ),
  ],
  [
    4,
    gauge(
      'node_mountstats_nfs_transport_idle_time_seconds',
      'Duration since the NFS mount last saw any RPC traffic, in seconds.',
      mount,
    ),
  ],
  [
    5,
    counter(
      'node_mountstats_nfs_transport_sends_total',
      'Number of RPC requests for this mount sent to the NFS server.',
      mount,
    ),
  ],
  [
    6,
    counter(
      'node_mountstats_nfs_transport_receives_total',
      'Number of RPC responses for this mount received from the NFS server.',
      mount,
    ),
  ],
  [
    7,
    counter(
      'node_mountstats_nfs_transport_bad_transaction_ids_total',
      'Number of times the NFS server sent a response with a transaction ID unknown to this client.',
      mount,
    ),
  ],
  [
    9,
    counter(
      'node_mountstats_nfs_transport_backlog_queue_total',
      'Total number of items added to the RPC backlog queue.',
      mount,
    ),
  ],
  [
    10,
    gauge(
      'node_mountstats_nfs_transport_maximum_rpc_slots',
      'Maximum number of simultaneously active RPC requests ever used.',
      mount,
    ),
  ],
  [
    11,
    counter(
      'node_mountstats_nfs_transport_sending_queue_total',
      'Total number of items added to the RPC transmission sending queue.',
      mount,
    ),
  ],
  [
    12,
    counter(
      'node_mountstats_nfs_transport_pending_queue_total',
      'Total number of items added to the RPC transmission pending queue.',
      mount,
    ),
  ],
] as const

/** In the order of the numbers of an operation's line; what one unit is. */
const operations = [
  [
    counter(
      'node_mountstats_nfs_operations_requests_total',
      'Number of requests performed for a given operation.',
      operation,
    ),
    1,
  ],
  [
    counter(
      'node_mountstats_nfs_operations_transmissions_total',
      'Number of times an actual RPC request has been transmitted for a given operation.',
      operation,
    ),
    1,
  ],
  [
    counter(
      'node_mountstats_nfs_operations_major_timeouts_total',
      'Number of times a request has had a major timeout for a given operation.',
      operation,
    ),
    1,
  ],
  [
    counter(
      'node_mountstats_nfs_operations_sent_bytes_total',
      'Number of bytes sent for a given operation, including RPC headers and payload.',
      operation,
    ),
    1,
  ],
  [
    counter(
      'node_mountstats_nfs_operations_received_bytes_total',
      'Number of bytes received for a given operation, including RPC headers and payload.',
      operation,
    ),
    1,
  ],
  [
    counter(
      'node_mountstats_nfs_operations_queue_time_seconds_total',
      'Duration all requests spent queued for transmission for a given operation before they were sent, in seconds.',
      operation,
    ),
    1000,
  ],
  [
    counter(
      'node_mountstats_nfs_operations_response_time_seconds_total',
      'Duration all requests took to get a reply back after a request for a given operation was transmitted, in seconds.',
      operation,
    ),
    1000,
  ],
  [
    counter(
      'node_mountstats_nfs_operations_request_time_seconds_total',
      'Duration all requests took from when a request was enqueued to when it was completely handled for a given operation, in seconds.',
      operation,
    ),
    1000,
  ],
] as const

/** `mounted on` and the rest: a line with more than eight words has statistics after it. */
const deviceWords = 8
/** Durations are taken modulo what a float64 holds exactly: kernels are known to count below 0, and so up to 2^64. */
const mantissa = 1n << 53n

export const collector: CollectorDefinition = {
  name: 'mountstats',
  enabledByDefault: false,
  create: () => ({
    name: 'mountstats',
    collect(sink, files) {
      const seen = new Set<string>()
      const addresses = readAddresses(files)
      let mountNumber = -1
      const lines = files.read(files.proc('self/mountstats')).split('\n').map(fieldsOf)
      for (let i = 0; i < lines.length; i++) {
        const words = lines[i] as string[]
        if (words[0] !== 'device') continue
        mountNumber++
        if (words.length <= deviceWords || !/^nfs4?$/.test(words[7] ?? '')) continue
        // Statistics end with a blank line.
        let end = lines.findIndex((line, k) => k > i && line.length === 0)
        if (end < 0) end = lines.length
        giveMount(sink, [words[1] as string, addresses[mountNumber] ?? ''], lines.slice(i + 1, end), seen)
        i = end
      }
    },
  }),
}

/** The option `addr` of each mount, '' for those without. Both files have the mounts in the same order. */
function readAddresses(files: HostFiles): string[] {
  return linesOf(files.read(files.proc('self/mountinfo'))).map((line) => {
    // After the dash: type, source, options of the superblock.
    const options = fieldsOf(line.slice(line.indexOf(' - ') + 3))[2] ?? ''
    return /(?:^|,)addr=([^,]*)/.exec(options)?.[1] ?? ''
  })
}

/** One mount's lines. The same export, protocol and address mounted twice is given once: the numbers are the same. */
function giveMount(
  sink: MetricSink,
  [exported, address]: readonly [string, string],
  lines: readonly string[][],
  seen: Set<string>,
): void {
  const transports = lines.filter((words) => words[0] === 'xprt:')
  const labels = [exported, transports[0]?.[1] ?? '', address]
  const key = labels.join('\0')
  if (seen.has(key)) return
  seen.add(key)
  const of = (word: string): readonly string[] => lines.find((words) => words[0] === word)?.slice(1) ?? []
  sink.sample(age, Number(of('age:')[0] ?? 0), ...labels)
  const byteCounts = of('bytes:')
  for (const [i, family] of bytes.entries()) sink.sample(family, Number(byteCounts[i] ?? 0), ...labels)
  const eventCounts = of('events:')
  for (const [i, family] of events.entries())
    if (family !== null) sink.sample(family, Number(eventCounts[i] ?? 0), ...labels)
  giveTransport(sink, transports[0]?.slice(1) ?? [], labels)
  const begin = lines.findIndex((words) => words[0] === 'per-op')
  if (begin < 0) return
  for (const [name = '', ...counts] of lines.slice(begin + 1)) {
    for (const [i, [family, second]] of operations.entries()) {
      const count = counts[i] ?? '0'
      const value = second === 1 ? Number(count) : Number(BigInt(count) % mantissa) / second
      sink.sample(family, value, ...labels, name.replace(/:$/, ''))
    }
  }
}

/** A mount with `nconnect` has several transports; samples are told apart by protocol only, so the first is shown. */
function giveTransport(sink: MetricSink, words: readonly string[], labels: readonly string[]): void {
  const [protocol = '', ...counts] = words
  // UDP has no connections: number, idle time and time of connecting are missing.
  if (protocol === 'udp') counts.splice(2, 0, '0', '0', '0')
  // RDMA's own counters stand where TCP has the queues'.
  if (protocol === 'rdma') counts.splice(10, 0, '0', '0', '0')
  for (const [position, family] of transport) {
    const count = BigInt(counts[position] ?? '0')
    sink.sample(family, Number(position === 4 ? count % mantissa : count), ...labels)
  }
}
