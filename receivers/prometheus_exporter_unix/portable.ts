// The core collectors for systems without procfs (macOS, Windows): what Node itself counts, and `systeminformation` for the rest.
//
// Names, labels and help are those of node_exporter on macOS. Numbers that Node has (CPU times, load, uptime, statfs) come
// from Node: it makes the same system calls, where the library starts programs (`df`, `netstat`, `vm_stat`, PowerShell).
import { execFile } from 'node:child_process'
import { statfs } from 'node:fs/promises'
import { cpus, hostname, loadavg, machine, networkInterfaces, release, type, uptime, version } from 'node:os'
import type { CpuInfo } from 'node:os'
import { promisify } from 'node:util'
import type { MetricFamily, MetricSink } from '#component'
import type { Collector, CollectorDefinition, CollectorHost } from './collector.ts'
import { isMissing, NoDataError } from './collector.ts'
import { cpuSecondsFamily } from './collectors/cpu.ts'
import { createFilesystem } from './collectors/filesystem.ts'
import type { Mount } from './collectors/filesystem.ts'
import { loadFamilies } from './collectors/loadavg.ts'
import { addAddresses, createDeviceFilter } from './collectors/netdev.ts'
import { osInfoFamily, osVersionFamily } from './collectors/os.ts'
import { unameFamily } from './collectors/uname.ts'
import { counter, gauge } from './families.ts'
import type { UnixSettings } from './settings.ts'

/** What is used of `systeminformation`. Sizes are bytes. It answers failures with zeros, empty lists and 'unknown', never an error. */
export interface SystemLibrary {
  mem(): Promise<MemoryAnswer>
  fsSize(): Promise<readonly VolumeAnswer[]>
  /** `devices`: names with a comma between them. One answer each, in their order. */
  networkStats(devices: string): Promise<readonly TrafficAnswer[]>
  osInfo(): Promise<{ readonly distro: string; readonly release: string; readonly build: string }>
}

export interface MemoryAnswer {
  readonly total: number
  readonly free: number
  readonly swaptotal: number
  readonly swapused: number
}

export interface VolumeAnswer {
  readonly fs: string
  readonly type: string
  readonly mount: string
  readonly rw: boolean | null
}

export interface TrafficAnswer {
  readonly rx_bytes: number
  readonly rx_errors: number
  readonly rx_dropped: number
  readonly tx_bytes: number
  readonly tx_errors: number
  readonly tx_dropped: number
}

/** What the collectors of a system are made from. */
export interface PortableSystem {
  readonly platform: NodeJS.Platform
  readonly load: () => Promise<SystemLibrary>
  /** What vm_stat(1) of macOS prints. Rejects with ENOENT where there is no such program. */
  readonly vmStat: () => Promise<string>
}

/** The system that this runs on, said to be `platform`. */
export function portableSystem(platform: NodeJS.Platform): PortableSystem {
  return { platform, load: loadSystemLibrary, vmStat: runVmStat }
}

async function runVmStat(): Promise<string> {
  const { stdout } = await promisify(execFile)('/usr/bin/vm_stat', { timeout: vmStatTimeoutMs })
  return stdout
}

/** It asks the kernel once and prints 20 lines: after this long something is broken. */
const vmStatTimeoutMs = 2000

/** Loads the library: 2 MB of heap, 12 MB resident, which hosts with procfs do without. */
async function loadSystemLibrary(): Promise<SystemLibrary> {
  return (await import('systeminformation')).default
}

type Create = (settings: UnixSettings, host: CollectorHost, system: PortableSystem) => Collector

const creates = {
  boottime: createBootTime,
  cpu: createCpu,
  filesystem: createVolumes,
  loadavg: createLoad,
  meminfo: createMemory,
  netdev: createTraffic,
  os: createOs,
  uname: createUname,
} satisfies Record<string, Create>

export type PortableName = keyof typeof creates

/** The collector `name` for `system`. */
export function portableCollector(name: PortableName, system: PortableSystem): CollectorDefinition {
  const create: Create = creates[name]
  return { name, enabledByDefault: true, create: (settings, host) => create(settings, host, system) }
}

const bootTimeFamily = gauge('node_boot_time_seconds', 'Unix time of last boot, including microseconds.')
/** Uptime comes in whole seconds on some systems: two answers of the same boot can be this far apart. */
const bootTimeSlackSeconds = 2

function createBootTime(_settings: UnixSettings, { clock }: CollectorHost): Collector {
  let shown = 0
  return {
    name: 'boottime',
    collect(sink) {
      const bootTime = clock.now() / 1000 - uptime()
      // A boot time that moves reads as a restart: it stays until the clock was really set.
      if (Math.abs(bootTime - shown) > bootTimeSlackSeconds) shown = bootTime
      sink.sample(bootTimeFamily, shown)
    },
  }
}

type CpuTimes = CpuInfo['times']

/** macOS has no times for interrupts, Windows none for `nice`; its `sys` includes interrupts. */
function cpuSeconds(times: CpuTimes, platform: NodeJS.Platform): Iterable<readonly [mode: string, ms: number]> {
  const { user, nice, sys, idle, irq } = times
  if (platform === 'win32') {
    return [
      ['user', user],
      ['system', Math.max(sys - irq, 0)],
      ['irq', irq],
      ['idle', idle],
    ]
  }
  return [
    ['user', user],
    ['nice', nice],
    ['system', sys],
    ['idle', idle],
  ]
}

function createCpu(_settings: UnixSettings, _host: CollectorHost, { platform }: PortableSystem): Collector {
  return {
    name: 'cpu',
    collect(sink) {
      const all = cpus()
      if (all.length === 0) throw new Error('Cannot read CPU times: the system tells of no CPU')
      for (const [i, { times }] of all.entries()) {
        for (const [mode, ms] of cpuSeconds(times, platform)) sink.sample(cpuSecondsFamily, ms / 1000, String(i), mode)
      }
    },
  }
}

function createLoad(): Collector {
  return {
    name: 'loadavg',
    collect(sink) {
      const loads = loadavg()
      for (const [i, family] of loadFamilies.entries()) sink.sample(family, loads[i] as number)
    },
  }
}

function createUname(): Collector {
  return {
    name: 'uname',
    collect(sink) {
      const name = hostname()
      const dot = name.indexOf('.')
      const node = dot < 0 ? name : name.slice(0, dot)
      const domain = dot < 0 ? '(none)' : name.slice(dot + 1)
      sink.sample(unameFamily, 1, type(), release(), version(), machine(), node, domain)
    },
  }
}

function createOs(_settings: UnixSettings, _host: CollectorHost, { load }: PortableSystem): Collector {
  // Another version needs a restart of the system: asked until there is an answer.
  let known: { readonly name: string; readonly version: string; readonly build: string } | undefined
  return {
    name: 'os',
    waits: true,
    async collect(sink) {
      if (!known) {
        const { distro, release: versionId, build } = await (await load()).osInfo()
        if (distro === '' || distro === 'unknown') throw new NoDataError('the system does not tell its name')
        known = { name: distro, version: versionId, build }
      }
      const { name, build } = known
      const values: Readonly<Record<string, string>> = {
        build_id: build,
        name,
        version: known.version,
        version_id: known.version,
      }
      sink.sample(osInfoFamily, 1, ...osInfoFamily.labelNames.map((label) => values[label] ?? ''))
      const majorMinor = Number(/^[0-9]+\.?[0-9]*/.exec(known.version)?.[0] ?? 0)
      if (majorMinor > 0) sink.sample(osVersionFamily, majorMinor, '', '', name)
    },
  }
}

const memory = (field: string): MetricFamily => gauge(`node_memory_${field}`, `Memory information field ${field}.`)
const memoryTotal = (field: string): MetricFamily =>
  counter(`node_memory_${field}`, `Memory information field ${field}.`)
const memoryFamilies = {
  total: memory('total_bytes'),
  free: memory('free_bytes'),
  swapTotal: memory('swap_total_bytes'),
  swapUsed: memory('swap_used_bytes'),
}
/** By the line of vm_stat(1). The swapped bytes are pages that came from or went to any file, as node_exporter has it. */
const pageFamilies: ReadonlyMap<string, MetricFamily> = new Map([
  ['Pages active', memory('active_bytes')],
  ['Pages inactive', memory('inactive_bytes')],
  ['Pages wired down', memory('wired_bytes')],
  ['Pages purgeable', memory('purgeable_bytes')],
  ['Anonymous pages', memory('internal_bytes')],
  ['Pages occupied by compressor', memory('compressed_bytes')],
  ['Pageins', memoryTotal('swapped_in_bytes_total')],
  ['Pageouts', memoryTotal('swapped_out_bytes_total')],
])

function createMemory(_settings: UnixSettings, _host: CollectorHost, system: PortableSystem): Collector {
  return {
    name: 'meminfo',
    waits: true,
    async collect(sink) {
      const { total, free, swaptotal, swapused } = await (await system.load()).mem()
      sink.sample(memoryFamilies.total, total)
      sink.sample(memoryFamilies.swapTotal, swaptotal)
      sink.sample(memoryFamilies.swapUsed, swapused)
      const pages = system.platform === 'darwin' ? await readPages(system) : undefined
      if (pages) addPages(sink, pages)
      else sink.sample(memoryFamilies.free, free)
    },
  }
}

async function readPages({ vmStat }: PortableSystem): Promise<ReadonlyMap<string, number> | undefined> {
  try {
    return parseVmStat(await vmStat())
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** The library has of these only a sum and the inactive ones. */
function addPages(sink: MetricSink, pages: ReadonlyMap<string, number>): void {
  const free = pages.get('Pages free')
  // The kernel counts pages that were read ahead as free, vm_stat on a line of their own.
  if (free !== undefined) sink.sample(memoryFamilies.free, free + (pages.get('Pages speculative') ?? 0))
  for (const [line, family] of pageFamilies) {
    const bytes = pages.get(line)
    if (bytes !== undefined) sink.sample(family, bytes)
  }
}

/** Bytes by line: `Pages active:  432859.` counts pages of the size that the first line tells. Throws without that size. */
export function parseVmStat(text: string): Map<string, number> {
  const pageBytes = Number(/\(page size of (\d+) bytes\)/.exec(text)?.[1])
  if (!(pageBytes > 0)) {
    throw new Error(`Cannot read vm_stat: no page size: current value is ${JSON.stringify(text.slice(0, 80))}`)
  }
  const bytes = new Map<string, number>()
  for (const [, line, pages] of text.matchAll(/^([A-Z][^:\n]*):\s+(\d+)\.?\s*$/gm)) {
    bytes.set(line as string, Number(pages) * pageBytes)
  }
  return bytes
}

const traffic = (key: string): MetricFamily =>
  counter(`node_network_${key}_total`, `Network device statistic ${key}.`, ['device'])
const trafficFamilies = [
  [traffic('receive_bytes'), 'rx_bytes'],
  [traffic('receive_errs'), 'rx_errors'],
  [traffic('transmit_bytes'), 'tx_bytes'],
  [traffic('transmit_errs'), 'tx_errors'],
] as const
/** Not on macOS: what the library gives there for both directions is what `netstat` counts for sending only. */
const dropFamilies = [
  [traffic('receive_drop'), 'rx_dropped'],
  [traffic('transmit_drop'), 'tx_dropped'],
] as const

function createTraffic(settings: UnixSettings, _host: CollectorHost, { platform, load }: PortableSystem): Collector {
  const filter = createDeviceFilter(settings)
  const families = platform === 'darwin' ? trafficFamilies : [...trafficFamilies, ...dropFamilies]
  return {
    name: 'netdev',
    waits: true,
    async collect(sink) {
      // The library splits the list at commas and bars, and starts programs for each device: only for those that are wanted.
      const devices = Object.keys(networkInterfaces()).filter((name) => !filter.ignores(name) && !/[,|]/.test(name))
      if (devices.length === 0) throw new NoDataError('there are no network devices')
      const answers = await (await load()).networkStats(devices.join(','))
      let read = 0
      for (const [i, device] of devices.entries()) {
        const answer = answers[i]
        // Zeros are what the library gives for a device that it could not read: as counters they would read as a restart.
        if (!answer || (answer.rx_bytes === 0 && answer.tx_bytes === 0)) continue
        read++
        for (const [family, key] of families) {
          if (Number.isFinite(answer[key])) sink.sample(family, answer[key], device)
        }
      }
      if (settings.netdev.address_info) addAddresses(sink, filter)
      if (read === 0) throw new NoDataError('no network device tells what it has counted')
    },
  }
}

/**
 * The library knows the mounts; statfs(2) is asked by this process, with the timeout and the bounds of the collector on
 * Linux. The default expressions for Linux leave out what those for macOS do: /dev and autofs.
 */
function createVolumes(settings: UnixSettings, host: CollectorHost, { platform, load }: PortableSystem): Collector {
  const read = async (): Promise<readonly Mount[]> => {
    const volumes = await (await load()).fsSize()
    if (volumes.length === 0) throw new NoDataError('the system tells of no file system')
    return volumes.map((volume) => mountOf(volume, platform))
  }
  return createFilesystem((path) => statfs(path), { read }).create(settings, host)
}

export function mountOf({ fs, type: fsType, mount, rw }: VolumeAnswer, platform: NodeJS.Platform): Mount {
  const isDrive = platform === 'win32' && /^[A-Za-z]:$/.test(mount)
  // The library has the mount options of devices with a path only, and says "not writable" of all others.
  const knowsOptions = platform === 'win32' || fs.startsWith('/')
  return {
    device: fs,
    mountPoint: mount,
    // The library writes APFS, HFS and NFS where macOS has lower case.
    fsType: platform === 'darwin' ? fsType.toLowerCase() : fsType,
    isReadonly: rw === null || !knowsOptions ? undefined : !rw,
    // A drive's name alone is the working directory on it.
    ...(isDrive ? { path: `${mount}\\` } : {}),
  }
}
