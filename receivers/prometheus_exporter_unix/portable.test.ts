import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statfsSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { hostname, release } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { defaultSettings } from '#component'
import { ManualClock, systemClock } from '#lib/clock'
import type { CollectorHost } from './collector.ts'
import { Exporter, ownFamilies } from './exporter.ts'
import { HostFiles } from './files.ts'
import { mountOf, parseVmStat, portableCollector } from './portable.ts'
import type { MemoryAnswer, PortableName, SystemLibrary, TrafficAnswer } from './portable.ts'
import { createCollectors, selectCollectors } from './registry.ts'
import { SampleLines } from './sample_lines.ts'
import { unixSettings } from './settings.ts'
import type { UnixSettings } from './settings.ts'

const run = promisify(execFile)
const silent = { debug() {}, info() {}, warn() {}, error() {} }
const defaults = defaultSettings(unixSettings)
// The root file system may be of a kind that the default expression leaves out (overlay in a container).
const everyFsType: UnixSettings = { ...defaults, filesystem: { ...defaults.filesystem, fs_types_exclude: '' } }
const files = new HostFiles(defaults)
const collectorHost: CollectorHost = { log: silent, clock: systemClock, enabled: new Set() }

/** One scrape of the default set for `platform`, by the real library on the system that the test runs on. */
async function scrape(platform: NodeJS.Platform, settings = everyFsType): Promise<SampleLines> {
  const { names } = selectCollectors(settings, platform)
  const collectors = await createCollectors(names, settings, collectorHost, platform)
  const exporter = new Exporter({
    collectors,
    files,
    log: silent,
    clock: systemClock,
    version: '1.2.3',
    includeExporterMetrics: false,
  })
  const sink = new SampleLines()
  await exporter.collect(sink, new AbortController().signal)
  return sink
}

/** The samples of one collector, with a library that gives `answers`. */
async function collectWith(
  name: PortableName,
  platform: NodeJS.Platform,
  answers: Partial<SystemLibrary>,
  vmStat: () => Promise<string> = () => Promise.reject(new Error('not needed')),
): Promise<() => Promise<string[]>> {
  const load = (): Promise<SystemLibrary> => Promise.resolve(answers as SystemLibrary)
  const collector = portableCollector(name, { platform, load, vmStat }).create(defaults, collectorHost)
  return async () => {
    const sink = new SampleLines()
    await collector.collect(sink, files, new AbortController().signal)
    return sink.lines
  }
}

function valuesOf(sink: SampleLines, start: string): number[] {
  return sink.lines.flatMap((line) => (line.startsWith(start) ? [Number(line.slice(line.lastIndexOf(' ') + 1))] : []))
}

function valueOf(sink: SampleLines, series: string): number {
  const values = valuesOf(sink, `${series} `)
  assert.equal(values.length, 1, `${series}: ${sink.lines.filter((line) => line.startsWith(series.slice(0, 20)))}`)
  return values[0] as number
}

/** A few bytes over the loopback device, so that its counters are not 0. */
async function sendOverLoopback(): Promise<void> {
  const server = createServer((socket) => socket.end('x'.repeat(1000)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.resume()
  await once(socket, 'close')
  server.close()
}

const everywhere = {
  node_boot_time_seconds: 'gauge',
  node_cpu_seconds_total: 'counter cpu,mode',
  node_filesystem_avail_bytes: 'gauge device,mountpoint,fstype,device_error',
  node_filesystem_device_error: 'gauge device,mountpoint,fstype,device_error',
  node_filesystem_files: 'gauge device,mountpoint,fstype,device_error',
  node_filesystem_files_free: 'gauge device,mountpoint,fstype,device_error',
  node_filesystem_free_bytes: 'gauge device,mountpoint,fstype,device_error',
  node_filesystem_size_bytes: 'gauge device,mountpoint,fstype,device_error',
  node_memory_free_bytes: 'gauge',
  node_memory_swap_total_bytes: 'gauge',
  node_memory_swap_used_bytes: 'gauge',
  node_memory_total_bytes: 'gauge',
  node_network_receive_bytes_total: 'counter device',
  node_network_receive_errs_total: 'counter device',
  node_network_transmit_bytes_total: 'counter device',
  node_network_transmit_errs_total: 'counter device',
  node_os_info:
    'gauge build_id,id,id_like,image_id,image_version,name,pretty_name,variant,variant_id,version,version_codename,version_id',
  node_os_version: 'gauge id,id_like,name',
  node_time_seconds: 'gauge',
  node_time_zone_offset_seconds: 'gauge time_zone',
  node_uname_info: 'gauge sysname,release,version,machine,nodename,domainname',
}
const families = {
  darwin: {
    ...everywhere,
    node_load1: 'gauge',
    node_load15: 'gauge',
    node_load5: 'gauge',
  },
  win32: {
    ...everywhere,
    node_network_receive_drop_total: 'counter device',
    node_network_transmit_drop_total: 'counter device',
  },
} as const

/** There or not as the test's own system has it: options of a mount without a path, clock sources, text files. */
const optional = /^node_(filesystem_readonly|time_clocksource_|textfile_)/

for (const platform of ['darwin', 'win32'] as const) {
  test(`the default set for ${platform} gives its families, and every collector succeeds`, async () => {
    await sendOverLoopback()
    const sink = await scrape(platform)
    const own = new Set(ownFamilies.map(({ name }) => name))
    const got = [...sink.families.values()]
      .filter(({ name }) => !own.has(name) && !optional.test(name))
      .map(({ name, type, labelNames }) => [name, [type, labelNames.join(',')].join(' ').trim()] as const)
    assert.deepEqual(Object.fromEntries(got), families[platform])
    const failed = sink.lines.filter((line) => /^node_scrape_collector_success.* 0$/.test(line))
    assert.deepEqual(failed, [])
    assert.equal(new Set(sink.lines.map((line) => line.slice(0, line.lastIndexOf(' ')))).size, sink.lines.length)
  })
}

test('the default sets are those collectors, and Linux has its own', () => {
  const common = ['boottime', 'cpu', 'filesystem', 'meminfo', 'netdev', 'os', 'textfile', 'time', 'uname']
  const nothing = { set_collectors: [], enable_collectors: [], disable_collectors: [] }
  assert.deepEqual(selectCollectors(nothing, 'darwin').names, [...common, 'loadavg'].sort())
  assert.deepEqual(selectCollectors(nothing, 'win32').names, common)
  assert.ok(selectCollectors(nothing, 'linux').names.includes('stat'))
  assert.ok(!selectCollectors(nothing, 'linux').names.includes('boottime'))
})

test('collectors that need procfs are told as unavailable where there is none, and do not run', () => {
  const asked = {
    set_collectors: ['cpu', 'stat', 'cpuu'],
    enable_collectors: ['ntp', 'thermal'],
    disable_collectors: [],
  }
  const want = { names: ['cpu', 'ntp'], unavailable: ['stat', 'thermal'], unknown: ['cpuu'] }
  assert.deepEqual(selectCollectors(asked, 'darwin'), want)
  const load = { set_collectors: ['loadavg'], enable_collectors: [], disable_collectors: [] }
  assert.deepEqual(selectCollectors(load, 'win32'), { names: [], unavailable: ['loadavg'], unknown: [] })
})

test('memory is that of the kernel', async () => {
  const sink = await scrape('darwin')
  const meminfo = readFileSync('/proc/meminfo', 'utf8')
  const kernel = (field: string): number => Number(new RegExp(`^${field}: +(\\d+) kB$`, 'm').exec(meminfo)?.[1]) * 1024
  assert.equal(valueOf(sink, 'node_memory_total_bytes'), kernel('MemTotal'))
  assert.equal(valueOf(sink, 'node_memory_swap_total_bytes'), kernel('SwapTotal'))
  const free = valueOf(sink, 'node_memory_free_bytes')
  assert.ok(free > 0 && free < kernel('MemTotal'), `${free}`)
})

/** In the form of vm_stat(1), with other numbers than anybody's. */
const vmStat = `Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                                      100.
Pages active:                                   4000.
Pages inactive:                                 3000.
Pages speculative:                                20.
Pages throttled:                                   0.
Pages wired down:                               2000.
Pages purgeable:                                  50.
"Translation faults":                     1935466161.
Pages copy-on-write:                        84466299.
File-backed pages:                              1500.
Anonymous pages:                                2500.
Pages stored in compressor:                     9000.
Pages occupied by compressor:                    700.
Pageins:                                       60000.
Pageouts:                                        800.
Swapins:                                           0.
`

test('pages of macOS become bytes under the names of node_exporter', async () => {
  const mem = (): Promise<MemoryAnswer> => Promise.resolve({ total: 1 << 30, free: 5, swaptotal: 7, swapused: 6 })
  const collect = await collectWith('meminfo', 'darwin', { mem }, () => Promise.resolve(vmStat))
  assert.deepEqual(await collect(), [
    `node_memory_total_bytes ${1 << 30}`,
    'node_memory_swap_total_bytes 7',
    'node_memory_swap_used_bytes 6',
    `node_memory_free_bytes ${120 * 16384}`,
    `node_memory_active_bytes ${4000 * 16384}`,
    `node_memory_inactive_bytes ${3000 * 16384}`,
    `node_memory_wired_bytes ${2000 * 16384}`,
    `node_memory_purgeable_bytes ${50 * 16384}`,
    `node_memory_internal_bytes ${2500 * 16384}`,
    `node_memory_compressed_bytes ${700 * 16384}`,
    `node_memory_swapped_in_bytes_total ${60000 * 16384}`,
    `node_memory_swapped_out_bytes_total ${800 * 16384}`,
  ])
  const broken = await collectWith('meminfo', 'darwin', { mem }, () => Promise.resolve('vm_stat: no\n'))
  await assert.rejects(broken(), /^Error: Cannot read vm_stat: no page size: current value is "vm_stat: no\\n"$/)
  assert.equal(parseVmStat('(page size of 4096 bytes)\nPages free: many.\n').size, 0)
})

test('CPU seconds only grow, and are those of /proc/stat', async () => {
  const first = await scrape('darwin')
  // Idle times of the kernel can step back a little.
  const busy = (sink: SampleLines): string[] =>
    sink.lines.filter((line) => /^node_cpu.*mode="(user|nice|system)"/.test(line))
  const secondsOf = (line: string): number => Number(line.slice(line.lastIndexOf(' ') + 1))
  const spin = process.cpuUsage()
  while (process.cpuUsage(spin).user < 30_000) Math.hypot(1, 2)
  const second = await scrape('darwin')
  const before = busy(first).map(secondsOf)
  const after = busy(second).map(secondsOf)
  assert.equal(after.length, before.length)
  for (const [i, seconds] of after.entries())
    assert.ok(seconds >= (before[i] as number), `${seconds} after ${before[i]}`)
  const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)
  assert.ok(total(after) > total(before))
  const [, user, nice, system] = (/^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[0] ?? '')
    .split(/ +/)
    .map(Number)
  const kernelSeconds = ((user ?? 0) + (nice ?? 0) + (system ?? 0)) / 100
  assert.ok(kernelSeconds >= total(after) - 1 && total(before) <= kernelSeconds, `${total(after)} and ${kernelSeconds}`)
  assert.ok(valueOf(second, 'node_cpu_seconds_total{cpu="0",mode="idle"}') > 0)
})

test('the root file system is as large as statfs(2) and df say', async () => {
  const sink = await scrape('darwin')
  const sizes = sink.lines.filter((line) => /^node_filesystem_size_bytes.*mountpoint="\/"/.test(line))
  assert.equal(sizes.length, 1)
  const size = Number(sizes[0]?.slice(sizes[0].lastIndexOf(' ') + 1))
  const { blocks, bsize, files: nodes } = statfsSync('/')
  assert.equal(size, blocks * bsize)
  const { stdout } = await run('df', ['-kP', '/'])
  assert.equal(size, Number(stdout.split('\n')[1]?.match(/\s(\d+)\s/)?.[1]) * 1024)
  const labels = sizes[0]?.slice(sizes[0].indexOf('{'), sizes[0].lastIndexOf(' ')) ?? ''
  assert.equal(valueOf(sink, `node_filesystem_files${labels}`), nodes)
  assert.ok(
    valueOf(sink, `node_filesystem_avail_bytes${labels}`) <= valueOf(sink, `node_filesystem_free_bytes${labels}`),
  )
  assert.equal(valueOf(sink, `node_filesystem_device_error${labels}`), 0)
})

test('network counters are those of the kernel', async () => {
  await sendOverLoopback()
  const kernelBytes = (): number => Number(/^ *lo: *(\d+)/m.exec(readFileSync('/proc/net/dev', 'utf8'))?.[1])
  const before = kernelBytes()
  const sink = await scrape('win32')
  const bytes = valueOf(sink, 'node_network_receive_bytes_total{device="lo"}')
  // Another test in this process may have read them less than half a second ago: the library answers from memory then.
  assert.ok(bytes > 0 && bytes <= kernelBytes(), `${bytes}`)
  assert.ok(before > 0)
})

test('a device that is left out is not asked for, one of an expression is', async () => {
  const only: UnixSettings = {
    ...everyFsType,
    netdev: { ...defaults.netdev, device_include: '^lo$', address_info: true },
  }
  await sendOverLoopback()
  const sink = await scrape('darwin', only)
  const devices = new Set(sink.lines.flatMap((line) => /^node_network_.*device="([^"]+)"/.exec(line)?.[1] ?? []))
  assert.deepEqual([...devices], ['lo'])
  assert.ok(
    sink.lines.includes('node_network_address_info{device="lo",address="127.0.0.1",netmask="8",scope="link-local"} 1'),
  )
})

test('boot time, load and names are those of the system', async () => {
  const sink = await scrape('darwin')
  const bootTime = Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1])
  assert.ok(Math.abs(valueOf(sink, 'node_boot_time_seconds') - bootTime) < 3)
  assert.ok(valueOf(sink, 'node_load1') >= 0)
  const uname = sink.lines.find((line) => line.startsWith('node_uname_info')) ?? ''
  assert.ok(
    uname.includes(`release="${release()}"`) && uname.includes(`nodename="${hostname().split('.', 1)[0]}"`),
    uname,
  )
  assert.match(
    sink.lines.find((line) => line.startsWith('node_os_info')) ?? '',
    /name="[^"]+",version="[^"]+",version_id="/,
  )
})

test('boot time stands still while uptime is rounded, and moves when the clock is set', async () => {
  const clock = new ManualClock()
  const collector = portableCollector('boottime', {
    platform: 'darwin',
    load: () => Promise.reject(new Error('not needed')),
    vmStat: () => Promise.reject(new Error('not needed')),
  }).create(defaults, { ...collectorHost, clock })
  const read = async (): Promise<number> => {
    const sink = new SampleLines()
    await collector.collect(sink, files, new AbortController().signal)
    return valueOf(sink, 'node_boot_time_seconds')
  }
  const first = await read()
  await clock.advance(900)
  assert.equal(await read(), first)
  await clock.advance(3_600_000)
  const moved = (await read()) - first
  assert.ok(moved > 3590 && moved < 3602, `${moved}`)
})

test('a device that the library could not read is left out instead of going back to 0', async () => {
  const zero: TrafficAnswer = { rx_bytes: 0, rx_errors: 0, rx_dropped: 0, tx_bytes: 0, tx_errors: 0, tx_dropped: 0 }
  let lo: TrafficAnswer = { ...zero, rx_bytes: 5, tx_bytes: 6, tx_errors: Number.NaN }
  const answer = (names: string): Promise<TrafficAnswer[]> =>
    Promise.resolve(names.split(',').map((name) => (name === 'lo' ? lo : zero)))
  const collect = await collectWith('netdev', 'darwin', { networkStats: answer })
  assert.deepEqual(await collect(), [
    'node_network_receive_bytes_total{device="lo"} 5',
    'node_network_receive_errs_total{device="lo"} 0',
    'node_network_transmit_bytes_total{device="lo"} 6',
  ])
  lo = zero
  await assert.rejects(collect(), { name: 'NoDataError' })
})

test('a system that does not tell its name is asked again; one that does is not', async () => {
  let asked = 0
  const answers = [
    { distro: 'unknown', release: 'unknown', build: '' },
    { distro: 'macOS', release: '15.3.1', build: '24D70' },
  ]
  const osInfo = (): Promise<(typeof answers)[0]> => Promise.resolve(answers[asked++] as (typeof answers)[0])
  const collect = await collectWith('os', 'darwin', { osInfo })
  await assert.rejects(collect(), { name: 'NoDataError' })
  const want = [
    'node_os_info{build_id="24D70",name="macOS",version="15.3.1",version_id="15.3.1"} 1',
    'node_os_version{name="macOS"} 15.3',
  ]
  assert.deepEqual(await collect(), want)
  assert.deepEqual(await collect(), want)
  assert.equal(asked, 2)
})

test('no file system at all is no data', async () => {
  const collect = await collectWith('filesystem', 'darwin', { fsSize: () => Promise.resolve([]) })
  await assert.rejects(collect(), { name: 'NoDataError' })
})

const volumes = [
  {
    name: 'a volume of macOS',
    platform: 'darwin',
    volume: { fs: '/dev/disk3s1s1', type: 'APFS', mount: '/', rw: false },
    want: { device: '/dev/disk3s1s1', mountPoint: '/', fsType: 'apfs', isReadonly: true },
  },
  {
    name: 'a share, of which the library knows no options',
    platform: 'darwin',
    volume: { fs: 'nas:/export', type: 'NFS', mount: '/Volumes/export', rw: false },
    want: { device: 'nas:/export', mountPoint: '/Volumes/export', fsType: 'nfs', isReadonly: undefined },
  },
  {
    name: 'a drive of Windows',
    platform: 'win32',
    volume: { fs: 'C:', type: 'NTFS', mount: 'C:', rw: true },
    want: { device: 'C:', mountPoint: 'C:', fsType: 'NTFS', isReadonly: false, path: 'C:\\' },
  },
  {
    name: 'a drive of Windows that does not tell whether it can be written',
    platform: 'win32',
    volume: { fs: 'Z:', type: 'NTFS', mount: 'Z:', rw: null },
    want: { device: 'Z:', mountPoint: 'Z:', fsType: 'NTFS', isReadonly: undefined, path: 'Z:\\' },
  },
] as const
for (const { name, platform, volume, want } of volumes) {
  test(`mounts: ${name}`, () => {
    assert.deepEqual(mountOf(volume, platform), want)
  })
}

test('on Linux the library is never loaded', async () => {
  const script = `
    const { createRequire } = await import('node:module')
    const { createCollectors, selectCollectors } = await import(${JSON.stringify(join(import.meta.dirname, 'registry.ts'))})
    const { unixSettings } = await import(${JSON.stringify(join(import.meta.dirname, 'settings.ts'))})
    const { defaultSettings } = await import('#component')
    const settings = defaultSettings(unixSettings)
    const log = { debug() {}, info() {}, warn() {}, error() {} }
    const clock = { now: Date.now, monotonic: () => performance.now(), setTimeout, random: Math.random }
    const isLoaded = () => Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('systeminformation'))
    const { names } = selectCollectors(settings, 'linux')
    await createCollectors(names, settings, { log, clock, enabled: new Set(names) }, 'linux')
    const afterLinux = isLoaded()
    await import('systeminformation')
    console.log(names.length > 10, afterLinux, isLoaded())`
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], {
    cwd: join(import.meta.dirname, '..', '..'),
  })
  assert.equal(stdout, 'true false true\n')
})
