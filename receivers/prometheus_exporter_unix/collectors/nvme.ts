// NVMe controllers: /sys/class/nvme.
import { readdir, readFile } from 'node:fs/promises'
import type { CollectorDefinition } from '../collector.ts'
import { isMissing, NoDataError } from '../collector.ts'
import { gauge } from '../families.ts'
import { within } from '../files.ts'

const infoFamily = gauge('node_nvme_info', 'Non-numeric data from /sys/class/nvme/<device>, value is always 1.', [
  ...'device firmware_revision model serial state'.split(' '),
])
const files = ['firmware_rev', 'model', 'serial', 'state']
/** A controller that resets holds readers of its files: longer than this, and it is left out of the scrape. */
const timeoutMs = 5000

export const collector: CollectorDefinition = {
  name: 'nvme',
  enabledByDefault: true,
  create: (_settings, { clock }) => ({
    name: 'nvme',
    waits: true,
    async collect(sink, host, signal) {
      const base = host.sys('class/nvme')
      const devices = await readdir(base).catch((error: unknown) => {
        throw isMissing(error) ? new NoDataError('there is no /sys/class/nvme') : error
      })
      for (const device of devices.sort()) {
        const values: string[] = []
        for (const file of files) {
          const text = await within(readFile(`${base}/${device}/${file}`, 'utf8'), timeoutMs, clock, signal)
          values.push(text.trim())
        }
        sink.sample(infoFamily, 1, device, ...values)
      }
    },
  }),
}
