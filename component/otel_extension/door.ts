// What OTLP components get from extensions: authentication and storage, behind `otelcol.Handler` or an id in YAML.
import { capsule, type Type } from '#component'
import type { ClientContext } from '#pdata'

/** What an `otelcol.auth.*`, an `otelcol.storage.*` or a YAML extension offers; each has one or two of these. */
export interface OtelExtension {
  /** For messages: the node's id. */
  readonly id: string
  readonly clientAuth?: ClientAuth
  readonly serverAuth?: ServerAuth
  readonly storage?: Storage
}

/** Authenticates requests that an exporter makes. */
export interface ClientAuth {
  /**
   * The headers (gRPC: metadata) that a request which would go out with `present` has to go out with. Names are in lower
   * case. Asked for every request; rejects where it cannot authenticate now.
   */
  headers(context: ClientContext | null, present: Headers): Headers | Promise<Headers>
}

export type Headers = Readonly<Record<string, string>>

/** Authenticates requests that a receiver gets. */
export interface ServerAuth {
  /**
   * What is known of the client, by attribute name. `headers`: names in lower case. Throws `AuthError` where it is refused
   * (401 or UNAUTHENTICATED).
   */
  authenticate(
    headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  ): ReadonlyMap<string, unknown> | Promise<ReadonlyMap<string, unknown>>
}

export class AuthError extends Error {
  override readonly name = 'AuthError'
  /** The `WWW-Authenticate` header to answer with, where the scheme has one. */
  readonly challenge: string | undefined
  constructor(message: string, challenge?: string) {
    super(message)
    this.challenge = challenge
  }
}

/** Keeps queues over restarts. */
export interface Storage {
  /** A directory of its own for the node with this id (made when it is used first). */
  directoryFor(nodeId: string): string
  /** Every write is synced before it counts. */
  readonly fsync: boolean
}

/**
 * The type of settings that refer to an extension: `auth = otelcol.auth.basic.x.handler`, `storage = …`. In YAML such a
 * setting is the extension's id as a string; the compiler puts the capsule in its place.
 */
export const otelHandler: Type<OtelExtension> = capsule<OtelExtension>('otelcol.Handler')
