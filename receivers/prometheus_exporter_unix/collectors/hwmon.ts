// Hardware sensors: /sys/class/hwmon (kernel: hwmon/sysfs-interface).
import { MetricFamily } from '#component'
import type { MetricSink } from '#component'
import type { Collector, CollectorDefinition } from '../collector.ts'
import { NoDataError } from '../collector.ts'
import { FamilyTable, gauge } from '../families.ts'
import { NameFilter } from '../filter.ts'
import type { HostFiles } from '../files.ts'

const chipLabels = ['chip', 'sensor']
const chipNamesFamily = gauge('node_hwmon_chip_names', 'Annotation metric for human-readable chip names', [
  'chip',
  'chip_name',
])
const labelFamily = gauge('node_hwmon_sensor_label', 'Label for given chip and sensor', ['chip', 'sensor', 'label'])
const beepFamily = gauge('node_hwmon_beep_enabled', 'Hardware beep enabled', chipLabels)
const regulatorFamily = gauge('node_hwmon_voltage_regulator_version', 'Hardware voltage regulator', chipLabels)
const intervalFamily = gauge('node_hwmon_update_interval_seconds', 'Hardware monitor update interval', chipLabels)

const sensorTypes: ReadonlySet<string> = new Set(
  'vrm beep_enable update_interval in cpu fan pwm temp curr power energy humidity intrusion freq'.split(' '),
)

/** `temp1_crit_alarm`: type, number, element. */
const fileName = /^([^0-9]+)([0-9]*)(?:_(.+))?$/
const plainNumber = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/** A sensor's files by element; '' is the one without (`pwm1`). */
interface Sensor {
  readonly name: string
  readonly type: string
  readonly elements: Map<string, string>
}

/** A family and what the file's number is to be multiplied by. */
interface Shown {
  readonly family: MetricFamily
  readonly factor: number
}

class HwmonCollector implements Collector {
  readonly name = 'hwmon'
  readonly #chips: NameFilter
  readonly #families: FamilyTable

  constructor(chips: NameFilter) {
    this.#chips = chips
    this.#families = new FamilyTable()
  }

  collect(sink: MetricSink, files: HostFiles): void {
    const base = files.sys('class/hwmon')
    if (!files.exists(base)) throw new NoDataError('there is no /sys/class/hwmon')
    let failure: unknown
    for (const entry of files.list(base)) {
      if (!files.exists(`${base}/${entry}/`)) continue // no directory
      try {
        this.#addChip(sink, files, `${base}/${entry}`)
      } catch (error) {
        failure = error
      }
    }
    if (failure !== undefined) throw failure
  }

  #addChip(sink: MetricSink, files: HostFiles, directory: string): void {
    const chip = chipName(files, directory)
    if (this.#chips.ignores(chip)) return
    const sensors = new Map<string, Sensor>()
    readSensors(files, directory, sensors)
    if (files.exists(`${directory}/device`)) readSensors(files, `${directory}/device`, sensors)
    const humanName = cleanName(files.tryRead(`${directory}/name`) ?? '')
    if (humanName !== '') sink.sample(chipNamesFamily, 1, chip, humanName)
    for (const sensor of sensors.values()) this.#addSensor(sink, chip, sensor)
  }

  #addSensor(sink: MetricSink, chip: string, { name, type, elements }: Sensor): void {
    const label = elements.get('label')
    if (label !== undefined) sink.sample(labelFamily, 1, chip, name, label)
    if (type === 'beep_enable') {
      sink.sample(beepFamily, elements.get('') === '1' ? 1 : 0, chip, name)
      return
    }
    for (const [element, text] of elements) {
      if (element === 'label' || !plainNumber.test(text)) continue
      const value = Number(text)
      if (type === 'vrm') sink.sample(regulatorFamily, value, chip, name)
      else if (type === 'update_interval') sink.sample(intervalFamily, value * 0.001, chip, name)
      else if (type === 'freq' && element === 'input') {
        // A GPU's clocks: told apart by what the driver calls them.
        if (label !== undefined) sink.sample(this.#frequency(), value / 1_000_000, chip, cleanName(label))
      } else {
        const { family, factor } = this.#shown(type, element, elements.has(''))
        sink.sample(family, factor < 1 ? scaled(value, factor) : value, chip, name)
      }
    }
  }

  #frequency(): MetricFamily {
    const name = 'node_hwmon_freq_freq_mhz'
    return this.#families.get(name, () => gauge(name, 'Hardware monitor for GPU frequency in MHz', chipLabels))
  }

  #shown(type: string, element: string, hasPlain: boolean): Shown {
    const isPlain = element === '' || (element === 'input' && !hasPlain)
    const base = isPlain ? `node_hwmon_${type}` : `node_hwmon_${type}_${cleanName(element)}`
    const { suffix, help, factor, isCounter } = describe(type, element)
    const name = base + suffix
    const family = this.#families.get(
      name,
      () => new MetricFamily(name, isCounter ? 'counter' : 'gauge', help, chipLabels),
    )
    return { family, factor }
  }
}

interface Description {
  readonly suffix: string
  readonly help: string
  readonly factor: number
  readonly isCounter: boolean
}

const milli = 0.001
const micro = 0.000001

function describe(type: string, element: string): Description {
  const as = (suffix: string, help: string, factor = 1, isCounter = false): Description => ({
    suffix,
    help,
    factor,
    isCounter,
  })
  if (element === 'fault' || element === 'alarm') return as('', `Hardware sensor ${element} status (${type})`)
  if (element === 'beep') return as('_enabled', 'Hardware monitor sensor has beeping enabled')
  if (type === 'in' || type === 'cpu') return as('_volts', `Hardware monitor for voltage (${element})`, milli)
  if (type === 'temp' && element !== 'type') {
    return as('_celsius', `Hardware monitor for temperature (${element === '' ? 'input' : element})`, milli)
  }
  if (type === 'curr') return as('_amps', `Hardware monitor for current (${element})`, milli)
  if (type === 'energy') return as('_joule_total', `Hardware monitor for joules used so far (${element})`, micro, true)
  if (type === 'power') return describePower(element, as)
  if (type === 'humidity') {
    const what = 'Hardware monitor for humidity, as a ratio (multiply with 100.0 to get the humidity as a percentage)'
    return as('', `${what} (${element})`, micro)
  }
  if (type === 'fan' && ['input', 'min', 'max', 'target'].includes(element)) {
    return as('_rpm', `Hardware monitor for fan revolutions per minute (${element})`)
  }
  return as('', `Hardware monitor ${type} element ${element}`)
}

function describePower(
  element: string,
  as: (suffix: string, help: string, factor: number) => Description,
): Description {
  if (element === 'accuracy') return as('', 'Hardware monitor power meter accuracy, as a ratio', micro)
  if (['average_interval', 'average_interval_min', 'average_interval_max'].includes(element)) {
    return as('_seconds', `Hardware monitor power usage update interval (${element})`, milli)
  }
  return as('_watt', `Hardware monitor for power usage in watts (${element})`, micro)
}

/** Millionths are divided and thousandths multiplied, as node_exporter does it: the last digit shows. */
function scaled(value: number, factor: number): number {
  return factor === micro ? value / 1_000_000 : value * factor
}

function readSensors(files: HostFiles, directory: string, sensors: Map<string, Sensor>): void {
  for (const file of files.list(directory)) {
    const parts = fileName.exec(file)
    const type = parts?.[1] ?? ''
    if (!sensorTypes.has(type)) continue
    const text = files.tryRead(`${directory}/${file}`)
    if (text === undefined) continue
    const name = `${type}${Number(parts?.[2] ?? '')}`
    let sensor = sensors.get(name)
    if (!sensor) {
      sensor = { name, type, elements: new Map() }
      sensors.set(name, sensor)
    }
    sensor.elements.set(parts?.[3] ?? '', text.replace(/^\n+|\n+$/g, ''))
  }
}

/** Where the chip sits (`platform_coretemp_0`), since hwmon's numbers follow the order in which drivers were loaded. */
function chipName(files: HostFiles, directory: string): string {
  const device = files.tryRealPath(`${directory}/device`)
  if (device !== undefined) {
    const [type = '', name = ''] = device.split('/').slice(-2).map(cleanName)
    if (name !== '') return type === '' ? name : `${type}_${name}`
  }
  const ownName = cleanName(files.tryRead(`${directory}/name`) ?? '')
  if (ownName !== '') return ownName
  const entry = cleanName(files.tryRealPath(directory)?.split('/').at(-1) ?? '')
  if (entry === '') throw new Error(`Cannot name a sensor chip: it has neither device nor name: ${directory}`)
  return entry
}

function cleanName(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9:_]/g, '_')
    .replace(/^_+|_+$/g, '')
}

export const collector: CollectorDefinition = {
  name: 'hwmon',
  enabledByDefault: true,
  create({ hwmon }) {
    const chips = new NameFilter(hwmon.chip_exclude, hwmon.chip_include, 'hwmon', 'chip_exclude', 'chip_include')
    return new HwmonCollector(chips)
  },
}
