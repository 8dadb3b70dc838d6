// Hardware watchdogs: /sys/class/watchdog (kernel: ABI/testing/sysfs-class-watchdog).
import type { MetricFamily } from '#component'
import type { CollectorDefinition } from '../collector.ts'
import { NoDataError } from '../collector.ts'
import { gauge } from '../families.ts'

const valueOf = (name: string, file: string): readonly [string, MetricFamily] => [
  file,
  gauge(`node_watchdog_${name}`, `Value of /sys/class/watchdog/<watchdog>/${file}`, ['name']),
]
const numbers = [
  valueOf('bootstatus', 'bootstatus'),
  valueOf('fw_version', 'fw_version'),
  valueOf('nowayout', 'nowayout'),
  valueOf('timeleft_seconds', 'timeleft'),
  valueOf('timeout_seconds', 'timeout'),
  valueOf('pretimeout_seconds', 'pretimeout'),
  valueOf('access_cs0', 'access_cs0'),
]
const texts = ['options', 'identity', 'state', 'status', 'pretimeout_governor']
const infoFamily = gauge('node_watchdog_info', 'Info of /sys/class/watchdog/<watchdog>', ['name', ...texts])

export const collector: CollectorDefinition = {
  name: 'watchdog',
  enabledByDefault: true,
  create: () => ({
    name: 'watchdog',
    collect(sink, files) {
      const base = files.sys('class/watchdog')
      if (!files.exists(base)) throw new NoDataError('there is no /sys/class/watchdog')
      for (const name of files.list(base)) {
        for (const [file, family] of numbers) {
          const value = files.tryInt(`${base}/${name}/${file}`)
          if (value !== undefined) sink.sample(family, value, name)
        }
        sink.sample(infoFamily, 1, name, ...texts.map((file) => files.tryTrimmed(`${base}/${name}/${file}`) ?? ''))
      }
    },
  }),
}
