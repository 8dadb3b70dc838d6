// What the kernel does against the weaknesses of the CPU: /sys/devices/system/cpu/vulnerabilities (kernel: hw-vuln).
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'

const family = gauge(
  'node_cpu_vulnerabilities_info',
  'Details of each CPU vulnerability reported by sysfs. The value of the series is an int encoded state of the ' +
    'vulnerability. The same state is stored as a string in the label',
  ['codename', 'state', 'mitigation'],
)

/** The first words of the file; what follows the first of them is the mitigation, but for CPUs that are not affected. */
const states = ['not affected', 'vulnerable', 'mitigation', 'unknown']

export const collector: CollectorDefinition = {
  name: 'cpu_vulnerabilities',
  enabledByDefault: false,
  create: () => ({
    name: 'cpu_vulnerabilities',
    collect(sink, files) {
      const base = files.sys('devices/system/cpu/vulnerabilities')
      for (const name of files.tryList(base)) {
        const text = files.read(`${base}/${name}`).trim()
        const lower = text.toLowerCase()
        const state = states.find((each) => lower.startsWith(each))
        const rest = text.split(/\s+/).slice(1).join(' ')
        const mitigation = state === undefined ? text : state === 'not affected' ? '' : rest
        sink.sample(family, 1, name, state ?? 'unknown', mitigation)
      }
    },
  }),
}
