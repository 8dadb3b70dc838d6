// The stage that makes metrics of lines, shown with the process's own.
import {
  attr,
  bool,
  type Count,
  defineSettings,
  type Distribution,
  duration,
  float,
  list,
  oneOf,
  parseGoDuration,
  type SettingsOf,
  string,
  type VariantOf,
  variants,
} from '#component'
import { isLegacyLabelName } from '#component/relabel'
import type { Labels } from '#pdata'
import { type Extracted, labelsKey, type Line, textOf } from './line.ts'
import { LineStage, type StageContext } from './stage.ts'

const defaultPrefix = 'loki_process_custom_'

const fields = {
  name: attr(string, 'The name, behind the prefix.', { required: true }),
  prefix: attr(string, 'What stands before the name.', { default: defaultPrefix }),
  description: attr(string, 'The help text.', { default: '' }),
  source: attr(string, 'The extracted value; "": the one of the metric’s name.', { default: '' }),
  value: attr(string, 'Only lines whose source is this count; "": all.', { default: '' }),
  max_idle_duration: attr(duration, 'Series not changed for so long are forgotten.', { default: '5m' }),
} as const

const counter = defineSettings(
  {
    ...fields,
    action: attr(oneOf('inc', 'add'), 'Count lines, or add up the source.', { required: true }),
    match_all: attr(bool, 'Count every line, whatever the source.', { default: false }),
    count_entry_bytes: attr(bool, 'With `match_all` and `add`: add up the bytes of lines.', { default: false }),
  },
  {
    check({ match_all: all, count_entry_bytes: bytes, value, action }, report) {
      if (all && value !== '') report('`value` must be empty with `match_all`', ['value'])
      if (bytes && (!all || action !== 'add')) {
        report('`count_entry_bytes` needs `match_all` and the action "add"', ['count_entry_bytes'])
      }
      if (all && !bytes && action === 'add') report('`match_all` with "add" needs `count_entry_bytes`', ['action'])
    },
  },
)
const gauge = defineSettings({
  ...fields,
  action: attr(oneOf('set', 'inc', 'dec', 'add', 'sub'), 'What is done with the source.', { required: true }),
})
const histogram = defineSettings({
  ...fields,
  buckets: attr(list(float), 'Upper bounds, rising.', { required: true }),
})

const metricKinds = { counter, gauge, histogram }
const schemas = (): typeof metricKinds => metricKinds
type Metric = VariantOf<typeof metricKinds>

export const metricsSettings = defineSettings(
  { metric: variants(schemas, 'A metric.') },
  {
    check({ metric }, report) {
      for (const { settings } of metric) {
        if (settings.max_idle_duration < 1000) report('max_idle_duration must be at least 1s')
        if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(fullName(settings))) {
          report(`invalid metric name ${JSON.stringify(fullName(settings))}`)
        }
      }
      const names = metric.map(({ settings }) => fullName(settings))
      if (new Set(names).size < names.length) report('two metrics have the same name')
    },
  },
)

function fullName({ prefix, name }: { readonly prefix: string; readonly name: string }): string {
  return (prefix || defaultPrefix) + name
}

/** One series of a metric. */
interface Series {
  readonly attributes: Readonly<Record<string, string>>
  readonly value: Count | Distribution | { value: number }
  changedMs: number
}

export class MetricsStage extends LineStage {
  readonly #recorders: readonly Recorder[]

  constructor({ metric }: SettingsOf<typeof metricsSettings>, context: StageContext) {
    super()
    this.#recorders = metric.map((one) => new Recorder(one, context))
  }

  change(line: Line): void {
    for (const recorder of this.#recorders) recorder.record(line)
  }

  stop(): void {
    for (const recorder of this.#recorders) recorder.forget(Infinity)
  }
}

class Recorder {
  readonly #metric: Metric
  readonly #context: StageContext
  readonly #name: string
  readonly #series: Map<string, Series>
  #lookedMs: number

  constructor(metric: Metric, context: StageContext) {
    this.#metric = metric
    this.#context = context
    this.#name = fullName(metric.settings)
    this.#series = new Map()
    this.#lookedMs = context.clock.monotonic()
  }

  record(line: Line): void {
    const nowMs = this.#context.clock.monotonic()
    const idleMs = this.#metric.settings.max_idle_duration
    if (nowMs - this.#lookedMs >= idleMs) {
      this.forget(nowMs - idleMs)
      this.#lookedMs = nowMs
    }
    const amount = this.#amount(line)
    if (amount === undefined) return
    const series = this.#seriesOf(line.labels)
    series.changedMs = nowMs
    const { value } = series
    if ('observe' in value) value.observe(amount)
    else if (this.#metric.name === 'gauge' && this.#metric.settings.action === 'set') value.value = amount
    else value.value += amount
  }

  /** Let go of what did not change since `sinceMs`. */
  forget(sinceMs: number): void {
    for (const [key, { attributes, changedMs }] of this.#series) {
      if (changedMs > sinceMs) continue
      this.#series.delete(key)
      this.#context.instruments.forget?.(this.#name, attributes)
    }
  }

  /** What the line adds, sets or is observed as; undefined: nothing. */
  #amount(line: Line): number | undefined {
    const { name, settings } = this.#metric
    if (name === 'counter' && settings.match_all) {
      return settings.count_entry_bytes ? Buffer.byteLength(line.text) : 1
    }
    const source = line.extracted.get(settings.source || settings.name)
    if (source === undefined) return undefined
    if (settings.value !== '' && (source === null || textOf(source) !== settings.value)) return undefined
    const action = name === 'histogram' ? 'observe' : settings.action
    if (action === 'inc') return 1
    if (action === 'dec') return -1
    const number = numberOf(source)
    if (number === undefined || (name === 'counter' && number < 0)) return undefined
    return action === 'sub' ? -number : number
  }

  #seriesOf(labels: Labels): Series {
    const key = labelsKey(labels)
    const known = this.#series.get(key)
    if (known !== undefined) return known
    const attributes: Record<string, string> = {}
    for (let i = 0; i < labels.length; i += 2) {
      const name = labels[i] as string
      if (isLegacyLabelName(name) && !name.startsWith('__')) attributes[name] = labels[i + 1] as string
    }
    const made: Series = { attributes, value: this.#make(attributes), changedMs: 0 }
    this.#series.set(key, made)
    return made
  }

  #make(attributes: Readonly<Record<string, string>>): Series['value'] {
    const { instruments } = this.#context
    const { name, settings } = this.#metric
    if (name === 'counter') return instruments.counter(this.#name, settings.description, attributes)
    if (name === 'histogram') {
      return instruments.histogram(this.#name, settings.description, settings.buckets, attributes)
    }
    const level = { value: 0 }
    instruments.gauge(this.#name, settings.description, () => level.value, attributes)
    return level
  }
}

/** Numbers, texts of them, and durations in seconds. */
function numberOf(value: Extracted): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value === null || value.trim() !== value || value === '') return undefined
  const number = Number(value)
  if (!Number.isNaN(number)) return number
  const ms = parseGoDuration(value)
  return ms === undefined ? undefined : ms / 1000
}
