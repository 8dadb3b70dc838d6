// ZFS: /proc/spl/kstat/zfs (OpenZFS' kstats).
import { MetricFamily } from '#component'
import type { MetricSink } from '#component'
import { NoDataError } from '../collector.ts'
import type { CollectorDefinition } from '../collector.ts'
import { FamilyTable, gauge } from '../families.ts'
import type { HostFiles } from '../files.ts'
import { fieldsOf, linesOf, numberOf } from '../lines.ts'

/** File and the first part of its metrics' names. A version of ZFS has some of them. */
const statistics = [
  ['abdstats', 'zfs_abd'],
  ['arcstats', 'zfs_arc'],
  ['dbufstats', 'zfs_dbuf'],
  ['dmu_tx', 'zfs_dmu_tx'],
  ['dnodestats', 'zfs_dnode'],
  ['fm', 'zfs_fm'],
  ['vdev_cache_stats', 'zfs_vdev_cache'],
  ['vdev_mirror_stats', 'zfs_vdev_mirror'],
  ['xuio_stats', 'zfs_xuio'],
  ['zfetchstats', 'zfs_zfetch'],
  ['zil', 'zfs_zil'],
] as const
const poolStates = ['online', 'degraded', 'faulted', 'offline', 'removed', 'unavail', 'suspended']
const poolState = gauge('node_zfs_zpool_state', 'kstat.zfs.misc.state', ['zpool', 'state'])
/** KSTAT_DATA_INT64 and KSTAT_DATA_UINT64 of libspl's kstat.h. */
const numberTypes: ReadonlySet<string> = new Set(['3', '4'])

export const collector: CollectorDefinition = {
  name: 'zfs',
  enabledByDefault: true,
  create() {
    const table = new FamilyTable()
    const family = (prefix: string, source: string, field: string, labels: readonly string[]) => {
      const name = `node_${prefix}_${field.replaceAll('-', '_')}`
      return table.get(name, () => new MetricFamily(name, 'unknown', `kstat.zfs.misc.${source}.${field}`, labels))
    }
    const givePool = (sink: MetricSink, files: HostFiles, pool: string, directory: string): void => {
      for (const name of files.tryList(directory)) {
        const path = `${directory}/${name}`
        if (name === 'io') {
          for (const [field, value] of readTable(files, path))
            sink.sample(family('zfs_zpool', 'io', field, ['zpool']), value, pool)
        } else if (name.startsWith('objset-')) {
          const { dataset, values } = readNamed(files, path)
          for (const [field, value] of values) {
            sink.sample(family('zfs_zpool_dataset', 'objset', field, ['zpool', 'dataset']), value, pool, dataset)
          }
        } else if (name === 'state') {
          const current = files.tryTrimmed(path)?.toLowerCase()
          for (const state of poolStates) sink.sample(poolState, state === current ? 1 : 0, pool, state)
        }
      }
    }
    return {
      name: 'zfs',
      collect(sink, files) {
        const base = files.proc('spl/kstat/zfs')
        if (!files.exists(base)) throw new NoDataError()
        for (const [name, prefix] of statistics) {
          if (!files.exists(`${base}/${name}`)) continue
          for (const [field, value] of readNamed(files, `${base}/${name}`).values) {
            sink.sample(family(prefix, name, field, []), value)
          }
        }
        // Pools are the directories.
        for (const name of files.list(base)) {
          if (files.exists(`${base}/${name}/.`)) givePool(sink, files, name, `${base}/${name}`)
        }
      },
    }
  },
}

interface Named {
  readonly dataset: string
  readonly values: [string, number][]
}

/** After a line `name type data`: `hits 4 8772612`. Other types than 64-bit integers are left out. */
function readNamed(files: HostFiles, path: string): Named {
  let dataset = ''
  let isBegun = false
  const values: [string, number][] = []
  for (const line of linesOf(files.read(path))) {
    const [name = '', type = '', data = ''] = fieldsOf(line)
    if (!isBegun) isBegun = name === 'name' && type === 'type' && data === 'data'
    // A dataset's name may have spaces.
    else if (name === 'dataset_name' && data !== '') dataset = line.slice(line.indexOf(data)).trimEnd()
    else if (numberTypes.has(type)) values.push([name, numberOf(data, path)])
  }
  if (!isBegun) throw new Error(`Cannot read ${path}: no line that says what its columns are`)
  return { dataset, values }
}

/** A line of names that begins with `nread`, then one of values. */
function readTable(files: HostFiles, path: string): [string, number][] {
  const lines = linesOf(files.readLatin1(path)).map(fieldsOf)
  const heading = lines.findIndex((fields) => fields.length >= 12 && fields[0] === 'nread')
  const names = heading < 0 ? [] : (lines[heading] as string[])
  const values = lines[heading + 1] ?? []
  return names.map((name, i) => [name, numberOf(values[i], path)])
}
