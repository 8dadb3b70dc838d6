// Statistics of the network's caches: the tables in /proc/net/stat (lnstat(8)).
import type { CollectorDefinition } from '../collector.ts'
import { counter, FamilyTable } from '../families.ts'
import { fieldsOf, hexOf } from '../lines.ts'

export const collector: CollectorDefinition = {
  name: 'lnstat',
  enabledByDefault: false,
  create() {
    const table = new FamilyTable()
    const family = (column: string) =>
      table.get(column, () => counter(`node_lnstat_${column}_total`, 'linux network cache stats', ['subsystem', 'cpu']))
    return {
      name: 'lnstat',
      collect(sink, files) {
        for (const name of files.tryList(files.proc('net/stat'))) {
          const what = `net/stat/${name}`
          const [heading = '', ...lines] = files.readLatin1(files.proc(what)).split('\n')
          const columns = fieldsOf(heading)
          let cpu = 0
          for (const line of lines) {
            const values = fieldsOf(line)
            if (values.length === 0) continue
            if (values.length > columns.length) throw new Error(`Cannot read ${what}: more values than names`)
            for (const [i, value] of values.entries()) {
              sink.sample(family(columns[i] as string), hexOf(value, what), name, String(cpu))
            }
            cpu++
          }
        }
      },
    }
  },
}
