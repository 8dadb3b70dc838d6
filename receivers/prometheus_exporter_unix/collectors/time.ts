// The system's time, its zone, and clock sources: /sys/devices/system/clocksource.
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'
import { zoneAbbreviation } from '../time_zone.ts'

const nowFamily = gauge('node_time_seconds', 'System time in seconds since epoch (1970).')
const zoneFamily = gauge('node_time_zone_offset_seconds', 'System time zone offset in seconds.', ['time_zone'])
const availableFamily = gauge(
  'node_time_clocksource_available_info',
  "Available clocksources read from '/sys/devices/system/clocksource'.",
  ['device', 'clocksource'],
)
const currentFamily = gauge(
  'node_time_clocksource_current_info',
  "Current clocksource read from '/sys/devices/system/clocksource'.",
  ['device', 'clocksource'],
)

export const collector: CollectorDefinition = {
  name: 'time',
  enabledByDefault: true,
  create: (_settings, { clock }) => ({
    name: 'time',
    collect(sink, files) {
      const nowMs = clock.now()
      const offsetSeconds = -60 * new Date(nowMs).getTimezoneOffset()
      sink.sample(nowFamily, nowMs / 1000)
      sink.sample(
        zoneFamily,
        offsetSeconds === 0 ? 0 : offsetSeconds,
        zoneAbbreviation(offsetSeconds, process.env['TZ']),
      )
      const base = files.sys('devices/system/clocksource')
      let device = 0
      for (const name of files.tryList(base)) {
        if (!/^clocksource\d/.test(name)) continue
        const available = files.read(`${base}/${name}/available_clocksource`).trim()
        for (const source of available.split(/\s+/)) {
          if (source !== '') sink.sample(availableFamily, 1, String(device), source)
        }
        sink.sample(currentFamily, 1, String(device), files.read(`${base}/${name}/current_clocksource`).trim())
        device++
      }
    },
  }),
}
