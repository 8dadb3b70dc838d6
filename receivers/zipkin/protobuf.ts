// The fields of a protobuf message that nobody has looked at yet.
import { ZipkinError } from './error.ts'

export interface ProtobufField {
  readonly number: number
  /** Of a varint or a fixed word. */
  readonly value: bigint
  /** Of a length-delimited field: a view. */
  readonly bytes: Uint8Array | undefined
}

/** In the order in which they stand. Throws `ZipkinError` where the message is broken. */
export function readFields(message: Uint8Array): ProtobufField[] {
  const view = new DataView(message.buffer, message.byteOffset, message.length)
  const fields: ProtobufField[] = []
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[at++]
      if (byte === undefined) throw broken()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
    throw broken()
  }
  const room = (bytes: number): number => {
    if (bytes > message.length - at) throw broken()
    at += bytes
    return at - bytes
  }
  while (at < message.length) {
    const key = Number(varint())
    const number = Math.floor(key / 8)
    const type = key % 8
    if (number === 0) throw broken()
    if (type === 0) fields.push({ number, value: varint(), bytes: undefined })
    else if (type === 1) fields.push({ number, value: view.getBigUint64(room(8), true), bytes: undefined })
    else if (type === 5) fields.push({ number, value: BigInt(view.getUint32(room(4), true)), bytes: undefined })
    else if (type === 2) {
      const length = Number(varint())
      const start = room(length)
      fields.push({ number, value: 0n, bytes: message.subarray(start, start + length) })
    } else throw broken()
  }
  return fields
}

const broken = (): ZipkinError => new ZipkinError('the body is no valid protobuf')
