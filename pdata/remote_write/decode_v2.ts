// Remote write 2.0: Request messages, whose series refer to a table of symbols.
import { ByteWriter } from '#lib/byte_writer'
import type { Labels, Series } from '../series.ts'
import { Metadata } from '../series.ts'
import type { Decoding } from './decode.ts'
import type { SeriesInterner } from './interner.ts'
import { readHistogram } from './decode_histogram.ts'
import { readLabels, textOf } from './decode_labels.ts'
import { takeHistogram, takeSample } from './decode_sample.ts'
import { metricTypeOf } from './metric_type.ts'
import { DecodeError, FieldReader } from './reader.ts'

/** Label bytes of all series together may be this many times the message's limit: symbols let few bytes name many. */
const expansionMax = 8

/** Suffixes of the series of a family, by type: remote write 2.0 does not name the family. */
const familySuffixes: Readonly<Record<string, readonly string[]>> = {
  histogram: ['_bucket', '_count', '_sum'],
  gaugehistogram: ['_bucket', '_gcount', '_gsum'],
  summary: ['_count', '_sum'],
}

/** Where the symbols stand in the message. */
class Symbols {
  readonly #starts: number[] = []
  readonly #ends: number[] = []
  /** The interner's numbers, looked up when first needed; 0: not yet. */
  readonly #numbers: number[] = []

  get count(): number {
    return this.#starts.length
  }

  add(start: number, end: number): void {
    this.#starts.push(start)
    this.#ends.push(end)
    this.#numbers.push(0)
  }

  /** The interner's number of a symbol; 0 for references beyond the table. */
  numberOf(ref: number, bytes: Uint8Array, interner: SeriesInterner): number {
    const known = this.#numbers[ref]
    if (known === undefined) return 0
    if (known !== 0) return known
    const number = interner.symbolOf(bytes, this.#starts[ref]!, this.#ends[ref]!)
    this.#numbers[ref] = number
    return number
  }

  startOf(ref: number): number {
    return this.#starts[ref]!
  }

  endOf(ref: number): number {
    return this.#ends[ref]!
  }
}

/** Read a whole Request. Throws `DecodeError`. */
export function decodeMessageV2(reader: FieldReader, decoding: Decoding): void {
  const end = reader.bytes.length
  const symbols = new Symbols()
  // Symbols may stand anywhere, also after the series that refer to them.
  while (reader.at < end) {
    const tag = reader.tag(end)
    if (tag !== 0x22) {
      reader.skip(tag, end)
      continue
    }
    decoding.budget.spend(1, reader.at)
    const partEnd = reader.part(end)
    symbols.add(reader.at, partEnd)
    reader.at = partEnd
  }
  const decoder = new SeriesDecoder(reader, symbols, decoding)
  reader.at = 0
  while (reader.at < end) {
    const tag = reader.tag(end)
    if (tag === 0x2a) decoder.readSeries(reader.part(end))
    else reader.skip(tag, end)
  }
}

class SeriesDecoder {
  readonly #reader: FieldReader
  readonly #symbols: Symbols
  readonly #decoding: Decoding
  /** The key of the series at hand: the interner's numbers of its symbols. */
  readonly #key: ByteWriter
  /** The labels of the series or exemplar at hand, as version 1 writes them. */
  readonly #labels: ByteWriter
  #expandedLeft: number
  readonly #refs: number[]
  #type: number
  #helpRef: number
  #unitRef: number

  constructor(reader: FieldReader, symbols: Symbols, decoding: Decoding) {
    this.#reader = reader
    this.#symbols = symbols
    this.#decoding = decoding
    this.#key = new ByteWriter(256)
    this.#labels = new ByteWriter(256)
    this.#expandedLeft = decoding.limits.decodedBytesMax * expansionMax
    this.#refs = []
    this.#type = 0
    this.#helpRef = 0
    this.#unitRef = 0
  }

  readSeries(end: number): void {
    const reader = this.#reader
    const start = reader.at
    const hasExemplars = this.#readHead(end)
    const series = this.#seriesOf()
    let slot = -1
    let isEmpty = true
    reader.at = start
    while (reader.at < end) {
      const tag = reader.tag(end)
      if (tag === 0x12) {
        isEmpty = false
        slot = Math.max(slot, takeSample(reader, reader.part(end), series, this.#decoding))
      } else if (tag === 0x1a) {
        isEmpty = false
        this.#decoding.budget.spend(1, reader.at)
        const raw = readHistogram(reader, reader.part(end), this.#decoding.budget)
        slot = Math.max(slot, takeHistogram(raw, series, this.#decoding))
      } else {
        reader.skip(tag, end)
      }
    }
    if (!hasExemplars) return
    reader.at = start
    while (reader.at < end) {
      const tag = reader.tag(end)
      if (tag === 0x22) this.#readExemplar(reader.part(end), series, slot, isEmpty)
      else reader.skip(tag, end)
    }
  }

  /** Read label references and metadata. True when the series has exemplars. */
  #readHead(end: number): boolean {
    const reader = this.#reader
    this.#refs.length = 0
    this.#type = 0
    this.#helpRef = 0
    this.#unitRef = 0
    let hasExemplars = false
    while (reader.at < end) {
      const tag = reader.tag(end)
      if (tag === 0x0a || tag === 0x08) {
        this.#readRefs(tag, end)
      } else if (tag === 0x2a) {
        this.#readMetadata(reader.part(end))
      } else {
        if (tag === 0x22) hasExemplars = true
        reader.skip(tag, end)
      }
    }
    return hasExemplars
  }

  /** Append references, packed or single, to `#refs`: one more than the limit at most, which refuses the series. */
  #readRefs(tag: number, end: number): void {
    const reader = this.#reader
    const refsMax = this.#decoding.limits.labelsMax * 2
    const partEnd = tag === 0x0a ? reader.part(end) : end
    do {
      if (tag === 0x0a && reader.at >= partEnd) return
      const ref = reader.uint32(partEnd)
      if (this.#refs.length <= refsMax) this.#refs.push(ref)
    } while (tag === 0x0a)
  }

  #readMetadata(end: number): void {
    const reader = this.#reader
    while (reader.at < end) {
      const tag = reader.tag(end)
      if (tag === 0x08) this.#type = reader.uint32(end)
      else if (tag === 0x18) this.#helpRef = reader.uint32(end)
      else if (tag === 0x20) this.#unitRef = reader.uint32(end)
      else reader.skip(tag, end)
    }
  }

  /** The series at hand, or why it is refused. */
  #seriesOf(): Series | string {
    const interner = this.#decoding.interner
    if (!this.#writeKey()) return this.#makeSeries()
    const key = this.#key
    return interner.find(key.buffer, 0, key.length) ?? this.#makeSeries()
  }

  /**
   * Write a key: a zero, which no key of version 1 begins with, and the numbers of the symbols and of the type. False when
   * something is wrong with the references.
   */
  #writeKey(): boolean {
    const refs = this.#refs
    const symbols = this.#symbols
    const bytes = this.#reader.bytes
    const interner = this.#decoding.interner
    if (refs.length > this.#decoding.limits.labelsMax * 2) return false
    const key = this.#key
    key.reset()
    key.byte(0)
    for (let i = 0; i < refs.length; i++) {
      const ref = refs[i]!
      if (ref >= symbols.count) return false
      key.varint(symbols.numberOf(ref, bytes, interner))
    }
    const hasMetadata = this.#type !== 0 || this.#helpRef !== 0 || this.#unitRef !== 0
    if (!hasMetadata) return true
    if (Math.max(this.#helpRef, this.#unitRef) >= symbols.count) return false
    key.byte(0)
    key.varint(this.#type)
    key.varint(symbols.numberOf(this.#helpRef, bytes, interner))
    key.varint(symbols.numberOf(this.#unitRef, bytes, interner))
    return true
  }

  /** Make the series at hand, whose key is written, or say why it is refused. */
  #makeSeries(): Series | string {
    const { interner, limits } = this.#decoding
    const problem = this.#writeLabels()
    if (problem !== null) return problem
    const hasMetadata = this.#type !== 0 || this.#helpRef !== 0 || this.#unitRef !== 0
    if (hasMetadata) {
      const refMax = Math.max(this.#helpRef, this.#unitRef)
      if (refMax !== 0 && refMax >= this.#symbols.count) return 'a reference of metadata is not in the symbols'
      const textLength = this.#lengthOf(this.#helpRef) + this.#lengthOf(this.#unitRef)
      if (textLength > limits.labelBytesMax) return `a series has more than ${limits.labelBytesMax} bytes of metadata`
      this.#spendExpanded(textLength)
    }
    const bytes = this.#labels.view()
    const labels = readLabels(new FieldReader(bytes), bytes.length, { labelsMax: limits.labelsMax, needsName: true })
    if (typeof labels === 'string') return labels
    const metadata = hasMetadata ? this.#metadataOf(labels) : null
    if (typeof metadata === 'string') return metadata
    const key = this.#key
    return interner.add(key.buffer, 0, key.length, labels, metadata)
  }

  #lengthOf(ref: number): number {
    return ref < this.#symbols.count ? this.#symbols.endOf(ref) - this.#symbols.startOf(ref) : 0
  }

  #spendExpanded(bytes: number): void {
    this.#expandedLeft -= bytes
    if (this.#expandedLeft < 0) throw new DecodeError(this.#reader.at, 'its symbols stand for too many bytes')
  }

  /** Write the labels that `#refs` name as version 1 does. Gives why they are refused, or null. */
  #writeLabels(): string | null {
    const { limits } = this.#decoding
    const refs = this.#refs
    const symbols = this.#symbols
    if (refs.length % 2 !== 0 && refs.length <= limits.labelsMax * 2)
      return 'a series has an odd number of label references'
    if (refs.length > limits.labelsMax * 2) return `a series has more than ${limits.labelsMax} labels`
    let total = 0
    for (let i = 0; i < refs.length; i++) {
      const ref = refs[i]!
      if (ref >= symbols.count) return 'a label reference is not in the symbols'
      total += symbols.endOf(ref) - symbols.startOf(ref)
    }
    if (total > limits.labelBytesMax) return `a series has more than ${limits.labelBytesMax} bytes of labels`
    this.#spendExpanded(total)
    const labels = this.#labels
    labels.reset()
    for (let i = 0; i < refs.length; i += 2) {
      labels.byte(0x0a)
      const start = labels.beginLength()
      this.#writeSymbol(0x0a, refs[i]!)
      this.#writeSymbol(0x12, refs[i + 1]!)
      labels.endLength(start)
    }
    return null
  }

  #writeSymbol(tag: number, ref: number): void {
    const start = this.#symbols.startOf(ref)
    const end = this.#symbols.endOf(ref)
    this.#labels.byte(tag)
    this.#labels.varint(end - start)
    this.#labels.bytes(this.#reader.bytes.subarray(start, end))
  }

  /** The metadata at hand, or why it is refused. */
  #metadataOf(labels: Labels): Metadata | string {
    const help = this.#textOf(this.#helpRef)
    const unit = this.#textOf(this.#unitRef)
    if (help === null || unit === null) return 'metadata is not valid UTF-8'
    const type = metricTypeOf(this.#type)
    const nameAt = labels.indexOf('__name__')
    return new Metadata(familyOf(labels[nameAt + 1] ?? '', type), type, help, unit)
  }

  #textOf(ref: number): string | null {
    if (ref >= this.#symbols.count) return ''
    return textOf(this.#reader.bytes, this.#symbols.startOf(ref), this.#symbols.endOf(ref))
  }

  #readExemplar(end: number, series: Series | string, slot: number, isEmpty: boolean): void {
    const reader = this.#reader
    const decoding = this.#decoding
    decoding.budget.spend(1, reader.at)
    this.#refs.length = 0
    let value = 0
    let timestampMs = 0
    while (reader.at < end) {
      const tag = reader.tag(end)
      if (tag === 0x0a || tag === 0x08) this.#readRefs(tag, end)
      else if (tag === 0x11) value = reader.float64(end)
      else if (tag === 0x18) timestampMs = reader.int64(end)
      else reader.skip(tag, end)
    }
    let problem = typeof series === 'string' ? series : null
    if (isEmpty) problem ??= 'a series has neither samples nor histograms'
    if (slot < 0) problem ??= 'an exemplar belongs to no sample that was taken'
    if (!Number.isSafeInteger(timestampMs)) problem ??= 'a timestamp is out of range'
    problem ??= this.#writeLabels()
    if (problem === null) {
      const bytes = this.#labels.view()
      const rules = { labelsMax: decoding.limits.labelsMax, needsName: false }
      const labels = readLabels(new FieldReader(bytes), bytes.length, rules)
      if (typeof labels !== 'string') {
        decoding.columns.addExemplar(slot, labels, value, timestampMs)
        decoding.exemplars++
        return
      }
      problem = labels
    }
    decoding.refuse('exemplars', problem)
  }
}

/** The family of a series of `type`: its name without the suffix that such series have. */
function familyOf(name: string, type: string): string {
  for (const suffix of familySuffixes[type] ?? []) {
    if (name.endsWith(suffix) && name.length > suffix.length) return name.slice(0, -suffix.length)
  }
  return name
}
