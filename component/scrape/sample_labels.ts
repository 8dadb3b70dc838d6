// The label set under which a scraped series goes on: its own labels and its target's.
import type { Labels } from '#pdata'
import { labelsText } from '#pdata'
import { LimitError } from '#pdata/exposition'

export interface SampleLabelsOptions {
  /** Where a series has a label of the target, keep the series' own; else it goes on as `exported_…`. */
  readonly honorLabels: boolean
  /** Of the label set as it goes on, its name included; 0: no limit. Lengths are in bytes. */
  readonly labelLimit: number
  readonly labelNameLengthLimit: number
  readonly labelValueLengthLimit: number
  /** `legacy`: names of letters, digits, underscores (and colons). `utf8`: any text. */
  readonly nameScheme: 'legacy' | 'utf8'
}

const legacyMetricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const legacyLabelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/

/**
 * Makes the label sets of one target's series (Prometheus scrape/scrape.go, mutateSampleLabels). The function made throws
 * `LimitError` where a limit is passed, `Error` for names that may not be.
 */
export function sampleLabels(target: Labels, options: SampleLabelsOptions): (exposed: readonly string[]) => Labels {
  return (exposed) => {
    const labels = checkedCopy(exposed)
    if (options.honorLabels) addHonored(labels, target)
    else addTarget(labels, target)
    const sorted = sortedWithoutEmpty(labels)
    checkNames(sorted, options)
    checkLimits(sorted, options)
    // A copy is as long as it has to be; what grew by pushing has room for ten more strings (80 bytes a series).
    return sorted.slice()
  }
}

function indexOfName(labels: readonly string[], name: string): number {
  for (let i = 0; i < labels.length; i += 2) if (labels[i] === name) return i
  return -1
}

function checkedCopy(exposed: readonly string[]): string[] {
  const labels = exposed.slice()
  for (let i = 2; i < labels.length; i += 2) {
    if (indexOfName(labels, labels[i] as string) < i) {
      throw new Error(`label name ${JSON.stringify(labels[i])} is not unique: invalid sample`)
    }
  }
  return labels
}

function addHonored(labels: string[], target: Labels): void {
  for (let i = 0; i < target.length; i += 2) {
    // An empty label of the series counts too: it takes the target's away.
    if (indexOfName(labels, target[i] as string) < 0) labels.push(target[i] as string, target[i + 1] as string)
  }
}

function addTarget(labels: string[], target: Labels): void {
  let conflicts: [string, string][] | null = null
  for (let i = 0; i < target.length; i += 2) {
    const name = target[i] as string
    const at = indexOfName(labels, name)
    if (at < 0) labels.push(name, target[i + 1] as string)
    else {
      if (labels[at + 1] !== '') (conflicts ??= []).push([name, labels[at + 1] as string])
      labels[at + 1] = target[i + 1] as string
    }
  }
  if (!conflicts) return
  conflicts.sort(([a], [b]) => a.length - b.length)
  for (const [name, value] of conflicts) {
    let renamed = `exported_${name}`
    for (let at = indexOfName(labels, renamed); at >= 0 && labels[at + 1] !== ''; at = indexOfName(labels, renamed)) {
      renamed = `exported_${renamed}`
    }
    const empty = indexOfName(labels, renamed)
    if (empty >= 0) labels[empty + 1] = value
    else labels.push(renamed, value)
  }
}

/** By insertion: a dozen labels, most of them in order already. */
function sortedWithoutEmpty(labels: readonly string[]): string[] {
  const out: string[] = []
  for (let i = 0; i < labels.length; i += 2) {
    const name = labels[i] as string
    const value = labels[i + 1] as string
    if (value === '') continue
    let at = out.length
    out.push(name, value)
    for (; at > 0 && (out[at - 2] as string) > name; at -= 2) {
      out[at] = out[at - 2] as string
      out[at + 1] = out[at - 1] as string
    }
    out[at] = name
    out[at + 1] = value
  }
  return out
}

function checkNames(labels: Labels, options: SampleLabelsOptions): void {
  const at = indexOfName(labels, '__name__')
  if (at < 0) throw new Error('missing metric name (__name__ label)')
  if (options.nameScheme === 'utf8') return
  for (let i = 0; i < labels.length; i += 2) {
    const valid = i === at ? legacyMetricName.test(labels[i + 1] as string) : legacyLabelName.test(labels[i] as string)
    if (!valid) throw new Error(`invalid metric name or label names: ${labelsText(labels)}`)
  }
}

function checkLimits(labels: Labels, options: SampleLabelsOptions): void {
  const { labelLimit, labelNameLengthLimit, labelValueLengthLimit } = options
  if (labelLimit === 0 && labelNameLengthLimit === 0 && labelValueLengthLimit === 0) return
  const metric = (): string => (labels[indexOfName(labels, '__name__') + 1] as string).slice(0, 50)
  if (labelLimit > 0 && labels.length / 2 > labelLimit) {
    const message = `label_limit exceeded (metric: ${metric()}, number of labels: ${labels.length / 2}, limit: ${labelLimit})`
    throw new LimitError('label_limit', message)
  }
  for (let i = 0; i < labels.length; i += 2) {
    const name = labels[i] as string
    const value = labels[i + 1] as string
    const nameLength = Buffer.byteLength(name)
    if (labelNameLengthLimit > 0 && nameLength > labelNameLengthLimit) {
      const place = `metric: ${metric()}, label name: ${name.slice(0, 50)}`
      const message = `label_name_length_limit exceeded (${place}, length: ${nameLength}, limit: ${labelNameLengthLimit})`
      throw new LimitError('label_name_length_limit', message)
    }
    const length = Buffer.byteLength(value)
    if (labelValueLengthLimit > 0 && length > labelValueLengthLimit) {
      const place = `metric: ${metric()}, label name: ${name.slice(0, 50)}, value: ${JSON.stringify(value.slice(0, 50))}`
      const message = `label_value_length_limit exceeded (${place}, length: ${length}, limit: ${labelValueLengthLimit})`
      throw new LimitError('label_value_length_limit', message)
    }
  }
}
