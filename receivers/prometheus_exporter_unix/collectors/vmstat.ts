// Virtual memory events: /proc/vmstat.
import { MetricFamily } from '#component'
import type { CollectorDefinition } from '../collector.ts'
import { compileSetting } from '../filter.ts'

export const collector: CollectorDefinition = {
  name: 'vmstat',
  enabledByDefault: true,
  create(settings) {
    const pattern = compileSetting(settings.vmstat.fields, ['vmstat', 'fields'])
    /** null: not wanted. The kernel has some 200 fields, always the same. */
    const families = new Map<string, MetricFamily | null>()
    return {
      name: 'vmstat',
      collect(sink, files) {
        const text = files.readLatin1(files.proc('vmstat'))
        for (const line of text.split('\n')) {
          const space = line.indexOf(' ')
          if (space < 0) continue
          const field = line.slice(0, space)
          let family = families.get(field)
          if (family === undefined) {
            family = pattern.test(field)
              ? new MetricFamily(`node_vmstat_${field}`, 'unknown', `/proc/vmstat information field ${field}.`)
              : null
            families.set(field, family)
          }
          if (family === null) continue
          const value = Number(line.slice(space + 1))
          if (Number.isNaN(value)) throw new Error(`Cannot read vmstat: ${field} is not a number`)
          sink.sample(family, value)
        }
      },
    }
  },
}
