// Bonded network devices: /sys/class/net/bonding_masters (Documentation/networking/bonding.rst of the kernel).
import { isMissing, NoDataError } from '../collector.ts'
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'
import type { HostFiles } from '../files.ts'
import { fieldsOf } from '../lines.ts'

const slaves = gauge('node_bonding_slaves', 'Number of configured slaves per bonding interface.', ['master'])
const active = gauge('node_bonding_active', 'Number of active slaves per bonding interface.', ['master'])

export const collector: CollectorDefinition = {
  name: 'bonding',
  enabledByDefault: true,
  create: () => ({
    name: 'bonding',
    collect(sink, files) {
      const base = files.sys('class/net')
      for (const master of fieldsOf(readMasters(files, `${base}/bonding_masters`))) {
        let up = 0
        const names = fieldsOf(files.read(`${base}/${master}/bonding/slaves`))
        for (const name of names) {
          const state = (prefix: string): string => `${base}/${master}/${prefix}_${name}/bonding_slave/mii_status`
          // Kernels before 3.11 have `slave_`.
          if ((files.tryTrimmed(state('lower')) ?? files.read(state('slave')).trim()) === 'up') up++
        }
        sink.sample(slaves, names.length, master)
        sink.sample(active, up, master)
      }
    },
  }),
}

/** Throws `NoDataError` where the module is not loaded. */
function readMasters(files: HostFiles, path: string): string {
  try {
    return files.read(path)
  } catch (error) {
    if (isMissing(error)) throw new NoDataError()
    throw error
  }
}
