// Bytes that wait in UDP sockets: /proc/net/udp and udp6 (net/ipv4/udp.c of the kernel).
import { isMissing, NoDataError } from '../collector.ts'
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'
import type { HostFiles } from '../files.ts'
import { fieldsOf, hexOf } from '../lines.ts'

const queues = gauge('node_udp_queues', 'Number of allocated memory in the kernel for UDP datagrams in bytes.', [
  'queue',
  'ip',
])

export const collector: CollectorDefinition = {
  name: 'udp_queues',
  enabledByDefault: true,
  create: () => ({
    name: 'udp_queues',
    collect(sink, files) {
      const v4 = sumQueues(files, 'net/udp')
      const v6 = sumQueues(files, 'net/udp6')
      if (v4 === undefined && v6 === undefined) throw new NoDataError()
      for (const [ip, sums] of [
        ['v4', v4],
        ['v6', v6],
      ] as const) {
        if (sums === undefined) continue
        sink.sample(queues, sums.tx, 'tx', ip)
        sink.sample(queues, sums.rx, 'rx', ip)
      }
    },
  }),
}

/** Undefined where the host has not that version of IP. */
function sumQueues(files: HostFiles, name: string): { tx: number; rx: number } | undefined {
  let text: string
  try {
    text = files.readLatin1(files.proc(name))
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
  const sums = { tx: 0, rx: 0 }
  for (const line of text.split('\n').slice(1)) {
    const columns = fieldsOf(line)
    if (columns.length === 0) continue
    const [tx, rx] = (columns[4] ?? '').split(':')
    sums.tx += hexOf(tx, name)
    sums.rx += hexOf(rx, name)
  }
  return sums
}
