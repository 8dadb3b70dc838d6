// bcache: /sys/fs/bcache (Documentation/admin-guide/bcache.rst of the kernel).
import type { MetricFamily, MetricSink } from '#component'
import type { CollectorDefinition } from '../collector.ts'
import { counter, gauge } from '../families.ts'
import type { HostFiles } from '../files.ts'
import { fieldsOf, linesOf, numberOf } from '../lines.ts'

type Make = typeof gauge
const ofSet = (make: Make, name: string, help: string): MetricFamily => make(`node_bcache_${name}`, help, ['uuid'])
const ofBacking = (make: Make, name: string, help: string): MetricFamily =>
  make(`node_bcache_${name}`, help, ['uuid', 'backing_device'])
const ofCache = (make: Make, name: string, help: string): MetricFamily =>
  make(`node_bcache_${name}`, help, ['uuid', 'cache_device'])

/** File in the set's directory, family, factor. */
const setValues: readonly (readonly [string, MetricFamily, number])[] = [
  ['average_key_size', ofSet(gauge, 'average_key_size_sectors', 'Average data per key in the btree (sectors).'), 1],
  [
    'btree_cache_size',
    ofSet(gauge, 'btree_cache_size_bytes', 'Amount of memory currently used by the btree cache.'),
    1,
  ],
  [
    'cache_available_percent',
    ofSet(
      gauge,
      'cache_available_percent',
      'Percentage of cache device without dirty data, usable for writeback (may contain clean cached data).',
    ),
    1,
  ],
  ['congested', ofSet(gauge, 'congested', 'Congestion.'), 1],
  [
    'root_usage_percent',
    ofSet(gauge, 'root_usage_percent', 'Percentage of the root btree node in use (tree depth increases if too high).'),
    1,
  ],
  ['tree_depth', ofSet(gauge, 'tree_depth', 'Depth of the btree.'), 1],
  [
    'internal/active_journal_entries',
    ofSet(gauge, 'active_journal_entries', 'Number of journal entries that are newer than the index.'),
    1,
  ],
  ['internal/btree_nodes', ofSet(gauge, 'btree_nodes', 'Total nodes in the btree.'), 1],
  // The file says microseconds; everybody shows its number as nanoseconds.
  [
    'internal/btree_read_average_duration_us',
    ofSet(gauge, 'btree_read_average_duration_seconds', 'Average btree read duration.'),
    1e-9,
  ],
  [
    'internal/cache_read_races',
    ofSet(
      counter,
      'cache_read_races_total',
      'Counts instances where while data was being read from the cache, the bucket was reused and invalidated - i.e. where the pointer was stale after the read completed.',
    ),
    1,
  ],
]

/** Line of writeback_rate_debug and family. */
const writeback: readonly (readonly [string, MetricFamily])[] = [
  [
    'target',
    ofBacking(gauge, 'dirty_target_bytes', 'Current dirty data target threshold for this backing device in bytes.'),
  ],
  ['rate', ofBacking(gauge, 'writeback_rate', 'Current writeback rate for this backing device in bytes.')],
  [
    'proportional',
    ofBacking(
      gauge,
      'writeback_rate_proportional_term',
      'Current result of proportional controller, part of writeback rate',
    ),
  ],
  [
    'integral',
    ofBacking(gauge, 'writeback_rate_integral_term', 'Current result of integral controller, part of writeback rate'),
  ],
  ['change', ofBacking(gauge, 'writeback_change', 'Last writeback rate change step for this backing device.')],
]
const dirtyData = ofBacking(gauge, 'dirty_data_bytes', 'Amount of dirty data for this backing device in the cache.')

/** File in a backing device's stats_total and family. */
const backingTotals: readonly (readonly [string, MetricFamily])[] = [
  [
    'bypassed',
    ofBacking(counter, 'bypassed_bytes_total', 'Amount of IO (both reads and writes) that has bypassed the cache.'),
  ],
  ['cache_hits', ofBacking(counter, 'cache_hits_total', 'Hits counted per individual IO as bcache sees them.')],
  ['cache_misses', ofBacking(counter, 'cache_misses_total', 'Misses counted per individual IO as bcache sees them.')],
  ['cache_bypass_hits', ofBacking(counter, 'cache_bypass_hits_total', 'Hits for IO intended to skip the cache.')],
  ['cache_bypass_misses', ofBacking(counter, 'cache_bypass_misses_total', 'Misses for IO intended to skip the cache.')],
  [
    'cache_miss_collisions',
    ofBacking(
      counter,
      'cache_miss_collisions_total',
      'Instances where data insertion from cache miss raced with write (data already present).',
    ),
  ],
]
/** Kernels from 5.11 have none; shown only where there are some. */
const readaheads = ofBacking(counter, 'cache_readaheads_total', 'Count of times readahead occurred.')

const cacheValues: readonly (readonly [string, MetricFamily])[] = [
  ['io_errors', ofCache(gauge, 'io_errors', 'Number of errors that have occurred, decayed by io_error_halflife.')],
  [
    'metadata_written',
    ofCache(
      counter,
      'metadata_written_bytes_total',
      'Sum of all non data writes (btree writes and all other metadata).',
    ),
  ],
  ['written', ofCache(counter, 'written_bytes_total', 'Sum of all data that has been written to the cache.')],
]
const unused = ofCache(
  gauge,
  'priority_stats_unused_percent',
  "The percentage of the cache that doesn't contain any data.",
)
const metadata = ofCache(gauge, 'priority_stats_metadata_percent', "Bcache's metadata overhead.")

export const collector: CollectorDefinition = {
  name: 'bcache',
  enabledByDefault: true,
  create(settings) {
    const withPriority = settings.bcache.priority_stats
    return {
      name: 'bcache',
      collect(sink, files) {
        const base = files.sys('fs/bcache')
        for (const uuid of files.tryList(base)) {
          // Sets are the directories with UUIDs for names; `register` is not.
          if (!uuid.includes('-')) continue
          const directory = `${base}/${uuid}`
          for (const [file, family, factor] of setValues)
            sink.sample(family, valueOf(files, `${directory}/${file}`) * factor, uuid)
          const names = files.list(directory)
          for (const name of names) if (/^bdev\d/.test(name)) giveBacking(sink, files, uuid, name)
          for (const name of names) if (/^cache\d/.test(name)) giveCache(sink, files, uuid, name, withPriority)
        }
      },
    }
  },
}

function giveBacking(sink: MetricSink, files: HostFiles, uuid: string, name: string): void {
  const directory = files.sys(`fs/bcache/${uuid}/${name}`)
  sink.sample(dirtyData, valueOf(files, `${directory}/dirty_data`), uuid, name)
  const lines = new Map(
    linesOf(files.read(`${directory}/writeback_rate_debug`)).map((line) => [
      line.slice(0, line.indexOf(':')),
      fieldsOf(line).at(-1),
    ]),
  )
  for (const [line, family] of writeback) {
    const text = lines.get(line)
    sink.sample(family, text === undefined ? 0 : plainNumber(text.replace('/sec', '')), uuid, name)
  }
  for (const [file, family] of backingTotals)
    sink.sample(family, valueOf(files, `${directory}/stats_total/${file}`), uuid, name)
  const readaheadCount = valueOf(files, `${directory}/stats_total/cache_readaheads`)
  if (readaheadCount !== 0) sink.sample(readaheads, readaheadCount, uuid, name)
}

function giveCache(sink: MetricSink, files: HostFiles, uuid: string, name: string, withPriority: boolean): void {
  const directory = files.sys(`fs/bcache/${uuid}/${name}`)
  for (const [file, family] of cacheValues) sink.sample(family, valueOf(files, `${directory}/${file}`), uuid, name)
  if (!withPriority) return
  // `Unused:		99%`
  const text = files.read(`${directory}/priority_stats`)
  const percent = (line: string): number =>
    numberOf(new RegExp(`^${line}:\\s*(\\d+)%`, 'm').exec(text)?.[1] ?? '0', line)
  sink.sample(unused, percent('Unused'), uuid, name)
  sink.sample(metadata, percent('Metadata'), uuid, name)
}

function valueOf(files: HostFiles, path: string): number {
  return plainNumber(files.tryTrimmed(path) ?? '0')
}

const units = 'kMGTPEZY'

/**
 * `1.1M` as a number. What stands behind the dot is a number of 1024ths divided by 100, not a decimal fraction: `.9` comes
 * before `.10` (bch_hprint in drivers/md/bcache/util.c).
 */
function plainNumber(text: string): number {
  const isNegative = text.startsWith('-')
  const body = isNegative ? text.slice(1) : text
  const unit = units.indexOf(body.at(-1) ?? '')
  if (body === '' || unit < 0) return numberOf(text, 'bcache')
  const [whole, fraction = '0'] = body.slice(0, -1).split('.')
  const value = Math.trunc((numberOf(whole, 'bcache') + numberOf(fraction, 'bcache') / 10.24) * 1024 ** (unit + 1))
  return isNegative ? -value : value
}
