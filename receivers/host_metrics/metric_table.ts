// The host's metrics as OpenTelemetry's host_metrics receiver names them: units, kinds, attributes, what is on by default.

export interface MetricSpec {
  readonly name: string
  readonly description: string
  readonly unit: string
  /** `sum` is cumulative; `counter` is cumulative and monotonic. */
  readonly kind: 'counter' | 'sum' | 'gauge'
  readonly isInt: boolean
  readonly enabled: boolean
  readonly attributes: readonly string[]
  /** Attributes that points have only when the user asks for them: points are put together without. */
  readonly optIn: readonly string[]
}

type Row = readonly [
  name: string,
  shape: string,
  unit: string,
  description: string,
  attributes?: string,
  optIn?: string,
]

/** The shape: kind, type of the values, `off` where a metric is off by default. */
function spec([name, shape, unit, description, attributes = '', optIn = '']: Row): MetricSpec {
  const [kind, type, off] = shape.split(' ') as [MetricSpec['kind'], string, string?]
  const words = (list: string): string[] => (list === '' ? [] : list.split(' '))
  return {
    name,
    description,
    unit,
    kind,
    isInt: type === 'int',
    enabled: off !== 'off',
    attributes: words(attributes),
    optIn: words(optIn),
  }
}

const fs = 'device mode mountpoint type'

const rows: Readonly<Record<ScraperName, readonly Row[]>> = {
  cpu: [
    [
      'system.cpu.time',
      'counter double',
      's',
      'Total seconds each logical CPU spent on each mode.',
      'cpu state',
      'cpu',
    ],
    ['system.cpu.logical.count', 'sum int', '{cpu}', 'Number of available logical CPUs.'],
    ['system.cpu.physical.count', 'sum int off', '{cpu}', 'Number of available physical CPUs.'],
    ['system.cpu.frequency', 'gauge double off', 'Hz', 'Current frequency of the CPU core in Hz.', 'cpu'],
    [
      'system.cpu.utilization',
      'gauge double off',
      '1',
      'Difference in system.cpu.time since the last measurement per logical CPU, divided by the elapsed time (value in interval [0,1]).',
      'cpu state',
      'cpu',
    ],
  ],
  memory: [
    ['system.memory.usage', 'sum int', 'By', 'Bytes of memory in use.', 'state'],
    ['system.memory.utilization', 'gauge double off', '1', 'Percentage of memory bytes in use.', 'state'],
    ['system.memory.limit', 'sum int off', 'By', 'Total bytes of memory available.'],
    ['system.memory.page_size', 'gauge int off', 'By', "A constant value for the system's configured page size."],
    [
      'system.linux.memory.available',
      'sum int off',
      'By',
      'An estimate of how much memory is available for starting new applications, without swapping. (Linux only)',
    ],
    ['system.linux.memory.dirty', 'sum int off', 'By', 'The amount of dirty memory according to `/proc/meminfo`.'],
    ['system.memory.linux.shared', 'sum int off', 'By', 'Shared memory usage, including tmpfs filesystems.'],
    ['system.memory.linux.hugepages.limit', 'sum int off', '{page}', 'Total number of hugepages available.'],
    ['system.memory.linux.hugepages.page_size', 'sum int off', 'By', 'System hugepage size in bytes.'],
    ['system.memory.linux.hugepages.reserved', 'sum int off', '{page}', 'Number of reserved hugepages.'],
    ['system.memory.linux.hugepages.surplus', 'sum int off', '{page}', 'Number of surplus hugepages.'],
    [
      'system.memory.linux.hugepages.usage',
      'sum int off',
      '{page}',
      'Number of hugepages in use by state.',
      'system.memory.linux.hugepages.state',
    ],
    [
      'system.memory.linux.hugepages.utilization',
      'gauge double off',
      '1',
      'Percentage of hugepages in use by state.',
      'system.memory.linux.hugepages.state',
    ],
  ],
  load: [
    ['system.cpu.load_average.1m', 'gauge double', '{thread}', 'Average CPU Load over 1 minute.'],
    ['system.cpu.load_average.5m', 'gauge double', '{thread}', 'Average CPU Load over 5 minutes.'],
    ['system.cpu.load_average.15m', 'gauge double', '{thread}', 'Average CPU Load over 15 minutes.'],
  ],
  disk: [
    ['system.disk.io', 'counter int', 'By', 'Disk bytes transferred.', 'device direction'],
    ['system.disk.operations', 'counter int', '{operations}', 'Disk operations count.', 'device direction'],
    ['system.disk.io_time', 'counter double', 's', 'Time disk spent activated.', 'device'],
    ['system.disk.operation_time', 'counter double', 's', 'Time spent in disk operations.', 'device direction'],
    [
      'system.disk.pending_operations',
      'sum int',
      '{operations}',
      'The queue size of pending I/O operations.',
      'device',
    ],
    [
      'system.disk.weighted_io_time',
      'counter double',
      's',
      'Time disk spent activated multiplied by the queue length.',
      'device',
    ],
    [
      'system.disk.merged',
      'counter int',
      '{operations}',
      'The number of disk reads/writes merged into single physical disk access operations.',
      'device direction',
    ],
  ],
  filesystem: [
    ['system.filesystem.usage', 'sum int', 'By', 'Filesystem bytes used.', `${fs} state`],
    ['system.filesystem.inodes.usage', 'sum int', '{inodes}', 'FileSystem inodes used.', `${fs} state`],
    ['system.filesystem.utilization', 'gauge double off', '1', 'Fraction of filesystem bytes used.', fs],
  ],
  network: [
    ['system.network.packets', 'counter int', '{packets}', 'The number of packets transferred.', 'device direction'],
    ['system.network.dropped', 'counter int', '{packets}', 'The number of packets dropped.', 'device direction'],
    ['system.network.errors', 'counter int', '{errors}', 'The number of errors encountered.', 'device direction'],
    ['system.network.io', 'counter int', 'By', 'The number of bytes transmitted and received.', 'device direction'],
    ['system.network.connections', 'sum int', '{connections}', 'The number of connections.', 'protocol state'],
    ['system.network.conntrack.count', 'sum int off', '{entries}', 'The count of entries in conntrack table.'],
    ['system.network.conntrack.max', 'sum int off', '{entries}', 'The limit for entries in the conntrack table.'],
  ],
  paging: [
    ['system.paging.usage', 'sum int', 'By', 'Swap (unix) or pagefile (windows) usage.', 'device state'],
    ['system.paging.operations', 'counter int', '{operations}', 'The number of paging operations.', 'direction type'],
    ['system.paging.faults', 'counter int', '{faults}', 'The number of page faults.', 'type'],
    [
      'system.paging.utilization',
      'gauge double off',
      '1',
      'Swap (unix) or pagefile (windows) utilization.',
      'device state',
    ],
  ],
  processes: [
    ['system.processes.count', 'sum int', '{processes}', 'Total number of processes in each state.', 'status'],
    ['system.processes.created', 'counter int', '{processes}', 'Total number of created processes.'],
  ],
  process: [
    ['process.cpu.time', 'counter double', 's', 'Total CPU seconds broken down by different states.', 'state'],
    ['process.memory.usage', 'sum int', 'By', 'The amount of physical memory in use.'],
    ['process.memory.virtual', 'sum int', 'By', 'The amount of committed virtual memory.'],
    ['process.disk.io', 'counter int', 'By', 'Disk bytes transferred.', 'direction'],
    [
      'process.cpu.utilization',
      'gauge double off',
      '1',
      'Percentage of total CPU time used by the process since last scrape, expressed as a value between 0 and 1.',
      'state',
    ],
    [
      'process.memory.utilization',
      'gauge double off',
      '1',
      'Percentage of total physical memory that is used by the process.',
    ],
    [
      'process.disk.operations',
      'counter int off',
      '{operations}',
      'Number of disk operations performed by the process.',
      'direction',
    ],
    ['process.paging.faults', 'counter int off', '{faults}', 'Number of page faults the process has made.', 'type'],
    [
      'process.context_switches',
      'counter int off',
      '{count}',
      'Number of times the process has been context switched.',
      'type',
    ],
    ['process.threads', 'sum int off', '{threads}', 'Process threads count.'],
    ['process.open_file_descriptors', 'sum int off', '{count}', 'Number of file descriptors in use by the process.'],
    ['process.signals_pending', 'sum int off', '{signals}', 'Number of pending signals for the process.'],
    ['process.uptime', 'gauge double off', 's', 'The time the process has been running.'],
    ['process.handles', 'sum int off', '{count}', 'Number of open handles held by the process (Windows only).'],
  ],
  system: [['system.uptime', 'gauge double', 's', 'The time the system has been running']],
}

export type ScraperName =
  | 'cpu'
  | 'memory'
  | 'load'
  | 'disk'
  | 'filesystem'
  | 'network'
  | 'paging'
  | 'processes'
  | 'process'
  | 'system'

/** By scraper. */
export const metricTable = Object.fromEntries(
  Object.entries(rows).map(([scraper, list]) => [scraper, list.map(spec)]),
) as unknown as Readonly<Record<ScraperName, readonly MetricSpec[]>>

/** Attributes of the resource that one process is; true: on by default. */
export const processAttributes = {
  'process.pid': true,
  'process.parent_pid': true,
  'process.executable.name': true,
  'process.executable.path': true,
  'process.command': true,
  'process.command_line': true,
  'process.owner': true,
  'process.cgroup': false,
} as const
