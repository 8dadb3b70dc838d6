// The scrapers of the whole system: cpu, memory, load, disk, filesystem, network, paging, processes, system.
import { readdirSync } from 'node:fs'
import { readFile, statfs } from 'node:fs/promises'
import type { PointGatherer } from './points.ts'
import { type ProcFiles, ticksPerSecond } from './proc_files.ts'

/** Adds points to `out`; throws where nothing could be read. */
export type Scraper = (files: ProcFiles, out: PointGatherer) => void | Promise<void>

const cpuStates = ['user', 'nice', 'system', 'idle', 'wait', 'interrupt', 'softirq', 'steal'] as const

/** State between scrapes: the utilization is of the time between two. */
export function cpuScraper(): Scraper {
  let before: ReadonlyMap<string, readonly number[]> | null = null
  return (files, out) => {
    const now = cpuTimes(files.read('/proc/stat'))
    for (const [cpu, times] of now) {
      for (const [i, state] of cpuStates.entries()) out.add('system.cpu.time', times[i] ?? 0, cpu, state)
    }
    if (out.has('system.cpu.utilization')) {
      if (before !== null) addUtilization(before, now, out)
      before = now
    }
    out.add('system.cpu.logical.count', now.size)
    if (!out.hasAny(['system.cpu.physical.count', 'system.cpu.frequency'])) return
    const blocks = files.read('/proc/cpuinfo').split('\n\n')
    const cores = new Set<string>()
    for (const block of blocks) {
      const field = (name: string): string | undefined => new RegExp(`^${name}\\s*:\\s*(.+)$`, 'm').exec(block)?.[1]
      const processor = field('processor')
      if (processor === undefined) continue
      cores.add(`${field('physical id') ?? 0} ${field('core id') ?? processor}`)
      const mhz = field('cpu MHz')
      if (mhz !== undefined) out.add('system.cpu.frequency', Number(mhz) * 1e6, `cpu${processor}`)
    }
    out.add('system.cpu.physical.count', cores.size)
  }
}

/** Seconds in each state, by CPU. Guests' times are in `user` and `nice` already (kernel/sched/cputime.c). */
function cpuTimes(stat: string): ReadonlyMap<string, readonly number[]> {
  const times = new Map<string, readonly number[]>()
  for (const line of stat.split('\n')) {
    if (!/^cpu\d/.test(line)) continue
    const [cpu, ...ticks] = line.split(' ')
    times.set(
      cpu as string,
      ticks.slice(0, cpuStates.length).map((tick) => Number(tick) / ticksPerSecond),
    )
  }
  return times
}

function addUtilization(
  before: ReadonlyMap<string, readonly number[]>,
  now: ReadonlyMap<string, readonly number[]>,
  out: PointGatherer,
): void {
  for (const [cpu, times] of now) {
    const last = before.get(cpu)
    if (last === undefined) continue
    const spent = times.map((time, i) => time - (last[i] ?? 0))
    const elapsed = spent.reduce((sum, time) => sum + time, 0)
    for (const [i, state] of cpuStates.entries()) {
      out.add('system.cpu.utilization', elapsed <= 0 ? 0 : (spent[i] ?? 0) / elapsed, cpu, state)
    }
  }
}

export function memoryScraper(pageSize: number): Scraper {
  return (files, out) => {
    const info = files.numbers('/proc/meminfo')
    const bytes = (name: string): number => (info.get(name) ?? 0) * 1024
    const pages = (name: string): number => info.get(name) ?? 0
    const total = bytes('MemTotal')
    // What can be reclaimed of the slab counts as cache (as free(1) does it).
    const cached = bytes('Cached') + bytes('SReclaimable')
    const states: Readonly<Record<string, number>> = {
      used: total - bytes('MemFree') - bytes('Buffers') - cached,
      free: bytes('MemFree'),
      buffered: bytes('Buffers'),
      cached,
      slab_reclaimable: bytes('SReclaimable'),
      slab_unreclaimable: bytes('SUnreclaim'),
    }
    for (const [state, value] of Object.entries(states)) {
      out.add('system.memory.usage', value, state)
      if (total > 0) out.add('system.memory.utilization', value / total, state)
    }
    out.add('system.memory.limit', total)
    out.add('system.memory.page_size', pageSize)
    out.add('system.linux.memory.available', bytes('MemAvailable'))
    out.add('system.linux.memory.dirty', bytes('Dirty'))
    out.add('system.memory.linux.shared', bytes('Shmem'))
    const huge = pages('HugePages_Total')
    const free = pages('HugePages_Free')
    out.add('system.memory.linux.hugepages.limit', huge)
    out.add('system.memory.linux.hugepages.page_size', bytes('Hugepagesize'))
    out.add('system.memory.linux.hugepages.reserved', pages('HugePages_Rsvd'))
    out.add('system.memory.linux.hugepages.surplus', pages('HugePages_Surp'))
    out.add('system.memory.linux.hugepages.usage', free, 'free')
    out.add('system.memory.linux.hugepages.usage', huge - free, 'used')
    if (huge === 0) return
    out.add('system.memory.linux.hugepages.utilization', free / huge, 'free')
    out.add('system.memory.linux.hugepages.utilization', (huge - free) / huge, 'used')
  }
}

export function loadScraper(cpuAverage: boolean, cpus: number): Scraper {
  return (files, out) => {
    const averages = files.read('/proc/loadavg').split(' ').slice(0, 3).map(Number)
    for (const [i, minutes] of ['1m', '5m', '15m'].entries()) {
      out.add(`system.cpu.load_average.${minutes}`, (averages[i] as number) / (cpuAverage ? cpus : 1))
    }
  }
}

/** The kernel's sector, whatever the device's (Documentation/block/stat.rst). */
const sectorBytes = 512

export function diskScraper(isIncluded: (device: string) => boolean): Scraper {
  return (files, out) => {
    for (const line of files.read('/proc/diskstats').split('\n')) {
      const fields = line.trim().split(/\s+/)
      const device = fields[2]
      if (device === undefined || fields.length < 14 || !isIncluded(device)) continue
      const at = (i: number): number => Number(fields[i])
      out.add('system.disk.io', at(5) * sectorBytes, device, 'read')
      out.add('system.disk.io', at(9) * sectorBytes, device, 'write')
      out.add('system.disk.operations', at(3), device, 'read')
      out.add('system.disk.operations', at(7), device, 'write')
      out.add('system.disk.io_time', at(12) / 1000, device)
      out.add('system.disk.operation_time', at(6) / 1000, device, 'read')
      out.add('system.disk.operation_time', at(10) / 1000, device, 'write')
      out.add('system.disk.pending_operations', at(11), device)
      out.add('system.disk.weighted_io_time', at(13) / 1000, device)
      out.add('system.disk.merged', at(4), device, 'read')
      out.add('system.disk.merged', at(8), device, 'write')
    }
  }
}

export interface Mount {
  readonly device: string
  readonly mountpoint: string
  readonly type: string
  /** `rw`, `ro` or `unknown`. */
  readonly mode: string
}

export function filesystemScraper(isIncluded: (mount: Mount) => boolean, includeVirtual: boolean): Scraper {
  return async (files, out) => {
    const real = includeVirtual ? null : realTypes(files)
    const seen = new Set<string>()
    let failure: unknown
    let found = 0
    for (const mount of mounts(files)) {
      const { device, mountpoint, type, mode } = mount
      if (real !== null && !real.has(type)) continue
      const key = `${mountpoint}\0${device}`
      if (seen.has(key) || !isIncluded(mount)) continue
      seen.add(key)
      try {
        const inside = files.root !== '' && `${mountpoint}/`.startsWith(`${files.root}/`)
        const stats = await statfs(inside ? mountpoint : files.root + mountpoint)
        const used = (stats.blocks - stats.bfree) * stats.bsize
        const free = stats.bavail * stats.bsize
        const place = [device, mode, mountpoint, type]
        out.add('system.filesystem.usage', used, ...place, 'used')
        out.add('system.filesystem.usage', free, ...place, 'free')
        out.add('system.filesystem.usage', stats.blocks * stats.bsize - used - free, ...place, 'reserved')
        out.add('system.filesystem.inodes.usage', stats.files - stats.ffree, ...place, 'used')
        out.add('system.filesystem.inodes.usage', stats.ffree, ...place, 'free')
        out.add('system.filesystem.utilization', used + free === 0 ? 0 : used / (used + free), ...place)
        found++
      } catch (error) {
        failure = error
      }
    }
    if (found === 0 && failure !== undefined) throw failure
  }
}

/** Types that need a device, and zfs, whose pools have names instead (/proc/filesystems). */
function realTypes(files: ProcFiles): ReadonlySet<string> {
  const types = new Set(['zfs'])
  for (const line of files.read('/proc/filesystems').split('\n')) {
    if (line !== '' && !line.startsWith('nodev')) types.add(line.trim())
  }
  return types
}

/** What process 1 sees as mounted (proc(5), mountinfo), since this process may be in a namespace of its own. */
function mounts(files: ProcFiles): Mount[] {
  const text = files.tryRead('/proc/1/mountinfo') ?? files.read('/proc/self/mountinfo')
  const found: Mount[] = []
  for (const line of text.split('\n')) {
    const [before, after] = line.split(' - ')
    const [, , , root, mountpoint, options] = before?.split(' ') ?? []
    const [type, source] = after?.split(' ') ?? []
    if (root === undefined || mountpoint === undefined || type === undefined || source === undefined) continue
    const modes = (options ?? '').split(',')
    found.push({
      device: unescaped(source),
      mountpoint: unescaped(mountpoint),
      type,
      mode: modes.includes('rw') ? 'rw' : modes.includes('ro') ? 'ro' : 'unknown',
    })
  }
  return found
}

/** Blanks and backslashes are written as octal numbers. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** Numbers of states in /proc/net/tcp (include/net/tcp_states.h). */
const tcpStates: ReadonlyMap<string, string> = new Map([
  ['01', 'ESTABLISHED'],
  ['02', 'SYN_SENT'],
  ['03', 'SYN_RECV'],
  ['04', 'FIN_WAIT1'],
  ['05', 'FIN_WAIT2'],
  ['06', 'TIME_WAIT'],
  ['07', 'CLOSE'],
  ['08', 'CLOSE_WAIT'],
  ['09', 'LAST_ACK'],
  ['0A', 'LISTEN'],
  ['0B', 'CLOSING'],
])

export function networkScraper(isIncluded: (name: string) => boolean): Scraper {
  return async (files, out) => {
    for (const line of files.read('/proc/net/dev').split('\n').slice(2)) {
      const colon = line.lastIndexOf(':')
      const name = line.slice(0, Math.max(colon, 0)).trim()
      if (name === '' || !isIncluded(name)) continue
      const fields = line
        .slice(colon + 1)
        .trim()
        .split(/\s+/)
        .map(Number)
      const at = (i: number): number => fields[i] ?? 0
      const rows = [
        ['system.network.packets', 9, 1],
        ['system.network.dropped', 11, 3],
        ['system.network.errors', 10, 2],
        ['system.network.io', 8, 0],
      ] as const
      for (const [metric, transmit, receive] of rows) {
        out.add(metric, at(transmit), name, 'transmit')
        out.add(metric, at(receive), name, 'receive')
      }
    }
    if (out.has('system.network.connections')) await addConnections(files, out)
    addConntrack(files, out)
  }
}

/** The kernel walks its whole table of sockets for these files, which takes 10 ms: not on this thread. */
async function addConnections(files: ProcFiles, out: PointGatherer): Promise<void> {
  const counts = new Map<string, number>()
  for (const state of tcpStates.values()) counts.set(state, 0)
  for (const path of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const text = await readFile(files.root + path, 'latin1').catch(() => '')
    // sl: local rem st …, below a line of titles: the state is the word after the two addresses.
    for (let line = text.indexOf('\n') + 1; line > 0 && line < text.length; line = text.indexOf('\n', line) + 1) {
      const local = text.indexOf(': ', line) + 2
      const remote = text.indexOf(' ', local) + 1
      const at = text.indexOf(' ', remote) + 1
      const state = tcpStates.get(text.slice(at, at + 2))
      if (state !== undefined) counts.set(state, (counts.get(state) as number) + 1)
    }
  }
  for (const [state, count] of counts) out.add('system.network.connections', count, 'tcp', state)
}

function addConntrack(files: ProcFiles, out: PointGatherer): void {
  for (const name of ['count', 'max']) {
    if (!out.has(`system.network.conntrack.${name}`)) continue
    const text = files.tryRead(`/proc/sys/net/netfilter/nf_conntrack_${name}`)
    if (text !== undefined) out.add(`system.network.conntrack.${name}`, Number(text))
  }
}

export const pagingScraper: Scraper = (files, out) => {
  for (const line of (files.tryRead('/proc/swaps') ?? '').split('\n').slice(1)) {
    const [device, , size, used] = line.trim().split(/\s+/)
    if (device === undefined || size === undefined || used === undefined) continue
    const total = Number(size) * 1024
    const states = { used: Number(used) * 1024, free: total - Number(used) * 1024 }
    for (const [state, value] of Object.entries(states)) {
      out.add('system.paging.usage', value, unescaped(device), state)
      if (total > 0) out.add('system.paging.utilization', value / total, unescaped(device), state)
    }
  }
  const counts = files.numbers('/proc/vmstat')
  const at = (name: string): number => counts.get(name) ?? 0
  // Swapping is counted in pages, what else moves between memory and disks in KiB.
  out.add('system.paging.operations', at('pswpin'), 'page_in', 'major')
  out.add('system.paging.operations', at('pswpout'), 'page_out', 'major')
  out.add('system.paging.operations', at('pgpgin'), 'page_in', 'minor')
  out.add('system.paging.operations', at('pgpgout'), 'page_out', 'minor')
  out.add('system.paging.faults', at('pgmajfault'), 'major')
  out.add('system.paging.faults', at('pgfault') - at('pgmajfault'), 'minor')
}

/** Letters of states (proc(5), /proc/pid/stat) by the words of the convention. */
const processStates: ReadonlyMap<string, string> = new Map([
  ['D', 'blocked'],
  ['I', 'idle'],
  ['R', 'running'],
  ['S', 'sleeping'],
  ['T', 'stopped'],
  ['t', 'stopped'],
  ['W', 'paging'],
  ['Z', 'zombies'],
])

export const processesScraper: Scraper = (files, out) => {
  const counts = new Map<string, number>()
  const pids = readdirSync(`${files.root}/proc`).filter((name) => /^\d+$/.test(name))
  for (const pid of pids) {
    const stat = files.tryRead(`/proc/${pid}/stat`)
    if (stat === undefined) continue
    // The name may hold anything, blanks and brackets included: the state follows the last bracket.
    const state = processStates.get(stat[stat.lastIndexOf(')') + 2] ?? '') ?? 'unknown'
    counts.set(state, (counts.get(state) ?? 0) + 1)
  }
  const stat = files.numbers('/proc/stat')
  counts.set('blocked', stat.get('procs_blocked') ?? 0)
  counts.set('running', stat.get('procs_running') ?? 0)
  for (const [status, count] of counts) out.add('system.processes.count', count, status)
  out.add('system.processes.created', stat.get('processes') ?? 0)
}

export const systemScraper: Scraper = (files, out) => {
  out.add('system.uptime', Math.trunc(Number(files.read('/proc/uptime').split(' ')[0])))
}
