// Series batches out of remote write requests, from senders that are not trusted.
import { snappyUncompress, SnappyError } from '#lib/snappy'
import type { Metadata, SeriesBatch } from '../series.ts'
import { ColumnBuilder } from './columns.ts'
import { ItemBudget } from './decode_histogram.ts'
import { decodeMessageV1 } from './decode_v1.ts'
import { decodeMessageV2 } from './decode_v2.ts'
import type { RemoteWriteProtocol } from './encode.ts'
import type { SeriesInterner } from './interner.ts'
import { DecodeError, FieldReader } from './reader.ts'

export interface DecodeLimits {
  /** Bytes of the uncompressed message. Prometheus allows 32 MiB. */
  readonly decodedBytesMax: number
  /** Samples, exemplars, histograms, their spans and buckets, symbols and metadata entries: all that makes objects. */
  readonly itemsMax: number
  /** Labels of one series; a series with more is refused. */
  readonly labelsMax: number
  /** Bytes of one series' labels; a series with more is refused. */
  readonly labelBytesMax: number
}

export const decodeLimitsDefault: DecodeLimits = {
  decodedBytesMax: 32 * 1024 * 1024,
  itemsMax: 2_000_000,
  labelsMax: 256,
  labelBytesMax: 65_536,
}

/** Where messages are uncompressed; larger ones, which no usual sender makes, get memory of their own. */
const scratch = new Uint8Array(512 * 1024)

/** What of a sound request was not taken, as a Prometheus server would not. */
export interface RefusedItems {
  samples: number
  exemplars: number
  histograms: number
  metadata: number
  /** Of the first one refused; empty: nothing was. */
  reason: string
}

export interface DecodedRequest {
  /** None when the request holds no samples, otherwise one. */
  readonly batch: SeriesBatch[]
  /** Version 1 only; version 2 has it on the series. */
  readonly metadata: Metadata[]
  /** Float samples and staleness markers taken. */
  readonly samples: number
  readonly exemplars: number
  readonly histograms: number
  readonly refused: RefusedItems
}

/** The state of decoding one request; both versions write into it. */
export class Decoding {
  readonly limits: DecodeLimits
  readonly interner: SeriesInterner
  readonly columns = new ColumnBuilder()
  readonly metadata: Metadata[] = []
  readonly budget: ItemBudget
  samples = 0
  exemplars = 0
  histograms = 0
  readonly refused: RefusedItems = { samples: 0, exemplars: 0, histograms: 0, metadata: 0, reason: '' }

  constructor(limits: DecodeLimits, interner: SeriesInterner) {
    this.limits = limits
    this.interner = interner
    this.budget = new ItemBudget(limits.itemsMax)
  }

  refuse(what: 'samples' | 'exemplars' | 'histograms' | 'metadata', reason: string): void {
    this.refused[what]++
    if (this.refused.reason === '') this.refused.reason = reason
  }
}

/**
 * Decode `body`, a snappy block, in the version that its Content-Type named. Throws `DecodeError` when the request is
 * malformed or larger than `limits`; single series, exemplars and histograms that Prometheus would not take either are
 * left out and counted in `refused`. Series are shared through `interner`, and so are layouts of requests whose series
 * come again in the same order.
 */
export function decodeWriteRequest(
  body: Uint8Array,
  protocol: RemoteWriteProtocol,
  limits: DecodeLimits,
  interner: SeriesInterner,
): DecodedRequest {
  let message: Uint8Array
  try {
    // Nothing of the message is kept: keys and strings are copies.
    message = snappyUncompress(body, limits.decodedBytesMax, scratch)
  } catch (error) {
    if (error instanceof SnappyError) throw new DecodeError(-1, error.message)
    throw error
  }
  const decoding = new Decoding(limits, interner)
  const reader = new FieldReader(message)
  if (protocol === 'v1') decodeMessageV1(reader, decoding)
  else decodeMessageV2(reader, decoding)
  const batch = decoding.columns.finish(interner)
  const { metadata, samples, exemplars, histograms, refused } = decoding
  return { batch: batch === null ? [] : [batch], metadata, samples, exemplars, histograms, refused }
}
