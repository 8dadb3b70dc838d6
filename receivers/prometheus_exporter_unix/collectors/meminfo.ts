// Memory: /proc/meminfo (proc_meminfo(5)).
import { MetricFamily, type MetricSink } from '#component'
import type { CollectorDefinition } from '../collector.ts'
import type { HostFiles } from '../files.ts'

/** The family of a field as the kernel writes it (`Active(anon)`): every field is shown, those of new kernels too. */
function familyOf(field: string, isKilobytes: boolean): MetricFamily {
  const name = field.replace('(', '_').replace(')', '') + (isKilobytes ? '_bytes' : '')
  return new MetricFamily(`node_memory_${name}`, 'gauge', `Memory information field ${name}.`)
}

export const collector: CollectorDefinition = {
  name: 'meminfo',
  enabledByDefault: true,
  create: () => {
    const families = new Map<string, MetricFamily>()
    return { name: 'meminfo', collect: (sink, files) => collect(sink, files, families) }
  },
}

function collect(sink: MetricSink, files: HostFiles, families: Map<string, MetricFamily>): void {
  const text = files.readLatin1(files.proc('meminfo'))
  for (let at = 0; at < text.length;) {
    const end = lineEnd(text, at)
    if (text.slice(at, end).trim() === '') {
      at = end + 1
      continue
    }
    const colon = text.indexOf(':', at)
    if (colon < 0 || colon > end) throw new Error(`Cannot read meminfo: line without a colon at byte ${at}`)
    const field = text.slice(at, colon)
    const isKilobytes = text.startsWith(' kB', end - 3)
    const family = families.get(field) ?? familyOf(field, isKilobytes)
    families.set(field, family)
    const value = Number(text.slice(colon + 1, isKilobytes ? end - 3 : end))
    if (Number.isNaN(value)) throw new Error(`Cannot read meminfo: ${family.name} is not a number`)
    sink.sample(family, isKilobytes ? value * 1024 : value)
    at = end + 1
  }
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end
}
