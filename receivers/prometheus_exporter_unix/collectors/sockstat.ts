// Sockets in use: /proc/net/sockstat and sockstat6 (net/ipv4/proc.c of the kernel).
import { isMissing } from '../collector.ts'
import type { CollectorDefinition } from '../collector.ts'
import { FamilyTable, gauge } from '../families.ts'
import type { HostFiles } from '../files.ts'
import { linesOf, numberOf } from '../lines.ts'
import { pageBytes } from '../page_size.ts'

const used = gauge('node_sockstat_sockets_used', 'Number of IPv4 sockets in use.')
const states = ['inuse', 'orphan', 'tw', 'alloc', 'mem', 'memory', 'mem_bytes']

export const collector: CollectorDefinition = {
  name: 'sockstat',
  enabledByDefault: true,
  create() {
    const table = new FamilyTable()
    const family = (protocol: string, state: string) =>
      table.get(`${protocol}_${state}`, () =>
        gauge(`node_sockstat_${protocol}_${state}`, `Number of ${protocol} sockets in state ${state}.`),
      )
    return {
      name: 'sockstat',
      collect(sink, files) {
        for (const name of ['net/sockstat', 'net/sockstat6']) {
          for (const [protocol, values] of readSockets(files, name)) {
            if (protocol === 'sockets') {
              if (name === 'net/sockstat') sink.sample(used, values.get('used') ?? 0)
              continue
            }
            const pages = values.get('mem')
            if (pages !== undefined) values.set('mem_bytes', pages * pageBytes())
            if (!values.has('inuse')) values.set('inuse', 0)
            for (const state of states) {
              const value = values.get(state)
              if (value !== undefined) sink.sample(family(protocol, state), value)
            }
          }
        }
      },
    }
  },
}

/** `TCP: inuse 4 orphan 0`. A host without the protocol family has no such file. */
function readSockets(files: HostFiles, name: string): [string, Map<string, number>][] {
  let text: string
  try {
    text = files.readLatin1(files.proc(name))
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
  return linesOf(text).map((line) => {
    const words = line.trim().split(' ')
    if (words.length < 3 || words.length % 2 === 0) throw new Error(`Cannot read ${name}: a line that is no pairs`)
    const values = new Map<string, number>()
    for (let i = 1; i < words.length; i += 2) values.set(words[i] as string, numberOf(words[i + 1], name))
    return [(words[0] as string).replace(/:$/, ''), values]
  })
}
