// Link modes, drivers and drivers' statistics of network devices, as ethtool(8) shows them.
import { MetricFamily } from '#component'
import type { MetricSink } from '#component'
import { isMissing, NoDataError } from '../collector.ts'
import type { CollectorDefinition } from '../collector.ts'
import { Ethtool } from '../ethtool_device.ts'
import type { EthtoolLink } from '../ethtool_device.ts'
import { FamilyTable, gauge, sanitizeMetricName } from '../families.ts'
import { compileSetting, NameFilter } from '../filter.ts'
import type { HostFiles } from '../files.ts'
import { loadKernelCalls } from '../kernel_calls.ts'

const deviceLabel = ['device']
const speedLabels = ['device', 'duplex', 'mode']
const info = gauge(
  'node_ethtool_info',
  "A metric with a constant '1' value labeled by bus_info, device, driver, expansion_rom_version, firmware_version, version.",
  ['bus_info', 'device', 'driver', 'expansion_rom_version', 'firmware_version', 'version'],
)
const autonegotiate = gauge('node_network_autonegotiate', 'If this port is using autonegotiate', deviceLabel)
const supportedPort = gauge('node_network_supported_port_info', 'Type of ports or PHYs supported by network device', [
  'device',
  'type',
])

/** What a device can do, and what of it it offers to its neighbour. */
const ways = [
  {
    link: 'supported',
    speed: gauge(
      'node_network_supported_speed_bytes',
      'Combination of speeds and features supported by network device',
      speedLabels,
    ),
    abilities: [
      [6, gauge('node_network_autonegotiate_supported', 'If this port device supports autonegotiate', deviceLabel)],
      [13, gauge('node_network_pause_supported', 'If this port device supports pause frames', deviceLabel)],
      [
        14,
        gauge(
          'node_network_asymmetricpause_supported',
          'If this port device supports asymmetric pause frames',
          deviceLabel,
        ),
      ],
    ],
  },
  {
    link: 'advertised',
    speed: gauge(
      'node_network_advertised_speed_bytes',
      'Combination of speeds and features offered by network device',
      speedLabels,
    ),
    abilities: [
      [6, gauge('node_network_autonegotiate_advertised', 'If this port device offers autonegotiate', deviceLabel)],
      [13, gauge('node_network_pause_advertised', 'If this port device offers pause capability', deviceLabel)],
      [
        14,
        gauge(
          'node_network_asymmetricpause_advertised',
          'If this port device offers asymmetric pause capability',
          deviceLabel,
        ),
      ],
    ],
  },
] as const

/** ETHTOOL_LINK_MODE_* by bit. Later modes do not fit into the 32 bits that this reads. */
const ports = [
  [7, 'TP'],
  [8, 'AUI'],
  [9, 'MII'],
  [10, 'FIBRE'],
  [11, 'BNC'],
  [16, 'Backplane'],
] as const
/** Bit, megabits per second, duplex, what stands after `base`. */
const speeds = [
  [0, 10, 'half', 'T'],
  [1, 10, 'full', 'T'],
  [2, 100, 'half', 'T'],
  [3, 100, 'full', 'T'],
  [4, 1000, 'half', 'T'],
  [5, 1000, 'full', 'T'],
  [12, 10000, 'full', 'T'],
  [17, 1000, 'full', 'KX'],
  [18, 10000, 'full', 'KX4'],
  [19, 10000, 'full', 'KR'],
  [20, 10000, 'full', 'R_FEC'],
  [21, 20000, 'full', 'MLD2'],
  [22, 20000, 'full', 'KR2'],
  [23, 40000, 'full', 'KR4'],
  [24, 40000, 'full', 'CR4'],
  [25, 40000, 'full', 'SR4'],
  [26, 40000, 'full', 'LR4'],
  [27, 56000, 'full', 'KR4'],
  [28, 56000, 'full', 'CR4'],
  [29, 56000, 'full', 'SR4'],
  [30, 56000, 'full', 'LR4'],
  [31, 25000, 'full', 'CR'],
] as const

/** Statistics that most drivers have, which have names and texts of their own. */
const commonStatistics: ReadonlyMap<string, MetricFamily> = new Map(
  (
    [
      ['rx_bytes', 'received_bytes', 'Network interface bytes received'],
      ['rx_dropped', 'received_dropped', 'Number of received frames dropped'],
      ['rx_errors', 'received_errors', 'Number of received frames with errors'],
      ['rx_packets', 'received_packets', 'Network interface packets received'],
      ['tx_bytes', 'transmitted_bytes', 'Network interface bytes sent'],
      ['tx_errors', 'transmitted_errors', 'Number of sent frames with errors'],
      ['tx_packets', 'transmitted_packets', 'Network interface packets sent'],
    ] as const
  ).map(([key, name, help]) => [key, new MetricFamily(`node_ethtool_${name}_total`, 'unknown', help, deviceLabel)]),
)

export const collector: CollectorDefinition = {
  name: 'ethtool',
  enabledByDefault: false,
  create(settings) {
    const { device_exclude: exclude, device_include: include, metrics_include: metrics } = settings.ethtool
    const filter = new NameFilter(exclude, include, 'ethtool', 'device_exclude', 'device_include')
    const wanted = compileSetting(metrics, ['ethtool', 'metrics_include'])
    const give = deviceSamples((name) => wanted.test(name))
    return {
      name: 'ethtool',
      async collect(sink, files) {
        const devices = listDevices(files)
        const ethtool = new Ethtool(await loadKernelCalls())
        try {
          for (const device of devices) if (!filter.ignores(device)) give(sink, ethtool, device)
        } finally {
          ethtool.close()
        }
      },
    }
  },
}

function listDevices(files: HostFiles): string[] {
  const base = files.sys('class/net')
  try {
    // Not `bonding_masters`, which is a file.
    return files.list(base).filter((name) => files.exists(`${base}/${name}/.`))
  } catch (error) {
    if (isMissing(error) || (error as NodeJS.ErrnoException).code === 'EACCES') throw new NoDataError()
    throw error
  }
}

/** Gives one device's samples. Keeps the families of the statistics that drivers name. */
export function deviceSamples(
  isWanted: (name: string) => boolean,
): (sink: MetricSink, ethtool: Ethtool, device: string) => void {
  const table = new FamilyTable()
  return (sink, ethtool, device) => {
    const link = ethtool.link(device)
    if (link !== undefined) giveLink(sink, link, device)
    const driver = ethtool.driver(device)
    if (driver === undefined) return
    const { busInfo, expansionRomVersion, firmwareVersion, version } = driver
    sink.sample(info, 1, busInfo, device, driver.driver, expansionRomVersion, firmwareVersion, version)
    const statistics = ethtool.statistics(device, driver.statisticsCount)
    for (const [family, value] of namedStatistics(statistics, isWanted, table)) sink.sample(family, value, device)
  }
}

function giveLink(sink: MetricSink, link: EthtoolLink, device: string): void {
  for (const way of ways) {
    const modes = link[way.link]
    for (const [bit, megabits, duplex, kind] of speeds) {
      if ((modes >>> bit) & 1) sink.sample(way.speed, (megabits * 1e6) / 8, device, duplex, `${megabits}base${kind}`)
    }
    for (const [bit, family] of way.abilities) sink.sample(family, (modes >>> bit) & 1, device)
  }
  for (const [bit, type] of ports) if ((link.supported >>> bit) & 1) sink.sample(supportedPort, 1, device, type)
  sink.sample(autonegotiate, link.autonegotiate, device)
}

/** Drivers name freely: names that become the same metric are all left out. Sorted by metric. */
function namedStatistics(
  statistics: readonly (readonly [string, number])[],
  isWanted: (name: string) => boolean,
  table: FamilyTable,
): [MetricFamily, number][] {
  const byMetric = new Map<string, { readonly key: string; readonly value: number } | null>()
  for (const [name, value] of statistics) {
    const key = sanitizeMetricName(name)
    if (!isWanted(key)) continue
    const metric = metricName(key)
    byMetric.set(metric, byMetric.has(metric) ? null : { key, value })
  }
  const found: [MetricFamily, number][] = []
  for (const metric of [...byMetric.keys()].sort()) {
    const statistic = byMetric.get(metric)
    if (statistic === null || statistic === undefined) continue
    const { key, value } = statistic
    const make = (): MetricFamily => new MetricFamily(metric, 'unknown', `Network interface ${key}`, deviceLabel)
    found.push([commonStatistics.get(key) ?? table.get(key, make), value])
  }
  return found
}

function metricName(key: string): string {
  const plain = key.toLowerCase().replace(/^_+/, '')
  return `node_ethtool_${plain.replace(/(^|_)rx(_|$)/g, '$1received$2').replace(/(^|_)tx(_|$)/g, '$1transmitted$2')}`
}
