// Interrupts per CPU: /proc/interrupts (kernel/irq/proc.c of the kernel).
import type { CollectorDefinition } from '../collector.ts'
import { counter } from '../families.ts'
import { fieldsOf, numberOf } from '../lines.ts'

const interrupts = counter('node_interrupts_total', 'Interrupt details.', ['cpu', 'type', 'info', 'devices'])

export const collector: CollectorDefinition = {
  name: 'interrupts',
  enabledByDefault: false,
  create: () => ({
    name: 'interrupts',
    collect(sink, files) {
      const [heading = '', ...lines] = files.readLatin1(files.proc('interrupts')).split('\n')
      const cpuCount = fieldsOf(heading).length
      if (cpuCount === 0) throw new Error('Cannot read interrupts: no CPU in its first line')
      for (const line of lines) {
        // On aarch64 there may be no space between the colon and the first number.
        const colon = line.indexOf(':')
        if (colon < 0) continue
        const parts = fieldsOf(line.slice(colon + 1))
        // ERR and MIS have one number for all CPUs.
        if (parts.length < cpuCount + 1) continue
        const type = line.slice(0, colon).trimStart()
        const isNumbered = /^\d+$/.test(type)
        const info = isNumbered ? (parts[cpuCount] as string) : parts.slice(cpuCount).join(' ')
        const devices = isNumbered ? parts.slice(cpuCount + 1).join(' ') : ''
        for (let cpu = 0; cpu < cpuCount; cpu++) {
          sink.sample(interrupts, numberOf(parts[cpu], 'interrupts'), String(cpu), type, info, devices)
        }
      }
    },
  }),
}
