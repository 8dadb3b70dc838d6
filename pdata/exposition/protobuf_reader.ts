// Reads the protobuf exposition (delimited io.prometheus.client.MetricFamily messages) into a series cache.
import { isUtf8 } from 'node:buffer'
import type { HistogramSpan, NativeHistogram } from '#pdata'
import { MetricType } from '#pdata'
import { formatOpenMetricsFloat } from './go_float.ts'
import { ExpositionError } from './line.ts'
import { limitedHistogram } from './native_histogram.ts'
import type { SeriesCache } from './series_cache.ts'
import { sortedPairs } from './text_reader.ts'

/** MetricType in metrics.proto. */
const types: readonly MetricType[] = [
  MetricType.counter,
  MetricType.gauge,
  MetricType.summary,
  MetricType.unknown,
  MetricType.histogram,
  MetricType.gaugehistogram,
]

/** Buckets that one histogram may have: spans could name billions in a few bytes. */
const bucketsMax = 100_000

function malformed(what: string): ExpositionError {
  return new ExpositionError(`cannot read the protobuf exposition: ${what}`, 0, 0)
}

/** Walks over the fields of one message. */
class Message {
  readonly bytes: Uint8Array
  at: number
  readonly end: number
  field = 0
  #wire = 0

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes
    this.at = start
    this.end = end
  }

  /** Go to the next field. False: there is none. */
  next(): boolean {
    if (this.at >= this.end) return false
    const tag = this.varint()
    this.field = Math.floor(tag / 8)
    this.#wire = tag % 8
    if (this.field === 0) throw malformed('field number 0')
    return true
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      if (this.at >= this.end) throw malformed('a number ends early')
      const byte = this.bytes[this.at++] as number
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
    throw malformed('a number is too long')
  }

  /** A varint with the zigzag of `sint32` and `sint64`, exact within 2^53. */
  zigzag(): number {
    const value = this.varint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  /** A varint that holds a two's complement int64. */
  int64(): number {
    const start = this.at
    const value = this.varint()
    if (this.at - start < 10) return value
    let big = 0n
    for (let i = this.at - 1; i >= start; i--) big = (big << 7n) | BigInt((this.bytes[i] as number) & 0x7f)
    return Number(BigInt.asIntN(64, big))
  }

  expect(wire: number): void {
    if (this.#wire !== wire) throw malformed(`field ${this.field} has the wrong type`)
  }

  get packed(): boolean {
    return this.#wire === 2
  }

  double(): number {
    this.expect(1)
    return this.rawDouble()
  }

  rawDouble(): number {
    if (this.at + 8 > this.end) throw malformed('a float ends early')
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + this.at, 8)
    this.at += 8
    return view.getFloat64(0, true)
  }

  number(): number {
    this.expect(0)
    return this.varint()
  }

  message(): Message {
    this.expect(2)
    const length = this.varint()
    if (this.at + length > this.end) throw malformed('a message ends early')
    const inner = new Message(this.bytes, this.at, this.at + length)
    this.at += length
    return inner
  }

  string(): string {
    const inner = this.message()
    const bytes = Buffer.from(this.bytes.buffer, this.bytes.byteOffset + inner.at, inner.end - inner.at)
    if (!isUtf8(bytes)) throw malformed('text that is not UTF-8')
    return bytes.toString('utf8')
  }

  skip(): void {
    if (this.#wire === 0) this.varint()
    else if (this.#wire === 1) this.at += 8
    else if (this.#wire === 2) this.message()
    else if (this.#wire === 5) this.at += 4
    else throw malformed(`wire type ${this.#wire}`)
    if (this.at > this.end) throw malformed('a field ends early')
  }
}

interface Exemplar {
  readonly start: number
  readonly end: number
  readonly labels: string[]
  readonly value: number
  readonly timestampMs: number | undefined
}

interface Bucket {
  readonly bound: number
  readonly count: number
  readonly exemplar: Exemplar | undefined
}

/** A metric's labels stay bytes until they are needed. */
interface Metric {
  readonly labels: Message[]
  readonly value: Message | undefined
  readonly timestampMs: number | undefined
}

/** Emits samples. Keys are the family's name, the labels' bytes and what tells the samples of one metric apart. */
class Emitter {
  readonly cache: SeriesCache
  readonly bytes: Uint8Array
  #key = new Uint8Array(256)
  #keyLength = 0
  #metricLength = 0
  #family = ''
  #metric: Metric | null = null
  #same: boolean

  constructor(cache: SeriesCache, bytes: Uint8Array) {
    this.cache = cache
    this.bytes = bytes
    this.#same = !cache.formatChanged
    if (!this.#same) cache.diverge(0)
  }

  metric(family: string, familyBytes: Uint8Array, metric: Metric): void {
    this.#family = family
    this.#metric = metric
    this.#keyLength = 0
    this.#append(familyBytes, 0, familyBytes.length)
    for (const label of metric.labels) this.#append(this.bytes, label.at, label.end)
    this.#metricLength = this.#keyLength
  }

  /** Each part with its length, so that no two lists of parts look the same. */
  #append(source: Uint8Array, start: number, end: number): void {
    const need = this.#keyLength + (end - start) + 4
    if (need > this.#key.length) {
      const grown = new Uint8Array(need * 2)
      grown.set(this.#key.subarray(0, this.#keyLength))
      this.#key = grown
    }
    const length = end - start
    for (let i = 0; i < 4; i++) this.#key[this.#keyLength++] = (length >>> (8 * i)) & 0xff
    this.#key.set(source.subarray(start, end), this.#keyLength)
    this.#keyLength += length
  }

  /** One sample of the metric. `extraName` `''`: no label beside the metric's own. */
  sample(
    suffix: string,
    extraName: string,
    extra: number,
    value: number,
    histogram: NativeHistogram | null,
    startMs: number,
  ): number {
    this.#keyLength = this.#metricLength
    const tail = Buffer.allocUnsafe(suffix.length + 8)
    tail.write(suffix, 0, 'latin1')
    tail.writeDoubleLE(extraName === '' ? 0 : extra, suffix.length)
    this.#append(tail, 0, tail.length)
    const { cache } = this
    const slot = this.#slot(suffix, extraName, extra)
    cache.sample(slot, value, (this.#metric as Metric).timestampMs, histogram)
    if (startMs !== 0) cache.columns.setStart(slot, startMs)
    return slot
  }

  #slot(suffix: string, extraName: string, extra: number): number {
    const { cache } = this
    const slot = cache.columns.count
    if (this.#same) {
      if (cache.isSame(slot, this.#key, 0, this.#keyLength)) return slot
      this.#same = false
      cache.diverge(slot)
    }
    const known = cache.place(this.#key, 0, this.#keyLength, 0)
    if (known >= 0) return known
    const name = this.#family + suffix
    const exposed = ['__name__', name]
    for (const label of (this.#metric as Metric).labels) {
      const [labelName, labelValue] = readLabel(label)
      exposed.push(labelName, labelValue)
    }
    if (extraName !== '') exposed.push(extraName, formatOpenMetricsFloat(extra))
    return cache.create(this.#key, 0, this.#keyLength, 0, exposed, name)
  }

  exemplar(slot: number, exemplar: Exemplar | undefined, timestampNeeded: boolean): void {
    if (!exemplar || (timestampNeeded && exemplar.timestampMs === undefined)) return
    if (this.cache.isLastExemplar(slot, this.bytes, exemplar.start, exemplar.end)) return
    this.cache.rememberExemplar(slot, this.bytes, exemplar.start, exemplar.end)
    this.cache.columns.addExemplar(sortedPairs(exemplar.labels), exemplar.value, exemplar.timestampMs)
  }

  /** Everything was read: an exposition that only got shorter is another one, too. */
  finish(): void {
    const { cache } = this
    if (this.#same && cache.columns.count !== cache.table.count) cache.diverge(cache.columns.count)
  }
}

/** Read a whole exposition. Throws `ExpositionError`, or what the cache's `makeLabels` throws. */
export function readProtobuf(cache: SeriesCache, bytes: Uint8Array): void {
  const emitter = new Emitter(cache, bytes)
  const all = new Message(bytes, 0, bytes.length)
  while (all.at < all.end) {
    const length = all.varint()
    if (all.at + length > all.end) throw malformed('a metric family ends early')
    readFamily(emitter, new Message(bytes, all.at, all.at + length))
    all.at += length
  }
  emitter.finish()
}

function readFamily(emitter: Emitter, family: Message): void {
  let name = ''
  let nameBytes = new Uint8Array(0)
  let help = ''
  let unit = ''
  let type = 0
  const metrics: Message[] = []
  while (family.next()) {
    if (family.field === 1) {
      const start = family.at
      name = family.string()
      nameBytes = Uint8Array.prototype.slice.call(family.bytes, start, family.at)
    } else if (family.field === 2) help = family.string()
    else if (family.field === 3) type = family.number()
    else if (family.field === 4) metrics.push(family.message())
    else if (family.field === 5) unit = family.string()
    else family.skip()
  }
  if (name === '') throw malformed('a metric family without a name')
  const metricType = types[type]
  if (metricType === undefined) throw malformed(`unknown metric type ${type} of family ${JSON.stringify(name)}`)
  emitter.cache.beginFamily(name, metricType, help, unit)
  for (const message of metrics) {
    const metric = readMetric(message, valueFields[metricType] ?? 0)
    emitter.metric(name, nameBytes, metric)
    if (metricType === MetricType.histogram || metricType === MetricType.gaugehistogram)
      emitHistogram(emitter, metric, metricType)
    else if (metricType === MetricType.summary) emitSummary(emitter, metric)
    else emitSimple(emitter, metric, metricType)
  }
}

/** The field of Metric that holds the value, by type. */
const valueFields: Partial<Record<MetricType, number>> = {
  gauge: 2,
  counter: 3,
  summary: 4,
  unknown: 5,
  histogram: 7,
  gaugehistogram: 7,
}

function readMetric(metric: Message, valueField: number): Metric {
  const labels: Message[] = []
  let value: Message | undefined
  let timestampMs: number | undefined
  while (metric.next()) {
    if (metric.field === 1) labels.push(metric.message())
    else if (metric.field === valueField) value = metric.message()
    else if (metric.field === 6) {
      metric.expect(0)
      timestampMs = metric.int64() || undefined
    } else metric.skip()
  }
  return { labels, value, timestampMs }
}

function readLabel(label: Message): [string, string] {
  const again = new Message(label.bytes, label.at, label.end)
  let name = ''
  let value = ''
  while (again.next()) {
    if (again.field === 1) name = again.string()
    else if (again.field === 2) value = again.string()
    else again.skip()
  }
  return [name, value]
}

function emitSimple(emitter: Emitter, metric: Metric, type: MetricType): void {
  const { value: message } = metric
  if (!message) throw malformed(`a ${type} without a value`)
  let value = 0
  let exemplar: Exemplar | undefined
  let startMs = 0
  while (message.next()) {
    if (message.field === 1) value = message.double()
    else if (type === MetricType.counter && message.field === 2) exemplar = readExemplar(message.message())
    else if (type === MetricType.counter && message.field === 3) startMs = readTimestamp(message.message())
    else message.skip()
  }
  const starts = emitter.cache.options.startTimestamps
  const slot = emitter.sample('', '', 0, value, null, starts ? startMs : 0)
  emitter.exemplar(slot, exemplar, false)
}

function emitSummary(emitter: Emitter, metric: Metric): void {
  const { value: message } = metric
  if (!message) throw malformed('a summary without a value')
  let count = 0
  let sum = 0
  let startMs = 0
  const quantiles: [number, number][] = []
  while (message.next()) {
    if (message.field === 1) count = message.number()
    else if (message.field === 2) sum = message.double()
    else if (message.field === 3) {
      const inner = message.message()
      let quantile = 0
      let value = 0
      while (inner.next()) {
        if (inner.field === 1) quantile = inner.double()
        else if (inner.field === 2) value = inner.double()
        else inner.skip()
      }
      quantiles.push([quantile, value])
    } else if (message.field === 4) startMs = readTimestamp(message.message())
    else message.skip()
  }
  if (!emitter.cache.options.startTimestamps) startMs = 0
  emitter.sample('_count', '', 0, count, null, startMs)
  emitter.sample('_sum', '', 0, sum, null, startMs)
  for (const [quantile, value] of quantiles) emitter.sample('', 'quantile', quantile, value, null, startMs)
}

/** The Histogram message, as far as it was filled. */
class HistogramFields {
  count = 0
  sum = 0
  countFloat = 0
  schema = 0
  zeroThreshold = 0
  zeroCount = 0
  zeroCountFloat = 0
  buckets: Bucket[] = []
  positiveSpans: HistogramSpan[] = []
  negativeSpans: HistogramSpan[] = []
  positiveDeltas: number[] = []
  negativeDeltas: number[] = []
  positiveCounts: number[] = []
  negativeCounts: number[] = []
  exemplars: Exemplar[] = []
  startMs = 0
  #spanned = 0

  constructor(message: Message) {
    while (message.next()) this.#field(message)
  }

  #field(message: Message): void {
    switch (message.field) {
      case 1:
        this.count = message.number()
        break
      case 2:
        this.sum = message.double()
        break
      case 3:
        this.buckets.push(readBucket(message.message()))
        break
      case 4:
        this.countFloat = message.double()
        break
      case 5:
        message.expect(0)
        this.schema = message.zigzag()
        break
      case 6:
        this.zeroThreshold = message.double()
        break
      case 7:
        this.zeroCount = message.number()
        break
      case 8:
        this.zeroCountFloat = message.double()
        break
      case 9:
        this.negativeSpans.push(this.#span(message.message()))
        break
      case 12:
        this.positiveSpans.push(this.#span(message.message()))
        break
      case 10:
        readZigzags(message, this.negativeDeltas)
        break
      case 13:
        readZigzags(message, this.positiveDeltas)
        break
      case 11:
        readDoubles(message, this.negativeCounts)
        break
      case 14:
        readDoubles(message, this.positiveCounts)
        break
      case 15:
        this.startMs = readTimestamp(message.message())
        break
      case 16:
        this.exemplars.push(readExemplar(message.message()))
        break
      default:
        message.skip()
    }
  }

  #span(message: Message): HistogramSpan {
    let offset = 0
    let length = 0
    while (message.next()) {
      if (message.field === 1) {
        message.expect(0)
        offset = message.zigzag()
      } else if (message.field === 2) length = message.number()
      else message.skip()
    }
    this.#spanned += length
    if (this.#spanned > bucketsMax) throw malformed(`a histogram of more than ${bucketsMax} buckets`)
    return { offset, length }
  }

  get isNative(): boolean {
    return (
      this.positiveSpans.length > 0 || this.negativeSpans.length > 0 || this.zeroThreshold > 0 || this.zeroCount > 0
    )
  }

  native(gauge: boolean): NativeHistogram {
    const isFloat = this.countFloat > 0 || this.zeroCountFloat > 0
    const histogram: NativeHistogram = {
      isFloat,
      schema: this.schema,
      count: isFloat ? this.countFloat : this.count,
      sum: this.sum,
      zeroThreshold: this.zeroThreshold,
      zeroCount: isFloat ? this.zeroCountFloat : this.zeroCount,
      positiveSpans: this.positiveSpans,
      negativeSpans: this.negativeSpans,
      positiveBuckets: isFloat ? this.positiveCounts : this.positiveDeltas,
      negativeBuckets: isFloat ? this.negativeCounts : this.negativeDeltas,
      customValues: [],
      resetHint: gauge ? 3 : 0,
    }
    checkSpans(histogram.positiveSpans, histogram.positiveBuckets)
    checkSpans(histogram.negativeSpans, histogram.negativeBuckets)
    if (this.schema < -4 || this.schema > 8) throw malformed(`histogram schema ${this.schema}`)
    return histogram
  }
}

function checkSpans(spans: readonly HistogramSpan[], buckets: readonly number[]): void {
  let length = 0
  for (const [i, span] of spans.entries()) {
    if (i > 0 && span.offset < 0) throw malformed('a histogram span with a negative offset')
    length += span.length
  }
  if (length !== buckets.length) throw malformed(`a histogram with ${buckets.length} buckets in spans of ${length}`)
}

function emitHistogram(emitter: Emitter, metric: Metric, type: MetricType): void {
  if (!metric.value) throw malformed('a histogram without a value')
  const fields = new HistogramFields(metric.value)
  const { options, columns } = emitter.cache
  const startMs = options.startTimestamps ? fields.startMs : 0
  const native = options.nativeHistograms && fields.isNative
  if (native) {
    const whole = fields.native(type === MetricType.gaugehistogram)
    const limited = limitedHistogram(whole, options.schemaMax, options.bucketLimit)
    if (!limited) columns.bucketLimitExceeded = true
    const slot = emitter.sample('', '', 0, 0, limited ?? whole, startMs)
    const bucketExemplars = fields.buckets.flatMap((bucket) => bucket.exemplar ?? [])
    for (const exemplar of fields.exemplars.length > 0 ? fields.exemplars : bucketExemplars) {
      emitter.exemplar(slot, exemplar, true)
    }
    if (!options.classicHistograms || fields.buckets.length === 0) return
  }
  const count = fields.count || fields.countFloat
  emitter.sample('_count', '', 0, count, null, startMs)
  emitter.sample('_sum', '', 0, fields.sum, null, startMs)
  let infinite = false
  for (const bucket of fields.buckets) {
    if (bucket.bound === Infinity) infinite = true
    const slot = emitter.sample('_bucket', 'le', bucket.bound, bucket.count, null, startMs)
    emitter.exemplar(slot, bucket.exemplar, false)
  }
  if (!infinite) emitter.sample('_bucket', 'le', Infinity, count, null, startMs)
}

function readBucket(message: Message): Bucket {
  let count = 0
  let bound = 0
  let exemplar: Exemplar | undefined
  while (message.next()) {
    if (message.field === 1) count = message.number() || count
    else if (message.field === 2) bound = message.double()
    else if (message.field === 3) exemplar = readExemplar(message.message())
    else if (message.field === 4) count = message.double() || count
    else message.skip()
  }
  return { bound, count, exemplar }
}

function readExemplar(message: Message): Exemplar {
  const start = message.at
  const labels: string[] = []
  let value = 0
  let timestampMs: number | undefined
  while (message.next()) {
    if (message.field === 1) labels.push(...readLabel(message.message()))
    else if (message.field === 2) value = message.double()
    else if (message.field === 3) timestampMs = readTimestamp(message.message())
    else message.skip()
  }
  return { start, end: message.end, labels, value, timestampMs }
}

/** google.protobuf.Timestamp, in milliseconds. */
function readTimestamp(message: Message): number {
  let seconds = 0
  let nanos = 0
  while (message.next()) {
    if (message.field === 1) {
      message.expect(0)
      seconds = message.int64()
    } else if (message.field === 2) {
      message.expect(0)
      nanos = message.int64()
    } else message.skip()
  }
  return seconds * 1000 + Math.floor(nanos / 1e6)
}

function readZigzags(message: Message, into: number[]): void {
  if (!message.packed) {
    message.expect(0)
    into.push(message.zigzag())
  } else {
    const inner = message.message()
    while (inner.at < inner.end) into.push(inner.zigzag())
  }
  if (into.length > bucketsMax) throw malformed(`a histogram of more than ${bucketsMax} buckets`)
}

function readDoubles(message: Message, into: number[]): void {
  if (!message.packed) into.push(message.double())
  else {
    const inner = message.message()
    while (inner.at < inner.end) into.push(inner.rawDouble())
  }
  if (into.length > bucketsMax) throw malformed(`a histogram of more than ${bucketsMax} buckets`)
}
