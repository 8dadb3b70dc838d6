// The devices of a mounted Btrfs file system: ioctls that sysfs has no files for (include/uapi/linux/btrfs.h of the kernel).
import { closeSync, constants, openSync } from 'node:fs'
import type { KernelCalls } from './kernel_calls.ts'

export interface BtrfsDevice {
  /** `/dev/sda1`. */
  readonly path: string
  /** With dashes. */
  readonly uuid: string
  readonly bytesUsed: number
  readonly bytesTotal: number
  /** write, read, flush, corruption, generation: the order of BTRFS_DEV_STAT_*. */
  readonly errors: readonly number[]
}

export interface BtrfsFileSystem {
  /** 32 hexadecimal digits, without dashes. */
  readonly uuid: string
  readonly devices: readonly BtrfsDevice[]
}

/** BTRFS_IOC_FS_INFO, BTRFS_IOC_DEV_INFO, BTRFS_IOC_GET_DEV_STATS; the sizes of their structures are in the numbers. */
const requestFsInfo = 0x8400941fn
const requestDeviceInfo = 0xd000941en
const requestStatistics = 0xc4089434n
const fsInfoBytes = 1024
const deviceInfoBytes = 4096
const statisticsBytes = 1032
const devicePathAt = 3072
const errorsCount = 5
/** Numbers of devices have gaps, where some were taken away; a file system that lost more is not asked on. */
const deviceNumbersMax = 65_536

/** Ask the file system mounted at `directory`; undefined where that cannot be: no right, no such mount, an old kernel. */
export function readBtrfs(calls: KernelCalls, directory: string): BtrfsFileSystem | undefined {
  let descriptor: number
  try {
    descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  } catch {
    return undefined
  }
  try {
    const info = Buffer.alloc(fsInfoBytes)
    if (calls.ioctl(descriptor, requestFsInfo, info) < 0) return undefined
    const numberMax = Math.min(Number(info.readBigUInt64LE(0)), deviceNumbersMax)
    const count = Number(info.readBigUInt64LE(8))
    const devices: BtrfsDevice[] = []
    for (let number = 0; number <= numberMax && devices.length < count; number++) {
      const device = readDevice(calls, descriptor, number)
      if (device !== undefined) devices.push(device)
    }
    return { uuid: info.toString('hex', 16, 32), devices }
  } finally {
    closeSync(descriptor)
  }
}

function readDevice(calls: KernelCalls, descriptor: number, number: number): BtrfsDevice | undefined {
  const info = Buffer.alloc(deviceInfoBytes)
  info.writeBigUInt64LE(BigInt(number), 0)
  if (calls.ioctl(descriptor, requestDeviceInfo, info) < 0) return undefined
  const statistics = Buffer.alloc(statisticsBytes)
  statistics.writeBigUInt64LE(BigInt(number), 0)
  statistics.writeBigUInt64LE(BigInt(errorsCount), 8)
  if (calls.ioctl(descriptor, requestStatistics, statistics) < 0) return undefined
  const hex = info.toString('hex', 8, 24)
  const end = info.indexOf(0, devicePathAt)
  return {
    path: info.toString('utf8', devicePathAt, end < 0 ? info.length : end),
    uuid: hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
    bytesUsed: Number(info.readBigUInt64LE(24)),
    bytesTotal: Number(info.readBigUInt64LE(32)),
    errors: Array.from({ length: errorsCount }, (_, i) => Number(statistics.readBigUInt64LE(24 + i * 8))),
  }
}
