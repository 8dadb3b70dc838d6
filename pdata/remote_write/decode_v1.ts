// Remote write 1.0: WriteRequest messages, read series by series.
import { ByteWriter } from '#lib/byte_writer'
import type { Series } from '../series.ts'
import { Metadata, SlotFlag } from '../series.ts'
import type { Decoding } from './decode.ts'
import { readHistogram } from './decode_histogram.ts'
import { readLabels, skipLabels, textOf } from './decode_labels.ts'
import { takeHistogram, takeSample } from './decode_sample.ts'
import { metricTypeOf } from './metric_type.ts'
import { FieldReader } from './reader.ts'

/** Read a whole WriteRequest. Throws `DecodeError`. */
export function decodeMessageV1(reader: FieldReader, decoding: Decoding): void {
  const end = reader.bytes.length
  while (reader.at < end) {
    const tag = reader.tag(end)
    if (tag === 0x0a) readSeries(reader, reader.part(end), decoding)
    else if (tag === 0x1a) readMetadata(reader, reader.part(end), decoding)
    else reader.skip(tag, end)
  }
}

function readSeries(reader: FieldReader, end: number, decoding: Decoding): void {
  const start = reader.at
  skipLabels(reader, end)
  const labelsEnd = reader.at
  const hasLateLabels = skipRest(reader, end)
  let series: Series | string
  if (hasLateLabels) {
    const gathered = gatherLabels(reader, start, end)
    series = seriesOf(new FieldReader(gathered), 0, gathered.length, decoding)
  } else {
    series = seriesOf(reader, start, labelsEnd, decoding)
  }
  reader.at = hasLateLabels ? start : labelsEnd
  let slot = -1
  while (reader.at < end) {
    const tag = reader.tag(end)
    switch (tag) {
      case 0x12:
        slot = Math.max(slot, takeSample(reader, reader.part(end), series, decoding))
        break
      case 0x1a:
        slot = readExemplar(reader, reader.part(end), series, slot, decoding)
        break
      case 0x22: {
        decoding.budget.spend(1, reader.at)
        const raw = readHistogram(reader, reader.part(end), decoding.budget)
        slot = Math.max(slot, takeHistogram(raw, series, decoding))
        break
      }
      default:
        reader.skip(tag, end)
    }
  }
}

/** Pass over what follows the labels. True when there are more labels in it, which no known sender does. */
function skipRest(reader: FieldReader, end: number): boolean {
  let hasLabels = false
  while (reader.at < end) {
    const tag = reader.tag(end)
    if (tag === 0x0a) hasLabels = true
    reader.skip(tag, end)
  }
  return hasLabels
}

function gatherLabels(reader: FieldReader, start: number, end: number): Uint8Array {
  const gathered = new ByteWriter(end - start)
  reader.at = start
  while (reader.at < end) {
    const fieldStart = reader.at
    const tag = reader.tag(end)
    reader.skip(tag, end)
    if (tag === 0x0a) gathered.bytes(reader.bytes.subarray(fieldStart, reader.at))
  }
  return gathered.view()
}

/** The series whose labels are the messages in `[start … end)`, or why it is refused. */
function seriesOf(reader: FieldReader, start: number, end: number, decoding: Decoding): Series | string {
  const { interner, limits } = decoding
  if (end - start > limits.labelBytesMax) return `a series has more than ${limits.labelBytesMax} bytes of labels`
  const known = interner.find(reader.bytes, start, end)
  if (known !== undefined) return known
  reader.at = start
  const labels = readLabels(reader, end, { labelsMax: limits.labelsMax, needsName: true })
  if (typeof labels === 'string') return labels
  return interner.add(reader.bytes, start, end, labels, null)
}

/** Gives the slot that the exemplar went to: the series' last one, or an empty one of its own. */
function readExemplar(
  reader: FieldReader,
  end: number,
  series: Series | string,
  slot: number,
  decoding: Decoding,
): number {
  decoding.budget.spend(1, reader.at)
  const start = reader.at
  const hasLateLabels = (skipLabels(reader, end), skipRest(reader, end))
  reader.at = start
  const source = hasLateLabels ? new FieldReader(gatherLabels(reader, start, end)) : reader
  const labels = readLabels(source, hasLateLabels ? source.bytes.length : end, {
    labelsMax: decoding.limits.labelsMax,
    needsName: false,
  })
  reader.at = start
  let value = 0
  let timestampMs = 0
  while (reader.at < end) {
    const tag = reader.tag(end)
    if (tag === 0x11) value = reader.float64(end)
    else if (tag === 0x18) timestampMs = reader.int64(end)
    else reader.skip(tag, end)
  }
  if (typeof series === 'string' || typeof labels === 'string' || !Number.isSafeInteger(timestampMs)) {
    const reason =
      typeof series === 'string' ? series : typeof labels === 'string' ? labels : 'a timestamp is out of range'
    decoding.refuse('exemplars', reason)
    return slot
  }
  const target = slot >= 0 ? slot : decoding.columns.add(series, SlotFlag.absent, 0, timestampMs, 0)
  decoding.columns.addExemplar(target, labels, value, timestampMs)
  decoding.exemplars++
  return target
}

function readMetadata(reader: FieldReader, end: number, decoding: Decoding): void {
  decoding.budget.spend(1, reader.at)
  let type = 0
  const texts: (string | null)[] = ['', '', '']
  while (reader.at < end) {
    const tag = reader.tag(end)
    const index = tag === 0x12 ? 0 : tag === 0x22 ? 1 : tag === 0x2a ? 2 : -1
    if (index >= 0) {
      const partEnd = reader.part(end)
      texts[index] = textOf(reader.bytes, reader.at, partEnd)
      reader.at = partEnd
    } else if (tag === 0x08) {
      type = reader.uint32(end)
    } else {
      reader.skip(tag, end)
    }
  }
  const [family, help, unit] = texts
  if (typeof family !== 'string' || typeof help !== 'string' || typeof unit !== 'string') {
    decoding.refuse('metadata', 'metadata is not valid UTF-8')
    return
  }
  if (family === '') {
    decoding.refuse('metadata', 'metadata names no metric family')
    return
  }
  decoding.metadata.push(new Metadata(family, metricTypeOf(type), help, unit))
}
