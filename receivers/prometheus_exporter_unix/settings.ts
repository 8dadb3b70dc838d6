// What users write in `prometheus.exporter.unix`: paths, which collectors run, and one block per collector with settings.
import { attr, block, bool, defineSettings, duration, int, list, string } from '#component'
import type { SettingsOf } from '#component'

const netstatFields =
  '^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|TcpExt_(Listen.*|' +
  'Syncookies.*|TCPSynRetrans|TCPTimeouts)|Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|' +
  'Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$'
const mountPointsExclude = '^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+)($|/)'
const fsTypesExclude =
  '^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|' +
  'procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs)$'

/** As supervisord's own tools have it, the environment changes the default. */
const supervisordUrl = process.env['SUPERVISORD_URL'] || 'http://localhost:9001/RPC2'

const none = { default: '' }
const off = { default: false }

const deviceFields = {
  device_exclude: attr(string, 'Regular expression of devices to leave out.', none),
  device_include: attr(string, 'Regular expression of devices to take; not together with `device_exclude`.', none),
}

const cpu = defineSettings({
  bugs_include: attr(string, 'Regular expression of the `bugs` in /proc/cpuinfo to show; needs `info`.', none),
  flags_include: attr(string, 'Regular expression of the `flags` in /proc/cpuinfo to show; needs `info`.', none),
  guest: attr(bool, 'Show `node_cpu_guest_seconds_total`.', off),
  info: attr(bool, 'Show `node_cpu_info`.', off),
})

const disk = defineSettings({
  device_exclude: attr(string, 'Regular expression of devices to leave out.', {
    default: '^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\\d+n\\d+p)\\d+$',
  }),
  device_include: deviceFields.device_include,
})

const ethtool = defineSettings({
  ...deviceFields,
  metrics_include: attr(string, 'Regular expression of the statistics to take.', { default: '.*' }),
})

const filesystem = defineSettings({
  fs_types_exclude: attr(string, 'Regular expression of file system types to leave out.', { default: fsTypesExclude }),
  mount_points_exclude: attr(string, 'Regular expression of mount points to leave out.', {
    default: mountPointsExclude,
  }),
  mount_timeout: attr(duration, 'How long a mount may take to answer before it counts as stuck.', { default: '5s' }),
})

const ntp = defineSettings({
  ip_ttl: attr(int, 'TTL of the request.', { default: 1 }),
  local_offset_tolerance: attr(duration, 'Offset between the local clock and the local ntpd that is tolerated.', {
    default: '1ms',
  }),
  max_distance: attr(duration, 'Largest distance to the root that is tolerated.', { default: '3.46608s' }),
  protocol_version: attr(int, 'NTP protocol version.', { default: 4 }),
  server_is_local: attr(bool, 'The server is on this host although its address is not a loopback one.', off),
  server: attr(string, 'NTP server to ask.', { default: '127.0.0.1' }),
})

const perf = defineSettings({
  cache_profilers: attr(list(string), 'Cache profilers to run.', { default: [] }),
  cpus: attr(string, 'CPUs to take: `0-3`, `0,2`.', none),
  disable_cache_profilers: attr(bool, 'No cache profilers.', off),
  disable_hardware_profilers: attr(bool, 'No hardware profilers.', off),
  disable_software_profilers: attr(bool, 'No software profilers.', off),
  hardware_profilers: attr(list(string), 'Hardware profilers to run.', { default: [] }),
  software_profilers: attr(list(string), 'Software profilers to run.', { default: [] }),
  tracepoint: attr(list(string), 'Trace points to count: `sched:sched_process_exec`.', { default: [] }),
})

const systemd = defineSettings({
  enable_restarts: attr(bool, 'Show restarts of services.', off),
  start_time: attr(bool, 'Show start times of units.', off),
  task_metrics: attr(bool, 'Show numbers of tasks of units.', off),
  unit_exclude: attr(string, 'Regular expression of units to leave out.', {
    default: '.+\\.(automount|device|mount|scope|slice)',
  }),
  unit_include: attr(string, 'Regular expression of units to take.', { default: '.+' }),
})

const defaults = { whenAbsent: 'defaults' } as const
const ignoredDevices = attr(string, 'Regular expression of devices to leave out.', { default: '^$' })

export const unixSettings = defineSettings({
  include_exporter_metrics: attr(
    bool,
    "Also show the exporter's own `go_*`, `process_*` and `promhttp_*` metrics.",
    off,
  ),
  procfs_path: attr(string, 'Where procfs is mounted.', { default: '/proc' }),
  rootfs_path: attr(string, 'Where the root file system is mounted.', { default: '/' }),
  sysfs_path: attr(string, 'Where sysfs is mounted.', { default: '/sys' }),
  udev_data_path: attr(string, "Where udev's data are.", { default: '/run/udev/data' }),
  enable_collectors: attr(list(string), 'Collectors to run besides the default ones.', { default: [] }),
  disable_collectors: attr(list(string), 'Default collectors not to run.', { default: [] }),
  set_collectors: attr(list(string), 'Collectors to run instead of the default ones.', { default: [] }),
  arp: block(
    defineSettings({ ...deviceFields, netlink: attr(bool, 'Use netlink instead of /proc/net/arp.', off) }),
    'ARP cache.',
    defaults,
  ),
  bcache: block(
    defineSettings({ priority_stats: attr(bool, 'Show expensive priority statistics.', off) }),
    'bcache.',
    defaults,
  ),
  cpu: block(cpu, 'CPUs.', defaults),
  disk: block(disk, 'Disk statistics.', defaults),
  ethtool: block(ethtool, 'Statistics of network drivers.', defaults),
  filesystem: block(filesystem, 'File systems.', defaults),
  hwmon: block(
    defineSettings({
      chip_include: attr(string, 'Regular expression of chips to take; not together with `chip_exclude`.', none),
      chip_exclude: attr(string, 'Regular expression of chips to leave out.', none),
    }),
    'Hardware sensors.',
    defaults,
  ),
  ipvs: block(
    defineSettings({
      backend_labels: attr(list(string), 'Labels that tell backends apart.', {
        default: ['local_address', 'local_port', 'remote_address', 'remote_port', 'proto', 'local_mark'],
      }),
    }),
    'IP Virtual Server.',
    defaults,
  ),
  netclass: block(
    defineSettings({
      ignore_invalid_speed_device: attr(bool, 'Leave out a speed that is not known instead of showing -1.', off),
      ignored_devices: ignoredDevices,
    }),
    'Network interfaces in sysfs.',
    defaults,
  ),
  netdev: block(
    defineSettings({ ...deviceFields, address_info: attr(bool, 'Show the addresses of devices.', off) }),
    'Statistics of network devices.',
    defaults,
  ),
  netstat: block(
    defineSettings({ fields: attr(string, 'Regular expression of fields to take.', { default: netstatFields }) }),
    'Statistics of network protocols.',
    defaults,
  ),
  ntp: block(ntp, 'NTP.', defaults),
  perf: block(perf, 'perf events.', defaults),
  powersupply: block(
    defineSettings({
      ignored_supplies: attr(string, 'Regular expression of power supplies to leave out.', { default: '^$' }),
    }),
    'Power supplies.',
    defaults,
  ),
  runit: block(
    defineSettings({ service_dir: attr(string, "runit's service directory.", { default: '/etc/service' }) }),
    'runit.',
    defaults,
  ),
  supervisord: block(
    defineSettings({ url: attr(string, 'XML-RPC endpoint.', { default: supervisordUrl }) }),
    'supervisord.',
    defaults,
  ),
  sysctl: block(
    defineSettings({
      include: attr(list(string), 'sysctl values to show as numbers.', { default: [] }),
      include_info: attr(list(string), 'sysctl values to show as labels.', { default: [] }),
    }),
    'sysctl.',
    defaults,
  ),
  systemd: block(systemd, 'systemd.', defaults),
  tapestats: block(defineSettings({ ignored_devices: ignoredDevices }), 'Tape devices.', defaults),
  textfile: block(
    defineSettings({ directory: attr(string, 'Directory (or glob of directories) with *.prom files.', none) }),
    'Metrics in text files.',
    defaults,
  ),
  vmstat: block(
    defineSettings({
      fields: attr(string, 'Regular expression of fields to take.', { default: '^(oom_kill|pgpg|pswp|pg.*fault).*' }),
    }),
    'Virtual memory.',
    defaults,
  ),
})

export type UnixSettings = SettingsOf<typeof unixSettings>
