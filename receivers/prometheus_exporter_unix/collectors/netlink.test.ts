import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { NoDataError } from '../collector.ts'
import type { CollectorDefinition } from '../collector.ts'
import { Ethtool } from '../ethtool_device.ts'
import { HostFiles } from '../files.ts'
import { collectOnce, FixtureHost } from '../fixture_host.ts'
import type { KernelCalls } from '../kernel_calls.ts'
import { attributesOf, netlinkDump, takeMessages } from '../netlink.ts'
import { SampleLines } from '../sample_lines.ts'
import { collector as ethtool, deviceSamples } from './ethtool.ts'
import { collector as networkRoute, readRoute, readRouteFiles } from './network_route.ts'
import { collector as qdisc, readQdisc } from './qdisc.ts'
import { addSocket, addTable, collector as tcpstat } from './tcpstat.ts'

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)])
}

function attribute(type: number, content: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16LE(4 + content.length, 0)
  head.writeUInt16LE(type, 2)
  return padded(Buffer.concat([head, content]))
}

function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [i, value] of values.entries()) bytes.writeUInt32LE(value, i * 4)
  return bytes
}

function message(type: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(16)
  head.writeUInt32LE(16 + payload.length, 0)
  head.writeUInt16LE(type, 4)
  return padded(Buffer.concat([head, payload]))
}

test('messages are taken up to the last one, an error is thrown', () => {
  const taken: [number, string][] = []
  const take = (type: number, payload: Buffer): void => void taken.push([type, payload.toString('hex')])
  assert.equal(takeMessages(Buffer.concat([message(24, Buffer.from('abc')), message(24, u32(7))]), take), false)
  assert.equal(takeMessages(message(3, u32(0)), take), true)
  assert.deepEqual(taken, [
    [24, '616263'],
    [24, '07000000'],
  ])
  assert.throws(() => takeMessages(message(2, u32(0xffffffff)), take), /error -1/)
  assert.throws(() => takeMessages(message(24, u32(1)).subarray(0, 18), take), /cut off/)
})

test('attributes are found by type, cut-off ones are left out', () => {
  const bytes = Buffer.concat([
    attribute(1, Buffer.from('x')),
    attribute(0x8002, u32(5)),
    attribute(3, u32(1)).subarray(0, 6),
  ])
  assert.deepEqual(
    [...attributesOf(bytes, 0)].map(([type, value]) => [type, value.toString('hex')]),
    [
      [1, '78'],
      [2, '05000000'],
    ],
  )
})

test('any bytes are read or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (random) => {
      const bytes = Buffer.from(random)
      attributesOf(bytes, 0)
      readRoute(bytes)
      readQdisc(bytes)
      try {
        takeMessages(bytes, () => undefined)
      } catch (error) {
        assert.match((error as Error).message, /^Cannot read over netlink/)
      }
    }),
    { numRuns: 1000 },
  )
})

/** A fake of the kernel's side of a socket: gives `answers` one after another. */
function fakeSocket(answers: Buffer[]): KernelCalls {
  return {
    socket: () => 5,
    send: (_descriptor, bytes) => BigInt(bytes.length),
    recv(_descriptor, bytes) {
      const answer = answers.shift()
      if (answer === undefined) return -1n
      answer.copy(bytes)
      return BigInt(answer.length)
    },
    ioctl: () => -1,
    close: () => 0,
    if_indextoname: () => 0n,
    addressOf: () => 0n,
  }
}

test('a dump is read to its end, and one without an end is refused', () => {
  const part = message(24, u32(1))
  const request = { protocol: 0, type: 26, body: u32(0) }
  let count = 0
  netlinkDump(fakeSocket([part, Buffer.concat([part, message(3, u32(0))])]), request, () => count++)
  assert.equal(count, 2)
  assert.throws(() => netlinkDump(fakeSocket([part]), request, () => undefined), /no end/)
})

/** RTM_NEWROUTE: `struct rtmsg` and attributes. */
function route(prefix: number, protocol: number, type: number, ...attributes: Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([2, prefix, 0, 0, 254, protocol, 0, type, 0, 0, 0, 0]), ...attributes])
}

test('a route is read with its next hops', () => {
  const nextHop = (device: number, hops: number, gateway: Buffer): Buffer => {
    const content = attribute(5, gateway)
    const head = Buffer.alloc(8)
    head.writeUInt16LE(8 + content.length, 0)
    head[3] = hops
    head.writeInt32LE(device, 4)
    return Buffer.concat([head, content])
  }
  const plain = { gateway: '', priority: 0, source: '', protocol: 'kernel', weight: '' }
  const cases: { bytes: Buffer; want: object[] }[] = [
    {
      bytes: route(
        24,
        2,
        1,
        attribute(1, Buffer.from([192, 0, 2, 0])),
        attribute(4, u32(3)),
        attribute(7, Buffer.from([192, 0, 2, 9])),
      ),
      want: [{ ...plain, device: 3, destination: '192.0.2.0/24', source: '192.0.2.9' }],
    },
    {
      bytes: route(
        0,
        99,
        1,
        attribute(4, u32(3)),
        attribute(5, Buffer.from('fd000000000000000000000000000001', 'hex')),
        attribute(6, u32(1024)),
      ),
      want: [{ ...plain, device: 3, destination: 'default', gateway: 'fd00::1', priority: 1024, protocol: 'unknown' }],
    },
    {
      bytes: route(
        0,
        16,
        1,
        attribute(
          9,
          Buffer.concat([nextHop(2, 0, Buffer.from([10, 0, 0, 1])), nextHop(3, 9, Buffer.from([10, 0, 0, 2]))]),
        ),
      ),
      want: [
        { ...plain, device: 2, destination: 'default', gateway: '10.0.0.1', protocol: 'dhcp', weight: '1' },
        { ...plain, device: 3, destination: 'default', gateway: '10.0.0.2', protocol: 'dhcp', weight: '10' },
      ],
    },
    { bytes: route(32, 2, 2, attribute(4, u32(1))), want: [] },
  ]
  for (const { bytes, want } of cases) assert.deepEqual(readRoute(bytes), want)
})

test('without netlink, routes to neighbours are read from files', (t) => {
  const host = new FixtureHost({
    'proc/net/route':
      'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n' +
      'eth0\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n' +
      'eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t0080FFFF\t0\t0\t0\n' +
      '*\t0000FE0A\t00000000\t0201\t0\t0\t0\t0000FFFF\t0\t0\t0\n',
    'proc/net/ipv6_route': [
      'fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 1 0 00000001 eth1',
      '00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 1 0 00000003 eth1',
      '00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 2 0 80200001 lo',
      'ff000000000000000000000000000000 08 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 4 0 00000001 eth1',
      '00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 1 0 00200200 lo',
      '',
    ].join('\n'),
  })
  t.after(() => host.remove())
  const unknown = { source: '', protocol: '', weight: '' }
  assert.deepEqual(readRouteFiles(new HostFiles(host.settings())), [
    { ...unknown, device: 'eth0', destination: 'default', gateway: '192.168.0.1', priority: 100 },
    { ...unknown, device: 'eth0', destination: '192.168.0.0/17', gateway: '', priority: 0 },
    { ...unknown, device: 'eth1', destination: 'fd00::/64', gateway: '', priority: 256 },
    { ...unknown, device: 'eth1', destination: 'default', gateway: 'fd00::1', priority: 1024 },
  ])
})

test('a discipline at the root is read, one below another is not', () => {
  const tcmsg = (parent: number): Buffer => u32(0, 4, 0x8001, parent, 0)
  const basic = Buffer.concat([Buffer.from('0000000001000000', 'hex'), u32(9, 0)])
  const statistics = attribute(7, Buffer.concat([attribute(1, basic), attribute(3, u32(1, 2, 3, 4, 5))]))
  const bytes = (parent: number): Buffer =>
    Buffer.concat([tcmsg(parent), attribute(1, Buffer.from('fq_codel\0')), statistics])
  assert.deepEqual(readQdisc(bytes(0xffffffff)), {
    index: 4,
    kind: 'fq_codel',
    bytes: 2 ** 32,
    packets: 9,
    queueLength: 1,
    backlog: 2,
    drops: 3,
    requeues: 4,
    overlimits: 5,
  })
  assert.equal(readQdisc(bytes(0x8001)), undefined)
})

const socketHeading =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'

test('tcpstat counts states and bytes that wait, from messages and from files', (t) => {
  const sums = new Map<string, number>()
  const socket = (state: number, rx: number, tx: number): Buffer => {
    const bytes = Buffer.alloc(72)
    bytes[1] = state
    bytes.writeUInt32LE(rx, 56)
    bytes.writeUInt32LE(tx, 60)
    return bytes
  }
  for (const bytes of [socket(10, 5, 128), socket(1, 0, 2560), socket(12, 0, 0), socket(99, 0, 0), Buffer.alloc(3)]) {
    addSocket(bytes, sums)
  }
  const want = { listen: 1, tx_queued_bytes: 2688, rx_queued_bytes: 5, established: 1, syn_recv: 1, unknown: 1 }
  assert.deepEqual(Object.fromEntries(sums), want)

  const host = new FixtureHost({
    'proc/net/tcp': `${socketHeading}   0: 0100007F:0035 00000000:0000 0A 00000000:00000005 00:00000000 00000000 0 0 1 1 0 100
  10: 0100007F:0036 0100007F:0016 01 00000A00:00000000 00:00000000 00000000 0 0 1 1 0 100
`,
    'proc/net/tcp6': `${socketHeading}   0: 0:0016 0:0000 zz 00000000:00000001 00:0 0 0 0 1\n`,
  })
  t.after(() => host.remove())
  const files = new HostFiles(host.settings())
  const fromFile = new Map<string, number>()
  addTable(files, 'net/tcp', fromFile)
  assert.deepEqual(Object.fromEntries(fromFile), {
    listen: 1,
    tx_queued_bytes: 2560,
    rx_queued_bytes: 5,
    established: 1,
  })
  assert.throws(() => addTable(files, 'net/tcp6', fromFile), /hexadecimal/)
})

interface FakeDevice {
  readonly supported: number
  readonly advertised: number
  readonly driver: string
  readonly statistics: readonly (readonly [string, bigint])[]
}

/** A fake of the driver's side of SIOCETHTOOL: structures as in include/uapi/linux/ethtool.h. */
function fakeDriver(devices: Readonly<Record<string, FakeDevice>>): KernelCalls {
  const given: Buffer[] = []
  return {
    ...fakeSocket([]),
    addressOf: (bytes) => BigInt(given.push(bytes)),
    ioctl(_descriptor, _request, ifreq) {
      const device = devices[ifreq.toString('latin1', 0, ifreq.indexOf(0))]
      const answer = given[Number(ifreq.readBigUInt64LE(16)) - 1]
      if (device === undefined || answer === undefined) return -1
      switch (answer.readUInt32LE(0)) {
        case 0x1:
          answer.writeUInt32LE(device.supported, 4)
          answer.writeUInt32LE(device.advertised, 8)
          answer[18] = 1
          return 0
        case 0x3:
          answer.write(device.driver, 4)
          answer.write('1.2', 36)
          answer.write('0000:00:03.0', 100)
          answer.writeUInt32LE(device.statistics.length, 180)
          return 0
        case 0x1b:
          for (const [i, [name]] of device.statistics.entries()) answer.write(name, 12 + i * 32)
          return 0
        case 0x1d:
          for (const [i, [, value]] of device.statistics.entries()) answer.writeBigUInt64LE(value, 8 + i * 8)
          return 0
        default:
          return -1
      }
    },
  }
}

test('ethtool gives what the driver says, names that clash left out', () => {
  const eth0 = {
    supported: ((1 << 5) | (1 << 7) | (1 << 6) | (1 << 13) | (1 << 31)) >>> 0,
    advertised: (1 << 5) | (1 << 14),
    driver: 'ena',
    statistics: [
      ['rx_bytes', 5n],
      ['bw_in_allowance_exceeded', 2n ** 63n],
      ['queue_0_tx_cnt', 3n],
      ['a.b', 1n],
      ['a-b', 2n],
      ['unwanted', 9n],
    ],
  } as const
  const give = deviceSamples((name) => name !== 'unwanted')
  const device = new Ethtool(fakeDriver({ eth0 }))
  const sink = new SampleLines()
  give(sink, device, 'eth0')
  give(sink, device, 'lo')
  device.close()
  assert.deepEqual(sink.lines, [
    'node_network_supported_speed_bytes{device="eth0",duplex="full",mode="1000baseT"} 125000000',
    'node_network_supported_speed_bytes{device="eth0",duplex="full",mode="25000baseCR"} 3125000000',
    'node_network_autonegotiate_supported{device="eth0"} 1',
    'node_network_pause_supported{device="eth0"} 1',
    'node_network_asymmetricpause_supported{device="eth0"} 0',
    'node_network_advertised_speed_bytes{device="eth0",duplex="full",mode="1000baseT"} 125000000',
    'node_network_autonegotiate_advertised{device="eth0"} 0',
    'node_network_pause_advertised{device="eth0"} 0',
    'node_network_asymmetricpause_advertised{device="eth0"} 1',
    'node_network_supported_port_info{device="eth0",type="TP"} 1',
    'node_network_autonegotiate{device="eth0"} 1',
    'node_ethtool_info{bus_info="0000:00:03.0",device="eth0",driver="ena",version="1.2"} 1',
    'node_ethtool_bw_in_allowance_exceeded{device="eth0"} 9223372036854776000',
    'node_ethtool_queue_0_transmitted_cnt{device="eth0"} 3',
    'node_ethtool_received_bytes_total{device="eth0"} 5',
  ])
})

/** This host's samples; undefined where there is no way to make system calls. */
async function readHost(collector: CollectorDefinition): Promise<string[] | undefined> {
  const files = { procfs_path: '/proc', sysfs_path: '/sys' }
  try {
    return await collectOnce(collector, {}, { settings: files })
  } catch (error) {
    if (error instanceof NoDataError) return undefined
    throw error
  }
}

test("this host's routes, sockets, disciplines and drivers are read", async () => {
  for (const line of await collectOnce(tcpstat, {}, { settings: { procfs_path: '/proc' } })) {
    assert.match(line, /^node_tcp_connection_states\{state="[a-z_12]+"\} \d+$/)
  }
  for (const line of (await readHost(networkRoute)) ?? []) {
    assert.match(
      line,
      /^node_network_route(_info\{device="[^"]+",.*dest="(default|[0-9a-f.:]+\/\d+)".*\} 1|s\{device="[^"]+"\} \d+)$/,
    )
  }
  const disciplines = await readHost(qdisc)
  for (const line of disciplines ?? []) assert.match(line, /^node_qdisc_\w+\{device="[^"]+",kind="\w+"\} \d+$/)
  for (const line of (await readHost(ethtool)) ?? [])
    assert.match(line, /^node_(network|ethtool)_\w+\{.*device="[^"]+".*\} \d+$/)
  // Somebody else's view of the same, on hosts that have iproute2.
  const tc = spawnSync('tc', ['-j', 'qdisc'], { encoding: 'utf8' })
  if (disciplines === undefined || tc.status !== 0) return
  const roots = (JSON.parse(tc.stdout) as { dev: string; kind: string; root?: boolean }[]).filter(({ root }) => root)
  assert.deepEqual(
    disciplines.filter((line) => line.startsWith('node_qdisc_drops_total')).map((line) => line.replace(/ \d+$/, '')),
    roots.map(({ dev, kind }) => `node_qdisc_drops_total{device="${dev}",kind="${kind}"}`),
  )
})
