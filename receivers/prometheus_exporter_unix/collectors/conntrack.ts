// Connection tracking: /proc/sys/net/netfilter and /proc/net/stat/nf_conntrack (net/netfilter/nf_conntrack_standalone.c).
import { isMissing, NoDataError } from '../collector.ts'
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'
import { fieldsOf, hexOf } from '../lines.ts'

const current = gauge(
  'node_nf_conntrack_entries',
  'Number of currently allocated flow entries for connection tracking.',
)
const limit = gauge('node_nf_conntrack_entries_limit', 'Maximum size of connection tracking table.')
/** Column, name, help. Counters that have always been shown as gauges. */
const columns = (
  [
    [2, 'found', 'Number of searched entries which were successful.'],
    [4, 'invalid', 'Number of packets seen which can not be tracked.'],
    [5, 'ignore', 'Number of packets seen which are already connected to a conntrack entry.'],
    [8, 'insert', 'Number of entries inserted into the list.'],
    [9, 'insert_failed', 'Number of entries for which list insertion was attempted but failed.'],
    [10, 'drop', 'Number of packets dropped due to conntrack failure.'],
    [
      11,
      'early_drop',
      'Number of dropped conntrack entries to make room for new ones, if maximum table size was reached.',
    ],
    [16, 'search_restart', 'Number of conntrack table lookups which had to be restarted due to hashtable resizes.'],
  ] as const
).map(([column, name, help]) => ({ column, family: gauge(`node_nf_conntrack_stat_${name}`, help) }))
/** Kernels before 2.6.35 have no `search_restart`. */
const columnsMin = 16

export const collector: CollectorDefinition = {
  name: 'conntrack',
  enabledByDefault: true,
  create: () => ({
    name: 'conntrack',
    collect(sink, files) {
      try {
        sink.sample(current, files.readUint(files.proc('sys/net/netfilter/nf_conntrack_count')))
        sink.sample(limit, files.readUint(files.proc('sys/net/netfilter/nf_conntrack_max')))
        const sums = sumPerCpu(files.readLatin1(files.proc('net/stat/nf_conntrack')))
        for (const { column, family } of columns) sink.sample(family, sums[column] ?? 0)
      } catch (error) {
        // The module is not loaded.
        if (isMissing(error)) throw new NoDataError()
        throw error
      }
    },
  }),
}

/** Columns summed over the lines, one of which is each CPU's. */
function sumPerCpu(text: string): number[] {
  const sums = Array.from({ length: columnsMin + 1 }, () => 0)
  for (const line of text.split('\n').slice(1)) {
    const values = fieldsOf(line)
    if (values.length === 0) continue
    if (values.length < columnsMin || values.length > columnsMin + 1) {
      throw new Error(`Cannot read net/stat/nf_conntrack: 16 or 17 columns needed: current value is ${values.length}`)
    }
    for (let i = 0; i < values.length; i++) (sums[i] as number) += hexOf(values[i], 'net/stat/nf_conntrack')
  }
  return sums
}
