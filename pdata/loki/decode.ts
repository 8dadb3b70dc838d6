// Streams out of Loki's push requests: protobuf in a snappy block, and JSON.
import { quote } from '#lib/go_quote'
import { snappyUncompress } from '#lib/snappy'
import { type Labels, labelsFrom, LogStream } from '#pdata'
import { DecodeError, FieldReader, WireType } from '#pdata/remote_write'
import { LabelTextError, labelsMax, parseLabelText } from './label_text.ts'

export interface PushLimits {
  /** Of the request once it is uncompressed. */
  readonly bytesMax: number
  readonly entriesMax: number
}

export const pushLimitsDefault: PushLimits = { bytesMax: 100 * 1024 * 1024, entriesMax: 1_000_000 }

/** Takes what is wrong with the labels of a stream, and how many lines it had: the stream is left out. */
export type RefusedStream = (problem: PushError, lines: number) => void

/** A push request that cannot be read. */
export class PushError extends Error {
  override readonly name = 'PushError'
}

/**
 * The streams of `logproto.PushRequest` in a snappy block, validated as a whole. Streams without entries are left out; a
 * line that is not UTF-8 gets U+FFFD in the places at fault. Throws `PushError`; labels that cannot be read go to `refuse`.
 */
export function decodePush(
  block: Uint8Array,
  limits: PushLimits = pushLimitsDefault,
  refuse: RefusedStream = thrown,
): LogStream[] {
  try {
    return new PushReader(snappyUncompress(block, limits.bytesMax), limits, refuse).streams()
  } catch (error) {
    if (error instanceof PushError) throw error
    if (error instanceof DecodeError || error instanceof RangeError) throw unreadable(error)
    throw error
  }
}

function thrown(problem: PushError): never {
  throw problem
}

const unreadable = (cause: Error): PushError =>
  new PushError(`Cannot read the push request: ${cause.message}`, { cause })

const tagOf = (field: number): number => field * 8 + WireType.bytes

class PushReader {
  readonly #reader: FieldReader
  readonly #text: Buffer
  readonly #refuse: RefusedStream
  #left: number

  constructor(bytes: Uint8Array, limits: PushLimits, refuse: RefusedStream) {
    this.#reader = new FieldReader(bytes)
    this.#text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#refuse = refuse
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
        if (stream !== undefined && stream.lines.length > 0) streams.push(stream)
      }
    }
    return streams
  }

  #stream(end: number): LogStream | undefined {
    const reader = this.#reader
    let labelText = ''
    const timestamps: bigint[] = []
    const lines: string[] = []
    const metadata: (Labels | null)[] = []
    let hasMetadata = false
    while (reader.at < end) {
      const tag = reader.tag(end)
      if (tag === tagOf(1)) labelText = this.#string(end)
      else if (tag === tagOf(2)) {
        if (this.#left-- <= 0) throw new PushError('Cannot read the push request: it has too many entries')
        const entry = this.#entry(reader.part(end))
        timestamps.push(entry.timestampNs)
        lines.push(entry.line)
        metadata.push(entry.metadata)
        if (entry.metadata !== null) hasMetadata = true
      } else reader.skip(tag, end)
    }
    const labels = readLabels(labelText, lines.length, this.#refuse)
    return labels && new LogStream(labels, BigInt64Array.from(timestamps), lines, hasMetadata ? metadata : null)
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

function readLabels(text: string, lines: number, refuse: RefusedStream): Labels | undefined {
  try {
    return parseLabelText(text)
  } catch (error) {
    if (!(error instanceof LabelTextError)) throw error
    refuse(unreadable(error), lines)
    return undefined
  }
}

/**
 * The streams of a JSON push request: `{"streams": [{"stream": {…}, "values": [["<ns>", "<line>", {…}], …]}]}`. Throws
 * `PushError`; labels whose names can be none go to `refuse`.
 */
export function decodePushJson(
  text: string,
  limits: PushLimits = pushLimitsDefault,
  refuse: RefusedStream = thrown,
): LogStream[] {
  let request: unknown
  try {
    request = JSON.parse(text)
  } catch (error) {
    throw unreadable(error as Error)
  }
  if (request !== null && !isObject(request)) throw new PushError('Cannot read the push request: it is not an object')
  const streams = request?.['streams'] ?? []
  if (!Array.isArray(streams)) throw new PushError('Cannot read the push request: "streams" is not a list')
  let left = limits.entriesMax
  const out: LogStream[] = []
  for (const one of streams as unknown[]) {
    const stream = jsonStream(one, refuse)
    if (stream === undefined) continue
    left -= stream.lines.length
    if (left < 0) throw new PushError('Cannot read the push request: it has too many entries')
    if (stream.lines.length > 0) out.push(stream)
  }
  return out
}

function jsonStream(one: unknown, refuse: RefusedStream): LogStream | undefined {
  if (!isObject(one)) throw new PushError('Cannot read the push request: a stream is not an object')
  const given = jsonPairs(one['stream'], 'the labels of a stream')
  const values = one['values'] ?? []
  if (!Array.isArray(values)) throw new PushError('Cannot read the push request: "values" is not a list')
  const timestamps = new BigInt64Array(values.length)
  const lines: string[] = []
  const metadata: (Labels | null)[] = []
  let hasMetadata = false
  for (const [i, value] of (values as unknown[]).entries()) {
    if (!Array.isArray(value)) throw new PushError('Cannot read the push request: a value is not a list')
    const [timestamp, line = '', pairs] = value as unknown[]
    if (typeof timestamp !== 'string' || !/^-?\d{1,19}$/.test(timestamp)) {
      throw new PushError('Cannot read the push request: a timestamp is not a string of nanoseconds')
    }
    if (typeof line !== 'string') throw new PushError('Cannot read the push request: a line is not a string')
    timestamps[i] = BigInt(timestamp)
    lines.push(line)
    const found = pairs === undefined ? null : jsonMetadata(pairs)
    metadata.push(found)
    if (found !== null) hasMetadata = true
  }
  const labels = namedLabels(given, lines.length, refuse)
  return labels && new LogStream(labels, timestamps, lines, hasMetadata ? metadata : null)
}

const plainName = /^[a-zA-Z_][a-zA-Z0-9_]*$/

/** A name in quotes is one: Loki writes what JSON names as text before it reads that (`LabelSet.String`). */
function namedLabels(pairs: readonly [string, unknown][], lines: number, refuse: RefusedStream): Labels | undefined {
  if (pairs.length > labelsMax) throw new PushError(`Cannot read the push request: more than ${labelsMax} labels`)
  // What is no text is taken as it stands, as Loki does.
  const texts = pairs.map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)] as const)
  if (pairs.every(([name]) => plainName.test(name))) return labelsFrom(texts)
  return readLabels(`{${texts.map(([name, value]) => `${name}=${quote(value)}`).join(', ')}}`, lines, refuse)
}

function jsonMetadata(value: unknown): Labels {
  const pairs: [string, string][] = []
  for (const [name, text] of jsonPairs(value, 'structured metadata')) {
    if (typeof text !== 'string') {
      throw new PushError('Cannot read the push request: structured metadata have a value that is not a string')
    }
    pairs.push([name, text])
  }
  return labelsFrom(pairs)
}

function jsonPairs(value: unknown, what: string): [string, unknown][] {
  if (value === undefined) return []
  if (!isObject(value)) throw new PushError(`Cannot read the push request: ${what} are not an object`)
  return Object.entries(value)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
