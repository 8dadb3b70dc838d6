// Queueing disciplines at the root of network devices, over netlink (tc(8); include/uapi/linux/gen_stats.h of the kernel).
import type { CollectorDefinition } from '../collector.ts'
import { counter, gauge } from '../families.ts'
import { deviceName, loadKernelCalls } from '../kernel_calls.ts'
import { attributesOf, netlinkDump, netlinkRoute } from '../netlink.ts'

const labels = ['device', 'kind']
const bytes = counter('node_qdisc_bytes_total', 'Number of bytes sent.', labels)
const packets = counter('node_qdisc_packets_total', 'Number of packets sent.', labels)
const drops = counter('node_qdisc_drops_total', 'Number of packets dropped.', labels)
const requeues = counter(
  'node_qdisc_requeues_total',
  'Number of packets dequeued, not transmitted, and requeued.',
  labels,
)
const overlimits = counter('node_qdisc_overlimits_total', 'Number of overlimit packets.', labels)
const queueLength = gauge('node_qdisc_current_queue_length', 'Number of packets currently in queue to be sent.', labels)
const backlog = gauge('node_qdisc_backlog', 'Number of bytes currently in queue to be sent.', labels)

/** RTM_GETQDISC and RTM_NEWQDISC. */
const typeGet = 38
const typeNew = 36
/** `struct tcmsg`: family, padding, device, handle, parent, info. */
const tcmsgBytes = 20
const parentRoot = 0xffffffff
/** TCA_KIND, TCA_STATS2 and in it TCA_STATS_BASIC, TCA_STATS_QUEUE. */
const attributeKind = 1
const attributeStats2 = 7
const statsBasic = 1
const statsQueue = 3

/** The numbers of one discipline. */
export interface QdiscStatistics {
  readonly index: number
  readonly kind: string
  readonly bytes: number
  readonly packets: number
  readonly queueLength: number
  readonly backlog: number
  readonly drops: number
  readonly requeues: number
  readonly overlimits: number
}

export const collector: CollectorDefinition = {
  name: 'qdisc',
  enabledByDefault: false,
  create: () => ({
    name: 'qdisc',
    async collect(sink) {
      const calls = await loadKernelCalls()
      const request = { protocol: netlinkRoute, type: typeGet, body: Buffer.alloc(tcmsgBytes) }
      netlinkDump(calls, request, (type, payload) => {
        const qdisc = type === typeNew ? readQdisc(payload) : undefined
        if (qdisc === undefined) return
        const device = deviceName(calls, qdisc.index)
        sink.sample(bytes, qdisc.bytes, device, qdisc.kind)
        sink.sample(packets, qdisc.packets, device, qdisc.kind)
        sink.sample(drops, qdisc.drops, device, qdisc.kind)
        sink.sample(requeues, qdisc.requeues, device, qdisc.kind)
        sink.sample(overlimits, qdisc.overlimits, device, qdisc.kind)
        sink.sample(queueLength, qdisc.queueLength, device, qdisc.kind)
        sink.sample(backlog, qdisc.backlog, device, qdisc.kind)
      })
    },
  }),
}

/** A message RTM_NEWQDISC; undefined for a discipline that hangs below another. */
export function readQdisc(payload: Buffer): QdiscStatistics | undefined {
  if (payload.length < tcmsgBytes) return undefined
  const parent = payload.readUInt32LE(12)
  if (parent !== parentRoot && parent !== 0) return undefined
  const attributes = attributesOf(payload, tcmsgBytes)
  const statistics = attributesOf(attributes.get(attributeStats2) ?? Buffer.alloc(0), 0)
  const basic = statistics.get(statsBasic)
  const queue = statistics.get(statsQueue)
  const at = (offset: number): number => (queue && offset + 4 <= queue.length ? queue.readUInt32LE(offset) : 0)
  return {
    index: payload.readInt32LE(4),
    kind: (attributes.get(attributeKind) ?? Buffer.alloc(0)).toString('latin1').replace(/\0.*$/, ''),
    bytes: basic && basic.length >= 12 ? Number(basic.readBigUInt64LE(0)) : 0,
    packets: basic && basic.length >= 12 ? basic.readUInt32LE(8) : 0,
    queueLength: at(0),
    backlog: at(4),
    drops: at(8),
    requeues: at(12),
    overlimits: at(16),
  }
}
