// Soft interrupts per CPU: /proc/softirqs (kernel/softirq.c of the kernel).
import type { CollectorDefinition } from '../collector.ts'
import { counter } from '../families.ts'
import { fieldsOf, numberOf } from '../lines.ts'

const softirqs = counter('node_softirqs_functions_total', 'Softirq counts per CPU.', ['cpu', 'type'])
const types: ReadonlySet<string> = new Set([
  'HI',
  'TIMER',
  'NET_TX',
  'NET_RX',
  'BLOCK',
  'IRQ_POLL',
  'TASKLET',
  'SCHED',
  'HRTIMER',
  'RCU',
])

export const collector: CollectorDefinition = {
  name: 'softirqs',
  enabledByDefault: false,
  create: () => ({
    name: 'softirqs',
    collect(sink, files) {
      for (const line of files.readLatin1(files.proc('softirqs')).split('\n').slice(1)) {
        const [name = '', ...counts] = fieldsOf(line)
        const type = name.slice(0, -1)
        if (!types.has(type)) continue
        for (const [cpu, count] of counts.entries())
          sink.sample(softirqs, numberOf(count, 'softirqs'), String(cpu), type)
      }
    },
  }),
}
