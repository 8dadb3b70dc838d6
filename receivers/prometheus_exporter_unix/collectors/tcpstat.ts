// TCP connections by state: over netlink (sock_diag(7)).
//
// Where there is no way to netlink (kernel_calls.ts), from /proc/net/tcp and tcp6 (net/ipv4/tcp_ipv4.c of the kernel): the
// same sockets, but the bytes that wait leave out listeners' limits, which netlink gives in the place of a queue.
import { isMissing, NoDataError } from '../collector.ts'
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'
import type { HostFiles } from '../files.ts'
import { loadKernelCalls } from '../kernel_calls.ts'
import type { KernelCalls } from '../kernel_calls.ts'
import { hexOf } from '../lines.ts'
import { netlinkDump, netlinkSocketDiagnosis } from '../netlink.ts'

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

/** SOCK_DIAG_BY_FAMILY; `struct inet_diag_req_v2` and `inet_diag_msg` (include/uapi/linux/inet_diag.h of the kernel). */
const typeByFamily = 20
const requestBytes = 56
const messageBytes = 72
const familyInet = 2
const familyInet6 = 10
const protocolTcp = 6
/** All that there are. */
const allStates = 0xfff

export const collector: CollectorDefinition = {
  name: 'tcpstat',
  enabledByDefault: false,
  create: () => ({
    name: 'tcpstat',
    async collect(sink, files) {
      const sums = new Map<string, number>()
      try {
        const calls = await loadKernelCalls()
        dumpSockets(calls, familyInet, sums)
        if (files.exists(files.proc('net/tcp6'))) dumpSockets(calls, familyInet6, sums)
      } catch (error) {
        if (!(error instanceof NoDataError)) throw error
        addTables(files, sums)
      }
      for (const [name, sum] of sums) sink.sample(connectionStates, sum, name)
    },
  }),
}

function dumpSockets(calls: KernelCalls, family: number, sums: Map<string, number>): void {
  const body = Buffer.alloc(requestBytes)
  body[0] = family
  body[1] = protocolTcp
  body.writeUInt32LE(allStates, 4)
  netlinkDump(calls, { protocol: netlinkSocketDiagnosis, type: typeByFamily, body }, (type, payload) => {
    if (type === typeByFamily) addSocket(payload, sums)
  })
}

/** Add an `inet_diag_msg` to the sums by state. One that is too short is nothing. */
export function addSocket(payload: Buffer, sums: Map<string, number>): void {
  if (payload.length < messageBytes) return
  add(sums, stateNames[payload[1] as number] ?? 'unknown', 1)
  add(sums, txQueued, payload.readUInt32LE(60))
  add(sums, rxQueued, payload.readUInt32LE(56))
}

function addTables(files: HostFiles, sums: Map<string, number>): void {
  addTable(files, 'net/tcp', sums)
  try {
    addTable(files, 'net/tcp6', sums)
  } catch (error) {
    // No IPv6.
    if (!isMissing(error)) throw error
  }
}

/** Add a file's lines `sl local_address rem_address st tx_queue:rx_queue …`, hexadecimal, to the sums by state. */
export function addTable(files: HostFiles, name: string, sums: Map<string, number>): void {
  const lines = files.readLatin1(files.proc(name)).split('\n')
  for (let i = 1; i < lines.length; i++) {
    const columns = (lines[i] as string).trimStart().split(' ', 5)
    if (columns.length < 5) continue
    const colon = (columns[4] as string).indexOf(':')
    add(sums, stateNames[hexOf(columns[3], name)] ?? 'unknown', 1)
    add(sums, txQueued, hexOf(columns[4]?.slice(0, colon), name))
    add(sums, rxQueued, hexOf(columns[4]?.slice(colon + 1), name))
  }
}

function add(sums: Map<string, number>, key: string, n: number): void {
  sums.set(key, (sums.get(key) ?? 0) + n)
}
