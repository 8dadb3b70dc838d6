// Memory errors: /sys/devices/system/edac/mc (kernel: admin-guide/ras).
import type { MetricSink } from '#component'
import type { CollectorDefinition } from '../collector.ts'
import { counter } from '../families.ts'
import type { HostFiles } from '../files.ts'

const correctableFamily = counter('node_edac_correctable_errors_total', 'Total correctable memory errors.', [
  'controller',
])
const uncorrectableFamily = counter('node_edac_uncorrectable_errors_total', 'Total uncorrectable memory errors.', [
  'controller',
])
const rowCorrectableFamily = counter(
  'node_edac_csrow_correctable_errors_total',
  'Total correctable memory errors for this csrow.',
  ['controller', 'csrow'],
)
const rowUncorrectableFamily = counter(
  'node_edac_csrow_uncorrectable_errors_total',
  'Total uncorrectable memory errors for this csrow.',
  ['controller', 'csrow'],
)

export const collector: CollectorDefinition = {
  name: 'edac',
  enabledByDefault: true,
  create: () => ({
    name: 'edac',
    collect(sink, files) {
      const base = files.sys('devices/system/edac/mc')
      for (const name of files.tryList(base)) {
        if (/^mc\d/.test(name)) addController(sink, files, `${base}/${name}`, name.slice(2))
      }
    },
  }),
}

function addController(sink: MetricSink, files: HostFiles, path: string, controller: string): void {
  sink.sample(correctableFamily, files.readUint(`${path}/ce_count`), controller)
  sink.sample(rowCorrectableFamily, files.readUint(`${path}/ce_noinfo_count`), controller, 'unknown')
  sink.sample(uncorrectableFamily, files.readUint(`${path}/ue_count`), controller)
  sink.sample(rowUncorrectableFamily, files.readUint(`${path}/ue_noinfo_count`), controller, 'unknown')
  for (const name of files.list(path)) {
    if (!/^csrow\d/.test(name)) continue
    const row = name.slice('csrow'.length)
    sink.sample(rowCorrectableFamily, files.readUint(`${path}/${name}/ce_count`), controller, row)
    // Controllers that cannot tell it apart by row lack the file.
    const uncorrectable = files.tryUint(`${path}/${name}/ue_count`)
    if (uncorrectable !== undefined) sink.sample(rowUncorrectableFamily, uncorrectable, controller, row)
  }
}
