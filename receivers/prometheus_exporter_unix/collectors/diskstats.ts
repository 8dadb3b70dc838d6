// Disks: /proc/diskstats (kernel: admin-guide/iostats), what udev knows of them, /sys/block.
import type { MetricFamily, MetricSink } from '#component'
import type { CollectorDefinition } from '../collector.ts'
import { counter, gauge } from '../families.ts'
import { NameFilter } from '../filter.ts'
import type { HostFiles } from '../files.ts'

const device = ['device']
/** What the kernel calls a sector here has 512 bytes, whatever the disk says (kernel: block/stat). */
const sectorBytes = 512
const secondsPerTick = 1 / 1000

/** By the column behind the device's name: 11 of them before Linux 4.18, 15 before 5.5, then 17. */
const columns: readonly { readonly family: MetricFamily; readonly factor: number }[] = [
  [counter('node_disk_reads_completed_total', 'The total number of reads completed successfully.', device), 1] as const,
  [counter('node_disk_reads_merged_total', 'The total number of reads merged.', device), 1] as const,
  [counter('node_disk_read_bytes_total', 'The total number of bytes read successfully.', device), sectorBytes] as const,
  [
    counter('node_disk_read_time_seconds_total', 'The total number of seconds spent by all reads.', device),
    secondsPerTick,
  ] as const,
  [
    counter('node_disk_writes_completed_total', 'The total number of writes completed successfully.', device),
    1,
  ] as const,
  [counter('node_disk_writes_merged_total', 'The number of writes merged.', device), 1] as const,
  [
    counter('node_disk_written_bytes_total', 'The total number of bytes written successfully.', device),
    sectorBytes,
  ] as const,
  [
    counter('node_disk_write_time_seconds_total', 'This is the total number of seconds spent by all writes.', device),
    secondsPerTick,
  ] as const,
  [gauge('node_disk_io_now', 'The number of I/Os currently in progress.', device), 1] as const,
  [counter('node_disk_io_time_seconds_total', 'Total seconds spent doing I/Os.', device), secondsPerTick] as const,
  [
    counter('node_disk_io_time_weighted_seconds_total', 'The weighted # of seconds spent doing I/Os.', device),
    secondsPerTick,
  ] as const,
  [
    counter('node_disk_discards_completed_total', 'The total number of discards completed successfully.', device),
    1,
  ] as const,
  [counter('node_disk_discards_merged_total', 'The total number of discards merged.', device), 1] as const,
  [
    counter('node_disk_discarded_sectors_total', 'The total number of sectors discarded successfully.', device),
    1,
  ] as const,
  [
    counter(
      'node_disk_discard_time_seconds_total',
      'This is the total number of seconds spent by all discards.',
      device,
    ),
    secondsPerTick,
  ] as const,
  [
    counter('node_disk_flush_requests_total', 'The total number of flush requests completed successfully', device),
    1,
  ] as const,
  [
    counter(
      'node_disk_flush_requests_time_seconds_total',
      'This is the total number of seconds spent by all flush requests.',
      device,
    ),
    secondsPerTick,
  ] as const,
].map(([family, factor]) => ({ family, factor }))

const infoFamily = gauge('node_disk_info', 'Info of /sys/block/<block_device>.', [
  'device',
  'major',
  'minor',
  'path',
  'wwn',
  'model',
  'serial',
  'revision',
])
const filesystemFamily = gauge('node_disk_filesystem_info', 'Info about disk filesystem.', [
  'device',
  'type',
  'usage',
  'uuid',
  'version',
])
const mapperFamily = gauge('node_disk_device_mapper_info', 'Info about disk device mapper.', [
  'device',
  'name',
  'uuid',
  'vg_name',
  'lv_name',
  'lv_layer',
])
const ataFamilies: readonly (readonly [string, MetricFamily])[] = [
  ['ID_ATA_WRITE_CACHE', gauge('node_disk_ata_write_cache', 'ATA disk has a write cache.', device)],
  [
    'ID_ATA_WRITE_CACHE_ENABLED',
    gauge('node_disk_ata_write_cache_enabled', 'ATA disk has its write cache enabled.', device),
  ],
  [
    'ID_ATA_ROTATION_RATE_RPM',
    gauge('node_disk_ata_rotation_rate_rpm', 'ATA disk rotation rate in RPMs (0 for SSDs).', device),
  ],
]

export const collector: CollectorDefinition = {
  name: 'diskstats',
  enabledByDefault: true,
  create({ disk }) {
    const exclude = disk.device_include === '' ? disk.device_exclude : ''
    const filter = new NameFilter(exclude, disk.device_include, 'disk', 'device_exclude', 'device_include')
    return {
      name: 'diskstats',
      collect(sink, files) {
        const hasUdev = files.exists(files.udev)
        for (const line of files.read(files.proc('diskstats')).split('\n')) {
          const fields = line.trim().split(/\s+/)
          const name = fields[2]
          if (fields.length < 14 || name === undefined || filter.ignores(name)) continue
          addDisk(sink, files, fields, name, hasUdev)
        }
      },
    }
  },
}

function addDisk(sink: MetricSink, files: HostFiles, fields: readonly string[], name: string, hasUdev: boolean): void {
  const [major = '', minor = ''] = fields
  const properties = hasUdev ? readUdev(files, major, minor) : noProperties
  const get = (key: string): string => properties.get(key) ?? ''
  // The one printed on the disk, else the short one, else what virtio has.
  const serial = get('SCSI_IDENT_SERIAL') || get('ID_SERIAL_SHORT') || get('ID_SERIAL')
  const ids = [get('ID_PATH'), get('ID_WWN'), get('ID_MODEL'), serial, get('ID_REVISION')]
  sink.sample(infoFamily, 1, name, major, minor, ...ids)
  for (let i = 0; i < columns.length && i + 3 < fields.length; i++) {
    const { family, factor } = columns[i] as { family: MetricFamily; factor: number }
    const value = Number(fields[i + 3])
    if (Number.isNaN(value)) throw new Error(`Cannot read diskstats: ${family.name} of ${name} is not a number`)
    sink.sample(family, value * factor, name)
  }
  if (get('ID_FS_TYPE') !== '') {
    const values = ['ID_FS_TYPE', 'ID_FS_USAGE', 'ID_FS_UUID', 'ID_FS_VERSION'].map(get)
    sink.sample(filesystemFamily, 1, name, ...values)
  }
  if (get('DM_NAME') !== '') {
    const values = ['DM_NAME', 'DM_UUID', 'DM_VG_NAME', 'DM_LV_NAME', 'DM_LV_LAYER'].map(get)
    sink.sample(mapperFamily, 1, name, ...values)
  }
  if (get('ID_ATA') === '') return
  for (const [key, family] of ataFamilies) {
    const text = get(key)
    if (text !== '' && !Number.isNaN(Number(text))) sink.sample(family, Number(text), name)
  }
}

const noProperties: ReadonlyMap<string, string> = new Map()

/** The properties (`E:NAME=value`) in udev's file of a block device; none where it has no file. */
function readUdev(files: HostFiles, major: string, minor: string): ReadonlyMap<string, string> {
  const path = `${files.udev}/b${major}:${minor}`
  const text = files.exists(path) ? files.tryRead(path) : undefined
  if (text === undefined) return noProperties
  const properties = new Map<string, string>()
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=')
    if (line.startsWith('E:') && equals > 0) properties.set(line.slice(2, equals), line.slice(equals + 1))
  }
  return properties
}
