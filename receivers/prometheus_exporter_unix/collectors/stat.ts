// Boot time, context switches, forks, interrupts: /proc/stat (proc_stat(5)).
import type { MetricFamily } from '#component'
import type { CollectorDefinition } from '../collector.ts'
import { counter, gauge } from '../families.ts'

/** By the line's first word; its first number is the value. */
const byKey: readonly (readonly [string, MetricFamily])[] = [
  ['intr', counter('node_intr_total', 'Total number of interrupts serviced.')],
  ['ctxt', counter('node_context_switches_total', 'Total number of context switches.')],
  ['processes', counter('node_forks_total', 'Total number of forks.')],
  ['btime', gauge('node_boot_time_seconds', 'Node boot time, in unixtime.')],
  ['procs_running', gauge('node_procs_running', 'Number of processes in runnable state.')],
  ['procs_blocked', gauge('node_procs_blocked', 'Number of processes blocked waiting for I/O to complete.')],
]

export const collector: CollectorDefinition = {
  name: 'stat',
  enabledByDefault: true,
  create: () => ({
    name: 'stat',
    collect(sink, files) {
      const text = files.readLatin1(files.proc('stat'))
      for (const [key, family] of byKey) {
        const begin = text.indexOf(`\n${key} `)
        // A line that an old kernel lacks counts as 0, as in node_exporter.
        const value = begin < 0 ? 0 : Number.parseInt(text.slice(begin + key.length + 2, begin + key.length + 24), 10)
        if (Number.isNaN(value)) throw new Error(`Cannot read ${key} in stat: not a number`)
        sink.sample(family, value)
      }
    },
  }),
}
