// Streams out of Loki's push requests: protobuf in a snappy block, and JSON.
import { snappyUncompress } from '#lib/snappy'
import { type Labels, labelsFrom, LogStream } from '#pdata'
import { DecodeError, FieldReader, WireType } from '#pdata/remote_write'
import { LabelTextError, parseLabelText } from './label_text.ts'

export interface PushLimits {
  /** Of the request once it is uncompressed. */
  readonly bytesMax: number
  readonly entriesMax: number
}

export const pushLimitsDefault: PushLimits = { bytesMax: 100 * 1024 * 1024, entriesMax: 1_000_000 }

/** A push request that cannot be read. */
export class PushError extends Error {
  override readonly name = 'PushError'
}

/**
 * The streams of `logproto.PushRequest` in a snappy block, validated as a whole. Streams without entries are left out; a
 * line that is not UTF-8 gets U+FFFD in the places at fault. Throws `PushError`.
 */
export function decodePush(block: Uint8Array, limits: PushLimits = pushLimitsDefault): LogStream[] {
  try {
    return new PushReader(snappyUncompress(block, limits.bytesMax), limits).streams()
  } catch (error) {
    if (error instanceof PushError) throw error
    if (error instanceof DecodeError || error instanceof RangeError || error instanceof LabelTextError) {
      throw new PushError(`Cannot read the push request: ${error.message}`, { cause: error })
    }
    throw error
  }
}

const tagOf = (field: number): number => field * 8 + WireType.bytes

class PushReader {
  readonly #reader: FieldReader
  readonly #text: Buffer
  #left: number

  constructor(bytes: Uint8Array, limits: PushLimits) {
    this.#reader = new FieldReader(bytes)
    this.#text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#left = limits.entriesMax
  }

  streams(): LogStream[] {
    const reader = this.#reader
    const end = reader.bytes.length
    const streams: LogStream[] = []
    while (reader.at < end) {
      const tag = reader.tag(end)
      if (tag !== tagOf(1)) reader.skip(tag, end)
      else {
        const stream = this.#stream(reader.part(end))
        if (stream.lines.length > 0) streams.push(stream)
      }
    }
    return streams
  }

  #stream(end: number): LogStream {
    const reader = this.#reader
    let labels: Labels = []
    const timestamps: bigint[] = []
    const lines: string[] = []
    const metadata: (Labels | null)[] = []
    let hasMetadata = false
    while (reader.at < end) {
      const tag = reader.tag(end)
      if (tag === tagOf(1)) labels = parseLabelText(this.#string(end))
      else if (tag === tagOf(2)) {
        if (this.#left-- <= 0) throw new PushError('Cannot read the push request: it has too many entries')
        const entry = this.#entry(reader.part(end))
        timestamps.push(entry.timestampNs)
        lines.push(entry.line)
        metadata.push(entry.metadata)
        if (entry.metadata !== null) hasMetadata = true
      } else reader.skip(tag, end)
    }
    return new LogStream(labels, BigInt64Array.from(timestamps), lines, hasMetadata ? metadata : null)
  }

  #entry(end: number): { timestampNs: bigint; line: string; metadata: Labels | null } {
    const reader = this.#reader
    let timestampNs = 0n
    let line = ''
    let pairs: [string, string][] | null = null
    while (reader.at < end) {
      const tag = reader.tag(end)
      if (tag === tagOf(1)) timestampNs = this.#timestamp(reader.part(end))
      else if (tag === tagOf(2)) line = this.#string(end)
      else if (tag === tagOf(3)) (pairs ??= []).push(this.#pair(reader.part(end)))
      else reader.skip(tag, end)
    }
    return { timestampNs, line, metadata: pairs === null ? null : labelsFrom(pairs) }
  }

  #timestamp(end: number): bigint {
    const reader = this.#reader
    let seconds = 0n
    let nanos = 0n
    while (reader.at < end) {
      const tag = reader.tag(end)
      if (tag === 8) {
        reader.varint(end)
        seconds = (BigInt(reader.high | 0) << 32n) | BigInt(reader.low)
      } else if (tag === 16) {
        reader.varint(end)
        nanos = BigInt(reader.low | 0)
      } else reader.skip(tag, end)
    }
    return BigInt.asIntN(64, seconds * 1_000_000_000n + nanos)
  }

  #pair(end: number): [string, string] {
    const reader = this.#reader
    let name = ''
    let value = ''
    while (reader.at < end) {
      const tag = reader.tag(end)
      if (tag === tagOf(1)) name = this.#string(end)
      else if (tag === tagOf(2)) value = this.#string(end)
      else reader.skip(tag, end)
    }
    return [name, value]
  }

  #string(end: number): string {
    const partEnd = this.#reader.part(end)
    const text = this.#text.toString('utf8', this.#reader.at, partEnd)
    this.#reader.at = partEnd
    return text
  }
}

/**
 * The streams of a JSON push request: `{"streams": [{"stream": {…}, "values": [["<ns>", "<line>", {…}], …]}]}`. Throws
 * `PushError`.
 */
export function decodePushJson(text: string, limits: PushLimits = pushLimitsDefault): LogStream[] {
  let request: unknown
  try {
    request = JSON.parse(text)
  } catch (error) {
    throw new PushError(`Cannot read the push request: ${(error as Error).message}`, { cause: error })
  }
  const streams = isObject(request) ? request['streams'] : undefined
  if (streams === undefined || streams === null) return []
  if (!Array.isArray(streams)) throw new PushError('Cannot read the push request: "streams" is not a list')
  let left = limits.entriesMax
  const out: LogStream[] = []
  for (const one of streams as unknown[]) {
    const stream = jsonStream(one)
    left -= stream.lines.length
    if (left < 0) throw new PushError('Cannot read the push request: it has too many entries')
    if (stream.lines.length > 0) out.push(stream)
  }
  return out
}

function jsonStream(one: unknown): LogStream {
  if (!isObject(one)) throw new PushError('Cannot read the push request: a stream is not an object')
  const labels = jsonLabels(one['stream'], 'the labels of a stream')
  const values = one['values'] ?? []
  if (!Array.isArray(values)) throw new PushError('Cannot read the push request: "values" is not a list')
  const timestamps = new BigInt64Array(values.length)
  const lines: string[] = []
  const metadata: (Labels | null)[] = []
  let hasMetadata = false
  for (const [i, value] of (values as unknown[]).entries()) {
    if (!Array.isArray(value)) throw new PushError('Cannot read the push request: a value is not a list')
    const [timestamp, line, pairs] = value as unknown[]
    if (typeof timestamp !== 'string' || !/^-?\d{1,19}$/.test(timestamp)) {
      throw new PushError('Cannot read the push request: a timestamp is not a string of nanoseconds')
    }
    if (typeof line !== 'string') throw new PushError('Cannot read the push request: a line is not a string')
    timestamps[i] = BigInt(timestamp)
    lines.push(line)
    const found = pairs === undefined || pairs === null ? null : jsonLabels(pairs, 'structured metadata')
    metadata.push(found)
    if (found !== null) hasMetadata = true
  }
  return new LogStream(labels, timestamps, lines, hasMetadata ? metadata : null)
}

function jsonLabels(value: unknown, what: string): Labels {
  if (value === undefined || value === null) return []
  if (!isObject(value)) throw new PushError(`Cannot read the push request: ${what} are not an object`)
  const pairs: [string, string][] = []
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw new PushError(`Cannot read the push request: ${what} have a value not a string`)
    pairs.push([name, text])
  }
  return labelsFrom(pairs)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
