// Open files of the whole system: /proc/sys/fs/file-nr (proc_sys_fs(5)).
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'

const allocatedFamily = gauge('node_filefd_allocated', 'File descriptor statistics: allocated.')
const maximumFamily = gauge('node_filefd_maximum', 'File descriptor statistics: maximum.')

export const collector: CollectorDefinition = {
  name: 'filefd',
  enabledByDefault: true,
  create: () => ({
    name: 'filefd',
    collect(sink, files) {
      // The second number, free ones, is 0 since Linux 2.6.
      const [allocated, , maximum] = files.readLatin1(files.proc('sys/fs/file-nr')).trim().split('\t').map(Number)
      if (allocated === undefined || maximum === undefined || Number.isNaN(allocated) || Number.isNaN(maximum)) {
        throw new Error('Cannot read file-nr: not three numbers')
      }
      sink.sample(allocatedFamily, allocated)
      sink.sample(maximumFamily, maximum)
    },
  }),
}
