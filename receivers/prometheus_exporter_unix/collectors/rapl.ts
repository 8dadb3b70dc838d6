// Energy counters of CPUs and memory: /sys/class/powercap (kernel: power/powercap).
import { MetricFamily } from '#component'
import type { CollectorDefinition } from '../collector.ts'
import { NoDataError } from '../collector.ts'
import { counter, FamilyTable, sanitizeMetricName } from '../families.ts'
import type { HostFiles } from '../files.ts'

interface Zone {
  readonly index: string
  readonly name: string
  readonly path: string
}

export const collector: CollectorDefinition = {
  name: 'rapl',
  enabledByDefault: true,
  create() {
    const families = new FamilyTable()
    const familyOf = (name: string): MetricFamily => {
      const full = `node_rapl_${sanitizeMetricName(name)}_joules_total`
      return families.get(full, () => counter(full, `Current RAPL ${name} value in joules`, ['index', 'path']))
    }
    return {
      name: 'rapl',
      collect(sink, files) {
        const base = files.sys('class/powercap')
        if (!files.exists(base)) throw new NoDataError('there is no /sys/class/powercap')
        for (const { index, name, path } of readZones(files, base)) {
          sink.sample(familyOf(name), readMicrojoules(files, path) / 1e6, index, path)
        }
      },
    }
  },
}

/** A zone's index is the number at the end of its name (`package-1`), or how many zones of its name came before. */
function readZones(files: HostFiles, base: string): Zone[] {
  const zones: Zone[] = []
  const seen = new Map<string, number>()
  for (const entry of files.list(base)) {
    const path = `${base}/${entry}`
    const full = files.exists(`${path}/name`) ? files.tryTrimmed(`${path}/name`) : undefined
    if (full === undefined) continue
    const numbered = /^([^-]*)-([+-]?\d+)$/.exec(full)
    const name = numbered?.[1] ?? full
    const index = numbered ? Number(numbered[2]) : (seen.get(name) ?? 0)
    seen.set(name, index + 1)
    zones.push({ index: String(index), name, path })
  }
  return zones
}

function readMicrojoules(files: HostFiles, path: string): number {
  try {
    return files.readUint(`${path}/energy_uj`)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    // Only root may read it since CVE-2020-8694: the counter tells what a CPU computes.
    throw code === 'EACCES' || code === 'EPERM' ? new NoDataError(`${path}/energy_uj may not be read`) : error
  }
}
