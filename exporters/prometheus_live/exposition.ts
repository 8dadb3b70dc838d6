// Writes what is kept in the Prometheus text format 0.0.4, family by family.
import { labelValue, MetricType } from '#pdata'
import { formatGoFloat, TextWriter } from '#pdata/exposition'
import type { Entry, SeriesStore } from './store.ts'

interface Family {
  readonly name: string
  readonly type: MetricType
  help: string
  readonly members: { readonly entry: Entry; readonly name: string; readonly native: boolean }[]
}

/** A series with what it is sorted by: its labels but for `le` and `quantile`, which part of its family it is, that label. */
interface Line {
  readonly entry: Entry
  readonly name: string
  readonly group: string
  readonly rank: number
  readonly bound: number
}

/** Samples are put together up to this many before they are handed on. */
const samplesPerChunk = 500

/**
 * The text, in chunks; whoever takes them may let time pass in between. Families by name, their series by labels, buckets
 * by bound. A series that goes away meanwhile is left out.
 */
export function* exposition(store: SeriesStore): IterableIterator<string> {
  let writer = new TextWriter('text')
  let samples = 0
  for (const family of families(store)) {
    writer.family(family.name, family.type, family.help)
    for (const line of linesOf(family)) {
      write(writer, store, line)
      if (++samples >= samplesPerChunk) {
        yield writer.text()
        writer = new TextWriter('text')
        samples = 0
      }
    }
  }
  yield writer.text()
}

function write(writer: TextWriter, store: SeriesStore, line: Line): void {
  const { entry, name } = line
  if (entry.index < 0) return
  const names: string[] = []
  const values: string[] = []
  const { labels } = entry
  for (let i = 0; i < labels.length; i += 2) {
    if (labels[i] === '__name__') continue
    names.push(labels[i] as string)
    values.push(labels[i + 1] as string)
  }
  const histogram = store.histogramOf(entry)
  if (histogram === undefined) {
    writer.sample(name, names, values, '', '', store.valueOf(entry))
    return
  }
  // A native histogram has no place in this format: what it shares with a classic one is shown.
  writer.sample(`${name}_bucket`, names, values, 'le', formatGoFloat(Infinity), histogram.count)
  writer.sample(`${name}_sum`, names, values, '', '', histogram.sum)
  writer.sample(`${name}_count`, names, values, '', '', histogram.count)
}

/** By name. Their series are sorted when it is their turn: sorting all at once would hold everything else up. */
function families(store: SeriesStore): Family[] {
  const byName = new Map<string, Family>()
  const shapes = shapesOf(store)
  for (const entry of store.entries()) {
    const name = labelValue(entry.labels, '__name__')
    const metadata = entry.series.metadata
    const native = store.histogramOf(entry) !== undefined
    const [familyName, type] = native ? [name, MetricType.histogram] : familyOf(name, metadata?.type, shapes)
    let family = byName.get(familyName)
    if (family === undefined) {
      family = { name: familyName, type, help: '', members: [] }
      byName.set(familyName, family)
    }
    if (family.help === '' && metadata !== null) family.help = metadata.help
    family.members.push({ entry, name, native })
  }
  return [...byName.values()].sort((a, b) => compare(a.name, b.name))
}

function linesOf({ type, members }: Family): Line[] {
  // Where the classic form of a histogram is there as well, it says all that the native one could here.
  const classic = members.some((member) => !member.native)
  const shown = classic ? members.filter((member) => !member.native) : members
  return shown
    .map(({ entry, name }) => lineOf(entry, name, type))
    .sort((a, b) => compare(a.group, b.group) || a.rank - b.rank || a.bound - b.bound || compare(a.name, b.name))
}

/**
 * The histograms and summaries among series that came without a type (a scraper passes types on only when told to): what
 * has buckets or quantiles is one.
 */
function shapesOf(store: SeriesStore): ReadonlyMap<string, MetricType> {
  const shapes = new Map<string, MetricType>()
  for (const entry of store.entries()) {
    const type = entry.series.metadata?.type ?? MetricType.unknown
    if (type !== MetricType.unknown) continue
    const name = labelValue(entry.labels, '__name__')
    if (name.endsWith('_bucket')) {
      if (labelValue(entry.labels, 'le') !== '') shapes.set(name.slice(0, -'_bucket'.length), MetricType.histogram)
    } else if (labelValue(entry.labels, 'quantile') !== '') shapes.set(name, MetricType.summary)
  }
  return shapes
}

const histogramParts = ['_bucket', '_sum', '_count']
const summaryParts = ['_sum', '_count']

/**
 * The family that a series of this name belongs to, by what the name ends with: relabelling may have renamed it, so the
 * family that its metadata names is no help.
 */
function familyOf(
  name: string,
  type: MetricType | undefined,
  shapes: ReadonlyMap<string, MetricType>,
): [name: string, type: MetricType] {
  switch (type) {
    case MetricType.counter:
      return [name, name.endsWith('_created') ? 'gauge' : 'counter']
    case MetricType.gauge:
    case MetricType.info:
    case MetricType.stateset:
      return [name, 'gauge']
    case MetricType.histogram:
    case MetricType.gaugehistogram: {
      const part = histogramParts.find((end) => name.endsWith(end))
      return part === undefined ? [name, MetricType.unknown] : [name.slice(0, -part.length), 'histogram']
    }
    case MetricType.summary: {
      const part = summaryParts.find((end) => name.endsWith(end))
      if (name.endsWith('_created')) return [name, 'gauge']
      return [part === undefined ? name : name.slice(0, -part.length), 'summary']
    }
    case MetricType.unknown:
    case undefined: {
      const part = histogramParts.find((end) => name.endsWith(end))
      const base = part === undefined ? name : name.slice(0, -part.length)
      const shape = shapes.get(base) ?? MetricType.unknown
      if (shape === MetricType.histogram && part !== undefined) return [base, shape]
      if (shape === MetricType.summary && part !== '_bucket') return [base, shape]
      return [name, shapes.get(name) === MetricType.summary ? MetricType.summary : MetricType.unknown]
    }
  }
}

function lineOf(entry: Entry, name: string, type: MetricType): Line {
  const inner = type === 'histogram' ? 'le' : type === 'summary' ? 'quantile' : ''
  let group = ''
  let bound = 0
  for (let i = 0; i < entry.labels.length; i += 2) {
    const label = entry.labels[i] as string
    if (label === '__name__') continue
    if (label === inner) bound = Number((entry.labels[i + 1] as string).replace('+Inf', 'Infinity'))
    else group += `${label}\0${entry.labels[i + 1]}\0`
  }
  // Buckets and quantiles, then the sum, then the count.
  const rank = inner === '' ? 0 : name.endsWith('_sum') ? 1 : name.endsWith('_count') ? 2 : 0
  return { entry, name, group, rank, bound: Number.isNaN(bound) ? 0 : bound }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
