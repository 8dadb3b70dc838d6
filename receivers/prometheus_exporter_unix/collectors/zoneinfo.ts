// Zones of memory: /proc/zoneinfo (proc_zoneinfo(5)).
import type { MetricFamily } from '#component'
import type { CollectorDefinition } from '../collector.ts'
import { counter, FamilyTable, gauge } from '../families.ts'
import { fieldsOf, linesOf, numberOf } from '../lines.ts'

const labels = ['node', 'zone']
const one = (make: typeof gauge, name: string, help: string): MetricFamily =>
  make(`node_zoneinfo_${name}`, help, labels)

/** By the first word of the line. Statistics of the node stand with its first zone. */
const families: ReadonlyMap<string, MetricFamily> = new Map([
  ['nr_free_pages', one(gauge, 'nr_free_pages', 'Total number of free pages in the zone')],
  ['min', one(gauge, 'min_pages', 'Zone watermark pages_min')],
  ['low', one(gauge, 'low_pages', 'Zone watermark pages_low')],
  ['high', one(gauge, 'high_pages', 'Zone watermark pages_high')],
  ['scanned', one(gauge, 'scanned_pages', 'Pages scanned since last reclaim')],
  ['spanned', one(gauge, 'spanned_pages', 'Total pages spanned by the zone, including holes')],
  ['present', one(gauge, 'present_pages', 'Physical pages existing within the zone')],
  ['managed', one(gauge, 'managed_pages', 'Present pages managed by the buddy system')],
  ['nr_active_anon', one(gauge, 'nr_active_anon_pages', 'Number of anonymous pages recently more used')],
  ['nr_inactive_anon', one(gauge, 'nr_inactive_anon_pages', 'Number of anonymous pages recently less used')],
  ['nr_isolated_anon', one(gauge, 'nr_isolated_anon_pages', 'Temporary isolated pages from anon lru')],
  ['nr_anon_pages', one(gauge, 'nr_anon_pages', 'Number of anonymous pages currently used by the system')],
  [
    'nr_anon_transparent_hugepages',
    one(
      gauge,
      'nr_anon_transparent_hugepages',
      'Number of anonymous transparent huge pages currently used by the system',
    ),
  ],
  ['nr_active_file', one(gauge, 'nr_active_file_pages', 'Number of active pages with file-backing')],
  ['nr_inactive_file', one(gauge, 'nr_inactive_file_pages', 'Number of inactive pages with file-backing')],
  ['nr_isolated_file', one(gauge, 'nr_isolated_file_pages', 'Temporary isolated pages from file lru')],
  ['nr_file_pages', one(gauge, 'nr_file_pages', 'Number of file pages')],
  ['nr_slab_reclaimable', one(gauge, 'nr_slab_reclaimable_pages', 'Number of reclaimable slab pages')],
  ['nr_slab_unreclaimable', one(gauge, 'nr_slab_unreclaimable_pages', 'Number of unreclaimable slab pages')],
  ['nr_mlock_stack', one(gauge, 'nr_mlock_stack_pages', 'mlock()ed pages found and moved off LRU')],
  ['nr_kernel_stack', one(gauge, 'nr_kernel_stacks', 'Number of kernel stacks')],
  ['nr_mapped', one(gauge, 'nr_mapped_pages', 'Number of mapped pages')],
  ['nr_dirty', one(gauge, 'nr_dirty_pages', 'Number of dirty pages')],
  ['nr_writeback', one(gauge, 'nr_writeback_pages', 'Number of writeback pages')],
  ['nr_unevictable', one(gauge, 'nr_unevictable_pages', 'Number of unevictable pages')],
  ['nr_shmem', one(gauge, 'nr_shmem_pages', 'Number of shmem pages (included tmpfs/GEM pages)')],
  ['nr_dirtied', one(counter, 'nr_dirtied_total', 'Page dirtyings since bootup')],
  ['nr_written', one(counter, 'nr_written_total', 'Page writings since bootup')],
  ['numa_hit', one(counter, 'numa_hit_total', 'Allocated in intended node')],
  ['numa_miss', one(counter, 'numa_miss_total', 'Allocated in non intended node')],
  ['numa_foreign', one(counter, 'numa_foreign_total', 'Was intended here, hit elsewhere')],
  ['numa_interleave', one(counter, 'numa_interleave_total', 'Interleaver preferred this zone')],
  ['numa_local', one(counter, 'numa_local_total', 'Allocation from local node')],
  ['numa_other', one(counter, 'numa_other_total', 'Allocation from other node')],
])

export const collector: CollectorDefinition = {
  name: 'zoneinfo',
  enabledByDefault: false,
  create() {
    const table = new FamilyTable()
    const protection = (i: number) =>
      table.get(String(i), () => gauge(`node_zoneinfo_protection_${i}`, `Protection array ${i}. field`, labels))
    return {
      name: 'zoneinfo',
      collect(sink, files) {
        for (const block of files.readLatin1(files.proc('zoneinfo')).split(/^(?=Node )/m)) {
          const [heading = '', ...lines] = linesOf(block)
          const found = /^Node (\d+), zone\s+(\w+)/.exec(heading)
          if (found === null) continue
          const [, node = '', zone = ''] = found
          // The last one counts where a word comes twice.
          const values = new Map<MetricFamily, number>()
          for (const line of lines) {
            const [word = '', value] = fieldsOf(line)
            const family = families.get(word)
            if (family !== undefined && value !== undefined) values.set(family, numberOf(value, 'zoneinfo'))
            else if (word === 'protection:') {
              for (const [i, text] of (line.match(/\d+/g) ?? []).entries()) values.set(protection(i), Number(text))
            }
          }
          for (const [family, value] of values) sink.sample(family, value, node, zone)
        }
      },
    }
  },
}
