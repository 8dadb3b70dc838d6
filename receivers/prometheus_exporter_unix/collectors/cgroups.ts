// Control groups per controller: /proc/cgroups (cgroups(7)).
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'
import { fieldsOf, linesOf, numberOf } from '../lines.ts'

const cgroups = gauge('node_cgroups_cgroups', 'Current cgroup number of the subsystem.', ['subsys_name'])
const enabled = gauge('node_cgroups_enabled', 'Current cgroup number of the subsystem.', ['subsys_name'])

export const collector: CollectorDefinition = {
  name: 'cgroups',
  enabledByDefault: false,
  create: () => ({
    name: 'cgroups',
    collect(sink, files) {
      for (const line of linesOf(files.readLatin1(files.proc('cgroups')))) {
        if (line.startsWith('#')) continue
        // Name, hierarchy, number of groups, enabled.
        const columns = fieldsOf(line)
        if (columns.length < 4)
          throw new Error(`Cannot read cgroups: 4 columns needed: current value is ${columns.length}`)
        sink.sample(cgroups, numberOf(columns[2], 'cgroups'), columns[0] as string)
        sink.sample(enabled, numberOf(columns[3], 'cgroups'), columns[0] as string)
      }
    },
  }),
}
