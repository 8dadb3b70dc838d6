// Entries of the ARP table: /proc/net/arp (net/ipv4/arp.c of the kernel).
//
// `netlink = true` is read from the same file: it has the same entries, those of the IPv4 table that need ARP.
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'
import { NameFilter } from '../filter.ts'
import { fieldsOf } from '../lines.ts'

const entries = gauge('node_arp_entries', 'ARP entries by device', ['device'])
const columnCount = 6

export const collector: CollectorDefinition = {
  name: 'arp',
  enabledByDefault: true,
  create({ arp }) {
    const filter = new NameFilter(arp.device_exclude, arp.device_include, 'arp', 'device_exclude', 'device_include')
    return {
      name: 'arp',
      collect(sink, files) {
        const counts = new Map<string, number>()
        const lines = files.readLatin1(files.proc('net/arp')).split('\n')
        // One line of headings.
        for (let i = 1; i < lines.length; i++) {
          const columns = fieldsOf(lines[i] as string)
          if (columns.length === 0) continue
          if (columns.length !== columnCount) {
            throw new Error(`Cannot read net/arp: ${columnCount} columns needed: current value is ${columns.length}`)
          }
          const device = columns[5] as string
          counts.set(device, (counts.get(device) ?? 0) + 1)
        }
        for (const [device, count] of counts) {
          if (!filter.ignores(device)) sink.sample(entries, count, device)
        }
      },
    }
  },
}
