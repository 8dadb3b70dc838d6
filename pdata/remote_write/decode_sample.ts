// Samples and histograms on their way into columns, the same in both versions of remote write.
import type { Series } from '../series.ts'
import { SlotFlag, staleBits } from '../series.ts'
import type { Decoding } from './decode.ts'
import type { RawHistogram } from './decode_histogram.ts'
import type { FieldReader } from './reader.ts'

/**
 * Read a Sample message that ends at `end` into a slot of its own. Gives the slot, or -1 when the sample was refused: its
 * series was (`series` then says why), or its timestamp is beyond what a double holds exactly.
 */
export function takeSample(reader: FieldReader, end: number, series: Series | string, decoding: Decoding): number {
  decoding.budget.spend(1, reader.at)
  let value = 0
  let isStale = false
  let timestampMs = 0
  let startMs = 0
  while (reader.at < end) {
    const tag = reader.tag(end)
    switch (tag) {
      case 0x09:
        value = reader.float64(end)
        isStale =
          value !== value &&
          reader.view.getUint32(reader.at - 8, true) === staleBits.low &&
          reader.view.getUint32(reader.at - 4, true) === staleBits.high
        break
      case 0x10:
        timestampMs = reader.int64(end)
        break
      case 0x18:
        startMs = reader.int64(end)
        break
      default:
        reader.skip(tag, end)
    }
  }
  if (typeof series === 'string' || !Number.isSafeInteger(timestampMs) || !Number.isSafeInteger(startMs)) {
    decoding.refuse('samples', typeof series === 'string' ? series : 'a timestamp is out of range')
    return -1
  }
  decoding.samples++
  if (isStale) return decoding.columns.add(series, SlotFlag.stale, 0, timestampMs, startMs)
  return decoding.columns.add(series, SlotFlag.value, value, timestampMs, startMs)
}

/** Put a histogram into a slot of its own; see `takeSample`. A staleness marker among histograms becomes a stale slot. */
export function takeHistogram(raw: RawHistogram, series: Series | string, decoding: Decoding): number {
  const { timestampMs, startMs } = raw
  let problem = typeof series === 'string' ? series : null
  if (!Number.isSafeInteger(timestampMs) || !Number.isSafeInteger(startMs)) problem ??= 'a timestamp is out of range'
  if (!raw.isStale) problem ??= raw.problem()
  if (typeof series === 'string' || problem !== null) {
    decoding.refuse('histograms', problem ?? '')
    return -1
  }
  if (raw.isStale) {
    decoding.samples++
    return decoding.columns.add(series, SlotFlag.stale, 0, timestampMs, startMs)
  }
  decoding.histograms++
  return decoding.columns.addHistogram(series, raw.toNative(), timestampMs, startMs)
}
