// The slab allocator's caches: /proc/slabinfo (slabinfo(5)); only root may read it.
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'
import { fieldsOf, linesOf, numberOf } from '../lines.ts'

const slabLabel = ['slab']
/** In the order of the columns after the name. */
const families = [
  gauge('node_slabinfo_active_objects', 'The number of objects that are currently active (i.e., in use).', slabLabel),
  gauge(
    'node_slabinfo_objects',
    'The total number of allocated objects (i.e., objects that are both in use and not in use).',
    slabLabel,
  ),
  gauge('node_slabinfo_object_size_bytes', 'The size of objects in this slab, in bytes.', slabLabel),
  gauge('node_slabinfo_objects_per_slab', 'The number of objects stored in each slab.', slabLabel),
  gauge('node_slabinfo_pages_per_slab', 'The number of pages allocated for each slab.', slabLabel),
]
const columnCount = 16

export const collector: CollectorDefinition = {
  name: 'slabinfo',
  enabledByDefault: false,
  create: () => ({
    name: 'slabinfo',
    collect(sink, files) {
      for (const line of linesOf(files.readLatin1(files.proc('slabinfo')))) {
        if (line.startsWith('slabinfo') || line.startsWith('#')) continue
        const columns = fieldsOf(line)
        if (columns.length !== columnCount) {
          throw new Error(`Cannot read slabinfo: ${columnCount} columns needed: current value is ${columns.length}`)
        }
        for (const [i, family] of families.entries()) {
          sink.sample(family, numberOf(columns[i + 1], 'slabinfo'), columns[0] as string)
        }
      }
    },
  }),
}
