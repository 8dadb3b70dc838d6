// A request in the sending queue: the tenant in front of the compressed push request.
import { fnv1a } from '#lib/fnv'
import { mergeV1 } from '#pdata/remote_write'

const headerBytes = 4

/** `tenant length u32, tenant, push request`. */
export function packRequest(tenant: string, push: Uint8Array): Uint8Array {
  const name = Buffer.from(tenant)
  const bytes = Buffer.allocUnsafe(headerBytes + name.length + push.length)
  bytes.writeUInt32LE(name.length, 0)
  bytes.set(name, headerBytes)
  bytes.set(push, headerBytes + name.length)
  return bytes
}

/** Undefined: the bytes are not a request. */
export function unpackRequest(bytes: Uint8Array): { readonly tenant: string; readonly push: Uint8Array } | undefined {
  if (bytes.length < headerBytes) return undefined
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const end = headerBytes + view.readUInt32LE(0)
  if (bytes.length < end) return undefined
  return { tenant: view.toString('utf8', headerBytes, end), push: bytes.subarray(end) }
}

/** Parts of one tenant may be joined: a tenant has its kind. Two tenants may share one, which senders have to notice. */
export function kindOf(tenant: string): number {
  return 1 + ((fnv1a(tenant) >>> 0) % 254)
}

/** Push requests as one: snappy blocks of protobuf messages whose fields repeat can be joined as they are. */
export const mergePushes: (pushes: readonly Uint8Array[]) => Uint8Array = mergeV1
