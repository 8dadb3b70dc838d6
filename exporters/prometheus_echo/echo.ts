// Writes batches of metrics as text.
import type { Writable } from 'node:stream'
import type { Component, Host, MetricsConsumer } from '#component'
import { type Metrics, type MetricType, type Series, type SeriesBatch, SlotFlag } from '#pdata'
import { TextFormat, TextWriter } from '#pdata/exposition'
import type { EchoSettings } from './component.ts'

export class Echo implements Component<EchoSettings>, MetricsConsumer {
  readonly metrics: MetricsConsumer = this
  readonly #host: Host
  readonly #output: Writable
  #format: TextFormat

  constructor(host: Host, settings: EchoSettings, output: Writable) {
    this.#host = host
    this.#output = output
    this.#format = settings.format
  }

  update(settings: EchoSettings): void {
    this.#format = settings.format
  }

  /** Waits where whoever reads the output does not keep up. */
  consume(batch: Metrics): void | Promise<void> {
    const series = batch.series()
    const done = (): void => void (this.#host.counters.out += batch.count)
    if (this.#output.write(batchText(series, this.#format))) {
      done()
      return undefined
    }
    return new Promise((resolve) => {
      const go = (): void => {
        this.#output.off('drain', go).off('close', go).off('error', go)
        done()
        resolve()
      }
      this.#output.on('drain', go).on('close', go).on('error', go)
    })
  }

  stop(): void {}
}

interface Family {
  readonly name: string
  readonly type: MetricType
  readonly slots: number[]
}

/** A batch as text: families by name, a family per metric name, since a batch can hold parts of any. */
export function batchText(batch: SeriesBatch, format: TextFormat): string {
  const writer = new TextWriter(format)
  for (const family of familiesOf(batch, format)) {
    const metadata = batch.layout.series[family.slots[0] as number]?.metadata
    writer.family(family.name, family.type, metadata?.help ?? '')
    for (const slot of family.slots) writeSlot(writer, batch, slot)
  }
  return writer.text()
}

function familiesOf(batch: SeriesBatch, format: TextFormat): Family[] {
  const families = new Map<string, Family>()
  for (const [slot, series] of batch.layout.series.entries()) {
    if (batch.flags?.[slot] === SlotFlag.absent) continue
    const [name, type] = familyOf(series, batch.flags?.[slot] === SlotFlag.histogram, format)
    const family = families.get(name)
    if (family) family.slots.push(slot)
    else families.set(name, { name, type, slots: [slot] })
  }
  return [...families.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Classic histograms and summaries are shown by their parts: no batch is sure to hold all of them. */
function familyOf(series: Series, native: boolean, format: TextFormat): [name: string, type: MetricType] {
  const name = nameOf(series)
  if (native) return [name, 'histogram']
  const type = series.metadata?.type
  if (type === 'gauge') return [name, 'gauge']
  if (type !== 'counter' || name.endsWith('_created')) return [name, 'unknown']
  if (format === TextFormat.text) return [name, 'counter']
  return name.endsWith('_total') ? [name.slice(0, -6), 'counter'] : [name, 'unknown']
}

function nameOf(series: Series): string {
  const at = series.labels.indexOf('__name__')
  return at >= 0 && at % 2 === 0 ? (series.labels[at + 1] as string) : ''
}

function writeSlot(writer: TextWriter, batch: SeriesBatch, slot: number): void {
  const { labels } = batch.layout.series[slot] as Series
  const names: string[] = []
  const values: string[] = []
  let name = ''
  for (let i = 0; i < labels.length; i += 2) {
    if (labels[i] === '__name__') name = labels[i + 1] as string
    else {
      names.push(labels[i] as string)
      values.push(labels[i + 1] as string)
    }
  }
  const timestampMs = batch.timestampsMs?.[slot] ?? batch.timestampMs
  const at = timestampMs > 0 ? timestampMs : undefined
  const flag = batch.flags?.[slot] ?? SlotFlag.value
  if (flag === SlotFlag.histogram) {
    // The text formats have no native histograms: what these share with classic ones is shown.
    const histogram = batch.histograms?.[slot]
    if (!histogram) return
    writer.sample(`${name}_bucket`, names, values, 'le', '+Inf', histogram.count, at)
    writer.sample(`${name}_sum`, names, values, '', '', histogram.sum, at)
    writer.sample(`${name}_count`, names, values, '', '', histogram.count, at)
    return
  }
  writer.sample(name, names, values, '', '', flag === SlotFlag.stale ? NaN : (batch.values[slot] as number), at)
}
