// What uname(2) says of the system.
import { hostname, machine, release, type, version } from 'node:os'
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'

export const unameFamily = gauge(
  'node_uname_info',
  'Labeled system information as provided by the uname system call.',
  ['sysname', 'release', 'version', 'machine', 'nodename', 'domainname'],
)

export const collector: CollectorDefinition = {
  name: 'uname',
  enabledByDefault: true,
  create: () => ({
    name: 'uname',
    collect(sink, files) {
      // Node does not give the domain name: the kernel shows the same text in procfs.
      const domainName = files.tryTrimmed(files.proc('sys/kernel/domainname')) ?? ''
      sink.sample(unameFamily, 1, type(), release(), version(), machine(), hostname(), domainName)
    },
  }),
}
