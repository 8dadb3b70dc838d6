// Traffic of network devices: /proc/net/dev (net/core/net-procfs.c of the kernel), addresses from the system's own list.
import { networkInterfaces } from 'node:os'
import { SettingsError } from '#component'
import type { MetricSink } from '#component'
import type { CollectorDefinition } from '../collector.ts'
import { counter, gauge } from '../families.ts'
import { NameFilter } from '../filter.ts'
import { numberOf } from '../lines.ts'
import type { UnixSettings } from '../settings.ts'

/** In the order of the columns. */
const keys = [
  'receive_bytes',
  'receive_packets',
  'receive_errs',
  'receive_drop',
  'receive_fifo',
  'receive_frame',
  'receive_compressed',
  'receive_multicast',
  'transmit_bytes',
  'transmit_packets',
  'transmit_errs',
  'transmit_drop',
  'transmit_fifo',
  'transmit_colls',
  'transmit_carrier',
  'transmit_compressed',
]
const families = keys.map((key) => counter(`node_network_${key}_total`, `Network device statistic ${key}.`, ['device']))
const addressInfo = gauge('node_network_address_info', 'node network address by device', [
  'device',
  'address',
  'netmask',
  'scope',
])

export const collector: CollectorDefinition = {
  name: 'netdev',
  enabledByDefault: true,
  create(settings) {
    const withAddresses = settings.netdev.address_info
    const filter = createDeviceFilter(settings)
    return {
      name: 'netdev',
      collect(sink, files) {
        const lines = files.readLatin1(files.proc('net/dev')).split('\n')
        // Two lines of headings.
        for (let i = 2; i < lines.length; i++) {
          const line = lines[i] as string
          // An alias' name has a colon of its own (`eth0:1`).
          const colon = line.lastIndexOf(':')
          if (colon < 0) continue
          const device = line.slice(0, colon).trim()
          if (filter.ignores(device)) continue
          const values = line
            .slice(colon + 1)
            .trim()
            .split(/\s+/)
          if (values.length < keys.length) throw new Error('Cannot read net/dev: a line with fewer than 16 numbers')
          for (let k = 0; k < keys.length; k++) {
            sink.sample(families[k] as (typeof families)[0], numberOf(values[k], 'net/dev'), device)
          }
        }
        if (withAddresses) addAddresses(sink, filter)
      },
    }
  },
}

/** Which devices to take. Throws `SettingsError` for `device_include` beside `device_exclude`. */
export function createDeviceFilter(settings: UnixSettings): NameFilter {
  const { device_exclude: exclude, device_include: include } = settings.netdev
  if (exclude !== '' && include !== '') {
    throw new SettingsError('device_exclude and device_include are mutually exclusive', ['netdev', 'device_include'])
  }
  return new NameFilter(exclude, include, 'netdev', 'device_exclude', 'device_include')
}

/** The addresses of every device that is up, as the operating system's own list has them. */
export function addAddresses(sink: MetricSink, filter: NameFilter): void {
  for (const [device, addresses] of Object.entries(networkInterfaces())) {
    if (filter.ignores(device)) continue
    for (const { address, cidr } of addresses ?? []) {
      sink.sample(addressInfo, 1, device, address, cidr?.slice(cidr.indexOf('/') + 1) ?? '', scopeOf(address))
    }
  }
}

/** How far an address reaches, as Go's `net` tells them apart; loopback counts as link-local. */
function scopeOf(address: string): string {
  if (address.includes(':')) {
    const first = Number.parseInt(address.split(':', 1)[0] || '0', 16)
    if (address === '::1' || (first & 0xffc0) === 0xfe80) return 'link-local'
    if ((first & 0xff0f) === 0xff02) return 'link-local'
    if ((first & 0xff0f) === 0xff01) return 'interface-local'
    return address === '::' || (first & 0xff00) === 0xff00 ? '' : 'global'
  }
  if (address.startsWith('127.') || address.startsWith('169.254.') || address.startsWith('224.0.0.'))
    return 'link-local'
  const first = Number(address.split('.', 1)[0])
  return address === '0.0.0.0' || address === '255.255.255.255' || (first >= 224 && first < 240) ? '' : 'global'
}
