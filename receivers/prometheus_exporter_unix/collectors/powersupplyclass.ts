// Batteries and mains: /sys/class/power_supply (kernel: ABI/testing/sysfs-class-power).
import type { MetricFamily, MetricSink } from '#component'
import type { CollectorDefinition } from '../collector.ts'
import { NoDataError } from '../collector.ts'
import { gauge } from '../families.ts'
import { compileSetting } from '../filter.ts'
import type { HostFiles } from '../files.ts'

/** The metric's name where it is not the file's. */
const renamed: Readonly<Record<string, string>> = {
  cycle_count: 'cyclecount',
  time_to_empty_now: 'time_to_empty_seconds',
  time_to_full_now: 'time_to_full_seconds',
  current_now: 'current_ampere',
  energy_now: 'energy_watthour',
  voltage_now: 'voltage_volt',
  charge_now: 'charge_ampere',
  power_now: 'power_watt',
}

/** By what the kernel's value is to be divided: plain numbers, millionths (µA, µV, µW, …), tenths of a degree. */
const filesByDivisor: readonly (readonly [number, string])[] = [
  [
    1,
    'authentic calibrate capacity capacity_alert_max capacity_alert_min cycle_count online present time_to_empty_now ' +
      'time_to_full_now',
  ],
  [
    1e6,
    'current_boot current_max current_now energy_empty energy_empty_design energy_full energy_full_design energy_now ' +
      'voltage_boot voltage_max voltage_max_design voltage_min voltage_min_design voltage_now voltage_ocv ' +
      'charge_control_limit charge_control_limit_max charge_counter charge_empty charge_empty_design charge_full ' +
      'charge_full_design charge_now charge_term_current constant_charge_current constant_charge_current_max ' +
      'constant_charge_voltage constant_charge_voltage_max precharge_current input_current_limit power_now',
  ],
  [10, 'temp temp_alert_max temp_alert_min temp_ambient temp_ambient_max temp_ambient_min temp_max temp_min'],
]

interface NumberFile {
  readonly divisor: number
  readonly family: MetricFamily
}

const numbers: ReadonlyMap<string, NumberFile> = new Map(
  filesByDivisor.flatMap(([divisor, names]) =>
    names.split(' ').map((file) => {
      const name = divisor === 10 ? `${file}_celsius` : (renamed[file] ?? file)
      const help = `${name} value of /sys/class/power_supply/<power_supply>.`
      return [file, { divisor, family: gauge(`node_power_supply_${name}`, help, ['power_supply']) }] as const
    }),
  ),
)

const texts =
  'capacity_level charge_type health manufacturer model_name serial_number status technology type usb_type scope'.split(
    ' ',
  )
const infoFamily = gauge('node_power_supply_info', 'info of /sys/class/power_supply/<power_supply>.', [
  'power_supply',
  ...texts,
])

export const collector: CollectorDefinition = {
  name: 'powersupplyclass',
  enabledByDefault: true,
  create(settings) {
    const ignored = compileSetting(settings.powersupply.ignored_supplies, ['powersupply', 'ignored_supplies'])
    return {
      name: 'powersupplyclass',
      collect(sink, files) {
        const base = files.sys('class/power_supply')
        if (!files.exists(base)) throw new NoDataError('there is no /sys/class/power_supply')
        for (const name of files.list(base)) {
          if (!ignored.test(name)) addSupply(sink, files, `${base}/${name}`, name)
        }
      },
    }
  },
}

/** Files that the driver has no value for refuse the read (ENODEV, EINVAL, …): those are left out. */
function addSupply(sink: MetricSink, files: HostFiles, path: string, supply: string): void {
  const present = new Set(files.list(path))
  for (const file of present) {
    const known = numbers.get(file)
    if (!known) continue
    const value = files.tryInt(`${path}/${file}`)
    if (value !== undefined) sink.sample(known.family, value / known.divisor, supply)
  }
  const values = texts.map((file) => (present.has(file) ? (files.tryTrimmed(`${path}/${file}`) ?? '') : ''))
  sink.sample(infoFamily, 1, supply, ...values)
}
