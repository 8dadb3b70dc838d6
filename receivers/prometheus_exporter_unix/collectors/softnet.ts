// Packets through the kernel's backlog queues: /proc/net/softnet_stat (net/core/net-procfs.c of the kernel).
import type { CollectorDefinition } from '../collector.ts'
import { counter, gauge } from '../families.ts'
import { fieldsOf, hexOf, linesOf } from '../lines.ts'

const cpuLabel = ['cpu']
/** Column and family. Columns came with kernels: 10 with 2.6.39, 11 with 4.18, 12 and 13 with 5.14. */
const columns = [
  [0, counter('node_softnet_processed_total', 'Number of processed packets', cpuLabel)],
  [1, counter('node_softnet_dropped_total', 'Number of dropped packets', cpuLabel)],
  [2, counter('node_softnet_times_squeezed_total', 'Number of times processing packets ran out of quota', cpuLabel)],
  [
    8,
    counter(
      'node_softnet_cpu_collision_total',
      'Number of collision occur while obtaining device lock while transmitting',
      cpuLabel,
    ),
  ],
  [9, counter('node_softnet_received_rps_total', 'Number of times cpu woken up received_rps', cpuLabel)],
  [10, counter('node_softnet_flow_limit_count_total', 'Number of times flow limit has been reached', cpuLabel)],
  [11, gauge('node_softnet_backlog_len', 'Softnet backlog status', cpuLabel)],
] as const
const cpuColumn = 12

export const collector: CollectorDefinition = {
  name: 'softnet',
  enabledByDefault: true,
  create: () => ({
    name: 'softnet',
    collect(sink, files) {
      const what = 'net/softnet_stat'
      for (const [line, text] of linesOf(files.readLatin1(files.proc(what))).entries()) {
        const values = fieldsOf(text)
        if (values.length < 9)
          throw new Error(`Cannot read ${what}: 9 columns needed: current value is ${values.length}`)
        const hasCpu = values.length > cpuColumn
        const cpu = String(hasCpu ? hexOf(values[cpuColumn], what) : line)
        for (const [column, family] of columns) {
          // A kernel with 12 columns cannot be told apart from one with 11; the backlog came together with the CPU's number.
          const isThere = column < values.length && (column < 11 || hasCpu)
          sink.sample(family, isThere ? hexOf(values[column], what) : 0, cpu)
        }
      }
    },
  }),
}
