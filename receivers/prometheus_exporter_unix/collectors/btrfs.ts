// Btrfs: /sys/fs/btrfs (fs/btrfs/sysfs.c of the kernel), and its devices by ioctl on the mount points.
//
// Where the ioctls cannot be made (kernel_calls.ts, or the mount is not seen), sysfs gives the devices' sizes, without
// their UUIDs, unused bytes and errors.
import { basename } from 'node:path'
import type { Logger, MetricSink } from '#component'
import { readBtrfs } from '../btrfs_devices.ts'
import type { BtrfsDevice } from '../btrfs_devices.ts'
import type { CollectorDefinition } from '../collector.ts'
import { counter, gauge } from '../families.ts'
import type { HostFiles } from '../files.ts'
import { loadKernelCalls } from '../kernel_calls.ts'
import type { KernelCalls } from '../kernel_calls.ts'
import { fieldsOf, linesOf, numberOf } from '../lines.ts'
import { parseMounts } from './filesystem.ts'

const uuidLabel = ['uuid']
const info = gauge('node_btrfs_info', 'Filesystem information', ['uuid', 'label'])
const globalReserve = gauge('node_btrfs_global_rsv_size_bytes', 'Size of global reserve.', uuidLabel)
/** Line of commit_stats, family, what one second is. */
const commitValues = [
  ['commits', counter('node_btrfs_commits_total', 'The total number of commits that have occurred.', uuidLabel), 1],
  [
    'last_commit_ms',
    gauge('node_btrfs_last_commit_seconds', 'Duration of the most recent commit, in seconds.', uuidLabel),
    1000,
  ],
  [
    'max_commit_ms',
    gauge('node_btrfs_max_commit_seconds', 'Duration of the slowest commit, in seconds.', uuidLabel),
    1000,
  ],
  [
    'total_commit_ms',
    counter('node_btrfs_commit_seconds_total', 'Sum of the duration of all commits, in seconds.', uuidLabel),
    1000,
  ],
] as const
const reserved = gauge('node_btrfs_reserved_bytes', 'Amount of space reserved for a data type', [
  'uuid',
  'block_group_type',
])
const layoutLabels = ['uuid', 'block_group_type', 'mode']
const used = gauge('node_btrfs_used_bytes', 'Amount of used space by a layout/data type', layoutLabels)
const size = gauge('node_btrfs_size_bytes', 'Amount of space allocated for a layout/data type', layoutLabels)
const ratio = gauge('node_btrfs_allocation_ratio', 'Data allocation ratio for a layout/data type', layoutLabels)
const deviceSizeHelp = 'Size of a device that is part of the filesystem.'
const deviceSize = gauge('node_btrfs_device_size_bytes', deviceSizeHelp, ['uuid', 'device'])
const deviceLabels = ['uuid', 'device', 'btrfs_dev_uuid']
const knownDeviceSize = gauge('node_btrfs_device_size_bytes', deviceSizeHelp, deviceLabels)
const deviceUnused = gauge(
  'node_btrfs_device_unused_bytes',
  'Unused bytes unused on a device that is part of the filesystem.',
  deviceLabels,
)
const deviceErrors = counter('node_btrfs_device_errors_total', 'Errors reported for the device', [
  'uuid',
  'type',
  'device',
  'btrfs_dev_uuid',
])
/** In the order of `BtrfsDevice.errors`. */
const errorTypes = ['write', 'read', 'flush', 'corruption', 'generation']
const groupTypes = ['data', 'metadata', 'system']
/** sysfs counts sectors of this size, whatever the device has. */
const sectorBytes = 512

export const collector: CollectorDefinition = createBtrfs(loadKernelCalls)

/** The collector with its way to make system calls. */
export function createBtrfs(load: () => Promise<KernelCalls>): CollectorDefinition {
  return {
    name: 'btrfs',
    enabledByDefault: true,
    create: (_settings, { log }) => ({
      name: 'btrfs',
      async collect(sink, files) {
        const base = files.sys('fs/btrfs')
        // File systems are the directories with UUIDs for names; `features` is not.
        const names = files.tryList(base).filter((name) => name.includes('-'))
        if (names.length === 0) return
        const devices = await askDevices(files, load, log)
        for (const name of names) giveFileSystem(sink, files, `${base}/${name}`, name, devices)
      },
    }),
  }
}

/** By the file system's UUID without dashes. */
type DevicesByUuid = ReadonlyMap<string, readonly BtrfsDevice[]>

async function askDevices(files: HostFiles, load: () => Promise<KernelCalls>, log: Logger): Promise<DevicesByUuid> {
  const found = new Map<string, readonly BtrfsDevice[]>()
  try {
    const calls = await load()
    const text = files.tryRead(files.proc('1/mountinfo')) ?? files.tryRead(files.proc('self/mountinfo')) ?? ''
    /** Subvolumes and bind mounts have the same device. */
    const done = new Set<string>()
    for (const mount of parseMounts(text, files.rootfs)) {
      if (mount.fsType !== 'btrfs' || done.has(mount.device)) continue
      const fileSystem = readBtrfs(calls, files.root(mount.mountPoint))
      if (fileSystem === undefined) continue
      done.add(mount.device)
      found.set(fileSystem.uuid, fileSystem.devices)
    }
  } catch (error) {
    log.debug('Btrfs devices cannot be asked, sysfs has to do', { error })
  }
  return found
}

function giveFileSystem(
  sink: MetricSink,
  files: HostFiles,
  directory: string,
  name: string,
  known: DevicesByUuid,
): void {
  const uuid = files.tryTrimmed(`${directory}/metadata_uuid`) || name
  const devices = files.list(`${directory}/devices`)
  sink.sample(info, 1, uuid, files.tryTrimmed(`${directory}/label`) ?? '')
  sink.sample(globalReserve, files.tryUint(`${directory}/allocation/global_rsv_size`) ?? 0, uuid)
  // Kernels from 6.0 have it.
  const commits = new Map(
    linesOf(files.tryRead(`${directory}/commit_stats`) ?? '').map((line) => fieldsOf(line) as [string, string]),
  )
  for (const [line, family, second] of commitValues) {
    sink.sample(family, numberOf(commits.get(line) ?? '0', 'commit_stats') / second, uuid)
  }
  for (const type of groupTypes) {
    const group = `${directory}/allocation/${type}`
    sink.sample(reserved, files.tryUint(`${group}/bytes_reserved`) ?? 0, uuid, type)
    for (const mode of files.list(group)) {
      // Modes (single, raid1) are the directories.
      if (!files.exists(`${group}/${mode}/.`)) continue
      sink.sample(used, files.tryUint(`${group}/${mode}/used_bytes`) ?? 0, uuid, type, mode)
      sink.sample(size, files.tryUint(`${group}/${mode}/total_bytes`) ?? 0, uuid, type, mode)
      sink.sample(ratio, allocationRatio(mode, devices.length), uuid, type, mode)
    }
  }
  const knownDevices = known.get(uuid.replaceAll('-', ''))
  if (knownDevices !== undefined) return giveDevices(sink, uuid, knownDevices)
  for (const device of devices) {
    sink.sample(deviceSize, (files.tryUint(`${directory}/devices/${device}/size`) ?? 0) * sectorBytes, uuid, device)
  }
}

function giveDevices(sink: MetricSink, uuid: string, devices: readonly BtrfsDevice[]): void {
  for (const { path, uuid: deviceUuid, bytesTotal, bytesUsed, errors } of devices) {
    const device = basename(path)
    sink.sample(knownDeviceSize, bytesTotal, uuid, device, deviceUuid)
    sink.sample(deviceUnused, bytesTotal - bytesUsed, uuid, device, deviceUuid)
    for (const [i, type] of errorTypes.entries())
      sink.sample(deviceErrors, errors[i] ?? 0, uuid, type, device, deviceUuid)
  }
}

/** Bytes on disks per byte of data (mkfs.btrfs(8), "Profiles"). */
function allocationRatio(mode: string, deviceCount: number): number {
  switch (mode) {
    case 'single':
    case 'raid0':
      return 1
    case 'dup':
    case 'raid1':
    case 'raid10':
      return 2
    case 'raid1c3':
      return 3
    case 'raid1c4':
      return 4
    case 'raid5':
      return deviceCount / (deviceCount - 1)
    case 'raid6':
      return deviceCount / (deviceCount - 2)
    default:
      return 0
  }
}
