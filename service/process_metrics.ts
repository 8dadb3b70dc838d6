// What the process says of itself: build, start time, CPU, memory, under the names that Alloy's dashboards read.
import { readdirSync, readFileSync } from 'node:fs'
import { getHeapStatistics } from 'node:v8'
import { residentBytes } from '#lib/resident_memory'
import type { Instruments } from '#component'
import type { SeriesState } from './telemetry.ts'

const goArchitecture: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', arm: 'arm', ia32: '386' }

export function registerProcessMetrics(instruments: Instruments, version: string): void {
  const startSeconds = Date.now() / 1000 - process.uptime()
  const cpuSeconds = (): number => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  }
  instruments.gauge(
    'alloy_build_info',
    'A metric with a constant value of 1 labelled by what this was built from.',
    () => 1,
    {
      branch: '',
      goarch: goArchitecture[process.arch] ?? process.arch,
      goos: process.platform,
      goversion: `node${process.versions.node}`,
      revision: '',
      tags: 'solder',
      version,
    },
  )
  const cpuHelp = 'Total user and system CPU time spent in seconds.'
  const startHelp = 'Start time of the process since unix epoch in seconds.'
  const residentHelp = 'Resident memory size in bytes.'
  const virtualHelp = 'Virtual memory size in bytes.'
  for (const [prefix, cpu] of [
    ['alloy_resources_process', 'alloy_resources_process_cpu_seconds_total'],
    ['process', 'process_cpu_seconds_total'],
  ] as const) {
    instruments.observedCounter(cpu, cpuHelp, cpuSeconds)
    instruments.gauge(`${prefix}_start_time_seconds`, startHelp, () => startSeconds)
    instruments.gauge(`${prefix}_resident_memory_bytes`, residentHelp, () => residentBytes())
    instruments.gauge(`${prefix}_virtual_memory_bytes`, virtualHelp, virtualBytes)
  }
  instruments.gauge(
    'solder_heap_used_bytes',
    'JavaScript heap in use, in bytes.',
    () => getHeapStatistics().used_heap_size,
  )
  registerTraffic(instruments)
  registerLimits(instruments)
}

/** Files that are open and what the process may use (proc_pid_limits(5)); nothing where there is no /proc. */
function registerLimits(instruments: Instruments): void {
  const limit = (name: string): number | undefined => {
    const text = tryRead('/proc/self/limits')
    const soft = text
      ?.split('\n')
      .find((line) => line.startsWith(name))
      ?.slice(name.length)
      .trim()
      .split(/\s+/)[0]
    if (soft === undefined) return undefined
    // What Go's programs show for no limit: all bits set.
    return soft === 'unlimited' ? 2 ** 64 : Number(soft)
  }
  instruments.gauge('process_open_fds', 'Number of open file descriptors.', () => {
    try {
      return readdirSync('/proc/self/fd').length
    } catch {
      return undefined
    }
  })
  instruments.gauge('process_max_fds', 'Maximum number of open file descriptors.', () => limit('Max open files'))
  instruments.gauge('process_virtual_memory_max_bytes', 'Maximum amount of virtual memory available in bytes.', () =>
    limit('Max address space'),
  )
}

function tryRead(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}

/** CPU and memory of a worker, under all their names: what the main process shows of itself is of all processes. */
export function processSeries(): SeriesState[] {
  const { user, system } = process.cpuUsage()
  const rss = residentBytes() ?? 0
  const { used_heap_size: heapUsed, total_heap_size: heapTotal, external_memory: external } = getHeapStatistics()
  const cpuSeconds = (user + system) / 1e6
  const values: readonly (readonly [string, number])[] = [
    ['alloy_resources_process_cpu_seconds_total', cpuSeconds],
    ['process_cpu_seconds_total', cpuSeconds],
    ['otelcol_process_cpu_seconds_total', cpuSeconds],
    ['alloy_resources_process_resident_memory_bytes', rss],
    ['process_resident_memory_bytes', rss],
    ['otelcol_process_memory_rss_bytes', rss],
    ['solder_heap_used_bytes', heapUsed],
    ['otelcol_process_runtime_heap_alloc_bytes', heapUsed],
    ['otelcol_process_runtime_total_sys_memory_bytes', heapTotal + external],
  ]
  return values.map(([name, value]) => {
    const kind = name.endsWith('_total') ? 'counter' : 'gauge'
    return { kind, name, help: '', attributes: {}, value, ofProcess: true }
  })
}

/** What the process says of itself where it runs the collector's YAML, under upstream's names. */
export function registerCollectorMetrics(instruments: Instruments): void {
  const cpuSeconds = (): number => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  }
  const m = instruments
  m.observedCounter('otelcol_process_uptime_seconds_total', 'Uptime of the process', () => process.uptime())
  m.observedCounter('otelcol_process_cpu_seconds_total', 'Total CPU user and system time in seconds', cpuSeconds)
  m.gauge('otelcol_process_memory_rss_bytes', 'Total physical memory (resident set size)', () => residentBytes())
  m.gauge('otelcol_process_runtime_heap_alloc_bytes', 'Bytes of allocated heap objects', () => {
    return getHeapStatistics().used_heap_size
  })
  m.observedCounter(
    'otelcol_process_runtime_total_alloc_bytes_total',
    'Cumulative bytes allocated for heap objects',
    () => (getHeapStatistics() as { total_allocated_bytes?: number }).total_allocated_bytes ?? 0,
  )
  m.gauge(
    'otelcol_process_runtime_total_sys_memory_bytes',
    'Total bytes of memory obtained from the OS',
    () => getHeapStatistics().total_heap_size + getHeapStatistics().external_memory,
  )
}

function virtualBytes(): number | undefined {
  const text = tryRead('/proc/self/statm')
  return text === undefined ? undefined : Number(text.split(' ')[0]) * 4096
}

/** Bytes over all of the machine's network interfaces but loopback. */
function registerTraffic(instruments: Instruments): void {
  const read = (column: number) => (): number => {
    let sum = 0
    for (const line of (tryRead('/proc/net/dev') ?? '').split('\n').slice(2)) {
      const [name, rest] = line.split(':')
      if (rest === undefined || name?.trim() === 'lo') continue
      sum += Number(rest.trim().split(/\s+/)[column])
    }
    return sum
  }
  const help = (way: string): string => `Total bytes, host-wide, ${way} across all network interfaces.`
  instruments.observedCounter('alloy_resources_machine_rx_bytes_total', help('received'), read(0))
  instruments.observedCounter('alloy_resources_machine_tx_bytes_total', help('sent'), read(8))
}
