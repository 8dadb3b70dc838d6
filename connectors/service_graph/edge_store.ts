// Requests of which one side was seen: they wait for the other side, bounded in number and time.

export const Connection = {
  direct: '',
  messaging: 'messaging_system',
  database: 'database',
  virtual: 'virtual_node',
} as const
export type Connection = (typeof Connection)[keyof typeof Connection]

/** A request from one service to another, as far as it is known. */
export class Edge {
  readonly key: string
  /** The server's span has no parent: there is no client to wait for. */
  readonly isRoot: boolean
  readonly expiresMs: number
  /** How many spans told of it. */
  spans = 0
  connection: Connection = Connection.direct
  client = ''
  server = ''
  clientSeconds = 0
  serverSeconds = 0
  isFailed = false
  /** By name of the attribute; of the client's span. */
  peer: string | null = null
  /** Attributes of its series beside the built-in ones. */
  readonly dimensions = new Map<string, string>()

  constructor(key: string, isRoot: boolean, expiresMs: number) {
    this.key = key
    this.isRoot = isRoot
    this.expiresMs = expiresMs
  }

  get isComplete(): boolean {
    return this.client !== '' && this.server !== ''
  }
}

export class EdgeStore {
  readonly #edges = new Map<string, Edge>()
  readonly #edgesMax: number
  readonly #ttlMs: number
  /** Spans of edges that wait. */
  spans = 0

  constructor(edgesMax: number, ttlMs: number) {
    this.#edgesMax = edgesMax
    this.#ttlMs = ttlMs
  }

  get size(): number {
    return this.#edges.size
  }

  /** The edge that waits under this key, or a new one that does not wait yet. Times are monotonic. */
  edge(key: string, isRoot: boolean, nowMs: number): Edge {
    return this.#edges.get(key) ?? new Edge(key, isRoot, nowMs + this.#ttlMs)
  }

  /** Let `edge`, which got one more span, wait. False: there is no room for it, and its span is lost. */
  keep(edge: Edge): boolean {
    if (!this.#edges.has(edge.key)) {
      if (this.#edges.size >= this.#edgesMax) return false
      this.#edges.set(edge.key, edge)
    }
    edge.spans++
    this.spans++
    return true
  }

  /** `edge` waits no longer, if it did; gives its spans that waited. */
  take(edge: Edge): number {
    if (!this.#edges.delete(edge.key)) return 0
    this.spans -= edge.spans
    return edge.spans
  }

  /** The edges whose time is over, oldest first; they wait no longer. */
  expired(nowMs: number): Edge[] {
    const out: Edge[] = []
    for (const edge of this.#edges.values()) {
      if (edge.expiresMs >= nowMs) break
      out.push(edge)
    }
    for (const edge of out) this.take(edge)
    return out
  }
}
