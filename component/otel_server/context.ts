// What a server says of the client with each batch.
import type { ClientContext } from '#pdata'

const empty: ReadonlyMap<string, readonly string[]> = new Map()

/** The context of a client whose metadata nobody asked for. */
export function noMetadata(peer: string): ClientContext {
  return { metadata: empty, auth: null, peer }
}

/**
 * The context with the client's headers. Those of HTTP/2 and of gRPC itself are left out, but the authority, which is
 * there as `host` too.
 */
export function contextOf(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  auth: ReadonlyMap<string, unknown> | null,
  peer: string,
): ClientContext {
  const metadata = new Map<string, readonly string[]>()
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || (name.startsWith(':') && name !== ':authority')) continue
    if (name.startsWith('grpc-') || name === 'te') continue
    metadata.set(name, typeof value === 'string' ? [value] : value)
  }
  const authority = metadata.get(':authority')
  if (authority && !metadata.has('host')) metadata.set('host', authority)
  return { metadata, auth, peer }
}
