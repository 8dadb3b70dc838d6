// The kernel's entropy pool: /proc/sys/kernel/random (random(4)).
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'

const availableFamily = gauge('node_entropy_available_bits', 'Bits of available entropy.')
const sizeFamily = gauge('node_entropy_pool_size_bits', 'Bits of entropy pool.')

export const collector: CollectorDefinition = {
  name: 'entropy',
  enabledByDefault: true,
  create: () => ({
    name: 'entropy',
    collect(sink, files) {
      sink.sample(availableFamily, files.readUint(files.proc('sys/kernel/random/entropy_avail')))
      sink.sample(sizeFamily, files.readUint(files.proc('sys/kernel/random/poolsize')))
    },
  }),
}
