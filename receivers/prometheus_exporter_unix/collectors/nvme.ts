// NVMe controllers: /sys/class/nvme.
import { readFile } from 'node:fs/promises'
import type { CollectorDefinition } from '../collector.ts'
import { NoDataError } from '../collector.ts'
import { gauge } from '../families.ts'
import { HangGuard } from '../files.ts'

const infoFamily = gauge('node_nvme_info', 'Non-numeric data from /sys/class/nvme/<device>, value is always 1.', [
  'device',
  'firmware_revision',
  'model',
  'serial',
  'state',
])
const files = ['firmware_rev', 'model', 'serial', 'state']
/** A controller that resets holds readers of its files: longer than this, and it is left out of the scrape. */
const timeoutMs = 5000

export const collector: CollectorDefinition = {
  name: 'nvme',
  enabledByDefault: true,
  create(_settings, { clock }) {
    const guard = new HangGuard(timeoutMs, clock)
    return {
      name: 'nvme',
      waits: true,
      async collect(sink, host, signal) {
        const base = host.sys('class/nvme')
        if (!host.exists(base)) throw new NoDataError('there is no /sys/class/nvme')
        for (const device of host.list(base)) {
          const values: string[] = []
          for (const file of files) {
            const text = await guard.run(() => readFile(`${base}/${device}/${file}`, 'utf8'), signal)
            values.push(text.trim())
          }
          sink.sample(infoFamily, 1, device, ...values)
        }
      },
    }
  },
}
