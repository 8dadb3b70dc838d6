// A request in the sending queue: the tenant in front of the compressed push request.
import { mergeV1 } from '#pdata/remote_write'

/** `tenant length u16, tenant, push request`. */
export function packRequest(tenant: string, push: Uint8Array): Uint8Array {
  const name = Buffer.from(tenant)
  const bytes = Buffer.allocUnsafe(2 + name.length + push.length)
  bytes.writeUInt16LE(name.length, 0)
  bytes.set(name, 2)
  bytes.set(push, 2 + name.length)
  return bytes
}

/** Undefined: the bytes are not a request. */
export function unpackRequest(bytes: Uint8Array): { readonly tenant: string; readonly push: Uint8Array } | undefined {
  if (bytes.length < 2) return undefined
  const end = 2 + (bytes[0]! | (bytes[1]! << 8))
  if (bytes.length < end) return undefined
  return { tenant: Buffer.from(bytes.subarray(2, end)).toString(), push: bytes.subarray(end) }
}

/** Parts of one tenant may be joined: a tenant has its kind. Two tenants may share one, which senders have to notice. */
export function kindOf(tenant: string): number {
  return 1 + (hashOf(tenant) % 254)
}

/** FNV-1a over UTF-16 units. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

/** Push requests as one: snappy blocks of protobuf messages whose fields repeat can be joined as they are. */
export const mergePushes: (pushes: readonly Uint8Array[]) => Uint8Array = mergeV1
