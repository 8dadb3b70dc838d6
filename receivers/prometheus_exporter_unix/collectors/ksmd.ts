// Kernel samepage merging: /sys/kernel/mm/ksm (Documentation/admin-guide/mm/ksm.rst of the kernel).
import type { CollectorDefinition } from '../collector.ts'
import { counter, gauge } from '../families.ts'

const help = (file: string): string => `ksmd '${file}' file.`
const gauges = [
  'merge_across_nodes',
  'pages_shared',
  'pages_sharing',
  'pages_to_scan',
  'pages_unshared',
  'pages_volatile',
  'run',
].map((file) => ({ file, family: gauge(`node_ksmd_${file}`, help(file)) }))
const fullScans = counter('node_ksmd_full_scans_total', help('full_scans'))
const sleep = gauge('node_ksmd_sleep_seconds', help('sleep_millisecs'))

export const collector: CollectorDefinition = {
  name: 'ksmd',
  enabledByDefault: false,
  create: () => ({
    name: 'ksmd',
    collect(sink, files) {
      const directory = files.sys('kernel/mm/ksm')
      sink.sample(fullScans, files.readUint(`${directory}/full_scans`))
      for (const { file, family } of gauges) sink.sample(family, files.readUint(`${directory}/${file}`))
      sink.sample(sleep, files.readUint(`${directory}/sleep_millisecs`) / 1000)
    },
  }),
}
