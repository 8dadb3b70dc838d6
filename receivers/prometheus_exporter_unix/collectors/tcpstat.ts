// TCP connections by state: /proc/net/tcp and tcp6 (net/ipv4/tcp_ipv4.c of the kernel).
//
// Others ask the kernel over an inet_diag socket, which Node has not. The tables have the same sockets; the bytes that wait
// leave out listeners' limits, which inet_diag gives in the place of a queue.
import { isMissing } from '../collector.ts'
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'
import type { HostFiles } from '../files.ts'
import { hexOf } from '../lines.ts'

const connectionStates = gauge('node_tcp_connection_states', 'Number of connection states.', ['state'])
/** By number, from 1 (include/net/tcp_states.h of the kernel). */
const stateNames = [
  'unknown',
  'established',
  'syn_sent',
  'syn_recv',
  'fin_wait1',
  'fin_wait2',
  'time_wait',
  'close',
  'close_wait',
  'last_ack',
  'listen',
  'closing',
  // A request socket (NEW_SYN_RECV): the same to whoever looks from outside.
  'syn_recv',
]
const rxQueued = 'rx_queued_bytes'
const txQueued = 'tx_queued_bytes'

export const collector: CollectorDefinition = {
  name: 'tcpstat',
  enabledByDefault: false,
  create: () => ({
    name: 'tcpstat',
    collect(sink, files) {
      const sums = new Map<string, number>()
      addTable(files, 'net/tcp', sums)
      try {
        addTable(files, 'net/tcp6', sums)
      } catch (error) {
        // No IPv6.
        if (!isMissing(error)) throw error
      }
      for (const [name, sum] of sums) sink.sample(connectionStates, sum, name)
    },
  }),
}

/** `sl local_address rem_address st tx_queue:rx_queue …`, hexadecimal. */
function addTable(files: HostFiles, name: string, sums: Map<string, number>): void {
  const add = (key: string, n: number): void => void sums.set(key, (sums.get(key) ?? 0) + n)
  const lines = files.readLatin1(files.proc(name)).split('\n')
  for (let i = 1; i < lines.length; i++) {
    const columns = (lines[i] as string).trimStart().split(' ', 5)
    if (columns.length < 5) continue
    const colon = (columns[4] as string).indexOf(':')
    add(stateNames[hexOf(columns[3], name)] ?? 'unknown', 1)
    add(txQueued, hexOf(columns[4]?.slice(0, colon), name))
    add(rxQueued, hexOf(columns[4]?.slice(colon + 1), name))
  }
}
