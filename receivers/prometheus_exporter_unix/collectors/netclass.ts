// Properties of network devices: /sys/class/net (Documentation/ABI/testing/sysfs-class-net of the kernel).
import { setImmediate } from 'node:timers/promises'
import type { MetricFamily } from '#component'
import { isMissing, NoDataError } from '../collector.ts'
import type { CollectorDefinition } from '../collector.ts'
import { counter, gauge } from '../families.ts'
import type { HostFiles } from '../files.ts'
import { compileSetting } from '../filter.ts'

const up = gauge('node_network_up', "Value is 1 if operstate is 'up', 0 otherwise.", ['device'])
const info = gauge('node_network_info', 'Non-numeric data from /sys/class/net/<iface>, value is always 1.', [
  'device',
  'address',
  'broadcast',
  'duplex',
  'operstate',
  'adminstate',
  'ifalias',
])

const property = (make: typeof gauge, name: string): MetricFamily =>
  make(`node_network_${name}`, `Network device property: ${name}`, ['device'])

/** File in the device's directory and its family, without flags and speed. */
const properties: readonly (readonly [string, MetricFamily])[] = [
  ['addr_assign_type', property(gauge, 'address_assign_type')],
  ['carrier', property(gauge, 'carrier')],
  ['carrier_changes', property(counter, 'carrier_changes_total')],
  ['carrier_up_count', property(counter, 'carrier_up_changes_total')],
  ['carrier_down_count', property(counter, 'carrier_down_changes_total')],
  ['dev_id', property(gauge, 'device_id')],
  ['dormant', property(gauge, 'dormant')],
  ['ifindex', property(gauge, 'iface_id')],
  ['iflink', property(gauge, 'iface_link')],
  ['link_mode', property(gauge, 'iface_link_mode')],
  ['mtu', property(gauge, 'mtu_bytes')],
  ['name_assign_type', property(gauge, 'name_assign_type')],
  ['netdev_group', property(gauge, 'net_dev_group')],
  ['tx_queue_len', property(gauge, 'transmit_queue_length')],
  ['type', property(gauge, 'protocol_type')],
]
const flags = property(gauge, 'flags')
const speed = property(gauge, 'speed_bytes')
/** Devices read before other work of the process gets its turn: each takes some 0.6 ms, and hosts with containers have hundreds. */
const devicesPerTurn = 8
/** IFF_UP of if.h. */
const flagUp = 1

export const collector: CollectorDefinition = {
  name: 'netclass',
  enabledByDefault: true,
  create(settings) {
    const ignored = compileSetting(settings.netclass.ignored_devices, ['netclass', 'ignored_devices'])
    const ignoreInvalidSpeed = settings.netclass.ignore_invalid_speed_device
    return {
      name: 'netclass',
      async collect(sink, files, signal) {
        const base = files.sys('class/net')
        let read = 0
        for (const device of listDevices(files, base)) {
          if (ignored.test(device)) continue
          if (++read % devicesPerTurn === 0) {
            await setImmediate()
            signal.throwIfAborted()
          }
          const directory = `${base}/${device}/`
          // `bonding_masters` is a file among the directories.
          if (!files.exists(`${directory}.`)) continue
          const operstate = files.tryTrimmed(`${directory}operstate`) ?? ''
          sink.sample(up, operstate === 'up' ? 1 : 0, device)
          const flagBits = numberOfFile(files, `${directory}flags`)
          const adminstate = flagBits === undefined ? 'unknown' : flagBits & flagUp ? 'up' : 'down'
          const text = (name: string): string => files.tryTrimmed(directory + name) ?? ''
          sink.sample(
            info,
            1,
            device,
            text('address'),
            text('broadcast'),
            text('duplex'),
            operstate,
            adminstate,
            text('ifalias'),
          )
          for (const [name, family] of properties) {
            const value = numberOfFile(files, directory + name)
            if (value !== undefined) sink.sample(family, value, device)
          }
          if (flagBits !== undefined) sink.sample(flags, flagBits, device)
          // Megabits; some drivers say -1 when they do not know. Integer division, as everybody's dashboards have it.
          const megabits = numberOfFile(files, `${directory}speed`)
          if (megabits !== undefined && (megabits >= 0 || !ignoreInvalidSpeed)) {
            sink.sample(speed, Math.trunc((megabits * 1_000_000) / 8), device)
          }
        }
      },
    }
  },
}

function listDevices(files: HostFiles, base: string): string[] {
  try {
    return files.list(base)
  } catch (error) {
    if (isMissing(error) || (error as NodeJS.ErrnoException).code === 'EACCES') throw new NoDataError()
    throw error
  }
}

/** Decimal or, with 0x, hexadecimal; undefined where the file cannot be read: a device that is down refuses its speed. */
function numberOfFile(files: HostFiles, path: string): number | undefined {
  const text = files.tryTrimmed(path)
  if (text === undefined || text === '') return undefined
  const value = Number(text)
  return Number.isNaN(value) ? undefined : value
}
