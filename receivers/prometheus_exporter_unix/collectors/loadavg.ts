// Load averages: /proc/loadavg (proc_loadavg(5)).
import { MetricFamily } from '#component'
import type { CollectorDefinition } from '../collector.ts'

export const loadFamilies = [
  new MetricFamily('node_load1', 'gauge', '1m load average.'),
  new MetricFamily('node_load5', 'gauge', '5m load average.'),
  new MetricFamily('node_load15', 'gauge', '15m load average.'),
]

export const collector: CollectorDefinition = {
  name: 'loadavg',
  enabledByDefault: true,
  create: () => ({
    name: 'loadavg',
    collect(sink, files) {
      const loads = files.read(files.proc('loadavg')).split(' ', 3).map(Number)
      if (loads.length < 3 || loads.some(Number.isNaN)) throw new Error('Cannot read load averages: not three numbers')
      for (const [i, family] of loadFamilies.entries()) sink.sample(family, loads[i] as number)
    },
  }),
}
