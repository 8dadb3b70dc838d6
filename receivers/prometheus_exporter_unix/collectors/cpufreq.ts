// CPU frequencies and governors: /sys/devices/system/cpu/cpu*/cpufreq (kernel: admin-guide/pm/cpufreq).
import type { MetricFamily } from '#component'
import type { CollectorDefinition } from '../collector.ts'
import { parseCpuRanges } from '../cpu_list.ts'
import { gauge } from '../families.ts'

const frequencies: readonly (readonly [string, MetricFamily])[] = [
  ['cpuinfo_cur_freq', gauge('node_cpu_frequency_hertz', 'Current CPU thread frequency in hertz.', ['cpu'])],
  ['cpuinfo_min_freq', gauge('node_cpu_frequency_min_hertz', 'Minimum CPU thread frequency in hertz.', ['cpu'])],
  ['cpuinfo_max_freq', gauge('node_cpu_frequency_max_hertz', 'Maximum CPU thread frequency in hertz.', ['cpu'])],
  [
    'scaling_cur_freq',
    gauge('node_cpu_scaling_frequency_hertz', 'Current scaled CPU thread frequency in hertz.', ['cpu']),
  ],
  [
    'scaling_min_freq',
    gauge('node_cpu_scaling_frequency_min_hertz', 'Minimum scaled CPU thread frequency in hertz.', ['cpu']),
  ],
  [
    'scaling_max_freq',
    gauge('node_cpu_scaling_frequency_max_hertz', 'Maximum scaled CPU thread frequency in hertz.', ['cpu']),
  ],
]
const governorFamily = gauge('node_cpu_scaling_governor', 'Current enabled CPU frequency governor.', [
  'cpu',
  'governor',
])

export const collector: CollectorDefinition = {
  name: 'cpufreq',
  enabledByDefault: true,
  create: () => ({
    name: 'cpufreq',
    collect(sink, files) {
      const base = files.sys('devices/system/cpu')
      const offline = new Set(parseCpuRanges(files.read(`${base}/offline`)))
      for (const name of files.tryList(base)) {
        if (!/^cpu\d+$/.test(name)) continue
        const cpu = name.slice(3)
        const directory = `${base}/${name}/cpufreq`
        if (offline.has(Number(cpu)) || !files.exists(directory)) continue
        for (const [file, family] of frequencies) {
          const kilohertz = files.tryUint(`${directory}/${file}`)
          if (kilohertz !== undefined) sink.sample(family, kilohertz * 1000, cpu)
        }
        const governor = files.tryTrimmed(`${directory}/scaling_governor`)
        if (!governor) continue
        const available = files.tryTrimmed(`${directory}/scaling_available_governors`) ?? ''
        for (const each of available.split(' ')) {
          sink.sample(governorFamily, each === governor ? 1 : 0, cpu, each)
        }
      }
    },
  }),
}
