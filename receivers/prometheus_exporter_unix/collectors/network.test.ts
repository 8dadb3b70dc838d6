import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultSettings, SettingsError } from '#component'
import { NoDataError } from '../collector.ts'
import type { CollectorDefinition } from '../collector.ts'
import { HostFiles } from '../files.ts'
import { collectOnce } from '../fixture_host.ts'
import type { FixtureFiles, FixtureOptions } from '../fixture_host.ts'
import { SampleLines } from '../sample_lines.ts'
import { unixSettings } from '../settings.ts'
import { collector as arp } from './arp.ts'
import { collector as bonding } from './bonding.ts'
import { collector as conntrack } from './conntrack.ts'
import { collector as ipvs } from './ipvs.ts'
import { collector as lnstat } from './lnstat.ts'
import { collector as netclass } from './netclass.ts'
import { collector as netdev } from './netdev.ts'
import { collector as netstat } from './netstat.ts'
import { collector as sockstat } from './sockstat.ts'
import { collector as softnet } from './softnet.ts'
import { collector as udpQueues } from './udp_queues.ts'

const netDev = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
eth0:18446744073709551615 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
`
const snmp = `Ip: Forwarding DefaultTTL
Ip: 1 64
Tcp: ActiveOpens MaxConn
Tcp: 5 -1
`
const ipVs = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  C0A80016:0CEA wlc
  -> C0A85216:0CEA      Tunnel  100    248        2
  -> C0A85318:0CEA      Tunnel  50     8        1
FWM  10001000 wlc
  -> [2001:0db8:0000:0000:0000:0000:0000:0004]:0050 Route 1 2 3
`
const socketHeading =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'

interface Case {
  name: string
  collector: CollectorDefinition
  files: FixtureFiles
  settings?: FixtureOptions['settings']
  /** Only lines that match; all without it. */
  pattern?: RegExp
  want: string[]
}

const cases: Case[] = [
  {
    name: 'netdev gives every column of every device',
    collector: netdev,
    files: { 'proc/net/dev': netDev },
    settings: { netdev: { device_exclude: '^eth' } },
    want: [
      ['receive', ['bytes', 'packets', 'errs', 'drop', 'fifo', 'frame', 'compressed', 'multicast']] as const,
      ['transmit', ['bytes', 'packets', 'errs', 'drop', 'fifo', 'colls', 'carrier', 'compressed']] as const,
    ].flatMap(([way, names], half) =>
      names.map((name, i) => `node_network_${way}_${name}_total{device="lo"} ${half * 8 + i + 1}`),
    ),
  },
  {
    name: 'netdev takes only devices that are included, and a counter of 64 bits',
    collector: netdev,
    files: { 'proc/net/dev': netDev },
    settings: { netdev: { device_include: 'eth0' } },
    pattern: /receive_(bytes|packets)_/,
    want: [
      'node_network_receive_bytes_total{device="eth0"} 18446744073709552000',
      'node_network_receive_packets_total{device="eth0"} 2',
    ],
  },
  {
    name: 'netclass gives what the device has, and leaves out what it refuses',
    collector: netclass,
    files: {
      'sys/class/net/bonding_masters': 'bond0\n',
      'sys/class/net/eth0/operstate': 'up\n',
      'sys/class/net/eth0/address': '01:02:03:04:05:06\n',
      'sys/class/net/eth0/flags': '0x1303\n',
      'sys/class/net/eth0/speed': '1000\n',
      'sys/class/net/eth0/mtu': '1500\n',
      'sys/class/net/eth0/carrier_changes': '7\n',
      'sys/class/net/eth1/operstate': 'down\n',
      'sys/class/net/eth1/flags': '0x1002\n',
      'sys/class/net/eth1/speed': '-1\n',
      'sys/class/net/veth9/operstate': 'up\n',
    },
    settings: { netclass: { ignored_devices: '^veth', ignore_invalid_speed_device: true } },
    want: [
      'node_network_up{device="eth0"} 1',
      'node_network_info{device="eth0",address="01:02:03:04:05:06",operstate="up",adminstate="up"} 1',
      'node_network_carrier_changes_total{device="eth0"} 7',
      'node_network_mtu_bytes{device="eth0"} 1500',
      'node_network_flags{device="eth0"} 4867',
      'node_network_speed_bytes{device="eth0"} 125000000',
      'node_network_up{device="eth1"} 0',
      'node_network_info{device="eth1",operstate="down",adminstate="down"} 1',
      'node_network_flags{device="eth1"} 4098',
    ],
  },
  {
    name: 'netclass shows a speed that is not known when it is not told otherwise',
    collector: netclass,
    files: { 'sys/class/net/eth1/speed': '-1\n' },
    pattern: /speed|info/,
    want: [
      'node_network_info{device="eth1",adminstate="unknown"} 1',
      'node_network_speed_bytes{device="eth1"} -125000',
    ],
  },
  {
    name: 'netstat takes the fields that the default asks for',
    collector: netstat,
    files: {
      'proc/net/netstat': 'TcpExt: SyncookiesSent PruneCalled\nTcpExt: 3 4\nIpExt: InOctets\nIpExt: 9\n',
      'proc/net/snmp': snmp,
      'proc/net/snmp6': 'Ip6InOctets                     \t460\nIp6InReceives \t7\nUdp6InDatagrams 8\n',
    },
    want: [
      'node_netstat_TcpExt_SyncookiesSent 3',
      'node_netstat_IpExt_InOctets 9',
      'node_netstat_Ip_Forwarding 1',
      'node_netstat_Tcp_ActiveOpens 5',
      'node_netstat_Ip6_InOctets 460',
      'node_netstat_Udp6_InDatagrams 8',
    ],
  },
  {
    name: 'netstat takes the fields that the user asks for, on a host without IPv6',
    collector: netstat,
    files: { 'proc/net/netstat': '', 'proc/net/snmp': snmp },
    settings: { netstat: { fields: 'MaxConn|TTL' } },
    want: ['node_netstat_Ip_DefaultTTL 64', 'node_netstat_Tcp_MaxConn -1'],
  },
  {
    name: 'sockstat gives protocols of both versions of IP',
    collector: sockstat,
    files: {
      'proc/net/sockstat': 'sockets: used 229\nTCP: inuse 4 orphan 0 tw 3 alloc 17 mem 0\nFRAG: inuse 0 memory 2\n',
      'proc/net/sockstat6': 'TCP6: inuse 17\n',
    },
    want: [
      'node_sockstat_sockets_used 229',
      'node_sockstat_TCP_inuse 4',
      'node_sockstat_TCP_orphan 0',
      'node_sockstat_TCP_tw 3',
      'node_sockstat_TCP_alloc 17',
      'node_sockstat_TCP_mem 0',
      'node_sockstat_TCP_mem_bytes 0',
      'node_sockstat_FRAG_inuse 0',
      'node_sockstat_FRAG_memory 2',
      'node_sockstat_TCP6_inuse 17',
    ],
  },
  {
    name: 'softnet knows the CPU from the last column of new kernels',
    collector: softnet,
    files: { 'proc/net/softnet_stat': '0000000a 1 2 0 0 0 0 0 3 4 5 00000006 0000001f\n' },
    want: [
      'node_softnet_processed_total{cpu="31"} 10',
      'node_softnet_dropped_total{cpu="31"} 1',
      'node_softnet_times_squeezed_total{cpu="31"} 2',
      'node_softnet_cpu_collision_total{cpu="31"} 3',
      'node_softnet_received_rps_total{cpu="31"} 4',
      'node_softnet_flow_limit_count_total{cpu="31"} 5',
      'node_softnet_backlog_len{cpu="31"} 6',
    ],
  },
  {
    name: 'softnet counts CPUs by lines on old kernels',
    collector: softnet,
    files: { 'proc/net/softnet_stat': '1 0 0 0 0 0 0 0 0 7\n2 0 0 0 0 0 0 0 0 8\n' },
    pattern: /processed|rps|backlog/,
    want: [
      'node_softnet_processed_total{cpu="0"} 1',
      'node_softnet_received_rps_total{cpu="0"} 7',
      'node_softnet_backlog_len{cpu="0"} 0',
      'node_softnet_processed_total{cpu="1"} 2',
      'node_softnet_received_rps_total{cpu="1"} 8',
      'node_softnet_backlog_len{cpu="1"} 0',
    ],
  },
  {
    name: 'arp counts entries per device',
    collector: arp,
    files: {
      'proc/net/arp':
        'IP address       HW type     Flags       HW address            Mask     Device\n' +
        '10.0.0.1         0x1         0x2         01:02:03:04:05:06     *        eth0\n' +
        '10.0.0.2         0x1         0x2         01:02:03:04:05:07     *        eth0\n' +
        '10.1.0.2         0x1         0x2         01:02:03:04:05:08     *        eth1\n',
    },
    settings: { arp: { device_exclude: 'eth1' } },
    want: ['node_arp_entries{device="eth0"} 2'],
  },
  {
    name: 'conntrack sums the CPUs',
    collector: conntrack,
    files: {
      'proc/sys/net/netfilter/nf_conntrack_count': '123\n',
      'proc/sys/net/netfilter/nf_conntrack_max': '65536\n',
      'proc/net/stat/nf_conntrack': `${Array.from({ length: 17 }, (_, i) => `c${i}`).join(' ')}
${Array.from({ length: 17 }, (_, i) => i.toString(16).padStart(8, '0')).join(' ')}
${Array.from({ length: 16 }, (_, i) => i.toString(16).padStart(8, '0')).join('  ')}
`,
    },
    want: [
      'node_nf_conntrack_entries 123',
      'node_nf_conntrack_entries_limit 65536',
      'node_nf_conntrack_stat_found 4',
      'node_nf_conntrack_stat_invalid 8',
      'node_nf_conntrack_stat_ignore 10',
      'node_nf_conntrack_stat_insert 16',
      'node_nf_conntrack_stat_insert_failed 18',
      'node_nf_conntrack_stat_drop 20',
      'node_nf_conntrack_stat_early_drop 22',
      'node_nf_conntrack_stat_search_restart 16',
    ],
  },
  {
    name: 'udp_queues sums the sockets of one version of IP where the host has no other',
    collector: udpQueues,
    files: {
      'proc/net/udp': `${socketHeading}   0: 0100007F:0035 00000000:0000 07 00000010:00000002 00:00000000 00000000     0        0 1 2 3 0
   1: 0100007F:0036 00000000:0000 07 00000001:000000FF 00:00000000 00000000     0        0 1 2 3 0
`,
    },
    want: ['node_udp_queues{queue="tx",ip="v4"} 17', 'node_udp_queues{queue="rx",ip="v4"} 257'],
  },
  {
    name: 'lnstat gives each table by CPU',
    collector: lnstat,
    files: { 'proc/net/stat/arp_cache': 'entries  allocs\n00000014  00000001\n00000014  0000000d\n' },
    want: [
      'node_lnstat_entries_total{subsystem="arp_cache",cpu="0"} 20',
      'node_lnstat_allocs_total{subsystem="arp_cache",cpu="0"} 1',
      'node_lnstat_entries_total{subsystem="arp_cache",cpu="1"} 20',
      'node_lnstat_allocs_total{subsystem="arp_cache",cpu="1"} 13',
    ],
  },
  {
    name: 'bonding counts the slaves that are up, also as old kernels name them',
    collector: bonding,
    files: {
      'sys/class/net/bonding_masters': 'bond0 bond1\n',
      'sys/class/net/bond0/bonding/slaves': 'eth0 eth1\n',
      'sys/class/net/bond0/lower_eth0/bonding_slave/mii_status': 'up\n',
      'sys/class/net/bond0/slave_eth1/bonding_slave/mii_status': 'down\n',
      'sys/class/net/bond1/bonding/slaves': '\n',
    },
    want: [
      'node_bonding_slaves{master="bond0"} 2',
      'node_bonding_active{master="bond0"} 1',
      'node_bonding_slaves{master="bond1"} 0',
      'node_bonding_active{master="bond1"} 0',
    ],
  },
  {
    name: 'ipvs gives totals and backends',
    collector: ipvs,
    files: {
      'proc/net/ip_vs_stats': 'Total Incoming\nConns Packets\n 16AA370 E33656E5 0 51D8C8883AB3 1\n\n',
      'proc/net/ip_vs': ipVs,
    },
    pattern: /total|_active/,
    want: [
      'node_ipvs_connections_total 23765872',
      'node_ipvs_incoming_packets_total 3811989221',
      'node_ipvs_outgoing_packets_total 0',
      'node_ipvs_incoming_bytes_total 89991519156915',
      'node_ipvs_outgoing_bytes_total 1',
      'node_ipvs_backend_connections_active{local_address="192.168.0.22",local_port="3306",remote_address="192.168.82.22",remote_port="3306",proto="TCP"} 248',
      'node_ipvs_backend_connections_active{local_address="192.168.0.22",local_port="3306",remote_address="192.168.83.24",remote_port="3306",proto="TCP"} 8',
      'node_ipvs_backend_connections_active{local_port="0",remote_address="2001:db8::4",remote_port="80",proto="FWM",local_mark="10001000"} 2',
    ],
  },
  {
    name: 'ipvs sums backends that the labels do not tell apart',
    collector: ipvs,
    files: {
      'proc/net/ip_vs_stats': 'Total Incoming\nConns Packets\n 0 0 0 0 0\n\n',
      'proc/net/ip_vs': ipVs,
    },
    settings: { ipvs: { backend_labels: ['proto', 'local_address'] } },
    pattern: /backend/,
    want: [
      'node_ipvs_backend_connections_active{local_address="192.168.0.22",proto="TCP"} 256',
      'node_ipvs_backend_connections_inactive{local_address="192.168.0.22",proto="TCP"} 3',
      'node_ipvs_backend_weight{local_address="192.168.0.22",proto="TCP"} 150',
      'node_ipvs_backend_connections_active{proto="FWM"} 2',
      'node_ipvs_backend_connections_inactive{proto="FWM"} 3',
      'node_ipvs_backend_weight{proto="FWM"} 1',
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

test('what the kernel does not have is no data', async () => {
  for (const collector of [conntrack, bonding, ipvs, netclass, udpQueues]) {
    await assert.rejects(collectOnce(collector, {}), NoDataError, collector.name)
  }
})

const broken: { name: string; collector: CollectorDefinition; files: FixtureFiles; message: RegExp }[] = [
  { name: 'netdev', collector: netdev, files: { 'proc/net/dev': 'a\nb\nlo: 1 2\n' }, message: /fewer than 16/ },
  {
    name: 'netstat',
    collector: netstat,
    files: { 'proc/net/netstat': 'A: b c\nA: 1\n' },
    message: /more names than values/,
  },
  { name: 'sockstat', collector: sockstat, files: { 'proc/net/sockstat': 'TCP: inuse\n' }, message: /no pairs/ },
  { name: 'softnet', collector: softnet, files: { 'proc/net/softnet_stat': '1 2\n' }, message: /9 columns/ },
  { name: 'arp', collector: arp, files: { 'proc/net/arp': 'h\n10.0.0.1 0x1\n' }, message: /6 columns/ },
  { name: 'lnstat', collector: lnstat, files: { 'proc/net/stat/x': 'a\n1 2\n' }, message: /more values/ },
]
for (const { name, collector, files, message } of broken) {
  test(`${name} says what is wrong with a file that it cannot read`, () =>
    assert.rejects(collectOnce(collector, files), message))
}

test('settings that do not work are refused', async () => {
  const bad: [CollectorDefinition, FixtureOptions['settings'], string][] = [
    [netdev, { netdev: { device_include: 'a', device_exclude: 'b' } }, 'netdev.device_include'],
    [netdev, { netdev: { device_include: '(' } }, 'netdev.device_include'],
    [netclass, { netclass: { ignored_devices: '[' } }, 'netclass.ignored_devices'],
    [netstat, { netstat: { fields: '*' } }, 'netstat.fields'],
    [ipvs, { ipvs: { backend_labels: ['proto', 'colour'] } }, 'ipvs.backend_labels.1'],
  ]
  for (const [collector, settings, path] of bad) {
    await assert.rejects(collectOnce(collector, {}, settings ? { settings } : {}), (error) => {
      return error instanceof SettingsError && error.path.join('.') === path
    })
  }
})

test('netdev shows the addresses of this host when asked', async () => {
  const lines = await collectOnce(
    netdev,
    { 'proc/net/dev': 'a\nb\n' },
    { settings: { netdev: { address_info: true } } },
  )
  for (const line of lines) {
    assert.match(
      line,
      /^node_network_address_info\{device="[^"]+",address="[0-9a-f.:]+",netmask="\d+"(,scope="[a-z-]+")?\} 1$/,
    )
  }
  const loopback = lines.find((line) => line.includes('address="127.0.0.1"'))
  if (loopback !== undefined) assert.match(loopback, /scope="link-local"/)
})

test('this host is read too', async () => {
  const settings = defaultSettings(unixSettings)
  const files = new HostFiles(settings)
  const host = { log: console, clock: undefined as never, enabled: new Set<string>() }
  const read = async (collector: CollectorDefinition): Promise<SampleLines> => {
    const sink = new SampleLines()
    await collector.create(settings, host).collect(sink, files, new AbortController().signal)
    return sink
  }
  assert.ok((await read(netdev)).lines.some((line) => line.includes('device="lo"')))
  assert.ok((await read(netstat)).families.has('node_netstat_Tcp_ActiveOpens'))
  assert.ok((await read(sockstat)).families.has('node_sockstat_TCP_inuse'))
  // A kernel may come without connection tracking, a network namespace without neighbours.
  const optional = async (collector: CollectorDefinition): Promise<void> => {
    try {
      await read(collector)
    } catch (error) {
      assert.ok(error instanceof NoDataError, String(error))
    }
  }
  await optional(conntrack)
  await optional(arp)
})
