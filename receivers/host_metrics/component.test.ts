// The host_metrics receiver against a made-up host with known figures, and against this one.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import type { MetricsPort, OtelOutput } from '#component'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import type { Metrics } from '#pdata'
import type { MetricData } from '#pdata/otlp'
import { hostMetricsReceiver } from './component.ts'
import { metricTable } from './metric_table.ts'
import { hostMetricsSettings } from './settings.ts'

const root = mkdtempSync(join(tmpdir(), 'host-metrics-'))
after(() => rmSync(root, { recursive: true }))

const files: Readonly<Record<string, string>> = {
  '/proc/stat': [
    'cpu  300 20 100 4000 50 6 7 8 0 0',
    'cpu0 100 10 50 2000 20 3 3 4 0 0',
    'cpu1 200 10 50 2000 30 3 4 4 0 0',
    'ctxt 1',
    'btime 1700000000',
    'processes 4711',
    'procs_running 3',
    'procs_blocked 1',
    '',
  ].join('\n'),
  '/proc/meminfo': [
    'MemTotal:       1000 kB',
    'MemFree:         100 kB',
    'MemAvailable:    500 kB',
    'Buffers:          50 kB',
    'Cached:          200 kB',
    'SReclaimable:     30 kB',
    'SUnreclaim:       20 kB',
    'HugePages_Total:   4',
    'HugePages_Free:    1',
    '',
  ].join('\n'),
  '/proc/loadavg': '0.50 1.00 2.25 1/200 300\n',
  '/proc/diskstats':
    '   8       0 sda 10 1 20 3000 11 2 22 4000 5 6000 7000 0 0\n   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0\n',
  '/proc/net/dev': [
    'Inter-|   Receive                                                |  Transmit',
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
    '  eth0: 1000 10 1 2 0 0 0 0 2000 20 3 4 0 0 0 0',
    '    lo: 5 5 0 0 0 0 0 0 5 5 0 0 0 0 0 0',
    '',
  ].join('\n'),
  '/proc/net/tcp':
    '  sl  local_address rem_address   st tx_queue\n   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000\n   1: 0100007F:1F90 0100007F:0001 01 00000000:00000000\n',
  '/proc/swaps': 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/dm-2 partition 1000 250 -2\n',
  '/proc/vmstat': 'pgpgin 1\npgpgout 2\npswpin 3\npswpout 4\npgfault 100\npgmajfault 10\n',
  '/proc/uptime': '123.45 600.00\n',
  '/proc/filesystems': 'nodev\tproc\n\text4\n',
  '/proc/1/mountinfo':
    '61 73 259:2 / /boot rw,relatime shared:84 - ext4 /dev/sda1 rw\n62 73 0:5 / /proc rw - proc proc rw\n',
  '/boot/x': '',
  '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\n',
  '/proc/1/stat': `1 (my (odd) name) S 0 1 1 0 -1 4194560 20 0 5 0 150 50 0 0 20 0 7 0 100 4096 200 ${'0 '.repeat(17)}30 0\n`,
  '/proc/1/statm': '1000 200 50 1 0 100 0\n',
  '/proc/1/status': 'Name:\tmy (odd) name\nUid:\t0\t0\t0\t0\nSigQ:\t2/100\n',
  '/proc/1/cmdline': '/sbin/init\0--now\0',
  '/proc/1/io': 'rchar: 1\nsyscr: 5\nsyscw: 6\nread_bytes: 7\nwrite_bytes: 8\n',
  '/proc/2/stat': `2 (kthread) Z 0 0 0 0 -1 0 ${'0 '.repeat(33)}\n`,
}
for (const [path, content] of Object.entries(files)) {
  mkdirSync(dirname(root + path), { recursive: true })
  writeFileSync(root + path, content)
}

function outputTo(batches: Metrics[]): OtelOutput {
  const port: MetricsPort = { nodeId: 'sink', signal: 'metrics', consume: (batch) => void batches.push(batch) }
  return { metrics: [{ nodeId: 'sink', metrics: port }], logs: [], traces: [] }
}

interface Running {
  readonly host: TestHost
  readonly clock: ManualClock
  readonly batches: Metrics[]
  stop(): Promise<void>
}

async function started(scrapers: Written, more: Written = {}): Promise<Running> {
  const clock = new ManualClock(1_700_000_123_450)
  const host = new TestHost({ clock })
  const batches: Metrics[] = []
  const settings = decoded(hostMetricsSettings, { root_path: root, ...more, scrapers })
  const receiver = await hostMetricsReceiver.create(host, settings, outputTo(batches))
  await receiver.start?.()
  return { host, clock, batches, stop: async () => receiver.stop(1000) }
}

/** `name{attributes}` to value, of the last batch. */
function valuesOf(batch: Metrics | undefined): Record<string, number> {
  const values: Record<string, number> = {}
  for (const { scopeMetrics } of batch?.tree?.resourceMetrics ?? []) {
    for (const { metrics } of scopeMetrics) {
      for (const { name, data } of metrics) {
        for (const point of pointsOf(data)) {
          const attributes = point.attributes.map(({ key, value }) => `${key}=${String(value)}`).join(',')
          values[attributes === '' ? name : `${name}{${attributes}}`] = Number(point.value)
        }
      }
    }
  }
  return values
}

function pointsOf(data: MetricData) {
  assert.ok(data.kind === 'sum' || data.kind === 'gauge')
  return data.points
}

/** Waits for the scrape that the clock started: it may read files in the background. */
async function scraped(running: Running, count = 1): Promise<void> {
  await running.clock.advance(count === 1 ? 1000 : 60_000)
  while (running.batches.length < count) await new Promise((resolve) => setImmediate(resolve))
}

const tables: { name: string; scrapers: Written; want: Record<string, number> }[] = [
  {
    name: 'cpu puts the CPUs together, as the cpu attribute has to be asked for',
    scrapers: { cpu: {} },
    want: {
      'system.cpu.time{state=user}': 3,
      'system.cpu.time{state=nice}': 0.2,
      'system.cpu.time{state=system}': 1,
      'system.cpu.time{state=idle}': 40,
      'system.cpu.time{state=wait}': 0.5,
      'system.cpu.time{state=interrupt}': 0.06,
      'system.cpu.time{state=softirq}': 0.07,
      'system.cpu.time{state=steal}': 0.08,
      'system.cpu.logical.count': 2,
    },
  },
  {
    name: 'memory counts what can be reclaimed as cache',
    scrapers: { memory: { metrics: { 'system.memory.limit': { enabled: true } } } },
    want: {
      'system.memory.usage{state=used}': 620 * 1024,
      'system.memory.usage{state=free}': 100 * 1024,
      'system.memory.usage{state=buffered}': 50 * 1024,
      'system.memory.usage{state=cached}': 230 * 1024,
      'system.memory.usage{state=slab_reclaimable}': 30 * 1024,
      'system.memory.usage{state=slab_unreclaimable}': 20 * 1024,
      'system.memory.limit': 1000 * 1024,
    },
  },
  {
    name: 'load',
    scrapers: { load: {} },
    want: {
      'system.cpu.load_average.1m': 0.5,
      'system.cpu.load_average.5m': 1,
      'system.cpu.load_average.15m': 2.25,
    },
  },
  {
    name: 'disk with an exclude by expression',
    scrapers: { disk: { exclude: { devices: ['^loop'], match_type: 'regexp' } } },
    want: {
      'system.disk.io{device=sda,direction=read}': 20 * 512,
      'system.disk.io{device=sda,direction=write}': 22 * 512,
      'system.disk.operations{device=sda,direction=read}': 10,
      'system.disk.operations{device=sda,direction=write}': 11,
      'system.disk.io_time{device=sda}': 6,
      'system.disk.operation_time{device=sda,direction=read}': 3,
      'system.disk.operation_time{device=sda,direction=write}': 4,
      'system.disk.pending_operations{device=sda}': 5,
      'system.disk.weighted_io_time{device=sda}': 7,
      'system.disk.merged{device=sda,direction=read}': 1,
      'system.disk.merged{device=sda,direction=write}': 2,
    },
  },
  {
    name: 'network with an include; a metric switched off',
    scrapers: {
      network: {
        include: { interfaces: ['eth0'], match_type: 'strict' },
        metrics: { 'system.network.connections': { enabled: false } },
      },
    },
    want: {
      'system.network.packets{device=eth0,direction=transmit}': 20,
      'system.network.packets{device=eth0,direction=receive}': 10,
      'system.network.dropped{device=eth0,direction=transmit}': 4,
      'system.network.dropped{device=eth0,direction=receive}': 2,
      'system.network.errors{device=eth0,direction=transmit}': 3,
      'system.network.errors{device=eth0,direction=receive}': 1,
      'system.network.io{device=eth0,direction=transmit}': 2000,
      'system.network.io{device=eth0,direction=receive}': 1000,
    },
  },
  {
    name: 'paging',
    scrapers: { paging: {} },
    want: {
      'system.paging.usage{device=/dev/dm-2,state=used}': 250 * 1024,
      'system.paging.usage{device=/dev/dm-2,state=free}': 750 * 1024,
      'system.paging.operations{direction=page_in,type=major}': 3,
      'system.paging.operations{direction=page_out,type=major}': 4,
      'system.paging.operations{direction=page_in,type=minor}': 1,
      'system.paging.operations{direction=page_out,type=minor}': 2,
      'system.paging.faults{type=major}': 10,
      'system.paging.faults{type=minor}': 90,
    },
  },
  {
    name: 'processes take what runs and what is blocked from the kernel, which counts it at once',
    scrapers: { processes: {} },
    want: {
      'system.processes.count{status=sleeping}': 1,
      'system.processes.count{status=zombies}': 1,
      'system.processes.count{status=blocked}': 1,
      'system.processes.count{status=running}': 3,
      'system.processes.created': 4711,
    },
  },
  { name: 'system', scrapers: { system: {} }, want: { 'system.uptime': 123 } },
  {
    name: 'process, one of two by its name',
    scrapers: { process: { include: { names: ['odd'], match_type: 'regexp' } } },
    want: {
      'process.cpu.time{state=user}': 1.5,
      'process.cpu.time{state=system}': 0.5,
      'process.cpu.time{state=wait}': 0.3,
      'process.memory.usage': 200 * 4096,
      'process.memory.virtual': 1000 * 4096,
      'process.disk.io{direction=read}': 7,
      'process.disk.io{direction=write}': 8,
    },
  },
]

for (const { name, scrapers, want } of tables) {
  test(`scrapes ${name}`, async () => {
    const running = await started(scrapers)
    await scraped(running)
    const got = valuesOf(running.batches[0])
    for (const key of Object.keys(got)) got[key] = Number((got[key] as number).toFixed(6))
    assert.deepEqual(got, want)
    assert.equal(running.host.counters.in, running.host.counters.out)
    await running.stop()
    assert.equal(running.clock.pending, 0)
  })
}

test('counts TCP connections by state, states without any included', async () => {
  const running = await started({ network: {} })
  await scraped(running)
  const got = valuesOf(running.batches[0])
  assert.equal(got['system.network.connections{protocol=tcp,state=LISTEN}'], 1)
  assert.equal(got['system.network.connections{protocol=tcp,state=ESTABLISHED}'], 1)
  assert.equal(got['system.network.connections{protocol=tcp,state=TIME_WAIT}'], 0)
  await running.stop()
})

test('reads filesystems that need a device, with their place', async () => {
  const running = await started({ filesystem: { metrics: { 'system.filesystem.utilization': { enabled: true } } } })
  await scraped(running)
  const got = valuesOf(running.batches[0])
  const place = 'device=/dev/sda1,mode=rw,mountpoint=/boot,type=ext4'
  assert.deepEqual(Object.keys(got).sort(), [
    ...['free', 'used'].map((state) => `system.filesystem.inodes.usage{${place},state=${state}}`),
    ...['free', 'reserved', 'used'].map((state) => `system.filesystem.usage{${place},state=${state}}`),
    `system.filesystem.utilization{${place}}`,
  ])
  await running.stop()
})

test('gives the utilization of the time between two scrapes', async () => {
  const running = await started({
    cpu: { metrics: { 'system.cpu.utilization': { enabled: true, attributes: ['cpu', 'state'] } } },
  })
  await scraped(running)
  assert.ok(!Object.keys(valuesOf(running.batches[0])).some((key) => key.startsWith('system.cpu.utilization')))
  writeFileSync(
    `${root}/proc/stat`,
    (files['/proc/stat'] as string).replace('cpu0 100 10 50 2000', 'cpu0 175 10 50 2025'),
  )
  await scraped(running, 2)
  writeFileSync(`${root}/proc/stat`, files['/proc/stat'] as string)
  const got = valuesOf(running.batches[1])
  assert.equal(got['system.cpu.utilization{cpu=cpu0,state=user}'], 0.75)
  assert.equal(got['system.cpu.utilization{cpu=cpu0,state=idle}'], 0.25)
  assert.equal(got['system.cpu.utilization{cpu=cpu1,state=user}'], 0)
  await running.stop()
})

test('a process is a resource', async () => {
  const running = await started({ process: { include: { names: ['odd'], match_type: 'regexp' } } })
  await scraped(running)
  const [resource] = running.batches[0]?.tree?.resourceMetrics ?? []
  assert.deepEqual(Object.fromEntries((resource?.resource.attributes ?? []).map(({ key, value }) => [key, value])), {
    'process.pid': 1n,
    'process.parent_pid': 0n,
    'process.executable.name': 'my (odd) name',
    'process.executable.path': '',
    'process.command': '/sbin/init',
    'process.command_line': '/sbin/init --now',
    'process.owner': 'root',
  })
  const data = resource?.scopeMetrics[0]?.metrics[0]?.data as MetricData
  // Started 1 s (100 ticks) after the system.
  assert.equal(pointsOf(data)[0]?.startTimeUnixNano, 1_700_000_001_000_000_000n)
  await running.stop()
})

test('a scraper that fails does not stop the others, and makes the node unhealthy', async () => {
  const running = await started({ load: {}, system: {} })
  rmSync(`${root}/proc/loadavg`)
  await scraped(running)
  writeFileSync(`${root}/proc/loadavg`, files['/proc/loadavg'] as string)
  assert.deepEqual(valuesOf(running.batches[0]), { 'system.uptime': 123 })
  assert.equal(running.host.health.message, 'cannot read: load')
  await running.stop()
})

test('reads this host, all metrics on', async () => {
  const scrapers = Object.fromEntries(
    Object.entries(metricTable).map(([name, specs]) => [
      name,
      { metrics: Object.fromEntries(specs.map((spec) => [spec.name, { enabled: true }])) },
    ]),
  )
  const running = await started(scrapers, { root_path: '' })
  await running.clock.advance(1000)
  await running.stop()
  const got = valuesOf(running.batches[0])
  for (const name of ['system.cpu.time{state=user}', 'system.memory.limit', 'system.uptime']) {
    assert.ok((got[name] ?? 0) > 0, name)
  }
  const own = running.batches[0]?.tree?.resourceMetrics.find(({ resource }) =>
    resource.attributes.some(({ key, value }) => key === 'process.pid' && value === BigInt(process.pid)),
  )
  const threads = own?.scopeMetrics[0]?.metrics.find(({ name }) => name === 'process.threads')
  assert.ok(Number(pointsOf(threads?.data as MetricData)[0]?.value) > 1)
})

const refusals: { name: string; written: Written; want: string }[] = [
  {
    name: 'no scraper',
    written: { scrapers: {} },
    want: 'must specify at least one scraper when using hostmetrics receiver',
  },
  {
    name: 'an attribute that the metric has not',
    written: { scrapers: { cpu: { metrics: { 'system.cpu.time': { attributes: ['core'] } } } } },
    want: "metric system.cpu.time doesn't have an attribute core, valid attributes: [cpu, state]",
  },
  {
    name: 'an unknown scraper',
    written: { scrapers: { gpu: {} } },
    want: 'unrecognized block name "gpu"',
  },
]
for (const { name, written, want } of refusals) {
  test(`refuses ${name}`, () => assert.deepEqual(problemsOf(hostMetricsSettings, written), [want]))
}

test('refuses an expression that is none', async () => {
  const settings = decoded(hostMetricsSettings, {
    scrapers: { disk: { include: { devices: ['('], match_type: 'regexp' } } },
  })
  await assert.rejects(async () => hostMetricsReceiver.create(new TestHost(), settings, outputTo([])), {
    name: 'SettingsError',
  })
})
