// Memory per NUMA node: /sys/devices/system/node/node*/meminfo and numastat (Documentation/admin-guide/numastat.rst).
import type { CollectorDefinition } from '../collector.ts'
import { counter, FamilyTable, gauge } from '../families.ts'
import { fieldsOf, linesOf, numberOf } from '../lines.ts'

const nodeName = /^node(\d+)$/

export const collector: CollectorDefinition = {
  name: 'meminfo_numa',
  enabledByDefault: false,
  create() {
    const table = new FamilyTable()
    const family = (make: typeof gauge, field: string) =>
      table.get(field, () => make(`node_memory_numa_${field}`, `Memory information field ${field}.`, ['node']))
    return {
      name: 'meminfo_numa',
      collect(sink, files) {
        const base = files.sys('devices/system/node')
        for (const name of files.tryList(base)) {
          const node = nodeName.exec(name)?.[1]
          if (node === undefined) continue
          // `Node 0 Active(anon):   4 kB`
          for (const line of linesOf(files.readLatin1(`${base}/${name}/meminfo`))) {
            const [, lineNode = '', field = '', value, unit] = fieldsOf(line)
            if (unit !== undefined && unit !== 'kB')
              throw new Error(`Cannot read meminfo: unknown unit: current value is ${unit}`)
            const key = field.replace(/:+$/, '').replace(/\((.*)\)/, '_$1')
            sink.sample(family(gauge, key), numberOf(value, 'meminfo') * (unit === 'kB' ? 1024 : 1), lineNode)
          }
          for (const line of linesOf(files.readLatin1(`${base}/${name}/numastat`))) {
            const [field = '', value] = fieldsOf(line)
            sink.sample(family(counter, `${field}_total`), numberOf(value, 'numastat'), node)
          }
        }
      },
    }
  },
}
