// Dumps over netlink: the request, the messages of the answer, their attributes (netlink(7)).
import type { KernelCalls } from './kernel_calls.ts'

export interface NetlinkRequest {
  /** `netlinkRoute` or `netlinkSocketDiagnosis`. */
  readonly protocol: number
  readonly type: number
  /** What stands after the header. */
  readonly body: Buffer
}

/** Is given a message's type and what stands after its header, which is valid during the call only. */
export type TakeMessage = (type: number, payload: Buffer) => void

/** NETLINK_ROUTE and NETLINK_SOCK_DIAG. */
export const netlinkRoute = 0
export const netlinkSocketDiagnosis = 4

const headerBytes = 16
const typeError = 2
const typeDone = 3
/** NLM_F_REQUEST | NLM_F_DUMP. */
const flagsDump = 0x301
const familyNetlink = 16
const typeRaw = 3
/** SOCK_CLOEXEC, and MSG_DONTWAIT: a dump is answered during the calls, there is nothing to wait for. */
const closeOnExec = 0o2000000
const dontWait = 0x40
/** The kernel fills at most 32 kB at a time, one message is never longer. */
const receiveBytes = 64 << 10
/** A host with full routing tables has a million routes of some 100 bytes. */
const dumpBytesMax = 256 << 20

/** Hands every message of the kernel's answer to `take`. Throws when the kernel refuses. */
export function netlinkDump(calls: KernelCalls, { protocol, type, body }: NetlinkRequest, take: TakeMessage): void {
  const descriptor = calls.socket(familyNetlink, typeRaw | closeOnExec, protocol)
  if (descriptor < 0) throw new Error('Cannot read over netlink: no socket')
  try {
    const request = Buffer.alloc(headerBytes + body.length)
    request.writeUInt32LE(request.length, 0)
    request.writeUInt16LE(type, 4)
    request.writeUInt16LE(flagsDump, 6)
    request.writeUInt32LE(1, 8)
    body.copy(request, headerBytes)
    if (calls.send(descriptor, request, BigInt(request.length), 0) < 0n) {
      throw new Error('Cannot read over netlink: cannot send')
    }
    const received = Buffer.alloc(receiveBytes)
    for (let total = 0; total < dumpBytesMax;) {
      const length = Number(calls.recv(descriptor, received, BigInt(receiveBytes), dontWait))
      if (length <= 0) throw new Error('Cannot read over netlink: the answer has no end')
      total += length
      if (takeMessages(received.subarray(0, length), take)) return
    }
    throw new Error(`Cannot read over netlink: answer over ${dumpBytesMax} bytes`)
  } finally {
    calls.close(descriptor)
  }
}

/** Hand the messages in `bytes` to `take`; true: the last one was among them. Throws for an error of the kernel. */
export function takeMessages(bytes: Buffer, take: TakeMessage): boolean {
  for (let at = 0; at + headerBytes <= bytes.length;) {
    const length = bytes.readUInt32LE(at)
    if (length < headerBytes || at + length > bytes.length) {
      throw new Error('Cannot read over netlink: a message is cut off')
    }
    const type = bytes.readUInt16LE(at + 4)
    const payload = bytes.subarray(at + headerBytes, at + length)
    if (type === typeDone) return true
    if (type === typeError) {
      const error = payload.length >= 4 ? payload.readInt32LE(0) : 0
      throw new Error(`Cannot read over netlink: refused: current value is error ${error}`)
    }
    take(type, payload)
    at += (length + 3) & ~3
  }
  return false
}

/** Attributes from `offset` on, by type; the last one counts where one comes twice. Cut-off ones are left out. */
export function attributesOf(bytes: Buffer, offset: number): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>()
  for (let at = offset; at + 4 <= bytes.length;) {
    const length = bytes.readUInt16LE(at)
    if (length < 4 || at + length > bytes.length) break
    // The two highest bits say "nested" and "network order".
    attributes.set(bytes.readUInt16LE(at + 2) & 0x3fff, bytes.subarray(at + 4, at + length))
    at += (length + 3) & ~3
  }
  return attributes
}
