// The scraper of single processes: each is a resource of its own.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { withoutTrailing } from '#lib/trailing'
import type { AnyValue, Attributes, ResourceMetrics } from '#pdata/otlp'
import type { PointGatherer } from './points.ts'
import { type ProcFiles, ticksPerSecond } from './proc_files.ts'

export interface ProcessOptions {
  readonly isIncluded: (name: string) => boolean
  /** Processes younger than this are left out, ms. */
  readonly minimumAgeMs: number
  readonly isAttributeEnabled: (attribute: string) => boolean
  readonly pageSize: number
  readonly cpus: number
}

/** Processes read before other work gets its turn. */
const processesAtOnce = 64

/** The fields of /proc/pid/stat behind the name, counted as in proc(5): field 3 is the state. */
class ProcessStat {
  readonly #fields: readonly string[]
  readonly name: string
  constructor(text: string) {
    const end = text.lastIndexOf(')')
    this.name = text.slice(text.indexOf('(') + 1, end)
    this.#fields = text.slice(end + 2).split(' ')
  }
  at(field: number): number {
    return Number(this.#fields[field - 3] ?? 0)
  }
}

interface CpuBefore {
  readonly timeMs: number
  readonly user: number
  readonly system: number
  readonly wait: number
}

export class ProcessScraper {
  readonly #options: ProcessOptions
  /** By pid and start: a pid that is used again is another process. */
  #cpuBefore = new Map<string, CpuBefore>()

  constructor(options: ProcessOptions) {
    this.#options = options
  }

  async scrape(
    files: ProcFiles,
    out: PointGatherer,
    nowMs: number,
    scope: { readonly name: string; readonly version: string },
  ): Promise<ResourceMetrics[]> {
    const bootMs = files.bootSeconds() * 1000
    const memoryBytes = out.has('process.memory.utilization')
      ? (files.numbers('/proc/meminfo').get('MemTotal') ?? 0) * 1024
      : 0
    const users = this.#options.isAttributeEnabled('process.owner') ? userNames(files) : new Map<string, string>()
    const cpuNow = new Map<string, CpuBefore>()
    const resources: ResourceMetrics[] = []
    const pids = readdirSync(`${files.root}/proc`).filter((name) => /^\d+$/.test(name))
    for (const [i, pid] of pids.entries()) {
      if (i % processesAtOnce === processesAtOnce - 1) await new Promise((resolve) => setImmediate(resolve))
      const text = files.tryRead(`/proc/${pid}/stat`)
      if (text === undefined) continue
      const stat = new ProcessStat(text)
      const command = commandLine(files, pid)
      const name = processName(stat, command)
      const startMs = bootMs + (stat.at(22) / ticksPerSecond) * 1000
      const { minimumAgeMs, isIncluded } = this.#options
      // The kernel's start times may be a little ahead of the clock: no age is too small when none is asked for.
      if (!isIncluded(name) || (minimumAgeMs > 0 && nowMs - startMs < minimumAgeMs)) continue
      out.begin(BigInt(Math.round(startMs)) * 1_000_000n, BigInt(Math.round(nowMs * 1000)) * 1000n)
      this.#addCpu(stat, `${pid} ${stat.at(22)}`, nowMs, cpuNow, out)
      this.#addMemory(files, pid, memoryBytes, out)
      addIo(files, pid, out)
      addRest(files, pid, stat, (nowMs - startMs) / 1000, out)
      const one = out.take(this.#attributes(files, pid, stat, name, command, users), scope)
      if (one !== null) resources.push(one)
    }
    this.#cpuBefore = cpuNow
    return resources
  }

  #addCpu(stat: ProcessStat, key: string, timeMs: number, cpuNow: Map<string, CpuBefore>, out: PointGatherer): void {
    const user = stat.at(14) / ticksPerSecond
    const system = stat.at(15) / ticksPerSecond
    const wait = stat.at(42) / ticksPerSecond
    out.add('process.cpu.time', user, 'user')
    out.add('process.cpu.time', system, 'system')
    out.add('process.cpu.time', wait, 'wait')
    if (!out.has('process.cpu.utilization')) return
    const before = this.#cpuBefore.get(key)
    cpuNow.set(key, { timeMs, user, system, wait })
    if (before === undefined) return
    const seconds = (timeMs - before.timeMs) / 1000
    const share = (spent: number): number => (seconds <= 0 ? 0 : spent / seconds / this.#options.cpus)
    out.add('process.cpu.utilization', share(user - before.user), 'user')
    out.add('process.cpu.utilization', share(system - before.system), 'system')
    out.add('process.cpu.utilization', share(wait - before.wait), 'wait')
  }

  #addMemory(files: ProcFiles, pid: string, memoryBytes: number, out: PointGatherer): void {
    const metrics = ['process.memory.usage', 'process.memory.virtual', 'process.memory.utilization']
    if (!out.hasAny(metrics)) return
    const pages = files.tryRead(`/proc/${pid}/statm`)?.split(' ')
    if (pages === undefined) return
    const resident = Number(pages[1]) * this.#options.pageSize
    out.add('process.memory.usage', resident)
    out.add('process.memory.virtual', Number(pages[0]) * this.#options.pageSize)
    if (memoryBytes > 0) out.add('process.memory.utilization', (100 * resident) / memoryBytes)
  }

  #attributes(
    files: ProcFiles,
    pid: string,
    stat: ProcessStat,
    name: string,
    command: readonly string[] | undefined,
    users: ReadonlyMap<string, string>,
  ): Attributes {
    const attributes: Attributes = []
    const add = (key: string, read: () => AnyValue | undefined): void => {
      if (!this.#options.isAttributeEnabled(key)) return
      const value = read()
      if (value !== undefined) attributes.push({ key, value })
    }
    add('process.pid', () => BigInt(pid))
    add('process.parent_pid', () => BigInt(stat.at(4)))
    add('process.executable.name', () => name)
    add('process.executable.path', () => linkTarget(files, pid) ?? '')
    add('process.command', () => command?.[0])
    add('process.command_line', () => command?.join(' '))
    add('process.owner', () => {
      const uid = /^Uid:\s+(\d+)/m.exec(files.tryRead(`/proc/${pid}/status`) ?? '')?.[1]
      return uid === undefined ? undefined : users.get(uid)
    })
    add('process.cgroup', () => files.tryRead(`/proc/${pid}/cgroup`)?.trim())
    return attributes
  }
}

/** Names by user id, of /etc/passwd. */
function userNames(files: ProcFiles): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  for (const line of (files.tryRead('/etc/passwd') ?? '').split('\n')) {
    const [name, , uid] = line.split(':')
    if (name !== undefined && uid !== undefined) names.set(uid, name)
  }
  return names
}

/** The kernel cuts names after 15 bytes; the rest is in the command's name, when that begins the same. */
function processName(stat: ProcessStat, command: readonly string[] | undefined): string {
  if (stat.name.length < 15 || command === undefined) return stat.name
  const base = (command[0] ?? '').split('/').at(-1) ?? ''
  return base.startsWith(stat.name) ? base : stat.name
}

/** Undefined for a thread of the kernel, or where it cannot be read. */
function commandLine(files: ProcFiles, pid: string): string[] | undefined {
  const text = files.tryRead(`/proc/${pid}/cmdline`)
  if (text === undefined || text === '') return undefined
  return withoutTrailing(text, '\0').split('\0')
}

function linkTarget(files: ProcFiles, pid: string): string | undefined {
  try {
    return readlinkSync(`${files.root}/proc/${pid}/exe`)
  } catch {
    return undefined
  }
}

/** Only for processes of the same user, unless this one may see all. */
function addIo(files: ProcFiles, pid: string, out: PointGatherer): void {
  if (!out.hasAny(['process.disk.io', 'process.disk.operations'])) return
  let text: string
  try {
    text = readFileSync(`${files.root}/proc/${pid}/io`, 'utf8')
  } catch {
    return
  }
  const at = (name: string): number => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(text)?.[1] ?? 0)
  out.add('process.disk.io', at('read_bytes'), 'read')
  out.add('process.disk.io', at('write_bytes'), 'write')
  out.add('process.disk.operations', at('syscr'), 'read')
  out.add('process.disk.operations', at('syscw'), 'write')
}

function addRest(files: ProcFiles, pid: string, stat: ProcessStat, uptime: number, out: PointGatherer): void {
  out.add('process.paging.faults', stat.at(12), 'major')
  out.add('process.paging.faults', stat.at(10), 'minor')
  out.add('process.threads', stat.at(20))
  out.add('process.uptime', uptime)
  if (out.has('process.open_file_descriptors')) {
    const descriptors = entries(`${files.root}/proc/${pid}/fd`)
    if (descriptors !== undefined) out.add('process.open_file_descriptors', descriptors.length)
  }
  if (out.has('process.signals_pending')) {
    const pending = /^SigQ:\s+(\d+)\//m.exec(files.tryRead(`/proc/${pid}/status`) ?? '')?.[1]
    if (pending !== undefined) out.add('process.signals_pending', Number(pending))
  }
  if (!out.has('process.context_switches')) return
  let voluntary = 0
  let involuntary = 0
  // Every thread counts its own.
  for (const thread of entries(`${files.root}/proc/${pid}/task`) ?? []) {
    const status = files.tryRead(`/proc/${pid}/task/${thread}/status`) ?? ''
    voluntary += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0)
    involuntary += Number(/^nonvoluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0)
  }
  out.add('process.context_switches', involuntary, 'involuntary')
  out.add('process.context_switches', voluntary, 'voluntary')
}

function entries(directory: string): string[] | undefined {
  try {
    return readdirSync(directory)
  } catch {
    return undefined
  }
}
