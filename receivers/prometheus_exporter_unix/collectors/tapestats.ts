// Tape drives: /sys/class/scsi_tape/st<number>/stats (kernel: scsi/st).
import type { MetricFamily } from '#component'
import type { CollectorDefinition } from '../collector.ts'
import { NoDataError } from '../collector.ts'
import { counter, gauge } from '../families.ts'
import { compileSetting } from '../filter.ts'

const device = ['device']
const nanosecond = 0.000000001
const counters: readonly { readonly file: string; readonly factor: number; readonly family: MetricFamily }[] = [
  {
    file: 'in_flight',
    factor: 1,
    family: gauge('node_tape_io_now', 'The number of I/Os currently outstanding to this device.', device),
  },
  {
    file: 'io_ns',
    factor: nanosecond,
    family: counter(
      'node_tape_io_time_seconds_total',
      'The amount of time spent waiting for all I/O to complete (including read and write). This includes tape movement ' +
        'commands such as seeking between file or set marks and implicit tape movement such as when rewind on close tape ' +
        'devices are used.',
      device,
    ),
  },
  {
    file: 'other_cnt',
    factor: 1,
    family: counter(
      'node_tape_io_others_total',
      'The number of I/Os issued to the tape drive other than read or write commands. The time taken to complete these ' +
        'commands uses the following calculation io_time_seconds_total-read_time_seconds_total-write_time_seconds_total',
      device,
    ),
  },
  {
    file: 'read_byte_cnt',
    factor: 1,
    family: counter('node_tape_read_bytes_total', 'The number of bytes read from the tape drive.', device),
  },
  {
    file: 'read_cnt',
    factor: 1,
    family: counter('node_tape_reads_completed_total', 'The number of read requests issued to the tape drive.', device),
  },
  {
    file: 'read_ns',
    factor: nanosecond,
    family: counter(
      'node_tape_read_time_seconds_total',
      'The amount of time spent waiting for read requests to complete.',
      device,
    ),
  },
  {
    file: 'resid_cnt',
    factor: 1,
    family: counter(
      'node_tape_residual_total',
      'The number of times during a read or write we found the residual amount to be non-zero. This should mean that a ' +
        'program is issuing a read larger thean the block size on tape. For write not all data made it to tape.',
      device,
    ),
  },
  {
    file: 'write_byte_cnt',
    factor: 1,
    family: counter('node_tape_written_bytes_total', 'The number of bytes written to the tape drive.', device),
  },
  {
    file: 'write_cnt',
    factor: 1,
    family: counter(
      'node_tape_writes_completed_total',
      'The number of write requests issued to the tape drive.',
      device,
    ),
  },
  {
    file: 'write_ns',
    factor: nanosecond,
    family: counter(
      'node_tape_write_time_seconds_total',
      'The amount of time spent waiting for write requests to complete.',
      device,
    ),
  },
]

export const collector: CollectorDefinition = {
  name: 'tapestats',
  enabledByDefault: true,
  create(settings) {
    const ignored = compileSetting(settings.tapestats.ignored_devices, ['tapestats', 'ignored_devices'])
    return {
      name: 'tapestats',
      collect(sink, files) {
        const base = files.sys('class/scsi_tape')
        if (!files.exists(base)) throw new NoDataError('there is no /sys/class/scsi_tape')
        for (const name of files.list(base)) {
          // Besides st0 there are nst0, st0a, …: the same drive under another mode.
          if (!/^st\d+$/.test(name) || ignored.test(name)) continue
          for (const { file, factor, family } of counters) {
            sink.sample(family, (files.tryUint(`${base}/${name}/stats/${file}`) ?? 0) * factor, name)
          }
        }
      },
    }
  },
}
