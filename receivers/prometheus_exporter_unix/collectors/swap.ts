// Swap areas: /proc/swaps (proc_swaps(5)).
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'

const labels = ['device', 'swap_type']
const sizeFamily = gauge('node_swap_size_bytes', 'Swap device size in bytes.', labels)
const usedFamily = gauge('node_swap_used_bytes', 'Swap device used in bytes.', labels)
const priorityFamily = gauge('node_swap_priority', 'Swap device priority.', labels)

export const collector: CollectorDefinition = {
  name: 'swap',
  enabledByDefault: false,
  create: () => ({
    name: 'swap',
    collect(sink, files) {
      // One line of headings.
      for (const line of files.read(files.proc('swaps')).split('\n').slice(1)) {
        if (line.trim() === '') continue
        const [device = '', type = '', ...rest] = line.trim().split(/\s+/)
        const [kilobytes = Number.NaN, usedKilobytes = Number.NaN, priority = Number.NaN] = rest.map(Number)
        if (Number.isNaN(kilobytes + usedKilobytes + priority)) {
          throw new Error(`Cannot read swaps: not a swap area: current value is ${JSON.stringify(line)}`)
        }
        sink.sample(sizeFamily, kilobytes * 1024, device, type)
        sink.sample(usedFamily, usedKilobytes * 1024, device, type)
        sink.sample(priorityFamily, priority, device, type)
      }
    },
  }),
}
