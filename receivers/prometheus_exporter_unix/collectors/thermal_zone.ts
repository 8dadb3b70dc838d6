// Temperatures and cooling devices: /sys/class/thermal (kernel: driver-api/thermal/sysfs-api).
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'

const temperatureFamily = gauge('node_thermal_zone_temp', 'Zone temperature in Celsius', ['zone', 'type'])
const currentFamily = gauge('node_cooling_device_cur_state', 'Current throttle state of the cooling device', [
  'name',
  'type',
])
const maximumFamily = gauge('node_cooling_device_max_state', 'Maximum throttle state of the cooling device', [
  'name',
  'type',
])

export const collector: CollectorDefinition = {
  name: 'thermal_zone',
  enabledByDefault: true,
  create: () => ({
    name: 'thermal_zone',
    collect(sink, files) {
      const base = files.sys('class/thermal')
      for (const name of files.tryList(base)) {
        const directory = `${base}/${name}`
        if (/^thermal_zone\d/.test(name)) {
          const type = files.tryTrimmed(`${directory}/type`)
          // Drivers whose sensor is off refuse the read (EINVAL, ENODATA): no sample, the other zones go on.
          const temperature = files.tryInt(`${directory}/temp`)
          if (type === undefined || temperature === undefined) continue
          sink.sample(temperatureFamily, temperature / 1000, name.slice('thermal_zone'.length), type)
        } else if (/^cooling_device\d/.test(name)) {
          const type = files.tryTrimmed(`${directory}/type`)
          const maximum = files.tryInt(`${directory}/max_state`)
          const current = files.tryInt(`${directory}/cur_state`)
          if (type === undefined || maximum === undefined || current === undefined) continue
          const device = name.slice('cooling_device'.length)
          sink.sample(currentFamily, current, device, type)
          sink.sample(maximumFamily, maximum, device, type)
        }
      }
    },
  }),
}
