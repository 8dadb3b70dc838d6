// What the firmware says of the machine: /sys/class/dmi/id (kernel: ABI/testing/sysfs-class-dmi).
import { MetricFamily } from '#component'
import type { CollectorDefinition } from '../collector.ts'
import { NoDataError } from '../collector.ts'
import type { HostFiles } from '../files.ts'

/** Labels are the files' names, but for the system's vendor. Serial numbers can be read by root only. */
const labels = (
  'bios_date bios_release bios_vendor bios_version board_asset_tag board_name board_serial board_vendor board_version ' +
  'chassis_asset_tag chassis_serial chassis_vendor chassis_version product_family product_name product_serial ' +
  'product_sku product_uuid product_version system_vendor'
).split(' ')
const fileNames = labels.map((label) => (label === 'system_vendor' ? 'sys_vendor' : label))
const help = `A metric with a constant '1' value labeled by ${labels.join(', ')} if provided by DMI.`
const family = new MetricFamily('node_dmi_info', 'gauge', help, labels)

export const collector: CollectorDefinition = {
  name: 'dmi',
  enabledByDefault: true,
  create() {
    /** Read once: nothing of it changes until the next boot. */
    let values: readonly string[] | undefined
    return {
      name: 'dmi',
      collect(sink, files) {
        values ??= readIdentity(files)
        if (values.every((value) => value === '')) throw new NoDataError('there is no /sys/class/dmi/id')
        sink.sample(family, 1, ...values)
      },
    }
  },
}

function readIdentity(files: HostFiles): string[] {
  const base = files.sys('class/dmi/id')
  if (!files.exists(base)) return fileNames.map(() => '')
  return fileNames.map((name) => files.tryTrimmed(`${base}/${name}`) ?? '')
}
