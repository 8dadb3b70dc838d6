// What a receiver knows of the client that sent a batch.

/** Goes with a batch where the receiver is told to include metadata; processors that merge batches keep contexts apart. */
export interface ClientContext {
  /** Headers or gRPC metadata, names in lower case. */
  readonly metadata: ReadonlyMap<string, readonly string[]>
  /** What an authenticator found out, by attribute name (`subject`, `membership`). */
  readonly auth: ReadonlyMap<string, unknown> | null
  /** The client's address, or ''. */
  readonly peer: string
}
