// CPU time by mode, throttling, and what /proc/cpuinfo says: /proc/stat, /proc/cpuinfo, /sys/devices/system/cpu.
import type { MetricSink } from '#component'
import type { Regexp } from '#lib/regexp'
import type { Collector, CollectorDefinition } from '../collector.ts'
import { parseCpuRanges } from '../cpu_list.ts'
import { parseCpuInfo } from '../cpu_info.ts'
import { counter, gauge } from '../families.ts'
import { compileSetting } from '../filter.ts'
import type { HostFiles } from '../files.ts'

export const cpuSecondsFamily = counter('node_cpu_seconds_total', 'Seconds the CPUs spent in each mode.', [
  'cpu',
  'mode',
])
const guestFamily = counter('node_cpu_guest_seconds_total', 'Seconds the CPUs spent in guests (VMs) for each mode.', [
  'cpu',
  'mode',
])
const infoFamily = gauge('node_cpu_info', 'CPU information from /proc/cpuinfo.', [
  'package',
  'core',
  'cpu',
  'vendor',
  'family',
  'model',
  'model_name',
  'microcode',
  'stepping',
  'cachesize',
])
const frequencyFamily = gauge('node_cpu_frequency_hertz', 'CPU frequency in hertz from /proc/cpuinfo.', [
  'package',
  'core',
  'cpu',
])
const flagFamily = gauge(
  'node_cpu_flag_info',
  'The `flags` field of CPU information from /proc/cpuinfo taken from the first core.',
  ['flag'],
)
const bugFamily = gauge(
  'node_cpu_bug_info',
  'The `bugs` field of CPU information from /proc/cpuinfo taken from the first core.',
  ['bug'],
)
const coreThrottleFamily = counter(
  'node_cpu_core_throttles_total',
  'Number of times this CPU core has been throttled.',
  ['package', 'core'],
)
const packageThrottleFamily = counter(
  'node_cpu_package_throttles_total',
  'Number of times this CPU package has been throttled.',
  ['package'],
)
const isolatedFamily = gauge(
  'node_cpu_isolated',
  'Whether each core is isolated, information from /sys/devices/system/cpu/isolated.',
  ['cpu'],
)
const onlineFamily = gauge('node_cpu_online', 'CPUs that are online and being scheduled.', ['cpu'])

/** In the order of /proc/stat. `guest` and `guest_nice` follow. */
const modes = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal'] as const
const idleColumn = 3
const columns = 10
/** USER_HZ: 100 on every architecture that Node runs on (kernel: include/asm-generic/param.h). */
const ticksPerSecond = 100
/** An idle counter that falls by this much means that the CPU was taken away and came back: it starts afresh. */
const jumpBackTicks = 3 * ticksPerSecond

/** One CPU's counters as last shown. */
interface CpuTicks {
  readonly cpu: string
  readonly ticks: Float64Array
  generation: number
}

interface CpuOptions {
  readonly showGuest: boolean
  readonly showInfo: boolean
  readonly showFrequency: boolean
  readonly flags: Regexp | undefined
  readonly bugs: Regexp | undefined
}

class CpuCollector implements Collector {
  readonly name = 'cpu'
  readonly #options: CpuOptions
  readonly #ticks: Map<string, CpuTicks>
  readonly #topology: Map<string, { readonly package: string; readonly core: string } | null>
  #generation: number

  constructor(options: CpuOptions) {
    this.#options = options
    this.#ticks = new Map()
    this.#topology = new Map()
    this.#generation = 0
  }

  collect(sink: MetricSink, files: HostFiles): void {
    if (this.#options.showInfo) this.#addInfo(sink, files)
    this.#addSeconds(sink, files.readLatin1(files.proc('stat')))
    const base = files.sys('devices/system/cpu')
    const isolated = files.tryRead(`${base}/isolated`)
    if (isolated !== undefined) {
      for (const cpu of parseCpuRanges(isolated)) sink.sample(isolatedFamily, 1, String(cpu))
    }
    const cpus = files.tryList(base).filter((name) => /^cpu\d/.test(name))
    this.#addThrottles(sink, files, base, cpus)
    addOnline(sink, files, base, cpus)
  }

  #addInfo(sink: MetricSink, files: HostFiles): void {
    const { showFrequency, flags, bugs } = this.#options
    const processors = parseCpuInfo(files.read(files.proc('cpuinfo')))
    for (const p of processors) {
      const { package: physical, core, processor, vendor, family, model, modelName, microcode, stepping, cacheSize } = p
      const rest = [vendor, family, model, modelName, microcode, stepping, cacheSize]
      sink.sample(infoFamily, 1, physical, core, processor, ...rest)
    }
    // The CPU's own figure, where cpufreq has it, goes under the same name with other labels: one of them is enough.
    const hasOwnFrequency = files.exists(files.sys('devices/system/cpu/cpu0/cpufreq/cpuinfo_cur_freq'))
    if (showFrequency && !hasOwnFrequency) {
      for (const p of processors) sink.sample(frequencyFamily, p.megahertz * 1e6, p.package, p.core, p.processor)
    }
    const first = processors[0]
    if (first && flags) for (const flag of first.flags) if (flags.test(flag)) sink.sample(flagFamily, 1, flag)
    if (first && bugs) for (const bug of first.bugs) if (bugs.test(bug)) sink.sample(bugFamily, 1, bug)
  }

  /** The lines `cpu<number> <ticks>…` come first in /proc/stat, after the sum of all of them. */
  #addSeconds(sink: MetricSink, text: string): void {
    this.#generation++
    let at = 0
    while (text.startsWith('cpu', at)) {
      const space = text.indexOf(' ', at)
      const newline = text.indexOf('\n', at)
      const end = newline < 0 ? text.length : newline
      if (space > at + 3 && space < end) this.#addCpu(sink, text.slice(at + 3, space), text, space, end)
      at = end + 1
    }
    if (this.#ticks.size === 0) throw new Error('Cannot read CPU times: there is no CPU in stat')
    for (const [cpu, kept] of this.#ticks) {
      if (kept.generation !== this.#generation) this.#ticks.delete(cpu)
    }
  }

  #addCpu(sink: MetricSink, cpu: string, text: string, from: number, end: number): void {
    let kept = this.#ticks.get(cpu)
    if (!kept) {
      kept = { cpu, ticks: new Float64Array(columns), generation: 0 }
      this.#ticks.set(cpu, kept)
    }
    kept.generation = this.#generation
    parseTicks(text, from, end)
    const { ticks } = kept
    if ((ticks[idleColumn] as number) - (parsed[idleColumn] as number) >= jumpBackTicks) ticks.fill(0)
    // The kernel's idle and iowait times can step back a little: a counter may not.
    for (let i = 0; i < columns; i++) {
      if ((parsed[i] as number) > (ticks[i] as number)) ticks[i] = parsed[i] as number
    }
    for (let i = 0; i < modes.length; i++) {
      sink.sample(cpuSecondsFamily, (ticks[i] as number) / ticksPerSecond, kept.cpu, modes[i] as string)
    }
    if (!this.#options.showGuest) return
    sink.sample(guestFamily, (ticks[8] as number) / ticksPerSecond, kept.cpu, 'user')
    sink.sample(guestFamily, (ticks[9] as number) / ticksPerSecond, kept.cpu, 'nice')
  }

  /** Threads of one core share its counter, cores of one package that one: each is read once. */
  #addThrottles(sink: MetricSink, files: HostFiles, base: string, cpus: readonly string[]): void {
    const seen = new Set<string>()
    for (const cpu of cpus) {
      const place = this.#place(files, base, cpu)
      if (!place) continue
      const throttle = `${base}/${cpu}/thermal_throttle`
      const core = `${place.package}/${place.core}`
      const coreCount = seen.has(core) ? undefined : files.tryUint(`${throttle}/core_throttle_count`)
      if (coreCount !== undefined) {
        seen.add(core)
        sink.sample(coreThrottleFamily, coreCount, place.package, place.core)
      }
      const packageCount = seen.has(place.package) ? undefined : files.tryUint(`${throttle}/package_throttle_count`)
      if (packageCount !== undefined) {
        seen.add(place.package)
        sink.sample(packageThrottleFamily, packageCount, place.package)
      }
    }
  }

  /** Where a CPU sits does not change while it is there: read once. null: not told, or it has no throttle counters. */
  #place(files: HostFiles, base: string, cpu: string): { package: string; core: string } | null {
    let place = this.#topology.get(cpu)
    if (place === undefined) {
      const inPackage = files.tryUint(`${base}/${cpu}/topology/physical_package_id`)
      const core = files.tryUint(`${base}/${cpu}/topology/core_id`)
      const isThere = inPackage !== undefined && core !== undefined && files.exists(`${base}/${cpu}/thermal_throttle`)
      place = isThere ? { package: String(inPackage), core: String(core) } : null
      this.#topology.set(cpu, place)
    }
    return place
  }
}

/** Only where CPUs can be switched off, which the first one's file tells. */
function addOnline(sink: MetricSink, files: HostFiles, base: string, cpus: readonly string[]): void {
  if (cpus[0] === undefined || !files.exists(`${base}/${cpus[0]}/online`)) return
  for (const cpu of cpus) {
    sink.sample(onlineFamily, files.tryTrimmed(`${base}/${cpu}/online`) === '1' ? 1 : 0, cpu.slice(3))
  }
}

/** What `parseTicks` read last: one array, since this runs for every CPU at every scrape. */
const parsed = new Float64Array(columns)

function parseTicks(text: string, from: number, end: number): void {
  parsed.fill(0)
  let column = -1
  let isInNumber = false
  for (let at = from; at < end && column < columns; at++) {
    const digit = text.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) {
      isInNumber = false
      continue
    }
    if (!isInNumber) column++
    isInNumber = true
    if (column < columns) parsed[column] = (parsed[column] as number) * 10 + digit
  }
}

export const collector: CollectorDefinition = {
  name: 'cpu',
  enabledByDefault: true,
  create({ cpu }, { enabled }) {
    const compile = (pattern: string, name: string): Regexp | undefined =>
      pattern === '' ? undefined : compileSetting(pattern, ['cpu', name])
    return new CpuCollector({
      showGuest: cpu.guest,
      // A filter asks for what it filters.
      showInfo: cpu.info || cpu.flags_include !== '' || cpu.bugs_include !== '',
      showFrequency: enabled.has('cpufreq'),
      flags: compile(cpu.flags_include, 'flags_include'),
      bugs: compile(cpu.bugs_include, 'bugs_include'),
    })
  },
}
