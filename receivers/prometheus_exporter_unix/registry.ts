// Every collector by name: whether it runs by default, and where its code is. What does not run is never loaded.
import type { CollectorDefinition, CollectorHost, Collector } from './collector.ts'
import type { PortableName } from './portable.ts'
import type { UnixSettings } from './settings.ts'

export interface CollectorEntry {
  readonly enabledByDefault: boolean
  readonly load: () => Promise<{ readonly collector: CollectorDefinition }>
}

const on = (load: CollectorEntry['load']): CollectorEntry => ({ enabledByDefault: true, load })
const off = (load: CollectorEntry['load']): CollectorEntry => ({ enabledByDefault: false, load })

/** One line per file in collectors/, sorted. */
export const collectorEntries: Readonly<Record<string, CollectorEntry>> = {
  arp: on(() => import('./collectors/arp.ts')),
  bcache: on(() => import('./collectors/bcache.ts')),
  bonding: on(() => import('./collectors/bonding.ts')),
  btrfs: on(() => import('./collectors/btrfs.ts')),
  buddyinfo: off(() => import('./collectors/buddyinfo.ts')),
  cgroups: off(() => import('./collectors/cgroups.ts')),
  conntrack: on(() => import('./collectors/conntrack.ts')),
  cpu: on(() => import('./collectors/cpu.ts')),
  cpu_vulnerabilities: off(() => import('./collectors/cpu_vulnerabilities.ts')),
  cpufreq: on(() => import('./collectors/cpufreq.ts')),
  diskstats: on(() => import('./collectors/diskstats.ts')),
  dmi: on(() => import('./collectors/dmi.ts')),
  drbd: off(() => import('./collectors/drbd.ts')),
  drm: off(() => import('./collectors/drm.ts')),
  edac: on(() => import('./collectors/edac.ts')),
  entropy: on(() => import('./collectors/entropy.ts')),
  ethtool: off(() => import('./collectors/ethtool.ts')),
  fibrechannel: on(() => import('./collectors/fibrechannel.ts')),
  filefd: on(() => import('./collectors/filefd.ts')),
  filesystem: on(() => import('./collectors/filesystem.ts')),
  hwmon: on(() => import('./collectors/hwmon.ts')),
  infiniband: on(() => import('./collectors/infiniband.ts')),
  interrupts: off(() => import('./collectors/interrupts.ts')),
  ipvs: on(() => import('./collectors/ipvs.ts')),
  ksmd: off(() => import('./collectors/ksmd.ts')),
  lnstat: off(() => import('./collectors/lnstat.ts')),
  loadavg: on(() => import('./collectors/loadavg.ts')),
  logind: off(() => import('./collectors/logind.ts')),
  mdadm: on(() => import('./collectors/mdadm.ts')),
  meminfo: on(() => import('./collectors/meminfo.ts')),
  meminfo_numa: off(() => import('./collectors/meminfo_numa.ts')),
  mountstats: off(() => import('./collectors/mountstats.ts')),
  netclass: on(() => import('./collectors/netclass.ts')),
  netdev: on(() => import('./collectors/netdev.ts')),
  netstat: on(() => import('./collectors/netstat.ts')),
  network_route: off(() => import('./collectors/network_route.ts')),
  nfs: on(() => import('./collectors/nfs.ts')),
  nfsd: on(() => import('./collectors/nfsd.ts')),
  ntp: off(() => import('./collectors/ntp.ts')),
  nvme: on(() => import('./collectors/nvme.ts')),
  os: on(() => import('./collectors/os.ts')),
  powersupplyclass: on(() => import('./collectors/powersupplyclass.ts')),
  pressure: on(() => import('./collectors/pressure.ts')),
  processes: off(() => import('./collectors/processes.ts')),
  qdisc: off(() => import('./collectors/qdisc.ts')),
  rapl: on(() => import('./collectors/rapl.ts')),
  runit: off(() => import('./collectors/runit.ts')),
  schedstat: on(() => import('./collectors/schedstat.ts')),
  selinux: on(() => import('./collectors/selinux.ts')),
  slabinfo: off(() => import('./collectors/slabinfo.ts')),
  sockstat: on(() => import('./collectors/sockstat.ts')),
  softirqs: off(() => import('./collectors/softirqs.ts')),
  softnet: on(() => import('./collectors/softnet.ts')),
  stat: on(() => import('./collectors/stat.ts')),
  supervisord: off(() => import('./collectors/supervisord.ts')),
  swap: off(() => import('./collectors/swap.ts')),
  sysctl: off(() => import('./collectors/sysctl.ts')),
  systemd: off(() => import('./collectors/systemd.ts')),
  tapestats: on(() => import('./collectors/tapestats.ts')),
  tcpstat: off(() => import('./collectors/tcpstat.ts')),
  textfile: on(() => import('./collectors/textfile.ts')),
  thermal_zone: on(() => import('./collectors/thermal_zone.ts')),
  time: on(() => import('./collectors/time.ts')),
  timex: on(() => import('./collectors/timex.ts')),
  udp_queues: on(() => import('./collectors/udp_queues.ts')),
  uname: on(() => import('./collectors/uname.ts')),
  vmstat: on(() => import('./collectors/vmstat.ts')),
  watchdog: on(() => import('./collectors/watchdog.ts')),
  xfrm: off(() => import('./collectors/xfrm.ts')),
  xfs: on(() => import('./collectors/xfs.ts')),
  zfs: on(() => import('./collectors/zfs.ts')),
  zoneinfo: off(() => import('./collectors/zoneinfo.ts')),
}

/** One of portable.ts, for the system that this runs on or (in a test) is said to run on. */
const portable = (name: PortableName, platform: NodeJS.Platform): CollectorEntry =>
  on(async () => {
    const { portableCollector, portableSystem } = await import('./portable.ts')
    return { collector: portableCollector(name, portableSystem(platform)) }
  })

/** The collectors that need neither procfs nor sysfs. Windows has no load average. */
function portableEntries(platform: NodeJS.Platform): Readonly<Record<string, CollectorEntry>> {
  const shared = ['ntp', 'runit', 'supervisord', 'textfile', 'time']
  return {
    ...Object.fromEntries(shared.map((name) => [name, collectorEntries[name] as CollectorEntry])),
    boottime: portable('boottime', platform),
    cpu: portable('cpu', platform),
    filesystem: portable('filesystem', platform),
    ...(platform === 'win32' ? {} : { loadavg: portable('loadavg', platform) }),
    meminfo: portable('meminfo', platform),
    netdev: portable('netdev', platform),
    os: portable('os', platform),
    uname: portable('uname', platform),
  }
}

/** What can run on `platform`. */
export function entriesOf(platform: NodeJS.Platform): Readonly<Record<string, CollectorEntry>> {
  return platform === 'linux' ? collectorEntries : portableEntries(platform)
}

/** Alloy's collectors for other systems than Linux: configurations may name them, and nothing runs, as with Alloy. */
const foreignNames: ReadonlySet<string> = new Set(['boottime', 'devstat', 'exec', 'netisr', 'thermal'])

/** Collectors of Linux that Alloy has and this has not: they need netlink, ioctl or perf_event_open, which Node has not. */
const unavailableNames: ReadonlySet<string> = new Set(['ethtool', 'perf', 'qdisc', 'wifi'])

/** What runs, and what was asked for without there being such a collector. */
export interface Selection {
  /** Sorted. */
  readonly names: readonly string[]
  /** Asked for, but not to be had here. */
  readonly unavailable: readonly string[]
  readonly unknown: readonly string[]
}

type SelectionSettings = Pick<UnixSettings, 'set_collectors' | 'enable_collectors' | 'disable_collectors'>

/**
 * `set_collectors` replaces the default set; then `disable_collectors` takes away and, after it, `enable_collectors` adds:
 * what stands in both lists runs, as Alloy does it (its documentation says the opposite). Alloy ignores names it does not
 * know; so it is here, but they are given back to be logged. Outside Linux, what needs procfs is not to be had.
 */
export function selectCollectors(settings: SelectionSettings, platform: NodeJS.Platform = process.platform): Selection {
  const entries = entriesOf(platform)
  const known = Object.keys(entries)
  const chosen = new Set(
    settings.set_collectors.length > 0
      ? settings.set_collectors
      : known.filter((name) => entries[name]?.enabledByDefault),
  )
  for (const name of settings.disable_collectors) chosen.delete(name)
  for (const name of settings.enable_collectors) chosen.add(name)
  const isKnown = (name: string): boolean => Object.hasOwn(entries, name)
  const asked = [...settings.set_collectors, ...settings.disable_collectors, ...settings.enable_collectors]
  const isLinux = (name: string): boolean => Object.hasOwn(collectorEntries, name) || unavailableNames.has(name)
  const isAlloys = (name: string): boolean => isKnown(name) || foreignNames.has(name) || isLinux(name)
  const isMissed = platform === 'linux' ? isLinux : isAlloys
  return {
    names: [...chosen].filter(isKnown).sort(),
    unavailable: [...chosen].filter((name) => isMissed(name) && !isKnown(name)).sort(),
    unknown: [...new Set(asked.filter((name) => !isAlloys(name)))].sort(),
  }
}

/** Load and make the collectors of `names`. Throws `SettingsError`. */
export async function createCollectors(
  names: readonly string[],
  settings: UnixSettings,
  host: CollectorHost,
  platform: NodeJS.Platform = process.platform,
): Promise<Collector[]> {
  const entries = entriesOf(platform)
  const definitions = await Promise.all(
    names.map(async (name) => (await (entries[name] as CollectorEntry).load()).collector),
  )
  return definitions.map((definition) => definition.create(settings, host))
}
