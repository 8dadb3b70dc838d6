// One line on its way through the stages, with what was extracted from it.
import { string } from '#component'
import type { Labels } from '#pdata'

/** What stages extract. */
export type Extracted = string | number | boolean | null

/** Changed by the stages; label sets are copied when changed. */
export class Line {
  labels: Labels
  timestampNs: bigint
  text: string
  /** Structured metadata: names and values in turn, sorted by name; null: none. */
  metadata: Labels | null
  readonly #initial: Labels
  #extracted: Map<string, Extracted> | null

  constructor(labels: Labels, timestampNs: bigint, text: string, metadata: Labels | null) {
    this.labels = labels
    this.timestampNs = timestampNs
    this.text = text
    this.metadata = metadata
    this.#initial = labels
    this.#extracted = null
  }

  /** The labels that the line came with, then what stages add. */
  get extracted(): Map<string, Extracted> {
    if (this.#extracted === null) {
      this.#extracted = new Map()
      addLabels(this.#extracted, this.#initial)
    }
    return this.#extracted
  }

  /** A line of its own with the same content. */
  copy(): Line {
    const copy = new Line(this.#initial, this.timestampNs, this.text, this.metadata)
    copy.labels = this.labels
    copy.#extracted = this.#extracted === null ? null : new Map(this.#extracted)
    return copy
  }

  /** Labels as they are now become extracted values, as at the start of every pipeline. */
  extractLabels(): void {
    addLabels(this.extracted, this.labels)
  }

  /** The extracted value as text; undefined: there is none, or it is null. */
  extractedText(name: string): string | undefined {
    const value = this.extracted.get(name)
    return value === undefined || value === null ? undefined : textOf(value)
  }

  /** What a stage with an optional `source` works on: the line where it is undefined or ''. */
  input(source: string | undefined): string | undefined {
    return source === undefined || source === '' ? this.text : this.extractedText(source)
  }

  setLabel(name: string, value: string): void {
    this.labels = sharedWithLabel(this.labels, name, value)
  }

  setMetadata(name: string, value: string): void {
    this.metadata = withLabel(this.metadata ?? [], name, value)
  }
}

function addLabels(to: Map<string, Extracted>, labels: Labels): void {
  for (let i = 0; i < labels.length; i += 2) to.set(labels[i] as string, labels[i + 1] as string)
}

/** `true`, `1.5`: numbers without an exponent. */
export function textOf(value: Exclude<Extracted, null>): string {
  if (typeof value === 'string') return value
  return typeof value === 'boolean' ? String(value) : string.decode(value)
}

/** `labels` with one set. A value may be empty here: Alloy sends such a label on, and Loki takes it for none. */
export function withLabel(labels: Labels, name: string, value: string): Labels {
  let at = 0
  while (at < labels.length && (labels[at] as string) < name) at += 2
  const isThere = labels[at] === name
  if (isThere && labels[at + 1] === value) return labels
  return [...labels.slice(0, at), name, value, ...labels.slice(isThere ? at + 2 : at)]
}

/** Of a label set with one more label, so many values are remembered. */
const rememberedMax = 256
const derived = new WeakMap<Labels, Map<string, Map<string, Labels>>>()

/**
 * As `withLabel`. The same label set gives the same object again: what is worked out for it (its key, its place in a batch)
 * need not be worked out for every line.
 */
function sharedWithLabel(labels: Labels, name: string, value: string): Labels {
  let byName = derived.get(labels)
  if (byName === undefined) derived.set(labels, (byName = new Map()))
  let byValue = byName.get(name)
  if (byValue === undefined) byName.set(name, (byValue = new Map()))
  const known = byValue.get(value)
  if (known !== undefined) return known
  if (byValue.size >= rememberedMax) byValue.clear()
  const made = withLabel(labels, name, value)
  byValue.set(value, made)
  return made
}

/** `labels` without those that `isOut`. */
export function withoutLabels(labels: Labels, isOut: (name: string) => boolean): Labels {
  let out: string[] | null = null
  for (let i = 0; i < labels.length; i += 2) {
    if (isOut(labels[i] as string)) out ??= labels.slice(0, i) as string[]
    else out?.push(labels[i] as string, labels[i + 1] as string)
  }
  return out ?? labels
}

const keys = new WeakMap<Labels, string>()

/** The same text for equal label sets. */
export function labelsKey(labels: Labels): string {
  let key = keys.get(labels)
  if (key === undefined) {
    key = JSON.stringify(labels)
    keys.set(labels, key)
  }
  return key
}

/** At most `bytes` bytes of UTF-8 from the beginning of `text`, whole characters only. */
export function cutToBytes(text: string, bytes: number): string {
  const encoded = Buffer.from(text)
  let end = Math.min(bytes, encoded.length)
  while (end > 0 && ((encoded[end] ?? 0) & 0xc0) === 0x80) end--
  return encoded.toString('utf8', 0, end)
}
