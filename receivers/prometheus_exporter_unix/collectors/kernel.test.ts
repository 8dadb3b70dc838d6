import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CollectorDefinition } from '../collector.ts'
import { collectOnce, FixtureHost } from '../fixture_host.ts'
import type { FixtureFiles, FixtureOptions } from '../fixture_host.ts'
import { HostFiles } from '../files.ts'
import { SampleLines } from '../sample_lines.ts'
import { collector as buddyinfo } from './buddyinfo.ts'
import { collector as cgroups } from './cgroups.ts'
import { collector as drm } from './drm.ts'
import { collector as interrupts } from './interrupts.ts'
import { collector as ksmd } from './ksmd.ts'
import { collector as meminfoNuma } from './meminfo_numa.ts'
import { collector as processes } from './processes.ts'
import { collector as slabinfo } from './slabinfo.ts'
import { collector as softirqs } from './softirqs.ts'
import { collector as sysctl } from './sysctl.ts'
import { collector as zoneinfo } from './zoneinfo.ts'

/** `stat` of a process or thread; its name has what would mislead a reader who looks for the first parenthesis. */
function stat(id: number, state: string, threads: number): string {
  return `${id} (a) b (c) ${state} ${Array.from({ length: 16 }, () => '0').join(' ')} ${threads} 0 0\n`
}

const cases: {
  name: string
  collector: CollectorDefinition
  files: FixtureFiles
  settings?: FixtureOptions['settings']
  want: string[]
}[] = [
  {
    name: 'interrupts gives numbered and named ones per CPU, without those that no CPU has to itself',
    collector: interrupts,
    files: {
      'proc/interrupts': `           CPU0       CPU1
  0:         18          0   IO-APIC   2-edge      timer
 51:          1          2   PCI-MSI 1-edge  virtio0-in, virtio0-out
IPI0:3          4       Rescheduling interrupts
ERR:          0
`,
    },
    want: [
      'node_interrupts_total{cpu="0",type="0",info="IO-APIC",devices="2-edge timer"} 18',
      'node_interrupts_total{cpu="1",type="0",info="IO-APIC",devices="2-edge timer"} 0',
      'node_interrupts_total{cpu="0",type="51",info="PCI-MSI",devices="1-edge virtio0-in, virtio0-out"} 1',
      'node_interrupts_total{cpu="1",type="51",info="PCI-MSI",devices="1-edge virtio0-in, virtio0-out"} 2',
      'node_interrupts_total{cpu="0",type="IPI0",info="Rescheduling interrupts"} 3',
      'node_interrupts_total{cpu="1",type="IPI0",info="Rescheduling interrupts"} 4',
    ],
  },
  {
    name: 'softirqs gives the types it knows per CPU',
    collector: softirqs,
    files: {
      'proc/softirqs': '                    CPU0       CPU1\n          HI:          7          1\n         NEW: 1 1\n',
    },
    want: ['node_softirqs_functions_total{cpu="0",type="HI"} 7', 'node_softirqs_functions_total{cpu="1",type="HI"} 1'],
  },
  {
    name: 'processes counts processes and threads by state',
    collector: processes,
    files: {
      'proc/1/stat': stat(1, 'S', 1),
      'proc/20/stat': stat(20, 'R', 3),
      'proc/20/task/20/stat': stat(20, 'R', 3),
      'proc/20/task/21/stat': stat(21, 'D', 3),
      'proc/20/task/22/comm': 'ended since it was listed',
      'proc/30/comm': 'ended since it was listed',
      'proc/self/stat': 'not a number',
      'proc/sys/kernel/threads-max': '7801\n',
      'proc/sys/kernel/pid_max': '32768\n',
    },
    want: [
      'node_processes_threads 4',
      'node_processes_max_threads 7801',
      'node_processes_state{state="S"} 1',
      'node_processes_state{state="R"} 1',
      'node_processes_threads_state{thread_state="S"} 1',
      'node_processes_threads_state{thread_state="R"} 1',
      'node_processes_threads_state{thread_state="D"} 1',
      'node_processes_pids 2',
      'node_processes_max_processes 32768',
    ],
  },
  {
    name: 'ksmd gives its files, milliseconds as seconds',
    collector: ksmd,
    files: Object.fromEntries(
      [
        'full_scans',
        'merge_across_nodes',
        'pages_shared',
        'pages_sharing',
        'pages_to_scan',
        'pages_unshared',
        'pages_volatile',
        'run',
      ]
        .map((name, i) => [`sys/kernel/mm/ksm/${name}`, `${i}\n`])
        .concat([['sys/kernel/mm/ksm/sleep_millisecs', '20\n']]),
    ),
    want: [
      'node_ksmd_full_scans_total 0',
      'node_ksmd_merge_across_nodes 1',
      'node_ksmd_pages_shared 2',
      'node_ksmd_pages_sharing 3',
      'node_ksmd_pages_to_scan 4',
      'node_ksmd_pages_unshared 5',
      'node_ksmd_pages_volatile 6',
      'node_ksmd_run 7',
      'node_ksmd_sleep_seconds 0.02',
    ],
  },
  {
    name: 'buddyinfo gives blocks by node, zone and size',
    collector: buddyinfo,
    files: { 'proc/buddyinfo': 'Node 0, zone   Normal   4381   1093\nNode 1, zone  DMA32  1 0\n' },
    want: [
      'node_buddyinfo_blocks{node="0",zone="Normal",size="0"} 4381',
      'node_buddyinfo_blocks{node="0",zone="Normal",size="1"} 1093',
      'node_buddyinfo_blocks{node="1",zone="DMA32",size="0"} 1',
      'node_buddyinfo_blocks{node="1",zone="DMA32",size="1"} 0',
    ],
  },
  {
    name: 'slabinfo gives the caches',
    collector: slabinfo,
    files: {
      'proc/slabinfo':
        'slabinfo - version: 2.1\n# name <active_objs>\n' +
        'kmalloc-8192 132 148 8192 4 8 : tunables 0 0 0 : slabdata 37 37 0\n',
    },
    want: [
      'node_slabinfo_active_objects{slab="kmalloc-8192"} 132',
      'node_slabinfo_objects{slab="kmalloc-8192"} 148',
      'node_slabinfo_object_size_bytes{slab="kmalloc-8192"} 8192',
      'node_slabinfo_objects_per_slab{slab="kmalloc-8192"} 4',
      'node_slabinfo_pages_per_slab{slab="kmalloc-8192"} 8',
    ],
  },
  {
    name: 'cgroups gives the controllers',
    collector: cgroups,
    files: { 'proc/cgroups': '#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t3\t172\t1\n' },
    want: ['node_cgroups_cgroups{subsys_name="cpu"} 172', 'node_cgroups_enabled{subsys_name="cpu"} 1'],
  },
  {
    name: 'meminfo_numa gives memory and its statistics per node',
    collector: meminfoNuma,
    files: {
      'sys/devices/system/node/node12/meminfo':
        'Node 12 MemTotal:  100 kB\nNode 12 Active(anon): 2 kB\nNode 12 HugePages_Free: 3\n',
      'sys/devices/system/node/node12/numastat': 'numa_hit 7\n',
      'sys/devices/system/node/online': '12\n',
    },
    want: [
      'node_memory_numa_MemTotal{node="12"} 102400',
      'node_memory_numa_Active_anon{node="12"} 2048',
      'node_memory_numa_HugePages_Free{node="12"} 3',
      'node_memory_numa_numa_hit_total{node="12"} 7',
    ],
  },
  {
    name: 'zoneinfo gives the zones, the pages that CPUs keep left out',
    collector: zoneinfo,
    files: {
      'proc/zoneinfo': `Node 0, zone      DMA
  per-node stats
      nr_inactive_anon 95612
      nr_written   17
  pages free     2949
        min      8
        protection: (0, 2039)
      nr_free_pages 2949
  pagesets
    cpu: 0
              count: 0
              high:  14
Node 1, zone   Normal
        high     14
      numa_other 3
`,
    },
    want: [
      'node_zoneinfo_nr_inactive_anon_pages{node="0",zone="DMA"} 95612',
      'node_zoneinfo_nr_written_total{node="0",zone="DMA"} 17',
      'node_zoneinfo_min_pages{node="0",zone="DMA"} 8',
      'node_zoneinfo_protection_0{node="0",zone="DMA"} 0',
      'node_zoneinfo_protection_1{node="0",zone="DMA"} 2039',
      'node_zoneinfo_nr_free_pages{node="0",zone="DMA"} 2949',
      'node_zoneinfo_high_pages{node="1",zone="Normal"} 14',
      'node_zoneinfo_numa_other_total{node="1",zone="Normal"} 3',
    ],
  },
  {
    name: 'sysctl gives one value, several by index or by name, and texts',
    collector: sysctl,
    files: {
      'proc/sys/kernel/threads-max': '7801\n',
      'proc/sys/fs/file-nr': '1024\t0\t1631329\n',
      'proc/sys/kernel/seccomp/actions_avail': 'kill trap\n',
    },
    settings: {
      sysctl: {
        include: ['kernel.threads-max', 'fs.file-nr', 'fs.file-nr:total,current,max'],
        include_info: ['kernel.seccomp.actions_avail'],
      },
    },
    want: [
      'node_sysctl_kernel_threads_max 7801',
      'node_sysctl_fs_file_nr{index="0"} 1024',
      'node_sysctl_fs_file_nr{index="1"} 0',
      'node_sysctl_fs_file_nr{index="2"} 1631329',
      'node_sysctl_fs_file_nr_total 1024',
      'node_sysctl_fs_file_nr_current 0',
      'node_sysctl_fs_file_nr_max 1631329',
      'node_sysctl_info{name="kernel.seccomp.actions_avail",value="kill",index="0"} 1',
      'node_sysctl_info{name="kernel.seccomp.actions_avail",value="trap",index="1"} 1',
    ],
  },
  {
    name: 'drm gives cards with the driver amdgpu, not their connectors',
    collector: drm,
    files: {
      'sys/class/drm/card0/device/uevent': 'DRIVER=amdgpu\nPCI_CLASS=30000\n',
      'sys/class/drm/card0/device/gpu_busy_percent': '4\n',
      'sys/class/drm/card0/device/mem_info_vram_total': '8573157376\n',
      'sys/class/drm/card0/device/mem_info_vram_vendor': 'samsung\n',
      'sys/class/drm/card0/device/unique_id': '0123456789abcdef\n',
      'sys/class/drm/card1/device/uevent': 'DRIVER=i915\n',
      'sys/class/drm/card0-DP-1/device/uevent': 'DRIVER=amdgpu\n',
    },
    want: [
      'node_drm_card_info{card="card0",memory_vendor="samsung",unique_id="0123456789abcdef",vendor="amd"} 1',
      'node_drm_gpu_busy_percent{card="card0"} 4',
      'node_drm_memory_gtt_size_bytes{card="card0"} 0',
      'node_drm_memory_gtt_used_bytes{card="card0"} 0',
      'node_drm_memory_vram_size_bytes{card="card0"} 8573157376',
      'node_drm_memory_vram_used_bytes{card="card0"} 0',
      'node_drm_memory_vis_vram_size_bytes{card="card0"} 0',
      'node_drm_memory_vis_vram_used_bytes{card="card0"} 0',
    ],
  },
]
for (const { name, collector, files, settings, want } of cases) {
  test(name, async () => assert.deepEqual(await collectOnce(collector, files, settings ? { settings } : {}), want))
}

const broken: {
  name: string
  collector: CollectorDefinition
  files: FixtureFiles
  settings?: FixtureOptions['settings']
  message: RegExp
}[] = [
  { name: 'interrupts', collector: interrupts, files: { 'proc/interrupts': '\n' }, message: /no CPU/ },
  { name: 'buddyinfo', collector: buddyinfo, files: { 'proc/buddyinfo': 'Node 0\n' }, message: /without a zone/ },
  { name: 'slabinfo', collector: slabinfo, files: { 'proc/slabinfo': 'a 1 2\n' }, message: /16 columns/ },
  { name: 'cgroups', collector: cgroups, files: { 'proc/cgroups': 'cpu 1\n' }, message: /4 columns/ },
  {
    name: 'sysctl with names for another number of values',
    collector: sysctl,
    files: { 'proc/sys/fs/file-nr': '1 2\n' },
    settings: { sysctl: { include: ['fs.file-nr:a,b,c'] } },
    message: /3 names: current value is 2 values/,
  },
  {
    name: 'sysctl with a text for a number',
    collector: sysctl,
    files: { 'proc/sys/kernel/ostype': 'Linux\n' },
    settings: { sysctl: { include: ['kernel.ostype'] } },
    message: /not a number/,
  },
]
for (const { name, collector, files, settings, message } of broken) {
  test(`${name} says what is wrong`, () =>
    assert.rejects(collectOnce(collector, files, settings ? { settings } : {}), message))
}

test('processes lets others have their turn, and stops when it is aborted', async (t) => {
  const files: Record<string, string> = { 'proc/sys/kernel/threads-max': '1', 'proc/sys/kernel/pid_max': '1' }
  for (let id = 1; id <= 600; id++) files[`proc/${id}/stat`] = stat(id, 'S', 1)
  const host = new FixtureHost(files)
  t.after(() => host.remove())
  const settings = host.settings()
  const collector = processes.create(settings, { clock: undefined as never, log: console, enabled: new Set() })
  const abort = new AbortController()
  const collecting = collector.collect(new SampleLines(), new HostFiles(settings), abort.signal)
  abort.abort()
  await assert.rejects(Promise.resolve(collecting), { name: 'AbortError' })
})
