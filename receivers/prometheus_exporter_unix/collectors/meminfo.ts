// Memory: /proc/meminfo (proc_meminfo(5)).
import { MetricFamily } from '#component'
import type { CollectorDefinition } from '../collector.ts'

/** The fields that node_exporter 1.10 shows, as the kernel writes them. Others (KReclaimable, FileHugePages) it leaves out. */
const fields = (
  'MemTotal MemFree MemAvailable Buffers Cached SwapCached Active Inactive Active(anon) Inactive(anon) ' +
  'Active(file) Inactive(file) Unevictable Mlocked SwapTotal SwapFree Zswap Zswapped Dirty Writeback ' +
  'AnonPages Mapped Shmem Slab SReclaimable SUnreclaim KernelStack PageTables NFS_Unstable Bounce ' +
  'WritebackTmp CommitLimit Committed_AS VmallocTotal VmallocUsed VmallocChunk Percpu HardwareCorrupted ' +
  'AnonHugePages ShmemHugePages ShmemPmdMapped CmaTotal CmaFree Hugepagesize DirectMap4k DirectMap2M ' +
  'DirectMap1G'
).split(' ')
const counts = ['HugePages_Total', 'HugePages_Free', 'HugePages_Rsvd', 'HugePages_Surp']

const family = (name: string): MetricFamily =>
  new MetricFamily(`node_memory_${name}`, 'gauge', `Memory information field ${name}.`)

const byField: ReadonlyMap<string, MetricFamily> = new Map([
  ...fields.map((field) => [field, family(`${field.replace('(', '_').replace(')', '')}_bytes`)] as const),
  ...counts.map((field) => [field, family(field)] as const),
])

export const collector: CollectorDefinition = {
  name: 'meminfo',
  enabledByDefault: true,
  create: () => ({
    name: 'meminfo',
    collect(sink, files) {
      const text = files.readLatin1(files.proc('meminfo'))
      for (let at = 0; at < text.length;) {
        const end = lineEnd(text, at)
        const colon = text.indexOf(':', at)
        if (colon < 0 || colon > end) throw new Error(`Cannot read meminfo: line without a colon at byte ${at}`)
        const known = byField.get(text.slice(at, colon))
        if (known) {
          const isKilobytes = text.startsWith(' kB', end - 3)
          const value = Number(text.slice(colon + 1, isKilobytes ? end - 3 : end))
          if (Number.isNaN(value)) throw new Error(`Cannot read meminfo: ${known.name} is not a number`)
          sink.sample(known, isKilobytes ? value * 1024 : value)
        }
        at = end + 1
      }
    },
  }),
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end
}
