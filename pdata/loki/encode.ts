// Loki's push request out of streams: `logproto.PushRequest` (pkg/push/push.proto) in a snappy block.
import { ByteWriter } from '#lib/byte_writer'
import { snappyCompress } from '#lib/snappy'
import type { Labels, LogStream } from '#pdata'
import { labelText } from './label_text.ts'

// Tags: field number * 8 + wire type.
const requestStreams = 0x0a
const streamLabels = 0x0a
const streamEntries = 0x12
const entryTimestamp = 0x0a
const entryLine = 0x12
const entryMetadata = 0x1a
const timestampSeconds = 0x08
const timestampNanos = 0x10
const pairName = 0x0a
const pairValue = 0x12

const second = 1_000_000_000n

/** Buffers larger than this are not kept for the next request. */
const keptBytesMax = 8 * 1024 * 1024

let writer = new ByteWriter(64 * 1024)

/** A push request for these streams, in their order, compressed: ready to send. The bytes are the caller's. */
export function encodePush(streams: readonly LogStream[]): Uint8Array {
  writer.reset()
  for (const stream of streams) {
    writer.byte(requestStreams)
    const start = writer.beginLength()
    writer.byte(streamLabels)
    writer.string(labelText(stream.labels))
    writeEntries(stream)
    writer.endLength(start)
  }
  const bytes = snappyCompress(writer.view())
  if (writer.buffer.length > keptBytesMax) writer = new ByteWriter(64 * 1024)
  return bytes
}

function writeEntries({ timestampsNs, lines, metadata }: LogStream): void {
  for (let i = 0; i < lines.length; i++) {
    writer.byte(streamEntries)
    const start = writer.beginLength()
    writeTimestamp(timestampsNs[i]!)
    writer.byte(entryLine)
    writer.string(lines[i]!)
    const pairs = metadata === null ? null : metadata[i]!
    if (pairs !== null) writeMetadata(pairs)
    writer.endLength(start)
  }
}

function writeTimestamp(ns: bigint): void {
  let seconds = ns / second
  let nanos = Number(ns % second)
  if (nanos < 0) {
    nanos += 1e9
    seconds -= 1n
  }
  writer.byte(entryTimestamp)
  const start = writer.beginLength()
  if (seconds !== 0n) {
    writer.byte(timestampSeconds)
    writer.int64(Number(seconds))
  }
  if (nanos !== 0) {
    writer.byte(timestampNanos)
    writer.varint(nanos)
  }
  writer.endLength(start)
}

function writeMetadata(pairs: Labels): void {
  for (let i = 0; i < pairs.length; i += 2) {
    writer.byte(entryMetadata)
    const start = writer.beginLength()
    writer.byte(pairName)
    writer.string(pairs[i]!)
    writer.byte(pairValue)
    writer.string(pairs[i + 1]!)
    writer.endLength(start)
  }
}
