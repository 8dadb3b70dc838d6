// Free blocks of memory by size: /proc/buddyinfo (proc_buddyinfo(5)).
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'
import { fieldsOf, linesOf, numberOf } from '../lines.ts'

const blocks = gauge('node_buddyinfo_blocks', 'Count of free blocks according to size.', ['node', 'zone', 'size'])

export const collector: CollectorDefinition = {
  name: 'buddyinfo',
  enabledByDefault: false,
  create: () => ({
    name: 'buddyinfo',
    collect(sink, files) {
      for (const line of linesOf(files.readLatin1(files.proc('buddyinfo')))) {
        // `Node 0, zone   Normal   4381   1093 …`: as many blocks of 2^0 pages, of 2^1 pages, …
        const [, node = '', , zone = '', ...counts] = fieldsOf(line)
        if (zone === '') throw new Error('Cannot read buddyinfo: a line without a zone')
        for (const [size, count] of counts.entries()) {
          sink.sample(
            blocks,
            numberOf(count, 'buddyinfo'),
            node.replace(/,$/, ''),
            zone.replace(/,$/, ''),
            String(size),
          )
        }
      }
    },
  }),
}
