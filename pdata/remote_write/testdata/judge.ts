// Remote write requests as protobufjs and snappyjs read them: the judges of our codec.
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'
import snappyjs from 'snappyjs'
import type { MetricType, NativeHistogram } from '../../series.ts'

const load = (file: string): protobuf.Root => protobuf.loadSync(fileURLToPath(new URL(file, import.meta.url)))
export const requestV1 = load('remote.proto').lookupType('prometheus.WriteRequest')
export const requestV2 = load('write_v2.proto').lookupType('io.prometheus.write.v2.Request')
const types = ['unknown', 'counter', 'gauge', 'histogram', 'gaugehistogram', 'summary', 'info', 'stateset'] as const

/** A series of either version, with its strings looked up. */
export interface PlainSeries {
  labels: string[]
  /** `bits`: the value's 64 bits in hexadecimal. */
  samples: { bits: string; timestampMs: number; startMs: number }[]
  histograms: NativeHistogram[]
  exemplars: { labels: string[]; value: number; timestampMs: number }[]
  metadata: { type: MetricType; help: string; unit: string } | null
}

interface WireSample {
  value: number
  timestamp: bigint
  startTimestamp?: bigint
}

interface WireSpan {
  offset: number
  length: number
}

interface WireHistogram {
  count: 'countInt' | 'countFloat'
  countInt: number
  countFloat: number
  zeroCount: 'zeroCountInt' | 'zeroCountFloat'
  zeroCountInt: number
  zeroCountFloat: number
  sum: number
  schema: number
  zeroThreshold: number
  negativeSpans: WireSpan[]
  negativeDeltas: number[]
  negativeCounts: number[]
  positiveSpans: WireSpan[]
  positiveDeltas: number[]
  positiveCounts: number[]
  resetHint: number
  customValues: number[]
}

interface WireLabel {
  name: string
  value: string
}

interface WireV1 {
  timeseries: {
    labels: WireLabel[]
    samples: WireSample[]
    exemplars: { labels: WireLabel[]; value: number; timestamp: bigint }[]
    histograms: WireHistogram[]
  }[]
  metadata: { type: number; metricFamilyName: string; help: string; unit: string }[]
}

interface WireV2 {
  symbols: string[]
  timeseries: {
    labelsRefs: number[]
    samples: WireSample[]
    exemplars: { labelsRefs: number[]; value: number; timestamp: bigint }[]
    histograms: WireHistogram[]
    metadata: { type: number; helpRef: number; unitRef: number } | null
  }[]
}

/** The 64 bits of a value as a request must carry it. */
export function valueBits(value: number, isStale: boolean): string {
  if (isStale) return '7ff0000000000002'
  if (Number.isNaN(value)) return '7ff8000000000001'
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return bytes.toString('hex')
}

export function readRequestV1(block: Uint8Array): WireV1 {
  return plain<WireV1>(requestV1, block)
}

/** The series of a compressed request. */
export function readRequest(block: Uint8Array, protocol: 'v1' | 'v2'): PlainSeries[] {
  const bits = sampleBits(new Uint8Array(snappyjs.uncompress(block)), protocol)
  const list = protocol === 'v1' ? seriesV1(plain<WireV1>(requestV1, block)) : seriesV2(plain<WireV2>(requestV2, block))
  for (const series of list) for (const sample of series.samples) sample.bits = bits.shift() ?? ''
  return list
}

function plain<T>(type: protobuf.Type, block: Uint8Array): T {
  const message = type.decode(Buffer.from(snappyjs.uncompress(block)))
  return type.toObject(message, { longs: Number, arrays: true, defaults: true, oneofs: true }) as T
}

function seriesV1(message: WireV1): PlainSeries[] {
  const flat = (labels: readonly WireLabel[]): string[] => labels.flatMap(({ name, value }) => [name, value])
  return message.timeseries.map((series) => ({
    labels: flat(series.labels),
    samples: series.samples.map(plainSample),
    histograms: series.histograms.map(plainHistogram),
    exemplars: series.exemplars.map((each) => ({
      labels: flat(each.labels),
      value: each.value,
      timestampMs: Number(each.timestamp),
    })),
    metadata: null,
  }))
}

function seriesV2(message: WireV2): PlainSeries[] {
  if (message.symbols[0] !== '') throw new Error('the first symbol is not empty')
  if (new Set(message.symbols).size !== message.symbols.length) throw new Error('a symbol stands twice')
  const lookUp = (refs: readonly number[]): string[] => refs.map((ref) => message.symbols[ref] as string)
  return message.timeseries.map((series) => ({
    labels: lookUp(series.labelsRefs),
    samples: series.samples.map(plainSample),
    histograms: series.histograms.map(plainHistogram),
    exemplars: series.exemplars.map((each) => ({
      labels: lookUp(each.labelsRefs),
      value: each.value,
      timestampMs: Number(each.timestamp),
    })),
    metadata:
      series.metadata === null
        ? null
        : {
            type: types[series.metadata.type] as MetricType,
            help: message.symbols[series.metadata.helpRef] as string,
            unit: message.symbols[series.metadata.unitRef] as string,
          },
  }))
}

function plainSample(sample: WireSample): PlainSeries['samples'][number] {
  return { bits: '', timestampMs: Number(sample.timestamp), startMs: Number(sample.startTimestamp ?? 0) }
}

function plainHistogram(wire: WireHistogram): NativeHistogram {
  const isFloat = wire.count === 'countFloat'
  return {
    isFloat,
    schema: wire.schema,
    count: isFloat ? wire.countFloat : wire.countInt,
    sum: wire.sum,
    zeroThreshold: wire.zeroThreshold,
    zeroCount: isFloat ? wire.zeroCountFloat : wire.zeroCountInt,
    positiveSpans: wire.positiveSpans,
    negativeSpans: wire.negativeSpans,
    positiveBuckets: isFloat ? wire.positiveCounts : wire.positiveDeltas,
    negativeBuckets: isFloat ? wire.negativeCounts : wire.negativeDeltas,
    customValues: wire.customValues,
    resetHint: wire.resetHint,
  }
}

/** The bits of every sample's value in turn: a double read as a number would lose a NaN's payload. */
function sampleBits(message: Uint8Array, protocol: 'v1' | 'v2'): string[] {
  const bits: string[] = []
  for (const series of partsOf(message, protocol === 'v1' ? 1 : 5)) {
    for (const sample of partsOf(series, 2)) {
      const reader = protobuf.Reader.create(sample)
      let value = '0000000000000000'
      while (reader.pos < reader.len) {
        const tag = reader.uint32()
        if (tag === 9) value = Buffer.from(sample.subarray(reader.pos, reader.pos + 8)).reverse().toString('hex')
        reader.skipType(tag & 7)
      }
      bits.push(value)
    }
  }
  return bits
}

function partsOf(message: Uint8Array, field: number): Uint8Array[] {
  const parts: Uint8Array[] = []
  const reader = protobuf.Reader.create(message)
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if (tag === field * 8 + 2) parts.push(reader.bytes())
    else reader.skipType(tag & 7)
  }
  return parts
}
