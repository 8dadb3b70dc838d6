import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NoDataError } from '../collector.ts'
import type { CollectorDefinition } from '../collector.ts'
import { collectOnce } from '../fixture_host.ts'
import type { FixtureFiles, FixtureOptions } from '../fixture_host.ts'
import type { KernelCalls } from '../kernel_calls.ts'
import { collector as bcache } from './bcache.ts'
import { collector as btrfs, createBtrfs } from './btrfs.ts'
import { collector as fibrechannel } from './fibrechannel.ts'
import { collector as infiniband } from './infiniband.ts'
import { collector as mdadm } from './mdadm.ts'
import { collector as mountstats } from './mountstats.ts'
import { collector as nfs } from './nfs.ts'
import { collector as nfsd } from './nfsd.ts'
import { collector as xfs } from './xfs.ts'
import { collector as zfs } from './zfs.ts'

const mdstat = `Personalities : [raid0] [raid1] [raid6]
md0 : active raid1 sdb1[1] sda1[0](F) sdc1[2](S)
      248896 blocks [2/1] [_U]
      [=>...................]  recovery =  8.5% (16775/248896) finish=17.0min speed=259783K/sec

md1 : active raid0 sda2[0] sdb2[1]
      522240 blocks super 1.2 512k chunks

md2 : inactive sdc[1](S)
      3907029168 blocks

md3 : active raid6 sda[0] sdb[1]
      100 blocks super 1.2 level 6 [2/2] [UU]
      bitmap: 0/30 pages [0KB], 65536KB chunk
      \tresync=PENDING

unused devices: <none>
`
const btrfsBase = 'sys/fs/btrfs/0abb23a9-579b-43e6-ad30-227ef47fcb9d'
const bcacheBase = 'sys/fs/bcache/deaddd54-c735-46d5-868e-f331c5fd7c74'
const kstat = (rows: string): string => `9 1 0x01 2 3 4 5\nname                            type data\n${rows}`
const port = 'sys/class/infiniband/mlx0/ports/1'

const cases: {
  name: string
  collector: CollectorDefinition
  files: FixtureFiles
  settings?: FixtureOptions['settings']
  pattern?: RegExp
  want: string[]
}[] = [
  {
    name: 'mdadm gives an array that is recovering',
    collector: mdadm,
    files: { 'proc/mdstat': mdstat },
    pattern: /device="md0"/,
    want: [
      'node_md_disks_required{device="md0"} 2',
      'node_md_disks{device="md0",state="active"} 1',
      'node_md_disks{device="md0",state="failed"} 1',
      'node_md_disks{device="md0",state="spare"} 1',
      'node_md_state{device="md0",state="active"} 0',
      'node_md_state{device="md0",state="inactive"} 0',
      'node_md_state{device="md0",state="recovering"} 1',
      'node_md_state{device="md0",state="resync"} 0',
      'node_md_state{device="md0",state="check"} 0',
      'node_md_blocks{device="md0"} 248896',
      'node_md_blocks_synced{device="md0"} 16775',
    ],
  },
  {
    name: 'mdadm gives arrays without redundancy, inactive ones and ones that wait, with a bitmap before',
    collector: mdadm,
    files: { 'proc/mdstat': mdstat },
    pattern: /device="md[123]".* (?!0$)|synced/,
    want: [
      'node_md_blocks_synced{device="md0"} 16775',
      'node_md_disks_required{device="md1"} 2',
      'node_md_disks{device="md1",state="active"} 2',
      'node_md_state{device="md1",state="active"} 1',
      'node_md_blocks{device="md1"} 522240',
      'node_md_blocks_synced{device="md1"} 522240',
      'node_md_disks{device="md2",state="spare"} 1',
      'node_md_state{device="md2",state="inactive"} 1',
      'node_md_blocks{device="md2"} 3907029168',
      'node_md_blocks_synced{device="md2"} 3907029168',
      'node_md_disks_required{device="md3"} 2',
      'node_md_disks{device="md3",state="active"} 2',
      'node_md_state{device="md3",state="resync"} 1',
      'node_md_blocks{device="md3"} 100',
      'node_md_blocks_synced{device="md3"} 0',
    ],
  },
  {
    name: 'mdadm gives what sysfs knows of missing disks',
    collector: mdadm,
    files: {
      'proc/mdstat': 'Personalities : [raid1]\nunused devices: <none>\n',
      'sys/block/md5/md/raid_disks': '4\n',
      'sys/block/md5/md/degraded': '1\n',
      'sys/block/md6/md/raid_disks': '2\n',
      'sys/block/sda/size': '1\n',
    },
    want: [
      'node_md_raid_disks{device="md5"} 4',
      'node_md_degraded{device="md5"} 1',
      'node_md_raid_disks{device="md6"} 2',
      'node_md_degraded{device="md6"} 0',
    ],
  },
  {
    name: 'nfs gives network, calls and procedures, those that an old kernel has not as never called',
    collector: nfs,
    files: { 'proc/net/rpc/nfs': 'net 70 71 69 45\nrpc 12 3 4\nproc3 22 0 106 48\nproc4 2 1 9\n' },
    pattern: /^(?!.*(requests)).*|proto="3",method="(Null|GetAttr|SetAttr|Lookup)"|proto="4",method="(Read|Clone)"/,
    want: [
      'node_nfs_packets_total{protocol="udp"} 71',
      'node_nfs_packets_total{protocol="tcp"} 69',
      'node_nfs_connections_total 45',
      'node_nfs_rpcs_total 12',
      'node_nfs_rpc_retransmissions_total 3',
      'node_nfs_rpc_authentication_refreshes_total 4',
      'node_nfs_requests_total{proto="3",method="Null"} 0',
      'node_nfs_requests_total{proto="3",method="GetAttr"} 106',
      'node_nfs_requests_total{proto="3",method="SetAttr"} 48',
      'node_nfs_requests_total{proto="3",method="Lookup"} 0',
      'node_nfs_requests_total{proto="4",method="Read"} 9',
      'node_nfs_requests_total{proto="4",method="Clone"} 0',
    ],
  },
  {
    name: 'nfsd gives the server',
    collector: nfsd,
    files: {
      'proc/net/rpc/nfsd':
        'rc 1 6 18622\nfh 5 0 0 0 0\nio 157286400 72864\nth 8 0 0.000 0.000\nra 32 0 0 0 0 0 0 0 0 0 0 4\n' +
        'net 972 55 917 1\nrpc 18628 6 1 2 3\nproc3 22 2 112 0\n' +
        'proc4ops 72 0 0 0 1098 2\nwdeleg_getattr 15\n',
    },
    pattern: /^(?!.*requests)|proto="(3|4)",method="(GetAttr|Access|Close|WdelegGetattr)"/,
    want: [
      'node_nfsd_reply_cache_hits_total 1',
      'node_nfsd_reply_cache_misses_total 6',
      'node_nfsd_reply_cache_nocache_total 18622',
      'node_nfsd_file_handles_stale_total 5',
      'node_nfsd_disk_bytes_read_total 157286400',
      'node_nfsd_disk_bytes_written_total 72864',
      'node_nfsd_server_threads 8',
      'node_nfsd_read_ahead_cache_size_blocks 32',
      'node_nfsd_read_ahead_cache_not_found_total 4',
      'node_nfsd_connections_total 1',
      'node_nfsd_server_rpcs_total 18628',
      'node_nfsd_packets_total{proto="udp"} 55',
      'node_nfsd_packets_total{proto="tcp"} 917',
      'node_nfsd_rpc_errors_total{error="fmt"} 1',
      'node_nfsd_rpc_errors_total{error="auth"} 2',
      'node_nfsd_rpc_errors_total{error="cInt"} 3',
      'node_nfsd_requests_total{proto="3",method="GetAttr"} 112',
      'node_nfsd_requests_total{proto="3",method="Access"} 0',
      'node_nfsd_requests_total{proto="4",method="Access"} 1098',
      'node_nfsd_requests_total{proto="4",method="Close"} 2',
      'node_nfsd_requests_total{proto="4",method="GetAttr"} 0',
      'node_nfsd_requests_total{proto="4",method="WdelegGetattr"} 15',
    ],
  },
  {
    name: 'zfs gives statistics, pools and data sets',
    collector: zfs,
    files: {
      'proc/spl/kstat/zfs/arcstats': kstat('hits 4 8772612\nmemory_available_bytes 3 -922337203\nname 7 text\n'),
      'proc/spl/kstat/zfs/dbgmsg': 'timestamp message\n',
      'proc/spl/kstat/zfs/tank/io':
        '12 3 0x00 1 80\nnread nwritten reads writes wtime wlentime wupdate rtime rlentime rupdate wcnt rcnt\n1 2 3 4 5 6 7 8 9 10 11 12\n',
      'proc/spl/kstat/zfs/tank/objset-1': kstat('dataset_name 7 tank/my data\nnread 4 28\n'),
      'proc/spl/kstat/zfs/tank/state': 'DEGRADED\n',
    },
    pattern: /zfs_arc|dataset|nread|rcnt|state.* 1$/,
    want: [
      'node_zfs_arc_hits 8772612',
      'node_zfs_arc_memory_available_bytes -922337203',
      'node_zfs_zpool_nread{zpool="tank"} 1',
      'node_zfs_zpool_rcnt{zpool="tank"} 12',
      'node_zfs_zpool_dataset_nread{zpool="tank",dataset="tank/my data"} 28',
      'node_zfs_zpool_state{zpool="tank",state="degraded"} 1',
    ],
  },
  {
    name: 'xfs gives devices, and 0 for lines that a kernel has not',
    collector: xfs,
    files: {
      'sys/fs/xfs/sda1/stats/stats': 'extent_alloc 1 872 3 4\nrw 28 5\nxpc 1 2 3\n',
      'sys/fs/xfs/stats/stats': 'rw 9 9\n',
    },
    pattern: /device="sda1".* (?!0$)|calls/,
    want: [
      'node_xfs_extent_allocation_extents_allocated_total{device="sda1"} 1',
      'node_xfs_extent_allocation_blocks_allocated_total{device="sda1"} 872',
      'node_xfs_extent_allocation_extents_freed_total{device="sda1"} 3',
      'node_xfs_extent_allocation_blocks_freed_total{device="sda1"} 4',
      'node_xfs_write_calls_total{device="sda1"} 28',
      'node_xfs_read_calls_total{device="sda1"} 5',
    ],
  },
  {
    name: 'btrfs gives file systems, ratios by layout, sizes of devices in bytes',
    collector: btrfs,
    files: {
      'sys/fs/btrfs/features/raid56': '0\n',
      [`${btrfsBase}/label`]: 'fixture\n',
      [`${btrfsBase}/devices/sda/size`]: '10\n',
      [`${btrfsBase}/devices/sdb/size`]: '20\n',
      [`${btrfsBase}/devices/sdc/size`]: '30\n',
      [`${btrfsBase}/allocation/global_rsv_size`]: '16777216\n',
      [`${btrfsBase}/allocation/data/bytes_reserved`]: '7\n',
      [`${btrfsBase}/allocation/data/raid5/total_bytes`]: '100\n',
      [`${btrfsBase}/allocation/data/raid5/used_bytes`]: '50\n',
      [`${btrfsBase}/allocation/metadata/raid1/total_bytes`]: '200\n',
      [`${btrfsBase}/allocation/system/single/total_bytes`]: '300\n',
      [`${btrfsBase}/commit_stats`]: 'commits 3\nlast_commit_ms 1500\nmax_commit_ms 2000\ntotal_commit_ms 5000\n',
    },
    pattern: / (?!0$)/,
    want: [
      'info{label="fixture"} 1',
      'global_rsv_size_bytes 16777216',
      'commits_total 3',
      'last_commit_seconds 1.5',
      'max_commit_seconds 2',
      'commit_seconds_total 5',
      'reserved_bytes{block_group_type="data"} 7',
      'used_bytes{block_group_type="data",mode="raid5"} 50',
      'size_bytes{block_group_type="data",mode="raid5"} 100',
      'allocation_ratio{block_group_type="data",mode="raid5"} 1.5',
      'size_bytes{block_group_type="metadata",mode="raid1"} 200',
      'allocation_ratio{block_group_type="metadata",mode="raid1"} 2',
      'size_bytes{block_group_type="system",mode="single"} 300',
      'allocation_ratio{block_group_type="system",mode="single"} 1',
      'device_size_bytes{device="sda"} 5120',
      'device_size_bytes{device="sdb"} 10240',
      'device_size_bytes{device="sdc"} 15360',
    ].map((line) => {
      const uuid = 'uuid="0abb23a9-579b-43e6-ad30-227ef47fcb9d"'
      return line.includes('{')
        ? `node_btrfs_${line.replace('{', `{${uuid},`)}`
        : `node_btrfs_${line.replace(' ', `{${uuid}} `)}`
    }),
  },
  {
    name: 'bcache gives sets, backing devices and caches, and reads numbers for people',
    collector: bcache,
    files: {
      'sys/fs/bcache/register': '',
      [`${bcacheBase}/cache_available_percent`]: '98\n',
      [`${bcacheBase}/btree_cache_size`]: '1.5k\n',
      [`${bcacheBase}/internal/btree_read_average_duration_us`]: '1305\n',
      [`${bcacheBase}/bdev0/dirty_data`]: '0\n',
      [`${bcacheBase}/bdev0/writeback_rate_debug`]:
        'rate:\t\t1.1M/sec\ndirty:\t\t20.4G\ntarget:\t\t20.4G\nproportional:\t-427.5k\nintegral:\t0.0k\nchange:\t\t321/sec\nnext io:\t17ms\n',
      [`${bcacheBase}/bdev0/stats_total/cache_hits`]: '546\n',
      [`${bcacheBase}/bdev0/stats_total/cache_readaheads`]: '13\n',
      [`${bcacheBase}/cache0/written`]: '0\n',
      [`${bcacheBase}/cache0/priority_stats`]: 'Unused:\t\t99%\nMetadata:\t3%\nAverage:\t10473\n',
    },
    settings: { bcache: { priority_stats: true } },
    pattern: / (?!0$)/,
    want: [
      'btree_cache_size_bytes 1524',
      'cache_available_percent 98',
      'btree_read_average_duration_seconds 0.000001305',
      'dirty_target_bytes{backing_device="bdev0"} 21894266880',
      'writeback_rate{backing_device="bdev0"} 1150976',
      'writeback_rate_proportional_term{backing_device="bdev0"} -437748',
      'writeback_change{backing_device="bdev0"} 321',
      'cache_hits_total{backing_device="bdev0"} 546',
      'cache_readaheads_total{backing_device="bdev0"} 13',
      'priority_stats_unused_percent{cache_device="cache0"} 99',
      'priority_stats_metadata_percent{cache_device="cache0"} 3',
    ].map((line) => {
      const uuid = 'uuid="deaddd54-c735-46d5-868e-f331c5fd7c74"'
      return line.includes('{')
        ? `node_bcache_${line.replace('{', `{${uuid},`)}`
        : `node_bcache_${line.replace(' ', `{${uuid}} `)}`
    }),
  },
  {
    name: 'mountstats gives a mount once, with the address of its superblock',
    collector: mountstats,
    files: {
      'proc/self/mountinfo':
        '1 0 0:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:2 / /mnt rw shared:1 - nfs4 srv:/x rw,vers=4.0,addr=10.0.0.1,local_lock=none\n' +
        '3 1 0:3 / /mnt2 rw - nfs srv:/x rw,addr=10.0.0.1\n4 1 0:2 / /again rw - nfs4 srv:/x rw,addr=10.0.0.1\n',
      'proc/self/mountstats': [
        'device /dev/sda1 mounted on / with fstype ext4',
        ...['nfs4 tcp', 'nfs udp', 'nfs4 tcp'].flatMap((what) => {
          const [type, protocol] = what.split(' ')
          const numbers =
            protocol === 'tcp'
              ? '832 1 2 3 18446744073709551615 11 12 13 14 15 16 17 18'
              : '832 1 11 12 13 14 15 16 17 18'
          return [
            `device srv:/x mounted on /mnt with fstype ${type} statvers=1.1`,
            '\tage:\t13968',
            `\tevents:\t${Array.from({ length: 27 }, (_, i) => i + 100).join(' ')}`,
            '\tbytes:\t1 2 3 4 5 6 7 8',
            `\txprt:\t${protocol} ${numbers}`,
            '\tper-op statistics',
            '\t        READ: 1298 1299 1 207680 1210292152 18446744073709551615 79386 79407',
            '',
          ]
        }),
      ].join('\n'),
    },
    pattern:
      /age|transport_(idle|sends|pending|connect)|event_(inode|truncation)|pages_total|(queue_time|requests).*READ/,
    want: ['tcp', 'udp'].flatMap((protocol) => {
      const labels = `export="srv:/x",protocol="${protocol}",mountaddr="10.0.0.1"`
      return [
        `age_seconds_total{${labels}} 13968`,
        `read_pages_total{${labels}} 7`,
        `write_pages_total{${labels}} 8`,
        `event_inode_revalidate_total{${labels}} 100`,
        `event_vfs_update_page_total{${labels}} 107`,
        `event_vfs_read_page_total{${labels}} 108`,
        `event_vfs_read_pages_total{${labels}} 109`,
        `event_vfs_write_page_total{${labels}} 110`,
        `event_vfs_write_pages_total{${labels}} 111`,
        `event_truncation_total{${labels}} 119`,
        `transport_connect_total{${labels}} ${protocol === 'tcp' ? 2 : 0}`,
        `transport_idle_time_seconds{${labels}} ${protocol === 'tcp' ? 2 ** 53 - 1 : 0}`,
        `transport_sends_total{${labels}} 11`,
        `transport_pending_queue_total{${labels}} 18`,
        `operations_requests_total{${labels},operation="READ"} 1298`,
        `operations_queue_time_seconds_total{${labels},operation="READ"} ${(2 ** 53 - 1) / 1000}`,
      ].map((line) => `node_mountstats_nfs_${line}`)
    }),
  },
  {
    name: 'fibrechannel gives hosts, without counters that the firmware does not count',
    collector: fibrechannel,
    files: {
      'sys/class/fc_host/host0/speed': '16 Gbit\n',
      'sys/class/fc_host/host0/port_id': '0x000002\n',
      'sys/class/fc_host/host0/statistics/dumped_frames': '0xffffffffffffffff\n',
      'sys/class/fc_host/host0/statistics/invalid_crc_count': '0x2\n',
      'sys/class/fc_host/host0/statistics/rx_frames': '17\n',
    },
    want: [
      'node_fibrechannel_info{fc_host="host0",speed="16 Gbit",port_id="000002"} 1',
      'node_fibrechannel_invalid_crc_total{fc_host="host0"} 2',
      'node_fibrechannel_rx_frames_total{fc_host="host0"} 17',
    ],
  },
  {
    name: 'infiniband gives ports, data times the lanes',
    collector: infiniband,
    files: {
      'sys/class/infiniband/mlx0/fw_ver': '2.31.5050\n',
      'sys/class/infiniband/mlx0/board_id': 'SM_1\n',
      [`${port}/state`]: '4: ACTIVE\n',
      [`${port}/phys_state`]: '5: LinkUp\n',
      [`${port}/rate`]: '2.5 Gb/sec (1X SDR)\n',
      [`${port}/counters/port_rcv_data`]: '10\n',
      [`${port}/counters/link_downed`]: '3\n',
      [`${port}/counters/symbol_error`]: 'N/A (no PMA)\n',
      [`${port}/counters_ext/port_xmit_data_64`]: '5\n',
    },
    want: [
      'node_infiniband_info{device="mlx0",board_id="SM_1",firmware_version="2.31.5050"} 1',
      'node_infiniband_state_id{device="mlx0",port="1"} 4',
      'node_infiniband_physical_state_id{device="mlx0",port="1"} 5',
      'node_infiniband_rate_bytes_per_second{device="mlx0",port="1"} 312500000',
      'node_infiniband_legacy_data_transmitted_bytes_total{device="mlx0",port="1"} 20',
      'node_infiniband_link_downed_total{device="mlx0",port="1"} 3',
      'node_infiniband_port_data_received_bytes_total{device="mlx0",port="1"} 40',
    ],
  },
]
for (const { name, collector, files, settings, pattern = /^/, want } of cases) {
  test(name, async () => {
    const lines = await collectOnce(collector, files, settings ? { settings } : {})
    assert.deepEqual(
      lines.filter((line) => pattern.test(line)),
      want,
    )
  })
}

test('btrfs asks mounted file systems for their devices', async () => {
  /** A fake of the file system's side of the ioctls: devices 1 and 3 of four numbers. */
  const calls: KernelCalls = {
    socket: () => -1,
    send: () => -1n,
    recv: () => -1n,
    close: () => 0,
    if_indextoname: () => 0n,
    addressOf: () => 0n,
    ioctl(_descriptor, request, argument) {
      const kind = Number(request & 0xffn)
      if (kind === 31) {
        argument.writeBigUInt64LE(3n, 0)
        argument.writeBigUInt64LE(2n, 8)
        argument.write('0abb23a9579b43e6ad30227ef47fcb9d', 16, 'hex')
        return 0
      }
      const number = argument.readBigUInt64LE(0)
      if (number !== 1n && number !== 3n) return -1
      if (kind === 30) {
        argument.fill(Number(number), 8, 24)
        argument.writeBigUInt64LE(10n * number, 24)
        argument.writeBigUInt64LE(100n * number, 32)
        argument.write(`/dev/sd${number}`, 3072)
      } else {
        for (let i = 0; i < 5; i++) argument.writeBigUInt64LE(BigInt(i) * number, 24 + i * 8)
      }
      return 0
    },
  }
  const files: Record<string, string> = {
    [`${btrfsBase}/devices/sda/size`]: '10\n',
    'root/mnt/': '',
    'proc/1/mountinfo': '36 35 98:0 / /mnt rw,noatime - btrfs /dev/sd1 rw\n37 35 98:1 / /gone rw - btrfs /dev/sd9 rw\n',
  }
  for (const type of ['data', 'metadata', 'system']) files[`${btrfsBase}/allocation/${type}/bytes_reserved`] = '0\n'
  const lines = await collectOnce(
    createBtrfs(() => Promise.resolve(calls)),
    files,
  )
  const fileSystem = 'uuid="0abb23a9-579b-43e6-ad30-227ef47fcb9d"'
  const want = [1, 3].flatMap((number) => {
    const digits = `0${number}`
    const group = (bytes: number): string => digits.repeat(bytes)
    const uuid = [group(4), group(2), group(2), group(2), group(6)].join('-')
    const device = `device="sd${number}",btrfs_dev_uuid="${uuid}"`
    return [
      `node_btrfs_device_size_bytes{${fileSystem},${device}} ${100 * number}`,
      `node_btrfs_device_unused_bytes{${fileSystem},${device}} ${90 * number}`,
      ...['write', 'read', 'flush', 'corruption', 'generation'].map(
        (type, i) => `node_btrfs_device_errors_total{${fileSystem},type="${type}",${device}} ${i * number}`,
      ),
    ]
  })
  assert.deepEqual(
    lines.filter((line) => line.includes('_device_')),
    want,
  )
})

test('what the kernel does not have is no data', async () => {
  for (const collector of [mdadm, nfs, nfsd, zfs, fibrechannel, infiniband]) {
    await assert.rejects(collectOnce(collector, {}), NoDataError, collector.name)
  }
})

test('a host without such file systems gives nothing and does not fail', async () => {
  for (const collector of [xfs, btrfs, bcache]) assert.deepEqual(await collectOnce(collector, {}), [], collector.name)
})

const broken: { name: string; collector: CollectorDefinition; files: FixtureFiles; message: RegExp }[] = [
  {
    name: 'mdadm',
    collector: mdadm,
    files: { 'proc/mdstat': 'md0 : active raid1 a[0]\n 5 blocks\n' },
    message: /no disks/,
  },
  { name: 'nfs', collector: nfs, files: { 'proc/net/rpc/nfs': 'net x\n' }, message: /not a number/ },
  { name: 'zfs', collector: zfs, files: { 'proc/spl/kstat/zfs/zil': 'nothing\n' }, message: /no line that says/ },
]
for (const { name, collector, files, message } of broken) {
  test(`${name} says what is wrong with a file that it cannot read`, () =>
    assert.rejects(collectOnce(collector, files), message))
}
