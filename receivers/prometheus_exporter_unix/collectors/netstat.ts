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
    const familyOf = (protocol: string, name: string): MetricFamily | null => {
      const key = `${protocol}_${name}`
      let family = families.get(key)
      if (family === undefined) {
        family = wanted.test(key)
          ? new MetricFamily(`node_netstat_${key}`, 'unknown', `Statistic ${protocol}${name}.`)
          : null
        families.set(key, family)
      }
      return family
    }
    const layouts = new Layouts(familyOf)
    return {
      name: 'netstat',
      collect(sink, files) {
        givePairs(sink, files, 'net/netstat', layouts)
        givePairs(sink, files, 'net/snmp', layouts)
        giveSnmp6(sink, files, familyOf)
      },
    }
  },
}

type FamilyOf = (protocol: string, name: string) => MetricFamily | null

/** Where in a line of values the wanted ones stand. */
interface Layout {
  readonly protocol: string
  readonly length: number
  readonly columns: readonly number[]
  readonly families: readonly MetricFamily[]
}

/** Layouts by line of names: a kernel writes the same few (some of 2 kB) at every scrape. */
class Layouts {
  readonly #familyOf: FamilyOf
  readonly #known = new Map<string, Layout>()
  constructor(familyOf: FamilyOf) {
    this.#familyOf = familyOf
  }

  get(names: string): Layout {
    let layout = this.#known.get(names)
    if (layout === undefined) {
      layout = this.#make(names.split(' '))
      if (this.#known.size >= layoutsMax) this.#known.clear()
      this.#known.set(names, layout)
    }
    return layout
  }

  #make(words: readonly string[]): Layout {
    const protocol = (words[0] as string).slice(0, -1)
    const columns: number[] = []
    const families: MetricFamily[] = []
    for (let i = 1; i < words.length; i++) {
      const family = this.#familyOf(protocol, words[i] as string)
      if (family === null) continue
      columns.push(i)
      families.push(family)
    }
    return { protocol, length: words.length, columns, families }
  }
}

/** More than any kernel has; message types seen for the first time make new lines (`IcmpMsg`). */
const layoutsMax = 64

/** Pairs of lines: names, then values, both after the protocol's name and a colon. */
function givePairs(sink: MetricSink, files: HostFiles, name: string, layouts: Layouts): void {
  const lines = files.readLatin1(files.proc(name)).split('\n')
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const { protocol, length, columns, families } = layouts.get(lines[i] as string)
    const values = (lines[i + 1] as string).split(' ')
    if (values.length !== length)
      throw new Error(`Cannot read ${name}: ${protocol} has more names than values, or fewer`)
    for (let k = 0; k < columns.length; k++) {
      sink.sample(families[k] as MetricFamily, numberOf(values[columns[k] as number], name))
    }
  }
}

/** `Ip6InReceives 7`: the protocol ends at the 6. A host without IPv6 has no such file. */
function giveSnmp6(sink: MetricSink, files: HostFiles, familyOf: FamilyOf): void {
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
    if (value === undefined || six < 0) continue
    const family = familyOf(key.slice(0, six + 1), key.slice(six + 1))
    if (family !== null) sink.sample(family, numberOf(value, 'net/snmp6'))
  }
}
