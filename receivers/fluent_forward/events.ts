// Events of the Fluent Forward protocol as log records.
// github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1
import { inflated, InflateError } from '#lib/inflate'
import {
  MsgpackError,
  MsgpackExtension,
  MsgpackFrames,
  MsgpackMap,
  MsgpackReader,
  type MsgpackValue,
} from '#lib/msgpack'
import { type AnyValue, type Attributes, KeyValueList, type LogRecord } from '#pdata/otlp'

const tagKey = 'fluent.tag'
const int64Max = 2n ** 63n - 1n
const int64Min = -(2n ** 63n)

export interface FluentMessage {
  readonly records: LogRecord[]
  /** To be acknowledged with; '': nobody waits for it. */
  readonly chunk: string
}

/**
 * One message: an event, a list of them, or bytes that hold them, perhaps gzip. `message` or `log` becomes the body, other
 * fields attributes. Throws `MsgpackError` or `InflateError` for what is none; entries unpack to at most `bytesMax`.
 */
export async function readMessage(bytes: Buffer, bytesMax: number): Promise<FluentMessage> {
  const message = new MsgpackReader(bytes).value()
  if (!Array.isArray(message)) throw new MsgpackError('a message is no array')
  const [tag, second] = message
  if (typeof tag !== 'string') throw new MsgpackError('the tag of a message is no text')
  if (typeof second === 'bigint' || second instanceof MsgpackExtension) {
    if (message.length < 3 || message.length > 4) throw new MsgpackError('a message has not the parts it ought to have')
    return { records: [recordOf(tag, second, message[2])], chunk: optionOf(message[3], 'chunk') }
  }
  if (message.length < 2 || message.length > 3) throw new MsgpackError('a message has not the parts it ought to have')
  const chunk = optionOf(message[2], 'chunk')
  if (Array.isArray(second)) return { records: second.map((entry) => entryOf(tag, entry)), chunk }
  if (typeof second !== 'string' && !(second instanceof Uint8Array)) {
    throw new MsgpackError('a message holds no event')
  }
  const packed = typeof second === 'string' ? Buffer.from(second) : second
  const isGzip = optionOf(message[2], 'compressed') === 'gzip'
  const plain = isGzip ? await inflated(packed, 'gzip', bytesMax) : packed
  return { records: packedEntries(tag, Buffer.from(plain.buffer, plain.byteOffset, plain.length)), chunk }
}

function packedEntries(tag: string, bytes: Buffer): LogRecord[] {
  const frames = new MsgpackFrames(Math.max(bytes.length, 1))
  const entries = frames.push(bytes)
  if (frames.fault) throw frames.fault
  if (frames.pendingBytes > 0) throw new MsgpackError('the last entry is not whole')
  return entries.map((one) => entryOf(tag, new MsgpackReader(one).value()))
}

function entryOf(tag: string, entry: MsgpackValue): LogRecord {
  if (!Array.isArray(entry) || entry.length !== 2) throw new MsgpackError('an entry is no pair of a time and a record')
  return recordOf(tag, entry[0] as MsgpackValue, entry[1])
}

function optionOf(options: MsgpackValue | undefined, name: string): string {
  if (options === undefined || options === null) return ''
  if (!(options instanceof MsgpackMap)) throw new MsgpackError('the options of a message are no map')
  const value = options.entries.find(([key]) => key === name)?.[1]
  return typeof value === 'string' ? value : ''
}

function recordOf(tag: string, time: MsgpackValue, record: MsgpackValue | undefined): LogRecord {
  if (!(record instanceof MsgpackMap)) throw new MsgpackError('a record is no map')
  const attributes: Attributes = [{ key: tagKey, value: tag }]
  let body: AnyValue = null
  for (const [name, value] of record.entries) {
    const key = textOf(name)
    // Fluentd writes `message`, Fluent Bit `log`.
    if (key === 'message' || key === 'log') body = anyValue(value)
    else attributes.push({ key, value: anyValue(value) })
  }
  return {
    timeUnixNano: nanoseconds(time),
    observedTimeUnixNano: 0n,
    severityNumber: 0,
    severityText: '',
    body,
    attributes,
    droppedAttributesCount: 0,
    flags: 0,
    traceId: noBytes,
    spanId: noBytes,
    eventName: '',
    unknown: null,
  }
}

const noBytes = new Uint8Array(0)

/** Seconds, or an EventTime: seconds and nanoseconds in four bytes each. */
function nanoseconds(time: MsgpackValue): bigint {
  if (typeof time === 'bigint') return BigInt.asUintN(64, time * 1_000_000_000n)
  if (time instanceof MsgpackExtension && time.type === 0 && time.bytes.length === 8) {
    const view = new DataView(time.bytes.buffer, time.bytes.byteOffset, 8)
    return BigInt(view.getUint32(0)) * 1_000_000_000n + BigInt(view.getUint32(4))
  }
  throw new MsgpackError('the time of an event is none')
}

function textOf(key: MsgpackValue): string {
  if (typeof key === 'string') return key
  if (key instanceof Uint8Array) return Buffer.from(key.buffer, key.byteOffset, key.length).toString('utf8')
  throw new MsgpackError('the name of a field is no text')
}

/** Bytes are texts, as some clients write these; integers that OTLP has no room for are, too. */
function anyValue(value: MsgpackValue): AnyValue {
  if (typeof value === 'bigint') return value > int64Max || value < int64Min ? String(value) : value
  if (value === null || typeof value !== 'object') return value
  if (value instanceof Uint8Array) return textOf(value)
  if (value instanceof MsgpackExtension) return Buffer.from(value.bytes).toString('hex')
  if (Array.isArray(value)) return value.map(anyValue)
  return new KeyValueList(value.entries.map(([key, inner]) => ({ key: textOf(key), value: anyValue(inner) })))
}

/** Is this what a message that cannot be read throws? */
export function isBadMessage(error: unknown): boolean {
  return error instanceof MsgpackError || error instanceof InflateError
}
