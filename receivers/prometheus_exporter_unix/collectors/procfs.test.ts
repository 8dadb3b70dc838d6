// The collectors that read one or a few files of procfs, each on a small file of its own.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CollectorDefinition } from '../collector.ts'
import { NoDataError } from '../collector.ts'
import { collectOnce } from '../fixture_host.ts'
import type { FixtureFiles, FixtureOptions } from '../fixture_host.ts'

interface Case {
  readonly name: string
  readonly collector: string
  readonly files: FixtureFiles
  readonly options?: FixtureOptions
  readonly want: readonly string[]
}

const load = async (name: string): Promise<CollectorDefinition> =>
  ((await import(`./${name}.ts`)) as { collector: CollectorDefinition }).collector

const cases: readonly Case[] = [
  {
    name: 'load averages are three gauges',
    collector: 'loadavg',
    files: { 'proc/loadavg': '0.21 0.37 0.39 1/719 19737\n' },
    want: ['node_load1 0.21', 'node_load5 0.37', 'node_load15 0.39'],
  },
  {
    name: 'memory fields are bytes, huge pages are counts, fields of new kernels are shown too',
    collector: 'meminfo',
    files: {
      'proc/meminfo':
        'MemTotal:        1000 kB\nActive(anon):       3 kB\nKReclaimable:       9 kB\nCommitted_AS:       4 kB\n' +
        'HugePages_Total:       5\nHugepagesize:       2048 kB\nZswapped:           7 kB\n',
    },
    want: [
      'node_memory_MemTotal_bytes 1024000',
      'node_memory_Active_anon_bytes 3072',
      'node_memory_KReclaimable_bytes 9216',
      'node_memory_Committed_AS_bytes 4096',
      'node_memory_HugePages_Total 5',
      'node_memory_Hugepagesize_bytes 2097152',
      'node_memory_Zswapped_bytes 7168',
    ],
  },
  {
    name: 'stat gives totals and boot time, and 0 for what is not there',
    collector: 'stat',
    files: {
      'proc/stat': 'cpu  1 2\nintr 8885917 17 0 0\nctxt 38014093\nbtime 1418183276\nprocesses 26442\nprocs_running 2\n',
    },
    want: [
      'node_intr_total 8885917',
      'node_context_switches_total 38014093',
      'node_forks_total 26442',
      'node_boot_time_seconds 1418183276',
      'node_procs_running 2',
      'node_procs_blocked 0',
    ],
  },
  {
    name: 'vmstat takes the default fields',
    collector: 'vmstat',
    files: { 'proc/vmstat': 'nr_free_pages 977769\npgpgin 7344136\npswpout 4\npgfault 9\noom_kill 0\nthp_split 1\n' },
    want: ['node_vmstat_pgpgin 7344136', 'node_vmstat_pswpout 4', 'node_vmstat_pgfault 9', 'node_vmstat_oom_kill 0'],
  },
  {
    name: 'vmstat takes the fields that the setting says',
    collector: 'vmstat',
    files: { 'proc/vmstat': 'nr_free_pages 977769\npgpgin 7344136\n' },
    options: { settings: { vmstat: { fields: '^nr_' } } },
    want: ['node_vmstat_nr_free_pages 977769'],
  },
  {
    name: 'pressure gives totals in seconds, and no waiting for interrupts',
    collector: 'pressure',
    files: {
      'proc/pressure/cpu':
        'some avg10=0.00 avg60=0.00 avg300=0.00 total=14036781\nfull avg10=0 avg60=0 avg300=0 total=1\n',
      'proc/pressure/io':
        'some avg10=0.10 avg60=2.00 avg300=3.85 total=15\nfull avg10=0.20 avg60=3.00 avg300=4.95 total=25\n',
      'proc/pressure/irq': 'full avg10=0.00 avg60=0.00 avg300=0.00 total=8494\n',
    },
    want: [
      'node_pressure_cpu_waiting_seconds_total 14.036781',
      'node_pressure_io_waiting_seconds_total 0.000015',
      'node_pressure_io_stalled_seconds_total 0.000025',
      'node_pressure_irq_stalled_seconds_total 0.008494',
    ],
  },
  {
    name: 'entropy is what is there and the size of the pool',
    collector: 'entropy',
    files: { 'proc/sys/kernel/random/entropy_avail': '256\n', 'proc/sys/kernel/random/poolsize': '4096\n' },
    want: ['node_entropy_available_bits 256', 'node_entropy_pool_size_bits 4096'],
  },
  {
    name: 'file descriptors are those allocated and the most there may be, rounded as a float64 is',
    collector: 'filefd',
    files: { 'proc/sys/fs/file-nr': '1024\t0\t9223372036854775807\n' },
    want: ['node_filefd_allocated 1024', 'node_filefd_maximum 9223372036854776000'],
  },
  {
    name: 'the scheduler counts by CPU, domains are skipped',
    collector: 'schedstat',
    files: {
      'proc/schedstat':
        'version 15\ntimestamp 15819019232\ncpu0 498494191 0 3533438552 2553969831 3853684107 2465731542 2045936778163039 ' +
        '343796328169361 4767485306\ndomain0 00000000,00000003 212499247\ncpu1 1 0 3 4 5 6 1904686152592476 3 5145567945\n',
    },
    want: [
      'node_schedstat_running_seconds_total{cpu="0"} 2045936.778163039',
      'node_schedstat_waiting_seconds_total{cpu="0"} 343796.328169361',
      'node_schedstat_timeslices_total{cpu="0"} 4767485306',
      'node_schedstat_running_seconds_total{cpu="1"} 1904686.152592476',
      'node_schedstat_waiting_seconds_total{cpu="1"} 3e-9',
      'node_schedstat_timeslices_total{cpu="1"} 5145567945',
    ],
  },
  {
    name: 'areas have a size, what is used of it, and a priority',
    collector: 'swap',
    files: {
      'proc/swaps':
        'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/zram0                              partition\t8388604\t\t76\t\t-2\n',
    },
    want: [
      'node_swap_size_bytes{device="/dev/zram0",swap_type="partition"} 8589930496',
      'node_swap_used_bytes{device="/dev/zram0",swap_type="partition"} 77824',
      'node_swap_priority{device="/dev/zram0",swap_type="partition"} -2',
    ],
  },
  {
    name: 'devices have numbers, states of both nodes and of the connection; what is not known is skipped',
    collector: 'drbd',
    files: {
      'proc/drbd':
        'version: 8.4.3 (api:1/proto:86-101)\nsrcversion: 1A9F \n\n 1: cs:Connected ro:Primary/Secondary ds:UpToDate/Failed C r-----\n' +
        '    ns:17324442 nr:10961011 wo:d oos:2\n',
    },
    want: [
      'node_drbd_connected{device="drbd1"} 1',
      'node_drbd_node_role_is_primary{device="drbd1",node="local"} 1',
      'node_drbd_node_role_is_primary{device="drbd1",node="remote"} 0',
      'node_drbd_disk_state_is_up_to_date{device="drbd1",node="local"} 1',
      'node_drbd_disk_state_is_up_to_date{device="drbd1",node="remote"} 0',
      'node_drbd_network_sent_bytes_total{device="drbd1"} 17740228608',
      'node_drbd_network_received_bytes_total{device="drbd1"} 10961011',
      'node_drbd_out_of_sync_bytes{device="drbd1"} 2048',
    ],
  },
  {
    name: 'os-release is read with quotes and comments; the version has two parts at most',
    collector: 'os',
    files: {
      'root/usr/lib/os-release':
        '# comment\nNAME="Ubuntu \\"L\\""\nID=ubuntu\nID_LIKE=\'debian\'\nVERSION_ID="20.04.2"\nPRETTY_NAME="U 20"\n' +
        'SUPPORT_END=2026-01-02\nbroken line\n',
    },
    want: [
      'node_os_info{id="ubuntu",id_like="debian",name="Ubuntu "L"",pretty_name="U 20",version_id="20.04.2"} 1',
      'node_os_version{id="ubuntu",id_like="debian",name="Ubuntu "L""} 20.04',
      'node_os_support_end_timestamp_seconds 1767312000',
    ],
  },
]

for (const { name, collector, files, options, want } of cases) {
  test(`${collector}: ${name}`, async () => {
    assert.deepEqual(await collectOnce(await load(collector), files, options), want)
  })
}

const empty = [
  'pressure',
  'schedstat',
  'os',
  'dmi',
  'hwmon',
  'nvme',
  'powersupplyclass',
  'rapl',
  'tapestats',
  'watchdog',
]
for (const collector of empty) {
  test(`${collector}: a host without its files has no data, which is no failure`, async () => {
    await assert.rejects(collectOnce(await load(collector), {}), NoDataError)
  })
}

const broken: readonly (readonly [string, FixtureFiles, RegExp])[] = [
  ['loadavg', { 'proc/loadavg': 'a b c' }, /not three numbers/],
  ['loadavg', {}, /ENOENT/],
  ['meminfo', { 'proc/meminfo': 'no colon here\n' }, /line without a colon/],
  ['meminfo', { 'proc/meminfo': 'MemTotal: many kB\n' }, /node_memory_MemTotal_bytes is not a number/],
  ['stat', { 'proc/stat': 'cpu 1\nctxt none\n' }, /Cannot read ctxt/],
  ['vmstat', { 'proc/vmstat': 'pgpgin x\n' }, /pgpgin is not a number/],
  ['filefd', { 'proc/sys/fs/file-nr': '12\n' }, /not three numbers/],
  ['entropy', { 'proc/sys/kernel/random/entropy_avail': 'none\n' }, /not a number: current value is "none"/],
  ['os', { 'root/etc/os-release': 'ID=x\nSUPPORT_END=soon\n' }, /not a date: current value is soon/],
  ['cpu', { 'proc/stat': 'intr 1\n' }, /there is no CPU/],
  ['cpufreq', {}, /ENOENT/],
  ['swap', { 'proc/swaps': 'Filename\nx y 1 2\n' }, /not a swap area/],
  ['drbd', { 'proc/drbd': ' 0: cs:x ns:many\n' }, /Cannot read ns of drbd0: not a number: current value is many/],
]
for (const [collector, files, error] of broken) {
  test(`${collector}: says what is wrong with ${JSON.stringify(files)}`, async () => {
    await assert.rejects(collectOnce(await load(collector), files), error)
  })
}

test('xfrm shows every field under a name of its own, 0 where the kernel lacks it', async () => {
  const { collector } = await import('./xfrm.ts')
  const lines = await collectOnce(collector, { 'proc/net/xfrm_stat': 'XfrmInNoPols  \t65432\nXfrmFwdHdrError \t7' })
  assert.equal(lines.length, 28)
  assert.deepEqual(
    lines.filter((line) => !line.endsWith(' 0')),
    ['node_xfrm_in_no_pols_packets_total 65432', 'node_xfrm_fwd_hdr_error_packets_total 7'],
  )
})

test('uname gives what the kernel says', async () => {
  const { collector } = await import('./uname.ts')
  const [line] = await collectOnce(collector, { 'proc/sys/kernel/domainname': '(none)\n' })
  assert.match(
    line ?? '',
    /^node_uname_info\{sysname="\w+",release=".+",version=".+",machine="\w+",nodename=".+",domainname="\(none\)"\} 1$/,
  )
})

test('timex asks the kernel, whose answer has all of its fields', async () => {
  const { collector } = await import('./timex.ts')
  const lines = await collectOnce(collector, {})
  assert.equal(lines.length, 17)
  const value = (name: string): number => Number(lines.find((line) => line.startsWith(`${name} `))?.split(' ')[1])
  assert.ok(value('node_timex_tick_seconds') > 0.009 && value('node_timex_tick_seconds') < 0.011)
  assert.ok(Math.abs(value('node_timex_frequency_adjustment_ratio') - 1) < 0.001)
})
