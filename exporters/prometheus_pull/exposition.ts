// Writes what is kept as text, family by family.
import { type Labels, labelValue, MetricType } from '#pdata'
import {
  exemplarText,
  formatGoFloat,
  formatOpenMetricsFloat,
  parseGoFloat,
  TextFormat,
  TextWriter,
} from '#pdata/exposition'
import type { Kept } from './store.ts'

interface Line {
  readonly kept: Kept
  readonly name: string
  /** The labels but for `le` and `quantile`. */
  readonly group: string
  readonly rank: number
  readonly bound: number
}

interface Family {
  readonly name: string
  readonly type: MetricType
  readonly help: string
  readonly lines: Line[]
}

export function exposition(entries: Iterable<Kept>, format: TextFormat, timestamps: boolean): string {
  const families = new Map<string, Family>()
  for (const kept of entries) {
    const name = labelValue(kept.labels, '__name__')
    const [familyName, type] = familyOf(kept, name, format)
    let family = families.get(familyName)
    if (family === undefined) {
      family = { name: familyName, type, help: kept.metadata?.help ?? '', lines: [] }
      families.set(familyName, family)
    }
    family.lines.push(lineOf(kept, name, family.name))
  }
  const writer = new TextWriter(format)
  for (const family of [...families.values()].sort((a, b) => compare(a.name, b.name))) {
    writer.family(family.name, family.type, family.help)
    family.lines.sort((a, b) => compare(a.group, b.group) || a.rank - b.rank || a.bound - b.bound)
    for (const line of family.lines) write(writer, line, timestamps)
  }
  return writer.text()
}

function familyOf({ metadata }: Kept, name: string, format: TextFormat): [name: string, type: MetricType] {
  const family = metadata?.family ?? name
  const type = metadata?.type ?? MetricType.unknown
  if (type !== MetricType.counter || format === TextFormat.text) return [family, type]
  // In OpenMetrics `_total` is the sample's; without it, it is no counter there.
  return family.endsWith('_total') ? [family.slice(0, -'_total'.length), type] : [family, MetricType.unknown]
}

const ranks = ['_bucket', '_sum', '_count']

function lineOf(kept: Kept, name: string, family: string): Line {
  const { labels } = kept
  const bound = parseGoFloat(labelValue(labels, 'le') || labelValue(labels, 'quantile')) ?? 0
  const rank = name === family ? 0 : ranks.findIndex((suffix) => name.endsWith(suffix)) + 1
  let group = ''
  for (let i = 0; i < labels.length; i += 2) {
    const label = labels[i] as string
    if (label !== '__name__' && label !== 'le' && label !== 'quantile')
      group += `${label}=${JSON.stringify(labels[i + 1])},`
  }
  return { kept, name, group, rank, bound }
}

function write(writer: TextWriter, { kept, name }: Line, timestamps: boolean): void {
  const { names, values, extra } = labelsOf(kept.labels, writer.format)
  const at = timestamps ? kept.timestampMs : undefined
  const { histogram } = kept
  if (histogram === null) {
    const { exemplar } = kept
    // OpenMetrics has them for counters and buckets.
    const shown =
      exemplar !== null && /_(total|bucket)$/.test(name)
        ? exemplarText(exemplar.labels, exemplar.value, exemplar.timestampMs)
        : ''
    writer.sample(name, names, values, extra[0], extra[1], kept.value, at, shown)
    return
  }
  // The text formats have no native histograms: what these share with classic ones is shown.
  writer.sample(`${name}_bucket`, names, values, 'le', '+Inf', histogram.count, at)
  writer.sample(`${name}_sum`, names, values, '', '', histogram.sum, at)
  writer.sample(`${name}_count`, names, values, '', '', histogram.count, at)
}

function labelsOf(
  labels: Labels,
  format: TextFormat,
): { names: string[]; values: string[]; extra: readonly [string, string] } {
  const names: string[] = []
  const values: string[] = []
  let extra: readonly [string, string] = ['', '']
  for (let i = 0; i < labels.length; i += 2) {
    const name = labels[i] as string
    const value = labels[i + 1] as string
    if (name === '__name__') continue
    const bound = name === 'le' || name === 'quantile' ? parseGoFloat(value) : undefined
    if (bound !== undefined) {
      extra = [name, format === TextFormat.openmetrics ? formatOpenMetricsFloat(bound) : formatGoFloat(bound)]
    } else {
      names.push(name)
      values.push(value)
    }
  }
  return { names, values, extra }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
