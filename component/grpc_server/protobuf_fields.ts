// The fields of a small protobuf message, for the server's own services. Telemetry has codecs of its own.
import { GrpcCode } from '#component/grpc_status'
import { GrpcError } from './status.ts'

export interface ProtobufField {
  readonly number: number
  /** Of a varint or a fixed word. */
  readonly value: number
  /** Of a length-delimited field: a view. */
  readonly bytes: Uint8Array | undefined
}

/** Throws INVALID_ARGUMENT where the message is broken. */
export function readFields(message: Uint8Array): ProtobufField[] {
  const fields: ProtobufField[] = []
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = message[at++]
      if (byte === undefined) throw broken()
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw broken()
  }
  while (at < message.length) {
    const key = varint()
    const number = Math.floor(key / 8)
    switch (key % 8) {
      case 0:
        fields.push({ number, value: varint(), bytes: undefined })
        break
      case 1:
        at += 8
        break
      case 2: {
        const length = varint()
        if (length > message.length - at) throw broken()
        fields.push({ number, value: 0, bytes: message.subarray(at, at + length) })
        at += length
        break
      }
      case 5:
        at += 4
        break
      default:
        throw broken()
    }
    if (number === 0 || at > message.length) throw broken()
  }
  return fields
}

const broken = (): GrpcError => new GrpcError(GrpcCode.INVALID_ARGUMENT, 'the message is no valid protobuf')
