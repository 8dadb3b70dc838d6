// What moves through a sending queue: encoded, compressed telemetry, and its form on disk.

/** A piece of a request, ready to be sent alone or joined with others of its kind. */
export interface QueuePart {
  /** What the exporter made: only it knows what to do with it. 0 to 255. */
  readonly kind: number
  readonly bytes: Uint8Array
  /** More bytes behind `bytes`, not joined with them: in memory a large batch need not be copied. None from disk. */
  readonly rest?: readonly Uint8Array[]
  readonly items: number
  /** A number of the exporter's own that goes with the bytes (their length before compression). */
  readonly extra: number
  /** May be joined with others of the same kind into one request. */
  readonly mergeable: boolean
  /** Parts of the same lane are sent one after the other, in order. Any number of 0 or more; `anyLane`: their order is free. */
  readonly lane: number
  /** When it was taken, in milliseconds since the epoch. */
  readonly createdMs: number
  /**
   * Called once when the part was delivered or lies on disk only (undefined), or was dropped (why). Not kept on disk: a part
   * that comes from there has none.
   */
  readonly settled?: (problem: string | undefined) => void
}

/** The lane of parts that any lane may send. */
export const anyLane = 0xffffffff

/** How many bytes the part has. */
export function partBytes(part: QueuePart): number {
  let bytes = part.bytes.length
  for (const chunk of part.rest ?? noChunks) bytes += chunk.length
  return bytes
}

const noChunks: readonly Uint8Array[] = []

const version = 1
const headerBytes = 28

/** `version, kind, flags, 0, items u32, extra u32, lane u32, 0 u32, created f64, bytes`, little endian. */
export function encodePart(part: QueuePart): Uint8Array {
  const out = Buffer.allocUnsafe(headerBytes + partBytes(part))
  out[0] = version
  out[1] = part.kind
  out[2] = part.mergeable ? 1 : 0
  out[3] = 0
  out.writeUInt32LE(part.items, 4)
  out.writeUInt32LE(part.extra, 8)
  out.writeUInt32LE(part.lane >>> 0, 12)
  out.writeUInt32LE(0, 16)
  out.writeDoubleLE(part.createdMs, 20)
  out.set(part.bytes, headerBytes)
  let at = headerBytes + part.bytes.length
  for (const chunk of part.rest ?? noChunks) {
    out.set(chunk, at)
    at += chunk.length
  }
  return out
}

/** Undefined: the record is of another version. */
export function decodePart(record: Uint8Array): QueuePart | undefined {
  if (record.length < headerBytes || record[0] !== version) return undefined
  const view = Buffer.from(record.buffer, record.byteOffset, record.byteLength)
  return {
    kind: record[1] as number,
    mergeable: record[2] === 1,
    items: view.readUInt32LE(4),
    extra: view.readUInt32LE(8),
    lane: view.readUInt32LE(12),
    createdMs: view.readDoubleLE(20),
    bytes: record.subarray(headerBytes),
  }
}
