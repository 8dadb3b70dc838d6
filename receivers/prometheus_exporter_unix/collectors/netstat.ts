// Counters of the network protocols: /proc/net/netstat, /proc/net/snmp, /proc/net/snmp6 (net/ipv4/proc.c of the kernel).
import { MetricFamily } from '#component'
import type { MetricSink } from '#component'
import { isMissing } from '../collector.ts'
import type { CollectorDefinition } from '../collector.ts'
import type { HostFiles } from '../files.ts'
import { compileSetting } from '../filter.ts'
import { fieldsOf, numberOf } from '../lines.ts'

export const collector: CollectorDefinition = {
  name: 'netstat',
  enabledByDefault: true,
  create(settings) {
    const wanted = compileSetting(settings.netstat.fields, ['netstat', 'fields'])
    /** By `TcpExt_ListenDrops`; null: not wanted. The kernel has some hundred of them. */
    const families = new Map<string, MetricFamily | null>()
    const give = (sink: MetricSink, protocol: string, name: string, value: string | undefined): void => {
      const key = `${protocol}_${name}`
      let family = families.get(key)
      if (family === undefined) {
        family = wanted.test(key)
          ? new MetricFamily(`node_netstat_${key}`, 'unknown', `Statistic ${protocol}${name}.`)
          : null
        families.set(key, family)
      }
      const number = numberOf(value, 'netstat')
      if (family !== null) sink.sample(family, number)
    }
    return {
      name: 'netstat',
      collect(sink, files) {
        readPairs(files, 'net/netstat', (protocol, name, value) => give(sink, protocol, name, value))
        readPairs(files, 'net/snmp', (protocol, name, value) => give(sink, protocol, name, value))
        readSnmp6(files, (protocol, name, value) => give(sink, protocol, name, value))
      },
    }
  },
}

type Each = (protocol: string, name: string, value: string | undefined) => void

/** Pairs of lines: names, then values, both after the protocol's name and a colon. */
function readPairs(files: HostFiles, name: string, each: Each): void {
  const lines = files.readLatin1(files.proc(name)).split('\n')
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const names = (lines[i] as string).split(' ')
    const values = (lines[i + 1] as string).split(' ')
    const protocol = (names[0] as string).slice(0, -1)
    if (names.length !== values.length)
      throw new Error(`Cannot read ${name}: ${protocol} has more names than values, or fewer`)
    for (let k = 1; k < names.length; k++) each(protocol, names[k] as string, values[k])
  }
}

/** `Ip6InReceives 7`: the protocol ends at the 6. A host without IPv6 has no such file. */
function readSnmp6(files: HostFiles, each: Each): void {
  let text: string
  try {
    text = files.readLatin1(files.proc('net/snmp6'))
  } catch (error) {
    if (isMissing(error)) return
    throw error
  }
  for (const line of text.split('\n')) {
    const [key = '', value] = fieldsOf(line)
    const six = key.indexOf('6')
    if (value !== undefined && six >= 0) each(key.slice(0, six + 1), key.slice(six + 1), value)
  }
}
