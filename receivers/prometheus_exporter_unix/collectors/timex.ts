// The kernel clock's discipline: adjtimex(2) with nothing to adjust, which anybody may call.
//
// Node gives no such call, so it goes through `node:ffi` (Node 26.1; docs/decisions/ffi.md). Where that is missing, or the
// architecture's `struct timex` is not the one below, there is no data.
import { endianness } from 'node:os'
import type { MetricFamily } from '#component'
import type { CollectorDefinition } from '../collector.ts'
import { NoDataError } from '../collector.ts'
import { counter, gauge } from '../families.ts'

const syncFamily = gauge('node_timex_sync_status', 'Is clock synchronized to a reliable server (1 = yes, 0 = no).')

/** `divisor`: `clock` is what the status says of the clock's resolution, nanoseconds or microseconds. */
interface Field {
  readonly at: number
  readonly bits: 32 | 64
  readonly divisor: number | 'clock'
  /** Added to the quotient. */
  readonly base: number
  readonly family: MetricFamily
}

const microseconds = 1e6
/** adjtimex(2), notes: frequencies are parts per million with 16 bits of fraction. */
const ppm16 = 1e6 * 65_536

const field = (at: number, bits: 32 | 64, divisor: number | 'clock', family: MetricFamily, base = 0): Field => ({
  at,
  bits,
  divisor,
  base,
  family,
})

/** `struct timex` of 64-bit systems (kernel: include/uapi/linux/timex.h): offsets in bytes. */
const fields: readonly Field[] = [
  field(8, 64, 'clock', gauge('node_timex_offset_seconds', 'Time offset in between local system and reference clock.')),
  field(16, 64, ppm16, gauge('node_timex_frequency_adjustment_ratio', 'Local clock frequency adjustment.'), 1),
  field(24, 64, microseconds, gauge('node_timex_maxerror_seconds', 'Maximum error in seconds.')),
  field(32, 64, microseconds, gauge('node_timex_estimated_error_seconds', 'Estimated error in seconds.')),
  field(40, 32, 1, gauge('node_timex_status', 'Value of the status array bits.')),
  field(48, 64, 1, gauge('node_timex_loop_time_constant', 'Phase-locked loop time constant.')),
  field(88, 64, microseconds, gauge('node_timex_tick_seconds', 'Seconds between clock ticks.')),
  field(96, 64, ppm16, gauge('node_timex_pps_frequency_hertz', 'Pulse per second frequency.')),
  field(104, 64, 'clock', gauge('node_timex_pps_jitter_seconds', 'Pulse per second jitter.')),
  field(112, 32, 1, gauge('node_timex_pps_shift_seconds', 'Pulse per second interval duration.')),
  field(
    120,
    64,
    ppm16,
    gauge('node_timex_pps_stability_hertz', 'Pulse per second stability, average of recent frequency changes.'),
  ),
  field(128, 64, 1, counter('node_timex_pps_jitter_total', 'Pulse per second count of jitter limit exceeded events.')),
  field(136, 64, 1, counter('node_timex_pps_calibration_total', 'Pulse per second count of calibration intervals.')),
  field(144, 64, 1, counter('node_timex_pps_error_total', 'Pulse per second count of calibration errors.')),
  field(
    152,
    64,
    1,
    counter('node_timex_pps_stability_exceeded_total', 'Pulse per second count of stability limit exceeded events.'),
  ),
  field(160, 32, 1, gauge('node_timex_tai_offset_seconds', 'International Atomic Time (TAI) offset.')),
]
const statusAt = 40
/** The kernel's struct has 208 bytes: more does no harm, should it grow. */
const structBytes = 1024
/** STA_NANO, and what the call returns for a clock that is not synchronized. */
const statusNano = 0x2000
const timeError = 5

type Adjtimex = (timex: Buffer) => number

export const collector: CollectorDefinition = {
  name: 'timex',
  enabledByDefault: true,
  create() {
    let adjtimex: Adjtimex | undefined
    const timex = Buffer.alloc(structBytes)
    return {
      name: 'timex',
      async collect(sink) {
        adjtimex ??= await loadAdjtimex()
        timex.fill(0)
        const state = adjtimex(timex)
        // With no mode set, only a sandbox (seccomp) refuses.
        if (state < 0) throw new NoDataError('adjtimex(2) was refused')
        const isNano = (timex.readInt32LE(statusAt) & statusNano) !== 0
        sink.sample(syncFamily, state === timeError ? 0 : 1)
        for (const { at, bits, divisor, base, family } of fields) {
          const value = bits === 32 ? timex.readInt32LE(at) : Number(timex.readBigInt64LE(at))
          sink.sample(family, base + value / (divisor === 'clock' ? (isNano ? 1e9 : 1e6) : divisor))
        }
      },
    }
  },
}

async function loadAdjtimex(): Promise<Adjtimex> {
  if (!['x64', 'arm64', 'riscv64', 'ppc64', 'loong64'].includes(process.arch) || endianness() !== 'LE') {
    throw new NoDataError(`struct timex is not known here: current value is ${process.arch}`)
  }
  try {
    const { dlopen } = await import('node:ffi')
    return dlopen(null, { adjtimex: { arguments: ['buffer'], return: 'int32' } }).functions.adjtimex
  } catch (error) {
    throw new NoDataError(
      `there is no way to call adjtimex(2): ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}
